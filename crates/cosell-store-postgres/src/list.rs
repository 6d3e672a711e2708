//! Lists: which index serves a query, and the statement that walks it.
//!
//! The law of cost, which tests hold this room to:
//! * A sort without filters, a range on the sort's own column, and an `In` filter with an index of its own in the order of
//!   the sort cost one index seek and as many rows as the page shows. `In` with several values is one ordered stream for
//!   each value; they are the branches of one statement, which the database merges lazily. (Where the values are those of
//!   the sort's own first column it sorts the branches instead, each of which is bounded.)
//! * `id In (…)` costs one point read for each id.
//! * Any other filter is checked on the rows of the walk (a *residual* filter), by the database. A walk looks at a bounded
//!   number of rows of each stream; if the page is not full by then, and a residual filter has an index and few matches,
//!   those are read and sorted instead. Otherwise the walk goes further, in steps up to [`BUDGET`] rows, and then the
//!   page ends early with a cursor. What excludes little as a rule, `NotIn` and presence, is never gathered by.
//!
//! Each page is one statement, so all its rows are of one moment. Numbers of rows stand in the text, not in parameters: the
//! planner must see how few they are. Nothing here reads a document.

mod gather;
mod shape;
mod walk;

use crate::error::Failure;
use crate::param::{Column, Param, Raw, Text};
use crate::records::number;
use crate::session::{Session, Step, step};
use cosell_store::{Cursor, Filter, Item, KindSpec, Page, Query, StoreError, Value};
use std::fmt::Write as _;
use tokio_postgres::{Error, Row};

/// Rows of one stream that a page may look at before it ends early.
pub(crate) const BUDGET: usize = 20_000;
/// The budgets that are tried one after the other. As many matches are gathered at most after each. They grow fourfold, so
/// that all together cost little more than the one that is enough.
const BUDGETS: [usize; 4] = [256, 1_024, 4_096, BUDGET];

/// A question with what is known about it.
pub(crate) struct Ask<'q> {
    query: &'q Query,
    spec: &'static KindSpec,
    order: &'static [&'static str],
}

impl<'q> Ask<'q> {
    /// The question of a validated query.
    pub(crate) fn new(query: &'q Query) -> Result<Self, StoreError> {
        let spec = query.kind.spec();
        let Some(sort) = spec.sort(query.sort.by) else {
            return Err(StoreError::Invalid(format!("there is no sort {}", query.sort.by)));
        };
        Ok(Ask {
            query,
            spec,
            order: sort.order,
        })
    }

    fn descending(&self) -> bool {
        self.query.sort.descending
    }

    /// A column in an `ORDER BY`, just as its index has it: NULL is the smallest value.
    fn ordered(&self, column: &str) -> String {
        let nullable = self.spec.column(column).is_some_and(|c| c.nullable);
        let direction = match (self.descending(), nullable) {
            (false, false) => "",
            (false, true) => " NULLS FIRST",
            (true, false) => " DESC",
            (true, true) => " DESC NULLS LAST",
        };
        format!("{column}{direction}")
    }

    /// The order of the list, for an `ORDER BY`.
    fn whole_order(&self) -> String {
        let columns = self.order.iter().copied().chain(["id"]);
        columns.map(|c| self.ordered(c)).collect::<Vec<_>>().join(", ")
    }

    /// The columns of a row of an answer: id, version, summary, then those of the order.
    fn shown(&self) -> String {
        let mut text = String::from("id, version, summary");
        for column in self.order {
            let _ = write!(text, ", {column}");
        }
        text
    }

    /// Those columns and the ones that filters look at, each once.
    fn needed(&self, filters: &[&Filter]) -> String {
        let mut text = self.shown();
        let mut seen = self.order.to_vec();
        for filter in filters {
            let column = filter.column();
            if column != "id" && !seen.contains(&column) {
                let _ = write!(text, ", {column}");
                seen.push(column);
            }
        }
        text
    }
}

/// The text of a statement in the making, with its parameters. `$1` is the tenant, `$2` the catalog.
struct Draft<'q> {
    text: String,
    params: Vec<Param<'q>>,
}

impl<'q> Draft<'q> {
    fn new(ask: &Ask<'q>) -> Self {
        Draft {
            text: String::with_capacity(512),
            params: vec![Param::text(&ask.query.account), Param::text(&ask.query.catalog)],
        }
    }

