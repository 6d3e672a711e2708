//! Deliveries as they are asked for: what is due, which lanes wait, and lists for people.
//!
//! Every statement is a walk of one index or of a range of the key, in its own order. Nothing here may write.

use super::{number, number_of};
use crate::list::bytes_of;
use cosell_model::Timestamp;
use cosell_store::{Delivery, DeliveryQuery, DeliveryState};
use rusqlite::types::Type;
use rusqlite::{Connection, Row};

/// Heads of a target (`?1`) that are due (`?2` now), at most `?3`.
pub(crate) const DUE: &str = "SELECT seq, state, lane, attempts, due_at, note FROM delivery INDEXED BY delivery_due \
     WHERE target=?1 AND head=1 AND due_at<=?2 ORDER BY due_at, seq LIMIT ?3";

/// What waits at a target (`?1`) in a lane (`?2`) behind an event (`?3`), at most `?4`.
pub(crate) const OF_LANE: &str = "SELECT seq, state, lane, attempts, due_at, note FROM delivery INDEXED BY delivery_by_lane \
     WHERE target=?1 AND lane=?2 AND state=0 AND seq>?3 ORDER BY seq LIMIT ?4";

/// When the next head of a target (`?1`) is due.
pub(crate) const NEXT: &str = "SELECT due_at FROM delivery INDEXED BY delivery_due \
     WHERE target=?1 AND head=1 ORDER BY due_at LIMIT 1";

/// Deliveries of an event (`?1`) at targets that are open, each with its target's name.
pub(crate) const OF_EVENT: &str = "SELECT d.seq, d.state, d.lane, d.attempts, d.due_at, d.note, t.name \
     FROM delivery AS d INDEXED BY delivery_by_event CROSS JOIN delivery_target AS t ON t.target=d.target \
     WHERE d.seq=?1 AND t.name IS NOT NULL";

/// Deliveries of a target (`?1`) in a state (`?2`), not before (or, newest first, not after) an event (`?3`), at most `?4`.
pub(crate) fn list_sql(newest_first: bool) -> &'static str {
    match newest_first {
        false => {
            "SELECT seq, state, lane, attempts, due_at, note FROM delivery \
             WHERE target=?1 AND state=?2 AND seq>=?3 ORDER BY seq LIMIT ?4"
        }
        true => {
            "SELECT seq, state, lane, attempts, due_at, note FROM delivery \
             WHERE target=?1 AND state=?2 AND seq<=?3 ORDER BY seq DESC LIMIT ?4"
        }
    }
}

/// The delivery in a row of seq, state, lane, attempts, due_at, note.
fn delivery(row: &Row<'_>, target: String) -> rusqlite::Result<Delivery> {
    let written: i64 = row.get(1)?;
    let state = DeliveryState::ALL.into_iter().find(|s| number_of(*s) == written);
    Ok(Delivery {
        target,
        seq: row.get(0)?,
        lane: row.get(2)?,
        state: state.ok_or_else(|| {
            rusqlite::Error::InvalidColumnType(1, format!("state {written}"), Type::Integer)
        })?,
        attempts: row.get(3)?,
        due_at: Timestamp::from_millis(row.get(4)?),
        note: bytes_of(row, 5)?,
    })
}

/// What is due at a target.
pub(crate) fn due(
    connection: &Connection,
    target: &str,
    now: Timestamp,
    limit: usize,
) -> rusqlite::Result<Vec<Delivery>> {
    let Some(number) = number(connection, target)? else {
        return Ok(Vec::new());
    };
    connection
        .prepare_cached(DUE)?
        .query_map((number, now.as_millis(), limit), |row| {
            delivery(row, target.to_owned())
        })?
        .collect()
}

/// What waits in a lane behind an event.
pub(crate) fn of_lane(
    connection: &Connection,
    target: &str,
    lane: &str,
    after: u64,
    limit: usize,
) -> rusqlite::Result<Vec<Delivery>> {
    let Some(number) = number(connection, target)? else {
        return Ok(Vec::new());
    };
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    connection
        .prepare_cached(OF_LANE)?
        .query_map((number, lane, after, limit), |row| {
            delivery(row, target.to_owned())
        })?
        .collect()
}

