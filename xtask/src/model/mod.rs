//! The contract's facts file and its sources.

pub mod facts;
pub mod ordered;
