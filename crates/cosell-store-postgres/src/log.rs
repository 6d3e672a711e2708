//! The log of events and the audit log, as they are read and shortened.
//!
//! Every read is a walk of one index in its own order. The newest row of each log is never deleted, so that what is exported
//! tells which number comes next. Rows get into these tables elsewhere: see [`crate::numbered`].

use crate::delivery::erase::{self, Erasure};
use crate::error::Failure;
use crate::param::{Param, Raw, Text};
use crate::records::number;
use crate::session::{Bracket, Session, Step, step};
use cosell_model::Timestamp;
use cosell_store::{AuditEntry, AuditQuery, Event, EventPage, EventQuery, StoredAudit, StoredEvent};
use tokio_postgres::{Error, Row};

/// Most rows pruned in one commit, so that other writes wait for a few milliseconds only.
pub(crate) const PRUNE_STEP: usize = 5_000;
/// Most events that one page looks at.
const MOST_LOOKED_AT: usize = 5_000;

/// Events in their own order: `$1` after which number, `$2` how many.
pub(crate) const AFTER: &str = "SELECT seq, id, account, catalog, detail_type, time, body FROM event \
     WHERE seq>$1 AND detail_type<>'' ORDER BY seq LIMIT $2";

/// An event by its id. One without a detail type is a place holder.
pub(crate) const BY_ID: &str =
    "SELECT seq, id, account, catalog, detail_type, time, body FROM event WHERE id=$1 AND detail_type<>''";

pub(crate) const AUDIT_AFTER: &str =
    "SELECT seq, time, account, body FROM audit WHERE seq>$1 ORDER BY seq LIMIT $2";

/// The greatest number of an event.
pub(crate) const LAST: &str = "SELECT coalesce(max(seq), 0) FROM event";

/// The oldest entries from before a time (`$1`), at most `$2`; never the newest of all.
pub(crate) const PRUNE_AUDIT: &str = "WITH gone AS (DELETE FROM audit WHERE seq = ANY(ARRAY(\
     SELECT seq FROM audit WHERE time<$1 AND seq<(SELECT max(seq) FROM audit) ORDER BY time, seq LIMIT $2)) RETURNING 1) \
     SELECT count(*) FROM gone";

/// The events from before a time (`$1`), oldest first, at most `$2`; never the newest of all.
pub(crate) const OLD: &str = "SELECT seq FROM event WHERE time<$1 AND seq<(SELECT max(seq) FROM event) \
     ORDER BY time, seq LIMIT $2";

/// The oldest former versions: `$1` how many.
pub(crate) const OLDEST_FORMERS: &str = "SELECT seq, until FROM history ORDER BY seq LIMIT $1";

/// The event in a row of seq, id, account, catalog, detail_type, time, body.
pub(crate) fn event(row: &Row) -> Result<StoredEvent, Error> {
    Ok(StoredEvent {
        seq: number(row, 0)?,
        event: Event {
            id: row.try_get::<_, Text>(1)?.0,
            account: row.try_get::<_, Text>(2)?.0,
            catalog: row.try_get::<_, Text>(3)?.0,
            detail_type: row.try_get::<_, Text>(4)?.0,
            time: Timestamp::from_millis(row.try_get(5)?),
            body: row.try_get::<_, Raw>(6)?.0,
        },
    })
}

/// The entry in a row of seq, time, account, body.
pub(crate) fn entry(row: &Row) -> Result<StoredAudit, Error> {
    Ok(StoredAudit {
        seq: number(row, 0)?,
        entry: AuditEntry {
            time: Timestamp::from_millis(row.try_get(1)?),
            account: row.try_get::<_, Text>(2)?.0,
            body: row.try_get::<_, Raw>(3)?.0,
        },
    })
}

fn window(after: u64, limit: usize) -> Vec<Param<'static>> {
    vec![Param::number(after), Param::count(limit)]
}

pub(crate) async fn events_after(
    session: &Session,
    after: u64,
    limit: usize,
) -> Result<Vec<StoredEvent>, Failure> {
    let rows = session.query(&step(AFTER, window(after, limit))).await?;
    Ok(rows.iter().map(event).collect::<Result<_, _>>()?)
}

