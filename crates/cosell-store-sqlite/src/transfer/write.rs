//! Takes everything in, in one transaction on the writer's connection.
//!
//! Tenants keep their numbers, because readers remember them; everything else that was there goes.

use super::Feed;
use crate::apply::{self, Text};
use crate::delivery;
use crate::error::{is_taken, read_error};
use crate::revision;
use crate::tenants::Tenants;
use cosell_model::Timestamp;
use cosell_store::{EXCHANGES, ExportItem, Key, Kind, StoreError, TransferError};
use rusqlite::Connection;
use tokio::sync::mpsc::Receiver;

/// Page cache while an import runs, in KiB: its inserts into the indexes fall all over them.
pub(super) const CACHE: i64 = -131_072;

/// Replaces everything by the items that come; how many. If they end without [`Feed::End`], everything is as it was.
pub(crate) fn import(
    connection: &Connection,
    tenants: &mut Tenants,
    relying_on: &[(Key, u64)],
    items: Receiver<Feed>,
) -> Result<u64, TransferError> {
    let run = || -> Result<u64, TransferError> {
        let usual: i64 = connection
            .query_row("PRAGMA cache_size", [], |row| row.get(0))
            .map_err(|e| read_error(&e))?;
        let set = |size: i64| connection.pragma_update(None, "cache_size", size);
        set(CACHE).map_err(|e| read_error(&e))?;
        let imported = transaction(connection, tenants, relying_on, items);
        set(usual).map_err(|e| read_error(&e))?;
        imported
    };
    let imported = run();
    if imported.is_err() {
        tenants.forget();
    }
    imported
}

fn transaction(
    connection: &Connection,
    tenants: &mut Tenants,
    relying_on: &[(Key, u64)],
    mut items: Receiver<Feed>,
) -> Result<u64, TransferError> {
    let sqlite = |error: rusqlite::Error| TransferError::from(read_error(&error));
    connection.execute_batch("BEGIN IMMEDIATE").map_err(sqlite)?;
    let taken = expect(connection, tenants, relying_on)
        .and_then(|()| clear(connection).map_err(sqlite))
        .and_then(|()| Ok(take(connection, tenants, &mut items)?))
        .and_then(|count| {
            revision::count(connection, EXCHANGES)
                .map_err(sqlite)
                .map(|()| count)
        })
        .and_then(|count| connection.execute_batch("COMMIT").map_err(sqlite).map(|()| count));
    if taken.is_err()
        && !connection.is_autocommit()
        && let Err(error) = connection.execute_batch("ROLLBACK")
    {
        tracing::error!(%error, "a rollback failed");
    }
    taken
}

/// Refuses where a record has not the version that the items were made from.
fn expect(
    connection: &Connection,
    tenants: &Tenants,
    relying_on: &[(Key, u64)],
) -> Result<(), TransferError> {
    for (key, version) in relying_on {
        let found = apply::find(connection, tenants, key, false).map_err(|error| read_error(&error))?;
        if found.is_none_or(|found| found.version != *version) {
            return Err(TransferError::Overtaken(key.clone()));
        }
    }
    Ok(())
}

/// The tables besides those of the kinds.
const OTHERS: [&str; 8] = [
    "sequence",
    "idempotency",
    "job",
    "event",
    "audit",
    "history",
    "delivery_target",
    "delivery",
];

/// Every table that holds something of the state.
pub(super) fn tables() -> impl Iterator<Item = String> {
    let kinds = Kind::ALL.into_iter().flat_map(|kind| {
        let table = kind.spec().table;
        [table.to_owned(), format!("{table}_body")]
    });
    kinds.chain(OTHERS.map(str::to_owned))
}

/// Erases the state.
pub(super) fn clear(connection: &Connection) -> rusqlite::Result<()> {
    for table in tables() {
        connection.execute_batch(&format!("DELETE FROM {table}"))?;
    }
    Ok(())
}

