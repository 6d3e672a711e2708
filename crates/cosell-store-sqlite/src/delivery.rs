//! Deliveries as rows: settlements, and which delivery of a lane is its head.
//!
//! A pending row is a *head* if it waits for no other: it has no lane, or the lowest number of its lane. Every function here
//! that adds or removes a pending row keeps that so, row by row, each by a search in an index: the cost does not grow with
//! what waits. Counts of a target change in the same commit as its rows. Nothing here knows why something is delivered.

mod read;
mod target;

use cosell_store::{Delivery, DeliveryState, Settlement};
use rusqlite::{Connection, OptionalExtension};

pub(crate) use read::{by_state, due, list, next_at, of_lane, pending_lanes};
pub(crate) use target::{Leased, all, drop_step, find, is_held_by_another, lease, number, open, set_status};

/// What is known of an event (`?1`) at a target (`?2`).
pub(crate) const KNOWN: &str =
    "SELECT state, lane, head FROM delivery INDEXED BY delivery_by_event WHERE seq=?1 AND target=?2";

/// The lowest pending number of a target (`?1`) and lane (`?2`).
pub(crate) const FIRST_OF_LANE: &str = "SELECT seq FROM delivery INDEXED BY delivery_by_lane \
     WHERE target=?1 AND lane=?2 AND state=0 ORDER BY seq LIMIT 1";

/// Every delivery of an event (`?1`).
pub(crate) const OF_EVENT: &str =
    "SELECT target, state, lane, head FROM delivery INDEXED BY delivery_by_event WHERE seq=?1";

/// How a state is written.
pub(crate) fn number_of(state: DeliveryState) -> i64 {
    match state {
        DeliveryState::Pending => PENDING,
        DeliveryState::Delivered => 1,
        DeliveryState::Dead => DEAD,
    }
}

const PENDING: i64 = 0;
const DEAD: i64 = 2;

/// By how much the counts of a target change.
#[derive(Default)]
struct Counts {
    pending: i64,
    dead: i64,
    delivered: i64,
}

impl Counts {
    fn add(&mut self, state: i64, count: i64) {
        match state {
            PENDING => self.pending += count,
            DEAD => self.dead += count,
            _ => {}
        }
    }

    fn write(&self, connection: &Connection, target: i64) -> rusqlite::Result<()> {
        connection
            .prepare_cached(
                "UPDATE delivery_target SET pending=pending+?2, dead=dead+?3, delivered=delivered+?4 WHERE target=?1",
            )?
            .execute((target, self.pending, self.dead, self.delivered))
            .map(drop)
    }
}

/// Keeps a settlement; `false` if its lease is not held any more, and then nothing.
pub(crate) fn settle(connection: &Connection, settlement: &Settlement) -> rusqlite::Result<bool> {
    let Some((number, state)) = find(connection, &settlement.target)? else {
        return Ok(false);
    };
    if state.worker.is_none() || state.epoch != settlement.epoch {
        return Ok(false);
    }
    let mut counts = Counts::default();
    for outcome in &settlement.outcomes {
        put(connection, number, outcome, &mut counts)?;
    }
    counts.write(connection, number)?;
    connection
        .prepare_cached(
            "UPDATE delivery_target SET position=max(position, ?2), status=coalesce(?3, status), attempts=attempts+?4, \
             failures=failures+?5, leased_until=?6 WHERE target=?1",
        )?
        .execute((
            number,
            settlement.position,
            settlement.status.as_deref(),
            settlement.attempts,
            settlement.failures,
            settlement.leased_until.as_millis(),
        ))?;
    Ok(true)
}

/// Makes deliveries wait; how many, or `None` if the target is not open.
pub(crate) fn park(
    connection: &Connection,
    name: &str,
    deliveries: &[Delivery],
) -> rusqlite::Result<Option<u64>> {
    let Some(number) = number(connection, name)? else {
        return Ok(None);
    };
    let mut counts = Counts::default();
    let mut parked = 0;
    for delivery in deliveries {
        parked += u64::from(put(connection, number, delivery, &mut counts)?);
    }
    counts.write(connection, number)?;
    Ok(Some(parked))
}

