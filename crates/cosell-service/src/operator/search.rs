//! Search beyond the API: opportunities of one partner or of all, drafts too, by the partner's own identifier, company, state,
//! date and words. Filters are served by the indexes that the API's lists have; words are looked for in the documents of what is
//! left, a bounded number of them for each page.

use cosell_domain::Catalog;
use cosell_model::ApiError;
use cosell_model::Timestamp;
use cosell_model::enums::{ReviewStatus, Stage};
use cosell_model::types::GetOpportunityResponse;
use cosell_store::{Cursor, Filter, Key, Kind, Query, Sort, Value};
use serde::{Deserialize, Serialize};

use super::deals::Listed;
use crate::answer::{read_failed, stored};
use crate::identity::accounts;
use crate::service::Service;

/// How many opportunities are looked at for one page where words are looked for.
const LOOKED_AT: usize = 2000;
/// How many of them are read at once.
const AT_ONCE: usize = 100;

/// What is looked for; what is empty or `None` asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    /// In this account, else in all of them.
    pub account: Option<String>,
    /// In this catalog, else in both.
    pub catalog: Option<Catalog>,
    /// With these identifiers of the partner's own.
    pub partner_identifiers: Vec<String>,
    /// About these customers, by their exact names.
    pub companies: Vec<String>,
    /// In these review statuses.
    pub review_statuses: Vec<ReviewStatus>,
    /// In these stages.
    pub stages: Vec<Stage>,
    /// Last modified at this time or later.
    pub modified_from: Option<Timestamp>,
    /// Last modified at this time or before.
    pub modified_to: Option<Timestamp>,
    /// With all of these words in identifier, title, company, problem, next steps or the partner's identifier, in any case.
    pub words: Vec<String>,
}

/// An opportunity that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// The opportunity, `O…`.
    pub id: String,
    /// Whose it is.
    pub account: String,
    /// Its catalog.
    pub catalog: String,
    /// The project's title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The customer's company.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// The stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// Where the review stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review_status: Option<ReviewStatus>,
    /// The partner's own identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner_opportunity_identifier: Option<String>,
    /// When it was last modified.
    pub last_modified: Timestamp,
    /// When it was created.
    pub created: Timestamp,
}

/// Where a search goes on: in which scope, and after which row of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    account: String,
    catalog: String,
    after: Option<Cursor>,
}

impl Service {
    /// One page of what is found, at most `limit` (1 to 100), newest change first within each account and catalog. A page may
    /// be shorter, even empty, while there is a next one.
    pub async fn search(
        &self,
        search: &Search,
        limit: usize,
        after: Option<Cursor>,
    ) -> Result<Listed<Found>, ApiError> {
        let place: Option<Place> = after
            .map(|cursor| stored(cursor.id.as_bytes(), "the place of a search"))
            .transpose()?;
        let mut scopes = self.scopes(search).await?;
        if let Some(place) = &place {
            let here = (place.account.as_str(), place.catalog.as_str());
            scopes.retain(|(account, catalog)| (account.as_str(), catalog.as_str()) >= here);
        }
        let mut resume = place.and_then(|place| place.after);
        let mut items = Vec::new();
        let mut looked_at = 0;
        let mut scopes = scopes.into_iter().peekable();
        while let Some((account, catalog)) = scopes.next() {
            let mut query = self.query_of(search, &account, catalog, resume.take());
            loop {
                query.limit = if search.words.is_empty() {
                    limit - items.len()
                } else {
                    AT_ONCE
                };
                let page = self.store.query(&query).await.map_err(read_failed)?;
                looked_at += page.items.len().max(1);
                let ids: Vec<String> = page.items.into_iter().map(|row| row.id).collect();
                let mut found = self.read_found(search, &account, catalog, &ids).await?;
                // More than fits is found again: the next page goes on after the last one that is shown.
                let room = limit - items.len();
                let next = if found.len() > room {
                    found.truncate(room);
                    found.last().map(|last| Cursor {
                        values: vec![last.last_modified.into()],
                        id: last.id.clone(),
                    })
                } else {
                    page.next
                };
                items.extend(found);
                let full = items.len() >= limit || looked_at >= LOOKED_AT;
                match (next, full) {
                    (Some(next), false) => query.after = Some(next),
                    (Some(next), true) => return Ok(listed(items, &account, catalog, Some(next))),
                    (None, false) => break,
                    (None, true) => {
                        return Ok(match scopes.peek() {
                            Some((account, catalog)) => listed(items, account, *catalog, None),
                            None => Listed { items, next: None },
                        });
                    }
                }
            }
        }
        Ok(Listed { items, next: None })
    }

