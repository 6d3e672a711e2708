//! The other way: read all matches of one filter, then filter, sort and cut them.
//!
//! The matches are read first and by themselves, so that the planner cannot walk the order of the list instead.

use super::{Ask, Draft, cut};
use crate::error::Failure;
use crate::session::{Session, Step};
use crate::sql;
use cosell_store::{Filter, Page, Value};

/// The filters that have an index to gather by.
pub(super) fn candidates<'q>(ask: &Ask<'q>, residual: &[&'q Filter]) -> Vec<&'q Filter> {
    let has_index = |column| column == "id" || ask.spec.indexes.iter().any(|i| i.columns[0] == column);
    let gathers = |filter: &&&Filter| match filter {
        Filter::NotIn(_, values) => values.iter().all(Value::is_null),
        Filter::In(..) | Filter::Range { .. } => true,
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

/// Counts the matches of a filter, up to a bound.
pub(super) fn count_of<'q>(ask: &Ask<'q>, by: &'q Filter, most: usize) -> Step<'q> {
    let mut draft = Draft::new(ask);
    let condition = draft.condition(by);
    draft.push(&format!(
        "SELECT count(*) FROM (SELECT 1 FROM {} WHERE tenant=$1 AND catalog=$2 AND {condition} LIMIT {}) AS c",
        sql::table(ask.spec),
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
    let matches = draft.condition(by);
    let others: Vec<&Filter> = ask
        .query
        .filters
        .iter()
        .filter(|f| !std::ptr::eq(*f, by))
        .collect();
    draft.push(&format!(
        "WITH m AS MATERIALIZED (SELECT {} FROM {} WHERE tenant=$1 AND catalog=$2 AND {matches}) SELECT {} FROM m WHERE ",
        ask.needed(&others),
        sql::table(ask.spec),
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
