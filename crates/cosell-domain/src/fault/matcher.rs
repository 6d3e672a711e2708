//! Rules in use: which effects a call meets, and how often each rule has hit. Counts and rolls dice; has no clock and no
//! randomness, and never grows with the number of calls.

use cosell_model::{ApiError, ErrorKind, Operation, Timestamp};
use serde::Serialize;

use super::check::{error_kind, reads_history};
use super::{Effect, LONGEST_LATENCY_MS, Latency, MOST_RULES, Rule};
use crate::dice::Dice;
use crate::glob::Glob;
use crate::{Catalog, Flaw};

/// A call that arrives.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// What is called.
    pub operation: Operation,
    /// The caller's account.
    pub account: &'a str,
    /// The catalog it names; `None` for operations that name none.
    pub catalog: Option<Catalog>,
    /// Which call of this server it is. Each call needs a number of its own: the dice ask for it.
    pub number: u64,
}

/// What a call meets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Effects {
    /// The rules that hit it, in their order.
    pub rules: Vec<String>,
    /// How long to wait before anything else, in milliseconds; all waits together, 60 000 at most.
    pub latency_ms: u64,
    /// The error to answer without doing anything.
    pub error: Option<ApiError>,
    /// Do the work, then cut the connection. Never together with an error.
    pub drop_after_commit: bool,
    /// Read the data as they were so many milliseconds ago; the oldest that any rule asks for. Zero: the present.
    pub stale_by_ms: u64,
}

/// What a rule has met so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Calls that fitted its filters while it was active.
    pub matched: u64,
    /// Calls on which it took effect.
    pub hits: u64,
}

/// The rules in use, in the order in which they were added, with their counts.
#[derive(Debug, Clone)]
pub struct Matcher {
    seed: u64,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    rule: Rule,
    counts: Counts,
    /// By the operation's place in `Operation::ALL`.
    operations: Vec<bool>,
    accounts: Vec<Glob>,
    catalogs: Vec<Catalog>,
}

impl Matcher {
    /// No rules yet. The seed is for rules with a probability or a spread of waits.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            entries: Vec::new(),
        }
    }

    /// Adds a rule behind all others.
    ///
    /// # Errors
    /// What is wrong with the rule, its id being taken included.
    pub fn add(&mut self, rule: Rule) -> Result<(), Vec<Flaw>> {
        let mut found = rule.check();
        if self.entries.iter().any(|entry| entry.rule.id == rule.id) {
            found.push(Flaw::new(
                "id",
                format!("there is a rule {:?} already", rule.id),
                "choose another id, or remove that rule first",
            ));
        }
        if self.entries.len() >= MOST_RULES {
            let wrong = format!("there are {MOST_RULES} rules already");
            found.push(Flaw::new("", wrong, "remove some first"));
        }
        if !found.is_empty() {
            return Err(found);
        }
        self.entries.push(Entry::of(rule));
        Ok(())
    }

    /// Takes a rule away; what it was and what it had met, or `None` where there is none of that id.
    pub fn remove(&mut self, id: &str) -> Option<(Rule, Counts)> {
        let position = self.entries.iter().position(|entry| entry.rule.id == id)?;
        let entry = self.entries.remove(position);
        Some((entry.rule, entry.counts))
    }

    /// Takes all rules away; how many there were.
    pub fn clear(&mut self) -> usize {
        std::mem::take(&mut self.entries).len()
    }

    /// The rules with what they have met, in order.
    pub fn rules(&self) -> impl Iterator<Item = (&Rule, Counts)> {
        self.entries.iter().map(|entry| (&entry.rule, entry.counts))
    }

    /// Takes over what another matcher's rules have met, for the rules that are the same here.
    pub fn take_counts_of(&mut self, other: &Matcher) {
        for entry in &mut self.entries {
            let same = other.entries.iter().find(|known| known.rule == entry.rule);
            if let Some(same) = same {
                entry.counts = same.counts;
            }
        }
    }

    /// True when there is no rule, so that no call needs to be asked about.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What this call meets, and counts it. Waits add up. A call ends in one way only: of errors, throttling and drops
    /// the first rule's counts, and a later such rule does not hit the call, so that its `first` stays for later ones.
    pub fn decide(&mut self, call: &Call<'_>, now: Timestamp) -> Effects {
        let mut effects = Effects::default();
        for entry in &mut self.entries {
            if !entry.matches(call, now) {
                continue;
            }
            entry.counts.matched = entry.counts.matched.saturating_add(1);
            let number = call.number.to_string();
            let dice = Dice {
                seed: self.seed,
                about: &[&entry.rule.id, &number],
            };
            if entry.strikes(dice) && effects.take(&entry.rule, dice) {
                entry.counts.hits = entry.counts.hits.saturating_add(1);
                effects.rules.push(entry.rule.id.clone());
            }
        }
        effects
    }
}

