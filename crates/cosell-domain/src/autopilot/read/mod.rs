//! Reads a script and checks it: every flaw is found in one pass, with its place and what to write instead. Reads texts
//! of strangers, so nothing here may panic, and everything is bounded.

mod reader;
mod rules;

use serde_json::Value;

use self::reader::{Reader, member, shown};
use super::{Delay, Move, Review, Script, delay};
use crate::Flaw;

/// The longest ReviewStatusReason of a script, in characters: that of the review desk, which does what a script says.
pub const LONGEST_REASON: usize = crate::review::REASON_LIMIT;
/// The longest ReviewComments of a script, in characters: that of the review desk.
pub const LONGEST_COMMENTS: usize = crate::review::COMMENTS_LIMIT;
/// The longest next steps, in characters, as the contract has it.
pub const LONGEST_NEXT_STEPS: usize = 255;
/// The longest script, in bytes.
const LONGEST_TEXT: usize = 1 << 20;
/// The greatest whole number that every JSON reader keeps.
const GREATEST_SEED: u64 = (1 << 53) - 1;

/// How a script is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// TOML 1.0.
    Toml,
    /// One JSON object.
    Json,
}

impl Format {
    /// The format that a text seems to be of: JSON where its first character but for white space is `{`, else TOML.
    pub fn of(text: &str) -> Self {
        if text.trim_start().starts_with('{') {
            Self::Json
        } else {
            Self::Toml
        }
    }
}

/// Everything that is wrong in a script; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptErrors(pub Vec<Flaw>);

impl std::fmt::Display for ScriptErrors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, flaw) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{flaw}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ScriptErrors {}

pub(super) fn read(text: &str, format: Format) -> Result<Script, ScriptErrors> {
    if text.len() > LONGEST_TEXT {
        return Err(broken(
            format!("the script has {} bytes", text.len()),
            format!("write at most {LONGEST_TEXT}"),
        ));
    }
    let value = match format {
        Format::Json => serde_json::from_str(text).map_err(|error| {
            broken(
                format!("this is not valid JSON: {error}"),
                "mend the text at that line and column",
            )
        })?,
        Format::Toml => toml::from_str(text).map_err(|error| {
            broken(
                format!("this is not valid TOML: {}", error.to_string().trim_end()),
                "mend the text at that place (a script in JSON begins with {)",
            )
        })?,
    };
    document(&value)
}

fn broken(wrong: impl Into<String>, instead: impl Into<String>) -> ScriptErrors {
    ScriptErrors(vec![Flaw::new("", wrong, instead)])
}

pub(super) fn document(value: &Value) -> Result<Script, ScriptErrors> {
    let mut reader = Reader::default();
    let script = reader.script(value);
    match script {
        Some(script) if reader.flaws.is_empty() => Ok(script),
        _ => Err(ScriptErrors(reader.flaws)),
    }
}

impl Reader {
    fn script(&mut self, value: &Value) -> Option<Script> {
        let root = self.table(
            "",
            value,
            &[
                "seed",
                "review",
                "rule",
                "default",
                "resubmitted",
                "visibility-only",
                "invitations",
                "progress",
            ],
        )?;
        let seed = root.get("seed").map_or(0, |value| self.seed(value));
        let review = self.review(root.get("review"));
        let rules = self.rules(root.get("rule"));
        let default = match root.get("default") {
            Some(value) => self.outcome("default", value),
            None => {
                let instead = "write what AWS decides where no rule matches, such as default = \"approve\", or \
                               default = \"leave\" to leave it to the review desk";
                self.flaw("default", "this is missing", instead);
                None
            }
        };
        let resubmitted = root
            .get("resubmitted")
            .map(|value| self.outcome("resubmitted", value));
        let visibility_only = root
            .get("visibility-only")
            .map(|value| self.outcome("visibility-only", value));
        let accept_invitations = root.get("invitations").and_then(|value| self.invitations(value));
        let progress = self.progress(root.get("progress"));
        Some(Script {
            seed,
            review,
            rules,
            default: default?,
            resubmitted: resubmitted.flatten(),
            visibility_only: visibility_only.flatten(),
            accept_invitations,
            progress,
        })
    }

    fn seed(&mut self, value: &Value) -> u64 {
        let seed = value.as_u64().filter(|seed| *seed <= GREATEST_SEED);
        seed.unwrap_or_else(|| {
            let instead = format!("write a whole number from 0 to {GREATEST_SEED}");
            self.flaw(
                "seed",
                format!("{} is no seed", shown(&value.to_string())),
                instead,
            );
            0
        })
    }

    fn review(&mut self, value: Option<&Value>) -> Review {
        let map = value.and_then(|value| self.table("review", value, &["take-after", "decide-after"]));
        let mut delay = |name: &str| {
            let value = map.and_then(|map| map.get(name))?;
            self.delay(&member("review", name), value)
        };
        Review {
            take_after: delay("take-after"),
            decide_after: delay("decide-after").unwrap_or(Delay::NONE),
        }
    }

    fn invitations(&mut self, value: &Value) -> Option<Delay> {
        let map = self.table("invitations", value, &["accept-after"])?;
        let value = map.get("accept-after")?;
        if value.as_str() == Some("never") {
            return None;
        }
        if value.as_str().and_then(Delay::parse).is_none() {
            let instead = format!("{}, or \"never\"", delay::FORM);
            let wrong = format!("{} is no delay", shown(&value.to_string()));
            self.flaw("invitations.accept-after", wrong, instead);
        }
        value.as_str().and_then(Delay::parse)
    }

    fn progress(&mut self, value: Option<&Value>) -> Vec<Move> {
        let Some(value) = value else {
            return Vec::new();
        };
        let list = self.list("progress", value, "write each move as [[progress]]");
        let mut moves = Vec::new();
        for (value, position) in list.iter().zip(1..) {
            let path = format!("progress[{position}]");
            let Some(map) = self.table(&path, value, &["after", "stage", "next-steps"]) else {
                continue;
            };
            let after = self.demand(map, &path, "after", delay::FORM);
            let after = after.and_then(|value| self.delay(&member(&path, "after"), value));
            let stages = cosell_model::enums::AwsOpportunityStage::VALUES;
            let stage = self.demand(
                map,
                &path,
                "stage",
                &format!("write one of: {}", stages.join(", ")),
            );
            let stage = stage.and_then(|value| self.word(&member(&path, "stage"), value, stages));
            let next_steps = map
                .get("next-steps")
                .and_then(|value| self.text(&member(&path, "next-steps"), value, LONGEST_NEXT_STEPS));
            if let (Some(after), Some(stage)) = (after, stage) {
                moves.push(Move {
                    after,
                    stage: stage.as_str().into(),
                    next_steps,
                });
            }
        }
        moves
    }
}
