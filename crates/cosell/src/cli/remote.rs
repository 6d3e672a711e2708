//! What commands use to talk to a running server's operator API: finds it, sends JSON, and turns what it refuses into words
//! and an exit code.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use clap::Args;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::uri::Scheme;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Incoming};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};

use super::failure::{Failure, Seen};
use crate::operator_file::OperatorFile;

/// How long it may take to reach the server.
const REACH: Duration = Duration::from_secs(10);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(600);
/// Items asked for at once where all are wanted.
const PAGE: &str = "100";

/// Which server a command talks to.
#[derive(Args, Debug, Clone)]
pub struct Target {
    /// The server, such as http://127.0.0.1:7733 [default: as operator.json in the data folder says]
    #[arg(long, value_name = "URL", env = "COSELL_OPERATOR_URL")]
    pub(super) operator_url: Option<String>,
    /// A token of the server [default: as operator.json in the data folder says]
    #[arg(
        long,
        value_name = "TOKEN",
        env = "COSELL_OPERATOR_TOKEN",
        hide_env_values = true
    )]
    operator_token: Option<String>,
    /// PEM file with the certificates to trust besides the system's
    #[arg(long, value_name = "FILE", env = "COSELL_OPERATOR_CA")]
    operator_ca: Option<PathBuf>,
    /// The data folder of the server
    #[arg(long, value_name = "DIR", env = "COSELL_DATA", default_value = "./.cosell")]
    pub(super) data: PathBuf,
}

/// A path beneath `/operator/v1`, with its query.
#[derive(Debug, Clone)]
pub struct At(String);

impl At {
    /// A path of these segments, which may hold any letter.
    pub fn new<'a>(segments: impl IntoIterator<Item = &'a str>) -> Self {
        Self(
            segments
                .into_iter()
                .map(|segment| format!("/{}", encoded(segment)))
                .collect(),
        )
    }

    /// A path and query as typed.
    pub fn typed(text: &str) -> Self {
        let path = text.strip_prefix(cosell_operator::BASE).unwrap_or(text);
        Self(format!("/{}", path.trim_start_matches('/')))
    }

    /// With a parameter, where there is a value for it.
    #[must_use]
    pub fn with(mut self, name: &str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            self.0.push(if self.0.contains('?') { '&' } else { '?' });
            self.0.push_str(&format!("{}={}", encoded(name), encoded(value)));
        }
        self
    }
}

/// Every byte that is not plainly itself, escaped.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// A page as it is read.
#[derive(Deserialize)]
struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

/// An answer as it came.
struct Answer {
    /// Where what comes as lines goes on.
    next: Option<String>,
    body: Bytes,
}

/// A running server.
pub struct Remote {
    host: String,
    port: u16,
    /// What is trusted; `None` for plain HTTP.
    tls: Option<Arc<rustls::ClientConfig>>,
    token: String,
    /// Where its address was found, for complaints.
    found: &'static str,
}

