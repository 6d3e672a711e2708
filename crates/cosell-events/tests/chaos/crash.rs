//! Engines that die under load, servers that take over from each other, stores that fail: nothing is lost, what comes twice
//! has the same id, and what comes for the first time comes in its lane's order.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cosell_store::Store as _;

use crate::flaky::Flaky;
use crate::receiver::{Receiver, Reply};
use crate::world::{World, assert_order, machine_time, number, until, webhook};

const LANES: u64 = 20;
const STOP: Duration = Duration::from_secs(5);

/// A receiver that refuses every fifth call, and a world with it as the target `/t`.
async fn world() -> (Arc<Receiver>, World) {
    let receiver = Receiver::start(|call, _| match call % 5 {
        4 => Reply::Broken,
        _ => Reply::Take,
    })
    .await;
    let world = World::new(vec![webhook("t", &receiver.url)]);
    (receiver, world)
}

/// Fails unless everything came, first arrivals in order. How many came more than once.
fn assert_complete(receiver: &Receiver, events: u64) -> usize {
    receiver.seen(|seen| {
        assert_eq!(seen.taken.len() as u64, events);
        assert_order(seen.taken.iter().map(|(id, _)| number(id)), LANES);
        seen.events.values().filter(|came| came.taken > 1).count()
    })
}

/// Emits events while something else is going on.
async fn emit_slowly(world: &World, events: u64) {
    for from in (1..=events).step_by(20) {
        world.emit(from, 20, LANES).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_engine_that_dies_at_any_moment_under_load_loses_nothing() {
    let (receiver, world) = world().await;
    let deaths = async {
        // Pauses that share no rhythm with settlements (50 ms) or emissions.
        for life in [3_u64, 61, 17, 149, 7, 101, 29, 53, 5, 211, 41, 1, 83, 127, 13] {
            let deliverer = world.start("a").await;
            tokio::time::sleep(Duration::from_millis(life)).await;
            drop(deliverer);
        }
    };
    tokio::join!(emit_slowly(&world, 2000), deaths);
    let deliverer = world.start("a").await;
    until("everything is settled", async || world.is_done("/t", 2000).await).await;
    deliverer.stop(STOP).await;
    let twice = assert_complete(&receiver, 2000);
    println!("{twice} of 2000 events came more than once over 15 deaths");
    assert!(twice < 1000, "{twice} events came more than once");
}

#[tokio::test]
async fn of_two_servers_the_other_takes_over_when_one_dies_and_when_one_leaves() {
    let (receiver, world) = world().await;
    let (one, two) = (world.start("a").await, world.start("b").await);
    let holder = async || world.store.open_target("/t", 0).await.unwrap().worker.unwrap();
    let handing_over = async {
        until("some came", async || receiver.taken() > 200).await;
        let first = holder().await;
        let (dying, living) = if first == "a" { (one, two) } else { (two, one) };
        drop(dying);
        let before = receiver.taken();
        until("the other has taken over", async || {
            receiver.taken() > before + 300
        })
        .await;
        assert_ne!(holder().await, first);
        let back = world.start(&first).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        living.stop(STOP).await;
        back
    };
    let ((), last) = tokio::join!(emit_slowly(&world, 3000), handing_over);
    until("everything is settled", async || world.is_done("/t", 3000).await).await;
    last.stop(STOP).await;
    let twice = assert_complete(&receiver, 3000);
    println!("{twice} of 3000 events came more than once over a death and a departure");
}

#[tokio::test]
async fn a_server_that_is_too_slow_to_keep_its_lease_settles_nothing_that_another_has_taken_over() {
    let (receiver, world) = world().await;
    let slow = Flaky::new(world.store.clone());
    let one = world.start_over(slow.clone(), "a", machine_time()).await;
    until("the first holds it", async || {
        world.store.open_target("/t", 0).await.unwrap().worker.as_deref() == Some("a")
    })
    .await;
    // Longer than the lease of two seconds.
    slow.slowness.store(4000, Ordering::SeqCst);
    world.emit(1, 400, LANES).await;
    let two = world.start("b").await;
    until("everything is settled", async || world.is_done("/t", 400).await).await;
    assert_eq!(
        world.store.open_target("/t", 0).await.unwrap().worker.as_deref(),
        Some("b")
    );
    // The settlement of the first one arrives late, and is refused.
    tokio::time::sleep(Duration::from_millis(4500)).await;
    slow.slowness.store(0, Ordering::SeqCst);
    let state = world.store.open_target("/t", 0).await.unwrap();
    assert_eq!((state.delivered, state.pending), (400, 0));
    two.stop(STOP).await;
    one.stop(STOP).await;
    receiver.seen(|seen| assert_eq!(seen.events.len(), 400));
}

#[tokio::test]
async fn settlements_that_take_long_delay_no_delivery_and_change_no_order() {
    let (receiver, world) = world().await;
    let slow = Flaky::new(world.store.clone());
    slow.slowness.store(300, Ordering::SeqCst);
    let deliverer = world.start_over(slow, "a", machine_time()).await;
    world.emit(1, 160, LANES).await;
    until("everything is settled", async || world.is_done("/t", 160).await).await;
    deliverer.stop(STOP).await;
    assert_eq!(assert_complete(&receiver, 160), 0, "none came twice");
}

#[tokio::test]
async fn a_store_that_is_unavailable_for_a_while_loses_nothing() {
    let (receiver, world) = world().await;
    let flaky = Flaky::new(world.store.clone());
    let deliverer = world.start_over(flaky.clone(), "a", machine_time()).await;
    let outages = async {
        for (serves, fails) in [(150, 40), (60, 200), (400, 10), (90, 600)] {
            tokio::time::sleep(Duration::from_millis(serves)).await;
            // The answer of a settlement under way is lost: nobody knows whether it landed.
            flaky.slowness.store(20, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(10)).await;
            flaky.down.store(true, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(fails)).await;
            flaky.down.store(false, Ordering::SeqCst);
            flaky.slowness.store(0, Ordering::SeqCst);
        }
    };
    tokio::join!(emit_slowly(&world, 1500), outages);
    until("everything is settled", async || world.is_done("/t", 1500).await).await;
    deliverer.stop(STOP).await;
    let twice = assert_complete(&receiver, 1500);
    println!("{twice} of 1500 events came more than once over 4 outages of the store");
}
