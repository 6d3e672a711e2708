//! The contract: hands writes to the writer, reads inline, and waits for events.
//!
//! Each method checks what it is given and passes it on; what it does is in the room that knows the table. Nothing is held
//! across an `await`.

use crate::delivery::{self, Leased};
use crate::error::read_error;
use crate::list::{bytes_of, page};
use crate::readers::Reader;
use crate::store::SqliteStore;
use crate::transfer::steps::{self, Step};
use crate::writer::Command;
use crate::{counter, events, history, log, reset, revision, sql, transfer, upkeep};
use async_trait::async_trait;
use bytes::Bytes;
use cosell_model::Timestamp;
use cosell_store::copy::CopyTarget;
use cosell_store::{
    ApplyError, AuditQuery, Changes, ClaimedJob, Delivery, DeliveryQuery, DeliveryState, Erased, EventPage,
    EventQuery, ExportItem, Idempotency, JobId, Key, Page, ProgressFn, Query, Record, Report, Revision,
    SPANS, SettleError, Settlement, Store, StoreError, StoreFigures, Stored, StoredAudit, StoredEvent,
    StoredJob, Swap, TargetState, TransferError, check_limit, validate_counter, validate_deliveries,
    validate_target,
};
use rusqlite::OptionalExtension;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long a waiting reader of events sleeps at most: events that another process writes wake nobody here.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

#[async_trait]
impl Store for SqliteStore {
    fn figures(&self) -> StoreFigures {
        self.counted()
    }

    #[tracing::instrument(target = SPANS, level = "trace", name = "store get", skip_all, fields(otel.kind = "client", db.system.name = "sqlite"))]
    async fn get(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        key.validate().map_err(StoreError::Invalid)?;
        self.read(|reader| get(reader, key))
    }

    #[tracing::instrument(target = SPANS, level = "trace", name = "store get_many", skip_all, fields(otel.kind = "client", db.system.name = "sqlite"))]
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError> {
        for key in keys {
            key.validate().map_err(StoreError::Invalid)?;
        }
        self.read(|reader| {
            // One transaction, so that all are of one moment.
            let moment = reader.connection.unchecked_transaction()?;
            let found = keys.iter().map(|key| get(reader, key)).collect();
            moment.commit()?;
            found
        })
    }

    #[tracing::instrument(target = SPANS, level = "trace", name = "store history", skip_all, fields(otel.kind = "client", db.system.name = "sqlite"))]
    async fn history(&self, key: &Key, version: u64) -> Result<Option<Stored>, StoreError> {
        key.validate().map_err(StoreError::Invalid)?;
        self.read(|reader| {
            // The present one first: what is replaced between the two looks is in the history by the second.
            match get(reader, key)? {
                Some(present) if present.version == version => return Ok(Some(present)),
                _ if !key.kind.spec().history => return Ok(None),
                _ => {}
            }
            let tenant = reader
                .tenants
                .find(&reader.connection, &key.account, &key.catalog)?;
            match tenant {
                Some(tenant) => history::find(&reader.connection, key.kind, tenant, &key.id, version),
                None => Ok(None),
            }
        })
    }

