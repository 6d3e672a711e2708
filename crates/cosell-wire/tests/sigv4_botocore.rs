//! botocore as oracle: every request of the committed table verifies, and none does after a change.
//! The table is written by `botocore/generate.py`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod support;

use cosell_model::Timestamp;
use cosell_wire::sigv4::{AuthError, Presented, Verifier};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use support::{Arrived, Known, check};

fn text(row: &Value, member: &str) -> String {
    row[member].as_str().unwrap().to_owned()
}

fn rows() -> Vec<(String, Arrived, Known)> {
    let table: Value = serde_json::from_str(include_str!("botocore/requests.json")).unwrap();
    assert_eq!(table["botocore"], "1.44.5");
    let read = |row: &Value| {
        let mut headers = HeaderMap::new();
        for pair in row["headers"].as_array().unwrap() {
            let name = HeaderName::from_bytes(pair[0].as_str().unwrap().as_bytes()).unwrap();
            headers.append(
                name,
                HeaderValue::from_bytes(pair[1].as_str().unwrap().as_bytes()).unwrap(),
            );
        }
        let request = Arrived {
            method: text(row, "method").parse().unwrap(),
            path: text(row, "path"),
            query: row["query"].as_str().map(str::to_owned),
            headers,
            authority: None,
            body: text(row, "body").into_bytes(),
        };
        let known = Known {
            verifier: Verifier::default(),
            secret: text(row, "secret"),
            region: text(row, "region"),
            session_token: row["session_token"].as_str().map(str::to_owned),
            now: Timestamp::parse(&text(row, "now")).unwrap(),
        };
        let presented = Presented::parse(&request.headers, None).unwrap();
        assert_eq!(presented.access_key_id(), text(row, "access_key_id"));
        assert_eq!(presented.region(), text(row, "region"));
        (text(row, "name"), request, known)
    };
    table["requests"].as_array().unwrap().iter().map(read).collect()
}

#[test]
fn every_request_botocore_signs_is_let_in() {
    let rows = rows();
    assert!(rows.len() > 100, "only {} rows", rows.len());
    for (name, request, known) in rows {
        assert_eq!(check(&request, &known), Ok(()), "{name}");
    }
}

#[test]
fn no_request_of_botocore_survives_another_body_path_method_or_secret() {
    for (name, request, known) in rows() {
        let body_error = if request.headers.contains_key("x-amz-content-sha256") {
            AuthError::PayloadMismatch
        } else {
            AuthError::SignatureMismatch
        };
        let mut other = request.clone();
        other.body.push(b' ');
        assert_eq!(check(&other, &known), Err(body_error), "{name}");

        let mut other = request.clone();
        other.path.push('x');
        assert_eq!(check(&other, &known), Err(AuthError::SignatureMismatch), "{name}");

        let mut other = request.clone();
        other.method = http::Method::PUT;
        assert_eq!(check(&other, &known), Err(AuthError::SignatureMismatch), "{name}");

        let stranger = Known {
            secret: format!("{}x", known.secret),
            ..known
        };
        assert_eq!(
            check(&request, &stranger),
            Err(AuthError::SignatureMismatch),
            "{name}"
        );
    }
}
