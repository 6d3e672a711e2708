//! Connections between partners.

use cosell_service::identity::connections::{self, Connection as Kept};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::endpoint::{CURSOR, Endpoint, Kind, LIMIT, Method, Parameter, shape};
use crate::{Call, Page, Problem, Reply, Scope, Time};

const ONE: Parameter = Parameter::path("one", Kind::Account, "One of the two accounts.");
const OTHER: Parameter = Parameter::path("other", Kind::Account, "The other one.");

const OF: Parameter = Parameter::query("account", Kind::Account, "Only the connections of this account.");

pub(super) static ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::Get,
        path: "/connections",
        id: "listConnections",
        scope: Scope::Read,
        summary: "List the connections between partners",
        description: "In the order of the accounts. Of one account, a page may be short or empty while there is a next one.",
        parameters: &[OF, LIMIT, CURSOR],
        request: None,
        answer: Some(shape::<Page<Connection>>),
        status: 200,
        run: |call| Box::pin(list(call)),
    },
    Endpoint {
        method: Method::Post,
        path: "/connections",
        id: "createConnection",
        scope: Scope::Admin,
        summary: "Connect two partners",
        description: "They can then invite each other where the server is set to `connections = required`. \
                      A connection has no direction.",
        parameters: &[],
        request: Some(shape::<Pair>),
        answer: Some(shape::<Connection>),
        status: 201,
        run: |call| Box::pin(create(call)),
    },
    Endpoint {
        method: Method::Delete,
        path: "/connections/{one}/{other}",
        id: "deleteConnection",
        scope: Scope::Admin,
        summary: "End the connection of two partners",
        description: "What they share stays shared.",
        parameters: &[ONE, OTHER],
        request: None,
        answer: None,
        status: 204,
        run: |call| Box::pin(delete(call)),
    },
];

/// Two partners to be connected.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Pair {
    /// One of the accounts.
    #[schemars(regex(pattern = r"^[0-9]{12}$"))]
    one: String,
    /// The other.
    #[schemars(regex(pattern = r"^[0-9]{12}$"))]
    other: String,
}

/// A connection.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Connection {
    /// The lower of the two account ids.
    one: String,
    /// The higher one.
    other: String,
    /// When it was made.
    created_date: Time,
}

impl From<Kept> for Connection {
    fn from(kept: Kept) -> Self {
        Self {
            one: kept.one,
            other: kept.other,
            created_date: kept.created_date.into(),
        }
    }
}

async fn list(call: &Call<'_>) -> Result<Reply, Problem> {
    let listed = connections::part(call.operator.store(), call.get("account"), call.part()?).await?;
    call.page(
        listed.items.into_iter().map(Connection::from).collect(),
        listed.next,
    )
}

async fn create(call: &Call<'_>) -> Result<Reply, Problem> {
    let pair: Pair = call.body()?;
    let kept = connections::add(
        call.operator.store(),
        &call.author(),
        &pair.one,
        &pair.other,
        call.now,
    )
    .await?;
    Reply::json(&Connection::from(kept))
}

async fn delete(call: &Call<'_>) -> Result<Reply, Problem> {
    let (one, other) = (call.required("one")?, call.required("other")?);
    connections::remove(call.operator.store(), &call.author(), one, other, call.now).await?;
    Ok(Reply::empty())
}
