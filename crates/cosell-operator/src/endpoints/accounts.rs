//! Partner accounts.

use cosell_service::identity::accounts::{self, Account as Kept};
use cosell_service::identity::partner;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::endpoint::{ACCOUNT, CURSOR, Endpoint, LIMIT, Method, shape};
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
    website_url: Option<String>,
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