impl Remote {
    /// Finds the server: by flags or environment, else by `operator.json` in the data folder.
    pub fn open(target: &Target) -> anyhow::Result<Self> {
        let given = target.operator_url.clone().zip(target.operator_token.clone());
        let (file, found) = match given {
            Some((url, token)) => {
                let file = OperatorFile {
                    url,
                    token,
                    certificate: None,
                };
                (file, "--operator-url or COSELL_OPERATOR_URL")
            }
            None => {
                let file =
                    OperatorFile::read(&target.data).map_err(|error| unreachable(format!("{error:#}")))?;
                let same = |url: &String| url.trim_end_matches('/') == file.url.trim_end_matches('/');
                if let Some(other) = target.operator_url.as_ref().filter(|url| !same(url)) {
                    // A token is for the server that gave it, and for no other that somebody names.
                    anyhow::bail!(
                        "{other} needs a token: give --operator-token or COSELL_OPERATOR_TOKEN. The token in {} is for {}",
                        target.data.display(),
                        file.url
                    );
                }
                let token = target.operator_token.clone().unwrap_or(file.token);
                (OperatorFile { token, ..file }, "operator.json in the data folder")
            }
        };
        let wrong = || {
            anyhow::anyhow!(
                "\"{}\" (from {found}) is no URL such as http://127.0.0.1:7733",
                file.url
            )
        };
        let uri: Uri = file.url.trim_end_matches('/').parse().map_err(|_| wrong())?;
        let https = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => return Err(wrong()),
        };
        if !matches!(uri.path(), "" | "/" | cosell_operator::BASE) {
            return Err(wrong());
        }
        let trusted = [target.operator_ca.clone(), file.certificate.clone()];
        let tls = https.then(|| trust(trusted.into_iter().flatten())).transpose()?;
        Ok(Self {
            host: uri.host().ok_or_else(wrong)?.to_owned(),
            port: uri.port_u16().unwrap_or(if https { 443 } else { 80 }),
            tls,
            token: file.token,
            found,
        })
    }

    /// Reads something.
    pub async fn get<T: DeserializeOwned>(&self, at: &At) -> anyhow::Result<T> {
        self.send(Method::GET, at, None::<&()>).await
    }

    /// Makes something, or does something that takes no more words.
    pub async fn post<T: DeserializeOwned>(
        &self,
        at: &At,
        body: Option<&impl Serialize>,
    ) -> anyhow::Result<T> {
        self.send(Method::POST, at, body).await
    }

    /// Puts something in the place of what was there.
    pub async fn put<T: DeserializeOwned>(&self, at: &At, body: &impl Serialize) -> anyhow::Result<T> {
        self.send(Method::PUT, at, Some(body)).await
    }

    /// Changes the members that are sent.
    pub async fn patch<T: DeserializeOwned>(&self, at: &At, body: &impl Serialize) -> anyhow::Result<T> {
        self.send(Method::PATCH, at, Some(body)).await
    }

    /// Takes something away.
    pub async fn delete<T: DeserializeOwned>(&self, at: &At) -> anyhow::Result<T> {
        self.send(Method::DELETE, at, None::<&()>).await
    }

    /// Every item of a list, all its pages, or the first `most` of them.
    pub async fn list<T: DeserializeOwned>(&self, at: &At, most: usize) -> anyhow::Result<Vec<T>> {
        let at = at.clone().with("limit", Some(PAGE));
        let mut found: Vec<T> = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page: Page<T> = self.get(&at.clone().with("cursor", cursor.as_deref())).await?;
            found.extend(page.items);
            cursor = page.next;
            if cursor.is_none() || found.len() >= most {
                found.truncate(most);
                return Ok(found);
            }
        }
    }

    /// A part of what comes as lines, and where it goes on.
    pub async fn lines(&self, at: &At) -> anyhow::Result<(Bytes, Option<String>)> {
        let answer = self.exchange(Method::GET, at, None::<&()>).await?;
        Ok((answer.body, answer.next))
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        at: &At,
        body: Option<&impl Serialize>,
    ) -> anyhow::Result<T> {
        let answer = self.exchange(method, at, body).await?;
        read(&answer.body).map_err(|error| {
            self.refused(format!("answered what cannot be understood: {error}"))
                .into()
        })
    }

    /// The answer of a success.
    async fn exchange(
        &self,
        method: Method,
        at: &At,
        body: Option<&impl Serialize>,
    ) -> anyhow::Result<Answer> {
        let mut request = self.request(method, at);
        let body = match body {
            Some(body) => {
                request = request.header(CONTENT_TYPE, "application/json");
                Bytes::from(serde_json::to_vec(body)?)
            }
            None => Bytes::new(),
        };
        let talk = async {
            let talk = self.talk(request.body(Full::new(body)).context("this cannot be asked")?);
            self.whole(talk.await?).await
        };
        match tokio::time::timeout(PATIENCE, talk).await {
            Ok(answer) => answer,
            Err(_) => Err(self.refused("gave no answer in time").into()),
        }
    }

    /// A request to be filled.
    pub(super) fn request(&self, method: Method, at: &At) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(format!("{}{}", cosell_operator::BASE, at.0))
            .header(HOST, format!("{}:{}", self.host, self.port))
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
    }

    /// The server's fault, or that of the way to it.
    pub(super) fn refused(&self, what: impl std::fmt::Display) -> Failure {
        let (host, port, found) = (&self.host, self.port, self.found);
        unreachable(format!("{host}:{port} (from {found}) {what}"))
    }

    /// Sends a request; its answer as far as it has come. However long that takes.
    pub(super) async fn talk<B>(&self, request: Request<B>) -> anyhow::Result<Talk>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let reach = async {
            let stream =
                tokio::net::TcpStream::connect((self.host.trim_matches(['[', ']']), self.port)).await?;
            stream.set_nodelay(true)?;
            Ok::<_, std::io::Error>(stream)
        };
        let stream = match tokio::time::timeout(REACH, reach).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                let what = format!("is not reached: {error}. Is the server running?");
                return Err(self.refused(what).into());
            }
            Err(_) => {
                let what = "is not reached in time. Is the server running?";
                return Err(self.refused(what).into());
            }
        };
        let talk = async {
            match &self.tls {
                None => converse(stream, request).await,
                Some(tls) => {
                    let name = ServerName::try_from(self.host.trim_matches(['[', ']']).to_owned())?;
                    let connector = tokio_rustls::TlsConnector::from(Arc::clone(tls));
                    let stream = connector.connect(name, stream).await.context(
                        "the TLS connection is refused; --operator-ca names certificates to trust",
                    )?;
                    converse(stream, request).await
                }
            }
        };
        talk.await
            .map_err(|error: anyhow::Error| self.refused(format!("gave no answer: {error:#}")).into())
    }

    /// The whole answer, as what it should be.
    pub(super) async fn answer<T: DeserializeOwned>(&self, talk: Talk) -> anyhow::Result<T> {
        let answer = self.whole(talk).await?;
        read(&answer.body).map_err(|error| {
            self.refused(format!("answered what cannot be understood: {error}"))
                .into()
        })
    }

    /// The whole answer of a success.
    async fn whole(&self, talk: Talk) -> anyhow::Result<Answer> {
        let refused = |what: String| self.refused(what);
        let status = talk.response.status();
        let header = |name| {
            talk.response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        let json = header(CONTENT_TYPE.as_str()).is_some_and(|kind| kind.contains("json"));
        let next = header(cosell_operator::NEXT_CURSOR).map(str::to_owned);
        let body = talk.response.into_body().collect().await;
        let body = body
            .map_err(|error| refused(format!("gave no answer: {error}")))?
            .to_bytes();
        talk.connection.abort();
        let answer = Answer { next, body };
        if status.is_success() {
            return Ok(answer);
        }
        let seen = match serde_json::from_slice::<Seen>(&answer.body) {
            Ok(seen) if json => seen,
            _ => return Err(refused(format!("is no cosell server: it answered {status}")).into()),
        };
        Err(match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => {
                Failure::Unauthorised(seen)
            }
            StatusCode::SERVICE_UNAVAILABLE => Failure::Unreachable(Failure::Refused(seen).to_string()),
            _ => Failure::Refused(seen),
        }
        .into())
    }
}

