//! HTTP/2 and TLS, through hyper and rustls. Signs as `client` does; the host is the authority there.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::Answer;
use super::sign::{self, Key, Plan};

/// How to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.1.
    One,
    /// HTTP/2.
    Two,
}

impl Version {
    /// Its name in TLS.
    fn alpn(self) -> &'static [u8] {
        match self {
            Self::One => b"http/1.1",
            Self::Two => b"h2",
        }
    }
}

/// Sends calls over one connection, all at once where the protocol can, and returns the answers in the order of the calls.
pub fn converse(
    address: SocketAddr,
    certificate: Option<&CertificateDer<'static>>,
    version: Version,
    key: &Key,
    calls: &[(&str, String)],
) -> Vec<Answer> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let stream = TcpStream::connect(address).await.unwrap();
        let requests = calls
            .iter()
            .map(|(operation, body)| signed(address, certificate.is_some(), version, key, operation, body))
            .collect();
        match certificate {
            None => exchange(stream, version, requests).await,
            Some(certificate) => {
                let stream = secured(stream, certificate, version).await;
                exchange(stream, version, requests).await
            }
        }
    })
}

/// Whether the server at an address shows a certificate that somebody who trusts this one alone takes.
pub fn trusts(address: SocketAddr, certificate: &CertificateDer<'static>) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(async {
        let stream = TcpStream::connect(address).await.unwrap();
        handshake(stream, certificate, Version::One).await.is_ok()
    })
}

async fn secured(
    stream: TcpStream,
    certificate: &CertificateDer<'static>,
    version: Version,
) -> tokio_rustls::client::TlsStream<TcpStream> {
    let stream = handshake(stream, certificate, version).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(version.alpn()));
    stream
}

async fn handshake(
    stream: TcpStream,
    certificate: &CertificateDer<'static>,
    version: Version,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let protocol = version.alpn();
    config.alpn_protocols = vec![protocol.to_vec()];
    let name = ServerName::try_from("localhost").unwrap();
    tokio_rustls::TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

fn signed(
    address: SocketAddr,
    secure: bool,
    version: Version,
    key: &Key,
    operation: &str,
    body: &str,
) -> Request<Full<Bytes>> {
    let scheme = if secure { "https" } else { "http" };
    let url = format!("{scheme}://{address}/");
    let target = format!("AWSPartnerCentralSelling.{operation}");
    let headers = [
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amz-target", target.as_str()),
    ];
    let plan = Plan {
        method: "POST",
        url: &url,
        headers: &headers,
        body: body.as_bytes(),
        states_hash: true,
        clock_off: 0,
    };
    let signature = sign::headers(key, &plan);
    let mut request = match version {
        Version::Two => Request::post(&url),
        Version::One => Request::post("/").header("host", address.to_string()),
    };
    for (name, value) in headers {
        request = request.header(name, value);
    }
    for (name, value) in signature {
        request = request.header(name, value);
    }
    request
        .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
        .unwrap()
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    version: Version,
    requests: Vec<Request<Full<Bytes>>>,
) -> Vec<Answer> {
    let stream = TokioIo::new(stream);
    let mut answers = Vec::new();
    match version {
        Version::One => {
            let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
            tokio::spawn(connection);
            for request in requests {
                sender.ready().await.unwrap();
                answers.push(collected(sender.send_request(request).await.unwrap()).await);
            }
        }
        Version::Two => {
            let (mut sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), stream)
                    .await
                    .unwrap();
            tokio::spawn(connection);
            let mut waiting = Vec::new();
            for request in requests {
                sender.ready().await.unwrap();
                waiting.push(tokio::spawn(sender.send_request(request)));
            }
            for response in waiting {
                answers.push(collected(response.await.unwrap().unwrap()).await);
            }
        }
    }
    answers
}

async fn collected(response: http::Response<hyper::body::Incoming>) -> Answer {
    let (parts, body) = response.into_parts();
    let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (
            name.as_str().to_owned(),
            value.to_str().unwrap_or_default().to_owned(),
        )
    };
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers.iter().map(header).collect(),
        body: body.collect().await.unwrap().to_bytes().to_vec(),
    }
}
