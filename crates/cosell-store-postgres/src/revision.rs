//! How often what servers remember has changed, and which content of the database this server has acknowledged.
//!
//! Every import counts as an exchange. A server that has not acknowledged the last one writes nothing: each transaction of
//! its own looks at the count once it holds a lock that keeps imports out until it ends, so an import comes wholly before the
//! look or wholly after the commit. What must be forgotten, and when it is, is not known here.

use crate::error::Failure;
use crate::param::Param;
use crate::records::number;
use crate::session::{Session, Step, step};
use cosell_store::{Remembered, Revision, StoreError};
use std::sync::atomic::{AtomicI64, Ordering};
use tokio_postgres::Row;

/// The last exchange that this server has acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Acknowledged(AtomicI64);

impl Acknowledged {
    pub(crate) fn get(&self) -> i64 {
        self.0.load(Ordering::Acquire)
    }

    pub(crate) fn set(&self, exchange: i64) {
        self.0.store(exchange, Ordering::Release);
    }
}

/// The number of exchanges.
pub(crate) const EXCHANGE: &str = "SELECT number FROM revision WHERE name='exchanges'";

/// The answer to a change that was decided by what was in the database before.
pub(crate) fn refusal() -> StoreError {
    StoreError::Unavailable(
        "everything in the database was exchanged by another server, and nothing of this was written: try again in a \
         moment"
            .into(),
    )
}

/// Looks at the number of exchanges, within a transaction whose statements before have locked a table that imports lock.
pub(crate) fn look() -> Step<'static> {
    step(EXCHANGE, vec![])
}

/// Ends the open transaction and refuses where the look in it found another exchange than was acknowledged.
pub(crate) async fn expect(session: &Session, acknowledged: i64, looked: &[Row]) -> Result<(), Failure> {
    if exchange(looked)? == acknowledged {
        return Ok(());
    }
    session.rollback().await?;
    Err(refusal().into())
}

/// The number in the rows of a look.
fn exchange(rows: &[Row]) -> Result<i64, Failure> {
    let row = rows.first().ok_or_else(|| {
        StoreError::Corrupt("the row that counts exchanges is gone: restore a backup".to_owned())
    })?;
    Ok(row.try_get(0)?)
}

/// The present number of exchanges.
pub(crate) async fn present(session: &Session) -> Result<i64, Failure> {
    exchange(&session.query(&look()).await?)
}

/// Counts one more exchange in the open transaction; its number.
pub(crate) async fn exchanged(session: &Session) -> Result<i64, Failure> {
    let count = "UPDATE revision SET number=number+1 WHERE name='exchanges' RETURNING number";
    exchange(&session.query(&step(count, vec![])).await?)
}

/// Counts one more change of something that servers remember.
pub(crate) fn count<'a>(remembered: Remembered) -> Step<'a> {
    step(
        "INSERT INTO revision (name, number) VALUES ($1, 1) ON CONFLICT (name) DO UPDATE SET number=revision.number+1",
        vec![Param::text(remembered.name())],
    )
}

/// All counts.
pub(crate) const COUNTS: &str = "SELECT name, number FROM revision ORDER BY name";

/// All counts, with the exchange that this server has acknowledged.
pub(crate) async fn read(session: &Session, acknowledged: i64) -> Result<Revision, Failure> {
    let rows = session.query(&step(COUNTS, vec![])).await?;
    let mut counts = Vec::with_capacity(rows.len());
    for row in &rows {
        counts.push((row.try_get::<_, String>(0)?, number(row, 1)?));
    }
    Ok(Revision::read(acknowledged.unsigned_abs(), counts))
}
