//! The wire: what a request looks like before it has a meaning, and what an answer looks like after it has one.
//!
//! * [`sigv4`] tells who signed a request, and that nothing was changed on the way.
//! * [`envelope`] finds the operation and protocol of a request, and renders answers and errors in that protocol.
//! * [`cors`] answers browsers that ask whether a page may call the API.
//!
//! This crate must never do I/O, read a clock, or know what an opportunity is: every function here is a pure function
//! of bytes, headers and the time it is handed.

pub mod cors;
pub mod envelope;
pub mod sigv4;
