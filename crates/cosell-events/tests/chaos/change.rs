//! Targets and rules that change while events are on their way, and targets that are left in peace or paused.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cosell_events::{Now, TargetStatus};
use cosell_store::{DeliveryState, Store as _};

use crate::flaky::Flaky;
use crate::receiver::{Receiver, Reply};
use crate::world::{World, assert_order, everything_to, machine_time, number, until, webhook};

const LANES: u64 = 20;
const STOP: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_target_that_fails_for_too_long_is_paused_by_the_engine_and_gets_everything_after_it_is_resumed() {
    let receiver = Receiver::start(|_, _| Reply::Broken).await;
    let mut target = webhook("t", &receiver.url);
    target.0.pause_after_seconds = 60;
    let world = World::new(vec![target]);
    let ahead = Arc::new(AtomicI64::new(0));
    let (moved, machine) = (ahead.clone(), machine_time());
    let now: Now = Arc::new(move || machine().plus_millis(moved.load(Ordering::SeqCst)));
    let deliverer = world.start_over(world.store.clone(), "a", now).await;
    world.emit(1, 50, LANES).await;
    let status = async || deliverer.metrics().await.unwrap().remove(0).status;
    until("it is left in peace", async || {
        status().await == TargetStatus::BackingOff
    })
    .await;
    ahead.store(61_000, Ordering::SeqCst);
    until("it is paused", async || {
        matches!(status().await, TargetStatus::Paused(_))
    })
    .await;
    let TargetStatus::Paused(paused) = status().await else {
        panic!("it was paused a moment ago")
    };
    assert!(paused.reason.contains("500"), "{}", paused.reason);
    let calls = receiver.seen(|seen| seen.events.values().map(|came| came.calls).sum::<usize>());
    world.emit(51, 10, LANES).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let later = receiver.seen(|seen| seen.events.values().map(|came| came.calls).sum::<usize>());
    assert_eq!(later, calls, "a paused target is not called");
    receiver.healed.store(true, Ordering::SeqCst);
    deliverer.resume("/t").await.unwrap();
    until("everything is settled", async || world.is_done("/t", 60).await).await;
    deliverer.stop(STOP).await;
    receiver.seen(|seen| assert_order(seen.taken.iter().map(|(id, _)| number(id)), LANES));
}

#[tokio::test]
async fn a_server_whose_clock_was_an_hour_ahead_keeps_nobody_from_delivering_after_it() {
    const HOUR: i64 = 3_600_000;
    let receiver = Receiver::start(|_, _| Reply::Take).await;
    let world = World::new(vec![webhook("t", &receiver.url)]);
    let machine = machine_time();
    let ahead: Now = Arc::new(move || machine().plus_millis(HOUR));
    world.emit(1, 10, LANES).await;
    let wrong = world.start_over(world.store.clone(), "a", ahead).await;
    until("the first come", async || receiver.taken() == 10).await;
    wrong.stop(STOP).await;
    world.emit(11, 10, LANES).await;
    let right = world.start("b").await;
    until("the next come after it has ended", async || {
        receiver.taken() == 20
    })
    .await;
    right.stop(STOP).await;
    // One that was killed gives nothing up.
    let now = machine_time()().plus_millis(HOUR);
    world
        .store
        .lease_target("/t", "killed", now, 2_000)
        .await
        .unwrap();
    world.emit(21, 10, LANES).await;
    let right = world.start("b").await;
    until("those come that nobody gave up", async || receiver.taken() == 30).await;
    right.stop(STOP).await;
}

#[tokio::test]
async fn a_target_that_was_down_comes_back_by_itself_though_some_events_are_always_refused() {
    // Two events that are refused for ever must not use up every probe. They hold up the ten behind them in their lanes.
    let receiver = Receiver::start(|_, id| {
        if number(id) <= 2 {
            Reply::Broken
        } else {
            Reply::Take
        }
    })
    .await;
    let world = World::new(vec![webhook("t", &receiver.url)]);
    world.emit(1, 2, LANES).await;
    let deliverer = world.start("a").await;
    let status = async || deliverer.metrics().await.unwrap().remove(0).status;
    until("it is left in peace", async || {
        status().await == TargetStatus::BackingOff
    })
    .await;
    world.emit(3, 100, LANES).await;
    until("the others come", async || receiver.taken() == 90).await;
    deliverer.stop(STOP).await;
}

#[tokio::test]
async fn a_receivers_wish_for_a_pause_is_kept_within_twice_the_step() {
    // A second is wished for; the step is 0.7 s.
    let receiver = Receiver::start(|call, _| if call == 0 { Reply::TooMany } else { Reply::Take }).await;
    let mut target = webhook("t", &receiver.url);
    target.0.retry_seconds = Some(vec![0.7]);
    let world = World::new(vec![target]);
    let began = Instant::now();
    world.emit(1, 1, 1).await;
    let deliverer = world.start("a").await;
    until("it came", async || receiver.taken() == 1).await;
    let took = began.elapsed();
    deliverer.stop(STOP).await;
    assert!((0.99..1.5).contains(&took.as_secs_f64()), "came after {took:?}");
}

