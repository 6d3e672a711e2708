//! The law of cost of lists, counted: how many rows a page looks at, in tables whose statistics mislead the planner.
//!
//! Plans are chosen by costs, and costs come from statistics. So there are tables here in which a column says nothing (all rows
//! have the same), and tables in which it says everything; and beside the one account that has many rows there are thousands with
//! one, so that the planner expects one row of any account. The database counts what it reads; nothing here looks at plans.

use crate::list;
use crate::plans::support;
use crate::session::Session;
use cosell_store::suite::{self, shapes::shapes};
use cosell_store::{ColumnType, Cursor, Filter, Kind, Query, Scope, Sort, Value};
use cosell_test_postgres::server;
use std::fmt::Write as _;

/// Rows of the account that is asked, and accounts beside it. Many times what a page may look at where every filter is served.
const ROWS: usize = 2_000;

/// What rows of a table have in their columns.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Values {
    /// All the same text; the numbers are all different.
    Same,
    /// All the same, numbers too.
    SameNumbers,
    /// In every row another.
    Different,
}

/// The text of the `n`th row where all are different; they do not follow each other in the order of the rows.
fn text(n: usize) -> String {
    format!("v{:06}", n * 7_919 % ROWS)
}

/// Fills the table of a kind.
fn filling(kind: Kind, values: Values) -> String {
    let spec = kind.spec();
    let (mut columns, mut each) = (String::new(), String::new());
    for column in spec.columns {
        let _ = write!(columns, ", {}", column.name);
        each.push_str(match (column.ty, values) {
            (ColumnType::Text, Values::Different) => ", 'v' || lpad((n * 7919 % 2000)::text, 6, '0')",
            (ColumnType::Text, _) => ", 'same'",
            (ColumnType::Integer, Values::SameNumbers) => ", 5",
            (ColumnType::Integer, _) => ", n",
        });
    }
    let (tenant, catalog) = suite::place(kind);
    let insert = |tenant: &str, id: &str| {
        format!(
            "INSERT INTO {} (tenant, catalog, id, version{columns}, summary, document, private) SELECT {tenant}, '{catalog}', \
             {id} || lpad(n::text, 6, '0'), 1{each}, '{{}}', '{{}}', '' FROM generate_series(0, {}) AS n; ",
            crate::sql::table(spec),
            ROWS - 1
        )
    };
    let mut all = insert(&format!("'{tenant}'"), "'i'");
    if matches!(spec.scope, Scope::Account | Scope::Catalog) {
        all.push_str(&insert("'other-' || n", "'o'"));
    }
    all
}

/// A connection of the store to a database with such tables, analysed.
async fn filled(values: Values) -> Session {
    let name = server().empty_database();
    let url = server().url(&name);
    let options = crate::Options::default();
    drop(crate::PostgresStore::open(&url, options.clone()).await.unwrap());
    let client = support::client(server(), &name).await;
    for kind in Kind::ALL {
        client.batch_execute(&filling(kind, values)).await.unwrap();
    }
    client.batch_execute("VACUUM ANALYZE").await.unwrap();
    let address = crate::options::parse(&url, &options).unwrap();
    let session = Session::connect(&address, &options).await.unwrap();
    // What is counted is kept until the end of a transaction.
    session.client().batch_execute("BEGIN").await.unwrap();
    session
}

/// Rows that scans of a kind's table and of its indexes have met so far.
async fn met(session: &Session, kind: Kind) -> (usize, usize) {
    let row = session
        .client()
        .query_one(
            "WITH t AS (SELECT to_regclass(quote_ident($1))::oid AS t), \
             r AS (SELECT t FROM t UNION ALL SELECT indexrelid FROM pg_index, t WHERE indrelid = t) \
             SELECT sum(pg_stat_get_xact_tuples_returned(t))::bigint, sum(pg_stat_get_xact_blocks_fetched(t))::bigint FROM r",
            &[&kind.spec().table],
        )
        .await
        .unwrap();
    let number = |n| usize::try_from(row.get::<_, i64>(n)).unwrap();
    (number(0), number(1))
}

/// Filters on a column that let nothing, one value, few or all rows pass, and some that let several pass.
fn filters(column: &'static str, ty: ColumnType, values: Values) -> Vec<Filter> {
    let value = |n: usize| match (ty, values) {
        (ColumnType::Integer, Values::SameNumbers) => Value::Integer(5),
        (ColumnType::Integer, _) => Value::Integer(i64::try_from(n).unwrap()),
        (ColumnType::Text, _) if column == "id" => Value::from(format!("i{n:06}")),
        (ColumnType::Text, Values::Different) => Value::from(text(n)),
        (ColumnType::Text, _) => Value::from("same"),
    };
    let absent = |n: i64| match ty {
        ColumnType::Integer => Value::Integer(-1 - n),
        ColumnType::Text => Value::from(format!("absent {n}")),
    };
    let range = |from: Value, to: Value| Filter::Range {
        column,
        from: Some(from),
        to: Some(to),
    };
    let mut all = vec![
        Filter::In(column, vec![absent(1)]),
        Filter::In(column, vec![absent(1), absent(2), absent(3)]),
        Filter::In(column, vec![value(1_000)]),
        Filter::In(column, vec![value(1_000), value(17), absent(1)]),
        range(absent(2), absent(1)),
    ];
    match (ty, values) {
        (ColumnType::Integer, Values::SameNumbers) => all.push(range(value(0), value(0))),
        (ColumnType::Integer, _) => {
            all.push(range(Value::Integer(1_000), Value::Integer(1_099)));
            all.push(range(Value::Integer(0), Value::Integer(1_000_000)));
        }
        (ColumnType::Text, Values::Different) => {
            all.push(range(Value::from("v001000"), Value::from("v001099")));
            all.push(range(Value::from("v"), Value::from("w")));
        }
        (ColumnType::Text, _) => all.push(range(Value::from("same"), Value::from("same"))),
    }
    all
}

