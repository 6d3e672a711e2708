//! Reads a script and checks it: every flaw is found in one pass, with its place and what to write instead. Reads texts
//! of strangers, so nothing here may panic, and everything is bounded.

use serde_json::{Map, Value};

use super::rule::{Conditions, Percentage, Rule};
use super::{Delay, Move, Outcome, Review, Script, delay};
use crate::Flaw;
use crate::amount::Cents;
use crate::flaw::one_of;
use crate::glob::{self, Glob};

/// The longest ReviewStatusReason of a script, in characters. The contract names no bound.
pub const LONGEST_REASON: usize = 255;
/// The longest ReviewComments of a script, in characters. The contract names no bound.
pub const LONGEST_COMMENTS: usize = 4_000;
/// The longest next steps, in characters, as the contract has it.
pub const LONGEST_NEXT_STEPS: usize = 255;
const LONGEST_NAME: usize = 100;
/// The longest script, in bytes.
const LONGEST_TEXT: usize = 1 << 20;
/// The most entries of a list.
const MOST: usize = 1_000;
/// The greatest whole number that every JSON reader keeps.
const GREATEST_SEED: u64 = (1 << 53) - 1;
const OUTCOMES: [&str; 4] = ["approve", "reject", "action-required", "leave"];

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

/// Everything that is wrong in a script, in the order in which it stands there; never empty.
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
    let mut reader = Reader { flaws: Vec::new() };
    let script = reader.script(value);
    match script {
        Some(script) if reader.flaws.is_empty() => Ok(script),
        _ => Err(ScriptErrors(reader.flaws)),
    }
}

/// Collects the flaws. What it cannot read it answers with something harmless, so that the rest is looked at as well.
struct Reader {
    flaws: Vec<Flaw>,
}

impl Reader {
    fn flaw(&mut self, path: &str, wrong: impl Into<String>, instead: impl Into<String>) {
        self.flaws.push(Flaw::new(path, wrong, instead));
    }

    fn wrong_type(&mut self, path: &str, value: &Value, instead: impl Into<String>) {
        self.flaw(path, format!("this is {}", kind(value)), instead);
    }

