//! The contract's facts file: its form, its sources, and what changed between two of them.

pub mod botocore;
pub mod diff;
pub mod facts;
pub mod import;
pub mod ordered;
pub mod smithy;

#[cfg(test)]
mod tests;
