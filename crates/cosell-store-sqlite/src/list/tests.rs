//! Every statement a list can generate is explained: none may scan a table or sort in the database.

use super::*;
use cosell_store::suite::{
    shapes::{Shape, row, shapes},
    writes,
};
use cosell_store::{ColumnType, Kind, Sort, Write};
use std::cell::RefCell;
use std::collections::BTreeSet;

thread_local! {
    static NOTED: RefCell<BTreeSet<String>> = const { RefCell::new(BTreeSet::new()) };
}

pub(super) fn note(sql: &str) {
    NOTED.with(|noted| noted.borrow_mut().insert(sql.to_owned()));
}

/// A connection with the guarantee that a statement has one plan, whatever is bound, as all connections of a store have.
fn guaranteed() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection
        .set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .unwrap();
    connection
}

/// A database with enough opportunities that residual filters reach the point where gathering is tried, and that both
/// ways are taken: `few` is rare, `many` is not.
fn filled() -> Connection {
    let mut connection = guaranteed();
    crate::migrate::migrate(&mut connection).unwrap();
    connection
        .execute_batch(
            "INSERT INTO tenant VALUES (1, 'a', 'c');
             INSERT INTO opportunity (tenant, id, version, last_modified, created, target_close, company, stage,
                 review_status, partner_identifier, summary)
             SELECT 1, printf('O%05d', n), 1, n / 3, n / 2, CASE WHEN n % 5 THEN printf('2030-%03d', n % 100) END,
                 CASE WHEN n % 100 = 99 THEN 'few' WHEN n % 7 THEN 'many' END,
                 CASE WHEN n % 100 = 98 THEN 'few' WHEN n % 6 THEN 'many' END,
                 CASE WHEN n % 100 = 97 THEN 'few' ELSE 'many' END,
                 CASE WHEN n % 100 = 96 THEN 'few' WHEN n % 2 THEN 'many' END, '{}'
             FROM (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 2500) SELECT n FROM c);
             INSERT INTO solution (tenant, id, version, name, status, category, created, marketplace_arn, summary)
             SELECT 1, id, 1, company, stage, review_status, created, target_close, '{}' FROM opportunity;",
        )
        .unwrap();
    connection
}

fn filter_choices(kind: Kind) -> Vec<Filter> {
    let mut choices = vec![
        Filter::In("id", vec!["O00001".into(), "O00900".into()]),
        Filter::Range {
            column: "id",
            from: Some("O00002".into()),
            to: None,
        },
        Filter::Range {
            column: "id",
            from: None,
            to: Some("O00100".into()),
        },
    ];
    for column in kind.spec().columns {
        let (low, high): (Value, Value) = match column.ty {
            ColumnType::Text => ("2030-001".into(), "many".into()),
            ColumnType::Integer => (10.into(), 1000.into()),
        };
        choices.push(Filter::In(column.name, vec![high.clone()]));
        choices.push(Filter::In(
            column.name,
            if column.ty == ColumnType::Text {
                vec!["few".into(), high.clone()]
            } else {
                vec![low.clone(), high.clone()]
            },
        ));
        if column.ty == ColumnType::Text {
            choices.push(Filter::In(column.name, vec!["few".into()]));
        }
        choices.push(Filter::NotIn(column.name, vec![low.clone(), high.clone()]));
        choices.push(Filter::Range {
            column: column.name,
            from: Some(low.clone()),
            to: None,
        });
        choices.push(Filter::Range {
            column: column.name,
            from: None,
            to: Some(low.clone()),
        });
        choices.push(Filter::Range {
            column: column.name,
            from: Some(low),
            to: Some(high),
        });
    }
    choices
}

/// Asks for up to three pages of every sort with every choice of up to two filters.
fn ask_everything(connection: &Connection, kind: Kind) {
    let choices = filter_choices(kind);
    let mut sets: Vec<Vec<Filter>> = vec![vec![]];
    for (n, one) in choices.iter().enumerate() {
        sets.push(vec![one.clone()]);
        sets.extend(choices[n + 1..].iter().map(|two| vec![one.clone(), two.clone()]));
    }
    for sort in kind.spec().sorts {
        for descending in [false, true] {
            for filters in &sets {
                let mut query = Query {
                    kind,
                    account: "a".into(),
                    catalog: "c".into(),
                    filters: filters.clone(),
                    sort: Sort {
                        by: sort.by,
                        descending,
                    },
                    after: None,
                    limit: 2,
                };
                query.validate().unwrap();
                for _ in 0..2 {
                    query.after = page(connection, 1, &query).unwrap().next;
                    if query.after.is_none() {
                        break;
                    }
                }
                // A cursor in the stretch of NULLs, which few pages would reach.
                if let Some(first) = sort.order.first()
                    && kind.spec().column(first).unwrap().nullable
                {
                    let mut values = vec![Value::Null];
                    values.extend(sort.order[1..].iter().map(|_| Value::Integer(5)));
                    query.after = Some(Cursor {
                        values,
                        id: "O00001".into(),
                    });
                    page(connection, 1, &query).unwrap();
                }
            }
        }
    }
}