/// What a body says; nothing says null.
fn read<T: DeserializeOwned>(body: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(if body.is_empty() { b"null" } else { body })
}

fn unreachable(words: String) -> Failure {
    Failure::Unreachable(words)
}

/// An answer that is coming in.
pub(super) struct Talk {
    /// What has come: at least status and headers.
    pub(super) response: Response<Incoming>,
    connection: tokio::task::JoinHandle<Result<(), hyper::Error>>,
}

async fn converse<B>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<B>,
) -> anyhow::Result<Talk>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    Ok(Talk { response, connection })
}

/// Trusts what the system trusts, and these files.
fn trust(files: impl Iterator<Item = PathBuf>) -> anyhow::Result<Arc<rustls::ClientConfig>> {
    let mut roots = rustls::RootCertStore::empty();
    // A system without certificates trusts nobody, which is for the connection to complain of.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for file in files {
        let read = || format!("cannot read certificates from {}", file.display());
        for certificate in CertificateDer::pem_file_iter(&file).with_context(read)? {
            roots.add(certificate.with_context(read)?).with_context(read)?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_parameters_are_escaped() {
        let at = At::new(["accounts", "a/b", "ä"])
            .with("q", Some("x&y=z ?"))
            .with("none", None)
            .with("r", Some("1"));
        assert_eq!(at.0, "/accounts/a%2Fb/%C3%A4?q=x%26y%3Dz%20%3F&r=1");
        for typed in ["/operator/v1/status", "/status", "status"] {
            assert_eq!(At::typed(typed).0, "/status");
        }
    }
}
