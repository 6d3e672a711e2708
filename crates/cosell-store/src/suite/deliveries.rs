//! Targets, leases, settlements and lanes by example; a reset, a pruning and a transfer of what belongs to them.

use super::*;
use crate::{
    Delivery, DeliveryQuery, DeliveryState, ExportItem, MAX_NOTE, MAX_PAGE, SettleError, Settlement, Store,
    StoreError, TargetState, state,
};
use DeliveryState::{Dead, Delivered, Pending};

type S = Arc<dyn Store>;

/// The target most tests deliver to.
pub const TARGET: &str = "/crm";
const LEASE: u64 = 60_000;

/// A delivery to the usual target, due at a time.
pub fn delivery(seq: u64, lane: Option<&str>, state: DeliveryState, due: i64) -> Delivery {
    Delivery {
        target: TARGET.to_owned(),
        seq,
        lane: lane.map(str::to_owned),
        state,
        attempts: 1,
        due_at: at(due),
        note: bytes(r#"[{"status":500}]"#),
    }
}

/// A settlement of deliveries to the usual target by the holder of a lease, and nothing else.
pub fn settlement(lease: &TargetState, outcomes: Vec<Delivery>) -> Settlement {
    Settlement {
        target: lease.target.clone(),
        epoch: lease.epoch,
        leased_until: at(LEASE as i64),
        position: 0,
        status: None,
        outcomes,
        attempts: 0,
        failures: 0,
    }
}

/// Events with ids that begin alike, all of the usual account.
pub async fn events(store: &S, name: &str, count: i64) {
    let event = |n| crate::Event {
        time: at(n),
        ..outbox::event(&format!("{name}{n:04}"))
    };
    let change = Changes {
        events: (1..=count).map(event).collect(),
        ..Changes::default()
    };
    store.apply(change).await.unwrap();
}

/// The usual target, opened and leased.
pub async fn leased(store: &S) -> TargetState {
    store.open_target(TARGET, 0).await.unwrap();
    lease(store, "w", 0).await.unwrap()
}

async fn lease(store: &S, worker: &str, now: i64) -> Option<TargetState> {
    store.lease_target(TARGET, worker, at(now), LEASE).await.unwrap()
}

/// The usual target's state.
pub async fn target(store: &S) -> TargetState {
    let all = store.targets().await.unwrap();
    all.into_iter().find(|t| t.target == TARGET).unwrap()
}

fn counts(state: &TargetState) -> [u64; 5] {
    [
        state.pending,
        state.dead,
        state.delivered,
        state.attempts,
        state.failures,
    ]
}

/// Numbers of what is due.
pub async fn due(store: &S, now: i64) -> Vec<u64> {
    let due = store.due_deliveries(TARGET, at(now), 100).await.unwrap();
    due.into_iter().map(|d| d.seq).collect()
}

fn look(state: Option<DeliveryState>) -> DeliveryQuery {
    DeliveryQuery {
        target: Some(TARGET.to_owned()),
        seq: None,
        state,
        after: None,
        newest_first: false,
        limit: 100,
    }
}

async fn seqs(store: &S, query: &DeliveryQuery) -> Vec<u64> {
    let found = store.deliveries(query).await.unwrap();
    found.into_iter().map(|d| d.seq).collect()
}

/// Asserts that a check finds nothing.
pub async fn sound(store: &S) {
    let report = store.check(silent()).await.unwrap();
    assert!(report.is_sound(), "{report:?}");
}

/// A target with a delivery in each state, for events that are there.
pub async fn fill(store: &S) {
    let lease = leased(store).await;
    store.open_target("111122223333/ü", 1).await.unwrap();
    let outcomes = vec![
        delivery(1, Some("a"), Delivered, 5),
        delivery(2, Some("a"), Pending, 7),
    ];
    let done = Settlement {
        position: 2,
        status: Some(bytes(r#"{"failing":true}"#)),
        attempts: 3,
        failures: 1,
        ..settlement(&lease, outcomes)
    };
    store.settle(done).await.unwrap();
    let mut other = delivery(2, None, Pending, 3);
    other.target = "111122223333/ü".into();
    assert_eq!(store.park("111122223333/ü", vec![other]).await.unwrap(), 1);
}

fn invalid<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::Invalid(_))), "{result:?}");
}

