//! Everything that can be wrong with a request's proof of identity, and the AWS error each of them becomes.
//!
//! Messages say what to look at next. They must never carry a secret, a session token, or more than a short cut of what
//! the client sent.

use cosell_model::{ApiError, ErrorKind, Timestamp};

use super::time::BasicTime;

/// What a request lacks, or has in a form that cannot be checked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Incomplete {
    /// More than one `Authorization` header.
    #[error("The request carries more than one Authorization header. Send exactly one.")]
    RepeatedAuthorization,
    /// The header is longer than any signer makes it, or holds bytes that are not printable ASCII.
    #[error("The Authorization header is too long or holds characters outside printable ASCII.")]
    UnreadableAuthorization,
    /// Another scheme (Basic, Bearer, AWS4-ECDSA-P256-SHA256 …).
    #[error(
        "The Authorization header uses an unsupported scheme. Sign with AWS4-HMAC-SHA256 (Signature Version 4)."
    )]
    Algorithm,
    /// A field that no signer sends.
    #[error(
        "The Authorization header has a part that is none of Credential, SignedHeaders, Signature: '{0}'."
    )]
    UnknownField(String),
    /// The same field twice.
    #[error("The Authorization header has '{0}' more than once.")]
    RepeatedField(&'static str),
    /// A field is absent or empty.
    #[error("The Authorization header lacks '{0}='. It needs Credential, SignedHeaders and Signature.")]
    MissingField(&'static str),
    /// The credential is not `key/date/region/service/aws4_request`.
    #[error(
        "Credential must have the form <access key id>/<YYYYMMDD>/<region>/<service>/aws4_request, got '{0}'."
    )]
    Credential(String),
    /// The list of signed headers cannot be used.
    #[error(
        "SignedHeaders must be lower-case header names joined by ';', sorted, each once, at most 64: '{0}'."
    )]
    SignedHeaders(String),
    /// A header that every signature must cover is not in the list.
    #[error("SignedHeaders must contain '{0}'. Let your signer cover it.")]
    NotSigned(&'static str),
    /// The list names a header that did not arrive.
    #[error(
        "SignedHeaders names '{0}', but the request does not carry that header. Was it removed by a proxy?"
    )]
    HeaderAbsent(String),
    /// Neither `x-amz-date` nor `date`.
    #[error("The request has no date. Send 'X-Amz-Date' (YYYYMMDDTHHMMSSZ) or 'Date'.")]
    NoDate,
    /// The date cannot be read, or is there twice.
    #[error(
        "The request's date is unreadable or repeated: '{0}'. Send 'X-Amz-Date' as YYYYMMDDTHHMMSSZ in UTC."
    )]
    Date(String),
    /// The session token header is repeated, too long, or not printable ASCII.
    #[error(
        "The X-Amz-Security-Token header is repeated, too long, or holds characters outside printable ASCII."
    )]
    SessionToken,
    /// The signature is in the query string.
    #[error("Presigned query strings are not accepted by this API. Sign with the Authorization header.")]
    Presigned,
}

