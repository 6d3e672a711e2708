//! Migrations: numbered SQL files, forward only, each remembered with the checksum of its text.
//!
//! A database that knows more migrations than this build, or other ones, is refused untouched. Nothing here ever
//! changes a migration that was released.

use crate::error::OpenError;
use rusqlite::{Connection, TransactionBehavior};
use sha2::{Digest, Sha256};

/// Marks a file as one of ours (`PRAGMA application_id`): the letters `cose`.
pub(crate) const APPLICATION_ID: i64 = 0x636f_7365;

struct Migration {
    number: i64,
    name: &'static str,
    sql: &'static str,
}

const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 1,
        name: "records",
        sql: include_str!("../migrations/0001_records.sql"),
    },
    Migration {
        number: 2,
        name: "cosell",
        sql: include_str!("../migrations/0002_cosell.sql"),
    },
    Migration {
        number: 3,
        name: "operator",
        sql: include_str!("../migrations/0003_operator.sql"),
    },
    Migration {
        number: 4,
        name: "deliveries",
        sql: include_str!("../migrations/0004_deliveries.sql"),
    },
    Migration {
        number: 5,
        name: "counters",
        sql: include_str!("../migrations/0005_counters.sql"),
    },
    Migration {
        number: 6,
        name: "revisions",
        sql: include_str!("../migrations/0006_revisions.sql"),
    },
];

/// The newest schema this build knows.
pub(crate) const NEWEST: i64 = MIGRATIONS.len() as i64;

fn checksum(sql: &str) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(sql.as_bytes()) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Refuses what this build must not touch, then brings the schema up to date. Returns the number of migrations run.
pub(crate) fn migrate(connection: &mut Connection) -> Result<usize, OpenError> {
    // Looked at before the write transaction, so that a file that is refused is not even locked.
    if verify(connection)? == NEWEST {
        return Ok(0);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let from = verify(&transaction)?;
    if from == 0 {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.execute_batch(
            "CREATE TABLE migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL) STRICT",
        )?;
    }
    let mut ran = 0;
    for migration in MIGRATIONS.iter().filter(|m| m.number > from) {
        transaction.execute_batch(migration.sql)?;
        transaction.execute(
            "INSERT INTO migration (number, name, sha256) VALUES (?1, ?2, ?3)",
            (migration.number, migration.name, checksum(migration.sql)),
        )?;
        ran += 1;
    }
    transaction.commit()?;
    Ok(ran)
}

/// The schema number of the database (0 for a new, empty file), or why it must not be used.
pub(crate) fn verify(connection: &Connection) -> Result<i64, OpenError> {
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0))?;
    let id: i64 = connection.query_row("PRAGMA application_id", [], |r| r.get(0))?;
    if tables == 0 && id == 0 {
        return Ok(0);
    }
    if id != APPLICATION_ID {
        return Err(OpenError::Foreign);
    }
    let mut statement = connection.prepare("SELECT number, name, sha256 FROM migration ORDER BY number")?;
    let mut rows = statement.query([])?;
    let mut last = 0;
    while let Some(row) = rows.next()? {
        let (number, name, sum): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if number > NEWEST {
            let found: i64 = connection.query_row("SELECT max(number) FROM migration", [], |r| r.get(0))?;
            return Err(OpenError::Newer { found, known: NEWEST });
        }
        let known = MIGRATIONS.iter().find(|m| m.number == number);
        if known.is_none_or(|m| m.name != name || checksum(m.sql) != sum) || number != last + 1 {
            return Err(OpenError::Tampered { number, name });
        }
        last = number;
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_numbered_without_gaps() {
        for (place, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(migration.number, place as i64 + 1);
        }
    }

    #[test]
    fn a_second_run_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        assert_eq!(migrate(&mut connection).unwrap(), MIGRATIONS.len());
        assert_eq!(migrate(&mut connection).unwrap(), 0);
    }

    #[test]
    fn a_newer_schema_is_refused_with_both_numbers() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        connection
            .execute("INSERT INTO migration VALUES (99, 'later', 'x')", [])
            .unwrap();
        let error = migrate(&mut connection).unwrap_err();
        assert!(
            matches!(
                error,
                OpenError::Newer {
                    found: 99,
                    known: NEWEST
                }
            ),
            "{error}"
        );
    }

    #[test]
    fn a_changed_checksum_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        connection
            .execute("UPDATE migration SET sha256 = 'x' WHERE number = 1", [])
            .unwrap();
        assert!(matches!(
            migrate(&mut connection),
            Err(OpenError::Tampered { number: 1, .. })
        ));
    }

    #[test]
    fn a_database_of_another_program_is_refused_and_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE theirs (x)").unwrap();
        assert!(matches!(migrate(&mut connection), Err(OpenError::Foreign)));
        let tables: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0))
            .unwrap();
        assert_eq!(tables, 1);
    }
}
