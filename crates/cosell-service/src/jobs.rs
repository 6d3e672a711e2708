//! Work that is due at a time: claimed from the store, done, and finished in the same change as its effect, so that it
//! happens once, whoever crashes. Which work there is lives with its resource; here is only when.
//!
//! Several servers do jobs at the same time, each those it has claimed. What must not overtake another says so before it is done
//! (`autopilot::turn`); all other jobs are about things of their own.

use std::future::Future;
use std::time::{Duration, Instant};

use cosell_model::{ApiError, Timestamp};
use cosell_store::{ApplyError, Changes, ClaimedJob, Conflict, Job};

use crate::answer::{read_failed, write_failed};
use crate::audit::{Actor, Deed};
use crate::autopilot::{self, Turn};
use crate::delivery::{Unsent, unsent};
use crate::engagement::invitation::expire;
use crate::events::repeat;
use crate::service::Service;
use crate::task::finish;

/// Jobs claimed at once.
const BATCH: usize = 32;
/// How long a claim is held: what a job waits for that was under way when its server was killed.
const LEASE_MILLIS: u64 = 30_000;
/// The longest time for which a job that keeps failing is put off.
const LONGEST_WAIT_MILLIS: i64 = 60 * 60 * 1000;
/// How often a job is decided anew because others changed the same records meanwhile.
const ATTEMPTS: usize = 8;
/// The longest sleep. A job that is enqueued meanwhile may start this much late.
const LONGEST_SLEEP: Duration = Duration::from_millis(500);
/// How often it is looked for audit entries, versions, events and counts of quotas that are old enough to go.
const PRUNING: Duration = Duration::from_secs(60 * 60);
/// The sleep where a job seemed due and another claimed it.
const SHORTEST_SLEEP: Duration = Duration::from_millis(10);

/// Nothing that was promised to a target goes without a word.
fn warn_of(behind: &Unsent) {
    let Unsent {
        target,
        unread,
        waiting,
    } = behind;
    tracing::warn!(
        target_name = target.as_str(),
        unread,
        waiting,
        "events are deleted for their age that this target was never sent: resume or mend it, or set events-retention higher"
    );
}

/// How far a round of jobs came.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Done {
    /// Jobs that were due and free.
    pub(crate) claimed: usize,
    /// Those of them that were done.
    pub(crate) finished: usize,
}

impl Service {
    /// Does every job that is due now; how many were finished.
    ///
    /// A job that fails is logged and put off, longer each time. An error means that the store did not answer.
    pub async fn run_due_jobs(&self) -> Result<usize, ApiError> {
        let _turn = self.jobs_turn.lock().await;
        self.run_due_batches().await.map(|done| done.finished)
    }

    /// Does every job that is due now. Whoever calls this has the turn.
    pub(crate) async fn run_due_batches(&self) -> Result<Done, ApiError> {
        let mut done = Done::default();
        loop {
            let batch = self.run_batch().await?;
            if batch.claimed == 0 {
                return Ok(done);
            }
            done.claimed += batch.claimed;
            done.finished += batch.finished;
        }
    }

    /// Claims a batch of due jobs and does them in their order.
    async fn run_batch(&self) -> Result<Done, ApiError> {
        let jobs = self
            .store
            .claim_jobs(self.now(), "jobs", BATCH, LEASE_MILLIS)
            .await
            .map_err(read_failed)?;
        let mut done = Done {
            claimed: jobs.len(),
            finished: 0,
        };
        let mut patience = autopilot::PATIENCE;
        for job in &jobs {
            let ran = self.run_in_turn(job, &mut patience).await;
            if let Ok(Turn::Now) | Err(_) = ran {
                self.metrics().job(ran.is_ok());
            }
            match ran {
                Ok(Turn::Now) => done.finished += 1,
                Ok(Turn::Later) => self.wait_till(job, job.job.run_at).await,
                Ok(Turn::After(then)) => self.wait_till(job, then).await,
                Err(error) => {
                    tracing::error!(
                        job = job.job.id.0,
                        attempts = job.job.attempts,
                        detail = error.internal.as_deref(),
                        "a job failed and will be tried again: {}",
                        error.message
                    );
                    self.put_off(job).await;
                }
            }
        }
        Ok(done)
    }

    /// Does a job if it is its turn, and says whether it was.
    async fn run_in_turn(&self, job: &ClaimedJob, patience: &mut Duration) -> Result<Turn, ApiError> {
        if autopilot::is_step(&job.job.kind) {
            let turn = autopilot::turn(self, &job.job, patience).await?;
            if turn != Turn::Now {
                return Ok(turn);
            }
        }
        self.run_job(job).await.map(|()| Turn::Now)
    }

    /// Has a job that failed tried again later: after a second, then after twice as long each time, up to an hour.
    async fn put_off(&self, failed: &ClaimedJob) {
        let wait = 1000_i64 << failed.job.attempts.saturating_sub(1).min(12);
        let then = self.now().plus_millis(wait.min(LONGEST_WAIT_MILLIS));
        self.wait_till(failed, then).await;
    }

