//! Work that is due at a time: claimed from the store, done, and finished in the same change as its effect, so that it
//! happens once, whoever crashes. Which work there is lives with its resource; here is only when.

use std::future::Future;
use std::time::Duration;

use cosell_model::ApiError;
use cosell_store::{ApplyError, Changes, ClaimedJob, Conflict};

use crate::answer::{read_failed, write_failed};
use crate::engagement::invitation::expire;
use crate::service::Service;
use crate::task::finish;

/// Jobs claimed at once.
const BATCH: usize = 32;
/// How long a claim is held. A job takes milliseconds; one that failed is tried again after this time.
const LEASE_MILLIS: u64 = 30_000;
/// How often a job is decided anew because others changed the same records meanwhile.
const ATTEMPTS: usize = 8;
/// The longest sleep. A job that is enqueued meanwhile may start this much late.
const LONGEST_SLEEP: Duration = Duration::from_millis(500);
/// The sleep where a job seemed due and another claimed it.
const SHORTEST_SLEEP: Duration = Duration::from_millis(10);

impl Service {
    /// Does every job that is due now; how many were finished.
    ///
    /// A job that fails is logged and stays: it is due again once its claim has run out. An error means that the store
    /// did not answer.
    pub async fn run_due_jobs(&self) -> Result<usize, ApiError> {
        let mut finished = 0;
        while let Some(batch) = self.run_batch().await? {
            finished += batch;
        }
        Ok(finished)
    }

    /// Claims a batch of due jobs and does them: how many were finished, or `None` where none was due.
    async fn run_batch(&self) -> Result<Option<usize>, ApiError> {
        let jobs = self
            .store
            .claim_jobs(self.now(), "jobs", BATCH, LEASE_MILLIS)
            .await
            .map_err(read_failed)?;
        if jobs.is_empty() {
            return Ok(None);
        }
        let mut finished = 0;
        for job in &jobs {
            match self.run_job(job).await {
                Ok(()) => finished += 1,
                Err(error) => tracing::error!(
                    job = job.job.id.0,
                    attempts = job.job.attempts,
                    detail = error.internal.as_deref(),
                    "a job failed and will be tried again: {}",
                    error.message
                ),
            }
        }
        Ok(Some(finished))
    }

    /// Does jobs as they become due, until `stop` is ready; the batch under way is finished first.
    pub async fn run_jobs(&self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        loop {
            // Claiming goes through the store's writer, so an idle server only looks.
            let mut wait = self.until_next_job().await;
            if wait.is_zero() {
                wait = match self.run_batch().await {
                    Ok(Some(_)) => Duration::ZERO,
                    Ok(None) => SHORTEST_SLEEP,
                    Err(error) => {
                        tracing::error!(detail = error.internal.as_deref(), "jobs wait for the store");
                        LONGEST_SLEEP
                    }
                };
            }
            tokio::select! {
                biased;
                () = &mut stop => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn until_next_job(&self) -> Duration {
        match self.store.next_job_at().await {
            Ok(Some(due)) => {
                let millis = due.as_millis().saturating_sub(self.now().as_millis());
                let wait = Duration::from_millis(u64::try_from(millis).unwrap_or(0));
                wait.min(LONGEST_SLEEP)
            }
            Ok(None) | Err(_) => LONGEST_SLEEP,
        }
    }

    /// Decides and applies one job; decides anew where the records changed meanwhile.
    async fn run_job(&self, job: &ClaimedJob) -> Result<(), ApiError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let effect = match job.job.kind.as_str() {
                expire::KIND => expire::run(self, &job.job).await?,
                finish::KIND => finish::run(self, &job.job).await?,
                unknown => {
                    return Err(ApiError::internal(format!(
                        "this version of cosell knows no jobs of kind {unknown}: run the version that enqueued it"
                    )));
                }
            };
            let changes = Changes {
                finished_jobs: vec![job.finished()],
                ..effect
            };
            match self.store.apply(changes).await {
                Ok(()) => return Ok(()),
                // Also where an identifier was drawn that exists; not where another worker holds the claim.
                Err(ApplyError::Conflict(Conflict::Version { .. } | Conflict::Exists(_)))
                    if attempt < ATTEMPTS => {}
                Err(error) => return Err(write_failed(error)),
            }
        }
    }
}
