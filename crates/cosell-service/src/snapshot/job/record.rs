//! How a snapshot job is kept in the store, and the one way in which its tags are changed. Knows no rule of jobs.

use std::collections::BTreeMap;

use bytes::Bytes;
use cosell_domain::Catalog;
use cosell_domain::snapshot::arn;
use cosell_domain::snapshot::job::Job;
use cosell_model::ApiError;
use cosell_store::{Key, Kind, Record, Stored};
use serde::{Deserialize, Serialize};

use crate::answer::{encode, read_failed, stored};
use crate::audit::Deed;
use crate::plan::{Plan, carry_out};
use crate::service::Service;

/// What is kept of a job besides its document.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Private {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
}

/// The key of a job.
pub(crate) fn key(account: &str, catalog: &str, id: &str) -> Key {
    Key::new(Kind::SnapshotJob, account, catalog, id)
}

/// The record under which a job is kept.
pub(crate) fn record(job: &Job, account: &str, version: u64) -> Result<Record, ApiError> {
    let document = &job.document;
    Ok(Record {
        key: key(account, &document.catalog, job.id()),
        version,
        document: encode(document)?,
        summary: encode(&job.summary())?,
        private: encode(&Private {
            tags: job.tags.clone(),
        })?,
        columns: vec![
            ("created", document.created_at.into()),
            (
                "status",
                document.status.as_ref().map(|status| status.as_str()).into(),
            ),
            ("engagement", document.engagement_id.as_deref().into()),
            ("resource", document.resource_id.as_deref().into()),
        ],
    })
}

/// A job as the store gave it.
pub(crate) fn decode(found: &Stored) -> Result<Job, ApiError> {
    let Private { tags } = stored(&found.private, "a snapshot job's private part")?;
    Ok(Job {
        document: stored(&found.document, "a snapshot job")?,
        tags,
    })
}

/// The answer where an account has no such job, or where it is another account's: the two cannot be told apart.
pub(crate) fn not_found(catalog: Catalog, sent: &str) -> ApiError {
    ApiError::not_found(format!(
        "There is no resource snapshot job {sent} in catalog {catalog} of this account"
    ))
}

/// The identifier that an account means by an identifier or an ARN. An ARN of anything but a job of that account and
/// catalog names nothing.
fn id_of(account: &str, catalog: Catalog, sent: &str) -> Option<String> {
    if !sent.starts_with("arn:") {
        return Some(sent.to_owned());
    }
    arn::parse_job(sent)
        .filter(|named| named.account == account && named.catalog == catalog)
        .map(|named| named.id)
}

/// The job of an account under that identifier or ARN, read into a plan.
pub(crate) async fn planned(plan: &mut Plan<'_>, account: &str, sent: &str) -> Result<Job, ApiError> {
    let unknown = || not_found(plan.catalog(), sent);
    let id = id_of(account, plan.catalog(), sent).ok_or_else(unknown)?;
    plan.snapshot_job(account, &id)
        .await?
        .ok_or_else(|| not_found(plan.catalog(), sent))
}

/// The job of an account under that identifier or ARN, with its version.
pub(crate) async fn read(
    service: &Service,
    account: &str,
    catalog: Catalog,
    sent: &str,
) -> Result<(Job, u64), ApiError> {
    let found = look_up(service, account, catalog, sent).await?;
    Ok((decode(&found)?, found.version))
}

/// The job of an account under that identifier with its version, if there is one.
pub(crate) async fn find(
    service: &Service,
    account: &str,
    catalog: Catalog,
    id: &str,
) -> Result<Option<(Job, u64)>, ApiError> {
    let key = key(account, catalog.as_str(), id);
    let found = service.store.get(&key).await.map_err(read_failed)?;
    found
        .map(|found| Ok((decode(&found)?, found.version)))
        .transpose()
}

/// What the store holds of the job of an account under that identifier or ARN.
pub(crate) async fn look_up(
    service: &Service,
    account: &str,
    catalog: Catalog,
    sent: &str,
) -> Result<Stored, ApiError> {
    let unknown = || not_found(catalog, sent);
    let id = id_of(account, catalog, sent)
        .filter(|id| !id.is_empty())
        .ok_or_else(unknown)?;
    let key = key(account, catalog.as_str(), &id);
    let found = service.store.get(&key).await.map_err(read_failed)?;
    found.ok_or_else(unknown)
}

/// Changes a job; a decision of `None` changes nothing.
pub(crate) async fn change(
    service: &Service,
    deed: &Deed,
    account: &str,
    catalog: Catalog,
    sent: &str,
    decide: impl Fn(&Job) -> Result<Option<Job>, ApiError>,
) -> Result<(), ApiError> {
    carry_out(service, deed, catalog, None, async |plan| {
        let job = planned(plan, account, sent).await?;
        if let Some(next) = decide(&job)? {
            plan.put_snapshot_job(account, next);
        }
        Ok(Bytes::new())
    })
    .await
    .map(|_| ())
}
