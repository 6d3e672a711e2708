//! A store that can hold a write back until something else has happened, so that a test decides who is overtaken by whom.

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use cosell_model::Timestamp;
use cosell_store::{
    ApplyError, AuditQuery, Changes, ClaimedJob, Conflict, Delivery, DeliveryQuery, Erased, EventPage,
    EventQuery, ExportItem, Idempotency, JobId, Key, Page, ProgressFn, Query, Record, Report, Revision,
    SettleError, Settlement, Store, StoreError, Stored, StoredAudit, StoredEvent, StoredJob, Swap,
    TargetState, TransferError,
};
use tokio::sync::oneshot::{Receiver, Sender, channel};

/// Told to the test when a write has come, and by the test when it may go on.
struct Gate {
    arrived: Sender<()>,
    go: Receiver<()>,
}

pub(crate) struct Gated {
    store: Arc<dyn Store>,
    gate: Mutex<Option<Gate>>,
    /// How many writes from now on find that others were faster.
    pub(crate) conflicts: AtomicU32,
    /// Whether it says that others share it.
    pub(crate) is_shared: AtomicBool,
    /// How often a counter was asked for.
    pub(crate) swaps: AtomicU32,
    /// What its clock shows, if it has one.
    pub(crate) time: Mutex<Option<Timestamp>>,
}

impl Gated {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            gate: Mutex::new(None),
            conflicts: AtomicU32::new(0),
            is_shared: AtomicBool::new(false),
            swaps: AtomicU32::new(0),
            time: Mutex::new(None),
        }
    }

    /// Waits at the gate, where there is one and nobody has come to it yet.
    async fn wait(&self) {
        let gate = self.gate.lock().unwrap().take();
        if let Some(gate) = gate {
            gate.arrived.send(()).unwrap();
            gate.go.await.unwrap();
        }
    }

    /// Does `slow` up to its first write, then all of `fast`, then the rest of `slow`, which must write something.
    pub(crate) async fn overtaken<A, B>(
        &self,
        slow: impl Future<Output = A>,
        fast: impl Future<Output = B>,
    ) -> (A, B) {
        let (arrived, has_arrived) = channel();
        let (goes, go) = channel();
        *self.gate.lock().unwrap() = Some(Gate { arrived, go });
        let fast = async {
            has_arrived.await.unwrap();
            let done = fast.await;
            goes.send(()).unwrap();
            done
        };
        // On the heap: two operations at once are much for the stack of a test.
        let (slow, fast) = (Box::pin(slow), Box::pin(fast));
        let both = async { tokio::join!(slow, fast) };
        let patience = std::time::Duration::from_secs(20);
        tokio::time::timeout(patience, both)
            .await
            .expect("the slow one writes something, and neither waits for the other")
    }
}

