//! An event that comes a second time in realistic mode: a job, so that it comes whatever happens to the server meanwhile.
//! It is the same event under another identifier and at a later time, as recorded from AWS.

use cosell_domain::event::Envelope;
use cosell_model::{ApiError, Timestamp};
use cosell_store::{Changes, Event, Job, JobId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::body;
use crate::answer::encode;
use crate::service::Service;

/// The kind of the job.
pub(crate) const KIND: &str = "event-repeat";

/// Which event comes again. Account and catalog say whose it is, so that a reset takes it along.
#[derive(Debug, Serialize, Deserialize)]
struct Due<'a> {
    account: &'a str,
    catalog: &'a str,
    #[serde(borrow)]
    event: &'a RawValue,
}

/// The job that emits an event once more.
pub(super) fn job(event: &Event, run_at: Timestamp) -> Result<Job, ApiError> {
    let due = Due {
        account: &event.account,
        catalog: &event.catalog,
        event: serde_json::from_slice(&event.body).map_err(unread)?,
    };
    Ok(Job {
        id: JobId(format!("{KIND}/{}/{}", event.catalog, event.id)),
        kind: KIND.to_owned(),
        run_at,
        payload: encode(&due)?,
        attempts: 0,
    })
}

/// What the job changes.
pub(crate) fn run(service: &Service, job: &Job) -> Result<Changes, ApiError> {
    let due: Due<'_> = serde_json::from_slice(&job.payload).map_err(unread)?;
    let first: Envelope<'_, &RawValue> = serde_json::from_str(due.event.get()).map_err(unread)?;
    let now = service.now();
    let id = service.event_names.uuid(now)?;
    let again = Envelope {
        id: &id,
        time: now,
        ..first
    };
    let event = Event {
        account: due.account.to_owned(),
        catalog: due.catalog.to_owned(),
        detail_type: again.detail_type.to_owned(),
        time: now,
        body: body(&again)?,
        id: id.clone(),
    };
    Ok(Changes {
        events: vec![event],
        ..Changes::default()
    })
}

fn unread(error: serde_json::Error) -> ApiError {
    ApiError::internal(format!("an event that comes again cannot be read back: {error}"))
}
