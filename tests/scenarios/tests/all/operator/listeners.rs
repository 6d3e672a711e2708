//! Where the operator API is served: beside the partner API, or at an address of its own.

use serde_json::json;

use crate::harness::operator::refused;
use crate::harness::{Key, Operator, Server};

#[test]
fn with_an_address_of_its_own_neither_api_is_served_at_the_other() {
    let server = Server::dev(&["--operator-listen", "127.0.0.1:0"]);
    assert_ne!(server.address, server.operator_address);
    let mut admin = server.operator();
    assert_eq!(admin.get("/status")["store"]["ready"], true);
    let mut caller = server.caller(Key::first());
    caller
        .call("ListOpportunities", &json!({"Catalog": "Sandbox"}))
        .ok();

    let token = server.operator_token.as_deref();
    let mut astray = Operator::new(server.address, token);
    // The document tells what the operator's listener does; this is the other one.
    refused(
        &astray.exchange("GET", "/operator/v1/status", &[], b""),
        404,
        "not-found",
    );
    let mut astray = server.operator();
    refused(
        &astray.raw(
            "POST",
            "/",
            &[("content-type", "application/x-amz-json-1.0")],
            b"{}",
        ),
        404,
        "not-found",
    );
    refused(
        &astray.raw("OPTIONS", "/", &[("origin", "http://localhost:1")], b""),
        404,
        "not-found",
    );

    server.terminate();
    assert!(server.wait());
}

#[test]
fn a_development_server_serves_operators_on_loopback_only() {
    let complaint = Server::try_start(&[
        "dev",
        "--ephemeral",
        "--listen",
        "127.0.0.1:0",
        "--operator-listen",
        "0.0.0.0:0",
    ])
    .err()
    .expect("refused");
    assert!(complaint.contains("loopback"), "{complaint}");
    let complaint = Server::try_start(&["dev", "--ephemeral", "--operator-listen", "nowhere"])
        .err()
        .expect("refused");
    assert!(
        complaint.contains("--operator-listen") && complaint.contains("nowhere"),
        "{complaint}"
    );
}
