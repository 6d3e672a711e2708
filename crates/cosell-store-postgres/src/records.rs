//! Records by key, and the versions they had.
//!
//! Nothing here writes.

use crate::error::Failure;
use crate::param::{Param, Raw};
use crate::session::{Bracket, Session, Step, step};
use crate::sql;
use cosell_store::{Key, Record, StoreError, Stored};
use tokio_postgres::{Error, Row};

/// A version that is not the present one: `$1` tenant, `$2` catalog, `$3` id, `$4` version, `$5` kind. Of a key that had it
/// twice, the later one.
pub(crate) const FORMER: &str = "SELECT version, document, private FROM history \
     WHERE tenant=$1 AND catalog=$2 AND id=$3 AND version=$4 AND kind=$5 ORDER BY seq DESC LIMIT 1";

/// Whether a key can be asked for.
pub(crate) fn validate(key: &Key) -> Result<(), StoreError> {
    key.validate().map_err(StoreError::Invalid)
}

/// The parameters that stand for a key.
pub(crate) fn key_params(key: &Key) -> Vec<Param<'_>> {
    vec![
        Param::text(&key.account),
        Param::text(&key.catalog),
        Param::text(&key.id),
    ]
}

/// The columns of a record as they are copied in bulk.
pub(crate) fn record_params(record: &Record) -> Vec<Param<'_>> {
    let mut params = key_params(&record.key);
    params.push(Param::number(record.version));
    let columns = record.key.kind.spec().columns;
    params.extend(columns.iter().map(|c| Param::from(record.column(c.name))));
    params.extend([&record.summary, &record.document, &record.private].map(|text| Param::Text(text)));
    params
}

/// A number of the contract out of a column that holds no negative ones.
pub(crate) fn number(row: &Row, place: usize) -> Result<u64, Error> {
    Ok(row.try_get::<_, i64>(place)?.unsigned_abs())
}

fn stored(row: &Row) -> Result<Stored, Error> {
    Ok(Stored {
        version: number(row, 0)?,
        document: row.try_get::<_, Raw>(1)?.0,
        private: row.try_get::<_, Raw>(2)?.0,
    })
}

fn get_step(key: &Key) -> Step<'_> {
    step(sql::of(key.kind).get.as_str(), key_params(key))
}

pub(crate) async fn get(session: &Session, key: &Key) -> Result<Option<Stored>, Failure> {
    let row = session.row(&get_step(key)).await?;
    Ok(row.as_ref().map(stored).transpose()?)
}

/// Several records of one moment.
pub(crate) async fn get_many(session: &Session, keys: &[Key]) -> Result<Vec<Option<Stored>>, Failure> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    // Each statement of a transaction sees a moment of its own, unless it is told otherwise.
    let mut steps = vec![step("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", vec![])];
    steps.extend(keys.iter().map(get_step));
    let rows = session.pipeline(Bracket::Whole, &steps).await?;
    let found = rows
        .iter()
        .skip(1)
        .map(|rows| rows.first().map(stored).transpose());
    Ok(found.collect::<Result<_, _>>()?)
}

/// The version of a record that is not the present one any more.
pub(crate) async fn former(session: &Session, key: &Key, version: u64) -> Result<Option<Stored>, Failure> {
    // A version that no column can hold was never kept.
    let Ok(version) = i64::try_from(version) else {
        return Ok(None);
    };
    let mut params = key_params(key);
    params.push(Param::Int(version));
    params.push(Param::text(key.kind.spec().table));
    let row = session.row(&step(FORMER, params)).await?;
    Ok(row.as_ref().map(stored).transpose()?)
}
