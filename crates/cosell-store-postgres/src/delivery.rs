//! Targets and deliveries as rows: leases, settlements, and which delivery of a lane is its head.
//!
//! A pending row is a *head* if it waits for no other: it has no lane, or the lowest number of its lane. Whoever changes rows
//! of a target holds the target's row first, so counts and heads are changed by one at a time; a settlement looks at the rows
//! it is about and at the first row of each lane it touches, never at what waits behind. A settlement is a commit of its own:
//! it shares no batch with changes, and the database groups the commits of several connections itself. Nothing here knows why
//! something is delivered.

pub(crate) mod erase;
pub(crate) mod read;

use crate::error::Failure;
use crate::param::{Param, Raw, Text};
use crate::records::number;
use crate::revision;
use crate::session::{Bracket, Session, Step, step};
use cosell_model::Timestamp;
use cosell_store::{Delivery, DeliveryState, Settlement, StoreError, TargetState};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use tokio_postgres::{Error, Row};

/// Most rows of a dropped target that go in one commit.
const DROP_STEP: usize = 5_000;

/// The columns of a target.
const COLUMNS: &str = "target, name, position, status, pending, dead, delivered, attempts, failures, worker, leased_until, epoch";

/// All targets in the order of their names; not those that were dropped.
pub(crate) const TARGETS: &str = "SELECT target, name, position, status, pending, dead, delivered, attempts, failures, \
     worker, leased_until, epoch FROM delivery_target WHERE name IS NOT NULL ORDER BY name";

/// A target by its name (`$1`), locked.
pub(crate) const LOCK: &str = "SELECT target, name, position, status, pending, dead, delivered, attempts, failures, \
     worker, leased_until, epoch FROM delivery_target WHERE name=$1 FOR UPDATE";

/// A target that was dropped, locked.
pub(crate) const NAMELESS: &str =
    "SELECT target FROM delivery_target WHERE name IS NULL ORDER BY target LIMIT 1 FOR UPDATE";

/// A target that was dropped, if there is any.
pub(crate) const ANY_NAMELESS: &str = "SELECT target FROM delivery_target WHERE name IS NULL LIMIT 1";

/// Erases deliveries of a dropped target (`$1`), at most `$2`.
pub(crate) const ERASE_OF_TARGET: &str = "DELETE FROM delivery WHERE target=$1 AND seq IN (\
     SELECT seq FROM delivery WHERE target=$1 ORDER BY seq LIMIT $2)";

/// Forgets a dropped target (`$1`) that has no deliveries any more.
pub(crate) const FORGET_TARGET: &str = "DELETE FROM delivery_target WHERE target=$1 AND name IS NULL \
     AND NOT EXISTS (SELECT 1 FROM delivery WHERE target=$1)";

/// What is known of some events (`$2`) at a target of a name (`$1`).
pub(crate) const KNOWN: &str = "SELECT seq, state, lane FROM delivery \
     WHERE target=(SELECT target FROM delivery_target WHERE name=$1) AND seq = ANY($2)";

/// Which of some events (`$1`) are there; a place holder is none.
pub(crate) const THERE: &str = "SELECT seq FROM event WHERE seq = ANY($1) AND detail_type<>''";

/// Puts rows in the place of what is known of their events at a target (`$1`).
const PUT: &str = "INSERT INTO delivery (target, seq, state, lane, head, attempts, due_at, note) \
     SELECT $1::bigint, v.seq, v.state, v.lane, v.head, v.attempts, v.due_at, v.note \
     FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::boolean[], $6::bigint[], $7::bigint[], $8::bytea[]) \
     AS v (seq, state, lane, head, attempts, due_at, note) \
     ON CONFLICT (target, seq) DO UPDATE SET state=excluded.state, lane=excluded.lane, head=excluded.head, \
     attempts=excluded.attempts, due_at=excluded.due_at, note=excluded.note";

