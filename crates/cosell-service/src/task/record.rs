//! How a task is kept in the store. Knows no rule of tasks.

use bytes::Bytes;
use cosell_domain::Catalog;
use cosell_domain::task::{Kind as TaskKind, Task, Work, view};
use cosell_model::ApiError;
use cosell_model::enums::ProspectingTaskStatus;
use cosell_store::{Key, Kind, Record, Stored};

use crate::answer::{encode, read_failed, stored};
use crate::service::Service;

/// The key of a task of any kind.
pub(crate) fn key(account: &str, catalog: Catalog, id: &str) -> Key {
    Key::new(Kind::Task, account, catalog.as_str(), id)
}

/// The record under which a task is kept.
pub(crate) fn record(account: &str, catalog: Catalog, task: &Task, version: u64) -> Result<Record, ApiError> {
    let failed = task.count(&ProspectingTaskStatus::Failed);
    Ok(Record {
        key: key(account, catalog, &task.id),
        version,
        document: encode(task)?,
        summary: entry(task)?,
        private: Bytes::new(),
        columns: vec![
            ("task_type", task.kind().as_str().into()),
            ("started", task.started.into()),
            ("status", task.status().as_str().into()),
            ("opportunity", task.opportunity().into()),
            ("engagement", task.engagement().into()),
            ("invitation", task.invitation().into()),
            ("context", asked_context(task).into()),
            ("name", task.name().into()),
            ("failed", i64::from(failed).into()),
        ],
    })
}

/// The context that the caller named, by which a task is looked for, whatever became of it.
fn asked_context(task: &Task) -> Option<&str> {
    match &task.work {
        Work::OpportunityFromEngagement { context, .. } => Some(context),
        _ => None,
    }
}

/// What the list of its kind shows of a task.
fn entry(task: &Task) -> Result<Bytes, ApiError> {
    match task.kind() {
        TaskKind::EngagementFromOpportunity => encode(&view::engagement_from_opportunity_entry(task)),
        TaskKind::EngagementByAcceptingInvitation => {
            encode(&view::engagement_by_accepting_invitation_entry(task))
        }
        TaskKind::OpportunityFromEngagement => encode(&view::opportunity_from_engagement_entry(task)),
        TaskKind::ProspectingFromEngagement => encode(&view::prospecting_entry(task)),
    }
}

/// A task as the store gave it.
pub(crate) fn decode(found: &Stored) -> Result<Task, ApiError> {
    stored(&found.document, "a task")
}

/// The task of an account under that identifier or ARN, with its version. A task of another kind is not found.
pub(crate) async fn read(
    service: &Service,
    account: &str,
    catalog: Catalog,
    kind: TaskKind,
    sent: &str,
) -> Result<(Task, u64), ApiError> {
    let unknown = || {
        ApiError::not_found(format!(
            "There is no {kind} {sent} in catalog {catalog} of this account"
        ))
    };
    let id = kind
        .id_of(catalog, sent)
        .filter(|id| !id.is_empty())
        .ok_or_else(unknown)?;
    find(service, account, catalog, id)
        .await?
        .filter(|(task, _)| task.kind() == kind)
        .ok_or_else(unknown)
}

/// The task of an account under that identifier with its version, if there is one, of whatever kind.
pub(crate) async fn find(
    service: &Service,
    account: &str,
    catalog: Catalog,
    id: &str,
) -> Result<Option<(Task, u64)>, ApiError> {
    let found = service
        .store
        .get(&key(account, catalog, id))
        .await
        .map_err(read_failed)?;
    found
        .map(|found| Ok((decode(&found)?, found.version)))
        .transpose()
}
