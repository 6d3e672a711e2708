//! The operations on engagement invitations, one a file. Shared steps (load, keep both sides) are in `record`; `expire`
//! is the one that no client asks for.

pub(crate) mod accept;
pub(crate) mod create;
pub(crate) mod expire;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod record;
pub(crate) mod reject;

#[cfg(test)]
mod tests;
