//! The statements, generated from the static descriptions of the kinds.
//!
//! This is the one place that writes SQL about records. It must never take in a value: values are bound, names come
//! from [`KindSpec`] only.

use cosell_store::{Kind, KindSpec};
use std::fmt::Write as _;
use std::sync::LazyLock;

/// Reads document and private part by key (`?1` tenant, `?2` id): the narrow row is found in its key index alone.
pub(crate) fn get(kind: Kind) -> &'static str {
    &of(kind).get
}

/// Reads row number, version and all index columns by key (`?1` tenant, `?2` id).
pub(crate) fn find(kind: Kind) -> &'static str {
    &of(kind).find
}

/// Inserts the narrow row: tenant, id, version, the columns in their order, summary.
pub(crate) fn insert(kind: Kind) -> &'static str {
    &of(kind).insert
}

/// Inserts the body: row, version, document, private.
pub(crate) fn insert_body(kind: Kind) -> &'static str {
    &of(kind).insert_body
}

/// Replaces the body: row, version, document, private.
pub(crate) fn update_body(kind: Kind) -> &'static str {
    &of(kind).update_body
}

/// Deletes the narrow row by row number.
pub(crate) fn delete(kind: Kind) -> &'static str {
    &of(kind).delete
}

/// Deletes the body by row number.
pub(crate) fn delete_body(kind: Kind) -> &'static str {
    &of(kind).delete_body
}

/// Keeps the present version of a row in the history: row, time.
pub(crate) fn keep(kind: Kind) -> &'static str {
    &of(kind).keep
}

/// Replaces version, summary and those columns whose bit is set in `changed`: row, version, summary, then the changed
/// columns in their order. Indexes over unchanged columns are not touched, which is most of what an update would cost.
pub(crate) fn update(kind: Kind, changed: u32) -> String {
    let spec = kind.spec();
    let mut sql = format!("UPDATE {} SET version=?2, summary=?3", spec.table);
    let mut place = 4;
    for (bit, column) in spec.columns.iter().enumerate() {
        if changed & (1 << bit) != 0 {
            let _ = write!(sql, ", {}=?{place}", column.name);
            place += 1;
        }
    }
    sql.push_str(" WHERE row=?1");
    sql
}

/// Name of the database index over these columns; the key index for no columns at all.
pub(crate) fn index_name(spec: &KindSpec, columns: &[&str]) -> String {
    if columns.is_empty() {
        format!("{}_by_id", spec.table)
    } else {
        format!("{}_by_{}", spec.table, columns.join("_"))
    }
}

struct Texts {
    get: String,
    find: String,
    insert: String,
    insert_body: String,
    update_body: String,
    delete: String,
    delete_body: String,
    keep: String,
}

fn of(kind: Kind) -> &'static Texts {
    static ALL: LazyLock<[Texts; Kind::ALL.len()]> = LazyLock::new(|| Kind::ALL.map(texts));
    // `Kind::ALL` lists the kinds in the order of their declaration, as a test below makes sure.
    &ALL[kind as usize]
}

