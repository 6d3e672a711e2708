//! A real crash: a child process writes through the store, is killed with SIGKILL at random moments, many times over the
//! same folder. Every write it acknowledged must be there, and nothing may be half-done.
//!
//! Not run by the usual harness, because the same program is also the child.

#![allow(clippy::unwrap_used)]

use cosell_store::suite::{ACCOUNT, CATALOG, at, deliveries, opportunity, outbox};
use cosell_store::{Changes, DeliveryState, ExportItem, Key, Kind, Record, Settlement, Store, Value, Write};
use cosell_store_sqlite::{Options, SqliteStore};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const FOLDER: &str = "COSELL_CRASH_TEST_FOLDER";
const IMPORT: &str = "COSELL_CRASH_TEST_IMPORT";
const WRITERS: u64 = 8;
/// Stands for the one who delivers, among the numbers of writers.
const DELIVERER: u64 = 1_000;
const ROUNDS: u64 = 15;

fn main() {
    match std::env::var_os(FOLDER) {
        Some(folder) if std::env::var_os(IMPORT).is_some() => importing_child(folder.as_ref()),
        Some(folder) => child(folder.as_ref()),
        None => {
            parent();
            parent_of_imports();
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

fn pair(writer: u64) -> [Key; 2] {
    [Kind::Opportunity, Kind::Solution].map(|kind| Key::new(kind, ACCOUNT, CATALOG, format!("W{writer}")))
}

fn record(key: &Key, version: u64) -> Record {
    let mut record = opportunity(key.clone(), version);
    record.columns = vec![("created", Value::Integer(version as i64))];
    match key.kind {
        Kind::Opportunity => record
            .columns
            .push(("last_modified", Value::Integer(version as i64))),
        _ => record.columns.push(("name", Value::from(format!("{version}")))),
    }
    record
}

/// Brings a pair of records from one version to the next, with an event and an audit entry, in one change.
fn step(writer: u64, version: u64) -> Changes {
    let write = |key: &Key| match version {
        1 => Write::Insert(record(key, 1)),
        _ => Write::Replace {
            record: record(key, version),
            expected: version - 1,
        },
    };
    Changes {
        writes: pair(writer).iter().map(write).collect(),
        events: vec![outbox::event(&format!("{writer} {version}"))],
        audit: vec![outbox::audit(version as i64)],
        ..Changes::default()
    }
}

fn child(folder: &std::path::Path) {
    let store = Arc::new(SqliteStore::open(folder, Options::server("crash test")).unwrap());
    runtime().block_on(async {
        let mut tasks = Vec::new();
        // A child that lost its parent must end by itself.
        let end = Instant::now() + Duration::from_secs(20);
        for writer in 0..WRITERS {
            let store = store.clone();
            tasks.push(tokio::spawn(async move {
                let found = store.get(&pair(writer)[0]).await.unwrap();
                let mut version = found.map_or(0, |f| f.version);
                while Instant::now() < end {
                    version += 1;
                    store.apply(step(writer, version)).await.unwrap();
                    let mut out = std::io::stdout().lock();
                    writeln!(out, "{writer} {version}").unwrap();
                    out.flush().unwrap();
                }
            }));
        }
        tasks.push(tokio::spawn(async move { deliver(&store, end).await }));
        for task in tasks {
            task.await.unwrap();
        }
    });
}

/// Delivers what the writers emit: every other event at once, the others by lanes. Whatever has been read has a row.
async fn deliver(store: &SqliteStore, end: Instant) {
    let target = deliveries::TARGET;
    store.open_target(target, 0).await.unwrap();
    let lease = store.lease_target(target, "w", at(0), 1 << 40).await.unwrap();
    let lease = lease.unwrap();
    let mut position = lease.position;
    while Instant::now() < end {
        let page = store.wait_events(position, 20).await.unwrap();
        let due = store.due_deliveries(target, at(1), 10).await.unwrap();
        let mut outcomes: Vec<_> = due
            .iter()
            .map(|one| deliveries::delivery(one.seq, one.lane.as_deref(), DeliveryState::Delivered, 0))
            .collect();
        for event in &page {
            position = event.seq;
            let lane = format!("{}", position % 3);
            let state = match position % 2 {
                0 => DeliveryState::Pending,
                _ => DeliveryState::Delivered,
            };
            outcomes.push(deliveries::delivery(position, Some(&lane), state, 0));
        }
        let settlement = Settlement {
            position,
            leased_until: at(1 << 40),
            ..deliveries::settlement(&lease, outcomes)
        };
        store.settle(settlement).await.unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "{DELIVERER} {position}").unwrap();
        out.flush().unwrap();
    }
}

fn parent() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged: BTreeMap<u64, u64> = BTreeMap::new();
    let mut random = std::process::id() as u64 | 1;
    let mut in_all = 0;
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut take = |line: String| {
            // The kill may have cut the last line short; a line without its number says nothing.
            if let Some((writer, version)) = line.split_once(' ')
                && let (Ok(writer), Ok(version)) = (writer.parse(), version.parse())
            {
                acknowledged.insert(writer, version);
            }
        };
        // The first line shows that the child is at work; from there on the moment of death is random.
        take(lines.next().unwrap().unwrap());
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let life = Duration::from_micros((random >> 33) % 60_000);
        let killer = std::thread::spawn(move || {
            std::thread::sleep(life);
            child.kill().unwrap();
            child.wait().unwrap();
        });
        for line in lines {
            take(line.unwrap());
        }
        killer.join().unwrap();
        in_all = verify(folder.path(), &acknowledged, round);
    }
    let read = acknowledged.get(&DELIVERER).copied().unwrap_or(0);
    assert!(read > 0, "nothing was delivered before a kill");
    println!("crash test: {ROUNDS} kills, {in_all} writes, {read} settled, none lost, none half-done ... ok");
}