pub(crate) async fn audit_after(
    session: &Session,
    after: u64,
    limit: usize,
) -> Result<Vec<StoredAudit>, Failure> {
    let rows = session.query(&step(AUDIT_AFTER, window(after, limit))).await?;
    Ok(rows.iter().map(entry).collect::<Result<_, _>>()?)
}

pub(crate) async fn by_id(session: &Session, id: &str) -> Result<Option<StoredEvent>, Failure> {
    let row = session.row(&step(BY_ID, vec![Param::text(id)])).await?;
    Ok(row.as_ref().map(event).transpose()?)
}

pub(crate) async fn last(session: &Session) -> Result<u64, Failure> {
    let row = session.row(&step(LAST, vec![])).await?;
    Ok(row.map_or(Ok(0), |row| number(&row, 0))?)
}

/// A look by time.
struct Walk<'q> {
    account: Option<&'q str>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    after: Option<(Timestamp, u64)>,
    newest_first: bool,
}

impl<'q> Walk<'q> {
    /// The conditions and the order of a look, for a statement that begins with these parameters.
    fn conditions(&self, params: &mut Vec<Param<'q>>) -> (String, &'static str) {
        let from = self.from.map_or(i64::MIN, Timestamp::as_millis);
        let to = self.to.map_or(i64::MAX, Timestamp::as_millis);
        // A place outside of the times is no narrower than they are. Otherwise the end that it replaces must not stay: a walk
        // starts at one bound only, and the wider one would make it pass all that was seen.
        let after = self.after.filter(|(time, _)| match self.newest_first {
            true => time.as_millis() <= to,
            false => time.as_millis() >= from,
        });
        let mut bind = |param| {
            params.push(param);
            params.len()
        };
        // With an account, all bounds and the order begin with it, so that no index but its own serves them. Were it said to be
        // equal, the planner could as well walk all accounts' rows in the order of time, and does where it believes that there
        // is one account only.
        let account = self.account.map(|account| bind(Param::text(account)));
        let (column, bound) = match account {
            Some(place) => ("account, ", format!("${place}, ")),
            None => ("", String::new()),
        };
        let mut bounds = Vec::new();
        if after.is_none() || self.newest_first {
            bounds.push(format!("({column}time) >= ({bound}${})", bind(Param::Int(from))));
        }
        if after.is_none() || !self.newest_first {
            bounds.push(format!("({column}time) <= ({bound}${})", bind(Param::Int(to))));
        }
        if let Some((time, seq)) = after {
            let sign = if self.newest_first { '<' } else { '>' };
            let (time, seq) = (bind(Param::Int(time.as_millis())), bind(Param::number(seq)));
            bounds.push(format!("({column}time, seq) {sign} ({bound}${time}, ${seq})"));
        }
        let order = match (account, self.newest_first) {
            (Some(_), true) => "account DESC, time DESC, seq DESC",
            (Some(_), false) => "account, time, seq",
            (None, true) => "time DESC, seq DESC",
            (None, false) => "time, seq",
        };
        (bounds.join(" AND "), order)
    }
}

/// The statement of a look into the audit log.
pub(crate) fn audit_step(query: &AuditQuery) -> Step<'_> {
    let walk = Walk {
        account: query.account.as_deref(),
        from: query.from,
        to: query.to,
        after: query.after,
        newest_first: query.newest_first,
    };
    let mut params = Vec::new();
    let (conditions, order) = walk.conditions(&mut params);
    let text = format!(
        "SELECT seq, time, account, body FROM audit WHERE {conditions} ORDER BY {order} LIMIT {}",
        query.limit
    );
    step(text, params)
}

pub(crate) async fn audit(session: &Session, query: &AuditQuery) -> Result<Vec<StoredAudit>, Failure> {
    let rows = session.query(&audit_step(query)).await?;
    Ok(rows.iter().map(entry).collect::<Result<_, _>>()?)
}

