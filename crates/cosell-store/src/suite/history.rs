//! Former versions: what was replaced or deleted can still be read, until it is pruned or reset.

use super::*;
use crate::{ExportItem, Store, Stored};

type S = Arc<dyn Store>;

/// A change at a time that brings a record to a version.
fn step(mut record: Record, version: u64, time: i64) -> Changes {
    record.version = version;
    record.document = bytes(&format!(r#"{{"version":{version}}}"#));
    record.private = bytes(&format!(r#"{{"private":{version}}}"#));
    let write = match version {
        1 => Write::Insert(record),
        _ => Write::Replace {
            record,
            expected: version - 1,
        },
    };
    Changes {
        audit: vec![outbox::audit(time)],
        ..writes(vec![write])
    }
}

fn delete(key: &Key, expected: u64) -> Changes {
    let key = key.clone();
    writes(vec![Write::Delete { key, expected }])
}

fn version(version: u64) -> Option<Stored> {
    Some(Stored {
        version,
        document: bytes(&format!(r#"{{"version":{version}}}"#)),
        private: bytes(&format!(r#"{{"private":{version}}}"#)),
    })
}

/// The versions of a record that can be read, of those up to 9.
async fn readable(store: &S, key: &Key) -> Vec<u64> {
    let mut readable = Vec::new();
    for number in 0..10 {
        let found = store.history(key, number).await.unwrap();
        if found.is_some() {
            assert_eq!(found, version(number), "{key}");
            readable.push(number);
        }
    }
    readable
}

/// How many former versions there are in all.
pub(super) async fn formers(store: &S) -> usize {
    let mut count = 0;
    let mut sink = |item: ExportItem| {
        count += usize::from(matches!(item, ExportItem::Former(_)));
        Ok(())
    };
    store.export(&mut sink, silent()).await.unwrap();
    count
}

pub async fn kinds_with_a_history_keep_every_version_and_the_others_the_present_one(store: S) {
    let mut kept = 0;
    for kind in Kind::ALL {
        let record = sample(kind, "one");
        let key = record.key.clone();
        for number in 1..4 {
            store.apply(step(record.clone(), number, 0)).await.unwrap();
        }
        // Another record of the same id and version, so that a mix-up would show.
        store.apply(insert(sample(kind, "two"))).await.unwrap();
        let (all, none): (&[u64], &[u64]) = match kind.spec().history {
            true => (&[1, 2, 3], &[1, 2, 3]),
            false => (&[3], &[]),
        };
        assert_eq!(readable(&store, &key).await, all, "{kind:?}");
        store.apply(delete(&key, 3)).await.unwrap();
        assert_eq!(readable(&store, &key).await, none, "{kind:?}");
        assert_eq!(store.history(&key, u64::MAX).await.unwrap(), None);
        kept += none.len();
    }
    assert_eq!(formers(&store).await, kept);
    assert!(store.check(silent()).await.unwrap().is_sound());
    let odd = Key::global(Kind::Opportunity, "O1");
    assert!(store.history(&odd, 1).await.is_err());
}

pub async fn histories_are_apart_by_kind_account_and_catalog(store: S) {
    for (kind, account) in [
        (Kind::Opportunity, ACCOUNT),
        (Kind::Opportunity, OTHER),
        (Kind::Task, ACCOUNT),
    ] {
        let mut record = sample(kind, "same");
        record.key.account = account.to_owned();
        store.apply(step(record.clone(), 1, 0)).await.unwrap();
        let key = record.key.clone();
        store.apply(delete(&key, 1)).await.unwrap();
        assert_eq!(readable(&store, &key).await, [1]);
    }
    let never = Key::new(Kind::Invitation, ACCOUNT, CATALOG, "same");
    assert_eq!(readable(&store, &never).await, [0; 0]);
    let never = Key::new(Kind::Opportunity, ACCOUNT, "AWS", "same");
    assert_eq!(readable(&store, &never).await, [0; 0]);
}

pub async fn of_a_key_that_was_used_again_the_later_version_is_read(store: S) {
    for text in ["first", "second"] {
        let mut record = opportunity(key("O1"), 1);
        record.document = bytes(&format!("{text:?}"));
        store.apply(insert(record)).await.unwrap();
        store.apply(delete(&key("O1"), 1)).await.unwrap();
        let found = store.history(&key("O1"), 1).await.unwrap().unwrap();
        assert_eq!(found.document, bytes(&format!("{text:?}")));
    }
    assert_eq!(formers(&store).await, 2);
}

pub async fn a_refused_change_leaves_no_former_version(store: S) {
    store.apply(step(opportunity(key("O1"), 1), 1, 0)).await.unwrap();
    let mut refused = step(opportunity(key("O1"), 1), 2, 0);
    refused.writes.push(Write::Delete {
        key: key("O9"),
        expected: 1,
    });
    assert!(store.apply(refused).await.is_err());
    assert_eq!(formers(&store).await, 0);
}

pub async fn former_versions_are_pruned_by_the_time_of_the_change_that_ended_them(store: S) {
    for number in 1..6 {
        let change = step(opportunity(key("O1"), 1), number, number as i64 * 10);
        store.apply(change).await.unwrap();
    }
    let left = async |before| {
        let gone = store.prune_history(at(before)).await.unwrap();
        (gone, readable(&store, &key("O1")).await)
    };
    // Version 1 ended at 20.
    assert_eq!(left(20).await, (0, vec![1, 2, 3, 4, 5]));
    assert_eq!(left(31).await, (2, vec![3, 4, 5]));
    assert_eq!(left(31).await, (0, vec![3, 4, 5]));
    // One that ended in a change without a time goes with the next that has one.
    store.apply(delete(&key("O1"), 5)).await.unwrap();
    assert_eq!(left(1_000).await, (2, vec![5]));
    let event = outbox::event("e");
    store.apply(step(opportunity(key("O2"), 1), 1, 0)).await.unwrap();
    let mut last = delete(&key("O2"), 1);
    last.events = vec![event];
    store.apply(last).await.unwrap();
    assert_eq!(left(1_000).await, (2, vec![]));
    assert_eq!(formers(&store).await, 0);
}

pub async fn many_former_versions_are_pruned_too(store: S) {
    for chunk in 0..5 {
        let all = |expected| {
            (0..1000).map(move |n| {
                let record = opportunity(key(&format!("O{chunk}-{n}")), expected + 1);
                match expected {
                    0 => Write::Insert(record),
                    _ => Write::Replace { record, expected },
                }
            })
        };
        store.apply(writes(all(0).collect())).await.unwrap();
        let replace = Changes {
            audit: vec![outbox::audit(chunk)],
            ..writes(all(1).collect())
        };
        store.apply(replace).await.unwrap();
    }
    assert_eq!(store.prune_history(at(4)).await.unwrap(), 4000);
    assert_eq!(formers(&store).await, 1000);
}

pub async fn a_reset_erases_former_versions_of_what_it_erases(store: S) {
    for (account, catalog) in [(ACCOUNT, "AWS"), (ACCOUNT, CATALOG), (OTHER, CATALOG)] {
        let key = Key::new(Kind::Opportunity, account, catalog, "O1");
        store
            .apply(step(opportunity(key.clone(), 1), 1, 0))
            .await
            .unwrap();
        store.apply(step(opportunity(key, 1), 2, 0)).await.unwrap();
    }
    let engagement = sample(Kind::Engagement, "eng-1");
    store.apply(step(engagement.clone(), 1, 0)).await.unwrap();
    store.apply(delete(&engagement.key, 1)).await.unwrap();
    let erased = store.reset(Some(ACCOUNT), Some(CATALOG)).await.unwrap();
    assert_eq!((erased.records, erased.history), (1, 1));
    assert_eq!(readable(&store, &key("O1")).await, [0; 0]);
    assert_eq!(formers(&store).await, 3);
    assert_eq!(store.reset(None, Some(CATALOG)).await.unwrap().history, 2);
    assert_eq!(store.reset(None, None).await.unwrap().history, 1);
    assert_eq!(formers(&store).await, 0);
}

pub async fn a_check_looks_into_former_versions(store: S) {
    let mut broken = opportunity(key("O1"), 1);
    broken.document = bytes("{");
    store.apply(insert(broken)).await.unwrap();
    store.apply(delete(&key("O1"), 1)).await.unwrap();
    let report = store.check(silent()).await.unwrap();
    assert_eq!((report.records, report.problem_count), (0, 1), "{report:?}");
    assert!(report.problems[0].contains("O1"), "{report:?}");
}
