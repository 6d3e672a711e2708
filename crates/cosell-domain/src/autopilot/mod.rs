//! AWS played by a script: when it reviews a deal, what it decides, whether it accepts invitations, how its own stage
//! moves on. Only plans and explains; what a step does to a deal is the review desk's and the AWS seller's business.
//!
//! A script is TOML or JSON. Everything wrong in it is told at once. The same script decides the same way about the same
//! deal on every machine: what is drawn, is drawn from the seed, the opportunity's id and the count of its submissions.

mod delay;
mod explain;
mod facts;
mod plan;
mod print;
mod read;
mod rule;

use cosell_model::enums::AwsOpportunityStage;
use serde::{Deserialize, Serialize};

pub use delay::Delay;
pub use explain::{Explanation, Finding, Foreseen, Looked, explain};
pub use facts::Facts;
pub use plan::{Action, Decision, Step, Verdict, accept_invitation, decision, steps};
pub use read::{Format, LONGEST_COMMENTS, LONGEST_NEXT_STEPS, LONGEST_REASON, ScriptErrors};
pub use rule::{Conditions, Percentage, Rule};

/// How AWS behaves. Serialises as the JSON form of the script, and reading that checks it like [`Script::parse`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "serde_json::Value", try_from = "serde_json::Value")]
pub struct Script {
    /// Which of the possible worlds this is; 0 to 2^53-1, which every JSON reader keeps exactly.
    pub seed: u64,
    /// When AWS reviews.
    pub review: Review,
    /// What AWS decides; the first rule that matches counts.
    pub rules: Vec<Rule>,
    /// What AWS decides where no rule matches.
    pub default: Outcome,
    /// What AWS decides about a deal that comes back after Action Required and would be sent back once more. Without it,
    /// a rule that still matches sends the deal back again.
    pub resubmitted: Option<Outcome>,
    /// What AWS decides about deals submitted For Visibility Only, without looking at the rules. Without it they are
    /// decided like all others.
    pub visibility_only: Option<Outcome>,
    /// How long after it was sent AWS accepts an invitation; `None`: never.
    pub accept_invitations: Option<Delay>,
    /// How AWS's own stage moves once the deal is approved, in this order.
    pub progress: Vec<Move>,
}

/// When AWS reviews.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Review {
    /// From the submission until the deal is In review; `None`: AWS decides without taking it in review first.
    pub take_after: Option<Delay>,
    /// From then (from the submission, where AWS does not take it first) until the decision.
    pub decide_after: Delay,
}

/// What AWS decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The deal is approved.
    Approve {
        /// What the reviewer says about it.
        comments: Option<String>,
    },
    /// The deal is refused for good.
    Reject {
        /// Shown to the partner as ReviewStatusReason.
        reason: String,
        /// Shown as ReviewComments.
        comments: Option<String>,
    },
    /// The partner is to correct something.
    ActionRequired {
        /// Shown to the partner as ReviewStatusReason.
        reason: String,
        /// Shown as ReviewComments.
        comments: Option<String>,
    },
    /// Nothing: a person decides at the review desk.
    Leave,
}

impl Outcome {
    /// The word for it in scripts.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Approve { .. } => "approve",
            Self::Reject { .. } => "reject",
            Self::ActionRequired { .. } => "action-required",
            Self::Leave => "leave",
        }
    }

    /// The reason and the comments, where the outcome has them.
    pub fn texts(&self) -> (Option<&str>, Option<&str>) {
        match self {
            Self::Approve { comments } => (None, comments.as_deref()),
            Self::Reject { reason, comments } | Self::ActionRequired { reason, comments } => {
                (Some(reason), comments.as_deref())
            }
            Self::Leave => (None, None),
        }
    }
}

/// One move of AWS's own stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// From the move before (from the approval, for the first one).
    pub after: Delay,
    /// AWS's stage from then on.
    pub stage: AwsOpportunityStage,
    /// AWS's next steps from then on; `None` leaves them.
    pub next_steps: Option<String>,
}

/// The scripts that come with cosell: name and text.
pub const SHIPPED: [(&str, &str); 3] = [
    (
        "approve-fast",
        include_str!("../../data/autopilot/approve-fast.toml"),
    ),
    ("realistic", include_str!("../../data/autopilot/realistic.toml")),
    ("picky", include_str!("../../data/autopilot/picky.toml")),
];

impl Script {
    /// Reads a script. A text whose first character (but for white space) is `{` is JSON, every other TOML.
    ///
    /// # Errors
    /// Everything that is wrong in it; where it is no TOML or JSON at all, that.
    pub fn parse(text: &str) -> Result<Self, ScriptErrors> {
        Self::parse_as(text, Format::of(text))
    }

    /// Reads a script of a known format.
    ///
    /// # Errors
    /// As [`Script::parse`].
    pub fn parse_as(text: &str, format: Format) -> Result<Self, ScriptErrors> {
        read::read(text, format)
    }

    /// The script as TOML, without the comments it may have been written with. Reads back as the same script.
    pub fn to_toml(&self) -> String {
        print::toml(self)
    }

    /// The script as a JSON document.
    pub fn to_json(&self) -> serde_json::Value {
        print::value(self)
    }

    /// The script of that name that comes with cosell; `None` for any other name.
    pub fn shipped(name: &str) -> Option<Self> {
        let (_, text) = SHIPPED.iter().find(|(known, _)| *known == name)?;
        Self::parse(text).ok()
    }
}

impl From<Script> for serde_json::Value {
    fn from(script: Script) -> Self {
        script.to_json()
    }
}

impl TryFrom<serde_json::Value> for Script {
    type Error = ScriptErrors;

    fn try_from(value: serde_json::Value) -> Result<Self, ScriptErrors> {
        read::document(&value)
    }
}
