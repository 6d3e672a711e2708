//! Being filled in steps, each a transaction of its own on the writer's connection.
//!
//! The mark of a store that is being filled is a table with one row. It is there only as long: whoever opens the database finds
//! it by its name, and no schema holds it otherwise. Nothing here knows what a mark says.

use super::write::{CACHE, clear, refusal, tables, write};
use crate::error::read_error;
use crate::tenants::Tenants;
use bytes::Bytes;
use cosell_store::{ExportItem, StoreError};
use rusqlite::Connection;
use std::sync::Arc;

/// The table that holds the mark.
pub(crate) const MARK_TABLE: &str = "unfinished_copy";

/// What is done to a store that is being filled.
pub(crate) enum Step {
    /// Sets the first mark; over an unfinished filling if `erase`.
    Begin { mark: Bytes, erase: bool },
    /// Takes items in.
    Fill {
        was: Bytes,
        items: Arc<[ExportItem]>,
        mark: Bytes,
    },
    /// Takes the mark away.
    End { was: Bytes },
}

/// Whether a database bears a mark.
pub(crate) fn is_marked(connection: &Connection) -> rusqlite::Result<bool> {
    connection
        .prepare("SELECT 1 FROM sqlite_schema WHERE type='table' AND name=?1")?
        .exists([MARK_TABLE])
}

/// The mark.
pub(crate) fn mark(connection: &Connection) -> rusqlite::Result<Option<Bytes>> {
    if !is_marked(connection)? {
        return Ok(None);
    }
    let mark: Vec<u8> =
        connection.query_row(&format!("SELECT mark FROM {MARK_TABLE}"), [], |row| row.get(0))?;
    Ok(Some(mark.into()))
}

/// Does a step; `false` if it does not fit what is there, and then nothing was changed.
pub(crate) fn run(connection: &Connection, tenants: &mut Tenants, step: &Step) -> Result<bool, StoreError> {
    let failed = |error: rusqlite::Error| read_error(&error);
    connection.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
    let done = within(connection, tenants, step).and_then(|fits| {
        let end = if fits { "COMMIT" } else { "ROLLBACK" };
        connection.execute_batch(end).map_err(failed)?;
        Ok(fits)
    });
    if done.is_err() {
        tenants.forget();
        if !connection.is_autocommit()
            && let Err(error) = connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a rollback failed");
        }
    }
    done
}

fn within(connection: &Connection, tenants: &mut Tenants, step: &Step) -> Result<bool, StoreError> {
    let failed = |error: rusqlite::Error| read_error(&error);
    let found = mark(connection).map_err(failed)?;
    match step {
        Step::Begin { mark, erase } => {
            let fits = match erase {
                true => found.is_some(),
                false => found.is_none() && is_empty(connection).map_err(failed)?,
            };
            if fits {
                begin(connection, mark, *erase).map_err(failed)?;
            }
            Ok(fits)
        }
        Step::Fill { was, items, mark } => {
            if found.as_ref() != Some(was) {
                return Ok(false);
            }
            // Whoever fills a store does nothing else with it, so the cache stays as it is set here.
            connection
                .pragma_update(None, "cache_size", CACHE)
                .map_err(failed)?;
            for item in items.iter() {
                item.validate().map_err(StoreError::Invalid)?;
                write(connection, tenants, item).map_err(|error| refusal(item, &error))?;
            }
            connection
                .execute(&format!("UPDATE {MARK_TABLE} SET mark=?1"), [&mark[..]])
                .map_err(failed)?;
            Ok(true)
        }
        Step::End { was } => {
            let fits = found.as_ref() == Some(was);
            if fits {
                connection
                    .execute_batch(&format!("DROP TABLE {MARK_TABLE}"))
                    .map_err(failed)?;
            }
            Ok(fits)
        }
    }
}

fn begin(connection: &Connection, mark: &Bytes, erase: bool) -> rusqlite::Result<()> {
    if erase {
        clear(connection)?;
        connection.execute_batch(&format!("DELETE FROM {MARK_TABLE}"))?;
    } else {
        connection.execute_batch(&format!("CREATE TABLE {MARK_TABLE} (mark BLOB NOT NULL) STRICT"))?;
    }
    connection
        .execute(&format!("INSERT INTO {MARK_TABLE} VALUES (?1)"), [&mark[..]])
        .map(drop)
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    for table in tables() {
        let any = format!("SELECT 1 FROM {table} LIMIT 1");
        if connection.prepare(&any)?.exists([])? {
            return Ok(false);
        }
    }
    Ok(true)
}
