//! AWS's review of what partners submit: what the review desk may decide when, and what a decision does to a deal
//! (behaviours 2.2). The sandbox, in which an update makes AWS act, uses the same effects; when it may is decided there.
//!
//! Nothing here knows who decides, an operator or a script, and nothing is remembered but in the opportunity itself.

use cosell_model::enums::{AwsOpportunityStage, ReviewStatus, SalesInvolvementType};
use cosell_model::types::LifeCycle;
use cosell_model::{ApiError, Timestamp, Violation};

use crate::Violations;
use crate::opportunity::{AwsSide, Opportunity, life_cycle_mut};

/// How long a ReviewStatusReason may be, in characters. The contract sets no bound; a reason is a code or a few words.
pub const REASON_LIMIT: usize = 255;

/// How long ReviewComments may be, in characters. The contract sets no bound; this is that of its longest free text.
pub const COMMENTS_LIMIT: usize = 2000;

/// What the review desk does with a submitted deal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Somebody begins to look at it: In review.
    Take,
    /// AWS works the deal with the partner: Approved, for good.
    Approve {
        /// What the partner should know, at most [`COMMENTS_LIMIT`] characters.
        comments: Option<String>,
    },
    /// AWS does not: Rejected, for good.
    Reject(Explanation),
    /// The partner must correct or add something: Action Required.
    AskForAction(Explanation),
}

/// Why a deal is refused or sent back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The code or the few words of ReviewStatusReason, 1 to [`REASON_LIMIT`] characters.
    pub reason: String,
    /// What a person should read besides, at most [`COMMENTS_LIMIT`] characters.
    pub comments: Option<String>,
}

impl Verdict {
    /// The review status that it leads to.
    pub const fn status(&self) -> ReviewStatus {
        match self {
            Verdict::Take => ReviewStatus::InReview,
            Verdict::Approve { .. } => ReviewStatus::Approved,
            Verdict::Reject(_) => ReviewStatus::Rejected,
            Verdict::AskForAction(_) => ReviewStatus::ActionRequired,
        }
    }
}

/// Why a verdict has no effect.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// The verdict itself is not right.
    Violations(Vec<Violation>),
    /// It cannot be given now; the text says where the deal stands and what can be done.
    Conflict(String),
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Violations(violations) => ApiError::business_validation(violations),
            Refusal::Conflict(message) => ApiError::conflict(message),
        }
    }
}

/// The review statuses that the desk can move a deal to from that one, in the order of the contract's enum.
pub const fn open_to(from: Option<&ReviewStatus>) -> &'static [ReviewStatus] {
    use ReviewStatus as S;
    match from {
        Some(S::Submitted) => &[S::InReview, S::Approved, S::Rejected, S::ActionRequired],
        Some(S::InReview) => &[S::Approved, S::Rejected, S::ActionRequired],
        _ => &[],
    }
}

/// Decides a verdict that `by` gives, a name of 1 to 255 characters: the deal after it, or `None` where it is in review
/// already and whoever took it takes it once more.
///
/// A deal that somebody has taken can be taken by nobody else, so that no two people work on it unknowingly; whoever
/// means to decide it all the same may do so without taking it. What went into review without a name (by an update in the
/// sandbox, or by a version that kept none) is theirs who take it first, which the partner does not notice.
///
/// Every other verdict counts once: whoever repeats it hears where the deal stands, since another person may have
/// decided meanwhile for another reason.
pub fn decide(
    stored: &Opportunity,
    verdict: Verdict,
    by: &str,
    now: Timestamp,
) -> Result<Option<Opportunity>, Refusal> {
    let status = verdict.status();
    let (reason, comments) = match verdict {
        Verdict::Take => (None, None),
        Verdict::Approve { comments } => (None, comments),
        Verdict::Reject(why) | Verdict::AskForAction(why) => (Some(why.reason), why.comments),
    };
    check_texts(reason.as_deref(), comments.as_deref())?;
    let from = stored.review_status();
    if status == ReviewStatus::InReview && from == Some(&status) {
        return taken_again(stored, by);
    }
    if stored.private.copy {
        return Err(Refusal::Conflict(format!(
            "Opportunity {} is a copy of another partner's deal and follows that deal's review: decide the original",
            stored.document.id
        )));
    }
    if !open_to(from).contains(&status) {
        return Err(Refusal::Conflict(conflict(stored, &status)));
    }
    let takes = status == ReviewStatus::InReview;
    let mut next = stored.clone();
    write(life_cycle_mut(&mut next.document), status, reason, comments);
    remember_approval(stored, &mut next);
    next.private.taken_by = takes.then(|| by.to_owned());
    next.touch(now);
    Ok(Some(next))
}

