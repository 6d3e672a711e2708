//! Everything that is refused before a signature is compared, with the AWS error and the advice each refusal carries.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use cosell_model::{ApiError, ErrorKind, Timestamp};
use cosell_wire::sigv4::{
    AuthError, Incomplete, Presented, SignedRequest, SigningKey, SigningKeyCache, Verifier, hash_body,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

const CREDENTIAL: &str = "Credential=AKIDEXAMPLE/20261121/us-east-1/partnercentral-selling/aws4_request";
const SIGNED: &str = "SignedHeaders=host;x-amz-date";
const SIGNATURE: &str = "Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn headers(authorization: &str, more: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(
        "authorization",
        HeaderValue::from_bytes(authorization.as_bytes()).unwrap(),
    );
    headers.insert("host", HeaderValue::from_static("127.0.0.1:7733"));
    headers.insert("x-amz-date", HeaderValue::from_static("20261121T074319Z"));
    for (name, value) in more {
        headers.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    headers
}

fn usual() -> String {
    format!("AWS4-HMAC-SHA256 {CREDENTIAL}, {SIGNED}, {SIGNATURE}")
}

fn refusal(authorization: &str) -> AuthError {
    Presented::parse(&headers(authorization, &[]), None).unwrap_err()
}

#[test]
fn the_fields_may_stand_in_any_order_and_spacing() {
    for authorization in [
        usual(),
        format!("AWS4-HMAC-SHA256 {CREDENTIAL},{SIGNED},{SIGNATURE}"),
        format!("AWS4-HMAC-SHA256   {SIGNATURE} ,  {SIGNED} ,{CREDENTIAL},"),
        format!("  AWS4-HMAC-SHA256 {CREDENTIAL} {SIGNED} {SIGNATURE} "),
        format!("AWS4-HMAC-SHA256\t{CREDENTIAL},\t{SIGNED}, {SIGNATURE}"),
    ] {
        let headers = headers(&authorization, &[]);
        let presented = Presented::parse(&headers, None).unwrap();
        assert_eq!(presented.access_key_id(), "AKIDEXAMPLE");
        assert_eq!(presented.region(), "us-east-1");
        assert_eq!(presented.signed_headers(), "host;x-amz-date");
        assert_eq!(
            presented.signed_at(),
            Timestamp::parse("2026-11-21T07:43:19Z").unwrap()
        );
        assert_eq!(presented.session_token(), None);
    }
}

#[test]
fn without_authorization_the_token_is_missing() {
    assert_eq!(
        Presented::parse(&HeaderMap::new(), None).unwrap_err(),
        AuthError::Missing
    );
}

