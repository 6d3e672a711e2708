//! AWS's directory of deals: the queue of the review desk and everything else that AWS knows of, across partners.

use cosell_domain::Catalog;
use cosell_domain::opportunity::{Opportunity, aws_side};
use cosell_model::ApiError;
use cosell_model::enums::{ReviewStatus, Stage};
use cosell_model::types::{GetAwsOpportunitySummaryResponse, GetOpportunityResponse};
use cosell_store::{Cursor, Filter, Kind, Query, Sort, Value};
use serde::Serialize;

use crate::answer::{read_failed, stored};
use crate::opportunity::deal::{self, Deal, Owner};
use crate::opportunity::record;
use crate::service::Service;

/// Which deals are looked for; what is empty or `None` asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DealFilter {
    /// Of these partners.
    pub accounts: Vec<String>,
    /// In these review statuses.
    pub review_statuses: Vec<ReviewStatus>,
    /// In these stages of the partner.
    pub stages: Vec<Stage>,
    /// About these customers, by their exact names.
    pub companies: Vec<String>,
    /// In these industries, by their names in the contract.
    pub industries: Vec<String>,
    /// In these countries, by their codes.
    pub countries: Vec<String>,
    /// With these identifiers of the partner's own.
    pub partner_identifiers: Vec<String>,
    /// With at least that monthly spend, in cents.
    pub amount_from: Option<i64>,
    /// With at most that monthly spend, in cents.
    pub amount_to: Option<i64>,
    /// Newest first instead of oldest first, by the time they were handed in.
    pub newest_first: bool,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where it goes on; `None` at the end.
    pub next: Option<Cursor>,
}

/// A deal as AWS sees it, whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SeenDeal {
    /// What the directory says of it.
    pub deal: Deal,
    /// What the partner reads with GetOpportunity.
    pub opportunity: GetOpportunityResponse,
    /// What the partner reads with GetAwsOpportunitySummary.
    pub aws_summary: GetAwsOpportunitySummaryResponse,
}

impl Service {
    /// One page of AWS's deals in a catalog, at most `limit` of them (1 to 1000).
    pub async fn list_deals(
        &self,
        catalog: Catalog,
        filter: &DealFilter,
        limit: usize,
        after: Option<Cursor>,
    ) -> Result<Listed<Deal>, ApiError> {
        let mut filters = Vec::new();
        let mut among = |column, values: Vec<Value>| {
            if !values.is_empty() {
                filters.push(Filter::In(column, values));
            }
        };
        let texts = |values: &[String]| values.iter().map(|value| value.as_str().into()).collect();
        among("account", texts(&filter.accounts));
        among(
            "status",
            filter
                .review_statuses
                .iter()
                .map(|one| one.as_str().into())
                .collect(),
        );
        among(
            "stage",
            filter.stages.iter().map(|one| one.as_str().into()).collect(),
        );
        among("company", texts(&filter.companies));
        among("industry", texts(&filter.industries));
        among("country", texts(&filter.countries));
        among("partner_identifier", texts(&filter.partner_identifiers));
        if filter.amount_from.is_some() || filter.amount_to.is_some() {
            filters.push(Filter::Range {
                column: "amount",
                from: filter.amount_from.map(Value::Integer),
                to: filter.amount_to.map(Value::Integer),
            });
        }
        let query = Query {
            kind: Kind::Deal,
            account: String::new(),
            catalog: catalog.as_str().to_owned(),
            filters,
            sort: Sort {
                by: "submitted",
                descending: filter.newest_first,
            },
            after,
            limit,
        };
        let page = self.store.query(&query).await.map_err(read_failed)?;
        let items = page.items.iter().map(|row| stored(&row.summary, "a deal"));
        Ok(Listed {
            items: items.collect::<Result<_, _>>()?,
            next: page.next,
        })
    }

    /// One deal, whole. Drafts are nobody's business at AWS: they are not found.
    pub async fn deal(&self, catalog: Catalog, id: &str) -> Result<SeenDeal, ApiError> {
        let account = self.owner_of_deal(catalog, id).await?;
        let name = record::Name {
            account: &account,
            catalog,
            id,
        };
        let opportunity = record::load(self, name).await?;
        seen(&account, opportunity).ok_or_else(|| unknown(catalog, id))
    }

    /// Whose a deal is.
    pub(crate) async fn owner_of_deal(&self, catalog: Catalog, id: &str) -> Result<String, ApiError> {
        let key = deal::key(catalog.as_str(), id);
        let found = self.store.get(&key).await.map_err(read_failed)?;
        let found = found.ok_or_else(|| unknown(catalog, id))?;
        let owner: Owner = stored(&found.document, "a deal's owner")?;
        Ok(owner.account)
    }
}

fn seen(account: &str, opportunity: Opportunity) -> Option<SeenDeal> {
    Some(SeenDeal {
        deal: deal::of(account, &opportunity)?,
        aws_summary: aws_side::summary(&opportunity)?,
        opportunity: opportunity.document,
    })
}

/// The answer where AWS knows no such deal.
pub(crate) fn unknown(catalog: Catalog, id: &str) -> ApiError {
    ApiError::not_found(format!(
        "AWS knows no deal {id} in catalog {catalog}: it was never submitted, or does not exist"
    ))
}
