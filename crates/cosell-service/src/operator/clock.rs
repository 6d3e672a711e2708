//! Moving the clock of a development server: whatever is due on the way happens at its time and in its order. Where the
//! clock stands is kept in the store, so that a restart goes on from there, also in the middle of a movement.

use std::sync::PoisonError;

use cosell_model::{ApiError, Timestamp, Violation, enums::ValidationExceptionErrorCode as Code};
use cosell_store::{Key, Kind, Store};
use serde::{Deserialize, Serialize};

use super::{By, kept};
use crate::answer::{read_failed, stored};
use crate::clock::{Clock as _, ClockMode, VirtualClock};
use crate::service::Service;

/// Under which name the clock is kept.
const NAME: &str = "clock";
/// The last moment that a clock shows: the end of the year 9999.
const LAST: Timestamp = Timestamp::from_millis(253_402_300_799_999);

/// What a movement of the clock brought about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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

/// The clock as it is kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    #[serde(flatten)]
    mode: ClockMode,
    /// Where a movement was going that has not arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moving_to: Option<Timestamp>,
}

impl Service {
    /// Moves the clock. On the way forward it stops at the time of each job that is due until then and the job is done at
    /// that very time, so that one great step and many small ones come to the same. Nobody else does jobs meanwhile.
    ///
    /// `clock` must be the one that this service asks. An error means that the clock cannot show that time, which changes
    /// nothing, or that the store did not answer; the clock then stands where the last job was done, and a restart goes on.
    pub async fn move_clock(&self, by: &By, clock: &VirtualClock, target: Target) -> Result<Moved, ApiError> {
        let _turn = self.jobs_turn.lock().await;
        let from = clock.now();
        let (action, to) = match target {
            Target::By(millis) => ("AdvanceClock", from.plus_millis(millis)),
            Target::To(at) => ("SetClock", at),
        };
        if !(Timestamp::from_millis(0)..=LAST).contains(&to) {
            let message = format!("the clock shows times from 1970 to 9999, and {to} is none of them");
            return Err(ApiError::request_validation(vec![Violation::new(
                "to",
                Code::InvalidValue,
                message,
            )]));
        }
        self.keep_clock(by, action, clock.mode(), Some(to)).await?;
        let jobs = self.go(clock, to).await?;
        self.keep_clock(by, "ArriveWithClock", clock.mode(), None).await?;
        Ok(Moved { from, to, jobs })
    }

    /// Goes there, stopping at each job. Whoever calls this has the turn.
    pub(crate) async fn go(&self, clock: &VirtualClock, to: Timestamp) -> Result<usize, ApiError> {
        let from = clock.now();
        let mode = clock.mode();
        let mut jobs = 0;
        self.tell_way(Some(Moved { from, to, jobs }));
        // Whatever ends this: nobody is told of a way that nobody goes.
        let _way = Way(self);
        while let Some(due) = self.next_job().await?.filter(|due| *due <= to) {
            clock.set(ClockMode::Frozen {
                at: due.max(clock.now()),
            });
            let done = self.run_due_batches().await?;
            jobs += done.finished;
            self.tell_way(Some(Moved { from, to, jobs }));
            if done.claimed == 0 {
                // Another node was faster.
                break;
            }
        }
        clock.set(mode.showing(to));
        Ok(jobs)
    }

    /// The movement that is under way, as far as it has come; `None` where the clock is not being moved.
    pub fn clock_way(&self) -> Option<Moved> {
        *self.clock_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell_way(&self, way: Option<Moved>) {
        *self.clock_way.lock().unwrap_or_else(PoisonError::into_inner) = way;
    }

    /// Stops the clock where it is.
    pub async fn freeze_clock(&self, by: &By, clock: &VirtualClock) -> Result<(), ApiError> {
        let _turn = self.jobs_turn.lock().await;
        let mode = ClockMode::Frozen { at: clock.now() };
        self.keep_clock(by, "FreezeClock", mode, None).await?;
        clock.set(mode);
        Ok(())
    }

    /// Lets the clock go on from where it is.
    pub async fn resume_clock(&self, by: &By, clock: &VirtualClock) -> Result<(), ApiError> {
        let _turn = self.jobs_turn.lock().await;
        let mode = VirtualClock::default().mode().showing(clock.now());
        self.keep_clock(by, "ResumeClock", mode, None).await?;
        clock.set(mode);
        Ok(())
    }

    /// Back to the machine's time.
    pub async fn reset_clock(&self, by: &By, clock: &VirtualClock) -> Result<(), ApiError> {
        let _turn = self.jobs_turn.lock().await;
        let mode = ClockMode::Running { offset_millis: 0 };
        self.keep_clock(by, "ResetClock", mode, None).await?;
        clock.set(mode);
        Ok(())
    }

    /// Has the clock stand as it is kept; at a start, before anyone asks it. A movement that a killed server did not finish
    /// is finished.
    pub async fn restore_clock(&self, clock: &VirtualClock) -> Result<(), ApiError> {
        let _turn = self.jobs_turn.lock().await;
        let Some(kept) = kept::read::<Kept>(self, NAME).await? else {
            return Ok(());
        };
        clock.set(kept.mode);
        if let Some(to) = kept.moving_to {
            self.go(clock, to).await?;
            let by = By {
                token: "server".to_owned(),
                request_id: String::new(),
            };
            self.keep_clock(&by, "ArriveWithClock", clock.mode(), None)
                .await?;
        }
        Ok(())
    }

    async fn keep_clock(
        &self,
        by: &By,
        action: &'static str,
        mode: ClockMode,
        moving_to: Option<Timestamp>,
    ) -> Result<(), ApiError> {
        let kept = Kept { mode, moving_to };
        kept::write(self, &by.deed(action), NAME, Some(&kept)).await
    }
}

/// How the clock stood when a server of that store last moved it; `None` where nobody ever did. A clock that begins so is
/// brought to its end of a movement by [`Service::restore_clock`].
pub async fn kept_mode(store: &dyn Store) -> Result<Option<ClockMode>, ApiError> {
    let found = store.get(&Key::global(Kind::Setting, NAME)).await;
    let found = found.map_err(read_failed)?;
    found
        .map(|found| stored::<Kept>(&found.document, "the clock").map(|kept| kept.mode))
        .transpose()
}

/// Ends the telling of a way.
struct Way<'a>(&'a Service);

impl Drop for Way<'_> {
    fn drop(&mut self) {
        self.0.tell_way(None);
    }
}
