//! The pool of read-only connections.
//!
//! Reads run inline on the caller's thread: handing one to another thread costs more than the read. Each connection sits
//! behind a mutex; a thread has a favourite one and takes any free one before it waits. Nothing here may write.

use crate::tenants::Tenants;
use rusqlite::Connection;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// A read-only connection with the tenants it knows.
pub(crate) struct Reader {
    pub connection: Connection,
    pub tenants: Tenants,
}

pub(crate) struct Readers {
    slots: Vec<Mutex<Reader>>,
}

static NEXT_THREAD: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static FAVOURITE: usize = NEXT_THREAD.fetch_add(1, Ordering::Relaxed);
}

impl Readers {
    /// At least one connection is needed.
    pub(crate) fn new(connections: Vec<Connection>) -> Self {
        let reader = |connection| {
            Mutex::new(Reader {
                connection,
                tenants: Tenants::default(),
            })
        };
        Readers {
            slots: connections.into_iter().map(reader).collect(),
        }
    }

    /// A connection for this moment. Must not be held across an `await`.
    pub(crate) fn take(&self) -> MutexGuard<'_, Reader> {
        let favourite = FAVOURITE.with(|f| *f) % self.slots.len();
        for n in 0..self.slots.len() {
            match self.slots[(favourite + n) % self.slots.len()].try_lock() {
                Ok(reader) => return reader,
                // A reader that panicked in the middle has changed nothing that matters: statements reset when dropped.
                Err(TryLockError::Poisoned(reader)) => return reader.into_inner(),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        self.slots[favourite]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
