//! The pack `large`: as many opportunities as wanted in one account and catalog, by the store's fast way in. The rows are
//! those that the operations would have written; there are no engagements, events or audit entries of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cosell_domain::Catalog;
use cosell_model::ApiError;
use cosell_model::enums::SolutionStatus;
use cosell_model::types::SolutionBase;
use cosell_store::{ProgressFn, Record, Write};
use serde::Serialize;

use super::grow::{Soil, grow};
use crate::answer::read_failed;
use crate::identity::{AdminError, accounts, solutions};
use crate::ids;
use crate::operator::By;
use crate::opportunity::record;
use crate::service::Service;

/// Most opportunities of one request.
pub const LARGEST: u64 = 10_000_000;
/// Over which time before now they came up.
const SPAN: Duration = Duration::from_secs(2 * 365 * 24 * 60 * 60);

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Large {
    /// Whose they are.
    pub account: String,
    /// Where they are.
    pub catalog: Catalog,
    /// How many, 1 to [`LARGEST`].
    pub count: u64,
    /// What they are drawn from: the same seed, over the same identifiers and at the same time, gives the same ones.
    pub seed: u64,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Grown {
    /// Opportunities.
    pub opportunities: u64,
    /// Records written for them.
    pub records: u64,
    /// The identifier of the first one.
    pub first_id: String,
    /// The identifier of the last one: all numbers between the two are theirs.
    pub last_id: String,
}

impl Service {
    /// Makes opportunities. Computes for long between two waits: call it where that harms nobody. If it fails midway, what
    /// came before stays, and the error says so: many commits are what makes it fast.
    pub async fn seed_large(&self, by: &By, wanted: &Large, progress: ProgressFn) -> Result<Grown, ApiError> {
        if wanted.count == 0 || wanted.count > LARGEST {
            return Err(ApiError::internal(format!(
                "{} opportunities at once",
                wanted.count
            )));
        }
        accounts::expect(&*self.store, &wanted.account)
            .await
            .map_err(admin)?;
        let known = solutions::list(&*self.store, &wanted.account, wanted.catalog)
            .await
            .map_err(admin)?;
        let active = |solution: &&SolutionBase| solution.status == SolutionStatus::Active;
        let now = self.now();
        let soil = Soil {
            account: &wanted.account,
            catalog: wanted.catalog,
            region: &self.settings.region,
            estimates: &self.settings.estimates,
            products: &self.settings.products,
            solution: known.iter().find(active).map(|solution| solution.id.as_str()),
            seed: wanted.seed,
            now,
        };
        // Numbers of this pack alone, so that no later creation meets one of them.
        let numbers = self
            .store
            .reserve(ids::SEQUENCE, wanted.count)
            .await
            .map_err(read_failed)?;
        let span = i64::try_from(SPAN.as_millis()).unwrap_or(i64::MAX);
        let begin = now.as_millis() - span;
        let mut failed = None;
        let mut made = 0_u64;
        let mut records = numbers.clone().map_while(|number| {
            let place = number - numbers.start;
            // 128 bits, since span times count does not fit into 64.
            let offset = i128::from(span) * i128::from(place) / i128::from(wanted.count);
            let created = cosell_model::Timestamp::from_millis(begin + i64::try_from(offset).unwrap_or(span));
            match rows(&soil, number, created) {
                Ok(rows) => {
                    made += 1;
                    Some(rows)
                }
                Err(error) => {
                    failed = Some(error);
                    None
                }
            }
        });
        let mut flat = (&mut records).flatten();
        let noted = Arc::new(AtomicU64::new(0));
        let (seen, told) = (Arc::clone(&noted), progress);
        let progress: ProgressFn = Arc::new(move |progress| {
            seen.store(progress.done, Ordering::Relaxed);
            told(progress);
        });
        let written = self.store.bulk(&mut flat, progress).await.map_err(read_failed);
        let written = failed.map_or(written, Err).map_err(|error| {
            let whose = Whose {
                accounts: std::slice::from_ref(&wanted.account),
                catalog: wanted.catalog,
            };
            whose.left_behind(error, noted.load(Ordering::Relaxed) > 0)
        });
        let records = written?;
        self.note_done(&by.deed("SeedState")).await;
        Ok(Grown {
            opportunities: made,
            records,
            first_id: ids::named(numbers.start),
            last_id: ids::named(numbers.end - 1),
        })
    }
}

fn rows(soil: &Soil<'_>, number: u64, created: cosell_model::Timestamp) -> Result<Vec<Record>, ApiError> {
    let id = ids::named(number);
    let opportunity = grow(soil, &id, number, created)?;
    let writes = record::writes(soil.account, None, &opportunity)?;
    let new = |write| match write {
        Write::Insert(record) => Some(record),
        Write::Replace { .. } | Write::Delete { .. } => None,
    };
    Ok(writes.into_iter().filter_map(new).collect())
}

/// Whose examples are made.
pub(super) struct Whose<'a> {
    pub(super) accounts: &'a [String],
    pub(super) catalog: Catalog,
}

impl Whose<'_> {
    /// The error of a seeding that failed midway, with what is left of it and how to be rid of that.
    pub(super) fn left_behind(&self, mut error: ApiError, anything: bool) -> ApiError {
        let catalog = self.catalog.as_str();
        let resets: Vec<String> = self
            .accounts
            .iter()
            .map(|account| format!("`cosell state reset --account {account} --catalog {catalog}`"))
            .collect();
        let left = if anything {
            let resets = resets.join(" and ");
            format!(
                "What was made before that stays. To be rid of it, together with everything else there: {resets}"
            )
        } else {
            "Nothing was made".to_owned()
        };
        error.message = format!("{}. {left}", error.message.trim_end_matches('.'));
        error
    }
}

pub(super) fn admin(error: AdminError) -> ApiError {
    match error {
        AdminError::Store(detail) => ApiError::internal(detail),
        told => ApiError::not_found(told.to_string()),
    }
}
