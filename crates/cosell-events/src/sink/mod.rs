//! Sinks: the ways out. Each hands envelopes to one kind of receiver and says what became of them.
//!
//! A sink tries once. It must never retry, keep order between calls, or touch the store: that is the engine's.

pub mod aws;
mod eventbridge;
mod file;
pub mod http;
#[cfg(feature = "nats")]
mod nats;
mod sqs;
#[cfg(test)]
mod tests;
mod webhook;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cosell_model::Timestamp;

use crate::envelope::Envelope;
use crate::secrets::Secrets;
use crate::target::{SinkSettings, Target};
use http::Outside;

/// What became of one event at one try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has it.
    Delivered {
        /// Its HTTP status, where it speaks HTTP.
        status: Option<u16>,
    },
    /// It was not taken, or nobody knows whether it was.
    Failed {
        /// Its HTTP status, where one came.
        status: Option<u16>,
        /// What went wrong, for people. No secret.
        error: String,
        /// When the receiver wants the next try.
        after: Option<Duration>,
    },
    /// The receiver wants no events any more (HTTP 410).
    Gone {
        /// What it said.
        error: String,
    },
}

impl Outcome {
    /// A failure without a status.
    pub fn failed(error: impl Into<String>) -> Self {
        Outcome::Failed {
            status: None,
            error: error.into(),
            after: None,
        }
    }
}

/// How many events a sink takes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Most events.
    pub events: usize,
    /// Most bytes of envelopes together (one event alone may have more).
    pub bytes: usize,
    /// Whether events of a batch arrive in their order, and none after the first that fails. Otherwise a batch holds no
    /// two events whose order matters.
    pub in_order: bool,
}

impl Batch {
    /// One event at a time.
    pub const SINGLE: Batch = Batch {
        events: 1,
        bytes: usize::MAX,
        in_order: false,
    };
}

/// A way out.
#[async_trait]
pub trait Sink: Send + Sync {
    /// How many events it takes at once.
    fn batch(&self) -> Batch {
        Batch::SINGLE
    }

    /// Tries once to deliver events (one at least, not more than [`Sink::batch`] allows). An outcome for each, in their
    /// order. `now` is the machine's time. The caller bounds how long it takes by dropping the future.
    async fn deliver(&self, events: &[Envelope], now: Timestamp) -> Vec<Outcome>;
}

/// Makes the sinks of targets.
pub trait Sinks: Send + Sync {
    /// The sink of a target. Must not reach out yet.
    ///
    /// # Errors
    /// Why there cannot be one, for people.
    fn open(&self, target: &Target, secrets: &Secrets) -> Result<Arc<dyn Sink>, String>;
}

/// The sinks of this crate.
#[derive(Clone)]
pub struct RealSinks {
    outside: Outside,
    files: Option<PathBuf>,
    lines: Arc<file::Stdout>,
}

impl RealSinks {
    /// Sinks that reach out through `outside`. None of them is a file, for want of a folder.
    pub fn new(outside: Outside) -> Self {
        Self {
            outside,
            files: None,
            lines: Arc::default(),
        }
    }

    /// The same, with files beneath a folder, which is made when it is needed.
    #[must_use]
    pub fn with_files(self, folder: impl Into<PathBuf>) -> Self {
        Self {
            files: Some(folder.into()),
            ..self
        }
    }
}

impl Sinks for RealSinks {
    fn open(&self, target: &Target, secrets: &Secrets) -> Result<Arc<dyn Sink>, String> {
        let outside = self.outside.clone();
        Ok(match &target.sink {
            SinkSettings::Webhook(settings) => Arc::new(webhook::Webhook::new(outside, settings, secrets)?),
            SinkSettings::EventBridge(settings) => {
                Arc::new(eventbridge::EventBridge::new(outside, settings, secrets)?)
            }
            SinkSettings::Sqs(settings) => Arc::new(sqs::Sqs::new(outside, settings, secrets)?),
            #[cfg(feature = "nats")]
            SinkSettings::Nats(settings) => {
                Arc::new(nats::Nats::new(outside, settings, secrets, target.timeout())?)
            }
            #[cfg(not(feature = "nats"))]
            SinkSettings::Nats(_) => {
                return Err("this build has no NATS; build cosell with the feature nats".into());
            }
            SinkSettings::File(settings) => {
                let folder = self.files.as_deref();
                let folder = folder.ok_or("this server has no folder for events that go to files")?;
                Arc::new(file::File::new(folder, settings)?)
            }
            SinkSettings::Stdout => self.lines.clone(),
        })
    }
}

/// What can be shown of a foreign text: its beginning, without control characters.
pub(crate) fn printable(bytes: &[u8], most: usize) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(most)])
        .chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect::<String>()
        .trim()
        .to_owned()
}
