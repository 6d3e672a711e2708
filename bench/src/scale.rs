//! How the cost of lists, of a start and of memory depends on the number of rows: a small and a large store, the same questions.

use std::path::Path;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use cosell_domain::Catalog;
use cosell_domain::opportunity::create::{Context, create};
use cosell_domain::opportunity::spend::Estimates;
use cosell_model::Timestamp;
use cosell_model::types::CreateOpportunityRequest;
use cosell_store::{Progress, Record, Store};
use cosell_store_postgres::PostgresStore;
use cosell_store_sqlite::{Options, SqliteStore};
use serde_json::{Value, json};

use crate::load::{self, Scenario};
use crate::process::{Started, memory};
use crate::requests::{self, ACCOUNT};
use crate::stores;

#[derive(Args)]
pub struct Arguments {
    /// Rows of the small folder
    #[arg(long, default_value_t = 1_000)]
    small: u64,
    /// Rows of the large folder
    #[arg(long, default_value_t = 1_000_000)]
    large: u64,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 1)]
    seconds: u64,
    /// Rounds; each figure is the median over them
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Which store the rows are in
    #[arg(long, value_enum, default_value_t = Backend::Sqlite)]
    store: Backend,
    /// Keeps the folders here instead of a temporary place, and uses those that are there (SQLite only)
    #[arg(long)]
    keep: Option<std::path::PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Backend {
    /// A data folder
    Sqlite,
    /// A database of a throw-away PostgreSQL
    Postgres,
}

/// The time of the oldest row, 2026-01-01; each further row is a second younger.
const OLDEST: i64 = 1_767_225_600_000;

pub fn main(arguments: &Arguments) -> anyhow::Result<()> {
    let temporary = tempfile::tempdir()?;
    let place = arguments
        .keep
        .clone()
        .unwrap_or_else(|| temporary.path().to_owned());
    let postgres = match arguments.store {
        Backend::Sqlite => None,
        Backend::Postgres => {
            anyhow::ensure!(
                arguments.keep.is_none(),
                "--keep is for SQLite: leave it out, or --store postgres"
            );
            Some(stores::start(&[]))
        }
    };
    let mut servers = Vec::new();
    for rows in [arguments.small, arguments.large] {
        let folder = place.join(format!("rows-{rows}"));
        let database = postgres.as_ref().map(stores::database);
        if !folder.exists() {
            fill(&folder, database.as_deref(), rows)?;
        }
        let server = stores::node(&folder, database.as_deref())?;
        let (idle, _) = memory(server.pid())?;
        println!(
            "{rows} rows: start to `ready` {} ms, {} MB resident when idle",
            server.ready.as_millis(),
            idle >> 20
        );
        servers.push((rows, server));
    }
    println!(
        "\n| ListOpportunities, page of 20, one client | p50 µs, {} rows | p50 µs, {} rows | ratio |",
        arguments.small, arguments.large
    );
    println!("| --- | --- | --- | --- |");
    let (small, large) = (questions(arguments.small), questions(arguments.large));
    for ((name, few), (_, many)) in small.into_iter().zip(large) {
        // In turn, so that a machine that slows down slows both.
        let mut medians = [Vec::new(), Vec::new()];
        for _ in 0..arguments.rounds {
            for ((body, (_, server)), found) in [&few, &many].into_iter().zip(&servers).zip(&mut medians) {
                found.push(ask(server, Scenario::List, 1, arguments.seconds, Some(body.clone()))?.p50);
            }
        }
        let [small, large] = medians.map(|mut found| {
            found.sort_unstable();
            found[found.len() / 2]
        });
        println!(
            "| {name} | {small} | {large} | {:.2} |",
            large as f64 / small as f64
        );
    }
    println!();
    for (rows, server) in &servers {
        ask(server, Scenario::Mixed, 16, 5, None)?;
        let (all, anonymous) = memory(server.pid())?;
        println!(
            "{rows} rows: {} MB resident after the load, {} MB of it not backed by files",
            all >> 20,
            anonymous >> 20
        );
    }
    Ok(())
}

fn ask(
    server: &Started,
    scenario: Scenario,
    connections: usize,
    seconds: u64,
    list_body: Option<Value>,
) -> anyhow::Result<load::Measured> {
    let (address, pid) = (vec![server.address.clone()], vec![server.pid()]);
    load::measure(&load::Arguments {
        address,
        scenario,
        connections,
        seconds,
        pid,
        database: None,
        list_body,
    })
}

