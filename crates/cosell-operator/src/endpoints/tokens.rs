//! The tokens of this API.

use schemars::JsonSchema;
use serde::Serialize;

use crate::endpoint::{CURSOR, Endpoint, Kind, LIMIT, Method, Parameter, shape};
use crate::tokens::{self, NewToken, Token};
use crate::{Call, Page, Problem, Reply, Scope};

const TOKEN: Parameter = Parameter::path("token", Kind::Text { max: 64 }, "The id of the token.");

pub(super) static ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::Get,
        path: "/tokens",
        id: "listTokens",
        scope: Scope::Admin,
        summary: "List the operator tokens",
        description: "In the order of their ids, revoked and expired ones too. Secrets are never shown again.",
        parameters: &[LIMIT, CURSOR],
        request: None,
        answer: Some(shape::<Page<Token>>),
        status: 200,
        run: |call| Box::pin(list(call)),
    },
    Endpoint {
        method: Method::Post,
        path: "/tokens",
        id: "createToken",
        scope: Scope::Admin,
        summary: "Make an operator token",
        description: "The answer is the only sight of the token. A request that is repeated makes another one.",
        parameters: &[],
        request: Some(shape::<NewToken>),
        answer: Some(shape::<CreatedToken>),
        status: 201,
        run: |call| Box::pin(create(call)),
    },
    Endpoint {
        method: Method::Delete,
        path: "/tokens/{token}",
        id: "revokeToken",
        scope: Scope::Admin,
        summary: "Revoke an operator token for good",
        description: "It is refused from the next request on. Revoking it again changes nothing.",
        parameters: &[TOKEN],
        request: None,
        answer: Some(shape::<Token>),
        status: 200,
        run: |call| Box::pin(revoke(call)),
    },
];

/// A new token with its secret.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct CreatedToken {
    /// What stays visible.
    #[serde(flatten)]
    about: Token,
    /// The whole token, as it is sent after "Bearer"; shown this once.
    token: String,
}

async fn list(call: &Call<'_>) -> Result<Reply, Problem> {
    let listed = tokens::part(call.operator.store(), call.part()?).await?;
    call.page(listed.items, listed.next)
}

async fn create(call: &Call<'_>) -> Result<Reply, Problem> {
    let created = tokens::create(call.operator.store(), &call.author(), call.body()?, call.now).await?;
    Reply::json(&CreatedToken {
        about: created.token,
        token: created.secret.to_string(),
    })
}

async fn revoke(call: &Call<'_>) -> Result<Reply, Problem> {
    let token = tokens::revoke(
        call.operator.store(),
        &call.author(),
        call.required("token")?,
        call.now,
    )
    .await?;
    Reply::json(&token)
}