fn taken_again(stored: &Opportunity, by: &str) -> Result<Option<Opportunity>, Refusal> {
    match stored.private.taken_by.as_deref() {
        Some(taker) if taker != by => Err(Refusal::Conflict(format!(
            "Opportunity {} is in review with {taker}: leave it to them, or approve it, reject it or send it back without taking it",
            stored.document.id
        ))),
        None if !stored.private.copy => {
            let mut next = stored.clone();
            next.private.taken_by = Some(by.to_owned());
            Ok(Some(next))
        }
        _ => Ok(None),
    }
}

fn check_texts(reason: Option<&str>, comments: Option<&str>) -> Result<(), Refusal> {
    let mut found = Violations::new();
    for (field, text, limit) in [
        ("reviewStatusReason", reason, REASON_LIMIT),
        ("reviewComments", comments, COMMENTS_LIMIT),
    ] {
        let Some(text) = text else { continue };
        if text.trim().is_empty() {
            found.required(field);
        } else if text.chars().count() > limit {
            found.invalid(field, format!("{field} must have at most {limit} characters"));
        } else if text.contains('\0') {
            found.invalid(
                field,
                format!("{field} must not hold the character U+0000: leave it out"),
            );
        }
    }
    found.into_result(()).map_err(Refusal::Violations)
}

fn conflict(stored: &Opportunity, wanted: &ReviewStatus) -> String {
    let id = &stored.document.id;
    let Some(status) = stored.review_status() else {
        return format!(
            "Opportunity {id} has no review status, because an update in the sandbox left it out: its partner must create it anew"
        );
    };
    let way = match standing(Some(status)) {
        Standing::Draft => "it is a draft until its partner submits it",
        Standing::WithPartner => {
            "it waits for its partner, and can be decided once it is corrected or submitted again"
        }
        Standing::Open | Standing::Orphan | Standing::Over => {
            "the review is over, and only AWS's own side of the deal can still be edited"
        }
    };
    format!("Opportunity {id} is in {status} and cannot become {wanted}: {way}")
}

/// Where a deal stands, seen from the review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Not submitted yet.
    Draft,
    /// AWS's to decide.
    Open,
    /// The partner's to correct.
    WithPartner,
    /// Decided for good.
    Over,
    /// Without a review status, which only the sandbox brings about, for good.
    Orphan,
}

/// Where a deal of that review status stands.
pub const fn standing(status: Option<&ReviewStatus>) -> Standing {
    match status {
        None => Standing::Orphan,
        Some(ReviewStatus::PendingSubmission) => Standing::Draft,
        Some(ReviewStatus::Submitted | ReviewStatus::InReview) => Standing::Open,
        Some(ReviewStatus::ActionRequired) => Standing::WithPartner,
        Some(_) => Standing::Over,
    }
}

/// True for the review statuses that only AWS gives.
pub(crate) const fn is_awss(status: &ReviewStatus) -> bool {
    use ReviewStatus as S;
    matches!(
        status,
        S::InReview | S::Approved | S::Rejected | S::ActionRequired
    )
}

/// Writes what AWS decided over what it said before. A reason is kept for refusing and for asking back only.
pub(crate) fn write(
    life_cycle: &mut LifeCycle,
    status: ReviewStatus,
    reason: Option<String>,
    comments: Option<String>,
) {
    let explains = matches!(status, ReviewStatus::ActionRequired | ReviewStatus::Rejected);
    life_cycle.review_status = Some(status);
    life_cycle.review_comments = comments;
    life_cycle.review_status_reason = reason.filter(|_| explains);
}

/// Notes in AWS's side that AWS approved the deal, now or before: its review status may be gone after an update in the
/// sandbox. The approval itself also sets AWS's seller to work where help was asked for and nothing had begun.
pub(crate) fn remember_approval(stored: &Opportunity, next: &mut Opportunity) {
    let approved = Some(&ReviewStatus::Approved);
    let (before, after) = (
        stored.review_status() == approved,
        next.review_status() == approved,
    );
    if !before && !after {
        return;
    }
    let life_cycle = next.document.life_cycle.as_ref();
    let target_close_date = life_cycle.and_then(|cycle| cycle.target_close_date.clone());
    let works = next.private.involvement_type == Some(SalesInvolvementType::CoSell);
    let aws = next
        .private
        .aws
        .get_or_insert_with(|| AwsSide::opened(target_close_date));
    aws.approved = true;
    if works && !before && aws.life_cycle.stage == Some(AwsOpportunityStage::NotStarted) {
        aws.life_cycle.stage = Some(AwsOpportunityStage::Engaged);
    }
}