/// Why a request was not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// No `Authorization` header at all.
    #[error(
        "Missing Authentication Token. Sign the request with Signature Version 4 (Authorization header)."
    )]
    Missing,
    /// A signature is there, but not everything needed to check it.
    #[error(transparent)]
    Incomplete(#[from] Incomplete),
    /// Nobody has this access key id (also: revoked, or its account is closed). Raised by whoever looks keys up.
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    /// The session token is not the one that belongs to the access key, or is absent where one is needed, or present
    /// where the key has none. Deliberately told apart from [`AuthError::UnknownKey`] only inside the server.
    #[error("The security token included in the request is invalid.")]
    SessionTokenMismatch,
    /// The temporary credentials have run out. Raised by whoever looks keys up.
    #[error("The security token included in the request is expired. Fetch new temporary credentials.")]
    SessionTokenExpired,
    /// The scope names another service.
    #[error(
        "Credential should be scoped to service '{expected}', not '{got}'. Set the signing name of your client."
    )]
    WrongService {
        /// The service this server is.
        expected: String,
        /// What the client signed for.
        got: String,
    },
    /// The scope names another region than the configured one.
    #[error(
        "Credential should be scoped to region '{expected}', not '{got}'. Set the region of your client."
    )]
    WrongRegion {
        /// The region this server is configured to be.
        expected: String,
        /// What the client signed for.
        got: String,
    },
    /// The scope does not end in `aws4_request`.
    #[error("Credential should end in 'aws4_request', not '{0}'.")]
    WrongTerminator(String),
    /// The day of the scope is not the day of the request's date.
    #[error(
        "Date in Credential scope does not match the request's date: '{scope}' is not the day of '{date}'."
    )]
    ScopeDate {
        /// The day in the scope, YYYYMMDD.
        scope: String,
        /// The request's date in basic form.
        date: String,
    },
    /// Signed too long ago. The text carries the server's time, as SDKs expect.
    #[error(
        "Signature expired: {} is now earlier than {} ({} - {})",
        BasicTime::of(*.signed), BasicTime::of(.now.plus_millis(-*.skew_millis)), BasicTime::of(*.now), minutes(*.skew_millis)
    )]
    Expired {
        /// The request's own date.
        signed: Timestamp,
        /// The server's time.
        now: Timestamp,
        /// The allowed distance.
        skew_millis: i64,
    },
    /// Signed in the future.
    #[error(
        "Signature not yet current: {} is still later than {} ({} + {})",
        BasicTime::of(*.signed), BasicTime::of(.now.plus_millis(*.skew_millis)), BasicTime::of(*.now), minutes(*.skew_millis)
    )]
    NotYetCurrent {
        /// The request's own date.
        signed: Timestamp,
        /// The server's time.
        now: Timestamp,
        /// The allowed distance.
        skew_millis: i64,
    },
    /// `UNSIGNED-PAYLOAD` or a `STREAMING-…` form.
    #[error("The body must be signed: X-Amz-Content-SHA256 must be the hex SHA-256 of the body, not '{0}'.")]
    UnsignedPayload(String),
    /// The hash the client states is not the hash of the body that arrived.
    #[error("X-Amz-Content-SHA256 does not match the body that arrived. The body was changed after signing.")]
    PayloadMismatch,
    /// The signature cannot be one.
    #[error("Signature must be 64 lower-case hexadecimal digits.")]
    MalformedSignature,
    /// The signature is well-formed and wrong.
    #[error(
        "The signature calculated by this server differs from the one in the request. Check the secret access key, \
         that no proxy changes the Host header or another signed header, and that the body is signed as it is sent."
    )]
    SignatureMismatch,
}

impl AuthError {
    /// The AWS error that clients know this refusal by.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Missing => ErrorKind::MissingAuthenticationToken,
            Self::Incomplete(_) => ErrorKind::IncompleteSignature,
            Self::UnknownKey | Self::SessionTokenMismatch => ErrorKind::UnrecognizedClient,
            Self::SessionTokenExpired => ErrorKind::ExpiredToken,
            Self::WrongService { .. }
            | Self::WrongRegion { .. }
            | Self::WrongTerminator(_)
            | Self::ScopeDate { .. }
            | Self::Expired { .. }
            | Self::NotYetCurrent { .. }
            | Self::UnsignedPayload(_)
            | Self::PayloadMismatch
            | Self::MalformedSignature
            | Self::SignatureMismatch => ErrorKind::InvalidSignature,
        }
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        Self::new(error.kind(), error.to_string())
    }
}

/// The allowed distance as AWS words it: whole minutes as `5 min.`, anything else in seconds.
fn minutes(millis: i64) -> String {
    if millis % 60_000 == 0 {
        format!("{} min.", millis / 60_000)
    } else {
        format!("{} s.", millis / 1_000)
    }
}

/// A short cut of what a client sent, for an error text: never more than 64 characters of it.
pub(super) fn cut(text: &str) -> String {
    const LONGEST: usize = 64;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
