//! UpdateOpportunity: replaces everything a partner may write, under the lock of LastModifiedDate and of the review.
//!
//! The whole payload comes each time and what is left out is cleared (behaviours 2.10). In the sandbox the review status
//! in an update makes AWS act (behaviours 1.3); `trigger`, below, says when, and `crate::review` what that does.

use cosell_model::enums::{
    NationalSecurity, OpportunityOrigin, PrimaryNeedFromAws, ReviewStatus, SalesInvolvementType, Stage,
};
use cosell_model::types::{GetOpportunityResponse, LifeCycle, NextStepsHistory, UpdateOpportunityRequest};
use cosell_model::{Timestamp, Violation};

use super::locks::{self, Lock};
use super::spend::{self, Duration, Estimates};
use super::{Opportunity, conditions, has_validated_solution, no_support_needed, remember_steps, required};
use crate::review::{self, Standing};
use crate::{Catalog, Violations};

/// What an update needs to know besides its input.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The catalog of the opportunity.
    pub catalog: Catalog,
    /// The time of the update.
    pub now: Timestamp,
    /// True when the request carries `Project.ExpectedContractDuration: null`, which clears it; leaving it out does not.
    pub clears_contract_duration: bool,
    /// True when leaving out the review status in the sandbox nulls it, as AWS does (`sandbox-review-status-orphan`).
    pub orphan_quirk: bool,
    /// The amounts of estimation URLs.
    pub estimates: &'a Estimates,
}

/// Why an update does not happen.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// LastModifiedDate is not the stored one.
    Stale,
    /// Every business violation.
    Violations(Vec<Violation>),
}

/// Decides an update.
pub fn update(
    stored: &Opportunity,
    mut input: UpdateOpportunityRequest,
    context: Context<'_>,
) -> Result<Opportunity, Refusal> {
    if input.last_modified_date != stored.document.last_modified_date {
        return Err(Refusal::Stale);
    }
    let mut found = Violations::new();
    let sent = input.life_cycle.take().unwrap_or_default();
    let verdict = trigger(stored.review_status(), sent.review_status.as_ref(), context);
    let acted = match verdict {
        Ok(acted) => acted,
        Err(message) => {
            found.not_permitted("lifeCycle.reviewStatus", message);
            Acted::Nothing
        }
    };
    let lock = Lock::of(stored);
    // Only AWS acts on a closed deal; leaving the review status out is no act of AWS's and must not open it.
    if lock == Lock::Closed && !matches!(acted, Acted::Aws(_)) && found.is_empty() {
        found.add_general(
            cosell_model::enums::ValidationExceptionErrorCode::ActionNotPermitted,
            "The opportunity cannot be updated while it is under review or after it was rejected",
        );
        return Err(Refusal::Violations(found.into_vec()));
    }

    let life_cycle = merge_life_cycle(stored, sent, &acted, context.now);
    let mut document = replace(stored, input, life_cycle);
    let duration = if context.clears_contract_duration {
        Duration::Cleared
    } else {
        Duration::KeepIfOmitted
    };
    spend::settle(
        &mut document,
        Some(&stored.document),
        duration,
        context.estimates,
        &mut found,
    );
    if has_validated_solution(&document.related_entity_identifiers)
        && let Some(project) = document.project.as_mut()
    {
        project.other_solution_description = None;
    }

    // Where it is locked it cannot be added, and a deal submitted without it would be stuck.
    let marketed = document
        .marketing
        .as_ref()
        .is_some_and(|marketing| marketing.source.is_some());
    if !marketed && lock.allows("marketing.source", false) {
        found.required("marketing.source");
    }
    conditions::check(&document, Some(&stored.document), context.now, &mut found);
    let changed = locks::check(lock, &stored.document, &document, &mut found);
    check_solution(stored, &document, lock, &mut found);
    let corrected = lock == Lock::ActionRequired && changed && acted != Acted::Orphaned;
    if corrected && found.is_empty() && !stored.private.copy {
        // A correction is a new submission, so it must leave what a submission needs. A copy was never submitted.
        let involvement = stored.private.involvement_type.as_ref();
        let involvement = involvement.unwrap_or(&SalesInvolvementType::CoSell);
        required::check(&document, involvement, context.now, &mut found);
    }

    let mut next = Opportunity {
        document,
        private: stored.private.clone(),
    };
    if corrected && acted == Acted::Nothing {
        resubmit(&mut next, context.now);
    }
    if next.review_status() != stored.review_status() {
        next.private.taken_by = None;
    }
    review::remember_approval(stored, &mut next);
    next.touch(context.now);
    found.into_result(next).map_err(Refusal::Violations)
}

/// An allowed edit in Action Required puts the opportunity back to Submitted (the API reference's word).
fn resubmit(next: &mut Opportunity, now: Timestamp) {
    let life_cycle = super::life_cycle_mut(&mut next.document);
    life_cycle.review_status = Some(ReviewStatus::Submitted);
    life_cycle.review_comments = None;
    life_cycle.review_status_reason = None;
    next.private.resubmitted_by_edit = true;
    next.private.submissions = next.private.submissions.saturating_add(1);
    next.private.submitted_at = Some(now);
}

/// What the review status of an update brings about.
#[derive(Debug, Clone, PartialEq)]
enum Acted {
    /// Nothing: it was echoed, or is not looked at.
    Nothing,
    /// In the sandbox, AWS moved the review to this status.
    Aws(ReviewStatus),
    /// In the sandbox, it was left out and is nulled.
    Orphaned,
}