/// Sets or clears `head` of the first pending row of each of some lanes (`$2`) of a target (`$1`).
pub(crate) fn heads_sql(head: bool) -> String {
    let (set, unlike) = if head {
        ("true", "NOT d.head")
    } else {
        ("false", "d.head")
    };
    format!(
        "UPDATE delivery AS d SET head={set} FROM (SELECT f.seq FROM unnest($2::text[]) AS l (lane) CROSS JOIN LATERAL \
         (SELECT p.seq FROM delivery AS p WHERE p.target=$1 AND p.lane=l.lane AND p.state=0 ORDER BY p.seq LIMIT 1) AS f) \
         AS h WHERE d.target=$1 AND d.seq=h.seq AND {unlike}"
    )
}

/// Adds to the counts of a target: `$1` target, `$2` pending, `$3` dead, `$4` delivered.
const COUNT: &str =
    "UPDATE delivery_target SET pending=pending+$2, dead=dead+$3, delivered=delivered+$4 WHERE target=$1";

const SETTLE: &str = "UPDATE delivery_target SET position=greatest(position, $2), status=coalesce($3, status), \
     attempts=attempts+$4, failures=failures+$5, leased_until=$6 WHERE target=$1";

/// A number that no lease in this database ever had.
const NEXT_EPOCH: &str = "UPDATE delivery_counter SET epoch=epoch+1 WHERE id=1 RETURNING epoch";

const LEASE: &str = "UPDATE delivery_target SET worker=$2, leased_until=$3, epoch=$4 WHERE target=$1";

pub(crate) const PENDING: i64 = 0;
pub(crate) const DELIVERED: i64 = 1;
pub(crate) const DEAD: i64 = 2;

/// How a state is written.
pub(crate) fn number_of(state: DeliveryState) -> i64 {
    match state {
        DeliveryState::Pending => PENDING,
        DeliveryState::Delivered => DELIVERED,
        DeliveryState::Dead => DEAD,
    }
}

/// The number and the state in a row of the columns of a target.
pub(crate) fn target(row: &Row) -> Result<(i64, TargetState), Error> {
    let state = TargetState {
        target: row.try_get::<_, Text>(1)?.0,
        position: number(row, 2)?,
        status: row.try_get::<_, Raw>(3)?.0,
        pending: number(row, 4)?,
        dead: number(row, 5)?,
        delivered: number(row, 6)?,
        attempts: number(row, 7)?,
        failures: number(row, 8)?,
        worker: row.try_get::<_, Option<Text>>(9)?.map(|text| text.0),
        leased_until: row.try_get::<_, Option<i64>>(10)?.map(Timestamp::from_millis),
        epoch: number(row, 11)?,
    };
    Ok((row.try_get(0)?, state))
}

/// Every target.
pub(crate) async fn all(session: &Session) -> Result<Vec<TargetState>, Failure> {
    let rows = session.query(&step(TARGETS, vec![])).await?;
    let all = rows.iter().map(|row| target(row).map(|(_, state)| state));
    Ok(all.collect::<Result<_, _>>()?)
}

/// The target of a name, made where there is none.
pub(crate) async fn open(
    session: &Session,
    acknowledged: i64,
    name: &str,
    position: u64,
) -> Result<TargetState, Failure> {
    let find = || {
        step(
            format!("SELECT {COLUMNS} FROM delivery_target WHERE name=$1"),
            vec![Param::text(name)],
        )
    };
    if let Some(row) = session.row(&find()).await? {
        return Ok(target(&row)?.1);
    }
    let make = [
        step(
            "WITH c AS (UPDATE delivery_counter SET target=target+1 WHERE id=1 RETURNING target) \
             INSERT INTO delivery_target (target, name, position, status, pending, dead, delivered, attempts, failures, epoch) \
             SELECT target, $1, $2, '', 0, 0, 0, 0, 0, 0 FROM c ON CONFLICT (name) DO NOTHING",
            vec![Param::text(name), Param::number(position)],
        ),
        find(),
        revision::look(),
    ];
    let mut rows = session.pipeline(Bracket::Begin, &make).await?;
    revision::expect(session, acknowledged, &rows.pop().unwrap_or_default()).await?;
    session.pipeline(Bracket::Commit, &[]).await?;
    let row = rows.get(1).and_then(|rows| rows.first());
    let row = row.ok_or_else(|| StoreError::Unavailable("the target was dropped at this moment".into()))?;
    Ok(target(row)?.1)
}

