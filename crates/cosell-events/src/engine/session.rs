//! One lease of a target: reads the log behind the cursor, starts deliveries, judges how they went, and settles.
//!
//! The order of things that makes it safe: an outcome is settled before the cursor passes its event; a row that waits is
//! known here until the store knows it; and whoever loses the lease forgets everything, because the store has it.

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use cosell_model::Timestamp;
use cosell_store::{
    Delivery, DeliveryQuery, DeliveryState, SettleError, Settlement, StoreError, StoredEvent, TargetState,
};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::note::{Note, Try};
use super::window::{Job, Window};
use super::worker::{End, Worker};
use crate::envelope::Envelope;
use crate::schedule::Health;
use crate::sink::Outcome;

/// Events read at once.
const PAGE: usize = 256;
/// Events in hand at most; beyond that the log keeps them.
const WINDOW: usize = 1024;
/// Rows that the cursor may park at a target; beyond that it waits.
pub(super) const MAX_PARKED: u64 = 1000;
/// Outcomes that are settled without waiting for more.
const ENOUGH: usize = 100;
/// Outcomes of one settlement at most.
const MOST: usize = 500;
/// How long an outcome waits for others to be settled with.
const GATHER: Duration = Duration::from_millis(50);
/// How long a mere move of the cursor waits to be settled.
const DRIFT: Duration = Duration::from_secs(1);
/// Repeated tries in hand at most.
const AGAIN: usize = 64;

type Feed = Pin<Box<dyn Future<Output = Result<Vec<StoredEvent>, StoreError>> + Send>>;
type Settling = Pin<Box<dyn Future<Output = (Settlement, Result<(), SettleError>)> + Send>>;

/// A call of the sink that has ended.
struct Landed {
    jobs: Vec<Job>,
    outcomes: Vec<Outcome>,
    at: Timestamp,
    millis: u64,
}

/// What to do in an iteration of the loop.
enum Step {
    Landed(Landed),
    Settled(Settlement, Result<(), SettleError>),
    Page(Result<Vec<StoredEvent>, StoreError>),
    /// A sink has panicked.
    Broken(String),
    Look,
}

pub(super) struct Session<'a> {
    worker: &'a mut Worker,
    epoch: u64,
    leased_until: Instant,
    /// Whether a person may have changed something that only a look at the target's state shows.
    stale: bool,
    /// The position that the store has.
    settled: u64,
    health: Health,
    /// Whether the health is other than the store's.
    health_changed: bool,
    /// Rows that wait at the target.
    pending: u64,
    window: Window,
    flying: JoinSet<Landed>,
    feed: Option<Feed>,
    settling: Option<Settling>,
    outcomes: Vec<Delivery>,
    attempts: u64,
    failures: u64,
    /// When outcomes, or a move of the cursor, are to be settled.
    flush_at: Option<Instant>,
    /// When rows are to be looked for that are due; `None` where none waits.
    retry_at: Option<Instant>,
    /// Events whose repeated try is in hand and not settled.
    retrying: HashSet<u64>,
    /// When the next probe may go to a target that is left in peace.
    probe_at: Instant,
}

impl<'a> Session<'a> {
    pub fn new(worker: &'a mut Worker, state: TargetState) -> Self {
        let now = Instant::now();
        Self {
            epoch: state.epoch,
            leased_until: now + worker.pace.lease,
            stale: false,
            settled: state.position,
            health: Health::read(&state.status),
            health_changed: false,
            pending: state.pending,
            window: Window::new(state.position),
            flying: JoinSet::new(),
            feed: None,
            settling: None,
            outcomes: Vec::new(),
            attempts: 0,
            failures: 0,
            flush_at: None,
            retry_at: (state.pending > 0).then_some(now),
            retrying: HashSet::new(),
            probe_at: now,
            worker,
        }
    }

    /// Works until it is told to stop, or cannot go on.
    pub async fn run(mut self) -> End {
        match self.work().await {
            Ok(end) | Err(end) => end,
        }
    }

