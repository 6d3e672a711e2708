//! CreateResourceSnapshot: the owner of an opportunity shares its present state with an engagement, one per client token.

use bytes::Bytes;
use cosell_domain::snapshot::Template;
use cosell_model::types::CreateResourceSnapshotRequest;
use cosell_model::{ApiError, Operation};

use super::record;
use crate::answer::encode;
use crate::idempotency::Once;
use crate::plan::carry_out;
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let input: CreateResourceSnapshotRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let operation = Operation::CreateResourceSnapshot;
    let once = Once::of(caller, operation, &input.client_token, &input)?;
    let account = &caller.account;
    carry_out(service, once.deed(), catalog, Some(&once), async |plan| {
        let (engagement, id) = (&input.engagement_identifier, &input.resource_identifier);
        let (engagement, opportunity) = record::parts(plan, account, engagement, id).await?;
        let template = Template::writable(&input.resource_snapshot_template_identifier)
            .map_err(ApiError::business_validation)?;
        plan.describe(&engagement, &opportunity, account)?;
        let taken = plan.take_snapshot(account, id, &engagement.id, template).await?;
        encode(&taken.answer())
    })
    .await
}
