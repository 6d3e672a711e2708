//! Connections: slow, many, pipelined, of another version.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use serde_json::json;

use super::Witness;
use crate::harness::deal::draft;
use crate::harness::modern::{Version, converse};
use crate::harness::{Connection, Key, Server};

#[test]
fn slow_clients_are_let_go_and_hold_nobody_up() {
    let server = Server::dev(&["--body-timeout", "1", "--header-timeout", "1"]);
    let mut witness = Witness::new(&server, Key::first());
    let body = draft("slow").to_string();
    let signed = witness.caller.signed("CreateOpportunity", body.as_bytes());
    let head = signed.len() - body.len();

    let mut slow_body = Connection::open(server.address).unwrap();
    slow_body.send(&signed[..head + 10]).unwrap();
    let mut slow_headers = Connection::open(server.address).unwrap();
    slow_headers.send(&signed[..40]).unwrap();
    let mut silent = Connection::open(server.address).unwrap();
    let mut undecided = Connection::open(server.address).unwrap();
    undecided.send(b"PRI * HTTP/2").unwrap();
    let mut trickle = Connection::open(server.address).unwrap();
    trickle.send(&signed[..head]).unwrap();

    let started = Instant::now();
    witness.nothing_changed();
    assert!(started.elapsed() < Duration::from_secs(1), "others had to wait");

    for byte in signed[head..].iter().take(15) {
        // A byte now and then does not buy more time.
        if trickle.send(&[*byte]).is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let answer = trickle.answer().unwrap().unwrap();
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (408, "RequestTimeoutException")
    );
    let answer = slow_body.answer().unwrap().unwrap();
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (408, "RequestTimeoutException")
    );
    for connection in [&mut slow_headers, &mut silent, &mut undecided] {
        match connection.answer() {
            Ok(Some(answer)) => assert_eq!(answer.status, 408),
            Ok(None) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
    }
    assert!(started.elapsed() < Duration::from_secs(6));
    // Its own connection lay idle for longer than this server allows.
    witness.caller = witness.caller.again();
    witness.nothing_changed();
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = Server::shared();
    let mut witness = Witness::new(server, Key::account("400000000021"));
    let mut bytes = Vec::new();
    for number in 0..30 {
        let body = json!({"Catalog": "Sandbox", "Identifier": if number % 3 == 0 { witness.id.clone() } else { "O1".into() }});
        bytes.extend(
            witness
                .caller
                .signed("GetOpportunity", body.to_string().as_bytes()),
        );
    }
    let mut connection = Connection::open(server.address).unwrap();
    connection.send(&bytes).unwrap();
    for number in 0..30 {
        let answer = connection.answer().unwrap().unwrap();
        match number % 3 {
            0 => assert_eq!(answer.ok()["Id"], witness.id),
            _ => answer.is("ResourceNotFoundException"),
        }
    }
    connection.finish().unwrap();
    assert!(
        connection.drain().unwrap().is_empty(),
        "as many answers as requests"
    );
    witness.nothing_changed();
}

#[test]
fn http2_without_tls_carries_many_calls_at_once() {
    let server = Server::dev(&[]);
    let key = Key::first();
    let mut witness = Witness::new(&server, key.clone());
    let get = json!({"Catalog": "Sandbox", "Identifier": witness.id}).to_string();
    let mut calls: Vec<(&str, String)> = vec![("GetOpportunity", get); 60];
    calls.push(("CreateOpportunity", "{".to_owned()));
    calls.push(("NoSuchOperation", "{}".to_owned()));
    calls.push(("CreateOpportunity", "x".repeat(1024 * 1024 + 1)));
    let answers = converse(server.address, None, Version::Two, &key, &calls);
    for answer in &answers[..60] {
        assert_eq!(answer.ok(), witness.document);
    }
    answers[60].is("SerializationException");
    answers[61].is("UnknownOperationException");
    assert_eq!(
        (answers[62].status, answers[62].error().as_str()),
        (413, "RequestEntityTooLargeException")
    );
    let wrong = Key::new(&key.id, "another");
    converse(server.address, None, Version::Two, &wrong, &calls[..1])[0].is("InvalidSignatureException");
    witness.nothing_changed();
}

#[test]
fn two_hundred_connections_at_once_are_all_served() {
    let server = Server::shared();
    let mut witness = Witness::new(server, Key::account("400000000022"));
    let get = json!({"Catalog": "Sandbox", "Identifier": witness.id}).to_string();
    let signed = witness.caller.signed("GetOpportunity", get.as_bytes());
    let mut connections: Vec<Connection> = (0..200)
        .map(|_| Connection::open(server.address).unwrap())
        .collect();
    for _ in 0..2 {
        for connection in &mut connections {
            connection.send(&signed).unwrap();
        }
        for connection in &mut connections {
            assert_eq!(connection.answer().unwrap().unwrap().ok(), witness.document);
        }
    }
    drop(connections);
    witness.nothing_changed();
}

