//! The target of all events: a webhook that takes everything, at once, and remembers the order.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;

/// What it got, in the order in which it came: each event's id, and the opportunity that it is about.
pub type Came = Vec<(String, String)>;

/// The receiver.
pub struct Receiver {
    address: SocketAddr,
    came: Arc<Mutex<Came>>,
}

impl Receiver {
    /// Opens it on the runtime that this is called on.
    ///
    /// # Errors
    /// Where the address is taken.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen at {address}"))?;
        let came = Arc::new(Mutex::new(Came::new()));
        let kept = Arc::clone(&came);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let kept = Arc::clone(&kept);
                let service = hyper::service::service_fn(move |request| take(request, Arc::clone(&kept)));
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Ok(Self { address, came })
    }

    /// Where events go.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Everything that came.
    #[must_use]
    pub fn came(&self) -> Came {
        self.came.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn take(
    request: Request<Incoming>,
    kept: Arc<Mutex<Came>>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let mut answer = Response::new(Empty::new());
    // A sender that was killed in the middle is nothing that came.
    let Ok(body) = request.into_body().collect().await else {
        *answer.status_mut() = StatusCode::BAD_REQUEST;
        return Ok(answer);
    };
    let Ok(event) = serde_json::from_slice::<Value>(&body.to_bytes()) else {
        *answer.status_mut() = StatusCode::BAD_REQUEST;
        return Ok(answer);
    };
    kept.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(named(&event));
    Ok(answer)
}

/// An event's id, and the opportunity that it is about.
#[must_use]
pub fn named(event: &Value) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (
        text(&event["id"]),
        text(&event["detail"]["opportunity"]["identifier"]),
    )
}
