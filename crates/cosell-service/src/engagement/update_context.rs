//! UpdateEngagementContext: rewrites a context, under the lock of EngagementLastModifiedAt.

use bytes::Bytes;
use cosell_domain::engagement::context;
use cosell_model::ApiError;
use cosell_model::types::{UpdateEngagementContextRequest, UpdateEngagementContextResponse};

use super::record::{self, Name};
use crate::answer::encode;
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let input: UpdateEngagementContextRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let name = Name::of(caller, catalog, &input.engagement_identifier);
    record::change(service, name, None, |engagement, now| {
        let next = context::update(engagement, &caller.account, input.clone(), now)?;
        let answer = encode(&UpdateEngagementContextResponse {
            engagement_id: next.id.clone(),
            engagement_arn: next.arn.clone(),
            engagement_last_modified_at: next.modified_at,
            context_id: input.context_identifier.clone(),
        })?;
        Ok((next, answer))
    })
    .await
}
