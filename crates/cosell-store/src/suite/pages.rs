//! Every list of co-selling in every shape the API can ask for, compared with the model.

use super::model::{Model, compare};
use super::properties::runner;
use super::shapes::{Shape, id_of, row, shapes};
use super::*;
use crate::{Query, Sort, Store};
use proptest::prelude::*;
use proptest::sample::Index;
use std::cell::Cell;
use std::collections::BTreeSet;
use tokio::runtime::Runtime;

type S = Arc<dyn Store>;

/// One shape, a choice of its filters, a sort, a direction.
fn questions() -> impl Strategy<Value = (usize, Index, Index, bool)> {
    (0..shapes().len(), any::<Index>(), any::<Index>(), any::<bool>())
}

fn question(shape: &Shape, choice: &Index, sort: &Index, descending: bool) -> Query {
    let choices = shape.choices();
    shape.query(
        choice.get(&choices).clone(),
        sort.index(shape.sorts.len()),
        descending,
    )
}

fn ids_of(model: &Model, query: &Query) -> Vec<String> {
    model.list(query).into_iter().map(|r| r.key.id.clone()).collect()
}

pub fn pages_of_every_list_equal_a_naive_filter_and_sort(runtime: &Runtime, store: &S) {
    let all = shapes();
    let mut model = Model::default();
    for kind in all.iter().map(|s| s.kind).collect::<BTreeSet<_>>() {
        let change = writes((0..900).map(|n| Write::Insert(row(kind, 1, n))).collect());
        assert!(model.apply(&change));
        runtime.block_on(store.apply(change)).unwrap();
    }
    // Every single filter, whatever chance would choose.
    for shape in &all {
        let singles = shape.optional.iter().flatten().map(|f| vec![f.clone()]);
        for filter in std::iter::once(vec![]).chain(singles) {
            for sort in 0..shape.sorts.len() {
                let query = shape.query(filter.clone(), sort, true);
                let wanted = ids_of(&model, &query);
                // A list without rows would prove nothing.
                assert!(!wanted.is_empty(), "{}: {query:?}", shape.name);
                assert_eq!(runtime.block_on(lists::ids(store, &query)), wanted, "{query:?}");
            }
        }
    }
    runner(200)
        .run(
            &(questions(), 1..60usize),
            |((shape, choice, sort, descending), limit)| {
                let query = Query {
                    limit,
                    ..question(&all[shape], &choice, &sort, descending)
                };
                prop_assert_eq!(
                    runtime.block_on(lists::ids(store, &query)),
                    ids_of(&model, &query)
                );
                Ok(())
            },
        )
        .unwrap();
}

pub fn pages_of_every_list_show_each_row_once_whatever_is_inserted_meanwhile(runtime: &Runtime, store: &S) {
    let all = shapes();
    let cases = Cell::new(0);
    runner(150)
        .run(
            &(questions(), any::<u64>(), 1..6usize),
            |((shape, choice, sort, descending), seed, limit)| {
                let shape = &all[shape];
                cases.set(cases.get() + 1);
                // A catalog of its own: shared kinds have no account. Global kinds have nothing of their own at all.
                let global = shape.kind.spec().scope == Scope::Global;
                let catalog = if global {
                    String::new()
                } else {
                    format!("case-{}", cases.get())
                };
                if global {
                    runtime.block_on(erase(store, shape.kind));
                }
                let mut model = Model::default();
                let mut put = |n: usize| {
                    let mut record = row(shape.kind, seed, n);
                    record.key.catalog = catalog.clone();
                    let change = insert(record);
                    assert!(model.apply(&change));
                    runtime.block_on(store.apply(change)).unwrap();
                };
                (0..60).for_each(&mut put);
                let mut query = Query {
                    catalog: catalog.clone(),
                    limit,
                    ..question(shape, &choice, &sort, descending)
                };
                let (mut seen, mut late) = (Vec::new(), 60..80);
                loop {
                    let page = runtime.block_on(store.query(&query)).unwrap();
                    prop_assert!(page.items.len() <= limit);
                    seen.extend(page.items.into_iter().map(|i| i.id));
                    let Some(next) = page.next else { break };
                    query.after = Some(next);
                    late.by_ref().take(2).for_each(&mut put);
                }
                let record = |id: &str| {
                    let mut key = sample(shape.kind, id).key;
                    key.catalog = catalog.clone();
                    &model.records[&key]
                };
                for pair in seen.windows(2) {
                    let order = compare(&query, record(&pair[0]), record(&pair[1]));
                    prop_assert!(order.is_lt(), "{:?} before {:?}", pair[0], pair[1]);
                }
                let wanted: BTreeSet<_> = ids_of(&model, &query).into_iter().collect();
                let shown: BTreeSet<_> = seen.iter().cloned().collect();
                prop_assert!(shown.is_subset(&wanted), "rows that do not match are shown");
                let before: BTreeSet<_> = (0..60).map(|n| id_of(shape.kind, n)).collect();
                let missing: Vec<_> = wanted
                    .intersection(&before)
                    .filter(|id| !shown.contains(*id))
                    .collect();
                prop_assert!(
                    missing.is_empty(),
                    "{missing:?} were there throughout and are not shown"
                );
                Ok(())
            },
        )
        .unwrap();
}

/// Deletes all rows of a global kind.
async fn erase(store: &S, kind: Kind) {
    let mut query = lists::all(Sort {
        by: "id",
        descending: false,
    });
    query.kind = kind;
    (query.account, query.catalog) = (String::new(), String::new());
    let rows = store.query(&query).await.unwrap().items;
    let deletions = rows.into_iter().map(|item| Write::Delete {
        key: Key::global(kind, item.id),
        expected: item.version,
    });
    store.apply(writes(deletions.collect())).await.unwrap();
}
