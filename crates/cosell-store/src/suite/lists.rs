//! Lists: filters, sorts, pages.

use super::*;
use crate::{Cursor, Filter, MAX_IN_VALUES, MAX_PAGE, Query, Sort, Store, StoreError};

type S = Arc<dyn Store>;

/// All opportunities of the usual account and catalog.
pub fn all(sort: Sort) -> Query {
    Query {
        kind: Kind::Opportunity,
        account: ACCOUNT.to_owned(),
        catalog: CATALOG.to_owned(),
        filters: Vec::new(),
        sort,
        after: None,
        limit: 100,
    }
}

const BY_ID: Sort = Sort {
    by: "id",
    descending: false,
};

/// The ids of all pages of a query.
pub async fn ids(store: &S, query: &Query) -> Vec<String> {
    let mut query = query.clone();
    let mut seen = Vec::new();
    loop {
        let page = store.query(&query).await.unwrap();
        assert!(page.items.len() <= query.limit);
        seen.extend(page.items.into_iter().map(|i| i.id));
        match page.next {
            Some(next) => query.after = Some(next),
            None => return seen,
        }
    }
}

async fn add(store: &S, id: &str, columns: Vec<(&'static str, Value)>) {
    store
        .apply(insert(with(opportunity(key(id), 1), columns)))
        .await
        .unwrap();
}

pub async fn an_empty_account_lists_nothing(store: S) {
    for sort in Kind::Opportunity.spec().sorts {
        for descending in [false, true] {
            let page = store
                .query(&all(Sort {
                    by: sort.by,
                    descending,
                }))
                .await
                .unwrap();
            assert_eq!(page, crate::Page::default());
        }
    }
}

pub async fn a_list_shows_summaries_and_versions_of_its_own_account_only(store: S) {
    add(&store, "O1", vec![]).await;
    for (account, catalog) in [(ACCOUNT, "AWS"), (OTHER, CATALOG)] {
        store
            .apply(insert(opportunity(
                Key::new(Kind::Opportunity, account, catalog, "O2"),
                1,
            )))
            .await
            .unwrap();
    }
    let mut changed = opportunity(key("O1"), 5);
    changed.summary = bytes("{ \"s\": 1.0 }");
    let replace = Write::Replace {
        record: changed.clone(),
        expected: 1,
    };
    store.apply(writes(vec![replace])).await.unwrap();
    let page = store.query(&all(BY_ID)).await.unwrap();
    assert_eq!(
        page.items,
        [crate::Item {
            id: "O1".into(),
            version: 5,
            summary: changed.summary
        }]
    );
}

pub async fn every_sort_runs_both_ways_with_nulls_smallest(store: S) {
    add(
        &store,
        "O1",
        vec![
            ("last_modified", 3.into()),
            ("created", 1.into()),
            ("target_close", "2030-01-02".into()),
        ],
    )
    .await;
    add(
        &store,
        "O2",
        vec![
            ("last_modified", 1.into()),
            ("created", 2.into()),
            ("company", "b".into()),
        ],
    )
    .await;
    add(
        &store,
        "O3",
        vec![
            ("last_modified", 2.into()),
            ("created", 3.into()),
            ("company", "B".into()),
        ],
    )
    .await;
    add(
        &store,
        "O4",
        vec![
            ("last_modified", 2.into()),
            ("created", 1.into()),
            ("target_close", "".into()),
            ("company", "".into()),
        ],
    )
    .await;
    let expected = [
        ("last_modified", ["O2", "O3", "O4", "O1"]),
        ("id", ["O1", "O2", "O3", "O4"]),
        ("company", ["O1", "O4", "O3", "O2"]),
        ("created", ["O1", "O4", "O2", "O3"]),
        ("target_close", ["O2", "O3", "O4", "O1"]),
    ];
    for (by, mut order) in expected {
        for limit in [1, 2, 100] {
            let query = |descending| Query {
                limit,
                ..all(Sort { by, descending })
            };
            assert_eq!(ids(&store, &query(false)).await, order, "{by}");
            order.reverse();
            assert_eq!(ids(&store, &query(true)).await, order, "{by} descending");
            order.reverse();
        }
    }
}

pub async fn a_page_has_the_size_asked_and_a_cursor_only_if_more_follows(store: S) {
    for n in 0..6 {
        add(&store, &format!("O{n}"), vec![]).await;
    }
    let page = |limit, after| Query {
        limit,
        after,
        ..all(BY_ID)
    };
    let first = store.query(&page(3, None)).await.unwrap();
    assert_eq!(first.items.len(), 3);
    assert_eq!(
        first.next,
        Some(Cursor {
            values: vec![],
            id: "O2".into()
        })
    );
    let second = store.query(&page(3, first.next)).await.unwrap();
    assert_eq!((second.items.len(), second.next), (3, None));
    let whole = store.query(&page(6, None)).await.unwrap();
    assert_eq!((whole.items.len(), whole.next), (6, None));
}

pub async fn ranges_include_their_ends_and_never_match_null(store: S) {
    for (id, day) in [
        ("O1", Some("2030-01-01")),
        ("O2", Some("2030-01-02")),
        ("O3", Some("2030-01-03")),
        ("O4", None),
    ] {
        add(&store, id, vec![("target_close", day.into())]).await;
    }
    let cases: [(Option<&str>, Option<&str>, &[&str]); 6] = [
        (Some("2030-01-01"), Some("2030-01-02"), &["O1", "O2"]),
        (Some("2030-01-02"), None, &["O2", "O3"]),
        (None, Some("2030-01-02"), &["O1", "O2"]),
        (None, None, &["O1", "O2", "O3"]),
        (Some("2030-01-03"), Some("2030-01-01"), &[]),
        (Some("2030-01-02"), Some("2030-01-02"), &["O2"]),
    ];
    for (from, to, expected) in cases {
        for sort in Kind::Opportunity.spec().sorts {
            let range = Filter::Range {
                column: "target_close",
                from: from.map(Value::from),
                to: to.map(Value::from),
            };
            let query = Query {
                filters: vec![range],
                ..all(Sort {
                    by: sort.by,
                    descending: false,
                })
            };
            assert_eq!(
                ids(&store, &query).await,
                expected,
                "{from:?} to {to:?} by {}",
                sort.by
            );
        }
    }
}

pub async fn an_in_filter_without_values_matches_nothing(store: S) {
    add(&store, "O1", vec![]).await;
    for (column, values) in [("stage", vec![]), ("id", vec![]), ("stage", vec![Value::Null])] {
        let query = Query {
            filters: vec![Filter::In(column, values)],
            ..all(BY_ID)
        };
        assert_eq!(store.query(&query).await.unwrap(), crate::Page::default());
    }
}

pub async fn repeated_values_in_a_filter_show_a_row_once(store: S) {
    add(&store, "O1", vec![("stage", "Qualified".into())]).await;
    for (column, value) in [("stage", "Qualified"), ("id", "O1")] {
        for sort in Kind::Opportunity.spec().sorts {
            let filters = vec![Filter::In(
                column,
                vec![value.into(), "x".into(), value.into(), value.into()],
            )];
            let query = Query {
                filters,
                ..all(Sort {
                    by: sort.by,
                    descending: true,
                })
            };
            assert_eq!(ids(&store, &query).await, ["O1"]);
        }
    }
}

pub async fn a_cursor_of_a_deleted_row_still_continues(store: S) {
    for n in 0..4 {
        add(&store, &format!("O{n}"), vec![("last_modified", n.into())]).await;
    }
    let mut query = Query {
        limit: 2,
        ..all(Sort {
            by: "last_modified",
            descending: false,
        })
    };
    query.after = store.query(&query).await.unwrap().next;
    store
        .apply(writes(vec![Write::Delete {
            key: key("O1"),
            expected: 1,
        }]))
        .await
        .unwrap();
    assert_eq!(ids(&store, &query).await, ["O2", "O3"]);
}

pub async fn an_updated_row_moves_in_every_order(store: S) {
    let row = |n: i64| -> Vec<(&'static str, Value)> {
        let text = format!("{n:04}");
        vec![
            ("last_modified", n.into()),
            ("created", n.into()),
            ("target_close", text.clone().into()),
            ("company", text.clone().into()),
            ("stage", text.clone().into()),
            ("review_status", text.into()),
        ]
    };
    for n in 1..=3 {
        add(&store, &format!("O{n}"), row(n)).await;
    }
    let record = with(opportunity(key("O1"), 2), row(9));
    store
        .apply(writes(vec![Write::Replace { record, expected: 1 }]))
        .await
        .unwrap();
    for by in ["last_modified", "created", "target_close", "company"] {
        assert_eq!(
            ids(
                &store,
                &all(Sort {
                    by,
                    descending: false
                })
            )
            .await,
            ["O2", "O3", "O1"],
            "{by}"
        );
        for column in ["stage", "review_status", "company"] {
            let filtered = |value: &str| Query {
                filters: vec![Filter::In(column, vec![value.into()])],
                ..all(Sort {
                    by,
                    descending: false,
                })
            };
            assert_eq!(ids(&store, &filtered("0009")).await, ["O1"], "{by} {column}");
            assert_eq!(ids(&store, &filtered("0001")).await, [""; 0], "{by} {column}");
        }
    }
}

pub async fn questions_that_break_the_contract_are_refused(store: S) {
    let good = || all(BY_ID);
    let bad = [
        Query { limit: 0, ..good() },
        Query {
            limit: MAX_PAGE + 1,
            ..good()
        },
        Query {
            catalog: String::new(),
            ..good()
        },
        Query {
            sort: Sort {
                by: "nothing",
                descending: false,
            },
            ..good()
        },
        Query {
            after: Some(Cursor {
                values: vec![Value::Null],
                id: "O1".into(),
            }),
            ..good()
        },
        Query {
            filters: vec![Filter::In("nothing", vec![])],
            ..good()
        },
        Query {
            filters: vec![Filter::In("stage", vec![Value::Integer(1)])],
            ..good()
        },
        Query {
            filters: vec![Filter::In("stage", vec!["x".into(); MAX_IN_VALUES + 1])],
            ..good()
        },
        Query {
            filters: vec![Filter::Range {
                column: "created",
                from: Some("x".into()),
                to: None,
            }],
            ..good()
        },
    ];
    for query in bad {
        let result = store.query(&query).await;
        assert!(
            matches!(result, Err(StoreError::Invalid(_))),
            "{result:?} for {query:?}"
        );
    }
}

pub async fn global_kinds_list_by_owner(store: S) {
    for (id, owner) in [("K3", ACCOUNT), ("K1", ACCOUNT), ("K2", OTHER)] {
        let record = opportunity(Key::global(Kind::AccessKey, id), 1);
        let record = Record {
            columns: vec![("owner", owner.into())],
            ..record
        };
        store.apply(insert(record)).await.unwrap();
    }
    let query = Query {
        kind: Kind::AccessKey,
        account: String::new(),
        catalog: String::new(),
        filters: vec![Filter::In("owner", vec![ACCOUNT.into()])],
        ..all(BY_ID)
    };
    assert_eq!(ids(&store, &query).await, ["K1", "K3"]);
    assert_eq!(
        ids(
            &store,
            &Query {
                filters: vec![],
                ..query
            }
        )
        .await,
        ["K1", "K2", "K3"]
    );
}

pub async fn solutions_list_by_each_sort(store: S) {
    for (n, id) in [(3, "S1"), (2, "S2"), (1, "S3")] {
        let mut record = opportunity(Key::new(Kind::Solution, ACCOUNT, CATALOG, id), 1);
        let text = Value::from(format!("{n}"));
        record.columns = vec![
            ("name", text.clone()),
            ("status", text.clone()),
            ("category", text.clone()),
            ("created", n.into()),
        ];
        record
            .columns
            .push(("marketplace_arn", format!("arn:{n}").into()));
        store.apply(insert(record)).await.unwrap();
    }
    for sort in Kind::Solution.spec().sorts {
        let query = Query {
            kind: Kind::Solution,
            ..all(Sort {
                by: sort.by,
                descending: sort.by == "id",
            })
        };
        assert_eq!(ids(&store, &query).await, ["S3", "S2", "S1"], "{}", sort.by);
        let filters = vec![Filter::In(
            "marketplace_arn",
            vec!["arn:1".into(), "arn:3".into()],
        )];
        assert_eq!(
            ids(&store, &Query { filters, ..query }).await,
            ["S3", "S1"],
            "{}",
            sort.by
        );
    }
}
