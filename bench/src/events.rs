//! Whether delivering a backlog slows with its size: two logs of events, the same target, the same figures for the first and the
//! last part of each.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use clap::{Args, ValueEnum};
use cosell_events::{
    Deliverer, EngineOptions, Network, Outside, RealSinks, Registered, Registry, Rule, Secrets, Target,
};
use cosell_model::Timestamp;
use cosell_store::{Changes, Event, Store};
use cosell_store_sqlite::{Options, SqliteStore};
use serde_json::{Value, json};

use crate::process::{Started, cpu};
use crate::requests::ACCOUNT;

#[derive(Args)]
pub struct Arguments {
    /// Events of the small log
    #[arg(long, default_value_t = 10_000)]
    small: u64,
    /// Events of the large log
    #[arg(long, default_value_t = 1_000_000)]
    large: u64,
    /// Where they are delivered to
    #[arg(long, value_enum, default_value_t = Kind::Webhook)]
    kind: Kind,
    /// Rounds of the small log, whose figures are medians; the large one is delivered once
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A webhook served by a process of its own
    Webhook,
    /// A file, brought to disk for each batch
    File,
}

/// Events of the first and of the last part that is measured.
const PART: u64 = 10_000;
/// Opportunities that the events are about.
const OPPORTUNITIES: u64 = 5_000;
/// The time of the oldest event, 2026-01-01; each further event is a second younger.
const OLDEST: i64 = 1_767_225_600_000;

/// What a part of a delivery cost.
#[derive(Clone, Copy)]
struct Part {
    per_second: f64,
    /// Processor time of the engine and the store per event, in microseconds.
    micros: f64,
}

pub fn main(arguments: &Arguments) -> anyhow::Result<()> {
    anyhow::ensure!(
        arguments.small >= PART && arguments.large >= 2 * PART,
        "the small log takes at least {PART} events, the large one twice that"
    );
    let hook = Started::start("bench", &["hook"])?;
    let mut small = Vec::new();
    for _ in 0..arguments.rounds {
        small.push(deliver(arguments.kind, &hook.address, arguments.small)?.0);
    }
    let middle = |pick: fn(&Part) -> f64| crate::run::median(small.iter().map(pick));
    let small = Part {
        per_second: middle(|part| part.per_second),
        micros: middle(|part| part.micros),
    };
    let (first, last) = deliver(arguments.kind, &hook.address, arguments.large)?;
    println!(
        "| {:?}, {PART} events | events/s | µs of CPU per event | CPU, small log = 1 |",
        arguments.kind
    );
    println!("| --- | --- | --- | --- |");
    for (name, part) in [
        (format!("the first of {}", arguments.small), small),
        (format!("the first of {}", arguments.large), first),
        (format!("the last of {}", arguments.large), last),
    ] {
        println!(
            "| {name} | {:.0} | {:.1} | {:.2} |",
            part.per_second,
            part.micros,
            part.micros / small.micros
        );
    }
    Ok(())
}

/// Fills a log, and delivers all of it: the first part and the last part.
fn deliver(kind: Kind, hook: &str, events: u64) -> anyhow::Result<(Part, Part)> {
    let folder = tempfile::tempdir()?;
    let place = folder.path();
    let store = place.join("store");
    std::fs::create_dir(&store)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let quick = Options {
            durable: false,
            ..Options::default()
        };
        let filled = SqliteStore::open(&store, quick)?;
        fill(&filled, events).await?;
        filled.close().await;
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&store, Options::default())?);
        let sink = match kind {
            Kind::Webhook => json!({"kind": "webhook", "url": format!("http://{hook}/hook")}),
            Kind::File => json!({"kind": "file", "path": "events.jsonl"}),
        };
        let measured = measure(store.clone(), sink, place.join("files"), events).await;
        store.close().await;
        measured
    })
}

async fn fill(store: &SqliteStore, events: u64) -> anyhow::Result<()> {
    let mut changes = Changes::default();
    for number in 1..=events {
        let id = format!("00000000-0000-7000-8000-{number:012}");
        let time = Timestamp::from_millis(OLDEST + i64::try_from(number)? * 1000);
        let opportunity = format!("O{}", number % OPPORTUNITIES);
        let arn = format!("arn:aws:partnercentral:us-east-1::catalog/Sandbox/opportunity/{opportunity}");
        let body = json!({"version": "0", "id": id, "detail-type": "Opportunity Updated",
            "source": "aws.partnercentral-selling", "account": ACCOUNT, "time": time.to_string(),
            "region": "us-east-1", "resources": [&arn],
            "detail": {"schemaVersion": "1", "catalog": "Sandbox", "opportunity": {"identifier": opportunity, "arn": arn}}});
        changes.events.push(Event {
            id,
            account: ACCOUNT.into(),
            catalog: "Sandbox".into(),
            detail_type: "Opportunity Updated".into(),
            time,
            body: Bytes::from(body.to_string()),
        });
        if changes.events.len() == 1000 || number == events {
            store.apply(std::mem::take(&mut changes)).await?;
        }
    }
    Ok(())
}

struct Fixed(Registered);

#[async_trait]
impl Registry for Fixed {
    async fn load(&self) -> Result<Registered, String> {
        Ok(self.0.clone())
    }
}

async fn measure(
    store: Arc<dyn Store>,
    sink: Value,
    files: PathBuf,
    events: u64,
) -> anyhow::Result<(Part, Part)> {
    let target = Target::read(
        json!({"id": "bench", "sink": sink, "concurrency": 16})
            .to_string()
            .as_bytes(),
    )?;
    let secrets = Secrets {
        signing: vec![cosell_events::new_signing_secret().map_err(|error| anyhow::anyhow!("{error}"))?],
        ..Secrets::default()
    };
    let rule = json!({"name": "all", "pattern": {"source": ["aws.partnercentral-selling"]}, "targets": [target.name()]});
    let rule = Rule::read(rule.to_string().as_bytes())?;
    let registry = Fixed(Registered {
        targets: vec![(target, secrets)],
        rules: vec![rule],
    });
    #[expect(
        clippy::disallowed_methods,
        reason = "the machine's time for signatures and leases"
    )]
    let now = Arc::new(|| Timestamp::from_millis(jiff::Timestamp::now().as_millisecond()));
    let options = EngineOptions {
        holder: "bench".into(),
        lease: Duration::from_secs(30),
        now: now.clone(),
        signing_now: now.clone(),
        event_now: now,
        held: false,
    };
    let sinks = RealSinks::new(Outside::new(Network::development(), Vec::new())).with_files(files);
    let own = std::process::id();
    let begin = (0, Instant::now(), cpu(own)?);
    let deliverer = Deliverer::start(store.clone(), Arc::new(registry), Arc::new(sinks), options).await;
    // Where the cursor was, when, and what had been used by then: at the borders of the parts.
    let mut marks = vec![begin];
    for border in [PART, events - PART, events] {
        let mark = loop {
            let state = store.open_target("/bench", 0).await?;
            anyhow::ensure!(state.failures == 0, "deliveries failed: {:?}", state.status);
            if state.position >= border {
                break (state.position, Instant::now(), cpu(own)?);
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        };
        marks.push(mark);
    }
    deliverer.stop(Duration::from_secs(5)).await;
    let part = |from: usize, to: usize| {
        let ((before, began, used), (after, ended, used_then)) = (marks[from], marks[to]);
        let count = (after - before) as f64;
        Part {
            per_second: count / (ended - began).as_secs_f64(),
            micros: (used_then - used).as_micros() as f64 / count,
        }
    };
    Ok((part(0, 1), part(2, 3)))
}