#[test]
fn no_statement_of_any_list_scans_or_sorts_in_the_database() {
    let connection = filled();
    for kind in [Kind::Opportunity, Kind::Solution] {
        ask_everything(&connection, kind);
    }
    let selects = selects();
    assert!(
        selects.len() > 1000,
        "only {} statements were generated",
        selects.len()
    );
    for needle in [
        "SELECT 1 ",
        "SELECT row,id",
        "IS NULL",
        "DESC",
        " id=?2",
        "/*1*/",
        "(last_modified,id)>(?",
        "<=?",
    ] {
        assert!(
            selects.iter().any(|sql| sql.contains(needle)),
            "no statement with {needle}"
        );
    }
    assert_all_search(&connection, &selects);
}

fn selects() -> Vec<String> {
    let noted = NOTED.with(|noted| noted.borrow().clone());
    noted
        .into_iter()
        .filter(|sql| sql.starts_with("SELECT"))
        .collect()
}

/// Every statement is one search in an index, whose bounds are all used.
fn assert_all_search(connection: &Connection, selects: &[String]) {
    for sql in selects {
        let plan = plan_of(connection, sql);
        assert_eq!(plan.len(), 1, "{sql}\n{plan:?}");
        assert!(plan[0].starts_with("SEARCH"), "{sql}\n{plan:?}");
        assert!(!plan[0].contains("TEMP B-TREE"), "{sql}\n{plan:?}");
        if sql.contains("ORDER BY") {
            // The search must use every bound there is, not only the tenant.
            let bounds = sql
                .split(" WHERE ")
                .nth(1)
                .unwrap()
                .split(" ORDER BY ")
                .next()
                .unwrap();
            let in_plan = plan[0].split_once('(').unwrap().1;
            let used = in_plan.matches(" AND ").count();
            assert_eq!(used, bounds.matches(" AND ").count(), "{sql}\n{plan:?}");
        }
    }
}

/// A database with rows of every kind that a list of co-selling reads.
fn filled_for_co_selling() -> Connection {
    let mut connection = guaranteed();
    crate::migrate::migrate(&mut connection).unwrap();
    let mut tenants = crate::tenants::Tenants::default();
    let kinds: BTreeSet<Kind> = shapes().iter().map(|s| s.kind).collect();
    for kind in kinds {
        let change = writes((0..1000).map(|n| Write::Insert(row(kind, 1, n))).collect());
        let checked = crate::apply::check(&connection, &tenants, &change).ok().unwrap();
        crate::apply::write(&connection, &mut tenants, &change, &checked).unwrap();
    }
    connection
}

fn two_pages(connection: &Connection, query: &Query, limit: usize) {
    let tenant = crate::tenants::Tenants::default()
        .find(connection, &query.account, &query.catalog)
        .unwrap()
        .unwrap();
    let mut query = Query {
        limit,
        ..query.clone()
    };
    for _ in 0..2 {
        query.after = page(connection, tenant, &query).unwrap().next;
        if query.after.is_none() {
            break;
        }
    }
}

#[test]
fn no_statement_of_any_list_of_co_selling_scans_or_sorts_in_the_database() {
    let connection = filled_for_co_selling();
    let mut asked = 0;
    for shape in shapes() {
        for chosen in shape.choices() {
            for sort in 0..shape.sorts.len() {
                for descending in [false, true] {
                    // Small pages end before the other way is tried, large ones do not.
                    for limit in [2, 100] {
                        two_pages(&connection, &shape.query(chosen.clone(), sort, descending), limit);
                        asked += 1;
                    }
                }
            }
        }
    }
    let selects = selects();
    assert!(
        asked > 1000 && selects.len() > 200,
        "{asked} lists, {} statements",
        selects.len()
    );
    for needle in [
        "SELECT 1 ",
        "SELECT row,id",
        "created_by<?2",
        "created_by>?2 AND created_by<?3",
    ] {
        assert!(
            selects.iter().any(|sql| sql.contains(needle)),
            "no statement with {needle}"
        );
    }
    assert_all_search(&connection, &selects);
}