fn verify(folder: &std::path::Path, acknowledged: &BTreeMap<u64, u64>, round: u64) -> u64 {
    let store = SqliteStore::open(folder, Options::server("crash test")).unwrap();
    runtime().block_on(async {
        let mut events: BTreeMap<u64, u64> = BTreeMap::new();
        let mut seq = 0;
        loop {
            let page = store.events_after(seq, 1000).await.unwrap();
            let Some(last) = page.last() else { break };
            assert_eq!(
                last.seq,
                seq + page.len() as u64,
                "round {round}: gaps between events"
            );
            seq = last.seq;
            for stored in page {
                let (writer, version) = stored.event.id.split_once(' ').unwrap();
                let count = events.entry(writer.parse().unwrap()).or_default();
                *count += 1;
                assert_eq!(
                    version.parse::<u64>().unwrap(),
                    *count,
                    "round {round}: an event is missing or double"
                );
            }
        }
        for writer in 0..WRITERS {
            let found = store.get_many(&pair(writer)).await.unwrap();
            let versions: Vec<u64> = found
                .iter()
                .map(|f| f.as_ref().map_or(0, |f| f.version))
                .collect();
            let known = acknowledged.get(&writer).copied().unwrap_or(0);
            assert!(
                versions[0] >= known,
                "round {round}: writer {writer} was told {known}, found {versions:?}"
            );
            assert_eq!(
                versions[0], versions[1],
                "round {round}: writer {writer} is half-done"
            );
            assert_eq!(
                versions[0],
                events.get(&writer).copied().unwrap_or(0),
                "round {round}: writer {writer}"
            );
            for (key, found) in pair(writer).iter().zip(&found) {
                let Some(found) = found else { continue };
                assert_eq!(
                    found.document,
                    record(key, found.version).document,
                    "round {round}"
                );
            }
        }
        // The cursor is where it was told to be or further, and what it passed is known, down to the last event.
        for target in store.targets().await.unwrap() {
            let known = acknowledged.get(&DELIVERER).copied().unwrap_or(0);
            assert!(
                target.position >= known && target.position <= seq,
                "round {round}: {known} {target:?}"
            );
            assert_eq!(
                target.pending + target.delivered,
                target.position,
                "round {round}: {target:?}"
            );
        }
        assert_eq!(
            store.audit_after(seq - 1, 10).await.unwrap().len(),
            1,
            "round {round}"
        );
        let report = store.check(cosell_store::suite::silent()).await.unwrap();
        assert!(report.is_sound(), "round {round}: {report:?}");
        seq
    })
}

/// Begins an import that does not end, and tells how far its source is.
fn importing_child(folder: &std::path::Path) {
    let store = SqliteStore::open(folder, Options::server("crash test")).unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    let mut source = (0..).map_while(|n: u64| {
        if n.is_multiple_of(500) {
            let mut out = std::io::stdout().lock();
            writeln!(out, "{n}").unwrap();
            out.flush().unwrap();
        }
        let mut record = record(&Key::new(Kind::Opportunity, ACCOUNT, CATALOG, format!("N{n}")), 1);
        record.document = format!("{{\"text\":\"{}\"}}", "x".repeat(2000)).into();
        // A child that lost its parent must end by itself.
        (Instant::now() < end).then_some(Ok(ExportItem::Record(record)))
    });
    let imported = runtime().block_on(store.import(&[], &mut source, cosell_store::suite::silent()));
    panic!("the import ended by itself: {imported:?}");
}

/// Whatever an import has written when it is killed, also what has long left its memory: the old state is there.
fn parent_of_imports() {
    let folder = tempfile::tempdir().unwrap();
    let state = || {
        let store = SqliteStore::open(folder.path(), Options::server("crash test")).unwrap();
        runtime().block_on(async {
            let report = store.check(cosell_store::suite::silent()).await.unwrap();
            assert!(report.is_sound(), "{report:?}");
            let start = cosell_model::Timestamp::from_millis(0);
            let state =
                cosell_store::state::export(&store, Vec::new(), start, cosell_store::suite::silent()).await;
            state.unwrap().0
        })
    };
    {
        let store: Arc<dyn Store> =
            Arc::new(SqliteStore::open(folder.path(), Options::server("crash test")).unwrap());
        runtime().block_on(cosell_store::suite::transfer::fill(&store));
    }
    let before = state();
    let mut largest_log = 0;
    for lines in [1, 2, 5, 20, 60, 120] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(FOLDER, folder.path())
            .env(IMPORT, "1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(child.stdout.take().unwrap()).lines();
        for _ in 0..lines {
            told.next().unwrap().unwrap();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let log = folder.path().join("cosell.db-wal");
        largest_log = largest_log.max(std::fs::metadata(log).map_or(0, |file| file.len()));
        assert_eq!(state(), before, "killed after {lines} times 500 items");
    }
    // Otherwise the kills would have come before anything was written, and shown nothing.
    assert!(largest_log > 10 << 20, "the log had {largest_log} bytes at most");
    println!("crash test: 6 kills of an import, each left the old state ... ok");
}
