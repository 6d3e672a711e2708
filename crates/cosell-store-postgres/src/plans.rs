//! Every statement explained: none scans a table, none sorts what it does not have to.
//!
//! The tables hold some thousand rows and are analysed, and the planner is left its usual freedom: the settings that a
//! connection of the store adds are taken back, so what is shown does not rest on them.

use crate::session::Step;
use crate::{apply, delivery, jobs, list, log, records, sql, transfer};
use cosell_model::Timestamp;
use cosell_store::suite::shapes::{row, shapes};
use cosell_store::suite::{self, ACCOUNT, CATALOG};
use cosell_store::{
    AuditQuery, Changes, DeliveryQuery, DeliveryState, EventQuery, Filter, Kind, Query, Sort, Store, Value,
};
use std::fmt::Write as _;
use tokio_postgres::Client;

#[path = "../tests/support/mod.rs"]
mod support;

/// A database with rows in every table; a connection to it.
async fn filled() -> Client {
    let name = support::empty_database().await;
    let url = support::server().url(&name);
    let store = crate::PostgresStore::open(&url, crate::Options::default()).await.unwrap();
    for kind in Kind::ALL {
        // Rows of other accounts and catalogs too, so that the columns of the scope select something.
        let mut all = Vec::new();
        for part in 0..4 {
            for n in 0..1_000 {
                let mut one = row(kind, part, n);
                if !one.key.account.is_empty() {
                    one.key.account = format!("{ACCOUNT}{part}");
                }
                if !one.key.catalog.is_empty() {
                    one.key.catalog = format!("{CATALOG}{part}");
                }
                let _ = write!(one.key.id, "-{part}-{n}");
                all.push(one);
            }
        }
        store.bulk(&mut all.into_iter(), suite::silent()).await.unwrap();
    }
    for chunk in 0..4 {
        let change = Changes {
            events: (0..1_000).map(|n| suite::outbox::event(&format!("{chunk}-{n}"))).collect(),
            audit: (0..1_000).map(suite::outbox::audit).collect(),
            jobs: (0..1_000).map(|n| suite::jobs::job(&format!("{chunk}-{n}"), n)).collect(),
            ..Changes::default()
        };
        store.apply(change).await.unwrap();
    }
    let client = support::server().client(&name).await;
    client
        .batch_execute(
            "INSERT INTO history SELECT n, n, 'opportunity', 't' || n % 7, 'c', 'i' || n, 1, '{}', '{}' \
             FROM generate_series(1, 4000) AS n; \
             INSERT INTO idempotency SELECT 'a' || n % 7, 'o', 't' || n, n, NULL, '', '', n, n \
             FROM generate_series(1, 4000) AS n; \
             INSERT INTO delivery_target SELECT n, 'n' || n, 0, '', 0, 0, 0, 0, 0, NULL, NULL, 0 \
             FROM generate_series(1, 200) AS n; \
             INSERT INTO delivery SELECT n % 200 + 1, n, n % 3, 'l' || n % 50, n % 3 = 0 AND n % 2 = 0, 1, n, '' \
             FROM generate_series(1, 4000) AS n; \
             UPDATE job SET worker='w' WHERE run_at % 50 = 0; \
             VACUUM ANALYZE; SET plan_cache_mode=force_generic_plan; SET jit=off",
        )
        .await
        .unwrap();
    client
}

/// The plan of a statement whose parameters are not known.
async fn explain(client: &Client, sql: &str) -> String {
    let statement = client.prepare(sql).await.unwrap_or_else(|e| panic!("{sql}: {e:?}"));
    let types: Vec<_> = statement.params().iter().map(|ty| ty.name().to_owned()).collect();
    let nulls = vec!["NULL"; types.len()].join(", ");
    let arguments = if types.is_empty() { String::new() } else { format!("({nulls})") };
    let declared = if types.is_empty() { String::new() } else { format!("({})", types.join(", ")) };
    client.batch_execute(&format!("PREPARE one {declared} AS {sql}")).await.unwrap();
    let rows = client.query(&format!("EXPLAIN EXECUTE one{arguments}"), &[]).await.unwrap();
    client.batch_execute("DEALLOCATE one").await.unwrap();
    rows.iter().map(|row| format!("{}\n", row.get::<_, &str>(0))).collect()
}

/// Lines of a plan that must not be there.
fn faults(plan: &str, sorts: bool) -> Vec<&str> {
    let bad = |line: &&str| line.contains("Seq Scan") || line.contains("Bitmap") || !sorts && line.contains("Sort");
    plan.lines().filter(bad).collect()
}

async fn good(client: &Client, sql: &str, sorts: bool) {
    let plan = explain(client, sql).await;
    assert_eq!(faults(&plan, sorts), [""; 0], "{sql}\n{plan}");
}

fn is_gathering(sql: &str) -> bool {
    sql.starts_with("WITH m")
}

