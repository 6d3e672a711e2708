//! StartProspectingFromEngagementTask: scores the customers of up to a hundred engagements, each on its own.

use bytes::Bytes;
use cosell_domain::engagement::{context, party};
use cosell_domain::prospecting::{self, About, Subject};
use cosell_domain::task::{Failure, Step, Task, Work, view};
use cosell_model::types::StartProspectingFromEngagementTaskRequest;
use cosell_model::{ApiError, ErrorKind, Operation};

use super::start;
use crate::answer::encode;
use crate::engagement::record;
use crate::idempotency::Once;
use crate::plan::Plan;
use crate::service::{Caller, Service, catalog};

/// How many characters follow `ctx-`.
const LENGTH: usize = 14;

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let input: StartProspectingFromEngagementTaskRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let operation = Operation::StartProspectingFromEngagementTask;
    let once = Once::of(caller, operation, &input.client_token, &input)?;
    let work = prospecting::work(input.task_name, &input.identifiers);
    start::start(service, caller, catalog, &once, &work, |task| {
        encode(&view::prospecting(task))
    })
    .await
}

/// Scores every engagement of a task that is open yet.
pub(super) async fn perform(plan: &mut Plan<'_>, account: &str, task: &Task) -> Result<Task, ApiError> {
    let mut task = task.clone();
    for one in task.engagements().to_vec() {
        let outcome = write(plan, account, &task, &one.engagement_identifier).await?;
        let settled = prospecting::settle(&task, &one.engagement_identifier, outcome, plan.now());
        task = settled.unwrap_or(task);
    }
    Ok(prospecting::conclude(task, plan.now()))
}

/// Writes the result of one engagement: the context's identifier, or why there is none.
async fn write(
    plan: &mut Plan<'_>,
    account: &str,
    task: &Task,
    sent: &str,
) -> Result<Result<String, Failure>, ApiError> {
    let engagement = match record::planned(plan, account, sent).await {
        Ok(engagement) => engagement,
        Err(error) if error.kind == ErrorKind::ResourceNotFound => {
            return Ok(Err(prospecting::not_a_member(sent)));
        }
        Err(error) => return Err(error),
    };
    let Some(subject) = Subject::of(&engagement.contexts) else {
        return Ok(Err(prospecting::no_customer()));
    };
    let service = plan.service();
    let id = service.names.draw("ctx-", LENGTH)?;
    let about = About {
        seed: service.settings.prospecting_seed,
        engagement: &engagement.id,
        subject: &subject,
        task,
        now: plan.now(),
    };
    let result = prospecting::result(about);
    let aws = party::aws_account(plan.catalog());
    match context::put_prospecting_result(&engagement, &id, result, aws, plan.now()) {
        Ok(next) => {
            plan.put_engagement(next);
            Ok(Ok(id))
        }
        Err(refusal) => Ok(Err(Failure::of(Step::CreateContext, &refusal.into()))),
    }
}

/// The task where the server itself could not do it: every engagement that is open yet has failed.
pub(super) fn give_up(task: &Task, failure: &Failure, now: cosell_model::Timestamp) -> Task {
    let Work::ProspectingFromEngagement { engagements, .. } = &task.work else {
        return task.clone();
    };
    engagements.iter().fold(task.clone(), |task, one| {
        let settled = prospecting::settle(&task, &one.engagement_identifier, Err(failure.clone()), now);
        settled.unwrap_or(task)
    })
}
