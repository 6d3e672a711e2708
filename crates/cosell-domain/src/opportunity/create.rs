//! CreateOpportunity: from the partner's input to a draft in Pending Submission.

use cosell_model::enums::{NationalSecurity, OpportunityOrigin, ReviewStatus, Stage};
use cosell_model::types::{
    CreateOpportunityRequest, GetOpportunityResponse, LifeCycle, NextStepsHistory, RelatedEntityIdentifiers,
};
use cosell_model::{Timestamp, Violation};

use super::spend::{self, Duration};
use super::{Opportunity, Private, conditions, is_closed, tags};
use crate::{Catalog, Violations, arn};

/// What a creation needs to know besides its input.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The account that will own the opportunity.
    pub account: &'a str,
    /// The catalog it will live in.
    pub catalog: Catalog,
    /// The region its ARN names.
    pub region: &'a str,
    /// Its identifier, `O…`.
    pub id: &'a str,
    /// The time of the creation.
    pub now: Timestamp,
    /// The amounts of estimation URLs.
    pub estimates: &'a spend::Estimates,
}

/// Decides a creation: the draft, or every business violation of the input.
///
/// Only what is present is checked; what a submission needs is checked there (design section 6, "Required fields").
pub fn create(input: CreateOpportunityRequest, context: Context<'_>) -> Result<Opportunity, Vec<Violation>> {
    let mut found = Violations::new();
    let origin = input.origin.unwrap_or(OpportunityOrigin::PartnerReferral);
    check_origin(&origin, &mut found);

    let sent = input.life_cycle.unwrap_or_default();
    let stage = sent.stage.unwrap_or(Stage::Prospect);
    if is_closed(&stage) {
        found.not_permitted(
            "lifeCycle.stage",
            format!("An opportunity cannot be created in stage {stage}: create it in an open stage and close it after the review"),
        );
    }
    let history = sent
        .next_steps
        .as_ref()
        .filter(|steps| !steps.is_empty())
        .map(|steps| {
            vec![NextStepsHistory {
                value: steps.clone(),
                time: context.now,
            }]
        });
    let life_cycle = LifeCycle {
        stage: Some(stage),
        closed_lost_reason: sent.closed_lost_reason,
        next_steps: sent.next_steps,
        target_close_date: sent.target_close_date,
        review_status: Some(ReviewStatus::PendingSubmission),
        review_comments: None,
        review_status_reason: None,
        next_steps_history: history,
    };

    let mut document = GetOpportunityResponse {
        catalog: context.catalog.as_str().to_owned(),
        primary_needs_from_aws: input.primary_needs_from_aws,
        national_security: Some(input.national_security.unwrap_or(NationalSecurity::No)),
        partner_opportunity_identifier: input.partner_opportunity_identifier,
        customer: input.customer,
        project: input.project,
        opportunity_type: input.opportunity_type,
        marketing: input.marketing,
        software_revenue: input.software_revenue,
        id: context.id.to_owned(),
        arn: Some(arn::opportunity(
            context.region,
            context.account,
            context.catalog,
            context.id,
        )),
        last_modified_date: context.now,
        created_date: context.now,
        related_entity_identifiers: no_related_entities(),
        life_cycle: Some(life_cycle),
        opportunity_team: input.opportunity_team,
    };
    spend::settle(
        &mut document,
        None,
        Duration::AsSent,
        context.estimates,
        &mut found,
    );
    conditions::check(&document, None, context.now, &mut found);
    let tags = tags::collect(input.tags.unwrap_or_default(), &mut found);

    let private = Private {
        origin,
        involvement_type: None,
        visibility: None,
        resubmitted_by_edit: false,
        submissions: 0,
        submitted_at: None,
        taken_by: None,
        copy: false,
        listed: false,
        shared: false,
        tags,
        aws: None,
    };
    found.into_result(Opportunity { document, private })
}

/// A referral of the sandbox is decided by [`crate::engagement::invitation::referral`] and never comes here.
fn check_origin(origin: &OpportunityOrigin, found: &mut Violations) {
    if *origin == OpportunityOrigin::AWSReferral {
        found.not_permitted(
            "origin",
            "Only AWS creates opportunities of origin AWS Referral: use Partner Referral, or catalog Sandbox to simulate one",
        );
    }
}

/// Empty lists, as recorded from AWS for an opportunity with nothing attached.
fn no_related_entities() -> RelatedEntityIdentifiers {
    RelatedEntityIdentifiers {
        aws_marketplace_offers: Some(Vec::new()),
        aws_marketplace_offer_sets: Some(Vec::new()),
        solutions: Some(Vec::new()),
        aws_products: Some(Vec::new()),
        aws_marketplace_solutions: Some(Vec::new()),
        aws_marketplace_products: Some(Vec::new()),
    }
}
