//! One rule of a script: its conditions, and whether a deal meets them, in words with the values on both sides.

use cosell_model::enums::{CountryCode, Industry, OpportunityType, Stage};

use super::explain::Finding;
use super::{Facts, Outcome};
use crate::amount::Cents;
use crate::dice::Dice;
use crate::glob::Glob;

/// A rule: what AWS decides about deals that meet every condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// What people call it; explanations say it.
    pub name: Option<String>,
    /// What a deal must be like; none at all is met by every deal.
    pub when: Conditions,
    /// What AWS decides.
    pub outcome: Outcome,
}

/// What a deal must be like. Every condition that is there must hold; of a list, one entry suffices. An empty list is no
/// condition.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Conditions {
    /// The monthly spend is this or more.
    pub spend_at_least: Option<Cents>,
    /// The monthly spend is less than this.
    pub spend_below: Option<Cents>,
    /// The customer's industry is one of these.
    pub industry: Vec<Industry>,
    /// The customer's country is one of these.
    pub country: Vec<CountryCode>,
    /// The partner's stage is one of these.
    pub stage: Vec<Stage>,
    /// The project's title fits one of these patterns.
    pub title: Vec<Glob>,
    /// The partner's account is one of these.
    pub account: Vec<String>,
    /// The type of the deal is one of these.
    pub opportunity_type: Vec<OpportunityType>,
    /// The deal is among these percent, drawn anew for each submission.
    pub percentage: Option<Percentage>,
}

/// A share of all deals in hundredths of a percent, 0 to 10 000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percentage(u32);

impl Percentage {
    /// Reads percent from 0 to 100 with at most two decimals; `None` for any other number.
    pub fn parse(percent: f64) -> Option<Self> {
        let hundredths = percent * 100.0;
        let whole = hundredths.round();
        if !(0.0..=10_000.0).contains(&whole) || (hundredths - whole).abs() > 1e-6 {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "bounded just above"
        )]
        Some(Self(whole as u32))
    }

    /// The number that was read.
    pub fn percent(self) -> f64 {
        f64::from(self.0) / 100.0
    }

    fn holds(self, drawn: f64) -> bool {
        drawn < f64::from(self.0) / 10_000.0
    }
}

impl Rule {
    /// What it is called, the `position`-th (from 1) of its script.
    pub(super) fn title(&self, position: usize) -> String {
        match &self.name {
            Some(name) => format!("rule {position} ({name})"),
            None => format!("rule {position}"),
        }
    }
}

impl Conditions {
    /// True when there is no condition at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// True when the deal meets every condition. `position` is the rule's place in the script, from 1.
    pub(super) fn hold(&self, facts: &Facts, dice: Dice<'_>, position: usize) -> bool {
        self.findings(facts, dice, position)
            .iter()
            .all(|finding| finding.holds)
    }

    /// Each condition with whether it holds and why.
    pub(super) fn findings(&self, facts: &Facts, dice: Dice<'_>, position: usize) -> Vec<Finding> {
        let mut findings = Findings(Vec::new());
        let spend = facts.monthly_spend;
        let stated = spend.map_or("not stated".to_owned(), |spend| spend.to_string());
        if let Some(least) = self.spend_at_least {
            let holds = spend.is_some_and(|spend| spend >= least);
            findings.add(
                "spend-at-least",
                holds,
                format!("the monthly spend is {stated}, asked for is {least} or more"),
            );
        }
        if let Some(limit) = self.spend_below {
            let holds = spend.is_some_and(|spend| spend < limit);
            findings.add(
                "spend-below",
                holds,
                format!("the monthly spend is {stated}, asked for is less than {limit}"),
            );
        }
        findings.one_of(
            "industry",
            "industry",
            facts.industry.as_ref().map(Industry::as_str),
            &names(&self.industry, Industry::as_str),
        );
        findings.one_of(
            "country",
            "country",
            facts.country.as_ref().map(CountryCode::as_str),
            &names(&self.country, CountryCode::as_str),
        );
        findings.one_of(
            "stage",
            "stage",
            facts.stage.as_ref().map(Stage::as_str),
            &names(&self.stage, Stage::as_str),
        );
        if !self.title.is_empty() {
            let title = facts.title.as_deref();
            let fits = |title: &str| self.title.iter().any(|pattern| pattern.matches(title));
            let patterns = names(&self.title, Glob::as_str).join(", ");
            findings.add(
                "title",
                title.is_some_and(fits),
                format!(
                    "the title is {}, asked for is {patterns}",
                    title.map_or("not stated".to_owned(), |title| format!("{title:?}"))
                ),
            );
        }
        findings.one_of(
            "account",
            "account",
            Some(facts.account.as_str()),
            &names(&self.account, String::as_str),
        );
        findings.one_of(
            "opportunity-type",
            "opportunity's type",
            facts.opportunity_type.as_ref().map(OpportunityType::as_str),
            &names(&self.opportunity_type, OpportunityType::as_str),
        );
        if let Some(share) = self.percentage {
            let drawn = dice.fraction(&format!("rule {position}"));
            findings.add(
                "percentage",
                share.holds(drawn),
                format!(
                    "{:.2} was drawn, asked for is less than {}",
                    drawn * 100.0,
                    share.percent()
                ),
            );
        }
        findings.0
    }
}

fn names<T>(list: &[T], name: impl Fn(&T) -> &str) -> Vec<&str> {
    list.iter().map(name).collect()
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, condition: &'static str, holds: bool, words: String) {
        self.0.push(Finding {
            condition,
            holds,
            words,
        });
    }

    fn one_of(&mut self, condition: &'static str, noun: &str, value: Option<&str>, asked: &[&str]) {
        if asked.is_empty() {
            return;
        }
        let holds = value.is_some_and(|value| asked.contains(&value));
        let value = value.unwrap_or("not stated");
        self.add(
            condition,
            holds,
            format!("the {noun} is {value}, asked for is {}", asked.join(" or ")),
        );
    }
}
