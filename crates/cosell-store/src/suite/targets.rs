//! Targets and their leases by example: who may settle, what a drop leaves, what goes to another store.

use super::deliveries::{
    LEASE, TARGET, delivery, due, events, fill, invalid, lease, leased, look, seqs, settlement, sound, target,
};
use super::*;
use crate::{DeliveryState, ExportItem, SettleError, Store, TargetState, state};
use DeliveryState::{Dead, Delivered, Pending};

type S = Arc<dyn Store>;

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

pub async fn a_lease_that_runs_for_too_long_was_given_by_a_wrong_clock_and_keeps_nobody_off(store: S) {
    store.open_target(TARGET, 0).await.unwrap();
    let hour = 3_600_000;
    let wrong = lease(&store, "one", hour).await.unwrap();
    let right = lease(&store, "two", 0).await.unwrap();
    assert_eq!(right.leased_until, Some(at(LEASE as i64)));
    assert!(right.epoch > wrong.epoch);
    // A clock that is ahead by less is borne with.
    let ahead = lease(&store, "two", LEASE as i64 - 1).await.unwrap();
    assert_eq!(ahead.epoch, right.epoch);
    assert_eq!(lease(&store, "one", 0).await, None);
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

pub async fn deliveries_go_to_another_store_and_leases_do_not(store: S) {
    events(&store, "e", 2).await;
    fill(&store).await;
    let before = target(&store).await;
    let file = transfer::file(&store).await;
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
        let refused = store.import(&[], &mut items.into_iter().map(Ok), silent()).await;
        let error = refused.unwrap_err().to_string();
        assert!(error.contains(word), "{word}: {error}");
    }
    let items = vec![event(1), target(), one(1)];
    store
        .import(&[], &mut items.into_iter().map(Ok), silent())
        .await
        .unwrap();
    assert_eq!(seqs(&store, &look(Some(Dead))).await, [1]);
    sound(&store).await;
}