#[test]
fn every_single_filter_of_a_list_of_co_selling_narrows_the_walk_itself() {
    let connection = filled_for_co_selling();
    // What is only checked on the rows of the walk, and why that is bounded: snapshots stay within one engagement (or
    // one series), a resource has few jobs, there is one type of resource, a context id means nothing without its
    // engagement, and the review queue of a status is short.
    let checked_on_rows = |shape: &Shape, filter: &Filter| match filter {
        Filter::NotIn(..) => true,
        other => {
            shape.kind == Kind::Snapshot
                || shape.name == "the running jobs of a resource"
                || shape.name == "the deals of a status, further narrowed"
                || ["resource_type", "context"].contains(&other.column())
        }
    };
    let mut narrowed = 0;
    for shape in shapes() {
        for filter in shape.optional.iter().flatten() {
            for descending in [false, true] {
                if checked_on_rows(&shape, filter) {
                    continue;
                }
                NOTED.with(|noted| noted.borrow_mut().clear());
                two_pages(&connection, &shape.query(vec![filter.clone()], 0, descending), 2);
                let column = filter.column();
                let bounds = |sql: &str| {
                    let bounds = sql.split(" WHERE ").nth(1).unwrap();
                    bounds.split(" ORDER BY ").next().unwrap().to_owned()
                };
                for sql in selects() {
                    let bounds = bounds(&sql);
                    assert!(bounds.contains(column), "{}: {column} in {sql}", shape.name);
                    // The one value that such a list always has narrows the same search, down to the cursor.
                    for always in shape.always.iter().filter(|_| column != "id") {
                        assert!(bounds.contains(always.column()), "{}: {sql}", shape.name);
                    }
                }
                narrowed += 1;
            }
        }
    }
    assert!(narrowed > 50, "{narrowed}");
}

#[test]
fn a_search_by_the_partners_own_identifier_meets_no_row_without_one() {
    let connection = filled();
    let sql = |connection: &Connection, descending| {
        NOTED.with(|noted| noted.borrow_mut().clear());
        let mut query = Query {
            kind: Kind::Opportunity,
            account: "a".into(),
            catalog: "c".into(),
            filters: vec![Filter::In(
                "partner_identifier",
                vec!["few".into(), "other".into()],
            )],
            sort: Sort {
                by: "last_modified",
                descending,
            },
            after: None,
            limit: 2,
        };
        for _ in 0..3 {
            let page = page(connection, 1, &query).unwrap();
            assert_eq!(page.items.len(), 2);
            query.after = page.next;
        }
        selects()
    };
    for descending in [false, true] {
        for sql in sql(&connection, descending) {
            let plan = plan_of(&connection, &sql);
            let index = "USING INDEX opportunity_by_partner_identifier_last_modified (tenant=? AND partner_identifier=?";
            assert!(plan[0].contains(index), "{sql}\n{plan:?}");
        }
    }
}

#[test]
fn the_work_of_a_page_is_bounded_and_its_cursor_goes_on() {
    let mut connection = guaranteed();
    crate::migrate::migrate(&mut connection).unwrap();
    connection
        .execute_batch(&format!(
            "INSERT INTO tenant VALUES (1, 'a', 'c');
             INSERT INTO opportunity (tenant, id, version, last_modified, created, stage, review_status, summary)
             SELECT 1, printf('O%06d', n), 1, n, n, CASE WHEN n % 2 THEN 'odd' ELSE 'even' END,
                 CASE WHEN n % 2 OR n = {rows} THEN 'odd' ELSE 'even' END, '{{}}'
             FROM (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {rows}) SELECT n FROM c);",
            rows = BUDGET * 2
        ))
        .unwrap();
    // Both filters match half of the rows, and only the very last row matches both.
    let mut query = Query {
        kind: Kind::Opportunity,
        account: "a".into(),
        catalog: "c".into(),
        filters: vec![
            Filter::In("stage", vec!["even".into()]),
            Filter::In("review_status", vec!["odd".into()]),
        ],
        sort: Sort {
            by: "created",
            descending: false,
        },
        after: None,
        limit: 20,
    };
    let mut pages = Vec::new();
    loop {
        let page = page(&connection, 1, &query).unwrap();
        pages.push(page.items.len());
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    assert_eq!(pages.iter().sum::<usize>(), 1);
    assert!(pages.len() > 1, "{pages:?}");
}