pub async fn a_target_opens_once_and_keeps_its_place(store: S) {
    assert_eq!(store.targets().await.unwrap(), []);
    let opened = store.open_target(TARGET, 7).await.unwrap();
    let wanted = TargetState {
        target: TARGET.into(),
        position: 7,
        status: Bytes::new(),
        pending: 0,
        dead: 0,
        delivered: 0,
        attempts: 0,
        failures: 0,
        worker: None,
        leased_until: None,
        epoch: 0,
    };
    assert_eq!(opened, wanted);
    assert_eq!(store.open_target(TARGET, 9).await.unwrap(), wanted);
    let first = store.open_target("/a", 0).await.unwrap();
    assert_eq!(store.targets().await.unwrap(), [first, wanted]);
    for name in ["", &"x".repeat(crate::MAX_DELIVERY_NAME + 1)] {
        invalid(store.open_target(name, 0).await);
    }
    invalid(store.open_target("/b", u64::MAX).await);
}

pub async fn a_lease_is_one_workers_until_it_ends(store: S) {
    invalid(store.lease_target(TARGET, "w", at(0), LEASE).await);
    store.open_target(TARGET, 0).await.unwrap();
    let first = store
        .lease_target(TARGET, "one", at(0), 100)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(first.worker.as_deref(), Some("one"));
    assert_eq!(first.leased_until, Some(at(100)));
    assert!(first.epoch > 0);
    assert_eq!(target(&store).await, first);
    assert_eq!(lease(&store, "two", 99).await, None);
    // The holder may extend it, and is still the same.
    let again = store
        .lease_target(TARGET, "one", at(99), 100)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((again.epoch, again.leased_until), (first.epoch, Some(at(199))));
    assert_eq!(lease(&store, "two", 198).await, None);
    let second = lease(&store, "two", 199).await.unwrap();
    assert!(second.epoch > first.epoch);
    assert_eq!(lease(&store, "one", 200).await, None);
    // Who lets it run out has lost what was under way.
    let late = lease(&store, "two", 199 + LEASE as i64).await.unwrap();
    assert!(late.epoch > second.epoch);
}

pub async fn only_the_present_lease_settles(store: S) {
    events(&store, "e", 3).await;
    let first = leased(&store).await;
    let mut done = settlement(&first, vec![delivery(1, None, Delivered, 1)]);
    done.leased_until = at(10);
    store.settle(done.clone()).await.unwrap();
    // Its lease is over, but nobody has another.
    store.settle(done.clone()).await.unwrap();
    let second = lease(&store, "two", 10).await.unwrap();
    done.outcomes = vec![delivery(2, None, Dead, 2)];
    (done.position, done.attempts, done.status) = (3, 9, Some(bytes("9")));
    let before = target(&store).await;
    assert_eq!(store.settle(done.clone()).await, Err(SettleError::LeaseLost));
    assert_eq!(target(&store).await, before);
    assert_eq!(seqs(&store, &look(None)).await, [1]);
    done.epoch = second.epoch;
    store.settle(done.clone()).await.unwrap();
    assert_eq!(seqs(&store, &look(None)).await, [1, 2]);
    // A lease that was given up is free at once.
    done.leased_until = at(0);
    store.settle(done.clone()).await.unwrap();
    assert!(lease(&store, "three", 1).await.is_some());
    assert_eq!(store.settle(done.clone()).await, Err(SettleError::LeaseLost));
    done.target = "/unknown".into();
    done.outcomes.clear();
    assert_eq!(store.settle(done).await, Err(SettleError::LeaseLost));
}

