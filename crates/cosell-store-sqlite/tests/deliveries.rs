//! Deliveries whose rows are not as they should be: what a check finds, and what a crash in the middle of a drop leaves.

#![allow(clippy::unwrap_used)]

use cosell_store::suite::{at, deliveries, silent};
use cosell_store::{DeliveryQuery, DeliveryState, Store, state};
use cosell_store_sqlite::{DATABASE_FILE, Options, SqliteStore};
use std::sync::Arc;

#[tokio::test]
async fn a_check_finds_whatever_is_wrong_with_deliveries() {
    for (damage, word) in [
        (
            "UPDATE delivery_target SET pending=7",
            "7 deliveries are told to be Pending and 2 are",
        ),
        (
            "UPDATE delivery_target SET dead=7",
            "7 deliveries are told to be Dead and 0 are",
        ),
        ("UPDATE delivery_target SET position=99", "read up to event 99"),
        (
            "UPDATE delivery_target SET status=CAST('{' AS BLOB)",
            "status of target /crm",
        ),
        (
            "UPDATE delivery SET note=CAST('{' AS BLOB) WHERE seq=2",
            "note of event 2",
        ),
        (
            "UPDATE delivery SET head=0 WHERE seq=2",
            "1 pending deliveries are out of the order",
        ),
        (
            "UPDATE delivery SET head=1 WHERE seq=3",
            "1 pending deliveries are out of the order",
        ),
        (
            "UPDATE delivery SET head=1 WHERE seq=1",
            "1 deliveries that have ended look due",
        ),
        (
            "UPDATE delivery SET state=3 WHERE seq=1",
            "1 deliveries have an unknown state",
        ),
        ("DELETE FROM event WHERE seq=1", "1 deliveries belong to no event"),
        (
            "UPDATE event SET detail_type='' WHERE seq=1",
            "1 deliveries belong to no event",
        ),
        (
            "UPDATE delivery SET target=9 WHERE seq=1",
            "1 deliveries belong to no target",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder.path(), Options::default()).unwrap());
        deliveries::events(&store, "e", 3).await;
        let lease = deliveries::leased(&store).await;
        let outcomes = vec![
            deliveries::delivery(1, None, DeliveryState::Delivered, 0),
            deliveries::delivery(2, Some("a"), DeliveryState::Pending, 0),
            deliveries::delivery(3, Some("a"), DeliveryState::Pending, 0),
        ];
        let settlement = deliveries::settlement(&lease, outcomes);
        store.settle(settlement).await.unwrap();
        deliveries::sound(&store).await;
        let connection = rusqlite::Connection::open(folder.path().join(DATABASE_FILE)).unwrap();
        connection.execute_batch(damage).unwrap();
        let report = store.check(silent()).await.unwrap();
        assert!(
            report.problems.iter().any(|problem| problem.contains(word)),
            "{damage}: {report:?}"
        );
    }
}

#[tokio::test]
async fn a_drop_that_was_cut_short_shows_nothing_and_is_finished_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder.path(), Options::default()).unwrap());
    deliveries::events(&store, "e", 3).await;
    deliveries::fill(&store).await;
    let connection = rusqlite::Connection::open(folder.path().join(DATABASE_FILE)).unwrap();
    // As after the first step of a drop that had more rows to erase.
    connection
        .execute_batch(
            "UPDATE delivery_target SET name=NULL, worker=NULL WHERE name='/crm'; DELETE FROM delivery WHERE seq=1",
        )
        .unwrap();
    deliveries::sound(&store).await;
    assert_eq!(store.targets().await.unwrap().len(), 1);
    assert_eq!(deliveries::due(&store, 100).await, [0; 0]);
    let of_event = DeliveryQuery {
        target: None,
        seq: Some(2),
        state: None,
        after: None,
        newest_first: false,
        limit: 10,
    };
    assert_eq!(store.deliveries(&of_event).await.unwrap().len(), 1);
    let state = state::export(&*store, Vec::new(), at(0), silent()).await;
    let state = String::from_utf8(state.unwrap().0).unwrap();
    assert_eq!(state.matches(r#"{"delivery":"#).count(), 1);
    store.drop_target("/none").await.unwrap();
    let rows: i64 = connection
        .query_row("SELECT count(*) FROM delivery", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 1);
    deliveries::sound(&store).await;
}
