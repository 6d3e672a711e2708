//! Several servers over one database, lost connections, schemas of other versions.

#![allow(clippy::unwrap_used)]

mod support;

use bytes::Bytes;
use cosell_store::copy::CopyTarget;
use cosell_store::suite::deliveries::settlement;
use cosell_store::suite::{at, insert, jobs, key, opportunity, outbox, silent, writes};
use cosell_store::{ApplyError, Changes, Conflict, ExportItem, SettleError, Store, StoreError, Write};
use cosell_store_postgres::{OpenError, Options, PostgresStore, Purpose};
use cosell_test_postgres::relay::{Fate, Side, relay};
use cosell_test_postgres::server;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

async fn open(url: &str) -> PostgresStore {
    PostgresStore::open(url, Options::default()).await.unwrap()
}

/// The name of a fresh database.
async fn database() -> String {
    let migrate = |url: String| async move { drop(open(&url).await) };
    support::database(migrate).await
}

/// Several servers over a fresh database, and its name.
async fn nodes(count: usize) -> (Vec<Arc<PostgresStore>>, String) {
    let name = database().await;
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(Arc::new(open(&server().url(&name)).await));
    }
    (all, name)
}

fn replace(id: &str, expected: u64) -> Changes {
    writes(vec![Write::Replace {
        record: opportunity(key(id), expected + 1),
        expected,
    }])
}

#[tokio::test]
async fn servers_that_update_the_same_records_lose_nothing() {
    let (nodes, _) = nodes(3).await;
    for id in ["O1", "O2"] {
        nodes[0].apply(insert(opportunity(key(id), 1))).await.unwrap();
    }
    let mut tasks = Vec::new();
    for (n, node) in nodes.iter().enumerate() {
        for lane in 0..3 {
            let node = node.clone();
            tasks.push(tokio::spawn(async move {
                for round in 0..15 {
                    let id = if (n + lane + round) % 2 == 0 { "O1" } else { "O2" };
                    loop {
                        let version = node.get(&key(id)).await.unwrap().unwrap().version;
                        let mut change = replace(id, version);
                        change.events = vec![outbox::event(&format!("{id}-{}", version + 1))];
                        match node.apply(change).await {
                            Ok(()) => break,
                            Err(ApplyError::Conflict(Conflict::Version { .. })) => {}
                            // Another server's event of the same version came first: so did its version.
                            Err(ApplyError::Invalid(text)) => assert!(text.contains("event"), "{text}"),
                            Err(other) => panic!("{other}"),
                        }
                    }
                }
            }));
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    let mut versions = 0;
    for id in ["O1", "O2"] {
        versions += nodes[1].get(&key(id)).await.unwrap().unwrap().version - 1;
    }
    assert_eq!(versions, 3 * 3 * 15);
    assert_eq!(
        nodes[2].events_after(0, 1000).await.unwrap().len() as u64,
        versions
    );
    assert!(nodes[0].check(silent()).await.unwrap().is_sound());
}

#[tokio::test]
async fn numbers_of_events_never_appear_late_whichever_server_gives_them() {
    let (nodes, _) = nodes(3).await;
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = nodes
        .iter()
        .map(|node| {
            let (node, done) = (node.clone(), done.clone());
            tokio::spawn(async move {
                let mut seen = Vec::new();
                loop {
                    let was_done = done.load(Ordering::SeqCst);
                    let after = seen.last().copied().unwrap_or(0);
                    let news = node.events_after(after, 1000).await.unwrap();
                    seen.extend(news.iter().map(|e| e.seq));
                    if was_done && news.is_empty() {
                        return seen;
                    }
                }
            })
        })
        .collect();
    let mut writers = Vec::new();
    for (n, node) in nodes.iter().enumerate() {
        for lane in 0..6 {
            let node = node.clone();
            writers.push(tokio::spawn(async move {
                for round in 0..20 {
                    let events = (0..=round % 3).map(|k| outbox::event(&format!("{n}-{lane}-{round}-{k}")));
                    let change = Changes {
                        events: events.collect(),
                        audit: vec![outbox::audit(round)],
                        ..Changes::default()
                    };
                    node.apply(change).await.unwrap();
                }
            }));
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    let all: Vec<u64> = (1..=nodes[0].last_event().await.unwrap()).collect();
    assert!(all.len() > 600);
    // Who had read past a number and it appeared later would miss it.
    for reader in readers {
        assert_eq!(reader.await.unwrap(), all);
    }
}

#[tokio::test]
async fn of_many_servers_with_one_token_one_lands() {
    let (nodes, _) = nodes(3).await;
    for round in 0..10 {
        let tasks: Vec<_> = nodes
            .iter()
            .enumerate()
            .map(|(n, node)| {
                let node = node.clone();
                tokio::spawn(async move {
                    let change = Changes {
                        idempotency: Some(outbox::answer(&format!("t{round}"), at(0), at(100))),
                        ..insert(opportunity(key(&format!("O{round}-{n}")), 1))
                    };
                    node.apply(change).await
                })
            })
            .collect();
        let mut landed = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(()) => landed += 1,
                Err(error) => assert_eq!(error, ApplyError::TokenTaken),
            }
        }
        assert_eq!(landed, 1);
    }
}

#[tokio::test]
async fn jobs_and_targets_are_one_servers_at_a_time() {
    let (nodes, _) = nodes(3).await;
    let all = Changes {
        jobs: (0..120).map(|n| jobs::job(&format!("j{n}"), n)).collect(),
        ..Changes::default()
    };
    nodes[0].apply(all).await.unwrap();
    let tasks: Vec<_> = nodes
        .iter()
        .enumerate()
        .map(|(n, node)| {
            let node = node.clone();
            tokio::spawn(async move {
                let mut mine = Vec::new();
                while node
                    .next_job_at()
                    .await
                    .unwrap()
                    .is_some_and(|due| due < at(1_000))
                {
                    let some = node
                        .claim_jobs(at(500), &format!("w{n}"), 7, 1_000_000)
                        .await
                        .unwrap();
                    mine.extend(some.into_iter().map(|c| c.job.id.0));
                }
                mine
            })
        })
        .collect();
    let mut claimed = Vec::new();
    for task in tasks {
        claimed.extend(task.await.unwrap());
    }
    let distinct: BTreeSet<_> = claimed.iter().collect();
    assert_eq!((claimed.len(), distinct.len()), (120, 120));
    // A server beside others takes nobody's jobs away.
    assert_eq!(nodes[1].release_claims().await.unwrap(), 0);

    nodes[0].open_target("/t", 0).await.unwrap();
    let leases = futures_util::future::join_all(nodes.iter().enumerate().map(|(n, node)| async move {
        node.lease_target("/t", &format!("w{n}"), at(0), 100)
            .await
            .unwrap()
    }))
    .await;
    let held: Vec<_> = leases.into_iter().flatten().collect();
    assert_eq!(held.len(), 1);
    let next = nodes[2]
        .lease_target("/t", "later", at(100), 100)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        nodes[1].settle(settlement(&held[0], vec![])).await,
        Err(SettleError::LeaseLost)
    );
    nodes[1].settle(settlement(&next, vec![])).await.unwrap();
}

#[tokio::test]
async fn events_of_another_server_reach_a_waiting_reader() {
    let (nodes, _) = nodes(2).await;
    let reader = nodes[0].clone();
    let waiting = tokio::spawn(async move { reader.wait_events(0, 10).await.unwrap() });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let change = Changes {
        events: vec![outbox::event("e")],
        ..Changes::default()
    };
    nodes[1].apply(change).await.unwrap();
    let found = tokio::time::timeout(Duration::from_secs(10), waiting)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.len(), 1);
}

