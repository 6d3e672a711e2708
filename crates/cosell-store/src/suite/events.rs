//! The log of events as people look at it: by id, by account and time, and shortened.

use super::deliveries::{TARGET, delivery, leased, settlement, sound, target};
use super::*;
use crate::{ApplyError, DeliveryQuery, DeliveryState, Event, EventQuery, Store, StoreError};

type S = Arc<dyn Store>;

fn event(id: &str, time: i64, account: &str, detail_type: &str) -> Event {
    Event {
        account: account.to_owned(),
        detail_type: detail_type.to_owned(),
        time: at(time),
        ..outbox::event(id)
    }
}

async fn add(store: &S, events: Vec<Event>) {
    let change = Changes {
        events,
        ..Changes::default()
    };
    store.apply(change).await.unwrap();
}

fn look(account: Option<&str>, from: Option<i64>, to: Option<i64>, newest_first: bool) -> EventQuery {
    EventQuery {
        account: account.map(str::to_owned),
        catalog: None,
        detail_type: None,
        from: from.map(at),
        to: to.map(at),
        after: None,
        newest_first,
        limit: 100,
    }
}

/// All pages, each no larger than it may be.
async fn seqs(store: &S, query: &EventQuery) -> Vec<u64> {
    let mut query = query.clone();
    let mut seen = Vec::new();
    loop {
        let page = store.events(&query).await.unwrap();
        assert!(page.events.len() <= query.limit);
        seen.extend(page.events.iter().map(|e| e.seq));
        match page.next {
            Some(next) => query.after = Some(next),
            None => return seen,
        }
    }
}

pub async fn an_event_is_found_by_its_id(store: S) {
    assert_eq!(store.last_event().await.unwrap(), 0);
    add(&store, vec![outbox::event("a"), outbox::event("b")]).await;
    let found = store.event("b").await.unwrap().unwrap();
    assert_eq!((found.seq, found.event), (2, outbox::event("b")));
    assert_eq!(store.event("c").await.unwrap(), None);
    assert_eq!(store.last_event().await.unwrap(), 2);
    store.reset(None, None).await.unwrap();
    assert_eq!(store.event("b").await.unwrap(), None);
    assert_eq!(store.last_event().await.unwrap(), 2);
}

pub async fn the_id_of_an_event_is_its_own_and_a_taken_one_refuses_the_change(store: S) {
    add(&store, vec![outbox::event("a")]).await;
    let taken = Changes {
        events: vec![outbox::event("b"), outbox::event("a")],
        ..insert(opportunity(key("O1"), 1))
    };
    let good = Changes {
        events: vec![outbox::event("c")],
        ..insert(opportunity(key("O2"), 1))
    };
    let (refused, landed) = tokio::join!(store.apply(taken), store.apply(good));
    assert!(matches!(refused, Err(ApplyError::Invalid(_))), "{refused:?}");
    landed.unwrap();
    assert_eq!(store.get(&key("O1")).await.unwrap(), None);
    assert!(store.get(&key("O2")).await.unwrap().is_some());
    assert_eq!(seqs(&store, &look(None, None, None, false)).await, [1, 2]);
    assert_eq!(store.event("b").await.unwrap(), None);
}

pub async fn events_are_read_by_account_and_time_in_both_directions(store: S) {
    // The clock was set back between the second and the third event.
    let all = [
        (30, ACCOUNT),
        (40, OTHER),
        (10, ACCOUNT),
        (20, OTHER),
        (30, ACCOUNT),
    ];
    let all = all.iter().enumerate();
    let all = all.map(|(n, (time, account))| event(&format!("e{n}"), *time, account, "Opportunity Updated"));
    add(&store, all.collect()).await;
    for (account, from, to, wanted) in [
        (None, None, None, vec![3, 4, 1, 5, 2]),
        (None, Some(20), Some(30), vec![4, 1, 5]),
        (None, Some(31), None, vec![2]),
        (None, Some(41), None, vec![]),
        (Some(ACCOUNT), None, None, vec![3, 1, 5]),
        (Some(ACCOUNT), Some(11), None, vec![1, 5]),
        (Some(OTHER), None, Some(39), vec![4]),
        (Some("nobody"), None, None, vec![]),
    ] {
        for (limit, newest_first) in [(1, false), (1, true), (2, false), (2, true), (100, false)] {
            let query = EventQuery {
                limit,
                ..look(account, from, to, newest_first)
            };
            let mut seen = seqs(&store, &query).await;
            if newest_first {
                seen.reverse();
            }
            assert_eq!(seen, wanted, "{query:?}");
        }
    }
    // A page that holds the last event says so.
    let query = EventQuery {
        limit: 5,
        ..look(None, None, None, false)
    };
    assert_eq!(store.events(&query).await.unwrap().next, None);
    for limit in [0, crate::MAX_PAGE + 1] {
        let query = EventQuery {
            limit,
            ..look(None, None, None, false)
        };
        let refused = store.events(&query).await;
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "{refused:?}");
    }
}

