//! The review desk: what waits for AWS's answer, and the answers.

use cosell_domain::review::{COMMENTS_LIMIT, Explanation, REASON_LIMIT, Verdict};
use cosell_model::enums::{CountryCode, Industry, ReviewStatus, Stage};
use cosell_service::operator::deals::DealFilter;
use schemars::JsonSchema;
use serde::Deserialize;

use super::deals::{COMPANY, Deal, OF_ACCOUNT, PARTNER_IDENTIFIER, STAGE, SeenDeal, one};
use crate::endpoint::{CURSOR, Endpoint, IN_CATALOG, Kind, LIMIT, Method, OPPORTUNITY, Parameter, shape};
use crate::{Call, Page, Problem, Reply, Scope};

const STATUS: Parameter = Parameter::query(
    "status",
    Kind::Words(ReviewStatus::VALUES),
    "Those in these review statuses; Submitted and In review where left out.",
);
const INDUSTRY: Parameter = Parameter::query(
    "industry",
    Kind::Words(Industry::VALUES),
    "Only customers of these industries.",
);
const COUNTRY: Parameter = Parameter::query(
    "country",
    Kind::Words(CountryCode::VALUES),
    "Only customers in these countries.",
);
/// The most that a bound of the spend can be: a hundred times it must be a number of cents.
const MOST: i64 = 9_000_000_000_000;
const AMOUNT_FROM: Parameter = Parameter::query(
    "amountFrom",
    Kind::Integer { min: 0, max: MOST },
    "Only those with at least this monthly spend, whatever its currency.",
);
const AMOUNT_TO: Parameter = Parameter::query(
    "amountTo",
    Kind::Integer { min: 0, max: MOST },
    "Only those with at most this monthly spend, whatever its currency.",
);
const ORDER: Parameter = Parameter::query(
    "order",
    Kind::Word(&["oldest", "newest"]),
    "By the time of the last submission, the oldest first where left out.",
);

pub(super) static ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::Get,
        path: "/reviews",
        id: "listReviews",
        scope: Scope::Read,
        summary: "Show the queue of the review desk",
        description: "What partners have submitted, the oldest first. Copies of other partners' deals are left out: they \
                      follow their originals. A page may have fewer items than asked for while there is a next one.",
        parameters: &[
            IN_CATALOG,
            STATUS,
            OF_ACCOUNT,
            STAGE,
            COMPANY,
            INDUSTRY,
            COUNTRY,
            PARTNER_IDENTIFIER,
            AMOUNT_FROM,
            AMOUNT_TO,
            ORDER,
            LIMIT,
            CURSOR,
        ],
        request: None,
        answer: Some(shape::<Page<Deal>>),
        status: 200,
        run: |call| Box::pin(list(call)),
    },
    Endpoint {
        method: Method::Post,
        path: "/reviews/{id}/take",
        id: "takeInReview",
        scope: Scope::Review,
        summary: "Begin the review of an opportunity",
        description: "It goes from Submitted to In review with the token that takes it. Taking it again by the same token \
                      changes nothing; by another it is refused with a conflict that names who took it.",
        parameters: &[OPPORTUNITY, IN_CATALOG],
        request: None,
        answer: Some(shape::<SeenDeal>),
        status: 200,
        run: |call| Box::pin(take(call)),
    },
    Endpoint {
        method: Method::Post,
        path: "/reviews/{id}/approve",
        id: "approveOpportunity",
        scope: Scope::Review,
        summary: "Approve an opportunity, for good",
        description: "It goes from Submitted or In review to Approved; AWS joins the engagement to which it was invited, and \
                      copies follow. An empty object is body enough.",
        parameters: &[OPPORTUNITY, IN_CATALOG],
        request: Some(shape::<Approval>),
        answer: Some(shape::<SeenDeal>),
        status: 200,
        run: |call| Box::pin(approve(call)),
    },
    Endpoint {
        method: Method::Post,
        path: "/reviews/{id}/reject",
        id: "rejectOpportunity",
        scope: Scope::Review,
        summary: "Reject an opportunity, for good",
        description: "It goes from Submitted or In review to Rejected, and AWS rejects the invitation to its engagement.",
        parameters: &[OPPORTUNITY, IN_CATALOG],
        request: Some(shape::<Reasons>),
        answer: Some(shape::<SeenDeal>),
        status: 200,
        run: |call| Box::pin(reject(call)),
    },
    Endpoint {
        method: Method::Post,
        path: "/reviews/{id}/action-required",
        id: "askForAction",
        scope: Scope::Review,
        summary: "Ask the partner to correct an opportunity",
        description: "It goes from Submitted or In review to Action Required. The partner then updates it, which submits it \
                      again.",
        parameters: &[OPPORTUNITY, IN_CATALOG],
        request: Some(shape::<Reasons>),
        answer: Some(shape::<SeenDeal>),
        status: 200,
        run: |call| Box::pin(require_action(call)),
    },
];

