//! Files to and from a running server, however large: read and written in pieces, with silence as the only thing that takes
//! too long.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use cosell_store::{Progress, ProgressFn};
use http::Method;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, SizeHint};
use serde::de::DeserializeOwned;

use super::ask::Ask as _;
use super::remote::{At, Remote};

/// How long nothing may arrive.
const SILENCE: Duration = Duration::from_secs(120);
/// Bytes that are sent at once.
const PIECE: usize = 64 * 1024;

/// What is read, as a body.
struct Sending {
    from: Box<dyn Read + Send>,
    /// How much there is, where that is known.
    total: Option<u64>,
    sent: u64,
    progress: ProgressFn,
}

impl Body for Sending {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        let mut piece = vec![0; PIECE];
        Poll::Ready(match this.from.read(&mut piece) {
            Ok(0) => None,
            Ok(length) => {
                piece.truncate(length);
                this.sent += length as u64;
                (this.progress)(Progress {
                    done: this.sent,
                    total: this.total.unwrap_or(0),
                });
                Some(Ok(Frame::data(Bytes::from(piece))))
            }
            Err(error) => Some(Err(error)),
        })
    }

    fn size_hint(&self) -> SizeHint {
        match self.total {
            Some(total) => SizeHint::with_exact(total - self.sent),
            None => SizeHint::default(),
        }
    }
}

impl Remote {
    /// Sends a file, of that many bytes where it is known; what the server answers, however long it takes over it. Progress is
    /// in bytes, with a total of 0 where it is not known.
    pub async fn upload<T: DeserializeOwned>(
        &self,
        at: &At,
        from: Box<dyn Read + Send>,
        total: Option<u64>,
        progress: ProgressFn,
    ) -> anyhow::Result<T> {
        let request = self
            .request(Method::PUT, at)
            .header(CONTENT_TYPE, cosell_operator::endpoint::STATE_MEDIA_TYPE)
            .body(Sending {
                from,
                total,
                sent: 0,
                progress,
            })?;
        self.answer(self.talk(request).await?).await
    }

    /// Takes a file in; how many bytes it has. Progress is in bytes; how many they will be is not known, so its total is 0.
    pub async fn download(
        &self,
        at: &At,
        out: &mut (dyn Write + Send),
        progress: ProgressFn,
    ) -> anyhow::Result<u64> {
        let request = self
            .request(Method::GET, at)
            .body(http_body_util::Empty::<Bytes>::new())?;
        let mut talk = self.talk(request).await?;
        if !talk.response.status().is_success() {
            let refusal: anyhow::Result<serde_json::Value> = self.answer(talk).await;
            refusal?;
            return Ok(0);
        }
        let mut done = 0;
        loop {
            let frame = tokio::time::timeout(SILENCE, talk.response.body_mut().frame()).await;
            match frame {
                Ok(None) => return Ok(done),
                Ok(Some(Ok(frame))) => {
                    let Some(data) = frame.data_ref() else { continue };
                    out.write_all(data)?;
                    done += data.len() as u64;
                    progress(Progress { done, total: 0 });
                }
                Ok(Some(Err(error))) => {
                    return Err(self.refused(format!("broke off: {error}")).into());
                }
                Err(_) => return Err(self.refused("sends nothing any more").into()),
            }
        }
    }
}
