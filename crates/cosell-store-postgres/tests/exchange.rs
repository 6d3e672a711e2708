//! The content of a database is exchanged by one server while others work on it.

#![allow(clippy::unwrap_used)]

mod support;

use cosell_store::suite::deliveries::settlement;
use cosell_store::suite::{
    ACCOUNT, CATALOG, at, insert, jobs, key, opportunity, outbox, sample, silent, with, writes,
};
use cosell_store::{
    ApplyError, Changes, Delivery, DeliveryState, ExportItem, Kind, SettleError, Store, StoreError, Write,
};
use cosell_store_postgres::{Options, PostgresStore};
use cosell_test_postgres::relay::{Fate, Side, relay};
use cosell_test_postgres::server;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

async fn open(url: &str) -> PostgresStore {
    PostgresStore::open(url, Options::default()).await.unwrap()
}

/// Two servers over a fresh database, and its name.
async fn two() -> (Arc<PostgresStore>, Arc<PostgresStore>, String) {
    let migrate = |url: String| async move { drop(open(&url).await) };
    let name = support::database(migrate).await;
    let url = server().url(&name);
    (Arc::new(open(&url).await), Arc::new(open(&url).await), name)
}

async fn import(store: &PostgresStore, items: Vec<ExportItem>) {
    let mut source = items.into_iter().map(Ok);
    store.import(&[], &mut source, silent()).await.unwrap();
}

/// What a store holds.
async fn items(store: &PostgresStore) -> Vec<ExportItem> {
    let mut all = Vec::new();
    let mut keep = |item| {
        all.push(item);
        Ok(())
    };
    store.export(&mut keep, silent()).await.unwrap();
    all
}

fn is_refused<T: std::fmt::Debug>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Unavailable(text)) if text.contains("exchanged"))
}

#[tokio::test]
async fn whoever_has_not_acknowledged_an_exchange_writes_nothing() {
    let (one, other, _) = two().await;
    let fill = Changes {
        jobs: vec![jobs::job("j1", 0)],
        events: vec![outbox::event("e1")],
        ..Changes::default()
    };
    one.apply(fill).await.unwrap();
    one.open_target("t", 0).await.unwrap();
    let held = other
        .lease_target("t", "w", at(0), 60_000)
        .await
        .unwrap()
        .unwrap();
    let state = items(&one).await;
    import(&one, state.clone()).await;
    assert!(!one.revision().await.unwrap().is_foreign());
    let revision = other.revision().await.unwrap();
    assert!(revision.is_foreign(), "{revision:?}");

    let parked = || {
        vec![Delivery {
            target: "t".into(),
            seq: 1,
            state: DeliveryState::Pending,
            lane: None,
            attempts: 0,
            due_at: at(0),
            note: bytes::Bytes::new(),
        }]
    };
    for changes in [
        insert(opportunity(key("O1"), 1)),
        insert(sample(Kind::Setting, "s")),
        Changes {
            audit: vec![outbox::audit(1)],
            ..Changes::default()
        },
        Changes {
            jobs: vec![jobs::job("j2", 0)],
            ..Changes::default()
        },
    ] {
        let refused = other.apply(changes).await;
        assert!(
            matches!(&refused, Err(ApplyError::Unavailable(text)) if text.contains("exchanged")),
            "{refused:?}"
        );
    }
    let mut records = vec![opportunity(key("O2"), 1)].into_iter();
    assert!(is_refused(&other.bulk(&mut records, silent()).await));
    assert!(is_refused(&other.claim_jobs(at(9), "w", 9, 60_000).await));
    assert!(is_refused(&other.open_target("u", 0).await));
    assert!(is_refused(&other.lease_target("t", "w", at(0), 60_000).await));
    assert!(is_refused(&other.park("t", parked()).await));
    assert!(is_refused(&other.set_target_status("t", "x".into()).await));
    assert!(is_refused(&other.drop_target("t").await));
    let late = settlement(&held, Vec::new());
    assert_eq!(other.settle(late).await, Err(SettleError::LeaseLost));
    // Reading goes on, and so does the server that did it.
    assert_eq!(other.last_event().await.unwrap(), 1);
    assert_eq!(items(&other).await, state);

    other.acknowledge(revision.exchanges);
    assert!(!other.revision().await.unwrap().is_foreign());
    other.apply(insert(opportunity(key("O1"), 1))).await.unwrap();
    assert_eq!(other.claim_jobs(at(9), "w", 9, 60_000).await.unwrap().len(), 1);
    other.open_target("u", 0).await.unwrap();
    let held = other
        .lease_target("t", "w", at(0), 60_000)
        .await
        .unwrap()
        .unwrap();
    other.settle(settlement(&held, Vec::new())).await.unwrap();
    assert_eq!(other.park("t", parked()).await.unwrap(), 1);
    other.set_target_status("t", "x".into()).await.unwrap();
    other.drop_target("t").await.unwrap();
}

