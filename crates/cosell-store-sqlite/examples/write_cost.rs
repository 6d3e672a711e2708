//! What a write costs: writes per second of a lone writer and of 64 waiting ones, and CPU per write, for documents of
//! 3 KB with every index, a kept answer, an event and an audit entry; and how much more a partner's own identifier costs,
//! which only the opportunities that have one should pay for.
//!
//! `cargo run --release -p cosell-store-sqlite --example write_cost [seconds] [folder]`

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use cosell_model::Timestamp;
use cosell_store::{AuditEntry, Changes, Event, Idempotency, Key, Kind, Record, Store, Write};
use cosell_store_sqlite::{Options, SqliteStore};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn record(id: u64, version: u64, now: i64) -> Record {
    let scattered = id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let pick = |values: &[&'static str]| values[scattered as usize % values.len()];
    let document = format!(
        r#"{{"Id":"O{id}","Version":{version},"Text":"{}"}}"#,
        "x".repeat(3000)
    );
    let summary = format!(r#"{{"Id":"O{id}","Text":"{}"}}"#, "x".repeat(600));
    Record {
        key: Key::new(Kind::Opportunity, "111122223333", "AWS", format!("O{id}")),
        version,
        document: document.into(),
        summary: summary.into(),
        private: Bytes::from_static(br#"{"History":[]}"#),
        columns: vec![
            ("last_modified", now.into()),
            ("created", (id as i64).into()),
            (
                "target_close",
                format!("2030-{:02}-{:02}", scattered % 12 + 1, scattered % 28 + 1).into(),
            ),
            ("company", format!("Company {}", scattered % 1000).into()),
            (
                "stage",
                pick(&[
                    "Prospect",
                    "Qualified",
                    "Technical Validation",
                    "Business Validation",
                    "Committed",
                ])
                .into(),
            ),
            (
                "review_status",
                pick(&["Pending Submission", "Submitted", "In review", "Approved"]).into(),
            ),
        ],
    }
}

fn change(write: Write, id: u64, version: u64, now: i64) -> Changes {
    let time = Timestamp::from_millis(now);
    let body = Bytes::from(format!(
        r#"{{"opportunity":"O{id}","text":"{}"}}"#,
        "x".repeat(300)
    ));
    let answer = Idempotency {
        account: "111122223333".into(),
        operation: "CreateOpportunity".into(),
        token: format!("{:016x}-{version:016x}", id.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        request_hash: [7; 32],
        answer: Bytes::from(format!(
            r#"{{"Id":"O{id}","LastModifiedDate":"2030-01-01T00:00:00.000Z"}}"#
        )),
        created_at: time,
        expires_at: time.plus_millis(86_400_000),
    };
    let event = Event {
        // In the order of time, as the ids of events are.
        id: format!("{now:012x}{id:012x}{version:08x}"),
        account: "111122223333".into(),
        catalog: "AWS".into(),
        detail_type: "Opportunity Created".into(),
        time,
        body: body.clone(),
    };
    Changes {
        writes: vec![write],
        idempotency: (version == 1).then_some(answer),
        events: vec![event],
        audit: vec![AuditEntry {
            time,
            account: "111122223333".into(),
            body,
        }],
        ..Changes::default()
    }
}

/// CPU seconds of this process so far, from the kernel's own account (clock ticks of 10 ms).
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or("").split(' ').collect();
    let ticks = |n: usize| {
        fields
            .get(n)
            .and_then(|f| f.parse::<f64>().ok())
            .unwrap_or(f64::NAN)
    };
    (ticks(11) + ticks(12)) / 100.0
}

struct Figures {
    per_second: f64,
    micros: f64,
    p99: Duration,
}

/// What the writers of a run do.
#[derive(Clone, Copy, PartialEq)]
enum Work {
    /// Each creates records.
    Create,
    /// Each creates records that have a partner's own identifier.
    CreateIdentified,
    /// Each creates one record and replaces it again and again.
    Update,
}

/// Lets `writers` write for a time.
async fn run(
    name: &str,
    store: &Arc<SqliteStore>,
    next: &Rc<Cell<u64>>,
    writers: usize,
    time: Duration,
    work: Work,
) -> Figures {
    let (cpu_before, stats_before, start) = (cpu(), store.stats(), Instant::now());
    let local = tokio::task::LocalSet::new();
    let tasks: Vec<_> = (0..writers)
        .map(|_| {
            let (store, next) = (store.clone(), next.clone());
            local.spawn_local(async move {
                let mut took = Vec::new();
                let mut own = None;
                while start.elapsed() < time {
                    let now = 1_700_000_000_000 + start.elapsed().as_millis() as i64;
                    let (id, version) = match own {
                        Some((id, version)) if work == Work::Update => (id, version + 1),
                        _ => {
                            next.set(next.get() + 1);
                            (next.get(), 1)
                        }
                    };
                    own = Some((id, version));
                    let mut record = record(id, version, now);
                    if work == Work::CreateIdentified {
                        let identifier = format!("CRM-{:08x}", id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32);
                        record.columns.push(("partner_identifier", identifier.into()));
                    }
                    let write = if version == 1 {
                        Write::Insert(record)
                    } else {
                        Write::Replace {
                            record,
                            expected: version - 1,
                        }
                    };
                    let begin = Instant::now();
                    store.apply(change(write, id, version, now)).await.unwrap();
                    took.push(begin.elapsed());
                }
                took
            })
        })
        .collect();
    let took = local
        .run_until(async {
            let mut all = Vec::new();
            for task in tasks {
                all.extend(task.await.unwrap());
            }
            all.sort();
            all
        })
        .await;
    let seconds = start.elapsed().as_secs_f64();
    let count = took.len() as f64;
    let stats = store.stats();
    let figures = Figures {
        per_second: count / seconds,
        micros: (cpu() - cpu_before) / count * 1e6,
        p99: took[took.len() * 99 / 100],
    };
    println!(
        "{name:34} {:8.0} writes/s  {:6.1} µs CPU/write  p50 {:?}  p99 {:?}  {:.1} writes/commit",
        figures.per_second,
        figures.micros,
        took[took.len() / 2],
        figures.p99,
        (stats.changes - stats_before.changes) as f64 / (stats.commits - stats_before.commits) as f64,
    );
    figures
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let time = Duration::from_secs_f64(arguments.next().map_or(3.0, |s| s.parse().unwrap()));
    let temporary = tempfile::tempdir().unwrap();
    let folder = arguments.next().map_or(temporary.path().to_owned(), Into::into);
    let store = Arc::new(SqliteStore::open(&folder, Options::default()).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let next = Rc::new(Cell::new(0));
        let lone = run("create, lone writer", &store, &next, 1, time, Work::Create).await;
        let many = run(
            "create, 64 waiting writers",
            &store,
            &next,
            64,
            time,
            Work::Create,
        )
        .await;
        // In turns, since a create costs more the more there are.
        let (mut without, mut identified) = (0.0, 0.0);
        for _ in 0..4 {
            let short = time / 2;
            without += run(
                "create, 64 waiting writers",
                &store,
                &next,
                64,
                short,
                Work::Create,
            )
            .await
            .micros;
            identified += run(
                "  with an identifier",
                &store,
                &next,
                64,
                short,
                Work::CreateIdentified,
            )
            .await
            .micros;
        }
        let updates = run(
            "update, 64 waiting writers",
            &store,
            &next,
            64,
            time,
            Work::Update,
        )
        .await;
        println!(
            "64 waiting writers do {:.1} times the writes of a lone one",
            many.per_second / lone.per_second
        );
        println!(
            "an update costs {:.2} times the CPU of a create",
            updates.micros / many.micros
        );
        println!(
            "a create with a partner's own identifier costs {:.2} times the CPU of one without",
            identified / without
        );
        println!("p99 of a lone create: {:?}; of 64: {:?}", lone.p99, many.p99);
        println!("{} records in all", next.get());
    });
}
