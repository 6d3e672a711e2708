//! Records: reads, atomic writes, versions.

use super::*;
use crate::{ApplyError, Conflict, Event, Expect, Sort, Store, Stored};
use std::collections::BTreeSet;

type S = Arc<dyn Store>;

fn stored(record: &Record) -> Stored {
    Stored {
        version: record.version,
        document: record.document.clone(),
        private: record.private.clone(),
    }
}

pub async fn a_record_reads_back_byte_for_byte(store: S) {
    let mut record = opportunity(key("O1"), 7);
    record.document = bytes("{ \"a\" :  1.50,\n\"b\":[ ] }");
    record.private = bytes("");
    store.apply(insert(record.clone())).await.unwrap();
    assert_eq!(store.get(&record.key).await.unwrap(), Some(stored(&record)));
}

pub async fn an_absent_record_reads_as_none(store: S) {
    assert_eq!(store.get(&key("O1")).await.unwrap(), None);
    store.apply(insert(opportunity(key("O1"), 1))).await.unwrap();
    assert_eq!(store.get(&key("O2")).await.unwrap(), None);
    assert_eq!(
        store.get(&Key::global(Kind::AccessKey, "O1")).await.unwrap(),
        None
    );
}

pub async fn several_records_read_in_the_order_asked(store: S) {
    for id in ["O1", "O2", "O3"] {
        store.apply(insert(opportunity(key(id), 1))).await.unwrap();
    }
    let found = store
        .get_many(&[key("O3"), key("O9"), key("O1"), key("O3")])
        .await
        .unwrap();
    let found: Vec<_> = found.into_iter().map(|f| f.map(|s| s.document)).collect();
    let document = |id: &str| Some(opportunity(key(id), 1).document);
    assert_eq!(found, [document("O3"), None, document("O1"), document("O3")]);
    assert_eq!(store.get_many(&[]).await.unwrap(), []);
}

pub async fn the_same_id_lives_apart_in_each_account_catalog_and_kind(store: S) {
    let places = [(ACCOUNT, "AWS"), (ACCOUNT, "Sandbox"), (OTHER, "AWS")];
    for (version, (account, catalog)) in (1..).zip(places) {
        let key = Key::new(Kind::Opportunity, account, catalog, "O1");
        store.apply(insert(opportunity(key, version))).await.unwrap();
        let mut record = opportunity(Key::new(Kind::Solution, account, catalog, "O1"), version + 10);
        record.columns = vec![("created", Value::Integer(1))];
        store.apply(insert(record)).await.unwrap();
    }
    for (version, (account, catalog)) in (1..).zip(places) {
        for (kind, version) in [(Kind::Opportunity, version), (Kind::Solution, version + 10)] {
            let found = store
                .get(&Key::new(kind, account, catalog, "O1"))
                .await
                .unwrap()
                .unwrap();
            assert_eq!(found.version, version);
        }
    }
}

pub async fn an_insert_of_a_known_key_conflicts(store: S) {
    store.apply(insert(opportunity(key("O1"), 1))).await.unwrap();
    let result = store.apply(insert(opportunity(key("O1"), 2))).await;
    assert_eq!(result, Err(ApplyError::Conflict(Conflict::Exists(key("O1")))));
    assert_eq!(store.get(&key("O1")).await.unwrap().unwrap().version, 1);
}

fn replace(id: &str, version: u64, expected: u64) -> Changes {
    writes(vec![Write::Replace {
        record: opportunity(key(id), version),
        expected,
    }])
}

fn stale(id: &str, expected: u64, found: Option<u64>) -> Result<(), ApplyError> {
    Err(ApplyError::Conflict(Conflict::Version {
        key: key(id),
        expected,
        found,
    }))
}

pub async fn a_replacement_of_a_stale_version_conflicts(store: S) {
    store.apply(insert(opportunity(key("O1"), 1))).await.unwrap();
    store.apply(replace("O1", 2, 1)).await.unwrap();
    assert_eq!(store.apply(replace("O1", 3, 1)).await, stale("O1", 1, Some(2)));
    assert_eq!(
        store.get(&key("O1")).await.unwrap(),
        Some(stored(&opportunity(key("O1"), 2)))
    );
}

pub async fn a_replacement_of_an_absent_record_conflicts(store: S) {
    assert_eq!(store.apply(replace("O1", 2, 1)).await, stale("O1", 1, None));
    let delete = writes(vec![Write::Delete {
        key: key("O1"),
        expected: 1,
    }]);
    assert_eq!(store.apply(delete).await, stale("O1", 1, None));
}

pub async fn a_deletion_removes_the_record_from_reads_and_lists(store: S) {
    store.apply(insert(opportunity(key("O1"), 1))).await.unwrap();
    let delete = |expected| {
        writes(vec![Write::Delete {
            key: key("O1"),
            expected,
        }])
    };
    assert_eq!(store.apply(delete(2)).await, stale("O1", 2, Some(1)));
    store.apply(delete(1)).await.unwrap();
    assert_eq!(store.get(&key("O1")).await.unwrap(), None);
    for sort in Kind::Opportunity.spec().sorts {
        let page = store
            .query(&lists::all(Sort {
                by: sort.by,
                descending: false,
            }))
            .await
            .unwrap();
        assert!(page.items.is_empty() && page.next.is_none(), "{}", sort.by);
    }
}

