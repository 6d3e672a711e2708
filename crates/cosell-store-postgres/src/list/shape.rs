//! The ordered streams that serve a query, and their statements.
//!
//! A stream is one contiguous stretch of one index, walked in the order of the list. NULLs make a stretch of their own,
//! because no comparison reaches them.

use super::{Ask, Draft};
use crate::sql;
use cosell_store::{ColumnType, Filter, Value};

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
    /// Columns of the index, without those of the scope and the id.
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

/// The streams of a query. Their rows are to be merged; where they follow each other, merging does that too.
#[derive(Debug)]
pub(super) struct Streams {
    pub streams: Vec<Stream>,
    /// Which filters they serve already.
    pub served: Vec<usize>,
}

impl Stream {
    /// The columns that order the rows of the stream: those of the index that are not fixed, then the id.
    fn tail(&self) -> Vec<&'static str> {
        let skip = usize::from(self.lead.is_some()) + usize::from(self.fixed != Fixed::Free);
        self.index.iter().skip(skip).copied().chain(["id"]).collect()
    }

    /// The order of its rows, for an `ORDER BY` next to what [`Stream::push`] writes: all columns of the index. Those that are
    /// held to a value do not matter to it, but the planner finds out so only where they are named.
    pub(super) fn whole_order(&self, ask: &Ask<'_>) -> String {
        let columns = self.index.iter().copied().chain(["id"]);
        columns.map(|c| ask.ordered(c)).collect::<Vec<_>>().join(", ")
    }

    /// The same order without what is the same in all rows, for an `ORDER BY` farther outside.
    pub(super) fn order(&self, ask: &Ask<'_>) -> String {
        // To the planner NULL is not one value.
        let columns = self.index.iter().skip(self.held().len()).copied().chain(["id"]);
        columns.map(|c| ask.ordered(c)).collect::<Vec<_>>().join(", ")
    }

    /// The values (not NULL) that the first columns of the index are held to.
    fn held(&self) -> Vec<&Value> {
        let fixed = match &self.fixed {
            Fixed::Equal(value) => Some(value),
            Fixed::Free | Fixed::Null => None,
        };
        self.lead.iter().chain(fixed).collect()
    }

    /// Writes what walks it for at most `limit` rows: the part of a statement that follows a `FROM`. `columns` are for whoever
    /// selects from it.
    ///
    /// A column is not held to its value by an equation: then the planner would take another index for as good, one that has
    /// the rest of the order but not that column, and with it walk all rows in search of the value. As the two ends of a
    /// stretch say the same, and the order begins with that column, there is one index that has the order, whatever the
    /// statistics say. The equation comes outside, where all rows fulfil it: so the planner learns that they are in the order
    /// of the other columns.
    pub(super) fn push<'q>(&'q self, ask: &Ask<'q>, draft: &mut Draft<'q>, columns: &str, limit: usize) {
        let (held, tail) = (self.held(), self.tail());
        let names = &self.index[..held.len()];
        let marks: Vec<String> = held.into_iter().map(|v| draft.bind(v.into())).collect();
        let (forward, back) = if ask.descending() { ("<", ">") } else { (">", "<") };
        let mut conditions = Vec::new();
        if self.fixed == Fixed::Null
            && let Some(column) = self.index.get(names.len())
        {
            conditions.push(format!("{column} IS NULL"));
        }
        let from = self.start.iter().flat_map(|(values, _)| values);
        let from: Vec<String> = from.map(|v| draft.bind(v.into())).collect();
        let until: Vec<String> = self.end.iter().map(|v| draft.bind(v.into())).collect();
        let is_behind = matches!(self.start, Some((_, false)));
        let equal = if is_behind { "" } else { "=" };
        conditions.extend(bound(names, &marks, &tail, &from, &format!("{forward}{equal}")));
        conditions.extend(bound(names, &marks, &tail, &until, &format!("{back}=")));
        if let [first, ..] = names
            && ask
                .spec
                .indexes
                .iter()
                .any(|i| i.sparse && i.columns == self.index)
        {
            // To the planner, a comparison of rows does not say that the row is in a sparse index.
            conditions.push(format!("{first} IS NOT NULL"));
        }
        let mut needed = columns.to_owned();
        for name in names {
            if !columns.split(", ").any(|c| c == *name) {
                needed.push_str(", ");
                needed.push_str(name);
            }
        }
        draft.push(&format!(
            "(SELECT {needed} FROM {} WHERE tenant=$1 AND catalog=$2",
            sql::table(ask.spec)
        ));
        for condition in conditions {
            draft.push(" AND ");
            draft.push(&condition);
        }
        draft.push(&format!(
            " ORDER BY {} LIMIT {limit}) AS w",
            self.whole_order(ask)
        ));
        let equations = names
            .iter()
            .zip(&marks)
            .map(|(name, mark)| format!("{name} = {mark}"));
        let equations: Vec<_> = equations.collect();
        if !equations.is_empty() {
            draft.push(&format!(" WHERE {}", equations.join(" AND ")));
        }
    }
}

/// One end of a stretch: a comparison of the columns that are held to a value and of those of the tail for which there are
/// values. `None` if there are none of either.
fn bound(names: &[&str], marks: &[String], tail: &[&str], values: &[String], sign: &str) -> Option<String> {
    let columns = [names, &tail[..values.len()]].concat();
    let marks = [marks, values].concat();
    match columns.len() {
        0 => None,
        1 => Some(format!("{} {sign} {}", columns[0], marks[0])),
        _ => Some(format!("({}) {sign} ({})", columns.join(", "), marks.join(", "))),
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
                return build(ask, index.columns, None, fixed_to(values), own_order, vec![n]);
            }
        } else if let [second, tail @ ..] = rest
            && tail == ask.order
            && let Some((n, lead)) = any_of(ask, first)
            && let [lead] = lead[..]
            && let Some((m, values)) = any_of(ask, second)
        {
            let lead = Some(lead.clone());
            return build(ask, index.columns, lead, fixed_to(values), false, vec![n, m]);
        }
    }
    let mut fixed = vec![Fixed::Free];
    if let Some(first) = ask.order.first()
        && ask.spec.column(first).is_some_and(|c| c.nullable)
        && !ask.query.filters.iter().any(|f| f.column() == *first)
    {
        fixed.push(Fixed::Null);
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

fn fixed_to(values: Vec<&Value>) -> Vec<Fixed> {
    values.into_iter().map(|v| Fixed::Equal(v.clone())).collect()
}

/// One stream for each way to fix the first column (after the lead), narrowed by cursor and ranges. `own_order`: the
/// index is the one of the sort itself, so the fixed column is also the first of the order. `served`: the filters that lead
/// and fixed values stand for.
fn build(
    ask: &Ask<'_>,
    index: &'static [&'static str],
    lead: Option<Value>,
    fixed: Vec<Fixed>,
    own_order: bool,
    mut served: Vec<usize>,
) -> Streams {
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
    Streams { streams, served }
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
