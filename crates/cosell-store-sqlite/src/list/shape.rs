//! The ordered streams that serve a query, and their statements.
//!
//! A stream is one contiguous stretch of one index, walked in the order of the list. NULLs make a stretch of their own,
//! because no comparison reaches them.

use super::Ask;
use crate::sql;
use cosell_store::{ColumnType, Filter, Value};
use std::fmt::Write as _;

/// What the index column after the lead is held to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fixed {
    /// Nothing: the stream runs over the column's values.
    Free,
    /// One value.
    Equal(Value),
    /// NULL.
    Null,
}

/// One stretch of an index.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    /// Columns of the index, without tenant and id.
    pub index: &'static [&'static str],
    /// The one value that the index's first column is held to, where two columns lead the order.
    pub lead: Option<Value>,
    pub fixed: Fixed,
    /// Where it starts in walking direction: values for the leading columns of the tail, and whether a row there is in.
    pub start: Option<(Vec<Value>, Inclusive)>,
    /// Where it ends in walking direction (included), for the first column of the tail.
    pub end: Option<Value>,
}

pub(super) type Inclusive = bool;

/// The streams of a query.
#[derive(Debug)]
pub(super) struct Streams {
    pub streams: Vec<Stream>,
    /// Whether they must be merged; otherwise one follows the other.
    pub merge: bool,
    /// Which filters they serve already.
    pub served: Vec<usize>,
}

impl Stream {
    /// The columns that order the rows of the stream: those of the index that are not fixed, then the id.
    pub(super) fn tail(&self) -> Vec<&'static str> {
        let skip = usize::from(self.lead.is_some()) + usize::from(self.fixed != Fixed::Free);
        self.index.iter().skip(skip).copied().chain(["id"]).collect()
    }

    /// The statement that walks it, selecting `columns`. Parameters: `?1` tenant, then in the order of [`Self::binds`].
    /// Statements that are open at the same time need different `slot`s, since each kept statement has one cursor.
    pub(super) fn sql(&self, ask: &Ask<'_>, columns: &str, slot: usize) -> String {
        let table = ask.spec.table;
        let tail = self.tail();
        let descending = ask.query.sort.descending;
        let mut sql = String::with_capacity(320);
        let _ = write!(
            sql,
            "SELECT {columns} FROM {table} INDEXED BY {} WHERE tenant=?1",
            sql::index_name(ask.spec, self.index)
        );
        let mut number = 1;
        let mut leading = self.index.iter();
        if self.lead.is_some()
            && let Some(column) = leading.next()
        {
            number += 1;
            let _ = write!(sql, " AND {column}=?{number}");
        }
        match (&self.fixed, leading.next()) {
            (Fixed::Equal(_), Some(column)) => {
                number += 1;
                let _ = write!(sql, " AND {column}=?{number}");
            }
            (Fixed::Null, Some(column)) => {
                let _ = write!(sql, " AND {column} IS NULL");
            }
            _ => {}
        }
        let (forward, back) = if descending { ("<", ">") } else { (">", "<") };
        if let Some((values, inclusive)) = &self.start {
            let equal = if *inclusive { "=" } else { "" };
            if values.len() == 1 {
                number += 1;
                let _ = write!(sql, " AND {}{forward}{equal}?{number}", tail[0]);
            } else {
                let marks: Vec<String> = (0..values.len())
                    .map(|n| format!("?{}", number + 1 + n))
                    .collect();
                let _ = write!(
                    sql,
                    " AND ({}){forward}{equal}({})",
                    tail[..values.len()].join(","),
                    marks.join(",")
                );
                number += values.len();
            }
        }
        if self.end.is_some() {
            number += 1;
            let _ = write!(sql, " AND {}{back}=?{number}", tail[0]);
        }
        sql.push_str(" ORDER BY ");
        for (n, column) in tail.iter().enumerate() {
            let _ = write!(
                sql,
                "{}{column}{}",
                if n > 0 { "," } else { "" },
                if descending { " DESC" } else { "" }
            );
        }
        if slot > 0 {
            let _ = write!(sql, " /*{slot}*/");
        }
        sql
    }

    /// The values of the statement's parameters after the tenant.
    pub(super) fn binds(&self) -> impl Iterator<Item = &Value> {
        let fixed = match &self.fixed {
            Fixed::Equal(value) => Some(value),
            Fixed::Free | Fixed::Null => None,
        };
        let start = self.start.iter().flat_map(|(values, _)| values);
        self.lead.iter().chain(fixed).chain(start).chain(&self.end)
    }
}

/// The smallest value of a type that is not NULL.
pub(super) fn smallest(ty: ColumnType) -> Value {
    match ty {
        ColumnType::Text => Value::Text(String::new()),
        ColumnType::Integer => Value::Integer(i64::MIN),
    }
}

/// Chooses the streams of a query.
pub(super) fn streams(ask: &Ask<'_>) -> Streams {
    for index in ask.spec.indexes {
        let (first, rest) = (index.columns[0], &index.columns[1..]);
        let own_order = index.columns == ask.order;
        if own_order || rest == ask.order {
            if let Some((n, values)) = any_of(ask, first) {
                return build(
                    ask,
                    index.columns,
                    None,
                    fixed_to(ask, values),
                    own_order,
                    vec![n],
                );
            }
        } else if let [second, tail @ ..] = rest
            && tail == ask.order
            && let Some((n, lead)) = any_of(ask, first)
            && let [lead] = lead[..]
            && let Some((m, values)) = any_of(ask, second)
        {
            let lead = Some(lead.clone());
            return build(ask, index.columns, lead, fixed_to(ask, values), false, vec![n, m]);
        }
    }
    let mut fixed = vec![Fixed::Free];
    if let Some(first) = ask.order.first()
        && ask.spec.column(first).is_some_and(|c| c.nullable)
        && !ask.query.filters.iter().any(|f| f.column() == *first)
    {
        // NULL is the smallest value.
        fixed.insert(if ask.query.sort.descending { 1 } else { 0 }, Fixed::Null);
    }
    build(ask, ask.order, None, fixed, true, vec![])
}

