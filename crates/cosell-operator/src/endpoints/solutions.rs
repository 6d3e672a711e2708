//! The solutions of an account.

use cosell_domain::Catalog as KnownCatalog;
use cosell_model::enums::SolutionStatus as KeptStatus;
use cosell_model::types::SolutionBase as Kept;
use cosell_service::identity::solutions::{self, Change, NewSolution as New};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::body::sent;
use crate::endpoint::{ACCOUNT, CATALOGS, CURSOR, Endpoint, Kind, LIMIT, Method, Parameter, shape};
use crate::shapes::without_defaults;
use crate::{Call, Page, Problem, Reply, Scope, Time};

pub(super) const CATALOG: Parameter = Parameter::required("catalog", Kind::Word(CATALOGS), "The catalog.");

const SOLUTION: Parameter = Parameter::path(
    "solution",
    Kind::Text { max: 32 },
    "The solution's identifier, such as S-1234567.",
);

pub(super) static ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::Get,
        path: "/accounts/{account}/solutions",
        id: "listSolutions",
        scope: Scope::Read,
        summary: "List the solutions of an account in one catalog",
        description: "In the order of their identifiers.",
        parameters: &[ACCOUNT, CATALOG, LIMIT, CURSOR],
        request: None,
        answer: Some(shape::<Page<Solution>>),
        status: 200,
        run: |call| Box::pin(list(call)),
    },
    Endpoint {
        method: Method::Post,
        path: "/accounts/{account}/solutions",
        id: "createSolution",
        scope: Scope::Admin,
        summary: "Register a solution of an account",
        description: "Opportunities of that catalog can then be associated with it, while its status is Active.",
        parameters: &[ACCOUNT],
        request: Some(shape::<NewSolution>),
        answer: Some(shape::<Solution>),
        status: 201,
        run: |call| Box::pin(create(call)),
    },
    Endpoint {
        method: Method::Patch,
        path: "/accounts/{account}/solutions/{solution}",
        id: "updateSolution",
        scope: Scope::Admin,
        summary: "Change a solution of an account",
        description: "Members that are left out stay; null takes the ARN of the Marketplace counterpart away. Opportunities \
                      that are associated with it stay so. Solutions are not removed, since opportunities name them: one that \
                      should not be used any more becomes Inactive.",
        parameters: &[ACCOUNT, SOLUTION, CATALOG],
        request: Some(shape::<SolutionChange>),
        answer: Some(shape::<Solution>),
        status: 200,
        run: |call| Box::pin(update(call)),
    },
];

/// A catalog.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[expect(clippy::upper_case_acronyms, reason = "AWS's spelling")]
pub(super) enum Catalog {
    /// The real one.
    AWS,
    /// For tests.
    Sandbox,
}

impl From<Catalog> for KnownCatalog {
    fn from(catalog: Catalog) -> Self {
        match catalog {
            Catalog::AWS => KnownCatalog::Aws,
            Catalog::Sandbox => KnownCatalog::Sandbox,
        }
    }
}

/// The status of a solution, in AWS's words.
#[derive(Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
enum SolutionStatus {
    /// Can be associated.
    #[default]
    Active,
    /// Cannot.
    Inactive,
    /// Cannot yet.
    Draft,
}

/// A solution.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Solution {
    /// Its identifier.
    id: String,
    /// Its ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<String>,
    /// Its catalog.
    catalog: String,
    /// Its name.
    name: String,
    /// One of AWS's categories.
    category: String,
    /// Only Active ones can be associated.
    status: String,
    /// The ARN of its AWS Marketplace counterpart.
    #[serde(skip_serializing_if = "Option::is_none")]
    marketplace_arn: Option<String>,
    /// When it was registered.
    created_date: Time,
}

/// A solution to be registered.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewSolution {
    /// The catalog.
    catalog: Catalog,
    /// Its identifier, S- and up to 19 digits; drawn where left out.
    #[schemars(regex(pattern = r"^S-[0-9]{1,19}$"))]
    id: Option<String>,
    /// Its name.
    #[schemars(length(min = 1, max = 255))]
    name: String,
    /// One of AWS's categories, for example "Software Product".
    category: String,
    /// Active where left out.
    #[serde(default)]
    status: SolutionStatus,
    /// The ARN of its AWS Marketplace counterpart.
    #[schemars(length(min = 1, max = 2048))]
    marketplace_arn: Option<String>,
}

/// What is changed of a solution.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(transform = without_defaults)]
struct SolutionChange {
    /// Its name.
    #[serde(default, deserialize_with = "sent")]
    #[schemars(with = "String", length(min = 1, max = 255))]
    name: Option<String>,
    /// One of AWS's categories, for example "Software Product".
    #[serde(default, deserialize_with = "sent")]
    #[schemars(with = "String")]
    category: Option<String>,
    /// Only Active ones can be associated.
    #[serde(default, deserialize_with = "sent")]
    #[schemars(with = "SolutionStatus")]
    status: Option<SolutionStatus>,
    /// The ARN of its AWS Marketplace counterpart; null takes it away.
    #[serde(default, deserialize_with = "sent")]
    #[schemars(with = "Option<String>", length(min = 1, max = 2048))]
    marketplace_arn: Option<Option<String>>,
}

impl From<SolutionStatus> for KeptStatus {
    fn from(status: SolutionStatus) -> Self {
        match status {
            SolutionStatus::Active => Self::Active,
            SolutionStatus::Inactive => Self::Inactive,
            SolutionStatus::Draft => Self::Draft,
        }
    }
}

impl From<Kept> for Solution {
    fn from(kept: Kept) -> Self {
        Self {
            id: kept.id,
            arn: kept.arn,
            catalog: kept.catalog,
            name: kept.name,
            category: kept.category,
            status: kept.status.to_string(),
            marketplace_arn: kept.aws_marketplace_solution_arn,
            created_date: kept.created_date.into(),
        }
    }
}

/// The parameter [`CATALOG`].
pub(super) fn named_catalog(call: &Call<'_>) -> Result<KnownCatalog, Problem> {
    let named = call.catalog();
    named.ok_or_else(|| Problem::internal("the table lets a catalog be left out"))
}

async fn list(call: &Call<'_>) -> Result<Reply, Problem> {
    let account = call.required("account")?;
    let catalog = named_catalog(call)?;
    let listed = solutions::part(call.operator.store(), account, catalog, call.part()?).await?;
    call.page(
        listed.items.into_iter().map(Solution::from).collect(),
        listed.next,
    )
}

async fn create(call: &Call<'_>) -> Result<Reply, Problem> {
    let account = call.required("account")?;
    let body: NewSolution = call.body()?;
    let new = New {
        id: body.id,
        name: body.name,
        category: body.category,
        status: body.status.into(),
        marketplace_arn: body.marketplace_arn,
    };
    let (store, region) = (call.operator.store(), call.operator.region());
    let kept = solutions::add(
        store,
        &call.author(),
        account,
        body.catalog.into(),
        region,
        new,
        call.now,
    )
    .await?;
    Reply::json(&Solution::from(kept))
}

async fn update(call: &Call<'_>) -> Result<Reply, Problem> {
    let sent: SolutionChange = call.body()?;
    let change = Change {
        name: sent.name,
        category: sent.category,
        status: sent.status.map(KeptStatus::from),
        marketplace_arn: sent.marketplace_arn,
    };
    let (account, id, catalog) = (
        call.required("account")?,
        call.required("solution")?,
        named_catalog(call)?,
    );
    let store = call.operator.store();
    let kept = solutions::change(store, &call.author(), account, catalog, id, change, call.now).await?;
    Reply::json(&Solution::from(kept))
}
