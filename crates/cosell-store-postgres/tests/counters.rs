//! Counters wait for nothing that changes have to wait for, and the database's clock is the machine's here.

#![allow(clippy::unwrap_used)]

mod support;

use cosell_store::suite::{at, insert, key, opportunity};
use cosell_store::{Store, Swap};
use cosell_store_postgres::{Options, PostgresStore};
use std::time::Duration;

#[tokio::test]
async fn a_counter_waits_for_no_standby_and_a_change_does() {
    let server = cosell_test_postgres::start(&[], &[]);
    let url = server.url(&server.empty_database());
    let store = PostgresStore::open(&url, Options::default()).await.unwrap();
    let sql = |sql: &str| server.execute("postgres", sql).unwrap();
    // A standby that never comes.
    sql("ALTER SYSTEM SET synchronous_standby_names='nobody'");
    sql("SELECT pg_reload_conf()");
    tokio::time::sleep(Duration::from_millis(500)).await;
    let change = store.apply(insert(opportunity(key("O1"), 1)));
    let mut change = Box::pin(change);
    let waited = tokio::time::timeout(Duration::from_secs(1), &mut change).await;
    assert!(waited.is_err(), "a change must wait for the standby: {waited:?}");
    // The writer is held up, the counter is not.
    for (expected, next) in [(None, b"1"), (Some(&b"1"[..]), b"2")] {
        let swapped = store.swap_counter("a", "n", expected, next, at(0));
        let swapped = tokio::time::timeout(Duration::from_secs(5), swapped).await;
        assert_eq!(swapped.unwrap().unwrap(), Swap::Done);
    }
    // The connections that did so wait again with whatever else they do.
    let reserved = tokio::time::timeout(Duration::from_secs(1), store.reserve("s", 1)).await;
    assert!(reserved.is_err(), "{reserved:?}");
    sql("ALTER SYSTEM RESET synchronous_standby_names");
    sql("SELECT pg_reload_conf()");
    let landed = tokio::time::timeout(Duration::from_secs(20), change).await;
    landed.unwrap().unwrap();
}

#[tokio::test]
async fn the_databases_clock_is_told() {
    let server = cosell_test_postgres::server();
    let url = server.url(&server.empty_database());
    let store = PostgresStore::open(&url, Options::default()).await.unwrap();
    let told = store.clock().await.unwrap().unwrap();
    let client = support::client(server, "postgres").await;
    let row = client
        .query_one("SELECT (extract(epoch FROM now()) * 1000)::bigint", &[])
        .await;
    let now: i64 = row.unwrap().get(0);
    let passed = now - told.as_millis();
    assert!((0..60_000).contains(&passed), "{passed} ms");
}
