//! The rows by which it is found out whether a commit landed whose answer was lost: see [`crate::writer`].

use crate::error::{Failure, words};
use crate::param::Param;
use crate::session::{Bracket, Session, Step, step};
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// Leaves the marker (`$1`) of a commit by a server that has acknowledged an exchange (`$2`); fails where there was another
/// since. Imports lock the table against writers, and a statement sees what is there once it has its lock.
pub(crate) const MARK: &str = "INSERT INTO commit_marker (marker, fence) \
     VALUES ($1, (SELECT false FROM revision WHERE name='exchanges' AND number=$2))";
/// Takes the place of the marker of a doubtful commit, unless it is there. It writes in either case, so that its own commit waits
/// for the standby: a commit that a primary made alone before it crashed is seen by all when it is back, and must not be
/// acknowledged before the standby has it.
const FENCE: &str = "INSERT INTO commit_marker AS m (marker, fence) VALUES ($1, true) \
     ON CONFLICT (marker) DO UPDATE SET fence = m.fence";
/// Whether the place was taken before the commit could.
pub(crate) const IS_FENCE: &str = "SELECT fence FROM commit_marker WHERE marker=$1";
const FORGET: &str = "DELETE FROM commit_marker WHERE marker=$1";

/// What killed servers left behind: nobody asks for a commit of yesterday any more. The look comes first, since it waits for
/// nobody; where there are none, which is so at almost every start, nothing is written. It looks through a table that has one row
/// for each server.
const OLD: &str = "SELECT marker FROM commit_marker WHERE made_at < now() - interval '1 day' LIMIT 10000";
const FORGET_OLD: &str = "DELETE FROM commit_marker WHERE marker = ANY($1)";

/// Leaves the marker of a commit of a server that has acknowledged an exchange.
pub(crate) fn mark(marker: &[u8; 16], acknowledged: i64) -> Step<'_> {
    step(MARK, vec![Param::Blob(marker), Param::Int(acknowledged)])
}

/// Whether a commit failed because there was another exchange than its server has acknowledged.
pub(crate) fn met_an_exchange(error: &Error) -> bool {
    error.as_db_error().is_some_and(|told| {
        told.code() == &SqlState::NOT_NULL_VIOLATION
            && told.table() == Some("commit_marker")
            && told.column() == Some("fence")
    })
}

/// Forgets a marker that nobody needs any more.
pub(crate) fn forget(marker: &[u8; 16]) -> Step<'_> {
    step(FORGET, vec![Param::Blob(marker)])
}

/// Whether a doubtful commit has landed; if not, it never will.
pub(crate) async fn has_landed(session: &Session, marker: &[u8; 16]) -> Result<bool, Failure> {
    let steps = [FENCE, IS_FENCE].map(|text| step(text, vec![Param::Blob(marker)]));
    let rows = session.pipeline(Bracket::Whole, &steps).await?;
    let is_fence = rows.get(1).and_then(|rows| rows.first());
    Ok(!is_fence.map_or(Ok(true), |row| row.try_get::<_, bool>(0))?)
}

/// Forgets the markers that killed servers left behind, as far as that goes at once.
pub(crate) async fn forget_old(session: &Session) {
    let forget = async {
        let rows = session.query(&step(OLD, vec![])).await?;
        let old = rows
            .iter()
            .map(|row| row.try_get(0))
            .collect::<Result<Vec<Vec<u8>>, _>>()?;
        if !old.is_empty() {
            session.client().execute(FORGET_OLD, &[&old]).await?;
        }
        Ok::<_, Error>(())
    };
    if let Err(error) = forget.await {
        tracing::warn!(
            error = words(&error),
            "old markers of commits stay until the next start"
        );
    }
}
