//! Properties: random changes and random lists, compared with the model.
//!
//! Every case lives in an account of its own, so that one store serves a whole run.

use super::model::{Model, compare};
use super::*;
use crate::{ApplyError, Expect, Filter, Query, Sort, Store};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use tokio::runtime::Runtime;

type S = Arc<dyn Store>;

/// A runner that leaves no files behind.
pub(super) fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    })
}

/// One random step: what is written to which of four ids, relying on which version.
#[derive(Clone, Debug)]
enum Step {
    Insert(u8),
    Replace(u8, u64),
    Delete(u8, u64),
}

#[derive(Clone, Debug)]
struct Decision {
    steps: BTreeMap<u8, Step>,
    expect: Option<(u8, Option<u64>)>,
    token: Option<(u8, i64)>,
    events: u8,
}

fn decisions() -> impl Strategy<Value = Vec<Decision>> {
    let id = 0..4u8;
    let step = prop_oneof![
        id.clone().prop_map(Step::Insert),
        (id.clone(), 1..4u64).prop_map(|(id, v)| Step::Replace(id, v)),
        (id.clone(), 1..4u64).prop_map(|(id, v)| Step::Delete(id, v)),
    ];
    let steps = vec(step, 0..3).prop_map(|steps| {
        steps
            .into_iter()
            .map(|s| match s {
                Step::Insert(id) | Step::Replace(id, _) | Step::Delete(id, _) => (id, s),
            })
            .collect()
    });
    let expect = prop::option::weighted(0.3, (id, prop::option::of(1..4u64)));
    let token = prop::option::weighted(0.3, (0..3u8, 1..20i64));
    let decision = (steps, expect, token, 0..3u8).prop_map(|(steps, expect, token, events)| Decision {
        steps,
        expect,
        token,
        events,
    });
    vec(decision, 1..25)
}

pub fn random_changes_do_what_the_model_does(runtime: &Runtime, store: &S) {
    let cases = Cell::new(0);
    let seen_events = Cell::new(0);
    runner(96)
        .run(&decisions(), |decisions| {
            cases.set(cases.get() + 1);
            let account = format!("case-{}", cases.get());
            let key = |id: u8| Key::new(Kind::Opportunity, account.clone(), CATALOG, format!("O{id}"));
            let mut model = Model::default();
            for (now, decision) in (0..).zip(&decisions) {
                let changes = changes_of(decision, now, &account, &key);
                let landed = model.apply(&changes);
                match runtime.block_on(store.apply(changes)) {
                    Ok(()) => prop_assert!(landed, "landed, but should not: {decision:?}"),
                    Err(ApplyError::Conflict(_) | ApplyError::TokenTaken) => {
                        prop_assert!(!landed, "{decision:?}")
                    }
                    Err(other) => prop_assert!(false, "{other}"),
                }
            }
            for id in 0..4 {
                let found = runtime.block_on(store.get(&key(id))).unwrap();
                let wanted = model.records.get(&key(id));
                prop_assert_eq!(
                    found.as_ref().map(|f| (f.version, &f.document)),
                    wanted.map(|w| (w.version, &w.document))
                );
            }
            for (id, version) in (0..4).flat_map(|id| (1..30).map(move |version| (id, version))) {
                let found = runtime.block_on(store.history(&key(id), version)).unwrap();
                let present = model.records.get(&key(id)).filter(|r| r.version == version);
                let wanted = present.or(model.former.get(&(key(id), version)));
                prop_assert_eq!(found.map(|f| f.document), wanted.map(|w| w.document.clone()));
            }
            let query = Query {
                account: account.clone(),
                ..lists::all(Sort {
                    by: "last_modified",
                    descending: true,
                })
            };
            let wanted: Vec<_> = model.list(&query).into_iter().map(|r| r.key.id.clone()).collect();
            prop_assert_eq!(runtime.block_on(lists::ids(store, &query)), wanted);
            let events = runtime
                .block_on(store.events_after(seen_events.get(), 1000))
                .unwrap();
            let first = seen_events.get();
            prop_assert_eq!(events.len(), model.events.len());
            for (n, (found, wanted)) in events.iter().zip(&model.events).enumerate() {
                prop_assert_eq!(found.seq, first + n as u64 + 1);
                prop_assert_eq!(&found.event, &wanted.event);
            }
            seen_events.set(first + events.len() as u64);
            Ok(())
        })
        .unwrap();
    assert!(runtime.block_on(store.check(silent())).unwrap().is_sound());
}

