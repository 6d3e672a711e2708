//! Why a script decides about a deal as it does, and what would happen when: for people who write scripts, and for those
//! who wonder about a deal. Changes nothing and decides nothing of its own: it asks the same functions as the plan.

use cosell_model::Timestamp;
use cosell_model::enums::ReviewStatus;
use serde::Serialize;

use super::plan::with_dice;
use super::{Action, Decision, Facts, Script, Verdict, decision, delay, steps};

/// Stands for the identifier of an invitation that is not there yet.
const OF_THE_TASK: &str = "that StartEngagementFromOpportunityTask sends, if the deal is submitted by that";

/// What a script does about one deal, and why. Displays as text of several lines for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Where the deal stands and from which moment the times below count.
    pub situation: String,
    /// The rules in the script's order up to the one that matched; empty where rules have no say.
    pub rules: Vec<Looked>,
    /// Which part of the script decides, and what: one sentence.
    pub decided: String,
    /// What happens and when; empty where AWS does nothing by itself.
    pub steps: Vec<Foreseen>,
}

/// A rule that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Looked {
    /// Its place in the script and its name: `rule 2 (large deals)`.
    pub rule: String,
    /// True for the last one at most.
    pub matched: bool,
    /// Every condition of it; empty for a rule that every deal meets.
    pub findings: Vec<Finding>,
}

/// One condition of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Its name in the script.
    pub condition: &'static str,
    /// Whether the deal meets it.
    pub holds: bool,
    /// The deal's value and what is asked for.
    pub words: String,
}

/// A step that is foreseen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Foreseen {
    /// Milliseconds from the moment that the situation names.
    pub after_millis: i64,
    /// The same in words: `2d 4h`.
    pub after: String,
    /// What AWS does.
    pub what: String,
}

/// Explains what the script does about this deal. A deal that is with the partner is explained as if it were submitted
/// now.
pub fn explain(script: &Script, facts: &Facts) -> Explanation {
    let mut supposed = facts.clone();
    let situation = match &facts.status {
        None => "The deal has lost its review status and cannot be submitted: AWS will never see it.",
        Some(ReviewStatus::PendingSubmission) => {
            supposed.status = Some(ReviewStatus::Submitted);
            supposed.invitation.get_or_insert_with(|| OF_THE_TASK.to_owned());
            "The deal is a draft. This is what happens if it is submitted as it is; times count from the submission. What is \
             drawn by the deal's identifier comes out otherwise for a document that has none yet."
        }
        Some(ReviewStatus::ActionRequired) => {
            supposed.status = Some(ReviewStatus::Submitted);
            supposed.submission = facts.submission.saturating_add(1);
            "The partner is to correct the deal. This is what happens if it comes back as it is; times count from then."
        }
        Some(ReviewStatus::Submitted) => "The deal waits for AWS's review; times count from its submission.",
        Some(ReviewStatus::InReview) => "AWS reviews the deal; times count from when it was taken in review.",
        Some(ReviewStatus::Approved) => "The deal is approved; times count from its approval.",
        Some(ReviewStatus::Rejected) => "The deal is rejected, and nothing more happens to it.",
        Some(_) => "The deal has a review status that this server does not know: AWS does nothing.",
    };
    let reviewed = matches!(
        supposed.status,
        Some(ReviewStatus::Submitted | ReviewStatus::InReview)
    );
    let (rules, decided) = if reviewed {
        (looked(script, &supposed), decided(script, &supposed))
    } else {
        (Vec::new(), "Nothing is left to decide.".to_owned())
    };
    let start = Timestamp::from_millis(0);
    let steps = steps(script, &supposed, start).into_iter();
    Explanation {
        situation: situation.to_owned(),
        rules,
        decided,
        steps: steps
            .map(|step| Foreseen {
                after_millis: step.at.as_millis(),
                after: delay::words(step.at.as_millis()),
                what: step.action.to_string(),
            })
            .collect(),
    }
}

fn looked(script: &Script, facts: &Facts) -> Vec<Looked> {
    if decision(script, facts).0 == Decision::VisibilityOnly {
        return Vec::new();
    }
    let mut list = Vec::new();
    for (rule, position) in script.rules.iter().zip(1..) {
        let findings = with_dice(script, facts, |dice| rule.when.findings(facts, dice, position));
        let matched = findings.iter().all(|finding| finding.holds);
        list.push(Looked {
            rule: rule.title(position),
            matched,
            findings,
        });
        if matched {
            break;
        }
    }
    list
}

fn decided(script: &Script, facts: &Facts) -> String {
    let (decision, outcome) = decision(script, facts);
    let rule = |position: usize| {
        let rule = script.rules.get(position - 1);
        rule.map_or_else(|| format!("rule {position}"), |rule| rule.title(position))
    };
    let by = match decision {
        Decision::Rule(position) => format!("{} decides", rule(position)),
        Decision::Default if script.rules.is_empty() => {
            "There are no rules, so the default decides".to_owned()
        }
        Decision::Default => "No rule matches, so the default decides".to_owned(),
        Decision::Resubmitted { instead_of } => format!(
            "{} would send the deal back once more, so \"resubmitted\" decides",
            instead_of.map_or("the default".to_owned(), rule)
        ),
        Decision::VisibilityOnly => {
            "The deal is for visibility only, so \"visibility-only\" decides".to_owned()
        }
    };
    let what = Verdict::of(outcome).map_or_else(
        || "AWS does nothing until a person decides at the review desk".to_owned(),
        |verdict| Action::Verdict(verdict).to_string(),
    );
    let mut text = format!("{by}: {what}.");
    // A sentence, whichever way it begins.
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// In words, as in an explanation.
impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let quoted = |reason: Option<&String>, comments: Option<&String>| {
            let texts = [reason, comments].into_iter().flatten();
            let texts: Vec<String> = texts.map(|text| format!("{text:?}")).collect();
            if texts.is_empty() {
                String::new()
            } else {
                format!(", saying {}", texts.join(" and "))
            }
        };
        match self {
            Self::Take => f.write_str("AWS takes the deal in review"),
            Self::Verdict(Verdict::Approve { comments }) => {
                write!(f, "AWS approves the deal{}", quoted(None, comments.as_ref()))
            }
            Self::Verdict(Verdict::Reject { reason, comments }) => {
                let words = quoted(Some(reason), comments.as_ref());
                write!(f, "AWS rejects the deal{words}")
            }
            Self::Verdict(Verdict::ActionRequired { reason, comments }) => {
                let words = quoted(Some(reason), comments.as_ref());
                write!(f, "AWS asks the partner to correct the deal{words}")
            }
            Self::AcceptInvitation { invitation } => write!(f, "AWS accepts the invitation {invitation}"),
            Self::MoveStage { stage, next_steps } => {
                let words = quoted(next_steps.as_ref(), None);
                write!(f, "AWS moves its own stage to {stage}{words}")
            }
        }
    }
}

impl std::fmt::Display for Explanation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.situation)?;
        for looked in &self.rules {
            let verdict = if looked.matched {
                "matches"
            } else {
                "does not match"
            };
            writeln!(f, "{} {verdict}", looked.rule)?;
            if looked.findings.is_empty() {
                writeln!(f, "  it has no conditions")?;
            }
            for finding in &looked.findings {
                let mark = if finding.holds { "yes" } else { "no" };
                writeln!(f, "  {mark:<3} {}: {}", finding.condition, finding.words)?;
            }
        }
        writeln!(f, "{}", self.decided)?;
        for step in &self.steps {
            writeln!(f, "  {:<9} {}", step.after, step.what)?;
        }
        Ok(())
    }
}
