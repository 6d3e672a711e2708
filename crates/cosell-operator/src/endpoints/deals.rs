//! Deals as AWS sees them: what the review desk, AWS's seller and the search show of an opportunity.

use cosell_model::enums::{ReviewStatus, Stage};
use cosell_model::shapes;
use cosell_service::operator::deals::SeenDeal as Seen;
use cosell_service::operator::search::{Found as KeptFound, Search};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::Value;

use crate::endpoint::{
    CATALOGS, CURSOR, Endpoint, IN_CATALOG, Kind, LIMIT, Method, OPPORTUNITY, Parameter, shape,
};
use crate::shapes::{Names, schema};
use crate::{Call, Page, Problem, Reply, Scope, Time};

/// The partner's account.
pub(super) const OF_ACCOUNT: Parameter =
    Parameter::query("account", Kind::Account, "Only those of this partner account.");
/// The customer's company.
pub(super) const COMPANY: Parameter = Parameter::query(
    "company",
    Kind::Text { max: 120 },
    "Only those about this customer, by its exact name.",
);
/// The partner's own identifier.
pub(super) const PARTNER_IDENTIFIER: Parameter = Parameter::query(
    "partnerOpportunityIdentifier",
    Kind::Text { max: 255 },
    "Only the one with this identifier of the partner's own.",
);
/// The partner's stage.
pub(super) const STAGE: Parameter =
    Parameter::query("stage", Kind::Words(Stage::VALUES), "Only those in these stages.");

const CATALOG: Parameter = Parameter::query(
    "catalog",
    Kind::Word(CATALOGS),
    "Only those of this catalog; both where left out.",
);
const STATUS: Parameter = Parameter::query(
    "reviewStatus",
    Kind::Words(ReviewStatus::VALUES),
    "Only those in these review statuses.",
);
const MODIFIED_FROM: Parameter = Parameter::query(
    "modifiedFrom",
    Kind::Time,
    "Only those last modified at this moment or later.",
);
const MODIFIED_TO: Parameter = Parameter::query(
    "modifiedTo",
    Kind::Time,
    "Only those last modified at this moment or earlier.",
);
const TEXT: Parameter = Parameter::query(
    "text",
    Kind::Text { max: 200 },
    "Only those with all of these words in title, company, problem, next steps or an identifier, in capitals or not.",
);

pub(super) static ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::Get,
        path: "/opportunities",
        id: "searchOpportunities",
        scope: Scope::Read,
        summary: "Search the opportunities of all partners, drafts too",
        description: "By account and catalog, within each the latest modified first. A page may have fewer items than asked \
                      for, even none, while there is a next one.",
        parameters: &[
            OF_ACCOUNT,
            CATALOG,
            PARTNER_IDENTIFIER,
            COMPANY,
            STATUS,
            STAGE,
            MODIFIED_FROM,
            MODIFIED_TO,
            TEXT,
            LIMIT,
            CURSOR,
        ],
        request: None,
        answer: Some(shape::<Page<Found>>),
        status: 200,
        run: |call| Box::pin(search(call)),
    },
    Endpoint {
        method: Method::Get,
        path: "/opportunities/{id}",
        id: "getOpportunity",
        scope: Scope::Read,
        summary: "Show an opportunity that AWS knows of",
        description: "With what its partner reads of it and of AWS's side. Drafts are not AWS's to see: they are not found.",
        parameters: &[OPPORTUNITY, IN_CATALOG],
        request: None,
        answer: Some(shape::<SeenDeal>),
        status: 200,
        run: |call| Box::pin(show(call)),
    },
];

/// A deal as AWS lists it.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Deal {
    /// The opportunity.
    pub id: String,
    /// The partner's account.
    account: String,
    /// The catalog.
    catalog: String,
    /// The project's title.
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    /// The customer's company.
    #[serde(skip_serializing_if = "Option::is_none")]
    company: Option<String>,
    /// Where the review stands; absent after an update in the sandbox that left it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    review_status: Option<String>,
    /// The name of the token by which it was taken in review, while it is in review; `autopilot` for a script.
    #[serde(skip_serializing_if = "Option::is_none")]
    taken_by: Option<String>,
    /// When it was submitted last.
    submitted_date: Time,
    /// How long ago that is, in seconds, by the server's clock.
    age_seconds: i64,
    /// How often it was submitted.
    submissions: u32,
    /// What the partner asks of AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    involvement_type: Option<String>,
    /// Who brought it.
    origin: String,
    /// The partner's stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<String>,
    /// AWS's stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    aws_stage: Option<String>,
    /// The monthly spend that is expected, all entries together, in whichever currency they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    monthly_spend: Option<String>,
    /// The customer's industry.
    #[serde(skip_serializing_if = "Option::is_none")]
    industry: Option<String>,
    /// The customer's country.
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    /// The partner's own identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    partner_opportunity_identifier: Option<String>,
    /// True for a copy of another partner's deal, which follows that deal's review.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    copy: bool,
}