#[tokio::test]
async fn under_write_load_nothing_decided_before_an_exchange_lands_after_it() {
    let (one, other, _) = two().await;
    let state = || vec![ExportItem::Record(opportunity(key("kept"), 1))];
    for round in 0..4 {
        let landed = Arc::new(AtomicUsize::new(0));
        let writers: Vec<_> = (0..8)
            .map(|lane| {
                let (other, landed) = (other.clone(), landed.clone());
                tokio::spawn(async move {
                    for n in 0.. {
                        let id = format!("{round}-{lane}-{n}");
                        // Half of them lock no record, so only the look at the count stands between them and the import.
                        let change = match lane % 2 {
                            0 => insert(opportunity(key(&id), 1)),
                            _ => Changes {
                                events: vec![outbox::event(&id)],
                                jobs: vec![jobs::job(&id, 0)],
                                ..Changes::default()
                            },
                        };
                        match other.apply(change).await {
                            Ok(()) => landed.fetch_add(1, Ordering::SeqCst),
                            Err(ApplyError::Unavailable(text)) => {
                                assert!(text.contains("exchanged"), "{text}");
                                return;
                            }
                            Err(error) => panic!("{error}"),
                        };
                    }
                })
            })
            .collect();
        while landed.load(Ordering::SeqCst) < 50 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        import(&one, state()).await;
        // Everybody is refused by now or will be at the next write, and nothing of theirs is left.
        for writer in writers {
            writer.await.unwrap();
        }
        let left: Vec<String> = items(&one).await.iter().map(ToString::to_string).collect();
        let expected: Vec<String> = state().iter().map(ToString::to_string).collect();
        assert_eq!(left, expected, "round {round}");
        other.acknowledge(other.revision().await.unwrap().exchanges);
    }
}

/// Whoever asked for a change may go away while it waits to be written. Then nobody waits for it before the exchange is
/// acknowledged, and it must not be taken for one that was decided afterwards.
#[tokio::test]
async fn a_change_that_was_handed_in_before_an_exchange_does_not_land_after_its_acknowledgement() {
    let (one, other, _) = two().await;
    one.apply(insert(opportunity(key("O1"), 1))).await.unwrap();
    let state = items(&one).await;
    let (begins, begun) = tokio::sync::oneshot::channel();
    let (end, ends) = std::sync::mpsc::channel();
    // On a thread of its own, since the source blocks.
    let importing = std::thread::spawn({
        let (one, state) = (one.clone(), state.clone());
        move || {
            let mut begins = Some(begins);
            // By the first item writers are kept out, and stay so until this goes on.
            let mut source = state.into_iter().map(move |item| {
                if let Some(begins) = begins.take() {
                    begins.send(()).unwrap();
                    ends.recv().unwrap();
                }
                Ok(item)
            });
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(one.import(&[], &mut source, silent())).unwrap();
        }
    });
    begun.await.unwrap();
    // It fits what is there before and what is there afterwards.
    let change = writes(vec![Write::Replace {
        record: opportunity(key("O1"), 2),
        expected: 1,
    }]);
    let handed_in = other.apply(change);
    let mut handed_in = Box::pin(handed_in);
    let waited = tokio::time::timeout(std::time::Duration::from_millis(300), &mut handed_in).await;
    assert!(waited.is_err(), "{waited:?}");
    other.acknowledge(other.revision().await.unwrap().exchanges + 1);
    end.send(()).unwrap();
    importing.join().unwrap();
    let refused = handed_in.await;
    assert!(
        matches!(&refused, Err(ApplyError::Unavailable(text)) if text.contains("exchanged")),
        "{refused:?}"
    );
    assert_eq!(items(&one).await, state);
}

