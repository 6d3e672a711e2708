//! The rules of engagements and invitations, and the stories that they share.

mod contexts;
mod invitations;
mod members;
mod offers;
mod properties;
mod receivers;
mod referrals;
pub mod support;
