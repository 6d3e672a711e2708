//! The way to the outside over HTTP: one pooled client that resolves a name, judges every address, and connects to exactly
//! an address it has judged.
//!
//! Must never follow a redirect, use a proxy of the environment, or read more of an answer than it needs: all three would
//! lead around the guard.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;

use crate::network::{Admission, Network};

/// How long it may take to reach one address, TLS included.
const REACH: Duration = Duration::from_secs(10);
/// How long the rest of an answer is waited for once its status is known.
const REST: Duration = Duration::from_secs(2);
/// Most bytes of an answer that are read.
const MAX_ANSWER: usize = 64 << 10;
/// Most addresses of a name that are tried.
const MAX_ADDRESSES: usize = 8;

/// The outside, as far as the server may go there. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Outside {
    client: Client<Guarded, Full<Bytes>>,
    network: Arc<Network>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its beginning, 64 KiB at most. What did not come soon after the status is missing.
    pub body: Bytes,
}

impl Outside {
    /// The outside within a network's bounds. `roots` are trusted besides the system's certificates.
    pub fn new(network: Network, roots: Vec<CertificateDer<'static>>) -> Self {
        let network = Arc::new(network);
        let guarded = Guarded {
            network: network.clone(),
            tls: Arc::new(Tls {
                roots,
                config: OnceCell::new(),
            }),
        };
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(60))
            .pool_max_idle_per_host(64)
            .build(guarded);
        Self { client, network }
    }

    /// What is allowed besides public addresses.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Sends a request and reads the beginning of the answer.
    ///
    /// # Errors
    /// Why there was no answer, for people.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let answer = self.client.request(request).await.map_err(|error| {
            // The outermost errors only say that something failed; the innermost says what.
            let mut deepest: &dyn std::error::Error = &error;
            while let Some(source) = deepest.source() {
                deepest = source;
            }
            match error.is_connect() {
                true => format!("cannot connect: {deepest}"),
                false => format!("no answer: {deepest}"),
            }
        })?;
        let (parts, body) = answer.into_parts();
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body: beginning(body).await,
        })
    }
}

/// The beginning of a body, as far as it comes soon and without an error.
async fn beginning(mut body: Incoming) -> Bytes {
    let mut read = BytesMut::new();
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            if let Some(data) = frame.data_ref() {
                let room = MAX_ANSWER - read.len();
                read.extend_from_slice(&data[..data.len().min(room)]);
                if data.len() >= room {
                    break;
                }
            }
        }
    };
    // What is late or broken here changes nothing: the status is known.
    let _late = tokio::time::timeout(REST, reading).await;
    read.freeze()
}

/// TLS as a client, set up when it is first needed: reading the system's certificates takes milliseconds that a start
/// should not.
struct Tls {
    roots: Vec<CertificateDer<'static>>,
    config: OnceCell<Arc<rustls::ClientConfig>>,
}

impl Tls {
    async fn config(&self) -> io::Result<Arc<rustls::ClientConfig>> {
        let make = || async {
            let roots = self.roots.clone();
            tokio::task::spawn_blocking(move || client_config(roots))
                .await
                .map_err(io::Error::other)?
        };
        self.config.get_or_try_init(make).await.cloned()
    }
}

fn client_config(roots: Vec<CertificateDer<'static>>) -> io::Result<Arc<rustls::ClientConfig>> {
    let mut trusted = rustls::RootCertStore::empty();
    trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for root in roots {
        trusted.add(root).map_err(io::Error::other)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Connects to addresses that the network admits, and to no other.
#[derive(Clone)]
struct Guarded {
    network: Arc<Network>,
    tls: Arc<Tls>,
}

impl Guarded {
    async fn connect(self, uri: Uri) -> io::Result<TokioIo<Stream>> {
        let https = uri.scheme_str() == Some("https");
        let host = uri
            .host()
            .ok_or_else(|| io::Error::other("the URL names no host"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
        let mut last = None;
        for address in admitted(&self.network, &host, port, https).await? {
            let connecting = self.clone().connect_to(address, &host, https);
            match tokio::time::timeout(REACH, connecting).await {
                Ok(Ok(stream)) => return Ok(TokioIo::new(stream)),
                Ok(Err(error)) => last = Some(error),
                Err(_) => last = Some(io::Error::other(format!("{address} does not answer"))),
            }
        }
        Err(last.unwrap_or_else(|| io::Error::other(format!("{host} has no address"))))
    }

    async fn connect_to(self, address: SocketAddr, host: &str, https: bool) -> io::Result<Stream> {
        let plain = TcpStream::connect(address).await?;
        plain.set_nodelay(true)?;
        if !https {
            return Ok(Stream {
                io: Box::pin(plain),
                h2: false,
            });
        }
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(self.tls.config().await?)
            .connect(name, plain)
            .await?;
        let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok(Stream {
            io: Box::pin(stream),
            h2,
        })
    }
}

/// The addresses of a host that may be used. One address that may not be refuses the whole host: a name that leads both
/// outside and inside is no honest one.
pub(super) async fn admitted(
    network: &Network,
    host: &str,
    port: u16,
    tls: bool,
) -> io::Result<Vec<SocketAddr>> {
    let found: Vec<SocketAddr> = match host.parse::<IpAddr>() {
        Ok(address) => vec![(address, port).into()],
        Err(_) => tokio::net::lookup_host((host, port))
            .await
            .map_err(|error| io::Error::other(format!("{host} cannot be resolved: {error}")))?
            .take(MAX_ADDRESSES)
            .collect(),
    };
    for address in &found {
        match network.admit(address.ip()) {
            Admission::Allowed => {}
            Admission::Public if tls => {}
            Admission::Public => {
                return Err(io::Error::other(format!(
                    "{host} may be reached with https:// only; without TLS the server sends to allowed networks alone"
                )));
            }
            Admission::Refused => {
                return Err(io::Error::other(format!(
                    "{host} is at the private address {}, which no target may be at; the operator can allow its network",
                    address.ip()
                )));
            }
        }
    }
    Ok(found)
}

impl tower_service::Service<Uri> for Guarded {
    type Response = TokioIo<Stream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TokioIo<Stream>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

trait Duplex: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> Duplex for T {}

/// A connection, with TLS or without.
struct Stream {
    io: Pin<Box<dyn Duplex>>,
    h2: bool,
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        match self.h2 {
            true => Connected::new().negotiated_h2(),
            false => Connected::new(),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.io.as_mut().poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.io.as_mut().poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.as_mut().poll_shutdown(cx)
    }
}