/// Takes the name of a target away, then the rows of targets without a name; whether there may be more of them.
pub(crate) async fn drop_step(session: &Session, acknowledged: i64, name: &str) -> Result<bool, Failure> {
    let unname = "UPDATE delivery_target SET name=NULL, worker=NULL WHERE name=$1";
    let unname = [step(unname, vec![Param::text(name)]), revision::look()];
    let rows = session.pipeline(Bracket::Begin, &unname).await?;
    revision::expect(session, acknowledged, rows.last().map_or(&[], Vec::as_slice)).await?;
    session.pipeline(Bracket::Commit, &[]).await?;
    // An import gives numbers anew: what is found by a number must be erased before the next one begins, and not at all where
    // there was one. The row is locked until the end, and imports lock its table.
    let find = [step(NAMELESS, vec![]), revision::look()];
    let rows = session.pipeline(Bracket::Begin, &find).await?;
    revision::expect(session, acknowledged, &rows[1]).await?;
    let Some(row) = rows[0].first() else {
        session.rollback().await?;
        // Somebody else may just have erased the one that this waited for, and there may be another.
        return Ok(!session.query(&step(ANY_NAMELESS, vec![])).await?.is_empty());
    };
    let nameless: i64 = row.try_get(0)?;
    let params = vec![Param::Int(nameless), Param::count(DROP_STEP)];
    let steps = [
        step(ERASE_OF_TARGET, params),
        step(FORGET_TARGET, vec![Param::Int(nameless)]),
    ];
    session.pipeline(Bracket::Commit, &steps).await?;
    Ok(true)
}

fn not_open(name: &str) -> Failure {
    StoreError::Invalid(format!("the target {name} is not open: open it first")).into()
}

/// Locks a target; the transaction stays open.
async fn lock(session: &Session, acknowledged: i64, name: &str) -> Result<(i64, TargetState), Failure> {
    let rows = session
        .pipeline(
            Bracket::Begin,
            &[step(LOCK, vec![Param::text(name)]), revision::look()],
        )
        .await?;
    revision::expect(session, acknowledged, &rows[1]).await?;
    match rows[0].first() {
        Some(row) => Ok(target(row)?),
        None => {
            session.rollback().await?;
            Err(not_open(name))
        }
    }
}

/// Leases a target; `None` if another worker holds it.
pub(crate) async fn lease(
    session: &Session,
    acknowledged: i64,
    name: &str,
    worker: &str,
    now: Timestamp,
    lease_millis: i64,
) -> Result<Option<TargetState>, Failure> {
    let (number_of_target, mut state) = lock(session, acknowledged, name).await?;
    let runs = state.is_leased(now, lease_millis.unsigned_abs());
    if runs && state.worker.as_deref() != Some(worker) {
        session.rollback().await?;
        return Ok(None);
    }
    if !runs {
        let rows = session
            .pipeline(Bracket::Within, &[step(NEXT_EPOCH, vec![])])
            .await?;
        if let Some(row) = rows.iter().flatten().next() {
            state.epoch = number(row, 0)?;
        }
    }
    let until = now.as_millis().saturating_add(lease_millis);
    let params = vec![
        Param::Int(number_of_target),
        Param::text(worker),
        Param::Int(until),
        Param::number(state.epoch),
    ];
    session.pipeline(Bracket::Commit, &[step(LEASE, params)]).await?;
    state.worker = Some(worker.to_owned());
    state.leased_until = Some(Timestamp::from_millis(until));
    Ok(Some(state))
}

