//! GetResourceSnapshotJob: for the account that made the job.

use bytes::Bytes;
use cosell_model::ApiError;
use cosell_model::types::GetResourceSnapshotJobRequest;

use super::record;
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let input: GetResourceSnapshotJobRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let id = &input.resource_snapshot_job_identifier;
    let found = record::look_up(service, &caller.account, catalog, id).await?;
    Ok(found.document)
}
