//! Faults on demand: the rules that are in force, kept in the store so that they outlast a restart, and bringing about what
//! they say. Which effects a call meets is the domain's. Where there are no rules, a call costs one look at a flag.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use cosell_domain::fault::{Call, Counts, Effects, Matcher, Rule};
use cosell_domain::{Catalog, Flaw};
use cosell_model::{ApiError, Operation};
use serde::{Deserialize, Serialize};

use crate::operator::{By, kept};
use crate::service::{Caller, Service};

/// Under which name the rules are kept.
const NAME: &str = "faults";
/// How often a change that other servers overtake is made anew.
const ATTEMPTS: usize = 8;

/// The rules in force and how far they have come.
#[derive(Default)]
pub(crate) struct Faults {
    /// Whether there is any rule.
    any: AtomicBool,
    matcher: Mutex<Option<Matcher>>,
    calls: AtomicU64,
    /// Held while rules are changed and kept.
    turn: tokio::sync::Mutex<()>,
}

impl Faults {
    fn matcher(&self) -> MutexGuard<'_, Option<Matcher>> {
        self.matcher.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rules become these.
    fn set(&self, matcher: Matcher) {
        let mut held = self.matcher();
        self.any.store(!matcher.is_empty(), Ordering::Release);
        *held = Some(matcher);
    }

    /// The rules become these; those that stay have met what they have met.
    fn replace(&self, mut matcher: Matcher) {
        let mut held = self.matcher();
        if let Some(before) = &*held {
            matcher.take_counts_of(before);
        }
        self.any.store(!matcher.is_empty(), Ordering::Release);
        *held = Some(matcher);
    }
}

/// The rules as they are kept. What they have met is not.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    rules: Vec<Rule>,
}

/// What a caller gets.
#[derive(Debug)]
pub struct Answered {
    /// The answer.
    pub answer: Result<Bytes, ApiError>,
    /// True where the connection is to be cut instead of answering, though everything is done.
    pub cut: bool,
}

/// Why a rule is not taken.
#[derive(Debug)]
pub enum Refused {
    /// It is not right.
    Flaws(Vec<Flaw>),
    /// Something else is in the way.
    Error(ApiError),
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self::Error(error)
    }
}

/// What a body says of the catalog.
#[derive(Deserialize)]
struct Says {
    #[serde(rename = "Catalog")]
    catalog: Option<String>,
    #[serde(rename = "ResourceArn")]
    arn: Option<String>,
}

/// The catalog that a body names, by itself or in an ARN.
fn named_catalog(body: &[u8]) -> Option<Catalog> {
    let says: Says = serde_json::from_slice(body).ok()?;
    let by_arn = || {
        let (_, rest) = says.arn.as_deref()?.split_once("catalog/")?;
        Catalog::from_name(rest.split('/').next()?)
    };
    says.catalog
        .as_deref()
        .and_then(Catalog::from_name)
        .or_else(by_arn)
}

impl Service {
    /// Answers one request as [`Service::call`] does, and says whether a fault has the connection cut instead.
    pub async fn answer(&self, operation: Operation, caller: &Caller, body: &[u8]) -> Answered {
        if !self.faults.any.load(Ordering::Acquire) {
            return Answered {
                answer: self.carry_out(operation, caller, body).await,
                cut: false,
            };
        }
        let effects = self.meet(operation, caller, body);
        if effects.latency_ms > 0 {
            tokio::time::sleep(Duration::from_millis(effects.latency_ms)).await;
        }
        let answer = match effects.error {
            Some(error) => Err(error),
            None if effects.stale_by_ms > 0 => {
                let by = i64::try_from(effects.stale_by_ms).unwrap_or(i64::MAX);
                let since = self.now().plus_millis(by.saturating_neg());
                Box::pin(self.answer_as_of(operation, caller, body, since)).await
            }
            None => Box::pin(self.carry_out(operation, caller, body)).await,
        };
        Answered {
            answer,
            cut: effects.drop_after_commit,
        }
    }

    fn meet(&self, operation: Operation, caller: &Caller, body: &[u8]) -> Effects {
        let call = Call {
            operation,
            account: &caller.account,
            catalog: named_catalog(body),
            number: self.faults.calls.fetch_add(1, Ordering::Relaxed),
        };
        let now = self.now();
        let effects = match &mut *self.faults.matcher() {
            Some(matcher) => matcher.decide(&call, now),
            None => Effects::default(),
        };
        if !effects.is_none() {
            tracing::debug!(
                operation = operation.name(),
                rules = ?effects.rules,
                "a call meets faults"
            );
        }
        effects
    }

    /// Puts the kept rules in force, as if none had met anything yet; at a start, where faults may be asked for.
    pub async fn load_faults(&self) -> Result<(), ApiError> {
        let _turn = self.faults.turn.lock().await;
        let (matcher, _) = self.kept_faults().await?;
        self.faults.set(matcher);
        Ok(())
    }

