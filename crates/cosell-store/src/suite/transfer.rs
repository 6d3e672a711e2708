//! Everything out and in again: as files of the state, by item, and under failures.

use super::*;
use crate::{ExportItem, Filter, Query, Sort, Store, StoreError, TransferError, state};
use proptest::prelude::*;
use std::io;
use std::sync::Mutex;
use tokio::runtime::Runtime;

type S = Arc<dyn Store>;

/// The whole state as a file.
pub async fn file(store: &S) -> Vec<u8> {
    state::export(&**store, Vec::new(), at(0), silent())
        .await
        .unwrap()
        .0
}

async fn items(store: &S) -> Vec<ExportItem> {
    let mut items = Vec::new();
    let mut sink = |item| {
        items.push(item);
        Ok(())
    };
    let count = store.export(&mut sink, silent()).await.unwrap();
    assert_eq!(items.len() as u64, count);
    items
}

async fn import(store: &S, items: Vec<io::Result<ExportItem>>) -> Result<u64, TransferError> {
    store.import(&[], &mut items.into_iter(), silent()).await
}

/// Something of everything there can be.
pub async fn fill(store: &S) {
    for kind in Kind::ALL {
        for id in ["b", "a", "é"] {
            let mut record = sample(kind, id);
            record.private = bytes(if id == "a" {
                ""
            } else {
                " {\n \"\u{1f600}\\n\": 1.0 } "
            });
            store.apply(insert(record)).await.unwrap();
        }
        let mut again = sample(kind, "a");
        again.version = 7;
        let replace = Write::Replace {
            record: again,
            expected: 1,
        };
        store.apply(writes(vec![replace])).await.unwrap();
        let key = sample(kind, "b").key;
        let delete = Write::Delete { key, expected: 1 };
        let change = Changes {
            audit: vec![outbox::audit(5)],
            ..writes(vec![delete])
        };
        store.apply(change).await.unwrap();
    }
    let columns = vec![("partner_identifier", Value::from("CRM-1"))];
    let named = with(opportunity(key("O7"), 1), columns);
    let change = Changes {
        idempotency: Some(outbox::answer("t1", at(0), at(1000))),
        events: vec![outbox::event("e1"), outbox::event("e2")],
        jobs: vec![jobs::job("j2", 20), jobs::job("j1", 10)],
        ..insert(named)
    };
    store.apply(change).await.unwrap();
    let mut odd = outbox::answer("t0", at(0), at(500));
    odd.answer = Bytes::from_static(&[0, 0xff, b'"']);
    let change = Changes {
        idempotency: Some(odd),
        ..Changes::default()
    };
    store.apply(change).await.unwrap();
    store.reserve("opportunity", 100).await.unwrap();
    deliveries::fill(store).await;
    store.claim_jobs(at(10), "w", 1, 60_000).await.unwrap();
}

pub fn a_state_goes_to_another_store_byte_for_byte_and_works_there(runtime: &Runtime, stores: [S; 2]) {
    let [one, other] = stores;
    runtime.block_on(async {
        fill(&one).await;
        let before = file(&one).await;
        other.apply(insert(opportunity(key("gone"), 1))).await.unwrap();
        other.reserve("of the other", 1).await.unwrap();
        let summary = state::import(&*other, &before[..], silent()).await.unwrap();
        assert_eq!(summary.items, items(&one).await.len() as u64);
        assert_eq!(file(&other).await, before);
        assert_eq!(state::verify(&before[..]).unwrap(), summary);
        let report = other.check(silent()).await.unwrap();
        assert!(report.is_sound() && report.records == 43, "{report:?}");

        assert_eq!(other.get(&key("gone")).await.unwrap(), None);
        for kind in Kind::ALL {
            let key = sample(kind, "a").key;
            let (was, is) = (one.get(&key).await.unwrap(), other.get(&key).await.unwrap());
            assert!(is.is_some() && was == is, "{key}");
            let former = sample(kind, "b").key;
            let found = other.history(&former, 1).await.unwrap();
            assert_eq!(found.is_some(), kind.spec().history, "{former}");
            assert_eq!(found, one.history(&former, 1).await.unwrap());
        }
        let query = Query {
            filters: vec![Filter::In("partner_identifier", vec!["CRM-1".into()])],
            ..lists::all(Sort {
                by: "last_modified",
                descending: true,
            })
        };
        assert_eq!(lists::ids(&other, &query).await, ["O7"]);
        assert_eq!(other.reserve("opportunity", 1).await.unwrap(), 101..102);
        let kept = other.idempotency(ACCOUNT, outbox::OPERATION, "t0", at(499)).await;
        assert_eq!(&kept.unwrap().unwrap().answer[..], [0, 0xff, b'"']);
        // A job that a worker of the first store holds waits here.
        let claimed = other.claim_jobs(at(10), "w", 9, 1).await.unwrap();
        assert_eq!((claimed.len(), claimed[0].job.id.0.as_str()), (1, "j1"));
        assert_eq!(claimed[0].job.attempts, 2);
        let more = Changes {
            events: vec![outbox::event("e3")],
            ..Changes::default()
        };
        other.apply(more).await.unwrap();
        let events = other.wait_events(2, 9).await.unwrap();
        assert_eq!((events[0].seq, events.len()), (3, 1));
    });
}