#[test]
fn what_cannot_be_read_is_an_incomplete_signature() {
    let many = (0..65)
        .map(|number| format!("h{number:02}"))
        .collect::<Vec<_>>()
        .join(";");
    for (authorization, advice) in [
        ("Basic dXNlcjpwYXNz".to_owned(), "Sign with AWS4-HMAC-SHA256"),
        (String::new(), "Sign with AWS4-HMAC-SHA256"),
        (
            format!("AWS4-HMAC-SHA256X {CREDENTIAL}, {SIGNED}, {SIGNATURE}"),
            "Sign with AWS4-HMAC-SHA256",
        ),
        (
            format!("AWS4-ECDSA-P256-SHA256 {CREDENTIAL}, {SIGNED}, {SIGNATURE}"),
            "Sign with AWS4-HMAC-SHA256",
        ),
        ("AWS4-HMAC-SHA256".to_owned(), "lacks 'Credential='"),
        (
            format!("AWS4-HMAC-SHA256 {SIGNED}, {SIGNATURE}"),
            "lacks 'Credential='",
        ),
        (
            format!("AWS4-HMAC-SHA256 {CREDENTIAL}, {SIGNATURE}"),
            "lacks 'SignedHeaders='",
        ),
        (
            format!("AWS4-HMAC-SHA256 {CREDENTIAL}, {SIGNED}"),
            "lacks 'Signature='",
        ),
        (
            format!("AWS4-HMAC-SHA256 {CREDENTIAL}, {SIGNED}, Signature="),
            "lacks 'Signature='",
        ),
        (
            format!("AWS4-HMAC-SHA256 {CREDENTIAL}, {CREDENTIAL}, {SIGNED}, {SIGNATURE}"),
            "more than once",
        ),
        (
            format!("AWS4-HMAC-SHA256 {CREDENTIAL}, {SIGNED}, {SIGNATURE}, Secret=x"),
            "none of Credential",
        ),
        (
            format!("AWS4-HMAC-SHA256 Credential=AKID, {SIGNED}, {SIGNATURE}"),
            "Credential must have the form",
        ),
        (
            format!("AWS4-HMAC-SHA256 Credential=AKID/20261121/r/s, {SIGNED}, {SIGNATURE}"),
            "must have the form",
        ),
        (
            format!("AWS4-HMAC-SHA256 Credential=AKID/20261121/r/s/t/u, {SIGNED}, {SIGNATURE}"),
            "must have the form",
        ),
        (
            format!("AWS4-HMAC-SHA256 Credential=AKID/2026112/r/s/t, {SIGNED}, {SIGNATURE}"),
            "must have the form",
        ),
        (
            format!("AWS4-HMAC-SHA256 Credential=AKID/2026x121/r/s/t, {SIGNED}, {SIGNATURE}"),
            "must have the form",
        ),
        (
            format!("AWS4-HMAC-SHA256 Credential=AKID/20261121//s/t, {SIGNED}, {SIGNATURE}"),
            "must have the form",
        ),
        (
            format!("AWS4-HMAC-SHA256 Credential=/20261121/r/s/t, {SIGNED}, {SIGNATURE}"),
            "must have the form",
        ),
        (
            format!(
                "AWS4-HMAC-SHA256 Credential={}/20261121/r/s/t, {SIGNED}, {SIGNATURE}",
                "A".repeat(129)
            ),
            "must have the form",
        ),
        (
            format!(
                "AWS4-HMAC-SHA256 Credential=A/20261121/{}/s/t, {SIGNED}, {SIGNATURE}",
                "r".repeat(65)
            ),
            "must have the form",
        ),
        (
            format!("AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders=x-amz-date;host, {SIGNATURE}"),
            "sorted",
        ),
        (
            format!("AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders=Host;X-Amz-Date, {SIGNATURE}"),
            "lower-case",
        ),
        (
            format!("AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders=host;host;x-amz-date, {SIGNATURE}"),
            "each once",
        ),
        (
            format!("AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders=host;;x-amz-date, {SIGNATURE}"),
            "each once",
        ),
        (
            format!("AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders={many};host, {SIGNATURE}"),
            "at most 64",
        ),
        (
            format!("AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders=x-amz-date, {SIGNATURE}"),
            "must contain 'host'",
        ),
        (
            format!("AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders=host, {SIGNATURE}"),
            "must contain 'x-amz-date'",
        ),
        (
            format!(
                "AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders={}, {SIGNATURE}",
                "h".repeat(5_000)
            ),
            "too long",
        ),
        (format!("{}é", usual()), "printable ASCII"),
    ] {
        let error = refusal(&authorization);
        assert!(error.to_string().contains(advice), "{authorization}: {error}");
        assert!(error.to_string().len() < 300, "{error}");
        assert_eq!(error.kind(), ErrorKind::IncompleteSignature, "{authorization}");
    }
}

#[test]
fn a_field_in_the_wrong_place_does_not_come_back_with_its_value() {
    let error = refusal("AWS4-HMAC-SHA256 SecretKey=wJalrXUtnFEMI");
    assert_eq!(error, Incomplete::UnknownField("SecretKey".into()).into());
}

#[test]
fn repeated_headers_are_refused() {
    for (name, value, expected) in [
        ("authorization", &*usual(), Incomplete::RepeatedAuthorization),
        (
            "x-amz-date",
            "20261121T074319Z",
            Incomplete::Date("20261121T074319Z".into()),
        ),
    ] {
        let headers = headers(&usual(), &[(name, value)]);
        assert_eq!(Presented::parse(&headers, None).unwrap_err(), expected.into());
    }
    let headers = headers(
        &usual(),
        &[("x-amz-security-token", "a"), ("x-amz-security-token", "b")],
    );
    assert_eq!(
        Presented::parse(&headers, None).unwrap_err(),
        Incomplete::SessionToken.into()
    );
}

