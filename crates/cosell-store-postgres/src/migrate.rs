//! Numbered migrations, forward only, each recorded with its checksum.
//!
//! Everything runs in one transaction under the lock of one row, so several servers that start at once do it once. Each
//! migration says from which schema on a server can work with its result: one that only adds lets the servers of the version
//! before go on while new ones start beside them (a rolling restart). Nothing is ever migrated back.

use crate::error::{Failure, Meaning, OpenError, SILENT, meaning, mistrust, words};
use crate::session::Session;
use crate::statistics;
use crate::transfer::steps::MARK_TABLE;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

struct Migration {
    number: i64,
    name: &'static str,
    /// A server that knows schemas up to this one (or a later one) can work with the result.
    compatible_from: i64,
    sql: &'static str,
}

const MIGRATIONS: [Migration; 6] = [
    Migration {
        number: 1,
        name: "records",
        compatible_from: 1,
        sql: include_str!("../migrations/0001_records.sql"),
    },
    Migration {
        number: 2,
        name: "cosell",
        compatible_from: 1,
        sql: include_str!("../migrations/0002_cosell.sql"),
    },
    Migration {
        number: 3,
        name: "operator",
        // The history of records begins here; who does not know of it would leave versions out.
        compatible_from: 3,
        sql: include_str!("../migrations/0003_operator.sql"),
    },
    Migration {
        number: 4,
        name: "deliveries",
        // Who does not know of deliveries would leave them behind when it erases events.
        compatible_from: 4,
        sql: include_str!("../migrations/0004_deliveries.sql"),
    },
    Migration {
        number: 5,
        name: "counters",
        // Who does not know of counters counts for itself, which harms nothing.
        compatible_from: 4,
        sql: include_str!("../migrations/0005_counters.sql"),
    },
    Migration {
        number: 6,
        name: "revisions",
        // Who does not count its changes is noticed a minute late; who does not look at exchanges must not be there during
        // one, as the manual says.
        compatible_from: 4,
        sql: include_str!("../migrations/0006_revisions.sql"),
    },
];

/// The newest schema known here.
pub(crate) const NEWEST: i64 = MIGRATIONS[MIGRATIONS.len() - 1].number;

fn checksum(sql: &str) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(sql.as_bytes()) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// How often a start is tried that collides with the start of another server.
const TRIES: usize = 10;

/// Has the database look, while it works for this connection, whether the client is still there.
const LOOK_FOR_THE_CLIENT: &str = "SELECT set_config(name, '2s', false) FROM pg_settings \
     WHERE name='client_connection_check_interval'";

