//! DeleteResourceSnapshotJob: a stopped job goes; what it has shared stays.

use bytes::Bytes;
use cosell_model::ApiError;
use cosell_model::types::DeleteResourceSnapshotJobRequest;
use cosell_store::{ApplyError, Changes, Write};

use super::record;
use crate::answer::write_failed;
use crate::plan::ATTEMPTS;
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let input: DeleteResourceSnapshotJobRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let sent = &input.resource_snapshot_job_identifier;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let (job, expected) = record::read(service, &caller.account, catalog, sent).await?;
        job.may_be_deleted()
            .map_err(|running| ApiError::conflict(running.to_string()))?;
        let key = record::key(&caller.account, catalog.as_str(), job.id());
        let changes = Changes {
            writes: vec![Write::Delete { key, expected }],
            ..Changes::default()
        };
        match service.store.apply(changes).await {
            Ok(()) => return Ok(Bytes::new()),
            // It was started or stopped meanwhile.
            Err(ApplyError::Conflict(_)) if attempt < ATTEMPTS => {}
            Err(error) => return Err(write_failed(error)),
        }
    }
}