#[test]
fn a_date_is_needed_and_must_be_readable_and_signed() {
    let mut without = headers(&usual(), &[]);
    without.remove("x-amz-date");
    assert_eq!(
        Presented::parse(&without, None).unwrap_err(),
        Incomplete::NoDate.into()
    );
    without.insert("date", HeaderValue::from_static("20261121T074319Z"));
    assert_eq!(
        Presented::parse(&without, None).unwrap_err(),
        Incomplete::NotSigned("date").into()
    );

    for text in ["2026-11-21T07:43:19Z", "", "Sat, 21 Nov 2026 07:43:19 GMT"] {
        let mut headers = headers(&usual(), &[]);
        headers.insert("x-amz-date", text.parse().unwrap());
        assert_eq!(
            Presented::parse(&headers, None).unwrap_err(),
            Incomplete::Date(text.into()).into()
        );
    }
    let authorization = usual().replace("host;x-amz-date", "date;host");
    for text in [
        "20261121T074319Z",
        "Sat, 21 Nov 2026 07:43:19 GMT",
        "Sat, 21 Nov 2026 07:43:19 -0000",
    ] {
        let mut headers = headers(&authorization, &[("date", text)]);
        headers.remove("x-amz-date");
        let time = Presented::parse(&headers, None).unwrap().signed_at();
        assert_eq!(time, Timestamp::parse("2026-11-21T07:43:19Z").unwrap(), "{text}");
    }
}

#[test]
fn presigned_queries_are_refused_with_or_without_a_header() {
    for query in [
        "X-Amz-Signature=ab",
        "a=1&X-Amz-Algorithm=AWS4-HMAC-SHA256",
        "x-amz-credential=AKID",
    ] {
        for headers in [HeaderMap::new(), headers(&usual(), &[])] {
            assert_eq!(
                Presented::parse(&headers, Some(query)).unwrap_err(),
                Incomplete::Presigned.into(),
                "{query}"
            );
        }
    }
    assert!(Presented::parse(&headers(&usual(), &[]), Some("X-Amz-Meta=1")).is_ok());
}

#[test]
fn an_empty_session_token_counts_as_none_and_a_huge_one_is_refused() {
    let empty = headers(&usual(), &[("x-amz-security-token", "")]);
    assert_eq!(Presented::parse(&empty, None).unwrap().session_token(), None);
    let huge = headers(&usual(), &[("x-amz-security-token", &"t".repeat(8_193))]);
    assert_eq!(
        Presented::parse(&huge, None).unwrap_err(),
        Incomplete::SessionToken.into()
    );
}

