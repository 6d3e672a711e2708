//! One `Changes` inside an open transaction: first every expectation is checked, then everything is written.
//!
//! Because all checks come before the first write, a change that conflicts leaves nothing behind and needs no savepoint
//! (each would cost a copy of every page it touches). An error *while writing* is therefore unexpected; the writer then
//! rolls the whole transaction back. Nothing here may begin or commit a transaction.

use crate::list::{Bind, value};
use crate::{history, revision, sql, tenants::Tenants};
use cosell_model::Timestamp;
use cosell_store::{
    ApplyError, Changes, ClaimedJob, Conflict, Expect, Idempotency, Job, JobId, Key, Record, Remembered,
    StoreError, Value, Write,
};
use rusqlite::{Connection, OptionalExtension};
use std::collections::HashSet;
use std::ops::Range;

/// Why a change is refused: by the contract, or because SQLite failed.
pub(crate) enum Refusal {
    Answer(ApplyError),
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Refusal::Sqlite(error)
    }
}

/// What the checks found out and the writes need.
pub(crate) struct Checked {
    /// For each write: the row it is about (0 for an insert) and which columns differ.
    rows: Vec<(i64, u32)>,
    /// The expired answer that must give way.
    stale_answer: Option<i64>,
}

/// A record as it is found before something is done to it.
pub(crate) struct Found {
    row: i64,
    /// Its version.
    pub(crate) version: u64,
    columns: Vec<Value>,
}

/// Finds a record; with its columns where they are wanted.
pub(crate) fn find(
    connection: &Connection,
    tenants: &Tenants,
    key: &Key,
    columns: bool,
) -> rusqlite::Result<Option<Found>> {
    let Some(tenant) = tenants.find(connection, &key.account, &key.catalog)? else {
        return Ok(None);
    };
    let mut statement = connection.prepare_cached(sql::find(key.kind))?;
    statement
        .query_row((tenant, &key.id), |row| {
            let count = if columns { key.kind.spec().columns.len() } else { 0 };
            Ok(Found {
                row: row.get(0)?,
                version: row.get(1)?,
                columns: (0..count)
                    .map(|n| value(row, n + 2))
                    .collect::<rusqlite::Result<_>>()?,
            })
        })
        .optional()
}

fn versions(key: &Key, expected: u64, found: Option<&Found>) -> Result<(), Refusal> {
    let version = found.map(|f| f.version);
    if version == Some(expected) {
        return Ok(());
    }
    Err(Refusal::Answer(ApplyError::Conflict(Conflict::Version {
        key: key.clone(),
        expected,
        found: version,
    })))
}

fn exists(key: &Key) -> Refusal {
    Refusal::Answer(ApplyError::Conflict(Conflict::Exists(key.clone())))
}

/// Inserts many new records; if one of their keys is there already, inserts none and says so.
pub(crate) fn bulk(
    connection: &Connection,
    tenants: &mut Tenants,
    records: &[Record],
) -> rusqlite::Result<Result<(), StoreError>> {
    let mut seen = HashSet::with_capacity(records.len());
    for record in records {
        if !seen.insert(&record.key) || find(connection, tenants, &record.key, false)?.is_some() {
            return Ok(Err(StoreError::Invalid(format!(
                "{} exists already: fill a store only with records that are not in it",
                record.key
            ))));
        }
    }
    for record in records {
        insert(connection, tenants, record)?;
    }
    Ok(Ok(()))
}