impl Deal {
    /// A deal at that moment.
    pub(super) fn of(kept: cosell_service::Deal, call: &Call<'_>) -> Self {
        Self {
            age_seconds: (call.now.as_millis() - kept.submitted_at.as_millis()).max(0) / 1000,
            id: kept.id,
            account: kept.account,
            catalog: kept.catalog,
            title: kept.title,
            company: kept.company,
            review_status: kept.review_status.map(|one| one.to_string()),
            taken_by: kept.taken_by,
            submitted_date: kept.submitted_at.into(),
            submissions: kept.submissions,
            involvement_type: kept.involvement_type.map(|one| one.to_string()),
            origin: kept.origin.to_string(),
            stage: kept.stage.map(|one| one.to_string()),
            aws_stage: kept.aws_stage.map(|one| one.to_string()),
            monthly_spend: kept.monthly_spend,
            industry: kept.industry.map(|one| one.to_string()),
            country: kept.country.map(|one| one.to_string()),
            partner_opportunity_identifier: kept.partner_opportunity_identifier,
            copy: kept.copy,
        }
    }
}

/// A deal as AWS sees it, whole.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SeenDeal {
    /// What the directory says of it.
    deal: Deal,
    /// What the partner reads with GetOpportunity.
    #[schemars(schema_with = "opportunity")]
    opportunity: Value,
    /// What the partner reads with GetAwsOpportunitySummary.
    #[schemars(schema_with = "aws_summary")]
    aws_summary: Value,
}

impl SeenDeal {
    /// A deal at that moment.
    pub(super) fn of(seen: Seen, call: &Call<'_>) -> Result<Self, Problem> {
        Ok(Self {
            deal: Deal::of(seen.deal, call),
            opportunity: rendered(&seen.opportunity)?,
            aws_summary: rendered(&seen.aws_summary)?,
        })
    }
}

/// The deal and AWS's own side of it.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AwsOpportunity {
    /// What the directory says of it.
    deal: Deal,
    /// What the partner reads with GetAwsOpportunitySummary.
    #[schemars(schema_with = "aws_summary")]
    aws_summary: Value,
}

impl AwsOpportunity {
    /// A deal at that moment.
    pub(super) fn of(seen: Seen, call: &Call<'_>) -> Result<Self, Problem> {
        Ok(Self {
            deal: Deal::of(seen.deal, call),
            aws_summary: rendered(&seen.aws_summary)?,
        })
    }
}

/// A document of AWS's model as a value.
pub(super) fn rendered<T: Serialize>(document: &T) -> Result<Value, Problem> {
    serde_json::to_value(document)
        .map_err(|error| Problem::internal(format!("a document cannot be rendered: {error}")))
}

fn opportunity(generator: &mut SchemaGenerator) -> Schema {
    schema(generator, &shapes::GET_OPPORTUNITY_RESPONSE, Names::Wire, &[])
}

fn aws_summary(generator: &mut SchemaGenerator) -> Schema {
    schema(
        generator,
        &shapes::GET_AWS_OPPORTUNITY_SUMMARY_RESPONSE,
        Names::Wire,
        &[],
    )
}

/// An opportunity that was found.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "FoundOpportunity")]
struct Found {
    /// The opportunity.
    id: String,
    /// Whose it is.
    account: String,
    /// Its catalog.
    catalog: String,
    /// The project's title.
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    /// The customer's company.
    #[serde(skip_serializing_if = "Option::is_none")]
    company: Option<String>,
    /// The partner's stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<String>,
    /// Where the review stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    review_status: Option<String>,
    /// The partner's own identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    partner_opportunity_identifier: Option<String>,
    /// When it was last modified.
    last_modified_date: Time,
    /// When it was created.
    created_date: Time,
}

impl From<KeptFound> for Found {
    fn from(kept: KeptFound) -> Self {
        Self {
            id: kept.id,
            account: kept.account,
            catalog: kept.catalog,
            title: kept.title,
            company: kept.company,
            stage: kept.stage.map(|one| one.to_string()),
            review_status: kept.review_status.map(|one| one.to_string()),
            partner_opportunity_identifier: kept.partner_opportunity_identifier,
            last_modified_date: kept.last_modified.into(),
            created_date: kept.created.into(),
        }
    }
}

/// The value of a parameter as a list of none or one.
pub(super) fn one(call: &Call<'_>, name: &str) -> Vec<String> {
    call.get(name).map(str::to_owned).into_iter().collect()
}

async fn search(call: &Call<'_>) -> Result<Reply, Problem> {
    let wanted = Search {
        account: call.get("account").map(str::to_owned),
        catalog: call.catalog(),
        partner_identifiers: one(call, "partnerOpportunityIdentifier"),
        companies: one(call, "company"),
        review_statuses: call
            .words("reviewStatus")
            .into_iter()
            .map(ReviewStatus::from)
            .collect(),
        stages: call.words("stage").into_iter().map(Stage::from).collect(),
        modified_from: call.time("modifiedFrom"),
        modified_to: call.time("modifiedTo"),
        words: call
            .get("text")
            .map(|text| text.split_whitespace().map(str::to_owned).collect())
            .unwrap_or_default(),
    };
    let part = call.part()?;
    let listed = call
        .operator
        .service()
        .search(&wanted, part.limit, part.after)
        .await?;
    call.page(listed.items.into_iter().map(Found::from).collect(), listed.next)
}

async fn show(call: &Call<'_>) -> Result<Reply, Problem> {
    let service = call.operator.service();
    let seen = service.deal(call.in_catalog(), call.required("id")?).await?;
    Reply::json(&SeenDeal::of(seen, call)?)
}
