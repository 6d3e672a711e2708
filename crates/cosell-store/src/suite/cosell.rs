//! The kinds of co-selling: shared records, one row for each member, and lists by example.

use super::*;
use crate::{ApplyError, Conflict, Filter, Query, Sort, Store, StoreError};

type S = Arc<dyn Store>;

fn list(kind: Kind, by: &'static str, descending: bool, filters: Vec<Filter>) -> Query {
    let (account, catalog) = place(kind);
    Query {
        kind,
        account: account.to_owned(),
        catalog: catalog.to_owned(),
        filters,
        sort: Sort { by, descending },
        after: None,
        limit: 2,
    }
}

fn is(column: &'static str, value: impl Into<Value>) -> Filter {
    Filter::In(column, vec![value.into()])
}

async fn add(store: &S, kind: Kind, id: &str, columns: Vec<(&'static str, Value)>) {
    store
        .apply(insert(with(sample(kind, id), columns)))
        .await
        .unwrap();
}

pub async fn every_kind_keeps_its_records_apart_from_the_others(store: S) {
    for kind in Kind::ALL {
        let mut record = sample(kind, "same-id");
        record.document = bytes(&format!("\"{kind:?}\""));
        store.apply(insert(record)).await.unwrap();
    }
    for kind in Kind::ALL {
        let key = sample(kind, "same-id").key;
        let found = store.get(&key).await.unwrap().unwrap();
        assert_eq!(found.document, bytes(&format!("\"{kind:?}\"")));
        let delete = Write::Delete {
            key: key.clone(),
            expected: 1,
        };
        store.apply(writes(vec![delete])).await.unwrap();
        assert_eq!(store.get(&key).await.unwrap(), None, "{kind:?}");
    }
    assert_eq!(store.check(silent()).await.unwrap().records, 0);
}

pub async fn shared_kinds_belong_to_a_catalog_and_to_no_account(store: S) {
    for (version, catalog) in (1..).zip(["AWS", "Sandbox"]) {
        let mut record = sample(Kind::Engagement, "eng-1");
        record.key.catalog = catalog.to_owned();
        record.version = version;
        store.apply(insert(record)).await.unwrap();
    }
    for (version, catalog) in (1..).zip(["AWS", "Sandbox"]) {
        let key = Key::shared(Kind::Engagement, catalog, "eng-1");
        assert_eq!(store.get(&key).await.unwrap().unwrap().version, version);
    }
    for (account, catalog) in [(ACCOUNT, CATALOG), ("", ""), (ACCOUNT, "")] {
        let key = Key::new(Kind::Engagement, account, catalog, "eng-2");
        let record = Record {
            key: key.clone(),
            ..sample(Kind::Engagement, "eng-2")
        };
        let refused = store.apply(insert(record)).await;
        assert!(matches!(refused, Err(ApplyError::Invalid(_))), "{refused:?}");
        assert!(matches!(store.get(&key).await, Err(StoreError::Invalid(_))));
        let query = Query {
            account: account.to_owned(),
            catalog: catalog.to_owned(),
            ..list(Kind::Engagement, "id", false, vec![])
        };
        assert!(matches!(store.query(&query).await, Err(StoreError::Invalid(_))));
    }
}

pub async fn an_engagement_and_the_rows_of_its_ten_members_change_together_or_not_at_all(store: S) {
    let key_of = |member: usize| Key::new(Kind::EngagementMember, format!("m{member}"), CATALOG, "eng-1");
    let member = |member: usize, version: u64| Record {
        key: key_of(member),
        version,
        summary: bytes(&format!("{{\"v\":{version}}}")),
        ..with(
            sample(Kind::EngagementMember, "eng-1"),
            vec![("context_types", Value::Integer(version as i64))],
        )
    };
    let engagement = |version| Record {
        version,
        ..sample(Kind::Engagement, "eng-1")
    };
    let all = (0..10).map(|n| Write::Insert(member(n, 1)));
    let first = std::iter::once(Write::Insert(engagement(1))).chain(all).collect();
    store.apply(writes(first)).await.unwrap();

    let change = |stale: Option<usize>| {
        let rows = (0..10).map(|n| {
            let expected = if stale == Some(n) { 2 } else { 1 };
            Write::Replace {
                record: member(n, 3),
                expected,
            }
        });
        let head = Write::Replace {
            record: engagement(3),
            expected: 1,
        };
        writes(std::iter::once(head).chain(rows).collect())
    };
    let refused = store.apply(change(Some(9))).await;
    let conflict = Conflict::Version {
        key: key_of(9),
        expected: 2,
        found: Some(1),
    };
    assert_eq!(refused, Err(ApplyError::Conflict(conflict)));
    for (landed, version) in [(false, 1), (true, 3)] {
        if landed {
            store.apply(change(None)).await.unwrap();
        }
        let key = Key::shared(Kind::Engagement, CATALOG, "eng-1");
        assert_eq!(store.get(&key).await.unwrap().unwrap().version, version);
        for n in 0..10 {
            let query = Query {
                account: format!("m{n}"),
                ..list(
                    Kind::EngagementMember,
                    "created",
                    false,
                    vec![is("context_types", version as i64)],
                )
            };
            let page = store.query(&query).await.unwrap();
            assert_eq!(page.items.len(), 1, "member {n}");
            assert_eq!(page.items[0].summary, bytes(&format!("{{\"v\":{version}}}")));
        }
    }
}

pub async fn a_not_in_filter_shows_the_other_values_and_never_null(store: S) {
    for (id, stage) in [
        ("O1", Some("Prospect")),
        ("O2", Some("Qualified")),
        ("O3", None),
        ("O4", Some("")),
        ("O5", Some("Launched")),
    ] {
        let columns = vec![("stage", stage.into()), ("last_modified", 7.into())];
        store
            .apply(insert(with(opportunity(key(id), 1), columns)))
            .await
            .unwrap();
    }
    let texts = |values: &[&str]| values.iter().map(|v| Value::from(*v)).collect::<Vec<_>>();
    let cases: Vec<(&'static str, Vec<Value>, &[&str])> = vec![
        ("stage", texts(&["Prospect", "Launched"]), &["O2", "O4"]),
        ("stage", texts(&["Prospect", "Prospect"]), &["O2", "O4", "O5"]),
        ("stage", texts(&[""]), &["O1", "O2", "O5"]),
        ("stage", texts(&["unknown"]), &["O1", "O2", "O4", "O5"]),
        ("stage", vec![], &["O1", "O2", "O4", "O5"]),
        // A NULL among the values must not swallow everything.
        ("stage", vec![Value::Null], &["O1", "O2", "O4", "O5"]),
        ("stage", vec![Value::Null, "Launched".into()], &["O1", "O2", "O4"]),
        ("id", texts(&["O1", "O4", "O9"]), &["O2", "O3", "O5"]),
        ("last_modified", vec![7.into()], &[]),
        ("last_modified", vec![6.into()], &["O1", "O2", "O3", "O4", "O5"]),
        ("company", vec![], &[]),
    ];
    for (column, values, expected) in cases {
        for sort in Kind::Opportunity.spec().sorts {
            for descending in [false, true] {
                let filters = vec![Filter::NotIn(column, values.clone())];
                let query = list(Kind::Opportunity, sort.by, descending, filters);
                let mut wanted: Vec<_> = expected.iter().map(|s| (*s).to_owned()).collect();
                if descending {
                    wanted.reverse();
                }
                let found = lists::ids(&store, &query).await;
                assert_eq!(found, wanted, "{column} not in {values:?} by {}", sort.by);
            }
        }
    }
    let both = vec![
        is("stage", "Qualified"),
        Filter::NotIn("stage", texts(&["Qualified"])),
    ];
    assert_eq!(
        lists::ids(&store, &list(Kind::Opportunity, "id", false, both)).await,
        [""; 0]
    );
    let wrong = [
        Filter::NotIn("stage", vec![1.into()]),
        Filter::NotIn("nothing", vec![]),
        Filter::NotIn("stage", vec![Value::from("x"); crate::MAX_IN_VALUES + 1]),
    ];
    for filter in wrong {
        let refused = store
            .query(&list(Kind::Opportunity, "id", false, vec![filter]))
            .await;
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "{refused:?}");
    }
}

