//! The closed set of everything an answer can say went wrong.
//!
//! Knows names and statuses only; how an error is rendered on the wire belongs to the wire crate.

use std::fmt;

use crate::enums::{ValidationExceptionErrorCode, ValidationExceptionReason};

/// The kinds of error a caller can meet. The first seven are in the service's model; the rest are those that AWS's
/// front end gives before a request reaches any operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each variant is the error of that name")]
pub enum ErrorKind {
    AccessDenied,
    Conflict,
    InternalServer,
    ResourceNotFound,
    ServiceQuotaExceeded,
    Throttling,
    Validation,
    Serialization,
    UnknownOperation,
    MissingAuthenticationToken,
    IncompleteSignature,
    InvalidSignature,
    UnrecognizedClient,
    ExpiredToken,
    RequestEntityTooLarge,
    RequestTimeout,
    UnsupportedMediaType,
    ServiceUnavailable,
}

impl ErrorKind {
    /// Every kind, modelled ones first.
    pub const ALL: &'static [Self] = &[
        Self::AccessDenied,
        Self::Conflict,
        Self::InternalServer,
        Self::ResourceNotFound,
        Self::ServiceQuotaExceeded,
        Self::Throttling,
        Self::Validation,
        Self::Serialization,
        Self::UnknownOperation,
        Self::MissingAuthenticationToken,
        Self::IncompleteSignature,
        Self::InvalidSignature,
        Self::UnrecognizedClient,
        Self::ExpiredToken,
        Self::RequestEntityTooLarge,
        Self::RequestTimeout,
        Self::UnsupportedMediaType,
        Self::ServiceUnavailable,
    ];

    /// The name SDKs dispatch on, without namespace.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccessDenied => "AccessDeniedException",
            Self::Conflict => "ConflictException",
            Self::InternalServer => "InternalServerException",
            Self::ResourceNotFound => "ResourceNotFoundException",
            Self::ServiceQuotaExceeded => "ServiceQuotaExceededException",
            Self::Throttling => "ThrottlingException",
            Self::Validation => "ValidationException",
            Self::Serialization => "SerializationException",
            Self::UnknownOperation => "UnknownOperationException",
            Self::MissingAuthenticationToken => "MissingAuthenticationTokenException",
            Self::IncompleteSignature => "IncompleteSignatureException",
            Self::InvalidSignature => "InvalidSignatureException",
            Self::UnrecognizedClient => "UnrecognizedClientException",
            Self::ExpiredToken => "ExpiredTokenException",
            Self::RequestEntityTooLarge => "RequestEntityTooLargeException",
            Self::RequestTimeout => "RequestTimeoutException",
            Self::UnsupportedMediaType => "UnsupportedMediaTypeException",
            Self::ServiceUnavailable => "ServiceUnavailableException",
        }
    }

    /// The HTTP status of the answer. AWS JSON 1.0 answers 400 to every client error, whatever status the model
    /// names; only the transport's own refusals keep their status.
    pub const fn status(self) -> u16 {
        match self {
            Self::InternalServer => 500,
            Self::ServiceUnavailable => 503,
            Self::RequestEntityTooLarge => 413,
            Self::RequestTimeout => 408,
            Self::UnsupportedMediaType => 415,
            _ => 400,
        }
    }
}

/// One entry of a ValidationException's error list.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// Dotted lowerCamel path from the request's root, without list indices; `None` when no single field is at fault.
    pub field_name: Option<String>,
    /// What kind of rule is broken.
    pub code: ValidationExceptionErrorCode,
    /// The rule in words. Never holds a sensitive value.
    pub message: String,
}

impl Violation {
    /// A violation at one field.
    pub fn new(
        field: impl Into<String>,
        code: ValidationExceptionErrorCode,
        message: impl Into<String>,
    ) -> Self {
        Self {
            field_name: Some(field.into()),
            code,
            message: message.into(),
        }
    }

    /// A violation of the request as a whole.
    pub fn without_field(code: ValidationExceptionErrorCode, message: impl Into<String>) -> Self {
        Self {
            field_name: None,
            code,
            message: message.into(),
        }
    }
}

/// What an answer says went wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    /// Which error.
    pub kind: ErrorKind,
    /// Text for the caller; never empty.
    pub message: String,
    /// Set for validation errors only.
    pub reason: Option<ValidationExceptionReason>,
    /// Set for validation errors only.
    pub violations: Vec<Violation>,
    /// What the operator's log may know and the caller must not.
    pub internal: Option<String>,
}

impl ApiError {
    /// An error with a message and nothing else. An empty message is replaced by the error's name.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.is_empty() {
            message = kind.name().to_owned();
        }
        Self {
            kind,
            message,
            reason: None,
            violations: Vec::new(),
            internal: None,
        }
    }

    /// The request breaks the rules of the contract's shapes.
    pub fn request_validation(violations: Vec<Violation>) -> Self {
        Self::validation(ValidationExceptionReason::RequestValidationFailed, violations)
    }

    /// The request is well-formed but breaks a rule of business.
    pub fn business_validation(violations: Vec<Violation>) -> Self {
        Self::validation(ValidationExceptionReason::BusinessValidationFailed, violations)
    }

    fn validation(reason: ValidationExceptionReason, violations: Vec<Violation>) -> Self {
        let message = summary(&violations);
        Self {
            reason: Some(reason),
            violations,
            ..Self::new(ErrorKind::Validation, message)
        }
    }

    /// Something broke on the server's side. `detail` goes to the log only.
    pub fn internal(detail: impl Into<String>) -> Self {
        let outward =
            "The server met an internal error. Try again; if it persists, give the operator the request id.";
        Self::new(ErrorKind::InternalServer, outward).with_internal(detail)
    }

    /// The resource does not exist, or the caller may not know that it does.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::ResourceNotFound, message)
    }

    /// The request collides with the state of the resource.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict, message)
    }

    /// The caller is known but not allowed.
    pub fn access_denied(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::AccessDenied, message)
    }

    /// Adds a detail that only the log may show.
    #[must_use]
    pub fn with_internal(mut self, detail: impl Into<String>) -> Self {
        self.internal = Some(detail.into());
        self
    }
}

/// At most this many violations are spelled out in the summing-up message; the list holds all of them.
const SPELLED_OUT: usize = 5;

fn summary(violations: &[Violation]) -> String {
    let mut text = match violations.len() {
        0 => return "The request is not valid.".to_owned(),
        1 => "1 validation error: ".to_owned(),
        count => format!("{count} validation errors: "),
    };
    for (index, violation) in violations.iter().take(SPELLED_OUT).enumerate() {
        if index > 0 {
            text.push_str("; ");
        }
        text.push_str(&violation.message);
    }
    if violations.len() > SPELLED_OUT {
        text.push_str("; and more, see ErrorList");
    }
    text
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.message)
    }
}

impl std::error::Error for ApiError {}
