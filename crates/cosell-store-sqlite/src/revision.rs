//! How often what servers remember has changed: counted in the commit that changes it. What is remembered is said by the
//! contract and not here.

use cosell_store::Revision;
use rusqlite::Connection;

/// Counts one more change under a name.
pub(crate) fn count(connection: &Connection, name: &str) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO revision (name, number) VALUES (?1, 1) ON CONFLICT (name) DO UPDATE SET number=number+1",
    )?;
    statement.execute([name]).map(drop)
}

/// The counts. Only the server of a folder exchanges what is in it, so every exchange is one that it knows.
pub(crate) fn read(connection: &Connection) -> rusqlite::Result<Revision> {
    let mut statement = connection.prepare_cached("SELECT name, number FROM revision")?;
    let counts = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let revision = Revision::read(0, counts);
    Ok(Revision {
        acknowledged: revision.exchanges,
        ..revision
    })
}