/// What the partner should know of an approval.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Approval {
    /// What the partner reads as ReviewComments.
    #[schemars(length(min = 1, max = COMMENTS_LIMIT))]
    comments: Option<String>,
}

/// Why a deal is refused or sent back.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Reasons {
    /// What the partner reads as ReviewStatusReason: a code or a few words.
    #[schemars(length(min = 1, max = REASON_LIMIT))]
    reason: String,
    /// What the partner reads as ReviewComments.
    #[schemars(length(min = 1, max = COMMENTS_LIMIT))]
    comments: Option<String>,
}

impl From<Reasons> for Explanation {
    fn from(sent: Reasons) -> Self {
        Self {
            reason: sent.reason,
            comments: sent.comments,
        }
    }
}

async fn list(call: &Call<'_>) -> Result<Reply, Problem> {
    let mut review_statuses: Vec<ReviewStatus> =
        call.words("status").into_iter().map(ReviewStatus::from).collect();
    if review_statuses.is_empty() {
        review_statuses = vec![ReviewStatus::Submitted, ReviewStatus::InReview];
    }
    let owned = |name| call.words(name).into_iter().map(str::to_owned).collect();
    let cents = |name| call.integer(name).map(|whole| whole.saturating_mul(100));
    let filter = DealFilter {
        accounts: one(call, "account"),
        review_statuses,
        stages: call.words("stage").into_iter().map(Stage::from).collect(),
        companies: one(call, "company"),
        industries: owned("industry"),
        countries: owned("country"),
        partner_identifiers: one(call, "partnerOpportunityIdentifier"),
        amount_from: cents("amountFrom"),
        amount_to: cents("amountTo"),
        newest_first: call.get("order") == Some("newest"),
    };
    let part = call.part()?;
    let listed = call
        .operator
        .service()
        .list_deals(call.in_catalog(), &filter, part.limit, part.after)
        .await?;
    let originals = listed.items.into_iter().filter(|deal| !deal.copy);
    call.page(originals.map(|deal| Deal::of(deal, call)).collect(), listed.next)
}

async fn take(call: &Call<'_>) -> Result<Reply, Problem> {
    decide(call, Verdict::Take).await
}

async fn approve(call: &Call<'_>) -> Result<Reply, Problem> {
    let Approval { comments } = call.body()?;
    decide(call, Verdict::Approve { comments }).await
}

async fn reject(call: &Call<'_>) -> Result<Reply, Problem> {
    let reasons: Reasons = call.body()?;
    decide(call, Verdict::Reject(reasons.into())).await
}

async fn require_action(call: &Call<'_>) -> Result<Reply, Problem> {
    let reasons: Reasons = call.body()?;
    decide(call, Verdict::AskForAction(reasons.into())).await
}

async fn decide(call: &Call<'_>, verdict: Verdict) -> Result<Reply, Problem> {
    let (service, id) = (call.operator.service(), call.required("id")?);
    let seen = service.review(&call.by(), call.in_catalog(), id, verdict).await?;
    Reply::json(&SeenDeal::of(seen, call)?)
}
