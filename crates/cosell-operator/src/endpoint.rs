//! What an endpoint is: everything that the router, the checks, the OpenAPI document and the tests need to know of it.

use std::pin::Pin;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::{Call, Problem, Reply, Scope};

/// One thing that can be asked of the operator API.
pub struct Endpoint {
    /// The method.
    pub method: Method,
    /// The path beneath [`crate::BASE`]; `{name}` stands for the path parameter of that name.
    pub path: &'static str,
    /// Its name in lower camel case, unique; generated clients call their functions so.
    pub id: &'static str,
    /// The least scope of a token that may ask it.
    pub scope: Scope,
    /// What it does, in a few words without a full stop.
    pub summary: &'static str,
    /// What else one should know before using it, in sentences.
    pub description: &'static str,
    /// Every parameter of path and query.
    pub parameters: &'static [Parameter],
    /// What the request's body must be; `None` where it takes none.
    pub request: Option<Shape>,
    /// What a success answers; `None` for an answer without a body.
    pub answer: Option<Shape>,
    /// The status of a success.
    pub status: u16,
    /// Does it.
    pub run: Run,
}

impl Endpoint {
    /// How the audit log names it, whether it was done or denied: as `id`, with a capital.
    pub fn action(&self) -> String {
        let mut name = self.id.to_owned();
        if let Some(first) = name.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        name
    }
}

/// Does what an endpoint promises. Written as `|call| Box::pin(function(call))`.
pub type Run = for<'a> fn(&'a Call<'a>) -> Running<'a>;

/// A call under way.
pub type Running<'a> = Pin<Box<dyn Future<Output = Result<Reply, Problem>> + 'a>>;

/// Writes the schema of a body. `shape::<T>` for a type that knows its own; a function for one that is put together.
pub type Shape = fn(&mut SchemaGenerator) -> Schema;

/// The shape of a file of bytes, which is not JSON and has no bounds of size: `contentMediaType` tells what it is. A request
/// of such a shape is taken in to a file ([`Call::spooled`]); an answer of it is a stream ([`Reply::stream`]).
pub fn file(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({ "type": "string", "contentMediaType": STATE_MEDIA_TYPE })
}

/// The media type of a state file: one JSON object a line.
pub const STATE_MEDIA_TYPE: &str = "application/x-ndjson";

/// The media type of a stream of server-sent events, an endless text.
pub const EVENT_STREAM: &str = "text/event-stream";

/// The media type of figures for Prometheus.
pub const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The media type of a body of that shape.
pub fn media_type(shape: Shape) -> &'static str {
    // What says so itself, and lists of lines; every other shape is JSON.
    let schema = shape(&mut SchemaGenerator::default());
    let stated = schema.get("contentMediaType").and_then(|stated| stated.as_str());
    let known = [STATE_MEDIA_TYPE, EVENT_STREAM, METRICS];
    if let Some(known) = known.into_iter().find(|known| stated == Some(known)) {
        known
    } else if schema.get(crate::openapi::LINE).is_some() {
        crate::openapi::LINES
    } else {
        JSON_MEDIA_TYPE
    }
}

/// The media type of everything else.
pub const JSON_MEDIA_TYPE: &str = "application/json";

/// The schema of a type.
pub fn shape<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// The methods that endpoints use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// Reads; changes nothing.
    Get,
    /// Makes something new, or does something.
    Post,
    /// Puts something in the place of what was there.
    Put,
    /// Changes the members that are sent.
    Patch,
    /// Takes something away.
    Delete,
}

impl Method {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// A parameter in path or query.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Its name, lower camel case.
    pub name: &'static str,
    /// What it means, in a sentence.
    pub meaning: &'static str,
    /// Where it stands.
    pub place: Place,
    /// What it may be.
    pub kind: Kind,
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the path, where it is never missing.
    Path,
    /// In the query.
    Query {
        /// Whether it must be there.
        required: bool,
    },
}

/// What the value of a parameter may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 1 to `max` characters.
    Text {
        /// Most characters.
        max: usize,
    },
    /// 12 digits.
    Account,
    /// A whole number.
    Integer {
        /// Least.
        min: i64,
        /// Greatest.
        max: i64,
    },
    /// One of these words.
    Word(&'static [&'static str]),
    /// One or more of these words, separated by commas.
    Words(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// A moment, RFC 3339.
    Time,
}

impl Parameter {
    /// A parameter of the path.
    pub const fn path(name: &'static str, kind: Kind, meaning: &'static str) -> Self {
        Self {
            name,
            meaning,
            place: Place::Path,
            kind,
        }
    }

    /// A parameter of the query that may be left out.
    pub const fn query(name: &'static str, kind: Kind, meaning: &'static str) -> Self {
        Self {
            name,
            meaning,
            place: Place::Query { required: false },
            kind,
        }
    }

    /// A parameter of the query that must be there.
    pub const fn required(name: &'static str, kind: Kind, meaning: &'static str) -> Self {
        Self {
            name,
            meaning,
            place: Place::Query { required: true },
            kind,
        }
    }
}

/// Items of a page where `limit` is left out.
pub const DEFAULT_LIMIT: usize = 20;
/// How many items a page should have.
pub const LIMIT: Parameter = Parameter::query(
    "limit",
    Kind::Integer { min: 1, max: 100 },
    "Most items of this page; 20 where left out.",
);
/// Where a list goes on.
pub const CURSOR: Parameter = Parameter::query(
    "cursor",
    Kind::Text { max: 2048 },
    "Where to continue: `next` of the page before, with the same other parameters.",
);
/// The account in a path.
pub const ACCOUNT: Parameter = Parameter::path("account", Kind::Account, "The 12-digit AWS account id.");
/// The names of the catalogs.
pub const CATALOGS: &[&str] = &["AWS", "Sandbox"];
/// The catalog of what is asked for.
pub const IN_CATALOG: Parameter = Parameter::query(
    "catalog",
    Kind::Word(CATALOGS),
    "The catalog; Sandbox where left out.",
);
/// An opportunity in a path.
pub const OPPORTUNITY: Parameter = Parameter::path(
    "id",
    Kind::Text { max: 20 },
    "The opportunity's identifier, such as O1234567.",
);
