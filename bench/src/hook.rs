//! A webhook that takes everything: a process of its own, so that what it costs is not counted as the sender's.

use std::convert::Infallible;

use clap::Args;
use http::{Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

#[derive(Args)]
pub struct Arguments {}

pub fn main(_: &Arguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("endpoint  http://{}", listener.local_addr()?);
        println!("ready in 0 ms");
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let take = service_fn(|request: http::Request<Incoming>| async {
                // A body that breaks off was not received.
                let status = match request.into_body().collect().await {
                    Ok(_) => StatusCode::NO_CONTENT,
                    Err(_) => StatusCode::BAD_REQUEST,
                };
                let mut answer = Response::new(Empty::<Bytes>::new());
                *answer.status_mut() = status;
                Ok::<_, Infallible>(answer)
            });
            tokio::task::spawn_local(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), take),
            );
        }
    })
}
