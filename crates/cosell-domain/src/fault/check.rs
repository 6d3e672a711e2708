//! Checks a rule, telling all of its flaws at once. Whether its id is taken is the matcher's to know.

use cosell_model::{ErrorKind, Operation};

use super::{Effect, LONGEST_LATENCY_MS, LONGEST_STALENESS_MS, Latency, Rule};
use crate::flaw::one_of;
use crate::glob::{self, Glob};
use crate::{Catalog, Flaw};

const LONGEST_ID: usize = 64;
const LONGEST_MESSAGE: usize = 1_000;
const MOST_ENTRIES: usize = 100;

/// The error of that name.
pub(super) fn error_kind(name: &str) -> Option<ErrorKind> {
    ErrorKind::ALL.iter().copied().find(|kind| kind.name() == name)
}

/// True for the operations that a server can answer as of an earlier time: those that show one opportunity.
pub(super) fn reads_history(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::GetOpportunity | Operation::GetAwsOpportunitySummary
    )
}

pub(super) fn check(rule: &Rule) -> Vec<Flaw> {
    let mut found = Vec::new();
    check_id(rule, &mut found);
    check_filters(rule, &mut found);
    check_count(rule, &mut found);
    if let (Some(from), Some(to)) = (rule.active_from, rule.active_to)
        && from >= to
    {
        found.push(Flaw::new(
            "activeTo",
            format!("{to} is not after activeFrom"),
            "write a later time, or leave it out",
        ));
    }
    check_effect(rule, &mut found);
    found
}

fn check_id(rule: &Rule, found: &mut Vec<Flaw>) {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if rule.id.is_empty() || rule.id.len() > LONGEST_ID || !rule.id.bytes().all(letter) {
        found.push(Flaw::new(
            "id",
            "this is no id of a rule",
            format!("write 1 to {LONGEST_ID} letters, digits, -, _ and ."),
        ));
    }
}

fn check_filters(rule: &Rule, found: &mut Vec<Flaw>) {
    let patterns = format!("write 1 to {} characters", glob::LONGEST);
    let names: Vec<&str> = Operation::ALL.iter().map(|operation| operation.name()).collect();
    entries("operations", &rule.operations, found, |text| {
        match Glob::parse(text) {
            None => Some(patterns.clone()),
            Some(glob) if names.iter().any(|name| glob.matches(name)) => None,
            Some(_) => Some(one_of(text, &names)),
        }
    });
    entries("accounts", &rule.accounts, found, |text| {
        let sound = text.len() <= 12
            && text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || matches!(byte, b'*' | b'?'));
        let whole = text.len() == 12 || text.contains('*');
        (!sound || !whole || Glob::parse(text).is_none())
            .then(|| "write the 12 digits of an account, or a pattern such as 1111*".to_owned())
    });
    let catalogs = Catalog::ALL.map(Catalog::as_str);
    entries("catalogs", &rule.catalogs, found, |text| {
        Catalog::from_name(text)
            .is_none()
            .then(|| one_of(text, &catalogs))
    });
}

fn entries(path: &str, list: &[String], found: &mut Vec<Flaw>, wrong: impl Fn(&str) -> Option<String>) {
    if list.len() > MOST_ENTRIES {
        found.push(Flaw::new(
            path,
            format!("this list has {} entries", list.len()),
            format!("write at most {MOST_ENTRIES}, or a pattern"),
        ));
        return;
    }
    for (text, position) in list.iter().zip(1..) {
        if let Some(instead) = wrong(text) {
            let shown: String = text.chars().take(60).collect();
            found.push(Flaw::new(
                format!("{path}[{position}]"),
                format!("{shown:?} names nothing here"),
                instead,
            ));
        }
    }
}

fn check_count(rule: &Rule, found: &mut Vec<Flaw>) {
    let given = [
        rule.probability.is_some(),
        rule.first.is_some(),
        rule.every.is_some(),
    ];
    if given.iter().filter(|given| **given).count() > 1 {
        found.push(Flaw::new(
            "",
            "probability, first and every exclude each other",
            "keep one of them; two rules can do what one cannot",
        ));
    }
    if let Some(share) = rule.probability
        && !(share > 0.0 && share <= 1.0)
    {
        found.push(Flaw::new(
            "probability",
            format!("{share} is no share of calls"),
            "write a number above 0 and up to 1, such as 0.05",
        ));
    }
    for (path, count) in [("first", rule.first), ("every", rule.every)] {
        if count == Some(0) {
            found.push(Flaw::new(
                path,
                "0 hits no call at all",
                "write 1 or more, or remove the rule",
            ));
        }
    }
}

fn check_effect(rule: &Rule, found: &mut Vec<Flaw>) {
    match &rule.effect {
        Effect::Error { name, message } => {
            if error_kind(name).is_none() {
                let names: Vec<&str> = ErrorKind::ALL.iter().map(|kind| kind.name()).collect();
                let shown: String = name.chars().take(60).collect();
                found.push(Flaw::new(
                    "effect.error.name",
                    format!("{shown:?} is no error of this API"),
                    one_of(name, &names),
                ));
            }
            if message
                .as_ref()
                .is_some_and(|text| text.is_empty() || text.chars().count() > LONGEST_MESSAGE)
            {
                found.push(Flaw::new(
                    "effect.error.message",
                    "this is empty or too long",
                    format!("write 1 to {LONGEST_MESSAGE} characters, or leave it out"),
                ));
            }
        }
        Effect::Latency(latency) => check_latency(*latency, found),
        Effect::StaleRead { by_ms } => {
            bounded("effect.staleRead.byMs", *by_ms, LONGEST_STALENESS_MS, found);
            let patterns: Vec<Glob> = rule
                .operations
                .iter()
                .filter_map(|text| Glob::parse(text))
                .collect();
            let named = |operation: &Operation| patterns.iter().any(|glob| glob.matches(operation.name()));
            let mut hit = Operation::ALL.iter().copied().filter(named).peekable();
            if hit.peek().is_some() && !hit.any(reads_history) {
                found.push(Flaw::new(
                    "operations",
                    "a stale read concerns GetOpportunity and GetAwsOpportunitySummary, and neither is here",
                    "name one of them, or no operation for both",
                ));
            }
        }
        Effect::Throttle | Effect::DropAfterCommit => {}
    }
}

fn check_latency(latency: Latency, found: &mut Vec<Flaw>) {
    match latency {
        Latency::Fixed { ms } => bounded("effect.latency.fixed.ms", ms, LONGEST_LATENCY_MS, found),
        Latency::Exponential { mean_ms } => {
            bounded(
                "effect.latency.exponential.meanMs",
                mean_ms,
                LONGEST_LATENCY_MS,
                found,
            );
        }
        Latency::Uniform { from_ms, to_ms } => {
            bounded("effect.latency.uniform.toMs", to_ms, LONGEST_LATENCY_MS, found);
            if from_ms > to_ms {
                found.push(Flaw::new(
                    "effect.latency.uniform.fromMs",
                    format!("{from_ms} is more than toMs"),
                    "write the shorter wait here",
                ));
            }
        }
    }
}

fn bounded(path: &str, number: u64, most: u64, found: &mut Vec<Flaw>) {
    if number == 0 || number > most {
        found.push(Flaw::new(
            path,
            format!("{number} milliseconds are out of bounds"),
            format!("write 1 to {most}"),
        ));
    }
}
