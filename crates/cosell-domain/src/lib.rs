//! The rules of business of co-selling, as pure functions over values.
//!
//! Every function here takes the state, the input, the time and the reference data it decides on, and returns either
//! a new state or the complete list of violations. Nothing here reads a store, a clock, a file or the network, nothing
//! is async, and nothing knows HTTP or SQL. The same rules therefore serve the API, the operator and every test.

pub mod amount;
pub mod arn;
pub mod audit;
pub mod autopilot;
pub mod calendar;
pub mod camel;
pub mod catalog;
mod dice;
pub mod echo;
pub mod engagement;
pub mod event;
pub mod fault;
pub mod flaw;
pub mod glob;
pub mod opportunity;
pub mod prospecting;
pub mod quota;
pub mod reference;
pub mod review;
pub mod settings;
pub mod snapshot;
pub mod task;
pub mod violations;

pub use catalog::Catalog;
pub use flaw::Flaw;
pub use violations::Violations;
