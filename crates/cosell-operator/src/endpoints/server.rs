//! The server itself: how it is, and what this API can do.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use crate::call::Who;
use crate::endpoint::{Endpoint, Method, shape};
use crate::{Call, Problem, Reply, Scope, Time};

pub(super) static ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::Get,
        path: "/status",
        id: "getStatus",
        scope: Scope::Read,
        summary: "Show how the server is",
        description: "Costs next to nothing: nothing is counted that is not counted anyway.",
        parameters: &[],
        request: None,
        answer: Some(shape::<Status>),
        status: 200,
        run: |call| Box::pin(status(call)),
    },
    Endpoint {
        method: Method::Get,
        path: "/openapi.json",
        id: "getOpenapi",
        scope: Scope::Read,
        summary: "Show this document",
        description: "The OpenAPI 3.1 document of the operator API, written from what the server can do.",
        parameters: &[],
        request: None,
        answer: Some(any_object),
        status: 200,
        run: |call| Box::pin(async move { Ok(Reply::stored(call.operator.document.clone())) }),
    },
];

fn any_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object" })
}

/// How the server is.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Status")]
struct Status {
    /// The version of cosell.
    version: &'static str,
    /// The time by the server's clock.
    now: Time,
    /// When the server was started, by its clock.
    started_date: Time,
    /// The region that ARNs name.
    region: String,
    /// The store.
    store: StoreStatus,
    /// What has happened since the start.
    counts: Counts,
    /// The token that asked.
    token: Asking,
}

/// How the store is.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "StatusStore")]
struct StoreStatus {
    /// Whether it answers.
    ready: bool,
    /// When the next thing is due that happens by itself, such as the expiry of an invitation; absent where nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_due_date: Option<Time>,
}

/// What has happened since the start.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "StatusCounts")]
struct Counts {
    /// Members of partners' requests that the model does not know, which were passed over.
    unknown_members: u64,
    /// Operator tokens that were refused.
    failed_authentications: u64,
}

/// A token as its holder may see it.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "StatusToken")]
struct Asking {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// What it may do.
    scope: Scope,
}

impl Asking {
    fn of(who: &Who) -> Self {
        match who {
            Who::Token(token) => Self {
                id: token.id.clone(),
                name: token.name.clone(),
                scope: token.scope,
            },
            Who::Command => Self {
                id: String::new(),
                name: Who::COMMAND.to_owned(),
                scope: Scope::Admin,
            },
        }
    }
}

async fn status(call: &Call<'_>) -> Result<Reply, Problem> {
    let operator = call.operator;
    let due = operator.store().next_job_at().await;
    Reply::json(&Status {
        version: operator.parts.version,
        now: call.now.into(),
        started_date: operator.started.into(),
        region: operator.region().to_owned(),
        store: StoreStatus {
            ready: due.is_ok(),
            next_due_date: due.ok().flatten().map(Time::from),
        },
        counts: Counts {
            unknown_members: operator.service().unknown_members(),
            failed_authentications: operator.failed_authentications(),
        },
        token: Asking::of(call.who),
    })
}
