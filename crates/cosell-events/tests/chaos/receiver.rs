//! A receiver on a socket of its own that misbehaves as it is told, and remembers what came and what it took.
//!
//! It speaks just enough HTTP/1.1 to take posts and, unlike a proper server, to break off wherever it wants.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What is done with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Takes the event and says so.
    Take,
    /// Never answers.
    Hang,
    /// Resets the connection.
    Reset,
    /// Answers 500.
    Broken,
    /// Answers 429 and wants a second of peace.
    TooMany,
    /// Answers with what is no HTTP.
    Garbage,
    /// Ends in the middle of an answer.
    Half,
    /// Takes the event, but its answer is lost.
    Lost,
}

/// Every way to misbehave.
pub const MISBEHAVIOURS: [Reply; 7] = [
    Reply::Hang,
    Reply::Reset,
    Reply::Broken,
    Reply::TooMany,
    Reply::Garbage,
    Reply::Half,
    Reply::Lost,
];

/// Decides by the number of the call (from 0) and the event's id.
pub type Judge = dyn Fn(usize, &str) -> Reply + Send + Sync;

/// What came of one event.
#[derive(Clone, Copy, Debug, Default)]
pub struct Came {
    /// Calls with it.
    pub calls: usize,
    /// How often it was taken.
    pub taken: usize,
    /// Of these, how often the answer was lost.
    pub lost: usize,
}

/// What a receiver remembers.
#[derive(Default)]
pub struct Seen {
    /// By id.
    pub events: HashMap<String, Came>,
    /// Ids in the order in which they were taken for the first time, and when.
    pub taken: Vec<(String, Instant)>,
    /// How often each misbehaviour was shown, in the order of [`MISBEHAVIOURS`].
    pub misbehaved: [usize; MISBEHAVIOURS.len()],
}

/// A receiver that runs until its runtime ends.
pub struct Receiver {
    /// Where to post to.
    pub url: String,
    /// Whether it behaves from now on, whatever its judge says.
    pub healed: AtomicBool,
    judge: Box<Judge>,
    calls: AtomicUsize,
    seen: Mutex<Seen>,
}

impl Receiver {
    /// Starts one on the current runtime.
    pub async fn start(judge: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Arc::new(Self {
            url: format!("http://{}/hook", listener.local_addr().unwrap()),
            healed: AtomicBool::new(false),
            judge: Box::new(judge),
            calls: AtomicUsize::new(0),
            seen: Mutex::default(),
        });
        let accepting = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let receiver = accepting.clone();
                tokio::spawn(async move { receiver.serve(stream).await });
            }
        });
        receiver
    }

    /// What it has seen so far.
    pub fn seen<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.seen.lock().unwrap())
    }

    /// How many different events it has taken.
    pub fn taken(&self) -> usize {
        self.seen(|seen| seen.taken.len())
    }

    /// Serves a connection until either side ends it.
    async fn serve(&self, mut stream: TcpStream) {
        let mut buffer = Vec::with_capacity(4096);
        while let Some((id, length)) = request(&mut stream, &mut buffer).await {
            buffer.drain(..length);
            let reply = match self.healed.load(Ordering::SeqCst) {
                true => Reply::Take,
                false => (self.judge)(self.calls.fetch_add(1, Ordering::SeqCst), &id),
            };
            self.note(id, reply);
            let answer: &[u8] = match reply {
                Reply::Take => b"HTTP/1.1 204 No Content\r\n\r\n",
                Reply::Broken => b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops",
                Reply::TooMany => b"HTTP/1.1 429 Slow\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
                Reply::Garbage => b"\x16\x03\x01\xff\xfe{\"no\": \"HTTP\"}\r\n\r\n\r\n",
                Reply::Half => b"HTTP/1.1 200 OK\r\nContent-Le",
                Reply::Hang => {
                    // The end of the other side's patience is the end of the connection.
                    stream.read_buf(&mut buffer).await.ok();
                    return;
                }
                Reply::Reset | Reply::Lost => {
                    stream.set_zero_linger().ok();
                    return;
                }
            };
            if stream.write_all(answer).await.is_err() || matches!(reply, Reply::Garbage | Reply::Half) {
                return;
            }
        }
    }

    fn note(&self, id: String, reply: Reply) {
        let mut seen = self.seen.lock().unwrap();
        if let Some(at) = MISBEHAVIOURS.iter().position(|one| *one == reply) {
            seen.misbehaved[at] += 1;
        }
        let came = seen.events.entry(id.clone()).or_default();
        came.calls += 1;
        came.lost += usize::from(reply == Reply::Lost);
        if matches!(reply, Reply::Take | Reply::Lost) {
            came.taken += 1;
            if came.taken == 1 {
                seen.taken.push((id, Instant::now()));
            }
        }
    }
}

/// Reads a whole request into the front of the buffer: the id of its event and its length. `None` at the end.
async fn request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<(String, usize)> {
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
            let header = |name: &str| {
                head.lines()
                    .find_map(|line| line.strip_prefix(name))
                    .map(str::trim)
            };
            let length = end + 4 + header("content-length:")?.parse::<usize>().ok()?;
            if buffer.len() >= length {
                let id = header("webhook-id:")?.to_owned();
                let body: serde_json::Value = serde_json::from_slice(&buffer[end + 4..length]).unwrap();
                assert_eq!(
                    body["id"],
                    id.as_str(),
                    "the header and the envelope name the same event"
                );
                return Some((id, length));
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}
