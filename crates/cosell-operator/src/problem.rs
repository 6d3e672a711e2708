//! Errors as RFC 9457 problem details: one form for everything that goes wrong, with words that say what to do next.
//! What only the log may know stays out of the answer.

use bytes::Bytes;
use cosell_events::{Flaw, PeopleError};
use cosell_model::{ApiError, ErrorKind, Violation};
use cosell_service::identity::AdminError;
use cosell_store::{ApplyError, StoreError};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

/// The kinds of problem. The type of a problem is `urn:cosell:problem:` and the kind's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "title() says what each is")]
pub enum Kind {
    Unauthenticated,
    MissingScope,
    NotFound,
    MethodNotAllowed,
    Malformed,
    Invalid,
    Refused,
    Conflict,
    LimitReached,
    TooLarge,
    UnsupportedMediaType,
    Timeout,
    TooManyRequests,
    Internal,
    Unavailable,
}

impl Kind {
    /// Its name.
    pub const fn name(self) -> &'static str {
        self.about().0
    }

    /// Its HTTP status.
    pub const fn status(self) -> u16 {
        self.about().1
    }

    /// What it is, whatever the occasion.
    pub const fn title(self) -> &'static str {
        self.about().2
    }

    const fn about(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::Unauthenticated => ("unauthenticated", 401, "No valid token"),
            Self::MissingScope => ("missing-scope", 403, "The token may not do this"),
            Self::NotFound => ("not-found", 404, "There is no such thing"),
            Self::MethodNotAllowed => ("method-not-allowed", 405, "Not with this method"),
            Self::Malformed => ("malformed", 400, "The body cannot be read"),
            Self::Invalid => ("invalid", 400, "The request is not valid"),
            Self::Refused => ("refused", 422, "A rule forbids it"),
            Self::Conflict => ("conflict", 409, "It does not fit the present state"),
            Self::LimitReached => ("limit-reached", 409, "There are as many as there may be"),
            Self::TooLarge => ("too-large", 413, "The body is too large"),
            Self::UnsupportedMediaType => ("unsupported-media-type", 415, "Not in this format"),
            Self::Timeout => ("timeout", 408, "The request took too long to arrive"),
            Self::TooManyRequests => ("too-many-requests", 429, "Too many requests"),
            Self::Internal => ("internal", 500, "The server failed"),
            Self::Unavailable => ("unavailable", 503, "The server cannot do it now"),
        }
    }
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// Which kind.
    pub kind: Kind,
    /// What happened and what to do about it.
    pub detail: String,
    /// What is wrong with which part of the request.
    pub faults: Vec<Fault>,
    /// What AWS's ValidationException says in such a case.
    pub validation: Option<Box<Validation>>,
    /// What the log may know and the caller must not.
    pub internal: Option<String>,
    hint: Option<Hint>,
}

/// What AWS's ValidationException says.
#[derive(Debug, Clone, PartialEq)]
pub struct Validation {
    /// Its reason.
    pub reason: String,
    /// The violations it lists.
    pub violations: Vec<Violation>,
}

/// A header that says what can be done.
#[derive(Debug, Clone, PartialEq)]
enum Hint {
    Challenge(&'static str),
    Allow(Box<str>),
    Retry,
}

/// One fault of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// Where in the body: a JSON pointer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Which parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// What is wrong.
    pub detail: String,
}

/// A violation of a rule, as AWS names it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "Violation")]
pub(crate) struct Listed<'a> {
    /// The field of the opportunity or other document, as AWS's ErrorList names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    field_name: Option<&'a str>,
    /// AWS's code.
    code: &'a str,
    /// The rule in words.
    message: &'a str,
}

impl<'a> Listed<'a> {
    /// A violation as AWS lists it.
    pub(crate) fn of(violation: &'a Violation) -> Self {
        Self {
            field_name: violation.field_name.as_deref(),
            code: violation.code.as_str(),
            message: &violation.message,
        }
    }
}

