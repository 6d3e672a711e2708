//! What arrives, how often and in which order, whatever fails or stops.

use std::collections::HashMap;

use super::*;

#[tokio::test]
async fn every_event_arrives_once_and_in_its_lanes_order_though_tries_fail() {
    let fake = Fake::new(moody);
    let world = World::new(&[("t", &fake)], |target| target.concurrency = 8);
    world.emit(1, 400, 10).await;
    let deliverer = world.start("a").await;
    until("all are delivered", async || fake.taken().len() >= 400).await;
    deliverer.stop(STOP).await;
    let taken = fake.taken();
    assert_eq!(taken.len(), 400, "each once");
    for (lane, seqs) in by_lane(&taken, 10) {
        assert!(ascending(&seqs), "lane {lane}: {seqs:?}");
    }
    assert!((2..=8).contains(&fake.most_under_way.load(Ordering::SeqCst)));
    let state = world.store.open_target("/t", 0).await.unwrap();
    assert_eq!(
        (state.position, state.delivered, state.pending, state.dead),
        (400, 400, 0, 0)
    );
    assert_eq!(state.attempts as usize, fake.tries());
    assert_eq!(state.failures, state.attempts - 400);
}

#[tokio::test]
async fn batches_that_keep_order_do_so_when_they_fail() {
    let batch = Batch {
        events: 16,
        bytes: usize::MAX,
        in_order: true,
    };
    let calls = AtomicUsize::new(0);
    // A call fails as a whole: the judge sees its events one by one, so it goes by the first of them.
    let fake = Fake::batched(batch, move |event, before| {
        if event.seq % 16 == 1 {
            calls.store(usize::from(before == 0), Ordering::SeqCst);
        }
        match calls.load(Ordering::SeqCst) {
            1 if before == 0 => Reply::Fail,
            _ => Reply::Take,
        }
    });
    let world = World::new(&[("t", &fake)], |target| target.concurrency = 1);
    world.emit(1, 64, 3).await;
    let deliverer = world.start("a").await;
    until("all are delivered", async || fake.taken().len() >= 64).await;
    deliverer.stop(STOP).await;
    for (lane, seqs) in by_lane(&fake.taken(), 3) {
        assert!(ascending(&seqs), "lane {lane}: {seqs:?}");
    }
}

#[tokio::test]
async fn a_target_without_order_lets_no_event_wait_for_another() {
    let fake = Fake::new(|event, _| if event.seq == 1 { Reply::Fail } else { Reply::Take });
    let world = World::new(&[("t", &fake)], |target| {
        target.ordered = false;
        target.retry_seconds = Some(vec![60.0]);
    });
    world.emit(1, 20, 1).await;
    let deliverer = world.start("a").await;
    until("the others are delivered", async || fake.taken().len() == 19).await;
    deliverer.stop(STOP).await;
    assert_eq!(world.rows("/t", DeliveryState::Pending).await, [1]);
}

#[tokio::test]
async fn a_target_that_hangs_delays_no_other() {
    let (slow, fast) = (Fake::new(|_, _| Reply::Hang), Fake::new(|_, _| Reply::Take));
    let world = World::new(&[("slow", &slow), ("fast", &fast)], |_| ());
    world.emit(1, 200, 5).await;
    let deliverer = world.start("a").await;
    until("the fast one has all", async || fast.taken().len() == 200).await;
    assert!(slow.taken().is_empty());
    assert_eq!(slow.under_way.load(Ordering::SeqCst), 4);
    deliverer.stop(Duration::from_millis(10)).await;
    assert_eq!(world.store.open_target("/slow", 0).await.unwrap().position, 0);
}

