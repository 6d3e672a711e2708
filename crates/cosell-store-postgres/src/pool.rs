//! Connections kept for the next task, and work that is tried again over lost ones.
//!
//! All connections are driven by one runtime on a thread of the store's own: a caller may belong to any runtime, end it or
//! block it, and no connection suffers. Nothing here knows what the work is.

use crate::error::{Failure, Meaning, OpenError, SILENT, meaning, words};
use crate::options::{Address, Options};
use crate::revision::Acknowledged;
use crate::session::Session;
use cosell_store::{ConnectionFigures, StoreError, WriteCounters};
use std::future::Future;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, oneshot};

/// The first wait before work is tried again, and the longest.
pub(crate) const FIRST_WAIT: Duration = Duration::from_millis(20);
pub(crate) const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// A thread with a runtime.
pub(crate) struct Engine {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    pub(crate) fn start() -> Result<Self, OpenError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(OpenError::Thread)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("store-postgres".into())
            // An error means that the other end is gone, which is an end as well.
            .spawn(move || drop(runtime.block_on(stopped)))
            .map_err(OpenError::Thread)?;
        Ok(Engine {
            handle,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the store had panicked");
        }
    }
}

/// How long a connection that was left before its answer came may take to catch up, before it is given up.
const CATCH_UP: Duration = Duration::from_secs(1);

/// Connections that nobody works with.
type Free = Arc<Mutex<Vec<Arc<Session>>>>;

/// The connections.
pub(crate) struct Pool {
    pub(crate) address: Address,
    pub(crate) options: Options,
    pub(crate) acknowledged: Acknowledged,
    handle: Handle,
    free: Free,
    permits: Arc<Semaphore>,
    /// Those who wait for a permit.
    waiting: AtomicU64,
    /// What the writer and the others did with their connections.
    pub(crate) counters: WriteCounters,
}

/// Counts one who waits, also if it gives up.
struct Waiting<'p>(&'p AtomicU64);

impl<'p> Waiting<'p> {
    fn new(count: &'p AtomicU64) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Waiting(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection for one task. It goes back when the task is done with it and it is fit for the next one.
pub(crate) struct Taken<'p> {
    session: Arc<Session>,
    pool: &'p Pool,
    permit: Option<OwnedSemaphorePermit>,
}

impl Deref for Taken<'_> {
    type Target = Arc<Session>;

    fn deref(&self) -> &Arc<Session> {
        &self.session
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        // A transaction that was given up in the middle ends with its connection. What this one met may concern others that
        // lie here, and none of those need stay connected.
        if !self.session.is_clean() {
            let mut free = self.pool.free.lock().unwrap_or_else(PoisonError::into_inner);
            free.retain(|session| session.is_clean());
            return;
        }
        let give_back =
            |free: &Free, session| free.lock().unwrap_or_else(PoisonError::into_inner).push(session);
        let session = Arc::clone(&self.session);
        if !session.owes_answer() {
            give_back(&self.pool.free, session);
            return;
        }
        // Somebody went away before the answer came. One that has fallen silent would make the next one wait as well.
        let (free, permit) = (Arc::clone(&self.pool.free), self.permit.take());
        self.pool.handle.spawn(async move {
            if let Ok(Ok(())) = tokio::time::timeout(CATCH_UP, session.catch_up()).await {
                give_back(&free, session);
            }
            drop(permit);
        });
    }
}

impl Pool {
    pub(crate) fn new(address: Address, options: Options, handle: Handle) -> Self {
        let permits = Arc::new(Semaphore::new(options.connections.max(1)));
        Pool {
            address,
            options,
            acknowledged: Acknowledged::default(),
            handle,
            free: Free::default(),
            permits,
            waiting: AtomicU64::new(0),
            counters: WriteCounters::default(),
        }
    }

    /// How many connections are in use, and how many callers wait for one.
    pub(crate) fn figures(&self) -> ConnectionFigures {
        let most = self.options.connections.max(1);
        ConnectionFigures {
            in_use: most.saturating_sub(self.permits.available_permits()) as u64,
            most: most as u64,
            waiting: self.waiting.load(Ordering::Relaxed),
        }
    }

    /// A connection of its own, beside those that are kept.
    pub(crate) async fn connect(&self) -> Result<Session, Failure> {
        let (address, options) = (self.address.clone(), self.options.clone());
        let connecting = self
            .handle
            .spawn(async move { Session::connect(&address, &options).await });
        match connecting.await {
            Ok(session) => session,
            Err(_) => Err(StoreError::Unavailable("it is closed".into()).into()),
        }
    }

    async fn take(&self) -> Result<Taken<'_>, Failure> {
        let permit = match self.permits.clone().try_acquire_owned() {
            Ok(permit) => Ok(permit),
            Err(_) => {
                let _waiting = Waiting::new(&self.waiting);
                self.permits.clone().acquire_owned().await
            }
        };
        self.admit(permit).await
    }

    /// A connection, unless all are in use for that long.
    pub(crate) async fn take_within(&self, wait: Duration) -> Result<Option<Taken<'_>>, Failure> {
        match tokio::time::timeout(wait, self.permits.clone().acquire_owned()).await {
            Ok(permit) => self.admit(permit).await.map(Some),
            Err(_) => Ok(None),
        }
    }

    async fn admit(&self, permit: Result<OwnedSemaphorePermit, AcquireError>) -> Result<Taken<'_>, Failure> {
        let permit = permit.map_err(|_| StoreError::Unavailable("it is closed".into()))?;
        let kept = || self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        while let Some(session) = kept() {
            if session.is_clean() {
                return Ok(Taken {
                    session,
                    pool: self,
                    permit: Some(permit),
                });
            }
        }
        let session = Arc::new(self.connect().await?);
        Ok(Taken {
            session,
            pool: self,
            permit: Some(permit),
        })
    }

    /// Does work with a connection, again and again over lost connections and collisions until it succeeds, fails for good,
    /// or the patience for reads is over. So the work must do no harm if it is done twice.
    pub(crate) async fn work<T, F>(&self, work: impl Fn(Arc<Session>) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut last = None;
        let tries = async {
            let mut wait = FIRST_WAIT;
            loop {
                let failure = match self.take().await {
                    Ok(taken) => {
                        let working = work(taken.session.clone());
                        match tokio::time::timeout(self.options.silence(), working).await {
                            Ok(Ok(done)) => return Ok(done),
                            Ok(Err(failure)) => failure,
                            Err(_) => Failure::Silent,
                        }
                    }
                    Err(failure) => failure,
                };
                last = Some(match failure {
                    Failure::Silent => SILENT.to_owned(),
                    Failure::Postgres(error) if is_passing(&error) => words(&error),
                    failure => return Err(failure.into()),
                });
                self.counters.repeated();
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        };
        match tokio::time::timeout(self.options.read_patience, tries).await {
            Ok(done) => done,
            Err(_) => Err(StoreError::Unavailable(format!(
                "the database did not answer in time: {}",
                last.unwrap_or_else(|| "all connections are in use".into())
            ))),
        }
    }
}

/// Whether a repetition on another connection may succeed.
pub(crate) fn is_passing(error: &tokio_postgres::Error) -> bool {
    matches!(meaning(error), Meaning::Lost | Meaning::Collision)
}
