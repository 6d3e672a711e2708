//! The AWS Marketplace offers of an account.

use cosell_domain::Catalog as KnownCatalog;
use cosell_service::identity::offers::{self, Offer as Kept};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::solutions::{CATALOG, Catalog, named_catalog};
use crate::endpoint::{ACCOUNT, CURSOR, Endpoint, Kind, LIMIT, Method, Parameter, shape};
use crate::{Call, Page, Problem, Reply, Scope, Time};

const OFFER: Parameter = Parameter::path(
    "offer",
    Kind::Text { max: 128 },
    "The offer's identifier: the end of its ARN.",
);

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
    Endpoint {
        method: Method::Delete,
        path: "/accounts/{account}/offers/{offer}",
        id: "deleteOffer",
        scope: Scope::Admin,
        summary: "Remove a Marketplace offer of an account",
        description: "Opportunities that are associated with it stay so.",
        parameters: &[ACCOUNT, OFFER, CATALOG],
        request: None,
        answer: None,
        status: 204,
        run: |call| Box::pin(delete(call)),
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
    let catalog = named_catalog(call)?;
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

async fn delete(call: &Call<'_>) -> Result<Reply, Problem> {
    let (account, id, catalog) = (
        call.required("account")?,
        call.required("offer")?,
        named_catalog(call)?,
    );
    let store = call.operator.store();
    offers::remove(store, &call.author(), account, catalog, id, call.now).await?;
    Ok(Reply::empty())
}
