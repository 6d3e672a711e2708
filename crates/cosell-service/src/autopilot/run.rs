//! Doing a step when it is due: the deal is looked at again, and where it does not allow the step any more, nothing happens.

use cosell_domain::Catalog;
use cosell_domain::autopilot::{Action, Verdict as Decided};
use cosell_domain::engagement::invitation::answer;
use cosell_domain::engagement::party;
use cosell_domain::opportunity::aws_side::change::{Edit, Patch};
use cosell_domain::opportunity::aws_side::edit::edit;
use cosell_domain::review::{self, Explanation, Verdict};
use cosell_model::ApiError;
use cosell_model::enums::{AwsOpportunityStage, InvitationStatus, ReviewStatus};
use cosell_store::{Changes, Job};

use super::steps::{Due, KIND};
use crate::answer::stored;
use crate::plan::Plan;
use crate::service::Service;

/// What a step changes, and its name in the audit log.
pub(crate) async fn run(service: &Service, job: &Job) -> Result<(&'static str, Changes), ApiError> {
    let due: Due = stored(&job.payload, "a step of the autopilot")?;
    let catalog = Catalog::from_name(&due.catalog)
        .ok_or_else(|| ApiError::internal(format!("a job names catalog {}", due.catalog)))?;
    let name = name(&due.action);
    if due.cancelled {
        return Ok((name, Changes::default()));
    }
    let mut plan = Plan::new(service, catalog);
    plan.by_script();
    let fits = match &due.action {
        Action::AcceptInvitation { invitation } => accept(&mut plan, invitation).await?,
        Action::Take | Action::Verdict(_) | Action::MoveStage { .. } => on_deal(&mut plan, &due).await?,
    };
    if !fits {
        tracing::debug!(job = job.id.0, "a step of the autopilot does not fit any more");
        return Ok((name, Changes::default()));
    }
    Ok((name, plan.into_changes().await?))
}

const fn name(action: &Action) -> &'static str {
    match action {
        Action::Take => "TakeInReview",
        Action::Verdict(Decided::Approve { .. }) => "ApproveOpportunity",
        Action::Verdict(Decided::Reject { .. }) => "RejectOpportunity",
        Action::Verdict(Decided::ActionRequired { .. }) => "AskForAction",
        Action::AcceptInvitation { .. } => "AcceptInvitation",
        Action::MoveStage { .. } => "UpdateAwsOpportunity",
    }
}

async fn on_deal(plan: &mut Plan<'_>, due: &Due) -> Result<bool, ApiError> {
    let Some(stored) = plan.opportunity(&due.account, &due.subject).await? else {
        return Ok(false);
    };
    // A deal that was handed in again has steps of its own.
    if stored.private.submissions.max(1) != due.submission {
        return Ok(false);
    }
    let next = match &due.action {
        Action::Take => review::decide(&stored, Verdict::Take, KIND, plan.now())
            .ok()
            .flatten(),
        Action::Verdict(decided) => match review::decide(&stored, verdict(decided), KIND, plan.now()) {
            Ok(next) => next,
            Err(review::Refusal::Conflict(_)) => None,
            Err(review::Refusal::Violations(violations)) => {
                tracing::warn!(
                    opportunity = due.subject,
                    script = due.script,
                    ?violations,
                    "the autopilot's words are refused"
                );
                None
            }
        },
        Action::MoveStage { stage, next_steps } => {
            let aws = stored.private.aws.as_ref();
            let over = aws.is_some_and(|aws| aws.life_cycle.stage.as_ref().is_some_and(is_over));
            if stored.review_status() != Some(&ReviewStatus::Approved) || over {
                return Ok(false);
            }
            let change = Edit {
                stage: Patch::Set(stage.clone()),
                next_steps: next_steps.clone().map_or(Patch::Keep, Patch::Set),
                ..Edit::default()
            };
            match edit(&stored, change, plan.now()) {
                Ok(next) => next,
                Err(violations) => {
                    tracing::warn!(
                        opportunity = due.subject,
                        script = due.script,
                        ?violations,
                        "the autopilot's edit is refused"
                    );
                    None
                }
            }
        }
        Action::AcceptInvitation { .. } => None,
    };
    let fits = next.is_some();
    if let Some(next) = next {
        plan.put_opportunity(&due.account, next);
    }
    Ok(fits)
}

/// True for the stages of AWS in which nothing is left to do: a script leaves such a deal alone.
fn is_over(stage: &AwsOpportunityStage) -> bool {
    use AwsOpportunityStage as Stage;
    matches!(
        stage,
        Stage::Launched | Stage::ClosedLost | Stage::ClosedIncomplete | Stage::Completed
    )
}

fn verdict(decided: &Decided) -> Verdict {
    let why = |reason: &String, comments: &Option<String>| Explanation {
        reason: reason.clone(),
        comments: comments.clone(),
    };
    match decided {
        Decided::Approve { comments } => Verdict::Approve {
            comments: comments.clone(),
        },
        Decided::Reject { reason, comments } => Verdict::Reject(why(reason, comments)),
        Decided::ActionRequired { reason, comments } => Verdict::AskForAction(why(reason, comments)),
    }
}

async fn accept(plan: &mut Plan<'_>, id: &str) -> Result<bool, ApiError> {
    let aws = party::aws(plan.catalog());
    let Some(invitation) = plan.invitation(&aws.account_id, id).await? else {
        return Ok(false);
    };
    if invitation.status_at(plan.now()) != InvitationStatus::Pending {
        return Ok(false);
    }
    let room = plan.known_engagement(&invitation.engagement_id).await?;
    // A full engagement keeps it waiting.
    let Ok((accepted, joined)) = answer::accept(&invitation, &room, &aws, plan.now()) else {
        return Ok(false);
    };
    plan.put_invitation(accepted);
    plan.put_engagement(joined);
    Ok(true)
}
