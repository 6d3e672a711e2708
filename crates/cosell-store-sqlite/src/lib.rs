//! The embedded default store: SQLite in one folder.
//!
//! One writer thread with group commit, a pool of read-only connections, a checkpoint thread, keyset lists on indexes.
//! Everything SQL about SQLite is in this crate; no rule of business and no clock may come in.
//!
//! A data folder holds `cosell.db` (with SQLite's `-wal` and `-shm` beside it while it is open) and, for servers,
//! `cosell.lock`.

mod apply;
mod checkpoint;
mod contract;
mod counter;
mod delivery;
mod ephemeral;
mod error;
mod events;
mod history;
mod list;
mod log;
mod migrate;
mod open;
mod readers;
mod reset;
mod revision;
mod sql;
mod store;
mod tenants;
mod transfer;
mod upkeep;
mod writer;

pub use error::OpenError;
pub use open::{DATABASE_FILE, LOCK_FILE, Options, lock};
pub use store::{SqliteStore, Stats};
