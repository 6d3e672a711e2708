//! Counters by which servers count together, and the store's clock.

use super::{ACCOUNT, OTHER, at, records, silent};
use crate::{MAX_COUNTER, Store, StoreError, Swap};
use std::sync::Arc;

type S = Arc<dyn Store>;

async fn swap(store: &S, expected: Option<&str>, next: &str) -> Swap {
    let expected = expected.map(str::as_bytes);
    let swapped = store.swap_counter(ACCOUNT, "n", expected, next.as_bytes(), at(1000));
    swapped.await.unwrap()
}

fn found(value: Option<&str>) -> Swap {
    Swap::Found(value.map(super::bytes))
}

pub async fn a_counter_swaps_from_the_value_it_has_and_tells_it_otherwise(store: S) {
    assert_eq!(swap(&store, Some("0"), "1").await, found(None));
    assert_eq!(swap(&store, None, "1").await, Swap::Done);
    assert_eq!(swap(&store, None, "2").await, found(Some("1")));
    assert_eq!(swap(&store, Some("0"), "2").await, found(Some("1")));
    assert_eq!(swap(&store, Some("1"), "2").await, Swap::Done);
    // What a repetition over a lost answer hears.
    assert_eq!(swap(&store, Some("1"), "2").await, found(Some("2")));
    let bytes: Vec<u8> = (0..=255).collect();
    let odd = store.swap_counter(ACCOUNT, "n", Some(b"2"), &bytes, at(1000));
    assert_eq!(odd.await.unwrap(), Swap::Done);
    assert_eq!(
        swap(&store, Some("2"), "3").await,
        Swap::Found(Some(bytes.into()))
    );
}

pub async fn counters_are_apart_by_account_and_name(store: S) {
    for (account, name) in [(ACCOUNT, "n"), (ACCOUNT, "m"), (OTHER, "n"), ("a\0", "\u{1}")] {
        let value = format!("{account} {name}");
        let swapped = store.swap_counter(account, name, None, value.as_bytes(), at(0));
        assert_eq!(swapped.await.unwrap(), Swap::Done, "{value}");
    }
    assert_eq!(
        swap(&store, None, "x").await,
        found(Some(&format!("{ACCOUNT} n")))
    );
}

pub async fn of_many_counts_none_is_lost(store: S) {
    let counting = store.clone();
    records::on_threads(4, move |_| {
        let store = counting.clone();
        async move {
            let mut known = None;
            for _ in 0..25 {
                loop {
                    let count: u64 = known.as_deref().map_or(0, |value: &str| value.parse().unwrap());
                    let next = (count + 1).to_string();
                    known = match swap(&store, known.as_deref(), &next).await {
                        Swap::Done => {
                            known = Some(next);
                            break;
                        }
                        Swap::Found(value) => value.map(|value| String::from_utf8(value.to_vec()).unwrap()),
                    };
                }
            }
        }
    });
    assert_eq!(swap(&store, None, "x").await, found(Some("100")));
}

pub async fn counters_are_pruned_by_their_time_and_only_those(store: S) {
    for n in 0..6 {
        let name = format!("n{n}");
        let swapped = store.swap_counter(ACCOUNT, &name, None, b"1", at(n));
        assert_eq!(swapped.await.unwrap(), Swap::Done);
    }
    // Used again, it stays longer.
    let again = store.swap_counter(ACCOUNT, "n0", Some(b"1"), b"2", at(9));
    assert_eq!(again.await.unwrap(), Swap::Done);
    assert_eq!(store.prune_counters(at(3)).await.unwrap(), 2);
    assert_eq!(store.prune_counters(at(3)).await.unwrap(), 0);
    for (name, value) in [
        ("n0", Some("2")),
        ("n1", None),
        ("n2", None),
        ("n3", Some("1")),
        ("n5", Some("1")),
    ] {
        let looked = store.swap_counter(ACCOUNT, name, Some(b"x"), b"y", at(0));
        assert_eq!(looked.await.unwrap(), found(value), "{name}");
    }
}

pub async fn many_counters_are_pruned_too(store: S) {
    let mut names = Vec::new();
    for part in 0..20 {
        names.extend((0..260).map(|n| format!("{part}-{n}")));
        let swaps = names.drain(..).map(|name| {
            let store = store.clone();
            tokio::spawn(async move {
                store
                    .swap_counter(ACCOUNT, &name, None, b"1", at(0))
                    .await
                    .unwrap()
            })
        });
        for swap in swaps.collect::<Vec<_>>() {
            assert_eq!(swap.await.unwrap(), Swap::Done);
        }
    }
    assert_eq!(store.prune_counters(at(1)).await.unwrap(), 20 * 260);
}

pub async fn counters_that_break_the_contract_are_refused(store: S) {
    let long = "x".repeat(2000);
    let large = vec![0; MAX_COUNTER + 1];
    for (account, name, value) in [
        ("", "n", &b"1"[..]),
        (ACCOUNT, "", b"1"),
        (&long, "n", b"1"),
        (ACCOUNT, &long, b"1"),
        (ACCOUNT, "n", b""),
        (ACCOUNT, "n", &large),
    ] {
        let refused = store.swap_counter(account, name, None, value, at(0)).await;
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "{refused:?}");
    }
    let most = store.swap_counter(ACCOUNT, "n", None, &large[1..], at(0));
    assert_eq!(most.await.unwrap(), Swap::Done);
}

pub async fn counters_outlast_a_reset_and_an_import(store: S) {
    assert_eq!(swap(&store, None, "1").await, Swap::Done);
    store.reset(None, None).await.unwrap();
    let mut items = Vec::new();
    let mut keep = |item| {
        items.push(Ok(item));
        Ok(())
    };
    store.export(&mut keep, silent()).await.unwrap();
    store.import(&[], &mut items.into_iter(), silent()).await.unwrap();
    assert_eq!(swap(&store, None, "2").await, found(Some("1")));
}

pub async fn the_stores_clock_is_there_always_or_never_and_goes_on(store: S) {
    let first = store.clock().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    let second = store.clock().await.unwrap();
    assert_eq!(first.is_some(), second.is_some());
    if let (Some(first), Some(second)) = (first, second) {
        let passed = second.as_millis() - first.as_millis();
        assert!(passed >= 19, "{passed} ms");
    }
}