pub async fn engagements_list_by_creator_context_types_and_date(store: S) {
    for (id, created, by, mask) in [
        ("eng-a", 3, ACCOUNT, 1),
        ("eng-b", 1, OTHER, 2),
        ("eng-c", 2, "aws", 3),
        ("eng-d", 2, ACCOUNT, 0),
        ("eng-e", 4, ACCOUNT, 6),
    ] {
        let columns = vec![
            ("created", created.into()),
            ("created_by", by.into()),
            ("context_types", mask.into()),
        ];
        add(&store, Kind::EngagementMember, id, columns).await;
    }
    let leads = || [2, 3, 6, 7].map(|m: i64| Value::from(m)).to_vec();
    let cases: Vec<(Vec<Filter>, &[&str])> = vec![
        (vec![], &["eng-b", "eng-c", "eng-d", "eng-a", "eng-e"]),
        (vec![is("created_by", ACCOUNT)], &["eng-d", "eng-a", "eng-e"]),
        (
            vec![Filter::NotIn("created_by", vec![ACCOUNT.into()])],
            &["eng-b", "eng-c"],
        ),
        (
            vec![Filter::In("context_types", leads())],
            &["eng-b", "eng-c", "eng-e"],
        ),
        (vec![Filter::NotIn("context_types", leads())], &["eng-d", "eng-a"]),
        (
            vec![Filter::In("context_types", leads()), is("created_by", ACCOUNT)],
            &["eng-e"],
        ),
        (
            vec![Filter::In(
                "id",
                vec!["eng-e".into(), "eng-c".into(), "eng-x".into()],
            )],
            &["eng-c", "eng-e"],
        ),
    ];
    for (filters, expected) in cases {
        let query = |descending| list(Kind::EngagementMember, "created", descending, filters.clone());
        assert_eq!(lists::ids(&store, &query(false)).await, expected, "{filters:?}");
        let back: Vec<_> = expected.iter().rev().copied().collect();
        assert_eq!(lists::ids(&store, &query(true)).await, back, "{filters:?}");
    }
}

