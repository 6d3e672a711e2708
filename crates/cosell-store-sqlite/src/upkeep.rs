//! Long looks at everything: check and backup. Each works on a connection of its own, so that readers stay free.
//!
//! Neither changes a byte of the data.

use crate::error::{OpenError, read_error};
use crate::open::{DATABASE_FILE, Options, reader, sync_folder};
use crate::{delivery, events};
use cosell_store::{DeliveryState, Kind, Progress, ProgressFn, Report, StoreError};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};
use std::path::{Path, PathBuf};

/// Records between two calls of the progress function.
const CHECK_STEP: u64 = 1000;
/// Pages copied at once: small enough to report often, large enough to be fast.
const BACKUP_STEP: i32 = 1000;

fn unavailable(error: &OpenError) -> StoreError {
    match error {
        OpenError::Damaged(what) => StoreError::Corrupt(what.clone()),
        other => StoreError::Unavailable(other.to_string()),
    }
}

/// Looks through the whole database at one moment.
pub(crate) fn check(folder: &Path, options: &Options, progress: &ProgressFn) -> Result<Report, StoreError> {
    let connection = reader(&folder.join(DATABASE_FILE), options).map_err(|e| unavailable(&e))?;
    let mut report = Report::default();
    match look(&connection, progress, &mut report) {
        Ok(()) => Ok(report),
        // Damage that stops the look is itself the finding.
        Err(error) if crate::error::is_damage(&error) => {
            report.problem(format!("the look through the data broke off: {error}"));
            Ok(report)
        }
        Err(error) => Err(read_error(&error)),
    }
}

fn look(connection: &Connection, progress: &ProgressFn, report: &mut Report) -> rusqlite::Result<()> {
    let moment = connection.unchecked_transaction()?;
    {
        let mut statement = connection.prepare("PRAGMA integrity_check(100)")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let line: String = row.get(0)?;
            if line != "ok" {
                report.problem(format!("the database file: {line}"));
            }
        }
    }
    let mut total = 0;
    for kind in Kind::ALL {
        let table = kind.spec().table;
        let count = connection.query_row(&format!("SELECT count(*) FROM {table}_body"), [], |r| {
            r.get::<_, u64>(0)
        })?;
        total += count;
    }
    let former = connection.query_row("SELECT count(*) FROM history", [], |r| r.get::<_, u64>(0))?;
    total += former;
    progress(Progress { done: 0, total });
    for kind in Kind::ALL {
        records(connection, kind.spec().table, total, progress, report)?;
    }
    history(connection, total, progress, report)?;
    let newest: u64 = connection.query_row("SELECT coalesce(max(seq), 0) FROM event", [], |r| r.get(0))?;
    let oldest: u64 = connection.query_row("SELECT coalesce(min(seq), 1) FROM event", [], |r| r.get(0))?;
    let count: u64 = connection.query_row("SELECT count(*) FROM event", [], |r| r.get(0))?;
    let erased: u64 = connection.query_row(events::ERASED, [], |r| r.get(0))?;
    if count + erased < newest + 1 - oldest {
        report.problem(format!(
            "the events from {oldest} to {newest} have gaps: there are {count}"
        ));
    }
    deliveries(connection, newest, report)?;
    progress(Progress { done: total, total });
    moment.commit()
}