impl Entry {
    /// A checked rule, prepared for matching.
    fn of(rule: Rule) -> Self {
        let globs =
            |list: &[String]| -> Vec<Glob> { list.iter().filter_map(|text| Glob::parse(text)).collect() };
        let patterns = globs(&rule.operations);
        let stale = matches!(rule.effect, Effect::StaleRead { .. });
        let operations = Operation::ALL.iter().map(|operation| {
            let named = patterns.is_empty() || patterns.iter().any(|glob| glob.matches(operation.name()));
            named && (!stale || reads_history(*operation))
        });
        Self {
            operations: operations.collect(),
            accounts: globs(&rule.accounts),
            catalogs: rule
                .catalogs
                .iter()
                .filter_map(|name| Catalog::from_name(name))
                .collect(),
            counts: Counts::default(),
            rule,
        }
    }

    fn matches(&self, call: &Call<'_>, now: Timestamp) -> bool {
        let rule = &self.rule;
        let place = Operation::ALL
            .iter()
            .position(|operation| *operation == call.operation);
        rule.active_from.is_none_or(|from| now >= from)
            && rule.active_to.is_none_or(|to| now < to)
            && place.is_some_and(|place| self.operations.get(place) == Some(&true))
            && (self.accounts.is_empty() || self.accounts.iter().any(|glob| glob.matches(call.account)))
            && (self.catalogs.is_empty()
                || call
                    .catalog
                    .is_some_and(|catalog| self.catalogs.contains(&catalog)))
    }

    /// Whether a call that matches, and is counted already, is one that the rule hits.
    fn strikes(&self, dice: Dice<'_>) -> bool {
        let rule = &self.rule;
        rule.probability
            .is_none_or(|share| dice.fraction("probability") < share)
            && rule.first.is_none_or(|first| self.counts.hits < first)
            && rule
                .every
                .is_none_or(|every| self.counts.matched.is_multiple_of(every))
    }
}

impl Effects {
    /// True when the call meets no fault.
    pub fn is_none(&self) -> bool {
        self.rules.is_empty()
    }

    /// Takes a rule's effect on; false where the call ends in another way already.
    fn take(&mut self, rule: &Rule, dice: Dice<'_>) -> bool {
        let ended = self.error.is_some() || self.drop_after_commit;
        match &rule.effect {
            Effect::Latency(latency) => {
                let wait = drawn(*latency, dice);
                self.latency_ms = self.latency_ms.saturating_add(wait).min(LONGEST_LATENCY_MS);
            }
            Effect::StaleRead { by_ms } => self.stale_by_ms = self.stale_by_ms.max(*by_ms),
            _ if ended => return false,
            Effect::Error { name, message } => {
                let kind = error_kind(name).unwrap_or(ErrorKind::InternalServer);
                let message = message.clone();
                let message =
                    message.unwrap_or_else(|| format!("This error was made by the fault rule {}.", rule.id));
                self.error = Some(ApiError::new(kind, message));
            }
            Effect::Throttle => {
                let message = format!(
                    "Rate exceeded by the fault rule {}. Slow down and retry.",
                    rule.id
                );
                self.error = Some(ApiError::new(ErrorKind::Throttling, message));
            }
            Effect::DropAfterCommit => self.drop_after_commit = true,
        }
        true
    }
}

/// The wait of one call, in milliseconds.
fn drawn(latency: Latency, dice: Dice<'_>) -> u64 {
    let wait = match latency {
        Latency::Fixed { ms } => ms,
        Latency::Uniform { from_ms, to_ms } => dice.between("latency", from_ms, to_ms),
        Latency::Exponential { mean_ms } => {
            #[expect(clippy::cast_precision_loss, reason = "bounded by the check, far below 2^53")]
            let wait = -(mean_ms as f64) * (1.0 - dice.fraction("latency")).ln();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a cast saturates, and no wait is below 0"
            )]
            let whole = wait.round() as u64;
            whole
        }
    };
    wait.min(LONGEST_LATENCY_MS)
}
