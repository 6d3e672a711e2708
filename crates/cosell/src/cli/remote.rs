//! The way to a running server's operator API: finds the server and its token, and carries requests there. What is asked, and
//! what answers mean, is `ask`'s business.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, FromArgMatches};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::uri::Scheme;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Body, Incoming};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};

use cosell_operator::tokens;

use super::StoreAt;
use super::ask::{Answer, Ask, judge};
use super::failure::Failure;
use super::trust::{fingerprint_in, trust};
use crate::operator_file::OperatorFile;

/// How long it may take to reach the server.
const REACH: Duration = Duration::from_secs(10);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// Which server a command talks to.
#[derive(Args, Debug, Clone)]
pub struct Target {
    // The first, because it looks at what was parsed, and each of the others takes its own out of that.
    #[command(flatten)]
    typed: Typed,
    /// The server, such as http://127.0.0.1:7733 [default: as operator.json in the data folder says]
    #[arg(long, value_name = "URL", env = "COSELL_OPERATOR_URL")]
    operator_url: Option<String>,
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
    /// The data folder of the server; named here, it wins over COSELL_OPERATOR_URL and COSELL_OPERATOR_TOKEN
    #[arg(long, value_name = "DIR", env = "COSELL_DATA", default_value = "./.cosell")]
    pub(super) data: PathBuf,
    #[command(flatten)]
    pub(super) store: StoreAt,
}

/// Which of [`Target`]'s options were typed, and not taken from the environment or by default.
#[derive(Debug, Clone, Copy)]
struct Typed {
    url: bool,
    token: bool,
    data: bool,
}

impl Args for Typed {
    fn augment_args(command: clap::Command) -> clap::Command {
        command
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        command
    }
}

impl FromArgMatches for Typed {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let typed = |id| matches.value_source(id) == Some(ValueSource::CommandLine);
        Ok(Self {
            url: typed("operator_url"),
            token: typed("operator_token"),
            data: typed("data"),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Target {
    /// The server's address, where one is named: what is typed wins over the environment, so a data folder that is typed
    /// makes the environment's address and token count for nothing.
    pub(super) fn url(&self) -> Option<&str> {
        self.counting(self.operator_url.as_deref(), self.typed.url)
    }

    /// The options that name the same place in another command.
    pub(super) fn again(&self) -> String {
        match self.url() {
            Some(url) if self.typed.url => format!(" --operator-url {url}"),
            Some(_) => String::new(),
            None => format!(" --data {}", self.data.display()),
        }
    }

    /// The token, where one is named, by the same rule.
    pub(super) fn token(&self) -> Option<&str> {
        self.counting(self.operator_token.as_deref(), self.typed.token)
    }

    fn counting<'a>(&self, value: Option<&'a str>, typed: bool) -> Option<&'a str> {
        // A variable that is set to nothing is one that is not set.
        value.filter(|value| typed || !(self.typed.data || value.is_empty()))
    }
}

/// A path beneath `/operator/v1`, with its query.
#[derive(Debug, Clone)]
pub struct At {
    path: String,
    /// A segment that names nothing, whatever there is.
    nameless: Option<String>,
}

impl At {
    /// A path of these segments, which may hold any letter.
    pub fn new<'a>(segments: impl IntoIterator<Item = &'a str>) -> Self {
        let segments: Vec<&str> = segments.into_iter().collect();
        let nameless = segments.iter().find(|segment| !is_name(segment));
        Self {
            path: segments
                .iter()
                .map(|segment| format!("/{}", encoded(segment)))
                .collect(),
            nameless: nameless.map(|&segment| segment.to_owned()),
        }
    }

    /// Refuses a path with a segment that is no name: no server would find out what is meant by it.
    pub fn expect_names(&self) -> anyhow::Result<()> {
        match &self.nameless {
            None => Ok(()),
            Some(nameless) => anyhow::bail!(
                "\"{}\" is no identifier: one has at least one letter, and no slash",
                nameless.escape_debug()
            ),
        }
    }

