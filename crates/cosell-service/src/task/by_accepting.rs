//! StartEngagementByAcceptingInvitationTask: accepts an invitation and opens the receiver's opportunity.

use bytes::Bytes;
use cosell_domain::engagement::invitation::{Invitation, answer};
use cosell_domain::engagement::{party, receiver};
use cosell_domain::task::{Created, Failure, Step, Work, view};
use cosell_model::enums::{EngagementInvitationPayloadType, InvitationStatus, ReasonCode, ReviewStatus};
use cosell_model::types::{StartEngagementByAcceptingInvitationTaskRequest, Tag};
use cosell_model::{ApiError, Operation};

use super::perform::{Outcome, Stop, at, share};
use super::start;
use crate::answer::encode;
use crate::engagement::invitation::record;
use crate::idempotency::Once;
use crate::identity::users;
use crate::plan::Plan;
use crate::profile;
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let input: StartEngagementByAcceptingInvitationTaskRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let operation = Operation::StartEngagementByAcceptingInvitationTask;
    let once = Once::of(caller, operation, &input.client_token, &input)?;
    let work = Work::EngagementByAcceptingInvitation {
        invitation: record::id_of(catalog, &input.identifier)?.to_owned(),
        tags: input.tags.unwrap_or_default(),
    };
    start::start(service, caller, catalog, &once, &work, |task| {
        encode(&view::engagement_by_accepting_invitation(task))
    })
    .await
}

/// The invitation of that identifier, if the caller sent or received it.
pub(super) async fn named(plan: &mut Plan<'_>, account: &str, id: &str) -> Result<Invitation, ApiError> {
    record::planned(plan, account, id).await
}

pub(super) async fn perform(plan: &mut Plan<'_>, account: &str, id: &str, tags: &[Tag]) -> Outcome {
    let invitation = named(plan, account, id).await?;
    if invitation.payload_type == EngagementInvitationPayloadType::LeadInvitation {
        return Err(Failure::new(
            ReasonCode::InvitationValidationFailed,
            "The invitation is about a lead: accept it with AcceptEngagementInvitation, then start \
             StartOpportunityFromEngagementTask",
        )
        .into());
    }
    let accepted = accept(plan, account, invitation).await?;
    let engagement = accepted.engagement_id.clone();
    let status = senders_status(plan, &accepted).await?;
    let service = plan.service();
    let id = service.ids.next(&*service.store).await?;
    let lead = users::first(&*service.store, account).await?;
    let context = receiver::Context {
        catalog: plan.catalog(),
        region: &service.settings.region,
        id: &id,
        sender_status: status.as_ref(),
        lead: lead.as_ref(),
        now: plan.now(),
    };
    let (opportunity, opened) = receiver::open(&accepted, context).map_err(at(Step::CreateOpportunity))?;
    let id = opportunity.document.id.clone();
    plan.put_invitation(opened);
    plan.put_opportunity(account, opportunity);
    let job = share(plan, account, &id, &engagement, tags).await?;
    Ok(Created {
        opportunity: Some(id),
        engagement: Some(engagement),
        invitation: None,
        context: None,
        job: Some(job),
    })
}

/// The invitation, accepted: by this task, or by AcceptEngagementInvitation before, which opens no opportunity.
async fn accept(plan: &mut Plan<'_>, account: &str, invitation: Invitation) -> Result<Invitation, Stop> {
    let status = invitation.status_at(plan.now());
    let unopened = invitation.opportunity_id.is_none() && invitation.receiver.account_id == account;
    if status == InvitationStatus::Accepted && unopened {
        return Ok(invitation);
    }
    let partner = profile::of(plan.service(), account).await?;
    let engagement = plan.known_engagement(&invitation.engagement_id).await?;
    match (
        answer::accept(&invitation, &engagement, &partner, plan.now()),
        Failure::acceptance(&status),
    ) {
        (Ok((accepted, joined)), _) => {
            plan.put_engagement(joined);
            Ok(accepted)
        }
        (Err(cosell_domain::engagement::Refusal::Conflict(_)), Some(failure)) => Err(failure.into()),
        (Err(refusal), _) => Err(at(Step::AcceptInvitation)(refusal)),
    }
}

/// Where the sender's opportunity stands in review, if it has shared one in the engagement. AWS has none.
async fn senders_status(
    plan: &mut Plan<'_>,
    invitation: &Invitation,
) -> Result<Option<ReviewStatus>, ApiError> {
    let sender = &invitation.sender.account_id;
    if party::is_aws(plan.catalog(), sender) {
        return Ok(None);
    }
    // Whoever shares something meanwhile writes the engagement.
    plan.known_engagement(&invitation.engagement_id).await?;
    let Some(id) = plan.oldest_of(sender, &invitation.engagement_id).await? else {
        return Ok(None);
    };
    let shared = plan.opportunity(sender, &id).await?;
    Ok(shared.and_then(|opportunity| opportunity.review_status().cloned()))
}
