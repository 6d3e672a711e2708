//! The one source of time. Everything that needs to know the time asks a [`Clock`], so that a clock that can be moved
//! moves everything.

use std::sync::{Mutex, PoisonError};

use cosell_model::Timestamp;
use serde::{Deserialize, Serialize};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The time now, in UTC.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the machine's clock"
    )]
    fn now(&self) -> Timestamp {
        let since_epoch = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

/// How a clock that can be moved stands to the machine's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ClockMode {
    /// It goes as the machine's clock does, that many milliseconds ahead of it, or behind it where negative.
    Running {
        /// Milliseconds ahead of the machine's clock.
        offset_millis: i64,
    },
    /// It stands still.
    Frozen {
        /// The time it shows.
        at: Timestamp,
    },
}

impl ClockMode {
    /// The mode in which `at` is shown now: going on from there, or standing still where it stands still already.
    pub(crate) fn showing(self, at: Timestamp) -> ClockMode {
        match self {
            ClockMode::Frozen { .. } => ClockMode::Frozen { at },
            ClockMode::Running { .. } => ClockMode::Running {
                offset_millis: at.as_millis().saturating_sub(SystemClock.now().as_millis()),
            },
        }
    }
}

/// A clock that can be moved and stopped, for development servers and tests.
#[derive(Debug)]
pub struct VirtualClock {
    mode: Mutex<ClockMode>,
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self::new(ClockMode::Running { offset_millis: 0 })
    }
}

impl VirtualClock {
    /// A clock in that mode.
    pub fn new(mode: ClockMode) -> Self {
        Self {
            mode: Mutex::new(mode),
        }
    }

    /// How it stands to the machine's clock.
    pub fn mode(&self) -> ClockMode {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves, stops or starts it. Only what moves time under the service's jobs should do that
    /// ([`Service::move_clock`](crate::Service::move_clock)).
    pub(crate) fn set(&self, mode: ClockMode) {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        match self.mode() {
            ClockMode::Running { offset_millis } => SystemClock.now().plus_millis(offset_millis),
            ClockMode::Frozen { at } => at,
        }
    }
}