    /// Puts the kept rules in force, which another server may have changed. Those that stay go on from where they are.
    pub(crate) async fn follow_faults(&self) -> Result<(), ApiError> {
        if !self.settings.faults {
            return Ok(());
        }
        let _turn = self.faults.turn.lock().await;
        let (matcher, _) = self.kept_faults().await?;
        self.faults.replace(matcher);
        Ok(())
    }

    /// The kept rules, and the version in which they are kept.
    async fn kept_faults(&self) -> Result<(Matcher, Option<u64>), ApiError> {
        let mut matcher = Matcher::new(self.settings.fault_seed);
        if !self.settings.faults {
            return Ok((matcher, None));
        }
        let found = kept::find::<Kept>(self, NAME).await?;
        let version = found.as_ref().map(|(_, version)| *version);
        for rule in found.map(|(kept, _)| kept).unwrap_or_default().rules {
            let id = rule.id.clone();
            if matcher.add(rule).is_err() {
                tracing::warn!(
                    rule = id,
                    "a kept fault rule is not understood any more and is left out"
                );
            }
        }
        Ok((matcher, version))
    }

    /// The rules in force, in the order in which they were added, with what they have met since the start.
    pub fn faults(&self) -> Result<Vec<(Rule, Counts)>, ApiError> {
        self.expect_faults()?;
        let matcher = self.faults.matcher();
        let rules = matcher.iter().flat_map(Matcher::rules);
        Ok(rules.map(|(rule, counts)| (rule.clone(), counts)).collect())
    }

    /// Adds a rule behind all others.
    pub async fn add_fault(&self, by: &By, rule: Rule) -> Result<(), Refused> {
        let add = |next: &mut Matcher| next.add(rule.clone()).map(Some).map_err(Refused::Flaws);
        self.change_faults(by, "CreateFault", add).await.map(drop)
    }

    /// Takes a rule away: what it was and what it had met; `None` where there is none of that id.
    pub async fn remove_fault(&self, by: &By, id: &str) -> Result<Option<(Rule, Counts)>, ApiError> {
        let remove = |next: &mut Matcher| Ok(next.remove(id));
        self.change_faults(by, "DeleteFault", remove).await
    }

    /// Takes all rules away; how many there were.
    pub async fn clear_faults(&self, by: &By) -> Result<usize, ApiError> {
        let clear = |next: &mut Matcher| Ok(Some(next.clear()).filter(|cleared| *cleared > 0));
        let cleared: Result<_, ApiError> = self.change_faults(by, "ClearFaults", clear).await;
        Ok(cleared?.unwrap_or(0))
    }

    /// Changes the rules as they are kept, and then puts them in force; anew where another server was faster. Nothing is
    /// changed where `change` says `None`.
    async fn change_faults<T, E: From<ApiError>>(
        &self,
        by: &By,
        action: &'static str,
        change: impl Fn(&mut Matcher) -> Result<Option<T>, E>,
    ) -> Result<Option<T>, E> {
        self.expect_faults()?;
        let _turn = self.faults.turn.lock().await;
        for _ in 0..ATTEMPTS {
            let (mut next, version) = self.kept_faults().await?;
            if let Some(before) = &*self.faults.matcher() {
                next.take_counts_of(before);
            }
            let Some(done) = change(&mut next)? else {
                return Ok(None);
            };
            let kept = Kept {
                rules: next.rules().map(|(rule, _)| rule.clone()).collect(),
            };
            if kept::write_over(self, &by.deed(action), NAME, Some(&kept), version).await? {
                // Calls go on meanwhile, so what the rules met till now is looked up last.
                self.faults.replace(next);
                return Ok(Some(done));
            }
        }
        Err(
            ApiError::conflict("The fault rules are changed all the time by others: repeat the request")
                .into(),
        )
    }

    fn expect_faults(&self) -> Result<(), ApiError> {
        if self.settings.faults {
            return Ok(());
        }
        Err(ApiError::conflict(
            "This server makes no faults: use `cosell dev`, or start `cosell serve` with --faults",
        ))
    }

    /// Forgets what is remembered of settings in the store, which holds another state now, and reads it anew.
    pub async fn refresh_settings(&self) -> Result<(), ApiError> {
        self.autopilot.forget().await;
        self.load_faults().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalog_of_a_call_is_the_one_its_body_or_its_arn_names() {
        for (body, catalog) in [
            (r#"{"Catalog":"AWS","Identifier":"O1"}"#, Some(Catalog::Aws)),
            (
                r#"{"ResourceArn":"arn:aws:partnercentral:us-east-1:111122223333:catalog/Sandbox/opportunity/O1"}"#,
                Some(Catalog::Sandbox),
            ),
            (r#"{"Catalog":"aws"}"#, None),
            (r#"{"Catalog":1}"#, None),
            ("nonsense", None),
        ] {
            assert_eq!(named_catalog(body.as_bytes()), catalog, "{body}");
        }
    }
}
