//! Hands everything out, in one read transaction of one moment.
//!
//! Rows are streamed: the database goes no further ahead than the connection's buffers. Nothing here may write.

use crate::delivery::{self, read::by_state_sql};
use crate::error::words;
use crate::param::{Column, Raw, Text};
use crate::records::number;
use crate::store::PostgresStore;
use crate::{jobs, log, sql};
use cosell_model::Timestamp;
use cosell_store::{
    DeliveryState, ExportItem, FormerVersion, Idempotency, Key, Kind, Progress, ProgressFn, Record,
    StoreError, TransferError,
};
use futures_util::TryStreamExt as _;
use std::io;
use std::pin::pin;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row};

/// Items between two calls of the progress function.
const STEP: u64 = 1_000;

/// The tables besides those of the kinds, in the order in which their items come, with the statement that reads them.
const OTHERS: [(&str, &str); 6] = [
    ("sequence", "SELECT name, next FROM sequence ORDER BY name"),
    (
        "idempotency",
        "SELECT account, operation, token, catalog, request_hash, answer, created_at, expires_at FROM idempotency \
         ORDER BY seq",
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
        "SELECT kind, tenant, catalog, id, version, until, document, private FROM history ORDER BY seq",
    ),
];

/// Begins a read transaction that sees one moment.
pub(crate) const ONE_MOMENT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Why a look at everything broke off.
pub(crate) enum Stop {
    Postgres(Error),
    Store(StoreError),
    OtherEnd(io::Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Postgres(error)
    }
}

impl From<Stop> for TransferError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Postgres(error) => crate::error::store_error(&error).into(),
            Stop::Store(error) => error.into(),
            Stop::OtherEnd(error) => TransferError::OtherEnd(error),
        }
    }
}

/// Hands every row of a statement to `sink`, as they come.
pub(crate) async fn stream(
    client: &Client,
    sql: &str,
    params: &[i64],
    sink: &mut (dyn FnMut(&Row) -> Result<(), Stop> + Send),
) -> Result<(), Stop> {
    let params = params.iter().map(|p| p as &(dyn ToSql + Sync));
    let statement = client.prepare(sql).await?;
    let mut rows = pin!(client.query_raw(&statement, params.collect::<Vec<_>>()).await?);
    while let Some(row) = rows.try_next().await? {
        sink(&row)?;
    }
    Ok(())
}

/// Hands everything to a sink; how many items.
pub(crate) async fn export(
    store: &PostgresStore,
    sink: &mut (dyn FnMut(ExportItem) -> io::Result<()> + Send),
    progress: &ProgressFn,
) -> Result<u64, TransferError> {
    let session = store.patient().await?;
    // An error on the way closes the connection, and with it the transaction.
    let client = session.into_client();
    let count = everything(&client, sink, progress).await?;
    let end = client.batch_execute("COMMIT").await;
    end.map_err(|e| StoreError::Unavailable(words(&e)))?;
    Ok(count)
}

async fn everything(
    client: &Client,
    sink: &mut (dyn FnMut(ExportItem) -> io::Result<()> + Send),
    progress: &ProgressFn,
) -> Result<u64, Stop> {
    client.batch_execute(ONE_MOMENT).await?;
    let total = total(client).await?;
    progress(Progress { done: 0, total });
    let mut done = 0;
    let mut hand = |item: ExportItem| {
        sink(item).map_err(Stop::OtherEnd)?;
        done += 1;
        if done % STEP == 0 {
            progress(Progress { done, total });
        }
        Ok::<(), Stop>(())
    };
    for kind in Kind::ALL {
        let mut one = |row: &Row| hand(ExportItem::Record(record(row, kind)?));
        stream(client, &sql::of(kind).all, &[], &mut one).await?;
    }
    let readers = [sequence, answer, job, event, audit, former];
    for ((_, statement), read) in OTHERS.into_iter().zip(readers) {
        let mut one = |row: &Row| hand(read(row)?);
        stream(client, statement, &[], &mut one).await?;
    }
    let targets = client.query(delivery::TARGETS, &[]).await?;
    for row in targets {
        let (number, state) = delivery::target(&row)?;
        let name = state.target.clone();
        hand(ExportItem::Target {
            target: state.target,
            position: state.position,
            status: state.status,
            delivered: state.delivered,
            attempts: state.attempts,
            failures: state.failures,
        })?;
        for state in DeliveryState::ALL {
            let mut one = |row: &Row| {
                let one = delivery::read::delivery(row, name.clone());
                hand(ExportItem::Delivery(one.map_err(|e| Stop::Store(e.into()))?))
            };
            stream(client, &by_state_sql(state), &[number], &mut one).await?;
        }
    }
    progress(Progress { done, total });
    Ok(done)
}