    /// Lets go of a job, which is due again at that time.
    async fn wait_till(&self, claimed: &ClaimedJob, run_at: Timestamp) {
        let again = Job {
            run_at,
            ..claimed.job.clone()
        };
        let changes = Changes {
            finished_jobs: vec![claimed.finished()],
            jobs: vec![again],
            ..Changes::default()
        };
        if let Err(error) = self.store.apply(changes).await {
            // Then it is due again once its claim has run out.
            tracing::warn!(job = claimed.job.id.0, "a job cannot be let go of: {error}");
        }
    }

    /// Does jobs as they become due, until `stop` is ready; the batch under way is finished first.
    pub async fn run_jobs(&self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let mut pruned: Option<Instant> = None;
        loop {
            // By a wrong clock everything may seem old, and what is deleted is gone.
            if pruned.is_none_or(|at| at.elapsed() >= PRUNING) && self.unready().await.is_none() {
                self.prune().await;
                pruned = Some(Instant::now());
            }
            // Claiming goes through the store's writer, so an idle server only looks.
            let mut wait = self.until_next_job().await;
            if wait.is_zero() {
                let turn = self.jobs_turn.lock().await;
                wait = match self.run_batch().await {
                    Ok(Done { claimed: 0, .. }) => SHORTEST_SLEEP,
                    Ok(_) => Duration::ZERO,
                    Err(error) => {
                        tracing::error!(detail = error.internal.as_deref(), "jobs wait for the store");
                        LONGEST_SLEEP
                    }
                };
                drop(turn);
            }
            tokio::select! {
                biased;
                () = &mut stop => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Deletes what was kept long enough: of the audit log and the history, of the events, of what was counted.
    pub(crate) async fn prune(&self) {
        self.prune_traces().await;
        self.prune_events().await;
        self.throttle.prune(&*self.store, self.shared_now()).await;
    }

    /// Events go whether or not they were delivered: by then whoever should have taken them has been away for too long.
    async fn prune_events(&self) {
        let kept = self.settings.events_retention_millis;
        if kept == 0 {
            return;
        }
        let before = self.now().plus_millis(-kept);
        match unsent(&*self.store, before).await {
            Ok(behind) => behind.iter().for_each(warn_of),
            Err(error) => {
                tracing::warn!("whether a target loses events to their age cannot be told: {error}")
            }
        }
        match self.store.prune_events(before).await {
            Ok(0) => {}
            Ok(events) => tracing::info!(events, "events that were old enough are gone"),
            Err(error) => tracing::warn!("old events cannot be deleted now: {error}"),
        }
    }

    async fn prune_traces(&self) {
        let kept = self.settings.audit_retention_millis;
        if kept == 0 {
            return;
        }
        let before = self.now().plus_millis(-kept);
        let entries = self.store.prune_audit(before).await;
        let versions = self.store.prune_history(before).await;
        match (entries, versions) {
            (Ok(0), Ok(0)) => {}
            (Ok(entries), Ok(versions)) => {
                tracing::info!(
                    entries,
                    versions,
                    "audit entries and former versions that were old enough are gone"
                );
            }
            (Err(error), _) | (_, Err(error)) => {
                tracing::warn!("old audit entries and versions cannot be deleted now: {error}");
            }
        }
    }

    async fn until_next_job(&self) -> Duration {
        // By a wrong clock work would be done long before it is due. Others do it, or this server when its clock is set.
        if self.skew.is_too_large() {
            return LONGEST_SLEEP;
        }
        match self.next_job().await {
            Ok(Some(due)) => {
                let millis = due.as_millis().saturating_sub(self.now().as_millis());
                let wait = Duration::from_millis(u64::try_from(millis).unwrap_or(0));
                wait.min(LONGEST_SLEEP)
            }
            Ok(None) | Err(_) => LONGEST_SLEEP,
        }
    }

    /// When the next job is due.
    pub(crate) async fn next_job(&self) -> Result<Option<Timestamp>, ApiError> {
        self.store.next_job_at().await.map_err(read_failed)
    }

    /// Decides and applies one job; decides anew where the records changed meanwhile.
    async fn run_job(&self, job: &ClaimedJob) -> Result<(), ApiError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let mut request_id = String::new();
            let mut actor = Actor::Server {
                job: job.job.id.0.clone(),
            };
            let (action, effect) = match job.job.kind.as_str() {
                expire::KIND => (expire::KIND, expire::run(self, &job.job).await?),
                finish::KIND => (finish::KIND, finish::run(self, &job.job).await?),
                repeat::KIND => (repeat::KIND, repeat::run(self, &job.job)?),
                step if autopilot::is_step(step) => {
                    actor = Actor::Operator {
                        token: autopilot::KIND.to_owned(),
                    };
                    request_id = job.job.id.0.clone();
                    // On the heap: a plan is large, and most jobs make none.
                    Box::pin(autopilot::run(self, &job.job)).await?
                }
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
            let deed = Deed {
                actor,
                action: action.into(),
                request_id,
            };
            match self.apply(&deed, changes).await {
                Ok(()) => return Ok(()),
                // Also where an identifier was drawn that exists; not where another worker holds the claim.
                Err(ApplyError::Conflict(Conflict::Version { .. } | Conflict::Exists(_)))
                    if attempt < ATTEMPTS => {}
                Err(error) => return Err(write_failed(error)),
            }
        }
    }
}
