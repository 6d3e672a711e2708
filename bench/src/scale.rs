//! How the cost of lists, of a start and of memory depends on the number of rows: two data folders, the same questions.

use std::path::Path;
use std::sync::Arc;

use clap::Args;
use cosell_domain::Catalog;
use cosell_domain::opportunity::create::{Context, create};
use cosell_domain::opportunity::spend::Estimates;
use cosell_model::Timestamp;
use cosell_model::types::CreateOpportunityRequest;
use cosell_store::{Changes, Store as _, Write};
use cosell_store_sqlite::{Options, SqliteStore};
use serde_json::{Value, json};

use crate::load::{self, Scenario};
use crate::process::{Started, memory};
use crate::requests::{self, ACCOUNT};

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
    /// Keeps the folders here instead of a temporary place, and uses those that are there
    #[arg(long)]
    keep: Option<std::path::PathBuf>,
}

/// The time of the oldest row, 2026-01-01; each further row is a second younger.
const OLDEST: i64 = 1_767_225_600_000;

pub fn main(arguments: &Arguments) -> anyhow::Result<()> {
    let temporary = tempfile::tempdir()?;
    let place = arguments
        .keep
        .clone()
        .unwrap_or_else(|| temporary.path().to_owned());
    let mut servers = Vec::new();
    for rows in [arguments.small, arguments.large] {
        let folder = place.join(format!("rows-{rows}"));
        if !folder.exists() {
            fill(&folder, rows)?;
        }
        let text = folder.to_str().unwrap_or_default();
        let server = Started::start("cosell", &["dev", "--listen", "127.0.0.1:0", "--data", text])?;
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
    let (address, pid) = (server.address.clone(), Some(server.pid()));
    load::measure(&load::Arguments {
        address,
        scenario,
        connections,
        seconds,
        pid,
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

/// Makes a data folder with that many rows: a development server makes the accounts, the rows go past the API.
fn fill(folder: &Path, rows: u64) -> anyhow::Result<()> {
    let text = folder.to_str().unwrap_or_default();
    drop(Started::start(
        "cosell",
        &["dev", "--listen", "127.0.0.1:0", "--data", text],
    )?);
    let store = Arc::new(SqliteStore::open(
        folder,
        Options {
            durable: false,
            ..Options::default()
        },
    )?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        // The identifiers that the rows take are never given to anything else.
        let block = store.reserve("opportunity", rows).await?;
        let estimates = Estimates::default();
        let started = std::time::Instant::now();
        let mut changes = Changes::default();
        for (row, number) in block.enumerate() {
            let row = row as u64;
            let body = serde_json::to_vec(&requests::create(row, "bulk"))?;
            let input: CreateOpportunityRequest = serde_json::from_slice(&body)?;
            let id = format!("O{}", 10_000_000 + number);
            let context = Context {
                account: ACCOUNT,
                catalog: Catalog::Sandbox,
                region: "us-east-1",
                id: &id,
                now: Timestamp::from_millis(OLDEST + i64::try_from(row)? * 1000),
                estimates: &estimates,
            };
            let opportunity =
                create(input, context).map_err(|violations| anyhow::anyhow!("{violations:?}"))?;
            changes
                .writes
                .push(Write::Insert(cosell_service::opportunity_record(
                    ACCOUNT,
                    &opportunity,
                    1,
                )?));
            if changes.writes.len() == 1000 || row + 1 == rows {
                store.apply(std::mem::take(&mut changes)).await?;
            }
            if row > 0 && row.is_multiple_of(50_000) {
                eprint!(
                    "\r{row} of {rows} rows, {:.0}/s ",
                    row as f64 / started.elapsed().as_secs_f64()
                );
            }
        }
        eprintln!("\r{rows} rows in {:.1} s", started.elapsed().as_secs_f64());
        store.close().await;
        anyhow::Ok(())
    })?;
    Ok(())
}