    async fn work(&mut self) -> Result<End, End> {
        loop {
            let stopping = *self.worker.stop.borrow();
            let ending = stopping.is_some() || self.health.paused.is_some();
            if stopping.is_some_and(|deadline| Instant::now() >= deadline) {
                // What is still under way counts as not delivered, and comes again.
                self.flying.abort_all();
                self.flying = JoinSet::new();
            }
            if ending {
                self.feed = None;
                if self.flying.is_empty() && self.settling.is_none() {
                    self.finish().await?;
                    if stopping.is_some() {
                        return Ok(End::Stopped);
                    }
                    return Ok(End::Paused);
                }
            } else {
                self.start().await?;
                self.read_on();
            }
            self.settle_if_due(Instant::now());
            match self.next(stopping).await {
                Step::Landed(landed) => self.land(landed),
                Step::Settled(settlement, result) => self.settled(settlement, result).await?,
                Step::Page(page) => self.take_page(page?).await?,
                Step::Broken(error) => {
                    tracing::error!(
                        target_name = self.worker.name,
                        error,
                        "a sink broke; its events come again"
                    );
                    return Err(End::LeaseLost);
                }
                Step::Look => {}
            }
        }
    }

    /// Waits for what happens next.
    async fn next(&mut self, stopping: Option<Instant>) -> Step {
        let until = self.wake_at(stopping);
        let timer = async {
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(landed) = self.flying.join_next() => match landed {
                Ok(landed) => Step::Landed(landed),
                Err(error) => Step::Broken(error.to_string()),
            },
            (settlement, result) = ready_or_never(&mut self.settling) => {
                self.settling = None;
                Step::Settled(settlement, result)
            }
            page = ready_or_never(&mut self.feed) => {
                self.feed = None;
                Step::Page(page)
            }
            () = self.worker.wake.notified() => {
                self.retry_at = Some(Instant::now());
                self.stale = true;
                Step::Look
            }
            _ = self.worker.stop.changed(), if stopping.is_none() => Step::Look,
            () = timer => Step::Look,
        }
    }

    /// When there is something to do again, if nothing happens.
    fn wake_at(&self, stopping: Option<Instant>) -> Option<Instant> {
        let idle = self.settling.is_none();
        if !idle && (self.stale || self.renew_at() <= Instant::now()) {
            return stopping;
        }
        let flush = self.flush_at.filter(|_| idle);
        if stopping.is_some() || self.health.paused.is_some() {
            return flush.into_iter().chain(stopping).min();
        }
        let (retry, probe) = match self.health.backing_off() {
            false => (self.retry_at, None),
            true if !self.flying.is_empty() => (None, None),
            true => (
                self.retry_at.map(|at| at.max(self.probe_at)),
                self.window.has_work().then_some(self.probe_at),
            ),
        };
        let renew = (!self.flying.is_empty()).then(|| self.renew_at());
        [flush, retry, probe, renew, stopping].into_iter().flatten().min()
    }

    /// When the lease is to be made longer, unless a settlement does so before.
    fn renew_at(&self) -> Instant {
        self.leased_until - self.worker.pace.lease / 3
    }

    /// Starts what can be started.
    async fn start(&mut self) -> Result<(), End> {
        let now = Instant::now();
        let retry_due = self.retry_at.is_some_and(|at| at <= now);
        if !self.stale && !retry_due && !self.window.has_work() && self.flying.is_empty() {
            return Ok(());
        }
        if self.stale || self.renew_at() <= now {
            if self.settling.is_some() {
                // The store's state is about to change by this session's own hand.
                return Ok(());
            }
            self.renew().await?;
            if self.health.paused.is_some() {
                return Ok(());
            }
        }
        let probing = self.health.backing_off();
        if probing && (now < self.probe_at || !self.flying.is_empty()) {
            return Ok(());
        }
        if retry_due {
            self.look_for_due(if probing { 1 } else { AGAIN }).await?;
        }
        let most = if probing {
            1
        } else {
            self.worker.target.concurrency as usize
        };
        let mut batch = self.worker.sink.batch();
        if probing {
            batch.events = 1;
        }
        while self.flying.len() < most {
            let jobs = self.window.take(batch);
            if jobs.is_empty() {
                break;
            }
            self.fly(jobs);
        }
        Ok(())
    }

    fn fly(&mut self, jobs: Vec<Job>) {
        let sink = self.worker.sink.clone();
        let timeout = self.worker.target.timeout();
        let at = (self.worker.now)();
        self.flying.spawn(async move {
            let began = Instant::now();
            let envelopes: Vec<Envelope> = jobs.iter().map(|job| job.envelope.clone()).collect();
            let mut outcomes = match tokio::time::timeout(timeout, sink.deliver(&envelopes, at)).await {
                Ok(outcomes) => outcomes,
                Err(_) => {
                    let late = format!("nothing came back within {} seconds", timeout.as_secs());
                    vec![Outcome::failed(late); jobs.len()]
                }
            };
            outcomes.resize(
                jobs.len(),
                Outcome::failed("the sink said nothing about this event"),
            );
            Landed {
                millis: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
                jobs,
                outcomes,
                at,
            }
        });
    }

