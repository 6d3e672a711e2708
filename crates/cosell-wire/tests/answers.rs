//! Every error and answer as it goes over the wire, letter by letter.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use bytes::Bytes;
use cosell_model::enums::ValidationExceptionErrorCode as Code;
use cosell_model::{ApiError, ErrorKind, Operation, Violation};
use cosell_wire::envelope::{Protocol, RequestId, failure, success};
use http::Response;

fn id() -> RequestId {
    RequestId::from_bits(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef)
}

/// Status, headers (sorted) and body as text.
fn shown(response: &Response<Bytes>) -> String {
    let mut lines: Vec<String> = response
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    lines.sort();
    let body = std::str::from_utf8(response.body()).unwrap();
    format!("{}\n{}\n\n{body}", response.status().as_u16(), lines.join("\n"))
}

#[test]
fn every_kind_of_error_has_its_status_name_and_namespace() {
    for (kind, status, name) in [
        (
            ErrorKind::AccessDenied,
            400,
            "com.amazonaws.partnercentralselling#AccessDeniedException",
        ),
        (
            ErrorKind::Conflict,
            400,
            "com.amazonaws.partnercentralselling#ConflictException",
        ),
        (
            ErrorKind::InternalServer,
            500,
            "com.amazonaws.partnercentralselling#InternalServerException",
        ),
        (
            ErrorKind::ResourceNotFound,
            400,
            "com.amazonaws.partnercentralselling#ResourceNotFoundException",
        ),
        (
            ErrorKind::ServiceQuotaExceeded,
            400,
            "com.amazonaws.partnercentralselling#ServiceQuotaExceededException",
        ),
        (
            ErrorKind::Throttling,
            400,
            "com.amazonaws.partnercentralselling#ThrottlingException",
        ),
        (
            ErrorKind::Serialization,
            400,
            "com.amazon.coral.service#SerializationException",
        ),
        (
            ErrorKind::UnknownOperation,
            400,
            "com.amazon.coral.service#UnknownOperationException",
        ),
        (
            ErrorKind::MissingAuthenticationToken,
            400,
            "com.amazon.coral.service#MissingAuthenticationTokenException",
        ),
        (
            ErrorKind::IncompleteSignature,
            400,
            "com.amazon.coral.service#IncompleteSignatureException",
        ),
        (
            ErrorKind::InvalidSignature,
            400,
            "com.amazon.coral.service#InvalidSignatureException",
        ),
        (
            ErrorKind::UnrecognizedClient,
            400,
            "com.amazon.coral.service#UnrecognizedClientException",
        ),
        (
            ErrorKind::ExpiredToken,
            400,
            "com.amazon.coral.service#ExpiredTokenException",
        ),
        (
            ErrorKind::RequestEntityTooLarge,
            413,
            "com.amazon.coral.service#RequestEntityTooLargeException",
        ),
        (
            ErrorKind::RequestTimeout,
            408,
            "com.amazon.coral.service#RequestTimeoutException",
        ),
        (
            ErrorKind::UnsupportedMediaType,
            415,
            "com.amazon.coral.service#UnsupportedMediaTypeException",
        ),
        (
            ErrorKind::ServiceUnavailable,
            503,
            "com.amazon.coral.service#ServiceUnavailableException",
        ),
    ] {
        for (protocol, content_type) in [
            (Protocol::AwsJson10, "application/x-amz-json-1.0"),
            (Protocol::Path, "application/json"),
        ] {
            let body = format!(r#"{{"__type":"{name}","Message":"A \"reason\" — said plainly."}}"#);
            let short = name.split('#').nth(1).unwrap();
            let length = body.len();
            assert_eq!(
                shown(&failure(
                    protocol,
                    &id(),
                    &ApiError::new(kind, "A \"reason\" — said plainly.")
                )),
                format!(
                    "{status}\ncontent-length: {length}\ncontent-type: {content_type}\nx-amzn-errortype: {short}\n\
                     x-amzn-requestid: 01234567-89ab-4def-8123-456789abcdef\n\n{body}"
                )
            );
        }
    }
}

#[test]
fn a_validation_error_lists_every_violation() {
    let violations = vec![
        Violation::new(
            "customer.account.companyName",
            Code::RequiredFieldMissing,
            "customer.account.companyName is required",
        ),
        Violation::without_field(Code::InvalidValue, "The request as a whole makes no sense"),
    ];
    let requested = failure(
        Protocol::AwsJson10,
        &id(),
        &ApiError::request_validation(violations.clone()),
    );
    let body: serde_json::Value = serde_json::from_slice(requested.body()).unwrap();
    assert_eq!(requested.status(), 400);
    assert_eq!(requested.headers()["x-amzn-errortype"], "ValidationException");
    assert_eq!(
        body["__type"],
        "com.amazonaws.partnercentralselling#ValidationException"
    );
    assert_eq!(body["Reason"], "REQUEST_VALIDATION_FAILED");
    assert!(!body["Message"].as_str().unwrap().is_empty());
    assert_eq!(
        body["ErrorList"].to_string(),
        r#"[{"Code":"REQUIRED_FIELD_MISSING","FieldName":"customer.account.companyName","Message":"customer.account.companyName is required"},{"Code":"INVALID_VALUE","Message":"The request as a whole makes no sense"}]"#
    );
    let ruled = failure(Protocol::Path, &id(), &ApiError::business_validation(violations));
    let body: serde_json::Value = serde_json::from_slice(ruled.body()).unwrap();
    assert_eq!(body["Reason"], "BUSINESS_VALIDATION_FAILED");
    assert_eq!(body["ErrorList"].as_array().unwrap().len(), 2);
}

#[test]
fn a_validation_error_always_has_a_reason() {
    let answer = failure(
        Protocol::AwsJson10,
        &id(),
        &ApiError::new(ErrorKind::Validation, "no"),
    );
    assert_eq!(
        answer.body(),
        r#"{"__type":"com.amazonaws.partnercentralselling#ValidationException","Message":"no","Reason":"REQUEST_VALIDATION_FAILED"}"#
    );
}

#[test]
fn no_error_goes_out_without_a_message_or_with_what_is_for_the_log() {
    let mut error = ApiError::internal("disk /dev/sda1 is on fire");
    let answer = failure(Protocol::AwsJson10, &id(), &error);
    assert!(!std::str::from_utf8(answer.body()).unwrap().contains("fire"));
    error.message = "  ".into();
    let body: serde_json::Value =
        serde_json::from_slice(failure(Protocol::Path, &id(), &error).body()).unwrap();
    assert_eq!(body["Message"], "InternalServerException");
}

#[test]
fn an_answer_goes_out_as_it_is_and_a_void_one_empty() {
    let body = Bytes::from_static(br#"{"Id":"O1","Catalog":"AWS"}"#);
    assert_eq!(
        shown(&success(
            Protocol::AwsJson10,
            &id(),
            Operation::GetOpportunity,
            body.clone()
        )),
        "200\ncontent-length: 27\ncontent-type: application/x-amz-json-1.0\n\
         x-amzn-requestid: 01234567-89ab-4def-8123-456789abcdef\n\n{\"Id\":\"O1\",\"Catalog\":\"AWS\"}"
    );
    for (protocol, content_type) in [
        (Protocol::AwsJson10, "application/x-amz-json-1.0"),
        (Protocol::Path, "application/json"),
    ] {
        assert_eq!(
            shown(&success(
                protocol,
                &id(),
                Operation::SubmitOpportunity,
                Bytes::from_static(b"{}")
            )),
            format!(
                "200\ncontent-length: 0\ncontent-type: {content_type}\n\
                 x-amzn-requestid: 01234567-89ab-4def-8123-456789abcdef\n\n"
            )
        );
    }
}

#[test]
fn the_path_form_shows_absent_members_as_null() {
    let body = Bytes::from_static(br#"{"Id":"O1","Catalog":"AWS"}"#);
    let answer = success(Protocol::Path, &id(), Operation::GetOpportunity, body);
    let shown: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(shown["Id"], "O1");
    assert_eq!(
        shown.as_object().unwrap().get("Project"),
        Some(&serde_json::Value::Null)
    );
    assert_eq!(
        answer.headers()["content-length"],
        answer.body().len().to_string()
    );
}
