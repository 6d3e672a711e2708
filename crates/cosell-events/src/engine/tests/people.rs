//! Dead letters, pauses, replays, changes and figures.

use super::*;

#[tokio::test]
async fn what_was_given_up_is_kept_lets_the_next_pass_and_can_be_sent_again() {
    let fake = Fake::new(|event, before| match (event.seq, before) {
        (2, 0..3) => Reply::Fail,
        _ => Reply::Take,
    });
    let world = World::new(&[("t", &fake)], |target| {
        target.retry_seconds = Some(vec![0.01, 0.01])
    });
    world.emit(1, 3, 1).await;
    let deliverer = world.start("a").await;
    until("the others are delivered", async || fake.taken() == [1, 3]).await;
    until("it is dead", async || {
        world.rows("/t", DeliveryState::Dead).await == [2]
    })
    .await;
    let never = TimeRange {
        from: Some(Timestamp::from_millis(i64::MAX)),
        to: None,
    };
    assert_eq!(deliverer.redeliver_dead("/t", never).await, Ok(0));
    assert_eq!(deliverer.redeliver_dead("/t", TimeRange::default()).await, Ok(1));
    until("it is delivered", async || fake.taken() == [1, 3, 2]).await;
    deliverer.redeliver("/t", "id-1").await.unwrap();
    until("it came again", async || fake.taken() == [1, 3, 2, 1]).await;
    assert_eq!(
        deliverer.redeliver("/t", "id-9").await,
        Err(PeopleError::NoEvent("id-9".into()))
    );
    assert_eq!(
        deliverer.redeliver("/x", "id-1").await,
        Err(PeopleError::NoTarget("/x".into()))
    );
    deliverer.stop(STOP).await;
    let query = DeliveryQuery {
        target: Some("/t".into()),
        seq: Some(2),
        state: None,
        after: None,
        newest_first: false,
        limit: 1,
    };
    let row = world.store.deliveries(&query).await.unwrap().remove(0);
    let tries = Note::read(&row.note).tries;
    assert_eq!(tries.len(), 4);
    assert_eq!(
        (tries[0].status, tries[0].error.as_deref()),
        (Some(500), Some("told to fail"))
    );
    assert_eq!((tries[3].status, tries[3].error.as_deref()), (Some(200), None));
}

#[tokio::test]
async fn an_event_that_is_sent_again_the_moment_it_was_delivered_comes_once_more() {
    let fake = Fake::new(|_, _| Reply::Take);
    let world = World::new(&[("t", &fake)], |_| {});
    let deliverer = world.start("a").await;
    for round in 1..=5 {
        world.emit(round, 1, 1).await;
        until("it is delivered", async || {
            fake.taken().len() as u64 == 2 * round - 1
        })
        .await;
        // Not settled yet, most likely: outcomes are gathered for a while.
        deliverer.redeliver("/t", &format!("id-{round}")).await.unwrap();
        until("it came again", async || fake.taken().len() as u64 == 2 * round).await;
    }
    deliverer.stop(STOP).await;
}

