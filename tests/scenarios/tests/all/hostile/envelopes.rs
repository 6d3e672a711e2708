//! Envelopes: who signs, for what, and in which form.

use serde_json::json;

use super::Witness;
use crate::harness::client::request;
use crate::harness::sign::{self, Plan};
use crate::harness::{Answer, Connection, Key, Server};

const GET: (&str, &str) = ("x-amz-target", "AWSPartnerCentralSelling.GetOpportunity");
const JSON: (&str, &str) = ("content-type", "application/x-amz-json-1.0");

type Spoil<'a> = &'a dyn Fn(&mut Vec<(String, String)>);

/// Sends a signed request of any form.
fn send(server: &Server, key: &Key, line: (&str, &str), headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let (method, path) = line;
    let host = server.address.to_string();
    let url = format!("http://{host}{path}");
    let plan = Plan {
        method,
        url: &url,
        headers,
        body,
        states_hash: false,
        clock_off: 0,
    };
    let signature = sign::headers(key, &plan);
    let length = body.len().to_string();
    let mut all = vec![("host", host.as_str()), ("content-length", length.as_str())];
    all.extend_from_slice(headers);
    all.extend(
        signature
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    );
    let mut connection = Connection::open(server.address).unwrap();
    connection
        .send(&request(&format!("{method} {path}"), &all, body))
        .unwrap();
    connection.answer().unwrap().unwrap()
}

#[test]
fn unknown_operations_methods_and_types_get_an_error_that_says_what_to_send() {
    let server = Server::dev(&[]);
    let key = Key::first();
    let mut witness = Witness::new(&server, key.clone());
    let unknown = "UnknownOperationException";
    for (line, headers, status, name) in [
        (("POST", "/"), &[JSON][..], 400, unknown),
        (
            ("POST", "/"),
            &[
                JSON,
                ("x-amz-target", "AWSPartnerCentralSelling.DeleteOpportunity"),
            ],
            400,
            unknown,
        ),
        (
            ("POST", "/"),
            &[JSON, ("x-amz-target", "DynamoDB_20120810.GetItem")],
            400,
            unknown,
        ),
        (("POST", "/"), &[JSON, ("x-amz-target", "")], 400, unknown),
        (("POST", "/DeleteOpportunity"), &[], 400, unknown),
        (("POST", "/getopportunity"), &[], 400, unknown),
        (("POST", "/GetOpportunity/O1"), &[], 400, unknown),
        (("GET", "/"), &[JSON, GET], 400, unknown),
        (("PUT", "/"), &[JSON, GET], 400, unknown),
        (("DELETE", "/GetOpportunity"), &[JSON], 400, unknown),
        (
            ("POST", "/"),
            &[("content-type", "text/xml"), GET],
            415,
            "UnsupportedMediaTypeException",
        ),
        (
            ("POST", "/"),
            &[("content-type", "application/cbor"), GET],
            415,
            "UnsupportedMediaTypeException",
        ),
    ] {
        let answer = send(&server, &key, line, headers, b"{}");
        assert_eq!(
            (answer.status, answer.error().as_str()),
            (status, name),
            "{line:?} {headers:?}: {answer}"
        );
    }
    // The smallest signers send no content type at all.
    let body = json!({"Catalog": "Sandbox", "Identifier": "O1"}).to_string();
    send(&server, &key, ("POST", "/"), &[GET], body.as_bytes()).is("ResourceNotFoundException");
    send(&server, &key, ("POST", "/GetOpportunity"), &[], body.as_bytes()).is("ResourceNotFoundException");
    witness.nothing_changed();
}

