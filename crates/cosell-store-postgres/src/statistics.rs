//! What the planner is told about tables before there is anything in them.
//!
//! Of an empty or never analysed table the planner knows nothing, and then each index that begins with the account and the
//! catalog is as good to it as the primary key: a record was looked for by its key among all of its account's, until
//! autovacuum had analysed the table. That is up to a minute, in which a server that is filled has written a hundred thousand
//! rows. So a new table is analysed with made-up rows in it, which then go; what was learnt of them stays until autovacuum
//! knows better. Runs only in the transaction that makes the tables, before anybody can have written to them.

use crate::error::words;
use crate::sql;
use cosell_store::{ColumnType, Kind};
use std::fmt::Write as _;
use tokio_postgres::{Client, Error};

/// Made-up rows of each table; enough for the planner to see that ids are distinct and accounts are not.
const ROWS: u32 = 300;

/// The statements for a kind.
fn text(kind: Kind) -> String {
    let spec = kind.spec();
    let table = sql::table(spec);
    let (mut columns, mut values) = (String::new(), String::new());
    for column in spec.columns {
        // Writing to a string cannot fail.
        let _ = write!(columns, ", {}", column.name);
        values.push_str(match (column.ty, column.nullable) {
            (ColumnType::Integer, _) => ", n",
            (ColumnType::Text, false) => ", 'v' || n % 30",
            (ColumnType::Text, true) => ", CASE WHEN n % 10 > 0 THEN 'v' || n % 30 END",
        });
    }
    format!(
        "INSERT INTO {table} (tenant, catalog, id, version{columns}, summary, document, private) \
         SELECT 'a' || n % 2, 'c', 'i' || n, 1{values}, '', '', '' FROM generate_series(1, {ROWS}) AS n; \
         ANALYZE {table}; TRUNCATE {table}"
    )
}

/// Tells the planner about all tables in which it has a choice. An engine that has no such statements goes without.
pub(crate) async fn seed(client: &Client) -> Result<(), Error> {
    // Of a table that is older than the savepoint, emptying it forgets the number of rows too; of a younger one it would stay
    // known that there are none, and all indexes of an empty table are equally good again.
    client.batch_execute("SAVEPOINT statistics").await?;
    let choosing = Kind::ALL
        .into_iter()
        .filter(|kind| !kind.spec().indexes.is_empty());
    let all: Vec<_> = choosing.map(text).collect();
    match client.batch_execute(&all.join("; ")).await {
        Ok(()) => client.batch_execute("RELEASE SAVEPOINT statistics").await,
        Err(error) if error.as_db_error().is_some() => {
            tracing::warn!(error = %words(&error), "the planner learns about the tables by and by");
            client.batch_execute("ROLLBACK TO SAVEPOINT statistics").await
        }
        Err(error) => Err(error),
    }
}
