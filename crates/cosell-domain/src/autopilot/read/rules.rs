//! Reads the rules of a script: outcomes with their texts, and conditions.

use serde_json::{Map, Value};

use super::reader::{Reader, member, shown};
use super::{LONGEST_COMMENTS, LONGEST_REASON};
use crate::amount::Cents;
use crate::autopilot::Outcome;
use crate::autopilot::rule::{Conditions, Percentage, Rule};
use crate::flaw::one_of;
use crate::glob::{self, Glob};

const LONGEST_NAME: usize = 100;
const OUTCOMES: [&str; 4] = ["approve", "reject", "action-required", "leave"];

impl Reader {
    pub(super) fn rules(&mut self, value: Option<&Value>) -> Vec<Rule> {
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
    pub(super) fn outcome(&mut self, path: &str, value: &Value) -> Option<Outcome> {
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
}