/// An import numbers targets from 1 on. What is dropped is erased by its number, in several statements.
#[tokio::test]
async fn an_import_while_a_target_is_dropped_keeps_its_deliveries() {
    let (one, other, name) = two().await;
    let fill = Changes {
        events: vec![outbox::event("e1")],
        ..Changes::default()
    };
    one.apply(fill).await.unwrap();
    one.open_target("t", 0).await.unwrap();
    let waiting = Delivery {
        target: "t".into(),
        seq: 1,
        state: DeliveryState::Pending,
        lane: None,
        attempts: 0,
        due_at: at(0),
        note: bytes::Bytes::new(),
    };
    one.park("t", vec![waiting]).await.unwrap();
    let state = items(&one).await;

    // Holds up what erases deliveries until the import is done, or waits for it in its turn.
    let (reached, mut reaches) = tokio::sync::mpsc::channel(9);
    let held = Arc::new(AtomicBool::new(true));
    let hold = held.clone();
    let open_relay = move || {
        let (reached, hold) = (reached.clone(), hold.clone());
        move |side: Side, piece: &[u8]| {
            let erases = b"DELETE FROM delivery WHERE target";
            if side == Side::Client && piece.windows(erases.len()).any(|part| part == erases) {
                let _ = reached.blocking_send(());
                let begun = std::time::Instant::now();
                while hold.load(Ordering::SeqCst) && begun.elapsed() < std::time::Duration::from_secs(3) {
                    std::thread::sleep(std::time::Duration::from_millis(5));
                }
            }
            Fate::Passes
        }
    };
    let port = relay(server().port, open_relay).port();
    let dropping = open(&format!("postgres://cosell@127.0.0.1:{port}/{name}")).await;
    let dropping = tokio::spawn(async move { dropping.drop_target("t").await });
    tokio::time::timeout(std::time::Duration::from_secs(60), reaches.recv())
        .await
        .unwrap()
        .unwrap();
    import(&other, state.clone()).await;
    held.store(false, Ordering::SeqCst);
    // It was done before the import, or learns that there was one.
    let dropped = dropping.await.unwrap();
    assert!(dropped.is_ok() || is_refused(&dropped), "{dropped:?}");
    assert_eq!(items(&other).await, state);
    assert_eq!(other.due_deliveries("t", at(9), 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn markers_of_killed_servers_go_after_a_day() {
    let (one, other, name) = two().await;
    drop((one, other));
    let left = "INSERT INTO commit_marker VALUES ('old', false, now() - interval '25 hours'); \
         INSERT INTO commit_marker VALUES ('young', false, now() - interval '23 hours')";
    server().execute(&name, left).unwrap();
    drop(open(&server().url(&name)).await);
    let client = support::client(server(), &name).await;
    let rows = client
        .query("SELECT marker FROM commit_marker", &[])
        .await
        .unwrap();
    let markers: Vec<&[u8]> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(markers, [b"young"]);
}

/// The statements of the version before that meet what a later migration changed: they must work as long as the migrations
/// say that its servers may go on.
#[tokio::test]
async fn commits_of_a_server_of_schema_4_land_beside_those_of_this_one() {
    let (one, _, name) = two().await;
    let former = support::client(server(), &name).await;
    let (mine, lost) = (vec![1_u8; 16], vec![2_u8; 16]);
    let mark = "INSERT INTO commit_marker (marker, fence) VALUES ($1, false)";
    let fence = "INSERT INTO commit_marker (marker, fence) VALUES ($1, true) ON CONFLICT (marker) DO NOTHING";
    let is_fence = "SELECT fence FROM commit_marker WHERE marker=$1";
    former.execute(mark, &[&mine]).await.unwrap();
    one.apply(insert(opportunity(key("O1"), 1))).await.unwrap();
    for (marker, was_first) in [(&mine, false), (&lost, true)] {
        former.execute(fence, &[marker]).await.unwrap();
        let row = former.query_one(is_fence, &[marker]).await.unwrap();
        assert_eq!(row.get::<_, bool>(0), was_first);
    }
    let forget = "DELETE FROM commit_marker WHERE marker=$1";
    assert_eq!(former.execute(forget, &[&mine]).await.unwrap(), 1);
    let schema = "SELECT max(number) FROM cosell_migration WHERE compatible_from > 4";
    let refuses: Option<i64> = former.query_one(schema, &[]).await.unwrap().get(0);
    assert_eq!(refuses, None);
}

#[tokio::test]
async fn a_reset_by_another_server_erases_changes_wholly_or_not_at_all() {
    let (one, other, _) = two().await;
    let deal = |id: &str| with(sample(Kind::Deal, id), vec![("account", ACCOUNT.into())]);
    let done = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4)
        .map(|lane| {
            let (other, done) = (other.clone(), done.clone());
            tokio::spawn(async move {
                for n in 0.. {
                    if done.load(Ordering::SeqCst) {
                        return n;
                    }
                    let id = format!("{lane}-{n}");
                    let mut job = jobs::job(&id, 0);
                    job.payload = format!(r#"{{"account":"{ACCOUNT}","catalog":"{CATALOG}"}}"#).into();
                    let change = Changes {
                        jobs: vec![job],
                        ..writes(vec![
                            Write::Insert(opportunity(key(&id), 1)),
                            Write::Insert(deal(&id)),
                        ])
                    };
                    other.apply(change).await.unwrap();
                }
                0
            })
        })
        .collect();
    for _ in 0..6 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        one.reset(Some(ACCOUNT), None).await.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    let mut written = 0;
    for writer in writers {
        written += writer.await.unwrap();
    }
    assert!(written > 50, "{written}");
    let mut left: [BTreeSet<String>; 3] = Default::default();
    for item in items(&one).await {
        match item {
            ExportItem::Record(record) if record.key.kind == Kind::Opportunity => {
                left[0].insert(record.key.id)
            }
            ExportItem::Record(record) if record.key.kind == Kind::Deal => left[1].insert(record.key.id),
            ExportItem::Job(job) => left[2].insert(job.id.0),
            _ => false,
        };
    }
    assert!(left[0] == left[1] && left[1] == left[2], "{left:?}");
}