#[test]
fn only_a_right_signature_gets_in() {
    let server = Server::dev(&[]);
    let mut witness = Witness::new(&server, Key::first());
    let host = server.address.to_string();
    let url = format!("http://{host}/");
    let body = crate::harness::deal::draft("forged").to_string();
    let target = ("x-amz-target", "AWSPartnerCentralSelling.CreateOpportunity");
    let attempt = |key: &Key, clock_off: i64, sent: &str, spoil: Spoil<'_>| {
        let plan = Plan {
            method: "POST",
            url: &url,
            headers: &[JSON, target],
            body: body.as_bytes(),
            states_hash: true,
            clock_off,
        };
        let mut headers = sign::headers(key, &plan);
        spoil(&mut headers);
        let length = sent.len().to_string();
        let mut all = vec![
            ("host", host.as_str()),
            ("content-length", length.as_str()),
            JSON,
            target,
        ];
        all.extend(
            headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
        let mut connection = Connection::open(server.address).unwrap();
        connection
            .send(&request("POST /", &all, sent.as_bytes()))
            .unwrap();
        connection.answer().unwrap().unwrap()
    };
    let right = Key::first();
    let nothing = |_: &mut Vec<(String, String)>| {};
    let set = |name: &'static str, edit: fn(&str) -> String| {
        move |headers: &mut Vec<(String, String)>| {
            let header = headers
                .iter_mut()
                .find(|(given, _)| given.eq_ignore_ascii_case(name))
                .unwrap();
            header.1 = edit(&header.1);
        }
    };

    let wrong_secret = Key::new(&right.id, "another");
    attempt(&wrong_secret, 0, &body, &nothing).is("InvalidSignatureException");
    let unknown_key = Key::new("AKIAUNKNOWNUNKNOWN00", &right.secret);
    attempt(&unknown_key, 0, &body, &nothing).is("UnrecognizedClientException");
    // AWS itself in the sandbox is nobody's to be, though a development server takes any other account id.
    let as_aws = Key::new("390403897881", "any");
    attempt(&as_aws, 0, &body, &nothing).is("UnrecognizedClientException");
    for off in [-600, 600] {
        attempt(&right, off, &body, &nothing).is("InvalidSignatureException");
    }
    let tampered = body.replace("forged", "forget");
    attempt(&right, 0, &tampered, &nothing).is("InvalidSignatureException");
    let unsigned = set("x-amz-content-sha256", |_| "UNSIGNED-PAYLOAD".to_owned());
    attempt(&right, 0, &body, &unsigned).is("InvalidSignatureException");
    let other_service = set("authorization", |text| {
        text.replace("partnercentral-selling", "s3")
    });
    attempt(&right, 0, &body, &other_service).is("InvalidSignatureException");
    let no_signature = set("authorization", |text| {
        text.split(", Signature").next().unwrap().to_owned()
    });
    attempt(&right, 0, &body, &no_signature).is("IncompleteSignatureException");
    let basic = set("authorization", |_| "Basic dXNlcjpwYXNz".to_owned());
    attempt(&right, 0, &body, &basic).is("IncompleteSignatureException");
    let none = |headers: &mut Vec<(String, String)>| headers.retain(|(name, _)| name != "authorization");
    attempt(&right, 0, &body, &none).is("MissingAuthenticationTokenException");

    // A presigned link would let its holder act for anyone who made one: refused.
    let plan = Plan {
        method: "POST",
        url: &url,
        headers: &[],
        body: body.as_bytes(),
        states_hash: false,
        clock_off: 0,
    };
    let query = sign::presigned(&right, &plan);
    let query: Vec<String> = query
        .iter()
        .map(|(name, value)| format!("{name}={}", value.replace('/', "%2F")))
        .collect();
    let length = body.len().to_string();
    let headers = [("host", host.as_str()), ("content-length", &length), JSON, target];
    let mut connection = Connection::open(server.address).unwrap();
    let line = format!("POST /?{}", query.join("&"));
    connection
        .send(&request(&line, &headers, body.as_bytes()))
        .unwrap();
    let answer = connection.answer().unwrap().unwrap();
    assert_eq!(answer.status, 400);
    assert!(
        [
            "IncompleteSignatureException",
            "MissingAuthenticationTokenException"
        ]
        .contains(&answer.error().as_str()),
        "{answer}"
    );
    witness.nothing_changed();

    attempt(&right, 0, &body, &nothing).ok();
    attempt(&right, 200, &body, &nothing).ok();
}

#[test]
fn too_many_and_too_large_headers_are_refused() {
    let server = Server::shared();
    let mut witness = Witness::new(server, Key::account("400000000011"));
    let refused = |bytes: &[u8]| {
        let mut connection = Connection::open(server.address).unwrap();
        // The server may close while it is still being written to.
        let _ = connection.send(bytes);
        match connection.answer() {
            Ok(Some(answer)) => assert!(matches!(answer.status, 400 | 414 | 431), "{answer}"),
            Ok(None) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}"),
        }
    };
    let names: Vec<String> = (0..2000).map(|number| format!("x-filler-{number}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    refused(&request("POST /", &many, b""));
    let large = "y".repeat(1_000_000);
    refused(&request(
        "POST /",
        &[("host", "localhost"), ("x-filler", &large)],
        b"",
    ));
    refused(&request(&format!("POST /{large}"), &[("host", "localhost")], b""));
    refused(b"\x00\x01\x02\x03 not http at all\r\n\r\n");
    refused(b"POST / HTTP/9.9\r\nhost: localhost\r\n\r\n");
    refused(b"POST / HTTP/1.1\r\nhost: localhost\r\nx-bad: a\x00b\r\n\r\n");
    refused(b"POST / HTTP/1.1\r\nno colon here\r\n\r\n");
    refused(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello on a plain port\r\n\r\n");
    witness.nothing_changed();
}
