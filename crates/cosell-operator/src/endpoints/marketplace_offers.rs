//! The AWS Marketplace offers of an account.

use cosell_domain::Catalog as KnownCatalog;
use cosell_service::identity::offers::{self, Offer as Kept};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::solutions::{CATALOG, Catalog};
use crate::endpoint::{ACCOUNT, CURSOR, Endpoint, LIMIT, Method, shape};
use crate::{Call, Page, Problem, Reply, Scope, Time};

pub(super) static ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::Get,
        path: "/accounts/{account}/offers",
        id: "listOffers",
        scope: Scope::Read,
        summary: "List the Marketplace offers of an account in one catalog",
        description: "In the order of their identifiers.",
        parameters: &[ACCOUNT, CATALOG, LIMIT, CURSOR],
        request: None,
        answer: Some(shape::<Page<Offer>>),
        status: 200,
        run: |call| Box::pin(list(call)),
    },
    Endpoint {
        method: Method::Post,
        path: "/accounts/{account}/offers",
        id: "createOffer",
        scope: Scope::Admin,
        summary: "Register a Marketplace offer of an account",
        description: "Where the server is set to `offers = required`, opportunities of that catalog can be associated with \
                      registered offers only.",
        parameters: &[ACCOUNT],
        request: Some(shape::<NewOffer>),
        answer: Some(shape::<Offer>),
        status: 201,
        run: |call| Box::pin(create(call)),
    },
];

/// An offer.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Offer {
    /// Its identifier.
    id: String,
    /// Its name.
    name: String,
    /// Its catalog.
    catalog: String,
    /// When it was registered.
    created_date: Time,
}

/// An offer to be registered.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewOffer {
    /// The catalog.
    catalog: Catalog,
    /// Its identifier: the end of its ARN.
    #[schemars(regex(pattern = r"^offer-[a-z0-9]{1,64}$"))]
    id: String,
    /// Its name.
    #[schemars(length(min = 1, max = 255))]
    name: String,
}

impl From<Kept> for Offer {
    fn from(kept: Kept) -> Self {
        Self {
            id: kept.id,
            name: kept.name,
            catalog: kept.catalog,
            created_date: kept.created_date.into(),
        }
    }
}

async fn list(call: &Call<'_>) -> Result<Reply, Problem> {
    let account = call.required("account")?;
    let catalog = call
        .catalog()
        .ok_or_else(|| Problem::internal("the table lets a catalog be left out"))?;
    let listed = offers::part(call.operator.store(), account, catalog, call.part()?).await?;
    call.page(listed.items.into_iter().map(Offer::from).collect(), listed.next)
}

async fn create(call: &Call<'_>) -> Result<Reply, Problem> {
    let account = call.required("account")?;
    let new: NewOffer = call.body()?;
    let catalog = KnownCatalog::from(new.catalog);
    let kept = offers::add(
        call.operator.store(),
        &call.author(),
        account,
        catalog,
        &new.id,
        &new.name,
        call.now,
    )
    .await?;
    Reply::json(&Offer::from(kept))
}
