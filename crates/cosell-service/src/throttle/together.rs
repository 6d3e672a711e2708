//! Counting together with other servers: the counter of an account and operation is a value in the store.
//!
//! Requests of one counter that wait here at the same time are decided by one of them in one round trip. What is refused
//! is refused from memory: until when that holds was told with the refusal before. The store is asked only where a request
//! could be admitted, and those are few by the quotas themselves.
//!
//! If the store does not answer, the request fails like any that has to read.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use cosell_domain::quota::{Counter, Quota, Refusal};
use cosell_model::{Operation, Timestamp};
use cosell_store::{Store, StoreError, Swap};
use tokio::sync::{Mutex as TurnMutex, oneshot};

const HOUR_MILLIS: i64 = 60 * 60 * 1000;
/// How long a refusal is believed without a look: the counter may have been set back meanwhile, by a failover or by hand.
const BELIEVED_MILLIS: i64 = 10_000;
/// How often a counter is decided anew because another server was faster. Each time that one has admitted a request, so no
/// more than the largest quota of a second can come in a row, but for wrong clocks.
const TRIES: usize = 256;

/// `None` for an admitted request.
type Verdict = Result<Option<Refusal>, StoreError>;

/// The counters this server takes part in.
#[derive(Default)]
pub(super) struct Together {
    keys: Mutex<HashMap<(String, Operation), Arc<Key>>>,
}

/// One account and operation.
#[derive(Default)]
struct Key {
    queue: Mutex<Queue>,
    /// Had by whoever decides; in it, what the counter had when it was last seen.
    turn: TurnMutex<Option<Bytes>>,
}

#[derive(Default)]
struct Queue {
    /// Refuses all until its time.
    refusal: Option<Refusal>,
    /// Requests that nobody has decided yet, in their order.
    waiting: VecDeque<oneshot::Sender<Verdict>>,
    /// When somebody last asked.
    used: Option<Timestamp>,
}

impl Queue {
    fn refused(&self, now: Timestamp) -> Option<Refusal> {
        // A time that lies further ahead was told by a clock that was set back since.
        let believed = self.refusal?.not_before.plus_millis(-BELIEVED_MILLIS)..self.refusal?.not_before;
        self.refusal.filter(|_| believed.contains(&now))
    }
}

impl Key {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Together {
    /// Counts a request, or says why it is refused.
    pub(super) async fn admit(
        &self,
        store: &dyn Store,
        account: &str,
        operation: Operation,
        quota: Quota,
        now: Timestamp,
    ) -> Verdict {
        let key = {
            let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(keys.entry((account.to_owned(), operation)).or_default())
        };
        let mut verdict = {
            let mut queue = key.queue();
            queue.used = Some(now);
            if let Some(refusal) = queue.refused(now) {
                return Ok(Some(refusal));
            }
            let (sender, receiver) = oneshot::channel();
            queue.waiting.push_back(sender);
            receiver
        };
        let mut turn = tokio::select! {
            biased;
            Ok(decided) = &mut verdict => return decided,
            turn = key.turn.lock() => turn,
        };
        // Who had the turn before may have decided this one too.
        if let Ok(decided) = verdict.try_recv() {
            return decided;
        }
        key.decide(store, (account, operation), quota, now, &mut turn)
            .await;
        drop(turn);
        let unanswered = |_| Err(StoreError::Unavailable("a request was left undecided".into()));
        verdict.try_recv().unwrap_or_else(unanswered)
    }

    /// Forgets what nobody has asked for in the last hour, and in the store what is of no more use.
    pub(super) async fn prune(&self, store: &dyn Store, now: Timestamp) {
        let before = now.plus_millis(-HOUR_MILLIS);
        self.keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            // Whoever works with one holds it too, and gets it under this lock.
            .retain(|_, key| Arc::strong_count(key) > 1 || key.queue().used > Some(before));
        match store.prune_counters(now).await {
            Ok(0) => {}
            Ok(counters) => tracing::debug!(counters, "counters of quotas that were long unused are gone"),
            Err(error) => tracing::warn!("unused counters of quotas cannot be deleted now: {error}"),
        }
    }
}

impl Key {
    /// Decides all requests that wait, those that came first before the others, and tells them.
    ///
    /// Whoever decides may be given up in the middle. So nothing is taken out of the queue before it is decided: then the
    /// next one of the queue does it. At worst requests were counted that nobody waits for.
    async fn decide(
        &self,
        store: &dyn Store,
        (account, operation): (&str, Operation),
        quota: Quota,
        now: Timestamp,
        seen: &mut Option<Bytes>,
    ) {
        let mut lost = 0;
        loop {
            let waiting = {
                let mut queue = self.queue();
                queue.waiting.retain(|one| !one.is_closed());
                queue.waiting.len()
            };
            let mut counter = seen.as_deref().and_then(|bytes| {
                let read = Counter::decode(bytes);
                if read.is_none() {
                    // It must lock nobody out for ever.
                    let name = operation.name();
                    tracing::warn!(
                        account,
                        operation = name,
                        "a counter of a quota cannot be read and begins anew"
                    );
                }
                read
            });
            let counter = counter.get_or_insert_with(|| Counter::new(quota, now));
            let admission = counter.admit(quota, now, u32::try_from(waiting).unwrap_or(u32::MAX));
            if admission.admitted > 0 {
                let next = counter.encode();
                let until = kept_until(counter);
                let swapped = store.swap_counter(account, operation.name(), seen.as_deref(), &next, until);
                match swapped.await {
                    Ok(Swap::Done) => *seen = Some(next.into()),
                    Ok(Swap::Found(found)) if lost < TRIES => {
                        lost += 1;
                        *seen = found;
                        continue;
                    }
                    Ok(Swap::Found(_)) => {
                        let error = StoreError::Unavailable("a counter of a quota changes too fast".into());
                        return self.tell(waiting, &|_| Err(error.clone()));
                    }
                    Err(error) => return self.tell(waiting, &|_| Err(error.clone())),
                }
            }
            if let Some(refusal) = admission.refusal {
                let soon = now.plus_millis(BELIEVED_MILLIS);
                if refusal.not_before > soon {
                    // Looked at anew by then.
                    *seen = None;
                }
                let not_before = refusal.not_before.min(soon);
                self.queue().refusal = Some(Refusal {
                    not_before,
                    ..refusal
                });
            }
            let admitted = admission.admitted as usize;
            return self.tell(waiting, &|place| {
                Ok(admission.refusal.filter(|_| place >= admitted))
            });
        }
    }

    /// Tells the first `count` that wait what became of them, by their places.
    fn tell(&self, count: usize, verdict: &dyn Fn(usize) -> Verdict) {
        for (place, one) in self.queue().waiting.drain(..count).enumerate() {
            // Who is gone waits for nothing.
            drop(one.send(verdict(place)));
        }
    }
}

/// Until when the store keeps a counter: longer than it is of use, since clocks differ, and a full hour, so that the time
/// changes rarely while the counter changes often.
fn kept_until(counter: &Counter) -> Timestamp {
    let hours = counter.spent_until().as_millis().div_euclid(HOUR_MILLIS) + 2;
    Timestamp::from_millis(hours * HOUR_MILLIS)
}
