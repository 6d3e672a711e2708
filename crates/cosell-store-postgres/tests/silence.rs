//! Database hosts and connections that say nothing any more, not even goodbye.

#![allow(clippy::unwrap_used)]

mod support;

use cosell_store::Store as _;
use cosell_store::suite::{insert, key, opportunity};
use cosell_store_postgres::{Options, PostgresStore};
use cosell_test_postgres::relay::{Fate, Side, relay};
use cosell_test_postgres::server;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The name of a fresh database.
async fn database() -> String {
    let open =
        |url: String| async move { drop(PostgresStore::open(&url, Options::default()).await.unwrap()) };
    support::database(open).await
}

/// A way to the server. When `silence` rises, all connections that are there fall silent for ever, without an end; new ones
/// work.
fn silent_relay(silence: Arc<AtomicUsize>) -> u16 {
    let open = move || {
        let (silence, born) = (silence.clone(), silence.load(Ordering::SeqCst));
        move |_: Side, _: &[u8]| match silence.load(Ordering::SeqCst) == born {
            true => Fate::Passes,
            false => Fate::Vanishes,
        }
    };
    relay(server().port, open).port()
}

#[tokio::test]
async fn a_connection_that_falls_silent_is_given_up_and_what_it_was_asked_is_done_over_another() {
    let name = database().await;
    let silence = Arc::new(AtomicUsize::new(0));
    let port = silent_relay(silence.clone());
    let options = Options {
        statement_timeout: Duration::from_millis(500),
        ..Options::default()
    };
    let url = format!("postgres://cosell@127.0.0.1:{port}/{name}");
    let store = PostgresStore::open(&url, options).await.unwrap();
    store.apply(insert(opportunity(key("O1"), 1))).await.unwrap();
    store.get(&key("O1")).await.unwrap().unwrap();

    silence.fetch_add(1, Ordering::SeqCst);
    let begun = std::time::Instant::now();
    store.get(&key("O1")).await.unwrap().unwrap();
    store.apply(insert(opportunity(key("O2"), 1))).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());

    // Readers that went away leave no silent connection to those who come after them.
    silence.fetch_add(1, Ordering::SeqCst);
    let impatient = Duration::from_millis(100);
    for _ in 0..20 {
        let key = key("O1");
        let _ = tokio::time::timeout(impatient, store.get(&key)).await;
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let begun = std::time::Instant::now();
    store.get(&key("O1")).await.unwrap().unwrap();
    assert!(
        begun.elapsed() < Duration::from_millis(500),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn a_host_that_takes_connections_and_says_nothing_is_passed_over() {
    let name = database().await;
    // The system takes the connections of a listener that nobody serves.
    let frozen = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let frozen_port = frozen.local_addr().unwrap().port();
    let options = Options {
        connect_timeout: Duration::from_secs(2),
        ..Options::default()
    };
    let url = format!(
        "postgres://cosell@127.0.0.1:{frozen_port},127.0.0.1:{}/{name}?target_session_attrs=read-write",
        server().port
    );
    let store = PostgresStore::open(&url, options).await.unwrap();
    let begun = std::time::Instant::now();
    store.apply(insert(opportunity(key("O1"), 1))).await.unwrap();
    store.get(&key("O1")).await.unwrap().unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "the host that answers is not tried first: {:?}",
        begun.elapsed()
    );
}
