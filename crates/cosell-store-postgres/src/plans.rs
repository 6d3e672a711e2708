//! Every statement explained: none scans a table, none sorts what it does not have to.
//!
//! The tables hold some thousand rows and are analysed. A connection of the store keeps the planner from scans and sorts
//! where it has a choice; so what is shown with those settings is what happens, and a scan or a sort in it means that there
//! is no other way. Lists are explained without those settings too: their indexes must be good enough to be chosen.
//!
//! Nobody has to remember a new statement here: those that stand in the source as they are, are found there; and one that is
//! put together must be explained by a test below, or the one that looks for them names it.

use crate::{delivery, jobs, list, log, reset, sql, transfer};
use cosell_model::Timestamp;
use cosell_store::suite::shapes::shapes;
use cosell_store::suite::{self, ACCOUNT, CATALOG};
use cosell_store::{
    AuditQuery, Changes, DeliveryQuery, DeliveryState, EventQuery, Filter, Kind, Query, Sort, Store, Value,
};
use cosell_test_postgres::server;
use std::fmt::Write as _;
use tokio_postgres::Client;

#[path = "../tests/support/mod.rs"]
pub(crate) mod support;

/// A database with rows in every table; a connection to it.
async fn filled() -> Client {
    let name = server().empty_database();
    let url = server().url(&name);
    let store = crate::PostgresStore::open(&url, crate::Options::default())
        .await
        .unwrap();
    for kind in Kind::ALL {
        // Rows of other accounts and catalogs too, so that the columns of the scope select something.
        let mut all = Vec::new();
        for part in 0..4 {
            for n in 0..1_000 {
                let columns = kind.spec().columns.iter().map(|column| match column.ty {
                    cosell_store::ColumnType::Text => (column.name, Value::from(format!("v{}", n % 7))),
                    cosell_store::ColumnType::Integer => (column.name, Value::Integer(n % 40)),
                });
                let mut one = suite::with(suite::sample(kind, "x"), columns.collect());
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
            events: (0..1_000)
                .map(|n| suite::outbox::event(&format!("{chunk}-{n}")))
                .collect(),
            audit: (0..1_000).map(suite::outbox::audit).collect(),
            jobs: (0..1_000)
                .map(|n| suite::jobs::job(&format!("{chunk}-{n}"), n))
                .collect(),
            ..Changes::default()
        };
        store.apply(change).await.unwrap();
    }
    let client = support::client(server(), &name).await;
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
             INSERT INTO counter SELECT 'a' || n % 40, 'n' || n / 40, 'v', n % 50 FROM generate_series(0, 3999) AS n; \
             UPDATE job SET worker='w' WHERE run_at % 50 = 0; \
             ANALYZE",
        )
        .await
        .unwrap();
    client
}

/// The plan of a statement whose parameters are not known.
async fn explain(client: &Client, sql: &str) -> String {
    let statement = client
        .prepare(sql)
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e:?}"));
    let types: Vec<_> = statement.params().iter().map(|ty| ty.name().to_owned()).collect();
    let nulls = vec!["NULL"; types.len()].join(", ");
    let arguments = if types.is_empty() {
        String::new()
    } else {
        format!("({nulls})")
    };
    let declared = if types.is_empty() {
        String::new()
    } else {
        format!("({})", types.join(", "))
    };
    client
        .batch_execute(&format!("PREPARE one {declared} AS {sql}"))
        .await
        .unwrap();
    let rows = client
        .query(&format!("EXPLAIN EXECUTE one{arguments}"), &[])
        .await
        .unwrap();
    client.batch_execute("DEALLOCATE one").await.unwrap();
    rows.iter()
        .map(|row| format!("{}\n", row.get::<_, &str>(0)))
        .collect()
}

/// Lines of a plan that must not be there.
fn faults(plan: &str, sorts: bool) -> Vec<&str> {
    let is_sort = |line: &str| line.contains("Sort  (") && !sorts;
    let bad = |line: &&str| line.contains("Seq Scan") || line.contains("Bitmap") || is_sort(line);
    plan.lines().filter(bad).collect()
}

