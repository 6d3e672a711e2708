//! The store contract, method by method. Each is a few lines: the work is done elsewhere.

use crate::error::settle_error;
use crate::param::{Param, Raw};
use crate::session::step;
use crate::store::PostgresStore;
use crate::transfer::steps;
use crate::{counter, delivery, jobs, list, log, records, reset, revision, transfer, upkeep};
use async_trait::async_trait;
use bytes::Bytes;
use cosell_model::Timestamp;
use cosell_store::copy::CopyTarget;
use cosell_store::{
    ApplyError, AuditQuery, Changes, ClaimedJob, Delivery, DeliveryQuery, DeliveryState, Erased, EventPage,
    EventQuery, ExportItem, Idempotency, JobId, Key, MAX_PAGE, Page, ProgressFn, Query, Record, Report,
    Revision, SPANS, SettleError, Settlement, Store, StoreError, StoreFigures, Stored, StoredAudit,
    StoredEvent, StoredJob, Swap, TargetState, TransferError, check_limit, validate_counter,
    validate_deliveries, validate_target,
};
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long a reader of events that waits sleeps between two looks, at first and at most: events that another server writes
/// wake nobody here.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(1));

#[async_trait]
impl Store for PostgresStore {
    fn figures(&self) -> StoreFigures {
        self.counted()
    }

    #[tracing::instrument(target = SPANS, level = "trace", name = "store get", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
    async fn get(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        records::validate(key)?;
        self.pool
            .work(|session| async move { records::get(&session, key).await })
            .await
    }