/// When the next delivery of a target becomes due.
pub(crate) fn next_at(connection: &Connection, target: &str) -> rusqlite::Result<Option<Timestamp>> {
    let Some(number) = number(connection, target)? else {
        return Ok(None);
    };
    let mut statement = connection.prepare_cached(NEXT)?;
    let mut rows = statement.query([number])?;
    let next = rows.next()?.map(|row| row.get(0)).transpose()?;
    Ok(next.map(Timestamp::from_millis))
}

/// Whether each of several lanes has a pending delivery, all at one moment.
pub(crate) fn pending_lanes(
    connection: &Connection,
    target: &str,
    lanes: &[String],
) -> rusqlite::Result<Vec<bool>> {
    let moment = connection.unchecked_transaction()?;
    let Some(number) = number(connection, target)? else {
        return Ok(vec![false; lanes.len()]);
    };
    let pending = lanes.iter().map(|lane| {
        let mut statement = connection.prepare_cached(super::FIRST_OF_LANE)?;
        statement.exists((number, lane))
    });
    let pending = pending.collect::<rusqlite::Result<_>>()?;
    moment.commit()?;
    Ok(pending)
}

/// One page of deliveries.
pub(crate) fn list(connection: &Connection, query: &DeliveryQuery) -> rusqlite::Result<Vec<Delivery>> {
    let mut all = match (&query.target, query.seq) {
        (Some(target), None) => of_target(connection, target, query)?,
        (target, seq) => {
            let seq = i64::try_from(seq.unwrap_or(0)).unwrap_or(i64::MAX);
            let mut all = connection
                .prepare_cached(OF_EVENT)?
                .query_map([seq], |row| delivery(row, row.get(6)?))?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            // One for each target, so they are few enough to be looked at one by one.
            all.retain(|one| {
                let is_behind = query.after.as_ref().is_none_or(|(after, _)| {
                    if query.newest_first {
                        one.target < *after
                    } else {
                        one.target > *after
                    }
                });
                is_behind
                    && target.as_ref().is_none_or(|target| *target == one.target)
                    && query.state.is_none_or(|state| state == one.state)
            });
            all
        }
    };
    all.sort_by(|a, b| (&a.target, a.seq).cmp(&(&b.target, b.seq)));
    if query.newest_first {
        all.reverse();
    }
    all.truncate(query.limit);
    Ok(all)
}

/// A page from each state that is asked for; together they hold the page of all.
fn of_target(
    connection: &Connection,
    target: &str,
    query: &DeliveryQuery,
) -> rusqlite::Result<Vec<Delivery>> {
    let moment = connection.unchecked_transaction()?;
    let Some(number) = number(connection, target)? else {
        return Ok(Vec::new());
    };
    let after = query
        .after
        .as_ref()
        .map(|(_, seq)| i64::try_from(*seq).unwrap_or(i64::MAX));
    let from = match (query.newest_first, after) {
        (false, after) => after.map_or(0, |seq| seq.saturating_add(1)),
        (true, after) => after.map_or(i64::MAX, |seq| seq - 1),
    };
    let mut all = Vec::new();
    for state in DeliveryState::ALL {
        if query.state.is_some_and(|wanted| wanted != state) {
            continue;
        }
        let mut statement = connection.prepare_cached(list_sql(query.newest_first))?;
        let rows = statement.query_map((number, number_of(state), from, query.limit), |row| {
            delivery(row, target.to_owned())
        })?;
        for row in rows {
            all.push(row?);
        }
    }
    moment.commit()?;
    Ok(all)
}

/// Hands every delivery of a target to `sink`, in the order of state and number.
pub(crate) fn by_state<E: From<rusqlite::Error>>(
    connection: &Connection,
    number: i64,
    target: &str,
    mut sink: impl FnMut(Delivery) -> Result<(), E>,
) -> Result<(), E> {
    let mut statement = connection.prepare(BY_STATE)?;
    let mut rows = statement.query([number])?;
    while let Some(row) = rows.next()? {
        sink(delivery(row, target.to_owned())?)?;
    }
    Ok(())
}

/// Every delivery of a target (`?1`).
pub(crate) const BY_STATE: &str = "SELECT seq, state, lane, attempts, due_at, note FROM delivery \
     WHERE target=?1 ORDER BY state, seq";
