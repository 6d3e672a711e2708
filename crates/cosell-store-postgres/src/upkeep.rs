//! A long look at everything: whether it fits together. And the way to a backup, which is not ours.
//!
//! The database's own structures (pages, indexes) are its own tools' to check, `pg_amcheck` and data checksums; here it is
//! looked at what only cosell knows. Nothing here changes a byte.

use crate::delivery::erase::ERASED;
use crate::error::store_error;
use crate::param::{Raw, Text};
use crate::records::number;
use crate::sql;
use crate::store::PostgresStore;
use crate::transfer::stream;
use crate::transfer::{ONE_MOMENT, Stop};
use bytes::Bytes;
use cosell_store::{Kind, Progress, ProgressFn, Report, StoreError};
use std::path::Path;
use tokio_postgres::{Client, Row};

/// Records between two calls of the progress function.
const STEP: u64 = 1_000;

/// Why there is no backup to a file: the database has better ways of its own.
pub(crate) fn backup(path: &Path) -> StoreError {
    if path.exists() {
        return StoreError::Invalid(format!(
            "{} exists already: choose a new file name",
            path.display()
        ));
    }
    StoreError::Invalid(
        "a PostgreSQL store is backed up with PostgreSQL's own tools (pg_dump, pg_basebackup with archived WAL); for a file \
         that any cosell can read, export the state"
            .into(),
    )
}

/// Looks through everything at one moment.
pub(crate) async fn check(store: &PostgresStore, progress: &ProgressFn) -> Result<Report, StoreError> {
    let client = store.patient().await?.into_client();
    let mut report = Report::default();
    match look(&client, progress, &mut report).await {
        Ok(()) => Ok(report),
        Err(Stop::Store(error)) => Err(error),
        Err(Stop::OtherEnd(error)) => Err(StoreError::Unavailable(error.to_string())),
        // Damage that stops the look is itself the finding.
        Err(Stop::Postgres(error)) => match store_error(&error) {
            StoreError::Corrupt(text) => {
                report.problem(format!("the look through the data broke off: {text}"));
                Ok(report)
            }
            other => Err(other),
        },
    }
}

async fn look(client: &Client, progress: &ProgressFn, report: &mut Report) -> Result<(), Stop> {
    client.batch_execute(ONE_MOMENT).await?;
    let tables = Kind::ALL.map(|kind| sql::table(kind.spec()));
    let counts = tables.into_iter().chain(["history".to_owned()]);
    let counts = counts.map(|table| format!("(SELECT count(*) FROM {table})"));
    let sum = format!("SELECT {}", counts.collect::<Vec<_>>().join(" + "));
    let total = number(&client.query_one(&sum, &[]).await?, 0)?;
    progress(Progress { done: 0, total });
    let mut done = 0;
    let mut seen = || {
        done += 1;
        if done % STEP == 0 {
            progress(Progress { done, total });
        }
    };
    for kind in Kind::ALL {
        let table = kind.spec().table;
        let all = format!(
            "SELECT id, summary, document, private FROM {}",
            sql::table(kind.spec())
        );
        let mut one = |row: &Row| {
            report.records += 1;
            let name = format!("{table} {}", row.try_get::<_, Text>(0)?.0);
            let parts = [
                (1, "summary", false),
                (2, "document", false),
                (3, "private part", true),
            ];
            texts(row, &name, &parts, report)?;
            seen();
            Ok(())
        };
        stream(client, &all, &[], &mut one).await?;
    }
    let former = "SELECT id, kind, version, document, private FROM history";
    let mut one = |row: &Row| {
        let (id, kind) = (row.try_get::<_, Text>(0)?.0, row.try_get::<_, Text>(1)?.0);
        let name = format!("version {} of {kind} {id}", number(row, 2)?);
        texts(
            row,
            &name,
            &[(3, "document", false), (4, "private part", true)],
            report,
        )?;
        seen();
        Ok(())
    };
    stream(client, former, &[], &mut one).await?;
    logs(client, report).await?;
    for (text, what) in FINDINGS {
        let found: i64 = client.query_one(text, &[]).await?.try_get(0)?;
        if found > 0 {
            report.problem(format!("{found} {what}"));
        }
    }
    progress(Progress { done: total, total });
    client.batch_execute("COMMIT").await?;
    Ok(())
}

/// Notes which of some columns are not JSON.
fn texts(row: &Row, name: &str, parts: &[(usize, &str, bool)], report: &mut Report) -> Result<(), Stop> {
    for (column, part, may_be_empty) in parts {
        let text: Bytes = row.try_get::<_, Raw>(*column)?.0;
        if *may_be_empty && text.is_empty() {
            continue;
        }
        if let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(&text) {
            report.problem(format!("{name}: the {part} is not JSON: {error}"));
        }
    }
    Ok(())
}

/// Whether the logs have the numbers they should.
async fn logs(client: &Client, report: &mut Report) -> Result<(), Stop> {
    let row = client
        .query_one(
            "SELECT coalesce(min(seq), 1), coalesce(max(seq), 0), count(*), \
             coalesce((SELECT next FROM sequence WHERE name=$1), 0) FROM event",
            &[&ERASED],
        )
        .await?;
    let (oldest, newest, count, erased) = (
        number(&row, 0)?,
        number(&row, 1)?,
        number(&row, 2)?,
        number(&row, 3)?,
    );
    if count + erased < newest + 1 - oldest {
        report.problem(format!(
            "the events from {oldest} to {newest} have gaps: there are {count}"
        ));
    }
    let row = client
        .query_one(
            "SELECT c.event, c.audit, (SELECT coalesce(max(seq), 0) FROM event), \
             (SELECT coalesce(max(seq), 0) FROM audit) FROM log_counter AS c WHERE c.id=1",
            &[],
        )
        .await?;
    for (log, told, there) in [("events", 0, 2), ("audit entries", 1, 3)] {
        let (told, there) = (number(&row, told)?, number(&row, there)?);
        if told != there {
            report.problem(format!(
                "the last number given to {log} is {told}, and the last there is {there}"
            ));
        }
    }
    Ok(())
}

/// What should be found nowhere: each statement counts it.
const FINDINGS: [(&str, &str); 5] = [
    (
        "SELECT count(*) FROM delivery_target AS t WHERE t.name IS NOT NULL AND (t.pending, t.dead) IS DISTINCT FROM \
         ((SELECT count(*) FROM delivery AS d WHERE d.target=t.target AND d.state=0), \
         (SELECT count(*) FROM delivery AS d WHERE d.target=t.target AND d.state=2))",
        "targets have other counts of pending and dead deliveries than deliveries",
    ),
    (
        "SELECT count(*) FROM delivery AS d WHERE NOT EXISTS (SELECT 1 FROM delivery_target AS t WHERE t.target=d.target)",
        "deliveries belong to no target",
    ),
    (
        "SELECT count(*) FROM delivery AS d WHERE NOT EXISTS \
         (SELECT 1 FROM event AS e WHERE e.seq=d.seq AND e.detail_type<>'')",
        "deliveries belong to no event",
    ),
    (
        "SELECT count(*) FROM delivery WHERE state NOT IN (0, 1, 2)",
        "deliveries are in an unknown state",
    ),
    (
        "SELECT count(*) FROM delivery AS d WHERE d.head IS DISTINCT FROM (d.state=0 AND (d.lane IS NULL OR NOT EXISTS \
         (SELECT 1 FROM delivery AS p WHERE p.target=d.target AND p.lane=d.lane AND p.state=0 AND p.seq<d.seq)))",
        "deliveries are the head of a lane and should not be, or are not and should",
    ),
];