/// Puts a delivery in the place of what is known of its event at the target; whether the event is there at all.
fn put(
    connection: &Connection,
    target: i64,
    delivery: &Delivery,
    counts: &mut Counts,
) -> rusqlite::Result<bool> {
    let state = number_of(delivery.state);
    let known = connection
        .prepare_cached(KNOWN)?
        .query_row((delivery.seq, target), |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, Option<String>>(1)?,
                row.get(2)?,
            ))
        })
        .optional()?;
    match &known {
        // The row stays in its place, and so does its lane's head.
        Some((was, lane, _)) if *was == state && *lane == delivery.lane => {
            connection
                .prepare_cached(
                    "UPDATE delivery SET attempts=?4, due_at=?5, note=?6 WHERE target=?1 AND state=?2 AND seq=?3",
                )?
                .execute((
                    target,
                    state,
                    delivery.seq,
                    delivery.attempts,
                    delivery.due_at.as_millis(),
                    &delivery.note[..],
                ))?;
            return Ok(true);
        }
        Some((was, lane, head)) => {
            remove(connection, target, *was, delivery.seq, lane.as_deref(), *head)?;
            counts.add(*was, -1);
        }
        // What is known of an event goes with it, so only a new row needs a look.
        None if !is_there(connection, delivery.seq)? => return Ok(false),
        None => {}
    }
    insert(connection, target, delivery)?;
    counts.add(state, 1);
    let was_delivered = known.is_some_and(|(was, ..)| was == number_of(DeliveryState::Delivered));
    if delivery.state == DeliveryState::Delivered && !was_delivered {
        counts.delivered += 1;
    }
    Ok(true)
}

/// Whether there is an event of that number; a place holder is none.
pub(crate) fn is_there(connection: &Connection, seq: u64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM event WHERE seq=?1 AND detail_type<>''")?
        .exists([seq])
}

/// Inserts the row of an event of which nothing is known at the target.
pub(crate) fn insert(connection: &Connection, target: i64, delivery: &Delivery) -> rusqlite::Result<()> {
    let mut head = delivery.state == DeliveryState::Pending;
    if let (true, Some(lane)) = (head, &delivery.lane) {
        match first_of_lane(connection, target, lane)? {
            Some(first) if first < delivery.seq => head = false,
            Some(first) => set_head(connection, target, first, false)?,
            None => {}
        }
    }
    connection
        .prepare_cached(
            "INSERT INTO delivery (target, state, seq, lane, head, attempts, due_at, note) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute((
            target,
            number_of(delivery.state),
            delivery.seq,
            &delivery.lane,
            head,
            delivery.attempts,
            delivery.due_at.as_millis(),
            &delivery.note[..],
        ))
        .map(drop)
}

/// Inserts what an import brings, and counts it.
pub(crate) fn import(connection: &Connection, target: i64, delivery: &Delivery) -> rusqlite::Result<()> {
    insert(connection, target, delivery)?;
    let mut counts = Counts::default();
    counts.add(number_of(delivery.state), 1);
    counts.write(connection, target)
}

/// Removes a row, and makes the next one of its lane the head if it was that.
fn remove(
    connection: &Connection,
    target: i64,
    state: i64,
    seq: u64,
    lane: Option<&str>,
    head: bool,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM delivery WHERE target=?1 AND state=?2 AND seq=?3")?
        .execute((target, state, seq))?;
    if let (true, Some(lane)) = (head, lane)
        && let Some(next) = first_of_lane(connection, target, lane)?
    {
        set_head(connection, target, next, true)?;
    }
    Ok(())
}

fn first_of_lane(connection: &Connection, target: i64, lane: &str) -> rusqlite::Result<Option<u64>> {
    connection
        .prepare_cached(FIRST_OF_LANE)?
        .query_row((target, lane), |row| row.get(0))
        .optional()
}

fn set_head(connection: &Connection, target: i64, seq: u64, head: bool) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE delivery SET head=?3 WHERE target=?1 AND state=0 AND seq=?2")?
        .execute((target, seq, head))
        .map(drop)
}

/// Erases what is known of an event at all targets; how many rows.
pub(crate) fn forget(connection: &Connection, seq: u64) -> rusqlite::Result<usize> {
    let known = connection
        .prepare_cached(OF_EVENT)?
        .query_map([seq], |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get::<_, Option<String>>(2)?,
                row.get(3)?,
            ))
        })?
        .collect::<rusqlite::Result<Vec<(i64, i64, Option<String>, bool)>>>()?;
    for (target, state, lane, head) in &known {
        remove(connection, *target, *state, seq, lane.as_deref(), *head)?;
        let mut counts = Counts::default();
        counts.add(*state, -1);
        if counts.pending != 0 || counts.dead != 0 {
            counts.write(connection, *target)?;
        }
    }
    Ok(known.len())
}

#[cfg(test)]
mod tests;
