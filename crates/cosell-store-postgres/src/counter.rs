//! Counters by which servers count together, and the database's clock.
//!
//! A swap is a small transaction of its own, beside the writer and its batches, and does not wait until it is on disk: a
//! crash costs what was counted in its last moments, and every admitted request would pay for the wait. What is counted is
//! not known here.

use crate::error::Failure;
use crate::log::PRUNE_STEP;
use crate::param::{Param, Raw};
use crate::records::number;
use crate::session::{Bracket, Session, step};
use cosell_model::Timestamp;
use cosell_store::Swap;

/// For the one transaction in which it stands.
const NO_WAIT_FOR_THE_DISK: &str = "SET LOCAL synchronous_commit TO OFF";

/// A counter that is new: `$1` account, `$2` name, `$3` value, `$4` until.
const INSERT: &str = "INSERT INTO counter (account, name, value, until) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (account, name) DO NOTHING RETURNING until";

/// A counter that has the expected value (`$5`).
pub(crate) const UPDATE: &str =
    "UPDATE counter SET value=$3, until=$4 WHERE account=$1 AND name=$2 AND value=$5 RETURNING until";

/// What a counter has.
pub(crate) const GET: &str = "SELECT value FROM counter WHERE account=$1 AND name=$2";

/// The counters that are of no more use before a time (`$1`), at most `$2`. One that is used again meanwhile stays.
pub(crate) const PRUNE: &str = "WITH gone AS (DELETE FROM counter AS c USING \
     (SELECT account, name FROM counter WHERE until<$1 ORDER BY until LIMIT $2) AS old \
     WHERE c.account=old.account AND c.name=old.name AND c.until<$1 RETURNING 1) SELECT count(*) FROM gone";

/// The time as it is, and not as it was when a transaction began.
const CLOCK: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";

/// Swaps in one round trip. The look at the end sees what another server has written meanwhile, since each statement of a
/// transaction sees a moment of its own.
pub(crate) async fn swap(
    session: &Session,
    (account, name): (&str, &str),
    expected: Option<&[u8]>,
    next: &[u8],
    until: Timestamp,
) -> Result<Swap, Failure> {
    let key = || vec![Param::text(account), Param::text(name)];
    let mut params = key();
    params.extend([Param::Blob(next), Param::Int(until.as_millis())]);
    let write = match expected {
        None => step(INSERT, params),
        Some(value) => {
            params.push(Param::Blob(value));
            step(UPDATE, params)
        }
    };
    let steps = [step(NO_WAIT_FOR_THE_DISK, vec![]), write, step(GET, key())];
    let rows = session.pipeline(Bracket::Whole, &steps).await?;
    let [_, written, found] = &rows[..] else {
        return Err(Failure::Answer(cosell_store::StoreError::Unavailable(
            "the database left a statement unanswered".into(),
        )));
    };
    if !written.is_empty() {
        return Ok(Swap::Done);
    }
    let found = found.first().map(|row| row.try_get::<_, Raw>(0)).transpose()?;
    Ok(Swap::Found(found.map(|value| value.0)))
}

/// One step of pruning: how many went.
pub(crate) async fn prune(session: &Session, before: Timestamp) -> Result<u64, Failure> {
    let params = vec![Param::Int(before.as_millis()), Param::count(PRUNE_STEP)];
    let row = session.row(&step(PRUNE, params)).await?;
    Ok(row.map_or(Ok(0), |row| number(&row, 0))?)
}

/// The time by the database's clock.
pub(crate) async fn clock(session: &Session) -> Result<Option<Timestamp>, Failure> {
    let row = session.row(&step(CLOCK, vec![])).await?;
    let millis = row.map(|row| row.try_get(0)).transpose()?;
    Ok(millis.map(Timestamp::from_millis))
}