#[test]
fn connections_over_the_limit_wait_for_their_turn() {
    let server = Server::dev(&["--max-connections", "2"]);
    let mut witness = Witness::new(&server, Key::first());
    let get = json!({"Catalog": "Sandbox", "Identifier": witness.id}).to_string();
    let signed = witness.caller.signed("GetOpportunity", get.as_bytes());
    let mut second = Connection::open(server.address).unwrap();
    second.send(&signed).unwrap();
    assert_eq!(second.answer().unwrap().unwrap().ok(), witness.document);
    let mut third = Connection::open(server.address).unwrap();
    third.send(&signed).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    drop(second);
    assert_eq!(third.answer().unwrap().unwrap().ok(), witness.document);
    witness.nothing_changed();
}

#[test]
fn older_and_careful_clients_are_answered_too() {
    let server = Server::shared();
    let mut witness = Witness::new(server, Key::account("400000000023"));
    let get = json!({"Catalog": "Sandbox", "Identifier": witness.id}).to_string();
    let signed = witness.caller.signed("GetOpportunity", get.as_bytes());
    let head = signed.len() - get.len();
    let text = String::from_utf8(signed[..head].to_vec()).unwrap();

    // One that asks before it sends its body.
    let mut connection = Connection::open(server.address).unwrap();
    let asking = text.replacen("\r\n", "\r\nexpect: 100-continue\r\n", 1);
    connection.send(asking.as_bytes()).unwrap();
    assert_eq!(connection.answer().unwrap().unwrap().status, 100);
    connection.send(get.as_bytes()).unwrap();
    assert_eq!(connection.answer().unwrap().unwrap().ok(), witness.document);

    // One that closes after each call, and one that knows HTTP/1.0 only.
    for (from, to) in [("\r\n", "\r\nconnection: close\r\n"), ("HTTP/1.1", "HTTP/1.0")] {
        let mut connection = Connection::open(server.address).unwrap();
        connection.send(text.replacen(from, to, 1).as_bytes()).unwrap();
        connection.send(get.as_bytes()).unwrap();
        assert_eq!(connection.answer().unwrap().unwrap().ok(), witness.document);
        assert!(connection.drain().unwrap().is_empty());
    }

    // Bytes that come one at a time.
    let mut connection = Connection::open(server.address).unwrap();
    for byte in &signed {
        connection.send(&[*byte]).unwrap();
    }
    assert_eq!(connection.answer().unwrap().unwrap().ok(), witness.document);
    witness.nothing_changed();
}

#[test]
fn http2_that_is_no_http2_is_closed_and_holds_nobody_up() {
    let server = Server::shared();
    let mut witness = Witness::new(server, Key::account("400000000024"));
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let frame = |length: [u8; 3], kind: u8, flags: u8, stream: u8| {
        [&length[..], &[kind, flags, 0, 0, 0, stream]].concat()
    };
    let mut many_opened = [&preface[..], &settings].concat();
    for _ in 0..50_000 {
        // Pings nobody needs; their answers are not read until the end.
        many_opened.extend(frame([0, 0, 8], 6, 0, 0));
        many_opened.extend([0; 8]);
    }
    for (what, bytes) in [
        (
            "text after the preface",
            [&preface[..], b"GET / HTTP/1.1\r\n\r\n"].concat(),
        ),
        (
            "a frame of 16 MB",
            [&preface[..], &settings, &frame([255, 255, 255], 0, 0, 1)].concat(),
        ),
        (
            "data of no stream",
            [&preface[..], &settings, &frame([0, 0, 1], 0, 0, 1), b"x"].concat(),
        ),
        (
            "headers that are none",
            [
                &preface[..],
                &settings,
                &frame([0, 0, 4], 1, 5, 1),
                b"\xff\xff\xff\xff",
            ]
            .concat(),
        ),
        ("fifty thousand pings", many_opened),
    ] {
        let mut connection = Connection::open(server.address).unwrap();
        // The server may close while it is still being written to.
        let sent = connection.send(&bytes);
        let _ = connection.finish();
        let ended = connection.drain();
        assert!(
            ended.as_ref().is_ok_and(|bytes| bytes.len() < 2_000_000)
                || ended
                    .as_ref()
                    .is_err_and(|error| error.kind() == ErrorKind::ConnectionReset),
            "{what}: {sent:?} {ended:?}"
        );
        witness.nothing_changed();
    }
}