#[tokio::test]
async fn after_a_crash_nothing_is_lost_and_what_comes_twice_has_the_same_id() {
    let fake = Fake::new(moody);
    let world = World::new(&[("t", &fake)], |_| ());
    world.emit(1, 300, 7).await;
    for crash in 1..=5 {
        let deliverer = world.start("a").await;
        until("some are delivered", async || fake.taken().len() >= crash * 40).await;
        drop(deliverer);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let deliverer = world.start("a").await;
    until("all are delivered", async || {
        let state = world.store.open_target("/t", 0).await.unwrap();
        (state.position, state.pending) == (300, 0)
    })
    .await;
    deliverer.stop(STOP).await;
    let mut first: HashMap<u64, String> = HashMap::new();
    for (seq, id, taken) in fake.came.lock().unwrap().iter() {
        assert_eq!(*id, format!("id-{seq}"));
        if *taken {
            first.entry(*seq).or_insert_with(|| id.clone());
        }
    }
    assert_eq!(first.len(), 300);
    // The first arrivals of a lane are in order, whatever came again.
    let mut seen = Vec::new();
    for seq in fake.taken() {
        if !seen.contains(&seq) {
            seen.push(seq);
        }
    }
    for (lane, seqs) in by_lane(&seen, 7) {
        assert!(ascending(&seqs), "lane {lane}: {seqs:?}");
    }
}

#[tokio::test]
async fn a_stop_settles_what_was_under_way_so_that_nothing_comes_twice() {
    let fake = Fake::new(|_, _| Reply::Take);
    let world = World::new(&[("t", &fake)], |_| ());
    world.emit(1, 500, 9).await;
    for part in 1..=4 {
        let deliverer = world.start("a").await;
        until("some are delivered", async || fake.taken().len() >= part * 60).await;
        deliverer.stop(STOP).await;
    }
    // Another server takes over at once, because the lease was given up.
    let deliverer = world.start("b").await;
    until("all are delivered", async || fake.taken().len() >= 500).await;
    deliverer.stop(STOP).await;
    assert_eq!(fake.taken().len(), 500);
}

#[tokio::test]
async fn of_two_servers_one_delivers() {
    let fake = Fake::new(|_, _| Reply::Take);
    let world = World::new(&[("t", &fake)], |_| ());
    let (one, two) = (world.start("a").await, world.start("b").await);
    for part in 0..5 {
        world.emit(part * 20 + 1, 20, 4).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    until("all are delivered", async || fake.taken().len() >= 100).await;
    one.stop(STOP).await;
    two.stop(STOP).await;
    assert_eq!(fake.taken().len(), 100);
}

#[tokio::test]
async fn on_hold_nothing_is_delivered_and_then_everything_is_by_what_is_registered_by_then() {
    let (one, two) = (Fake::new(|_, _| Reply::Take), Fake::new(|_, _| Reply::Take));
    let world = World::new(&[("one", &one), ("two", &two)], |_| {});
    let second = world.registry.0.lock().unwrap().targets.pop().unwrap();
    let deliverer = world.start("a").await;
    world.emit(1, 5, 2).await;
    until("the first is served", async || one.taken().len() == 5).await;
    deliverer.hold(STOP).await;
    world.emit(6, 5, 2).await;
    world.registry.0.lock().unwrap().targets.push(second);
    deliverer.reload().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!((one.taken().len(), two.taken().len()), (5, 0));
    deliverer.go_on().await;
    until("all is delivered", async || {
        one.taken().len() == 10 && two.taken().len() == 10
    })
    .await;
    deliverer.stop(STOP).await;
    // It may be told again.
    deliverer.stop(STOP).await;
    deliverer.hold(STOP).await;
}

#[tokio::test]
async fn a_try_that_waits_for_its_time_comes_although_somebody_looks_before() {
    let fake = Fake::new(|_, before| if before == 0 { Reply::Fail } else { Reply::Take });
    let world = World::new(&[("t", &fake)], |target| target.retry_seconds = Some(vec![1.0]));
    let deliverer = world.start("a").await;
    world.emit(1, 1, 1).await;
    until("the first try is settled", async || {
        world.rows("/t", DeliveryState::Pending).await == [1]
    })
    .await;
    deliverer.reload().await;
    until("it is delivered", async || fake.taken() == [1]).await;
    deliverer.stop(STOP).await;

    // One that waits when a server starts, likewise.
    world.emit(2, 1, 1).await;
    let deliverer = world.start("b").await;
    until("the first try is settled", async || {
        world.rows("/t", DeliveryState::Pending).await == [2]
    })
    .await;
    deliverer.stop(STOP).await;
    let deliverer = world.start("c").await;
    until("it is delivered", async || fake.taken() == [1, 2]).await;
    deliverer.stop(STOP).await;
}