pub async fn an_export_hands_out_items_in_a_fixed_order(store: S) {
    fill(&store).await;
    let items = items(&store).await;
    let place = |item: &ExportItem| match item {
        ExportItem::Record(record) => {
            let key = &record.key;
            (
                0,
                key.kind as u64,
                format!("{} {} {}", key.account, key.catalog, key.id),
            )
        }
        ExportItem::Sequence { name, .. } => (1, 0, name.clone()),
        ExportItem::Answer { .. } => (2, 0, String::new()),
        ExportItem::Job(job) => (3, 0, job.id.0.clone()),
        ExportItem::Event(event) => (4, event.seq, String::new()),
        ExportItem::Audit(entry) => (5, entry.seq, String::new()),
        ExportItem::Former(_) => (6, 0, String::new()),
        ExportItem::Target { target, .. } => (7, 0, format!("{target} 0")),
        ExportItem::Delivery(one) => (
            7,
            0,
            format!("{} 1 {} {:05}", one.target, one.state as u64, one.seq),
        ),
    };
    assert!(items.is_sorted_by_key(place));
    let parts: std::collections::BTreeSet<_> = items.iter().map(|item| place(item).0).collect();
    assert_eq!(parts.len(), 8);
    let deliveries = items
        .iter()
        .filter(|item| matches!(item, ExportItem::Delivery(_)));
    assert_eq!(deliveries.count(), 3);
    assert!(items.iter().all(|item| item.validate().is_ok()));
}

pub async fn an_export_is_one_moment_while_writes_go_on(store: S) {
    let pair = |n: i64, version: u64| {
        let write = |id: &str| {
            let record = opportunity(key(&format!("{id}{n}")), version);
            match version {
                1 => Write::Insert(record),
                _ => Write::Replace {
                    record,
                    expected: version - 1,
                },
            }
        };
        Changes {
            events: vec![outbox::event(&format!("{n} {version}"))],
            ..writes(vec![write("a"), write("z")])
        }
    };
    for n in 0..400 {
        store.apply(pair(n, 1)).await.unwrap();
    }
    let writer = store.clone();
    let writing = tokio::spawn(async move {
        for version in 2..4 {
            for n in 0..400 {
                writer.apply(pair(n, version)).await.unwrap();
            }
        }
    });
    for _ in 0..5 {
        let items = items(&store).await;
        let versions = |id: char| -> Vec<(String, u64)> {
            let records = items.iter().filter_map(|item| match item {
                ExportItem::Record(r) if r.key.id.starts_with(id) => {
                    Some((r.key.id[1..].to_owned(), r.version))
                }
                _ => None,
            });
            records.collect()
        };
        assert_eq!(versions('a'), versions('z'));
        let changes: u64 = versions('a').iter().map(|(_, version)| version).sum();
        let events = items.iter().filter(|item| matches!(item, ExportItem::Event(_)));
        assert_eq!(events.count() as u64, changes);
        tokio::task::yield_now().await;
    }
    writing.await.unwrap();
}

pub async fn an_export_ends_with_the_error_of_its_sink(store: S) {
    fill(&store).await;
    let mut taken = 0;
    let mut sink = |_| {
        taken += 1;
        match taken {
            3 => Err(io::Error::other("the disk is full")),
            _ => Ok(()),
        }
    };
    let error = store.export(&mut sink, silent()).await.unwrap_err();
    assert!(matches!(&error, TransferError::OtherEnd(e) if e.to_string() == "the disk is full"));
    assert_eq!(taken, 3);
    store.apply(insert(opportunity(key("later"), 1))).await.unwrap();
}