    /// A path and query as typed.
    pub fn typed(text: &str) -> Self {
        let path = text.strip_prefix(cosell_operator::BASE).unwrap_or(text);
        Self {
            path: format!("/{}", path.trim_start_matches('/')),
            nameless: None,
        }
    }

    /// The path and its query.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// With a parameter, where there is a value for it.
    #[must_use]
    pub fn with(mut self, name: &str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            self.path.push(if self.path.contains('?') { '&' } else { '?' });
            self.path
                .push_str(&format!("{}={}", encoded(name), encoded(value)));
        }
        self
    }
}

/// Whether a path can name something by it.
fn is_name(segment: &str) -> bool {
    let strange = |letter: char| matches!(letter, '/' | '\\') || letter.is_control();
    !matches!(segment, "" | "." | "..") && !segment.contains(strange)
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

/// Where an address comes from that is named.
const NAMED: &str = "--operator-url or COSELL_OPERATOR_URL";

/// What a URL says of the way to a server: whether by TLS, the host, the port. `None` where it says anything else besides.
fn parts_of(url: &str) -> Option<(bool, String, u16)> {
    let uri: Uri = url.trim_end_matches('/').parse().ok()?;
    let https = match uri.scheme()? {
        scheme if *scheme == Scheme::HTTP => false,
        scheme if *scheme == Scheme::HTTPS => true,
        _ => return None,
    };
    // A name and a password would not be sent, and whoever gave them would not know.
    let plain = matches!(uri.path(), "" | "/" | cosell_operator::BASE) && uri.query().is_none();
    if !plain || uri.authority()?.as_str().contains('@') {
        return None;
    }
    let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
    Some((https, uri.host()?.to_owned(), port))
}

fn no_url(url: &str, found: &str) -> anyhow::Error {
    anyhow::anyhow!("\"{url}\" (from {found}) is no URL such as http://127.0.0.1:7733")
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
        let (url, token) = (target.url(), target.token());
        if let Some(token) = token
            && tokens::Presented::parse(token.trim()).is_none()
        {
            let words = "what --operator-token or COSELL_OPERATOR_TOKEN says is no operator token: one is cosell_op_ and all that \
                         `cosell operator token create` has shown behind it";
            return Err(Failure::NoToken(words.to_owned()).into());
        }
        let token = token.map(str::trim);
        let (file, found) = match url.zip(token) {
            Some((url, token)) => {
                let file = OperatorFile {
                    url: url.to_owned(),
                    token: token.to_owned(),
                    certificate: None,
                    fingerprint: None,
                };
                (file, NAMED)
            }
            None => {
                let file =
                    OperatorFile::read(&target.data).map_err(|error| unreachable(format!("{error:#}")))?;
                let same = |url: &str| url.trim_end_matches('/') == file.url.trim_end_matches('/');
                if let Some(other) = url.filter(|url| !same(url)) {
                    parts_of(other).ok_or_else(|| no_url(other, NAMED))?;
                    // A token is for the server that gave it, and for no other that somebody names.
                    anyhow::bail!(
                        "{other} needs a token: give --operator-token or COSELL_OPERATOR_TOKEN. The token in {} is for {}",
                        target.data.display(),
                        file.url
                    );
                }
                let token = token.map_or(file.token, str::to_owned);
                (OperatorFile { token, ..file }, "operator.json in the data folder")
            }
        };
        Self::at(file, found, target.operator_ca.clone())
    }

    fn at(file: OperatorFile, found: &'static str, authority: Option<PathBuf>) -> anyhow::Result<Self> {
        let (https, host, port) = parts_of(&file.url).ok_or_else(|| no_url(&file.url, found))?;
        let own = match (file.fingerprint, &file.certificate) {
            (None, Some(path)) if https => fingerprint_in(path)?,
            (known, _) => known,
        };
        let tls = https.then(|| trust(authority.as_deref(), own)).transpose()?;
        Ok(Self {
            host,
            port,
            tls,
            token: file.token,
            found,
        })
    }

    /// The server of a data folder on this machine.
    pub(super) fn beside(data: &Path) -> anyhow::Result<Self> {
        let file = OperatorFile::read(data).map_err(|error| unreachable(format!("{error:#}")))?;
        Self::at(file, "operator.json in the data folder", None)
    }

    /// Asks for a path that everybody may ask for, without the token; the answer's status and the first line of its text.
    pub(super) async fn probe(&self, path: &str, patience: Duration) -> anyhow::Result<(StatusCode, String)> {
        let request = Request::get(path)
            .header(HOST, format!("{}:{}", self.host, self.port))
            .body(Full::<Bytes>::default())
            .context("this cannot be asked")?;
        let asked = async {
            let response = self.talk(request).await?.response;
            let status = response.status();
            // Whatever answers there, a reason is short.
            let text = Limited::new(response.into_body(), 1000).collect().await;
            let text = text.map(|text| text.to_bytes()).unwrap_or_default();
            let line = String::from_utf8_lossy(&text)
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned();
            Ok((status, line))
        };
        match tokio::time::timeout(patience, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(self.refused("gave no answer in time").into()),
        }
    }

    /// A request to be filled.
    pub(super) fn request(&self, method: Method, at: &At) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(format!("{}{}", cosell_operator::BASE, at.path))
            .header(HOST, format!("{}:{}", self.host, self.port))
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
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
        self.understood(&self.whole(talk).await?)
    }

    /// The whole answer of a success.
    async fn whole(&self, talk: Talk) -> anyhow::Result<Answer> {
        let (head, body) = talk.response.into_parts();
        let body = body.collect().await;
        let body = body
            .map_err(|error| self.refused(format!("gave no answer: {error}")))?
            .to_bytes();
        talk.connection.abort();
        judge(&head, body, |what| self.refused(what))
    }
}

