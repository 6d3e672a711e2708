//! A script as a document again. What is printed here is what `read` reads, name for name.

use serde_json::{Map, Value, json};

use super::rule::{Conditions, Percentage, Rule};
use super::{Move, Outcome, Script};
use crate::glob::Glob;

pub(super) fn toml(script: &Script) -> String {
    // No value here is null or beyond TOML's numbers, so there is nothing that TOML could not hold.
    toml::to_string(&value(script)).unwrap_or_default()
}

pub(super) fn value(script: &Script) -> Value {
    let mut root = Map::new();
    root.insert("seed".to_owned(), json!(script.seed));
    let mut review = json!({"decide-after": script.review.decide_after.to_string()});
    if let Some(delay) = script.review.take_after {
        review["take-after"] = json!(delay.to_string());
    }
    root.insert("review".to_owned(), review);
    if !script.rules.is_empty() {
        root.insert("rule".to_owned(), script.rules.iter().map(rule).collect());
    }
    let named = [
        ("default", Some(&script.default)),
        ("resubmitted", script.resubmitted.as_ref()),
        ("visibility-only", script.visibility_only.as_ref()),
    ];
    for (name, outcome) in named {
        if let Some(outcome) = outcome {
            root.insert(name.to_owned(), Value::Object(self::outcome(outcome)));
        }
    }
    let accept = script
        .accept_invitations
        .map_or("never".to_owned(), |delay| delay.to_string());
    root.insert("invitations".to_owned(), json!({"accept-after": accept}));
    if !script.progress.is_empty() {
        root.insert(
            "progress".to_owned(),
            script.progress.iter().map(progress).collect(),
        );
    }
    Value::Object(root)
}

fn outcome(outcome: &Outcome) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("outcome".to_owned(), json!(outcome.word()));
    let (reason, comments) = outcome.texts();
    for (name, text) in [("reason", reason), ("comments", comments)] {
        if let Some(text) = text {
            map.insert(name.to_owned(), json!(text));
        }
    }
    map
}

fn rule(rule: &Rule) -> Value {
    let mut map = outcome(&rule.outcome);
    if let Some(name) = &rule.name {
        map.insert("name".to_owned(), json!(name));
    }
    if !rule.when.is_empty() {
        map.insert("when".to_owned(), conditions(&rule.when));
    }
    Value::Object(map)
}

fn conditions(when: &Conditions) -> Value {
    let mut map = Map::new();
    for (name, amount) in [
        ("spend-at-least", when.spend_at_least),
        ("spend-below", when.spend_below),
    ] {
        if let Some(amount) = amount {
            map.insert(name.to_owned(), json!(amount.to_string()));
        }
    }
    let titles: Vec<&str> = when.title.iter().map(Glob::as_str).collect();
    for (name, list) in [
        ("industry", json!(when.industry)),
        ("country", json!(when.country)),
        ("stage", json!(when.stage)),
        ("title", json!(titles)),
        ("account", json!(when.account)),
        ("opportunity-type", json!(when.opportunity_type)),
    ] {
        if list.as_array().is_some_and(|list| !list.is_empty()) {
            map.insert(name.to_owned(), list);
        }
    }
    if let Some(share) = when.percentage {
        map.insert("percentage".to_owned(), percentage(share));
    }
    Value::Object(map)
}

/// A whole percentage without a fraction, as people write it.
fn percentage(share: Percentage) -> Value {
    let percent = share.percent();
    if percent.fract() == 0.0 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
        return json!(percent as u8);
    }
    json!(percent)
}

fn progress(step: &Move) -> Value {
    let mut value = json!({"after": step.after.to_string(), "stage": step.stage});
    if let Some(text) = &step.next_steps {
        value["next-steps"] = json!(text);
    }
    value
}
