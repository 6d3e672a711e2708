//! RejectEngagementInvitation: the receiver says no, for good.

use bytes::Bytes;
use cosell_domain::engagement::invitation::answer;
use cosell_model::ApiError;
use cosell_model::types::RejectEngagementInvitationRequest;
use cosell_store::{ApplyError, Changes};

use super::record;
use crate::answer::write_failed;
use crate::plan::ATTEMPTS;
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let input: RejectEngagementInvitationRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let (invitation, version) =
            record::read(service, &caller.account, catalog, &input.identifier).await?;
        let now = service.now();
        let next = answer::reject(&invitation, &caller.account, input.rejection_reason.clone(), now)?;
        let changes = Changes {
            writes: record::writes(Some(version), &next, now)?,
            ..Changes::default()
        };
        match service.store.apply(changes).await {
            Ok(()) => return Ok(Bytes::new()),
            // Decided anew on what the other request made of it, which may well be a refusal.
            Err(ApplyError::Conflict(_)) if attempt < ATTEMPTS => {}
            Err(error) => return Err(write_failed(error)),
        }
    }
}
