//! Lists from streaming replicas: as fresh as the primary's, wherever the replicas are.

#![allow(clippy::unwrap_used)]

mod support;

use cosell_store::suite::{insert, key, opportunity};
use cosell_store::{Filter, Key, Kind, Query, Sort, Store};
use cosell_store_postgres::{OpenError, Options, PostgresStore, Purpose};
use cosell_test_postgres::{Server, server, start};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A replica of this program's server, for the tests that leave it as it is.
fn replica() -> &'static Server {
    static REPLICA: OnceLock<Server> = OnceLock::new();
    REPLICA.get_or_init(|| server().replica(&[]))
}

/// The name of a fresh database.
async fn database() -> String {
    support::database(|url| async move {
        PostgresStore::open(&url, Options::default()).await.unwrap();
    })
    .await
}

async fn open(url: &str, read_store: &str) -> PostgresStore {
    let store = PostgresStore::open(url, Options::default()).await.unwrap();
    store.with_read_store(read_store).await.unwrap()
}

/// How many lists got that answer; for the port of a replica, 1 while it is used.
fn figure(store: &dyn Store, label: &str) -> u64 {
    let all = store.figures().replicas.unwrap();
    let answered = all.lists.iter().find(|(answer, _)| *answer == label);
    let replica = || all.usable.iter().find(|(name, _)| name.contains(label));
    let found = answered.map(|(_, count)| *count);
    let found = found.or_else(|| replica().map(|(_, usable)| u64::from(*usable)));
    found.unwrap_or_else(|| panic!("no figure {label} in {all:?}"))
}

/// Waits until something holds.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..600 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it never came to this: {what}");
}

/// Waits until the replica at a port is used.
async fn usable(store: &dyn Store, replica: &Server) {
    let name = format!(":{}/", replica.port);
    until("a usable replica", || figure(store, &name) == 1).await;
}

