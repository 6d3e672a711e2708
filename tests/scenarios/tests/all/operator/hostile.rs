//! Input that nobody should send to the operator API: a problem that says what is wrong, and nothing changes.

use serde_json::{Value, json};

use crate::harness::operator::refused;
use crate::harness::{Key, Server};

const JSON: (&str, &str) = ("content-type", "application/json");
const ACCOUNTS: &str = "/operator/v1/accounts";

#[test]
fn bodies_that_are_too_large_too_deep_or_not_json_are_refused() {
    let mut admin = Server::shared().operator();
    let large = format!("{{\"accountId\":\"{}\"}}", "1".repeat(2 * 1024 * 1024));
    refused(
        &admin.raw("POST", ACCOUNTS, &[JSON], large.as_bytes()),
        413,
        "too-large",
    );
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    refused(
        &admin.raw("POST", ACCOUNTS, &[JSON], deep.as_bytes()),
        400,
        "malformed",
    );
    for broken in ["{", "nonsense", "{\"accountId\":\"1\",}", "\u{0}", "{} {}"] {
        let answer = admin.raw("POST", ACCOUNTS, &[JSON], broken.as_bytes());
        assert_eq!(answer.status, 400, "{broken:?}: {answer}");
    }
    refused(
        &admin.raw("POST", ACCOUNTS, &[JSON], &[0xff, 0xfe, b'{']),
        400,
        "malformed",
    );
    refused(&admin.raw("POST", ACCOUNTS, &[JSON], b""), 400, "malformed");
    // The connection goes on.
    assert_eq!(admin.get("/status")["store"]["ready"], true);
}

#[test]
fn unknown_repeated_and_wrong_members_are_named_by_their_place() {
    let mut admin = Server::shared().operator();
    for (body, pointer) in [
        (r#"{"accountId":"x","companyName":"x","colour":1}"#, "/colour"),
        (r#"{"accountId":1,"companyName":"x"}"#, "/accountId"),
        (r#"{"accountId":"x","accountId":"y","companyName":"x"}"#, ""),
        (r#"{"accountId":"x"}"#, ""),
        (r#"{"AccountId":"x","companyName":"x"}"#, "/AccountId"),
    ] {
        let answer = admin.raw("POST", ACCOUNTS, &[JSON], body.as_bytes());
        refused(&answer, 400, "invalid");
        let given = answer.json()["errors"][0]["pointer"].as_str().map(str::to_owned);
        assert!(
            given.is_some_and(|given| pointer.is_empty() || given == pointer),
            "{body}: {answer}"
        );
    }
}

#[test]
fn only_json_is_taken_and_only_where_a_body_is_wanted() {
    let mut admin = Server::shared().operator();
    let body = br#"{"accountId":"x","companyName":"x"}"#;
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/x-amz-json-1.0",
        "json",
    ] {
        let answer = admin.raw("POST", ACCOUNTS, &[("content-type", kind)], body);
        refused(&answer, 415, "unsupported-media-type");
    }
    refused(
        &admin.raw("POST", ACCOUNTS, &[], body),
        415,
        "unsupported-media-type",
    );
    let with_charset = [("content-type", "Application/JSON; charset=utf-8")];
    refused(&admin.raw("POST", ACCOUNTS, &with_charset, body), 422, "refused");
    refused(&admin.raw("GET", ACCOUNTS, &[JSON], b"{}"), 400, "malformed");
}

#[test]
fn a_method_that_is_not_there_is_told_which_ones_are() {
    let mut admin = Server::shared().operator();
    for (method, path, allowed) in [
        ("DELETE", "/accounts", "GET, POST"),
        ("OPTIONS", "/accounts", "GET, POST"),
        ("PUT", "/status", "GET"),
        ("get", "/status", "GET"),
    ] {
        let answer = admin.send(method, path, None);
        refused(&answer, 405, "method-not-allowed");
        assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
    }
    // A web page of another origin gets no preflight answer, and no permission with any other.
    let origin = [
        ("origin", "http://localhost:3000"),
        ("access-control-request-method", "GET"),
    ];
    refused(
        &admin.nobody().raw("OPTIONS", ACCOUNTS, &origin, b""),
        401,
        "unauthenticated",
    );
    assert_eq!(admin.raw("GET", ACCOUNTS, &origin[..1], b"").status, 200);
}

#[test]
fn paths_cannot_climb_and_parameters_are_checked() {
    let mut admin = Server::shared().operator();
    for path in [
        "/accounts/../status",
        "/accounts/%2e%2e/status",
        "/accounts/..%2fstatus",
        "/accounts//users",
        "/accounts/",
        "/accounts/%00",
        "/accounts/%ff",
        "/status/",
        "/%73tatus%",
    ] {
        refused(&admin.send("GET", path, None), 404, "not-found");
    }
    for (query, parameter) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=+5", "limit"),
        ("limit=%2B5", "limit"),
        ("limit=5&limit=5", "limit"),
        ("limit", "limit"),
        ("cursor=", "cursor"),
        ("cursor=nonsense", "cursor"),
        ("colour=red", "colour"),
        ("%zz=1", "%zz=1"),
    ] {
        let answer = admin.send("GET", &format!("/accounts?{query}"), None);
        refused(&answer, 400, "invalid");
        assert_eq!(answer.json()["errors"][0]["parameter"], parameter, "{answer}");
    }
    // All faults at once.
    let answer = admin.send("GET", "/accounts/x/solutions?limit=0&colour=1", None);
    refused(&answer, 400, "invalid");
    let named: Vec<Value> = answer.json()["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["parameter"].clone())
        .collect();
    assert_eq!(named, ["colour", "account", "catalog", "limit"]);
}

#[test]
fn the_operator_api_shadows_no_path_of_partners_and_takes_no_signature() {
    let server = Server::shared();
    let mut caller = server.caller(Key::account("600000000201"));
    caller
        .call("ListOpportunities", &json!({"Catalog": "Sandbox"}))
        .ok();
    caller
        .call_path("ListOpportunities", &json!({"Catalog": "Sandbox"}))
        .ok();
    // A path that only looks like the operator's is the partner API's to refuse.
    let bytes = caller.signed_with("/operatorx", &[JSON], b"{}");
    caller.exchange(&bytes).unwrap().is("UnknownOperationException");
    // A partner's signature opens nothing here.
    let bytes = caller.signed_with("/operator/v1/accounts", &[JSON], b"{}");
    refused(&caller.exchange(&bytes).unwrap(), 401, "unauthenticated");
}
