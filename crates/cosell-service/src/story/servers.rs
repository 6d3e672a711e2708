//! Several servers over one store, each with a clock of its own: quotas are counted together, and clocks that differ by
//! seconds break nothing. On PostgreSQL, and on a store that says it is shared and counts what it is asked.

use std::sync::atomic::Ordering::SeqCst;

use cosell_store::Store;
use cosell_store_postgres::PostgresStore;
use cosell_test_postgres::server as postgres;

use super::*;
use crate::skew::MOST_SKEW_MILLIS;
use crate::{SystemClock, Throttle};

struct Server {
    world: World,
    clock: Arc<Moved>,
}

fn server(store: Arc<dyn Store>, millis: i64, throttle: Throttle) -> Server {
    let clock = Arc::new(Moved(AtomicI64::new(second(0).as_millis() + millis)));
    let mut world = World::over(store, Arc::clone(&clock) as _, Settings::default());
    world.service.throttle = throttle;
    Server { world, clock }
}

impl Server {
    async fn call(&self, operation: Op, mut body: Value) -> Result<Value, ErrorKind> {
        if operation == Op::CreateOpportunity {
            let token = crate::names::Names::new(None).uuid(self.clock.now()).unwrap();
            body["ClientToken"] = token.into();
        }
        let called = Box::pin(self.world.call(ONE, operation, body)).await;
        called.map_err(|error| error.kind)
    }

    async fn create(&self) -> Result<Value, ErrorKind> {
        self.call(Op::CreateOpportunity, draft()).await
    }

    async fn list(&self) -> Result<Value, ErrorKind> {
        self.call(Op::ListSolutions, json!({})).await
    }

    fn pass(&self, millis: i64) {
        self.clock.0.fetch_add(millis, SeqCst);
    }
}

async fn database(url: &str) -> Arc<dyn Store> {
    Arc::new(PostgresStore::open(url, Default::default()).await.unwrap())
}

/// Two servers with stores of their own over one database, the second's clock that far ahead of the first's.
async fn two(ahead: i64, throttle: fn() -> Throttle) -> [Server; 2] {
    let url = postgres().url(&postgres().empty_database());
    let servers = [
        server(database(&url).await, 0, throttle()),
        server(database(&url).await, ahead, throttle()),
    ];
    partner(&*servers[0].world.store).await;
    servers
}

async fn partner(store: &dyn Store) {
    let account = Account {
        account_id: ONE.to_owned(),
        company_name: "Partner".to_owned(),
        website_url: None,
        created_date: second(0),
    };
    register(store, &Author::command(), REGION, account.into())
        .await
        .unwrap();
}

/// A server over a store that says it is shared.
async fn over_gate(gate: &Arc<Gated>, millis: i64) -> Server {
    server(Arc::clone(gate) as _, millis, Throttle::published())
}

async fn gate() -> Arc<Gated> {
    let store = SqliteStore::open_ephemeral(Options::default()).unwrap();
    let gate = Arc::new(Gated::new(Arc::new(store)));
    gate.is_shared.store(true, SeqCst);
    partner(&*gate).await;
    gate
}