/// What went wrong and what to do about it: problem details as in RFC 9457.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Problem")]
pub(crate) struct Document<'a> {
    /// `urn:cosell:problem:` and the name of the kind.
    r#type: String,
    /// The kind in words.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What happened and what to do about it.
    detail: &'a str,
    /// The request, as in the header x-request-id and in the server's log.
    request_id: &'a str,
    /// What is wrong with which part of the request.
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    errors: &'a [Fault],
    /// The reason that AWS's ValidationException would give a partner.
    #[serde(rename = "Reason", skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    /// The violations that AWS's ValidationException would list for a partner.
    #[serde(rename = "ErrorList", skip_serializing_if = "Vec::is_empty")]
    error_list: Vec<Listed<'a>>,
}

impl Problem {
    /// A problem with words for the caller.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            faults: Vec::new(),
            validation: None,
            internal: None,
            hint: None,
        }
    }

    /// There is no such thing; `detail` says where to look.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, detail)
    }

    /// A rule forbids it.
    pub fn refused(detail: impl Into<String>) -> Self {
        Self::new(Kind::Refused, detail)
    }

    /// It does not fit the present state.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(Kind::Conflict, detail)
    }

    /// The server failed; `detail` is for the log only.
    pub fn internal(detail: impl Into<String>) -> Self {
        let mut problem = Self::new(
            Kind::Internal,
            "The server failed. Its log says more under the id of this request",
        );
        problem.internal = Some(detail.into());
        problem
    }

    /// A member of the body is not valid. `pointer` is a JSON pointer.
    pub fn member(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::faulty(vec![Fault {
            pointer: Some(pointer.into()),
            parameter: None,
            detail: detail.into(),
        }])
    }

    /// Parts of the request are not valid.
    pub fn faulty(faults: Vec<Fault>) -> Self {
        let said: Vec<String> = faults.iter().map(Fault::in_words).collect();
        let mut problem = Self::new(Kind::Invalid, said.join("; "));
        problem.faults = faults;
        problem
    }

    /// The store cannot answer now; why is for the log, and for whom [`Problem::with_cause`] tells it.
    pub(crate) fn unavailable(cause: String) -> Self {
        let mut problem = Self::new(
            Kind::Unavailable,
            "The store does not take the request at this moment: repeat it",
        );
        problem.internal = Some(cause);
        problem
    }

    /// The same with the store's own words, if it is about the store: for operators, who can do something about it, and never for
    /// somebody who has shown no token.
    pub(crate) fn with_cause(mut self) -> Self {
        if let (Kind::Unavailable, Some(cause)) = (self.kind, &self.internal) {
            self.detail = format!("{}. Its own words: {cause}", self.detail);
        }
        self
    }

    pub(crate) fn unauthenticated(detail: impl Into<String>, challenge: &'static str) -> Self {
        let mut problem = Self::new(Kind::Unauthenticated, detail);
        problem.hint = Some(Hint::Challenge(challenge));
        problem
    }

    pub(crate) fn not_with(method: &http::Method, allowed: &str) -> Self {
        let detail = format!("{method} is not possible here; {allowed} is");
        let mut problem = Self::new(Kind::MethodNotAllowed, detail);
        problem.hint = Some(Hint::Allow(allowed.into()));
        problem
    }

    pub(crate) fn retry_in_a_second(detail: impl Into<String>) -> Self {
        let mut problem = Self::new(Kind::TooManyRequests, detail);
        problem.hint = Some(Hint::Retry);
        problem
    }

    /// The answer.
    pub fn render(&self, request_id: &str) -> Response<Bytes> {
        let validation = self.validation.as_deref();
        let violations = validation.map_or(&[][..], |validation| &validation.violations);
        let document = Document {
            r#type: format!("urn:cosell:problem:{}", self.kind.name()),
            title: self.kind.title(),
            status: self.kind.status(),
            detail: &self.detail,
            request_id,
            errors: &self.faults,
            reason: validation.map(|validation| validation.reason.as_str()),
            error_list: violations.iter().map(Listed::of).collect(),
        };
        // Texts and numbers only: this cannot fail.
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() =
            StatusCode::from_u16(self.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let hint = match &self.hint {
            None => None,
            Some(Hint::Challenge(text)) => Some((WWW_AUTHENTICATE, HeaderValue::from_static(text))),
            Some(Hint::Allow(methods)) => HeaderValue::from_str(methods).ok().map(|value| (ALLOW, value)),
            Some(Hint::Retry) => Some((RETRY_AFTER, HeaderValue::from_static("1"))),
        };
        headers.extend(hint);
        response
    }
}

