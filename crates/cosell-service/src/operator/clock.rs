//! Moving the clock of a development server: whatever is due on the way happens at its time and in its order.

use cosell_model::{ApiError, Timestamp};

use crate::clock::{Clock as _, ClockMode, VirtualClock};
use crate::service::Service;

/// What a movement of the clock brought about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Moved {
    /// The time before.
    pub from: Timestamp,
    /// The time after.
    pub to: Timestamp,
    /// How many jobs were done on the way.
    pub jobs: usize,
}

/// Where the clock is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// That many milliseconds on.
    By(i64),
    /// To that time, which may lie in the past: jobs that were done stay done.
    To(Timestamp),
}

impl Service {
    /// Moves the clock. On the way forward it stops at the time of each job that is due until then and the job is done at
    /// that very time, so that one great step and many small ones come to the same. Nobody else does jobs meanwhile.
    ///
    /// `clock` must be the one that this service asks. An error means that the store did not answer; the clock then
    /// stands where the last job was done.
    pub async fn move_clock(&self, clock: &VirtualClock, target: Target) -> Result<Moved, ApiError> {
        let _turn = self.jobs_turn.lock().await;
        let from = clock.now();
        let to = match target {
            Target::By(millis) => from.plus_millis(millis),
            Target::To(at) => at,
        };
        let mode = clock.mode();
        let mut jobs = 0;
        while let Some(due) = self.next_job().await?.filter(|due| *due <= to) {
            clock.set(ClockMode::Frozen {
                at: due.max(clock.now()),
            });
            let done = self.run_due_batches().await?;
            jobs += done.finished;
            if done.claimed == 0 {
                // Another node was faster.
                break;
            }
        }
        clock.set(mode);
        clock.set(clock.showing(to));
        Ok(Moved { from, to, jobs })
    }

    /// Stops the clock where it is.
    pub fn freeze_clock(&self, clock: &VirtualClock) {
        clock.set(ClockMode::Frozen { at: clock.now() });
    }

    /// Lets the clock go on from where it is.
    pub fn resume_clock(&self, clock: &VirtualClock) {
        let at = clock.now();
        clock.set(ClockMode::Running { offset_millis: 0 });
        clock.set(clock.showing(at));
    }

    /// Back to the machine's time.
    pub fn reset_clock(&self, clock: &VirtualClock) {
        clock.set(ClockMode::Running { offset_millis: 0 });
    }
}
