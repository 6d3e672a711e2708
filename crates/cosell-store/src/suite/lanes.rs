//! Deliveries compared with a plain model: random settlements, parkings, prunings and resets.

use super::deliveries::{TARGET, delivery, due, events, leased, settlement, sound, target};
use super::*;
use crate::{Delivery, DeliveryQuery, DeliveryState, Store, state};
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::BTreeMap;
use tokio::runtime::Runtime;

type S = Arc<dyn Store>;

const LANES: [Option<&str>; 4] = [None, Some("a"), Some("b"), Some("ü")];
const EVENTS: i64 = 12;

/// What happens to an event at the target: which one, its lane, its state, when it is due.
type Outcome = (u64, usize, usize, i64);

#[derive(Clone, Debug)]
enum Deed {
    /// By the holder of the lease, as it is given; by people, as pending.
    Put(Vec<Outcome>, bool),
    /// Everything that is due at a time ends or fails once more, as the holder would have it.
    Work(i64, bool),
    /// The oldest events go.
    Prune(i64),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let outcome = (1..=EVENTS as u64, 0..LANES.len(), 0..3usize, 0..20i64);
    let deed = prop_oneof![
        6 => (prop::collection::vec(outcome, 0..6), any::<bool>()).prop_map(|(all, park)| Deed::Put(all, park)),
        3 => (0..25i64, any::<bool>()).prop_map(|(now, ends)| Deed::Work(now, ends)),
        1 => (0..4i64).prop_map(Deed::Prune),
    ];
    prop::collection::vec(deed, 1..20)
}

/// What should be known of each event, by its place among the events of a case.
type Model = BTreeMap<u64, Delivery>;

/// The lowest pending of each lane and all without one, due by then, by time and number.
fn due_of(model: &Model, now: i64) -> Vec<u64> {
    let mut due = Vec::new();
    let pending = || model.values().filter(|d| d.state == DeliveryState::Pending);
    for one in pending() {
        let first = pending().find(|d| d.lane == one.lane).map(|d| d.seq);
        if (one.lane.is_none() || first == Some(one.seq)) && one.due_at <= at(now) {
            due.push((one.due_at, one.seq));
        }
    }
    due.sort();
    due.into_iter().map(|(_, seq)| seq).collect()
}

pub fn random_settlements_keep_every_lane_in_order(runtime: &Runtime, store: &S) {
    let case = Cell::new(0);
    properties::runner(150)
        .run(&deeds(), |deeds| {
            case.set(case.get() + 1);
            runtime.block_on(run(store, case.get(), &deeds));
            Ok(())
        })
        .unwrap();
}

/// Panics where store and model differ, so that the runner shows the least such case.
async fn run(store: &S, case: u64, deeds: &[Deed]) {
    store.drop_target(TARGET).await.unwrap();
    let first = store.last_event().await.unwrap();
    events(store, &format!("{case}-"), EVENTS).await;
    let lease = leased(store).await;
    let mut model = Model::new();
    let mut delivered = 0;
    let mut gone = 0;
    for deed in deeds {
        let outcomes: Vec<Delivery> = match deed {
            Deed::Put(all, park) => {
                let one = |(place, lane, state, due): &Outcome| {
                    let state = if *park { 0 } else { *state };
                    delivery(first + place, LANES[*lane], DeliveryState::ALL[state], *due)
                };
                all.iter().map(one).collect()
            }
            Deed::Work(now, ends) => {
                let due = store.due_deliveries(TARGET, at(*now), 100).await.unwrap();
                let outcome = |one: Delivery| Delivery {
                    attempts: one.attempts + 1,
                    due_at: at(now + 3),
                    state: if *ends {
                        DeliveryState::Delivered
                    } else {
                        one.state
                    },
                    ..one
                };
                due.into_iter().map(outcome).collect()
            }
            Deed::Prune(by) => {
                gone = (gone + by).min(EVENTS - 1);
                store.prune_events(at(gone + 1)).await.unwrap();
                model.retain(|seq, _| *seq > first + gone as u64);
                vec![]
            }
        };
        for one in &outcomes {
            if one.seq > first + gone as u64 {
                let before = model.insert(one.seq, one.clone()).map(|d| d.state);
                let is_new = before != Some(DeliveryState::Delivered);
                delivered += u64::from(one.state == DeliveryState::Delivered && is_new);
            }
        }
        match deed {
            Deed::Put(_, true) => {
                let wanted = outcomes.iter().filter(|d| d.seq > first + gone as u64).count();
                assert_eq!(store.park(TARGET, outcomes).await.unwrap(), wanted as u64);
            }
            _ => store.settle(settlement(&lease, outcomes)).await.unwrap(),
        }
        compare(store, &model, delivered).await;
    }
    sound(store).await;
    // Each takes in all events of the cases before, so a few must do.
    if case.is_multiple_of(10) {
        let file = transfer::file(store).await;
        state::import(&**store, &file[..], silent()).await.unwrap();
        compare(store, &model, delivered).await;
        sound(store).await;
    }
}

async fn compare(store: &S, model: &Model, delivered: u64) {
    for now in [0, 5, 12, 100] {
        assert_eq!(due(store, now).await, due_of(model, now), "at {now} of {model:?}");
    }
    let next = store.next_delivery_at(TARGET).await.unwrap();
    let wanted = due_of(model, 1000).first().map(|seq| model[seq].due_at);
    assert_eq!(next, wanted, "{model:?}");
    let lanes: Vec<String> = LANES.into_iter().flatten().map(str::to_owned).collect();
    let pending = store.pending_lanes(TARGET, &lanes).await.unwrap();
    let is_pending = |lane: &String| {
        let mut all = model.values();
        all.any(|d| d.state == DeliveryState::Pending && d.lane.as_ref() == Some(lane))
    };
    assert_eq!(pending, lanes.iter().map(is_pending).collect::<Vec<_>>());
    for lane in &lanes {
        let waiting = model
            .values()
            .filter(|d| d.lane.as_ref() == Some(lane) && d.state == DeliveryState::Pending);
        let found = store.lane_deliveries(TARGET, lane, 0, 100).await.unwrap();
        assert_eq!(found, waiting.cloned().collect::<Vec<_>>(), "{lane} of {model:?}");
    }
    let state = target(store).await;
    let count = |state| model.values().filter(|d| d.state == state).count() as u64;
    assert_eq!(
        [state.pending, state.dead, state.delivered],
        [
            count(DeliveryState::Pending),
            count(DeliveryState::Dead),
            delivered
        ]
    );
    let query = DeliveryQuery {
        target: Some(TARGET.to_owned()),
        seq: None,
        state: None,
        after: None,
        newest_first: false,
        limit: 100,
    };
    let all = store.deliveries(&query).await.unwrap();
    assert_eq!(all, model.values().cloned().collect::<Vec<_>>());
}