    #[tracing::instrument(target = SPANS, level = "trace", name = "store query", skip_all, fields(otel.kind = "client", db.system.name = "sqlite"))]
    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        query.validate().map_err(StoreError::Invalid)?;
        let reader = self.readers.take();
        let tenant = reader
            .tenants
            .find(&reader.connection, &query.account, &query.catalog);
        match tenant.map_err(|e| read_error(&e))? {
            Some(tenant) => page(&reader.connection, tenant, query),
            None => Ok(Page::default()),
        }
    }

    #[tracing::instrument(target = SPANS, level = "trace", name = "store apply", skip_all, fields(otel.kind = "client", db.system.name = "sqlite"))]
    async fn apply(&self, changes: Changes) -> Result<(), ApplyError> {
        changes.validate()?;
        if changes.is_empty() {
            return Ok(());
        }
        let changes = Box::new(changes);
        self.ask(|reply| Command::Apply(changes, reply))
            .await
            .map_err(ApplyError::Unavailable)?
    }

    #[tracing::instrument(target = SPANS, level = "trace", name = "store idempotency", skip_all, fields(otel.kind = "client", db.system.name = "sqlite"))]
    async fn idempotency(
        &self,
        account: &str,
        operation: &str,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<Idempotency>, StoreError> {
        self.read(|reader| {
            let mut statement = reader.connection.prepare_cached(
                "SELECT request_hash, answer, created_at, expires_at FROM idempotency \
                 WHERE account=?1 AND operation=?2 AND token=?3 AND expires_at>?4",
            )?;
            statement
                .query_row((account, operation, token, now.as_millis()), |row| {
                    Ok(Idempotency {
                        account: account.to_owned(),
                        operation: operation.to_owned(),
                        token: token.to_owned(),
                        request_hash: row.get(0)?,
                        answer: bytes_of(row, 1)?,
                        created_at: Timestamp::from_millis(row.get(2)?),
                        expires_at: Timestamp::from_millis(row.get(3)?),
                    })
                })
                .optional()
        })
    }

    #[tracing::instrument(target = SPANS, level = "trace", name = "store reserve", skip_all, fields(otel.kind = "client", db.system.name = "sqlite"))]
    async fn reserve(&self, sequence: &str, count: u64) -> Result<Range<u64>, StoreError> {
        if count == 0 || count > 1 << 32 {
            return Err(StoreError::Invalid(format!(
                "{count} numbers were asked for; 1 to 2^32 are possible"
            )));
        }
        let (sequence, count) = (sequence.to_owned(), count as i64);
        self.ask(|reply| Command::Reserve {
            sequence,
            count,
            reply,
        })
        .await
        .map_err(StoreError::Unavailable)?
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
        let asked = counter::Asked {
            account: account.to_owned(),
            name: name.to_owned(),
            expected: expected.map(<[u8]>::to_vec),
            next: next.to_vec(),
            until,
        };
        self.work(move |connection| counter::swap(connection, &asked))
            .await
    }

    async fn prune_counters(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut pruned = 0;
        loop {
            let (step, more) = self
                .work(move |connection| counter::prune(connection, before))
                .await?;
            pruned += step;
            if !more {
                return Ok(pruned);
            }
        }
    }

    /// The folder's lock sees to it that there is one server.
    fn is_shared(&self) -> bool {
        false
    }

    async fn clock(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }

    #[tracing::instrument(target = SPANS, level = "trace", name = "store claim_jobs", skip_all, fields(otel.kind = "client", db.system.name = "sqlite"))]
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
        let worker = worker.to_owned();
        let lease_millis = i64::try_from(lease_millis).unwrap_or(i64::MAX);
        self.ask(|reply| Command::Claim {
            now,
            worker,
            limit,
            lease_millis,
            reply,
        })
        .await
        .map_err(StoreError::Unavailable)?
    }

    async fn release_claims(&self) -> Result<u64, StoreError> {
        self.ask(Command::Release)
            .await
            .map_err(StoreError::Unavailable)?
    }

    #[tracing::instrument(target = SPANS, level = "trace", name = "store next_job_at", skip_all, fields(otel.kind = "client", db.system.name = "sqlite"))]
    async fn next_job_at(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|reader| {
            let mut statement = reader.connection.prepare_cached(NEXT_JOB)?;
            let next: Option<i64> = statement.query_row([], |row| row.get(0))?;
            Ok(next.map(Timestamp::from_millis))
        })
    }

    async fn jobs(&self, kind: Option<&str>, limit: usize) -> Result<Vec<StoredJob>, StoreError> {
        check_limit(limit)?;
        self.read(|reader| log::jobs(&reader.connection, kind, limit))
    }

    async fn job(&self, id: &JobId) -> Result<Option<StoredJob>, StoreError> {
        self.read(|reader| log::job(&reader.connection, id))
    }

    #[tracing::instrument(target = SPANS, level = "trace", name = "store events_after", skip_all, fields(otel.kind = "client", db.system.name = "sqlite"))]
    async fn events_after(&self, after: u64, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        self.read(|reader| {
            let mut statement = reader.connection.prepare_cached(events::AFTER)?;
            statement
                .query_map(window(after, limit), events::event)?
                .collect()
        })
    }

    async fn wait_events(&self, after: u64, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        if limit == 0 {
            return Err(StoreError::Invalid(
                "a wait for no events at all would never end".into(),
            ));
        }
        let mut news = self.events.clone();
        loop {
            // Marked before the look, so that an event that lands after the look wakes the wait.
            news.mark_unchanged();
            let found = self.events_after(after, limit).await?;
            if !found.is_empty() {
                return Ok(found);
            }
            if let Ok(Err(_)) = tokio::time::timeout(LOOK_AGAIN, news.changed()).await {
                return Err(StoreError::Unavailable("it is closed".into()));
            }
        }
    }

    async fn event(&self, id: &str) -> Result<Option<StoredEvent>, StoreError> {
        self.read(|reader| events::by_id(&reader.connection, id))
    }

    async fn events(&self, query: &EventQuery) -> Result<EventPage, StoreError> {
        check_limit(query.limit)?;
        self.read(|reader| events::page(&reader.connection, query))
    }

    async fn last_event(&self) -> Result<u64, StoreError> {
        self.read(|reader| events::last(&reader.connection))
    }

    async fn prune_events(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut pruned = 0;
        loop {
            let (step, more) = self
                .work(move |connection| events::prune(connection, before))
                .await?;
            pruned += step;
            if !more {
                return Ok(pruned);
            }
        }
    }

    async fn targets(&self) -> Result<Vec<TargetState>, StoreError> {
        let all = self.read(|reader| delivery::all(&reader.connection))?;
        Ok(all.into_iter().map(|(_, state)| state).collect())
    }

    async fn open_target(&self, target: &str, position: u64) -> Result<TargetState, StoreError> {
        validate_target(target, &Bytes::new()).map_err(StoreError::Invalid)?;
        check_number(position)?;
        let target = target.to_owned();
        self.work(move |connection| delivery::open(connection, &target, position))
            .await
    }

    async fn drop_target(&self, target: &str) -> Result<(), StoreError> {
        loop {
            let target = target.to_owned();
            let more = self
                .work(move |connection| delivery::drop_step(connection, &target))
                .await?;
            if !more {
                return Ok(());
            }
        }
    }

    async fn lease_target(
        &self,
        target: &str,
        worker: &str,
        now: Timestamp,
        lease_millis: u64,
    ) -> Result<Option<TargetState>, StoreError> {
        let lease_millis = i64::try_from(lease_millis).unwrap_or(i64::MAX);
        // Most looks at what another holds find it still held, and those need no write.
        let found = self.read(|reader| delivery::find(&reader.connection, target))?;
        if found.is_some_and(|(_, state)| delivery::is_held_by_another(&state, worker, now, lease_millis)) {
            return Ok(None);
        }
        let (name, worker) = (target.to_owned(), worker.to_owned());
        let leased =
            self.work(move |connection| delivery::lease(connection, &name, &worker, now, lease_millis));
        match leased.await? {
            Leased::Yours(state) => Ok(Some(state)),
            Leased::Held => Ok(None),
            Leased::Unknown => Err(not_open(target)),
        }
    }

    #[tracing::instrument(target = SPANS, level = "trace", name = "store settle", skip_all, fields(otel.kind = "client", db.system.name = "sqlite"))]
    async fn settle(&self, settlement: Settlement) -> Result<(), SettleError> {
        settlement.validate().map_err(StoreError::Invalid)?;
        match self
            .work(move |connection| delivery::settle(connection, &settlement))
            .await?
        {
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
        self.read(|reader| delivery::due(&reader.connection, target, now, limit))
    }

    async fn lane_deliveries(
        &self,
        target: &str,
        lane: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        check_limit(limit)?;
        self.read(|reader| delivery::of_lane(&reader.connection, target, lane, after, limit))
    }

    async fn next_delivery_at(&self, target: &str) -> Result<Option<Timestamp>, StoreError> {
        self.read(|reader| delivery::next_at(&reader.connection, target))
    }

    async fn pending_lanes(&self, target: &str, lanes: &[String]) -> Result<Vec<bool>, StoreError> {
        if lanes.is_empty() {
            return Ok(Vec::new());
        }
        check_limit(lanes.len())?;
        self.read(|reader| delivery::pending_lanes(&reader.connection, target, lanes))
    }

    async fn park(&self, target: &str, deliveries: Vec<Delivery>) -> Result<u64, StoreError> {
        validate_deliveries(target, &deliveries).map_err(StoreError::Invalid)?;
        if deliveries.iter().any(|one| one.state != DeliveryState::Pending) {
            return Err(StoreError::Invalid(
                "what is parked waits: give it as pending".into(),
            ));
        }
        let name = target.to_owned();
        self.work(move |connection| delivery::park(connection, &name, &deliveries))
            .await?
            .ok_or_else(|| not_open(target))
    }

    async fn deliveries(&self, query: &DeliveryQuery) -> Result<Vec<Delivery>, StoreError> {
        query.validate().map_err(StoreError::Invalid)?;
        self.read(|reader| delivery::list(&reader.connection, query))
    }

    async fn set_target_status(&self, target: &str, status: Bytes) -> Result<(), StoreError> {
        validate_target(target, &status).map_err(StoreError::Invalid)?;
        let name = target.to_owned();
        match self
            .work(move |connection| delivery::set_status(connection, &name, &status))
            .await?
        {
            true => Ok(()),
            false => Err(not_open(target)),
        }
    }

    async fn audit_after(&self, after: u64, limit: usize) -> Result<Vec<StoredAudit>, StoreError> {
        self.read(|reader| {
            let mut statement = reader.connection.prepare_cached(
                "SELECT seq, time, account, body FROM audit WHERE seq>?1 ORDER BY seq LIMIT ?2",
            )?;
            let rows = statement.query_map(window(after, limit), log::entry)?;
            rows.collect()
        })
    }

    #[tracing::instrument(target = SPANS, level = "trace", name = "store audit", skip_all, fields(otel.kind = "client", db.system.name = "sqlite"))]
    async fn audit(&self, query: &AuditQuery) -> Result<Vec<StoredAudit>, StoreError> {
        check_limit(query.limit)?;
        self.read(|reader| log::audit(&reader.connection, query))
    }

    async fn prune_audit(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut pruned = 0;
        loop {
            let step = self
                .ask(|reply| Command::PruneAudit { before, reply })
                .await
                .map_err(StoreError::Unavailable)??;
            pruned += step;
            if step < log::PRUNE_STEP {
                return Ok(pruned);
            }
        }
    }

    async fn prune_history(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut pruned = 0;
        loop {
            let (step, more) = self
                .ask(|reply| Command::PruneHistory { before, reply })
                .await
                .map_err(StoreError::Unavailable)??;
            pruned += step;
            if !more {
                return Ok(pruned);
            }
        }
    }

    async fn reset(&self, account: Option<&str>, catalog: Option<&str>) -> Result<Erased, StoreError> {
        let target = reset::Target::new(account, catalog)?;
        let mut all = Erased::default();
        loop {
            let target = target.clone();
            let (step, more) = self
                .ask(|reply| Command::Reset { target, reply })
                .await
                .map_err(StoreError::Unavailable)??;
            all += step;
            if !more {
                return Ok(all);
            }
        }
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
        transfer::export_from(self, sink, progress).await
    }

    async fn import(
        &self,
        relying_on: &[(Key, u64)],
        source: &mut (dyn Iterator<Item = io::Result<ExportItem>> + Send),
        progress: ProgressFn,
    ) -> Result<u64, TransferError> {
        transfer::import_into(self, relying_on, source, &progress).await
    }

    async fn revision(&self) -> Result<Revision, StoreError> {
        self.read(|reader| revision::read(&reader.connection))
    }

    /// A folder has one server, so whoever exchanges what is in it is that server, and has acknowledged it.
    fn acknowledge(&self, _: u64) {}

    async fn check(&self, progress: ProgressFn) -> Result<Report, StoreError> {
        let (folder, options) = (self.folder.clone(), self.options.clone());
        self.in_background("store-check", move || upkeep::check(&folder, &options, &progress))
            .await
    }

    async fn backup(&self, path: &Path, progress: ProgressFn) -> Result<(), StoreError> {
        let (folder, options, path) = (self.folder.clone(), self.options.clone(), path.to_owned());
        self.in_background("store-backup", move || {
            upkeep::backup(&folder, &options, &path, &progress)
        })
        .await
    }

    async fn close(&self) {
        // An error means that it was closed before.
        let _ = self.ask(Command::Close).await;
    }
}

