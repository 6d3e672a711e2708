//! Erasing what an account, a catalog, or everybody has.
//!
//! A reset goes in steps of at most [`STEP`] rows, each a commit of its own, between which other writes get their turn;
//! so what fits one step goes at once or not at all, and a larger reset holds nobody up for longer than one step. What
//! acts comes first (jobs, answers, events), then the records, then what they were. Nothing here may touch identities, settings or the audit
//! log.

use crate::{delivery, events, sql};
use cosell_store::{Erased, Kind, Scope, StoreError};
use rusqlite::Connection;
use serde::Deserialize;

/// Most rows erased in one commit.
pub(crate) const STEP: usize = 20_000;

/// What is erased.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    account: Option<String>,
    catalog: Option<String>,
}

/// What a step erased, and whether there may be more.
pub(crate) type Step = (Erased, bool);

impl Target {
    pub(crate) fn new(account: Option<&str>, catalog: Option<&str>) -> Result<Self, StoreError> {
        if account == Some("") || catalog == Some("") {
            return Err(StoreError::Invalid(
                "an account or a catalog without a name cannot be reset: leave it out to reset all of them"
                    .into(),
            ));
        }
        Ok(Target {
            account: account.map(str::to_owned),
            catalog: catalog.map(str::to_owned),
        })
    }

    fn is(&self, account: Option<&str>, catalog: Option<&str>) -> bool {
        (self.account.is_none() || self.account.as_deref() == account)
            && (self.catalog.is_none() || self.catalog.as_deref() == catalog)
    }
}

/// Erases up to [`STEP`] rows.
pub(crate) fn step(connection: &Connection, target: &Target) -> rusqlite::Result<Step> {
    let mut left = STEP;
    let mut spend = |count: usize| {
        left = left.saturating_sub(count);
        (count as u64, left)
    };
    let (jobs, left) = spend(jobs(connection, target, STEP)?);
    let (answers, left) = spend(answers(connection, target, left)?);
    let (events, rows) = events(connection, target, left)?;
    let (_, left) = spend(rows);
    let (records, left) = spend(records(connection, target, left)?);
    let (history, left) = spend(history(connection, target, left)?);
    let erased = Erased {
        history,
        records,
        events: events as u64,
        answers,
        jobs,
    };
    Ok((erased, left == 0))
}

/// Whose a job is, by its payload.
#[derive(Deserialize)]
struct Owner {
    account: Option<String>,
    catalog: Option<String>,
}

fn jobs(connection: &Connection, target: &Target, most: usize) -> rusqlite::Result<usize> {
    let mut statement = connection.prepare_cached("SELECT id, payload FROM job")?;
    let mut rows = statement.query([])?;
    let mut ids: Vec<String> = Vec::new();
    while let Some(row) = rows.next()? {
        let payload = crate::list::bytes_of(row, 1)?;
        // A payload of another form belongs to nobody: only a reset of everything takes it.
        let owner = serde_json::from_slice(&payload).unwrap_or(Owner {
            account: None,
            catalog: None,
        });
        if target.is(owner.account.as_deref(), owner.catalog.as_deref()) {
            ids.push(row.get(0)?);
        }
        if ids.len() == most {
            break;
        }
    }
    drop(rows);
    for id in &ids {
        connection
            .prepare_cached("DELETE FROM job WHERE id=?1")?
            .execute([id])?;
    }
    Ok(ids.len())
}

fn answers(connection: &Connection, target: &Target, most: usize) -> rusqlite::Result<usize> {
    // An answer whose catalog is not known goes with any: it might speak of a record that is gone.
    let by_catalog = "(?1 IS NULL OR catalog=?1 OR catalog IS NULL) LIMIT ?2";
    let by_account = match target.account {
        Some(_) => "account=?3 AND ",
        None => "",
    };
    let mut statement = connection.prepare_cached(&format!(
        "DELETE FROM idempotency WHERE row IN (SELECT row FROM idempotency WHERE {by_account}{by_catalog})"
    ))?;
    match &target.account {
        Some(account) => statement.execute((&target.catalog, most, account)),
        None => statement.execute((&target.catalog, most)),
    }
}

/// Erases events with their deliveries: how many events, and how many rows in all. The newest event keeps its number,
/// emptied, so that no number is ever given twice.
fn events(connection: &Connection, target: &Target, most: usize) -> rusqlite::Result<(usize, usize)> {
    let newest = events::last(connection)?;
    let mut found = connection.prepare_cached(events_sql(target.account.is_some()))?;
    let theirs = found
        .query_map((newest, &target.catalog, most, &target.account), |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<u64>>>()?;
    let (erased, rows) = events::erase(connection, &theirs, most)?;
    if rows >= most {
        return Ok((erased, rows));
    }
    let emptied = connection
        .prepare_cached(
            "UPDATE event SET account='', catalog='', detail_type='', body=x'' WHERE seq=?1 AND detail_type<>'' \
             AND (?2 IS NULL OR catalog=?2) AND (?3 IS NULL OR account=?3)",
        )?
        .execute((newest, &target.catalog, &target.account))?;
    let mut rows = rows + emptied;
    if emptied > 0 {
        rows += delivery::forget(connection, newest)?;
    }
    Ok((erased + emptied, rows))
}

/// The events that are erased: `?1` the newest, which is not among them, `?2` the catalog, `?3` most, `?4` the account.
pub(crate) fn events_sql(by_account: bool) -> &'static str {
    match by_account {
        false => {
            "SELECT seq FROM event WHERE seq<?1 AND detail_type<>'' AND (?2 IS NULL OR catalog=?2) AND ?4 IS NULL LIMIT ?3"
        }
        true => {
            "SELECT seq FROM event INDEXED BY event_by_account_time WHERE account=?4 AND seq<?1 AND detail_type<>'' \
             AND (?2 IS NULL OR catalog=?2) LIMIT ?3"
        }
    }
}