/// How many of as many calls as are given were admitted; all others must be throttled.
async fn admitted<F: Future<Output = Result<Value, ErrorKind>>>(calls: impl Iterator<Item = F>) -> usize {
    let mut all: Vec<_> = calls.map(Box::pin).collect();
    let mut answers = Vec::new();
    // Polled in turn, so that all are under way together.
    std::future::poll_fn(|cx| {
        all.retain_mut(|call| match call.as_mut().poll(cx) {
            std::task::Poll::Ready(answer) => {
                answers.push(answer);
                false
            }
            std::task::Poll::Pending => true,
        });
        match all.is_empty() {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    let refused = answers
        .iter()
        .filter(|answer| **answer == Err(ErrorKind::Throttling))
        .count();
    let done = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(done + refused, answers.len(), "{answers:?}");
    done
}

#[tokio::test]
async fn of_twenty_simultaneous_calls_at_two_servers_exactly_one_is_admitted_each_second() {
    let servers = two(0, Throttle::published).await;
    for _ in 0..3 {
        assert_eq!(admitted((0..20).map(|n| servers[n % 2].create())).await, 1);
        assert_eq!(admitted((0..60).map(|n| servers[n % 2].list())).await, 10);
        for server in &servers {
            server.pass(1000);
        }
    }
}

#[tokio::test]
async fn a_server_that_starts_later_counts_on_where_the_others_are() {
    let [first, second] = two(0, Throttle::published).await;
    assert_eq!(admitted((0..3).map(|_| first.create())).await, 1);
    assert_eq!(admitted((0..3).map(|_| second.create())).await, 0);
    second.pass(1000);
    assert_eq!(admitted((0..3).map(|_| second.create())).await, 1);
    first.pass(1000);
    assert_eq!(admitted((0..3).map(|_| first.create())).await, 0);
}

#[tokio::test]
async fn calls_that_wait_together_cost_one_look_and_refusals_none() {
    let gate = gate().await;
    let server = over_gate(&gate, 0).await;
    assert_eq!(admitted((0..100).map(|_| server.list())).await, 10);
    let looks = gate.swaps.load(SeqCst);
    assert!(looks <= 2, "{looks}");
    for millis in [0, 50, 49] {
        server.pass(millis);
        assert_eq!(admitted((0..50).map(|_| server.list())).await, 0);
    }
    assert_eq!(gate.swaps.load(SeqCst), looks);
    server.pass(1);
    assert_eq!(admitted((0..50).map(|_| server.list())).await, 1);
    assert_eq!(gate.swaps.load(SeqCst), looks + 1);
}

#[tokio::test]
async fn a_server_alone_and_one_without_quotas_ask_the_store_for_no_counter() {
    let gate = gate().await;
    let unlimited = server(Arc::clone(&gate) as _, 0, Throttle::off());
    assert_eq!(admitted((0..20).map(|_| unlimited.create())).await, 20);
    gate.is_shared.store(false, SeqCst);
    let alone = over_gate(&gate, 0).await;
    assert_eq!(admitted((0..20).map(|_| alone.create())).await, 1);
    assert_eq!(gate.swaps.load(SeqCst), 0);
}

#[tokio::test]
async fn a_caller_that_goes_away_in_the_middle_leaves_nobody_waiting() {
    let gate = gate().await;
    let server = over_gate(&gate, 0).await;
    {
        let mut gone = Box::pin(server.list());
        let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(gone.as_mut().poll(cx).is_pending()));
        assert!(polled.await, "it waits for the store");
    }
    assert_eq!(gate.swaps.load(SeqCst), 1);
    // What it was counted as is spent, and nothing more.
    assert_eq!(admitted((0..50).map(|_| server.list())).await, 9);
    server.pass(1000);
    assert_eq!(admitted((0..50).map(|_| server.list())).await, 10);
}

#[tokio::test]
async fn a_counter_that_cannot_be_read_or_is_gone_begins_anew() {
    let gate = gate().await;
    let name = Op::CreateOpportunity.name();
    let written = gate.swap_counter(ONE, name, None, b"of another kind", second(0));
    written.await.unwrap();
    let server = over_gate(&gate, 0).await;
    assert_eq!(admitted((0..5).map(|_| server.create())).await, 1);
    server.pass(1000);
    assert_eq!(gate.prune_counters(second(10 * 24 * 3600)).await.unwrap(), 1);
    assert_eq!(admitted((0..5).map(|_| server.create())).await, 1);
    assert_eq!(admitted((0..5).map(|_| server.create())).await, 0);
}

#[tokio::test]
async fn what_was_counted_is_forgotten_when_it_is_of_no_more_use() {
    let gate = gate().await;
    let server = over_gate(&gate, 0).await;
    assert_eq!(admitted((0..2).map(|_| server.create())).await, 1);
    let asked = gate.swaps.load(SeqCst);
    server.pass(23 * 60 * 60 * 1000);
    server.world.service.prune().await;
    assert_eq!(gate.prune_counters(second(0)).await.unwrap(), 0);
    server.pass(5 * 60 * 60 * 1000);
    server.world.service.prune().await;
    // Nothing is there any more that could be found.
    let again = gate.swap_counter(ONE, Op::CreateOpportunity.name(), None, b"1", second(0));
    assert_eq!(again.await.unwrap(), cosell_store::Swap::Done);
    assert_eq!(gate.swaps.load(SeqCst), asked + 1);
}

#[tokio::test]
async fn the_last_modified_date_strictly_increases_over_servers_whose_clocks_differ() {
    let servers = two(-2_000, Throttle::off).await;
    let id = text(&servers[0].create().await.unwrap(), "Id");
    let read = async |server: &Server| {
        let read = server.call(Op::GetOpportunity, json!({"Identifier": id})).await;
        read.unwrap()
    };
    let update = async |server: &Server, seen: &Value, steps: &str| {
        let mut body = as_update(seen.clone());
        next_steps(steps)(&mut body);
        server.call(Op::UpdateOpportunity, body).await
    };
    let mut last = text(&read(&servers[0]).await, "LastModifiedDate");
    let mut later = |now: &Value| {
        let now = text(now, "LastModifiedDate");
        let before = std::mem::replace(&mut last, now);
        assert!(before < last, "{before} {last}");
    };
    for round in 0..6 {
        let server = &servers[round % 2];
        let seen = read(server).await;
        update(server, &seen, &format!("by turns {round}")).await.unwrap();
        later(&read(server).await);
        server.pass(1);
    }
    for round in 0..6 {
        let seen = read(&servers[0]).await;
        let names = [format!("at once {round} a"), format!("at once {round} b")];
        let both = (
            Box::pin(update(&servers[0], &seen, &names[0])),
            Box::pin(update(&servers[1], &seen, &names[1])),
        );
        let (first, second) = tokio::join!(both.0, both.1);
        // Both hold the same lock, so one of them has it.
        assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
        assert_eq!(first.and(second), Err(ErrorKind::Conflict));
        later(&read(&servers[1]).await);
    }
}

#[tokio::test]
async fn quotas_go_by_the_stores_clock_and_not_by_each_servers_own() {
    let gate = gate().await;
    let (ahead, behind) = (over_gate(&gate, 2_000).await, over_gate(&gate, -500).await);
    let pass = async |millis: i64| {
        let now = gate
            .time
            .lock()
            .unwrap()
            .map_or(second(0), |now| now.plus_millis(millis));
        *gate.time.lock().unwrap() = Some(now);
        for server in [&ahead, &behind] {
            server.pass(millis);
            server.world.service.measure_skew().await.unwrap();
        }
    };
    pass(0).await;
    for _ in 0..3 {
        assert_eq!(admitted([ahead.create(), ahead.create()].into_iter()).await, 1);
        pass(700).await;
        assert_eq!(admitted([behind.create()].into_iter()).await, 0);
        pass(600).await;
        assert_eq!(admitted([behind.create()].into_iter()).await, 1);
        pass(1_300).await;
    }
}

#[tokio::test]
async fn a_server_whose_clock_is_far_off_is_not_ready_and_leaves_due_work_to_others() {
    let gate = gate().await;
    for (millis, ready) in [
        (0, true),
        (MOST_SKEW_MILLIS - 500, true),
        (500 - MOST_SKEW_MILLIS, true),
        (MOST_SKEW_MILLIS + 500, false),
        (-MOST_SKEW_MILLIS - 500, false),
    ] {
        let server = over_gate(&gate, millis).await;
        *gate.time.lock().unwrap() = Some(second(0));
        let reason = server.world.service.unready().await;
        assert_eq!(reason.is_none(), ready, "{millis}: {reason:?}");
        assert_eq!(server.world.service.skew.is_too_large(), !ready);
        let told = server.world.service.clock_skew_millis().unwrap();
        assert!((told - millis).abs() < 500, "{told} for {millis}");
        // Whoever goes by the shared time is not led astray by it.
        let skew = server.world.service.skew.clone();
        let shared = skew.shared(server.world.service.now()).as_millis() - second(0).as_millis();
        assert!(shared.abs() < 500, "{shared} for {millis}");
        if let Some(reason) = reason {
            let side = if millis > 0 { "ahead of" } else { "behind" };
            assert!(
                reason.contains(side) && reason.contains("time server"),
                "{reason}"
            );
        }
    }
    // Who has the store for itself has nobody to differ from.
    gate.is_shared.store(false, SeqCst);
    let alone = over_gate(&gate, 1_000_000).await;
    assert_eq!(alone.world.service.unready().await, None);
    assert_eq!(alone.world.service.clock_skew_millis(), None);
}

#[tokio::test]
async fn the_databases_clock_is_what_a_servers_clock_is_compared_with() {
    let [server, _] = two(0, Throttle::off).await;
    // It shows a time of its own, which is years away.
    assert!(server.world.service.unready().await.is_some());
    let real = World::over(
        Arc::clone(&server.world.store),
        Arc::new(SystemClock),
        Settings::default(),
    );
    assert_eq!(real.service.unready().await, None);
    let ahead = real.service.clock_skew_millis().unwrap();
    assert!(ahead.abs() < 1_000, "{ahead}");
}
