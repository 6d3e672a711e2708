//! What a script makes AWS do about a deal, and when. Plans from the moment of a trigger on: a submission, an approval,
//! an invitation. Whoever carries a step out looks again whether the deal still allows it.

use cosell_model::Timestamp;
use cosell_model::enums::{AwsOpportunityStage, ReviewStatus, SalesInvolvementType};
use serde::{Deserialize, Serialize};

use super::{Facts, Outcome, Script};
use crate::dice::Dice;

/// Something AWS does at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// When it is due.
    pub at: Timestamp,
    /// What it is.
    pub action: Action,
}

/// What AWS does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Action {
    /// Takes the deal in review.
    Take,
    /// Decides.
    Verdict(Verdict),
    /// Accepts the invitation of this id.
    AcceptInvitation {
        /// `engi-…`
        invitation: String,
    },
    /// Moves its own stage.
    MoveStage {
        /// The stage from then on.
        stage: AwsOpportunityStage,
        /// The next steps from then on; `None` leaves them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next_steps: Option<String>,
    },
}

/// A decision that AWS takes; what is left to people is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Verdict {
    /// Approved.
    Approve {
        /// What the reviewer says about it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comments: Option<String>,
    },
    /// Refused for good.
    Reject {
        /// ReviewStatusReason.
        reason: String,
        /// ReviewComments.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comments: Option<String>,
    },
    /// Sent back to be corrected.
    ActionRequired {
        /// ReviewStatusReason.
        reason: String,
        /// ReviewComments.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comments: Option<String>,
    },
}

impl Verdict {
    /// The verdict of an outcome; `None` where a person decides.
    pub fn of(outcome: &Outcome) -> Option<Self> {
        Some(match outcome.clone() {
            Outcome::Approve { comments } => Self::Approve { comments },
            Outcome::Reject { reason, comments } => Self::Reject { reason, comments },
            Outcome::ActionRequired { reason, comments } => Self::ActionRequired { reason, comments },
            Outcome::Leave => return None,
        })
    }
}

/// Which part of a script decides about a deal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The rule at this place, from 1.
    Rule(usize),
    /// No rule matched.
    Default,
    /// The deal came back and would be sent back once more: `resubmitted` stands in for that.
    Resubmitted {
        /// The rule at this place would have sent it back; `None`: the default would have.
        instead_of: Option<usize>,
    },
    /// The deal is for visibility only, and the script says what becomes of those.
    VisibilityOnly,
}

/// What the script decides about the deal as it is, and which part of it does.
pub fn decision<'a>(script: &'a Script, facts: &Facts) -> (Decision, &'a Outcome) {
    if let Some(outcome) = &script.visibility_only
        && facts.involvement == Some(SalesInvolvementType::ForVisibilityOnly)
    {
        return (Decision::VisibilityOnly, outcome);
    }
    let (matched, outcome) = with_dice(script, facts, |dice| {
        let mut rules = script.rules.iter().zip(1..);
        rules
            .find(|(rule, position)| rule.when.hold(facts, dice, *position))
            .map_or((None, &script.default), |(rule, position)| {
                (Some(position), &rule.outcome)
            })
    });
    match &script.resubmitted {
        Some(instead) if facts.submission > 1 && matches!(outcome, Outcome::ActionRequired { .. }) => {
            (Decision::Resubmitted { instead_of: matched }, instead)
        }
        _ => (matched.map_or(Decision::Default, Decision::Rule), outcome),
    }
}

/// What AWS will do from `at` on, in order of time.
///
/// `at` is when the deal came into its present review status: of a submitted deal everything from the review on is
/// planned, of one in review everything from the decision on, of an approved one (an accepted referral too) the moves of
/// AWS's stage. In every other status AWS waits for the partner. An invitation that waits for AWS is accepted in any.
pub fn steps(script: &Script, about: &Facts, at: Timestamp) -> Vec<Step> {
    let mut plan: Vec<Step> = about
        .invitation
        .as_deref()
        .and_then(|invitation| accept_invitation(script, invitation, &about.id, at))
        .into_iter()
        .collect();
    with_dice(script, about, |dice| match about.status {
        Some(ReviewStatus::Submitted | ReviewStatus::InReview) => review(script, about, dice, at, &mut plan),
        Some(ReviewStatus::Approved) => progress(script, dice, at, &mut plan),
        _ => {}
    });
    // Stable: what is due at the same moment keeps its order.
    plan.sort_by_key(|step| step.at);
    plan
}

/// When AWS accepts an invitation that it received at `at`; `None` where the script lets it wait for ever. `subject` is the
/// opportunity it is about, by whose identifier the dice are thrown as everywhere; for one about none, its own.
pub fn accept_invitation(script: &Script, invitation: &str, subject: &str, at: Timestamp) -> Option<Step> {
    let dice = Dice {
        seed: script.seed,
        about: &[subject],
    };
    let delay = script.accept_invitations?.draw(dice, "accept-after");
    Some(Step {
        at: at.plus_millis(delay),
        action: Action::AcceptInvitation {
            invitation: invitation.to_owned(),
        },
    })
}

fn review(script: &Script, about: &Facts, dice: Dice<'_>, at: Timestamp, plan: &mut Vec<Step>) {
    // A deal that is left to people is not taken from their queue either.
    let Some(verdict) = Verdict::of(decision(script, about).1) else {
        return;
    };
    let mut at = at;
    if about.status == Some(ReviewStatus::Submitted)
        && let Some(delay) = script.review.take_after
    {
        at = at.plus_millis(delay.draw(dice, "take-after"));
        plan.push(Step {
            at,
            action: Action::Take,
        });
    }
    at = at.plus_millis(script.review.decide_after.draw(dice, "decide-after"));
    let approved = matches!(verdict, Verdict::Approve { .. });
    plan.push(Step {
        at,
        action: Action::Verdict(verdict),
    });
    if approved {
        progress(script, dice, at, plan);
    }
}

fn progress(script: &Script, dice: Dice<'_>, approved: Timestamp, plan: &mut Vec<Step>) {
    let mut at = approved;
    for (position, step) in script.progress.iter().enumerate() {
        at = at.plus_millis(step.after.draw(dice, &format!("progress {}", position + 1)));
        plan.push(Step {
            at,
            action: Action::MoveStage {
                stage: step.stage.clone(),
                next_steps: step.next_steps.clone(),
            },
        });
    }
}

/// The dice of this submission of the deal.
pub(super) fn with_dice<T>(script: &Script, about: &Facts, ask: impl FnOnce(Dice<'_>) -> T) -> T {
    let submission = about.submission.to_string();
    ask(Dice {
        seed: script.seed,
        about: &[&about.id, &submission],
    })
}
