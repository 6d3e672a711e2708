//! Does what a task is to do, within a plan: all of it, or nothing with a reason. Which kind does what is in a file of its
//! own; when a task is done is `start`'s and `finish`'s business.

use cosell_domain::snapshot::{Template, job};
use cosell_domain::task::{Created, Failure, Step, Task, Work};
use cosell_model::types::Tag;
use cosell_model::{ApiError, ErrorKind, Violation};

use super::{by_accepting, from_engagement, from_opportunity, prospecting};
use crate::plan::Plan;
use crate::snapshot::job::{create, start};

/// Why a task is not complete.
pub(super) enum Stop {
    /// A step failed, and so does the task.
    Failed(Failure),
    /// The server could not go on, which says nothing about the task.
    Broken(ApiError),
}

impl From<ApiError> for Stop {
    fn from(error: ApiError) -> Self {
        Stop::Broken(error)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Stop::Failed(failure)
    }
}

/// What the error of a step means for the task.
pub(super) fn at<E: Into<ApiError>>(step: Step) -> impl Fn(E) -> Stop {
    move |error| {
        let error = error.into();
        match error.kind {
            ErrorKind::InternalServer | ErrorKind::ServiceUnavailable => Stop::Broken(error),
            _ => Stop::Failed(Failure::of(step, &error)),
        }
    }
}

/// What the violations of a step mean for the task.
pub(super) fn refused(step: Step) -> impl Fn(Vec<Violation>) -> Stop {
    move |violations| Stop::Failed(Failure::refused(step, &violations))
}

/// Refuses a request that names what is not there or not the caller's. What else may be wrong is the task's to find.
pub(super) async fn look_up(plan: &mut Plan<'_>, account: &str, work: &Work) -> Result<(), ApiError> {
    match work {
        Work::EngagementFromOpportunity { opportunity, .. } => {
            from_opportunity::named(plan, account, opportunity).await?;
        }
        Work::EngagementByAcceptingInvitation { invitation, .. } => {
            by_accepting::named(plan, account, invitation).await?;
        }
        Work::OpportunityFromEngagement { engagement, .. } => {
            from_engagement::named(plan, account, engagement).await?;
        }
        Work::ProspectingFromEngagement { .. } => {}
    }
    Ok(())
}

/// Brings a task to its end. The plan then holds the whole effect, or nothing where the task failed.
pub(super) async fn end(plan: &mut Plan<'_>, account: &str, task: &Task) -> Result<Task, ApiError> {
    let outcome = match &task.work {
        Work::EngagementFromOpportunity {
            opportunity,
            submission,
            tags,
        } => from_opportunity::perform(plan, account, opportunity, submission, tags).await,
        Work::EngagementByAcceptingInvitation { invitation, tags } => {
            by_accepting::perform(plan, account, invitation, tags).await
        }
        Work::OpportunityFromEngagement {
            engagement,
            context,
            tags,
        } => from_engagement::perform(plan, account, engagement, context, tags).await,
        Work::ProspectingFromEngagement { .. } => return prospecting::perform(plan, account, task).await,
    };
    // A limit may be met only where the consequences are drawn.
    let outcome = match outcome {
        Ok(created) => plan
            .follow()
            .await
            .map(|()| created)
            .map_err(at(Step::CreateSnapshot)),
        stopped => stopped,
    };
    let now = plan.now();
    let ended = match outcome {
        Ok(created) => task.complete(created, now),
        Err(Stop::Failed(failure)) => {
            *plan = Plan::new(plan.service(), plan.catalog());
            task.fail(failure, now)
        }
        Err(Stop::Broken(error)) => return Err(error),
    };
    ended.ok_or_else(|| ApiError::internal(format!("task {} was to end twice", task.id)))
}

/// The last steps of the three kinds alike: the first snapshot of an opportunity that is in the plan, and a running job
/// that takes the next ones. The job's identifier.
pub(super) async fn share(
    plan: &mut Plan<'_>,
    account: &str,
    opportunity: &str,
    engagement: &str,
    tags: &[Tag],
) -> Result<String, Stop> {
    let found = named_opportunity(plan, account, opportunity).await?;
    let room = plan.known_engagement(engagement).await?;
    plan.describe(&room, &found, account)
        .map_err(at(Step::CreateContext))?;
    let template = Template::OpportunitySummaryView;
    let job: job::Job = create::make(plan, account, found, engagement, template, tags.to_vec())
        .await
        .map_err(at(Step::CreateSnapshotJob))?;
    let id = job.id().to_owned();
    let running = job.start().unwrap_or(job);
    start::start(plan, account, running)
        .await
        .map_err(at(Step::StartSnapshotJob))?;
    Ok(id)
}

/// An opportunity that was looked up, or put, before.
pub(super) async fn named_opportunity(
    plan: &mut Plan<'_>,
    account: &str,
    id: &str,
) -> Result<cosell_domain::opportunity::Opportunity, ApiError> {
    let found = plan.opportunity(account, id).await?;
    found.ok_or_else(|| ApiError::internal(format!("opportunity {id} went away under a task")))
}

/// What a complete task says it made.
pub(super) type Outcome = Result<Created, Stop>;