/// Checks everything the change relies on. Writes nothing.
pub(crate) fn check(
    connection: &Connection,
    tenants: &Tenants,
    changes: &Changes,
) -> Result<Checked, Refusal> {
    for expect in &changes.expect {
        match expect {
            Expect::Version(key, version) => {
                versions(key, *version, find(connection, tenants, key, false)?.as_ref())?;
            }
            Expect::Absent(key) => {
                if find(connection, tenants, key, false)?.is_some() {
                    return Err(exists(key));
                }
            }
        }
    }
    for finished in &changes.finished_jobs {
        let mut statement =
            connection.prepare_cached("SELECT attempts FROM job WHERE id=?1 AND worker IS NOT NULL")?;
        let attempts: Option<u32> = statement.query_row([&finished.id.0], |r| r.get(0)).optional()?;
        if attempts != Some(finished.attempts) {
            return Err(Refusal::Answer(ApplyError::Conflict(Conflict::Job(
                finished.id.clone(),
            ))));
        }
    }
    let mut rows = Vec::with_capacity(changes.writes.len());
    for write in &changes.writes {
        let replaces = matches!(write, Write::Replace { .. });
        let found = find(connection, tenants, write.key(), replaces)?;
        match write {
            Write::Insert(record) => {
                if found.is_some() {
                    return Err(exists(&record.key));
                }
                rows.push((0, 0));
            }
            Write::Replace { expected, .. } | Write::Delete { expected, .. } => {
                versions(write.key(), *expected, found.as_ref())?;
                let Some(found) = found else { continue };
                rows.push((found.row, changed(write, &found.columns)));
            }
        }
    }
    let mut stale_answer = None;
    if let Some(kept) = &changes.idempotency {
        let mut statement = connection.prepare_cached(
            "SELECT row, expires_at FROM idempotency WHERE account=?1 AND operation=?2 AND token=?3",
        )?;
        let known: Option<(i64, i64)> = statement
            .query_row((&kept.account, &kept.operation, &kept.token), |r| {
                Ok((r.get(0)?, r.get(1)?))
            })
            .optional()?;
        if let Some((row, expires_at)) = known {
            if expires_at > kept.created_at.as_millis() {
                return Err(Refusal::Answer(ApplyError::TokenTaken));
            }
            stale_answer = Some(row);
        }
    }
    Ok(Checked { rows, stale_answer })
}

fn changed(write: &Write, old: &[Value]) -> u32 {
    let Write::Replace { record, .. } = write else {
        return 0;
    };
    let columns = record.key.kind.spec().columns;
    let differs = columns
        .iter()
        .zip(old)
        .map(|(column, old)| record.column(column.name) != old);
    differs.enumerate().fold(
        0,
        |mask, (bit, differs)| if differs { mask | 1 << bit } else { mask },
    )
}

/// Writes a checked change.
pub(crate) fn write(
    connection: &Connection,
    tenants: &mut Tenants,
    changes: &Changes,
    checked: &Checked,
) -> rusqlite::Result<()> {
    for finished in &changes.finished_jobs {
        connection
            .prepare_cached("DELETE FROM job WHERE id=?1")?
            .execute([&finished.id.0])?;
    }
    for (write, (row, mask)) in changes.writes.iter().zip(&checked.rows) {
        let kind = write.key().kind;
        if kind.spec().history && !matches!(write, Write::Insert(_)) {
            history::keep(connection, kind, *row, changes.time())?;
        }
        match write {
            Write::Insert(record) => insert(connection, tenants, record)?,
            Write::Replace { record, .. } => replace(connection, record, *row, *mask)?,
            Write::Delete { key, .. } => {
                connection.prepare_cached(sql::delete(key.kind))?.execute([row])?;
                connection
                    .prepare_cached(sql::delete_body(key.kind))?
                    .execute([row])?;
            }
        }
    }
    if let Some(kept) = &changes.idempotency {
        if let Some(row) = checked.stale_answer {
            connection
                .prepare_cached("DELETE FROM idempotency WHERE row=?1")?
                .execute([row])?;
        }
        keep_answer(connection, kept, changes.catalog())?;
    }
    for event in &changes.events {
        connection
            .prepare_cached(
                "INSERT INTO event (id, account, catalog, detail_type, time, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute((
                &event.id,
                &event.account,
                &event.catalog,
                &event.detail_type,
                event.time.as_millis(),
                &event.body[..],
            ))?;
    }
    for entry in &changes.audit {
        connection
            .prepare_cached("INSERT INTO audit (time, account, body) VALUES (?1, ?2, ?3)")?
            .execute((entry.time.as_millis(), &entry.account, &entry.body[..]))?;
    }
    for job in &changes.jobs {
        connection
            .prepare_cached(
                "INSERT INTO job (id, kind, run_at, payload, attempts, worker, due_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, NULL, ?3) ON CONFLICT (id) DO UPDATE SET kind=excluded.kind, \
                 run_at=excluded.run_at, payload=excluded.payload, attempts=excluded.attempts, worker=NULL, \
                 due_at=excluded.due_at",
            )?
            .execute((
                &job.id.0,
                &job.kind,
                job.run_at.as_millis(),
                &job.payload[..],
                job.attempts,
            ))?;
    }
    for remembered in Remembered::in_changes(changes) {
        revision::count(connection, remembered.name())?;
    }
    Ok(())
}