pub async fn a_deleted_key_can_be_inserted_again(store: S) {
    store.apply(insert(opportunity(key("O1"), 1))).await.unwrap();
    store
        .apply(writes(vec![Write::Delete {
            key: key("O1"),
            expected: 1,
        }]))
        .await
        .unwrap();
    store.apply(insert(opportunity(key("O1"), 2))).await.unwrap();
    assert_eq!(store.get(&key("O1")).await.unwrap().unwrap().version, 2);
}

pub async fn expectations_on_records_that_are_not_written_are_checked(store: S) {
    store.apply(insert(opportunity(key("O1"), 3))).await.unwrap();
    let with_expectation = |expect, id| Changes {
        expect: vec![expect],
        ..insert(opportunity(key(id), 1))
    };
    store
        .apply(with_expectation(Expect::Version(key("O1"), 3), "O2"))
        .await
        .unwrap();
    store
        .apply(with_expectation(Expect::Absent(key("O9")), "O3"))
        .await
        .unwrap();
    let result = store
        .apply(with_expectation(Expect::Version(key("O1"), 2), "O4"))
        .await;
    assert_eq!(result, stale("O1", 2, Some(3)));
    let result = store
        .apply(with_expectation(Expect::Version(key("O9"), 1), "O4"))
        .await;
    assert_eq!(result, stale("O9", 1, None));
    let result = store
        .apply(with_expectation(Expect::Absent(key("O1")), "O4"))
        .await;
    assert_eq!(result, Err(ApplyError::Conflict(Conflict::Exists(key("O1")))));
    assert_eq!(store.get(&key("O4")).await.unwrap(), None);
}

pub async fn a_failed_expectation_leaves_nothing_behind(store: S) {
    store.apply(insert(opportunity(key("O1"), 1))).await.unwrap();
    let event = outbox::event("e1");
    let everything = Changes {
        // The failing write is the last one, so the others come before it.
        writes: vec![
            Write::Insert(opportunity(key("O2"), 1)),
            Write::Replace {
                record: opportunity(key("O1"), 2),
                expected: 1,
            },
            Write::Delete {
                key: key("O3"),
                expected: 1,
            },
        ],
        idempotency: Some(outbox::answer("t1", at(0), at(10))),
        events: vec![event],
        audit: vec![outbox::audit(1)],
        jobs: vec![jobs::job("j1", 0)],
        ..Changes::default()
    };
    assert_eq!(store.apply(everything).await, stale("O3", 1, None));
    assert_eq!(store.get(&key("O1")).await.unwrap().unwrap().version, 1);
    assert_eq!(store.get(&key("O2")).await.unwrap(), None);
    assert_eq!(
        store
            .idempotency(ACCOUNT, outbox::OPERATION, "t1", at(1))
            .await
            .unwrap(),
        None
    );
    assert_eq!(store.events_after(0, 10).await.unwrap(), []);
    assert_eq!(store.audit_after(0, 10).await.unwrap(), []);
    assert_eq!(store.next_job_at().await.unwrap(), None);
}

pub async fn a_refused_change_does_not_hurt_its_neighbours(store: S) {
    store.apply(insert(opportunity(key("taken"), 1))).await.unwrap();
    let mut tasks = Vec::new();
    for n in 0..60 {
        let store = store.clone();
        // Every third one conflicts; they run side by side so that a backend that groups writes groups these.
        let id = if n % 3 == 0 {
            "taken".to_owned()
        } else {
            format!("O{n}")
        };
        tasks.push(tokio::spawn(async move {
            let change = Changes {
                events: vec![outbox::event(&id)],
                ..insert(opportunity(key(&id), 1))
            };
            (n, store.apply(change).await.is_ok())
        }));
    }
    for task in tasks {
        let (n, landed) = task.await.unwrap();
        assert_eq!(landed, n % 3 != 0, "{n}");
    }
    let events = store.events_after(0, 100).await.unwrap();
    let ids: BTreeSet<_> = events.iter().map(|e| e.event.id.clone()).collect();
    let expected: BTreeSet<_> = (0..60).filter(|n| n % 3 != 0).map(|n| format!("O{n}")).collect();
    assert_eq!((events.len(), ids), (40, expected));
}