impl Ask for Remote {
    async fn exchange(&self, method: Method, at: &At, body: Option<Bytes>) -> anyhow::Result<Answer> {
        let mut request = self.request(method, at);
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request = request
            .body(Full::new(body.unwrap_or_default()))
            .context("this cannot be asked")?;
        let talk = async { self.whole(self.talk(request).await?).await };
        match tokio::time::timeout(PATIENCE, talk).await {
            Ok(answer) => answer,
            Err(_) => Err(self.refused("gave no answer in time").into()),
        }
    }

    fn refused(&self, what: impl Display) -> Failure {
        let (host, port, found) = (&self.host, self.port, self.found);
        unreachable(format!("{host}:{port} (from {found}) {what}"))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_a_server_is_and_nothing_else() {
        let at = |port| Some((false, "127.0.0.1".to_owned(), port));
        assert_eq!(parts_of("http://127.0.0.1:7733"), at(7733));
        assert_eq!(parts_of("http://127.0.0.1/operator/v1/"), at(80));
        assert_eq!(
            parts_of("https://cosell.example"),
            Some((true, "cosell.example".to_owned(), 443))
        );
        for strange in [
            "nonsense",
            "ftp://x",
            "http://a:b@x",
            "http://x/other",
            "http://x/?a=b",
            "",
        ] {
            assert_eq!(parts_of(strange), None, "{strange}");
        }
    }

    #[test]
    fn paths_and_parameters_are_escaped() {
        assert!(At::new(["keys", "AKIA"]).expect_names().is_ok());
        for nameless in ["", "..", "a/b", "a\\b", "a\n"] {
            assert!(At::new(["keys", nameless]).expect_names().is_err(), "{nameless}");
        }
        let at = At::new(["accounts", "a/b", "ä"])
            .with("q", Some("x&y=z ?"))
            .with("none", None)
            .with("r", Some("1"));
        assert_eq!(at.path, "/accounts/a%2Fb/%C3%A4?q=x%26y%3Dz%20%3F&r=1");
        for typed in ["/operator/v1/status", "/status", "status"] {
            assert_eq!(At::typed(typed).path, "/status");
        }
    }
}
