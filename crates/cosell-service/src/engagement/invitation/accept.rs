//! AcceptEngagementInvitation: the receiver joins the engagement. Opens no opportunity.

use bytes::Bytes;
use cosell_domain::engagement::invitation::answer;
use cosell_model::ApiError;
use cosell_model::types::AcceptEngagementInvitationRequest;
use cosell_store::{ApplyError, Changes};

use super::record::{self, ATTEMPTS};
use crate::answer::write_failed;
use crate::engagement::record as engagements;
use crate::profile;
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let input: AcceptEngagementInvitationRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let receiver = profile::of(service, &caller.account).await?;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let (invitation, version) =
            record::read(service, &caller.account, catalog, &input.identifier).await?;
        let (engagement, kept) =
            engagements::of_invitation(service, catalog, &invitation.engagement_id).await?;
        let now = service.now();
        let (next, joined) = answer::accept(&invitation, &engagement, &receiver, now)?;
        let mut writes = record::writes(Some(version), &next, now)?;
        writes.extend(engagements::writes(Some((&engagement, kept)), &joined)?);
        let changes = Changes {
            writes,
            ..Changes::default()
        };
        match service.store.apply(changes).await {
            Ok(()) => return Ok(Bytes::new()),
            // Another answer, the expiry, or another change of the engagement came first: decided anew.
            Err(ApplyError::Conflict(_)) if attempt < ATTEMPTS => {}
            Err(error) => return Err(write_failed(error)),
        }
    }
}
