//! The users of an account.

use cosell_domain::opportunity::assign::User as Kept;
use cosell_service::identity::users::{self, Change};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::body::sent;
use crate::endpoint::{ACCOUNT, CURSOR, Endpoint, Kind, LIMIT, Method, Parameter, shape};
use crate::shapes::without_defaults;
use crate::{Call, Page, Problem, Reply, Scope};

const EMAIL: Parameter = Parameter::path(
    "email",
    Kind::Text { max: 80 },
    "The user's e-mail address, in capitals or not.",
);

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
    Endpoint {
        method: Method::Patch,
        path: "/accounts/{account}/users/{email}",
        id: "updateUser",
        scope: Scope::Admin,
        summary: "Change the name of a user",
        description: "Members that are left out stay. The address is what a user is known by: somebody with another address \
                      is another user. Opportunities keep the names that their owners had when they were assigned.",
        parameters: &[ACCOUNT, EMAIL],
        request: Some(shape::<UserChange>),
        answer: Some(shape::<User>),
        status: 200,
        run: |call| Box::pin(update(call)),
    },
    Endpoint {
        method: Method::Delete,
        path: "/accounts/{account}/users/{email}",
        id: "deleteUser",
        scope: Scope::Admin,
        summary: "Remove a user of an account",
        description: "No opportunity can be assigned to it any more. Those that were keep it as their owner, with its name \
                      and address.",
        parameters: &[ACCOUNT, EMAIL],
        request: None,
        answer: None,
        status: 204,
        run: |call| Box::pin(delete(call)),
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

/// What is changed of a user.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(transform = without_defaults)]
struct UserChange {
    /// Given name.
    #[serde(default, deserialize_with = "sent")]
    #[schemars(with = "String", length(min = 1, max = 80))]
    first_name: Option<String>,
    /// Family name.
    #[serde(default, deserialize_with = "sent")]
    #[schemars(with = "String", length(min = 1, max = 80))]
    last_name: Option<String>,
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

async fn update(call: &Call<'_>) -> Result<Reply, Problem> {
    let sent: UserChange = call.body()?;
    let change = Change {
        first_name: sent.first_name,
        last_name: sent.last_name,
    };
    let (account, email) = (call.required("account")?, call.required("email")?);
    let store = call.operator.store();
    let kept = users::change(store, &call.author(), account, email, change, call.now).await?;
    Reply::json(&User::from(kept))
}

async fn delete(call: &Call<'_>) -> Result<Reply, Problem> {
    let (account, email) = (call.required("account")?, call.required("email")?);
    users::remove(call.operator.store(), &call.author(), account, email, call.now).await?;
    Ok(Reply::empty())
}
