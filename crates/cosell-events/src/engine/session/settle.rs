//! What is known is told to the store: outcomes, the cursor, the target's health, the lease.

use std::time::Duration;

use cosell_model::Timestamp;
use cosell_store::{DeliveryState, SettleError, Settlement};
use tokio::time::Instant;

use super::{ENOUGH, MOST, Session};
use crate::engine::worker::End;
use crate::schedule::Health;

/// When a lease that was given up has ended: long ago by every clock, also where this server's is wrong.
const GIVEN_UP: Timestamp = Timestamp::from_millis(0);

impl Session<'_> {
    /// Sees to it that what is to be settled is, within that time.
    pub(super) fn gather(&mut self, within: Duration) {
        let at = Instant::now() + within;
        self.flush_at = Some(self.flush_at.map_or(at, |already| already.min(at)));
    }

    pub(super) fn settle_if_due(&mut self, now: Instant) {
        let due = self.outcomes.len() >= ENOUGH || self.flush_at.is_some_and(|at| at <= now);
        if due && self.settling.is_none() {
            let settlement = self.settlement();
            self.submit(settlement);
        }
    }

    /// What is to be settled now.
    fn settlement(&mut self) -> Settlement {
        let left = self.outcomes.split_off(self.outcomes.len().min(MOST));
        let outcomes = std::mem::replace(&mut self.outcomes, left);
        self.flush_at = (!self.outcomes.is_empty()).then(Instant::now);
        for outcome in &outcomes {
            self.window.close(outcome.seq);
        }
        Settlement {
            target: self.worker.name.clone(),
            epoch: self.epoch,
            leased_until: GIVEN_UP,
            position: self.window.position(),
            status: std::mem::take(&mut self.health_changed).then(|| self.health.to_bytes()),
            outcomes,
            attempts: std::mem::take(&mut self.attempts),
            failures: std::mem::take(&mut self.failures),
        }
    }

    fn submit(&mut self, mut settlement: Settlement) {
        let lease = i64::try_from(self.worker.lease_time.as_millis()).unwrap_or(i64::MAX);
        settlement.epoch = self.epoch;
        settlement.leased_until = (self.worker.now)().plus_millis(lease);
        self.leased_until = Instant::now() + self.worker.lease_time;
        let store = self.worker.store.clone();
        self.settling = Some(Box::pin(async move {
            let result = store.settle(settlement.clone()).await;
            (settlement, result)
        }));
    }

    pub(super) async fn settled(
        &mut self,
        settlement: Settlement,
        result: Result<(), SettleError>,
    ) -> Result<(), End> {
        if let Err(error) = result {
            let End::LeaseLost = End::from(error.clone()) else {
                return Err(error.into());
            };
            // A person has changed the status: it counts, and what was done is settled under the new epoch.
            self.renew().await?;
            self.submit(Settlement {
                status: None,
                ..settlement
            });
            return Ok(());
        }
        self.settled = settlement.position.max(self.settled);
        let mut rows_changed = false;
        for outcome in &settlement.outcomes {
            rows_changed |= self.retrying.remove(&outcome.seq);
            if outcome.state == DeliveryState::Pending {
                rows_changed = true;
                if let Some(lane) = &outcome.lane {
                    self.window.settled(lane);
                }
            }
        }
        if rows_changed {
            self.schedule_retry().await?;
        }
        Ok(())
    }

    pub(super) async fn schedule_retry(&mut self) -> Result<(), End> {
        let due = self.worker.store.next_delivery_at(&self.worker.name).await?;
        self.retry_at = due.map(|due| {
            let millis = due.as_millis().saturating_sub((self.worker.now)().as_millis());
            Instant::now() + Duration::from_millis(u64::try_from(millis).unwrap_or(0))
        });
        Ok(())
    }

    /// Leases the target anew. Goes on where it still stands as this session knows it.
    pub(super) async fn renew(&mut self) -> Result<(), End> {
        let state = self.worker.lease().await?.ok_or(End::LeaseLost)?;
        if state.position != self.settled {
            return Err(End::LeaseLost);
        }
        self.leased_until = Instant::now() + self.worker.lease_time;
        self.stale = false;
        if state.epoch != self.epoch {
            self.epoch = state.epoch;
            self.health = Health::read(&state.status);
            self.health_changed = false;
        }
        if self.settling.is_none() && self.outcomes.is_empty() {
            self.pending = state.pending;
        }
        Ok(())
    }

    /// Settles what is left and gives the lease up.
    pub(super) async fn finish(&mut self) -> Result<(), End> {
        loop {
            let mut settlement = self.settlement();
            match self.worker.store.settle(settlement.clone()).await {
                Ok(()) => {}
                Err(SettleError::LeaseLost) => {
                    self.renew().await?;
                    settlement.epoch = self.epoch;
                    settlement.status = None;
                    settlement.leased_until = GIVEN_UP;
                    self.worker.store.settle(settlement).await?;
                }
                Err(error) => return Err(error.into()),
            }
            if self.outcomes.is_empty() {
                return Ok(());
            }
            // A lease that was given up is needed again for the rest.
            self.settled = self.window.position();
            self.renew().await?;
        }
    }
}
