//! How an opportunity is kept in the store, and the one way in which it is changed. Knows no rule.

use bytes::Bytes;
use cosell_domain::opportunity::{Opportunity, summary};
use cosell_domain::{Catalog, event};
use cosell_model::{ApiError, Timestamp, Violation};
use cosell_store::{ApplyError, Changes, Key, Kind, Record, Stored, Write};

use super::deal;
use crate::answer::{encode, read_failed, stored, write_failed};
use crate::audit::Deed;
use crate::autopilot::Plans;
use crate::events;
use crate::plan::Plan;
use crate::service::{Caller, Service};

/// How often a change is decided anew because others changed the same opportunity meanwhile.
const ATTEMPTS: usize = 8;

/// Names one opportunity of a caller.
#[derive(Clone, Copy)]
pub(crate) struct Name<'a> {
    pub(crate) account: &'a str,
    pub(crate) catalog: Catalog,
    pub(crate) id: &'a str,
}

impl<'a> Name<'a> {
    pub(crate) fn of(caller: &'a Caller, catalog: Catalog, id: &'a str) -> Self {
        Self {
            account: &caller.account,
            catalog,
            id,
        }
    }

    pub(crate) fn key(self) -> Key {
        Key::new(Kind::Opportunity, self.account, self.catalog.as_str(), self.id)
    }

    /// The answer where there is none, or where it is another account's: the two cannot be told apart.
    pub(crate) fn not_found(self) -> ApiError {
        ApiError::not_found(format!(
            "There is no opportunity {} in catalog {} of this account",
            self.id, self.catalog
        ))
    }
}

/// What the store holds under a name.
pub(crate) async fn read(service: &Service, name: Name<'_>) -> Result<Stored, ApiError> {
    service
        .store
        .get(&name.key())
        .await
        .map_err(read_failed)?
        .ok_or_else(|| name.not_found())
}

/// The opportunity of that name with its version, if there is one.
pub(crate) async fn find(service: &Service, name: Name<'_>) -> Result<Option<(Opportunity, u64)>, ApiError> {
    let found = service.store.get(&name.key()).await.map_err(read_failed)?;
    found
        .map(|found| Ok((decode(&found)?, found.version)))
        .transpose()
}

/// The opportunity of that name.
pub(crate) async fn load(service: &Service, name: Name<'_>) -> Result<Opportunity, ApiError> {
    decode(&read(service, name).await?)
}

/// The opportunity in a record.
pub(crate) fn decode(found: &Stored) -> Result<Opportunity, ApiError> {
    Ok(Opportunity {
        document: stored(&found.document, "an opportunity")?,
        private: stored(&found.private, "an opportunity's private part")?,
    })
}

/// The record under which an opportunity is kept; also what writes many at once, past the API, has to write.
pub fn record(account: &str, opportunity: &Opportunity, version: u64) -> Result<Record, ApiError> {
    let document = &opportunity.document;
    let life_cycle = document.life_cycle.as_ref();
    let company = document
        .customer
        .as_ref()
        .and_then(|customer| customer.account.as_ref());
    let columns = vec![
        ("last_modified", document.last_modified_date.into()),
        ("created", document.created_date.into()),
        (
            "target_close",
            life_cycle
                .and_then(|cycle| cycle.target_close_date.clone())
                .into(),
        ),
        (
            "company",
            company.map(|account| account.company_name.clone()).into(),
        ),
        (
            "stage",
            life_cycle
                .and_then(|cycle| cycle.stage.as_ref())
                .map(|stage| stage.as_str())
                .into(),
        ),
        (
            "review_status",
            opportunity.review_status().map(|status| status.as_str()).into(),
        ),
        (
            "partner_identifier",
            document
                .partner_opportunity_identifier
                .as_deref()
                .filter(|identifier| !identifier.is_empty())
                .into(),
        ),
    ];
    Ok(Record {
        key: Key::new(Kind::Opportunity, account, &document.catalog, &document.id),
        version,
        document: encode(document)?,
        summary: encode(&summary::summarise(document))?,
        private: encode(&opportunity.private)?,
        columns,
    })
}

/// Everything that is written where an opportunity becomes `next`: a new one, or the next state of one that was found with
/// that version. AWS's directory of deals follows.
pub(crate) fn writes(
    account: &str,
    before: Option<(&Opportunity, u64)>,
    next: &Opportunity,
) -> Result<Vec<Write>, ApiError> {
    let version = before.map_or(1, |(_, version)| version + 1);
    let listed = before
        .filter(|(opportunity, _)| opportunity.private.listed)
        .map(|(_, version)| version);
    let deal = deal::write(account, next, listed, version)?;
    let record = if deal.is_some() == next.private.listed {
        record(account, next, version)?
    } else {
        let mut next = next.clone();
        next.private.listed = deal.is_some();
        record(account, &next, version)?
    };
    let write = match before {
        Some((_, expected)) => Write::Replace { record, expected },
        None => Write::Insert(record),
    };
    Ok(std::iter::once(write).chain(deal).collect())
}

/// What a decision makes of an opportunity: its next state, or none, and what the operation answers.
pub(crate) type Decision<T> = Result<(Option<Opportunity>, T), ApiError>;

/// Loads, decides and applies, with what follows for others where the opportunity is shared; decides anew where others
/// were faster.
pub(crate) async fn change<T>(
    service: &Service,
    deed: &Deed,
    name: Name<'_>,
    mut decide: impl FnMut(&Opportunity, Timestamp) -> Decision<T> + Send,
) -> Result<T, ApiError>
where
    T: Send,
{
    let mut attempt = 0;
    loop {
        attempt += 1;
        let found = read(service, name).await?;
        let opportunity = decode(&found)?;
        let now = service.now();
        let (next, answer) = decide(&opportunity, now)?;
        let Some(next) = next else {
            return Ok(answer);
        };
        let changes = if next.private.shared {
            let mut plan = Plan::new(service, name.catalog);
            plan.hold_opportunity(name.account, opportunity, found.version);
            plan.put_opportunity(name.account, next);
            // On the heap, so that the common change pays nothing for the size of this one.
            Box::pin(plan.into_changes()).await?
        } else {
            let plans = Plans::new(service, name.catalog, now);
            let mut changes = Changes {
                writes: writes(name.account, Some((&opportunity, found.version)), &next)?,
                jobs: plans.opportunity(name.account, Some(&opportunity), &next).await?,
                ..Changes::default()
            };
            events::emit(service, &mut changes, name.catalog, now, || {
                Ok(event::of_opportunity(
                    name.catalog,
                    name.account,
                    Some(&opportunity),
                    &next,
                ))
            })?;
            changes
        };
        match service.apply(deed, changes).await {
            Ok(()) => return Ok(answer),
            Err(ApplyError::Conflict(_)) if attempt < ATTEMPTS => {}
            Err(error) => return Err(write_failed(error)),
        }
    }
}

/// A domain decision without an answer of its own.
pub(crate) fn void(decision: Result<Option<Opportunity>, Vec<Violation>>) -> Decision<Bytes> {
    decision
        .map(|next| (next, Bytes::new()))
        .map_err(ApiError::business_validation)
}
