//! Small values by which servers over one store count together.
//!
//! What is counted, and what it admits, is not known here.

use crate::contract::StoreError;
use crate::delivery::check_name;
use bytes::Bytes;

/// Longest value of a counter, in bytes.
pub const MAX_COUNTER: usize = 8 << 10;

/// What became of [`Store::swap_counter`](crate::Store::swap_counter).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Swap {
    /// The counter had the value that was expected, and has the next one now.
    Done,
    /// Nothing was changed: this is what the counter has instead; `None` if it is not there.
    Found(Option<Bytes>),
}

/// Whether a counter can be kept; an `Invalid` says what is wrong.
pub fn validate_counter(account: &str, name: &str, value: &[u8]) -> Result<(), StoreError> {
    check_name("counter's account", account).map_err(StoreError::Invalid)?;
    check_name("counter", name).map_err(StoreError::Invalid)?;
    match value.len() {
        0 => Err(StoreError::Invalid(
            "a counter without a value: give at least one byte".into(),
        )),
        1..=MAX_COUNTER => Ok(()),
        length => Err(StoreError::Invalid(format!(
            "the value of a counter has {length} bytes; at most {MAX_COUNTER} are possible"
        ))),
    }
}
