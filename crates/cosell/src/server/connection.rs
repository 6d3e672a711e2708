//! One connection: HTTP/1.1 with keep-alive or HTTP/2, with bounds on headers, streams and time.

use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::handler::{Door, Handler};
use super::preface::Prompt;

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Bytes of request line and headers.
const HEADER_BYTES: usize = 64 * 1024;
/// Header fields of a request.
const HEADER_FIELDS: usize = 100;
/// Requests under way on one HTTP/2 connection.
const STREAMS: u32 = 128;

/// Bounds of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long a client may take to send its headers; also how long a connection may lie idle.
    pub header_timeout: Duration,
}

/// Hyper runs HTTP/2 streams as tasks; these stay on the connection's thread.
#[derive(Clone, Copy)]
struct LocalExecutor;

impl<F> hyper::rt::Executor<F> for LocalExecutor
where
    F: Future + 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

/// Serves a connection until it ends, or until the server stops and its requests under way are answered.
pub async fn serve(
    stream: TcpStream,
    tls: Option<tokio_rustls::TlsAcceptor>,
    handler: Arc<Handler>,
    door: Door,
    limits: Limits,
    stopping: watch::Receiver<bool>,
) {
    match tls {
        None => converse(stream, handler, door, limits, stopping).await,
        Some(tls) => match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
            Ok(Ok(stream)) => converse(stream, handler, door, limits, stopping).await,
            Ok(Err(error)) => tracing::debug!("TLS handshake failed: {error}"),
            Err(_) => tracing::debug!("TLS handshake took too long"),
        },
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    handler: Arc<Handler>,
    door: Door,
    limits: Limits,
    mut stopping: watch::Receiver<bool>,
) {
    let mut builder = auto::Builder::new(LocalExecutor);
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(HEADER_BYTES)
        .max_headers(HEADER_FIELDS)
        .half_close(true)
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(limits.header_timeout))
        .max_header_list_size(HEADER_BYTES as u32)
        .max_concurrent_streams(STREAMS);
    let service = service_fn(move |request| {
        let handler = Arc::clone(&handler);
        async move { handler.answer(request, door).await }
    });
    let stream = Prompt::new(stream, limits.header_timeout);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let result = tokio::select! {
        result = connection.as_mut() => result,
        _ = stopping.wait_for(|stop| *stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!("a connection ended early: {error}");
    }
}
