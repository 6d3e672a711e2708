//! Why something does not happen to an engagement or an invitation. A closed set; how it is worded on the wire is
//! decided elsewhere.

use cosell_model::{ApiError, ErrorKind, Violation};

/// Why an action on an engagement is refused.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// Every business violation of the request.
    Violations(Vec<Violation>),
    /// A limit is reached; the text says which.
    QuotaExceeded(String),
    /// The request collides with the present state; the text says how.
    Conflict(String),
    /// There is no such thing, or the caller may not know of it.
    NotFound(String),
}

impl From<Vec<Violation>> for Refusal {
    fn from(violations: Vec<Violation>) -> Self {
        Refusal::Violations(violations)
    }
}

impl From<Violation> for Refusal {
    fn from(violation: Violation) -> Self {
        Refusal::Violations(vec![violation])
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Violations(violations) => ApiError::business_validation(violations),
            Refusal::QuotaExceeded(message) => ApiError::new(ErrorKind::ServiceQuotaExceeded, message),
            Refusal::Conflict(message) => ApiError::conflict(message),
            Refusal::NotFound(message) => ApiError::not_found(message),
        }
    }
}