    /// The accounts and catalogs that are searched, in order.
    async fn scopes(&self, search: &Search) -> Result<Vec<(String, Catalog)>, ApiError> {
        let catalogs = match search.catalog {
            Some(catalog) => vec![catalog],
            None => vec![Catalog::Aws, Catalog::Sandbox],
        };
        let accounts = match &search.account {
            Some(account) => vec![account.clone()],
            None => {
                let all = accounts::list(&*self.store).await?;
                all.into_iter().map(|account| account.account_id).collect()
            }
        };
        let both = |account: String| catalogs.iter().map(move |catalog| (account.clone(), *catalog));
        Ok(accounts.into_iter().flat_map(both).collect())
    }

    fn query_of(&self, search: &Search, account: &str, catalog: Catalog, after: Option<Cursor>) -> Query {
        let mut filters = Vec::new();
        let mut among = |column, values: Vec<Value>| {
            if !values.is_empty() {
                filters.push(Filter::In(column, values));
            }
        };
        let texts = |values: &[String]| values.iter().map(|value| value.as_str().into()).collect();
        among("partner_identifier", texts(&search.partner_identifiers));
        among("company", texts(&search.companies));
        among(
            "review_status",
            search
                .review_statuses
                .iter()
                .map(|one| one.as_str().into())
                .collect(),
        );
        among(
            "stage",
            search.stages.iter().map(|one| one.as_str().into()).collect(),
        );
        if search.modified_from.is_some() || search.modified_to.is_some() {
            filters.push(Filter::Range {
                column: "last_modified",
                from: search.modified_from.map(Into::into),
                to: search.modified_to.map(Into::into),
            });
        }
        Query {
            kind: Kind::Opportunity,
            account: account.to_owned(),
            catalog: catalog.as_str().to_owned(),
            filters,
            sort: Sort {
                by: "last_modified",
                descending: true,
            },
            after,
            limit: AT_ONCE,
        }
    }

    async fn read_found(
        &self,
        search: &Search,
        account: &str,
        catalog: Catalog,
        ids: &[String],
    ) -> Result<Vec<Found>, ApiError> {
        let key = |id: &String| Key::new(Kind::Opportunity, account, catalog.as_str(), id);
        let keys: Vec<Key> = ids.iter().map(key).collect();
        let read = self.store.get_many(&keys).await.map_err(read_failed)?;
        let mut found = Vec::new();
        for one in read.into_iter().flatten() {
            let document: GetOpportunityResponse = stored(&one.document, "an opportunity")?;
            if holds(&document, &search.words) {
                found.push(of(account, document));
            }
        }
        Ok(found)
    }
}

fn listed(items: Vec<Found>, account: &str, catalog: Catalog, after: Option<Cursor>) -> Listed<Found> {
    let place = Place {
        account: account.to_owned(),
        catalog: catalog.as_str().to_owned(),
        after,
    };
    // Texts and numbers always have a JSON form.
    let next = serde_json::to_string(&place).ok().map(|id| Cursor {
        values: Vec::new(),
        id,
    });
    Listed { items, next }
}

/// Whether all the words are in the texts that are searched.
fn holds(document: &GetOpportunityResponse, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let project = document.project.as_ref();
    let customer = document.customer.as_ref();
    let company = customer.and_then(|customer| customer.account.as_ref());
    let life_cycle = document.life_cycle.as_ref();
    let texts = [
        Some(document.id.as_str()),
        document.partner_opportunity_identifier.as_deref(),
        project.and_then(|project| project.title.as_deref()),
        project.and_then(|project| project.customer_business_problem.as_deref()),
        company.map(|account| account.company_name.as_str()),
        life_cycle.and_then(|cycle| cycle.next_steps.as_deref()),
    ];
    let text = texts
        .into_iter()
        .flatten()
        .map(str::to_lowercase)
        .collect::<Vec<_>>()
        .join("\n");
    words.iter().all(|word| text.contains(&word.to_lowercase()))
}

fn of(account: &str, document: GetOpportunityResponse) -> Found {
    let life_cycle = document.life_cycle.as_ref();
    let company = document
        .customer
        .as_ref()
        .and_then(|customer| customer.account.as_ref());
    Found {
        account: account.to_owned(),
        catalog: document.catalog.clone(),
        title: document
            .project
            .as_ref()
            .and_then(|project| project.title.clone()),
        company: company.map(|account| account.company_name.clone()),
        stage: life_cycle.and_then(|cycle| cycle.stage.clone()),
        review_status: life_cycle.and_then(|cycle| cycle.review_status.clone()),
        partner_opportunity_identifier: document.partner_opportunity_identifier.clone(),
        last_modified: document.last_modified_date,
        created: document.created_date,
        id: document.id,
    }
}
