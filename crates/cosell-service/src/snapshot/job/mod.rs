//! The operations on resource snapshot jobs, one a file. Shared steps (find, change, keep) are in `record`.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod record;
pub(crate) mod start;
pub(crate) mod stop;

#[cfg(test)]
mod tests;
