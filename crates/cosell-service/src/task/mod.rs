//! The operations on tasks, one a file. Shared steps (find, keep) are in `record`, those of the four lists in `list`.

pub(crate) mod by_accepting;
pub(crate) mod finish;
pub(crate) mod from_engagement;
pub(crate) mod from_opportunity;
pub(crate) mod get_prospecting;
pub(crate) mod list;
mod perform;
pub(crate) mod prospecting;
pub(crate) mod record;
mod start;

#[cfg(test)]
mod tests;
