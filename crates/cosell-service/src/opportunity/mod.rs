//! The operations on opportunities, one a file. Shared steps (load, change, keep) are in `record`.

pub(crate) mod assign;
pub(crate) mod associate;
pub(crate) mod aws_summary;
mod backfill;
pub(crate) mod create;
pub(crate) mod deal;
pub(crate) mod disassociate;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod record;
mod referral;
pub(crate) mod submit;
pub(crate) mod update;