/// Waits until a replica has replayed what its primary has. That may be a lot: each test makes a database.
async fn caught_up(primary: &Server, replica: &Server) {
    let place = primary.value("postgres", "SELECT pg_current_wal_flush_lsn()");
    let there = format!("SELECT pg_last_wal_replay_lsn() >= '{place}'");
    for _ in 0..2400 {
        if replica.value("postgres", &there) == "t" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let place_there = replica.value("postgres", "SELECT pg_last_wal_replay_lsn()");
    let log = std::fs::read_to_string(replica.folder.join("log")).unwrap_or_default();
    panic!("a replica is at {place_there} and not at {place}: {log}");
}

/// A store over a fresh database with a replica that is in use.
async fn with_replica(replica: &Server) -> (PostgresStore, String) {
    let name = database().await;
    caught_up(server(), replica).await;
    let store = open(&server().url(&name), &replica.url(&name)).await;
    usable(&store, replica).await;
    (store, name)
}

fn all() -> Query {
    let Key { account, catalog, .. } = key("O1");
    Query {
        kind: Kind::Opportunity,
        account,
        catalog,
        filters: vec![],
        sort: Sort {
            by: "id",
            descending: false,
        },
        after: None,
        limit: 100,
    }
}

async fn listed(store: &dyn Store) -> Vec<String> {
    let page = store.query(&all()).await.unwrap();
    page.items.into_iter().map(|item| item.id).collect()
}

async fn add(store: &dyn Store, id: &str) {
    store.apply(insert(opportunity(key(id), 1))).await.unwrap();
}

async fn fresh() -> Arc<dyn Store> {
    let options = Options {
        only_server: true,
        ..Options::default()
    };
    let name = database().await;
    caught_up(server(), replica()).await;
    let store = PostgresStore::open(&server().url(&name), options).await.unwrap();
    let store = store.with_read_store(&replica().url(&name)).await.unwrap();
    usable(&store, replica()).await;
    Arc::new(store)
}

cosell_store::store_contract_suite!(fresh);

#[tokio::test]
async fn lists_come_from_the_replica_and_nothing_else_does() {
    let (store, name) = with_replica(replica()).await;
    add(&store, "O1").await;
    for _ in 0..20 {
        assert_eq!(listed(&store).await, ["O1"]);
        assert!(store.get(&key("O1")).await.unwrap().is_some());
    }
    // A machine that is busy may let the replica fall behind once.
    assert!(figure(&store, "replica") >= 15, "{:?}", store.figures());
    // By the servers' own counts: the index of the list was walked there, and read through the key here only.
    let walks = "SELECT coalesce(sum(idx_scan), 0) FROM pg_stat_user_tables WHERE relname='opportunity'";
    until("walks in the replica's own count", || {
        replica().value(&name, walks).parse::<u64>().unwrap() >= 15
    })
    .await;
}

#[tokio::test]
async fn what_one_server_has_written_another_lists_at_once() {
    let (one, name) = with_replica(replica()).await;
    let two = open(&server().url(&name), &replica().url(&name)).await;
    usable(&two, replica()).await;
    let (one, done) = (Arc::new(one), Arc::new(AtomicBool::new(false)));
    let load = tokio::spawn({
        let (one, done) = (one.clone(), done.clone());
        async move {
            let mut written = 0;
            while !done.load(Ordering::SeqCst) {
                add(&*one, &format!("load-{written}")).await;
                written += 1;
            }
        }
    });
    for n in 0..1000 {
        let id = format!("O{n:04}");
        add(&*one, &id).await;
        let query = Query {
            filters: vec![Filter::In("id", vec![id.as_str().into()])],
            ..all()
        };
        let page = two.query(&query).await.unwrap();
        assert_eq!(page.items.len(), 1, "{id} is missing: {:?}", two.figures());
    }
    done.store(true, Ordering::SeqCst);
    load.await.unwrap();
    assert!(figure(&two, "replica") >= 500, "{:?}", two.figures());
}

#[tokio::test]
async fn a_replica_that_stands_still_never_gives_a_stale_list() {
    let replica = server().replica(&[]);
    let (store, _) = with_replica(&replica).await;
    add(&store, "O1").await;
    assert_eq!(listed(&store).await, ["O1"]);
    replica
        .execute("postgres", "SELECT pg_wal_replay_pause()")
        .unwrap();
    let paused = "SELECT pg_get_wal_replay_pause_state()";
    until("a pause", || replica.value("postgres", paused) == "paused").await;
    add(&store, "O2").await;
    let before = figure(&store, "replica");
    for _ in 0..50 {
        assert_eq!(listed(&store).await, ["O1", "O2"]);
    }
    assert_eq!(figure(&store, "replica"), before);
    assert!(figure(&store, "behind") >= 40, "{:?}", store.figures());
    replica
        .execute("postgres", "SELECT pg_wal_replay_resume()")
        .unwrap();
    usable(&store, &replica).await;
    assert_eq!(listed(&store).await, ["O1", "O2"]);
    assert!(figure(&store, "replica") > before, "{:?}", store.figures());
}

/// Kills a replica, and waits until nobody is at its port any more.
async fn kill(replica: Server) {
    let port = replica.port;
    drop(replica);
    until("a replica that is gone", || {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_err()
    })
    .await;
}

#[tokio::test]
async fn lists_go_on_when_replicas_are_killed_and_use_those_that_are_left() {
    let [first, second] = [(); 2].map(|()| server().replica(&[]));
    let name = database().await;
    for replica in [&first, &second] {
        caught_up(server(), replica).await;
    }
    let url = format!(
        "postgres://cosell@127.0.0.1:{},127.0.0.1:{}/{name}",
        first.port, second.port
    );
    let store = open(&server().url(&name), &url).await;
    usable(&store, &first).await;
    usable(&store, &second).await;
    add(&store, "O1").await;
    let port = format!(":{}/", first.port);
    kill(first).await;
    for _ in 0..20 {
        assert_eq!(listed(&store).await, ["O1"]);
    }
    assert_eq!(figure(&store, &port), 0);
    assert!(figure(&store, "replica") >= 10, "{:?}", store.figures());
    kill(second).await;
    add(&store, "O2").await;
    // Where it rested for being behind, it takes a look to see that it is away.
    let before = figure(&store, "away");
    for _ in 0..600 {
        if figure(&store, "away") > before {
            break;
        }
        assert_eq!(listed(&store).await, ["O1", "O2"]);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let before = figure(&store, "away");
    for _ in 0..20 {
        assert_eq!(listed(&store).await, ["O1", "O2"]);
    }
    assert_eq!(figure(&store, "away"), before + 20);
}

#[tokio::test]
async fn a_copy_of_another_database_is_refused() {
    let name = database().await;
    let other_name = database().await;
    caught_up(server(), replica()).await;
    let refused = |url: String| {
        let name = name.clone();
        async move {
            let store = PostgresStore::open(&server().url(&name), Options::default())
                .await
                .unwrap();
            store.with_read_store(&url).await.err()
        }
    };
    let refusal = refused(replica().url(&other_name)).await;
    assert!(
        matches!(refusal, Some(OpenError::ForeignReplica(_))),
        "{refusal:?}"
    );
    // Another database of the primary's is no less wrong than a replica's.
    let refusal = refused(server().url(&other_name)).await;
    assert!(
        matches!(refusal, Some(OpenError::ForeignReplica(_))),
        "{refusal:?}"
    );
    let cluster = start(&[], &[]);
    let url = cluster.url("postgres").replace("cosell@", "cosell:secret@");
    let refusal = refused(url).await.unwrap();
    assert!(matches!(refusal, OpenError::ForeignReplica(_)), "{refusal}");
    assert!(!refusal.to_string().contains("secret"), "{refusal}");
    let refusal = refused("postgres://a,b/db?target_session_attrs=read-write".into()).await;
    assert!(matches!(refusal, Some(OpenError::Address(_))), "{refusal:?}");
}

#[tokio::test]
async fn whoever_would_copy_from_a_standby_can_tell_it_from_the_primary() {
    let name = database().await;
    caught_up(server(), replica()).await;
    let options = || Options {
        purpose: Purpose::CopyFrom,
        ..Options::default()
    };
    let primary = PostgresStore::open(&server().url(&name), options())
        .await
        .unwrap();
    let standby = PostgresStore::open(&replica().url(&name), options())
        .await
        .unwrap();
    assert!(!primary.is_standby().await.unwrap());
    assert!(standby.is_standby().await.unwrap());
}

#[tokio::test]
async fn a_server_starts_while_its_replica_is_away_or_is_the_primary() {
    let name = database().await;
    let port = server().port;
    let url = format!("postgres://cosell@127.0.0.1:1,127.0.0.1:{port}/{name}");
    let store = open(&server().url(&name), &url).await;
    add(&store, "O1").await;
    assert_eq!(listed(&store).await, ["O1"]);
    assert_eq!(figure(&store, "away"), 1);
}

/// Waits until a server receives nothing from its primary any more.
async fn cut_off(replica: &Server) {
    replica
        .execute("postgres", "ALTER SYSTEM SET primary_conninfo=''")
        .unwrap();
    replica.execute("postgres", "SELECT pg_reload_conf()").unwrap();
    let receivers = "SELECT count(*) FROM pg_stat_wal_receiver";
    until("a replica that is cut off", || {
        replica.value("postgres", receivers) == "0"
    })
    .await;
}

#[tokio::test]
async fn after_a_failover_a_replica_of_the_old_primary_gives_no_list_however_far_it_came() {
    let old = start(&[], &[]);
    let name = old.empty_database();
    drop(
        PostgresStore::open(&old.url(&name), Options::default())
            .await
            .unwrap(),
    );
    let [heir, astray, faithful] = [(); 3].map(|()| old.replica(&[]));
    for replica in [&heir, &astray, &faithful] {
        caught_up(&old, replica).await;
    }
    let url = format!(
        "postgres://cosell@127.0.0.1:{},127.0.0.1:{}/{name}?target_session_attrs=read-write",
        old.port, heir.port
    );
    let store = open(&url, &astray.url(&name)).await;
    let other = open(&url, &faithful.url(&name)).await;
    // One who may not see what a replica receives.
    let reader = "CREATE ROLE reader LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader";
    old.execute(&name, reader).unwrap();
    caught_up(&old, &faithful).await;
    let for_reader = faithful.url(&name).replace("cosell@", "reader@");
    let plain = open(&url, &for_reader).await;
    usable(&store, &astray).await;
    usable(&other, &faithful).await;
    usable(&plain, &faithful).await;
    add(&store, "O1").await;
    assert_eq!(listed(&store).await, ["O1"]);
    for replica in [&heir, &astray, &faithful] {
        caught_up(&old, replica).await;
    }
    // What comes now reaches one replica only, and is lost with the primary.
    cut_off(&heir).await;
    cut_off(&faithful).await;
    for n in 0..200 {
        add(&store, &format!("lost-{n}")).await;
    }
    caught_up(&old, &astray).await;
    drop(old);
    heir.execute("postgres", "SELECT pg_promote()").unwrap();
    add(&store, "O2").await;
    let place = heir.value("postgres", "SELECT pg_current_wal_flush_lsn()");
    let is_ahead = format!("SELECT pg_last_wal_replay_lsn() > '{place}'");
    assert_eq!(astray.value("postgres", &is_ahead), "t");
    let before = figure(&store, "replica");
    for _ in 0..20 {
        assert_eq!(listed(&store).await, ["O1", "O2"]);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(figure(&store, "replica"), before);
    // One that can follow the new primary is used again.
    assert_eq!(listed(&other).await, ["O1", "O2"]);
    let follow = format!(
        "ALTER SYSTEM SET primary_conninfo='host=127.0.0.1 port={} user=cosell'",
        heir.port
    );
    faithful.execute("postgres", &follow).unwrap();
    faithful.execute("postgres", "SELECT pg_reload_conf()").unwrap();
    usable(&other, &faithful).await;
    let before = figure(&other, "replica");
    add(&other, "O3").await;
    assert_eq!(listed(&other).await, ["O1", "O2", "O3"]);
    caught_up(&heir, &faithful).await;
    assert_eq!(listed(&other).await, ["O1", "O2", "O3"]);
    assert!(figure(&other, "replica") > before, "{:?}", other.figures());
    // By safe points it is known at the latest.
    for server in [&heir, &faithful] {
        server.execute("postgres", "CHECKPOINT").unwrap();
        caught_up(&heir, &faithful).await;
    }
    usable(&plain, &faithful).await;
    let before = figure(&plain, "replica");
    assert_eq!(listed(&plain).await, ["O1", "O2", "O3"]);
    assert!(figure(&plain, "replica") > before, "{:?}", plain.figures());
}
