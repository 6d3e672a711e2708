//! Jobs: claims and lists.
//!
//! A claim takes the jobs that are due in the strict order of their times, as the contract has it. Where several servers
//! claim at the same moment, each skips what another has just in its hands: no job is claimed twice and nobody waits, but
//! which of two servers gets which of the earliest jobs is open, and a job that another looked at and left is taken at the
//! next look. Nothing here knows what a job is for.

use crate::error::Failure;
use crate::param::{Param, Raw, Text};
use crate::revision;
use crate::session::{Bracket, Session, step};
use cosell_model::Timestamp;
use cosell_store::{ClaimedJob, Job, JobId, StoredJob};
use tokio_postgres::{Error, Row};

/// Waiting jobs that are due (`$1` now), at most `$2`.
pub(crate) const DUE: &str = "SELECT id, kind, run_at, payload, attempts FROM job \
     WHERE worker IS NULL AND run_at<=$1 ORDER BY run_at, id LIMIT $2 FOR UPDATE SKIP LOCKED";

/// Claimed jobs whose lease has run out (`$1` now). All of them must be known to find the earliest; they are few, since
/// workers claim few.
pub(crate) const DUE_AGAIN: &str = "SELECT id, kind, run_at, payload, attempts FROM job \
     WHERE worker IS NOT NULL AND due_at<=$1 FOR UPDATE SKIP LOCKED";

const CLAIM: &str = "UPDATE job SET attempts=attempts+1, worker=$2, due_at=$3 WHERE id = ANY($1)";

/// When the next job becomes due, or a lease runs out: each of the two is the first entry of an index.
pub(crate) const NEXT: &str = "SELECT min(at) FROM (\
     (SELECT run_at AS at FROM job WHERE worker IS NULL ORDER BY run_at, id LIMIT 1) UNION ALL \
     (SELECT due_at FROM job WHERE worker IS NOT NULL ORDER BY due_at LIMIT 1)) AS n";

/// Makes claimed jobs wait again.
const RELEASE: &str = "WITH r AS (UPDATE job SET worker=NULL, due_at=run_at WHERE worker IS NOT NULL RETURNING 1) SELECT count(*) FROM r";

/// The job in a row that starts with id, kind, run_at, payload, attempts.
pub(crate) fn job(row: &Row) -> Result<Job, Error> {
    Ok(Job {
        id: JobId(row.try_get::<_, Text>(0)?.0),
        kind: row.try_get::<_, Text>(1)?.0,
        run_at: Timestamp::from_millis(row.try_get(2)?),
        payload: row.try_get::<_, Raw>(3)?.0,
        attempts: u32::try_from(row.try_get::<_, i64>(4)?).unwrap_or(u32::MAX),
    })
}

pub(crate) async fn next_at(session: &Session) -> Result<Option<Timestamp>, Failure> {
    let row = session.row(&step(NEXT, vec![])).await?;
    let at: Option<i64> = row.map_or(Ok(None), |row| row.try_get(0))?;
    Ok(at.map(Timestamp::from_millis))
}

/// Claims due jobs. Done twice over a lost answer, the first claim runs out like that of a worker that was killed.
pub(crate) async fn claim(
    session: &Session,
    acknowledged: i64,
    now: Timestamp,
    worker: &str,
    limit: usize,
    lease_millis: i64,
) -> Result<Vec<ClaimedJob>, Failure> {
    let now = now.as_millis();
    let until = now.saturating_add(lease_millis);
    let look = [
        step(DUE_AGAIN, vec![Param::Int(now)]),
        step(DUE, vec![Param::Int(now), Param::count(limit)]),
        revision::look(),
    ];
    let mut rows = session.pipeline(Bracket::Begin, &look).await?;
    // What is due in a content that this server does not know yet is not its to do.
    revision::expect(session, acknowledged, &rows.pop().unwrap_or_default()).await?;
    let mut due = rows.iter().flatten().map(job).collect::<Result<Vec<_>, _>>()?;
    due.sort_by(|a, b| (a.run_at, &a.id).cmp(&(b.run_at, &b.id)));
    due.truncate(limit);
    if due.is_empty() {
        session.rollback().await?;
        return Ok(Vec::new());
    }
    let ids = due.iter().map(|job| job.id.0.as_bytes()).collect();
    let take = [step(
        CLAIM,
        vec![Param::Texts(ids), Param::text(worker), Param::Int(until)],
    )];
    session.pipeline(Bracket::Commit, &take).await?;
    let claimed = due.into_iter().map(|job| ClaimedJob {
        job: Job {
            attempts: job.attempts.saturating_add(1),
            ..job
        },
        leased_until: Timestamp::from_millis(until),
    });
    Ok(claimed.collect())
}

/// Lets go of every claim; how many there were.
pub(crate) async fn release(session: &Session) -> Result<u64, Failure> {
    let row = session.row(&step(RELEASE, vec![])).await?;
    Ok(row.map_or(Ok(0), |row| row.try_get::<_, i64>(0))?.unsigned_abs())
}

/// A job by its id (`$1`).
pub(crate) const BY_ID: &str =
    "SELECT id, kind, run_at, payload, attempts, worker, due_at FROM job WHERE id=$1";

/// A job with who holds it.
fn stored(row: &Row) -> Result<StoredJob, Error> {
    let worker = row.try_get::<_, Option<Text>>(5)?;
    let due_at = Timestamp::from_millis(row.try_get(6)?);
    Ok(StoredJob {
        job: job(row)?,
        held: worker.map(|worker| (worker.0, due_at)),
    })
}

/// The job with an id.
pub(crate) async fn by_id(session: &Session, id: &JobId) -> Result<Option<StoredJob>, Failure> {
    let row = session.row(&step(BY_ID, vec![Param::text(&id.0)])).await?;
    Ok(row.as_ref().map(stored).transpose()?)
}

/// The statement of a list: waiting jobs, or those that a worker holds or has given up; `$1` the kind.
pub(crate) fn list_sql(waits: bool, by_kind: bool, limit: usize) -> String {
    let kind = if by_kind { " AND kind=$1" } else { "" };
    let (which, order) = match waits {
        true => ("worker IS NULL", format!("ORDER BY run_at, id LIMIT {limit}")),
        // Few, since workers claim few; all of them must be known to find the earliest.
        false => ("worker IS NOT NULL", "ORDER BY due_at".to_owned()),
    };
    format!("SELECT id, kind, run_at, payload, attempts, worker, due_at FROM job WHERE {which}{kind} {order}")
}

/// Jobs in the order of their times.
pub(crate) async fn list(
    session: &Session,
    kind: Option<&str>,
    limit: usize,
) -> Result<Vec<StoredJob>, Failure> {
    let steps = [true, false].map(|waits| {
        let params = kind.map(Param::text).into_iter().collect();
        step(list_sql(waits, kind.is_some(), limit), params)
    });
    let mut all = Vec::new();
    for row in session.pipeline(Bracket::Whole, &steps).await?.iter().flatten() {
        all.push(stored(row)?);
    }
    all.sort_by(|a, b| (a.job.run_at, &a.job.id).cmp(&(b.job.run_at, &b.job.id)));
    // Between the two statements a job may have been claimed: then it is in both.
    all.dedup_by(|b, a| a.job.id == b.job.id);
    all.truncate(limit);
    Ok(all)
}
