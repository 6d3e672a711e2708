//! StartResourceSnapshotJob: from now on every change of the opportunity is shared, and what changed so far at once. Starting a
//! running job changes nothing.

use bytes::Bytes;
use cosell_domain::snapshot::job::Job;
use cosell_model::types::StartResourceSnapshotJobRequest;
use cosell_model::{ApiError, Operation};

use super::record;
use crate::audit::Deed;
use crate::plan::{Plan, carry_out};
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let deed = Deed::of(caller, Operation::StartResourceSnapshotJob);
    let input: StartResourceSnapshotJobRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let account = &caller.account;
    carry_out(service, &deed, catalog, None, async |plan| {
        let job = record::planned(plan, account, &input.resource_snapshot_job_identifier).await?;
        if let Some(running) = job.start() {
            start(plan, account, running).await?;
        }
        Ok(Bytes::new())
    })
    .await
}

/// Puts a job that runs from now on, and has it look at its opportunity.
pub(crate) async fn start(plan: &mut Plan<'_>, account: &str, running: Job) -> Result<(), ApiError> {
    let document = &running.document;
    let (Some(id), Some(engagement), Some(template)) = (
        document.resource_id.clone(),
        document.engagement_id.clone(),
        running.template(),
    ) else {
        let job = running.id();
        return Err(ApiError::internal(format!(
            "snapshot job {job} lacks what it watches"
        )));
    };
    let opportunity = plan.opportunity(account, &id).await?;
    let opportunity =
        opportunity.ok_or_else(|| ApiError::internal(format!("{id} has a snapshot job and is not there")))?;
    plan.known_engagement(&engagement).await?;
    // Whoever changes the opportunity meanwhile must find the job running, so both change.
    plan.put_opportunity(account, opportunity);
    plan.put_snapshot_job(account, running.succeeded(plan.now()));
    plan.share(account, &id, &engagement, template);
    Ok(())
}
