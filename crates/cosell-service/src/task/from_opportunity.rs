//! StartEngagementFromOpportunityTask: submits an opportunity to AWS and shares it in an engagement.

use bytes::Bytes;
use cosell_domain::engagement::create;
use cosell_domain::engagement::invitation::Invitation;
use cosell_domain::engagement::invitation::create as invitation;
use cosell_domain::engagement::{Engagement, Profile, party};
use cosell_domain::opportunity::{Opportunity, submit};
use cosell_domain::task::{Created, Failure, Step, Work, view};
use cosell_model::enums::InvitationStatus;
use cosell_model::types::{AwsSubmission, StartEngagementFromOpportunityTaskRequest, Tag};
use cosell_model::{ApiError, Operation};

use super::perform::{Outcome, Stop, at, named_opportunity, refused, share};
use super::start;
use crate::answer::encode;
use crate::engagement::create::LENGTH as ENGAGEMENT_LENGTH;
use crate::engagement::invitation::create::LENGTH as INVITATION_LENGTH;
use crate::idempotency::Once;
use crate::opportunity::record::Name;
use crate::plan::Plan;
use crate::profile;
use crate::service::{Caller, Service, catalog};

/// What AWS reads in the invitation.
const MESSAGE: &str = "Please review this opportunity and join its engagement.";

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let input: StartEngagementFromOpportunityTaskRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let operation = Operation::StartEngagementFromOpportunityTask;
    let once = Once::of(caller, operation, &input.client_token, &input)?;
    let work = Work::EngagementFromOpportunity {
        opportunity: input.identifier,
        submission: input.aws_submission,
        tags: input.tags.unwrap_or_default(),
    };
    start::start(service, caller, catalog, &once, &work, |task| {
        encode(&view::engagement_from_opportunity(task))
    })
    .await
}

/// The opportunity of that identifier, if it is the caller's.
pub(super) async fn named(plan: &mut Plan<'_>, account: &str, id: &str) -> Result<Opportunity, ApiError> {
    let catalog = plan.catalog();
    let name = Name { account, catalog, id };
    let found = plan.opportunity(account, id).await?;
    found.ok_or_else(|| name.not_found())
}

pub(super) async fn perform(
    plan: &mut Plan<'_>,
    account: &str,
    id: &str,
    submission: &AwsSubmission,
    tags: &[Tag],
) -> Outcome {
    let opportunity = named_opportunity(plan, account, id).await?;
    let partner = profile::of(plan.service(), account).await?;
    let engagement = match plan.engagement_of(account, id).await? {
        Some(known) => known,
        None => make_engagement(plan, &partner, &opportunity)?,
    };
    let job = match running_job(plan, account, &opportunity, &engagement, tags).await? {
        Some(job) => job,
        None => share(plan, account, id, &engagement, tags).await?,
    };
    let invitation = invite_aws(plan, &partner, &engagement, &opportunity).await?;
    submit(plan, account, id, submission).await?;
    Ok(Created {
        opportunity: Some(id.to_owned()),
        engagement: Some(engagement),
        invitation,
        context: None,
        job: Some(job),
    })
}

/// The job that an earlier submission of the opportunity started and that still runs, with the tags added to it. The first
/// submission gets one of its own beside what a conversion from a lead may have started (behaviours 4.2).
async fn running_job(
    plan: &mut Plan<'_>,
    account: &str,
    opportunity: &Opportunity,
    engagement: &str,
    tags: &[Tag],
) -> Result<Option<String>, Stop> {
    if opportunity.private.submissions == 0 {
        return Ok(None);
    }
    let running = plan.running_jobs(account, &opportunity.document.id).await?;
    let Some(job) = running
        .into_iter()
        .find(|job| job.document.engagement_id.as_deref() == Some(engagement))
    else {
        return Ok(None);
    };
    let tagged = job.tag(tags.to_vec()).map_err(refused(Step::CreateSnapshotJob))?;
    let id = job.id().to_owned();
    if let Some(tagged) = tagged {
        plan.put_snapshot_job(account, tagged);
    }
    Ok(Some(id))
}

fn make_engagement(
    plan: &mut Plan<'_>,
    partner: &Profile,
    opportunity: &Opportunity,
) -> Result<String, Stop> {
    let service = plan.service();
    let id = service.names.draw("eng-", ENGAGEMENT_LENGTH)?;
    let context = create::Context {
        creator: partner,
        catalog: plan.catalog(),
        region: &service.settings.region,
        id: &id,
        now: plan.now(),
    };
    let engagement =
        create::of_opportunity(&opportunity.document, context).map_err(at(Step::CreateEngagement))?;
    plan.put_engagement(engagement);
    Ok(id)
}

/// Invites AWS where it was not invited yet: the invitation's identifier, also that of an earlier one. None where AWS was
/// in the engagement from the beginning.
async fn invite_aws(
    plan: &mut Plan<'_>,
    partner: &Profile,
    engagement: &str,
    opportunity: &Opportunity,
) -> Result<Option<String>, Stop> {
    let now = plan.now();
    let account = &partner.account_id;
    let id = &opportunity.document.id;
    let holds = |earlier: &Invitation| {
        matches!(
            earlier.status_at(now),
            InvitationStatus::Pending | InvitationStatus::Accepted
        ) && earlier.about.as_ref().is_none_or(|about| about == id)
    };
    let sent = plan.invitations_of_aws(account, engagement).await?;
    let earlier = sent.into_iter().find(holds);
    let room: Engagement = plan.known_engagement(engagement).await?;
    if earlier.is_some() || room.is_member(party::aws_account(plan.catalog())) {
        return Ok(earlier.map(|earlier| earlier.id));
    }
    let service = plan.service();
    let id = service.names.draw("engi-", INVITATION_LENGTH)?;
    let context = invitation::Context {
        engagement: &room,
        sender: partner,
        receiver: None,
        earlier: &[],
        catalog: plan.catalog(),
        region: &service.settings.region,
        id: &id,
        now,
        estimates: &service.settings.estimates,
    };
    let sent = invitation::invite_aws(&opportunity.document, MESSAGE, context)
        .map_err(at(Step::CreateInvitation))?;
    plan.put_invitation(sent);
    // Of two tasks that invite AWS at once, one is decided anew and finds the other's invitation.
    plan.put_engagement(room);
    Ok(Some(id))
}

async fn submit(
    plan: &mut Plan<'_>,
    account: &str,
    id: &str,
    submission: &AwsSubmission,
) -> Result<(), Stop> {
    let stored = named_opportunity(plan, account, id).await?;
    let AwsSubmission {
        involvement_type,
        visibility,
    } = submission.clone();
    match submit::submit(&stored, involvement_type, visibility, plan.now()) {
        Ok(Some(next)) => plan.put_opportunity(account, next),
        Ok(None) => {}
        Err(violations) => return Err(Failure::submission(&stored, &violations).into()),
    }
    Ok(())
}
