//! The operations on solutions.

pub(crate) mod list;
