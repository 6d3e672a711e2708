//! The envelope: which operation a request asks for and in which of the two protocols, and how an answer or an error is
//! put on the wire again.
//!
//! This room must never look inside a body beyond rendering it, and never decide whether something is an error.

mod render;
mod request_id;
mod route;

pub use render::{failure, success};
pub use request_id::RequestId;
pub use route::{Protocol, TARGET_PREFIX, Target, route};