/// Gives a connection the settings that one of the store has, or the usual ones.
async fn set(client: &Client, own: bool) {
    let settings = match own {
        true => crate::session::settings(&crate::Options::default()),
        false => "RESET ALL; SET plan_cache_mode=force_generic_plan; SET jit=off".to_owned(),
    };
    client.batch_execute(&settings).await.unwrap();
}

/// Notes a statement whose plan has faults.
async fn look(client: &Client, sql: &str, sorts: bool, bad: &mut Vec<String>) {
    let plan = explain(client, sql).await;
    if !faults(&plan, sorts).is_empty() {
        bad.push(format!("{sql}\n{plan}"));
    }
}

fn none(bad: &[String]) {
    let shown: Vec<_> = bad.iter().take(5).cloned().collect();
    assert!(bad.is_empty(), "{} statements:\n{}", bad.len(), shown.join("\n"));
}

async fn explain_query(client: &Client, query: &Query, bad: &mut Vec<String>) {
    let first = query.kind.spec().sort(query.sort.by).unwrap().order.first();
    let several =
        |f: &Filter| matches!(f, Filter::In(column, values) if Some(column) == first && values.len() > 1);
    let sorts_branches = query.filters.iter().any(several);
    for sql in list::statements(query) {
        // What is gathered is sorted afterwards: few rows, in memory.
        let gathers = sql.starts_with("WITH m") || sql.starts_with("SELECT count");
        set(client, true).await;
        look(client, &sql, gathers || sorts_branches, bad).await;
        if gathers {
            // By the index of the filter, and by no other.
            let plan = explain(client, &sql).await;
            let (_, condition) = sql.split_once("catalog=$2 AND ").unwrap();
            let column = condition.split(' ').next().unwrap();
            let serves = |line: &str| line.contains("Index Cond") && line.contains(&format!("({column} "));
            if !plan.lines().any(serves) {
                bad.push(format!("{sql}\n{plan}"));
            }
        } else if !sql.contains("row_number()") {
            // A walk with a budget may ask for more rows than these tables have, and then a sort is as good.
            // In tables as small as these, an index that has half of the order may be as good as the one that has it all.
            set(client, false).await;
            let half = explain(client, &sql).await.contains("Incremental Sort");
            look(client, &sql, sorts_branches || half, bad).await;
        }
    }
}

#[tokio::test]
async fn the_schema_has_exactly_the_columns_and_indexes_of_the_descriptions() {
    let name = server().empty_database();
    let url = server().url(&name);
    drop(
        crate::PostgresStore::open(&url, crate::Options::default())
            .await
            .unwrap(),
    );
    let client = support::client(server(), &name).await;
    for kind in Kind::ALL {
        let spec = kind.spec();
        let text =
            |name: &str, nullable: bool| format!("{name} text C {}", if nullable { "YES" } else { "NO" });
        let mut want: Vec<String> = ["tenant", "catalog", "id"].map(|name| text(name, false)).to_vec();
        want.push("version bigint - NO".into());
        want.extend(spec.columns.iter().map(|column| match column.ty {
            cosell_store::ColumnType::Text => text(column.name, column.nullable),
            cosell_store::ColumnType::Integer => {
                format!(
                    "{} bigint - {}",
                    column.name,
                    if column.nullable { "YES" } else { "NO" }
                )
            }
        }));
        want.extend(["summary", "document", "private"].map(|name| format!("{name} text - NO")));
        let columns = "SELECT concat_ws(' ', column_name, data_type, coalesce(collation_name, '-'), is_nullable) \
             FROM information_schema.columns WHERE table_schema=current_schema() AND table_name=$1 \
             ORDER BY ordinal_position";
        let rows = client.query(columns, &[&spec.table]).await.unwrap();
        let mut have: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        // A column that came later stands behind the others; nothing depends on its place.
        want.sort();
        have.sort();
        assert_eq!(have, want, "{}", spec.table);

        let mut want = vec!["(tenant, catalog, id)".to_owned()];
        for index in spec.indexes {
            let columns = index.columns.iter().map(|name| {
                let nullable = spec.column(name).unwrap().nullable;
                format!(", {name}{}", if nullable { " NULLS FIRST" } else { "" })
            });
            let sparse = match index.sparse {
                true => format!(" WHERE ({} IS NOT NULL)", index.columns[0]),
                false => String::new(),
            };
            want.push(format!(
                "(tenant, catalog{}, id){sparse}",
                columns.collect::<String>()
            ));
        }
        let indexes = "SELECT indexdef FROM pg_indexes WHERE schemaname=current_schema() AND tablename=$1";
        let rows = client.query(indexes, &[&spec.table]).await.unwrap();
        let after_method = |row: &tokio_postgres::Row| {
            let text: String = row.get(0);
            text.split_once(" USING btree ").unwrap().1.to_owned()
        };
        let mut have: Vec<String> = rows.iter().map(after_method).collect();
        want.sort();
        have.sort();
        assert_eq!(have, want, "{}", spec.table);
    }
}

