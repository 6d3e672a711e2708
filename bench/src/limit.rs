//! The limit: what remains of a request when nothing but HTTP and the signature check is done. The same hyper, the same
//! verifier and the same threads as cosell, and a fixed answer of the size of a GetOpportunity.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use clap::Args;
use cosell_model::{Operation, Timestamp};
use cosell_wire::envelope::{self, Protocol, RequestId};
use cosell_wire::sigv4::{self, Presented, SignedRequest, SigningKeyCache, Verifier};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};

use crate::requests::{SECRET, create};

#[derive(Args)]
pub struct Arguments {
    /// Address to serve at
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

struct Limit {
    verifier: Verifier,
    keys: SigningKeyCache,
    answer: Bytes,
}

pub fn main(arguments: &Arguments) -> anyhow::Result<()> {
    let listener = std::net::TcpListener::bind(arguments.listen)?;
    println!("endpoint  http://{}", listener.local_addr()?);
    println!("ready in 0 ms");
    let limit = Arc::new(Limit {
        verifier: Verifier::default(),
        keys: SigningKeyCache::new(100),
        answer: Bytes::from(serde_json::to_vec(&create(1, "token"))?),
    });
    let mut senders = Vec::new();
    for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        let limit = Arc::clone(&limit);
        std::thread::spawn(move || serve(limit, receiver));
        senders.push(sender);
    }
    for (turn, stream) in listener.incoming().enumerate() {
        let stream = stream?;
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        senders[turn % senders.len()].send(stream)?;
    }
    Ok(())
}

fn serve(limit: Arc<Limit>, mut accepted: tokio::sync::mpsc::UnboundedReceiver<std::net::TcpStream>) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return;
    };
    tokio::task::LocalSet::new().block_on(&runtime, async {
        while let Some(stream) = accepted.recv().await {
            let Ok(stream) = tokio::net::TcpStream::from_std(stream) else {
                continue;
            };
            let limit = Arc::clone(&limit);
            tokio::task::spawn_local(async move {
                let service = service_fn(move |request| {
                    let limit = Arc::clone(&limit);
                    async move { Ok::<_, Infallible>(limit.answer(request).await) }
                });
                let _ = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
}

impl Limit {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let id = RequestId::fresh();
        let (parts, body) = request.into_parts();
        let body = body
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes)
            .unwrap_or_default();
        let response = match self.verify(&parts, &body) {
            Ok(()) => envelope::success(
                Protocol::AwsJson10,
                &id,
                Operation::GetOpportunity,
                self.answer.clone(),
            ),
            Err(error) => envelope::failure(Protocol::AwsJson10, &id, &error.into()),
        };
        response.map(Full::new)
    }

    fn verify(&self, parts: &http::request::Parts, body: &[u8]) -> Result<(), sigv4::AuthError> {
        #[expect(
            clippy::disallowed_methods,
            reason = "this server has no clock that could be moved"
        )]
        let now = Timestamp::from_millis(jiff::Timestamp::now().as_millisecond());
        let presented = Presented::parse(&parts.headers, parts.uri.query())?;
        let hash = sigv4::hash_body(body);
        let request = SignedRequest {
            method: &parts.method,
            path: parts.uri.path(),
            query: parts.uri.query(),
            headers: &parts.headers,
            authority: None,
            body_sha256: &hash,
        };
        self.verifier
            .authenticate(&request, &presented, &self.keys, SECRET.as_bytes(), None, now)
    }
}