    /// The place of a new parameter.
    fn bind(&mut self, param: Param<'q>) -> String {
        self.params.push(param);
        format!("${}", self.params.len())
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// What a filter asks of a row, NULL never passing.
    fn condition(&mut self, filter: &'q Filter) -> String {
        let column = filter.column();
        match filter {
            Filter::In(_, values) => format!("{column} = ANY({})", self.bind(all(values))),
            Filter::NotIn(_, values) if values.iter().all(Value::is_null) => format!("{column} IS NOT NULL"),
            Filter::NotIn(_, values) => format!("{column} <> ALL({})", self.bind(all(values))),
            Filter::Range {
                from: None, to: None, ..
            } => format!("{column} IS NOT NULL"),
            Filter::Range { from, to, .. } => {
                let from = from
                    .as_ref()
                    .map(|v| format!("{column} >= {}", self.bind(v.into())));
                let to = to
                    .as_ref()
                    .map(|v| format!("{column} <= {}", self.bind(v.into())));
                from.into_iter().chain(to).collect::<Vec<_>>().join(" AND ")
            }
        }
    }

    /// All of several filters; `true` for none.
    fn conditions(&mut self, filters: &[&'q Filter]) -> String {
        let all: Vec<_> = filters.iter().map(|f| self.condition(f)).collect();
        match all.is_empty() {
            true => "true".to_owned(),
            false => all.join(" AND "),
        }
    }

    fn step(self) -> Step<'q> {
        step(self.text, self.params)
    }
}

/// The values of a filter that can match anything, each once, as one parameter.
fn all(values: &[Value]) -> Param<'_> {
    let mut values: Vec<&Value> = values.iter().collect();
    values.sort_unstable();
    values.dedup();
    let numbers = values.iter().filter_map(|v| match v {
        Value::Integer(number) => Some(*number),
        _ => None,
    });
    let numbers: Vec<i64> = numbers.collect();
    if !numbers.is_empty() {
        return Param::Ints(numbers);
    }
    let texts = values.iter().filter_map(|v| match v {
        Value::Text(text) => Some(text.as_bytes()),
        _ => None,
    });
    Param::Texts(texts.collect())
}

/// One page of a validated query.
pub(crate) async fn page(session: &Session, query: &Query) -> Result<Page, Failure> {
    let nothing = |f: &Filter| matches!(f, Filter::In(_, values) if values.iter().all(Value::is_null));
    if query.filters.iter().any(nothing) {
        return Ok(Page::default());
    }
    let ask = Ask::new(query)?;
    if let Some(by) = query.filters.iter().find(|f| matches!(f, Filter::In("id", _))) {
        return gather::gather(session, &ask, by).await;
    }
    let Some(plan) = walk::Plan::new(&ask) else {
        return Ok(Page::default());
    };
    if plan.residual.is_empty() {
        let rows = session.query(&plan.step(&ask, None)).await?;
        return Ok(cut(&ask, &rows)?);
    }
    for budget in BUDGETS {
        let rows = session.query(&plan.step(&ask, Some(budget))).await?;
        let (page, is_whole) = walk::read(&ask, &rows, budget)?;
        if is_whole || budget == BUDGET {
            return Ok(page);
        }
        if let Some(by) = gather::worth(session, &ask, &plan.residual, budget).await? {
            return gather::gather(session, &ask, by).await;
        }
    }
    // The last budget has returned.
    Ok(Page::default())
}

/// The page of rows in their order, of which there may be one more than it shows.
fn cut(ask: &Ask<'_>, rows: &[Row]) -> Result<Page, Error> {
    let limit = ask.query.limit;
    let shown = rows.iter().take(limit);
    let items = shown.map(item).collect::<Result<Vec<_>, _>>()?;
    let next = match rows.len() > limit {
        true => Some(place(ask, &rows[limit - 1])?),
        false => None,
    };
    Ok(Page { items, next })
}

fn item(row: &Row) -> Result<Item, Error> {
    Ok(Item {
        id: row.try_get::<_, Text>(0)?.0,
        version: number(row, 1)?,
        summary: row.try_get::<_, Raw>(2)?.0,
    })
}

/// The place of a row in the order of the list.
fn place(ask: &Ask<'_>, row: &Row) -> Result<Cursor, Error> {
    let columns = 3..3 + ask.order.len();
    let values = columns.map(|n| row.try_get::<_, Column>(n).map(|c| c.0));
    Ok(Cursor {
        values: values.collect::<Result<_, _>>()?,
        id: row.try_get::<_, Text>(0)?.0,
    })
}

/// Every statement that a query may come to, to be explained.
#[cfg(test)]
pub(crate) fn statements(query: &Query) -> Vec<String> {
    let ask = Ask::new(query).unwrap();
    if let Some(by) = query.filters.iter().find(|f| matches!(f, Filter::In("id", _))) {
        return vec![gather::step_of(&ask, by).sql.into_owned()];
    }
    let Some(plan) = walk::Plan::new(&ask) else {
        return vec![];
    };
    if plan.residual.is_empty() {
        return vec![plan.step(&ask, None).sql.into_owned()];
    }
    let mut all: Vec<_> = BUDGETS
        .map(|b| plan.step(&ask, Some(b)).sql.into_owned())
        .to_vec();
    for by in gather::candidates(&ask, &plan.residual) {
        all.push(gather::count_of(&ask, by, 1_000).sql.into_owned());
        all.push(gather::step_of(&ask, by).sql.into_owned());
    }
    all
}

/// The most rows that a query may look at by the law of cost; where a filter is left to be checked, if it lets most rows pass,
/// or has an index and few matches. `None` if such a filter has no index.
#[cfg(test)]
pub(crate) fn most_rows(query: &Query) -> Option<usize> {
    let ask = Ask::new(query).unwrap();
    if let Some(Filter::In(_, values)) = query.filters.iter().find(|f| matches!(f, Filter::In("id", _))) {
        return Some(values.len());
    }
    let Some(plan) = walk::Plan::new(&ask) else {
        return Some(0);
    };
    let streams = plan.streams.len();
    if plan.residual.is_empty() {
        return Some(streams * (query.limit + 1));
    }
    let counted = gather::candidates(&ask, &plan.residual).len();
    // Each walked, then each candidate counted, then one gathered.
    (counted > 0).then_some(streams * BUDGETS[0] + (counted + 1) * (BUDGETS[0] + 1))
}
