//! Bodies: broken, too deep, too long, of wrong letters.

use serde_json::json;

use super::Witness;
use crate::harness::client::request;
use crate::harness::deal::draft;
use crate::harness::{Connection, Key, Server};

const LIMIT: usize = 1024 * 1024;

#[test]
fn broken_json_is_a_serialization_error_and_changes_nothing() {
    let mut witness = Witness::new(Server::shared(), Key::account("400000000001"));
    let whole = draft("broken").to_string();
    let deep = |open: &str, close: &str| {
        let member = format!("{}{}", open.repeat(10_000), close.repeat(10_000));
        format!(r#"{{"Catalog":"Sandbox","ClientToken":"deep","Unknown":{member}}}"#)
    };
    let mut bodies: Vec<Vec<u8>> = [
        "{",
        "nonsense",
        "[]",
        "\"text\"",
        "7",
        "{\"Catalog\":\"Sandbox\",}",
        "{\"Catalog\":\"Sandbox\"}}",
        "{\"Catalog\":\"Sandbox\"} {}",
        "{\"Catalog\":'Sandbox'}",
        "{\"Catalog\":NaN}",
        "{\"Catalog\":\"Sandbox\",\"ClientToken\":\"lone \\ud800 half\"}",
        "{\"Catalog\":\"Sandbox\",\"ClientToken\":\"a zero \\u0000 inside\"}",
        "{\"Catalog\":\"Sandbox\",\"ClientToken\":\"lone \\udc00 half\"}",
        "{\"Catalog\":\"Sandbox\",\"ClientToken\":\"raw \u{1} control\"}",
        "\u{feff}{\"Catalog\":\"Sandbox\",\"ClientToken\":\"mark\"}",
        &deep("[", "]"),
        &deep("{\"a\":", "}").replace("{\"a\":}", "{}"),
        &"[".repeat(100_000),
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    for cut in [1, whole.len() / 3, whole.len() / 2, whole.len() - 1] {
        bodies.push(whole.as_bytes()[..cut].to_vec());
    }
    for bad in [
        &b"\xff"[..],
        b"\xc3\x28",
        b"\xed\xa0\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xc0\xaf",
    ] {
        let mut body = b"{\"Catalog\":\"Sandbox\",\"ClientToken\":\"".to_vec();
        body.extend_from_slice(bad);
        body.extend_from_slice(b"\"}");
        bodies.push(body);
    }
    for body in &bodies {
        let answer = witness.caller.raw("CreateOpportunity", body);
        let shown: String = String::from_utf8_lossy(body).chars().take(60).collect();
        assert_eq!(
            (answer.status, answer.error().as_str()),
            (400, "SerializationException"),
            "{shown}: {answer}"
        );
        assert!(
            answer.body.len() < 1000,
            "an error should not repeat what it complains of: {answer}"
        );
    }
    witness.nothing_changed();
    println!("hostile: {} broken bodies", bodies.len());
}

#[test]
fn an_empty_body_is_an_empty_request() {
    let mut caller = Server::shared().caller(Key::account("400000000002"));
    let missing = caller
        .raw("GetOpportunity", b"")
        .violations("REQUEST_VALIDATION_FAILED");
    let fields: Vec<&str> = missing.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(fields, ["catalog", "identifier"]);
}

#[test]
fn every_violation_of_a_request_is_named_at_once() {
    let mut caller = Server::shared().caller(Key::account("400000000003"));
    let mut body = draft("many");
    body["NationalSecurity"] = "Perhaps".into();
    body["Customer"]["Account"]["Duns"] = "12".into();
    body["Customer"]["Account"]["CompanyName"] = json!(null);
    body["Customer"]["Contacts"][0]["Email"] = "UPPER@EXAMPLE.COM".into();
    body["Project"]["ExpectedCustomerSpend"][0]["CurrencyCode"] = "XXQ".into();
    body["LifeCycle"]["Stage"] = "Closed Won".into();
    let answer = caller.call("CreateOpportunity", &body);
    let mut found = answer.violations("REQUEST_VALIDATION_FAILED");
    found.sort();
    let expected = [
        ("customer.account.companyName", "REQUIRED_FIELD_MISSING"),
        ("customer.account.duns", "INVALID_STRING_FORMAT"),
        ("customer.contacts.email", "INVALID_STRING_FORMAT"),
        ("lifeCycle.stage", "INVALID_ENUM_VALUE"),
        ("nationalSecurity", "INVALID_ENUM_VALUE"),
        ("project.expectedCustomerSpend.currencyCode", "INVALID_ENUM_VALUE"),
    ];
    assert_eq!(
        found,
        expected.map(|(field, code)| (field.to_owned(), code.to_owned()))
    );
    let said = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(
        !said.contains("UPPER@"),
        "sensitive values stay out of messages: {said}"
    );
}

#[test]
fn huge_strings_are_refused_by_their_length_and_unknown_ones_passed_over() {
    let mut witness = Witness::new(Server::shared(), Key::account("400000000004"));
    let huge = "\u{e9}".repeat(450_000);
    let mut body = draft("huge");
    body["Project"]["Title"] = huge.as_str().into();
    let answer = witness.caller.call("CreateOpportunity", &body);
    assert_eq!(
        answer.violations("REQUEST_VALIDATION_FAILED"),
        [("project.title".to_owned(), "INVALID_STRING_FORMAT".to_owned())]
    );
    assert!(answer.body.len() < 2000, "the answer repeats the request");
    let unknown = json!({"Catalog": "Sandbox", "Identifier": "O1", "Unknown": huge});
    witness
        .caller
        .call("GetOpportunity", &unknown)
        .is("ResourceNotFoundException");
    witness.nothing_changed();
}

#[test]
fn a_body_over_the_limit_is_refused_whether_its_length_is_stated_or_not() {
    let server = Server::shared();
    let mut witness = Witness::new(server, Key::account("400000000005"));
    let fitting =
        json!({"Catalog": "Sandbox", "Identifier": "O1", "Unknown": "x".repeat(LIMIT - 100)}).to_string();
    assert!(fitting.len() < LIMIT);
    witness
        .caller
        .raw("GetOpportunity", fitting.as_bytes())
        .is("ResourceNotFoundException");

    let mut body = draft("large").to_string().into_bytes();
    body.resize(LIMIT + 1, b' ');
    let signed = witness.caller.signed("CreateOpportunity", &body);
    let mut connection = Connection::open(server.address).unwrap();
    // Only the headers: a server that means its limit does not ask for the rest.
    connection.send(&signed[..signed.len() - body.len()]).unwrap();
    let answer = connection.answer().unwrap().unwrap();
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (413, "RequestEntityTooLargeException")
    );

    let text = String::from_utf8(signed[..signed.len() - body.len()].to_vec()).unwrap();
    let chunked = text.replace(
        &format!("content-length: {}", body.len()),
        "transfer-encoding: chunked",
    );
    assert_ne!(text, chunked);
    let mut connection = Connection::open(server.address).unwrap();
    connection.send(chunked.as_bytes()).unwrap();
    connection
        .send(format!("{:x}\r\n", body.len()).as_bytes())
        .unwrap();
    connection.send(&body).unwrap();
    let answer = connection.answer().unwrap().unwrap();
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (413, "RequestEntityTooLargeException")
    );
    witness.nothing_changed();
}

