//! Lists: which index serves a query, and the walk over it.
//!
//! The law of cost, which tests and the measurements in `examples/` hold this room to:
//! * A sort without filters, a range on the sort's own column, and an `In` filter with an index of its own in the order
//!   of the sort cost one index seek and as many rows as the page shows. `In` with several values is one ordered stream
//!   for each value, merged here. An `In` with one value on the column that follows in that index narrows the stream
//!   further, as a range does. Where two columns come before the order in an index, an `In` with one value on the first
//!   and an `In` on the second are served together.
//! * `id In (…)` costs one point read for each id.
//! * Any other filter is checked on the rows of the walk (a *residual* filter). With `n` rows in the tenant of which `m`
//!   match, the walk meets a page of `p` after about `p·n/m` rows, while gathering the matches by the filter's own
//!   index and sorting them here costs `m`. Nobody knows `m` beforehand, so both are tried with budgets that grow
//!   fourfold (256, 1024, 4096, 16384 rows): the cost stays within a small factor of the cheaper way, which is never
//!   more than about the square root of `p·n`.
//! * After [`BUDGET`] rows a page ends early with a cursor, whatever it has found. That happens where many rows match
//!   but lie far from where the walk starts (a filter that runs against the sort).
//!
//! No statement here scans a table or sorts in the database; a test explains every one of them. Nothing here may read
//! a body table.

mod gather;
mod shape;
mod walk;

use crate::error::read_error;
use cosell_store::{Cursor, Filter, Item, KindSpec, Page, Query, StoreError, Value};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, Row};
use std::cmp::Ordering;

/// Rows one page may look at before it ends early.
pub(crate) const BUDGET: usize = 20_000;

/// A value on its way into a statement.
pub(crate) struct Bind<'a>(pub &'a Value);

impl rusqlite::ToSql for Bind<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Integer(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

/// One page of a validated query, for a tenant that exists.
pub(crate) fn page(connection: &Connection, tenant: i64, query: &Query) -> Result<Page, StoreError> {
    let Some(spec) = query.kind.spec().sort(query.sort.by) else {
        return Err(StoreError::Invalid(format!("there is no sort {}", query.sort.by)));
    };
    let ask = Ask {
        tenant,
        query,
        spec: query.kind.spec(),
        order: spec.order,
    };
    if query
        .filters
        .iter()
        .any(|f| matches!(f, Filter::In(_, values) if values.iter().all(Value::is_null)))
    {
        return Ok(Page::default());
    }
    let by_id = query
        .filters
        .iter()
        .position(|f| matches!(f, Filter::In("id", _)));
    if !connection.is_autocommit() {
        // Only a reader that panicked in the middle of a page leaves its transaction open.
        connection.execute_batch("ROLLBACK").map_err(|e| read_error(&e))?;
    }
    // Several statements must see one moment, or a row that changes in between could be shown twice or not at all.
    prepare(connection, "BEGIN")
        .and_then(|mut s| s.execute([]))
        .map_err(|e| read_error(&e))?;
    let page = match by_id {
        Some(place) => gather::points(connection, &ask, place),
        None => walk::walk(connection, &ask),
    };
    let end = prepare(connection, "COMMIT").and_then(|mut s| s.execute([]));
    let page = page.map_err(|e| read_error(&e))?;
    end.map_err(|e| read_error(&e))?;
    Ok(page)
}

/// A question with what is known about it.
struct Ask<'q> {
    tenant: i64,
    query: &'q Query,
    spec: &'static KindSpec,
    order: &'static [&'static str],
}

/// The place of a row in the order of the list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    values: Vec<Value>,
    id: String,
}

impl Place {
    fn cursor(self) -> Cursor {
        Cursor {
            values: self.values,
            id: self.id,
        }
    }
}

