//! What an endpoint answers when all went well.

use bytes::Bytes;
use http::Response;
use schemars::JsonSchema;
use serde::Serialize;

use crate::payload::{Payload, Stream};
use crate::{BASE, Problem};

/// The answer of a success. Its status is the endpoint's.
#[derive(Debug)]
pub struct Reply {
    /// JSON, or empty.
    pub body: Bytes,
    /// What is sent instead of `body`, made while it is sent; of the media type that the endpoint's shape tells.
    pub stream: Option<Stream>,
    /// Where a new thing is found.
    pub location: Option<String>,
    /// Where a list goes on that has no place for it in its body.
    pub next: Option<String>,
}

/// The header that says where a list of lines goes on.
pub const NEXT_CURSOR: &str = "x-next-cursor";

impl Reply {
    /// An answer in JSON.
    pub fn json<T: Serialize>(value: &T) -> Result<Self, Problem> {
        let body = serde_json::to_vec(value)
            .map_err(|error| Problem::internal(format!("an answer cannot be rendered: {error}")))?;
        Ok(Self::stored(body))
    }

    /// An answer that is JSON already, such as a stored document.
    pub fn stored(body: impl Into<Bytes>) -> Self {
        Self {
            body: body.into(),
            stream: None,
            location: None,
            next: None,
        }
    }

    /// A part of a list as JSON lines; `next` goes into the header [`NEXT_CURSOR`].
    pub fn lines<T: Serialize>(items: &[T], next: Option<String>) -> Result<Self, Problem> {
        let mut body = Vec::new();
        for item in items {
            serde_json::to_writer(&mut body, item)
                .map_err(|error| Problem::internal(format!("an answer cannot be rendered: {error}")))?;
            body.push(b'\n');
        }
        Ok(Self {
            next,
            ..Self::stored(body)
        })
    }

    /// An answer that is made while it is sent.
    pub fn stream(stream: Stream) -> Self {
        Self {
            stream: Some(stream),
            ..Self::empty()
        }
    }

    /// An answer without a body.
    pub fn empty() -> Self {
        Self::stored(Bytes::new())
    }

    /// Says where a new thing is found: `path` is beneath the base.
    #[must_use]
    pub fn at(mut self, path: &str) -> Self {
        self.location = Some(format!("{BASE}{path}"));
        self
    }

    pub(crate) fn into_response(self) -> Response<Payload> {
        Response::new(match self.stream {
            Some(stream) => Payload::Stream(stream),
            None => Payload::from(self.body),
        })
    }
}

/// Part of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "{T}Page")]
pub struct Page<T> {
    /// The items, in the order of the list. There may be fewer than asked for while there are more.
    pub items: Vec<T>,
    /// What to send as `cursor` for the next page; absent at the end of the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