fn changes_of(decision: &Decision, now: i64, account: &str, key: &dyn Fn(u8) -> Key) -> Changes {
    let record = |id, version| {
        let version: u64 = version;
        with(
            opportunity(key(id), version),
            vec![("last_modified", Value::Integer(version as i64 % 3))],
        )
    };
    let writes = decision.steps.values().map(|step| match step {
        Step::Insert(id) => Write::Insert(record(*id, 1)),
        Step::Replace(id, expected) => Write::Replace {
            record: record(*id, expected + 1),
            expected: *expected,
        },
        Step::Delete(id, expected) => Write::Delete {
            key: key(*id),
            expected: *expected,
        },
    });
    let expect = decision.expect.map(|(id, version)| match version {
        Some(version) => Expect::Version(key(id), version),
        None => Expect::Absent(key(id)),
    });
    let idempotency = decision.token.map(|(token, life)| crate::Idempotency {
        account: account.to_owned(),
        ..outbox::answer(&format!("t{token}"), at(now), at(now + life))
    });
    let event = |n| crate::Event {
        account: account.to_owned(),
        ..outbox::event(&format!("{account}-{now}-{n}"))
    };
    Changes {
        expect: expect.into_iter().collect(),
        writes: writes.collect(),
        idempotency,
        events: (0..decision.events).map(event).collect(),
        ..Changes::default()
    }
}

const STAGES: [&str; 3] = ["Prospect", "Qualified", "Committed"];
const REVIEWS: [&str; 2] = ["Approved", "Submitted"];
const COMPANIES: [&str; 4] = ["Alpha", "Beta", "beta", "Ünï"];
const DAYS: [&str; 4] = ["2030-01-01", "2030-01-02", "2030-06-30", "2031-01-01"];

type Row = (
    i64,
    i64,
    Option<&'static str>,
    Option<&'static str>,
    Option<&'static str>,
    Option<&'static str>,
);

/// A row with few distinct values, so that ties and NULLs abound.
fn row() -> impl Strategy<Value = Row> {
    let maybe = |values: &'static [&'static str]| prop::option::weighted(0.8, select(values));
    (
        0..6i64,
        0..6i64,
        maybe(&DAYS),
        maybe(&COMPANIES),
        maybe(&STAGES),
        maybe(&REVIEWS),
    )
}

fn record(account: &str, id: &str, row: &Row) -> Record {
    let (last_modified, created, target_close, company, stage, review_status) = *row;
    let record = opportunity(Key::new(Kind::Opportunity, account, CATALOG, id), 1);
    with(
        record,
        vec![
            ("last_modified", last_modified.into()),
            ("created", created.into()),
            ("target_close", target_close.into()),
            ("company", company.into()),
            ("stage", stage.into()),
            ("review_status", review_status.into()),
        ],
    )
}