#[tokio::test]
async fn a_record_is_found_by_its_primary_key_from_the_first_one_on() {
    let name = server().empty_database();
    let url = server().url(&name);
    let store = crate::PostgresStore::open(&url, crate::Options::default());
    let store = store.await.unwrap();
    let client = support::client(server(), &name).await;
    set(&client, true).await;
    // In the tables as they were made, and with rows that nothing has analysed.
    for rows in [0, 500] {
        for kind in Kind::ALL {
            let mut all = (0..rows).map(|n| suite::sample(kind, &format!("x{n}")));
            store.bulk(&mut all, suite::silent()).await.unwrap();
            let texts = sql::of(kind);
            for text in [
                &texts.get,
                &texts.lock,
                &texts.share,
                &texts.update,
                &texts.delete,
            ] {
                let plan = explain(&client, text).await;
                let key = format!("Index Scan using {}_pkey on", kind.spec().table);
                assert!(
                    plan.replace('"', "").contains(&key),
                    "{rows} rows: {text}\n{plan}"
                );
            }
            let count = format!("SELECT count(*) FROM {}", sql::table(kind.spec()));
            let count: i64 = client.query_one(&count, &[]).await.unwrap().get(0);
            assert_eq!(count, rows, "{kind:?}: what was made up is gone");
        }
    }
}

#[tokio::test]
async fn every_list_walks_its_index_in_its_order() {
    let client = filled().await;
    let (mut explained, mut bad) = (0, Vec::new());
    for shape in shapes() {
        for (sort, _) in shape.sorts.iter().enumerate() {
            for choice in shape.choices() {
                for descending in [false, true] {
                    let mut query = shape.query(choice.clone(), sort, descending);
                    query.limit = 20;
                    explain_query(&client, &query, &mut bad).await;
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
                    sort: Sort {
                        by: sort.by,
                        descending,
                    },
                    after: None,
                    limit: 20,
                };
                explain_query(&client, &query, &mut bad).await;
                let values = sort
                    .order
                    .iter()
                    .map(|name| match kind.spec().column(name).unwrap().ty {
                        cosell_store::ColumnType::Text => Value::from("m"),
                        cosell_store::ColumnType::Integer => Value::Integer(3),
                    });
                query.after = Some(cosell_store::Cursor {
                    values: values.collect(),
                    id: "m".into(),
                });
                explain_query(&client, &query, &mut bad).await;
                for column in kind.spec().columns {
                    let value = match column.ty {
                        cosell_store::ColumnType::Text => Value::from("m"),
                        cosell_store::ColumnType::Integer => Value::Integer(3),
                    };
                    for filter in [
                        Filter::In(column.name, vec![value.clone()]),
                        Filter::NotIn(column.name, vec![value.clone()]),
                        Filter::Range {
                            column: column.name,
                            from: Some(value.clone()),
                            to: None,
                        },
                    ] {
                        query.filters = vec![filter];
                        explain_query(&client, &query, &mut bad).await;
                        explained += 1;
                    }
                }
            }
        }
    }
    none(&bad);
    assert!(explained > 500, "{explained}");
}