fn records(
    connection: &Connection,
    table: &str,
    total: u64,
    progress: &ProgressFn,
    report: &mut Report,
) -> rusqlite::Result<()> {
    // A full join: a narrow row without a body is a finding just as a body without its row.
    let mut statement = connection.prepare(&format!(
        "SELECT l.id, l.version, l.summary, b.version, b.document, b.private, t.account FROM {table} AS l \
         LEFT JOIN {table}_body AS b ON b.row = l.row LEFT JOIN tenant AS t ON t.tenant = l.tenant"
    ))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        report.records += 1;
        let id: String = row.get(0)?;
        if row.get_ref(3)? == ValueRef::Null {
            report.problem(format!("{table} {id} has a list row but no document"));
            continue;
        }
        if row.get::<_, i64>(1)? != row.get::<_, i64>(3)? {
            report.problem(format!(
                "{table} {id}: list row and document have different versions"
            ));
        }
        if row.get_ref(6)? == ValueRef::Null {
            report.problem(format!("{table} {id} belongs to no account"));
        }
        for (column, name, may_be_empty) in [
            (2, "summary", false),
            (4, "document", false),
            (5, "private part", true),
        ] {
            if let Some(error) = not_json(row, column, may_be_empty)? {
                report.problem(format!("{table} {id}: the {name} is not JSON: {error}"));
            }
        }
        if report.records.is_multiple_of(CHECK_STEP) {
            progress(Progress {
                done: report.records,
                total,
            });
        }
    }
    let lonely: u64 = connection.query_row(
        &format!(
            "SELECT count(*) FROM {table}_body AS b WHERE NOT EXISTS (SELECT 1 FROM {table} AS l WHERE l.row = b.row)"
        ),
        [],
        |r| r.get(0),
    )?;
    if lonely > 0 {
        report.problem(format!("{table}: {lonely} documents have no list row"));
    }
    Ok(())
}

/// Former versions are no records, so they do not count as such.
fn history(
    connection: &Connection,
    total: u64,
    progress: &ProgressFn,
    report: &mut Report,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(
        "SELECT h.kind, h.id, h.version, h.document, h.private, t.account FROM history AS h \
         LEFT JOIN tenant AS t ON t.tenant = h.tenant ORDER BY h.seq",
    )?;
    let mut rows = statement.query([])?;
    let mut seen = 0;
    while let Some(row) = rows.next()? {
        seen += 1;
        let name = format!(
            "version {} of {} {}",
            row.get::<_, i64>(2)?,
            row.get::<_, String>(0)?,
            row.get::<_, String>(1)?
        );
        if row.get_ref(5)? == ValueRef::Null {
            report.problem(format!("{name} belongs to no account"));
        }
        for (column, part, may_be_empty) in [(3, "document", false), (4, "private part", true)] {
            if let Some(error) = not_json(row, column, may_be_empty)? {
                report.problem(format!("{name}: the {part} is not JSON: {error}"));
            }
        }
        if seen % CHECK_STEP == 0 {
            let done = report.records + seen;
            progress(Progress { done, total });
        }
    }
    Ok(())
}

/// What must not be found among deliveries, each as a statement that counts it.
const NO_DELIVERIES: [(&str, &str); 5] = [
    (
        "deliveries belong to no target",
        "SELECT count(*) FROM delivery AS d LEFT JOIN delivery_target AS t ON t.target=d.target WHERE t.target IS NULL",
    ),
    (
        "deliveries belong to no event",
        "SELECT count(*) FROM delivery AS d LEFT JOIN event AS e ON e.seq=d.seq \
         WHERE e.seq IS NULL OR e.detail_type=''",
    ),
    (
        "deliveries have an unknown state",
        "SELECT count(*) FROM delivery WHERE state NOT IN (0, 1, 2)",
    ),
    (
        "deliveries that have ended look due",
        "SELECT count(*) FROM delivery WHERE state<>0 AND head<>0",
    ),
    (
        // Rows of a dropped target go in any order, and nobody looks at their lanes any more.
        "pending deliveries are out of the order of their lanes",
        "SELECT count(*) FROM delivery AS d JOIN delivery_target AS t ON t.target=d.target \
         WHERE t.name IS NOT NULL AND d.state=0 AND d.head<>(d.lane IS NULL OR NOT EXISTS (\
         SELECT 1 FROM delivery AS e INDEXED BY delivery_by_lane \
         WHERE e.target=d.target AND e.lane=d.lane AND e.state=0 AND e.seq<d.seq))",
    ),
];