pub async fn a_settlement_moves_the_cursor_forward_only_and_counts(store: S) {
    events(&store, "e", 4).await;
    let lease = leased(&store).await;
    let first = Settlement {
        position: 4,
        status: Some(bytes("{}")),
        attempts: 5,
        failures: 2,
        ..settlement(
            &lease,
            vec![
                delivery(1, None, Delivered, 1),
                delivery(2, Some("a"), Pending, 1),
                delivery(3, Some("a"), Pending, 1),
                delivery(4, None, Dead, 1),
            ],
        )
    };
    store.settle(first).await.unwrap();
    let now = target(&store).await;
    assert_eq!((now.position, &now.status[..]), (4, &b"{}"[..]));
    assert_eq!(counts(&now), [2, 1, 1, 5, 2]);
    let then = Settlement {
        position: 2,
        attempts: 1,
        ..settlement(
            &lease,
            vec![
                // The same again is no other delivery.
                delivery(1, None, Delivered, 2),
                delivery(2, Some("a"), Delivered, 2),
                delivery(3, Some("a"), Dead, 2),
                delivery(4, None, Pending, 2),
            ],
        )
    };
    store.settle(then).await.unwrap();
    let now = target(&store).await;
    assert_eq!((now.position, &now.status[..]), (4, &b"{}"[..]));
    assert_eq!(counts(&now), [1, 1, 2, 6, 2]);
    let found = store.deliveries(&look(None)).await.unwrap();
    let wanted = [
        delivery(1, None, Delivered, 2),
        delivery(2, Some("a"), Delivered, 2),
        delivery(3, Some("a"), Dead, 2),
        delivery(4, None, Pending, 2),
    ];
    assert_eq!(found, wanted);
    sound(&store).await;
}

pub async fn settlements_that_break_the_contract_are_refused_whole(store: S) {
    events(&store, "e", 1).await;
    let lease = leased(&store).await;
    let good = settlement(&lease, vec![delivery(1, None, Delivered, 1)]);
    let refused = |change: &dyn Fn(&mut Settlement)| {
        let mut bad = good.clone();
        change(&mut bad);
        store.settle(bad)
    };
    let long = Bytes::from(vec![b' '; MAX_NOTE + 1]);
    let changes: [&dyn Fn(&mut Settlement); 7] = [
        &|s| s.outcomes[0].target = "/other".into(),
        &|s| s.outcomes[0].seq = 0,
        &|s| s.outcomes[0].lane = Some(String::new()),
        &|s| s.outcomes[0].note = long.clone(),
        &|s| s.status = Some(long.clone()),
        &|s| s.position = u64::MAX,
        &|s| s.outcomes = vec![good.outcomes[0].clone(); MAX_PAGE + 1],
    ];
    for change in changes {
        let error = refused(change).await.unwrap_err();
        assert!(
            matches!(error, SettleError::Store(StoreError::Invalid(_))),
            "{error:?}"
        );
    }
    invalid(store.park(TARGET, good.outcomes.clone()).await);
    invalid(store.park("/unknown", vec![]).await);
    invalid(store.set_target_status(TARGET, long).await);
    invalid(store.set_target_status("/unknown", Bytes::new()).await);
    invalid(
        store
            .pending_lanes(TARGET, &vec![String::new(); MAX_PAGE + 1])
            .await,
    );
    for limit in [0, MAX_PAGE + 1] {
        invalid(store.due_deliveries(TARGET, at(0), limit).await);
        invalid(store.deliveries(&DeliveryQuery { limit, ..look(None) }).await);
    }
    let nothing = DeliveryQuery {
        target: None,
        ..look(None)
    };
    invalid(store.deliveries(&nothing).await);
    assert_eq!(counts(&target(&store).await), [0; 5]);
}