#[async_trait]
impl Store for Gated {
    async fn apply(&self, changes: Changes) -> Result<(), ApplyError> {
        self.wait().await;
        let one_less = |count: u32| count.checked_sub(1);
        if self
            .conflicts
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less)
            .is_ok()
        {
            let key = changes.writes[0].key().clone();
            return Err(ApplyError::Conflict(Conflict::Exists(key)));
        }
        self.store.apply(changes).await
    }

    async fn get(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        self.store.get(key).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError> {
        self.store.get_many(keys).await
    }

    async fn history(&self, key: &Key, version: u64) -> Result<Option<Stored>, StoreError> {
        self.store.history(key, version).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.store.query(query).await
    }

    async fn idempotency(
        &self,
        account: &str,
        operation: &str,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<Idempotency>, StoreError> {
        self.store.idempotency(account, operation, token, now).await
    }

    async fn reserve(&self, sequence: &str, count: u64) -> Result<Range<u64>, StoreError> {
        self.store.reserve(sequence, count).await
    }

    async fn swap_counter(
        &self,
        account: &str,
        name: &str,
        expected: Option<&[u8]>,
        next: &[u8],
        until: Timestamp,
    ) -> Result<Swap, StoreError> {
        self.swaps.fetch_add(1, Ordering::SeqCst);
        let swapped = self.store.swap_counter(account, name, expected, next, until);
        let swapped = swapped.await;
        // However quick the store was: those who come together wait together.
        tokio::task::yield_now().await;
        swapped
    }

    async fn prune_counters(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.store.prune_counters(before).await
    }

    fn is_shared(&self) -> bool {
        self.is_shared.load(Ordering::SeqCst)
    }

    async fn clock(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(*self.time.lock().unwrap())
    }

    async fn claim_jobs(
        &self,
        now: Timestamp,
        worker: &str,
        limit: usize,
        lease_millis: u64,
    ) -> Result<Vec<ClaimedJob>, StoreError> {
        self.store.claim_jobs(now, worker, limit, lease_millis).await
    }

    async fn release_claims(&self) -> Result<u64, StoreError> {
        self.store.release_claims().await
    }

    async fn next_job_at(&self) -> Result<Option<Timestamp>, StoreError> {
        self.store.next_job_at().await
    }

    async fn job(&self, id: &JobId) -> Result<Option<StoredJob>, StoreError> {
        self.store.job(id).await
    }

    async fn revision(&self) -> Result<Revision, StoreError> {
        self.store.revision().await
    }

    fn acknowledge(&self, exchanges: u64) {
        self.store.acknowledge(exchanges);
    }

    async fn events_after(&self, after: u64, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        self.store.events_after(after, limit).await
    }

    async fn wait_events(&self, after: u64, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        self.store.wait_events(after, limit).await
    }

    async fn event(&self, id: &str) -> Result<Option<StoredEvent>, StoreError> {
        self.store.event(id).await
    }

    async fn events(&self, query: &EventQuery) -> Result<EventPage, StoreError> {
        self.store.events(query).await
    }

    async fn last_event(&self) -> Result<u64, StoreError> {
        self.store.last_event().await
    }

    async fn prune_events(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.store.prune_events(before).await
    }

    async fn targets(&self) -> Result<Vec<TargetState>, StoreError> {
        self.store.targets().await
    }

    async fn open_target(&self, target: &str, position: u64) -> Result<TargetState, StoreError> {
        self.store.open_target(target, position).await
    }

    async fn drop_target(&self, target: &str) -> Result<(), StoreError> {
        self.store.drop_target(target).await
    }

    async fn lease_target(
        &self,
        target: &str,
        worker: &str,
        now: Timestamp,
        lease_millis: u64,
    ) -> Result<Option<TargetState>, StoreError> {
        self.store.lease_target(target, worker, now, lease_millis).await
    }

    async fn settle(&self, settlement: Settlement) -> Result<(), SettleError> {
        self.store.settle(settlement).await
    }

    async fn due_deliveries(
        &self,
        target: &str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.store.due_deliveries(target, now, limit).await
    }

    async fn lane_deliveries(
        &self,
        target: &str,
        lane: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.store.lane_deliveries(target, lane, after, limit).await
    }

    async fn next_delivery_at(&self, target: &str) -> Result<Option<Timestamp>, StoreError> {
        self.store.next_delivery_at(target).await
    }

    async fn pending_lanes(&self, target: &str, lanes: &[String]) -> Result<Vec<bool>, StoreError> {
        self.store.pending_lanes(target, lanes).await
    }

    async fn park(&self, target: &str, deliveries: Vec<Delivery>) -> Result<u64, StoreError> {
        self.store.park(target, deliveries).await
    }

    async fn deliveries(&self, query: &DeliveryQuery) -> Result<Vec<Delivery>, StoreError> {
        self.store.deliveries(query).await
    }

    async fn set_target_status(&self, target: &str, status: Bytes) -> Result<(), StoreError> {
        self.store.set_target_status(target, status).await
    }

    async fn audit_after(&self, after: u64, limit: usize) -> Result<Vec<StoredAudit>, StoreError> {
        self.store.audit_after(after, limit).await
    }

    async fn jobs(&self, kind: Option<&str>, limit: usize) -> Result<Vec<StoredJob>, StoreError> {
        self.store.jobs(kind, limit).await
    }

    async fn audit(&self, query: &AuditQuery) -> Result<Vec<StoredAudit>, StoreError> {
        self.store.audit(query).await
    }

    async fn prune_audit(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.store.prune_audit(before).await
    }

    async fn prune_history(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.store.prune_history(before).await
    }

    async fn reset(&self, account: Option<&str>, catalog: Option<&str>) -> Result<Erased, StoreError> {
        self.store.reset(account, catalog).await
    }

    async fn bulk(
        &self,
        records: &mut (dyn Iterator<Item = Record> + Send),
        progress: ProgressFn,
    ) -> Result<u64, StoreError> {
        self.store.bulk(records, progress).await
    }

    async fn export(
        &self,
        sink: &mut (dyn FnMut(ExportItem) -> io::Result<()> + Send),
        progress: ProgressFn,
    ) -> Result<u64, TransferError> {
        self.store.export(sink, progress).await
    }

    async fn import(
        &self,
        relying_on: &[(Key, u64)],
        source: &mut (dyn Iterator<Item = io::Result<ExportItem>> + Send),
        progress: ProgressFn,
    ) -> Result<u64, TransferError> {
        self.wait().await;
        self.store.import(relying_on, source, progress).await
    }

    async fn check(&self, progress: ProgressFn) -> Result<Report, StoreError> {
        self.store.check(progress).await
    }

    async fn backup(&self, path: &Path, progress: ProgressFn) -> Result<(), StoreError> {
        self.store.backup(path, progress).await
    }

    async fn close(&self) {
        self.store.close().await;
    }
}
