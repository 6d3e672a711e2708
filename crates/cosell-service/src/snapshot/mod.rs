//! The operations on resource snapshots, one a file; those on the jobs that take them are in `job`. Shared steps (keys,
//! find, keep) are in `record`.

pub(crate) mod associations;
pub(crate) mod create;
pub(crate) mod get;
pub(crate) mod job;
pub(crate) mod list;
pub(crate) mod record;

#[cfg(test)]
mod tests;
