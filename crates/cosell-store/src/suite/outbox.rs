//! What shares a write's commit: events, audit, kept answers; and sequences.

use super::*;
use crate::{ApplyError, AuditEntry, Event, Idempotency, Store};
use std::collections::BTreeSet;
use std::time::Duration;

type S = Arc<dyn Store>;

/// The operation of sample answers.
pub const OPERATION: &str = "CreateOpportunity";

/// A sample event.
pub fn event(id: &str) -> Event {
    Event {
        id: id.to_owned(),
        account: ACCOUNT.to_owned(),
        catalog: CATALOG.to_owned(),
        detail_type: "Opportunity Created".to_owned(),
        time: at(1),
        body: bytes(r#"{"a":1}"#),
    }
}

/// A sample audit entry.
pub fn audit(n: i64) -> AuditEntry {
    AuditEntry {
        time: at(n),
        account: ACCOUNT.to_owned(),
        body: bytes(&format!(r#"{{"n":{n}}}"#)),
    }
}

/// A sample answer.
pub fn answer(token: &str, created_at: Timestamp, expires_at: Timestamp) -> Idempotency {
    Idempotency {
        account: ACCOUNT.to_owned(),
        operation: OPERATION.to_owned(),
        token: token.to_owned(),
        request_hash: [7; 32],
        answer: bytes(r#"{"Id":"O1"}"#),
        created_at,
        expires_at,
    }
}

fn events(ids: &[&str]) -> Changes {
    Changes {
        events: ids.iter().map(|id| event(id)).collect(),
        ..Changes::default()
    }
}

fn keep(kept: Idempotency) -> Changes {
    Changes {
        idempotency: Some(kept),
        ..Changes::default()
    }
}

pub async fn events_are_numbered_from_one_without_gaps(store: S) {
    store.apply(events(&["a", "b"])).await.unwrap();
    store.apply(events(&["c"])).await.unwrap();
    let all = store.events_after(0, 10).await.unwrap();
    let seen: Vec<_> = all.iter().map(|e| (e.seq, e.event.clone())).collect();
    assert_eq!(seen, [(1, event("a")), (2, event("b")), (3, event("c"))]);
    assert_eq!(store.events_after(1, 1).await.unwrap(), all[1..2]);
    assert_eq!(store.events_after(3, 10).await.unwrap(), []);
    assert_eq!(store.events_after(u64::MAX, 10).await.unwrap(), []);
}

pub async fn events_of_a_refused_change_do_not_exist(store: S) {
    store
        .apply(Changes {
            ..insert(opportunity(key("O1"), 1))
        })
        .await
        .unwrap();
    for _ in 0..3 {
        let refused = Changes {
            events: vec![event("ghost")],
            ..insert(opportunity(key("O1"), 1))
        };
        assert!(store.apply(refused).await.is_err());
    }
    store.apply(events(&["real"])).await.unwrap();
    let all = store.events_after(0, 10).await.unwrap();
    assert_eq!(
        all.iter()
            .map(|e| (e.seq, e.event.id.as_str()))
            .collect::<Vec<_>>(),
        [(1, "real")]
    );
}

pub async fn a_waiting_reader_gets_the_next_event(store: S) {
    store.apply(events(&["old"])).await.unwrap();
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.wait_events(1, 10).await.unwrap() }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!waiting.is_finished());
    store.apply(events(&["new"])).await.unwrap();
    let found = tokio::time::timeout(Duration::from_secs(10), waiting)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        found
            .iter()
            .map(|e| (e.seq, e.event.id.as_str()))
            .collect::<Vec<_>>(),
        [(2, "new")]
    );
}

pub async fn a_reader_that_waits_for_what_is_there_returns_at_once(store: S) {
    store.apply(events(&["a", "b"])).await.unwrap();
    let found = tokio::time::timeout(Duration::from_secs(10), store.wait_events(0, 1))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.iter().map(|e| e.seq).collect::<Vec<_>>(), [1]);
    assert!(store.wait_events(0, 0).await.is_err());
}

pub async fn audit_entries_read_back_in_order(store: S) {
    store
        .apply(Changes {
            audit: vec![audit(3), audit(1)],
            ..Changes::default()
        })
        .await
        .unwrap();
    store
        .apply(Changes {
            audit: vec![audit(2)],
            ..Changes::default()
        })
        .await
        .unwrap();
    let all = store.audit_after(0, 10).await.unwrap();
    assert_eq!(
        all.iter().map(|e| (e.seq, e.entry.clone())).collect::<Vec<_>>(),
        [(1, audit(3)), (2, audit(1)), (3, audit(2))]
    );
    assert_eq!(store.audit_after(1, 1).await.unwrap(), all[1..2]);
}

