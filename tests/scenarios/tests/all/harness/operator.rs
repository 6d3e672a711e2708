//! A client of the operator API.

use std::net::SocketAddr;
use std::sync::OnceLock;

use serde_json::Value;

use super::Server;
use super::client::{Answer, Connection, request};
use crate::operator::schema::{Contract, Exchange};

const BASE: &str = "/operator/v1";

/// Somebody with or without a token.
pub struct Operator {
    /// The server.
    pub address: SocketAddr,
    token: Option<String>,
    connection: Option<Connection>,
}

impl Operator {
    /// A client of a server.
    pub fn new(address: SocketAddr, token: Option<&str>) -> Self {
        Self {
            address,
            token: token.map(str::to_owned),
            connection: None,
        }
    }

    /// A client with another token.
    pub fn with(&self, token: &str) -> Self {
        Self::new(self.address, Some(token))
    }

    /// A client without a token.
    pub fn nobody(&self) -> Self {
        Self::new(self.address, None)
    }

    /// Sends a request with a JSON body or none. `path` is beneath the base.
    #[track_caller]
    pub fn send(&mut self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let body = body.map(Value::to_string).unwrap_or_default();
        let headers: &[(&str, &str)] = match body.as_str() {
            "" => &[],
            _ => &[("content-type", "application/json")],
        };
        self.raw(method, &format!("{BASE}{path}"), headers, body.as_bytes())
    }

    /// Sends a request of any form; proves on the way that it and its answer are what the served OpenAPI document says.
    #[track_caller]
    pub fn raw(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let answer = self.exchange(method, path, headers, body);
        // A method that the document does not name has no answer there either.
        if let Some(beneath) = path.strip_prefix(BASE).filter(|_| answer.status != 405) {
            let contract = Contract {
                document: document(),
                matches: |pattern, text| regex::Regex::new(pattern).unwrap().is_match(text),
            };
            let broken = contract.broken(&Exchange {
                method,
                path: beneath,
                request: body,
                status: answer.status,
                media: answer.header("content-type").unwrap_or_default(),
                answer: &answer.body,
            });
            assert!(broken.is_empty(), "{method} {path}: {broken:#?}");
        }
        answer
    }

    /// The same without the document; proves only that the answer has the form that every answer has.
    #[track_caller]
    pub fn exchange(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let host = self.address.to_string();
        let length = body.len().to_string();
        let bearer = self.token.as_ref().map(|token| format!("Bearer {token}"));
        let mut all = vec![("host", host.as_str())];
        if !body.is_empty() {
            all.push(("content-length", length.as_str()));
        }
        all.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        all.extend_from_slice(headers);
        let bytes = request(&format!("{method} {path}"), &all, body);
        let mut connection = self
            .connection
            .take()
            .unwrap_or_else(|| Connection::open(self.address).unwrap());
        connection.send(&bytes).unwrap();
        let answer = connection.answer().unwrap().expect("an answer");
        if answer.header("connection") != Some("close") {
            self.connection = Some(connection);
        }
        let id = answer.header("x-request-id").unwrap_or_default();
        assert!(id.len() >= 32, "an answer without a request id: {answer}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{answer}");
        if answer.status >= 400 {
            problem(&answer);
        }
        answer
    }

    /// What is there.
    #[track_caller]
    pub fn get(&mut self, path: &str) -> Value {
        let answer = self.send("GET", path, None);
        assert_eq!(answer.status, 200, "{answer}");
        answer.json()
    }

    /// What was made.
    #[track_caller]
    pub fn post(&mut self, path: &str, body: &Value) -> Value {
        let answer = self.send("POST", path, Some(body).filter(|body| !body.is_null()));
        assert!(matches!(answer.status, 200 | 201), "{answer}");
        answer.json()
    }

    /// What it became by being taken away.
    #[track_caller]
    pub fn delete(&mut self, path: &str) -> Value {
        let answer = self.send("DELETE", path, None);
        assert_eq!(answer.status, 200, "{answer}");
        answer.json()
    }

    /// Every item of a list, by pages of this size.
    #[track_caller]
    pub fn all(&mut self, path: &str, limit: usize) -> Vec<Value> {
        let sign = if path.contains('?') { '&' } else { '?' };
        let mut found = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("{path}{sign}limit={limit}{cursor}"));
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= limit);
            found.extend(items.iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return found,
            }
        }
    }

    /// A new token with this scope.
    #[track_caller]
    pub fn token(&mut self, scope: &str) -> Value {
        self.post(
            "/tokens",
            &serde_json::json!({"name": format!("a test's {scope}"), "scope": scope}),
        )
    }
}

/// The OpenAPI document that the server under test serves: every server of a run is the same program.
fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let mut operator = Server::shared().operator();
        let answer = operator.exchange("GET", &format!("{BASE}/openapi.json"), &[], b"");
        assert_eq!(answer.status, 200, "{answer}");
        answer.json()
    })
}

/// The kind of a problem. Proves on the way that it has the form that RFC 9457 gives it, and says what to do.
#[track_caller]
pub fn problem(answer: &Answer) -> String {
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{answer}"
    );
    let body = answer.json();
    assert_eq!(body["status"], answer.status, "{answer}");
    assert_eq!(
        body["requestId"].as_str(),
        answer.header("x-request-id"),
        "{answer}"
    );
    for member in ["title", "detail"] {
        assert!(
            body[member].as_str().is_some_and(|text| !text.is_empty()),
            "{answer}"
        );
    }
    let kind = body["type"].as_str().unwrap().strip_prefix("urn:cosell:problem:");
    kind.unwrap_or_else(|| panic!("another type: {answer}"))
        .to_owned()
}

/// Asserts that a request was refused with this problem.
#[track_caller]
pub fn refused(answer: &Answer, status: u16, kind: &str) {
    assert_eq!(
        (answer.status, problem(answer).as_str()),
        (status, kind),
        "{answer}"
    );
}