#[tokio::test]
async fn a_target_that_is_down_is_left_in_peace_and_its_events_lose_no_tries() {
    let down = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let seen = down.clone();
    let fake = Fake::new(move |_, _| {
        if seen.load(Ordering::SeqCst) {
            Reply::Fail
        } else {
            Reply::Take
        }
    });
    // Two tries only: an event that lost one to each probe would be given up.
    let world = World::new(&[("t", &fake)], |target| {
        target.retry_seconds = Some(vec![0.3]);
        target.concurrency = 32;
    });
    world.emit(1, 300, 100).await;
    let deliverer = world.start("a").await;
    let status = async || deliverer.metrics().await.unwrap().remove(0).status;
    until("it is left in peace", async || {
        status().await == TargetStatus::BackingOff
    })
    .await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let tries = fake.tries();
    assert!((10..=48).contains(&tries), "{tries} tries");
    down.store(false, Ordering::SeqCst);
    until("all are delivered", async || fake.taken().len() >= 300).await;
    assert_eq!(status().await, TargetStatus::Delivering);
    deliverer.stop(STOP).await;
    assert!(world.rows("/t", DeliveryState::Dead).await.is_empty());
    for (lane, seqs) in by_lane(&fake.taken(), 100) {
        assert!(ascending(&seqs), "lane {lane}: {seqs:?}");
    }
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_paused_until_a_person_resumes_it() {
    let fake = Fake::new(|_, before| if before == 0 { Reply::Gone } else { Reply::Take });
    let world = World::new(&[("t", &fake)], |target| target.concurrency = 1);
    world.emit(1, 2, 1).await;
    let deliverer = world.start("a").await;
    let paused = async || {
        let metrics = deliverer.metrics().await.unwrap().remove(0);
        matches!(&metrics.status, TargetStatus::Paused(paused) if paused.reason.contains("gone"))
    };
    until("it is paused", paused).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(fake.tries(), 1);
    deliverer.resume("/t").await.unwrap();
    until(
        "the first is delivered and the next one pauses it again",
        async || fake.taken() == [1],
    )
    .await;
    until("it is paused", paused).await;
    deliverer.resume("/t").await.unwrap();
    until("all are delivered", async || fake.taken() == [1, 2]).await;
    deliverer.stop(STOP).await;
}

#[tokio::test]
async fn what_a_person_pauses_waits_in_the_log() {
    let fake = Fake::new(|_, _| Reply::Take);
    let world = World::new(&[("t", &fake)], |_| ());
    world.emit(1, 10, 2).await;
    let deliverer = world.start("a").await;
    until("the first are delivered", async || fake.taken().len() == 10).await;
    deliverer.pause("/t", "maintenance").await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    world.emit(11, 10, 2).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(fake.taken().len(), 10);
    let metrics = deliverer.metrics().await.unwrap().remove(0);
    assert_eq!((metrics.delivered, metrics.pending), (10, 0));
    assert_eq!(metrics.status.word(), "paused");
    deliverer.resume("/t").await.unwrap();
    until("the rest is delivered", async || fake.taken().len() == 20).await;
    deliverer.stop(STOP).await;
    assert_eq!(fake.taken().len(), 20);
}

#[tokio::test]
async fn a_pause_while_deliveries_are_under_way_loses_none_of_them() {
    let fake = Fake::new(|_, _| Reply::Take);
    let world = World::new(&[("t", &fake)], |_| ());
    world.emit(1, 600, 20).await;
    let deliverer = world.start("a").await;
    for part in 1..=5 {
        until("some are delivered", async || fake.taken().len() >= part * 80).await;
        deliverer.pause("/t", "look").await.unwrap();
        deliverer.resume("/t").await.unwrap();
    }
    until("all are delivered", async || fake.taken().len() >= 600).await;
    deliverer.stop(STOP).await;
    assert_eq!(fake.taken().len(), 600, "none twice");
}

#[tokio::test]
async fn a_new_target_gets_nothing_from_before_but_by_a_replay() {
    let fake = Fake::new(|_, _| Reply::Take);
    let world = World::new(&[("t", &fake)], |target| target.since = 5);
    world.emit(1, 8, 2).await;
    world.registry.0.lock().unwrap().rules[0].since = 6;
    let deliverer = world.start("a").await;
    until("what came after the rule is delivered", async || {
        fake.taken() == [7, 8]
    })
    .await;
    until("that is settled", async || {
        world.store.open_target("/t", 0).await.unwrap().position == 8
    })
    .await;
    let replayed = deliverer
        .replay("/t", TimeRange::default(), None, 1_000_000)
        .await
        .unwrap();
    assert_eq!(
        replayed,
        Replayed {
            events: 8,
            next: None
        }
    );
    until("all came", async || fake.taken().len() == 10).await;
    let mut all = fake.taken().split_off(2);
    all.sort_unstable();
    assert_eq!(all, [1, 2, 3, 4, 5, 6, 7, 8]);
    deliverer.stop(STOP).await;
}

#[tokio::test]
async fn changed_records_count_from_the_reload() {
    let (one, two) = (Fake::new(|_, _| Reply::Take), Fake::new(|_, _| Reply::Take));
    let world = World::new(&[("one", &one), ("two", &two)], |_| ());
    world.registry.0.lock().unwrap().targets[1].0.enabled = false;
    let deliverer = world.start("a").await;
    world.emit(1, 5, 1).await;
    until("one has all", async || one.taken().len() == 5).await;
    assert!(two.taken().is_empty());
    {
        let mut registered = world.registry.0.lock().unwrap();
        registered.targets[1].0.enabled = true;
        registered.targets[0].0.concurrency = 2;
        registered.rules[0].targets = vec!["/two".into()];
    }
    deliverer.reload().await;
    world.emit(6, 5, 1).await;
    until("two has all", async || two.taken().len() == 10).await;
    assert_eq!(one.taken().len(), 5, "no rule sends there any more");
    world.registry.0.lock().unwrap().targets.remove(1);
    deliverer.reload().await;
    deliverer.forget("/two").await.unwrap();
    let left = world.store.targets().await.unwrap();
    assert_eq!(
        left.iter().map(|state| state.target.as_str()).collect::<Vec<_>>(),
        ["/one"]
    );
    deliverer.stop(STOP).await;
}

#[tokio::test]
async fn a_target_that_takes_nothing_parks_a_bounded_number_of_events() {
    let fake = Fake::new(|_, _| Reply::Fail);
    let world = World::new(&[("t", &fake)], |target| {
        target.retry_seconds = Some(vec![60.0]);
        target.concurrency = 64;
    });
    // One lane: everything behind the first waits.
    world.emit(1, 3000, 1).await;
    let deliverer = world.start("a").await;
    until("the cursor waits", async || {
        world.store.open_target("/t", 0).await.unwrap().pending >= session::MAX_PARKED
    })
    .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let state = world.store.open_target("/t", 0).await.unwrap();
    assert!(
        state.pending < session::MAX_PARKED + 300,
        "{} rows",
        state.pending
    );
    assert!(state.position < 1400, "position {}", state.position);
    let metrics = deliverer.metrics().await.unwrap().remove(0);
    assert!(metrics.lag_seconds < 86_400 * 365);
    deliverer.stop(STOP).await;
}

#[tokio::test]
async fn the_lag_is_the_age_of_the_oldest_event_that_is_not_delivered() {
    let fake = Fake::new(|event, _| if event.seq == 2 { Reply::Fail } else { Reply::Take });
    let world = World::new(&[("t", &fake)], |target| target.retry_seconds = Some(vec![60.0]));
    let at = event("x", "1", "O1").time;
    let options = EngineOptions {
        holder: "a".into(),
        lease: Duration::from_secs(2),
        now: machine_time(),
        signing_now: machine_time(),
        event_now: Arc::new(move || at.plus_millis(90_500)),
        held: false,
    };
    let deliverer = Deliverer::start(
        world.store.clone(),
        world.registry.clone(),
        world.sinks.clone(),
        options,
    )
    .await;
    world.emit(1, 1, 1).await;
    let lag = async || {
        deliverer
            .metrics()
            .await
            .unwrap()
            .first()
            .map(|metrics| metrics.lag_seconds)
    };
    until("nothing is late", async || {
        !fake.taken().is_empty() && lag().await == Some(0)
    })
    .await;
    world.emit(2, 1, 1).await;
    until("one is late", async || {
        fake.tries() == 2 && lag().await == Some(90)
    })
    .await;
    deliverer.stop(STOP).await;
}

#[tokio::test]
async fn a_test_event_is_sent_at_once_and_counted_nowhere() {
    let fake = Fake::new(|event, _| match event.text("source") {
        "cosell.test" => Reply::Take,
        _ => Reply::Fail,
    });
    let world = World::new(&[("t", &fake)], |_| ());
    let deliverer = world.start("a").await;
    let (settings, secrets) = world.registry.0.lock().unwrap().targets[0].clone();
    let outcome = deliverer.send_test(&settings, &secrets, "id-t").await.unwrap();
    assert_eq!(outcome, Outcome::Delivered { status: Some(200) });
    assert_eq!(fake.came.lock().unwrap()[0].1, "id-t");
    assert_eq!(world.store.open_target("/t", 0).await.unwrap().attempts, 0);
    deliverer.stop(STOP).await;
}

#[tokio::test]
async fn an_event_is_never_sent_to_the_target_of_another_account() {
    let fake = Fake::new(|_, _| Reply::Take);
    let world = World::new(&[("t", &fake)], |target| target.account = "222222222222".into());
    world.emit(1, 1, 1).await;
    let deliverer = world.start("a").await;
    assert_eq!(
        deliverer.redeliver("222222222222/t", "id-1").await,
        Err(PeopleError::Foreign("id-1".into()))
    );
    deliverer.stop(STOP).await;
    assert_eq!(fake.tries(), 0);
}
