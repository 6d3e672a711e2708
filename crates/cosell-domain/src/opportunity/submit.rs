//! SubmitOpportunity: hands a draft, or one that AWS sent back, to AWS's review.

use cosell_model::enums::{
    NationalSecurity, ReviewStatus, SalesInvolvementType, ValidationExceptionErrorCode as Code, Visibility,
};
use cosell_model::{Timestamp, Violation};

use super::{AwsSide, Opportunity, conditions, is_closed, life_cycle_mut, no_support_needed, required};
use crate::Violations;

/// Decides a submission: the submitted opportunity, `None` where an edit already resubmitted it, or every violation.
pub fn submit(
    stored: &Opportunity,
    involvement: SalesInvolvementType,
    visibility: Option<Visibility>,
    now: Timestamp,
) -> Result<Option<Opportunity>, Vec<Violation>> {
    let mut found = Violations::new();
    match stored.review_status() {
        Some(ReviewStatus::PendingSubmission | ReviewStatus::ActionRequired) => {}
        Some(ReviewStatus::Submitted) if stored.private.resubmitted_by_edit => return Ok(None),
        Some(_) => found.add(
            "lifeCycle.reviewStatus",
            Code::InvalidResourceState,
            "Only Pending Submission or action required opportunities can be submitted",
        ),
        None => found.add_general(Code::ActionNotPermitted, "You cannot perform Submit action"),
    }
    if !found.is_empty() {
        // What the document lacks says nothing to someone who cannot submit it at all.
        return Err(found.into_vec());
    }

    let visibility = visibility.unwrap_or(Visibility::Full);
    check_visibility(stored, &involvement, &visibility, &mut found);
    if stored.stage().is_some_and(is_closed) {
        found.not_permitted(
            "lifeCycle.stage",
            "A Launched or Closed Lost opportunity cannot be submitted",
        );
    }
    required::check(&stored.document, &involvement, now, &mut found);
    if found.is_empty() {
        // A rule may have come with a newer server than the one that took the draft.
        conditions::check(&stored.document, Some(&stored.document), now, &mut found);
    }

    let mut next = stored.clone();
    let life_cycle = life_cycle_mut(&mut next.document);
    life_cycle.review_status = Some(ReviewStatus::Submitted);
    life_cycle.review_comments = None;
    life_cycle.review_status_reason = None;
    let target_close_date = life_cycle.target_close_date.clone();
    if involvement == SalesInvolvementType::ForVisibilityOnly {
        next.document.primary_needs_from_aws = Some(vec![no_support_needed()]);
    }
    next.private.involvement_type = Some(involvement);
    next.private.visibility = Some(visibility);
    next.private.resubmitted_by_edit = false;
    next.private.submissions = stored.private.submissions.saturating_add(1);
    next.private.submitted_at = Some(now);
    next.private.copy = false;
    next.private
        .aws
        .get_or_insert_with(|| AwsSide::opened(target_close_date));
    next.touch(now);
    found.into_result(Some(next))
}

fn check_visibility(
    stored: &Opportunity,
    involvement: &SalesInvolvementType,
    visibility: &Visibility,
    found: &mut Violations,
) {
    let co_sell = *involvement == SalesInvolvementType::CoSell;
    if co_sell && *visibility == Visibility::Limited {
        found.invalid(
            "primaryNeedsFromAws",
            "Cannot set visibility to limited on a Co-Sell opportunity",
        );
        found.add_general(
            Code::ActionNotPermitted,
            "You cannot perform Submit action. Opportunity cannot be submitted or updated to Limited Visibility",
        );
    }
    if !co_sell && stored.document.national_security == Some(NationalSecurity::Yes) {
        found.not_permitted(
            "nationalSecurity",
            "An opportunity of national security cannot be submitted for visibility only",
        );
    }
    if !co_sell && stored.private.involvement_type == Some(SalesInvolvementType::CoSell) {
        found.not_permitted(
            "involvementType",
            "A Co-Sell opportunity cannot be switched to For Visibility Only",
        );
    }
}
