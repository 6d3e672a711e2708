//! What commands ask of the operator API, whoever answers: JSON there and back, lists with all their pages, and refusals as
//! words and an exit code.

use std::fmt::Display;

use bytes::Bytes;
use cosell_model::Timestamp;
use http::header::CONTENT_TYPE;
use http::{Method, StatusCode, response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::failure::{Failure, Seen};
use super::remote::At;

/// Items asked for at once where all are wanted.
const PAGE: &str = "100";

/// An answer as it came.
pub struct Answer {
    /// Where what comes as lines goes on.
    next: Option<String>,
    is_json: bool,
    body: Bytes,
}

/// A page as it is read.
#[derive(Deserialize)]
struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

/// Somebody who answers as the operator API does.
pub trait Ask {
    /// The answer of a success to one request.
    async fn exchange(&self, method: Method, at: &At, body: Option<Bytes>) -> anyhow::Result<Answer>;

    /// The fault of whoever should answer, or of the way there.
    fn refused(&self, what: impl Display) -> Failure;

    /// Reads something.
    async fn get<T: DeserializeOwned>(&self, at: &At) -> anyhow::Result<T> {
        self.send(Method::GET, at, None::<&()>).await
    }

    /// Makes something, or does something that takes no more words.
    async fn post<T: DeserializeOwned>(&self, at: &At, body: Option<&impl Serialize>) -> anyhow::Result<T> {
        self.send(Method::POST, at, body).await
    }

    /// Puts something in the place of what was there.
    async fn put<T: DeserializeOwned>(&self, at: &At, body: &impl Serialize) -> anyhow::Result<T> {
        self.send(Method::PUT, at, Some(body)).await
    }

    /// Changes the members that are sent.
    async fn patch<T: DeserializeOwned>(&self, at: &At, body: &impl Serialize) -> anyhow::Result<T> {
        self.send(Method::PATCH, at, Some(body)).await
    }

    /// Takes something away.
    async fn delete<T: DeserializeOwned>(&self, at: &At) -> anyhow::Result<T> {
        self.send(Method::DELETE, at, None::<&()>).await
    }

    /// What the clock shows by which it is decided whether something is past.
    async fn now(&self) -> anyhow::Result<Timestamp> {
        #[derive(Deserialize)]
        struct Status {
            now: String,
        }
        let status: Status = self.get(&At::new(["status"])).await?;
        Timestamp::parse(&status.now).ok_or_else(|| self.refused("answered a time that is none").into())
    }

    /// Every item of a list, all its pages, or the first `most` of them.
    async fn list<T: DeserializeOwned>(&self, at: &At, most: usize) -> anyhow::Result<Vec<T>> {
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
    async fn lines(&self, at: &At) -> anyhow::Result<(Bytes, Option<String>)> {
        let answer = self.exchange(Method::GET, at, None).await?;
        Ok((answer.body, answer.next))
    }

    /// What an endpoint says, whatever its form: `Err` with the text where that is not JSON.
    async fn say(&self, at: &At) -> anyhow::Result<Result<Value, Bytes>> {
        at.expect_names()?;
        let answer = self.exchange(Method::GET, at, None).await?;
        match answer.is_json || answer.body.is_empty() {
            true => self.understood(&answer).map(Ok),
            false => Ok(Err(answer.body)),
        }
    }

    /// One request in JSON, and its answer.
    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        at: &At,
        body: Option<&impl Serialize>,
    ) -> anyhow::Result<T> {
        at.expect_names()?;
        let body = body.map(serde_json::to_vec).transpose()?;
        self.understood(&self.exchange(method, at, body.map(Bytes::from)).await?)
    }

    /// What an answer says; an empty one says null.
    fn understood<T: DeserializeOwned>(&self, answer: &Answer) -> anyhow::Result<T> {
        let body: &[u8] = if answer.body.is_empty() {
            b"null"
        } else {
            &answer.body
        };
        serde_json::from_slice(body).map_err(|error| {
            self.refused(format!("answered what cannot be understood: {error}"))
                .into()
        })
    }
}

/// A success as what came, anything else as the failure that it tells.
pub fn judge(
    head: &response::Parts,
    body: Bytes,
    refused: impl FnOnce(String) -> Failure,
) -> anyhow::Result<Answer> {
    let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
    let kind = header(CONTENT_TYPE.as_str()).and_then(|kind| kind.split(';').next());
    // What comes as lines of JSON is not JSON.
    let is_json = kind.is_some_and(|kind| kind == "application/json" || kind.ends_with("+json"));
    if head.status.is_success() {
        let next = header(cosell_operator::NEXT_CURSOR).map(str::to_owned);
        return Ok(Answer { next, is_json, body });
    }
    let seen = match serde_json::from_slice::<Seen>(&body) {
        Ok(seen) if is_json => seen,
        _ => {
            let what = "does not answer as a cosell server does: is this the address of its operator API?";
            return Err(refused(what.to_owned()).into());
        }
    };
    Err(match head.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => {
            Failure::Unauthorised(seen)
        }
        StatusCode::SERVICE_UNAVAILABLE => Failure::Unavailable(seen),
        _ => Failure::Refused(seen),
    }
    .into())
}