/// Erases former versions. It comes last, since nobody reads them but those who look.
fn history(connection: &Connection, target: &Target, most: usize) -> rusqlite::Result<usize> {
    let mut erased = 0;
    for (tenant, account, catalog) in tenants(connection)? {
        let theirs = target.account.as_ref().is_none_or(|wanted| *wanted == account);
        let there = target.catalog.as_ref().is_none_or(|wanted| *wanted == catalog);
        if theirs && there && !catalog.is_empty() && erased < most {
            let mut statement = connection.prepare_cached(HISTORY)?;
            erased += statement.execute((tenant, most - erased))?;
        }
    }
    Ok(erased)
}

/// Deletes former versions of a tenant (`?1`), at most `?2`.
const HISTORY: &str = "DELETE FROM history WHERE seq IN (\
     SELECT seq FROM history INDEXED BY history_by_id_version WHERE tenant=?1 LIMIT ?2)";

fn tenants(connection: &Connection) -> rusqlite::Result<Vec<(i64, String, String)>> {
    let mut tenants = connection.prepare_cached("SELECT tenant, account, catalog FROM tenant")?;
    let rows = tenants.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}

fn records(connection: &Connection, target: &Target, most: usize) -> rusqlite::Result<usize> {
    let mut erased = 0;
    for (tenant, account, catalog) in tenants(connection)? {
        if catalog.is_empty() || target.catalog.as_ref().is_some_and(|wanted| *wanted != catalog) {
            continue;
        }
        let scope = if account.is_empty() {
            Scope::Shared
        } else {
            Scope::Catalog
        };
        for kind in Kind::ALL
            .into_iter()
            .filter(|kind| kind.spec().scope == scope && !kind.is_registered())
        {
            let left = most - erased;
            if left == 0 {
                return Ok(erased);
            }
            erased += match &target.account {
                None => of_kind(connection, kind, tenant, None, left)?,
                Some(wanted) if *wanted == account => of_kind(connection, kind, tenant, None, left)?,
                Some(wanted) if scope == Scope::Shared && kind.spec().column("account").is_some() => {
                    of_kind(connection, kind, tenant, Some(wanted), left)?
                }
                Some(_) => 0,
            };
        }
    }
    Ok(erased)
}

/// The rows of a kind that are erased: `?1` tenant, `?2` most, `?3` the account that a shared kind names in a column.
pub(crate) fn rows_sql(kind: Kind, by_account: bool) -> String {
    let spec = kind.spec();
    let by = spec
        .indexes
        .iter()
        .find(|i| by_account && i.columns[0] == "account");
    format!(
        "SELECT row FROM {} INDEXED BY {} WHERE tenant=?1{} LIMIT ?2",
        spec.table,
        sql::index_name(spec, by.map_or(&[], |i| i.columns)),
        if by_account { " AND account=?3" } else { "" }
    )
}

fn of_kind(
    connection: &Connection,
    kind: Kind,
    tenant: i64,
    account: Option<&str>,
    most: usize,
) -> rusqlite::Result<usize> {
    let mut statement = connection.prepare_cached(&rows_sql(kind, account.is_some()))?;
    statement.raw_bind_parameter(1, tenant)?;
    statement.raw_bind_parameter(2, most)?;
    if let Some(account) = account {
        statement.raw_bind_parameter(3, account)?;
    }
    let mut rows = statement.raw_query();
    let mut found: Vec<i64> = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(row.get(0)?);
    }
    drop(rows);
    for row in &found {
        connection.prepare_cached(sql::delete(kind))?.execute([row])?;
        connection
            .prepare_cached(sql::delete_body(kind))?
            .execute([row])?;
    }
    Ok(found.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_events_of_an_account_are_found_by_an_index() {
        let plan = crate::log::plan(events_sql(true));
        assert!(plan.len() == 1 && plan[0].contains("(account=?)"), "{plan:?}");
        let plan = crate::log::plan(events_sql(false));
        assert!(plan.len() == 1 && plan[0].contains("(rowid<?)"), "{plan:?}");
    }

    #[test]
    fn the_records_to_erase_are_found_by_an_index() {
        let mut connection = Connection::open_in_memory().unwrap();
        crate::migrate::migrate(&mut connection).unwrap();
        for kind in Kind::ALL {
            for by_account in [false, kind == Kind::Deal] {
                let sql = rows_sql(kind, by_account);
                let plan = crate::list::plan_of(&connection, &sql);
                let expected = if by_account {
                    "tenant=? AND account=?"
                } else {
                    "tenant=?"
                };
                assert!(plan.len() == 1 && plan[0].contains(expected), "{sql}\n{plan:?}");
            }
        }
    }
}
