//! Former versions of records: kept when they are replaced or deleted, read by version, pruned by age.
//!
//! What is kept is copied within the database: no byte of it passes through here.

use crate::list::bytes_of;
use cosell_model::Timestamp;
use cosell_store::{Kind, Stored};
use rusqlite::{Connection, OptionalExtension};

/// Most versions pruned in one commit.
pub(crate) const PRUNE_STEP: u64 = 2_000;

/// Copies the present version of a row (`?1`) with the time (`?2`) at which it ends.
pub(crate) fn keep_sql(kind: Kind) -> String {
    let table = kind.spec().table;
    format!(
        "INSERT INTO history (until, kind, tenant, id, version, document, private) \
         SELECT ?2, '{table}', l.tenant, l.id, b.version, b.document, b.private \
         FROM {table} AS l CROSS JOIN {table}_body AS b ON b.row = l.row WHERE l.row=?1"
    )
}

/// Finds a version: `?1` tenant, `?2` id, `?3` version, `?4` kind. Of a key that had it twice, the later one.
pub(crate) const FIND: &str = "SELECT version, document, private FROM history INDEXED BY history_by_id_version \
     WHERE tenant=?1 AND id=?2 AND version=?3 AND kind=?4 ORDER BY seq DESC LIMIT 1";

/// Keeps the present version of a row, before it is replaced or deleted.
pub(crate) fn keep(
    connection: &Connection,
    kind: Kind,
    row: i64,
    until: Option<Timestamp>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(crate::sql::keep(kind))?;
    statement
        .execute((row, until.map(Timestamp::as_millis)))
        .map(drop)
}

/// The version of a record that is not the present one any more.
pub(crate) fn find(
    connection: &Connection,
    kind: Kind,
    tenant: i64,
    id: &str,
    version: u64,
) -> rusqlite::Result<Option<Stored>> {
    // A version that no column can hold was never kept.
    let Ok(version) = i64::try_from(version) else {
        return Ok(None);
    };
    let mut statement = connection.prepare_cached(FIND)?;
    let found = statement.query_row((tenant, id, version, kind.spec().table), |row| {
        Ok(Stored {
            version: row.get(0)?,
            document: bytes_of(row, 1)?,
            private: bytes_of(row, 2)?,
        })
    });
    found.optional()
}

/// One step of pruning: how many versions went, and whether there may be more to prune. The oldest come first; the first
/// one that is not old enough ends it.
pub(crate) fn prune(connection: &Connection, before: Timestamp) -> rusqlite::Result<(u64, bool)> {
    let mut oldest = connection.prepare_cached("SELECT seq, until FROM history ORDER BY seq LIMIT ?1")?;
    let mut rows = oldest.query([PRUNE_STEP])?;
    let (mut last, mut seen, mut old) = (None, 0, 0);
    while let Some(row) = rows.next()? {
        seen += 1;
        match row.get::<_, Option<i64>>(1)? {
            Some(until) if until >= before.as_millis() => break,
            Some(_) => (last, old) = (Some(row.get::<_, i64>(0)?), seen),
            None => {}
        }
    }
    drop(rows);
    let Some(last) = last else {
        return Ok((0, false));
    };
    let mut statement = connection.prepare_cached("DELETE FROM history WHERE seq<=?1")?;
    let gone = statement.execute([last])? as u64;
    Ok((gone, old > 0 && seen == PRUNE_STEP))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn former_versions_are_kept_found_and_pruned_without_a_scan() {
        let mut connection = Connection::open_in_memory().unwrap();
        crate::migrate::migrate(&mut connection).unwrap();
        let kept = Kind::ALL.into_iter().filter(|kind| kind.spec().history);
        let statements: Vec<String> = kept.map(keep_sql).chain([FIND.to_owned()]).collect();
        assert_eq!(statements.len(), 8, "seven kinds, and the look-up");
        for sql in statements {
            let plan = crate::list::plan_of(&connection, &sql);
            assert!(plan.iter().all(|line| line.contains("SEARCH")), "{sql}\n{plan:?}");
        }
        let plan = crate::list::plan_of(&connection, FIND);
        assert!(
            plan.len() == 1 && plan[0].contains("tenant=? AND id=? AND version=?"),
            "{plan:?}"
        );
    }
}
