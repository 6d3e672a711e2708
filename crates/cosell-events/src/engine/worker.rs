//! One target's worker: leases the target, opens sessions on it, and waits where there is nothing to do.
//!
//! Must never touch another target: each has a task of its own, so that a slow one delays none.

use std::sync::Arc;
use std::time::Duration;

use cosell_store::{SettleError, Store, StoreError, TargetState};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::session::Session;
use super::{Now, told};
use crate::rule::CompiledRule;
use crate::schedule::{Health, Schedule};
use crate::sink::Sink;
use crate::target::Target;

/// Longest wait after the store has failed.
const STORE_PATIENCE: Duration = Duration::from_secs(30);

/// What a worker works with.
pub(super) struct Worker {
    pub store: Arc<dyn Store>,
    pub name: String,
    pub target: Target,
    pub schedule: Schedule,
    pub sink: Arc<dyn Sink>,
    pub rules: watch::Receiver<Arc<Vec<CompiledRule>>>,
    pub now: Now,
    pub signing_now: Now,
    /// How it is called in leases.
    pub holder: String,
    /// How long a lease is held.
    pub lease_time: Duration,
    /// The end of what is under way, once it is to stop.
    pub stop: watch::Receiver<Option<Instant>>,
    /// A person has changed something: parked deliveries, a status, a rule.
    pub wake: Arc<Notify>,
}

/// Why a session ended.
pub(super) enum End {
    /// The worker is to stop; everything is settled and the lease given up.
    Stopped,
    /// The target is paused.
    Paused,
    /// Another holds the target, or things are not as this worker knows them: look anew.
    LeaseLost,
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for End {
    fn from(error: StoreError) -> Self {
        End::Store(error)
    }
}

impl From<SettleError> for End {
    fn from(error: SettleError) -> Self {
        match error {
            SettleError::LeaseLost => End::LeaseLost,
            SettleError::Store(error) => End::Store(error),
        }
    }
}

impl Worker {
    /// Works until it is told to stop.
    pub async fn run(mut self) {
        let mut failures = 0_u32;
        loop {
            let leased = match self.store.open_target(&self.name, self.target.since).await {
                Ok(_) => self.lease().await,
                Err(error) => Err(error),
            };
            let end = match leased {
                Ok(Some(state)) if Health::read(&state.status).paused.is_some() => End::Paused,
                Ok(Some(state)) => {
                    failures = 0;
                    match Session::new(&mut self, state).run().await {
                        // A person may have resumed it while the session ended: its state tells.
                        End::Paused => continue,
                        end => end,
                    }
                }
                Ok(None) => End::LeaseLost,
                Err(error) => End::Store(error),
            };
            let wait = match end {
                End::Stopped => return,
                End::Paused => None,
                End::LeaseLost => Some(self.lease_time / 4),
                End::Store(error) => {
                    tracing::warn!(target_name = self.name, %error, "the store failed; deliveries go on when it serves again");
                    failures = failures.saturating_add(1);
                    Some(
                        STORE_PATIENCE
                            .min(Duration::from_millis(250) * 2_u32.saturating_pow(failures.min(7))),
                    )
                }
            };
            if self.idle(wait).await {
                return;
            }
        }
    }

    /// The target's state, leased to this worker; `None` where another holds it.
    pub async fn lease(&self) -> Result<Option<TargetState>, StoreError> {
        let millis = u64::try_from(self.lease_time.as_millis()).unwrap_or(u64::MAX);
        self.store
            .lease_target(&self.name, &self.holder, (self.now)(), millis)
            .await
    }

    /// Waits until something changes, or for that long. Whether it is to stop.
    async fn idle(&mut self, wait: Option<Duration>) -> bool {
        let pause = async {
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = told(&mut self.stop) => true,
            () = self.wake.notified() => false,
            () = pause => false,
        }
    }
}