    /// Reads on in the log while there is room for it.
    fn read_on(&mut self) {
        let room = self.window.open() + PAGE <= WINDOW
            && self.window.ready() < PAGE / 2
            && self.pending < MAX_PARKED
            && !(self.health.backing_off() && self.window.has_work());
        if room && self.feed.is_none() {
            let (store, after) = (self.worker.store.clone(), self.window.read());
            self.feed = Some(Box::pin(async move { store.wait_events(after, PAGE).await }));
        }
    }

    /// Takes a page of the log: leaves out what no rule chooses, parks what must wait behind others of its lane.
    async fn take_page(&mut self, page: Vec<StoredEvent>) -> Result<(), End> {
        let rules = self.worker.rules.borrow().clone();
        let serving: Vec<_> = rules
            .iter()
            .filter(|rule| rule.serves(&self.worker.name))
            .collect();
        let (Some(first), Some(last)) = (
            page.first().map(|event| event.seq),
            page.last().map(|event| event.seq),
        ) else {
            return Ok(());
        };
        let mut chosen: Vec<Envelope> = Vec::new();
        if !serving.is_empty() {
            chosen.extend(
                page.into_iter()
                    .map(Envelope::of)
                    .filter(|envelope| serving.iter().any(|rule| rule.takes(envelope))),
            );
        }
        // What was parked by a person, or settled by an earlier session that did not get to moving the cursor, is known.
        let known = self.rows_between(first, last).await?;
        chosen.retain(|envelope| !known.contains(&envelope.seq));
        let lanes: Vec<Option<String>> = chosen
            .iter()
            .map(|envelope| self.worker.target.ordered.then(|| envelope.lane()))
            .collect();
        let asked: HashSet<String> = lanes.iter().flatten().cloned().collect();
        let asked: Vec<String> = asked.into_iter().collect();
        let waiting: HashSet<String> = match asked.is_empty() || self.pending == 0 {
            true => HashSet::new(),
            false => {
                let answers = self.worker.store.pending_lanes(&self.worker.name, &asked).await?;
                asked
                    .into_iter()
                    .zip(answers)
                    .filter_map(|(lane, waits)| waits.then_some(lane))
                    .collect()
            }
        };
        for (envelope, lane) in chosen.into_iter().zip(lanes) {
            let job = Job {
                envelope,
                lane,
                attempts: 0,
                note: Bytes::new(),
                again: false,
            };
            match &job.lane {
                Some(lane) if waiting.contains(lane) || self.window.is_parked(lane) => {
                    self.window.take_in(job.envelope.seq);
                    self.wait_behind(job);
                }
                _ => self.window.push(job),
            }
        }
        self.window.pass(last);
        self.gather(DRIFT);
        Ok(())
    }

    async fn rows_between(&mut self, first: u64, last: u64) -> Result<HashSet<u64>, StoreError> {
        let name = self.worker.name.clone();
        let query = DeliveryQuery {
            target: Some(name.clone()),
            seq: None,
            state: None,
            after: Some((name, first.saturating_sub(1))),
            newest_first: false,
            limit: PAGE,
        };
        let rows = self.worker.store.deliveries(&query).await?;
        Ok(rows
            .into_iter()
            .map(|row| row.seq)
            .filter(|seq| *seq <= last)
            .collect())
    }

    /// Takes rows in hand whose time has come.
    async fn look_for_due(&mut self, most: usize) -> Result<(), End> {
        self.retry_at = None;
        let now = (self.worker.now)();
        let due = self
            .worker
            .store
            .due_deliveries(&self.worker.name, now, AGAIN * 2)
            .await?;
        for row in due {
            if self.retrying.len() >= most {
                break;
            }
            if self.retrying.contains(&row.seq) {
                continue;
            }
            let found = self.worker.store.events_after(row.seq - 1, 1).await?;
            // A row goes with its event when that is pruned.
            let Some(stored) = found.into_iter().find(|stored| stored.seq == row.seq) else {
                continue;
            };
            self.retrying.insert(row.seq);
            self.window.push_again(Job {
                envelope: Envelope::of(stored),
                lane: row.lane,
                attempts: row.attempts,
                note: row.note,
                again: true,
            });
        }
        if !self.retrying.is_empty() {
            // Others may become due before these are settled.
            self.retry_at = Some(Instant::now() + Duration::from_secs(1));
        }
        Ok(())
    }

