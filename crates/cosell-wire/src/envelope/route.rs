//! From method, path and headers to the operation asked for.
//!
//! Two protocols are spoken, and the path alone tells which: `POST /` is AWS JSON 1.0 (the operation is in
//! `X-Amz-Target`), `POST /<Operation>` is the path form that AWS's own Postman collection uses.
//!
//! Must never read the body and never answer: the caller decides when in a request's life a refusal is shown.

use cosell_model::{ApiError, ErrorKind, Operation};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};

/// What stands before the operation's name in `X-Amz-Target`: the service's target prefix and a dot (service model).
pub const TARGET_PREFIX: &str = "AWSPartnerCentralSelling.";

/// The two forms in which this API is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// `POST /` with `X-Amz-Target`; absent members are left out of answers. What every SDK speaks.
    AwsJson10,
    /// `POST /<Operation>`; absent members are shown as `null` in answers.
    Path,
}

impl Protocol {
    /// The protocol that a path belongs to, whether or not the rest of the request makes sense. Errors are rendered in it.
    pub fn of_path(path: &str) -> Self {
        if matches!(path, "" | "/") {
            Self::AwsJson10
        } else {
            Self::Path
        }
    }

    /// The content type of this protocol's requests and answers.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::AwsJson10 => "application/x-amz-json-1.0",
            Self::Path => "application/json",
        }
    }
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The operation.
    pub operation: Operation,
    /// The form it was asked in, and will be answered in.
    pub protocol: Protocol,
}

/// Finds the operation and protocol of a request. `path` is the raw path without the query.
///
/// Content types: `application/x-amz-json-1.0` is the form of `POST /` and `application/json` that of the path form; each
/// is taken in the place of the other, and so is `application/x-amz-json-1.1`, because the bytes of the body mean the same in all three.
/// Parameters (`; charset=…`) and the case of letters do not matter. An absent or empty content type is taken too: small
/// signers leave it out. Any other type is refused as Smithy's servers do (415), since its sender means another protocol.
///
/// On the path form the path alone counts; an `X-Amz-Target` beside it is not looked at.
///
/// # Errors
/// UnknownOperationException for another method, an absent, repeated or foreign target and an unknown operation;
/// UnsupportedMediaTypeException for another content type. Every message says what to send instead.
pub fn route(method: &Method, path: &str, headers: &HeaderMap) -> Result<Target, ApiError> {
    if method != Method::POST {
        return Err(unknown(format!(
            "{} is not used by this API. Send POST.",
            cut(method.as_str())
        )));
    }
    let protocol = Protocol::of_path(path);
    let operation = match protocol {
        Protocol::AwsJson10 => operation_of_target(headers)?,
        Protocol::Path => operation_of_path(path)?,
    };
    check_content_type(protocol, headers)?;
    Ok(Target { operation, protocol })
}

fn operation_of_target(headers: &HeaderMap) -> Result<Operation, ApiError> {
    let mut values = headers.get_all("x-amz-target").iter();
    let Some(value) = values.next() else {
        return Err(unknown(format!(
            "The X-Amz-Target header is missing. Send '{TARGET_PREFIX}<Operation>', or POST to '/<Operation>'."
        )));
    };
    if values.next().is_some() {
        return Err(unknown(
            "The request carries more than one X-Amz-Target header. Send exactly one.",
        ));
    }
    let text = value.to_str().map(str::trim).unwrap_or_default();
    let Some(name) = text.strip_prefix(TARGET_PREFIX) else {
        return Err(unknown(format!(
            "X-Amz-Target '{}' is not a target of this service. Send '{TARGET_PREFIX}<Operation>'.",
            cut(text)
        )));
    };
    known(name)
}

fn operation_of_path(path: &str) -> Result<Operation, ApiError> {
    let name = path.strip_prefix('/').unwrap_or(path);
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(unknown(format!(
            "Nothing is served at '{}'. POST to '/' with X-Amz-Target, or to '/<Operation>'.",
            cut(path)
        )));
    }
    known(name)
}

fn known(name: &str) -> Result<Operation, ApiError> {
    Operation::from_name(name).ok_or_else(|| {
        unknown(format!(
            "'{}' is not an operation of this API. Check the spelling and the case of letters.",
            cut(name)
        ))
    })
}

