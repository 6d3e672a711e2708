//! The AWS SDK for Rust against a running server.
