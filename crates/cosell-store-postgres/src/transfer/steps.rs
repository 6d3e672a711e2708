//! Being filled in steps, each a transaction of its own.
//!
//! The mark of a database that is being filled is a table with one row. It is there only as long: whoever opens the database
//! finds it by its name, and no schema holds it otherwise. A step locks the mark's row, so two copies never mix. Each has a
//! connection of its own, and none is tried twice: whoever copies looks at the mark before going on. Nothing here knows what a
//! mark says.

use super::write::{self, Taking};
use crate::error::words;
use crate::session::Session;
use crate::store::PostgresStore;
use bytes::Bytes;
use cosell_store::{ExportItem, StoreError};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

/// The table that holds the mark.
pub(crate) const MARK_TABLE: &str = "unfinished_copy";
/// Items that are copied to their tables at once.
const BATCH: usize = 1_000;

fn failed(error: tokio_postgres::Error) -> StoreError {
    crate::error::store_error(&error)
}

async fn exec(client: &Client, sql: &str) -> Result<(), StoreError> {
    client.batch_execute(sql).await.map_err(failed)
}

/// The mark; locked until the transaction ends if `lock`.
async fn mark_of(client: &Client, lock: bool) -> Result<Option<Bytes>, StoreError> {
    let is_there =
        "SELECT 1 FROM information_schema.tables WHERE table_schema=current_schema() AND table_name=$1";
    let there = client.query_opt(is_there, &[&MARK_TABLE]).await.map_err(failed)?;
    if there.is_none() {
        return Ok(None);
    }
    let lock = if lock { " FOR UPDATE" } else { "" };
    let row = client
        .query_opt(&format!("SELECT mark FROM {MARK_TABLE}{lock}"), &[])
        .await;
    let mark = row.map_err(failed)?.map(|row| row.try_get::<_, Vec<u8>>(0));
    Ok(mark.transpose().map_err(failed)?.map(Bytes::from))
}

/// The mark.
pub(crate) async fn mark(store: &PostgresStore) -> Result<Option<Bytes>, StoreError> {
    let session = store.patient().await?;
    mark_of(session.client(), false).await
}

/// Sets the first mark.
pub(crate) async fn begin(store: &PostgresStore, mark: Bytes, erase: bool) -> Result<bool, StoreError> {
    let session = store.patient().await?;
    // Whatever was being written is in now, and nothing more comes before the commit.
    write::lock(&session, store.pool.options.write_patience).await?;
    let client = session.client();
    let found = mark_of(client, true).await?;
    if erase {
        if found.is_none() {
            return Ok(false);
        }
        // Nobody reads what is not finished, so the tables may be emptied at once.
        let all: Vec<String> = write::tables().chain([MARK_TABLE.to_owned()]).collect();
        exec(client, &format!("TRUNCATE {}", all.join(", "))).await?;
    } else {
        if found.is_some() || !is_empty(client).await? {
            return Ok(false);
        }
        exec(
            client,
            &format!("CREATE TABLE {MARK_TABLE} (mark bytea NOT NULL)"),
        )
        .await?;
    }
    let insert = format!("INSERT INTO {MARK_TABLE} VALUES ($1)");
    client.execute(&insert, &[&&mark[..]]).await.map_err(failed)?;
    exec(client, "COMMIT").await?;
    Ok(true)
}

async fn is_empty(client: &Client) -> Result<bool, StoreError> {
    for table in write::tables() {
        let any = format!("SELECT 1 FROM {table} LIMIT 1");
        if client.query_opt(&any, &[]).await.map_err(failed)?.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A connection with an open transaction that has locked the mark `was`; `None` if that is not the mark.
async fn marked(store: &PostgresStore, was: &Bytes) -> Result<Option<Session>, StoreError> {
    let session = store.patient().await?;
    exec(session.client(), "BEGIN").await?;
    let found = mark_of(session.client(), true).await?;
    Ok(Some(session).filter(|_| found.as_ref() == Some(was)))
}

/// Takes items in.
pub(crate) async fn fill(
    store: &PostgresStore,
    was: &Bytes,
    items: &[ExportItem],
    mark: Bytes,
) -> Result<bool, StoreError> {
    let Some(session) = marked(store, was).await? else {
        return Ok(false);
    };
    let mut taking = Taking::so_far(&session).await?;
    for batch in items.chunks(BATCH) {
        for item in batch {
            item.validate().map_err(StoreError::Invalid)?;
        }
        taking.take(&session, batch).await?;
    }
    let client = session.client();
    let update = format!("UPDATE {MARK_TABLE} SET mark=$1");
    client.execute(&update, &[&&mark[..]]).await.map_err(failed)?;
    exec(client, "COMMIT").await?;
    Ok(true)
}

/// Takes the mark away.
pub(crate) async fn end(store: &PostgresStore, was: &Bytes) -> Result<bool, StoreError> {
    let Some(session) = marked(store, was).await? else {
        return Ok(false);
    };
    Taking::so_far(&session).await?.finish(&session).await?;
    exec(session.client(), &format!("DROP TABLE {MARK_TABLE}; COMMIT")).await?;
    store.news.send_modify(|n| *n += 1);
    Ok(true)
}

/// Whether the database only repeats what another one does.
pub(crate) async fn is_standby(store: &PostgresStore) -> Result<bool, StoreError> {
    let session = store.patient().await?;
    let row = session
        .client()
        .query_one("SELECT pg_is_in_recovery()", &[])
        .await;
    match row.and_then(|row| row.try_get(0)) {
        // Other engines know no standbys.
        Err(error) if matches!(error.code().map(SqlState::code), Some("42883" | "0A000")) => Ok(false),
        asked => asked.map_err(|error| StoreError::Unavailable(words(&error))),
    }
}

/// How many connections there are to the database that call themselves as servers and commands of cosell do.
pub(crate) async fn others(store: &PostgresStore) -> Result<u64, StoreError> {
    let session = store.patient().await?;
    let count =
        "SELECT count(*) FROM pg_stat_activity WHERE datname=current_database() AND application_name=$1";
    let row = session
        .client()
        .query_one(count, &[&crate::options::APPLICATION])
        .await;
    let count: i64 = row
        .and_then(|row| row.try_get(0))
        .map_err(|error| StoreError::Unavailable(words(&error)))?;
    Ok(count.unsigned_abs())
}