    /// Judges how a call went.
    fn land(&mut self, landed: Landed) {
        let now = (self.worker.now)();
        let Landed {
            jobs,
            outcomes,
            at,
            millis,
        } = landed;
        let was_backing_off = self.health.backing_off();
        self.note_health(&outcomes, now);
        for (job, outcome) in jobs.into_iter().zip(outcomes) {
            self.window.landed(job.lane.as_ref());
            self.attempts += 1;
            let (status, error) = match &outcome {
                Outcome::Delivered { status } => (*status, None),
                Outcome::Failed { status, error, .. } => (*status, Some(error.clone())),
                Outcome::Gone { error } => (Some(410), Some(error.clone())),
            };
            self.failures += u64::from(error.is_some());
            let note = Note::read(&job.note).with(Try {
                at,
                millis,
                status,
                error,
            });
            let counted = job.attempts.saturating_add(1);
            let (state, attempts, wait) = match outcome {
                Outcome::Delivered { .. } => (DeliveryState::Delivered, counted, Duration::ZERO),
                Outcome::Gone { .. } => (DeliveryState::Pending, job.attempts, Duration::ZERO),
                // While the whole target is down, no event is to blame: the try does not count.
                Outcome::Failed { .. } if was_backing_off => {
                    (DeliveryState::Pending, job.attempts, self.health.probe_wait())
                }
                Outcome::Failed { after, .. } => match self.worker.schedule.wait(counted, after, chance()) {
                    Some(wait) => (DeliveryState::Pending, counted, wait),
                    None => {
                        tracing::warn!(
                            target_name = self.worker.name,
                            event = job.envelope.id,
                            attempts = counted,
                            "an event was given up; it is kept and can be redelivered"
                        );
                        (DeliveryState::Dead, counted, Duration::ZERO)
                    }
                },
            };
            let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
            self.conclude(job, state, attempts, now.plus_millis(wait), note);
        }
    }

    /// A call counts once, however many events were in it. One event that arrived shows that the target is there.
    fn note_health(&mut self, outcomes: &[Outcome], now: Timestamp) {
        let mut failure = None;
        for outcome in outcomes {
            match outcome {
                Outcome::Delivered { .. } => {
                    self.health_changed |= self.health.succeeded();
                    return;
                }
                Outcome::Failed { error, .. } => failure = Some(error),
                Outcome::Gone { error } => {
                    self.health_changed = true;
                    self.health
                        .pause(now, format!("it wants no more events: {error}"));
                    return;
                }
            }
        }
        if let Some(error) = failure {
            self.health_changed = true;
            self.health.failed(error, now, self.worker.target.pause_after());
            if self.health.backing_off() {
                let wait = self.health.probe_wait();
                self.probe_at = Instant::now() + wait.mul_f64(1.0 + 0.1 * chance());
            }
            if let Some(paused) = &self.health.paused {
                tracing::warn!(
                    target_name = self.worker.name,
                    reason = paused.reason,
                    "target paused"
                );
            }
        }
    }

    /// Parks an event that was not tried: another of its lane waits before it.
    fn wait_behind(&mut self, job: Job) {
        let (attempts, note) = (job.attempts, job.note.clone());
        let now = (self.worker.now)();
        self.conclude(job, DeliveryState::Pending, attempts, now, note);
    }

    /// Keeps an outcome to be settled. Those behind one that waits wait too.
    fn conclude(&mut self, job: Job, state: DeliveryState, attempts: u32, due_at: Timestamp, note: Bytes) {
        let waits = state == DeliveryState::Pending;
        match (waits, job.again) {
            (true, false) => self.pending += 1,
            (false, true) => self.pending = self.pending.saturating_sub(1),
            _ => {}
        }
        self.outcomes.push(Delivery {
            target: self.worker.name.clone(),
            seq: job.envelope.seq,
            lane: job.lane.clone(),
            state,
            attempts,
            due_at,
            note,
        });
        // The next of a lane that had to wait is handed out once this is settled, so that is not put off.
        self.gather(if job.again { Duration::ZERO } else { GATHER });
        if let Some(lane) = job.lane.filter(|_| waits) {
            self.window.park(&lane);
            for behind in self.window.behind(&lane) {
                self.wait_behind(behind);
            }
        }
    }

    /// Sees to it that what is to be settled is, within that time.
    fn gather(&mut self, within: Duration) {
        let at = Instant::now() + within;
        self.flush_at = Some(self.flush_at.map_or(at, |already| already.min(at)));
    }

    fn settle_if_due(&mut self, now: Instant) {
        let due = self.outcomes.len() >= ENOUGH || self.flush_at.is_some_and(|at| at <= now);
        if due && self.settling.is_none() {
            let settlement = self.settlement();
            self.submit(settlement);
        }
    }

