//! The audit log and the list of jobs, as people who look ask for them.
//!
//! Every statement is a walk of one index in its own order. Nothing here writes but the pruning of the log.

use crate::apply;
use crate::list::bytes_of;
use cosell_model::Timestamp;
use cosell_store::{AuditEntry, AuditQuery, StoredAudit, StoredJob};
use rusqlite::{Connection, Row};

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

/// The statement of a look into the log: `?1` and `?2` the times between which it looks, `?3` how many entries, then the
/// account and the entry after which it goes on (time, seq), where they are given.
pub(crate) fn audit_sql(account: bool, after: bool, newest_first: bool) -> String {
    let index = if account {
        "audit_by_account_time"
    } else {
        "audit_by_time"
    };
    let (by_account, place) = if account { (" AND account=?4", 5) } else { ("", 4) };
    let (forward, direction) = if newest_first { ('<', " DESC") } else { ('>', "") };
    // The end that the entry seen last replaces must not stay: SQLite uses one bound for each direction.
    let bounds = match (after, newest_first) {
        (false, _) => " AND time>=?1 AND time<=?2".to_owned(),
        (true, true) => format!(" AND time>=?1 AND (time,seq)<(?{place},?{})", place + 1),
        (true, false) => format!(" AND time<=?2 AND (time,seq){forward}(?{place},?{})", place + 1),
    };
    format!(
        "SELECT seq, time, account, body FROM audit INDEXED BY {index} WHERE 1{by_account}{bounds} \
         ORDER BY time{direction}, seq{direction} LIMIT ?3"
    )
}

/// Looks into the log.
pub(crate) fn audit(connection: &Connection, query: &AuditQuery) -> rusqlite::Result<Vec<StoredAudit>> {
    let from = query.from.map_or(i64::MIN, Timestamp::as_millis);
    let to = query.to.map_or(i64::MAX, Timestamp::as_millis);
    // A place outside of the times is no narrower than they are, and would widen them instead.
    let after = query.after.filter(|(time, _)| {
        if query.newest_first {
            time.as_millis() <= to
        } else {
            time.as_millis() >= from
        }
    });
    let sql = audit_sql(query.account.is_some(), after.is_some(), query.newest_first);
    let mut statement = connection.prepare_cached(&sql)?;
    let mut values: Vec<rusqlite::types::Value> = vec![
        from.into(),
        to.into(),
        i64::try_from(query.limit).unwrap_or(i64::MAX).into(),
    ];
    values.extend(query.account.iter().map(|account| account.clone().into()));
    if let Some((time, seq)) = after {
        values.push(time.as_millis().into());
        values.push(i64::try_from(seq).unwrap_or(i64::MAX).into());
    }
    let rows = statement.query_map(rusqlite::params_from_iter(values), entry)?;
    rows.collect()
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

/// Jobs in the order of their times. The two parts are merged here: first those that wait, then those that are held.
pub(crate) fn jobs(
    connection: &Connection,
    kind: Option<&str>,
    limit: usize,
) -> rusqlite::Result<Vec<StoredJob>> {
    let read = |row: &Row<'_>| {
        let worker: Option<String> = row.get(5)?;
        let due_at = Timestamp::from_millis(row.get(6)?);
        Ok(StoredJob {
            job: apply::job(row)?,
            held: worker.map(|worker| (worker, due_at)),
        })
    };
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut waiting = connection.prepare_cached(WAITING)?;
    let mut all = waiting
        .query_map((kind, most), read)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    for held in connection.prepare_cached(HELD)?.query_map([kind], read)? {
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

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::config::DbConfig;

    fn plan(sql: &str) -> Vec<String> {
        let mut connection = Connection::open_in_memory().unwrap();
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
            .unwrap();
        crate::migrate::migrate(&mut connection).unwrap();
        crate::list::plan_of(&connection, sql)
    }

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
            crate::store::NEXT_JOB,
        ] {
            let plan = plan(sql);
            assert!(
                !plan.iter().any(|line| line.contains("TEMP B-TREE")),
                "{sql}\n{plan:?}"
            );
        }
    }
}
