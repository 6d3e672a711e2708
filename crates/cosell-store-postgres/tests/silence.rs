//! Database hosts and connections that say nothing any more, not even goodbye, and hosts that are away.

#![allow(clippy::unwrap_used)]

mod support;

use cosell_store::suite::{insert, key, opportunity};
use cosell_store::{ApplyError, Store as _};
use cosell_store_postgres::{Options, PostgresStore};
use cosell_test_postgres::relay::{Fate, Side, relay};
use cosell_test_postgres::server;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

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
    let begun = Instant::now();
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
    let begun = Instant::now();
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
    let begun = Instant::now();
    store.apply(insert(opportunity(key("O1"), 1))).await.unwrap();
    store.get(&key("O1")).await.unwrap().unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "the host that answers is not tried first: {:?}",
        begun.elapsed()
    );
}

/// Forwards connections to the server while `there`. Otherwise those that are there end, and new ones end at once.
fn proxy(there: Arc<AtomicBool>) -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for near in listener.incoming().map(Result::unwrap) {
            if !there.load(Ordering::SeqCst) {
                continue;
            }
            let far = std::net::TcpStream::connect(("127.0.0.1", server().port)).unwrap();
            let ways = [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)];
            for (mut from, mut to) in ways {
                let there = there.clone();
                std::thread::spawn(move || {
                    let mut buffer = vec![0; 64 << 10];
                    while let Ok(count @ 1..) = std::io::Read::read(&mut from, &mut buffer) {
                        let away = !there.load(Ordering::SeqCst);
                        if away || std::io::Write::write_all(&mut to, &buffer[..count]).is_err() {
                            break;
                        }
                    }
                    // Nothing is left of a connection that has ended already.
                    let _ = from.shutdown(std::net::Shutdown::Both);
                    let _ = to.shutdown(std::net::Shutdown::Both);
                });
            }
        }
    });
    port
}

#[tokio::test]
async fn writes_that_wait_behind_others_for_a_host_that_is_away_are_answered_not_much_later_than_those() {
    let name = database().await;
    let there = Arc::new(AtomicBool::new(true));
    let port = proxy(there.clone());
    let options = Options {
        write_patience: Duration::from_secs(2),
        ..Options::default()
    };
    let url = format!("postgres://cosell@127.0.0.1:{port}/{name}");
    let store = PostgresStore::open(&url, options).await.unwrap();
    there.store(false, Ordering::SeqCst);
    // More than three commits take.
    let writes = (0..200).map(|n| {
        let store = &store;
        async move {
            tokio::time::sleep(Duration::from_millis(5 * n)).await;
            let begun = Instant::now();
            let refused = store.apply(insert(opportunity(key(&format!("O{n}")), 1))).await;
            (refused, begun.elapsed())
        }
    });
    let mut longest = Duration::ZERO;
    for (refused, took) in futures_util::future::join_all(writes).await {
        assert!(matches!(refused, Err(ApplyError::Unavailable(_))), "{refused:?}");
        longest = longest.max(took);
    }
    assert!(longest < Duration::from_millis(3500), "{longest:?}");
    there.store(true, Ordering::SeqCst);
    store.apply(insert(opportunity(key("O1"), 1))).await.unwrap();
}
