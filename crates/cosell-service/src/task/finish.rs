//! The end of a task that was left to a job: done once, whoever crashes, and given up where the server cannot do it.

use cosell_domain::Catalog;
use cosell_domain::task::{Failure, Kind, Task};
use cosell_model::enums::ReasonCode;
use cosell_model::{ApiError, Timestamp};
use cosell_store::{Changes, Job, JobId, Write};
use serde::{Deserialize, Serialize};

use super::{perform, prospecting, record};
use crate::answer::{encode, stored};
use crate::plan::Plan;
use crate::service::Service;

/// The kind of the job.
pub(crate) const KIND: &str = "engagement-task";

/// How often a task is tried whose end the server fails to bring about.
const TRIES: u32 = 5;

/// Which task is due.
#[derive(Debug, Serialize, Deserialize)]
struct Due {
    catalog: String,
    account: String,
    task: String,
}

/// The job that ends a task after a delay in milliseconds.
pub(super) fn job(catalog: Catalog, account: &str, task: &Task, delay: i64) -> Result<Job, ApiError> {
    let due = Due {
        catalog: catalog.as_str().to_owned(),
        account: account.to_owned(),
        task: task.id.clone(),
    };
    Ok(Job {
        id: JobId(format!("{KIND}/{catalog}/{account}/{}", task.id)),
        kind: KIND.to_owned(),
        run_at: task.started.plus_millis(delay),
        payload: encode(&due)?,
        attempts: 0,
    })
}

/// What the job changes: nothing where the task has ended.
pub(crate) async fn run(service: &Service, job: &Job) -> Result<Changes, ApiError> {
    let due: Due = stored(&job.payload, "the job of a task")?;
    let catalog = Catalog::from_name(&due.catalog)
        .ok_or_else(|| ApiError::internal(format!("a job names catalog {}", due.catalog)))?;
    let Some((task, expected)) = record::find(service, &due.account, catalog, &due.task).await? else {
        return Ok(Changes::default());
    };
    if !task.in_progress() {
        return Ok(Changes::default());
    }
    let mut plan = Plan::new(service, catalog);
    let ended = match perform::end(&mut plan, &due.account, &task).await {
        Ok(ended) => ended,
        Err(error) if job.attempts < TRIES => return Err(error),
        Err(error) => {
            tracing::error!(
                task = task.id,
                detail = error.internal.as_deref(),
                "a task is given up: {}",
                error.message
            );
            plan = Plan::new(service, catalog);
            give_up(&task, plan.now())
        }
    };
    plan.write(Write::Replace {
        record: record::record(&due.account, catalog, &ended, expected + 1)?,
        expected,
    });
    plan.into_changes().await
}

fn give_up(task: &Task, now: Timestamp) -> Task {
    let failure = Failure::new(
        ReasonCode::InternalError,
        "The server could not finish the task. Nothing was changed: start it again with a new client token",
    );
    match task.kind() {
        Kind::ProspectingFromEngagement => prospecting::give_up(task, &failure, now),
        _ => task.fail(failure, now).unwrap_or_else(|| task.clone()),
    }
}
