//! A story of partners and AWS as it is written down: which deals there are, and what happens to each on which day. Only the
//! form is here; what it brings about is `starter`'s business.

use cosell_model::ApiError;
use cosell_model::Violation;
use cosell_model::enums::ValidationExceptionErrorCode as Code;
use serde::Deserialize;
use serde_json::Value;

/// Most deals and offers of a story.
const LONGEST: usize = 1000;
/// Most days back.
const OLDEST: u32 = 3650;

/// A story.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Pack {
    /// The partners' own deals.
    #[serde(default)]
    pub(super) deals: Vec<Deal>,
    /// What AWS offers.
    #[serde(default)]
    pub(super) offers: Vec<Offer>,
}

/// Customer and project, which every deal and offer has.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Facts {
    pub(super) company: String,
    pub(super) industry: String,
    pub(super) country: String,
    #[serde(default)]
    pub(super) state: Option<String>,
    pub(super) postal_code: String,
    pub(super) city: String,
    pub(super) title: String,
    pub(super) problem: String,
    pub(super) use_case: String,
    /// A month, in US dollars.
    pub(super) amount: String,
}

/// A deal of a partner.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Deal {
    /// Which of the accounts of the story, from 0.
    #[serde(default)]
    pub(super) by: usize,
    /// How many days ago it came up.
    pub(super) ago: u32,
    #[serde(flatten)]
    pub(super) facts: Facts,
    /// The stage in which it came up.
    pub(super) stage: String,
    pub(super) opportunity_type: String,
    /// What happened then.
    #[serde(default)]
    pub(super) then: Vec<Step<Act>>,
}

/// What AWS offers to a partner.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Offer {
    pub(super) kind: OfferKind,
    /// To which of the accounts of the story.
    #[serde(default)]
    pub(super) to: usize,
    /// How many days ago.
    pub(super) ago: u32,
    #[serde(flatten)]
    pub(super) facts: Facts,
    /// What became of it.
    #[serde(default)]
    pub(super) then: Vec<Step<Answer>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum OfferKind {
    Referral,
    Lead,
}

/// Something that happens so many days after the beginning.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step<T> {
    pub(super) day: u32,
    #[serde(rename = "do")]
    pub(super) act: T,
}

/// What happens to a deal.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Act {
    /// The partner submits it, with that involvement.
    Submit(String),
    /// AWS takes it into review.
    Take,
    /// AWS approves it.
    Approve,
    /// AWS rejects it.
    Reject(Why),
    /// AWS asks for more.
    Ask(Why),
    /// The partner corrects the customer's problem, which hands it in anew.
    Correct(String),
    /// The partner moves it on.
    Stage(Move),
    /// The partner's next steps.
    Next(String),
    /// AWS edits its own side.
    Aws(Value),
    /// The partner invites the other account of the story into the deal's engagement.
    Invite(String),
    /// The other account accepts.
    PartnerAccepts,
    /// The other account does not, and says why.
    PartnerRejects(String),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Why {
    pub(super) reason: String,
    #[serde(default)]
    pub(super) comments: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Move {
    pub(super) to: String,
    #[serde(default)]
    pub(super) steps: Option<String>,
    /// Why it was lost.
    #[serde(default)]
    pub(super) reason: Option<String>,
}

/// What becomes of an offer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Answer {
    /// The partner accepts; a referral becomes an opportunity by it.
    Accept,
    /// The partner does not, and says why.
    Reject(String),
    /// AWS takes it back.
    Withdraw,
    /// The partner makes an opportunity of the lead it has accepted.
    Convert,
}

impl Pack {
    /// The story that is part of the program.
    pub(super) fn starter() -> Result<Self, ApiError> {
        serde_json::from_str(include_str!("starter.json"))
            .map_err(|error| ApiError::internal(format!("the pack starter cannot be read: {error}")))
    }

    /// A story that somebody wrote.
    pub(super) fn read(document: &Value) -> Result<Self, ApiError> {
        serde_path_to_error::deserialize(document).map_err(|error| {
            let place = match error.path().to_string() {
                // What is wrong with the whole.
                path if path == "." => "document".to_owned(),
                path => format!("document.{path}"),
            };
            wrong(&place, error.into_inner().to_string())
        })
    }

    /// Refuses what cannot have happened: in the future, before the deal, by a third account.
    pub(super) fn check(&self, accounts: usize) -> Result<(), ApiError> {
        if self.deals.len() + self.offers.len() > LONGEST {
            return Err(wrong(
                "document",
                format!("has more than {LONGEST} deals and offers"),
            ));
        }
        let deals = self.deals.iter().enumerate().map(|(place, deal)| {
            let days: Vec<u32> = deal.then.iter().map(|step| step.day).collect();
            (format!("document.deals[{place}]"), deal.by, deal.ago, days)
        });
        let offers = self.offers.iter().enumerate().map(|(place, offer)| {
            let days: Vec<u32> = offer.then.iter().map(|step| step.day).collect();
            (format!("document.offers[{place}]"), offer.to, offer.ago, days)
        });
        for (place, account, ago, days) in deals.chain(offers) {
            if account > 1 || (account >= accounts && accounts > 1) {
                return Err(wrong(&place, "names another account than 0 and 1"));
            }
            if ago == 0 || ago > OLDEST {
                return Err(wrong(&place, format!("must begin 1 to {OLDEST} days ago")));
            }
            if !days.is_sorted() || days.last().is_some_and(|day| *day >= ago) {
                return Err(wrong(
                    &place,
                    "has steps that are out of order, or of today or later",
                ));
            }
        }
        Ok(())
    }
}

pub(super) fn wrong(field: &str, message: impl Into<String>) -> ApiError {
    let message = format!("{field}: {}", message.into());
    ApiError::request_validation(vec![Violation::new(field, Code::InvalidValue, message)])
}
