//! Deliveries as they are asked for: what is due, which lanes wait, and lists for people.
//!
//! Every statement is a walk of one index in its own order. Nothing here may write.

use super::number_of;
use crate::error::Failure;
use crate::param::{Param, Raw, Text};
use crate::records::number;
use crate::session::{Session, Step, step};
use cosell_model::Timestamp;
use cosell_store::{Delivery, DeliveryQuery, DeliveryState, StoreError};
use tokio_postgres::Row;

/// The number of the target of a name (`$1`).
const NUMBER: &str = "(SELECT target FROM delivery_target WHERE name=$1)";

/// Heads of a target that are due (`$2` now), at most `$3`.
pub(crate) fn due_sql(limit: usize) -> String {
    format!(
        "SELECT seq, state, lane, attempts, due_at, note FROM delivery WHERE target={NUMBER} AND head AND due_at<=$2 \
         ORDER BY due_at, seq LIMIT {limit}"
    )
}

/// What waits at a target in a lane (`$2`) behind an event (`$3`).
pub(crate) fn of_lane_sql(limit: usize) -> String {
    format!(
        "SELECT seq, state, lane, attempts, due_at, note FROM delivery WHERE target={NUMBER} AND lane=$2 AND state=0 \
         AND seq>$3 ORDER BY seq LIMIT {limit}"
    )
}

/// When the next head of a target is due.
pub(crate) fn next_sql() -> String {
    format!("SELECT due_at FROM delivery WHERE target={NUMBER} AND head ORDER BY due_at, seq LIMIT 1")
}

/// Which of some lanes (`$2`) of a target have a pending row.
pub(crate) fn lanes_sql() -> String {
    format!(
        "SELECT EXISTS (SELECT 1 FROM delivery AS p WHERE p.target={NUMBER} AND p.lane=l.lane AND p.state=0) \
         FROM unnest($2::text[]) WITH ORDINALITY AS l (lane, n) ORDER BY l.n"
    )
}

/// The delivery in a row of seq, state, lane, attempts, due_at, note.
pub(crate) fn delivery(row: &Row, target: String) -> Result<Delivery, Failure> {
    let written: i64 = row.try_get(1)?;
    let state = DeliveryState::ALL.into_iter().find(|s| number_of(*s) == written);
    Ok(Delivery {
        target,
        seq: number(row, 0)?,
        lane: row.try_get::<_, Option<Text>>(2)?.map(|text| text.0),
        state: state.ok_or_else(|| StoreError::Corrupt(format!("a delivery has the state {written}")))?,
        attempts: u32::try_from(row.try_get::<_, i64>(3)?).unwrap_or(u32::MAX),
        due_at: Timestamp::from_millis(row.try_get(4)?),
        note: row.try_get::<_, Raw>(5)?.0,
    })
}

/// What is due at a target.
pub(crate) async fn due(
    session: &Session,
    target: &str,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Delivery>, Failure> {
    let params = vec![Param::text(target), Param::Int(now.as_millis())];
    let rows = session.query(&step(due_sql(limit), params)).await?;
    rows.iter().map(|row| delivery(row, target.to_owned())).collect()
}

/// What waits in a lane behind an event.
pub(crate) async fn of_lane(
    session: &Session,
    target: &str,
    lane: &str,
    after: u64,
    limit: usize,
) -> Result<Vec<Delivery>, Failure> {
    let params = vec![Param::text(target), Param::text(lane), Param::number(after)];
    let rows = session.query(&step(of_lane_sql(limit), params)).await?;
    rows.iter().map(|row| delivery(row, target.to_owned())).collect()
}

/// When the next delivery of a target becomes due.
pub(crate) async fn next_at(session: &Session, target: &str) -> Result<Option<Timestamp>, Failure> {
    let row = session.row(&step(next_sql(), vec![Param::text(target)])).await?;
    let at = row.map(|row| row.try_get(0)).transpose()?;
    Ok(at.map(Timestamp::from_millis))
}

/// Whether each of several lanes has a pending delivery, all at one moment.
pub(crate) async fn pending_lanes(
    session: &Session,
    target: &str,
    lanes: &[String],
) -> Result<Vec<bool>, Failure> {
    let all = Param::Texts(lanes.iter().map(|lane| lane.as_bytes()).collect());
    let rows = session
        .query(&step(lanes_sql(), vec![Param::text(target), all]))
        .await?;
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

/// The statement of a page of deliveries.
pub(crate) fn list_step(query: &DeliveryQuery) -> Step<'_> {
    let state = query
        .state
        .map(|state| format!(" AND d.state={}", number_of(state)));
    let state = state.unwrap_or_default();
    let (sign, direction) = if query.newest_first {
        ("<", " DESC")
    } else {
        (">", "")
    };
    let columns = "d.seq, d.state, d.lane, d.attempts, d.due_at, d.note";
    let limit = query.limit;
    match (&query.target, query.seq) {
        (Some(target), None) => {
            let mut params = vec![Param::text(target)];
            let mut after = String::new();
            if let Some((_, seq)) = &query.after {
                params.push(Param::number(*seq));
                after = format!(" AND d.seq{sign}$2");
            }
            let text = format!(
                "SELECT {columns} FROM delivery AS d WHERE d.target={NUMBER}{state}{after} ORDER BY d.seq{direction} LIMIT {limit}"
            );
            step(text, params)
        }
        // One for each target, so they are few enough to be sorted.
        (target, seq) => {
            let mut params = vec![Param::number(seq.unwrap_or(0))];
            let mut more = String::new();
            if let Some((after, _)) = &query.after {
                params.push(Param::text(after));
                more = format!(" AND t.name{sign}${}", params.len());
            }
            if let Some(target) = target {
                params.push(Param::text(target));
                more.push_str(&format!(" AND t.name=${}", params.len()));
            }
            let text = format!(
                "SELECT {columns}, t.name FROM delivery AS d JOIN delivery_target AS t ON t.target=d.target \
                 WHERE d.seq=$1 AND t.name IS NOT NULL{state}{more} ORDER BY t.name{direction} LIMIT {limit}"
            );
            step(text, params)
        }
    }
}

/// One page of deliveries.
pub(crate) async fn list(session: &Session, query: &DeliveryQuery) -> Result<Vec<Delivery>, Failure> {
    let rows = session.query(&list_step(query)).await?;
    let one = |row: &Row| match (&query.target, query.seq) {
        (Some(target), None) => delivery(row, target.clone()),
        _ => delivery(row, row.try_get::<_, Text>(6)?.0),
    };
    rows.iter().map(one).collect()
}

/// Every delivery of a target (`$1` its number) in a state, in the order of the numbers.
pub(crate) fn by_state_sql(state: DeliveryState) -> String {
    format!(
        "SELECT seq, state, lane, attempts, due_at, note FROM delivery WHERE target=$1 AND state={} ORDER BY seq",
        number_of(state)
    )
}