#[test]
fn a_chunked_body_within_the_limit_is_taken() {
    let server = Server::shared();
    let caller = server.caller(Key::account("400000000006"));
    let body = draft("chunked").to_string();
    let signed = caller.signed("CreateOpportunity", body.as_bytes());
    let head = String::from_utf8(signed[..signed.len() - body.len()].to_vec()).unwrap();
    let mut bytes = head
        .replace(
            &format!("content-length: {}", body.len()),
            "transfer-encoding: chunked",
        )
        .into_bytes();
    for chunk in body.as_bytes().chunks(100) {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    let mut connection = Connection::open(server.address).unwrap();
    connection.send(&bytes).unwrap();
    connection.answer().unwrap().unwrap().ok();
}

#[test]
fn a_body_that_ends_early_changes_nothing() {
    let server = Server::shared();
    let mut witness = Witness::new(server, Key::account("400000000007"));
    let body = draft("early").to_string();
    let signed = witness.caller.signed("CreateOpportunity", body.as_bytes());
    for missing in [1, body.len() / 2, body.len()] {
        let mut connection = Connection::open(server.address).unwrap();
        connection.send(&signed[..signed.len() - missing]).unwrap();
        connection.finish().unwrap();
        if let Some(answer) = connection.answer().unwrap() {
            assert_eq!(
                (answer.status, answer.error().as_str()),
                (400, "SerializationException")
            );
        }
        // The same with a connection that just goes away.
        let mut connection = Connection::open(server.address).unwrap();
        connection.send(&signed[..signed.len() - missing]).unwrap();
        drop(connection);
    }
    // A length that is no number, two lengths, and a length beside chunks: nobody can say where such a request ends.
    for lengths in [
        &[("content-length", "12x")][..],
        &[("content-length", "-1")],
        &[("content-length", "5"), ("content-length", "6")],
        &[("content-length", "5"), ("transfer-encoding", "chunked")],
        &[("transfer-encoding", "gzip")],
    ] {
        let mut headers = vec![
            ("host", "localhost"),
            ("x-amz-target", "AWSPartnerCentralSelling.GetOpportunity"),
        ];
        headers.extend_from_slice(lengths);
        let mut connection = Connection::open(server.address).unwrap();
        connection.send(&request("POST /", &headers, b"hello")).unwrap();
        connection.finish().unwrap();
        let status = connection.answer().unwrap().map(|answer| answer.status);
        assert!(matches!(status, None | Some(400)), "{lengths:?}: {status:?}");
    }
    witness.nothing_changed();
}