#[tokio::test]
async fn a_target_that_is_deleted_while_it_delivers_leaves_nothing_behind_and_disturbs_no_other() {
    let (one, two) = (
        Receiver::start(|_, _| Reply::Take).await,
        Receiver::start(|call, _| match call % 3 {
            0 => Reply::Broken,
            _ => Reply::Take,
        })
        .await,
    );
    let world = World::new(vec![webhook("one", &one.url), webhook("two", &two.url)]);
    let deliverer = world.start("a").await;
    world.emit(1, 3000, LANES).await;
    until("some came", async || two.taken() > 200).await;
    let removed = world.registry.0.lock().unwrap().targets.remove(1);
    deliverer.reload().await;
    deliverer.forget("/two").await.unwrap();
    let came = two.taken();
    assert!(came < 3000, "it was deleted on the way");
    let left = world.store.targets().await.unwrap();
    assert_eq!(
        left.iter().map(|state| state.target.as_str()).collect::<Vec<_>>(),
        ["/one"]
    );
    until("the other has all", async || one.taken() == 3000).await;
    assert_eq!(two.taken(), came, "nothing is sent to what was deleted");
    // Made anew under the same name, it begins where it is made.
    let (mut settings, secrets) = removed;
    settings.since = world.store.last_event().await.unwrap();
    world.registry.0.lock().unwrap().targets.push((settings, secrets));
    deliverer.reload().await;
    world.emit(3001, 40, LANES).await;
    until("the new events are settled", async || {
        world.is_done("/two", 3040).await
    })
    .await;
    deliverer.stop(STOP).await;
    two.seen(|seen| assert!(seen.taken[came..].iter().all(|(id, _)| number(id) > 3000)));
    assert_eq!(two.taken(), came + 40);
}

#[tokio::test]
async fn a_target_that_is_led_to_another_address_while_it_delivers_gets_each_event_once_at_one_of_them() {
    let (old, new) = (
        Receiver::start(|_, _| Reply::Take).await,
        Receiver::start(|_, _| Reply::Take).await,
    );
    let world = World::new(vec![webhook("t", &old.url)]);
    let deliverer = world.start("a").await;
    world.emit(1, 2000, LANES).await;
    until("some came", async || old.taken() > 300).await;
    let moved = webhook("t", &new.url);
    world.registry.0.lock().unwrap().targets[0] = moved;
    deliverer.reload().await;
    until("everything is settled", async || world.is_done("/t", 2000).await).await;
    deliverer.stop(STOP).await;
    let taken = |receiver: &Receiver| receiver.seen(|seen| seen.taken.clone());
    let (first, second) = (taken(&old), taken(&new));
    assert!(!second.is_empty());
    let both = || first.iter().chain(&second).map(|(id, _)| number(id));
    assert_order(both(), LANES);
    assert_eq!(both().count(), 2000, "each once");
}

#[tokio::test]
async fn what_passes_while_a_rule_is_switched_off_never_comes() {
    let receiver = Receiver::start(|_, _| Reply::Take).await;
    let world = World::new(vec![webhook("t", &receiver.url)]);
    let deliverer = world.start("a").await;
    world.emit(1, 20, LANES).await;
    until("the first came", async || world.is_done("/t", 20).await).await;
    let switch = async |enabled| {
        world.registry.0.lock().unwrap().rules[0].enabled = enabled;
        deliverer.reload().await;
    };
    switch(false).await;
    world.emit(21, 20, LANES).await;
    until("they passed", async || world.is_done("/t", 40).await).await;
    switch(true).await;
    world.emit(41, 20, LANES).await;
    until("the last came", async || world.is_done("/t", 60).await).await;
    deliverer.stop(STOP).await;
    receiver.seen(|seen| {
        let mut came: Vec<u64> = seen.taken.iter().map(|(id, _)| number(id)).collect();
        came.sort_unstable();
        assert_eq!(came, (1..=20).chain(41..=60).collect::<Vec<_>>());
    });
}

#[tokio::test]
async fn an_event_goes_to_a_target_once_though_several_rules_choose_it() {
    let receiver = Receiver::start(|_, _| Reply::Take).await;
    let targets = vec![webhook("t", &receiver.url)];
    let second = everything_to(&targets);
    let world = World::new(targets);
    world.registry.0.lock().unwrap().rules.push(second);
    let deliverer = world.start("a").await;
    world.emit(1, 30, LANES).await;
    until("everything is settled", async || world.is_done("/t", 30).await).await;
    deliverer.stop(STOP).await;
    receiver.seen(|seen| assert!(seen.events.values().all(|came| came.calls == 1)));
}

#[tokio::test]
async fn what_waits_behind_an_event_that_failed_needs_no_settlement_each() {
    let refused = Arc::new(AtomicUsize::new(0));
    let counted = refused.clone();
    let receiver = Receiver::start(move |_, id| {
        let first = number(id) == 1 && counted.fetch_add(1, Ordering::SeqCst) == 0;
        if first { Reply::Broken } else { Reply::Take }
    })
    .await;
    let mut target = webhook("t", &receiver.url);
    target.0.retry_seconds = Some(vec![1.0]);
    let world = World::new(vec![target]);
    let slow = Flaky::new(world.store.clone());
    let deliverer = world.start_over(slow.clone(), "a", machine_time()).await;
    world.emit(1, 800, 1).await;
    until("the lane waits", async || {
        world.rows("/t", DeliveryState::Pending).await.len() == 800
    })
    .await;
    // 800 settlements of this kind would take a minute and a half.
    slow.slowness.store(100, Ordering::SeqCst);
    until("the first came", async || receiver.taken() >= 1).await;
    let began = Instant::now();
    until("everything is settled", async || world.is_done("/t", 800).await).await;
    let took = began.elapsed();
    println!("800 events that waited behind one came within {took:.1?}, with settlements of 0.1 s");
    assert!(took < Duration::from_secs(15), "took {took:?}");
    deliverer.stop(STOP).await;
    receiver.seen(|seen| assert_order(seen.taken.iter().map(|(id, _)| number(id)), 1));
}
