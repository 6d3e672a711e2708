//! What partners do, from the first draft to the launch, alone and at the same time.

mod contexts;
mod engagements;
mod forms;
mod invitations;
mod lead;
mod lifecycle;
mod multi_partner;
mod paging;
mod prospecting;
mod random;
mod referral;
mod settings;
mod snapshots;
mod task_races;
mod tasks;
mod together;
mod visibility;
mod worlds;
