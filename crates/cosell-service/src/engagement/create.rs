//! CreateEngagement: a room with the caller as its first member, one per client token.

use bytes::Bytes;
use cosell_domain::engagement::create;
use cosell_model::types::{CreateEngagementRequest, CreateEngagementResponse};
use cosell_model::{ApiError, Operation};
use cosell_store::{ApplyError, Changes};

use super::record;
use crate::answer::encode;
use crate::idempotency::Once;
use crate::names::DRAWS;
use crate::profile;
use crate::service::{Caller, Service, catalog};

/// How many characters follow `eng-`.
pub(crate) const LENGTH: usize = 14;

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let input: CreateEngagementRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let once = Once::of(caller, Operation::CreateEngagement, &input.client_token, &input)?;
    let creator = profile::of(service, &caller.account).await?;
    let mut draw = 0;
    loop {
        draw += 1;
        let id = service.names.draw("eng-", LENGTH)?;
        let now = service.now();
        let context = create::Context {
            creator: &creator,
            catalog,
            region: &service.settings.region,
            id: &id,
            now,
        };
        let engagement = match create::create(input.clone(), context) {
            Ok(engagement) => engagement,
            Err(refusal) => return once.repeat_or(service, refusal.into()).await,
        };
        let answer = encode(&CreateEngagementResponse {
            id: Some(engagement.id.clone()),
            arn: Some(engagement.arn.clone()),
            modified_at: Some(engagement.modified_at),
        })?;
        let changes = Changes {
            writes: record::writes(None, &engagement)?,
            idempotency: Some(once.keep(&answer, now)),
            ..Changes::default()
        };
        match service.store.apply(changes).await {
            Ok(()) => return Ok(answer),
            // Somebody has drawn this identifier before.
            Err(ApplyError::Conflict(_)) if draw < DRAWS => {}
            Err(error) => return once.settle(service, error).await,
        }
    }
}