    #[tracing::instrument(target = SPANS, level = "trace", name = "store get_many", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError> {
        keys.iter().try_for_each(records::validate)?;
        self.pool
            .work(|session| async move { records::get_many(&session, keys).await })
            .await
    }

    #[tracing::instrument(target = SPANS, level = "trace", name = "store history", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
    async fn history(&self, key: &Key, version: u64) -> Result<Option<Stored>, StoreError> {
        records::validate(key)?;
        // The present one first: what is replaced between the two looks is in the history by the second.
        match self.get(key).await? {
            Some(present) if present.version == version => return Ok(Some(present)),
            _ if !key.kind.spec().history => return Ok(None),
            _ => {}
        }
        self.pool
            .work(|session| async move { records::former(&session, key, version).await })
            .await
    }

    #[tracing::instrument(target = SPANS, level = "trace", name = "store query", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        query.validate().map_err(StoreError::Invalid)?;
        if let Some(replicas) = &self.replicas
            && let Some(page) = replicas.page(query).await
        {
            return Ok(page);
        }
        self.pool
            .work(|session| async move { list::page(&session, query).await })
            .await
    }

    #[tracing::instrument(target = SPANS, level = "trace", name = "store apply", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
    async fn apply(&self, changes: Changes) -> Result<(), ApplyError> {
        self.write(changes).await
    }

    #[tracing::instrument(target = SPANS, level = "trace", name = "store idempotency", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
    async fn idempotency(
        &self,
        account: &str,
        operation: &str,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<Idempotency>, StoreError> {
        let row = self.pool.work(|session| async move {
            let find = "SELECT request_hash, answer, created_at, expires_at FROM idempotency \
                 WHERE account=$1 AND operation=$2 AND token=$3 AND expires_at>$4";
            let mut params = [account, operation, token].map(Param::text).to_vec();
            params.push(Param::Int(now.as_millis()));
            let Some(row) = session.row(&step(find, params)).await? else {
                return Ok(None);
            };
            let hash: &[u8] = row.try_get(0)?;
            let request_hash = hash.try_into();
            Ok(Some(Idempotency {
                account: account.to_owned(),
                operation: operation.to_owned(),
                token: token.to_owned(),
                request_hash: request_hash.map_err(|_| {
                    StoreError::Corrupt(format!("a hash of a request has {} bytes", hash.len()))
                })?,
                answer: row.try_get::<_, Raw>(1)?.0,
                created_at: Timestamp::from_millis(row.try_get(2)?),
                expires_at: Timestamp::from_millis(row.try_get(3)?),
            }))
        });
        row.await
    }

    #[tracing::instrument(target = SPANS, level = "trace", name = "store reserve", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
    async fn reserve(&self, sequence: &str, count: u64) -> Result<Range<u64>, StoreError> {
        if count == 0 || count > 1 << 32 {
            return Err(StoreError::Invalid(format!(
                "{count} numbers were asked for; 1 to 2^32 are possible"
            )));
        }
        let take = "INSERT INTO sequence (name, next) VALUES ($1, 1 + $2::bigint) \
             ON CONFLICT (name) DO UPDATE SET next = sequence.next + $2::bigint RETURNING next";
        self.pool
            .work(|session| async move {
                let params = vec![Param::text(sequence), Param::number(count)];
                let row = session.row(&step(take, params)).await?;
                let next = row.map_or(Ok(1 + count), |row| records::number(&row, 0))?;
                Ok(next - count..next)
            })
            .await
    }

    async fn swap_counter(
        &self,
        account: &str,
        name: &str,
        expected: Option<&[u8]>,
        next: &[u8],
        until: Timestamp,
    ) -> Result<Swap, StoreError> {
        validate_counter(account, name, next)?;
        self.pool
            .work(|session| async move { counter::swap(&session, (account, name), expected, next, until).await })
            .await
    }

    async fn prune_counters(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut pruned = 0;
        loop {
            let step = self
                .pool
                .work(|session| async move { counter::prune(&session, before).await });
            let gone = step.await?;
            pruned += gone;
            if gone < log::PRUNE_STEP as u64 {
                return Ok(pruned);
            }
        }
    }

    fn is_shared(&self) -> bool {
        !self.pool.options.only_server
    }

    async fn clock(&self) -> Result<Option<Timestamp>, StoreError> {
        self.pool
            .work(|session| async move { counter::clock(&session).await })
            .await
    }

    #[tracing::instrument(target = SPANS, level = "trace", name = "store claim_jobs", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
    async fn claim_jobs(
        &self,
        now: Timestamp,
        worker: &str,
        limit: usize,
        lease_millis: u64,
    ) -> Result<Vec<ClaimedJob>, StoreError> {
        // Most looks find nothing, and those need no write.
        if self.next_job_at().await?.is_none_or(|at| at > now) {
            return Ok(Vec::new());
        }
        let lease = i64::try_from(lease_millis).unwrap_or(i64::MAX);
        let acknowledged = self.pool.acknowledged.get();
        self.pool
            .work(
                |session| async move { jobs::claim(&session, acknowledged, now, worker, limit, lease).await },
            )
            .await
    }

    async fn release_claims(&self) -> Result<u64, StoreError> {
        if !self.pool.options.only_server {
            return Ok(0);
        }
        self.pool
            .work(|session| async move { jobs::release(&session).await })
            .await
    }

    #[tracing::instrument(target = SPANS, level = "trace", name = "store next_job_at", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
    async fn next_job_at(&self) -> Result<Option<Timestamp>, StoreError> {
        self.pool
            .work(|session| async move { jobs::next_at(&session).await })
            .await
    }

    async fn jobs(&self, kind: Option<&str>, limit: usize) -> Result<Vec<StoredJob>, StoreError> {
        check_limit(limit)?;
        self.pool
            .work(|session| async move { jobs::list(&session, kind, limit).await })
            .await
    }

    async fn job(&self, id: &JobId) -> Result<Option<StoredJob>, StoreError> {
        self.pool
            .work(|session| async move { jobs::by_id(&session, id).await })
            .await
    }

    #[tracing::instrument(target = SPANS, level = "trace", name = "store events_after", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
    async fn events_after(&self, after: u64, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        self.pool
            .work(|session| async move { log::events_after(&session, after, limit).await })
            .await
    }

    async fn wait_events(&self, after: u64, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        if limit == 0 {
            return Err(StoreError::Invalid(
                "a wait for no events at all would never end".into(),
            ));
        }
        let mut news = self.news.subscribe();
        let mut patience = LOOK_AGAIN.0;
        loop {
            // Marked before the look, so that an event that lands after the look wakes the wait.
            news.mark_unchanged();
            let found = self.events_after(after, limit).await?;
            if !found.is_empty() {
                return Ok(found);
            }
            patience = match tokio::time::timeout(patience, news.changed()).await {
                Ok(Ok(())) => LOOK_AGAIN.0,
                Ok(Err(_)) => return Err(StoreError::Unavailable("it is closed".into())),
                Err(_) => (patience * 2).min(LOOK_AGAIN.1),
            };
        }
    }

    async fn event(&self, id: &str) -> Result<Option<StoredEvent>, StoreError> {
        self.pool
            .work(|session| async move { log::by_id(&session, id).await })
            .await
    }

    async fn events(&self, query: &EventQuery) -> Result<EventPage, StoreError> {
        check_limit(query.limit)?;
        self.pool
            .work(|session| async move { log::events(&session, query).await })
            .await
    }

    async fn last_event(&self) -> Result<u64, StoreError> {
        self.pool
            .work(|session| async move { log::last(&session).await })
            .await
    }

    async fn prune_events(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut pruned = 0;
        loop {
            let step = self
                .pool
                .work(|session| async move { log::prune_events(&session, before).await });
            let (gone, more) = step.await?;
            pruned += gone;
            if !more {
                return Ok(pruned);
            }
        }
    }

    async fn targets(&self) -> Result<Vec<TargetState>, StoreError> {
        self.pool
            .work(|session| async move { delivery::all(&session).await })
            .await
    }

    async fn open_target(&self, target: &str, position: u64) -> Result<TargetState, StoreError> {
        let acknowledged = self.pool.acknowledged.get();
        validate_target(target, &Bytes::new()).map_err(StoreError::Invalid)?;
        if i64::try_from(position).is_err() {
            return Err(StoreError::Invalid(format!(
                "position {position} is out of bounds (up to 2^63-1)"
            )));
        }
        self.pool
            .work(|session| async move { delivery::open(&session, acknowledged, target, position).await })
            .await
    }

    async fn drop_target(&self, target: &str) -> Result<(), StoreError> {
        let acknowledged = self.pool.acknowledged.get();
        while self
            .pool
            .work(|session| async move { delivery::drop_step(&session, acknowledged, target).await })
            .await?
        {}
        Ok(())
    }

    async fn lease_target(
        &self,
        target: &str,
        worker: &str,
        now: Timestamp,
        lease_millis: u64,
    ) -> Result<Option<TargetState>, StoreError> {
        let acknowledged = self.pool.acknowledged.get();
        let lease = i64::try_from(lease_millis).unwrap_or(i64::MAX);
        self.pool
            .work(|session| async move {
                delivery::lease(&session, acknowledged, target, worker, now, lease).await
            })
            .await
    }

    #[tracing::instrument(target = SPANS, level = "trace", name = "store settle", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
    async fn settle(&self, settlement: Settlement) -> Result<(), SettleError> {
        settlement.validate().map_err(StoreError::Invalid)?;
        let settlement = &settlement;
        let kept = self
            .pool
            .work(|session| async move { delivery::settle(&session, settlement).await })
            .await;
        match kept.map_err(settle_error)? {
            true => Ok(()),
            false => Err(SettleError::LeaseLost),
        }
    }

    async fn due_deliveries(
        &self,
        target: &str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        check_limit(limit)?;
        self.pool
            .work(|session| async move { delivery::read::due(&session, target, now, limit).await })
            .await
    }

    async fn lane_deliveries(
        &self,
        target: &str,
        lane: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        check_limit(limit)?;
        self.pool
            .work(
                |session| async move { delivery::read::of_lane(&session, target, lane, after, limit).await },
            )
            .await
    }

    async fn next_delivery_at(&self, target: &str) -> Result<Option<Timestamp>, StoreError> {
        self.pool
            .work(|session| async move { delivery::read::next_at(&session, target).await })
            .await
    }

    async fn pending_lanes(&self, target: &str, lanes: &[String]) -> Result<Vec<bool>, StoreError> {
        if lanes.len() > MAX_PAGE {
            return Err(StoreError::Invalid(format!(
                "{} lanes at once; at most {MAX_PAGE} are possible",
                lanes.len()
            )));
        }
        self.pool
            .work(|session| async move { delivery::read::pending_lanes(&session, target, lanes).await })
            .await
    }

    async fn park(&self, target: &str, deliveries: Vec<Delivery>) -> Result<u64, StoreError> {
        let acknowledged = self.pool.acknowledged.get();
        validate_deliveries(target, &deliveries).map_err(StoreError::Invalid)?;
        if let Some(one) = deliveries.iter().find(|one| one.state != DeliveryState::Pending) {
            return Err(StoreError::Invalid(format!(
                "event {} is to be parked as {:?}: only pending deliveries wait",
                one.seq, one.state
            )));
        }
        let deliveries = &deliveries;
        self.pool
            .work(|session| async move { delivery::park(&session, acknowledged, target, deliveries).await })
            .await
    }

    async fn deliveries(&self, query: &DeliveryQuery) -> Result<Vec<Delivery>, StoreError> {
        query.validate().map_err(StoreError::Invalid)?;
        self.pool
            .work(|session| async move { delivery::read::list(&session, query).await })
            .await
    }

    async fn set_target_status(&self, target: &str, status: Bytes) -> Result<(), StoreError> {
        let acknowledged = self.pool.acknowledged.get();
        validate_target(target, &status).map_err(StoreError::Invalid)?;
        let status = &status;
        self.pool
            .work(|session| async move { delivery::set_status(&session, acknowledged, target, status).await })
            .await
    }

    async fn audit_after(&self, after: u64, limit: usize) -> Result<Vec<StoredAudit>, StoreError> {
        self.pool
            .work(|session| async move { log::audit_after(&session, after, limit).await })
            .await
    }

    #[tracing::instrument(target = SPANS, level = "trace", name = "store audit", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
    async fn audit(&self, query: &AuditQuery) -> Result<Vec<StoredAudit>, StoreError> {
        check_limit(query.limit)?;
        self.pool
            .work(|session| async move { log::audit(&session, query).await })
            .await
    }

    async fn prune_audit(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut pruned = 0;
        loop {
            let step = self
                .pool
                .work(|session| async move { log::prune_audit(&session, before).await });
            let gone = step.await?;
            pruned += gone;
            if gone < log::PRUNE_STEP as u64 {
                return Ok(pruned);
            }
        }
    }

    async fn prune_history(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut pruned = 0;
        loop {
            let step = self
                .pool
                .work(|session| async move { log::prune_history(&session, before).await });
            let (gone, more) = step.await?;
            pruned += gone;
            if !more {
                return Ok(pruned);
            }
        }
    }

    async fn reset(&self, account: Option<&str>, catalog: Option<&str>) -> Result<Erased, StoreError> {
        let target = reset::Target::new(account, catalog)?;
        reset::all(&self.pool, &target, reset::STEP).await
    }

    async fn bulk(
        &self,
        records: &mut (dyn Iterator<Item = Record> + Send),
        progress: ProgressFn,
    ) -> Result<u64, StoreError> {
        transfer::bulk(self, records, &progress).await
    }

    async fn export(
        &self,
        sink: &mut (dyn FnMut(ExportItem) -> io::Result<()> + Send),
        progress: ProgressFn,
    ) -> Result<u64, TransferError> {
        transfer::export(self, sink, &progress).await
    }

    async fn import(
        &self,
        relying_on: &[(Key, u64)],
        source: &mut (dyn Iterator<Item = io::Result<ExportItem>> + Send),
        progress: ProgressFn,
    ) -> Result<u64, TransferError> {
        transfer::import(self, relying_on, source, &progress).await
    }

    async fn revision(&self) -> Result<Revision, StoreError> {
        let acknowledged = self.pool.acknowledged.get();
        self.pool
            .work(|session| async move { revision::read(&session, acknowledged).await })
            .await
    }

    fn acknowledge(&self, exchanges: u64) {
        self.pool
            .acknowledged
            .set(i64::try_from(exchanges).unwrap_or(i64::MAX));
    }

    async fn check(&self, progress: ProgressFn) -> Result<Report, StoreError> {
        upkeep::check(self, &progress).await
    }

    async fn backup(&self, path: &Path, _: ProgressFn) -> Result<(), StoreError> {
        Err(upkeep::backup(path))
    }

    async fn close(&self) {
        self.finish().await;
    }
}

#[async_trait]
impl CopyTarget for PostgresStore {
    async fn mark(&self) -> Result<Option<Bytes>, StoreError> {
        steps::mark(self).await
    }

    async fn begin_filling(&self, mark: Bytes, erase: bool) -> Result<bool, StoreError> {
        steps::begin(self, mark, erase).await
    }

    async fn fill(&self, was: &Bytes, items: Arc<[ExportItem]>, mark: Bytes) -> Result<bool, StoreError> {
        steps::fill(self, was, &items, mark).await
    }

    async fn end_filling(&self, was: &Bytes) -> Result<bool, StoreError> {
        steps::end(self, was).await
    }
}
