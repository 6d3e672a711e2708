//! Targets and their leases.
//!
//! An epoch names a lease. It comes from one count for all targets of this file that nothing sets back, so what the holder
//! of a former lease still does is told apart from what the present one does, also after an import or for a target that was
//! dropped and opened again. Nothing here touches a delivery but those of dropped targets.

use super::number_of;
use crate::list::bytes_of;
use cosell_model::Timestamp;
use cosell_store::{DeliveryState, TargetState};
use rusqlite::{Connection, OptionalExtension, Row};

/// Most rows of a dropped target that go in one commit.
const DROP_STEP: usize = 5_000;

/// The target of a name (`?1`).
pub(crate) const TARGET: &str = "SELECT target, name, position, status, pending, dead, delivered, attempts, failures, worker, \
     leased_until, epoch FROM delivery_target WHERE name=?1";

/// All targets in the order of their names; not those that were dropped.
pub(crate) const TARGETS: &str = "SELECT target, name, position, status, pending, dead, delivered, attempts, failures, \
     worker, leased_until, epoch FROM delivery_target WHERE name IS NOT NULL ORDER BY name";

/// The number and the state in a row of [`TARGET`].
pub(crate) fn target(row: &Row<'_>) -> rusqlite::Result<(i64, TargetState)> {
    let state = TargetState {
        target: row.get(1)?,
        position: row.get(2)?,
        status: bytes_of(row, 3)?,
        pending: row.get(4)?,
        dead: row.get(5)?,
        delivered: row.get(6)?,
        attempts: row.get(7)?,
        failures: row.get(8)?,
        worker: row.get(9)?,
        leased_until: row.get::<_, Option<i64>>(10)?.map(Timestamp::from_millis),
        epoch: row.get(11)?,
    };
    Ok((row.get(0)?, state))
}

/// The target of a name.
pub(crate) fn find(connection: &Connection, name: &str) -> rusqlite::Result<Option<(i64, TargetState)>> {
    connection
        .prepare_cached(TARGET)?
        .query_row([name], target)
        .optional()
}

/// Its number alone.
pub(crate) fn number(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT target FROM delivery_target WHERE name=?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

/// Every target.
pub(crate) fn all(connection: &Connection) -> rusqlite::Result<Vec<(i64, TargetState)>> {
    connection
        .prepare_cached(TARGETS)?
        .query_map([], target)?
        .collect()
}

/// The target of a name, made where there is none.
pub(crate) fn open(connection: &Connection, name: &str, position: u64) -> rusqlite::Result<TargetState> {
    connection
        .prepare_cached(
            "INSERT INTO delivery_target (name, position, status, pending, dead, delivered, attempts, failures, epoch) \
             VALUES (?1, ?2, x'', 0, 0, 0, 0, 0, 0) ON CONFLICT (name) DO NOTHING",
        )?
        .execute((name, position))?;
    let (_, state) = connection.prepare_cached(TARGET)?.query_row([name], target)?;
    Ok(state)
}

/// Takes the name of a target away, then the rows of targets without a name; whether there may be more of them.
pub(crate) fn drop_step(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("UPDATE delivery_target SET name=NULL, worker=NULL WHERE name=?1")?
        .execute([name])?;
    let nameless = connection
        .prepare_cached("SELECT target FROM delivery_target WHERE name IS NULL")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<i64>>>()?;
    let mut left = DROP_STEP;
    for number in nameless {
        for state in DeliveryState::ALL {
            let mut erase = connection.prepare_cached(
                "DELETE FROM delivery WHERE target=?1 AND state=?2 AND seq IN \
                 (SELECT seq FROM delivery WHERE target=?1 AND state=?2 ORDER BY seq LIMIT ?3)",
            )?;
            left -= erase.execute((number, number_of(state), left))?;
        }
        if left == 0 {
            return Ok(true);
        }
        connection
            .prepare_cached("DELETE FROM delivery_target WHERE target=?1")?
            .execute([number])?;
    }
    Ok(false)
}

/// What a lease is answered.
pub(crate) enum Leased {
    /// The target is not open.
    Unknown,
    /// Another worker holds it.
    Held,
    /// It is the worker's.
    Yours(TargetState),
}

/// Whether a worker could have the lease of a target now.
pub(crate) fn is_held_by_another(
    state: &TargetState,
    worker: &str,
    now: Timestamp,
    lease_millis: i64,
) -> bool {
    runs(state, now, lease_millis) && state.worker.as_deref() != Some(worker)
}

fn runs(state: &TargetState, now: Timestamp, lease_millis: i64) -> bool {
    state.is_leased(now, lease_millis.unsigned_abs())
}

/// Leases a target.
pub(crate) fn lease(
    connection: &Connection,
    name: &str,
    worker: &str,
    now: Timestamp,
    lease_millis: i64,
) -> rusqlite::Result<Leased> {
    let Some((number, mut state)) = find(connection, name)? else {
        return Ok(Leased::Unknown);
    };
    if is_held_by_another(&state, worker, now, lease_millis) {
        return Ok(Leased::Held);
    }
    if !runs(&state, now, lease_millis) {
        state.epoch = next_epoch(connection)?;
    }
    let until = now.as_millis().saturating_add(lease_millis);
    connection
        .prepare_cached("UPDATE delivery_target SET worker=?2, leased_until=?3, epoch=?4 WHERE target=?1")?
        .execute((number, worker, until, state.epoch))?;
    state.worker = Some(worker.to_owned());
    state.leased_until = Some(Timestamp::from_millis(until));
    Ok(Leased::Yours(state))
}

/// A number that no lease in this file ever had.
fn next_epoch(connection: &Connection) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("UPDATE delivery_epoch SET last=last+1 RETURNING last")?
        .query_row([], |row| row.get(0))
}

/// Sets a status and overtakes the holder of the lease; whether the target is open.
pub(crate) fn set_status(connection: &Connection, name: &str, status: &[u8]) -> rusqlite::Result<bool> {
    let Some(number) = number(connection, name)? else {
        return Ok(false);
    };
    let epoch = next_epoch(connection)?;
    connection
        .prepare_cached("UPDATE delivery_target SET status=?2, epoch=?3 WHERE target=?1")?
        .execute((number, status, epoch))?;
    Ok(true)
}