pub async fn a_participant_sees_sent_and_received_invitations_apart(store: S) {
    for (id, participant, invited, status, sender) in [
        ("engi-1", "RECEIVER", 5, "PENDING", "aws"),
        ("engi-2", "SENDER", 4, "PENDING", ACCOUNT),
        ("engi-3", "RECEIVER", 3, "ACCEPTED", OTHER),
        ("engi-4", "RECEIVER", 4, "PENDING", OTHER),
    ] {
        let columns = vec![
            ("participant", participant.into()),
            ("invited", invited.into()),
            ("status", status.into()),
            ("sender", sender.into()),
        ];
        add(&store, Kind::Invitation, id, columns).await;
    }
    let received = |more: Vec<Filter>| [vec![is("participant", "RECEIVER")], more].concat();
    let cases: Vec<(Vec<Filter>, &[&str])> = vec![
        (vec![is("participant", "SENDER")], &["engi-2"]),
        (received(vec![]), &["engi-3", "engi-4", "engi-1"]),
        (received(vec![is("status", "PENDING")]), &["engi-4", "engi-1"]),
        (
            received(vec![Filter::In(
                "status",
                vec!["PENDING".into(), "ACCEPTED".into()],
            )]),
            &["engi-3", "engi-4", "engi-1"],
        ),
        (
            received(vec![is("status", "PENDING"), is("sender", OTHER)]),
            &["engi-4"],
        ),
    ];
    for (filters, expected) in cases {
        let query = list(Kind::Invitation, "invited", false, filters.clone());
        assert_eq!(lists::ids(&store, &query).await, expected, "{filters:?}");
    }
}

pub async fn a_snapshot_is_listed_in_its_engagement_for_those_who_may_see_it(store: S) {
    for (id, restricted_to) in [
        ("eng-1/Opportunity/O1/A/0000000001", ""),
        ("eng-1/Opportunity/O1/A/0000000002", ""),
        ("eng-1/Opportunity/O1/B/0000000001", OTHER),
        ("eng-1/Opportunity/O12/A/0000000001", ACCOUNT),
        ("eng-12/Opportunity/O1/A/0000000001", ""),
        ("eng-1", ""),
    ] {
        add(
            &store,
            Kind::Snapshot,
            id,
            vec![("restricted_to", restricted_to.into())],
        )
        .await;
    }
    let seen = |prefix: &'static str, by: &'static str| {
        let visible = Filter::In("restricted_to", vec!["".into(), by.into()]);
        let query = list(
            Kind::Snapshot,
            "id",
            false,
            vec![Filter::starts_with("id", prefix), visible],
        );
        let store = store.clone();
        async move { lists::ids(&store, &query).await }
    };
    let common = [
        "eng-1/Opportunity/O1/A/0000000001",
        "eng-1/Opportunity/O1/A/0000000002",
    ];
    assert_eq!(
        seen("eng-1/", ACCOUNT).await,
        [&common[..], &["eng-1/Opportunity/O12/A/0000000001"]].concat()
    );
    assert_eq!(
        seen("eng-1/", OTHER).await,
        [&common[..], &["eng-1/Opportunity/O1/B/0000000001"]].concat()
    );
    assert_eq!(seen("eng-1/Opportunity/O1/", ACCOUNT).await, common);
    assert_eq!(seen("eng-1/", "stranger").await, common);
}