pub async fn an_import_that_fails_leaves_everything_as_it_was(store: S) {
    fill(&store).await;
    let before = file(&store).await;
    let new = |id: &str| Ok(ExportItem::Record(opportunity(key(id), 1)));
    let many = || (0..3000).map(|n| new(&format!("N{n}"))).collect::<Vec<_>>();

    let mut broken = many();
    broken.push(Err(io::Error::other("the line is dead")));
    let error = import(&store, broken).await.unwrap_err();
    assert!(matches!(&error, TransferError::OtherEnd(e) if e.to_string() == "the line is dead"));
    assert_eq!(file(&store).await, before);

    let mut twice = many();
    twice.push(new("N7"));
    let error = import(&store, twice).await.unwrap_err();
    assert!(
        matches!(error, TransferError::Store(StoreError::Invalid(_))),
        "{error:?}"
    );
    assert!(error.to_string().contains("N7"), "{error}");
    assert_eq!(file(&store).await, before);

    let mut wrong = opportunity(key("O1"), 1);
    wrong.columns.clear();
    let mut unfit = many();
    unfit.push(Ok(ExportItem::Record(wrong)));
    unfit.extend(many());
    let error = import(&store, unfit).await.unwrap_err();
    assert!(
        matches!(error, TransferError::Store(StoreError::Invalid(_))),
        "{error:?}"
    );
    assert_eq!(file(&store).await, before);

    // Also one that nobody waits for any more.
    let mut endless = (0..).map(|n| new(&format!("N{n}")));
    let patience = std::time::Duration::from_millis(100);
    let given_up = tokio::time::timeout(patience, store.import(&[], &mut endless, silent())).await;
    assert!(given_up.is_err());
    assert_eq!(file(&store).await, before);
    store.apply(insert(opportunity(key("later"), 1))).await.unwrap();
    assert!(store.check(silent()).await.unwrap().is_sound());
}

pub async fn an_import_that_relies_on_what_was_changed_since_takes_nothing_in(store: S) {
    fill(&store).await;
    let known = key("relied on");
    store.apply(insert(opportunity(known.clone(), 1))).await.unwrap();
    let new = || vec![Ok(ExportItem::Record(opportunity(key("new"), 1)))].into_iter();
    let before = file(&store).await;
    let gone = (key("never there"), 1);
    for relying_on in [vec![(known.clone(), 2)], vec![(known.clone(), 1), gone]] {
        let taken = store.import(&relying_on, &mut new(), silent()).await;
        let (overtaken, _) = relying_on.last().unwrap();
        assert!(
            matches!(&taken, Err(TransferError::Overtaken(key)) if key == overtaken),
            "{taken:?}"
        );
        assert_eq!(file(&store).await, before);
    }
    assert_eq!(
        store.import(&[(known, 1)], &mut new(), silent()).await.unwrap(),
        1
    );
    store.apply(insert(opportunity(key("later"), 1))).await.unwrap();
}

pub async fn a_changed_file_is_refused_and_changes_nothing(store: S) {
    fill(&store).await;
    let good = file(&store).await;
    store.apply(insert(opportunity(key("later"), 1))).await.unwrap();
    let before = file(&store).await;
    let changed = String::from_utf8(good.clone())
        .unwrap()
        .replacen("CRM-1", "CRM-2", 1);
    for (bad, word) in [
        (changed.as_bytes(), "checksum"),
        (&good[..good.len() / 2], "cut off"),
        (&good[..0], "not a cosell state"),
    ] {
        let error = state::import(&*store, bad, silent()).await.unwrap_err();
        assert!(error.to_string().contains(word), "{word}: {error}");
        assert_eq!(file(&store).await, before);
    }
    state::import(&*store, &good[..], silent()).await.unwrap();
    assert_eq!(file(&store).await, good);
}

pub async fn an_empty_import_leaves_nothing(store: S) {
    fill(&store).await;
    assert_eq!(import(&store, Vec::new()).await.unwrap(), 0);
    assert_eq!(items(&store).await, []);
    // Nothing is remembered of what was there.
    assert_eq!(store.get(&key("O7")).await.unwrap(), None);
    fill(&store).await;
    assert!(store.check(silent()).await.unwrap().is_sound());
}

pub async fn many_new_records_come_in_at_once_and_a_known_key_is_named(store: S) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let seen = told.clone();
    let progress: ProgressFn = Arc::new(move |p| seen.lock().unwrap().push(p.done));
    let mut records = (0..12_000).map(|n| opportunity(key(&format!("O{n}")), 1));
    assert_eq!(store.bulk(&mut records, progress).await.unwrap(), 12_000);
    assert_eq!(told.lock().unwrap().last(), Some(&12_000));
    assert!(told.lock().unwrap().len() > 1);
    assert!(store.get(&key("O11999")).await.unwrap().is_some());

    // What came long before the known key stays, so that a second try meets its own first one.
    for known in ["O17", "P0"] {
        let ids = (0..12_000).map(|n| format!("P{n}")).chain(["O17".to_owned()]);
        let mut records = ids.map(|id| opportunity(key(&id), 1));
        let refused = store.bulk(&mut records, silent()).await.unwrap_err();
        assert!(matches!(refused, StoreError::Invalid(_)), "{refused:?}");
        let name = format!(" {known} ");
        assert!(refused.to_string().contains(&name), "{refused}");
        assert!(store.get(&key("P0")).await.unwrap().is_some());
    }
    let twice = vec![opportunity(key("Q1"), 1), opportunity(key("Q1"), 1)];
    let refused = store.bulk(&mut twice.into_iter(), silent()).await.unwrap_err();
    assert!(refused.to_string().contains("Q1"), "{refused}");
    assert_eq!(store.get(&key("Q1")).await.unwrap(), None);
    let unfit = crate::StoreError::Invalid(
        "opportunity 111122223333 Sandbox R1: version 0 is out of bounds (1 to 2^63-1)".into(),
    );
    let refused = store
        .bulk(&mut [opportunity(key("R1"), 0)].into_iter(), silent())
        .await;
    assert_eq!(refused, Err(unfit));
    let report = store.check(silent()).await.unwrap();
    assert!(report.is_sound() && report.records < 24_000, "{report:?}");
}

