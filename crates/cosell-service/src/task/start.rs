//! Starts a task of any kind: done at once, or left to a job where a delay is configured. Either way the task, its effect and
//! the answer for its client token are one write.

use bytes::Bytes;
use cosell_domain::Catalog;
use cosell_domain::prospecting;
use cosell_domain::task::{self, Task, Work};
use cosell_model::ApiError;
use cosell_store::Write;
use serde::Deserialize;

use super::{finish, perform, record};
use crate::answer::stored;
use crate::idempotency::Once;
use crate::plan::carry_out;
use crate::service::{Caller, Service};

/// Starts the task that is to do `work`, once for a client token. `answer` tells a task's state.
///
/// A repeated request hears where its task stands now: there is no other way to ask for one task (behaviours 4.3).
pub(super) async fn start(
    service: &Service,
    caller: &Caller,
    catalog: Catalog,
    once: &Once<'_>,
    work: &Work,
    answer: impl Fn(&Task) -> Result<Bytes, ApiError>,
) -> Result<Bytes, ApiError> {
    let account = &caller.account;
    let delay = service.settings.task_delay_millis;
    let answered = carry_out(service, once.deed(), catalog, Some(once), async |plan| {
        perform::look_up(plan, account, work).await?;
        let id = service.names.draw("task-", work.kind().id_length())?;
        let context = task::Context {
            region: &service.settings.region,
            catalog,
            id: &id,
            now: plan.now(),
        };
        let started = task::start(work.clone(), context);
        let task = if delay == 0 {
            perform::end(plan, account, &started).await?
        } else {
            plan.enqueue(finish::job(catalog, account, &started, delay)?);
            prospecting::begin(&started).unwrap_or(started)
        };
        plan.write(Write::Insert(record::record(account, catalog, &task, 1)?));
        answer(&task)
    })
    .await?;
    let told: Told = stored(&answered, "the answer of a task")?;
    match told {
        Told {
            task_id: Some(id),
            task_status: Some(status),
        } if OPEN.contains(&&*status) => match record::find(service, account, catalog, &id).await? {
            Some((task, _)) => answer(&task),
            None => Ok(answered),
        },
        _ => Ok(answered),
    }
}

/// How a task stands that has not ended. Prospecting without any engagement has nothing in progress and waits for its end.
const OPEN: [&str; 2] = ["IN_PROGRESS", "PENDING"];

/// What matters of a kept answer.
#[derive(Deserialize)]
struct Told {
    #[serde(rename = "TaskId")]
    task_id: Option<String>,
    #[serde(rename = "TaskStatus")]
    task_status: Option<String>,
}
