//! Partner accounts.

use cosell_service::identity::accounts::{self, Account as Kept, Change};
use cosell_service::identity::partner;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::body::sent;
use crate::endpoint::{ACCOUNT, CURSOR, Endpoint, LIMIT, Method, shape};
use crate::shapes::without_defaults;
use crate::{Call, Page, Problem, Reply, Scope, Time};

pub(super) static ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::Get,
        path: "/accounts",
        id: "listAccounts",
        scope: Scope::Read,
        summary: "List the partner accounts",
        description: "In the order of their ids.",
        parameters: &[LIMIT, CURSOR],
        request: None,
        answer: Some(shape::<Page<Account>>),
        status: 200,
        run: |call| Box::pin(list(call)),
    },
    Endpoint {
        method: Method::Post,
        path: "/accounts",
        id: "createAccount",
        scope: Scope::Admin,
        summary: "Register a partner account",
        description: "The account gets the default solution of AWS's sandbox. Make an access key for it next.",
        parameters: &[],
        request: Some(shape::<NewAccount>),
        answer: Some(shape::<Account>),
        status: 201,
        run: |call| Box::pin(create(call)),
    },
    Endpoint {
        method: Method::Get,
        path: "/accounts/{account}",
        id: "getAccount",
        scope: Scope::Read,
        summary: "Show a partner account",
        description: "Its users, keys and solutions are beneath it.",
        parameters: &[ACCOUNT],
        request: None,
        answer: Some(shape::<Account>),
        status: 200,
        run: |call| Box::pin(show(call)),
    },
    Endpoint {
        method: Method::Patch,
        path: "/accounts/{account}",
        id: "updateAccount",
        scope: Scope::Admin,
        summary: "Change what is told of a partner account",
        description: "Members that are left out stay; null takes the website away. Invitations, engagements and snapshots \
                      that name the company already keep the name that they have.",
        parameters: &[ACCOUNT],
        request: Some(shape::<AccountChange>),
        answer: Some(shape::<Account>),
        status: 200,
        run: |call| Box::pin(update(call)),
    },
];

/// A partner account.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Account {
    /// The 12-digit AWS account id.
    account_id: String,
    /// The partner's company name, which other partners see.
    company_name: String,
    /// The partner's website.
    #[serde(skip_serializing_if = "Option::is_none")]
    website_url: Option<String>,
    /// When it was registered.
    created_date: Time,
}

/// A partner account to be registered.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewAccount {
    /// The 12-digit AWS account id.
    #[schemars(regex(pattern = r"^[0-9]{12}$"))]
    account_id: String,
    /// The partner's company name, which other partners see.
    #[schemars(length(min = 1, max = 120))]
    company_name: String,
    /// The partner's website.
    #[schemars(length(min = 1, max = 255))]
    website_url: Option<String>,
}

/// What is changed of a partner account.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(transform = without_defaults)]
struct AccountChange {
    /// The partner's company name, which other partners see.
    #[serde(default, deserialize_with = "sent")]
    #[schemars(with = "String", length(min = 1, max = 120))]
    company_name: Option<String>,
    /// The partner's website; null takes it away.
    #[serde(default, deserialize_with = "sent")]
    #[schemars(with = "Option<String>", length(min = 1, max = 255))]
    website_url: Option<Option<String>>,
}

impl From<Kept> for Account {
    fn from(kept: Kept) -> Self {
        Self {
            account_id: kept.account_id,
            company_name: kept.company_name,
            website_url: kept.website_url,
            created_date: kept.created_date.into(),
        }
    }
}

async fn list(call: &Call<'_>) -> Result<Reply, Problem> {
    let listed = accounts::part(call.operator.store(), call.part()?).await?;
    call.page(listed.items.into_iter().map(Account::from).collect(), listed.next)
}

async fn create(call: &Call<'_>) -> Result<Reply, Problem> {
    let new: NewAccount = call.body()?;
    let kept = Kept {
        account_id: new.account_id,
        company_name: new.company_name,
        website_url: new.website_url,
        created_date: call.now,
    };
    partner::register(
        call.operator.store(),
        &call.author(),
        call.operator.region(),
        kept.clone().into(),
    )
    .await?;
    let path = format!("/accounts/{}", kept.account_id);
    Ok(Reply::json(&Account::from(kept))?.at(&path))
}

async fn show(call: &Call<'_>) -> Result<Reply, Problem> {
    let kept = accounts::expect(call.operator.store(), call.required("account")?).await?;
    Reply::json(&Account::from(kept))
}

async fn update(call: &Call<'_>) -> Result<Reply, Problem> {
    let sent: AccountChange = call.body()?;
    let change = Change {
        company_name: sent.company_name,
        website_url: sent.website_url,
    };
    let (store, id) = (call.operator.store(), call.required("account")?);
    let kept = accounts::change(store, &call.author(), id, change, call.now).await?;
    Reply::json(&Account::from(kept))
}