impl Ask<'_> {
    fn compare(&self, a: &Place, b: &Place) -> Ordering {
        if self.query.sort.descending {
            b.cmp(a)
        } else {
            a.cmp(b)
        }
    }

    /// Whether a place comes after the cursor.
    fn is_after_cursor(&self, place: &Place) -> bool {
        let Some(after) = &self.query.after else {
            return true;
        };
        let order = place
            .values
            .cmp(&after.values)
            .then_with(|| place.id.cmp(&after.id));
        order
            == if self.query.sort.descending {
                Ordering::Less
            } else {
                Ordering::Greater
            }
    }

    /// The filters that a row must still be checked for, with the columns they need.
    fn residual(&self, served: impl Fn(usize) -> bool) -> Vec<&Filter> {
        self.query
            .filters
            .iter()
            .enumerate()
            .filter(|(n, _)| !served(*n))
            .map(|(_, f)| f)
            .collect()
    }
}

/// Whether a database value passes a filter, without copying it.
fn passes(filter: &Filter, value: ValueRef<'_>) -> bool {
    match filter {
        Filter::In(_, values) => values.iter().any(|v| compare(value, v) == Some(Ordering::Equal)),
        Filter::NotIn(_, values) => {
            value != ValueRef::Null && values.iter().all(|v| compare(value, v) != Some(Ordering::Equal))
        }
        Filter::Range { from, to, .. } => {
            value != ValueRef::Null
                && from
                    .as_ref()
                    .is_none_or(|f| compare(value, f).is_some_and(Ordering::is_ge))
                && to
                    .as_ref()
                    .is_none_or(|t| compare(value, t).is_some_and(Ordering::is_le))
        }
    }
}

fn compare(a: ValueRef<'_>, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (ValueRef::Integer(a), Value::Integer(b)) => Some(a.cmp(b)),
        (ValueRef::Text(a), Value::Text(b)) => Some(a.cmp(b.as_bytes())),
        _ => None,
    }
}

/// The value in a column of a row.
pub(crate) fn value(row: &Row<'_>, column: usize) -> rusqlite::Result<Value> {
    Ok(match row.get_ref(column)? {
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Text(_) => Value::Text(row.get(column)?),
        _ => Value::Null,
    })
}

/// The place of a row that has its id in one column and the order's columns from another one on.
fn place(row: &Row<'_>, id: usize, order_from: usize, order: usize) -> rusqlite::Result<Place> {
    let mut values = Vec::with_capacity(order);
    for column in order_from..order_from + order {
        values.push(value(row, column)?);
    }
    Ok(Place {
        values,
        id: row.get(id)?,
    })
}

/// The item of a row that has its id, version and summary in these columns.
fn item(row: &Row<'_>, id: usize, version: usize, summary: usize) -> rusqlite::Result<Item> {
    Ok(Item {
        id: row.get(id)?,
        version: row.get(version)?,
        summary: bytes_of(row, summary)?,
    })
}

/// A text or blob column, copied as it is.
pub(crate) fn bytes_of(row: &Row<'_>, column: usize) -> rusqlite::Result<bytes::Bytes> {
    match row.get_ref(column)? {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Ok(bytes::Bytes::copy_from_slice(bytes)),
        other => Err(rusqlite::Error::InvalidColumnType(
            column,
            "text".into(),
            other.data_type(),
        )),
    }
}

/// A kept statement.
fn prepare<'c>(connection: &'c Connection, sql: &str) -> rusqlite::Result<CachedStatement<'c>> {
    #[cfg(test)]
    tests::note(sql);
    connection.prepare_cached(sql)
}

/// The steps SQLite would take for a statement, in words.
#[cfg(test)]
pub(crate) fn plan_of(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let unbound = (1..=statement.parameter_count())
        .map(|_| rusqlite::types::Null)
        .collect::<Vec<_>>();
    statement
        .query_map(rusqlite::params_from_iter(unbound), |row| row.get("detail"))
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

#[cfg(test)]
mod tests;