    /// What is to be settled now.
    fn settlement(&mut self) -> Settlement {
        let left = self.outcomes.split_off(self.outcomes.len().min(MOST));
        let outcomes = std::mem::replace(&mut self.outcomes, left);
        self.flush_at = (!self.outcomes.is_empty()).then(Instant::now);
        for outcome in &outcomes {
            self.window.close(outcome.seq);
        }
        Settlement {
            target: self.worker.name.clone(),
            epoch: self.epoch,
            leased_until: (self.worker.now)(),
            position: self.window.position(),
            status: std::mem::take(&mut self.health_changed).then(|| self.health.to_bytes()),
            outcomes,
            attempts: std::mem::take(&mut self.attempts),
            failures: std::mem::take(&mut self.failures),
        }
    }

    fn submit(&mut self, mut settlement: Settlement) {
        let lease = i64::try_from(self.worker.pace.lease.as_millis()).unwrap_or(i64::MAX);
        settlement.epoch = self.epoch;
        settlement.leased_until = (self.worker.now)().plus_millis(lease);
        self.leased_until = Instant::now() + self.worker.pace.lease;
        let store = self.worker.store.clone();
        self.settling = Some(Box::pin(async move {
            let result = store.settle(settlement.clone()).await;
            (settlement, result)
        }));
    }

    async fn settled(&mut self, settlement: Settlement, result: Result<(), SettleError>) -> Result<(), End> {
        if let Err(error) = result {
            let End::LeaseLost = End::from(error.clone()) else {
                return Err(error.into());
            };
            // A person has changed the status: it counts, and what was done is settled under the new epoch.
            self.renew().await?;
            self.submit(Settlement {
                status: None,
                ..settlement
            });
            return Ok(());
        }
        self.settled = settlement.position.max(self.settled);
        let mut rows_changed = false;
        for outcome in &settlement.outcomes {
            rows_changed |= self.retrying.remove(&outcome.seq);
            if outcome.state == DeliveryState::Pending {
                rows_changed = true;
                if let Some(lane) = &outcome.lane {
                    self.window.settled(lane);
                }
            }
        }
        if rows_changed {
            self.schedule_retry().await?;
        }
        Ok(())
    }

    async fn schedule_retry(&mut self) -> Result<(), End> {
        let due = self.worker.store.next_delivery_at(&self.worker.name).await?;
        self.retry_at = due.map(|due| {
            let millis = due.as_millis().saturating_sub((self.worker.now)().as_millis());
            Instant::now() + Duration::from_millis(u64::try_from(millis).unwrap_or(0))
        });
        Ok(())
    }

    /// Leases the target anew. Goes on where it still stands as this session knows it.
    async fn renew(&mut self) -> Result<(), End> {
        let state = self.worker.lease().await?.ok_or(End::LeaseLost)?;
        if state.position != self.settled {
            return Err(End::LeaseLost);
        }
        self.leased_until = Instant::now() + self.worker.pace.lease;
        self.stale = false;
        if state.epoch != self.epoch {
            self.epoch = state.epoch;
            self.health = Health::read(&state.status);
            self.health_changed = false;
        }
        if self.settling.is_none() && self.outcomes.is_empty() {
            self.pending = state.pending;
        }
        Ok(())
    }

    /// Settles what is left and gives the lease up.
    async fn finish(&mut self) -> Result<(), End> {
        loop {
            let mut settlement = self.settlement();
            match self.worker.store.settle(settlement.clone()).await {
                Ok(()) => {}
                Err(SettleError::LeaseLost) => {
                    self.renew().await?;
                    settlement.epoch = self.epoch;
                    settlement.status = None;
                    settlement.leased_until = (self.worker.now)();
                    self.worker.store.settle(settlement).await?;
                }
                Err(error) => return Err(error.into()),
            }
            if self.outcomes.is_empty() {
                return Ok(());
            }
            // A lease that was given up is needed again for the rest.
            self.settled = self.window.position();
            self.renew().await?;
        }
    }
}

/// Waits for what is under way; for ever where nothing is.
async fn ready_or_never<T>(future: &mut Option<Pin<Box<dyn Future<Output = T> + Send>>>) -> T {
    match future {
        Some(future) => future.as_mut().await,
        None => std::future::pending().await,
    }
}

/// A number from 0 up to 1. Without randomness it is 0: then nothing is lengthened, which harms nobody.
fn chance() -> f64 {
    let mut bytes = [0; 4];
    match getrandom::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 0.0,
    }
}
