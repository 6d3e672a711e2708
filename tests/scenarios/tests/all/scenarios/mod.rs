//! What partners do, from the first draft to the launch, alone and at the same time.

mod contexts;
mod engagements;
mod forms;
mod invitations;
mod lifecycle;
mod paging;
mod settings;
mod together;
mod worlds;
