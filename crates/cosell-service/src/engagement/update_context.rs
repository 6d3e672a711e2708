//! UpdateEngagementContext: rewrites a context, under the lock of EngagementLastModifiedAt.

use bytes::Bytes;
use cosell_domain::engagement::context;
use cosell_model::types::{UpdateEngagementContextRequest, UpdateEngagementContextResponse};
use cosell_model::{ApiError, Operation};

use super::record;
use crate::answer::encode;
use crate::audit::Deed;
use crate::plan::carry_out;
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let deed = Deed::of(caller, Operation::UpdateEngagementContext);
    let input: UpdateEngagementContextRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let account = &caller.account;
    carry_out(service, &deed, catalog, None, async |plan| {
        let engagement = record::planned(plan, account, &input.engagement_identifier).await?;
        let next = context::update(&engagement, account, input.clone(), plan.now())?;
        let answer = encode(&UpdateEngagementContextResponse {
            engagement_id: next.id.clone(),
            engagement_arn: next.arn.clone(),
            engagement_last_modified_at: next.modified_at,
            context_id: input.context_identifier.clone(),
        })?;
        plan.put_engagement(next);
        Ok(answer)
    })
    .await
}
