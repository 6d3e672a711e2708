//! The other way: read all matches of one filter, then filter, sort and cut in memory.

use super::shape::smallest;
use super::{Ask, Bind, Place, bytes_of, item, passes, place, prepare};
use crate::sql;
use cosell_store::{ColumnType, Filter, Item, Page, Value};
use rusqlite::Connection;
use std::fmt::Write as _;

/// A page of `id In (…)`: one point read for each id.
pub(super) fn points(connection: &Connection, ask: &Ask<'_>, by: usize) -> rusqlite::Result<Page> {
    let Filter::In(_, ids) = &ask.query.filters[by] else {
        return Ok(Page::default());
    };
    let residual = ask.residual(|n| n == by);
    let mut text = String::from("SELECT id,version,summary");
    for column in ask
        .order
        .iter()
        .copied()
        .chain(residual.iter().map(|f| f.column()))
    {
        let _ = write!(text, ",{column}");
    }
    let table = ask.spec.table;
    let _ = write!(
        text,
        " FROM {table} INDEXED BY {table}_by_id WHERE tenant=?1 AND id=?2"
    );
    let mut statement = prepare(connection, &text)?;
    let mut ids: Vec<&Value> = ids.iter().collect();
    ids.sort();
    ids.dedup();
    let mut found: Vec<(Place, Item)> = Vec::with_capacity(ids.len());
    for id in ids {
        let mut rows = statement.query((ask.tenant, Bind(id)))?;
        while let Some(row) = rows.next()? {
            let place = place(row, 0, 3, ask.order.len())?;
            if ask.is_after_cursor(&place) && all_pass(&residual, row, 3 + ask.order.len())? {
                found.push((place, item(row, 0, 1, 2)?));
            }
        }
    }
    found.sort_by(|a, b| ask.compare(&a.0, &b.0));
    Ok(cut(ask, found))
}

/// Gathers by the first filter that has an index and at most `most` matches; `None` if none has.
pub(super) fn try_gather(
    connection: &Connection,
    ask: &Ask<'_>,
    residual: &[&Filter],
    most: usize,
) -> rusqlite::Result<Option<Page>> {
    for filter in residual {
        let column = filter.column();
        let index: &[&str] = match ask.spec.indexes.iter().find(|i| i.columns[0] == column) {
            Some(index) => index.columns,
            None if column == "id" => &[],
            None => continue,
        };
        let stretches = stretches(ask, filter);
        let mut matches = 0;
        for stretch in &stretches {
            matches += count(connection, ask, index, column, stretch, most + 1 - matches)?;
            if matches > most {
                break;
            }
        }
        if matches <= most {
            return gather(connection, ask, index, column, &stretches).map(Some);
        }
    }
    Ok(None)
}

/// A stretch of an index's first column.
enum Stretch {
    Equal(Value),
    Between(Value, Option<Value>),
    /// Strictly between two neighbours among excluded values; at least one end is given.
    Gap(Option<Value>, Option<Value>),
}

fn stretches(ask: &Ask<'_>, filter: &Filter) -> Vec<Stretch> {
    match filter {
        Filter::In(_, values) => {
            let mut values: Vec<Value> = values.iter().filter(|v| !v.is_null()).cloned().collect();
            values.sort();
            values.dedup();
            values.into_iter().map(Stretch::Equal).collect()
        }
        Filter::NotIn(column, values) => {
            let mut values: Vec<Value> = values.iter().filter(|v| !v.is_null()).cloned().collect();
            values.sort();
            values.dedup();
            if values.is_empty() {
                let ty = ask.spec.column(column).map_or(ColumnType::Text, |c| c.ty);
                return vec![Stretch::Between(smallest(ty), None)];
            }
            let ends = values.iter().cloned().map(Some);
            let lows = std::iter::once(None).chain(ends.clone());
            let highs = ends.chain(std::iter::once(None));
            lows.zip(highs)
                .map(|(low, high)| Stretch::Gap(low, high))
                .collect()
        }
        Filter::Range { column, from, to } => {
            let ty = ask.spec.column(column).map_or(ColumnType::Text, |c| c.ty);
            vec![Stretch::Between(
                from.clone().unwrap_or_else(|| smallest(ty)),
                to.clone(),
            )]
        }
    }
}

