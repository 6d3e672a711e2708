//! Rules: which events go to which targets. As they are kept, checked when they are saved.
//!
//! Must never touch an envelope.

use std::collections::BTreeSet;

use bytes::Bytes;
use cosell_store::{Key, Kind, Record};
use serde::{Deserialize, Serialize};

use crate::envelope::Envelope;
use crate::names::{Flaw, check_account, check_name, key_of, parse, record_of};
use crate::pattern::Pattern;

/// Most targets of a rule.
pub const MAX_TARGETS: usize = 20;

/// A rule as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// The account whose events it is about; empty for all accounts.
    #[serde(default)]
    pub account: String,
    /// Its name, unique in the account: 1 to 64 of letters, digits, `.`, `-` and `_`.
    pub name: String,
    /// What it is for, up to 512 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The EventBridge pattern that events must fulfil.
    pub pattern: serde_json::Value,
    /// Names of targets (`<account>/<id>`, `/<id>` for those of the operator): 1 to [`MAX_TARGETS`]. A rule of an account
    /// takes its own and the operator's.
    pub targets: Vec<String>,
    /// Whether it takes events. While it does not, events pass by it for ever.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The number of the last event when it was made: it takes none up to that one.
    #[serde(default)]
    pub since: u64,
}

/// What lists show of a rule.
#[derive(Serialize)]
struct Summary {
    enabled: bool,
}

fn yes() -> bool {
    true
}

impl Rule {
    /// The key of its record.
    pub fn key(&self) -> Key {
        key_of(Kind::EventRule, &self.account, &self.name)
    }

    /// Checks what people may have got wrong.
    ///
    /// # Errors
    /// The first flaw.
    pub fn check(&self) -> Result<(), Flaw> {
        self.compile().map(drop)
    }

    /// As its record in a version. The caller has [checked](Rule::check) it.
    pub fn record(&self, version: u64) -> Record {
        record_of(
            self.key(),
            &self.account,
            version,
            self,
            &Summary {
                enabled: self.enabled,
            },
            Bytes::new(),
        )
    }

    /// From its record.
    ///
    /// # Errors
    /// Where the record holds no rule.
    pub fn read(document: &[u8]) -> Result<Self, Flaw> {
        parse(document)
    }

    /// Ready to choose.
    ///
    /// # Errors
    /// As [`Rule::check`].
    pub fn compile(&self) -> Result<CompiledRule, Flaw> {
        check_account("account", &self.account)?;
        check_name("name", &self.name)?;
        if self.description.chars().count() > 512 {
            return Err(Flaw::new("description", "at most 512 characters are taken"));
        }
        if self.targets.is_empty() || self.targets.len() > MAX_TARGETS {
            return Err(Flaw::new("targets", format!("name 1 to {MAX_TARGETS} targets")));
        }
        for target in &self.targets {
            let Some((owner, id)) = target.split_once('/') else {
                return Err(Flaw::new(
                    "targets",
                    format!(
                        "\"{target}\" is no name of a target; write <account>/<id>, or /<id> for one of the operator"
                    ),
                ));
            };
            check_account("targets", owner)?;
            check_name("targets", id)?;
            if !owner.is_empty() && owner != self.account {
                return Err(Flaw::new(
                    "targets",
                    format!(
                        "{target} belongs to another account; take one of the rule's account or of the operator"
                    ),
                ));
            }
        }
        let pattern =
            Pattern::from_value(&self.pattern).map_err(|error| Flaw::new("pattern", error.to_string()))?;
        Ok(CompiledRule {
            account: self.account.clone(),
            pattern,
            targets: self.targets.iter().cloned().collect(),
            enabled: self.enabled,
            since: self.since,
        })
    }
}

/// A rule ready to choose.
#[derive(Clone, Debug)]
pub struct CompiledRule {
    account: String,
    pattern: Pattern,
    targets: BTreeSet<String>,
    enabled: bool,
    since: u64,
}

impl CompiledRule {
    /// Whether it sends events to a target.
    pub(crate) fn serves(&self, target: &str) -> bool {
        self.enabled && self.targets.contains(target)
    }

    /// Whether it chooses an event of the log: one from after its making.
    pub(crate) fn takes(&self, envelope: &Envelope) -> bool {
        envelope.seq > self.since && self.would_take(envelope)
    }

    /// Whether it chooses an event, whenever that was. For replays, which a person asks for.
    pub(crate) fn would_take(&self, envelope: &Envelope) -> bool {
        self.enabled
            && (self.account.is_empty() || self.account == envelope.account)
            && self.pattern.matches(&envelope.value)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::envelope::tests::envelope;

    fn rule() -> Rule {
        Rule {
            account: "111111111111".into(),
            name: "all".into(),
            description: String::new(),
            pattern: json!({"detail-type": ["Opportunity Updated"]}),
            targets: vec!["111111111111/hook".into(), "/bus".into()],
            enabled: true,
            since: 5,
        }
    }

    #[test]
    fn a_rule_takes_what_fits_its_account_and_pattern_and_came_after_it() {
        let compiled = rule().compile().unwrap();
        assert!(compiled.serves("/bus") && !compiled.serves("/other"));
        assert!(compiled.takes(&envelope(6, "O1")));
        assert!(!compiled.takes(&envelope(5, "O1")));
        assert!(compiled.would_take(&envelope(5, "O1")));
        let mut foreign = envelope(6, "O1");
        foreign.account = "222222222222".into();
        assert!(!compiled.takes(&foreign));
        let everywhere = Rule {
            account: String::new(),
            targets: vec!["/bus".into()],
            ..rule()
        };
        assert!(everywhere.compile().unwrap().takes(&foreign));
        let off = Rule {
            enabled: false,
            ..rule()
        }
        .compile()
        .unwrap();
        assert!(!off.takes(&envelope(6, "O1")) && !off.serves("/bus"));
    }

    #[test]
    fn what_is_wrong_with_a_rule_is_named() {
        for (flawed, field) in [
            (
                Rule {
                    account: "12".into(),
                    ..rule()
                },
                "account",
            ),
            (
                Rule {
                    name: "a b".into(),
                    ..rule()
                },
                "name",
            ),
            (
                Rule {
                    pattern: json!({}),
                    ..rule()
                },
                "pattern",
            ),
            (
                Rule {
                    targets: vec![],
                    ..rule()
                },
                "targets",
            ),
            (
                Rule {
                    targets: vec!["hook".into()],
                    ..rule()
                },
                "targets",
            ),
            (
                Rule {
                    targets: vec!["222222222222/hook".into()],
                    ..rule()
                },
                "targets",
            ),
        ] {
            assert_eq!(flawed.check().unwrap_err().field, field);
        }
    }

    #[test]
    fn a_rule_comes_back_from_its_record() {
        let record = rule().record(3);
        assert_eq!(record.key.id, "111111111111/all");
        record.validate().unwrap();
        assert_eq!(Rule::read(&record.document).unwrap(), rule());
    }
}