#[tokio::test]
async fn every_other_statement_finds_its_rows_by_an_index() {
    let client = filled().await;
    let mut all: Vec<(String, bool)> = Vec::new();
    for kind in Kind::ALL {
        let texts = sql::of(kind);
        let by_key = [
            &texts.get,
            &texts.lock,
            &texts.share,
            &texts.update,
            &texts.delete,
        ];
        all.extend(by_key.map(|text| (text.clone(), false)));
    }
    all.extend(Kind::ALL.map(|kind| (sql::of(kind).all.clone(), false)));
    all.extend(Kind::ALL.map(|kind| (transfer::known_sql(kind), true)));
    for state in DeliveryState::ALL {
        all.push((delivery::read::by_state_sql(state), false));
    }
    for (waits, by_kind) in [(true, true), (true, false), (false, true), (false, false)] {
        all.push((jobs::list_sql(waits, by_kind, 20), false));
    }
    // The answers come in the order of the lanes that were asked about.
    all.push((delivery::read::lanes_sql(), true));
    for account in [None, Some(ACCOUNT)] {
        for catalog in [None, Some(CATALOG)] {
            let target = reset::Target::new(account, catalog).unwrap();
            all.extend(reset::statements(&target).into_iter().map(|text| (text, false)));
        }
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
    all.push((delivery::read::of_lane_sql(20), false));
    all.push((delivery::read::next_sql(), false));
    all.push((delivery::heads_sql(true), false));
    all.push((delivery::heads_sql(false), false));
    let written = source::statements();
    for one in &written {
        if !one.is_put_together() && !all.iter().any(|(text, _)| *text == one.text) {
            all.push((one.text.clone(), false));
        }
    }
    let is_explained =
        |one: &source::Statement| all.iter().any(|(text, _)| text.contains(one.longest_part()));
    let forgotten: Vec<_> = written.iter().filter(|one| !is_explained(one)).collect();
    assert!(forgotten.is_empty(), "explain them above: {forgotten:#?}");
    // Enough that the search for them still finds what it looks for.
    assert!(written.len() > 50, "{}", written.len());
    let mut bad = Vec::new();
    set(&client, true).await;
    for (sql, sorts) in all {
        look(&client, &sql, sorts, &mut bad).await;
    }
    none(&bad);
}

/// Where the planner believes that there is one account only, all indexes look equally good to it. And so it is here.
#[tokio::test]
async fn what_is_looked_for_of_one_account_is_found_past_no_rows_of_others() {
    let client = filled().await;
    set(&client, true).await;
    let target = reset::Target::new(Some(ACCOUNT), Some(CATALOG)).unwrap();
    let mut all = vec![("event", reset::statements(&target).pop().unwrap())];
    for newest_first in [false, true] {
        for after in [None, Some((Timestamp::from_millis(5), 5))] {
            let (account, from, to, limit) = (Some(ACCOUNT.to_owned()), None, None, 20);
            let audit = AuditQuery {
                account: account.clone(),
                from,
                to,
                after,
                newest_first,
                limit,
            };
            all.push(("audit", log::audit_step(&audit).sql.into_owned()));
            let events = EventQuery {
                account,
                catalog: None,
                detail_type: None,
                from,
                to,
                after,
                newest_first,
                limit,
            };
            all.push(("event", log::events_step(&events).sql.into_owned()));
        }
    }
    for (table, text) in all {
        let plan = explain(&client, &text).await;
        let serves =
            |line: &str| line.contains("Index Cond: ((ROW(account, ") && line.matches("account").count() == 2;
        let index = format!("{table}_by_account_time");
        assert!(
            plan.contains(&index) && plan.lines().any(serves),
            "{text}\n{plan}"
        );
    }
    // And records and former versions by where they lie.
    for (account, catalog) in [
        (Some(ACCOUNT), None),
        (Some(ACCOUNT), Some(CATALOG)),
        (None, Some(CATALOG)),
    ] {
        let target = reset::Target::new(account, catalog).unwrap();
        for text in reset::statements(&target)
            .iter()
            .filter(|text| text.contains("tenant"))
        {
            let plan = explain(&client, text).await;
            let serves = |line: &str| {
                line.contains("Index Cond: ((tenant = ") || line.contains("Index Cond: (tenant = ")
            };
            assert!(plan.lines().any(serves), "{text}\n{plan}");
        }
    }
}

/// Statements as they stand in the source.
mod source {
    use std::path::Path;

    /// Rooms whose statements look at everything by their nature, or at what are no tables of cosell's; and lists, whose
    /// statements have a test of their own.
    const OTHER_ROOMS: [&str; 11] = [
        "costs.rs",
        "gather.rs",
        "migrate.rs",
        "plans.rs",
        "position.rs",
        "read.rs of transfer",
        "session.rs",
        "statistics.rs",
        "steps.rs",
        "upkeep.rs",
        "walk.rs",
    ];

    /// Statements that look at everything, or are no statements yet.
    const OTHERS: [&str; 6] = [
        // A table with a row for each server.
        "SELECT marker FROM commit_marker WHERE made_at",
        // The beginning of one.
        "WITH c AS (UPDATE log_counter SET event=event+$1",
        // An import.
        "DELETE FROM {table}",
        "SELECT (SELECT coalesce(max(seq), 0) FROM idempotency)",
        "UPDATE log_counter SET event=(SELECT",
        // What the database knows of its own time.
        "SELECT (extract(epoch FROM clock_timestamp())",
    ];

    #[derive(Debug)]
    pub(super) struct Statement {
        #[allow(dead_code, reason = "for who reads a failure")]
        file: String,
        pub(super) text: String,
    }

    impl Statement {
        pub(super) fn is_put_together(&self) -> bool {
            self.text.contains('{')
        }

        /// The longest part that is in every statement that comes of it.
        pub(super) fn longest_part(&self) -> &str {
            let parts = self.text.split(['{', '}']).step_by(2);
            parts.max_by_key(|part| part.len()).unwrap_or(&self.text)
        }
    }

    pub(super) fn statements() -> Vec<Statement> {
        let mut all = Vec::new();
        look_into(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
        all
    }

    fn look_into(folder: &Path, all: &mut Vec<Statement>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                look_into(&path, all);
                continue;
            }
            let mut file = path.file_name().unwrap().to_string_lossy().into_owned();
            if file == "read.rs" && folder.ends_with("transfer") {
                file.push_str(" of transfer");
            }
            if OTHER_ROOMS.contains(&&*file) {
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            // What is for tests comes last.
            let own = source.split("#[cfg(test)]").next().unwrap_or_default();
            for verb in ["SELECT ", "UPDATE ", "DELETE ", "WITH "] {
                for (at, begin) in own.match_indices(&format!("\"{verb}")) {
                    let text = literal(&own[at + 1..begin.len() + at], &own[at + begin.len()..]);
                    if !OTHERS.iter().any(|head| text.starts_with(head)) {
                        let file = file.clone();
                        all.push(Statement { file, text });
                    }
                }
            }
        }
    }

    /// The value of a literal that begins with `head`, and goes on with `rest` up to its end.
    fn literal(head: &str, rest: &str) -> String {
        let mut text = head.to_owned();
        let mut letters = rest.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '"' => break,
                '\\' if letters.peek() == Some(&'\n') => {
                    while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
                }
                '\\' => text.extend(letters.next()),
                letter => text.push(letter),
            }
        }
        text
    }
}
