//! A partner's client: signs, sends over a connection of its own to the balancer, and says what came of it.
//!
//! Each request has a new connection, so that two of one client meet different servers. Nothing is repeated here.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use cosell_model::Timestamp;
use cosell_wire::sigv4::{SignedRequest, Signer, hash_body};
use http::{HeaderMap, HeaderValue, Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::nodes::Key;

/// Longer than a server tries a write (20 s), so that its own word is heard.
const PATIENCE: Duration = Duration::from_secs(45);

/// What came of a call.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It was done; the answer.
    Done(Value),
    /// It was refused for good: the error's name and its text. Nothing was changed.
    Refused(String, String),
    /// Nobody knows whether it was done: no answer, or one that says to try again.
    Unsure(String),
}

/// A client.
#[derive(Clone)]
pub struct Client {
    address: SocketAddr,
    key: Key,
}

impl Client {
    /// A client with a key.
    #[must_use]
    pub fn new(address: SocketAddr, key: Key) -> Self {
        Self { address, key }
    }

    /// Calls an operation once.
    pub async fn call(&self, operation: &str, body: &Value) -> Outcome {
        match tokio::time::timeout(PATIENCE, self.send(operation, body)).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => Outcome::Unsure(format!("{error:#}")),
            Err(_) => Outcome::Unsure(format!("no answer within {} s", PATIENCE.as_secs())),
        }
    }

    async fn send(&self, operation: &str, body: &Value) -> Result<Outcome> {
        let body = Bytes::from(body.to_string());
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_str(&self.address.to_string())?);
        let target = format!("AWSPartnerCentralSelling.{operation}");
        headers.insert("x-amz-target", HeaderValue::from_str(&target)?);
        headers.insert(
            "content-type",
            HeaderValue::from_static("application/x-amz-json-1.0"),
        );
        let signer = Signer {
            access_key_id: &self.key.id,
            secret: self.key.secret.as_bytes(),
            session_token: None,
            region: "us-east-1",
            service: "partnercentral-selling",
        };
        #[expect(clippy::disallowed_methods, reason = "a client signs with the machine's time")]
        let now = Timestamp::from_millis(jiff::Timestamp::now().as_millisecond());
        let whole = SignedRequest {
            method: &Method::POST,
            path: "/",
            query: None,
            headers: &headers,
            authority: None,
            body_sha256: &hash_body(&body),
        };
        headers.extend(signer.sign(&whole, now)?);
        let mut request = Request::post("/").body(Full::new(body))?;
        *request.headers_mut() = headers;

        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        // Whoever waits for the answer hears of its errors.
        tokio::spawn(connection);
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        let body: Value = match body.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&body).context("an answer that is no JSON")?,
        };
        if status.is_success() {
            return Ok(Outcome::Done(body));
        }
        let kind = body["__type"].as_str().unwrap_or_default();
        let kind = kind.split_once('#').map_or(kind, |(_, name)| name).to_owned();
        let text = body["Message"].as_str().unwrap_or_default().to_owned();
        Ok(match status.is_server_error() {
            true => Outcome::Unsure(format!("{status} {kind}: {text}")),
            false => Outcome::Refused(kind, format!("{status}: {body}")),
        })
    }
}
