//! The opportunity: its state and everything that may happen to it.
//!
//! The state is the document that GetOpportunity answers, plus what AWS keeps but never returns there (involvement,
//! visibility, tags, its own side). One file per action; the checks they share are in `conditions`, `spend`, `required`,
//! `fields` and `locks`. Nothing here loads, stores or renders anything.

pub mod assign;
pub mod aws_side;
pub mod conditions;
pub mod create;
pub mod fields;
pub mod locks;
pub mod relate;
pub mod required;
pub mod spend;
pub mod submit;
pub mod summary;
pub mod tags;
pub mod update;

use std::collections::BTreeMap;

use cosell_model::Timestamp;
use cosell_model::enums::{
    OpportunityOrigin, PrimaryNeedFromAws, ReviewStatus, SalesInvolvementType, Stage, Visibility,
};
use cosell_model::types::{GetOpportunityResponse, LifeCycle, RelatedEntityIdentifiers};
use serde::{Deserialize, Serialize};

pub use aws_side::AwsSide;

/// How many entries `NextStepsHistory` keeps (behaviours 2.8).
pub const NEXT_STEPS_HISTORY: usize = 50;

/// What the service reports as primary need of a deal that asks for no support. It is not in the model's input enum.
pub fn no_support_needed() -> PrimaryNeedFromAws {
    PrimaryNeedFromAws::from("Do Not Need Support from AWS Sales Rep")
}

/// An opportunity as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Opportunity {
    /// What GetOpportunity answers.
    pub document: GetOpportunityResponse,
    /// What GetOpportunity never shows.
    pub private: Private,
}

/// The part of an opportunity that GetOpportunity does not return.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Private {
    /// Who brought the deal.
    pub origin: OpportunityOrigin,
    /// What the partner asked AWS for when submitting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub involvement_type: Option<SalesInvolvementType>,
    /// Who at AWS may see it, as submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    /// True when an edit in Action Required already put the opportunity back to Submitted, so that the submission that
    /// AWS's samples send next has nothing left to do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resubmitted_by_edit: bool,
    /// How often it came to AWS's review: one for the first submission, one more for each resubmission, by whichever
    /// way. Zero for a draft, and for what was submitted before this was counted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub submissions: u32,
    /// When it was handed in last; for what was never submitted itself, when it came under review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submitted_at: Option<Timestamp>,
    /// Who at AWS took it in review, while it is in review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_by: Option<String>,
    /// True for a copy of another partner's deal, as long as it follows that deal's review and has none of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub copy: bool,
    /// True from the moment on at which AWS's directory of deals lists it. Kept by whoever keeps the directory.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub listed: bool,
    /// True from the moment on at which it was shared in an engagement or got a snapshot job: only then others are
    /// concerned by its changes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
    /// The tags, in key order.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// AWS's own view of the deal; exists from the submission on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws: Option<AwsSide>,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Opportunity {
    /// The review status; `None` is the orphan of the sandbox, which can never be submitted (behaviours 1.3).
    pub fn review_status(&self) -> Option<&ReviewStatus> {
        self.document.life_cycle.as_ref()?.review_status.as_ref()
    }

    /// The stage, if one is set.
    pub fn stage(&self) -> Option<&Stage> {
        self.document.life_cycle.as_ref()?.stage.as_ref()
    }

    /// Moves LastModifiedDate on: to `now`, or one millisecond past its old value where the clock has not moved.
    /// It must strictly increase, since it is the optimistic lock (design section 6).
    pub(crate) fn touch(&mut self, now: Timestamp) {
        let next = self.document.last_modified_date.plus_millis(1);
        self.document.last_modified_date = now.max(next);
    }
}

/// The life cycle of a document, created when absent.
pub(crate) fn life_cycle_mut(document: &mut GetOpportunityResponse) -> &mut LifeCycle {
    document.life_cycle.get_or_insert_with(LifeCycle::default)
}

/// Appends the next steps to their history where they are new; the oldest entries give way (behaviours 2.8). Both sides
/// of a deal keep a history of their own.
pub(crate) fn remember_steps<T>(
    history: &mut Vec<T>,
    before: Option<&str>,
    sent: Option<&str>,
    entry: impl FnOnce(String) -> T,
) {
    let Some(steps) = sent.filter(|steps| !steps.is_empty() && before != Some(*steps)) else {
        return;
    };
    history.push(entry(steps.to_owned()));
    let surplus = history.len().saturating_sub(NEXT_STEPS_HISTORY);
    history.drain(..surplus);
}

/// True for the two stages in which a deal is over.
pub fn is_closed(stage: &Stage) -> bool {
    matches!(stage, Stage::Launched | Stage::ClosedLost)
}

/// True when something that AWS has validated is attached: a solution, or a Marketplace solution or product.
/// A free-text description does not count (behaviours 2.4).
pub fn has_validated_solution(related: &RelatedEntityIdentifiers) -> bool {
    let filled = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
    filled(&related.solutions)
        || filled(&related.aws_marketplace_solutions)
        || filled(&related.aws_marketplace_products)
}
