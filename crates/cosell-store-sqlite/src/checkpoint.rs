//! Checkpoints: moving the log into the database file, on a thread and a connection of their own, because on the
//! writer's thread they would dominate the slowest writes.
//!
//! A passive checkpoint stops nobody. Under writes without a pause it never reaches the end of the log, so the log would
//! grow for ever; once it is far too long, a restarting one makes the writer wait for the short rest. The file keeps its
//! length until the store is closed, since overwriting costs the file system less than growing.

use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Pages in the log, not yet in the file, that make a checkpoint worth while. Fewer would copy the busy index pages, which
/// almost every write changes, more often: at 1000, a create cost half as much CPU again and its p99 was four times
/// longer.
const PASSIVE_AT: u32 = 4000;
/// Pages in the log (4 KiB each) from which on it is made to start anew.
const RESTART_AT: u32 = 16_000;

/// Tells the thread how long the log has become.
pub(crate) struct Signal {
    sender: SyncSender<()>,
    pages: Arc<AtomicU32>,
    moved: Arc<AtomicU32>,
}

/// The thread's part.
pub(crate) struct Checkpointer {
    receiver: Receiver<()>,
    pages: Arc<AtomicU32>,
    moved: Arc<AtomicU32>,
}

/// The two ends.
pub(crate) fn pair() -> (Signal, Checkpointer) {
    let (sender, receiver) = sync_channel(1);
    let (pages, moved) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let signal = Signal {
        sender,
        pages: pages.clone(),
        moved: moved.clone(),
    };
    (
        signal,
        Checkpointer {
            receiver,
            pages,
            moved,
        },
    )
}

impl Signal {
    /// Called after every commit with the pages the log has now.
    pub(crate) fn committed(&self, pages: u32) {
        self.pages.store(pages, Ordering::Relaxed);
        let moved = self.moved.load(Ordering::Relaxed);
        if pages < moved {
            // The log has started anew.
            self.moved.store(0, Ordering::Relaxed);
        }
        if pages.saturating_sub(if pages < moved { 0 } else { moved }) >= PASSIVE_AT {
            // A full channel means that the thread is told already.
            let _ = self.sender.try_send(());
        }
    }
}

impl Checkpointer {
    /// Works until the writer (which owns the signal) is gone, then empties the log.
    pub(crate) fn run(self, connection: &Connection) {
        while self.receiver.recv().is_ok() {
            self.checkpoint(connection, "PASSIVE");
            if self.pages.load(Ordering::Relaxed) >= RESTART_AT {
                self.checkpoint(connection, "RESTART");
            }
        }
        self.checkpoint(connection, "TRUNCATE");
    }

    fn checkpoint(&self, connection: &Connection, mode: &str) {
        let done = connection
            .query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
                row.get::<_, i64>(2)
            })
            .map(|moved| u32::try_from(moved).unwrap_or(0));
        match done {
            Ok(moved) => self.moved.store(moved, Ordering::Relaxed),
            // The log is complete and safe without a checkpoint; the next one takes it along.
            Err(error) => tracing::warn!(%error, mode, "a checkpoint failed"),
        }
    }
}
