//! RejectEngagementInvitation: the receiver says no, for good.

use bytes::Bytes;
use cosell_domain::engagement::invitation::answer;
use cosell_model::types::RejectEngagementInvitationRequest;
use cosell_model::{ApiError, Operation};

use super::record;
use crate::audit::Deed;
use crate::plan::carry_out;
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let deed = Deed::of(caller, Operation::RejectEngagementInvitation);
    let input: RejectEngagementInvitationRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let account = &caller.account;
    carry_out(service, &deed, catalog, None, async |plan| {
        let invitation = record::planned(plan, account, &input.identifier).await?;
        let reason = input.rejection_reason.clone();
        plan.put_invitation(answer::reject(&invitation, account, reason, plan.now())?);
        Ok(Bytes::new())
    })
    .await
}