/// A random change that always lands: what is done to which record, and what goes with it.
type Deed = (usize, u8, bool, String, Option<i64>);

pub fn random_states_go_round_byte_for_byte(runtime: &Runtime, stores: [S; 2]) {
    let [one, other] = stores;
    let deed = (
        0..Kind::ALL.len(),
        0..3u8,
        any::<bool>(),
        "[\\x00-\\x7fé\u{1f600}]{0,12}",
        prop::option::of(0..1_000i64),
    );
    properties::runner(24)
        .run(&prop::collection::vec(deed, 0..40), |deeds: Vec<Deed>| {
            let states = runtime.block_on(async {
                import(&one, Vec::new()).await.unwrap();
                for (place, deed) in deeds.iter().enumerate() {
                    one.apply(change(&one, place, deed).await).await.unwrap();
                }
                let state = file(&one).await;
                state::import(&*other, &state[..], silent()).await.unwrap();
                assert!(other.check(silent()).await.unwrap().is_sound());
                (state, file(&other).await, items(&one).await, items(&other).await)
            });
            prop_assert_eq!(states.0, states.1);
            prop_assert_eq!(states.2, states.3);
            Ok(())
        })
        .unwrap();
}

async fn change(store: &S, place: usize, (kind, id, delete, text, time): &Deed) -> Changes {
    let mut record = sample(Kind::ALL[*kind], &format!("{id}"));
    let json = bytes(&serde_json::to_string(text).unwrap());
    (record.document, record.private) = (json.clone(), json.clone());
    let present = store.get(&record.key).await.unwrap();
    let write = match present {
        None => Write::Insert(record),
        Some(found) if *delete => Write::Delete {
            key: record.key,
            expected: found.version,
        },
        Some(found) => {
            record.version = found.version + 1 + *id as u64;
            Write::Replace {
                record,
                expected: found.version,
            }
        }
    };
    let mut change = writes(vec![write]);
    if let Some(time) = time {
        let mut job = jobs::job(text, *time);
        job.payload = json.clone();
        job.attempts = *id as u32;
        let mut answer = outbox::answer(&format!("{place}"), at(*time), at(*time + 500));
        answer.answer = json.clone();
        change.jobs = vec![job];
        change.idempotency = Some(answer);
        change.events = vec![outbox::event(&format!("{place}"))];
        change.audit = vec![outbox::audit(*time)];
    }
    change
}

pub async fn released_claims_are_due_at_their_own_times_in_their_old_order(store: S) {
    let change = Changes {
        jobs: vec![jobs::job("a", 10), jobs::job("b", 20), jobs::job("c", 30)],
        ..Changes::default()
    };
    store.apply(change).await.unwrap();
    let held = store.claim_jobs(at(20), "killed", 9, 60_000).await.unwrap();
    assert_eq!(held.len(), 2);
    assert_eq!(store.next_job_at().await.unwrap(), Some(at(30)));
    assert_eq!(store.release_claims().await.unwrap(), 2);
    assert_eq!(store.release_claims().await.unwrap(), 0);
    assert_eq!(store.next_job_at().await.unwrap(), Some(at(10)));
    let listed = store.jobs(None, 10).await.unwrap();
    assert!(listed.iter().all(|job| job.held.is_none()), "{listed:?}");
    // A claim that was let go cannot finish.
    let late = Changes {
        finished_jobs: vec![held[0].finished()],
        ..Changes::default()
    };
    assert!(store.apply(late).await.is_err());
    let again = store.claim_jobs(at(30), "new", 9, 60_000).await.unwrap();
    let again: Vec<_> = again
        .iter()
        .map(|c| (c.job.id.0.as_str(), c.job.attempts))
        .collect();
    assert_eq!(again, [("a", 2), ("b", 2), ("c", 1)]);
}