/// The sandbox triggers. `Err` says why the status cannot be sent.
fn trigger(
    stored: Option<&ReviewStatus>,
    sent: Option<&ReviewStatus>,
    context: Context<'_>,
) -> Result<Acted, &'static str> {
    if sent == stored {
        return Ok(Acted::Nothing);
    }
    match (context.catalog, sent) {
        (Catalog::Aws, None) => Ok(Acted::Nothing),
        (Catalog::Aws, Some(_)) => {
            Err("The review status is AWS's to change: send the current one or leave it out")
        }
        (Catalog::Sandbox, None) if context.orphan_quirk => Ok(Acted::Orphaned),
        (Catalog::Sandbox, None) => Ok(Acted::Nothing),
        (Catalog::Sandbox, Some(target)) if review::is_awss(target) => match review::standing(stored) {
            // An edit in Action Required is a new submission, which AWS can act on at once.
            Standing::Open | Standing::WithPartner => Ok(Acted::Aws(target.clone())),
            Standing::Draft => Err("AWS reviews only what was submitted: submit the opportunity first"),
            Standing::Orphan => Err(
                "The opportunity has lost its review status because an update left it out: create it anew",
            ),
            Standing::Over => Err("The review is over: its status can no longer change"),
        },
        (Catalog::Sandbox, Some(_)) => Err(
            "An update can set Approved, Action Required, Rejected or In review, or echo the current status",
        ),
    }
}

fn merge_life_cycle(stored: &Opportunity, sent: LifeCycle, acted: &Acted, now: Timestamp) -> LifeCycle {
    let before = stored.document.life_cycle.clone().unwrap_or_default();
    let mut history = before.next_steps_history.unwrap_or_default();
    remember_steps(
        &mut history,
        before.next_steps.as_deref(),
        sent.next_steps.as_deref(),
        |value| NextStepsHistory { value, time: now },
    );
    let mut next = LifeCycle {
        stage: sent.stage,
        closed_lost_reason: sent.closed_lost_reason,
        next_steps: sent.next_steps,
        target_close_date: sent.target_close_date,
        review_status: None,
        review_comments: None,
        review_status_reason: None,
        next_steps_history: (!history.is_empty()).then_some(history),
    };
    match acted {
        Acted::Nothing => {
            next.review_status = before.review_status;
            next.review_comments = before.review_comments;
            next.review_status_reason = before.review_status_reason;
        }
        Acted::Orphaned => {}
        Acted::Aws(status) => review::write(
            &mut next,
            status.clone(),
            sent.review_status_reason,
            sent.review_comments,
        ),
    }
    next
}

fn replace(
    stored: &Opportunity,
    input: UpdateOpportunityRequest,
    life_cycle: LifeCycle,
) -> GetOpportunityResponse {
    let before = &stored.document;
    GetOpportunityResponse {
        catalog: before.catalog.clone(),
        primary_needs_from_aws: needs(
            before.primary_needs_from_aws.as_ref(),
            input.primary_needs_from_aws,
        ),
        national_security: Some(input.national_security.unwrap_or(NationalSecurity::No)),
        partner_opportunity_identifier: input.partner_opportunity_identifier,
        customer: input.customer,
        project: input.project,
        opportunity_type: input.opportunity_type,
        marketing: input.marketing,
        software_revenue: input.software_revenue,
        id: before.id.clone(),
        arn: before.arn.clone(),
        last_modified_date: before.last_modified_date,
        created_date: before.created_date,
        related_entity_identifiers: before.related_entity_identifiers.clone(),
        life_cycle: Some(life_cycle),
        opportunity_team: before.opportunity_team.clone(),
    }
}

/// The needs that an update leaves. A deal for visibility only carries the service's own word for having none, which the
/// contract lets no request send back: leaving it out keeps it.
fn needs(
    before: Option<&Vec<PrimaryNeedFromAws>>,
    sent: Option<Vec<PrimaryNeedFromAws>>,
) -> Option<Vec<PrimaryNeedFromAws>> {
    let none_needed = before.filter(|needs| needs.contains(&no_support_needed()));
    sent.filter(|sent| !sent.is_empty() || none_needed.is_none())
        .or_else(|| none_needed.cloned())
}

/// Once submitted a deal carries a solution, if only a described one, and from Committed on a validated one; AWS's own
/// referrals may be worked without.
fn check_solution(
    stored: &Opportunity,
    document: &GetOpportunityResponse,
    lock: Lock,
    found: &mut Violations,
) {
    let stage = document
        .life_cycle
        .as_ref()
        .and_then(|cycle| cycle.stage.as_ref());
    let reached = matches!(stage, Some(Stage::Committed | Stage::Launched)) && stage != stored.stage();
    let referral = stored.private.origin == OpportunityOrigin::AWSReferral;
    let described = |document: &GetOpportunityResponse| {
        let project = document.project.as_ref();
        let text = project.and_then(|project| project.other_solution_description.as_ref());
        text.is_some_and(|text| !text.is_empty())
    };
    let lost = described(&stored.document) && !described(document);
    if (reached || lost)
        && !referral
        && lock != Lock::Draft
        && !has_validated_solution(&document.related_entity_identifiers)
    {
        found.invalid(
            "relatedEntityIdentifiers.solutions",
            "Associate atleast one solution",
        );
    }
}
