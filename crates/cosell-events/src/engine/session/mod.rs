//! One lease of a target: reads the log behind the cursor, starts deliveries, judges how they went, and settles.
//!
//! The order of things that makes it safe: an outcome is settled before the cursor passes its event; a row that waits is
//! known here until the store knows it; and whoever loses the lease forgets everything, because the store has it.

mod judge;
mod settle;

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use cosell_model::Timestamp;
use cosell_store::{Delivery, DeliveryQuery, SettleError, Settlement, StoreError, StoredEvent, TargetState};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::engine::window::{Job, Window};
use crate::engine::worker::{End, Worker};
use crate::envelope::Envelope;
use crate::schedule::Health;
use crate::sink::Outcome;

/// Events read at once.
const PAGE: usize = 256;
/// Events in hand at most; beyond that the log keeps them.
const WINDOW: usize = 1024;
/// Rows that the cursor may park at a target; beyond that it waits.
pub(in crate::engine) const MAX_PARKED: u64 = 1000;
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
    /// Whether it was a probe: started while the target was left in peace.
    probe: bool,
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

pub(in crate::engine) struct Session<'a> {
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
    /// Whether the last probe was a repeated try. Then the next one is an event that the cursor read, where there is one: events
    /// that are always refused must not use up all probes and so keep the others away for ever.
    probed_again: bool,
}

impl<'a> Session<'a> {
    pub fn new(worker: &'a mut Worker, state: TargetState) -> Self {
        let now = Instant::now();
        Self {
            epoch: state.epoch,
            leased_until: now + worker.lease_time,
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
            probed_again: false,
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
        // The end of a stop's patience only matters to what is under way.
        let stopping = stopping.filter(|_| !self.flying.is_empty() || idle);
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
        self.leased_until - self.worker.lease_time / 3
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
        let live_first = probing && self.probed_again && self.window.ready() > 0;
        if retry_due && !live_first {
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
            let jobs = self.window.take(batch, live_first);
            let Some(first) = jobs.first() else { break };
            self.probed_again = probing && first.again;
            self.fly(jobs);
        }
        Ok(())
    }

    fn fly(&mut self, jobs: Vec<Job>) {
        let sink = self.worker.sink.clone();
        let timeout = self.worker.target.timeout();
        let (at, signed_at) = ((self.worker.now)(), (self.worker.signing_now)());
        let probe = self.health.backing_off();
        self.flying.spawn(async move {
            let began = Instant::now();
            let envelopes: Vec<Envelope> = jobs.iter().map(|job| job.envelope.clone()).collect();
            let mut outcomes = match tokio::time::timeout(timeout, sink.deliver(&envelopes, signed_at)).await
            {
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
                probe,
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

    /// Takes rows in hand whose time has come; and of the rest, as far as there is room, those that wait behind them in their
    /// lanes, so that a lane drains without a settlement for each event.
    async fn look_for_due(&mut self, most: usize) -> Result<(), End> {
        self.retry_at = None;
        let now = (self.worker.now)();
        let due = self
            .worker
            .store
            .due_deliveries(&self.worker.name, now, AGAIN * 2)
            .await?;
        let mut heads = Vec::new();
        for row in due {
            if self.retrying.len() >= most {
                break;
            }
            if !self.retrying.contains(&row.seq) {
                heads.extend(row.lane.clone().map(|lane| (lane, row.seq)));
                self.take_again(row).await?;
            }
        }
        for (lane, head) in heads {
            let room = most.saturating_sub(self.retrying.len());
            if room == 0 {
                break;
            }
            let store = self.worker.store.clone();
            let behind = store
                .lane_deliveries(&self.worker.name, &lane, head, room)
                .await?;
            for row in behind {
                // One that failed itself before holds up those behind it until its own time has come.
                if row.due_at > now || self.retrying.contains(&row.seq) {
                    break;
                }
                self.take_again(row).await?;
            }
        }
        if self.retrying.is_empty() {
            // Somebody had it look before anything was due. A row whose event is just being pruned may be due and go at once.
            self.schedule_retry().await?;
            let soon = Instant::now() + Duration::from_millis(10);
            self.retry_at = self.retry_at.map(|at| at.max(soon));
            return Ok(());
        }
        // Others may become due before these are settled.
        self.retry_at = Some(Instant::now() + Duration::from_secs(1));
        Ok(())
    }

    /// Takes a row in hand to be tried again.
    async fn take_again(&mut self, row: Delivery) -> Result<(), End> {
        let found = self.worker.store.events_after(row.seq - 1, 1).await?;
        // A row goes with its event when that is pruned.
        let Some(stored) = found.into_iter().find(|stored| stored.seq == row.seq) else {
            return Ok(());
        };
        self.retrying.insert(row.seq);
        self.window.push_again(Job {
            envelope: Envelope::of(stored),
            lane: row.lane,
            attempts: row.attempts,
            note: row.note,
            again: true,
        });
        Ok(())
    }
}

/// Waits for what is under way; for ever where nothing is.
async fn ready_or_never<T>(future: &mut Option<Pin<Box<dyn Future<Output = T> + Send>>>) -> T {
    match future {
        Some(future) => future.as_mut().await,
        None => std::future::pending().await,
    }
}