/// Every sort in both directions, and every filter alone in the default order, with some of them in another.
fn questions(rows: u64) -> Vec<(String, Value)> {
    let list = |extra: Value| {
        let mut body = json!({"Catalog": "Sandbox", "MaxResults": 20});
        if let (Some(body), Value::Object(extra)) = (body.as_object_mut(), extra) {
            body.extend(extra);
        }
        body
    };
    let mut questions = vec![("no filter, default sort".to_owned(), list(json!({})))];
    for sort in [
        "LastModifiedDate",
        "Identifier",
        "CustomerCompanyName",
        "CreatedDate",
        "TargetCloseDate",
    ] {
        for order in ["ASCENDING", "DESCENDING"] {
            let body = list(json!({"Sort": {"SortBy": sort, "SortOrder": order}}));
            questions.push((format!("sort {sort} {order}"), body));
        }
    }
    // As many rows match at both sizes, so that the same page is asked of tables of different sizes.
    let time =
        |row: u64| Timestamp::from_millis(OLDEST + i64::try_from(row).unwrap_or_default() * 1000).to_string();
    let some = (rows / 2).saturating_sub(50);
    let range = json!({"AfterLastModifiedDate": time(some), "BeforeLastModifiedDate": time(some + 100)});
    let created = json!({"AfterCreatedDate": time(some), "BeforeCreatedDate": time(some + 100)});
    let by_name = json!({"SortBy": "CustomerCompanyName", "SortOrder": "ASCENDING"});
    for (name, extra) in [
        (
            "filter 3 Identifiers",
            json!({"Identifier": ["O10000001", "O10000500", "O10000900"]}),
        ),
        ("filter Stage", json!({"LifeCycleStage": ["Committed"]})),
        (
            "filter Stage, 3 values",
            json!({"LifeCycleStage": ["Committed", "Prospect", "Qualified"]}),
        ),
        (
            "filter Stage, sort CustomerCompanyName",
            json!({"LifeCycleStage": ["Committed"], "Sort": by_name}),
        ),
        (
            "filter ReviewStatus",
            json!({"LifeCycleReviewStatus": ["Pending Submission"]}),
        ),
        (
            "filter ReviewStatus without a match",
            json!({"LifeCycleReviewStatus": ["Rejected"]}),
        ),
        (
            "filter CustomerCompanyName",
            json!({"CustomerCompanyName": ["Example Customer 0007"]}),
        ),
        (
            "filter LastModifiedDate, 100 match",
            json!({"LastModifiedDate": range}),
        ),
        ("filter CreatedDate, 100 match", json!({"CreatedDate": created})),
        (
            "filter CreatedDate, sort CustomerCompanyName",
            json!({"CreatedDate": created, "Sort": by_name}),
        ),
        (
            "filter LastModifiedDate, open end",
            json!({"LastModifiedDate": {"AfterLastModifiedDate": time(0)}}),
        ),
        (
            "filter TargetCloseDate",
            json!({"TargetCloseDate": {"AfterTargetCloseDate": "2045-01-01", "BeforeTargetCloseDate": "2060-12-31"}}),
        ),
        (
            "filter Stage, ReviewStatus and Company",
            json!({"LifeCycleStage": ["Prospect"], "LifeCycleReviewStatus": ["Pending Submission"], "CustomerCompanyName": ["Example Customer 0007", "Example Customer 0008"]}),
        ),
    ] {
        questions.push((name.to_owned(), list(extra)));
    }
    questions
}

/// Makes a store with that many rows: a development server makes the accounts, the rows go past the API.
fn fill(folder: &Path, database: Option<&str>, rows: u64) -> anyhow::Result<()> {
    drop(stores::node(folder, database)?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let store: Arc<dyn Store> = match database {
            Some(url) => Arc::new(PostgresStore::open(url, cosell_store_postgres::Options::default()).await?),
            None => {
                let quick = Options {
                    durable: false,
                    ..Options::default()
                };
                Arc::new(SqliteStore::open(folder, quick)?)
            }
        };
        // The identifiers that the rows take are never given to anything else.
        let block = store.reserve("opportunity", rows).await?;
        let started = std::time::Instant::now();
        let mut failed = None;
        let mut records = block
            .enumerate()
            .map_while(|(row, number)| match record(row as u64, number) {
                Ok(record) => Some(record),
                Err(error) => {
                    failed = Some(error);
                    None
                }
            });
        let shown = Arc::new(move |progress: Progress| {
            let done = progress.done;
            eprint!(
                "\r{done} of {rows} rows, {:.0}/s ",
                done as f64 / started.elapsed().as_secs_f64()
            );
        });
        store.bulk(&mut records, shown).await?;
        if let Some(error) = failed {
            return Err(error);
        }
        store.close().await;
        if let Some(url) = database {
            // What autovacuum does some minutes later by itself.
            let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
            tokio::spawn(connection);
            client.batch_execute("VACUUM ANALYZE").await?;
        }
        eprintln!("\r{rows} rows in {:.1} s", started.elapsed().as_secs_f64());
        anyhow::Ok(())
    })
}

/// The `row`th opportunity, with the number of its identifier.
fn record(row: u64, number: u64) -> anyhow::Result<Record> {
    let body = serde_json::to_vec(&requests::create(row, "bulk"))?;
    let input: CreateOpportunityRequest = serde_json::from_slice(&body)?;
    let id = format!("O{}", 10_000_000 + number);
    let context = Context {
        account: ACCOUNT,
        catalog: Catalog::Sandbox,
        region: "us-east-1",
        id: &id,
        now: Timestamp::from_millis(OLDEST + i64::try_from(row)? * 1000),
        estimates: &Estimates::default(),
    };
    let opportunity = create(input, context).map_err(|violations| anyhow::anyhow!("{violations:?}"))?;
    Ok(cosell_service::opportunity_record(ACCOUNT, &opportunity, 1)?)
}
