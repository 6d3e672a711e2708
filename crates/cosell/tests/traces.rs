//! Traces as a collector receives them: the server as a process, a receiver that reads the protobuf.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail by panicking too")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// A message of protobuf: its fields as they come, by number.
#[derive(Debug, Clone)]
enum Field {
    Number(u64),
    Bytes(Vec<u8>),
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}

fn fields(mut bytes: &[u8]) -> Vec<(u64, Field)> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let length = match tag & 7 {
            0 => {
                found.push((tag >> 3, Field::Number(varint(&mut bytes))));
                continue;
            }
            1 => 8,
            5 => 4,
            2 => usize::try_from(varint(&mut bytes)).unwrap(),
            kind => panic!("a field of kind {kind}"),
        };
        found.push((tag >> 3, Field::Bytes(bytes[..length].to_vec())));
        bytes = &bytes[length..];
    }
    found
}

fn all(message: &[u8], number: u64) -> Vec<Vec<u8>> {
    let found = fields(message).into_iter().filter(|(of, _)| *of == number);
    found
        .filter_map(|(_, field)| match field {
            Field::Bytes(bytes) => Some(bytes),
            Field::Number(_) => None,
        })
        .collect()
}

fn one(message: &[u8], number: u64) -> Vec<u8> {
    all(message, number).pop().unwrap_or_default()
}

fn number(message: &[u8], wanted: u64) -> u64 {
    let found = fields(message).into_iter().find(|(of, _)| *of == wanted);
    found.map_or(0, |(_, field)| match field {
        Field::Number(value) => value,
        Field::Bytes(_) => panic!("field {wanted} is no number"),
    })
}

/// Key and value of attributes, whatever their kind, as text.
fn attributes(message: &[u8], at: u64) -> Vec<(String, String)> {
    let pair = |pair: Vec<u8>| {
        let (key, value) = (String::from_utf8(one(&pair, 1)).unwrap(), one(&pair, 2));
        let value = match fields(&value).pop() {
            Some((_, Field::Bytes(text))) => String::from_utf8(text).unwrap(),
            Some((_, Field::Number(number))) => number.to_string(),
            None => String::new(),
        };
        (key, value)
    };
    all(message, at).into_iter().map(pair).collect()
}

/// A span as the collector sees it, after opentelemetry/proto/trace/v1.
#[derive(Debug)]
struct Span {
    trace: Vec<u8>,
    id: Vec<u8>,
    parent: Vec<u8>,
    name: String,
    kind: u64,
    attributes: Vec<(String, String)>,
    service: String,
}

impl Span {
    fn says(&self, key: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str())
    }
}

fn spans(request: &[u8]) -> Vec<Span> {
    let mut found = Vec::new();
    for of_resource in all(request, 1) {
        let resource = attributes(&one(&of_resource, 1), 1);
        let service = resource.iter().find(|(name, _)| name == "service.name");
        for of_scope in all(&of_resource, 2) {
            for span in all(&of_scope, 2) {
                found.push(Span {
                    trace: one(&span, 1),
                    id: one(&span, 2),
                    parent: one(&span, 4),
                    name: String::from_utf8(one(&span, 5)).unwrap(),
                    kind: number(&span, 6),
                    attributes: attributes(&span, 9),
                    service: service.map(|(_, name)| name.clone()).unwrap_or_default(),
                });
            }
        }
    }
    found
}

/// One HTTP message: its head and its body.
fn message(stream: &mut impl std::io::BufRead) -> Option<(String, Vec<u8>)> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((head, body))
}

/// A collector that takes everything.
fn collector() -> (SocketAddr, mpsc::Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, received) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, sender) = (stream.unwrap(), sender.clone());
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while let Some(request) = message(&mut reader) {
                    let _ = (&stream).write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
                    let _ = sender.send(request);
                }
            });
        }
    });
    (address, received)
}

