//! A bare SQLite: the documents of the load generator inserted in group commits, with the same columns and indexes as
//! cosell keeps, and nothing else. What cosell adds to it is the price of HTTP, signatures, validation and rules.

use std::time::{Duration, Instant};

use clap::Args;
use rusqlite::{Connection, params};

use crate::process;
use crate::requests::{ACCOUNT, STAGES, create};

#[derive(Args, Clone)]
pub struct Arguments {
    /// Rows per commit: as many as clients wait
    #[arg(long, default_value_t = 64)]
    pub group: usize,
    /// Seconds measured
    #[arg(long, default_value_t = 5)]
    pub seconds: u64,
}

const SCHEMA: &str = "
    PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16384;
    CREATE TABLE row(row INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL,
        last_modified INTEGER NOT NULL, created INTEGER NOT NULL, target_close TEXT, company TEXT, stage TEXT,
        review_status TEXT, summary TEXT NOT NULL) STRICT;
    CREATE TABLE body(row INTEGER PRIMARY KEY, document TEXT NOT NULL) STRICT;
    CREATE UNIQUE INDEX by_id ON row(tenant, id);
    CREATE INDEX by_company ON row(tenant, company, last_modified, id);
    CREATE INDEX by_review ON row(tenant, review_status, last_modified, id);
    CREATE INDEX by_stage ON row(tenant, stage, last_modified, id);
    CREATE INDEX by_modified ON row(tenant, last_modified, id);
    CREATE INDEX by_created ON row(tenant, created, id);
    CREATE INDEX by_close ON row(tenant, target_close, id);";

pub fn main(arguments: &Arguments) -> anyhow::Result<()> {
    let (rate, cpu) = measure(arguments)?;
    println!(
        "bare SQLite, {} rows per commit: {rate:.0} rows/s, CPU {cpu:.1} µs per row",
        arguments.group
    );
    Ok(())
}

/// Rows per second and processor time per row in microseconds.
pub fn measure(arguments: &Arguments) -> anyhow::Result<(f64, f64)> {
    let folder = tempfile::tempdir()?;
    let mut database = Connection::open(folder.path().join("bare.db"))?;
    database.execute_batch(SCHEMA)?;
    let document = serde_json::to_string(&create(1, "token"))?;
    let summary = "x".repeat(750);
    let end = Instant::now() + Duration::from_secs(arguments.seconds);
    let (started, before) = (Instant::now(), process::cpu(std::process::id())?);
    let mut row: i64 = 0;
    while Instant::now() < end {
        let group = database.transaction()?;
        {
            let mut insert =
                group.prepare_cached("INSERT INTO row VALUES(?1,?2,?3,1,?4,?4,?5,?6,?7,?8,?9)")?;
            let mut body = group.prepare_cached("INSERT INTO body VALUES(?1,?2)")?;
            for _ in 0..arguments.group {
                row += 1;
                let id = format!("O{}", 10_000_000 + row);
                let close = format!("20{:02}-{:02}-{:02}", 40 + row % 50, 1 + row % 12, 1 + row % 28);
                let company = format!("{ACCOUNT} {}", row.wrapping_mul(7919) % 500);
                let stage = STAGES[usize::try_from(row).unwrap_or_default() % STAGES.len()];
                insert.execute(params![
                    row,
                    1,
                    id,
                    row,
                    close,
                    company,
                    stage,
                    "Pending Submission",
                    summary
                ])?;
                body.execute(params![row, document])?;
            }
        }
        group.commit()?;
    }
    let cpu = process::cpu(std::process::id())? - before;
    Ok((
        row as f64 / started.elapsed().as_secs_f64(),
        cpu.as_micros() as f64 / row as f64,
    ))
}
