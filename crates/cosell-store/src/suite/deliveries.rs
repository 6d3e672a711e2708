//! Settlements, lanes and lists of deliveries by example, and what a reset leaves of them.

use super::*;
use crate::{
    Delivery, DeliveryQuery, DeliveryState, MAX_NOTE, MAX_PAGE, SettleError, Settlement, Store, StoreError,
    TargetState,
};
use DeliveryState::{Dead, Delivered, Pending};

type S = Arc<dyn Store>;

/// The target most tests deliver to.
pub const TARGET: &str = "/crm";
/// How long leases last, in milliseconds.
pub const LEASE: u64 = 60_000;

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

/// A lease of the usual target at a time.
pub async fn lease(store: &S, worker: &str, now: i64) -> Option<TargetState> {
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

/// A look at the usual target's deliveries.
pub fn look(state: Option<DeliveryState>) -> DeliveryQuery {
    DeliveryQuery {
        target: Some(TARGET.to_owned()),
        seq: None,
        state,
        after: None,
        newest_first: false,
        limit: 100,
    }
}

/// Numbers of the deliveries found.
pub async fn seqs(store: &S, query: &DeliveryQuery) -> Vec<u64> {
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

/// Asserts that a question or a write was refused as a fault of the caller.
pub fn invalid<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::Invalid(_))), "{result:?}");
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
        invalid(store.lane_deliveries(TARGET, "a", 0, limit).await);
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
    // Those behind it are told, due or not, to whoever has it in hand.
    let behind = async |lane, after, limit| {
        let found = store.lane_deliveries(TARGET, lane, after, limit).await.unwrap();
        found.into_iter().map(|one| one.seq).collect::<Vec<_>>()
    };
    assert_eq!(behind("a", 2, 9).await, [3, 4]);
    assert_eq!(behind("a", 2, 1).await, [3]);
    assert_eq!(behind("a", 4, 9).await, [0; 0]);
    assert_eq!(behind("c", 0, 9).await, [0; 0]);
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
    assert_eq!(store.lane_deliveries("/unknown", "a", 0, 9).await.unwrap(), []);
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
