//! AWS's directory of deals: one row for each opportunity that AWS knows of, whoever's it is, from which the review desk's
//! queue and the operator's searches are read. It carries the opportunity's version and is written in the same change, so that it
//! never says anything else. Drafts are AWS's business to nobody and are not in it.

use bytes::Bytes;
use cosell_domain::Catalog;
use cosell_domain::amount::Cents;
use cosell_domain::autopilot::Facts;
use cosell_domain::opportunity::Opportunity;
use cosell_model::enums::{
    AwsOpportunityStage, CountryCode, Industry, OpportunityOrigin, ReviewStatus, SalesInvolvementType, Stage,
};
use cosell_model::{ApiError, Timestamp};
use cosell_store::{Key, Kind, Record, Write};
use serde::{Deserialize, Serialize};

use crate::answer::encode;

/// A deal as AWS's directory lists it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deal {
    /// The opportunity, `O…`.
    pub id: String,
    /// The partner's account.
    pub account: String,
    /// The catalog.
    pub catalog: String,
    /// The project's title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The customer's company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// Where the review stands; absent for an orphan of the sandbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_status: Option<ReviewStatus>,
    /// Who took it in review, while it is in review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_by: Option<String>,
    /// When it was handed in last.
    pub submitted_at: Timestamp,
    /// How often it was handed in.
    pub submissions: u32,
    /// What the partner asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub involvement_type: Option<SalesInvolvementType>,
    /// Who brought it.
    pub origin: OpportunityOrigin,
    /// The partner's stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// AWS's stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws_stage: Option<AwsOpportunityStage>,
    /// The monthly spend that is expected, all entries together, in whichever currency they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly_spend: Option<String>,
    /// The customer's industry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub industry: Option<Industry>,
    /// The customer's country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<CountryCode>,
    /// The partner's own identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner_opportunity_identifier: Option<String>,
    /// True for a copy of another partner's deal, which is not reviewed itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub copy: bool,
}

/// The key of a deal's row.
pub(crate) fn key(catalog: &str, id: &str) -> Key {
    Key::shared(Kind::Deal, catalog, id)
}

/// What AWS's directory says of an opportunity; `None` for drafts.
pub(crate) fn of(account: &str, opportunity: &Opportunity) -> Option<Deal> {
    let (document, private) = (&opportunity.document, &opportunity.private);
    let aws = private.aws.as_ref()?;
    let facts = Facts::of(opportunity, account, Catalog::from_name(&document.catalog)?);
    let customer = document.customer.as_ref();
    let company = customer.and_then(|customer| customer.account.as_ref());
    Some(Deal {
        id: document.id.clone(),
        account: account.to_owned(),
        catalog: document.catalog.clone(),
        title: facts.title,
        company: company.map(|account| account.company_name.clone()),
        taken_by: private
            .taken_by
            .clone()
            .filter(|_| facts.status == Some(ReviewStatus::InReview)),
        review_status: facts.status,
        submitted_at: private.submitted_at.unwrap_or(document.created_date),
        submissions: private.submissions,
        involvement_type: facts.involvement,
        origin: private.origin.clone(),
        stage: facts.stage,
        aws_stage: aws.life_cycle.stage.clone(),
        monthly_spend: facts.monthly_spend.map(|spend| spend.to_string()),
        industry: facts.industry,
        country: facts.country,
        partner_opportunity_identifier: document.partner_opportunity_identifier.clone(),
        copy: private.copy,
    })
}

/// Whose an opportunity is, which is all that the row's document holds.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Owner {
    /// The account.
    pub(crate) account: String,
}

/// The row of an opportunity that AWS knows of, in a change in which the opportunity gets that version; `None` for drafts.
/// `listed` is the version of the row that is replaced, where there is one.
pub(super) fn write(
    account: &str,
    opportunity: &Opportunity,
    listed: Option<u64>,
    version: u64,
) -> Result<Option<Write>, ApiError> {
    let Some(deal) = of(account, opportunity) else {
        return Ok(None);
    };
    let text = |value: Option<&str>| value.filter(|value| !value.is_empty()).map(str::to_owned).into();
    let spend = deal.monthly_spend.as_deref().and_then(Cents::parse);
    let columns = vec![
        ("account", account.into()),
        (
            "status",
            text(deal.review_status.as_ref().map(ReviewStatus::as_str)),
        ),
        ("submitted", deal.submitted_at.into()),
        ("stage", text(deal.stage.as_ref().map(Stage::as_str))),
        ("company", text(deal.company.as_deref())),
        (
            "partner_identifier",
            text(deal.partner_opportunity_identifier.as_deref()),
        ),
        ("amount", spend.map(Cents::clamped).into()),
        ("industry", text(deal.industry.as_ref().map(Industry::as_str))),
        ("country", text(deal.country.as_ref().map(CountryCode::as_str))),
    ];
    let record = Record {
        key: key(&deal.catalog, &deal.id),
        version,
        document: encode(&Owner {
            account: account.to_owned(),
        })?,
        summary: encode(&deal)?,
        private: Bytes::new(),
        columns,
    };
    Ok(Some(match listed {
        Some(expected) => Write::Replace { record, expected },
        None => Write::Insert(record),
    }))
}