#[async_trait]
impl CopyTarget for SqliteStore {
    async fn mark(&self) -> Result<Option<Bytes>, StoreError> {
        self.read(|reader| steps::mark(&reader.connection))
    }

    async fn begin_filling(&self, mark: Bytes, erase: bool) -> Result<bool, StoreError> {
        transfer::step(self, Step::Begin { mark, erase }).await
    }

    async fn fill(&self, was: &Bytes, items: Arc<[ExportItem]>, mark: Bytes) -> Result<bool, StoreError> {
        let was = was.clone();
        transfer::step(self, Step::Fill { was, items, mark }).await
    }

    async fn end_filling(&self, was: &Bytes) -> Result<bool, StoreError> {
        let was = was.clone();
        transfer::step(self, Step::End { was }).await
    }
}

fn get(reader: &Reader, key: &Key) -> rusqlite::Result<Option<Stored>> {
    let Some(tenant) = reader
        .tenants
        .find(&reader.connection, &key.account, &key.catalog)?
    else {
        return Ok(None);
    };
    let mut statement = reader.connection.prepare_cached(sql::get(key.kind))?;
    statement
        .query_row((tenant, &key.id), |row| {
            Ok(Stored {
                version: row.get(0)?,
                document: bytes_of(row, 1)?,
                private: bytes_of(row, 2)?,
            })
        })
        .optional()
}

/// When the next job becomes due, or a lease runs out: each of the two is the first entry of an index.
pub(crate) const NEXT_JOB: &str = "SELECT min(at) FROM (\
     SELECT * FROM (SELECT run_at AS at FROM job INDEXED BY job_waiting WHERE worker IS NULL ORDER BY run_at LIMIT 1) \
     UNION ALL \
     SELECT * FROM (SELECT due_at FROM job INDEXED BY job_leased WHERE worker IS NOT NULL ORDER BY due_at LIMIT 1))";

fn window(after: u64, limit: usize) -> (i64, i64) {
    (
        i64::try_from(after).unwrap_or(i64::MAX),
        i64::try_from(limit).unwrap_or(i64::MAX),
    )
}

fn check_number(number: u64) -> Result<(), StoreError> {
    match i64::try_from(number) {
        Ok(_) => Ok(()),
        Err(_) => Err(StoreError::Invalid(format!(
            "{number} is out of bounds (up to 2^63-1)"
        ))),
    }
}

fn not_open(target: &str) -> StoreError {
    StoreError::Invalid(format!("the target {target} is not open: open it first"))
}
