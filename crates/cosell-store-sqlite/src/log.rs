//! The audit log and the list of jobs, as people who look ask for them; and the walk by time, which events share.
//!
//! Every statement is a walk of one index in its own order. Nothing here writes but the pruning of the log.

use crate::apply;
use crate::list::bytes_of;
use cosell_model::Timestamp;
use cosell_store::{AuditEntry, AuditQuery, JobId, StoredAudit, StoredJob};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row};

/// Most entries pruned in one commit, so that other writes wait for a few milliseconds only.
pub(crate) const PRUNE_STEP: u64 = 5_000;

/// The entry in a row of seq, time, account, body.
pub(crate) fn entry(row: &Row<'_>) -> rusqlite::Result<StoredAudit> {
    Ok(StoredAudit {
        seq: row.get(0)?,
        entry: AuditEntry {
            time: Timestamp::from_millis(row.get(1)?),
            account: row.get(2)?,
            body: bytes_of(row, 3)?,
        },
    })
}

/// The statement of a walk of a log (`event` or `audit`) in the order of time: `?1` and `?2` the times between which it
/// looks, `?3` how many rows, then the account and the row after which it goes on (time, seq), where they are given.
pub(crate) fn walk_sql(log: &str, columns: &str, account: bool, after: bool, newest_first: bool) -> String {
    let index = if account { "by_account_time" } else { "by_time" };
    let (by_account, place) = if account { (" AND account=?4", 5) } else { ("", 4) };
    let (forward, direction) = if newest_first { ('<', " DESC") } else { ('>', "") };
    // The end that the row seen last replaces must not stay: SQLite uses one bound for each direction.
    let bounds = match (after, newest_first) {
        (false, _) => " AND time>=?1 AND time<=?2".to_owned(),
        (true, true) => format!(" AND time>=?1 AND (time,seq)<(?{place},?{})", place + 1),
        (true, false) => format!(" AND time<=?2 AND (time,seq){forward}(?{place},?{})", place + 1),
    };
    format!(
        "SELECT {columns} FROM {log} INDEXED BY {log}_{index} WHERE 1{by_account}{bounds} \
         ORDER BY time{direction}, seq{direction} LIMIT ?3"
    )
}

/// What a walk of a log is asked.
pub(crate) struct Walk<'a> {
    pub account: Option<&'a str>,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub after: Option<(Timestamp, u64)>,
    pub newest_first: bool,
    pub limit: usize,
}

impl Walk<'_> {
    /// The row after which it goes on. A place outside of the times is no narrower than they are, and would widen them.
    pub(crate) fn place(&self) -> Option<(Timestamp, u64)> {
        self.after.filter(|(time, _)| match self.newest_first {
            true => self.to.is_none_or(|to| *time <= to),
            false => self.from.is_none_or(|from| *time >= from),
        })
    }

    /// The values of its statement, with that place.
    pub(crate) fn values(&self, place: Option<(Timestamp, u64)>) -> Vec<Value> {
        let mut values: Vec<Value> = vec![
            self.from.map_or(i64::MIN, Timestamp::as_millis).into(),
            self.to.map_or(i64::MAX, Timestamp::as_millis).into(),
            i64::try_from(self.limit).unwrap_or(i64::MAX).into(),
        ];
        values.extend(self.account.iter().map(|account| account.to_string().into()));
        if let Some((time, seq)) = place {
            values.push(time.as_millis().into());
            values.push(i64::try_from(seq).unwrap_or(i64::MAX).into());
        }
        values
    }
}

/// Looks into the audit log.
pub(crate) fn audit(connection: &Connection, query: &AuditQuery) -> rusqlite::Result<Vec<StoredAudit>> {
    let walk = Walk {
        account: query.account.as_deref(),
        from: query.from,
        to: query.to,
        after: query.after,
        newest_first: query.newest_first,
        limit: query.limit,
    };
    let place = walk.place();
    let sql = audit_sql(walk.account.is_some(), place.is_some(), walk.newest_first);
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(rusqlite::params_from_iter(walk.values(place)), entry)?;
    rows.collect()
}

/// The statement of a look into the audit log, see [`walk_sql`].
fn audit_sql(account: bool, after: bool, newest_first: bool) -> String {
    walk_sql("audit", "seq, time, account, body", account, after, newest_first)
}