#[test]
fn a_body_that_is_not_signed_is_refused_whatever_the_header_claims() {
    let now = Timestamp::parse("2026-11-21T07:43:19Z").unwrap();
    let key = SigningKey::derive(b"secret", "20261121", "us-east-1", "partnercentral-selling");
    let sha = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"; // of `{}`
    let unsigned = |text: &str| AuthError::UnsignedPayload(text.into());
    for (stated, expected) in [
        (&["UNSIGNED-PAYLOAD"][..], unsigned("UNSIGNED-PAYLOAD")),
        (
            &["STREAMING-AWS4-HMAC-SHA256-PAYLOAD"],
            unsigned("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
        ),
        (
            &["STREAMING-UNSIGNED-PAYLOAD-TRAILER"],
            unsigned("STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        ),
        (&[""], AuthError::PayloadMismatch),
        (&["unsigned-payload"], AuthError::PayloadMismatch),
        (&[&*sha.to_uppercase()], AuthError::PayloadMismatch),
        (&[sha, "UNSIGNED-PAYLOAD"], unsigned("UNSIGNED-PAYLOAD")),
        (&[sha], AuthError::SignatureMismatch), // the hash is true, the signature is not
    ] {
        let more: Vec<_> = stated
            .iter()
            .map(|value| ("x-amz-content-sha256", *value))
            .collect();
        let headers = headers(&usual(), &more);
        let presented = Presented::parse(&headers, None).unwrap();
        let body_sha256 = hash_body(b"{}");
        let request = SignedRequest {
            method: &Method::POST,
            path: "/",
            query: None,
            headers: &headers,
            authority: None,
            body_sha256: &body_sha256,
        };
        let verdict = Verifier::default().verify(&request, &presented, &key, None, now);
        assert_eq!(verdict, Err(expected.clone()), "{stated:?}");
        let cache = SigningKeyCache::new(8);
        let verdict = Verifier::default().authenticate(&request, &presented, &cache, b"secret", None, now);
        assert_eq!(verdict, Err(expected), "{stated:?}");
    }
}

#[test]
fn a_scope_that_would_be_refused_never_reaches_the_key_store() {
    let now = Timestamp::parse("2027-11-21T07:43:19Z").unwrap();
    let headers = headers(&usual(), &[]);
    let presented = Presented::parse(&headers, None).unwrap();
    let body_sha256 = hash_body(b"");
    let request = SignedRequest {
        method: &Method::POST,
        path: "/",
        query: None,
        headers: &headers,
        authority: None,
        body_sha256: &body_sha256,
    };
    let cache = SigningKeyCache::new(8);
    let verdict = Verifier::default().authenticate(&request, &presented, &cache, b"secret", None, now);
    assert!(matches!(verdict, Err(AuthError::Expired { .. })), "{verdict:?}");
    assert!(cache.is_empty());
}

#[test]
fn skew_errors_name_both_times_as_sdks_expect() {
    let at = |text| Timestamp::parse(text).unwrap();
    let late = AuthError::Expired {
        signed: at("2026-11-21T07:00:00Z"),
        now: at("2026-11-21T07:48:19.750Z"),
        skew_millis: 300_000,
    };
    assert_eq!(
        late.to_string(),
        "Signature expired: 20261121T070000Z is now earlier than 20261121T074319Z (20261121T074819Z - 5 min.)"
    );
    let early = AuthError::NotYetCurrent {
        signed: at("2026-11-21T08:00:00Z"),
        now: at("2026-11-21T07:43:19Z"),
        skew_millis: 300_000,
    };
    assert_eq!(
        early.to_string(),
        "Signature not yet current: 20261121T080000Z is still later than 20261121T074819Z (20261121T074319Z + 5 min.)"
    );
}

#[test]
fn every_refusal_becomes_the_error_aws_gives() {
    let time = Timestamp::from_millis(0);
    let text = String::new;
    for (error, name) in [
        (AuthError::Missing, "MissingAuthenticationTokenException"),
        (Incomplete::NoDate.into(), "IncompleteSignatureException"),
        (Incomplete::Presigned.into(), "IncompleteSignatureException"),
        (AuthError::UnknownKey, "UnrecognizedClientException"),
        (AuthError::SessionTokenMismatch, "UnrecognizedClientException"),
        (AuthError::SessionTokenExpired, "ExpiredTokenException"),
        (
            AuthError::WrongService {
                expected: text(),
                got: text(),
            },
            "InvalidSignatureException",
        ),
        (
            AuthError::WrongRegion {
                expected: text(),
                got: text(),
            },
            "InvalidSignatureException",
        ),
        (AuthError::WrongTerminator(text()), "InvalidSignatureException"),
        (
            AuthError::ScopeDate {
                scope: text(),
                date: text(),
            },
            "InvalidSignatureException",
        ),
        (
            AuthError::Expired {
                signed: time,
                now: time,
                skew_millis: 1_500,
            },
            "InvalidSignatureException",
        ),
        (
            AuthError::NotYetCurrent {
                signed: time,
                now: time,
                skew_millis: 1_500,
            },
            "InvalidSignatureException",
        ),
        (AuthError::UnsignedPayload(text()), "InvalidSignatureException"),
        (AuthError::PayloadMismatch, "InvalidSignatureException"),
        (AuthError::MalformedSignature, "InvalidSignatureException"),
        (AuthError::SignatureMismatch, "InvalidSignatureException"),
    ] {
        let message = error.to_string();
        let api = ApiError::from(error);
        assert_eq!((api.kind.name(), api.kind.status()), (name, 400));
        assert_eq!(api.message, message);
    }
    // An unknown key and a wrong token look alike from outside.
    assert_eq!(
        AuthError::UnknownKey.to_string(),
        "The security token included in the request is invalid."
    );
    assert_eq!(
        AuthError::SessionTokenMismatch.to_string(),
        AuthError::UnknownKey.to_string()
    );
}

#[test]
fn a_presented_proof_shows_neither_signature_nor_token_in_debug_output() {
    let headers = headers(&usual(), &[("x-amz-security-token", "topsecret")]);
    let shown = format!("{:?}", Presented::parse(&headers, None).unwrap());
    assert!(shown.contains("AKIDEXAMPLE"), "{shown}");
    assert!(
        !shown.contains("topsecret") && !shown.contains("0123456789abcdef"),
        "{shown}"
    );
}
