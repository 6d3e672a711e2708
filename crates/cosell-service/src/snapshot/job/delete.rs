//! DeleteResourceSnapshotJob: a stopped job goes; what it has shared stays.

use bytes::Bytes;
use cosell_model::types::DeleteResourceSnapshotJobRequest;
use cosell_model::{ApiError, Operation};
use cosell_store::Write;

use super::record;
use crate::audit::Deed;
use crate::plan::carry_out;
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let deed = Deed::of(caller, Operation::DeleteResourceSnapshotJob);
    let input: DeleteResourceSnapshotJobRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let (account, sent) = (&caller.account, &input.resource_snapshot_job_identifier);
    carry_out(service, &deed, catalog, None, async |plan| {
        let (job, expected) = record::read(service, account, catalog, sent).await?;
        job.may_be_deleted()
            .map_err(|running| ApiError::conflict(running.to_string()))?;
        let key = record::key(account, catalog.as_str(), job.id());
        plan.write(Write::Delete { key, expected });
        Ok(Bytes::new())
    })
    .await
}
