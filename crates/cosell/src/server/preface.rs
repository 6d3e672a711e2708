//! The time a client has to show which HTTP it speaks. Until then nobody else watches the clock: hyper's own timeouts
//! begin once the version is known, and a connection that says nothing would hold its place for ever.
//!
//! Reads and writes pass through unchanged; nothing is interpreted beyond telling whether the HTTP/2 preface may still come.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// What every HTTP/2 connection begins with (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A stream whose beginning must arrive in time.
pub struct Prompt<S> {
    stream: S,
    /// How much of the preface has come.
    seen: usize,
    /// `None` once the version is known.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<S> Prompt<S> {
    /// The version of `stream` must be known within `patience`; reading fails with `TimedOut` otherwise.
    pub fn new(stream: S, patience: Duration) -> Self {
        Self {
            stream,
            seen: 0,
            deadline: Some(Box::pin(tokio::time::sleep(patience))),
        }
    }

    fn note(&mut self, arrived: &[u8]) {
        let expected = &PREFACE[self.seen..];
        let length = arrived.len().min(expected.len());
        if arrived[..length] == expected[..length] {
            self.seen += length;
        } else {
            self.deadline = None;
        }
        if self.seen == PREFACE.len() {
            self.deadline = None;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Prompt<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let Some(deadline) = self.deadline.as_mut() else {
            return read;
        };
        match read {
            Poll::Pending => deadline
                .as_mut()
                .poll(cx)
                .map(|()| Err(io::ErrorKind::TimedOut.into())),
            Poll::Ready(_) => {
                self.note(&buffer.filled()[before..]);
                read
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prompt<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// What a server reads when a client sends these pieces and then falls silent.
    fn read(pieces: &[&[u8]]) -> io::Result<usize> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (mut client, server) = tokio::io::duplex(1024);
            let mut server = Prompt::new(server, Duration::from_millis(50));
            let mut buffer = [0; 1024];
            let mut total = 0;
            for piece in pieces {
                client.write_all(piece).await.unwrap();
                total += server.read(&mut buffer).await.unwrap();
            }
            match tokio::time::timeout(Duration::from_millis(500), server.read(&mut buffer)).await {
                Ok(outcome) => outcome,
                Err(_) => Ok(total),
            }
        })
    }

    #[test]
    fn silence_before_the_version_is_known_ends_in_time() {
        let pieces: [&[&[u8]]; 3] = [&[], &[b"P"], &[b"PRI * HT", b"TP/2.0\r\n"]];
        for pieces in pieces {
            assert_eq!(
                read(pieces).unwrap_err().kind(),
                io::ErrorKind::TimedOut,
                "{pieces:?}"
            );
        }
    }

    #[test]
    fn silence_after_that_is_left_to_others() {
        let pieces: [&[&[u8]]; 3] = [&[b"POST"], &[b"P", b"O"], &[&PREFACE[..16], &PREFACE[16..]]];
        for pieces in pieces {
            let sent: usize = pieces.iter().map(|piece| piece.len()).sum();
            assert_eq!(read(pieces).unwrap(), sent, "{pieces:?}");
        }
    }
}
