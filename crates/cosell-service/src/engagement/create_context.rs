//! CreateEngagementContext: one context more, one per client token.

use bytes::Bytes;
use cosell_domain::engagement::context;
use cosell_model::types::{CreateEngagementContextRequest, CreateEngagementContextResponse};
use cosell_model::{ApiError, Operation};

use super::record;
use crate::answer::encode;
use crate::idempotency::Once;
use crate::plan::carry_out;
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let input: CreateEngagementContextRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let operation = Operation::CreateEngagementContext;
    let once = Once::of(caller, operation, &input.client_token, &input)?;
    let account = &caller.account;
    carry_out(service, once.deed(), catalog, Some(&once), async |plan| {
        let engagement = record::planned(plan, account, &input.engagement_identifier).await?;
        let (next, id) = context::create(&engagement, account, input.clone(), plan.now())?;
        let answer = encode(&CreateEngagementContextResponse {
            engagement_id: Some(next.id.clone()),
            engagement_arn: Some(next.arn.clone()),
            engagement_last_modified_at: Some(next.modified_at),
            context_id: Some(id),
        })?;
        plan.put_engagement(next);
        Ok(answer)
    })
    .await
}