fn texts(column: &'static str, values: &'static [&'static str]) -> BoxedStrategy<Filter> {
    vec(select(values), 1..4)
        .prop_map(move |v| Filter::In(column, v.into_iter().map(Value::from).collect()))
        .boxed()
}

fn numbers(column: &'static str) -> BoxedStrategy<Filter> {
    (prop::option::of(0..6i64), prop::option::of(0..6i64))
        .prop_map(move |(from, to)| Filter::Range {
            column,
            from: from.map(Value::from),
            to: to.map(Value::from),
        })
        .boxed()
}

fn filters(ids: usize) -> impl Strategy<Value = Vec<Filter>> {
    let days = (
        prop::option::of(select(&DAYS[..])),
        prop::option::of(select(&DAYS[..])),
    );
    let days = days.prop_map(|(from, to)| Filter::Range {
        column: "target_close",
        from: from.map(Value::from),
        to: to.map(Value::from),
    });
    let some_ids = vec(0..ids, 1..20)
        .prop_map(|ids| Filter::In("id", ids.into_iter().map(|n| id_of(n).into()).collect()));
    let id_range =
        (prop::option::of(0..ids), prop::option::of(0..ids)).prop_map(|(from, to)| Filter::Range {
            column: "id",
            from: from.map(|n| id_of(n).into()),
            to: to.map(|n| id_of(n).into()),
        });
    let some_times = vec(0..6i64, 1..4).prop_map(|times| {
        let times = times.into_iter().map(Value::from).collect();
        Filter::In("last_modified", times)
    });
    let others = (
        select(vec!["stage", "review_status", "company"]),
        vec(select([&STAGES[..], &REVIEWS, &COMPANIES].concat()), 0..4),
    );
    let others = others
        .prop_map(|(column, values)| Filter::NotIn(column, values.into_iter().map(Value::from).collect()));
    let one = prop_oneof![
        3 => others,
        2 => some_times,
        4 => texts("stage", &STAGES),
        4 => texts("review_status", &REVIEWS),
        4 => texts("company", &COMPANIES),
        3 => numbers("last_modified"),
        3 => numbers("created"),
        3 => days,
        1 => some_ids,
        1 => id_range,
    ];
    vec(one, 0..4)
}

fn sorts() -> impl Strategy<Value = Sort> {
    let names: Vec<&'static str> = Kind::Opportunity.spec().sorts.iter().map(|s| s.by).collect();
    (select(names), any::<bool>()).prop_map(|(by, descending)| Sort { by, descending })
}

fn id_of(n: usize) -> String {
    // Scattered, so that the order of ids is not the order of inserts.
    format!("O{:03}", n * 37 % 1000)
}

pub fn pages_show_every_row_once_whatever_is_inserted_meanwhile(runtime: &Runtime, store: &S) {
    let case = (
        vec(row(), 0..25),
        vec(row(), 0..15),
        filters(40),
        sorts(),
        1..6usize,
    );
    let cases = Cell::new(0);
    runner(200)
        .run(&case, |(before, meanwhile, filters, sort, limit)| {
            cases.set(cases.get() + 1);
            let account = format!("case-{}", cases.get());
            let mut model = Model::default();
            let mut records: Vec<Record> = (before.iter().chain(&meanwhile).enumerate())
                .map(|(n, row)| record(&account, &id_of(n), row))
                .collect();
            let mut late = records.split_off(before.len()).into_iter();
            let mut put = |record: Record| {
                let change = insert(record);
                assert!(model.apply(&change));
                runtime.block_on(store.apply(change)).unwrap();
            };
            records.into_iter().for_each(&mut put);
            let mut query = Query {
                account: account.clone(),
                filters,
                limit,
                ..lists::all(sort)
            };
            let mut seen = Vec::new();
            loop {
                let page = runtime.block_on(store.query(&query)).unwrap();
                prop_assert!(page.items.len() <= limit);
                seen.extend(page.items.into_iter().map(|i| i.id));
                let Some(next) = page.next else { break };
                query.after = Some(next);
                late.by_ref().take(2).for_each(&mut put);
            }
            let key = |id: &String| Key::new(Kind::Opportunity, account.clone(), CATALOG, id.clone());
            for pair in seen.windows(2) {
                let order = compare(
                    &query,
                    &model.records[&key(&pair[0])],
                    &model.records[&key(&pair[1])],
                );
                prop_assert!(order.is_lt(), "{:?} before {:?}", pair[0], pair[1]);
            }
            let all: BTreeSet<_> = model.list(&query).into_iter().map(|r| r.key.id.clone()).collect();
            let shown: BTreeSet<_> = seen.iter().cloned().collect();
            prop_assert!(shown.is_subset(&all), "rows that do not match are shown");
            for id in (0..before.len()).map(id_of).filter(|id| all.contains(id)) {
                prop_assert!(shown.contains(&id), "{id} was there throughout and is not shown");
            }
            Ok(())
        })
        .unwrap();
}

pub fn pages_of_a_large_account_equal_a_naive_filter_and_sort(runtime: &Runtime, store: &S) {
    // Large enough that a backend's ways for the rare and for the frequent match are both taken.
    let mut runner = runner(150);
    let mut model = Model::default();
    let rows = vec(row(), 900).new_tree(&mut runner).unwrap().current();
    let mut batch = Vec::new();
    for (n, row) in rows.iter().enumerate() {
        let mut row = *row;
        // The first values are frequent, the others rare.
        if n % 8 != 0 {
            (row.3, row.4, row.5) = (Some(COMPANIES[0]), Some(STAGES[0]), Some(REVIEWS[0]));
        }
        batch.push(Write::Insert(record(ACCOUNT, &id_of(n), &row)));
    }
    let change = writes(batch);
    assert!(model.apply(&change));
    runtime.block_on(store.apply(change)).unwrap();
    // Nothing is excluded, so the way by the index of the filter that excludes must find every row that has a value.
    let everything = |column| Filter::NotIn(column, vec![]);
    for column in ["stage", "review_status", "company"] {
        let query = Query {
            filters: vec![
                everything(column),
                Filter::In("target_close", vec![DAYS[3].into()]),
            ],
            ..lists::all(Sort {
                by: "created",
                descending: false,
            })
        };
        let wanted: Vec<_> = model.list(&query).into_iter().map(|r| r.key.id.clone()).collect();
        assert!(wanted.len() > query.limit, "{column}: {}", wanted.len());
        assert_eq!(runtime.block_on(lists::ids(store, &query)), wanted, "{column}");
    }
    runner
        .run(&(filters(900), sorts(), 1..60usize), |(filters, sort, limit)| {
            let query = Query {
                filters,
                limit,
                ..lists::all(sort)
            };
            let wanted: Vec<_> = model.list(&query).into_iter().map(|r| r.key.id.clone()).collect();
            prop_assert_eq!(runtime.block_on(lists::ids(store, &query)), wanted);
            Ok(())
        })
        .unwrap();
}
