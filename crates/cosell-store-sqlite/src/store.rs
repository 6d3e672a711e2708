//! The store itself: hands writes to the writer, reads inline, and waits for events.
//!
//! No statement about records is written here, and no lock is held across an `await`.

use crate::checkpoint;
use crate::error::{OpenError, read_error};
use crate::list::{bytes_of, page};
use crate::open::{self, Options};
use crate::readers::{Reader, Readers};
use crate::tenants::Tenants;
use crate::writer::{Command, Counters, Reply, Task, Writer};
use crate::{apply, ephemeral, history, log, reset, sql, transfer, upkeep};
use async_trait::async_trait;
use cosell_model::Timestamp;
use cosell_store::{
    ApplyError, AuditQuery, Changes, ClaimedJob, Erased, Event, ExportItem, Idempotency, Key, MAX_PAGE, Page,
    ProgressFn, Query, Record, Report, Store, StoreError, Stored, StoredAudit, StoredEvent, StoredJob,
    TransferError,
};
use rusqlite::OptionalExtension;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// Said where the writer ended in the middle.
pub(crate) const STOPPED: &str = "the writer stopped before it answered";
/// How long a waiting reader of events sleeps at most: events that another process writes wake nobody here.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What the writer has done since the store was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Transactions committed.
    pub commits: u64,
    /// Changes that landed. Divided by `commits` it is the size of a group.
    pub changes: u64,
    /// Changes refused because an expectation failed.
    pub refused: u64,
}

/// A store in one folder. Dropping it finishes the writes that were accepted.
pub struct SqliteStore {
    pub(crate) folder: PathBuf,
    pub(crate) options: Options,
    readers: Readers,
    // An `Option` only so that `drop` can close the queue before it waits for the threads.
    queue: Option<mpsc::Sender<Task>>,
    events: watch::Receiver<u64>,
    counters: Arc<Counters>,
    threads: Vec<JoinHandle<()>>,
    _lock: Option<File>,
    // Last, so that the folder goes when everything in it is closed.
    temporary: Option<ephemeral::Folder>,
}

impl SqliteStore {
    /// Opens (and where needed creates or migrates) the database of a folder. The folder itself is created too.
    ///
    /// # Errors
    /// See [`OpenError`]; nothing was changed then.
    pub fn open(folder: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        let folder = folder.as_ref();
        std::fs::create_dir_all(folder).map_err(|error| OpenError::File {
            path: folder.to_owned(),
            error,
        })?;
        let lock = if options.server {
            Some(open::lock(folder, &options.lock_note)?)
        } else {
            None
        };
        let connections = open::connect(folder, &options)?;

        let (signal, checkpointer) = checkpoint::pair();
        let mut connection = connections.writer;
        connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages: i32| {
            signal.committed(u32::try_from(pages).unwrap_or(0));
            Ok(())
        }))?;
        let (queue, commands) = mpsc::channel(options.queue.max(1));
        let (sender, events) = watch::channel(0);
        let counters = Arc::new(Counters::default());
        let writer = Writer {
            connection,
            tenants: Tenants::default(),
            counters: counters.clone(),
            events: sender,
        };
        let for_checkpoints = connections.checkpointer;
        let threads = vec![
            spawn(folder, "store-writer", move || writer.run(commands))?,
            spawn(folder, "store-checkpoints", move || {
                checkpointer.run(&for_checkpoints)
            })?,
        ];
        Ok(SqliteStore {
            folder: folder.to_owned(),
            options,
            readers: Readers::new(connections.readers),
            queue: Some(queue),
            events,
            counters,
            threads,
            _lock: lock,
            temporary: None,
        })
    }

    /// A store in a temporary folder that goes away with it. Commits do not wait for the disk.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub fn open_ephemeral(options: Options) -> Result<Self, OpenError> {
        let temporary = ephemeral::Folder::new().map_err(|error| OpenError::File {
            path: std::env::temp_dir(),
            error,
        })?;
        let mut store = Self::open(
            temporary.path(),
            Options {
                durable: false,
                ..options
            },
        )?;
        store.temporary = Some(temporary);
        Ok(store)
    }

    /// The folder it works in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the writer has done so far.
    pub fn stats(&self) -> Stats {
        Stats {
            commits: self.counters.commits.load(Ordering::Relaxed),
            changes: self.counters.changes.load(Ordering::Relaxed),
            refused: self.counters.refused.load(Ordering::Relaxed),
        }
    }

    fn read<T>(&self, read: impl FnOnce(&Reader) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        read(&self.readers.take()).map_err(|e| read_error(&e))
    }

    async fn ask<T>(&self, make: impl FnOnce(Reply<T>) -> Command + Send) -> Result<T, String> {
        let answer = self.enqueue(|reply| make(reply).into()).await?;
        answer.await.map_err(|_| STOPPED.into())
    }

    /// Puts a task before the writer; the answer comes through what is returned.
    pub(crate) async fn enqueue<T>(
        &self,
        make: impl FnOnce(Reply<T>) -> Task + Send,
    ) -> Result<oneshot::Receiver<T>, String> {
        let Some(queue) = &self.queue else {
            return Err("it is closed".into());
        };
        let (reply, answer) = oneshot::channel();
        let room = match queue.try_reserve() {
            Ok(room) => room,
            Err(mpsc::error::TrySendError::Closed(())) => return Err("it is closed".into()),
            Err(mpsc::error::TrySendError::Full(())) => {
                match tokio::time::timeout(self.options.patience, queue.reserve()).await {
                    Ok(Ok(room)) => room,
                    Ok(Err(_)) => return Err("it is closed".into()),
                    Err(_) => return Err("too many writes are waiting: try again later".into()),
                }
            }
        };
        room.send(make(reply));
        Ok(answer)
    }

    async fn in_background<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let answer = self.start_in_background(name, work)?;
        answer
            .await
            .map_err(|_| StoreError::Unavailable("the work was given up".into()))?
    }

    /// Starts work on a thread of its own; its result comes through what is returned.
    pub(crate) fn start_in_background<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T, StoreError>>, StoreError> {
        let (reply, answer) = oneshot::channel();
        // Nobody joins this thread: its answer is its end, and a caller that went away needs none.
        spawn(&self.folder, name, move || drop(reply.send(work())))
            .map_err(|e| StoreError::Unavailable(e.to_string()))?;
        Ok(answer)
    }
}

