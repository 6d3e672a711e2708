//! The log of events: read in its own order and in that of time, and shortened from its old end.
//!
//! The newest event is never deleted, so that no number is ever given twice. An event goes with its deliveries only.

use crate::list::bytes_of;
use crate::{delivery, log};
use cosell_model::Timestamp;
use cosell_store::{Event, EventPage, EventQuery, StoredEvent};
use rusqlite::{Connection, OptionalExtension, Row};

/// Most rows (events and their deliveries) erased in one commit of a pruning.
const PRUNE_STEP: usize = 4_000;
/// Most events that one page looks at: rows only, without their bodies.
const MOST_LOOKED_AT: usize = 5_000;

/// Events in their own order: `?1` after which number, `?2` how many.
pub(crate) const AFTER: &str = "SELECT seq, id, account, catalog, detail_type, time, body FROM event \
     WHERE seq>?1 AND detail_type<>'' ORDER BY seq LIMIT ?2";

/// An event by its number.
pub(crate) const BY_SEQ: &str =
    "SELECT seq, id, account, catalog, detail_type, time, body FROM event WHERE seq=?1";

/// An event by its id. One without a detail type is a place holder.
pub(crate) const BY_ID: &str = "SELECT seq, id, account, catalog, detail_type, time, body FROM event \
     INDEXED BY event_by_id WHERE id=?1 AND detail_type<>''";

/// The events from before a time (`?1`), oldest first, at most `?2`; never the newest of all.
pub(crate) const OLD: &str = "SELECT seq FROM event INDEXED BY event_by_time \
     WHERE time<?1 AND seq<(SELECT max(seq) FROM event) ORDER BY time LIMIT ?2";

/// How many events resets and prunings have erased, which is by how many the numbers of events may have gaps. The name is
/// of a time when only resets did.
pub(crate) const ERASED: &str =
    "SELECT coalesce((SELECT next FROM sequence WHERE name='events erased by resets'), 0)";

/// The event in a row of seq, id, account, catalog, detail_type, time, body.
pub(crate) fn event(row: &Row<'_>) -> rusqlite::Result<StoredEvent> {
    Ok(StoredEvent {
        seq: row.get(0)?,
        event: Event {
            id: row.get(1)?,
            account: row.get(2)?,
            catalog: row.get(3)?,
            detail_type: row.get(4)?,
            time: Timestamp::from_millis(row.get(5)?),
            body: bytes_of(row, 6)?,
        },
    })
}

/// The event of an id.
pub(crate) fn by_id(connection: &Connection, id: &str) -> rusqlite::Result<Option<StoredEvent>> {
    connection
        .prepare_cached(BY_ID)?
        .query_row([id], event)
        .optional()
}

/// The greatest number so far.
pub(crate) fn last(connection: &Connection) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT coalesce(max(seq), 0) FROM event")?
        .query_row([], |row| row.get(0))
}

/// The statement of a walk by time, see [`log::walk_sql`].
pub(crate) fn walk_sql(account: bool, after: bool, newest_first: bool) -> String {
    log::walk_sql(
        "event",
        "seq, time, catalog, detail_type",
        account,
        after,
        newest_first,
    )
}

/// One page of events by time. The walk reads no bodies; only those of the events found are read.
pub(crate) fn page(connection: &Connection, query: &EventQuery) -> rusqlite::Result<EventPage> {
    let moment = connection.unchecked_transaction()?;
    let walk = log::Walk {
        account: query.account.as_deref(),
        from: query.from,
        to: query.to,
        after: query.after,
        newest_first: query.newest_first,
        // One more than a page looks at, to know whether there is more.
        limit: MOST_LOOKED_AT + 1,
    };
    let after = walk.place();
    let mut statement = connection.prepare_cached(&walk_sql(
        walk.account.is_some(),
        after.is_some(),
        walk.newest_first,
    ))?;
    let mut rows = statement.query(rusqlite::params_from_iter(walk.values(after)))?;
    let (mut found, mut next, mut looked_at) = (Vec::new(), None, 0);
    let mut last = None;
    while let Some(row) = rows.next()? {
        if found.len() == query.limit || looked_at == MOST_LOOKED_AT {
            next = last;
            break;
        }
        looked_at += 1;
        let seq: u64 = row.get(0)?;
        last = Some((Timestamp::from_millis(row.get(1)?), seq));
        let is = |wanted: &Option<String>, column| -> rusqlite::Result<bool> {
            let value = row.get_ref(column)?.as_str()?;
            Ok(!value.is_empty() && wanted.as_ref().is_none_or(|wanted| wanted == value))
        };
        if is(&query.catalog, 2)? && is(&query.detail_type, 3)? {
            found.push(seq);
        }
    }
    drop(rows);
    let mut events = Vec::with_capacity(found.len());
    for seq in found {
        events.push(connection.prepare_cached(BY_SEQ)?.query_row([seq], event)?);
    }
    drop(statement);
    moment.commit()?;
    Ok(EventPage { events, next })
}

/// One step of pruning: how many events went, and whether there may be more to prune.
pub(crate) fn prune(connection: &Connection, before: Timestamp) -> rusqlite::Result<(u64, bool)> {
    let old = connection
        .prepare_cached(OLD)?
        .query_map((before.as_millis(), PRUNE_STEP), |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<u64>>>()?;
    let (events, rows) = erase(connection, &old, PRUNE_STEP)?;
    Ok((events as u64, rows >= PRUNE_STEP))
}

/// Erases events with their deliveries until at least `most` rows are gone: how many events, and how many rows in all.
pub(crate) fn erase(connection: &Connection, seqs: &[u64], most: usize) -> rusqlite::Result<(usize, usize)> {
    let (mut events, mut rows) = (0, 0);
    for seq in seqs {
        if rows >= most {
            break;
        }
        rows += delivery::forget(connection, *seq)?;
        let gone = connection
            .prepare_cached("DELETE FROM event WHERE seq=?1")?
            .execute([seq])?;
        rows += gone;
        events += gone;
    }
    if events > 0 {
        connection
            .prepare_cached(
                "INSERT INTO sequence (name, next) VALUES ('events erased by resets', ?1) \
                 ON CONFLICT (name) DO UPDATE SET next = next + ?1",
            )?
            .execute([events])?;
    }
    Ok((events, rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_found_by_number_id_and_time_without_a_scan_or_a_sort() {
        for sql in [AFTER, BY_SEQ, BY_ID, OLD].map(str::to_owned) {
            let plan = log::plan(&sql);
            let searches = |line: &String| line.contains("SEARCH") || line.contains("SUBQUERY");
            assert!(plan.iter().all(searches), "{sql}\n{plan:?}");
        }
        for account in [false, true] {
            for after in [false, true] {
                for newest_first in [false, true] {
                    let sql = walk_sql(account, after, newest_first);
                    let plan = log::plan(&sql);
                    assert!(
                        plan.len() == 1 && plan[0].starts_with("SEARCH"),
                        "{sql}\n{plan:?}"
                    );
                    let bounds = 1 + usize::from(account);
                    assert_eq!(plan[0].matches(" AND ").count(), bounds, "{sql}\n{plan:?}");
                }
            }
        }
    }
}
