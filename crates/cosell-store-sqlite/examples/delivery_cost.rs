//! What deliveries cost: a settlement of a hundred events delivered, alone and with a million deliveries that wait in one
//! lane; and then a look for what is due, which must not feel how many wait.
//!
//! `cargo run --release -p cosell-store-sqlite --example delivery_cost [waiting] [folder]`

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use cosell_model::Timestamp;
use cosell_store::{Changes, Delivery, DeliveryState, Event, Settlement, Store, TargetState};
use cosell_store_sqlite::{Options, SqliteStore};
use std::time::Instant;

const TARGET: &str = "/crm";
const ROUNDS: u64 = 100;
/// Deliveries in a settlement.
const BATCH: u64 = 100;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + millis as i64)
}

fn delivery(seq: u64, lane: String, state: DeliveryState) -> Delivery {
    Delivery {
        target: TARGET.into(),
        seq,
        lane: Some(lane),
        state,
        attempts: 1,
        due_at: at(0),
        note: Bytes::from_static(br#"[{"at":"2030-01-01T00:00:00.000Z","status":200,"millis":12}]"#),
    }
}

async fn events(store: &SqliteStore, from: u64, count: u64) {
    let event = |n: u64| Event {
        id: format!("{n:032x}"),
        account: "111122223333".into(),
        catalog: "AWS".into(),
        detail_type: "Opportunity Updated".into(),
        time: at(n),
        body: Bytes::from(format!(r#"{{"text":"{}"}}"#, "x".repeat(600))),
    };
    let change = Changes {
        events: (from..from + count).map(event).collect(),
        ..Changes::default()
    };
    store.apply(change).await.unwrap();
}

async fn settle(store: &SqliteStore, lease: &TargetState, position: u64, outcomes: Vec<Delivery>) {
    let settlement = Settlement {
        target: TARGET.into(),
        epoch: lease.epoch,
        leased_until: at(1 << 40),
        position,
        status: None,
        attempts: outcomes.len() as u64,
        failures: 0,
        outcomes,
    };
    store.settle(settlement).await.unwrap();
}

fn told(what: &str, start: Instant, count: u64) {
    let micros = start.elapsed().as_secs_f64() * 1e6 / count as f64;
    println!("{what}: {micros:.1} us each");
}

/// Settles fresh events as delivered, each in a lane of its own.
async fn deliver(store: &SqliteStore, lease: &TargetState, from: u64, what: &str) {
    events(store, from, ROUNDS * BATCH).await;
    let start = Instant::now();
    for round in 0..ROUNDS {
        let first = from + round * BATCH;
        let all = (first..first + BATCH)
            .map(|seq| delivery(seq, format!("111122223333/O{seq}"), DeliveryState::Delivered));
        settle(store, lease, first + BATCH - 1, all.collect()).await;
    }
    told(what, start, ROUNDS);
}

async fn look(store: &SqliteStore, what: &str) {
    let start = Instant::now();
    for _ in 0..ROUNDS * 10 {
        store.due_deliveries(TARGET, at(1), 100).await.unwrap();
    }
    told(&format!("due_deliveries {what}"), start, ROUNDS * 10);
    let start = Instant::now();
    for _ in 0..ROUNDS * 10 {
        store.next_delivery_at(TARGET).await.unwrap();
    }
    told(&format!("next_delivery_at {what}"), start, ROUNDS * 10);
    let lanes: Vec<String> = (0..BATCH).map(|n| format!("stuck{n}")).collect();
    let start = Instant::now();
    for _ in 0..ROUNDS {
        store.pending_lanes(TARGET, &lanes).await.unwrap();
    }
    told(&format!("pending_lanes of {BATCH} {what}"), start, ROUNDS);
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let waiting: u64 = arguments.next().map_or(1_000_000, |n| n.parse().unwrap()) / 1000 * 1000;
    let temporary = tempfile::tempdir().unwrap();
    let folder = arguments.next().map_or(temporary.path().to_owned(), Into::into);
    let store = SqliteStore::open(&folder, Options::default()).unwrap();
    store.open_target(TARGET, 0).await.unwrap();
    let lease = store
        .lease_target(TARGET, "w", at(0), 1 << 40)
        .await
        .unwrap()
        .unwrap();

    deliver(&store, &lease, 1, "settle of 100 delivered, nothing waiting").await;
    let mut last = ROUNDS * BATCH;
    let start = Instant::now();
    for _ in 0..waiting / 1000 {
        events(&store, last + 1, 1000).await;
        last += 1000;
    }
    told("an event", start, waiting);
    let first = ROUNDS * BATCH + 1;
    let stuck = |seq| delivery(seq, "stuck0".into(), DeliveryState::Pending);
    store.park(TARGET, vec![stuck(first)]).await.unwrap();
    look(&store, "with one waiting").await;
    let start = Instant::now();
    for from in (first..last).step_by(1000) {
        let all = (from..from + 1000).map(stuck).collect();
        store.park(TARGET, all).await.unwrap();
    }
    told("parking a delivery", start, waiting);
    look(&store, &format!("with {waiting} waiting in one lane")).await;
    deliver(&store, &lease, last + 1, "settle of 100 delivered, beside them").await;
    let start = Instant::now();
    for seq in first..first + ROUNDS {
        let ended = delivery(seq, "stuck0".into(), DeliveryState::Delivered);
        settle(&store, &lease, 0, vec![ended]).await;
    }
    told("settle of the first of the lane", start, ROUNDS);
}
