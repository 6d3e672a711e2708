//! StopResourceSnapshotJob: changes are no longer shared; what was shared stays. Stopping a stopped job changes nothing.

use bytes::Bytes;
use cosell_model::types::StopResourceSnapshotJobRequest;
use cosell_model::{ApiError, Operation};

use super::record;
use crate::audit::Deed;
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let deed = Deed::of(caller, Operation::StopResourceSnapshotJob);
    let input: StopResourceSnapshotJobRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let sent = &input.resource_snapshot_job_identifier;
    record::change(service, &deed, &caller.account, catalog, sent, |job| {
        Ok(job.stop())
    })
    .await?;
    Ok(Bytes::new())
}