/// Keeps an answer whose token is free.
pub(crate) fn keep_answer(
    connection: &Connection,
    kept: &Idempotency,
    catalog: Option<&str>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO idempotency (account, operation, token, request_hash, answer, created_at, expires_at, catalog) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    statement
        .execute((
            &kept.account,
            &kept.operation,
            &kept.token,
            &kept.request_hash[..],
            &kept.answer[..],
            kept.created_at.as_millis(),
            kept.expires_at.as_millis(),
            catalog,
        ))
        .map(drop)
}

/// Inserts a record whose key is absent.
pub(crate) fn insert(
    connection: &Connection,
    tenants: &mut Tenants,
    record: &Record,
) -> rusqlite::Result<()> {
    let key = &record.key;
    let tenant = tenants.find_or_add(connection, &key.account, &key.catalog)?;
    let mut statement = connection.prepare_cached(sql::insert(key.kind))?;
    statement.raw_bind_parameter(1, tenant)?;
    statement.raw_bind_parameter(2, &key.id)?;
    statement.raw_bind_parameter(3, record.version)?;
    let mut place = 4;
    for column in key.kind.spec().columns {
        statement.raw_bind_parameter(place, Bind(record.column(column.name)))?;
        place += 1;
    }
    statement.raw_bind_parameter(place, Text(&record.summary))?;
    statement.raw_execute()?;
    let row = connection.last_insert_rowid();
    let mut statement = connection.prepare_cached(sql::insert_body(key.kind))?;
    statement.execute((row, record.version, Text(&record.document), Text(&record.private)))?;
    Ok(())
}

fn replace(connection: &Connection, record: &Record, row: i64, mask: u32) -> rusqlite::Result<()> {
    let kind = record.key.kind;
    let mut statement = connection.prepare_cached(&sql::update(kind, mask))?;
    statement.raw_bind_parameter(1, row)?;
    statement.raw_bind_parameter(2, record.version)?;
    statement.raw_bind_parameter(3, Text(&record.summary))?;
    let mut place = 4;
    for (bit, column) in kind.spec().columns.iter().enumerate() {
        if mask & (1 << bit) != 0 {
            statement.raw_bind_parameter(place, Bind(record.column(column.name)))?;
            place += 1;
        }
    }
    statement.raw_execute()?;
    let mut statement = connection.prepare_cached(sql::update_body(kind))?;
    statement.execute((row, record.version, Text(&record.document), Text(&record.private)))?;
    Ok(())
}

/// Checked UTF-8 bytes on their way into a text column.
pub(crate) struct Text<'a>(pub &'a [u8]);

impl rusqlite::ToSql for Text<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(rusqlite::types::ToSqlOutput::Borrowed(
            rusqlite::types::ValueRef::Text(self.0),
        ))
    }
}

