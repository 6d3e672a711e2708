//! How the targets stand, in figures. Read from the store when asked, so that they are true after a restart and for every
//! server alike.

use cosell_model::Timestamp;
use cosell_store::{DeliveryQuery, DeliveryState, StoreError, TargetState};

use super::Deliverer;
use crate::schedule::{Health, Paused};

/// How a target stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetStatus {
    /// Events are delivered as they come.
    Delivering,
    /// It failed too often in a row: only probes go there.
    BackingOff,
    /// Nothing is delivered until a person resumes it.
    Paused(Paused),
    /// It is switched off.
    Disabled,
}

impl TargetStatus {
    /// One word for it.
    pub fn word(&self) -> &'static str {
        match self {
            TargetStatus::Delivering => "delivering",
            TargetStatus::BackingOff => "backing-off",
            TargetStatus::Paused(_) => "paused",
            TargetStatus::Disabled => "disabled",
        }
    }
}

/// Figures of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetMetrics {
    /// Its name.
    pub target: String,
    /// Its kind, such as `webhook`.
    pub kind: &'static str,
    /// How it stands.
    pub status: TargetStatus,
    /// How its tries went lately.
    pub health: Health,
    /// Events delivered, ever.
    pub delivered: u64,
    /// Tries, ever.
    pub attempts: u64,
    /// Tries that failed, ever.
    pub failures: u64,
    /// Deliveries that wait now.
    pub pending: u64,
    /// Deliveries that were given up and are still there.
    pub dead: u64,
    /// Age of the oldest event that is not delivered and not given up, in seconds; 0 where there is none. An event the
    /// cursor has not reached counts, whether a rule will choose it or not.
    pub lag_seconds: u64,
}

impl Deliverer {
    /// Figures of all registered targets, in the order of their names.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn metrics(&self) -> Result<Vec<TargetMetrics>, StoreError> {
        let registered = self.registered.borrow().clone();
        let mut states = self.store.targets().await?;
        let mut found = Vec::new();
        for (target, _) in &registered.targets {
            let name = target.name();
            // One that was registered a moment ago may not have been opened yet.
            let state = match states.iter().position(|state| state.target == name) {
                Some(at) => states.swap_remove(at),
                None => self.store.open_target(&name, target.since).await?,
            };
            let health = Health::read(&state.status);
            let status = match &health.paused {
                _ if !target.enabled => TargetStatus::Disabled,
                Some(paused) => TargetStatus::Paused(paused.clone()),
                None if health.backing_off() => TargetStatus::BackingOff,
                None => TargetStatus::Delivering,
            };
            let lag_seconds = self.lag(&state).await?;
            found.push(TargetMetrics {
                kind: target.sink.kind(),
                status,
                health,
                delivered: state.delivered,
                attempts: state.attempts,
                failures: state.failures,
                pending: state.pending,
                dead: state.dead,
                lag_seconds,
                target: state.target,
            });
        }
        found.sort_by(|one, other| one.target.cmp(&other.target));
        Ok(found)
    }

    async fn lag(&self, state: &TargetState) -> Result<u64, StoreError> {
        let unread = self.time_behind(state.position).await?;
        let query = DeliveryQuery {
            target: Some(state.target.clone()),
            seq: None,
            state: Some(DeliveryState::Pending),
            after: None,
            newest_first: false,
            limit: 1,
        };
        let waiting = match state.pending {
            0 => None,
            _ => match self.store.deliveries(&query).await?.first() {
                Some(row) => self.time_behind(row.seq - 1).await?,
                None => None,
            },
        };
        let oldest = unread.into_iter().chain(waiting).min();
        let millis = oldest.map_or(0, |oldest| {
            (self.options.event_now)()
                .as_millis()
                .saturating_sub(oldest.as_millis())
        });
        Ok(u64::try_from(millis / 1000).unwrap_or(0))
    }

    /// When the first event behind a number happened.
    async fn time_behind(&self, seq: u64) -> Result<Option<Timestamp>, StoreError> {
        let found = self.store.events_after(seq, 1).await?;
        Ok(found.first().map(|stored| stored.event.time))
    }
}
