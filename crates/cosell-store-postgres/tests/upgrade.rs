//! Databases that an earlier version has written, opened by this one. The migrations of then never change, so they and what
//! was in the tables are all that is needed to have such a database.

#![allow(clippy::unwrap_used)]

mod support;

use cosell_store::suite::deliveries::{self, settlement};
use cosell_store::suite::{ACCOUNT, at, key, lists, opportunity, outbox, sample, writes};
use cosell_store::{
    Changes, Delivery, DeliveryState, EventQuery, Kind, Sort, Store, Swap, TargetState, Write,
};
use cosell_store_postgres::{Options, PostgresStore};
use cosell_test_postgres::server;
use std::sync::Arc;

const TARGET: &str = "crm";

/// The name of a database of schema 4 with something of everything in it.
async fn schema_4() -> String {
    let name = server().empty_database();
    let client = support::client(server(), &name).await;
    for text in [
        include_str!("../migrations/0001_records.sql"),
        include_str!("../migrations/0002_cosell.sql"),
        include_str!("../migrations/0003_operator.sql"),
        include_str!("../migrations/0004_deliveries.sql"),
        include_str!("fixtures/schema_4.sql"),
    ] {
        client.batch_execute(text).await.unwrap();
    }
    name
}

async fn open(name: &str) -> Arc<dyn Store> {
    let store = PostgresStore::open(&server().url(name), Options::default()).await;
    Arc::new(store.unwrap())
}

async fn target(store: &Arc<dyn Store>) -> TargetState {
    store.targets().await.unwrap().remove(0)
}

async fn due(store: &Arc<dyn Store>, millis: i64) -> Vec<Delivery> {
    store.due_deliveries(TARGET, at(millis), 9).await.unwrap()
}

