//! Reads everything there is, as it is at one moment.
//!
//! Every statement walks a key in its own order; nothing is sorted, so nothing is gathered in memory.

use super::{BATCH, BATCH_BYTES};
use crate::error::read_error;
use crate::list::{bytes_of, value};
use crate::open::{DATABASE_FILE, Options, reader};
use crate::{apply, delivery, events, log, sql};
use cosell_model::Timestamp;
use cosell_store::{
    ExportItem, FormerVersion, Idempotency, Key, Kind, Progress, ProgressFn, Record, Scope, StoreError,
};
use rusqlite::types::Type;
use rusqlite::{Connection, Row};
use std::fmt::Write as _;
use std::path::Path;
use tokio::sync::mpsc::Sender;

/// Why reading ends early.
enum Stop {
    Sqlite(rusqlite::Error),
    /// Nobody takes the items any more.
    Unwanted,
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Stop::Sqlite(error)
    }
}

/// Sends everything, in the order of the contract; how many items.
pub(super) fn everything(
    folder: &Path,
    options: &Options,
    progress: &ProgressFn,
    sender: &Sender<Vec<ExportItem>>,
) -> Result<u64, StoreError> {
    let connection = reader(&folder.join(DATABASE_FILE), options)
        .map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let mut out = Out {
        sender,
        progress,
        batch: Vec::new(),
        bytes: 0,
        done: 0,
        total: 0,
    };
    match send_all(&connection, &mut out) {
        Ok(()) => Ok(out.done),
        Err(Stop::Sqlite(error)) => Err(read_error(&error)),
        Err(Stop::Unwanted) => Err(StoreError::Unavailable("the export was given up".into())),
    }
}

struct Out<'a> {
    sender: &'a Sender<Vec<ExportItem>>,
    progress: &'a ProgressFn,
    batch: Vec<ExportItem>,
    bytes: usize,
    done: u64,
    total: u64,
}

impl Out<'_> {
    fn item(&mut self, item: ExportItem) -> Result<(), Stop> {
        self.bytes += item.weight();
        self.batch.push(item);
        self.done += 1;
        match self.batch.len() == BATCH || self.bytes >= BATCH_BYTES {
            true => self.flush(),
            false => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<(), Stop> {
        let batch = std::mem::take(&mut self.batch);
        self.bytes = 0;
        (self.progress)(Progress {
            done: self.done,
            total: self.total,
        });
        self.sender.blocking_send(batch).map_err(|_| Stop::Unwanted)
    }
}

/// The tables besides those of the kinds, in the order in which their items come, with the statement that reads them.
const OTHERS: [(&str, &str); 6] = [
    ("sequence", "SELECT name, next FROM sequence ORDER BY name"),
    (
        "idempotency",
        "SELECT account, operation, token, catalog, request_hash, answer, created_at, expires_at FROM idempotency \
         ORDER BY row",
    ),
    (
        "job",
        "SELECT id, kind, run_at, payload, attempts FROM job ORDER BY id",
    ),
    (
        "event",
        "SELECT seq, id, account, catalog, detail_type, time, body FROM event ORDER BY seq",
    ),
    ("audit", "SELECT seq, time, account, body FROM audit ORDER BY seq"),
    (
        "history",
        "SELECT h.kind, h.tenant, h.id, h.version, h.until, h.document, h.private, t.account, t.catalog \
         FROM history AS h LEFT JOIN tenant AS t ON t.tenant = h.tenant ORDER BY h.seq",
    ),
];

fn send_all(connection: &Connection, out: &mut Out<'_>) -> Result<(), Stop> {
    let moment = connection.unchecked_transaction()?;
    let tables = Kind::ALL.map(|kind| kind.spec().table);
    let others = OTHERS.map(|(table, _)| table);
    for table in tables
        .into_iter()
        .chain(others)
        .chain(["delivery_target", "delivery"])
    {
        let count = format!("SELECT count(*) FROM {table}");
        out.total += connection.query_row(&count, [], |row| row.get::<_, u64>(0))?;
    }
    let mut tenants = tenants(connection)?;
    tenants.sort();
    for kind in Kind::ALL {
        let mut statement = connection.prepare(&records_sql(kind))?;
        for (account, catalog, tenant) in &tenants {
            let scope = match (account.is_empty(), catalog.is_empty()) {
                (true, true) => Scope::Global,
                (false, true) => Scope::Account,
                (false, false) => Scope::Catalog,
                (true, false) => Scope::Shared,
            };
            if scope != kind.spec().scope {
                continue;
            }
            let mut rows = statement.query([tenant])?;
            while let Some(row) = rows.next()? {
                let record = record(row, kind, account, catalog)?;
                out.item(ExportItem::Record(record))?;
            }
        }
    }
    let readers = [sequence, answer, job, event, audit, former];
    for ((_, statement), read) in OTHERS.into_iter().zip(readers) {
        let mut statement = connection.prepare(statement)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            out.item(read(row)?)?;
        }
    }
    for (number, state) in delivery::all(connection)? {
        let name = state.target.clone();
        out.item(ExportItem::Target {
            target: state.target,
            position: state.position,
            status: state.status,
            delivered: state.delivered,
            attempts: state.attempts,
            failures: state.failures,
        })?;
        delivery::by_state(connection, number, &name, |one| {
            out.item(ExportItem::Delivery(one))
        })?;
    }
    out.flush()?;
    Ok(moment.commit()?)
}