pub async fn a_filter_that_finds_little_ends_a_page_early_and_goes_on(store: S) {
    let rare = "Engagement Invitation Created";
    for chunk in 0..24 {
        let all = (0..500).map(|n| {
            let seq = chunk * 500 + n + 1;
            let what = if seq == 1 || seq == 11_999 {
                rare
            } else {
                "Opportunity Updated"
            };
            let mut one = event(&format!("e{seq:05}"), seq / 7, ACCOUNT, what);
            if seq % 4000 == 0 {
                one.catalog = "AWS".into();
            }
            one
        });
        add(&store, all.collect()).await;
    }
    for account in [None, Some(ACCOUNT)] {
        for newest_first in [false, true] {
            let mut query = look(account, None, None, newest_first);
            query.detail_type = Some(rare.to_owned());
            let mut seen = seqs(&store, &query).await;
            let page = store.events(&query).await.unwrap();
            assert!(page.events.len() == 1 && page.next.is_some(), "{page:?}");
            seen.sort_unstable();
            assert_eq!(seen, [1, 11_999]);
            query.catalog = Some("AWS".to_owned());
            assert_eq!(seqs(&store, &query).await, [0; 0]);
            query.detail_type = None;
            let mut seen = seqs(&store, &query).await;
            seen.sort_unstable();
            assert_eq!(seen, [4000, 8000, 12_000]);
        }
    }
}

pub async fn pruned_events_go_with_their_deliveries_and_numbers_never_repeat(store: S) {
    for chunk in 0..9 {
        let all = (1..=1000).map(|n| {
            let seq = chunk * 1000 + n;
            // Two of the young ones have low numbers: the clock was set back.
            let time = if seq == 3 || seq == 4 { 9_500 } else { seq };
            event(&format!("e{seq:05}"), time, ACCOUNT, "Opportunity Updated")
        });
        add(&store, all.collect()).await;
    }
    let lease = leased(&store).await;
    let mut outcomes = vec![
        delivery(2, Some("a"), DeliveryState::Pending, 0),
        delivery(3, Some("a"), DeliveryState::Pending, 0),
        delivery(4, None, DeliveryState::Dead, 0),
        delivery(5, None, DeliveryState::Dead, 0),
    ];
    outcomes.extend((6..900).map(|seq| delivery(seq, None, DeliveryState::Delivered, 0)));
    store.settle(settlement(&lease, outcomes)).await.unwrap();
    assert_eq!(store.prune_events(at(9_000)).await.unwrap(), 8_997);
    let left = look(None, None, None, false);
    assert_eq!(seqs(&store, &left).await, [9_000, 3, 4]);
    let deliveries = DeliveryQuery {
        target: Some(TARGET.to_owned()),
        seq: None,
        state: None,
        after: None,
        newest_first: false,
        limit: 100,
    };
    let found = store.deliveries(&deliveries).await.unwrap();
    assert_eq!(found.iter().map(|d| d.seq).collect::<Vec<_>>(), [3, 4]);
    // The one that waited behind is now the first of its lane.
    let due = store.due_deliveries(TARGET, at(0), 9).await.unwrap();
    assert_eq!(due.iter().map(|d| d.seq).collect::<Vec<_>>(), [3]);
    let now = target(&store).await;
    assert_eq!((now.pending, now.dead, now.delivered), (1, 1, 894));
    // The newest of all stays, or its number would be given again.
    assert_eq!(store.prune_events(at(100_000)).await.unwrap(), 2);
    assert_eq!(seqs(&store, &left).await, [9_000]);
    add(&store, vec![event("new", 0, ACCOUNT, "Opportunity Updated")]).await;
    assert_eq!(store.prune_events(at(100_000)).await.unwrap(), 1);
    assert_eq!(seqs(&store, &left).await, [9_001]);
    assert_eq!(store.deliveries(&deliveries).await.unwrap(), []);
    sound(&store).await;
}