pub async fn a_kept_answer_reads_back_until_it_expires(store: S) {
    let kept = answer("t1", at(0), at(100));
    store.apply(keep(kept.clone())).await.unwrap();
    for (now, expected) in [(at(0), Some(kept.clone())), (at(99), Some(kept)), (at(100), None)] {
        assert_eq!(
            store.idempotency(ACCOUNT, OPERATION, "t1", now).await.unwrap(),
            expected
        );
    }
    assert_eq!(
        store.idempotency(ACCOUNT, OPERATION, "t2", at(0)).await.unwrap(),
        None
    );
}

pub async fn a_taken_token_refuses_the_whole_change(store: S) {
    store.apply(keep(answer("t1", at(0), at(100)))).await.unwrap();
    let again = Changes {
        idempotency: Some(answer("t1", at(99), at(199))),
        ..insert(opportunity(key("O1"), 1))
    };
    assert_eq!(store.apply(again).await, Err(ApplyError::TokenTaken));
    assert_eq!(store.get(&key("O1")).await.unwrap(), None);
    let kept = store
        .idempotency(ACCOUNT, OPERATION, "t1", at(1))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(kept.created_at, at(0));
}

pub async fn an_expired_token_is_free_again(store: S) {
    store.apply(keep(answer("t1", at(0), at(100)))).await.unwrap();
    let again = Changes {
        idempotency: Some(answer("t1", at(100), at(200))),
        ..insert(opportunity(key("O1"), 1))
    };
    store.apply(again).await.unwrap();
    assert!(store.get(&key("O1")).await.unwrap().is_some());
    let kept = store
        .idempotency(ACCOUNT, OPERATION, "t1", at(150))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(kept, answer("t1", at(100), at(200)));
}

pub async fn tokens_are_apart_by_account_and_operation(store: S) {
    let base = answer("t1", at(0), at(100));
    let others = [
        Idempotency {
            account: OTHER.to_owned(),
            answer: bytes("2"),
            ..base.clone()
        },
        Idempotency {
            operation: "AssociateOpportunity".to_owned(),
            answer: bytes("3"),
            ..base.clone()
        },
    ];
    store.apply(keep(base.clone())).await.unwrap();
    for other in &others {
        store.apply(keep(other.clone())).await.unwrap();
    }
    for kept in others.iter().chain([&base]) {
        let found = store
            .idempotency(&kept.account, &kept.operation, "t1", at(0))
            .await
            .unwrap();
        assert_eq!(found.as_ref(), Some(kept));
    }
}

pub async fn expired_answers_do_not_hide_live_ones_when_many_are_pruned(store: S) {
    for n in 0..60 {
        // Short and long lives in turn, so that whatever is pruned, live ones lie between.
        let life = if n % 2 == 0 { 1 } else { 1000 };
        store
            .apply(keep(answer(&format!("t{n}"), at(n), at(n + life))))
            .await
            .unwrap();
    }
    for n in 0..60 {
        let found = store
            .idempotency(ACCOUNT, OPERATION, &format!("t{n}"), at(61))
            .await
            .unwrap();
        assert_eq!(found.is_some(), n % 2 == 1, "t{n}");
    }
}

pub async fn sequences_start_at_one_and_never_repeat(store: S) {
    assert_eq!(store.reserve("opportunity", 10).await.unwrap(), 1..11);
    assert_eq!(store.reserve("opportunity", 1).await.unwrap(), 11..12);
    assert_eq!(store.reserve("other", 5).await.unwrap(), 1..6);
    assert_eq!(
        store.reserve("opportunity", 1 << 32).await.unwrap(),
        12..12 + (1 << 32)
    );
    assert!(store.reserve("opportunity", 0).await.is_err());
    assert!(store.reserve("opportunity", (1 << 32) + 1).await.is_err());
}

pub async fn sequences_never_repeat_among_many_takers(store: S) {
    let taken = records::on_threads(4, move |n| {
        let store = store.clone();
        async move {
            let mut taken = Vec::new();
            for k in 0..25 {
                taken.extend(store.reserve("s", 1 + (n as u64 + k) % 3).await.unwrap());
            }
            taken
        }
    })
    .concat();
    let distinct: BTreeSet<_> = taken.iter().collect();
    assert_eq!(distinct.len(), taken.len());
}
