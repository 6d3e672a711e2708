//! The store itself: its threads, its connections, and the ways to them for reads, writes and long runs.
//!
//! What the contract asks for is in `contract`. No lock is held across an `await`.

use crate::checkpoint;
use crate::ephemeral;
use crate::error::{OpenError, read_error};
use crate::open::{self, Options};
use crate::readers::{Reader, Readers};
use crate::tenants::Tenants;
use crate::writer::{Asked, Command, Reply, Task, Writer};
use cosell_store::{StoreError, StoreFigures, WriteCounters};
use rusqlite::Connection;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot, watch};

/// Said where the writer ended in the middle.
pub(crate) const STOPPED: &str = "the writer stopped before it answered";

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
    pub(crate) readers: Readers,
    // An `Option` only so that `drop` can close the queue before it waits for the threads.
    queue: Option<mpsc::Sender<Task>>,
    /// Changes whenever events may have been added.
    pub(crate) events: watch::Receiver<u64>,
    counters: Arc<WriteCounters>,
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
        let counters = Arc::new(WriteCounters::default());
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
        let counted = self.counters.read();
        Stats {
            commits: counted.commit_micros.count(),
            changes: counted.changes,
            refused: counted.refused,
        }
    }

    /// What the writer has done so far, and what waits for it.
    pub(crate) fn counted(&self) -> StoreFigures {
        let (most, room) = self
            .queue
            .as_ref()
            .map_or((0, 0), |queue| (queue.max_capacity(), queue.capacity()));
        StoreFigures {
            backend: "sqlite",
            waiting: most.saturating_sub(room) as u64,
            most_waiting: most as u64,
            ..self.counters.read()
        }
    }

    /// Reads on a connection of the pool, here and now.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Reader) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        read(&self.readers.take()).map_err(|e| read_error(&e))
    }

    /// Has the writer do a command; `Err` says why it was not taken or not answered.
    pub(crate) async fn ask<T>(&self, make: impl FnOnce(Reply<T>) -> Command + Send) -> Result<T, String> {
        let answer = self.enqueue(|reply| make(reply).into()).await?;
        answer.await.map_err(|_| STOPPED.into())
    }

    /// Has the writer do a piece of work, in a commit that it shares with others.
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.ask(|reply| Command::Work(Box::new(Asked::new(work, reply))))
            .await
            .map_err(StoreError::Unavailable)?
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

    /// Does long work on a thread of its own.
    pub(crate) async fn in_background<T: Send + 'static>(
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