fn take(
    connection: &Connection,
    tenants: &mut Tenants,
    items: &mut Receiver<Feed>,
) -> Result<u64, StoreError> {
    let mut count = 0;
    loop {
        match items.blocking_recv() {
            Some(Feed::Items(batch)) => {
                for item in &batch {
                    item.validate().map_err(StoreError::Invalid)?;
                    write(connection, tenants, item).map_err(|error| refusal(item, &error))?;
                    count += 1;
                }
            }
            Some(Feed::End) => return Ok(count),
            None => return Err(StoreError::Unavailable("the import was given up".into())),
        }
    }
}

/// What an item that was not taken in means.
pub(super) fn refusal(item: &ExportItem, error: &rusqlite::Error) -> StoreError {
    if is_taken(error) {
        return StoreError::Invalid(format!("{item} comes twice: everything may be there once only"));
    }
    if matches!(error, rusqlite::Error::QueryReturnedNoRows) {
        return StoreError::Invalid(format!(
            "{item} comes before its target or its event, or without them: take another copy of the state"
        ));
    }
    read_error(error)
}

/// Takes an item in.
pub(super) fn write(
    connection: &Connection,
    tenants: &mut Tenants,
    item: &ExportItem,
) -> rusqlite::Result<()> {
    match item {
        ExportItem::Record(record) => apply::insert(connection, tenants, record),
        ExportItem::Sequence { name, next } => connection
            .prepare_cached("INSERT INTO sequence (name, next) VALUES (?1, ?2)")?
            .execute((name, next))
            .map(drop),
        ExportItem::Answer { catalog, answer } => apply::keep_answer(connection, answer, catalog.as_deref()),
        ExportItem::Job(job) => connection
            .prepare_cached(
                "INSERT INTO job (id, kind, run_at, payload, attempts, worker, due_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, NULL, ?3)",
            )?
            .execute((
                &job.id.0,
                &job.kind,
                job.run_at.as_millis(),
                &job.payload[..],
                job.attempts,
            ))
            .map(drop),
        ExportItem::Event(stored) => {
            let event = &stored.event;
            connection
                .prepare_cached(
                    "INSERT INTO event (seq, id, account, catalog, detail_type, time, body) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .execute((
                    stored.seq,
                    &event.id,
                    &event.account,
                    &event.catalog,
                    &event.detail_type,
                    event.time.as_millis(),
                    &event.body[..],
                ))
                .map(drop)
        }
        ExportItem::Audit(stored) => connection
            .prepare_cached("INSERT INTO audit (seq, time, account, body) VALUES (?1, ?2, ?3, ?4)")?
            .execute((
                stored.seq,
                stored.entry.time.as_millis(),
                &stored.entry.account,
                &stored.entry.body[..],
            ))
            .map(drop),
        ExportItem::Former(former) => {
            let key = &former.key;
            let tenant = tenants.find_or_add(connection, &key.account, &key.catalog)?;
            connection
                .prepare_cached(
                    "INSERT INTO history (until, kind, tenant, id, version, document, private) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .execute((
                    former.until.map(Timestamp::as_millis),
                    key.kind.spec().table,
                    tenant,
                    &key.id,
                    former.version,
                    Text(&former.document),
                    Text(&former.private),
                ))
                .map(drop)
        }
        ExportItem::Target {
            target,
            position,
            status,
            delivered,
            attempts,
            failures,
        } => connection
            .prepare_cached(
                "INSERT INTO delivery_target \
                 (name, position, status, pending, dead, delivered, attempts, failures, epoch) \
                 VALUES (?1, ?2, ?3, 0, 0, ?4, ?5, ?6, 0)",
            )?
            .execute((target, position, &status[..], delivered, attempts, failures))
            .map(drop),
        ExportItem::Delivery(one) => match delivery::number(connection, &one.target)? {
            Some(target) if delivery::is_there(connection, one.seq)? => {
                delivery::import(connection, target, one)
            }
            _ => Err(rusqlite::Error::QueryReturnedNoRows),
        },
    }
}