fn check_content_type(protocol: Protocol, headers: &HeaderMap) -> Result<(), ApiError> {
    for value in headers.get_all(CONTENT_TYPE) {
        let text = value.to_str().unwrap_or("?");
        let essence = text.split(';').next().unwrap_or_default().trim();
        let taken = [
            "",
            "application/x-amz-json-1.0",
            "application/x-amz-json-1.1",
            "application/json",
        ];
        if !taken.iter().any(|known| essence.eq_ignore_ascii_case(known)) {
            return Err(ApiError::new(
                ErrorKind::UnsupportedMediaType,
                format!(
                    "Content-Type '{}' is not taken here. Send '{}'.",
                    cut(text),
                    protocol.content_type()
                ),
            ));
        }
    }
    Ok(())
}

fn unknown(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorKind::UnknownOperation, message)
}

/// At most 64 characters of what a client sent.
fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, http::HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn every_operation_is_found_in_both_forms() {
        for operation in Operation::ALL {
            let mut target = HeaderMap::new();
            target.insert(
                "x-amz-target",
                format!("AWSPartnerCentralSelling.{}", operation.name())
                    .parse()
                    .unwrap(),
            );
            let found = route(&Method::POST, "/", &target).unwrap();
            assert_eq!(
                (found.operation, found.protocol),
                (*operation, Protocol::AwsJson10)
            );
            let found = route(
                &Method::POST,
                &format!("/{}", operation.name()),
                &HeaderMap::new(),
            )
            .unwrap();
            assert_eq!((found.operation, found.protocol), (*operation, Protocol::Path));
        }
    }

    #[test]
    fn what_is_not_an_operation_is_refused_with_advice() {
        const GET: (&str, &str) = ("x-amz-target", "AWSPartnerCentralSelling.GetOpportunity");
        for (method, path, pairs, advice) in [
            (Method::GET, "/", &[GET][..], "Send POST"),
            (Method::OPTIONS, "/GetOpportunity", &[], "Send POST"),
            (Method::POST, "/", &[], "X-Amz-Target header is missing"),
            (Method::POST, "/", &[GET, GET], "more than one X-Amz-Target"),
            (
                Method::POST,
                "/",
                &[("x-amz-target", "DynamoDB_20120810.GetItem")],
                "not a target of this service",
            ),
            (
                Method::POST,
                "/",
                &[("x-amz-target", "")],
                "not a target of this service",
            ),
            (
                Method::POST,
                "/",
                &[("x-amz-target", "AWSPartnerCentralSelling.")],
                "not an operation",
            ),
            (
                Method::POST,
                "/",
                &[("x-amz-target", "AWSPartnerCentralSelling.getOpportunity")],
                "case of letters",
            ),
            (Method::POST, "/Nothing", &[GET], "not an operation"),
            (Method::POST, "/GetOpportunity/", &[GET], "Nothing is served"),
            (Method::POST, "//", &[GET], "Nothing is served"),
            (Method::POST, "/Get%4fpportunity", &[], "Nothing is served"),
        ] {
            let error = route(&method, path, &headers(pairs)).unwrap_err();
            assert_eq!(error.kind, ErrorKind::UnknownOperation, "{method} {path}");
            assert!(
                error.message.contains(advice),
                "{method} {path}: {}",
                error.message
            );
        }
    }

    #[test]
    fn content_types_of_json_are_taken_and_others_refused() {
        for (path, content_type, taken) in [
            ("/", "application/x-amz-json-1.0", true),
            ("/", "Application/X-Amz-Json-1.0; charset=UTF-8", true),
            ("/", "application/x-amz-json-1.1", true),
            ("/", "application/json", true),
            ("/", "", true),
            ("/", "text/plain;charset=UTF-8", false),
            ("/", "application/x-www-form-urlencoded", false),
            ("/", "application/cbor", false),
            ("/GetOpportunity", "application/json;charset=utf-8", true),
            ("/GetOpportunity", "text/plain", false),
        ] {
            let headers = headers(&[
                ("x-amz-target", "AWSPartnerCentralSelling.GetOpportunity"),
                ("content-type", content_type),
            ]);
            let routed = route(&Method::POST, path, &headers);
            if taken {
                assert!(routed.is_ok(), "{path} {content_type}");
            } else {
                let error = routed.unwrap_err();
                assert_eq!(
                    (error.kind, error.kind.status()),
                    (ErrorKind::UnsupportedMediaType, 415)
                );
                assert!(
                    error.message.contains(Protocol::of_path(path).content_type()),
                    "{}",
                    error.message
                );
            }
        }
    }

    #[test]
    fn a_long_foreign_name_is_cut_in_the_answer() {
        let error = route(
            &Method::POST,
            &format!("/{}", "A".repeat(100_000)),
            &HeaderMap::new(),
        )
        .unwrap_err();
        assert!(error.message.len() < 300);
    }
}
