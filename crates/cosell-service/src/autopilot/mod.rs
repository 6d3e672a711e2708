//! AWS played by scripts: which script plays it for whom, what the scripts plan when a deal comes, and doing it when it is
//! due. What a script decides is the domain's; what a step does to a deal are the review desk's and the seller's rules. A
//! step is a durable job that is enqueued in the same write as what caused it.

mod explain;
mod run;
mod scripts;
mod steps;
mod turn;

pub use explain::Asked;
pub use scripts::{Behaviour, EVERYONE, Player};
pub use steps::{Cancelled, PlannedStep};

pub(crate) use run::run;
pub(crate) use scripts::Scripts;
pub(crate) use steps::{KIND, Plans, is_step};
pub(crate) use turn::{PATIENCE, Turn, turn};