/// How many items there are.
async fn total(client: &Client) -> Result<u64, Error> {
    let kinds = Kind::ALL.map(|kind| sql::table(kind.spec()));
    let others = OTHERS.map(|(table, _)| table.to_owned());
    let rest = ["delivery_target", "delivery"].map(str::to_owned);
    let counts = kinds.into_iter().chain(others).chain(rest);
    let counts = counts.map(|table| format!("(SELECT count(*) FROM {table})"));
    let sum = format!("SELECT {}", counts.collect::<Vec<_>>().join(" + "));
    number(&client.query_one(&sum, &[]).await?, 0)
}

fn record(row: &Row, kind: Kind) -> Result<Record, Error> {
    let columns = kind.spec().columns;
    let text = |place| Ok::<_, Error>(row.try_get::<_, Text>(place)?.0);
    let last = 4 + columns.len();
    Ok(Record {
        key: Key::new(kind, text(0)?, text(1)?, text(2)?),
        version: number(row, 3)?,
        summary: row.try_get::<_, Raw>(last)?.0,
        document: row.try_get::<_, Raw>(last + 1)?.0,
        private: row.try_get::<_, Raw>(last + 2)?.0,
        columns: (columns.iter().enumerate())
            .map(|(n, column)| Ok((column.name, row.try_get::<_, Column>(n + 4)?.0)))
            .collect::<Result<_, Error>>()?,
    })
}

fn sequence(row: &Row) -> Result<ExportItem, Stop> {
    Ok(ExportItem::Sequence {
        name: row.try_get::<_, Text>(0)?.0,
        next: number(row, 1)?,
    })
}

fn answer(row: &Row) -> Result<ExportItem, Stop> {
    let text = |place| Ok::<_, Error>(row.try_get::<_, Text>(place)?.0);
    let hash: &[u8] = row.try_get(4)?;
    let request_hash = hash.try_into();
    let wrong = |_| {
        Stop::Store(StoreError::Corrupt(format!(
            "a hash of a request has {} bytes",
            hash.len()
        )))
    };
    let answer = Idempotency {
        account: text(0)?,
        operation: text(1)?,
        token: text(2)?,
        request_hash: request_hash.map_err(wrong)?,
        answer: row.try_get::<_, Raw>(5)?.0,
        created_at: Timestamp::from_millis(row.try_get(6)?),
        expires_at: Timestamp::from_millis(row.try_get(7)?),
    };
    let catalog = row.try_get::<_, Option<Text>>(3)?.map(|text| text.0);
    Ok(ExportItem::Answer { catalog, answer })
}

fn job(row: &Row) -> Result<ExportItem, Stop> {
    Ok(ExportItem::Job(jobs::job(row)?))
}

fn event(row: &Row) -> Result<ExportItem, Stop> {
    Ok(ExportItem::Event(log::event(row)?))
}

fn audit(row: &Row) -> Result<ExportItem, Stop> {
    Ok(ExportItem::Audit(log::entry(row)?))
}

fn former(row: &Row) -> Result<ExportItem, Stop> {
    let text = |place| Ok::<_, Error>(row.try_get::<_, Text>(place)?.0);
    let table = text(0)?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.spec().table == table);
    let Some(kind) = kind else {
        return Err(Stop::Store(StoreError::Corrupt(format!(
            "there is a version of an unknown {table}"
        ))));
    };
    Ok(ExportItem::Former(FormerVersion {
        key: Key::new(kind, text(1)?, text(2)?, text(3)?),
        version: number(row, 4)?,
        until: row.try_get::<_, Option<i64>>(5)?.map(Timestamp::from_millis),
        document: row.try_get::<_, Raw>(6)?.0,
        private: row.try_get::<_, Raw>(7)?.0,
    }))
}