pub async fn changes_that_break_the_contract_are_refused(store: S) {
    let good = || opportunity(key("O1"), 1);
    let bad: Vec<Changes> = vec![
        insert(opportunity(key(""), 1)),
        insert(opportunity(key("O1"), 0)),
        insert(opportunity(Key::new(Kind::Opportunity, ACCOUNT, "", "O1"), 1)),
        insert(Record {
            columns: vec![],
            ..good()
        }),
        insert(with(good(), vec![("no_such_column", Value::Null)])),
        insert(with(good(), vec![("last_modified", Value::from("text"))])),
        insert(with(good(), vec![("stage", Value::Integer(1))])),
        insert(Record {
            columns: [good().columns, good().columns].concat(),
            ..good()
        }),
        insert(Record {
            document: Bytes::from_static(&[b'"', 0xff, b'"']),
            ..good()
        }),
        writes(vec![Write::Insert(good()), Write::Insert(good())]),
        writes(vec![Write::Replace {
            record: good(),
            expected: 1,
        }]),
    ];
    for change in bad {
        let result = store.apply(change.clone()).await;
        assert!(
            matches!(result, Err(ApplyError::Invalid(_))),
            "{result:?} for {change:?}"
        );
    }
    assert_eq!(store.get(&key("O1")).await.unwrap(), None);
    assert!(store.get(&key("")).await.is_err());
}

pub async fn odd_texts_survive(store: S) {
    for text in [
        "'; DROP TABLE opportunity; --",
        "Ünïcødé 株式会社 🚀",
        "a\u{0}b",
        "\\ \" \n",
        "%_*?",
        "NULL",
    ] {
        let id = format!("O{text}");
        let record = with(opportunity(key(&id), 1), vec![("company", Value::from(text))]);
        let record = Record {
            document: bytes(&format!("{text:?}")),
            ..record
        };
        store.apply(insert(record.clone())).await.unwrap();
        assert_eq!(
            store.get(&key(&id)).await.unwrap(),
            Some(stored(&record)),
            "{text:?}"
        );
        let mut query = lists::all(Sort {
            by: "company",
            descending: false,
        });
        query.filters = vec![crate::Filter::In("company", vec![Value::from(text)])];
        let page = store.query(&query).await.unwrap();
        assert_eq!(
            page.items.iter().map(|i| &i.id).collect::<Vec<_>>(),
            [&id],
            "{text:?}"
        );
    }
}

pub async fn large_documents_survive(store: S) {
    let text = format!("\"{}\"", "x".repeat(1_000_000));
    let record = Record {
        document: bytes(&text),
        summary: bytes(&text),
        private: bytes(&text),
        ..opportunity(key("O1"), 1)
    };
    store.apply(insert(record.clone())).await.unwrap();
    assert_eq!(store.get(&key("O1")).await.unwrap(), Some(stored(&record)));
    let page = store
        .query(&lists::all(Sort {
            by: "id",
            descending: false,
        }))
        .await
        .unwrap();
    assert_eq!(page.items[0].summary.len(), text.len());
}

pub async fn a_write_is_seen_by_every_later_read(store: S) {
    for n in 1..=50 {
        let change = if n == 1 {
            insert(opportunity(key("O1"), 1))
        } else {
            replace("O1", n, n - 1)
        };
        store.apply(change).await.unwrap();
        assert_eq!(store.get(&key("O1")).await.unwrap().unwrap().version, n);
    }
}

/// Runs `work` on several threads, each with a runtime of its own, and returns what they return.
pub(super) fn on_threads<T: Send + 'static, F, W>(count: usize, work: W) -> Vec<T>
where
    F: Future<Output = T>,
    W: Fn(usize) -> F + Clone + Send + 'static,
{
    let threads: Vec<_> = (0..count)
        .map(|n| {
            let work = work.clone();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                runtime.block_on(work(n))
            })
        })
        .collect();
    threads.into_iter().map(|t| t.join().unwrap()).collect()
}

pub async fn writers_that_read_modify_and_write_lose_no_update(store: S) {
    store.apply(insert(opportunity(key("O1"), 1))).await.unwrap();
    let shared = store.clone();
    let conflicts: usize = on_threads(4, move |_| {
        let store = shared.clone();
        async move {
            let mut conflicts = 0;
            for _ in 0..50 {
                loop {
                    let version = store.get(&key("O1")).await.unwrap().unwrap().version;
                    match store.apply(replace("O1", version + 1, version)).await {
                        Ok(()) => break,
                        Err(ApplyError::Conflict(_)) => conflicts += 1,
                        Err(other) => panic!("{other}"),
                    }
                }
            }
            conflicts
        }
    })
    .into_iter()
    .sum();
    let version = store.get(&key("O1")).await.unwrap().unwrap().version;
    assert_eq!(version, 201, "after {conflicts} conflicts");
}

pub async fn of_many_inserts_of_one_key_exactly_one_lands(store: S) {
    let shared = store.clone();
    let landed = on_threads(6, move |n| {
        let store = shared.clone();
        async move {
            let change = Changes {
                events: vec![Event {
                    id: format!("e{n}"),
                    ..outbox::event("")
                }],
                ..insert(opportunity(key("O1"), n as u64 + 1))
            };
            store.apply(change).await.is_ok().then_some(n)
        }
    });
    let landed: Vec<_> = landed.into_iter().flatten().collect();
    assert_eq!(landed.len(), 1);
    assert_eq!(
        store.get(&key("O1")).await.unwrap().unwrap().version,
        landed[0] as u64 + 1
    );
    let events = store.events_after(0, 10).await.unwrap();
    assert_eq!(
        events.iter().map(|e| e.event.id.clone()).collect::<Vec<_>>(),
        [format!("e{}", landed[0])]
    );
}
