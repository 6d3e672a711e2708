//! The operations: load what a decision needs, let the domain decide, apply it, answer.
//!
//! One file per operation; the tree mirrors the API's resources. Rules live in `cosell-domain`, SQL in a store crate,
//! headers and signatures in `cosell-wire`: none of them here. An operation never writes in two steps.

pub mod audit;
pub mod autopilot;
pub mod clock;
pub mod delivery;
pub mod faults;
pub mod identity;
pub mod metrics;
pub mod operator;
pub mod others;
pub mod throttle;

mod answer;
mod dispatch;
mod engagement;
mod events;
mod idempotency;
mod ids;
mod jobs;
mod names;
mod opportunity;
mod page_token;
mod paging;
mod plan;
mod profile;
mod service;
mod settings;
mod skew;
mod snapshot;
mod solution;
mod stale;
mod tags;
mod task;

#[cfg(test)]
mod story;
#[cfg(test)]
mod testing;

pub use clock::{Clock, ClockMode, SystemClock, VirtualClock};
pub use opportunity::deal::Deal;
pub use opportunity::record::record as opportunity_record;
pub use page_token::{Binding, PageTokens};
pub use service::{Caller, Service, Settings};
pub use skew::Skew;
pub use throttle::Throttle;
