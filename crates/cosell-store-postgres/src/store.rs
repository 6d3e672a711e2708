//! The store itself: opening, and the way of a change to the writer.
//!
//! No statement is written here.

use crate::error::{OpenError, words};
use crate::options::{self, Options, Purpose};
use crate::pool::{Engine, Pool};
use crate::replicas::Replicas;
use crate::revision;
use crate::session::Session;
use crate::writer::{Task, Waiting, Writer};
use crate::{marker, migrate};
use cosell_store::{ApplyError, Changes, StoreError, StoreFigures};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{mpsc, oneshot, watch};

/// A store in a PostgreSQL database. Dropping it finishes the writes that were accepted.
pub struct PostgresStore {
    pub(crate) pool: Arc<Pool>,
    // An `Option` only so that `drop` can close the queue before it waits for the writer.
    queue: Option<mpsc::Sender<Task>>,
    pub(crate) news: watch::Sender<u64>,
    pub(crate) replicas: Option<Replicas>,
    /// Ends when the writer does.
    ended: std::sync::Mutex<std::sync::mpsc::Receiver<()>>,
    // Last: it drives what the others wait for.
    engine: Engine,
}

impl PostgresStore {
    /// Connects to the database of a `postgres://` URL, and brings its schema up to date. Several servers may do so at once.
    ///
    /// The URL is one of libpq: several hosts, `target_session_attrs=read-write` where there is a failover, `sslmode` of
    /// `disable`, `prefer`, `require` or `verify-full`, `sslrootcert`.
    ///
    /// # Errors
    /// See [`OpenError`]; nothing was changed then.
    pub async fn open(url: &str, options: Options) -> Result<Self, OpenError> {
        let address = options::parse(url, &options)?;
        let engine = Engine::start()?;
        let pool = Arc::new(Pool::new(address, options, engine.handle().clone()));
        let session = pool.connect().await.map_err(migrate::unreachable)?;
        let ran = migrate::migrate(&session, pool.options.purpose == Purpose::CopyTo).await?;
        if ran > 0 {
            tracing::info!(ran, "the schema of the database is up to date");
        }
        let exchange = revision::present(&session).await.map_err(migrate::unreachable)?;
        pool.acknowledged.set(exchange);
        marker::forget_old(&session).await;
        let (queue, tasks) = mpsc::channel(pool.options.queue.max(1));
        let (news, _) = watch::channel(0);
        let (ends, ended) = std::sync::mpsc::channel();
        let writer = Writer::new(pool.clone(), news.clone());
        engine.handle().spawn(async move {
            writer.run(tasks).await;
            // Whoever is gone does not wait.
            let _ = ends.send(());
        });
        Ok(PostgresStore {
            pool,
            queue: Some(queue),
            news,
            replicas: None,
            ended: std::sync::Mutex::new(ended),
            engine,
        })
    }

    /// Reads lists from streaming replicas of the same database from now on, and nothing else. A list is as fresh as the
    /// primary's: where no replica is far enough, or none can be reached, the primary answers.
    ///
    /// `url` is an address as for [`PostgresStore::open`]; each of its hosts (at most 16) is a replica. One that cannot be
    /// used now, or is the primary at the moment, is looked at again later.
    ///
    /// # Errors
    /// If the address is not understood, the primary does not tell how far its log is, or a replica is one of another
    /// database.
    pub async fn with_read_store(mut self, url: &str) -> Result<Self, OpenError> {
        self.replicas = Some(Replicas::open(url, &self.pool, self.engine.handle()).await?);
        Ok(self)
    }

    /// What this server's writer and connections have done so far, and what waits for them.
    pub(crate) fn counted(&self) -> StoreFigures {
        let (most, room) = self
            .queue
            .as_ref()
            .map_or((0, 0), |queue| (queue.max_capacity(), queue.capacity()));
        StoreFigures {
            backend: "postgres",
            waiting: most.saturating_sub(room) as u64,
            most_waiting: most as u64,
            connections: Some(self.pool.figures()),
            replicas: self.replicas.as_ref().map(Replicas::figures),
            ..self.pool.counters.read()
        }
    }

    /// How many connections of cosell's servers and commands there are to the database, beside those of copies. Only those
    /// that call themselves `cosell` are known, as they do unless an address gives them another `application_name`.
    ///
    /// # Errors
    /// Those of the database; also where it keeps no list of its connections.
    pub async fn connected(&self) -> Result<u64, StoreError> {
        crate::transfer::steps::others(self).await
    }

    /// Whether the address leads to a standby, which may lack what its primary has.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn is_standby(&self) -> Result<bool, StoreError> {
        crate::transfer::steps::is_standby(self).await
    }

    async fn enqueue(&self, task: Task) -> Result<(), String> {
        let closed = || "it is closed".to_owned();
        let queue = self.queue.as_ref().ok_or_else(closed)?;
        match tokio::time::timeout(self.pool.options.write_patience, queue.send(task)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(closed()),
            Err(_) => Err("too many writes are waiting: try again later".into()),
        }
    }

    pub(crate) async fn write(&self, changes: Changes) -> Result<(), ApplyError> {
        changes.validate()?;
        if changes.is_empty() {
            return Ok(());
        }
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting {
            changes: Box::new(changes),
            acknowledged: self.pool.acknowledged.get(),
            until: Instant::now() + self.pool.options.write_patience,
            reply,
        };
        let queued = self.enqueue(Task::Apply(waiting)).await;
        queued.map_err(ApplyError::Unavailable)?;
        let answer = answer.await;
        answer.map_err(|_| ApplyError::Unavailable("the writer stopped before it answered".into()))?
    }

    pub(crate) async fn finish(&self) {
        let (reply, answer) = oneshot::channel();
        // An error means that it was closed before.
        if self.enqueue(Task::Close(reply)).await.is_ok() {
            let _ = answer.await;
        }
    }

    /// A connection for a long look or a long write, on which nothing times out.
    pub(crate) async fn patient(&self) -> Result<Session, StoreError> {
        let session = self.pool.connect().await?;
        let set = "SET statement_timeout=0; SET idle_in_transaction_session_timeout=0";
        let set = session.client().batch_execute(set).await;
        set.map_err(|e| StoreError::Unavailable(words(&e)))?;
        Ok(session)
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.queue = None;
        let ended = self
            .ended
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if ended.recv().is_err() {
            tracing::error!("the writer of the store had panicked");
        }
    }
}
