//! How a call went, and what that means for its events, for those behind them, and for the target.

use std::time::Duration;

use bytes::Bytes;
use cosell_model::Timestamp;
use cosell_store::{Delivery, DeliveryState};
use tokio::time::Instant;

use super::{GATHER, Landed, Session};
use crate::engine::note::{Note, Try};
use crate::engine::window::Job;
use crate::sink::Outcome;

impl Session<'_> {
    /// Judges how a call went.
    pub(super) fn land(&mut self, landed: Landed) {
        let now = (self.worker.now)();
        let Landed {
            probe,
            jobs,
            outcomes,
            at,
            millis,
        } = landed;
        let was_backing_off = self.health.backing_off();
        self.note_health(&outcomes, probe, now);
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
    fn note_health(&mut self, outcomes: &[Outcome], probe: bool, now: Timestamp) {
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
        if self.health.backing_off() && !probe {
            // It was under way when the target began to be left in peace, and says nothing new about it.
            return;
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
    pub(super) fn wait_behind(&mut self, job: Job) {
        let (attempts, note) = (job.attempts, job.note.clone());
        let now = (self.worker.now)();
        self.conclude(job, DeliveryState::Pending, attempts, now, note);
    }

    /// Keeps an outcome to be settled. Those behind one that waits wait too.
    pub(super) fn conclude(
        &mut self,
        job: Job,
        state: DeliveryState,
        attempts: u32,
        due_at: Timestamp,
        note: Bytes,
    ) {
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
            for behind in self.window.let_go(&lane) {
                self.retrying.remove(&behind);
            }
            for behind in self.window.behind(&lane) {
                self.wait_behind(behind);
            }
        }
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
