//! AcceptEngagementInvitation: the receiver joins the engagement. Opens no opportunity.

use bytes::Bytes;
use cosell_domain::engagement::invitation::answer;
use cosell_model::types::AcceptEngagementInvitationRequest;
use cosell_model::{ApiError, Operation};

use super::record;
use crate::audit::Deed;
use crate::plan::carry_out;
use crate::profile;
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let deed = Deed::of(caller, Operation::AcceptEngagementInvitation);
    let input: AcceptEngagementInvitationRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let receiver = profile::of(service, &caller.account).await?;
    carry_out(service, &deed, catalog, None, async |plan| {
        let invitation = record::planned(plan, &caller.account, &input.identifier).await?;
        let engagement = plan.known_engagement(&invitation.engagement_id).await?;
        let (next, joined) = answer::accept(&invitation, &engagement, &receiver, plan.now())?;
        plan.put_invitation(next);
        plan.put_engagement(joined);
        Ok(Bytes::new())
    })
    .await
}