fn spawn(
    folder: &Path,
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, OpenError> {
    let thread = std::thread::Builder::new().name(name.to_owned());
    thread.spawn(work).map_err(|error| OpenError::File {
        path: folder.to_owned(),
        error,
    })
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the store had panicked");
            }
        }
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn get(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        key.validate().map_err(StoreError::Invalid)?;
        self.read(|reader| get(reader, key))
    }

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

    async fn apply(&self, changes: Changes) -> Result<(), ApplyError> {
        apply::validate(&changes)?;
        if changes.is_empty() {
            return Ok(());
        }
        let changes = Box::new(changes);
        self.ask(|reply| Command::Apply(changes, reply))
            .await
            .map_err(ApplyError::Unavailable)?
    }

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

    async fn events_after(&self, after: u64, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        self.read(|reader| {
            let mut statement = reader.connection.prepare_cached(
                "SELECT seq, id, account, catalog, detail_type, time, body FROM event \
                 WHERE seq>?1 AND detail_type<>'' ORDER BY seq LIMIT ?2",
            )?;
            let rows = statement.query_map(window(after, limit), |row| {
                Ok(StoredEvent {
                    seq: row.get(0)?,
                    event: Event {
                        id: row.get(1)?,
                        account: row.get(2)?,
                        catalog: row.get(3)?,
                        detail_type: row.get(4)?,
                        time: Timestamp::from_millis(row.get(5)?),
                        body: bytes_of(row, 6)?,
                    },
                })
            })?;
            rows.collect()
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

    async fn audit_after(&self, after: u64, limit: usize) -> Result<Vec<StoredAudit>, StoreError> {
        self.read(|reader| {
            let mut statement = reader.connection.prepare_cached(
                "SELECT seq, time, account, body FROM audit WHERE seq>?1 ORDER BY seq LIMIT ?2",
            )?;
            let rows = statement.query_map(window(after, limit), log::entry)?;
            rows.collect()
        })
    }

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
            all.records += step.records;
            all.events += step.events;
            all.answers += step.answers;
            all.jobs += step.jobs;
            all.history += step.history;
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

fn check_limit(limit: usize) -> Result<(), StoreError> {
    if limit == 0 || limit > MAX_PAGE {
        return Err(StoreError::Invalid(format!(
            "{limit} entries were asked for; 1 to {MAX_PAGE} are possible"
        )));
    }
    Ok(())
}

fn window(after: u64, limit: usize) -> (i64, i64) {
    (
        i64::try_from(after).unwrap_or(i64::MAX),
        i64::try_from(limit).unwrap_or(i64::MAX),
    )
}
