//! Erasing events with their deliveries.
//!
//! Nothing may be delivered to a target, or parked at it, about an event that goes at this moment. So who erases holds every
//! target, and the counter without which nobody leases or parks at one that is opened meanwhile.

use super::{Counts, PENDING, heads_step};
use crate::error::Failure;
use crate::param::{Param, Text};
use crate::records::number;
use crate::session::{Bracket, Session, Step, step};
use std::collections::{BTreeMap, BTreeSet};

/// The name under which is counted how many events are gone, which is by how many their numbers may have gaps.
pub(crate) const ERASED: &str = "events erased by resets";

/// What must begin the transaction. The second look at the targets finds those that were opened during the first.
pub(crate) fn lock_steps() -> Vec<Step<'static>> {
    let targets = "SELECT target FROM delivery_target ORDER BY target FOR UPDATE";
    let counter = "SELECT epoch FROM delivery_counter WHERE id=1 FOR UPDATE";
    [targets, counter, targets].map(|text| step(text, vec![])).into()
}

/// What is erased.
pub(crate) struct Erasure {
    /// Events that go.
    seqs: Vec<i64>,
    /// One that stays as a place holder, without its deliveries.
    emptied: Option<i64>,
}

impl Erasure {
    pub(crate) fn of(seqs: Vec<i64>) -> Self {
        Erasure { seqs, emptied: None }
    }

    pub(crate) fn and_empty(self, emptied: Option<i64>) -> Self {
        Erasure { emptied, ..self }
    }
}

/// Erases events in the open transaction, which began with [`lock_steps`]; how many.
pub(crate) async fn erase(session: &Session, erasure: Erasure) -> Result<u64, Failure> {
    let Erasure { seqs, emptied } = erasure;
    if seqs.is_empty() && emptied.is_none() {
        return Ok(0);
    }
    let all: Vec<i64> = seqs.iter().copied().chain(emptied).collect();
    let delete = [
        step(
            "DELETE FROM delivery WHERE seq = ANY($1) RETURNING target, state, lane, head",
            vec![Param::Ints(all)],
        ),
        step(
            "WITH gone AS (DELETE FROM event WHERE seq = ANY($1) RETURNING 1) SELECT count(*) FROM gone",
            vec![Param::Ints(seqs)],
        ),
        step(
            "UPDATE event SET account='', catalog='', detail_type='', body='' WHERE seq=$1",
            vec![emptied.map_or(Param::Null, Param::Int)],
        ),
    ];
    let rows = session.pipeline(Bracket::Within, &delete).await?;
    let gone = rows[1].first().map_or(Ok(0), |row| number(row, 0))?;
    let mut targets: BTreeMap<i64, (Counts, BTreeSet<String>)> = BTreeMap::new();
    for row in &rows[0] {
        let (target, state, head): (i64, i64, bool) = (row.try_get(0)?, row.try_get(1)?, row.try_get(3)?);
        let lane = row.try_get::<_, Option<Text>>(2)?.map(|text| text.0);
        let (counts, lanes) = targets.entry(target).or_default();
        counts.add(state, -1);
        lanes.extend(lane.filter(|_| head && state == PENDING));
    }
    let mut steps = Vec::new();
    for (target, (counts, lanes)) in targets {
        steps.push(counts.step(target));
        let lanes: Vec<String> = lanes.into_iter().collect();
        steps.extend(heads_step(target, &lanes, true));
    }
    if gone > 0 {
        steps.push(step(
            "INSERT INTO sequence (name, next) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET next = sequence.next + $2",
            vec![Param::text(ERASED), Param::number(gone)],
        ));
    }
    session.pipeline(Bracket::Within, &steps).await?;
    Ok(gone + u64::from(emptied.is_some()))
}
