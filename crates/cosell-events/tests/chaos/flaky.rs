//! A store that fails and slows down as it is told, for those who deliver. What emits events never notices.

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cosell_model::Timestamp;
use cosell_store::{
    ApplyError, AuditQuery, Changes, ClaimedJob, Delivery, DeliveryQuery, Erased, EventPage, EventQuery,
    ExportItem, Idempotency, JobId, Key, Page, ProgressFn, Query, Record, Report, Revision, SettleError,
    Settlement, Store, StoreError, Stored, StoredAudit, StoredEvent, StoredJob, Swap, TargetState,
    TransferError,
};

/// The store in between.
pub struct Flaky {
    store: Arc<dyn Store>,
    /// Whether everything that delivering needs is refused as unavailable.
    pub down: AtomicBool,
    /// How many milliseconds a settlement takes besides its own time.
    pub slowness: AtomicU64,
}

impl Flaky {
    pub fn new(store: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            store,
            down: AtomicBool::new(false),
            slowness: AtomicU64::new(0),
        })
    }

    fn serves(&self) -> Result<(), StoreError> {
        match self.down.load(Ordering::SeqCst) {
            true => Err(StoreError::Unavailable("told to be".into())),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Store for Flaky {
    async fn apply(&self, changes: Changes) -> Result<(), ApplyError> {
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
        self.store
            .swap_counter(account, name, expected, next, until)
            .await
    }

    async fn prune_counters(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.store.prune_counters(before).await
    }

    fn is_shared(&self) -> bool {
        self.store.is_shared()
    }

    async fn clock(&self) -> Result<Option<Timestamp>, StoreError> {
        self.store.clock().await
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
        self.serves()?;
        self.store.events_after(after, limit).await
    }

    async fn wait_events(&self, after: u64, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        self.serves()?;
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
        self.serves()?;
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
        self.serves()?;
        self.store.lease_target(target, worker, now, lease_millis).await
    }

    async fn settle(&self, settlement: Settlement) -> Result<(), SettleError> {
        self.serves()?;
        tokio::time::sleep(Duration::from_millis(self.slowness.load(Ordering::SeqCst))).await;
        self.store.settle(settlement).await?;
        // Kept, but its answer is lost when trouble began in the meantime.
        self.serves()?;
        Ok(())
    }

    async fn due_deliveries(
        &self,
        target: &str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.serves()?;
        self.store.due_deliveries(target, now, limit).await
    }

    async fn lane_deliveries(
        &self,
        target: &str,
        lane: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.serves()?;
        self.store.lane_deliveries(target, lane, after, limit).await
    }

    async fn next_delivery_at(&self, target: &str) -> Result<Option<Timestamp>, StoreError> {
        self.serves()?;
        self.store.next_delivery_at(target).await
    }

    async fn pending_lanes(&self, target: &str, lanes: &[String]) -> Result<Vec<bool>, StoreError> {
        self.serves()?;
        self.store.pending_lanes(target, lanes).await
    }

    async fn park(&self, target: &str, deliveries: Vec<Delivery>) -> Result<u64, StoreError> {
        self.store.park(target, deliveries).await
    }

    async fn deliveries(&self, query: &DeliveryQuery) -> Result<Vec<Delivery>, StoreError> {
        self.serves()?;
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