async fn explain_query(client: &Client, query: &Query) {
    for sql in list::statements(query) {
        // What is gathered is sorted afterwards: few rows, in memory.
        good(client, &sql, is_gathering(&sql)).await;
    }
}

#[tokio::test]
async fn every_list_walks_its_index_in_its_order() {
    let client = filled().await;
    let mut explained = 0;
    for shape in shapes() {
        for (sort, _) in shape.sorts.iter().enumerate() {
            for choice in shape.choices() {
                for descending in [false, true] {
                    let mut query = shape.query(choice.clone(), sort, descending);
                    query.limit = 20;
                    explain_query(&client, &query).await;
                    explained += 1;
                }
            }
        }
    }
    for kind in Kind::ALL {
        for sort in kind.spec().sorts {
            for descending in [false, true] {
                let (account, catalog) = suite::place(kind);
                let mut query = Query {
                    kind,
                    account: account.to_owned(),
                    catalog: catalog.to_owned(),
                    filters: vec![],
                    sort: Sort { by: sort.by, descending },
                    after: None,
                    limit: 20,
                };
                explain_query(&client, &query).await;
                let values = sort.order.iter().map(|name| match kind.spec().column(name).unwrap().ty {
                    cosell_store::ColumnType::Text => Value::from("m"),
                    cosell_store::ColumnType::Integer => Value::Integer(3),
                });
                query.after = Some(cosell_store::Cursor {
                    values: values.collect(),
                    id: "m".into(),
                });
                explain_query(&client, &query).await;
                for column in kind.spec().columns {
                    let value = match column.ty {
                        cosell_store::ColumnType::Text => Value::from("m"),
                        cosell_store::ColumnType::Integer => Value::Integer(3),
                    };
                    for filter in [
                        Filter::In(column.name, vec![value.clone()]),
                        Filter::NotIn(column.name, vec![value.clone()]),
                        Filter::Range { column: column.name, from: Some(value.clone()), to: None },
                    ] {
                        query.filters = vec![filter];
                        explain_query(&client, &query).await;
                        explained += 1;
                    }
                }
            }
        }
    }
    assert!(explained > 500, "{explained}");
}

#[tokio::test]
async fn every_other_statement_finds_its_rows_by_an_index() {
    let client = filled().await;
    let mut all: Vec<(String, bool)> = Vec::new();
    for kind in Kind::ALL {
        let texts = sql::of(kind);
        let by_key = [&texts.get, &texts.lock, &texts.share, &texts.update, &texts.delete, &texts.all];
        all.extend(by_key.map(|text| (text.clone(), false)));
    }
    let own: Vec<Step<'_>> = vec![];
    assert!(own.is_empty());
    for text in [
        records::FORMER,
        apply::PRUNE_ANSWERS,
        jobs::DUE,
        jobs::NEXT,
        log::AFTER,
        log::BY_ID,
        log::AUDIT_AFTER,
        log::LAST,
        log::OLD,
        log::PRUNE_AUDIT,
        log::OLDEST_FORMERS,
        delivery::KNOWN,
        delivery::THERE,
    ] {
        all.push((text.to_owned(), false));
    }
    for newest_first in [false, true] {
        for account in [None, Some(ACCOUNT.to_owned())] {
            for after in [None, Some((Timestamp::from_millis(5), 5))] {
                let audit = AuditQuery {
                    account: account.clone(),
                    from: None,
                    to: None,
                    after,
                    newest_first,
                    limit: 20,
                };
                all.push((log::audit_step(&audit).sql.into_owned(), false));
                let events = EventQuery {
                    account: account.clone(),
                    catalog: Some(CATALOG.to_owned()),
                    detail_type: None,
                    from: None,
                    to: None,
                    after,
                    newest_first,
                    limit: 20,
                };
                all.push((log::events_step(&events).sql.into_owned(), false));
            }
        }
        for state in [None, Some(DeliveryState::Pending), Some(DeliveryState::Dead)] {
            let of_target = DeliveryQuery {
                target: Some("n5".into()),
                seq: None,
                state,
                after: Some(("n5".into(), 7)),
                newest_first,
                limit: 20,
            };
            all.push((delivery::read::list_step(&of_target).sql.into_owned(), false));
            let of_event = DeliveryQuery {
                target: None,
                seq: Some(5),
                ..of_target
            };
            all.push((delivery::read::list_step(&of_event).sql.into_owned(), true));
        }
    }
    all.push((delivery::read::due_sql(20), false));
    all.push((delivery::read::next_sql(), false));
    all.push((delivery::heads_sql(true), false));
    all.push((delivery::heads_sql(false), false));
    for (_, text) in transfer::OTHERS {
        all.push((text.to_owned(), false));
    }
    for (sql, sorts) in all {
        good(&client, &sql, sorts).await;
    }
}
