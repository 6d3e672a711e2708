//! A host that takes no writes any more while its connections live on, and another that has taken over.

#![allow(clippy::unwrap_used)]

mod support;

use cosell_store::Store as _;
use cosell_store::suite::{at, insert, jobs, key, opportunity};
use cosell_store_postgres::{Options, PostgresStore};
use cosell_test_postgres::Server;
use std::time::Duration;

const DATABASE: &str = "moving";

/// A server of its own, since what is set is set for all of its databases.
fn host() -> Server {
    let host = cosell_test_postgres::start(&[], &[]);
    let make = format!("CREATE DATABASE {DATABASE} TEMPLATE template0 ENCODING 'UTF8'");
    host.execute("postgres", &make).unwrap();
    host
}

/// Has a host take no writes any more, without an end of its connections.
async fn stop_taking_writes(host: &Server) {
    let client = support::client(host, DATABASE).await;
    let set = "ALTER SYSTEM SET default_transaction_read_only=on";
    host.execute("postgres", set).unwrap();
    host.execute("postgres", "SELECT pg_reload_conf()").unwrap();
    for _ in 0..600 {
        let row = client.query_one("SHOW transaction_read_only", &[]).await.unwrap();
        if row.get::<_, &str>(0) == "on" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the host goes on taking writes");
}

#[tokio::test]
async fn connections_to_a_host_that_takes_no_writes_any_more_are_given_up_and_so_are_those_beside_them() {
    let (former, next) = (host(), host());
    let url = format!(
        "postgres://cosell@127.0.0.1:{},127.0.0.1:{}/{DATABASE}?target_session_attrs=read-write",
        former.port, next.port
    );
    let store = PostgresStore::open(&url, Options::default()).await.unwrap();
    store.apply(insert(opportunity(key("O1"), 1))).await.unwrap();
    // The other one has what was written until then, and something more.
    let elsewhere = PostgresStore::open(&next.url(DATABASE), Options::default())
        .await
        .unwrap();
    for id in ["O1", "O2"] {
        elsewhere.apply(insert(opportunity(key(id), 1))).await.unwrap();
    }
    elsewhere
        .apply(cosell_store::Changes {
            jobs: vec![jobs::job("j1", 0)],
            ..Default::default()
        })
        .await
        .unwrap();
    // Several connections lie in the pool.
    let key_of = key("O2");
    let read_by_many = async || futures_util::future::join_all((0..64).map(|_| store.get(&key_of))).await;
    assert!(
        read_by_many()
            .await
            .into_iter()
            .all(|found| found.unwrap().is_none())
    );

    stop_taking_writes(&former).await;
    // Meets the error, goes to the other one, and takes all others with it.
    assert_eq!(store.reserve("n", 1).await.unwrap(), 1..2);
    assert!(
        read_by_many()
            .await
            .into_iter()
            .all(|found| found.unwrap().is_some())
    );
    assert_eq!(store.claim_jobs(at(9), "w", 9, 60_000).await.unwrap().len(), 1);
    store.apply(insert(opportunity(key("O3"), 1))).await.unwrap();
    assert!(elsewhere.get(&key("O3")).await.unwrap().is_some());
    // Nothing stays connected to the former host, which hears of the ends a little later.
    let connected = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name='cosell' AND datname='{DATABASE}'"
    );
    for _ in 0..600 {
        if former.value("postgres", &connected) == "0" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("connections to the former host are left");
}
