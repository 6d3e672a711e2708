//! The operations on engagements and their contexts, one a file. Shared steps (load, change, keep) are in `record`.

pub(crate) mod create;
pub(crate) mod create_context;
pub(crate) mod get;
pub(crate) mod invitation;
pub(crate) mod list;
pub(crate) mod members;
pub(crate) mod record;
pub(crate) mod update_context;

#[cfg(test)]
mod tests;
