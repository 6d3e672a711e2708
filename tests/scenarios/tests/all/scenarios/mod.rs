//! What partners do, from the first draft to the launch, alone and at the same time.

mod forms;
mod lifecycle;
mod paging;
mod together;
mod worlds;