fn condition(stretch: &Stretch, column: &str) -> String {
    match stretch {
        Stretch::Equal(_) => format!("{column}=?2"),
        Stretch::Between(_, None) => format!("{column}>=?2"),
        Stretch::Between(_, Some(_)) => format!("{column}>=?2 AND {column}<=?3"),
        Stretch::Gap(Some(_), Some(_)) => format!("{column}>?2 AND {column}<?3"),
        Stretch::Gap(Some(_), None) => format!("{column}>?2"),
        Stretch::Gap(None, _) => format!("{column}<?2"),
    }
}

fn binds(stretch: &Stretch) -> impl Iterator<Item = &Value> {
    match stretch {
        Stretch::Equal(value) => [Some(value), None],
        Stretch::Between(from, to) => [Some(from), to.as_ref()],
        Stretch::Gap(from, to) => [from.as_ref(), to.as_ref()],
    }
    .into_iter()
    .flatten()
}

/// Counts the entries of a stretch, up to a bound. It reads the index alone.
fn count(
    connection: &Connection,
    ask: &Ask<'_>,
    index: &[&str],
    column: &str,
    stretch: &Stretch,
    bound: usize,
) -> rusqlite::Result<usize> {
    let text = format!(
        "SELECT 1 FROM {} INDEXED BY {} WHERE tenant=?1 AND {}",
        ask.spec.table,
        sql::index_name(ask.spec, index),
        condition(stretch, column)
    );
    let mut statement = prepare(connection, &text)?;
    statement.raw_bind_parameter(1, ask.tenant)?;
    for (n, value) in binds(stretch).enumerate() {
        statement.raw_bind_parameter(n + 2, Bind(value))?;
    }
    let mut rows = statement.raw_query();
    let mut found = 0;
    while found < bound && rows.next()?.is_some() {
        found += 1;
    }
    Ok(found)
}

fn gather(
    connection: &Connection,
    ask: &Ask<'_>,
    index: &[&str],
    column: &str,
    stretches: &[Stretch],
) -> rusqlite::Result<Page> {
    // Every filter is checked again: also those that the walk's streams served.
    let filters: Vec<&Filter> = ask.query.filters.iter().collect();
    let mut found: Vec<(Place, i64)> = Vec::new();
    for stretch in stretches {
        let mut text = String::from("SELECT row,id");
        for column in ask
            .order
            .iter()
            .copied()
            .chain(filters.iter().map(|f| f.column()))
        {
            let _ = write!(text, ",{column}");
        }
        let _ = write!(
            text,
            " FROM {} INDEXED BY {} WHERE tenant=?1 AND {}",
            ask.spec.table,
            sql::index_name(ask.spec, index),
            condition(stretch, column)
        );
        let mut statement = prepare(connection, &text)?;
        statement.raw_bind_parameter(1, ask.tenant)?;
        for (n, value) in binds(stretch).enumerate() {
            statement.raw_bind_parameter(n + 2, Bind(value))?;
        }
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            if !all_pass(&filters, row, 2 + ask.order.len())? {
                continue;
            }
            let place = place(row, 1, 2, ask.order.len())?;
            if ask.is_after_cursor(&place) {
                found.push((place, row.get(0)?));
            }
        }
    }
    found.sort_by(|a, b| ask.compare(&a.0, &b.0));
    let limit = ask.query.limit;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = if more {
        found.last().map(|(place, _)| place.clone().cursor())
    } else {
        None
    };
    let mut statement = prepare(
        connection,
        &format!("SELECT version,summary FROM {} WHERE row=?1", ask.spec.table),
    )?;
    let mut items = Vec::with_capacity(found.len());
    for (place, row) in found {
        items.push(statement.query_row([row], |r| {
            Ok(Item {
                id: place.id,
                version: r.get(0)?,
                summary: bytes_of(r, 1)?,
            })
        })?);
    }
    Ok(Page { items, next })
}

fn all_pass(filters: &[&Filter], row: &rusqlite::Row<'_>, from: usize) -> rusqlite::Result<bool> {
    for (n, filter) in filters.iter().enumerate() {
        if !passes(filter, row.get_ref(from + n)?) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn cut(ask: &Ask<'_>, mut found: Vec<(Place, Item)>) -> Page {
    let limit = ask.query.limit;
    let next = if found.len() > limit {
        Some(found[limit - 1].0.clone().cursor())
    } else {
        None
    };
    found.truncate(limit);
    Page {
        items: found.into_iter().map(|(_, item)| item).collect(),
        next,
    }
}