/// The first filter that names the values of a column, with those values: distinct, ascending, without NULL.
fn any_of<'a>(ask: &Ask<'a>, wanted: &str) -> Option<(usize, Vec<&'a Value>)> {
    let filters = ask.query.filters.iter().enumerate();
    let mut named = filters.filter_map(|(n, filter)| match filter {
        Filter::In(column, values) if *column == wanted => Some((n, values)),
        _ => None,
    });
    let (n, values) = named.next()?;
    let mut values: Vec<&Value> = values.iter().filter(|v| !v.is_null()).collect();
    values.sort();
    values.dedup();
    Some((n, values))
}

fn fixed_to(ask: &Ask<'_>, mut values: Vec<&Value>) -> Vec<Fixed> {
    if ask.query.sort.descending {
        values.reverse();
    }
    values.into_iter().map(|v| Fixed::Equal(v.clone())).collect()
}

/// One stream for each way to fix the first column (after the lead), narrowed by cursor and ranges. `own_order`: the
/// index is the one of the sort itself, so the fixed column is also the first of the order, and streams follow each
/// other. `served`: the filters that lead and fixed values stand for.
fn build(
    ask: &Ask<'_>,
    index: &'static [&'static str],
    lead: Option<Value>,
    fixed: Vec<Fixed>,
    own_order: bool,
    mut served: Vec<usize>,
) -> Streams {
    let merge = !own_order && fixed.len() > 1;
    // Ranges (and an `In` with one value) serve the stream if they are about its first free column, which is the same
    // for all streams but the one of NULLs; and where there is one of NULLs there is no filter on that column.
    let free = &index[served.len()..];
    let (mut low, mut high) = (None, None);
    let first_free = free.first().copied().unwrap_or("id");
    for (n, filter) in ask.query.filters.iter().enumerate() {
        if filter.column() != first_free {
            continue;
        }
        let (from, to) = match filter {
            Filter::Range { from, to, .. } => (from.clone(), to.clone()),
            Filter::In(_, values) => match only(values) {
                Some(value) => (Some(value.clone()), Some(value.clone())),
                None => continue,
            },
            Filter::NotIn(..) => continue,
        };
        served.push(n);
        low = low.max(from);
        high = match (high, to) {
            (Some(a), Some(b)) => Some(std::cmp::min::<Value>(a, b)),
            (a, b) => a.or(b),
        };
    }
    let mut streams = Vec::with_capacity(fixed.len());
    for fixed in fixed {
        let mut stream = Stream {
            index,
            lead: lead.clone(),
            fixed,
            start: None,
            end: None,
        };
        let Some(cursor) = cursor_of(ask, &stream, own_order) else {
            continue;
        };
        let (mut low, high) = if stream.fixed == Fixed::Null {
            (None, None)
        } else {
            (low.clone(), high.clone())
        };
        let nullable = stream.fixed == Fixed::Free && ask.spec.column(first_free).is_some_and(|c| c.nullable);
        if nullable && low.is_none() {
            low = ask.spec.column(first_free).map(|c| smallest(c.ty));
        }
        let descending = ask.query.sort.descending;
        let (from, to) = if descending { (high, low) } else { (low, high) };
        stream.start = match (cursor, from) {
            (Some(cursor), Some(from)) if outside(&cursor[0], &from, descending) => Some((vec![from], true)),
            (Some(cursor), _) => Some((cursor, false)),
            (None, from) => from.map(|f| (vec![f], true)),
        };
        stream.end = to;
        streams.push(stream);
    }
    Streams {
        streams,
        merge,
        served,
    }
}

/// The one value that an `In` filter lets pass; `None` if there are several.
fn only(values: &[Value]) -> Option<&Value> {
    let mut real = values.iter().filter(|v| !v.is_null());
    let first = real.next()?;
    real.all(|v| v == first).then_some(first)
}

/// Whether a cursor lies before the start of a range, so that the range decides.
fn outside(cursor: &Value, from: &Value, descending: bool) -> bool {
    if descending { cursor > from } else { cursor < from }
}

/// The part of the cursor that a stream must start after; `None` if the stream lies wholly before the cursor.
#[allow(clippy::option_option)]
fn cursor_of(ask: &Ask<'_>, stream: &Stream, own_order: bool) -> Option<Option<Vec<Value>>> {
    let Some(after) = &ask.query.after else {
        return Some(None);
    };
    let id = || Value::Text(after.id.clone());
    let descending = ask.query.sort.descending;
    let whole = || after.values.iter().cloned().chain([id()]).collect();
    let own = match &stream.fixed {
        Fixed::Equal(_) if !own_order => return Some(Some(whole())),
        Fixed::Equal(value) => value.clone(),
        Fixed::Null => Value::Null,
        Fixed::Free => {
            return match after.values.first() {
                // The free stretch has no NULLs: it lies wholly behind them, or wholly before.
                Some(Value::Null) if descending => None,
                Some(Value::Null) => Some(None),
                _ => Some(Some(whole())),
            };
        }
    };
    let ahead = own.cmp(&after.values[0]);
    let ahead = if descending { ahead.reverse() } else { ahead };
    match ahead {
        std::cmp::Ordering::Less => None,
        std::cmp::Ordering::Equal => Some(Some(after.values[1..].iter().cloned().chain([id()]).collect())),
        std::cmp::Ordering::Greater => Some(None),
    }
}