/// Brings the schema up to date; how many migrations ran. A database that a copy fills is refused unless `filling`.
pub(crate) async fn migrate(session: &Session, filling: bool) -> Result<usize, OpenError> {
    let encoding = query(session, "SHOW server_encoding").await?;
    let encoding = encoding.first().map_or("", String::as_str);
    if encoding != "UTF8" {
        return Err(OpenError::Encoding(encoding.to_owned()));
    }
    if !filling && tables(session).await?.iter().any(|name| name == MARK_TABLE) {
        return Err(OpenError::Unfinished);
    }
    // Most starts find everything done, and then nothing is locked or written.
    if found(session).await? >= NEWEST {
        return Ok(0);
    }
    // What a server that is killed has begun would go on in the database, with its locks. An engine that cannot look is left
    // without it.
    if let Err(error) = session.client().batch_execute(LOOK_FOR_THE_CLIENT).await {
        tracing::debug!(error = words(&error), "a migration may outlive its server");
    }
    let mut tries = 0;
    loop {
        tries += 1;
        match run(session).await {
            Ok(ran) => return Ok(ran),
            Err(Stop::Refused(error)) => {
                session
                    .rollback()
                    .await
                    .map_err(|e| OpenError::Postgres(words(&e)))?;
                return Err(error);
            }
            // Two servers that make the same table at the same moment meet as a taken key.
            Err(Stop::Postgres(error))
                if tries < TRIES && matches!(meaning(&error), Meaning::Taken | Meaning::Collision) =>
            {
                session
                    .rollback()
                    .await
                    .map_err(|e| OpenError::Postgres(words(&e)))?;
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            Err(Stop::Postgres(error)) => return Err(OpenError::Postgres(words(&error))),
        }
    }
}

enum Stop {
    Refused(OpenError),
    Postgres(tokio_postgres::Error),
}

impl From<tokio_postgres::Error> for Stop {
    fn from(error: tokio_postgres::Error) -> Self {
        Stop::Postgres(error)
    }
}

async fn run(session: &Session) -> Result<usize, Stop> {
    let client = session.client();
    client
        .batch_execute(
            "BEGIN; SET LOCAL statement_timeout=0; SET LOCAL lock_timeout=0; \
             CREATE TABLE IF NOT EXISTS cosell_migration (number bigint PRIMARY KEY, name text NOT NULL, \
             sha256 text NOT NULL, compatible_from bigint NOT NULL); \
             CREATE TABLE IF NOT EXISTS cosell_migration_lock (id bigint PRIMARY KEY); \
             INSERT INTO cosell_migration_lock VALUES (1) ON CONFLICT DO NOTHING",
        )
        .await?;
    client
        .batch_execute("SELECT id FROM cosell_migration_lock WHERE id=1 FOR UPDATE")
        .await?;
    let from = found(session).await.map_err(Stop::Refused)?;
    let mut ran = 0;
    for migration in MIGRATIONS.iter().filter(|m| m.number > from) {
        client.batch_execute(migration.sql).await?;
        client
            .execute(
                "INSERT INTO cosell_migration VALUES ($1, $2, $3, $4)",
                &[
                    &migration.number,
                    &migration.name,
                    &checksum(migration.sql),
                    &migration.compatible_from,
                ],
            )
            .await?;
        ran += 1;
    }
    if from == 0 {
        statistics::seed(client).await?;
    }
    client.batch_execute("COMMIT").await?;
    Ok(ran)
}

async fn query(session: &Session, sql: &str) -> Result<Vec<String>, OpenError> {
    let rows = session.client().query(sql, &[]).await;
    let rows = rows.map_err(|e| OpenError::Postgres(words(&e)))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// The names of all tables.
async fn tables(session: &Session) -> Result<Vec<String>, OpenError> {
    query(
        session,
        "SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema() \
         AND table_type = 'BASE TABLE'",
    )
    .await
}

/// The schema of the database (0 for an empty one), or why it must not be used.
async fn found(session: &Session) -> Result<i64, OpenError> {
    let tables = tables(session).await?;
    if !tables.iter().any(|name| name == "cosell_migration") {
        // The lock comes and goes with the first migration.
        return match tables.iter().all(|name| name == "cosell_migration_lock") {
            true => Ok(0),
            false => Err(OpenError::Foreign),
        };
    }
    let rows = session
        .client()
        .query(
            "SELECT number, name, sha256, compatible_from FROM cosell_migration ORDER BY number",
            &[],
        )
        .await
        .map_err(|e| OpenError::Postgres(words(&e)))?;
    let mut last = 0;
    for row in rows {
        let (number, name, sum, compatible_from): (i64, String, String, i64) =
            (row.get(0), row.get(1), row.get(2), row.get(3));
        if number > NEWEST && compatible_from > NEWEST {
            return Err(OpenError::Newer {
                found: number,
                known: NEWEST,
            });
        }
        let known = MIGRATIONS.iter().find(|m| m.number == number);
        let same = known.is_none_or(|m| m.name == name && checksum(m.sql) == sum);
        if !same || number != last + 1 {
            return Err(OpenError::Tampered { number, name });
        }
        last = number;
    }
    Ok(last)
}

/// What a failure to connect is at opening.
pub(crate) fn unreachable(failure: Failure) -> OpenError {
    let met_nobody = |what: &str| format!("{what}: check the address and that the server runs");
    OpenError::Unreachable(match failure {
        Failure::Answer(error) => error.to_string(),
        Failure::Postgres(error) if error.as_db_error().is_none() && mistrust(&error).is_none() => {
            met_nobody(&words(&error))
        }
        Failure::Postgres(error) => words(&error),
        Failure::Silent => met_nobody(SILENT),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_numbered_without_gaps_and_compatible_with_none_that_is_newer() {
        for (place, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(migration.number, place as i64 + 1);
            assert!(migration.compatible_from <= migration.number);
        }
    }
}