fn texts(kind: Kind) -> Texts {
    let spec = kind.spec();
    let table = spec.table;
    let mut columns = String::new();
    let mut marks = String::new();
    for (place, column) in spec.columns.iter().enumerate() {
        let _ = write!(columns, ", {}", column.name);
        let _ = write!(marks, ", ?{}", place + 4);
    }
    let last = spec.columns.len() + 4;
    Texts {
        get: format!(
            "SELECT b.version, b.document, b.private FROM {table} INDEXED BY {table}_by_id \
             CROSS JOIN {table}_body AS b ON b.row = {table}.row WHERE tenant=?1 AND id=?2"
        ),
        find: format!(
            "SELECT row, version{columns} FROM {table} INDEXED BY {table}_by_id WHERE tenant=?1 AND id=?2"
        ),
        insert: format!(
            "INSERT INTO {table} (tenant, id, version{columns}, summary) VALUES (?1, ?2, ?3{marks}, ?{last})"
        ),
        insert_body: format!(
            "INSERT INTO {table}_body (row, version, document, private) VALUES (?1, ?2, ?3, ?4)"
        ),
        update_body: format!("UPDATE {table}_body SET version=?2, document=?3, private=?4 WHERE row=?1"),
        delete: format!("DELETE FROM {table} WHERE row=?1"),
        delete_body: format!("DELETE FROM {table}_body WHERE row=?1"),
        keep: crate::history::keep_sql(kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cosell_store::ColumnType;
    use rusqlite::Connection;

    fn fresh() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        crate::migrate::migrate(&mut connection).unwrap();
        connection
    }

    #[test]
    fn kinds_are_listed_in_the_order_of_their_declaration() {
        for (place, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place);
        }
    }

    #[test]
    fn the_schema_has_exactly_the_columns_and_indexes_of_the_description() {
        let connection = fresh();
        for kind in Kind::ALL {
            let spec = kind.spec();
            let mut want = vec![
                "row INTEGER 0",
                "tenant INTEGER 1",
                "id TEXT 1",
                "version INTEGER 1",
            ]
            .into_iter()
            .map(String::from)
            .collect::<Vec<_>>();
            for column in spec.columns {
                let ty = if column.ty == ColumnType::Text {
                    "TEXT"
                } else {
                    "INTEGER"
                };
                want.push(format!("{} {ty} {}", column.name, u8::from(!column.nullable)));
            }
            want.push("summary TEXT 1".into());
            want.sort();
            let mut statement = connection
                .prepare(
                    "SELECT name || ' ' || type || ' ' || \"notnull\" FROM pragma_table_info(?1) ORDER BY 1",
                )
                .unwrap();
            let have: Vec<String> = statement
                .query_map([spec.table], |r| r.get(0))
                .unwrap()
                .map(Result::unwrap)
                .collect();
            assert_eq!(have, want, "{}", spec.table);

            let mut want = vec![(index_name(spec, &[]), "tenant,id".to_owned(), false)];
            for index in spec.indexes {
                want.push((
                    index_name(spec, index.columns),
                    format!("tenant,{},id", index.columns.join(",")),
                    index.sparse,
                ));
            }
            want.sort();
            let mut statement = connection
                .prepare(
                    "SELECT l.name, (SELECT group_concat(name, ',') FROM (SELECT name FROM pragma_index_info(l.name) \
                     ORDER BY seqno)), partial FROM pragma_index_list(?1) AS l ORDER BY l.name",
                )
                .unwrap();
            let have: Vec<(String, String, bool)> = statement
                .query_map([spec.table], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
                .unwrap()
                .map(Result::unwrap)
                .collect();
            assert_eq!(have, want, "{}", spec.table);
        }
    }

    #[test]
    fn only_the_first_column_of_an_order_may_be_null_since_pages_rely_on_it() {
        for kind in Kind::ALL {
            let spec = kind.spec();
            for index in spec.indexes {
                // Columns before the order are held to values when the index is walked.
                let orders = spec.sorts.iter().map(|s| s.order);
                let longest = orders
                    .filter(|o| index.columns.ends_with(o))
                    .map(<[_]>::len)
                    .max();
                let order_from = index.columns.len() - longest.unwrap();
                for later in &index.columns[order_from.max(1)..] {
                    assert!(!spec.column(later).unwrap().nullable, "{} {later}", spec.table);
                }
            }
        }
    }

    #[test]
    fn statements_by_key_search_an_index_and_never_scan() {
        let connection = fresh();
        for kind in Kind::ALL {
            for sql in [
                get(kind),
                find(kind),
                delete(kind),
                delete_body(kind),
                update_body(kind),
            ] {
                let plan = crate::list::plan_of(&connection, sql);
                assert!(plan.iter().all(|line| line.contains("SEARCH")), "{sql}\n{plan:?}");
            }
        }
    }
}
