//! The engine with its real sinks, a store on disk and sockets, while receivers misbehave in every way they can.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail by panicking too")]

mod change;
mod crash;
mod flaky;
mod receiver;
mod world;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use cosell_events::{TargetStatus, TimeRange};
use cosell_store::{DeliveryState, Store as _};

use receiver::{MISBEHAVIOURS, Receiver, Reply};
use world::{World, assert_order, number, until, webhook};

const EVENTS: u64 = 10_000;
/// Opportunities that the events are about.
const LANES: u64 = 250;
/// Events of one commit, and the pause between commits.
const BURST: (u64, Duration) = (25, Duration::from_millis(25));
/// Longest time from an event's commit to its arrival at a receiver that behaves.
const LAG: Duration = Duration::from_secs(5);

/// Events that one receiver refuses until it is healed, so that they are given up. They come early: while a receiver takes
/// nothing at all no event is to blame, so tries count only as long as others arrive.
fn is_poison(id: &str) -> bool {
    number(id) % 1000 == 7 && number(id) < 5000
}
const POISON: u64 = 5;

#[tokio::test]
async fn two_receivers_that_misbehave_delay_no_other_and_get_everything_once_they_are_healed() {
    let started = Instant::now();
    let mut receivers = Vec::new();
    for _ in 0..3 {
        receivers.push(Receiver::start(|_, _| Reply::Take).await);
    }
    // One that never works, and one that takes every other call.
    receivers.push(Receiver::start(|call, _| MISBEHAVIOURS[call % MISBEHAVIOURS.len()]).await);
    let moody = |call: usize, id: &str| match call % 2 {
        _ if is_poison(id) => Reply::Broken,
        0 => Reply::Take,
        // Hanging costs a second each, so it is rarer than the others.
        _ if call % 128 == 1 => Reply::Hang,
        _ => MISBEHAVIOURS[1 + call / 2 % (MISBEHAVIOURS.len() - 1)],
    };
    receivers.push(Receiver::start(moody).await);
    let names = ["/one", "/two", "/three", "/down", "/moody"];
    let targets = names.iter().zip(&receivers);
    let world = World::new(targets.map(|(name, it)| webhook(&name[1..], &it.url)).collect());
    let (down, moody) = (&receivers[3], &receivers[4]);
    let deliverer = world.start("a").await;

    // When each event was committed, by its number.
    let mut committed = vec![started];
    while (committed.len() as u64) <= EVENTS {
        world.emit(committed.len() as u64, BURST.0, LANES).await;
        committed.resize(committed.len() + BURST.0 as usize, Instant::now());
        tokio::time::sleep(BURST.1).await;
    }
    let emitted = started.elapsed();
    until("the healthy ones have all", async || {
        receivers[..3].iter().all(|one| one.taken() as u64 == EVENTS)
    })
    .await;
    println!(
        "{EVENTS} events committed within {emitted:.1?}, all at the healthy receivers after {:.1?}",
        started.elapsed()
    );
    for (name, receiver) in names.iter().zip(&receivers[..3]) {
        let mut lags = receiver.seen(|seen| {
            let lag =
                |(id, at): &(String, Instant)| at.saturating_duration_since(committed[number(id) as usize]);
            seen.taken.iter().map(lag).collect::<Vec<_>>()
        });
        lags.sort_unstable();
        let at = |share: usize| lags[(lags.len() - 1) * share / 1000];
        println!(
            "{name}: lag p50 {:.1?}, p99 {:.1?}, most {:.1?}, bound {LAG:?}",
            at(500),
            at(990),
            at(1000)
        );
        assert!(at(1000) <= LAG, "{name} lags too far behind");
        receiver.seen(|seen| {
            assert!(
                seen.events.values().all(|came| came.calls == 1),
                "{name}: each event once"
            );
            assert_order(seen.taken.iter().map(|(id, _)| number(id)), LANES);
        });
    }
    let metrics = deliverer.metrics().await.unwrap();
    let status = |name: &str| {
        metrics
            .iter()
            .find(|one| one.target == name)
            .unwrap()
            .status
            .clone()
    };
    assert_eq!(status("/down"), TargetStatus::BackingOff);
    assert_eq!(status("/one"), TargetStatus::Delivering);
    until("the poison is given up", async || {
        world.rows("/moody", DeliveryState::Dead).await.len() as u64 == POISON
    })
    .await;

    println!(
        "the poison was given up {:.1?} after the start, {} taken by then",
        started.elapsed(),
        moody.taken()
    );
    let healed = Instant::now();
    for receiver in [down, moody] {
        receiver.healed.store(true, Ordering::SeqCst);
    }
    // As a person would who has mended it; by itself it comes back with the next probe.
    deliverer.resume("/down").await.unwrap();
    until("the rest of them has come", async || {
        down.taken() as u64 == EVENTS && moody.taken() as u64 == EVENTS - POISON
    })
    .await;
    assert_eq!(
        deliverer.redeliver_dead("/moody", TimeRange::default()).await,
        Ok(POISON)
    );
    until("everything is settled", async || {
        let mut done = true;
        for name in names {
            done &= world.is_done(name, EVENTS).await;
        }
        done
    })
    .await;
    deliverer.stop(Duration::from_secs(5)).await;
    for (name, receiver) in names.iter().zip(&receivers) {
        let last = receiver
            .seen(|seen| seen.taken.iter().map(|(_, at)| *at).max())
            .unwrap();
        println!("{name}: last event taken {:.1?} after the start", last - started);
    }
    println!(
        "everything everywhere {:.1?} after the misbehaving were healed",
        healed.elapsed()
    );
    for (name, receiver) in names.iter().zip(&receivers) {
        let state = world.store.open_target(name, 0).await.unwrap();
        println!("{name}: {} tries, {} failed", state.attempts, state.failures);
        assert_eq!((state.delivered, state.dead), (EVENTS, 0), "{name}");
        receiver.seen(|seen| {
            assert_eq!(seen.events.len() as u64, EVENTS, "{name}");
            for (id, came) in &seen.events {
                assert!((1..=1 + came.lost).contains(&came.taken), "{name}: {id} {came:?}");
            }
        });
    }
    down.seen(|seen| assert_order(seen.taken.iter().map(|(id, _)| number(id)), LANES));
    moody.seen(|seen| {
        assert!(
            seen.misbehaved.iter().all(|times| *times > 10),
            "{:?}",
            seen.misbehaved
        );
        let unharmed = seen.taken.iter().filter(|(id, _)| !is_poison(id));
        assert_order(unharmed.map(|(id, _)| number(id)), LANES);
    });
    println!("{:.1?} in all", started.elapsed());
    assert!(
        started.elapsed() < Duration::from_secs(60),
        "took {:?}",
        started.elapsed()
    );
}
