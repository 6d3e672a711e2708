//! The realistic mode: what comes again and what comes early, by seed, and that jobs bring it.

use super::*;

async fn day(seed: u8) -> Story<crate::VirtualClock> {
    let clock = crate::VirtualClock::new(crate::ClockMode::Frozen { at: second(0) });
    let settings = Settings {
        events_realistic: true,
        seed: Some([seed; 32]),
        ..Settings::default()
    };
    let story = Story::by(Arc::new(clock), settings).await;
    for _ in 0..40 {
        let id = story.opportunity(ONE).await;
        story.share_by_task(ONE, &id).await;
        story.advance(60_000).await;
    }
    story
}

fn about(event: &StoredEvent) -> (String, Value) {
    let body: Value = serde_json::from_slice(&event.event.body).unwrap();
    (event.event.detail_type.clone(), body["detail"].clone())
}

#[tokio::test]
async fn some_events_come_again_with_another_identifier_and_some_snapshots_before_the_update() {
    let story = day(7).await;
    let events = Ear { seen: 0 }.events(&story).await;
    let ids: BTreeSet<&str> = events.iter().map(|one| one.event.id.as_str()).collect();
    assert_eq!(ids.len(), events.len());
    let mut first = BTreeMap::new();
    let (mut again, mut late) = (BTreeMap::<String, usize>::new(), 0);
    for one in &events {
        let key = about(one);
        match first.get(&(key.0.clone(), key.1.to_string())) {
            None => {
                first.insert((key.0, key.1.to_string()), one.event.time);
            }
            Some(time) => {
                let after = one.event.time.as_millis() - Timestamp::as_millis(*time);
                assert!((0..=15_000).contains(&after), "{after} ms later");
                *again.entry(key.0).or_default() += 1;
                late += usize::from(after > 2_000);
            }
        }
    }
    assert_eq!(again.keys().collect::<Vec<_>>(), [CREATED, UPDATED]);
    assert!((24..=39).contains(&again[CREATED]), "{again:?}");
    assert!((16..=37).contains(&again[UPDATED]), "{again:?}");
    assert!(late > 10, "{late}");
    let updates = events.iter().filter(|one| one.event.detail_type == UPDATED);
    let early = updates.filter(|one| {
        let id = about(one).1["opportunity"]["identifier"].clone();
        let shown = |other: &&StoredEvent| about(other).1["resourceSnapshot"]["resourceId"] == id;
        events
            .iter()
            .find(shown)
            .is_some_and(|shown| shown.seq < one.seq && shown.event.time == one.event.time)
    });
    let early = early.count();
    assert!((3..=20).contains(&early), "{early}");
}

#[tokio::test]
async fn the_same_seed_and_actions_give_the_same_events_and_another_seed_gives_others() {
    let (one, same, other) = (day(7).await, day(7).await, day(8).await);
    assert_eq!(
        everything(&*one.world.store).await,
        everything(&*same.world.store).await
    );
    let order = async |story: &Story<_>| {
        let events = Ear { seen: 0 }.events(story).await;
        events
            .into_iter()
            .map(|one| one.event.detail_type)
            .collect::<Vec<_>>()
    };
    assert_ne!(order(&one).await, order(&other).await);
}

#[tokio::test]
async fn what_is_to_come_again_goes_with_a_reset_of_its_account() {
    let story = Story::with(Settings {
        events_realistic: true,
        ..Settings::default()
    })
    .await;
    for account in [ONE, ONE, ONE, ONE, TWO, TWO, TWO, TWO] {
        story.opportunity(account).await;
    }
    let waiting = async || {
        let jobs = story.world.store.jobs(Some("event-repeat"), 100).await.unwrap();
        let account = |job: &cosell_store::StoredJob| {
            let due: Value = serde_json::from_slice(&job.job.payload).unwrap();
            text(&due, "account")
        };
        jobs.iter().map(account).collect::<BTreeSet<_>>()
    };
    assert_eq!(waiting().await, BTreeSet::from([ONE.to_owned(), TWO.to_owned()]));
    story.world.store.reset(Some(ONE), None).await.unwrap();
    assert_eq!(waiting().await, BTreeSet::from([TWO.to_owned()]));
}