    fn table<'a>(&mut self, path: &str, value: &'a Value, known: &[&str]) -> Option<&'a Map<String, Value>> {
        let Some(map) = value.as_object() else {
            self.wrong_type(
                path,
                value,
                format!("write a table with members out of: {}", known.join(", ")),
            );
            return None;
        };
        for name in map.keys().filter(|name| !known.contains(&name.as_str())) {
            self.flaw(
                &member(path, name),
                "there is no such member here",
                one_of(name, known),
            );
        }
        Some(map)
    }

    fn text(&mut self, path: &str, value: &Value, longest: usize) -> Option<String> {
        let Some(text) = value.as_str() else {
            self.wrong_type(path, value, "write a text in quotes");
            return None;
        };
        let length = text.chars().count();
        if text.trim().is_empty() {
            self.flaw(path, "this is empty", "write something, or leave the member out");
            return None;
        }
        if length > longest {
            let wrong = format!("this has {length} characters");
            self.flaw(path, wrong, format!("write at most {longest}"));
            return None;
        }
        Some(text.to_owned())
    }

    fn list<'a>(&mut self, path: &str, value: &'a Value, instead: &str) -> &'a [Value] {
        match value {
            Value::Array(list) if list.len() > MOST => {
                let wrong = format!("this list has {} entries", list.len());
                self.flaw(path, wrong, format!("write at most {MOST}"));
                &[]
            }
            Value::Array(list) => list,
            other => {
                self.wrong_type(path, other, instead);
                &[]
            }
        }
    }

    fn delay(&mut self, path: &str, value: &Value) -> Option<Delay> {
        let delay = value.as_str().and_then(Delay::parse);
        if delay.is_none() {
            let wrong = value.as_str().map_or_else(
                || format!("this is {}", kind(value)),
                |text| format!("{} is no delay", shown(text)),
            );
            self.flaw(path, wrong, delay::FORM);
        }
        delay
    }

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

    fn demand<'a>(
        &mut self,
        map: &'a Map<String, Value>,
        path: &str,
        name: &str,
        instead: &str,
    ) -> Option<&'a Value> {
        let value = map.get(name);
        if value.is_none() {
            self.flaw(&member(path, name), "this is missing", instead);
        }
        value
    }

    /// One of the known words.
    fn word(&mut self, path: &str, value: &Value, known: &[&str]) -> Option<String> {
        let Some(text) = value.as_str() else {
            self.wrong_type(path, value, "write a text in quotes");
            return None;
        };
        if !known.contains(&text) {
            self.flaw(
                path,
                format!("{} is not known here", shown(text)),
                one_of(text, known),
            );
            return None;
        }
        Some(text.to_owned())
    }

    fn rules(&mut self, value: Option<&Value>) -> Vec<Rule> {
        let Some(value) = value else {
            return Vec::new();
        };
        let list = self.list("rule", value, "write each rule as [[rule]]");
        let mut rules = Vec::new();
        for (value, position) in list.iter().zip(1..) {
            let path = format!("rule[{position}]");
            let Some(map) = self.table(&path, value, &["name", "when", "outcome", "reason", "comments"])
            else {
                continue;
            };
            let name = map
                .get("name")
                .and_then(|value| self.text(&member(&path, "name"), value, LONGEST_NAME));
            let when = map
                .get("when")
                .map(|value| self.conditions(&member(&path, "when"), value));
            if when.is_none() && position < list.len() {
                self.flaw(
                    &path,
                    "this rule has no conditions, so that no rule after it is ever reached",
                    "give it a \"when\", or make it \"default\"",
                );
            }
            if let Some(outcome) = self.outcome_of(map, &path) {
                rules.push(Rule {
                    name,
                    when: when.unwrap_or_default(),
                    outcome,
                });
            }
        }
        rules
    }

    /// An outcome that stands alone: a word, or a table with texts.
    fn outcome(&mut self, path: &str, value: &Value) -> Option<Outcome> {
        if let Some(word) = value.as_str() {
            let mut map = Map::new();
            map.insert("outcome".to_owned(), Value::from(word));
            return self.outcome_of(&map, path);
        }
        let map = self.table(path, value, &["outcome", "reason", "comments"])?;
        self.outcome_of(map, path)
    }

    fn outcome_of(&mut self, map: &Map<String, Value>, path: &str) -> Option<Outcome> {
        let place = member(path, "outcome");
        let word = self
            .demand(
                map,
                path,
                "outcome",
                &format!("write one of: {}", OUTCOMES.join(", ")),
            )
            .and_then(|value| self.word(&place, value, &OUTCOMES));
        let mut text = |name: &str, longest| {
            let value = map.get(name)?;
            self.text(&member(path, name), value, longest)
        };
        let reason = text("reason", LONGEST_REASON);
        let comments = text("comments", LONGEST_COMMENTS);
        let word = word?;
        let explains = matches!(word.as_str(), "reject" | "action-required");
        if !explains && map.contains_key("reason") {
            self.flaw(
                &member(path, "reason"),
                format!("{word:?} has no reason"),
                "leave it out, or write it as \"comments\" of an approval",
            );
        }
        if word == "leave" && map.contains_key("comments") {
            let instead = "leave them out: a person decides and comments";
            self.flaw(&member(path, "comments"), "\"leave\" has no comments", instead);
        }
        if explains && !map.contains_key("reason") {
            self.flaw(
                &member(path, "reason"),
                format!("this is missing, and {word:?} needs it"),
                format!("write the reason that the partner reads, such as outcome = {word:?} with reason = \"Incomplete\""),
            );
        }
        Some(match word.as_str() {
            "approve" => Outcome::Approve { comments },
            "reject" => Outcome::Reject {
                reason: reason?,
                comments,
            },
            "action-required" => Outcome::ActionRequired {
                reason: reason?,
                comments,
            },
            _ => Outcome::Leave,
        })
    }

    fn conditions(&mut self, path: &str, value: &Value) -> Conditions {
        use cosell_model::enums::{CountryCode, Industry, OpportunityType, Stage};

        let known = [
            "spend-at-least",
            "spend-below",
            "industry",
            "country",
            "stage",
            "title",
            "account",
            "opportunity-type",
            "percentage",
        ];
        let Some(map) = self.table(path, value, &known) else {
            return Conditions::default();
        };
        if map.is_empty() {
            self.flaw(path, "there is no condition here", one_of("", &known));
        }
        let spend_at_least = self.amount(map, path, "spend-at-least");
        let spend_below = self.amount(map, path, "spend-below");
        if let (Some(least), Some(limit)) = (spend_at_least, spend_below)
            && least >= limit
        {
            self.flaw(
                &member(path, "spend-below"),
                format!("no spend is {least} or more and less than {limit}"),
                "write a greater amount here, or a smaller one in \"spend-at-least\"",
            );
        }
        Conditions {
            spend_at_least,
            spend_below,
            industry: self.words(map, path, "industry", Industry::VALUES, |text| text.into()),
            country: self.words(map, path, "country", CountryCode::VALUES, |text| text.into()),
            stage: self.words(map, path, "stage", Stage::VALUES, |text| text.into()),
            title: self.entries(map, path, "title", |text| {
                Glob::parse(text).ok_or_else(|| {
                    format!(
                        "write 1 to {} characters, with * for any text and ? for one character",
                        glob::LONGEST
                    )
                })
            }),
            account: self.entries(map, path, "account", |text| {
                let sound = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
                sound
                    .then(|| text.to_owned())
                    .ok_or_else(|| "write the 12 digits of an account in quotes".to_owned())
            }),
            opportunity_type: self.words(map, path, "opportunity-type", OpportunityType::VALUES, |text| {
                text.into()
            }),
            percentage: map
                .get("percentage")
                .and_then(|value| self.percentage(&member(path, "percentage"), value)),
        }
    }

    fn amount(&mut self, map: &Map<String, Value>, path: &str, name: &str) -> Option<Cents> {
        let value = map.get(name)?;
        let amount = match value {
            Value::String(text) => Cents::parse(text),
            Value::Number(number) => number.as_u64().and_then(|units| Cents::parse(&units.to_string())),
            _ => None,
        };
        if amount.is_none() {
            let wrong = format!("{} is no amount", shown(&value.to_string()));
            let instead = "write a whole number such as 5000, or one with up to two decimals in quotes such as \"99.50\"";
            self.flaw(&member(path, name), wrong, instead);
        }
        amount
    }

    fn percentage(&mut self, path: &str, value: &Value) -> Option<Percentage> {
        let share = value.as_f64().and_then(Percentage::parse);
        if share.is_none() {
            let wrong = format!("{} is no percentage", shown(&value.to_string()));
            self.flaw(
                path,
                wrong,
                "write a number from 0 to 100 with at most two decimals, such as 25",
            );
        }
        share
    }

    /// One or several known words.
    fn words<T>(
        &mut self,
        map: &Map<String, Value>,
        path: &str,
        name: &str,
        known: &[&str],
        make: impl Fn(&str) -> T,
    ) -> Vec<T> {
        self.entries(map, path, name, |text| {
            let sound = known.contains(&text);
            sound.then(|| make(text)).ok_or_else(|| one_of(text, known))
        })
    }

    /// One text, or a list of texts, each read by `read`, which tells what to write instead.
    fn entries<T>(
        &mut self,
        map: &Map<String, Value>,
        path: &str,
        name: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let place = member(path, name);
        let (list, single) = match map.get(name) {
            None => return Vec::new(),
            Some(text @ Value::String(_)) => (std::slice::from_ref(text), true),
            Some(other) => (
                self.list(&place, other, "write a text in quotes, or a list of such"),
                false,
            ),
        };
        if map.get(name).and_then(Value::as_array).is_some_and(Vec::is_empty) {
            self.flaw(
                &place,
                "no deal meets an empty list",
                "write an entry, or leave the member out",
            );
        }
        let mut made = Vec::new();
        for (value, position) in list.iter().zip(1..) {
            let place = if single {
                place.clone()
            } else {
                format!("{place}[{position}]")
            };
            match value.as_str().map(|text| (text, read(text))) {
                Some((_, Ok(entry))) => made.push(entry),
                Some((text, Err(instead))) => {
                    self.flaw(&place, format!("{} is not known here", shown(text)), instead);
                }
                None => self.wrong_type(&place, value, "write a text in quotes"),
            }
        }
        made
    }
}

fn member(path: &str, name: &str) -> String {
    // A name comes from the text as well; a flaw must stay readable.
    let name: String = name.chars().take(60).collect();
    if path.is_empty() {
        name
    } else {
        format!("{path}.{name}")
    }
}

/// A text of the script as a flaw repeats it: in quotes, cut where it is long.
fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    if short.starts_with('"') {
        short
    } else {
        format!("{short:?}")
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}