/// The statement of a page of events: those that match, and the row at which the look ends.
pub(crate) fn events_step(query: &EventQuery) -> Step<'_> {
    let walk = Walk {
        account: query.account.as_deref(),
        from: query.from,
        to: query.to,
        after: query.after,
        newest_first: query.newest_first,
    };
    let mut params = Vec::new();
    let (conditions, order) = walk.conditions(&mut params);
    let mut matches = String::from("detail_type<>''");
    for (column, wanted) in [("catalog", &query.catalog), ("detail_type", &query.detail_type)] {
        if let Some(wanted) = wanted {
            params.push(Param::text(wanted));
            matches.push_str(&format!(" AND {column}=${}", params.len()));
        }
    }
    let columns = "seq, id, account, catalog, detail_type, time, body";
    let text = format!(
        "SELECT {columns}, n, ok FROM (SELECT {columns}, row_number() OVER () AS n, {matches} AS ok FROM \
         (SELECT {columns} FROM event WHERE {conditions} ORDER BY {order} LIMIT {MOST_LOOKED_AT}) AS w) AS x \
         WHERE ok OR n = {MOST_LOOKED_AT} LIMIT {}",
        query.limit + 1
    );
    step(text, params)
}

/// One page of events by time.
pub(crate) async fn events(session: &Session, query: &EventQuery) -> Result<EventPage, Failure> {
    let mut page = EventPage::default();
    let mut last = None;
    for row in session.query(&events_step(query)).await? {
        let found = event(&row)?;
        let place = (found.event.time, found.seq);
        if page.events.len() == query.limit {
            page.next = last;
            return Ok(page);
        }
        if row.try_get(8)? {
            page.events.push(found);
            last = Some(place);
        }
        let seen: i64 = row.try_get(7)?;
        if usize::try_from(seen).is_ok_and(|seen| seen == MOST_LOOKED_AT) {
            page.next = Some(place);
        }
    }
    Ok(page)
}

/// One step of pruning the audit log: how many entries went.
pub(crate) async fn prune_audit(session: &Session, before: Timestamp) -> Result<u64, Failure> {
    let params = vec![Param::Int(before.as_millis()), Param::count(PRUNE_STEP)];
    let row = session.row(&step(PRUNE_AUDIT, params)).await?;
    Ok(row.map_or(Ok(0), |row| number(&row, 0))?)
}

/// One step of pruning the former versions: how many went, and whether there may be more. The oldest come first; the first
/// one that is not old enough ends it.
pub(crate) async fn prune_history(session: &Session, before: Timestamp) -> Result<(u64, bool), Failure> {
    let rows = session
        .query(&step(OLDEST_FORMERS, vec![Param::count(PRUNE_STEP)]))
        .await?;
    let mut last = None;
    let mut stopped = false;
    for row in &rows {
        let (seq, until): (i64, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
        match until {
            Some(until) if until >= before.as_millis() => {
                stopped = true;
                break;
            }
            Some(_) => last = Some(seq),
            None => {}
        }
    }
    let Some(last) = last else {
        return Ok((0, false));
    };
    let delete = "WITH gone AS (DELETE FROM history WHERE seq<=$1 RETURNING 1) SELECT count(*) FROM gone";
    let row = session.row(&step(delete, vec![Param::Int(last)])).await?;
    let gone = row.map_or(Ok(0), |row| number(&row, 0))?;
    Ok((gone, !stopped && rows.len() == PRUNE_STEP))
}

/// One step of pruning the events: how many went, and whether there may be more.
pub(crate) async fn prune_events(session: &Session, before: Timestamp) -> Result<(u64, bool), Failure> {
    let params = vec![Param::Int(before.as_millis()), Param::count(PRUNE_STEP)];
    let mut steps = erase::lock_steps();
    steps.push(step(OLD, params));
    let rows = session.pipeline(Bracket::Begin, &steps).await?;
    let old = rows.last().into_iter().flatten().map(|row| row.try_get(0));
    let old = old.collect::<Result<Vec<i64>, _>>()?;
    let more = old.len() == PRUNE_STEP;
    let gone = erase::erase(session, Erasure::of(old)).await?;
    session.pipeline(Bracket::Commit, &[]).await?;
    Ok((gone, more))
}
