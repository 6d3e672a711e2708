//! How far this server's clock is from the clock that all servers over one store share: the store's own.
//!
//! Most of what servers do together bears clocks that differ by seconds. Quotas and the leases and due times of deliveries
//! go by the shared time. Those of jobs bear a difference within a bound; a server beyond it says that it is not ready, and
//! leaves jobs to others. Only where a store is shared is there anything to compare; nothing here sets a clock.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use cosell_model::Timestamp;
use cosell_store::StoreError;

use crate::service::Service;

/// How often the clocks are compared.
const EVERY: Duration = Duration::from_secs(10);
/// An answer that was longer on its way tells too little about the time.
const SLOWEST: Duration = Duration::from_secs(1);
/// How long the store may take where it is asked whether this server is ready.
const READY_WITHIN: Duration = Duration::from_secs(2);
/// From this difference on it is warned.
const WORTH_A_WARNING: i64 = 1_000;
/// Beyond this difference a server is not ready. Two servers may be as far off in opposite directions, and their difference
/// must stay below the shortest lease, which is that of a target of events: 10 seconds.
pub(crate) const MOST_SKEW_MILLIS: i64 = 3_000;
/// No difference is known.
const UNKNOWN: i64 = i64::MIN;

/// What is known of the difference. Clones know the same.
#[derive(Debug, Clone)]
pub struct Skew {
    /// Milliseconds that the server's clock is ahead of the store's.
    ahead: Arc<AtomicI64>,
}

impl Default for Skew {
    fn default() -> Self {
        Self {
            ahead: Arc::new(AtomicI64::new(UNKNOWN)),
        }
    }
}

impl Skew {
    /// Milliseconds by which the server's clock is ahead; `None` where that was never found out.
    pub(crate) fn ahead_millis(&self) -> Option<i64> {
        Some(self.ahead.load(Ordering::Relaxed)).filter(|ahead| *ahead != UNKNOWN)
    }

    /// What the store's clock shows while the server's shows `now`, as far as the difference is known.
    #[must_use]
    pub fn shared(&self, now: Timestamp) -> Timestamp {
        now.plus_millis(-self.ahead_millis().unwrap_or(0))
    }

    /// Whether the difference is known to be too large for working beside others.
    pub(crate) fn is_too_large(&self) -> bool {
        self.ahead_millis()
            .is_some_and(|ahead| ahead.abs() > MOST_SKEW_MILLIS)
    }
}

/// Milliseconds by which a clock that showed `asked` is ahead of one that showed `told` at some moment of the `way` there
/// and back: in its middle, most likely.
fn ahead(asked: Timestamp, told: Timestamp, way: Duration) -> i64 {
    let half = i64::try_from(way.as_millis() / 2).unwrap_or(i64::MAX);
    asked
        .plus_millis(half)
        .as_millis()
        .saturating_sub(told.as_millis())
}

impl Service {
    /// The time by which servers over one store count together: the store's, as far as the difference is known.
    pub(crate) fn shared_now(&self) -> Timestamp {
        self.skew.shared(self.now())
    }

    /// Milliseconds by which this server's clock is ahead of the clock of the store that it shares with others, behind it
    /// where negative; `None` where the store is not shared, or the clocks were not compared yet.
    pub fn clock_skew_millis(&self) -> Option<i64> {
        self.skew.ahead_millis()
    }

    /// Why this server should not be sent requests; `None` if it is ready. Tells within [`READY_WITHIN`], since who asks does so
    /// often and waits for seconds at most.
    pub async fn unready(&self) -> Option<String> {
        let looked = tokio::time::timeout(READY_WITHIN, self.look_for_reason()).await;
        looked.unwrap_or_else(|_| {
            let seconds = READY_WITHIN.as_secs();
            Some(format!("the store has not answered for {seconds} seconds"))
        })
    }

    async fn look_for_reason(&self) -> Option<String> {
        if self.store.next_job_at().await.is_err() {
            return Some("the store does not answer".to_owned());
        }
        if self.store.is_shared()
            && self.skew.ahead_millis().is_none()
            && let Err(error) = self.measure_skew().await
        {
            return Some(format!("the clock cannot be compared with the store's: {error}"));
        }
        let ahead = self.skew.ahead_millis().filter(|_| self.skew.is_too_large())?;
        Some(format!(
            "the clock is {} ms {} the store's, more than {MOST_SKEW_MILLIS} ms: set both machines by a time server",
            ahead.abs(),
            if ahead > 0 { "ahead of" } else { "behind" }
        ))
    }

    /// What this server finds out about its clock, for whoever goes by the shared time too.
    #[must_use]
    pub fn with_skew(mut self, skew: Skew) -> Self {
        self.skew = skew;
        self
    }

    /// Compares the clocks. A store that nobody shares, or that has no clock, leaves it at that.
    ///
    /// # Errors
    /// Where the store does not tell its time soon enough.
    pub async fn measure_skew(&self) -> Result<(), StoreError> {
        if !self.store.is_shared() {
            return Ok(());
        }
        let (asked, start) = (self.now(), Instant::now());
        let Some(told) = self.store.clock().await? else {
            return Ok(());
        };
        let way = start.elapsed();
        if way > SLOWEST {
            return Err(StoreError::Unavailable(format!(
                "its answer took {} ms, which tells too little about the time",
                way.as_millis()
            )));
        }
        let ahead = ahead(asked, told, way);
        let before = self.skew.ahead.swap(ahead, Ordering::Relaxed);
        let was_notable = before != UNKNOWN && before.abs() >= WORTH_A_WARNING;
        match (ahead.abs() >= WORTH_A_WARNING, was_notable) {
            (true, false) => tracing::warn!(
                ahead_millis = ahead,
                "the clock differs from the store's: set both machines by a time server"
            ),
            (false, true) => tracing::info!(ahead_millis = ahead, "the clock agrees with the store's again"),
            _ => {}
        }
        Ok(())
    }

    /// Compares the clocks now and then, until `stop` is ready. Ends at once where there is nothing to compare.
    pub async fn watch_skew(&self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        while self.store.is_shared() {
            if let Err(error) = self.measure_skew().await {
                tracing::debug!("the clock cannot be compared with the store's now: {error}");
            }
            tokio::select! {
                biased;
                () = &mut stop => return,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_there_and_back_is_taken_into_account() {
        let at = Timestamp::from_millis;
        for (asked, told, way, expected) in [
            (1_000, 1_000, 0, 0),
            (1_000, 1_100, 200, 0),
            (1_000, 1_010, 20, 0),
            (3_000, 1_000, 0, 2_000),
            (1_000, 3_050, 100, -2_000),
        ] {
            let way = Duration::from_millis(way);
            assert_eq!(ahead(at(asked), at(told), way), expected, "{asked} {told}");
        }
    }
}