fn tenants(connection: &Connection) -> rusqlite::Result<Vec<(String, String, i64)>> {
    let mut statement = connection.prepare("SELECT account, catalog, tenant FROM tenant")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}

/// The records of a tenant (`?1`) in the order of their ids: id, version, document, private, summary, columns. A record
/// without a document breaks the export off, where an inner join would lose it.
fn records_sql(kind: Kind) -> String {
    let spec = kind.spec();
    let table = spec.table;
    let mut columns = String::new();
    for column in spec.columns {
        // Writing to a string cannot fail.
        let _ = write!(columns, ", l.{}", column.name);
    }
    format!(
        "SELECT l.id, l.version, b.document, b.private, l.summary{columns} FROM {table} AS l INDEXED BY {} \
         LEFT JOIN {table}_body AS b ON b.row = l.row WHERE l.tenant=?1 ORDER BY l.id",
        sql::index_name(spec, &[])
    )
}

fn record(row: &Row<'_>, kind: Kind, account: &str, catalog: &str) -> rusqlite::Result<Record> {
    let columns = kind.spec().columns.iter().enumerate();
    Ok(Record {
        key: Key::new(kind, account, catalog, row.get::<_, String>(0)?),
        version: row.get(1)?,
        document: bytes_of(row, 2)?,
        private: bytes_of(row, 3)?,
        summary: bytes_of(row, 4)?,
        columns: columns
            .map(|(place, column)| Ok((column.name, value(row, place + 5)?)))
            .collect::<rusqlite::Result<_>>()?,
    })
}

fn sequence(row: &Row<'_>) -> rusqlite::Result<ExportItem> {
    let (name, next) = (row.get(0)?, row.get(1)?);
    Ok(ExportItem::Sequence { name, next })
}

fn answer(row: &Row<'_>) -> rusqlite::Result<ExportItem> {
    let answer = Idempotency {
        account: row.get(0)?,
        operation: row.get(1)?,
        token: row.get(2)?,
        request_hash: row.get(4)?,
        answer: bytes_of(row, 5)?,
        created_at: Timestamp::from_millis(row.get(6)?),
        expires_at: Timestamp::from_millis(row.get(7)?),
    };
    let catalog = row.get(3)?;
    Ok(ExportItem::Answer { catalog, answer })
}

fn job(row: &Row<'_>) -> rusqlite::Result<ExportItem> {
    let job = apply::job(row)?;
    Ok(ExportItem::Job(job))
}

fn event(row: &Row<'_>) -> rusqlite::Result<ExportItem> {
    let stored = events::event(row)?;
    Ok(ExportItem::Event(stored))
}

fn audit(row: &Row<'_>) -> rusqlite::Result<ExportItem> {
    let stored = log::entry(row)?;
    Ok(ExportItem::Audit(stored))
}

fn former(row: &Row<'_>) -> rusqlite::Result<ExportItem> {
    let table: String = row.get(0)?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.spec().table == table);
    let Some(kind) = kind else {
        return Err(rusqlite::Error::InvalidColumnType(0, table, Type::Text));
    };
    let key = Key::new(
        kind,
        row.get::<_, String>(7)?,
        row.get::<_, String>(8)?,
        row.get::<_, String>(2)?,
    );
    let former = FormerVersion {
        key,
        version: row.get(3)?,
        until: row.get::<_, Option<i64>>(4)?.map(Timestamp::from_millis),
        document: bytes_of(row, 5)?,
        private: bytes_of(row, 6)?,
    };
    Ok(ExportItem::Former(former))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_sorted_to_be_read() {
        let mut connection = Connection::open_in_memory().unwrap();
        crate::migrate::migrate(&mut connection).unwrap();
        let others = OTHERS.map(|(_, statement)| statement.to_owned());
        for statement in Kind::ALL.map(records_sql).into_iter().chain(others) {
            let plan = crate::list::plan_of(&connection, &statement);
            let sorted = plan.iter().any(|line| line.contains("TEMP B-TREE"));
            assert!(!plan.is_empty() && !sorted, "{statement}\n{plan:?}");
        }
    }
}
