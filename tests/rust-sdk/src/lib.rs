//! The AWS SDK for Rust against a running server. Everything lies in `tests/`; this crate has no library of its own and
//! is no default member of the workspace, so that everyday builds do not compile an SDK.