/// Sets a status and overtakes the holder of the lease.
pub(crate) async fn set_status(
    session: &Session,
    acknowledged: i64,
    name: &str,
    status: &[u8],
) -> Result<(), Failure> {
    let (number_of_target, _) = lock(session, acknowledged, name).await?;
    let set = "WITH c AS (UPDATE delivery_counter SET epoch=epoch+1 WHERE id=1 RETURNING epoch) \
         UPDATE delivery_target AS t SET status=$2, epoch=c.epoch FROM c WHERE t.target=$1";
    let params = vec![Param::Int(number_of_target), Param::Blob(status)];
    session.pipeline(Bracket::Commit, &[step(set, params)]).await?;
    Ok(())
}

/// By how much the counts of a target change.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pending: i64,
    dead: i64,
    delivered: i64,
}

impl Counts {
    pub(crate) fn add(&mut self, state: i64, count: i64) {
        match state {
            PENDING => self.pending += count,
            DEAD => self.dead += count,
            _ => {}
        }
    }

    pub(crate) fn step(self, target: i64) -> Step<'static> {
        let params = [target, self.pending, self.dead, self.delivered].map(Param::Int);
        step(COUNT, params.to_vec())
    }
}

/// What is known of events at a target, and which of them are there.
struct Known {
    rows: HashMap<i64, (i64, Option<String>)>,
    there: HashSet<i64>,
}

fn seq_of(delivery: &Delivery) -> i64 {
    i64::try_from(delivery.seq).unwrap_or(i64::MAX)
}

fn look_steps<'d>(name: &'d str, deliveries: &[Delivery]) -> [Step<'d>; 2] {
    let seqs = || Param::Ints(deliveries.iter().map(seq_of).collect());
    [
        step(KNOWN, vec![Param::text(name), seqs()]),
        step(THERE, vec![seqs()]),
    ]
}

impl Known {
    fn read(known: &[Row], there: &[Row]) -> Result<Self, Error> {
        let rows = known.iter().map(|row| {
            let lane = row.try_get::<_, Option<Text>>(2)?.map(|text| text.0);
            Ok((row.try_get(0)?, (row.try_get(1)?, lane)))
        });
        Ok(Known {
            rows: rows.collect::<Result<_, Error>>()?,
            there: there.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?,
        })
    }

    /// The statements that put deliveries in the place of what is known, and how many of them have an event.
    fn put<'d>(mut self, target: i64, deliveries: &'d [Delivery]) -> (Vec<Step<'d>>, u64) {
        let (mut counts, mut lanes) = (Counts::default(), BTreeSet::new());
        let mut rows: BTreeMap<i64, &Delivery> = BTreeMap::new();
        let mut put = 0;
        for delivery in deliveries {
            let (seq, state) = (seq_of(delivery), number_of(delivery.state));
            let before = self.rows.insert(seq, (state, delivery.lane.clone()));
            // What is known of an event goes with it, so only a new row needs a look.
            if before.is_none() && !self.there.contains(&seq) {
                self.rows.remove(&seq);
                continue;
            }
            put += 1;
            if state == DELIVERED && before.as_ref().is_none_or(|(was, _)| *was != DELIVERED) {
                counts.delivered += 1;
            }
            counts.add(state, 1);
            if let Some((was, lane)) = before {
                counts.add(was, -1);
                lanes.extend(lane.filter(|_| was == PENDING));
            }
            lanes.extend(delivery.lane.clone().filter(|_| state == PENDING));
            rows.insert(seq, delivery);
        }
        let mut steps = Vec::new();
        if !rows.is_empty() {
            let lanes: Vec<String> = lanes.into_iter().collect();
            steps.extend(heads_step(target, &lanes, false));
            steps.push(put_step(target, &rows));
            steps.extend(heads_step(target, &lanes, true));
            steps.push(counts.step(target));
        }
        (steps, put)
    }
}

