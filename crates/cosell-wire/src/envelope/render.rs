//! Answers and errors as HTTP responses.
//!
//! Must never leak what is only for the log: of an [`ApiError`] the `internal` part is not read here.

use bytes::Bytes;
use cosell_model::enums::ValidationExceptionReason;
use cosell_model::{ApiError, ErrorKind, Operation, Violation};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;

use super::request_id::RequestId;
use super::route::Protocol;

/// The namespace of the errors in the service model.
const MODELLED: &str = "com.amazonaws.partnercentralselling#";
/// The namespace AWS's front layer gives to the errors no service models.
const UNMODELLED: &str = "com.amazon.coral.service#";

/// The answer to an operation that went well. `body` is its JSON in the AWS JSON 1.0 form; for operations without output it
/// is ignored and the body stays empty, as AWS does. On the path form members that are absent are put in as `null`.
pub fn success(
    protocol: Protocol,
    request_id: &RequestId,
    operation: Operation,
    body: Bytes,
) -> Response<Bytes> {
    let body = match (operation.info().output, protocol) {
        (None, _) => Bytes::new(),
        (Some(_), Protocol::AwsJson10) => body,
        (Some(shape), Protocol::Path) => Bytes::from(cosell_model::explicit_nulls(shape, &body)),
    };
    response(StatusCode::OK, protocol, request_id, body)
}

/// The answer to an operation that was refused or failed.
///
/// The error's name is in the body's `__type`, because boto3 reads only that, and in the `x-amzn-ErrorType` header. The
/// status is the kind's. `Message` is never empty; ValidationException always has a `Reason`, and `ErrorList` when there
/// is something to list.
pub fn failure(protocol: Protocol, request_id: &RequestId, error: &ApiError) -> Response<Bytes> {
    let name = error.kind.name();
    let body = Body {
        kind: Type(error.kind),
        message: message_of(error),
        reason: (error.kind == ErrorKind::Validation).then(|| {
            error
                .reason
                .as_ref()
                .map_or(UNSTATED_REASON, ValidationExceptionReason::as_str)
        }),
        error_list: error.violations.iter().map(Entry::of).collect(),
    };
    // Strings and lists of strings always serialise; should that ever change, the client still learns the error's name.
    let bytes = serde_json::to_vec(&body)
        .unwrap_or_else(|_| format!(r#"{{"__type":"{name}","Message":"{name}"}}"#).into_bytes());
    let status = StatusCode::from_u16(error.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = response(status, protocol, request_id, Bytes::from(bytes));
    response
        .headers_mut()
        .insert("x-amzn-errortype", HeaderValue::from_static(name));
    response
}

/// What a ValidationException without a stated reason says: the shape was wrong. The model requires the member.
const UNSTATED_REASON: &str = "REQUEST_VALIDATION_FAILED";

fn message_of(error: &ApiError) -> &str {
    // SDKs show an empty message as "UnknownError", which helps nobody.
    if error.message.trim().is_empty() {
        error.kind.name()
    } else {
        &error.message
    }
}

fn response(status: StatusCode, protocol: Protocol, request_id: &RequestId, body: Bytes) -> Response<Bytes> {
    let length = HeaderValue::from(body.len());
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.reserve(6);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(protocol.content_type()));
    headers.insert(CONTENT_LENGTH, length);
    headers.insert("x-amzn-requestid", request_id.header_value());
    response
}

/// The body of an error, members in the order AWS's documents show them.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "__type")]
    kind: Type,
    #[serde(rename = "Message")]
    message: &'a str,
    #[serde(rename = "Reason", skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(rename = "ErrorList", skip_serializing_if = "Vec::is_empty")]
    error_list: Vec<Entry<'a>>,
}

/// One violation in `ErrorList`.
#[derive(Serialize)]
struct Entry<'a> {
    #[serde(rename = "FieldName", skip_serializing_if = "Option::is_none")]
    field_name: Option<&'a str>,
    #[serde(rename = "Message")]
    message: &'a str,
    #[serde(rename = "Code")]
    code: &'a str,
}

impl<'a> Entry<'a> {
    fn of(violation: &'a Violation) -> Self {
        Self {
            field_name: violation.field_name.as_deref(),
            message: &violation.message,
            code: violation.code.as_str(),
        }
    }
}

/// An error's qualified name.
struct Type(ErrorKind);

impl Serialize for Type {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let namespace = match self.0 {
            ErrorKind::AccessDenied
            | ErrorKind::Conflict
            | ErrorKind::InternalServer
            | ErrorKind::ResourceNotFound
            | ErrorKind::ServiceQuotaExceeded
            | ErrorKind::Throttling
            | ErrorKind::Validation => MODELLED,
            ErrorKind::Serialization
            | ErrorKind::UnknownOperation
            | ErrorKind::MissingAuthenticationToken
            | ErrorKind::IncompleteSignature
            | ErrorKind::InvalidSignature
            | ErrorKind::UnrecognizedClient
            | ErrorKind::ExpiredToken
            | ErrorKind::RequestEntityTooLarge
            | ErrorKind::RequestTimeout
            | ErrorKind::UnsupportedMediaType
            | ErrorKind::ServiceUnavailable => UNMODELLED,
        };
        serializer.collect_str(&format_args!("{namespace}{}", self.0.name()))
    }
}