/// Deletes the oldest entries from before a time (`?1`), at most `?2`; never the newest of all, whose number would be given
/// again.
pub(crate) const PRUNE: &str = "DELETE FROM audit WHERE seq IN (\
     SELECT seq FROM audit INDEXED BY audit_by_time WHERE time<?1 AND seq<(SELECT max(seq) FROM audit) ORDER BY time LIMIT ?2)";

/// One step of pruning: how many entries went.
pub(crate) fn prune(connection: &Connection, before: Timestamp) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare_cached(PRUNE)?;
    Ok(statement.execute((before.as_millis(), PRUNE_STEP))? as u64)
}

/// A job with who holds it.
fn stored_job(row: &Row<'_>) -> rusqlite::Result<StoredJob> {
    let worker: Option<String> = row.get(5)?;
    let due_at = Timestamp::from_millis(row.get(6)?);
    Ok(StoredJob {
        job: apply::job(row)?,
        held: worker.map(|worker| (worker, due_at)),
    })
}

/// The job with an id.
pub(crate) fn job(connection: &Connection, id: &JobId) -> rusqlite::Result<Option<StoredJob>> {
    let mut find = connection
        .prepare_cached("SELECT id, kind, run_at, payload, attempts, worker, due_at FROM job WHERE id=?1")?;
    find.query_row([&id.0], stored_job).optional()
}

/// Jobs in the order of their times. The two parts are merged here: first those that wait, then those that are held.
pub(crate) fn jobs(
    connection: &Connection,
    kind: Option<&str>,
    limit: usize,
) -> rusqlite::Result<Vec<StoredJob>> {
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut waiting = connection.prepare_cached(WAITING)?;
    let mut all = waiting
        .query_map((kind, most), stored_job)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    for held in connection.prepare_cached(HELD)?.query_map([kind], stored_job)? {
        all.push(held?);
    }
    all.sort_by(|a, b| (a.job.run_at, &a.job.id).cmp(&(b.job.run_at, &b.job.id)));
    all.truncate(limit);
    Ok(all)
}

/// Waiting jobs (`?1` the kind or NULL, `?2` most).
pub(crate) const WAITING: &str = "SELECT id, kind, run_at, payload, attempts, worker, due_at FROM job \
     INDEXED BY job_waiting WHERE worker IS NULL AND (?1 IS NULL OR kind=?1) ORDER BY run_at, id LIMIT ?2";

/// Jobs that a worker holds or has given up (`?1` the kind or NULL): few, since workers claim few.
pub(crate) const HELD: &str = "SELECT id, kind, run_at, payload, attempts, worker, due_at FROM job \
     INDEXED BY job_leased WHERE worker IS NOT NULL AND (?1 IS NULL OR kind=?1)";

/// How SQLite runs a statement on a connection like those in use.
#[cfg(test)]
pub(crate) fn plan(sql: &str) -> Vec<String> {
    let mut connection = Connection::open_in_memory().unwrap();
    connection
        .set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .unwrap();
    crate::migrate::migrate(&mut connection).unwrap();
    crate::list::plan_of(&connection, sql)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn every_look_into_the_log_is_one_search_in_its_own_order() {
        for account in [false, true] {
            for after in [false, true] {
                for newest_first in [false, true] {
                    let sql = audit_sql(account, after, newest_first);
                    let plan = plan(&sql);
                    assert_eq!(plan.len(), 1, "{sql}\n{plan:?}");
                    assert!(plan[0].starts_with("SEARCH"), "{sql}\n{plan:?}");
                    let bounds = 1 + usize::from(account);
                    assert_eq!(plan[0].matches(" AND ").count(), bounds, "{sql}\n{plan:?}");
                }
            }
        }
    }

    #[test]
    fn jobs_and_the_oldest_entries_are_found_in_the_order_of_their_indexes() {
        for sql in [apply::DUE, apply::DUE_AGAIN, PRUNE] {
            let plan = plan(sql);
            assert!(
                plan.iter().any(|line| line.starts_with("SEARCH")),
                "{sql}\n{plan:?}"
            );
            assert!(
                !plan.iter().any(|line| line.starts_with("SCAN")),
                "{sql}\n{plan:?}"
            );
        }
        for sql in [
            apply::DUE,
            apply::DUE_AGAIN,
            apply::RELEASE,
            PRUNE,
            WAITING,
            crate::contract::NEXT_JOB,
        ] {
            let plan = plan(sql);
            assert!(
                !plan.iter().any(|line| line.contains("TEMP B-TREE")),
                "{sql}\n{plan:?}"
            );
        }
    }
}
