//! Events on their way to their receivers: rules choose, targets say where to, sinks deliver, an engine sees to it that
//! nothing is lost.
//!
//! This room takes events out of the store's log and nothing else: it must never decide that something is an event, look
//! into an opportunity, or answer a request. It reads no clock of its own; whoever starts it passes one.

mod engine;
mod envelope;
mod names;
mod network;
pub mod pattern;
mod rule;
mod schedule;
mod secrets;
pub mod sink;
mod target;

pub use engine::{
    Deliverer, EngineOptions, Note, Now, PeopleError, Registered, Registry, Replayed, TargetMetrics,
    TargetStatus, TimeRange, Try,
};
pub use envelope::Envelope;
pub use names::{Flaw, target_name};
pub use network::{Admission, Network};
pub use pattern::{Pattern, PatternError};
pub use rule::{CompiledRule, MAX_TARGETS, Rule};
pub use schedule::{BREAKER_FAILURES, Health, MAX_STEP, MAX_STEPS, Paused, Schedule};
pub use secrets::{MAX_SIGNING, SIGNING_PREFIX, Secrets, confidant, new_signing_secret};
pub use sink::http::Outside;
pub use sink::{Batch, Outcome, RealSinks, Sink, Sinks};
pub use target::{
    AwsSettings, EventBridgeSettings, FileSettings, MAX_CONCURRENCY, NatsSettings, SinkSettings, SqsSettings,
    Target, WebhookSettings,
};
