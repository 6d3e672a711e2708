//! Everything out, everything in at once or in steps, and many new records at once.
//!
//! Each has a connection of its own, on which nothing times out, and is never tried twice: half of a source is used up when
//! a connection breaks. An import whose commit was not answered finds out whether it has landed. Nothing here knows what a
//! file of the state looks like.

mod copy;
mod read;
pub(crate) mod steps;
mod write;

use crate::error::{Failure, Meaning, meaning};
use crate::param::Param;
use crate::records::{number, record_params};
use crate::revision;
use crate::session::{Bracket, Session, step};
use crate::sql;
use crate::store::PostgresStore;
use cosell_store::{Key, Kind, Progress, ProgressFn, Record, StoreError};
use std::collections::{BTreeMap, HashSet};

pub(crate) use read::{ONE_MOMENT, Stop, export, stream};
pub(crate) use write::import;

/// Most new records in one commit.
const BULK: usize = 5_000;
/// Bytes of documents that are enough for one commit of new records.
const BULK_BYTES: usize = 16 << 20;

/// Inserts many new records.
pub(crate) async fn bulk(
    store: &PostgresStore,
    records: &mut (dyn Iterator<Item = Record> + Send),
    progress: &ProgressFn,
) -> Result<u64, StoreError> {
    let session = store.patient().await?;
    let mut done = 0;
    loop {
        let (mut chunk, mut bytes) = (Vec::new(), 0);
        while chunk.len() < BULK && bytes < BULK_BYTES {
            let Some(record) = records.next() else { break };
            record.validate().map_err(StoreError::Invalid)?;
            bytes += record.weight();
            chunk.push(record);
        }
        if chunk.is_empty() {
            return Ok(done);
        }
        let acknowledged = store.pool.acknowledged.get();
        match insert(&session, acknowledged, &chunk).await {
            // Another server has inserted one of them in between: the second look names it.
            Err(Failure::Postgres(error)) if meaning(&error) == Meaning::Taken => {
                session.rollback().await.map_err(Failure::from)?;
                insert(&session, acknowledged, &chunk).await?;
            }
            other => other?,
        }
        done += chunk.len() as u64;
        progress(Progress { done, total: done });
    }
}

/// Inserts new records in one transaction.
async fn insert(session: &Session, acknowledged: i64, chunk: &[Record]) -> Result<(), Failure> {
    let mut kinds: BTreeMap<Kind, Vec<&Record>> = BTreeMap::new();
    let mut seen = HashSet::with_capacity(chunk.len());
    for record in chunk {
        if !seen.insert(&record.key) {
            return Err(known(&record.key));
        }
        kinds.entry(record.key.kind).or_default().push(record);
    }
    session.pipeline(Bracket::Begin, &[]).await?;
    for (kind, records) in &kinds {
        let texts = |part: fn(&Key) -> &String| {
            Param::Texts(records.iter().map(|r| part(&r.key).as_bytes()).collect())
        };
        let params = vec![texts(|k| &k.account), texts(|k| &k.catalog), texts(|k| &k.id)];
        if let Some(row) = session.row(&step(known_sql(*kind), params)).await? {
            let place = usize::try_from(number(&row, 0)?).unwrap_or(usize::MAX);
            session.rollback().await?;
            return Err(records.get(place.wrapping_sub(1)).map_or_else(
                || StoreError::Corrupt("a number of a row is out of bounds".into()).into(),
                |record| known(&record.key),
            ));
        }
        let types = copy::record_types(*kind);
        let rows = records.iter().map(|record| record_params(record));
        copy::rows(session.client(), &sql::of(*kind).copy, &types, rows).await?;
    }
    let looked = session.query(&revision::look()).await?;
    revision::expect(session, acknowledged, &looked).await?;
    session.pipeline(Bracket::Commit, &[]).await?;
    Ok(())
}

/// The first of some keys (`$1` tenants, `$2` catalogs, `$3` ids) under which there is a record.
pub(crate) fn known_sql(kind: Kind) -> String {
    format!(
        "SELECT v.n FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS v (tenant, catalog, id, n) \
         WHERE EXISTS (SELECT 1 FROM {} AS t WHERE t.tenant=v.tenant AND t.catalog=v.catalog AND t.id=v.id) \
         ORDER BY v.n LIMIT 1",
        sql::table(kind.spec())
    )
}

fn known(key: &Key) -> Failure {
    StoreError::Invalid(format!(
        "{key} exists already: fill a store only with records that are not in it"
    ))
    .into()
}
