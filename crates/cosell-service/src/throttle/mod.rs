//! Counts requests and refuses what is over a published quota, by the clock. Off in development unless asked for.
//!
//! A server that has its store to itself counts in memory. Servers that share a store count together, in it. The rule is
//! the same, and not here; nothing here says who a caller is.

mod together;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use cosell_domain::quota::{Counter, Refusal, published};
use cosell_model::{ApiError, ErrorKind, Operation, Timestamp};
use cosell_store::Store;

use crate::answer::read_failed;
use together::Together;

/// Counts requests and refuses what is over a quota.
///
/// What is kept grows with the accounts that call and the operations that have a quota; an hourly look forgets what is
/// of no more use.
pub struct Throttle {
    enforced: bool,
    /// What was counted here, where nobody shares the store.
    alone: Mutex<HashMap<(String, Operation), Counter>>,
    together: Together,
}

impl Throttle {
    /// Refuses nothing.
    pub fn off() -> Self {
        Self {
            enforced: false,
            alone: Mutex::default(),
            together: Together::default(),
        }
    }

    /// Enforces the published quotas.
    pub fn published() -> Self {
        Self {
            enforced: true,
            ..Self::off()
        }
    }

    /// Counts a request, or refuses it with ThrottlingException. A refused request costs nothing of the quota, and the store
    /// no look.
    pub(crate) async fn admit(
        &self,
        store: &dyn Store,
        account: &str,
        operation: Operation,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let Some(quota) = self.enforced.then(|| published(operation)).flatten() else {
            return Ok(());
        };
        let refusal = if store.is_shared() {
            // On the heap: a request over a store of its own should not carry this along.
            let admitted = Box::pin(self.together.admit(store, account, operation, quota, now));
            admitted.await.map_err(read_failed)?
        } else {
            let mut counters = self.alone.lock().unwrap_or_else(PoisonError::into_inner);
            let counter = counters
                .entry((account.to_owned(), operation))
                .or_insert_with(|| Counter::new(quota, now));
            counter.admit(quota, now, 1).refusal
        };
        refusal.map_or(Ok(()), |refusal| Err(refused(operation, &refusal)))
    }

    /// Forgets what was counted so long ago that it admits what nothing would.
    pub(crate) async fn prune(&self, store: &dyn Store, now: Timestamp) {
        self.alone
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|_, counter| counter.spent_until() > now);
        if self.enforced && store.is_shared() {
            self.together.prune(store, now).await;
        }
    }
}

fn refused(operation: Operation, refusal: &Refusal) -> ApiError {
    let message = format!(
        "Rate exceeded: {} is limited to {} per account. Slow down and retry.",
        operation.name(),
        refusal.limit
    );
    ApiError::new(ErrorKind::Throttling, message)
}

#[cfg(test)]
mod tests {
    use cosell_store_sqlite::{Options, SqliteStore};

    use super::*;

    const ACCOUNT: &str = "111122223333";

    #[tokio::test]
    async fn each_account_and_operation_is_counted_for_itself_and_forgotten_when_it_is_quiet() {
        let store = SqliteStore::open_ephemeral(Options::default()).unwrap();
        let throttle = Throttle::published();
        let start = Timestamp::from_millis(1_700_000_000_000);
        let ask = async |account, operation, millis| {
            let asked = throttle.admit(&store, account, operation, start.plus_millis(millis));
            asked.await.map_err(|error| error.kind)
        };
        let create = Operation::CreateOpportunity;
        assert_eq!(ask(ACCOUNT, create, 0).await, Ok(()));
        assert_eq!(ask(ACCOUNT, create, 999).await, Err(ErrorKind::Throttling));
        assert_eq!(ask(ACCOUNT, create, 1000).await, Ok(()));
        assert_eq!(ask(ACCOUNT, Operation::UpdateOpportunity, 1000).await, Ok(()));
        assert_eq!(ask("444455556666", create, 1000).await, Ok(()));
        for _ in 0..1000 {
            assert_eq!(
                ask(ACCOUNT, Operation::SubmitOpportunity, 0).await,
                Ok(()),
                "nothing is published for it"
            );
        }
        let kept = || throttle.alone.lock().unwrap().len();
        throttle.prune(&store, start.plus_millis(2000)).await;
        assert_eq!(kept(), 3);
        throttle
            .prune(&store, start.plus_millis(25 * 60 * 60 * 1000))
            .await;
        assert_eq!(kept(), 0);
    }

    #[tokio::test]
    async fn nothing_is_refused_or_kept_when_it_is_off() {
        let store = SqliteStore::open_ephemeral(Options::default()).unwrap();
        let throttle = Throttle::off();
        for _ in 0..100 {
            let asked = throttle.admit(
                &store,
                ACCOUNT,
                Operation::CreateOpportunity,
                Timestamp::from_millis(0),
            );
            asked.await.unwrap();
        }
        assert!(throttle.alone.lock().unwrap().is_empty());
    }
}