#[tokio::test]
async fn everything_in_a_database_of_schema_4_is_there_after_the_upgrade() {
    let name = schema_4().await;
    // The second start finds everything done.
    for _ in 0..2 {
        let store = open(&name).await;
        let found = store.get(&key("O1")).await.unwrap().unwrap();
        assert_eq!(
            (found.version, &found.document[..]),
            (4, &br#"{"Id":"O1","Version":4}"#[..])
        );
        let former = store.history(&key("O1"), 3).await.unwrap().unwrap();
        assert_eq!(&former.document[..], br#"{"Id":"O1","Version":3}"#);
        for by in ["last_modified", "created", "company", "target_close"] {
            let newest_first = Sort { by, descending: true };
            let listed = lists::ids(&store, &lists::all(newest_first)).await;
            let expected = if by == "created" {
                ["O2", "O1"]
            } else {
                ["O1", "O2"]
            };
            assert_eq!(listed, expected, "{by}");
        }
        let access = sample(Kind::AccessKey, "AKIAEXAMPLE").key;
        let access = store.get(&access).await.unwrap().unwrap();
        assert_eq!(&access.private[..], br#"{"Secret":"sealed"}"#);
        let setting = sample(Kind::Setting, "clock").key;
        assert_eq!(store.get(&setting).await.unwrap().unwrap().version, 2);

        let events = store.events_after(0, 9).await.unwrap();
        assert_eq!(events.iter().map(|one| one.seq).collect::<Vec<_>>(), [1, 4, 5]);
        assert_eq!(store.event("e4").await.unwrap().unwrap().seq, 4);
        let by_time = EventQuery {
            account: Some(ACCOUNT.into()),
            catalog: None,
            detail_type: None,
            from: Some(at(300)),
            to: None,
            after: None,
            newest_first: true,
            limit: 9,
        };
        assert_eq!(store.events(&by_time).await.unwrap().events.len(), 2);
        assert_eq!(store.audit_after(0, 9).await.unwrap().len(), 1);
        let answer = store.idempotency(ACCOUNT, "CreateOpportunity", "t1", at(0)).await;
        let answer = answer.unwrap().unwrap();
        assert_eq!(
            (answer.request_hash, &answer.answer[..]),
            ([7; 32], &br#"{"Id":"O1"}"#[..])
        );
        let jobs = store.jobs(None, 9).await.unwrap();
        let held: Vec<_> = jobs
            .iter()
            .map(|one| (&*one.job.id.0, one.held.is_some()))
            .collect();
        assert_eq!(held, [("j1", false), ("j2", true)]);
        let target = target(&store).await;
        assert_eq!(
            [
                target.position,
                target.pending,
                target.delivered,
                target.attempts,
                target.failures,
                target.epoch
            ],
            [5, 2, 1, 4, 3, 3]
        );
        assert_eq!(
            due(&store, 500)
                .await
                .iter()
                .map(|one| one.seq)
                .collect::<Vec<_>>(),
            [4]
        );
        let report = store.check(cosell_store::suite::silent()).await.unwrap();
        assert!(report.is_sound() && report.records == 4, "{report:?}");
    }
}

#[tokio::test]
async fn everything_in_a_database_of_schema_4_goes_on_after_the_upgrade() {
    let name = schema_4().await;
    let store = open(&name).await;
    // A change: its version, its former one, its event and its answer.
    let change = Changes {
        events: vec![outbox::event("e6")],
        audit: vec![outbox::audit(2)],
        ..writes(vec![Write::Replace {
            record: opportunity(key("O1"), 5),
            expected: 4,
        }])
    };
    store.apply(change).await.unwrap();
    assert_eq!(store.get(&key("O1")).await.unwrap().unwrap().version, 5);
    for version in [3, 4] {
        assert!(store.history(&key("O1"), version).await.unwrap().is_some());
    }
    assert_eq!(store.event("e6").await.unwrap().unwrap().seq, 6);
    assert_eq!(store.audit_after(1, 9).await.unwrap()[0].seq, 2);
    assert_eq!(store.reserve("opportunity", 1).await.unwrap(), 101..102);

    // A job that waited, and then also the one whose worker is gone.
    let claim = async |millis: i64| {
        let claimed = store.claim_jobs(at(millis), "new", 9, 60_000).await.unwrap();
        claimed
            .into_iter()
            .map(|one| (one.job.id.0, one.job.attempts))
            .collect::<Vec<_>>()
    };
    assert_eq!(claim(10).await, [("j1".to_owned(), 1)]);
    assert_eq!(claim(40_000).await, [("j2".to_owned(), 2)]);

    // The target is its holder's until the lease ends. Then what waited is delivered, and what waited for that is due.
    assert!(
        store
            .lease_target(TARGET, "new", at(900), 1_000)
            .await
            .unwrap()
            .is_none()
    );
    let lease = store
        .lease_target(TARGET, "new", at(2_000), 1_000)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(lease.epoch, 4);
    let mut waited = due(&store, 2_000).await.remove(0);
    assert_eq!(
        (waited.seq, waited.attempts, &waited.note[..]),
        (4, 3, &br#"{"status":503}"#[..])
    );
    waited.state = DeliveryState::Delivered;
    store.settle(settlement(&lease, vec![waited])).await.unwrap();
    assert_eq!(due(&store, 2_000).await[0].seq, 5);
    let state = target(&store).await;
    assert_eq!((state.pending, state.delivered), (1, 2));
    // A new target gets another number.
    store.open_target("other", 6).await.unwrap();
    store.drop_target("other").await.unwrap();
    assert_eq!(target(&store).await.pending, 1);

    // What later schemas have brought.
    assert!(!store.revision().await.unwrap().is_foreign());
    let swapped = store.swap_counter(ACCOUNT, "n", None, b"1", at(9)).await.unwrap();
    assert_eq!(swapped, Swap::Done);
    deliveries::sound(&store).await;
    let erased = store.reset(Some(ACCOUNT), None).await.unwrap();
    assert_eq!((erased.records, erased.answers, erased.history), (2, 1, 2));
    deliveries::sound(&store).await;
}
