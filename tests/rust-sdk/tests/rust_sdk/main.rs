//! The AWS SDK for Rust, unmodified, against a development server that each test starts for itself.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod errors;
mod harness;
mod lifecycle;
mod lists;
mod timestamps;