pub async fn of_a_lane_only_the_first_is_due(store: S) {
    events(&store, "e", 9).await;
    let lease = leased(&store).await;
    let outcomes = vec![
        delivery(3, Some("a"), Pending, 30),
        delivery(2, Some("a"), Pending, 50),
        delivery(4, Some("a"), Pending, 0),
        delivery(5, Some("b"), Pending, 20),
        delivery(6, None, Pending, 10),
        delivery(7, None, Pending, 10),
        delivery(8, Some("c"), Delivered, 0),
    ];
    store.settle(settlement(&lease, outcomes)).await.unwrap();
    let lanes = ["a", "c", "b", "a", "unknown"].map(str::to_owned);
    let pending = store.pending_lanes(TARGET, &lanes).await.unwrap();
    assert_eq!(pending, [true, false, true, true, false]);
    assert_eq!(store.pending_lanes("/unknown", &lanes).await.unwrap(), [false; 5]);
    assert_eq!(store.next_delivery_at(TARGET).await.unwrap(), Some(at(10)));
    assert_eq!(due(&store, 9).await, [0; 0]);
    assert_eq!(due(&store, 10).await, [6, 7]);
    assert_eq!(due(&store, 49).await, [6, 7, 5]);
    assert_eq!(due(&store, 50).await, [6, 7, 5, 2]);
    let one = store.due_deliveries(TARGET, at(50), 1).await.unwrap();
    assert_eq!(one, [delivery(6, None, Pending, 10)]);
    // The next of the lane comes up with its own time; one with a lower number takes its place.
    let ended = vec![
        delivery(2, Some("a"), Dead, 51),
        delivery(6, None, Delivered, 51),
        delivery(7, None, Pending, 500),
    ];
    store.settle(settlement(&lease, ended)).await.unwrap();
    assert_eq!(due(&store, 51).await, [5, 3]);
    store
        .park(TARGET, vec![delivery(1, Some("a"), Pending, 60)])
        .await
        .unwrap();
    assert_eq!(due(&store, 59).await, [5]);
    assert_eq!(due(&store, 60).await, [5, 1]);
    // Into another lane, and out of all of them.
    let moved = vec![
        delivery(1, Some("b"), Pending, 60),
        delivery(4, None, Pending, 0),
        delivery(5, Some("b"), Pending, 0),
    ];
    store.settle(settlement(&lease, moved)).await.unwrap();
    assert_eq!(due(&store, 60).await, [4, 3, 1]);
    assert_eq!(store.next_delivery_at("/unknown").await.unwrap(), None);
    assert_eq!(store.due_deliveries("/unknown", at(99), 9).await.unwrap(), []);
    sound(&store).await;
}

pub async fn what_people_park_waits_again(store: S) {
    events(&store, "e", 3).await;
    let lease = leased(&store).await;
    let ended = vec![
        delivery(1, Some("a"), Dead, 1),
        delivery(2, Some("a"), Delivered, 1),
    ];
    store.settle(settlement(&lease, ended)).await.unwrap();
    let again = |seq| Delivery {
        attempts: 0,
        ..delivery(seq, Some("a"), Pending, 5)
    };
    let parked = store.park(TARGET, vec![again(2), again(1), again(99)]).await;
    assert_eq!(parked.unwrap(), 2, "there is no event 99");
    assert_eq!(counts(&target(&store).await), [2, 0, 1, 0, 0]);
    assert_eq!(due(&store, 5).await, [1]);
    // The holder of the lease goes on with them.
    let ended = vec![delivery(1, Some("a"), Delivered, 6)];
    store.settle(settlement(&lease, ended)).await.unwrap();
    assert_eq!(store.due_deliveries(TARGET, at(6), 9).await.unwrap(), [again(2)]);
    sound(&store).await;
}

