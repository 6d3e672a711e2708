//! CreateEngagement: a room with the caller as its first member, one per client token.

use bytes::Bytes;
use cosell_domain::engagement::create;
use cosell_model::types::{CreateEngagementRequest, CreateEngagementResponse};
use cosell_model::{ApiError, Operation};

use crate::answer::encode;
use crate::idempotency::Once;
use crate::plan::carry_out;
use crate::profile;
use crate::service::{Caller, Service, catalog};

/// How many characters follow `eng-`.
pub(crate) const LENGTH: usize = 14;

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let input: CreateEngagementRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let once = Once::of(caller, Operation::CreateEngagement, &input.client_token, &input)?;
    let creator = profile::of(service, &caller.account).await?;
    carry_out(service, once.deed(), catalog, Some(&once), async |plan| {
        let id = service.names.draw("eng-", LENGTH)?;
        let context = create::Context {
            creator: &creator,
            catalog,
            region: &service.settings.region,
            id: &id,
            now: plan.now(),
        };
        let engagement = create::create(input.clone(), context)?;
        let answer = encode(&CreateEngagementResponse {
            id: Some(engagement.id.clone()),
            arn: Some(engagement.arn.clone()),
            modified_at: Some(engagement.modified_at),
        })?;
        plan.put_engagement(engagement);
        Ok(answer)
    })
    .await
}
