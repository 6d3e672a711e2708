//! AWS Signature Version 4: parse what a request presents, derive the key, compare. And, for requests of the server's own
//! to AWS, [`Signer`].
//!
//! The three steps are apart on purpose. [`Presented::parse`] reads the headers and needs no secret, so the caller can
//! look the access key up; [`SigningKeyCache`] turns a secret into the day's key; [`Verifier::verify`] checks scope,
//! time, body hash, signature and session token.
//!
//! This room must never do I/O, read a clock (the time is a parameter), log a secret, or let a request through because a
//! check could not be made.

mod canonical;
mod error;
mod key;
mod presented;
mod sign;
mod time;
mod verify;

pub use error::{AuthError, Incomplete};
pub use key::{SigningKey, SigningKeyCache};
pub use presented::Presented;
pub use sign::{Signer, Unsignable};
pub use verify::{SignedRequest, Verifier, hash_body};

/// The only signing algorithm this server takes: HMAC over SHA-256 with a derived symmetric key.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The service name in the credential scope that every client of this API signs with (service model, `signingName`).
pub const SERVICE: &str = "partnercentral-selling";

/// How far a request's own time may lie from the server's, in milliseconds, in either direction: five minutes, as AWS's
/// own error texts state.
pub const DEFAULT_MAX_SKEW_MILLIS: i64 = 300_000;

/// The last element of every credential scope.
pub(crate) const TERMINATOR: &str = "aws4_request";
