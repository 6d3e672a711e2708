//! Counters by which servers count together. Over a file there is one server, which counts in its memory; they are here
//! because the contract has them.

use bytes::Bytes;
use cosell_model::Timestamp;
use cosell_store::Swap;
use rusqlite::{Connection, OptionalExtension as _};

/// Most counters forgotten in one commit.
const PRUNE_STEP: usize = 5_000;

/// What a swap is asked to do.
pub(crate) struct Asked {
    pub account: String,
    pub name: String,
    pub expected: Option<Vec<u8>>,
    pub next: Vec<u8>,
    pub until: Timestamp,
}

/// Swaps within the open transaction.
pub(crate) fn swap(connection: &Connection, asked: &Asked) -> rusqlite::Result<Swap> {
    let found: Option<Vec<u8>> = connection
        .prepare_cached("SELECT value FROM counter WHERE account=?1 AND name=?2")?
        .query_row((&asked.account, &asked.name), |row| row.get(0))
        .optional()?;
    if found != asked.expected {
        return Ok(Swap::Found(found.map(Bytes::from)));
    }
    connection
        .prepare_cached(
            "INSERT INTO counter (account, name, value, until) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (account, name) DO UPDATE SET value=excluded.value, until=excluded.until",
        )?
        .execute((&asked.account, &asked.name, &asked.next, asked.until.as_millis()))?;
    Ok(Swap::Done)
}

/// One step of pruning: how many went, and whether there may be more.
pub(crate) fn prune(connection: &Connection, before: Timestamp) -> rusqlite::Result<(u64, bool)> {
    let gone = connection
        .prepare_cached(
            "DELETE FROM counter WHERE rowid IN (SELECT rowid FROM counter WHERE until<?1 ORDER BY until LIMIT ?2)",
        )?
        .execute((before.as_millis(), PRUNE_STEP as i64))?;
    Ok((gone as u64, gone == PRUNE_STEP))
}
