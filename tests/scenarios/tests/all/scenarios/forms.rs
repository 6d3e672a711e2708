//! The two forms of the protocol say the same, and what is around the operations: probes and browsers.

use serde_json::{Value, json};

use crate::harness::client::request;
use crate::harness::deal::{create, draft};
use crate::harness::{Connection, Key, Server};

/// Asserts that every object's members come in the order of the alphabet; JSON objects of this test are sorted, so the
/// text itself tells.
#[track_caller]
fn assert_alphabetical(body: &[u8]) {
    let parsed: Value = serde_json::from_slice(body).unwrap();
    assert_eq!(String::from_utf8_lossy(body), parsed.to_string());
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), without_nulls(value)))
            .collect(),
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

#[test]
fn the_path_form_says_the_same_with_explicit_nulls() {
    let mut caller = Server::shared().caller(Key::account("700000000001"));
    let id = create(&mut caller, &draft("forms"));
    let read = json!({"Catalog": "Sandbox", "Identifier": id});
    let plain = caller.call("GetOpportunity", &read);
    let path = caller.call_path("GetOpportunity", &read);
    assert_eq!(path.header("content-type"), Some("application/json"));
    assert_eq!(plain.header("content-type"), Some("application/x-amz-json-1.0"));
    assert_alphabetical(&path.body);
    let (plain, path) = (plain.ok(), path.ok());
    assert_eq!(without_nulls(&path), plain);
    assert_eq!(
        without_nulls(&plain),
        plain,
        "the JSON 1.0 form leaves absent members out"
    );
    assert!(path["SoftwareRevenue"].is_null() && path.get("SoftwareRevenue").is_some());
    assert!(
        path["Project"]
            .get("AdditionalComments")
            .is_some_and(Value::is_null)
    );

    let list = json!({"Catalog": "Sandbox", "NextToken": null, "Identifier": [id]});
    let path = caller.call_path("ListOpportunities", &list).ok();
    assert!(path.get("NextToken").is_some_and(Value::is_null), "{path}");
    assert_eq!(without_nulls(&path), caller.call("ListOpportunities", &list).ok());

    // What AWS's own collection sends back: the answer as it came, nulls and all.
    let mut payload = crate::harness::deal::as_update(caller.call_path("GetOpportunity", &read).ok());
    payload["Project"]["AdditionalComments"] = "By the path".into();
    caller.call_path("UpdateOpportunity", &payload).ok();
    let after = caller.call("GetOpportunity", &read).ok();
    assert_eq!(after["Project"]["AdditionalComments"], "By the path");
}

#[test]
fn probes_and_browsers_are_answered_without_a_signature() {
    let server = Server::shared();
    let ask = |line: &str, headers: &[(&str, &str)]| {
        let headers = [&[("host", "localhost")][..], headers].concat();
        let mut connection = Connection::open(server.address).unwrap();
        connection.send(&request(line, &headers, b"")).unwrap();
        connection.answer().unwrap().unwrap()
    };
    for path in ["/livez", "/readyz"] {
        assert_eq!(ask(&format!("GET {path}"), &[]).status, 200);
    }
    let preflight = |origin: &str| {
        ask(
            "OPTIONS /",
            &[
                ("origin", origin),
                ("access-control-request-method", "POST"),
                (
                    "access-control-request-headers",
                    "authorization,x-amz-date,x-amz-target,content-type,amz-sdk-request",
                ),
            ],
        )
    };
    let local = preflight("http://localhost:5173");
    assert_eq!(local.status, 204);
    assert_eq!(
        local.header("access-control-allow-origin"),
        Some("http://localhost:5173")
    );
    let foreign = preflight("https://evil.example");
    assert_eq!(
        (foreign.status, foreign.header("access-control-allow-origin")),
        (403, None)
    );

    let mut caller = server.caller(Key::account("700000000002"));
    let headers = [
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amz-target", "AWSPartnerCentralSelling.ListOpportunities"),
        ("origin", "http://127.0.0.1:8080"),
    ];
    let bytes = caller.signed_with("/", &headers, br#"{"Catalog":"Sandbox"}"#);
    let answer = caller.exchange(&bytes).unwrap();
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("http://127.0.0.1:8080")
    );
    // Errors too: a page cannot read them otherwise.
    let bytes = caller.signed_with("/", &headers, b"{");
    let answer = caller.exchange(&bytes).unwrap();
    answer.is("SerializationException");
    assert!(answer.header("access-control-allow-origin").is_some());
}