/// Deletes up to `most` answers that have expired by `now`, oldest first. An answer with an unusually long life holds
/// younger ones back; that costs space, never correctness, because readers look at the expiry themselves.
pub(crate) fn prune(connection: &Connection, now: Timestamp, most: usize) -> rusqlite::Result<usize> {
    let mut oldest =
        connection.prepare_cached("SELECT row, expires_at FROM idempotency ORDER BY row LIMIT ?1")?;
    let mut rows = oldest.query([i64::try_from(most).unwrap_or(i64::MAX)])?;
    let mut last = None;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(1)? > now.as_millis() {
            break;
        }
        last = Some(row.get::<_, i64>(0)?);
        count += 1;
    }
    drop(rows);
    if let Some(last) = last {
        connection
            .prepare_cached("DELETE FROM idempotency WHERE row<=?1")?
            .execute([last])?;
    }
    Ok(count)
}

/// Lets go of every claim; how many there were.
pub(crate) fn release(connection: &Connection) -> rusqlite::Result<u64> {
    let released = connection.prepare_cached(RELEASE)?.execute([])?;
    Ok(released as u64)
}

/// Makes claimed jobs wait again.
pub(crate) const RELEASE: &str =
    "UPDATE job INDEXED BY job_leased SET worker=NULL, due_at=run_at WHERE worker IS NOT NULL";

/// Takes a block of a sequence.
pub(crate) fn reserve(connection: &Connection, sequence: &str, count: i64) -> rusqlite::Result<Range<u64>> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO sequence (name, next) VALUES (?1, 1 + ?2) ON CONFLICT (name) DO UPDATE SET next = next + ?2 \
         RETURNING next",
    )?;
    let next: u64 = statement.query_row((sequence, count), |r| r.get(0))?;
    Ok(next - count.unsigned_abs()..next)
}

/// Claims due jobs: the waiting ones and those whose lease has run out, together in the order of their own times.
pub(crate) fn claim(
    connection: &Connection,
    now: Timestamp,
    worker: &str,
    limit: usize,
    lease_millis: i64,
) -> rusqlite::Result<Vec<ClaimedJob>> {
    let until = now.as_millis().saturating_add(lease_millis);
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    // All of those that were given up must be known to find the earliest; they are few, since workers claim few.
    let mut due = connection
        .prepare_cached(DUE_AGAIN)?
        .query_map([now.as_millis()], job)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut waiting = connection.prepare_cached(DUE)?;
    for one in waiting.query_map((now.as_millis(), most), job)? {
        due.push(one?);
    }
    due.sort_by(|a, b| (a.run_at, &a.id).cmp(&(b.run_at, &b.id)));
    due.truncate(limit);
    let mut claimed = Vec::with_capacity(due.len());
    for job in due {
        let job = Job {
            attempts: job.attempts.saturating_add(1),
            ..job
        };
        connection
            .prepare_cached("UPDATE job SET attempts=?2, worker=?3, due_at=?4 WHERE id=?1")?
            .execute((&job.id.0, job.attempts, worker, until))?;
        claimed.push(ClaimedJob {
            job,
            leased_until: Timestamp::from_millis(until),
        });
    }
    Ok(claimed)
}

/// Waiting jobs that are due (`?1` now, `?2` most).
pub(crate) const DUE: &str = "SELECT id, kind, run_at, payload, attempts FROM job INDEXED BY job_waiting \
     WHERE worker IS NULL AND run_at<=?1 ORDER BY run_at, id LIMIT ?2";

/// Claimed jobs whose lease has run out (`?1` now).
pub(crate) const DUE_AGAIN: &str = "SELECT id, kind, run_at, payload, attempts FROM job INDEXED BY job_leased \
     WHERE worker IS NOT NULL AND due_at<=?1";

/// The job in a row that starts with id, kind, run_at, payload, attempts.
pub(crate) fn job(row: &rusqlite::Row<'_>) -> rusqlite::Result<Job> {
    Ok(Job {
        id: JobId(row.get(0)?),
        kind: row.get(1)?,
        run_at: Timestamp::from_millis(row.get(2)?),
        payload: crate::list::bytes_of(row, 3)?,
        attempts: row.get(4)?,
    })
}
