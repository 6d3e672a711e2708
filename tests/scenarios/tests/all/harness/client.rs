//! A small blocking HTTP/1.1 client. It sends exactly the bytes it is told to, which hostile tests need, and never repeats
//! a request, which crash tests need.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::sign::{self, Key, Plan};

/// A connection that idled longer than this is opened anew: the server closes idle ones.
const IDLE: Duration = Duration::from_secs(5);
/// No answer takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null where it is empty.
    pub fn json(&self) -> Value {
        if self.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("not JSON ({error}): {self}"))
    }

    /// The name of the error, empty for a success. Proves on the way that an error has the form that AWS's clients read.
    pub fn error(&self) -> String {
        let id = self.header("x-amzn-requestid").unwrap_or_default();
        assert!(id.len() >= 32, "an answer without a request id: {self}");
        if self.status == 200 {
            return String::new();
        }
        let body = self.json();
        let kind = body["__type"].as_str().unwrap_or_default();
        let (_, name) = kind
            .split_once('#')
            .unwrap_or_else(|| panic!("no __type: {self}"));
        assert_eq!(self.header("x-amzn-errortype"), Some(name), "{self}");
        let message = body["Message"].as_str().unwrap_or_default();
        assert!(!message.is_empty(), "an error without a message: {self}");
        name.to_owned()
    }

    /// The JSON of a success.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.error(), "", "{self}");
        self.json()
    }

    /// Asserts a ValidationException with that reason and returns its (field, code) pairs in the order sent.
    #[track_caller]
    pub fn violations(&self, reason: &str) -> Vec<(String, String)> {
        assert_eq!(self.error(), "ValidationException", "{self}");
        let body = self.json();
        assert_eq!(body["Reason"], reason, "{self}");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = body["ErrorList"].as_array().cloned().unwrap_or_default();
        let pair = |entry: &Value| {
            assert!(!text(&entry["Message"]).is_empty(), "{self}");
            (text(&entry["FieldName"]), text(&entry["Code"]))
        };
        list.iter().map(pair).collect()
    }

    /// Asserts that the error has this name.
    #[track_caller]
    pub fn is(&self, name: &str) {
        assert_eq!(self.error(), name, "{self}");
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body: String = String::from_utf8_lossy(&self.body).chars().take(2000).collect();
        write!(f, "{} {body}", self.status)
    }
}

/// One TCP connection.
pub struct Connection {
    stream: BufReader<TcpStream>,
    used: Instant,
}

impl Connection {
    /// Opens one.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(10))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream: BufReader::with_capacity(64 * 1024, stream),
            used: Instant::now(),
        })
    }

    /// Sends these bytes.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.used = Instant::now();
        self.stream.get_mut().write_all(bytes)
    }

    /// Says that nothing more will be sent.
    pub fn finish(&mut self) -> io::Result<()> {
        self.stream.get_ref().shutdown(std::net::Shutdown::Write)
    }

    /// The next answer; `None` where the server closed instead.
    pub fn answer(&mut self) -> io::Result<Option<Answer>> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let broken = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let status = line
            .split(' ')
            .nth(1)
            .and_then(|status| status.trim().parse().ok())
            .ok_or_else(|| broken(&format!("no status line: {line:?}")))?;
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(broken("the headers end early"));
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| broken(line))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Answer {
            status,
            headers,
            body: Vec::new(),
        };
        if answer.header("transfer-encoding") == Some("chunked") {
            answer.body = self.chunks()?;
            return Ok(Some(answer));
        }
        // Of everything else that it says, the server knows the length.
        let length = answer
            .header("content-length")
            .and_then(|length| length.parse::<usize>().ok())
            .unwrap_or_default();
        answer.body.resize(length, 0);
        self.stream.read_exact(&mut answer.body)?;
        Ok(Some(answer))
    }

    /// A body of which only its pieces tell their lengths.
    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            let length = usize::from_str_radix(line.trim(), 16)
                .map_err(|_| io::Error::new(io::ErrorKind::UnexpectedEof, "the body breaks off"))?;
            let from = body.len();
            body.resize(from + length, 0);
            self.stream.read_exact(&mut body[from..])?;
            self.stream.read_line(&mut String::new())?;
            if length == 0 {
                return Ok(body);
            }
        }
    }

    /// Whatever arrives until the server closes.
    pub fn drain(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest)?;
        Ok(rest)
    }
}

/// The bytes of a request.
pub fn request(line: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{line} HTTP/1.1\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

/// Calls operations with one key over one connection.
pub struct Caller {
    /// The server.
    pub address: SocketAddr,
    /// The key.
    pub key: Key,
    connection: Option<Connection>,
}

impl Caller {
    /// A caller of a server.
    pub fn new(address: SocketAddr, key: Key) -> Self {
        Self {
            address,
            key,
            connection: None,
        }
    }

    /// Another caller with the same key.
    pub fn again(&self) -> Self {
        Self::new(self.address, self.key.clone())
    }

    /// The signed bytes of a call in the AWS JSON form.
    pub fn signed(&self, operation: &str, body: &[u8]) -> Vec<u8> {
        let target = format!("AWSPartnerCentralSelling.{operation}");
        let headers = [
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-target", target.as_str()),
        ];
        self.signed_with("/", &headers, body)
    }

    /// The signed bytes of a POST with these headers.
    pub fn signed_with(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
        let host = self.address.to_string();
        let url = format!("http://{host}{path}");
        let signature = sign::headers(
            &self.key,
            &Plan {
                method: "POST",
                url: &url,
                headers,
                body,
                states_hash: false,
                clock_off: 0,
            },
        );
        let length = body.len().to_string();
        let mut all = vec![("host", host.as_str()), ("content-length", length.as_str())];
        all.extend_from_slice(headers);
        all.extend(
            signature
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
        request(&format!("POST {path}"), &all, body)
    }

    /// Sends bytes and reads one answer, over the kept connection.
    pub fn exchange(&mut self, bytes: &[u8]) -> io::Result<Answer> {
        if self
            .connection
            .as_ref()
            .is_some_and(|open| open.used.elapsed() > IDLE)
        {
            self.connection = None;
        }
        let mut connection = match self.connection.take() {
            Some(open) => open,
            None => Connection::open(self.address)?,
        };
        connection.send(bytes)?;
        let answer = connection
            .answer()?
            .ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        if answer.header("connection") != Some("close") {
            self.connection = Some(connection);
        }
        Ok(answer)
    }

    /// Calls an operation in the AWS JSON form with raw bytes as body.
    #[track_caller]
    pub fn raw(&mut self, operation: &str, body: &[u8]) -> Answer {
        let bytes = self.signed(operation, body);
        self.exchange(&bytes)
            .unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    /// Calls an operation in the AWS JSON form; an I/O error is the caller's to judge.
    pub fn attempt(&mut self, operation: &str, body: &Value) -> io::Result<Answer> {
        let bytes = self.signed(operation, body.to_string().as_bytes());
        self.exchange(&bytes)
    }

    /// Calls an operation in the AWS JSON form.
    #[track_caller]
    pub fn call(&mut self, operation: &str, body: &Value) -> Answer {
        self.raw(operation, body.to_string().as_bytes())
    }

    /// Calls an operation in the path form.
    #[track_caller]
    pub fn call_path(&mut self, operation: &str, body: &Value) -> Answer {
        let headers = [("content-type", "application/json")];
        let bytes = self.signed_with(&format!("/{operation}"), &headers, body.to_string().as_bytes());
        self.exchange(&bytes)
            .unwrap_or_else(|error| panic!("{operation}: {error}"))
    }
}