/// A development server that sends its traces there; where it listens.
fn server(collector: SocketAddr) -> (std::process::Child, SocketAddr) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cosell"))
        .args([
            "dev",
            "--ephemeral",
            "--listen",
            "127.0.0.1:0",
            "--output",
            "json",
        ])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{collector}"))
        .env("OTEL_BSP_SCHEDULE_DELAY", "50")
        .env_remove("OTEL_SERVICE_NAME")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let address = line
        .split("\"Endpoint\":\"http://")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    (child, address.parse().unwrap())
}

/// Calls the server; a development server takes an account for a signature.
fn call(address: SocketAddr, operation: &str, body: &str, traceparent: Option<&str>) {
    let parent = traceparent
        .map(|text| format!("traceparent: {text}\r\n"))
        .unwrap_or_default();
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/x-amz-json-1.0\r\n\
         x-amz-target: AWSPartnerCentralSelling.{operation}\r\nx-amz-date: 20260101T000000Z\r\n\
         authorization: AWS4-HMAC-SHA256 Credential=123456789012/20260101/us-east-1/partnercentral-selling/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature={}\r\n{parent}content-length: {}\r\n\r\n{body}",
        "0".repeat(64),
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let (head, body) = message(&mut BufReader::new(stream)).unwrap();
    let body = String::from_utf8_lossy(&body).into_owned();
    assert!(
        body.contains("OpportunitySummaries") || body.contains("ResourceNotFound"),
        "{head}{body}"
    );
}

#[test]
fn a_request_is_a_span_in_its_callers_trace_and_looks_into_the_store_are_beneath_it() {
    let (collector, received) = collector();
    let (mut child, address) = server(collector);
    let (trace, caller) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    call(
        address,
        "ListOpportunities",
        "{\"Catalog\":\"Sandbox\"}",
        Some(&format!("00-{trace}-{caller}-01")),
    );
    let missing = "{\"Catalog\":\"Sandbox\",\"Identifier\":\"O99999999\"}";
    call(address, "GetOpportunity", missing, None);
    // What waits is sent when the server stops.
    assert!(
        Command::new("kill")
            .args(["-TERM", &child.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
    assert!(child.wait().unwrap().success());

    let mut found = Vec::new();
    while let Ok((head, body)) = received.recv_timeout(Duration::from_secs(1)) {
        assert!(head.starts_with("POST /v1/traces "), "{head}");
        assert!(
            head.to_ascii_lowercase()
                .contains("content-type: application/x-protobuf"),
            "{head}"
        );
        found.extend(spans(&body));
    }
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let named = |name: &str| {
        found
            .iter()
            .find(|span| span.name == name)
            .unwrap_or_else(|| panic!("no {name} in {found:#?}"))
    };

    let list = named("ListOpportunities");
    assert_eq!(
        (hex(&list.trace).as_str(), hex(&list.parent).as_str()),
        (trace, caller)
    );
    assert_eq!((list.kind, list.service.as_str()), (2, "cosell"));
    let says = [
        "rpc.method",
        "cosell.account",
        "http.response.status_code",
        "error.type",
    ]
    .map(|key| list.says(key));
    assert_eq!(
        says,
        [Some("ListOpportunities"), Some("123456789012"), Some("200"), None]
    );
    assert!(list.says("cosell.request_id").is_some_and(|id| id.len() >= 32));
    let beneath: Vec<&Span> = found.iter().filter(|span| span.parent == list.id).collect();
    assert!(
        beneath
            .iter()
            .any(|span| span.name == "store query" && span.kind == 3),
        "{beneath:#?}"
    );
    assert!(beneath.iter().all(|span| span.trace == list.trace));

    let get = named("GetOpportunity");
    assert_ne!(get.trace, list.trace);
    assert!(get.parent.is_empty(), "{get:?}");
    assert_eq!(get.says("error.type"), Some("ResourceNotFoundException"));
}
