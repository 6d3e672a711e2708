//! AWS's side: what the people and systems behind the real service do, as functions. They go through the same rules and
//! plans as the operations, and know nothing of HTTP or the command line.

pub mod clock;
