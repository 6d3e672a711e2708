//! The access keys of an account.

use cosell_service::identity::keys::{self, AccessKey as Kept, Status as KeptStatus};
use schemars::JsonSchema;
use serde::Serialize;

use crate::endpoint::{ACCOUNT, CURSOR, Endpoint, Kind, LIMIT, Method, Parameter, shape};
use crate::{Call, Page, Problem, Reply, Scope, Time};

const KEY: Parameter = Parameter::path("key", Kind::Text { max: 128 }, "The id of the access key.");

pub(super) static ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::Get,
        path: "/accounts/{account}/keys",
        id: "listAccessKeys",
        scope: Scope::Read,
        summary: "List the access keys of an account",
        description: "In the order of their ids, revoked ones too. Secrets are never shown again.",
        parameters: &[ACCOUNT, LIMIT, CURSOR],
        request: None,
        answer: Some(shape::<Page<AccessKey>>),
        status: 200,
        run: |call| Box::pin(list(call)),
    },
    Endpoint {
        method: Method::Post,
        path: "/accounts/{account}/keys",
        id: "createAccessKey",
        scope: Scope::Admin,
        summary: "Make an access key for an account",
        description: "The answer is the only sight of its secret. A request that is repeated makes another key.",
        parameters: &[ACCOUNT],
        request: None,
        answer: Some(shape::<NewAccessKey>),
        status: 201,
        run: |call| Box::pin(create(call)),
    },
    Endpoint {
        method: Method::Get,
        path: "/keys/{key}",
        id: "getAccessKey",
        scope: Scope::Read,
        summary: "Show an access key, whosever it is",
        description: "Tells the account of a key that is known by its id alone. Secrets are never shown again.",
        parameters: &[KEY],
        request: None,
        answer: Some(shape::<AccessKey>),
        status: 200,
        run: |call| Box::pin(show(call)),
    },
    Endpoint {
        method: Method::Delete,
        path: "/accounts/{account}/keys/{key}",
        id: "revokeAccessKey",
        scope: Scope::Admin,
        summary: "Revoke an access key for good",
        description: "Within a second no request signed with it is taken. Revoking it again changes nothing.",
        parameters: &[ACCOUNT, KEY],
        request: None,
        answer: Some(shape::<AccessKey>),
        status: 200,
        run: |call| Box::pin(revoke(call)),
    },
];

/// An access key.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct AccessKey {
    /// Its id, which requests carry in the open.
    access_key_id: String,
    /// The account it acts for.
    account_id: String,
    /// Whether it opens anything.
    status: Status,
    /// When it was made.
    created_date: Time,
}

/// An access key with its secret.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct NewAccessKey {
    /// What stays visible.
    #[serde(flatten)]
    key: AccessKey,
    /// The secret, shown this once.
    secret_access_key: String,
}

/// Whether a key opens anything.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "AccessKeyStatus")]
enum Status {
    /// It does.
    Active,
    /// It does not, and never will again.
    Revoked,
}

impl From<Kept> for AccessKey {
    fn from(kept: Kept) -> Self {
        Self {
            access_key_id: kept.access_key_id,
            account_id: kept.account_id,
            status: match kept.status {
                KeptStatus::Active => Status::Active,
                KeptStatus::Revoked => Status::Revoked,
            },
            created_date: kept.created_date.into(),
        }
    }
}

async fn list(call: &Call<'_>) -> Result<Reply, Problem> {
    let listed = keys::part(call.operator.store(), call.required("account")?, call.part()?).await?;
    call.page(
        listed.items.into_iter().map(AccessKey::from).collect(),
        listed.next,
    )
}

async fn show(call: &Call<'_>) -> Result<Reply, Problem> {
    let kept = keys::expect(call.operator.store(), call.required("key")?).await?;
    Reply::json(&AccessKey::from(kept))
}

async fn create(call: &Call<'_>) -> Result<Reply, Problem> {
    let (store, sealer) = (call.operator.store(), call.operator.sealer());
    let new = keys::create(store, &call.author(), sealer, call.required("account")?, call.now).await?;
    Reply::json(&NewAccessKey {
        key: new.key.into(),
        secret_access_key: new.secret.to_string(),
    })
}

async fn revoke(call: &Call<'_>) -> Result<Reply, Problem> {
    let (account, id) = (call.required("account")?, call.required("key")?);
    let key = keys::expect(call.operator.store(), id).await?;
    if key.account_id != account {
        return Err(Problem::not_found(format!(
            "Account {account} has no access key {id}"
        )));
    }
    Reply::json(&AccessKey::from(
        keys::revoke(call.operator.store(), &call.author(), id, call.now).await?,
    ))
}
