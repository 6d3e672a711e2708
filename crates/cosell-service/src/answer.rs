//! From results of stores and encoders to what a caller hears. Decides nothing about requests.

use bytes::Bytes;
use cosell_model::{ApiError, ErrorKind};
use cosell_store::{ApplyError, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Encodes a value as JSON.
pub(crate) fn encode<T: Serialize>(value: &T) -> Result<Bytes, ApiError> {
    // Documents are around 3 KB: one allocation of that size instead of a dozen growing ones.
    let mut out = Vec::with_capacity(4096);
    serde_json::to_writer(&mut out, value)
        .map_err(|error| ApiError::internal(format!("encoding an answer: {error}")))?;
    Ok(Bytes::from(out))
}

/// Reads back what this server has stored.
pub(crate) fn stored<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T, ApiError> {
    serde_json::from_slice(bytes)
        .map_err(|error| ApiError::internal(format!("{what} cannot be read back: {error}")))
}

/// A store's refusal to read.
pub(crate) fn read_failed(error: StoreError) -> ApiError {
    match error {
        StoreError::Unavailable(detail) => unavailable(detail),
        StoreError::Corrupt(detail) | StoreError::Invalid(detail) => ApiError::internal(detail),
    }
}

/// A store's refusal to write, where the operation has no better answer.
pub(crate) fn write_failed(error: ApplyError) -> ApiError {
    match error {
        ApplyError::Unavailable(detail) => unavailable(detail),
        ApplyError::Conflict(conflict) => ApiError::conflict(
            "The resource was changed by other requests at the same time. Read it again and retry.",
        )
        .with_internal(format!("{conflict:?}")),
        ApplyError::TokenTaken => {
            ApiError::conflict("Another request with the same client token is under way. Retry.")
        }
        ApplyError::Corrupt(detail) | ApplyError::Invalid(detail) => ApiError::internal(detail),
    }
}

/// The store does not answer now.
pub(crate) fn unavailable(detail: String) -> ApiError {
    ApiError::new(
        ErrorKind::ServiceUnavailable,
        "The server cannot take the request at this moment. Retry.",
    )
    .with_internal(detail)
}
