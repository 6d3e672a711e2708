//! The users of an account.

use cosell_domain::opportunity::assign::User as Kept;
use cosell_service::identity::users;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::endpoint::{ACCOUNT, CURSOR, Endpoint, LIMIT, Method, shape};
use crate::{Call, Page, Problem, Reply, Scope};

pub(super) static ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::Get,
        path: "/accounts/{account}/users",
        id: "listUsers",
        scope: Scope::Read,
        summary: "List the users of an account",
        description: "In the order of their e-mail addresses.",
        parameters: &[ACCOUNT, LIMIT, CURSOR],
        request: None,
        answer: Some(shape::<Page<User>>),
        status: 200,
        run: |call| Box::pin(list(call)),
    },
    Endpoint {
        method: Method::Post,
        path: "/accounts/{account}/users",
        id: "createUser",
        scope: Scope::Admin,
        summary: "Register a user of an account",
        description: "AssignOpportunity can then name it by its e-mail address, in capitals or not.",
        parameters: &[ACCOUNT],
        request: Some(shape::<User>),
        answer: Some(shape::<User>),
        status: 201,
        run: |call| Box::pin(create(call)),
    },
];

/// A user of a partner.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct User {
    /// E-mail address.
    #[schemars(length(min = 3, max = 80))]
    email: String,
    /// Given name.
    #[schemars(length(min = 1, max = 80))]
    first_name: String,
    /// Family name.
    #[schemars(length(min = 1, max = 80))]
    last_name: String,
}

impl From<Kept> for User {
    fn from(kept: Kept) -> Self {
        Self {
            email: kept.email,
            first_name: kept.first_name,
            last_name: kept.last_name,
        }
    }
}

async fn list(call: &Call<'_>) -> Result<Reply, Problem> {
    let listed = users::part(call.operator.store(), call.required("account")?, call.part()?).await?;
    call.page(listed.items.into_iter().map(User::from).collect(), listed.next)
}

async fn create(call: &Call<'_>) -> Result<Reply, Problem> {
    let new: User = call.body()?;
    let user = Kept {
        email: new.email,
        first_name: new.first_name,
        last_name: new.last_name,
    };
    let kept = users::add(
        call.operator.store(),
        &call.author(),
        call.required("account")?,
        user,
        call.now,
    )
    .await?;
    Reply::json(&User::from(kept))
}
