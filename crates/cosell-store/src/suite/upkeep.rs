//! Check, backup and closing, as far as they are the same for every backend.

use super::*;
use crate::{ApplyError, Store};

type S = Arc<dyn Store>;

pub async fn a_check_of_a_sound_store_counts_records_and_finds_nothing(store: S) {
    for n in 0..5 {
        store
            .apply(insert(opportunity(key(&format!("O{n}")), 1)))
            .await
            .unwrap();
    }
    let report = store.check(silent()).await.unwrap();
    assert_eq!((report.records, report.is_sound()), (5, true), "{report:?}");
}

pub async fn a_check_finds_documents_that_are_not_json(store: S) {
    for (id, part) in [("doc", 0), ("summary", 1), ("private", 2), ("good", 3)] {
        let mut record = opportunity(key(id), 1);
        let broken = bytes("{\"a\":");
        match part {
            0 => record.document = broken,
            1 => record.summary = broken,
            2 => record.private = broken,
            _ => record.private = bytes(""),
        }
        store.apply(insert(record)).await.unwrap();
    }
    let report = store.check(silent()).await.unwrap();
    assert_eq!((report.records, report.problem_count), (4, 3), "{report:?}");
    for id in ["doc", "summary", "private"] {
        assert!(report.problems.iter().any(|p| p.contains(id)), "{report:?}");
    }
}

pub async fn a_check_looks_into_every_kind(store: S) {
    for kind in Kind::ALL {
        let mut record = sample(kind, "broken");
        record.document = bytes("{");
        store.apply(insert(record)).await.unwrap();
    }
    let report = store.check(silent()).await.unwrap();
    let all = Kind::ALL.len() as u64;
    assert_eq!((report.records, report.problem_count), (all, all), "{report:?}");
    for kind in Kind::ALL {
        let name = format!("{} broken", kind.spec().table);
        assert!(
            report.problems.iter().any(|p| p.contains(&name)),
            "{name}: {report:?}"
        );
    }
}

pub async fn a_backup_refuses_a_path_that_exists(store: S) {
    let path = std::env::current_exe().unwrap();
    let before = std::fs::metadata(&path).unwrap().len();
    assert!(store.backup(&path, silent()).await.is_err());
    assert_eq!(std::fs::metadata(&path).unwrap().len(), before);
}

pub async fn a_closed_store_has_finished_what_it_accepted_and_takes_no_more(store: S) {
    let accepted: Vec<_> = (0..40)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                (
                    n,
                    store.apply(insert(opportunity(key(&format!("O{n}")), 1))).await,
                )
            })
        })
        .collect();
    tokio::task::yield_now().await;
    store.close().await;
    store.close().await;
    for task in accepted {
        let (n, result) = task.await.unwrap();
        let found = store.get(&key(&format!("O{n}"))).await.unwrap();
        match result {
            Ok(()) => assert!(found.is_some()),
            Err(ApplyError::Unavailable(_)) => assert!(found.is_none()),
            Err(other) => panic!("{other}"),
        }
    }
    let late = store.apply(insert(opportunity(key("late"), 1))).await;
    assert!(matches!(late, Err(ApplyError::Unavailable(_))), "{late:?}");
    assert_eq!(store.get(&key("late")).await.unwrap(), None);
}