#[tokio::test]
async fn cut_connections_leave_nothing_half_done_and_nothing_twice() {
    let (nodes, name) = nodes(2).await;
    let done = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicUsize::new(0));
    let cutter = tokio::spawn({
        let (name, done, answered) = (name.clone(), done.clone(), answered.clone());
        async move {
            let client = support::client(server(), "postgres").await;
            let (mut cuts, mut seen) = (0, 0);
            let mut pause = Duration::from_millis(15);
            while !done.load(Ordering::SeqCst) {
                let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname=$1";
                cuts += client.query_one(cut, &[&name]).await.unwrap().get::<_, i64>(0);
                tokio::time::sleep(pause).await;
                // On a machine so busy that nothing gets through between two cuts, patience would end by right.
                let now = answered.load(Ordering::SeqCst);
                pause = match now == seen {
                    true => (pause * 2).min(Duration::from_secs(1)),
                    false => Duration::from_millis(15),
                };
                seen = now;
            }
            cuts
        }
    });
    let mut tasks = Vec::new();
    for (n, node) in nodes.iter().enumerate() {
        for lane in 0..4 {
            let (node, answered) = (node.clone(), answered.clone());
            tasks.push(tokio::spawn(async move {
                for round in 0..25 {
                    let id = format!("{n}-{lane}-{round}");
                    let change = Changes {
                        events: vec![outbox::event(&id)],
                        audit: vec![outbox::audit(round)],
                        ..writes(vec![
                            Write::Insert(opportunity(key(&format!("a{id}")), 1)),
                            Write::Insert(opportunity(key(&format!("z{id}")), 1)),
                        ])
                    };
                    // Every outcome is known: a lost commit is looked for, and so no repetition meets its own first try.
                    node.apply(change).await.unwrap();
                    answered.fetch_add(1, Ordering::SeqCst);
                    assert!(node.get(&key(&format!("z{id}"))).await.unwrap().is_some());
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            }));
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    let cuts = cutter.await.unwrap();
    assert!(cuts > 10, "{cuts}");
    let events = nodes[0].events_after(0, 1000).await.unwrap();
    let ids: BTreeSet<_> = events.iter().map(|e| e.event.id.clone()).collect();
    assert_eq!((events.len(), ids.len()), (200, 200));
    assert_eq!(nodes[0].audit_after(0, 1000).await.unwrap().len(), 200);
    let report = nodes[1].check(silent()).await.unwrap();
    assert!(report.is_sound() && report.records == 400, "{report:?}");
}

#[tokio::test]
async fn a_change_whose_transaction_was_cut_off_is_tried_again() {
    let (nodes, name) = nodes(1).await;
    let client = support::client(server(), &name).await;
    client
        .batch_execute(
            "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END $$; \
             CREATE TRIGGER note AFTER INSERT ON event FOR EACH ROW EXECUTE FUNCTION note()",
        )
        .await
        .unwrap();
    let cutter = tokio::spawn(async move {
        // While the trigger sleeps, before the commit, the server's end goes away.
        let find =
            "SELECT pid FROM pg_stat_activity WHERE datname=current_database() AND wait_event='PgSleep'";
        loop {
            if let Some(row) = client.query_opt(find, &[]).await.unwrap() {
                let pid: i32 = row.get(0);
                client
                    .execute("SELECT pg_terminate_backend($1)", &[&pid])
                    .await
                    .unwrap();
                client.batch_execute("DROP TRIGGER note ON event").await.unwrap();
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let change = Changes {
        events: vec![outbox::event("e")],
        ..insert(opportunity(key("O1"), 1))
    };
    nodes[0].apply(change).await.unwrap();
    cutter.await.unwrap();
    assert_eq!(nodes[0].events_after(0, 9).await.unwrap().len(), 1);
    assert_eq!(nodes[0].get(&key("O1")).await.unwrap().unwrap().version, 1);
}

#[tokio::test]
async fn a_database_that_is_away_makes_calls_unavailable_within_their_patience() {
    let name = database().await;
    let options = Options {
        read_patience: Duration::from_millis(400),
        write_patience: Duration::from_millis(600),
        ..Options::default()
    };
    let store = PostgresStore::open(&server().url(&name), options).await.unwrap();
    store.apply(insert(opportunity(key("O1"), 1))).await.unwrap();
    let away = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false");
    server().execute("postgres", &away).unwrap();
    let cut = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname='{name}'");
    server().execute("postgres", &cut).unwrap();
    let read = store.get(&key("O1")).await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    let write = store.apply(insert(opportunity(key("O2"), 1))).await;
    assert!(matches!(write, Err(ApplyError::Unavailable(_))), "{write:?}");
    let back = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true");
    server().execute("postgres", &back).unwrap();
    assert_eq!(store.get(&key("O2")).await.unwrap(), None);
    store.apply(insert(opportunity(key("O2"), 1))).await.unwrap();
}

#[tokio::test]
async fn servers_that_start_at_once_migrate_once() {
    let url = server().url(&server().empty_database());
    let all =
        futures_util::future::join_all((0..5).map(|_| PostgresStore::open(&url, Options::default()))).await;
    for store in all {
        assert!(store.unwrap().check(silent()).await.unwrap().is_sound());
    }
}

/// A migration can take long, and what it has locked everybody waits for.
#[tokio::test]
async fn a_migration_ends_in_the_database_when_its_server_is_gone() {
    let name = database().await;
    let back = "DELETE FROM cosell_migration WHERE number = 6";
    server().execute(&name, back).unwrap();
    let mut client = support::client(server(), &name).await;
    let holding = client.transaction().await.unwrap();
    holding
        .batch_execute("LOCK TABLE cosell_migration_lock IN EXCLUSIVE MODE")
        .await
        .unwrap();
    // A look of its own each time: within a transaction the first one would be repeated.
    let watching = support::client(server(), &name).await;
    let at_work = "SELECT count(*) FROM pg_stat_activity WHERE application_name='cosell' AND datname=current_database()";
    let count = async || watching.query_one(at_work, &[]).await.unwrap().get::<_, i64>(0);
    let url = server().url(&name);
    let waiting = {
        let opening = PostgresStore::open(&url, Options::default());
        let mut opening = std::pin::pin!(opening);
        loop {
            let waited = tokio::time::timeout(Duration::from_millis(50), &mut opening).await;
            assert!(waited.is_err(), "it was opened without the lock");
            let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation='cosell_migration_lock'::regclass";
            if watching.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) > 0 {
                break count().await;
            }
        }
    };
    assert_eq!(waiting, 1);
    for _ in 0..600 {
        if count().await == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("what nobody waits for any more goes on");
}

async fn refusal(name: &str) -> OpenError {
    match PostgresStore::open(&server().url(name), Options::default()).await {
        Ok(_) => panic!("the database was opened"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_later_schema_is_refused_unless_it_says_that_it_only_adds() {
    let name = database().await;
    let later = "INSERT INTO cosell_migration VALUES (7, 'later', 'x', 6)";
    server().execute(&name, later).unwrap();
    let store = open(&server().url(&name)).await;
    store.apply(insert(opportunity(key("O1"), 1))).await.unwrap();
    let breaking = "INSERT INTO cosell_migration VALUES (8, 'breaking', 'x', 8)";
    server().execute(&name, breaking).unwrap();
    let refused = refusal(&name).await;
    assert!(
        matches!(refused, OpenError::Newer { found: 8, known: 6 }),
        "{refused}"
    );
}

#[tokio::test]
async fn changed_checksums_and_tables_of_others_are_refused() {
    let name = database().await;
    let change = "UPDATE cosell_migration SET sha256='x' WHERE number=2";
    server().execute(&name, change).unwrap();
    assert!(matches!(
        refusal(&name).await,
        OpenError::Tampered { number: 2, .. }
    ));
    let name = server().empty_database();
    server().execute(&name, "CREATE TABLE theirs (x int)").unwrap();
    assert!(matches!(refusal(&name).await, OpenError::Foreign));
    let refused = PostgresStore::open("postgres://x:secret@127.0.0.1:1/x", Options::default()).await;
    let text = refused.err().unwrap().to_string();
    assert!(!text.contains("secret") && text.contains("reached"), "{text}");
}

#[tokio::test]
async fn a_database_that_a_copy_fills_is_opened_by_that_copy_alone_and_servers_are_seen() {
    let name = database().await;
    let of = |purpose| {
        let options = Options {
            purpose,
            ..Options::default()
        };
        let url = server().url(&name);
        async move { PostgresStore::open(&url, options).await }
    };
    let copy = of(Purpose::CopyTo).await.unwrap();
    let node = of(Purpose::Use).await.unwrap();
    node.get(&key("O1")).await.unwrap();
    assert!(copy.connected().await.unwrap() > 0);
    drop(node);
    // The database hears of the end of a connection a little later.
    for _ in 0..100 {
        if copy.connected().await.unwrap() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(copy.connected().await.unwrap(), 0);

    let mark = Bytes::from_static(b"half");
    assert!(copy.begin_filling(mark.clone(), false).await.unwrap());
    for purpose in [Purpose::Use, Purpose::CopyFrom] {
        let refused = of(purpose).await.err().unwrap();
        assert!(matches!(refused, OpenError::Unfinished), "{refused}");
    }
    let again = of(Purpose::CopyTo).await.unwrap();
    assert!(again.end_filling(&mark).await.unwrap());
    of(Purpose::Use).await.unwrap();
}

#[tokio::test]
async fn the_first_of_several_hosts_that_takes_writes_is_used() {
    let name = database().await;
    let port = server().port;
    // Nobody listens at the first.
    let url =
        format!("postgres://cosell@127.0.0.1:1,127.0.0.1:{port}/{name}?target_session_attrs=read-write");
    let store = open(&url).await;
    store.apply(insert(opportunity(key("O1"), 1))).await.unwrap();
    assert_eq!(store.get(&key("O1")).await.unwrap().unwrap().version, 1);
    // A server that takes no writes any more is like one that is away, until it does again.
    let read_only = format!("ALTER DATABASE {name} SET default_transaction_read_only=on");
    server().execute("postgres", &read_only).unwrap();
    let impatient = Options {
        read_patience: Duration::from_millis(300),
        ..Options::default()
    };
    let refused = PostgresStore::open(&url, impatient).await.err().unwrap();
    assert!(matches!(refused, OpenError::Unreachable(_)), "{refused}");
}

/// Forwards connections to the server. Once armed, it lets the first commit through and then cuts its connection, so that
/// nobody hears of it. It has a thread of its own, since a store that is dropped blocks the test's.
fn forgetful_proxy(armed: Arc<AtomicBool>) -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(forward(listener, armed));
    });
    port
}

async fn forward(listener: std::net::TcpListener, armed: Arc<AtomicBool>) {
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let server = ("127.0.0.1", server().port);
        let server = tokio::net::TcpStream::connect(server).await.unwrap();
        let armed = armed.clone();
        tokio::spawn(async move {
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            let answers =
                tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
            let mut buffer = vec![0; 64 << 10];
            loop {
                let Ok(count @ 1..) = from_client.read(&mut buffer).await else {
                    return;
                };
                let commits = buffer[..count].windows(6).any(|part| part == b"COMMIT");
                let cuts = commits && armed.swap(false, Ordering::SeqCst);
                if cuts {
                    answers.abort();
                }
                to_server.write_all(&buffer[..count]).await.unwrap();
                if cuts {
                    // Long enough for the commit.
                    tokio::time::sleep(Duration::from_millis(500)).await;
                    return;
                }
            }
        });
    }
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_found_by_its_marker() {
    let name = database().await;
    let armed = Arc::new(AtomicBool::new(false));
    let port = forgetful_proxy(armed.clone());
    let store = open(&format!("postgres://cosell@127.0.0.1:{port}/{name}")).await;
    let change = |id: &str| Changes {
        events: vec![outbox::event(id)],
        ..insert(opportunity(key(id), 1))
    };
    // A connection of the writer's, so that the next commit is the change's.
    store.apply(change("O1")).await.unwrap();
    armed.store(true, Ordering::SeqCst);
    // Tried again it would be refused: its key is there.
    store.apply(change("O2")).await.unwrap();
    assert!(!armed.load(Ordering::SeqCst), "no commit was cut off");
    assert_eq!(store.events_after(0, 9).await.unwrap().len(), 2);
    let refused = store.apply(change("O2")).await;
    assert_eq!(refused, Err(ApplyError::Conflict(Conflict::Exists(key("O2")))));
    assert!(store.check(silent()).await.unwrap().is_sound());
}

#[tokio::test]
async fn an_import_whose_commit_was_not_answered_is_found_by_its_marker() {
    let name = database().await;
    let armed = Arc::new(AtomicBool::new(false));
    let port = forgetful_proxy(armed.clone());
    let store = open(&format!("postgres://cosell@127.0.0.1:{port}/{name}")).await;
    store.apply(insert(opportunity(key("former"), 1))).await.unwrap();
    let mut items = Some(ExportItem::Record(opportunity(key("O1"), 1))).into_iter();
    // After the last item, only the end of the import is left to commit.
    let mut source = std::iter::from_fn(|| match items.next() {
        Some(item) => Some(Ok(item)),
        None => {
            armed.store(true, Ordering::SeqCst);
            None
        }
    });
    assert_eq!(store.import(&[], &mut source, silent()).await.unwrap(), 1);
    assert!(!armed.load(Ordering::SeqCst), "no commit was cut off");
    assert!(!store.revision().await.unwrap().is_foreign());
    assert!(store.get(&key("former")).await.unwrap().is_none());
    store.apply(insert(opportunity(key("O2"), 1))).await.unwrap();
    assert!(store.get(&key("O1")).await.unwrap().is_some());
}

#[tokio::test]
async fn an_import_of_which_nobody_knows_whether_it_landed_is_answered_with_how_to_find_out() {
    let name = database().await;
    let options = Options {
        read_patience: Duration::from_millis(300),
        write_patience: Duration::from_secs(1),
        ..Options::default()
    };
    let cut = Arc::new(AtomicBool::new(false));
    let is_cut = cut.clone();
    let open_relay = move || {
        let is_cut = is_cut.clone();
        move |side: Side, piece: &[u8]| {
            if side == Side::Client && piece.windows(6).any(|part| part == b"COMMIT") {
                is_cut.store(true, Ordering::SeqCst);
            }
            // Also those that come later.
            match is_cut.load(Ordering::SeqCst) {
                true => Fate::Cut,
                false => Fate::Passes,
            }
        }
    };
    let port = relay(server().port, open_relay).port();
    let url = format!("postgres://cosell@127.0.0.1:{port}/{name}");
    let store = PostgresStore::open(&url, options).await.unwrap();
    let mut source = [Ok(ExportItem::Record(opportunity(key("O1"), 1)))].into_iter();
    let refused = store
        .import(&[], &mut source, silent())
        .await
        .unwrap_err()
        .to_string();
    assert!(cut.load(Ordering::SeqCst), "no commit was sent");
    assert!(
        refused.contains("may have landed") && refused.contains("load it again"),
        "{refused}"
    );
}
