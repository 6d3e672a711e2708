//! The other way: read all matches of one filter, then filter, sort and cut them.
//!
//! The matches are read first and by themselves, so that the planner cannot walk the order of the list instead; value by
//! value, so that it cannot read everything and compare; and in the order of the filter's own index, so that it cannot hold
//! another for as good.

use super::{Ask, Draft, all, cut};
use crate::error::Failure;
use crate::session::{Session, Step};
use crate::sql;
use cosell_store::{ColumnType, Filter, Page, Value};

/// The filters that have an index to gather by.
pub(super) fn candidates<'q>(ask: &Ask<'q>, residual: &[&'q Filter]) -> Vec<&'q Filter> {
    let has_index = |column| column == "id" || ask.spec.indexes.iter().any(|i| i.columns[0] == column);
    // That a value is not one of some, or is there at all, excludes too little, as a rule.
    let gathers = |filter: &&&Filter| match filter {
        Filter::NotIn(..) => false,
        Filter::Range { from, to, .. } => from.is_some() || to.is_some(),
        Filter::In(..) => true,
    };
    let found = residual.iter().filter(gathers).filter(|f| has_index(f.column()));
    found.copied().collect()
}

/// The first filter with at most `most` matches.
pub(super) async fn worth<'q>(
    session: &Session,
    ask: &Ask<'q>,
    residual: &[&'q Filter],
    most: usize,
) -> Result<Option<&'q Filter>, Failure> {
    for by in candidates(ask, residual) {
        let row = session.row(&count_of(ask, by, most)).await?;
        let count: i64 = row.map_or(Ok(0), |row| row.try_get(0))?;
        if usize::try_from(count).is_ok_and(|count| count <= most) {
            return Ok(Some(by));
        }
    }
    Ok(None)
}

/// The rows that a filter lets pass, at most `limit` of them for each of its values: what follows a `FROM`.
fn matches<'q>(
    ask: &Ask<'q>,
    draft: &mut Draft<'q>,
    by: &'q Filter,
    columns: &str,
    limit: Option<usize>,
) -> String {
    let limit = limit.map(|limit| format!(" LIMIT {limit}"));
    // Without a limit, this keeps the planner from taking the part for one with the whole.
    let limit = limit.unwrap_or_else(|| " OFFSET 0".to_owned());
    let column = by.column();
    // The index that has this order is that of the filter, and no other.
    let order = format!("ORDER BY {}", ask.ordered(column));
    let from = format!(
        "SELECT {columns} FROM {} WHERE tenant=$1 AND catalog=$2 AND",
        sql::table(ask.spec)
    );
    let Filter::In(_, values) = by else {
        let condition = draft.condition(by);
        return format!("({from} {condition} {order}{limit}) AS t");
    };
    let is_number = ask
        .spec
        .column(column)
        .is_some_and(|c| c.ty == ColumnType::Integer);
    let ty = if is_number { "bigint" } else { "text" };
    let values = draft.bind(all(values));
    // Not an equation, after which the order would be in every index.
    let condition = format!("{column} >= v.x AND {column} <= v.x");
    format!("unnest({values}::{ty}[]) AS v (x) CROSS JOIN LATERAL ({from} {condition} {order}{limit}) AS t")
}

/// Counts the matches of a filter, up to a bound.
pub(super) fn count_of<'q>(ask: &Ask<'q>, by: &'q Filter, most: usize) -> Step<'q> {
    let mut draft = Draft::new(ask);
    let matches = matches(ask, &mut draft, by, "1", Some(most + 1));
    draft.push(&format!(
        "SELECT count(*) FROM (SELECT 1 FROM {matches} LIMIT {}) AS c",
        most + 1
    ));
    draft.step()
}

/// The page, by the matches of one filter.
pub(super) async fn gather(session: &Session, ask: &Ask<'_>, by: &Filter) -> Result<Page, Failure> {
    let rows = session.query(&step_of(ask, by)).await?;
    Ok(cut(ask, &rows)?)
}

pub(super) fn step_of<'q>(ask: &Ask<'q>, by: &'q Filter) -> Step<'q> {
    let mut draft = Draft::new(ask);
    let others: Vec<&Filter> = ask
        .query
        .filters
        .iter()
        .filter(|f| !std::ptr::eq(*f, by))
        .collect();
    let matches = matches(ask, &mut draft, by, &ask.needed(&others), None);
    draft.push(&format!(
        "WITH m AS MATERIALIZED (SELECT t.* FROM {matches}) SELECT {} FROM m WHERE ",
        ask.shown()
    ));
    let conditions = draft.conditions(&others);
    draft.push(&conditions);
    let after = after_cursor(ask, &mut draft);
    draft.push(&format!(
        "{after} ORDER BY {} LIMIT {}",
        ask.whole_order(),
        ask.query.limit + 1
    ));
    draft.step()
}

/// That a row comes after the cursor, in SQL. Only the first column of an order may be NULL.
fn after_cursor<'q>(ask: &Ask<'q>, draft: &mut Draft<'q>) -> String {
    let Some(after) = &ask.query.after else {
        return String::new();
    };
    let descending = ask.descending();
    let sign = if descending { "<" } else { ">" };
    let is_null = after.values.first().is_some_and(Value::is_null);
    let skipped = usize::from(is_null);
    let columns: Vec<&str> = ask.order[skipped..].iter().copied().chain(["id"]).collect();
    let mut marks: Vec<String> = after.values[skipped..]
        .iter()
        .map(|v| draft.bind(v.into()))
        .collect();
    marks.push(draft.bind(crate::param::Param::text(&after.id)));
    let behind = format!("({}) {sign} ({})", columns.join(", "), marks.join(", "));
    let first = ask.order.first().copied().unwrap_or("id");
    let nullable = ask.spec.column(first).is_some_and(|c| c.nullable);
    match (is_null, descending, nullable) {
        (true, false, _) => format!(" AND ({first} IS NOT NULL OR {behind})"),
        (true, true, _) => format!(" AND ({first} IS NULL AND {behind})"),
        (false, true, true) => format!(" AND ({first} IS NULL OR {behind})"),
        (false, ..) => format!(" AND {behind}"),
    }
}
