//! AWS's own view of a deal, and the answer of GetAwsOpportunitySummary that is made of it.
//!
//! AWS keeps a stage, a team and insights of its own; the customer, the spend and the associated entities it shows are
//! the partner's, so they are read from the partner's document rather than kept twice, unless AWS has come to another
//! view of them. `edit` is what AWS's seller may do, `change` the form in which it is asked for.

pub mod change;
pub mod edit;

use cosell_model::enums::{AwsOpportunityStage, InvolvementTypeChangeReason};
use cosell_model::types::{
    AwsOpportunityCustomer, AwsOpportunityInsights, AwsOpportunityLifeCycle, AwsOpportunityProject,
    AwsOpportunityRelatedEntities, AwsSoftwareRevenue, AwsTeamMember, GetAwsOpportunitySummaryResponse,
};
use serde::{Deserialize, Serialize};

use super::Opportunity;

/// What AWS alone says about a deal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AwsSide {
    /// True once AWS approved the deal. The review status says so too, but an update in the sandbox can lose that, and
    /// what AWS validated stays validated. Kept from the first update on that finds the deal approved.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub approved: bool,
    /// Stage, close date and next steps as AWS's seller keeps them.
    pub life_cycle: AwsOpportunityLifeCycle,
    /// AWS's people on the deal; empty until an operator names some, as recorded from AWS's sandbox.
    #[serde(default)]
    pub opportunity_team: Vec<AwsTeamMember>,
    /// Scores and recommendations, once there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insights: Option<AwsOpportunityInsights>,
    /// Why AWS changed the involvement, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub involvement_type_change_reason: Option<InvolvementTypeChangeReason>,
    /// How AWS works the deal, once decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cosell_motion: Option<String>,
    /// AWS's own figures of the software deal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software_revenue: Option<AwsSoftwareRevenue>,
    /// The entities that AWS relates to the deal. A list that is absent shows the partner's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub related_entity_ids: Option<AwsOpportunityRelatedEntities>,
    /// The customer's people as AWS knows them, in place of the partner's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<AwsOpportunityCustomer>,
    /// What AWS expects of the project, such as the results of its sizing. A member that is absent shows the partner's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<AwsOpportunityProject>,
}

impl AwsSide {
    /// The side that a submission opens: nothing done yet, the partner's close date.
    pub fn opened(target_close_date: Option<String>) -> Self {
        Self {
            approved: false,
            life_cycle: AwsOpportunityLifeCycle {
                target_close_date,
                stage: Some(AwsOpportunityStage::NotStarted),
                ..AwsOpportunityLifeCycle::default()
            },
            opportunity_team: Vec::new(),
            insights: None,
            involvement_type_change_reason: None,
            cosell_motion: None,
            software_revenue: None,
            related_entity_ids: None,
            customer: None,
            project: None,
        }
    }
}

/// The answer of GetAwsOpportunitySummary; `None` before the submission, when AWS knows nothing of the deal.
pub fn summary(opportunity: &Opportunity) -> Option<GetAwsOpportunitySummaryResponse> {
    let aws = opportunity.private.aws.as_ref()?;
    let document = &opportunity.document;
    let related = &document.related_entity_identifiers;
    let project = document.project.as_ref();
    let own_related = aws.related_entity_ids.clone().unwrap_or_default();
    let own_contacts = aws.customer.as_ref().and_then(|own| own.contacts.clone());
    let own_project = aws.project.clone().unwrap_or_default();
    Some(GetAwsOpportunitySummaryResponse {
        related_opportunity_id: Some(document.id.clone()),
        origin: Some(opportunity.private.origin.clone()),
        involvement_type: opportunity.private.involvement_type.clone(),
        visibility: opportunity.private.visibility.clone(),
        life_cycle: Some(aws.life_cycle.clone()),
        opportunity_team: Some(aws.opportunity_team.clone()),
        insights: aws.insights.clone(),
        involvement_type_change_reason: aws.involvement_type_change_reason.clone(),
        related_entity_ids: Some(AwsOpportunityRelatedEntities {
            aws_products: own_related.aws_products.or_else(|| related.aws_products.clone()),
            solutions: own_related.solutions.or_else(|| related.solutions.clone()),
            aws_marketplace_solutions: own_related
                .aws_marketplace_solutions
                .or_else(|| related.aws_marketplace_solutions.clone()),
            aws_marketplace_products: own_related
                .aws_marketplace_products
                .or_else(|| related.aws_marketplace_products.clone()),
        }),
        customer: Some(AwsOpportunityCustomer {
            contacts: own_contacts.or_else(|| {
                document
                    .customer
                    .as_ref()
                    .and_then(|customer| customer.contacts.clone())
            }),
        }),
        project: Some(AwsOpportunityProject {
            expected_customer_spend: own_project
                .expected_customer_spend
                .or_else(|| project.and_then(|project| project.expected_customer_spend.clone())),
            aws_partition: own_project
                .aws_partition
                .or_else(|| project.and_then(|project| project.aws_partition.clone())),
        }),
        cosell_motion: aws.cosell_motion.clone(),
        software_revenue: aws.software_revenue.clone(),
        catalog: document.catalog.clone(),
    })
}
