//! GetEngagementInvitation: by identifier or ARN, for its two sides only.

use bytes::Bytes;
use cosell_domain::engagement::invitation::view;
use cosell_model::ApiError;
use cosell_model::types::GetEngagementInvitationRequest;

use super::record;
use crate::answer::encode;
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let input: GetEngagementInvitationRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let (invitation, _) = record::read(service, &caller.account, catalog, &input.identifier).await?;
    encode(&view::answer(&invitation, &caller.account, service.now())?)
}