/// Sets or clears the heads of lanes; `None` for no lanes.
pub(crate) fn heads_step(target: i64, lanes: &[String], head: bool) -> Option<Step<'static>> {
    let lanes: Vec<Vec<u8>> = lanes.iter().map(|lane| lane.as_bytes().to_vec()).collect();
    (!lanes.is_empty()).then(|| step(heads_sql(head), vec![Param::Int(target), Param::OwnTexts(lanes)]))
}

fn put_step<'d>(target: i64, rows: &BTreeMap<i64, &'d Delivery>) -> Step<'d> {
    let all = || rows.values();
    let is_pending = |d: &Delivery| d.state == DeliveryState::Pending;
    let params = vec![
        Param::Int(target),
        Param::Ints(rows.keys().copied().collect()),
        Param::Ints(all().map(|d| number_of(d.state)).collect()),
        Param::MaybeTexts(all().map(|d| d.lane.as_deref().map(str::as_bytes)).collect()),
        // The head of a lane is found when all rows are there.
        Param::Bools(all().map(|d| is_pending(d) && d.lane.is_none()).collect()),
        Param::Ints(all().map(|d| d.attempts.into()).collect()),
        Param::Ints(all().map(|d| d.due_at.as_millis()).collect()),
        Param::Blobs(all().map(|d| &d.note[..]).collect()),
    ];
    step(PUT, params)
}

/// Keeps a settlement; `false` if its lease is not held any more, and then nothing.
pub(crate) async fn settle(session: &Session, settlement: &Settlement) -> Result<bool, Failure> {
    let name = settlement.target.as_str();
    let mut look = vec![step(LOCK, vec![Param::text(name)])];
    if !settlement.outcomes.is_empty() {
        look.extend(look_steps(name, &settlement.outcomes));
    }
    let rows = session.pipeline(Bracket::Begin, &look).await?;
    let found = rows[0].first().map(target).transpose()?;
    let held = found.filter(|(_, state)| state.worker.is_some() && state.epoch == settlement.epoch);
    let Some((number_of_target, _)) = held else {
        session.rollback().await?;
        return Ok(false);
    };
    let mut steps = Vec::new();
    if let [_, known, there] = &rows[..] {
        steps = Known::read(known, there)?
            .put(number_of_target, &settlement.outcomes)
            .0;
    }
    let params = vec![
        Param::Int(number_of_target),
        Param::number(settlement.position),
        settlement.status.as_deref().map_or(Param::Null, Param::Blob),
        Param::number(settlement.attempts),
        Param::number(settlement.failures),
        Param::Int(settlement.leased_until.as_millis()),
    ];
    steps.push(step(SETTLE, params));
    session.pipeline(Bracket::Commit, &steps).await?;
    Ok(true)
}

/// Makes deliveries wait; how many.
pub(crate) async fn park(
    session: &Session,
    acknowledged: i64,
    name: &str,
    deliveries: &[Delivery],
) -> Result<u64, Failure> {
    // Who parks needs no lease, so it must not overlook that events are being erased: see [`erase::lock_steps`].
    let mut look = vec![
        step(LOCK, vec![Param::text(name)]),
        step("SELECT epoch FROM delivery_counter WHERE id=1 FOR SHARE", vec![]),
    ];
    look.extend(look_steps(name, deliveries));
    look.push(revision::look());
    let rows = session.pipeline(Bracket::Begin, &look).await?;
    revision::expect(session, acknowledged, &rows[4]).await?;
    let Some((number_of_target, _)) = rows[0].first().map(target).transpose()? else {
        session.rollback().await?;
        return Err(not_open(name));
    };
    let (steps, parked) = Known::read(&rows[2], &rows[3])?.put(number_of_target, deliveries);
    session.pipeline(Bracket::Commit, &steps).await?;
    Ok(parked)
}
