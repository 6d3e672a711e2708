//! Faults on demand: rules by which a server answers errors, waits, drops connections or shows old data, so that clients
//! can be tried against them. Decides which effects a call meets; bringing them about is the server's business. Rules
//! and the order of calls decide alone, with dice of a seed: the same calls meet the same faults again.

mod check;
mod matcher;

use cosell_model::Timestamp;
use serde::{Deserialize, Serialize};

pub use matcher::{Call, Counts, Effects, Matcher};

/// The longest wait that a fault may cause, in milliseconds, of one rule and of all together.
pub const LONGEST_LATENCY_MS: u64 = 60_000;
/// The oldest data that a stale read may show, in milliseconds: an hour.
pub const LONGEST_STALENESS_MS: u64 = 3_600_000;
/// The most rules at a time.
pub const MOST_RULES: usize = 1_000;

/// One rule. All filters that are there must match; what is left out filters nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// How it is called: 1 to 64 letters, digits, `-`, `_` and `.`; unique.
    pub id: String,
    /// Operations: names, `*`, or patterns such as `Get*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<String>,
    /// Accounts of callers: 12 digits, or patterns such as `1111*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<String>,
    /// Catalogs: `AWS`, `Sandbox`. A call that names no catalog meets no rule that does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub catalogs: Vec<String>,
    /// The share of matching calls that it hits, above 0 and up to 1. At most one of this, `first` and `every`; none of
    /// them: it hits every matching call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// It hits that many matching calls and then none any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
    /// It hits every matching call whose count is a multiple of this: `3` hits the third, the sixth and so on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// It matches nothing before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_from: Option<Timestamp>,
    /// It matches nothing at this time and later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_to: Option<Timestamp>,
    /// What it does to a call.
    pub effect: Effect,
}

/// What a rule does to the calls it hits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Effect {
    /// The call is answered with an error and does nothing.
    Error {
        /// The error by AWS's name, such as `ConflictException`.
        name: String,
        /// Its message, 1 to 1000 characters; without it a fixed one that names the rule.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// The call is answered with ThrottlingException and does nothing.
    Throttle,
    /// The call waits before it is answered.
    Latency(Latency),
    /// The call does its work, and then the connection is cut instead of answering. For calls that are told apart by a
    /// ClientToken, the case in which a client cannot know what happened.
    DropAfterCommit,
    /// GetOpportunity and GetAwsOpportunitySummary see the opportunity as it was; other operations never meet it.
    StaleRead {
        /// So many milliseconds ago; 1 to 3 600 000.
        by_ms: u64,
    },
}

/// How long a call waits, in milliseconds, never longer than 60 s.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Latency {
    /// Always as long.
    Fixed {
        /// 1 to 60 000.
        ms: u64,
    },
    /// Each time between the two is as likely.
    Uniform {
        /// The shortest.
        from_ms: u64,
        /// The longest; up to 60 000.
        to_ms: u64,
    },
    /// Mostly short and sometimes long, as real networks are.
    Exponential {
        /// The mean, 1 to 60 000; single waits are cut at 60 s.
        mean_ms: u64,
    },
}

impl Rule {
    /// Everything that is wrong with the rule by itself; empty when it can be used.
    pub fn check(&self) -> Vec<crate::Flaw> {
        check::check(self)
    }
}