/// The queries of a kind: every sort alone, with one filter, and with one that has an index and a range of the sort; from the
/// start and from the middle on.
fn queries(kind: Kind, values: Values) -> Vec<Query> {
    let spec = kind.spec();
    let columns = spec.columns.iter().map(|c| (c.name, c.ty));
    let columns: Vec<_> = columns.chain([("id", ColumnType::Text)]).collect();
    let mut chosen: Vec<Vec<Filter>> = vec![vec![]];
    for (column, ty) in columns {
        chosen.extend(filters(column, ty, values).into_iter().map(|f| vec![f]));
    }
    let (account, catalog) = suite::place(kind);
    let mut all = Vec::new();
    for sort in spec.sorts {
        let middle = sort
            .order
            .iter()
            .map(|name| match (spec.column(name).unwrap().ty, values) {
                (ColumnType::Integer, Values::SameNumbers) => Value::Integer(5),
                (ColumnType::Integer, _) => Value::Integer(1_000),
                (ColumnType::Text, Values::Different) => Value::from(text(1_000)),
                (ColumnType::Text, _) => Value::from("same"),
            });
        let middle = Cursor {
            values: middle.collect(),
            id: "i001000".into(),
        };
        let whole = |column| Filter::Range {
            column,
            from: Some(Value::Integer(-1)),
            to: Some(Value::Integer(1_000_000)),
        };
        let range = sort
            .order
            .first()
            .filter(|c| spec.column(c).is_some_and(|c| c.ty == ColumnType::Integer));
        let narrowed = spec.indexes.iter().filter(|i| i.columns[1..] == *sort.order);
        let narrowed = narrowed.filter_map(|i| Some((spec.column(i.columns[0])?, whole(range?))));
        let narrowed = narrowed.flat_map(|(column, range)| {
            let all = filters(column.name, column.ty, values).into_iter();
            all.map(move |filter| vec![filter, range.clone()])
        });
        for filters in chosen.iter().cloned().chain(narrowed) {
            for (descending, after) in [false, true].map(|d| [(d, None), (d, Some(&middle))]).concat() {
                all.push(Query {
                    kind,
                    account: account.to_owned(),
                    catalog: catalog.to_owned(),
                    filters: filters.clone(),
                    sort: Sort {
                        by: sort.by,
                        descending,
                    },
                    after: after.cloned(),
                    limit: 20,
                });
            }
        }
    }
    all
}

/// Those of the API, in every choice of filters. Their values are in no row.
fn queries_of_the_api() -> Vec<Query> {
    let mut all = Vec::new();
    for shape in shapes() {
        for (sort, _) in shape.sorts.iter().enumerate() {
            for choice in shape.choices() {
                for descending in [false, true] {
                    let mut query = shape.query(choice.clone(), sort, descending);
                    query.limit = 20;
                    all.push(query);
                }
            }
        }
    }
    all
}

async fn no_list_looks_at_more_than_the_law_says(values: Values) {
    let session = filled(values).await;
    let mut queries: Vec<Query> = Kind::ALL.iter().flat_map(|kind| queries(*kind, values)).collect();
    queries.extend(queries_of_the_api());
    let (mut asked, mut bad) = (0, Vec::new());
    for query in &queries {
        let Some(most) = list::most_rows(query) else {
            continue;
        };
        let before = met(&session, query.kind).await;
        list::page(&session, query).await.unwrap();
        let after = met(&session, query.kind).await;
        let (rows, pages) = (after.0 - before.0, after.1 - before.1);
        asked += 1;
        let values = |f: &Filter| match f {
            Filter::In(_, values) => values.len(),
            Filter::NotIn(..) | Filter::Range { .. } => 1,
        };
        // A page of the table for each row, the way down an index for each value, and what planning reads.
        let most_pages = most + 3 * query.filters.iter().map(values).sum::<usize>() + 60;
        if rows > most || pages > most_pages {
            bad.push(format!("{rows} rows of {most}, {pages} pages: {query:?}"));
        }
    }
    let shown: Vec<_> = bad.iter().take(8).cloned().collect();
    assert!(
        bad.is_empty(),
        "{} of {asked} queries:\n{}",
        bad.len(),
        shown.join("\n")
    );
    assert!(asked > 1_000, "{asked}");
}

#[tokio::test]
async fn a_list_is_as_cheap_where_a_filter_is_on_what_all_rows_have() {
    no_list_looks_at_more_than_the_law_says(Values::Same).await;
}

#[tokio::test]
async fn a_list_is_as_cheap_where_all_rows_are_of_the_same_time() {
    no_list_looks_at_more_than_the_law_says(Values::SameNumbers).await;
}

#[tokio::test]
async fn a_list_is_as_cheap_where_no_two_rows_have_the_same() {
    no_list_looks_at_more_than_the_law_says(Values::Different).await;
}