pub async fn a_status_set_by_people_overtakes_the_holder(store: S) {
    let before = leased(&store).await;
    store
        .set_target_status(TARGET, bytes(r#""paused""#))
        .await
        .unwrap();
    assert_eq!(
        store.settle(settlement(&before, vec![])).await,
        Err(SettleError::LeaseLost)
    );
    // The lease itself is still the holder's, who reads the status with it.
    assert_eq!(lease(&store, "other", 1).await, None);
    let now = lease(&store, "w", 1).await.unwrap();
    assert_eq!(&now.status[..], br#""paused""#);
    assert!(now.epoch > before.epoch);
    store.settle(settlement(&now, vec![])).await.unwrap();
    assert_eq!(&target(&store).await.status[..], br#""paused""#);
}

pub async fn deliveries_are_listed_by_target_and_by_event_in_both_directions(store: S) {
    events(&store, "e", 9).await;
    let lease = leased(&store).await;
    let states = [Pending, Delivered, Dead];
    let all = (1..=9).map(|seq| delivery(seq, None, states[seq as usize % 3], 0));
    store.settle(settlement(&lease, all.collect())).await.unwrap();
    for name in ["111122223333/a", "/z"] {
        store.open_target(name, 0).await.unwrap();
        let mut one = delivery(4, Some("a"), Pending, 0);
        one.target = name.to_owned();
        store.park(name, vec![one]).await.unwrap();
    }
    for (state, wanted) in [
        (None, vec![1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (Some(Pending), vec![3, 6, 9]),
        (Some(Delivered), vec![1, 4, 7]),
        (Some(Dead), vec![2, 5, 8]),
    ] {
        for newest_first in [false, true] {
            let mut query = DeliveryQuery {
                newest_first,
                limit: 2,
                ..look(state)
            };
            let mut seen = Vec::new();
            loop {
                let page = store.deliveries(&query).await.unwrap();
                let Some(last) = page.last() else { break };
                query.after = Some((last.target.clone(), last.seq));
                seen.extend(page.iter().map(|d| d.seq));
            }
            if newest_first {
                seen.reverse();
            }
            assert_eq!(seen, wanted, "{state:?} {newest_first}");
        }
    }
    let names = async |query: DeliveryQuery| -> Vec<String> {
        let found = store.deliveries(&query).await.unwrap();
        assert!(found.iter().all(|d| d.seq == 4));
        found.into_iter().map(|d| d.target).collect()
    };
    let mut query = DeliveryQuery {
        target: None,
        seq: Some(4),
        ..look(None)
    };
    assert_eq!(names(query.clone()).await, [TARGET, "/z", "111122223333/a"]);
    query.limit = 2;
    query.newest_first = true;
    assert_eq!(names(query.clone()).await, ["111122223333/a", "/z"]);
    query.after = Some(("/z".into(), 4));
    assert_eq!(names(query.clone()).await, [TARGET]);
    query.newest_first = false;
    assert_eq!(names(query.clone()).await, ["111122223333/a"]);
    query.after = None;
    query.state = Some(Delivered);
    assert_eq!(names(query.clone()).await, [TARGET]);
    query.target = Some("/z".into());
    assert_eq!(names(query.clone()).await, [""; 0]);
    query.state = None;
    assert_eq!(names(query).await, ["/z"]);
}

pub async fn a_dropped_target_is_gone_and_starts_anew(store: S) {
    for n in 0..12 {
        events(&store, &format!("{n}-"), 1000).await;
    }
    let lease = leased(&store).await;
    for start in (0..12).map(|n| n * 1000) {
        let some = (1..=1000).map(|n| delivery(start + n, Some("a"), Pending, 0));
        store.park(TARGET, some.collect()).await.unwrap();
    }
    store.open_target("/other", 0).await.unwrap();
    let mut kept = delivery(1, None, Dead, 0);
    kept.target = "/other".into();
    kept.state = Pending;
    store.park("/other", vec![kept.clone()]).await.unwrap();
    store.drop_target(TARGET).await.unwrap();
    store.drop_target(TARGET).await.unwrap();
    let names: Vec<_> = (store.targets().await.unwrap().into_iter())
        .map(|t| t.target)
        .collect();
    assert_eq!(names, ["/other"]);
    assert_eq!(
        store.settle(settlement(&lease, vec![])).await,
        Err(SettleError::LeaseLost)
    );
    assert_eq!(seqs(&store, &look(None)).await, [0; 0]);
    let again = leased(&store).await;
    assert_eq!((again.position, again.pending), (0, 0));
    assert!(again.epoch > lease.epoch);
    assert_eq!(due(&store, 0).await, [0; 0]);
    assert_eq!(store.due_deliveries("/other", at(0), 9).await.unwrap(), [kept]);
    sound(&store).await;
}

pub async fn deliveries_go_with_their_events_in_a_reset(store: S) {
    let change = |account: &str, id: &str| Changes {
        events: vec![crate::Event {
            account: account.to_owned(),
            ..outbox::event(id)
        }],
        ..Changes::default()
    };
    for (account, id) in [(ACCOUNT, "e1"), (OTHER, "e2"), (ACCOUNT, "e3")] {
        store.apply(change(account, id)).await.unwrap();
    }
    let lease = leased(&store).await;
    let outcomes = (1..=3).map(|seq| delivery(seq, Some("a"), Pending, 0));
    let done = Settlement {
        position: 3,
        ..settlement(&lease, outcomes.collect())
    };
    store.settle(done).await.unwrap();
    let erased = store.reset(Some(ACCOUNT), None).await.unwrap();
    assert_eq!(erased.events, 2);
    assert_eq!(seqs(&store, &look(None)).await, [2]);
    assert_eq!(due(&store, 0).await, [2]);
    let now = target(&store).await;
    assert_eq!((now.position, now.pending), (3, 1));
    // What is delivered meanwhile has nothing to be kept for.
    let late = vec![delivery(1, Some("a"), Delivered, 1), delivery(3, None, Dead, 1)];
    store.settle(settlement(&lease, late)).await.unwrap();
    assert_eq!(seqs(&store, &look(None)).await, [2]);
    assert_eq!(store.reset(None, None).await.unwrap().events, 1);
    let now = target(&store).await;
    assert_eq!((now.position, now.pending, now.epoch), (3, 0, lease.epoch));
    store.apply(change(ACCOUNT, "e4")).await.unwrap();
    assert_eq!(store.events_after(now.position, 9).await.unwrap()[0].seq, 4);
    assert_eq!(store.last_event().await.unwrap(), 4);
    sound(&store).await;
}

pub async fn deliveries_go_to_another_store_and_leases_do_not(store: S) {
    events(&store, "e", 2).await;
    fill(&store).await;
    let before = target(&store).await;
    let file = state::export(&*store, Vec::new(), at(0), silent())
        .await
        .unwrap()
        .0;
    // What changes after the export is gone with the import, and so is the right to settle.
    let held = lease(&store, "late", LEASE as i64).await.unwrap();
    store.drop_target("111122223333/ü").await.unwrap();
    state::import(&*store, &file[..], silent()).await.unwrap();
    for lease in [&before, &held] {
        assert_eq!(
            store.settle(settlement(lease, vec![])).await,
            Err(SettleError::LeaseLost)
        );
    }
    let now = target(&store).await;
    let wanted = TargetState {
        worker: None,
        leased_until: None,
        epoch: 0,
        ..before.clone()
    };
    assert_eq!(now, wanted);
    assert_eq!(due(&store, 7).await, [2]);
    let other = store.due_deliveries("111122223333/ü", at(3), 9).await.unwrap();
    assert_eq!(other.len(), 1);
    let anew = lease(&store, "w", 0).await.unwrap();
    assert!(anew.epoch > held.epoch);
    let again = state::export(&*store, Vec::new(), at(0), silent())
        .await
        .unwrap()
        .0;
    assert_eq!(again, file);
    sound(&store).await;
}

pub async fn an_import_refuses_deliveries_of_nothing(store: S) {
    fn event(seq: u64) -> ExportItem {
        ExportItem::Event(crate::StoredEvent {
            seq,
            event: outbox::event(&format!("e{seq}")),
        })
    }
    let target = || ExportItem::Target {
        target: TARGET.into(),
        position: 1,
        status: Bytes::new(),
        delivered: 0,
        attempts: 0,
        failures: 0,
    };
    let one = |seq| ExportItem::Delivery(delivery(seq, None, Dead, 0));
    for (items, word) in [
        (vec![event(1), one(1)], "event 1 to /crm"),
        (vec![event(1), target(), one(2)], "event 2 to /crm"),
        (vec![event(1), target(), one(1), one(1)], "twice"),
        (vec![event(1), target(), target()], "twice"),
    ] {
        let refused = store.import(&mut items.into_iter().map(Ok), silent()).await;
        let error = refused.unwrap_err().to_string();
        assert!(error.contains(word), "{word}: {error}");
    }
    let items = vec![event(1), target(), one(1)];
    store
        .import(&mut items.into_iter().map(Ok), silent())
        .await
        .unwrap();
    assert_eq!(seqs(&store, &look(Some(Dead))).await, [1]);
    sound(&store).await;
}
