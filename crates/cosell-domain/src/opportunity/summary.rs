//! What a list shows of an opportunity (behaviours 2.15): no contacts, street, use case or sales activities.

use cosell_model::types::{
    AccountSummary, AddressSummary, CustomerSummary, GetOpportunityResponse, LifeCycleSummary,
    OpportunitySummary, ProjectSummary,
};

/// The list entry of an opportunity.
pub fn summarise(document: &GetOpportunityResponse) -> OpportunitySummary {
    OpportunitySummary {
        catalog: document.catalog.clone(),
        id: Some(document.id.clone()),
        arn: document.arn.clone(),
        partner_opportunity_identifier: document.partner_opportunity_identifier.clone(),
        opportunity_type: document.opportunity_type.clone(),
        last_modified_date: Some(document.last_modified_date),
        created_date: Some(document.created_date),
        life_cycle: document.life_cycle.as_ref().map(|cycle| LifeCycleSummary {
            stage: cycle.stage.clone(),
            closed_lost_reason: cycle.closed_lost_reason.clone(),
            next_steps: cycle.next_steps.clone(),
            target_close_date: cycle.target_close_date.clone(),
            review_status: cycle.review_status.clone(),
            review_comments: cycle.review_comments.clone(),
            review_status_reason: cycle.review_status_reason.clone(),
        }),
        customer: document.customer.as_ref().map(|customer| CustomerSummary {
            account: customer.account.as_ref().map(|account| AccountSummary {
                industry: account.industry.clone(),
                other_industry: account.other_industry.clone(),
                company_name: account.company_name.clone(),
                website_url: account.website_url.clone(),
                address: account.address.as_ref().map(|address| AddressSummary {
                    city: address.city.clone(),
                    postal_code: address.postal_code.clone(),
                    state_or_region: address.state_or_region.clone(),
                    country_code: address.country_code.clone(),
                }),
            }),
        }),
        project: document.project.as_ref().map(|project| ProjectSummary {
            delivery_models: project.delivery_models.clone(),
            expected_customer_spend: project.expected_customer_spend.clone(),
            expected_contract_duration: project.expected_contract_duration.clone(),
        }),
    }
}
