//! The body of an answer: whole, or made while it is sent.
//!
//! A stream is made on threads of its own, hands over a few pieces ahead of what the client has taken, and waits; memory
//! stays bounded however much it is. A client that takes nothing for long ends it. Nothing here knows what is streamed.

use std::convert::Infallible;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;

/// Bytes of a piece.
const PIECE: usize = 64 * 1024;
/// Pieces on their way.
const AHEAD: usize = 4;

/// The body of an answer.
#[derive(Debug)]
pub enum Payload {
    /// There already.
    Whole(Full<Bytes>),
    /// Made while it is sent.
    Stream(Stream),
}

/// A body that is made while it is sent. One that fails ends the connection, so that no client takes half of it for all.
#[derive(Debug)]
pub struct Stream(mpsc::Receiver<io::Result<Bytes>>);

impl Stream {
    /// What `make` writes. It runs on a thread of its own, where it may block. A client that takes nothing for `patience`,
    /// or goes away, makes it fail with `BrokenPipe`.
    pub fn of(
        patience: Duration,
        make: impl FnOnce(Pieces) -> io::Result<()> + Send + 'static,
    ) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel(1);
        let (pieces, made) = sync_channel::<io::Result<Bytes>>(AHEAD);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        // What makes the pieces may itself run inside a runtime, where it cannot wait for another one's receiver.
        std::thread::Builder::new()
            .name("cosell-send".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    while let Ok(piece) = made.recv() {
                        match tokio::time::timeout(patience, sender.send(piece)).await {
                            Ok(Ok(())) => {}
                            Ok(Err(_)) => return,
                            Err(_) => {
                                tracing::info!(
                                    "an answer was given up: its client took nothing for too long"
                                );
                                return;
                            }
                        }
                    }
                });
            })?;
        std::thread::Builder::new()
            .name("cosell-make".to_owned())
            .spawn(move || {
                let end = pieces.clone();
                if let Err(error) = make(Pieces {
                    pieces,
                    buffer: Vec::new(),
                }) && error.kind() != io::ErrorKind::BrokenPipe
                {
                    tracing::error!("an answer broke off: {error}");
                    let _ = end.send(Err(error));
                }
            })?;
        Ok(Self(receiver))
    }
}

/// Pieces on their way in a body whose pieces come when they come.
const LIVE: usize = 2;

impl Stream {
    /// A body whose pieces come when they come, and the end at which they are put in. It ends when that is dropped.
    pub fn live() -> (Feed, Self) {
        let (sender, receiver) = mpsc::channel(LIVE);
        (Feed(sender), Self(receiver))
    }
}

/// Where the pieces of a [live](Stream::live) body are put in.
#[derive(Debug)]
pub struct Feed(mpsc::Sender<io::Result<Bytes>>);

impl Feed {
    /// Sends a piece. False where the client has gone, or has taken nothing for that long.
    pub async fn send(&self, piece: Bytes, patience: Duration) -> bool {
        matches!(
            tokio::time::timeout(patience, self.0.send(Ok(piece))).await,
            Ok(Ok(()))
        )
    }

    /// Waits until the client has gone.
    pub async fn gone(&self) {
        self.0.closed().await;
    }
}

/// Takes what is to be sent.
#[derive(Debug)]
pub struct Pieces {
    pieces: SyncSender<io::Result<Bytes>>,
    buffer: Vec<u8>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece = Bytes::from(std::mem::take(&mut self.buffer));
        self.pieces
            .send(Ok(piece))
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(Full::new(bytes))
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            Self::Whole(whole) => Pin::new(whole)
                .poll_frame(cx)
                .map_err(|never: Infallible| match never {}),
            Self::Stream(Stream(receiver)) => receiver
                .poll_recv(cx)
                .map(|piece| piece.map(|piece| piece.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_end_stream(),
            Self::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => whole.size_hint(),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    fn run<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(work)
    }

    #[test]
    fn what_is_written_arrives_whole_and_in_order() {
        let stream = Stream::of(Duration::from_secs(10), |mut out| {
            for number in 0..100_000_u32 {
                out.write_all(&number.to_be_bytes())?;
            }
            out.flush()
        });
        let body = run(Payload::Stream(stream.unwrap()).collect())
            .unwrap()
            .to_bytes();
        let expected: Vec<u8> = (0..100_000_u32).flat_map(u32::to_be_bytes).collect();
        assert_eq!(body, expected);
    }

    #[test]
    fn a_failure_breaks_the_body_off_and_does_not_end_it() {
        let stream = Stream::of(Duration::from_secs(10), |mut out| {
            out.write_all(b"half")?;
            out.flush()?;
            Err(io::Error::other("the disk is gone"))
        });
        assert!(run(Payload::Stream(stream.unwrap()).collect()).is_err());
    }

    #[test]
    fn a_client_that_takes_nothing_or_goes_away_ends_the_making_within_bounded_memory() {
        for stays in [true, false] {
            let (sender, ended) = std::sync::mpsc::channel();
            let stream = Stream::of(Duration::from_millis(50), move |mut out| {
                let mut written = 0_u64;
                let error = loop {
                    if let Err(error) = out.write_all(&[0; PIECE]) {
                        break error;
                    }
                    written += 1;
                };
                sender.send((written, error.kind())).unwrap();
                Err(error)
            });
            let stream = stream.unwrap();
            let kept = stays.then_some(stream);
            let (written, kind) = ended.recv_timeout(Duration::from_secs(10)).unwrap();
            assert_eq!(kind, io::ErrorKind::BrokenPipe);
            assert!(written <= AHEAD as u64 + 4, "{written} pieces");
            drop(kept);
        }
    }
}