/// Deliveries are no records, so they do not count as such.
fn deliveries(connection: &Connection, newest: u64, report: &mut Report) -> rusqlite::Result<()> {
    for (what, count) in NO_DELIVERIES {
        let found: u64 = connection.query_row(count, [], |row| row.get(0))?;
        if found > 0 {
            report.problem(format!("{found} {what}"));
        }
    }
    let mut statement = connection.prepare("SELECT count(*) FROM delivery WHERE target=?1 AND state=?2")?;
    for (number, target) in delivery::all(connection)? {
        for (state, told) in [
            (DeliveryState::Pending, target.pending),
            (DeliveryState::Dead, target.dead),
        ] {
            let found: u64 = statement.query_row((number, delivery::number_of(state)), |row| row.get(0))?;
            if found != told {
                report.problem(format!(
                    "target {}: {told} deliveries are told to be {state:?} and {found} are",
                    target.target
                ));
            }
        }
        if target.position > newest {
            report.problem(format!(
                "target {}: it has read up to event {}, and the newest is {newest}",
                target.target, target.position
            ));
        }
    }
    let mut statement = connection.prepare(
        "SELECT 'the status of target ' || coalesce(name, target), status FROM delivery_target UNION ALL \
         SELECT 'the note of event ' || seq || ' at target ' || target, note FROM delivery",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(error) = not_json(row, 1, true)? {
            report.problem(format!("{} is not JSON: {error}", row.get::<_, String>(0)?));
        }
    }
    Ok(())
}

fn not_json(row: &Row<'_>, column: usize, may_be_empty: bool) -> rusqlite::Result<Option<String>> {
    let bytes = crate::list::bytes_of(row, column)?;
    if may_be_empty && bytes.is_empty() {
        return Ok(None);
    }
    Ok(serde_json::from_slice::<serde::de::IgnoredAny>(&bytes)
        .err()
        .map(|e| e.to_string()))
}

/// Writes a copy of one moment to a new file. It is written under another name and appears under its own only when it is
/// complete and on disk.
pub(crate) fn backup(
    folder: &Path,
    options: &Options,
    path: &Path,
    progress: &ProgressFn,
) -> Result<(), StoreError> {
    let taken = || {
        StoreError::Invalid(format!(
            "{} exists already: choose a new file name",
            path.display()
        ))
    };
    if path.exists() {
        return Err(taken());
    }
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let file = |error: std::io::Error| StoreError::Unavailable(format!("{}: {error}", partial.display()));
    let mut options_of_file = std::fs::OpenOptions::new();
    options_of_file.write(true).create_new(true);
    // A backup holds the same names and addresses as the database: it is its owner's alone, whatever the umask says.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options_of_file, 0o600);
    options_of_file.open(&partial).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => StoreError::Invalid(format!(
            "{} exists: another backup is under way, or one was interrupted; remove the file in that case",
            partial.display()
        )),
        _ => file(error),
    })?;
    let copied = copy(folder, options, &partial, progress)
        .and_then(|()| {
            std::fs::File::open(&partial)
                .and_then(|f| f.sync_all())
                .map_err(file)
        })
        .and_then(|()| {
            if path.exists() {
                Err(taken())
            } else {
                std::fs::rename(&partial, path).map_err(file)
            }
        });
    if copied.is_err() {
        // The reason is reported below; a file that cannot be removed either is named by the next attempt.
        let _ = std::fs::remove_file(&partial);
        return copied;
    }
    let parent = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    sync_folder(parent).map_err(|e| unavailable(&e))
}

fn copy(folder: &Path, options: &Options, to: &Path, progress: &ProgressFn) -> Result<(), StoreError> {
    let source = reader(&folder.join(DATABASE_FILE), options).map_err(|e| unavailable(&e))?;
    let copy = || -> rusqlite::Result<()> {
        let mut target = Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // An open read transaction pins the moment; without it, every write meanwhile would start the copy anew.
        let moment = source.unchecked_transaction()?;
        source.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get::<_, i64>(0))?;
        {
            let backup = Backup::new(&source, &mut target)?;
            loop {
                let step = backup.step(BACKUP_STEP)?;
                let at = backup.progress();
                let (total, left) = (at.pagecount.unsigned_abs(), at.remaining.unsigned_abs());
                progress(Progress {
                    done: u64::from(total - left.min(total)),
                    total: u64::from(total),
                });
                match step {
                    StepResult::Done => break,
                    StepResult::More => {}
                    _ => std::thread::sleep(std::time::Duration::from_millis(10)),
                }
            }
        }
        moment.commit()?;
        // The copy must be whole in its one file, so that it can be moved and opened anywhere.
        target.pragma_update(None, "journal_mode", "DELETE")?;
        target.close().map_err(|(_, error)| error)
    };
    copy().map_err(|e| read_error(&e))
}
