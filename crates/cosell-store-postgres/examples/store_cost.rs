//! What the store costs without a server around it: creations, updates, reads and lists per second, by a lone caller and by many
//! that wait, over one store and over three on one database; and the processor time of this process and of PostgreSQL.
//! The PostgreSQL is a throw-away one that syncs its commits to the disk.
//!
//! `cargo run --release -p cosell-store-postgres --example store_cost [seconds] [rounds]`

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use cosell_model::Timestamp;
use cosell_store::{AuditEntry, Changes, Event, Idempotency, Key, Kind, Query, Record, Sort, Store, Write};
use cosell_store_postgres::{Options, PostgresStore};
use cosell_test_postgres::{Server, start_durable};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const ACCOUNT: &str = "111122223333";
/// Threads that call, each with a runtime of its own, as in the server.
const THREADS: usize = 2;

/// Words that do not repeat, so that they compress as little as what people write.
fn words(seed: u64, count: usize) -> String {
    let mut text = String::new();
    let mut state = seed;
    for _ in 0..count {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        let word = [
            "customer",
            "pipeline",
            "migration",
            "runs",
            "the",
            "deadline",
            "of",
            "analytics",
        ][(state >> 33) as usize % 8];
        text.push_str(word);
        text.push_str(&format!(" {:x} ", (state >> 40) % 4096));
    }
    text
}

