//! CreateOpportunity of origin AWS Referral in the sandbox: AWS refers a deal to the caller (behaviours 1.4). Nobody sees the
//! opportunity before its invitation is accepted.

use bytes::Bytes;
use cosell_domain::Catalog;
use cosell_domain::engagement::invitation::referral;
use cosell_model::ApiError;
use cosell_model::types::CreateOpportunityRequest;

use super::create::answer;
use crate::engagement::create::LENGTH as ENGAGEMENT_LENGTH;
use crate::engagement::invitation::create::LENGTH as INVITATION_LENGTH;
use crate::idempotency::Once;
use crate::plan::carry_out;
use crate::service::{Caller, Service};

pub(super) async fn run(
    service: &Service,
    caller: &Caller,
    catalog: Catalog,
    once: &Once<'_>,
    input: &CreateOpportunityRequest,
) -> Result<Bytes, ApiError> {
    let id = service.ids.next(&*service.store).await?;
    carry_out(service, once.deed(), catalog, Some(once), async |plan| {
        let engagement = service.names.draw("eng-", ENGAGEMENT_LENGTH)?;
        let invitation = service.names.draw("engi-", INVITATION_LENGTH)?;
        let context = referral::Context {
            account: &caller.account,
            catalog,
            region: &service.settings.region,
            opportunity_id: &id,
            engagement_id: &engagement,
            invitation_id: &invitation,
            now: plan.now(),
            estimates: &service.settings.estimates,
        };
        let referred = referral::refer(input.clone(), context)?;
        plan.put_engagement(referred.engagement);
        plan.put_invitation(referred.invitation);
        answer(&referred.opportunity)
    })
    .await
}

/// Whether a referral would be made: nothing where it would, else the answer it would get. Changes nothing.
pub(super) fn preview(
    service: &Service,
    caller: &Caller,
    catalog: Catalog,
    input: CreateOpportunityRequest,
) -> Result<(), ApiError> {
    let context = referral::Context {
        account: &caller.account,
        catalog,
        region: &service.settings.region,
        opportunity_id: "O0",
        engagement_id: "eng-",
        invitation_id: "engi-",
        now: service.now(),
        estimates: &service.settings.estimates,
    };
    referral::refer(input, context)?;
    Ok(())
}
