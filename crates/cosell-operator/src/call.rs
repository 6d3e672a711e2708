//! A request as an endpoint sees it: checked parameters, a body within bounds, and who asks.

use std::fs::File;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use cosell_domain::Catalog;
use cosell_model::Timestamp;
use cosell_service::Binding;
use cosell_service::audit::Author;
use cosell_service::identity::Part;
use cosell_service::operator::By;
use cosell_store::{Cursor, Key};
use http::HeaderMap;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::endpoint::{DEFAULT_LIMIT, Endpoint};
use crate::operator::Operator;
use crate::parameters::Parameters;
use crate::problem::Fault;
use crate::tokens::Token;
use crate::{Page, Problem, Reply, body};

/// Whom a cursor belongs to; no partner has this name.
const OWNER: &str = "operator";

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// Somebody with a token that counts.
    Token(Token),
    /// Somebody who has the data folder.
    Command,
}

impl Who {
    /// How somebody with the data folder is named.
    pub(crate) const COMMAND: &str = "a command on the data folder";

    /// How the audit log names whoever asks.
    fn known_as(&self) -> String {
        match self {
            Self::Token(token) => token.known_as(),
            Self::Command => Self::COMMAND.to_owned(),
        }
    }

    pub(crate) fn author(&self, request_id: &str) -> Author {
        match self {
            Self::Token(token) => Author::operator(&token.known_as(), request_id),
            Self::Command => Author::command(),
        }
    }
}

/// A request whose parameters fit its endpoint.
pub struct Call<'a> {
    /// What does the work.
    pub operator: &'a Operator,
    /// Who asks.
    pub who: &'a Who,
    /// The request's id.
    pub request_id: &'a str,
    /// When it was taken in.
    pub now: Timestamp,
    pub(crate) endpoint: &'static Endpoint,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) parameters: &'a Parameters,
    pub(crate) body: &'a Bytes,
    pub(crate) spooled: Mutex<Option<File>>,
}

impl Call<'_> {
    /// The value of a parameter, if it is there.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters.get(name)
    }

    /// The value of a parameter that is always there: of the path, or required.
    pub fn required(&self, name: &str) -> Result<&str, Problem> {
        self.get(name)
            .ok_or_else(|| Problem::internal(format!("{} has no parameter {name}", self.endpoint.id)))
    }

    /// Who asks, as the audit log names it.
    pub fn by(&self) -> By {
        By {
            token: self.who.known_as(),
            request_id: self.request_id.to_owned(),
        }
    }

    /// Who asks, where accounts, keys and the like are written.
    pub fn author(&self) -> Author {
        self.who.author(self.request_id)
    }

    /// The value of a header, where it is one text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Notes in the audit log that this was done about a record that it leaves as it is.
    pub async fn note_about(&self, key: &Key) -> Result<(), Problem> {
        let deed = self.author().deed(self.endpoint.action());
        Ok(self.operator.service().note_about(&deed, key).await?)
    }

    /// The parameter [`IN_CATALOG`](crate::endpoint::IN_CATALOG): Sandbox where it is left out.
    pub fn in_catalog(&self) -> Catalog {
        self.catalog().unwrap_or(Catalog::Sandbox)
    }

    /// The parameter `catalog`, where it is given.
    pub fn catalog(&self) -> Option<Catalog> {
        self.get("catalog").and_then(Catalog::from_name)
    }

    /// The value of a parameter that is a whole number.
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.get(name)?.parse().ok()
    }

    /// The value of a parameter that is a moment.
    pub fn time(&self, name: &str) -> Option<Timestamp> {
        Timestamp::parse(self.get(name)?)
    }

    /// The words of a parameter that may have several; none where it is left out.
    pub fn words(&self, name: &str) -> Vec<&str> {
        self.get(name)
            .map(|value| value.split(',').collect())
            .unwrap_or_default()
    }

    /// The body as a type, which should refuse members that it does not know.
    pub fn body<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        body::parse(self.body)
    }

    /// The body as it came: within the bound of size, and nothing else is known of it.
    pub fn bytes(&self) -> &Bytes {
        self.body
    }

    /// The file that the body was taken in to, once. The endpoint's request has the shape [`file`](crate::endpoint::file).
    pub fn spooled(&self) -> Result<File, Problem> {
        let taken = self.spooled.lock().unwrap_or_else(PoisonError::into_inner).take();
        taken.ok_or_else(|| Problem::internal(format!("{} has no file to read", self.endpoint.id)))
    }

    /// Which part of a list is wanted. The endpoint has the parameters `LIMIT` and `CURSOR`.
    pub fn part(&self) -> Result<Part, Problem> {
        let limit = self
            .integer("limit")
            .and_then(|limit| usize::try_from(limit).ok());
        let open = |cursor| {
            let opened = self.operator.page_tokens.open(cursor, &self.binding()?, self.now);
            opened.map_err(|_| {
                let detail = "belongs to other parameters or is older than 24 hours: start again without it";
                Problem::faulty(vec![Fault::of_parameter("cursor", detail)])
            })
        };
        Ok(Part {
            after: self.get("cursor").map(open).transpose()?,
            limit: limit.unwrap_or(DEFAULT_LIMIT),
        })
    }

    /// The cursor that continues a list after that place.
    pub fn seal(&self, place: Cursor) -> Result<String, Problem> {
        Ok(self
            .operator
            .page_tokens
            .seal(place, &self.binding()?, self.now)?)
    }

    /// The answer with a part of a list.
    pub fn page<T: Serialize>(&self, items: Vec<T>, next: Option<Cursor>) -> Result<Reply, Problem> {
        Reply::json(&Page {
            items,
            next: next.map(|place| self.seal(place)).transpose()?,
        })
    }

    fn binding(&self) -> Result<Binding, Problem> {
        let meaning = self.parameters.meaning(self.endpoint);
        Ok(Binding::of(OWNER, self.endpoint.id, &meaning)?)
    }
}