fn record(id: u64, version: u64) -> Record {
    let scattered = id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let stage = ["Prospect", "Qualified", "Committed"][scattered as usize % 3];
    Record {
        key: Key::new(Kind::Opportunity, ACCOUNT, "AWS", format!("O{id:08}")),
        version,
        document: format!(r#"{{"Id":"O{id}","Text":"{}"}}"#, words(id, 250)).into(),
        summary: format!(r#"{{"Id":"O{id}","Text":"{}"}}"#, words(id, 60)).into(),
        private: Bytes::from_static(br#"{"History":[]}"#),
        columns: vec![
            ("last_modified", ((id + version) as i64).into()),
            ("created", (id as i64).into()),
            (
                "target_close",
                format!("2030-{:02}-{:02}", scattered % 12 + 1, scattered % 28 + 1).into(),
            ),
            ("company", format!("Company {}", scattered % 500).into()),
            ("stage", stage.into()),
            ("review_status", "Pending Submission".into()),
        ],
    }
}

fn change(write: Write, id: u64, version: u64) -> Changes {
    let time = Timestamp::from_millis(1_700_000_000_000 + id as i64);
    let body = Bytes::from(format!(r#"{{"opportunity":"O{id}","text":"{}"}}"#, words(id, 30)));
    let answer = Idempotency {
        account: ACCOUNT.into(),
        operation: "CreateOpportunity".into(),
        token: format!("{:016x}", id.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        request_hash: [7; 32],
        answer: Bytes::from(format!(r#"{{"Id":"O{id}"}}"#)),
        created_at: time,
        expires_at: time.plus_millis(86_400_000),
    };
    Changes {
        writes: vec![write],
        idempotency: (version == 1).then_some(answer),
        events: vec![Event {
            id: format!("{id:012x}-{version:08x}"),
            account: ACCOUNT.into(),
            catalog: "AWS".into(),
            detail_type: "Opportunity Created".into(),
            time,
            body: body.clone(),
        }],
        audit: vec![AuditEntry {
            time,
            account: ACCOUNT.into(),
            body,
        }],
        ..Changes::default()
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Work {
    Create,
    /// Each caller replaces a record of its own again and again.
    Update,
    Get,
    /// A page of 20 in the default order.
    List,
}

/// Clock ticks in fields of `/proc/PID/stat` behind the name, as seconds.
fn ticks(pid: &str, fields: std::ops::Range<usize>) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let all: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = all.get(fields)?.iter().filter_map(|f| f.parse::<f64>().ok());
    Some(ticks.sum::<f64>() / 100.0)
}

/// Processor seconds of the server, whose processes are children of one.
fn server_cpu(server: &Server) -> f64 {
    let main = server.pid().to_string();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let names = processes.filter_map(|entry| entry.file_name().into_string().ok());
    let is_child = |name: &String| {
        let stat = std::fs::read_to_string(format!("/proc/{name}/stat")).unwrap_or_default();
        let parent = stat
            .rsplit_once(')')
            .and_then(|(_, rest)| rest.split_whitespace().nth(1));
        parent == Some(main.as_str())
    };
    let children = names.filter(is_child).filter_map(|name| ticks(&name, 11..13));
    ticks(&main, 11..15).unwrap() + children.sum::<f64>()
}

/// One caller, until the time is over: how long each call took.
async fn call(store: Arc<PostgresStore>, work: Work, next: Arc<AtomicU64>, until: Instant) -> Vec<Duration> {
    let list = Query {
        kind: Kind::Opportunity,
        account: ACCOUNT.into(),
        catalog: "AWS".into(),
        filters: vec![],
        sort: Sort {
            by: "last_modified",
            descending: true,
        },
        after: None,
        limit: 20,
    };
    let own = next.fetch_add(1, Ordering::Relaxed);
    let mut version = 1;
    if work != Work::Create {
        store
            .apply(change(Write::Insert(record(own, 1)), own, 1))
            .await
            .unwrap();
    }
    let mut took = Vec::new();
    while Instant::now() < until {
        let began = Instant::now();
        match work {
            Work::Create => {
                let id = next.fetch_add(1, Ordering::Relaxed);
                store
                    .apply(change(Write::Insert(record(id, 1)), id, 1))
                    .await
                    .unwrap();
            }
            Work::Update => {
                let write = Write::Replace {
                    record: record(own, version + 1),
                    expected: version,
                };
                version += 1;
                store.apply(change(write, own, version)).await.unwrap();
            }
            Work::Get => assert!(store.get(&record(own, 1).key).await.unwrap().is_some()),
            Work::List => assert_eq!(store.query(&list).await.unwrap().items.len(), 20),
        }
        took.push(began.elapsed());
    }
    took
}

fn measure(
    server: &Server,
    stores: &[Arc<PostgresStore>],
    work: Work,
    callers: usize,
    next: &Arc<AtomicU64>,
    time: Duration,
) {
    let (own, theirs, began) = (ticks("self", 11..13).unwrap(), server_cpu(server), Instant::now());
    let until = began + time;
    let threads: Vec<_> = (0..THREADS.min(callers))
        .map(|thread| {
            let (stores, next) = (stores.to_vec(), next.clone());
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.unwrap().block_on(async {
                    let callers = (thread..callers).step_by(THREADS);
                    let tasks: Vec<_> = callers
                        .map(|n| {
                            let store = stores[n % stores.len()].clone();
                            tokio::spawn(call(store, work, next.clone(), until))
                        })
                        .collect();
                    let mut all = Vec::new();
                    for task in tasks {
                        all.extend(task.await.unwrap());
                    }
                    all
                })
            })
        })
        .collect();
    let mut took: Vec<_> = threads
        .into_iter()
        .flat_map(|thread| thread.join().unwrap())
        .collect();
    let elapsed = began.elapsed().as_secs_f64();
    took.sort_unstable();
    let count = took.len() as f64;
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "{:<8}{callers:>3} callers, {} stores {:>8.0}/s   p50 {:>7.2} ms   p99 {:>7.2} ms   own CPU {:>6.1} µs   PostgreSQL {:>6.1} µs",
        format!("{work:?}"),
        stores.len(),
        count / elapsed,
        at(0.5),
        at(0.99),
        (ticks("self", 11..13).unwrap() - own) * 1e6 / count,
        (server_cpu(server) - theirs) * 1e6 / count,
    );
}

fn main() {
    let argument = |n, or: u64| std::env::args().nth(n).map_or(or, |text| text.parse().unwrap());
    let (time, rounds) = (Duration::from_secs(argument(1, 3)), argument(2, 2));
    let server = start_durable(&["shared_buffers=1GB", "max_wal_size=4GB"]);
    let name = server.empty_database();
    let url = format!("postgres://cosell@127.0.0.1:{}/{name}", server.port);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let stores: Vec<_> = (0..3)
        .map(|_| {
            let store = runtime.block_on(PostgresStore::open(&url, Options::default()));
            Arc::new(store.unwrap())
        })
        .collect();
    let next = Arc::new(AtomicU64::new(1));
    for _ in 0..rounds {
        for (work, callers) in [
            (Work::Create, 1),
            (Work::Create, 64),
            (Work::Update, 64),
            (Work::Get, 1),
            (Work::Get, 16),
            (Work::List, 16),
        ] {
            measure(&server, &stores[..1], work, callers, &next, time);
            if callers > 1 {
                measure(&server, &stores, work, callers, &next, time);
            }
        }
    }
}