impl Fault {
    /// A fault of a parameter.
    pub fn of_parameter(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            pointer: None,
            parameter: Some(name.into()),
            detail: detail.into(),
        }
    }

    fn in_words(&self) -> String {
        match self.parameter.as_deref().or(self.pointer.as_deref()) {
            None | Some("") => self.detail.clone(),
            Some(place) => format!("{place}: {}", self.detail),
        }
    }
}

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Self {
        use cosell_model::enums::ValidationExceptionReason as Reason;
        let kind = match error.kind {
            ErrorKind::Validation if error.reason == Some(Reason::BusinessValidationFailed) => Kind::Refused,
            ErrorKind::Validation => Kind::Invalid,
            ErrorKind::Serialization | ErrorKind::UnknownOperation => Kind::Malformed,
            ErrorKind::ResourceNotFound => Kind::NotFound,
            ErrorKind::Conflict => Kind::Conflict,
            ErrorKind::ServiceQuotaExceeded => Kind::LimitReached,
            ErrorKind::Throttling => return Self::retry_in_a_second(error.message),
            ErrorKind::AccessDenied => Kind::Refused,
            ErrorKind::RequestEntityTooLarge => Kind::TooLarge,
            ErrorKind::RequestTimeout => Kind::Timeout,
            ErrorKind::UnsupportedMediaType => Kind::UnsupportedMediaType,
            ErrorKind::ServiceUnavailable => Kind::Unavailable,
            // A partner's signature is none of the operator's concern: these cannot come from what an endpoint calls.
            ErrorKind::InternalServer
            | ErrorKind::MissingAuthenticationToken
            | ErrorKind::IncompleteSignature
            | ErrorKind::InvalidSignature
            | ErrorKind::UnrecognizedClient
            | ErrorKind::ExpiredToken => {
                return Self::internal(error.internal.unwrap_or(error.message));
            }
        };
        let mut problem = Self::new(kind, error.message);
        let violations = error.violations;
        problem.validation = error.reason.map(|reason| {
            Box::new(Validation {
                reason: reason.as_str().to_owned(),
                violations,
            })
        });
        problem.internal = error.internal;
        problem
    }
}

impl From<AdminError> for Problem {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Refused(detail) => Self::refused(detail),
            AdminError::Missing(detail) => Self::not_found(detail),
            AdminError::Taken(detail) => Self::conflict(detail),
            AdminError::Flawed { field, what } => flawed(&field, what),
            AdminError::Unavailable(detail) => Self::unavailable(detail),
            AdminError::Store(detail) => Self::internal(detail),
        }
    }
}

impl From<Flaw> for Problem {
    fn from(flaw: Flaw) -> Self {
        flawed(&flaw.field, flaw.what)
    }
}

/// A member with dots between its parts, as those who read settings name it, is not valid.
fn flawed(field: &str, what: String) -> Problem {
    let place = field.trim_start_matches('.').replace('.', "/");
    match place.as_str() {
        "" => Problem::member("", what),
        place => Problem::member(format!("/{place}"), what),
    }
}

impl From<PeopleError> for Problem {
    fn from(error: PeopleError) -> Self {
        match error {
            PeopleError::Store(error) => error.into(),
            foreign @ PeopleError::Foreign(_) => Self::refused(foreign.to_string()),
            missing => Self::not_found(missing.to_string()),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(detail) => Self::unavailable(detail),
            error => Self::internal(error.to_string()),
        }
    }
}

impl From<ApplyError> for Problem {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Unavailable(detail) => Self::unavailable(detail),
            ApplyError::Conflict(_) => Self::conflict(
                "It was changed by others at the same time: read it again and repeat the request",
            ),
            error => Self::internal(error.to_string()),
        }
    }
}
