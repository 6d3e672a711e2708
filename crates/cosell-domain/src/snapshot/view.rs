//! What each template shows of an opportunity: the members of the model's view shapes and nothing else. Title, business
//! problem, competitors, marketing and the partner's own identifier never leave the owner's account by this way.

use cosell_model::types::{
    AwsOpportunitySummaryFullView, GetOpportunityResponse, LifeCycleForView, OpportunitySummaryView,
    ProjectView, ResourceSnapshotPayload,
};

use super::Template;
use crate::opportunity::{Opportunity, aws_side};

/// What a snapshot of that template carries now; `None` for AWS's view before AWS knows the deal.
pub fn payload(opportunity: &Opportunity, template: Template) -> Option<ResourceSnapshotPayload> {
    match template {
        Template::OpportunitySummaryView => Some(ResourceSnapshotPayload {
            opportunity_summary: Some(opportunity_summary(&opportunity.document)),
            aws_opportunity_summary_full_view: None,
        }),
        Template::AwsOpportunitySummaryFullView => Some(ResourceSnapshotPayload {
            opportunity_summary: None,
            aws_opportunity_summary_full_view: Some(aws_full_view(opportunity)?),
        }),
    }
}

/// The owner's view of a deal.
pub fn opportunity_summary(document: &GetOpportunityResponse) -> OpportunitySummaryView {
    OpportunitySummaryView {
        opportunity_type: document.opportunity_type.clone(),
        lifecycle: document.life_cycle.as_ref().map(|cycle| LifeCycleForView {
            target_close_date: cycle.target_close_date.clone(),
            review_status: cycle.review_status.clone(),
            stage: cycle.stage.clone(),
            next_steps: cycle.next_steps.clone(),
        }),
        opportunity_team: document.opportunity_team.clone(),
        primary_needs_from_aws: document.primary_needs_from_aws.clone(),
        customer: document.customer.clone(),
        project: document.project.as_ref().map(|project| ProjectView {
            delivery_models: project.delivery_models.clone(),
            expected_customer_spend: project.expected_customer_spend.clone(),
            expected_contract_duration: project.expected_contract_duration.clone(),
            customer_use_case: project.customer_use_case.clone(),
            sales_activities: project.sales_activities.clone(),
            other_solution_description: project.other_solution_description.clone(),
        }),
        related_entity_identifiers: Some(document.related_entity_identifiers.clone()),
    }
}

/// AWS's view of a deal: what GetAwsOpportunitySummary answers. `None` before the submission.
pub fn aws_full_view(opportunity: &Opportunity) -> Option<AwsOpportunitySummaryFullView> {
    let summary = aws_side::summary(opportunity)?;
    Some(AwsOpportunitySummaryFullView {
        related_opportunity_id: summary.related_opportunity_id,
        origin: summary.origin,
        involvement_type: summary.involvement_type,
        visibility: summary.visibility,
        life_cycle: summary.life_cycle,
        opportunity_team: summary.opportunity_team,
        insights: summary.insights,
        involvement_type_change_reason: summary.involvement_type_change_reason,
        related_entity_ids: summary.related_entity_ids,
        customer: summary.customer,
        project: summary.project,
        cosell_motion: summary.cosell_motion,
        software_revenue: summary.software_revenue,
    })
}
