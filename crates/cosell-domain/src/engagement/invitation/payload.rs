//! The outline of a deal or a lead that an invitation shows to somebody who has not accepted it yet.
//!
//! What stays hidden before acceptance (behaviours 3.3) stays hidden by never being copied here: street, city, postal
//! code, the customer's people, account numbers, other solutions, related entities; of a lead, its contact but for the
//! business title.

use cosell_model::Check;
use cosell_model::enums::ReceiverResponsibility;
use cosell_model::types::{
    Contact, CustomerProjectsContext, EngagementCustomer, EngagementCustomerProjectDetails,
    GetOpportunityResponse, LeadContext, LeadInvitationCustomer, LeadInvitationInteraction,
    LeadInvitationPayload, OpportunityInvitationPayload, ProjectDetails, SenderContact,
};

use super::create::Context;
use crate::engagement::{receiver, truncated};
use crate::opportunity::spend::{self, Duration};
use crate::{Violations, calendar};

/// How many people of the sender an invitation names.
pub(super) const MAX_SENDER_CONTACTS: usize = 3;

/// How many characters of a contact's business title an invitation to a lead shows.
const BUSINESS_TITLE_LIMIT: usize = 80;

/// Checks the outline that a member sends. `path` is where it stands in the request.
///
/// The target date becomes the close date of the receiver's opportunity, so it obeys the rule of close dates.
pub(super) fn settle(
    outline: &mut OpportunityInvitationPayload,
    path: &str,
    known: Context<'_>,
    found: &mut Violations,
) {
    let project = &outline.project;
    let field = format!("{path}.project.targetCompletionDate");
    if !calendar::exists(&project.target_completion_date) {
        found.invalid(&field, format!("{field} is not a date of the calendar"));
    } else if !calendar::is_future(&project.target_completion_date, known.now) {
        found.invalid(&field, format!("{field} should be a future date"));
    }
    // The entries become those of the receiver's opportunity, so they are settled as those of any opportunity; what the
    // sender itself earns needs a contract, which an outline does not carry, and is shown as it is.
    let mut document = receiver::document_of(outline, known.catalog, known.now);
    let mut of_spend = Violations::new();
    spend::settle(
        &mut document,
        None,
        Duration::AsSent,
        known.estimates,
        &mut of_spend,
    );
    for violation in of_spend.into_vec() {
        let field = violation.field_name.unwrap_or_default();
        found.add(&format!("{path}.{field}"), violation.code, violation.message);
    }
    let entries = &mut outline.project.expected_customer_spend;
    entries.retain(receiver::is_senders_own);
    let settled = document
        .project
        .and_then(|project| project.expected_customer_spend);
    entries.splice(0..0, settled.unwrap_or_default());
}

/// The customer of an opportunity as members of an engagement see it; `None` where the contract cannot express it.
pub fn customer(document: &GetOpportunityResponse) -> Option<EngagementCustomer> {
    let account = document.customer.as_ref()?.account.as_ref()?;
    let customer = EngagementCustomer {
        industry: account.industry.clone()?,
        company_name: account.company_name.clone(),
        website_url: account.website_url.clone()?,
        country_code: account.address.as_ref()?.country_code.clone()?,
    };
    customer.check().then_some(customer)
}

fn project(document: &GetOpportunityResponse) -> Option<ProjectDetails> {
    let project = document.project.as_ref()?;
    let details = ProjectDetails {
        business_problem: project.customer_business_problem.clone()?,
        title: project.title.clone()?,
        target_completion_date: document.life_cycle.as_ref()?.target_close_date.clone()?,
        expected_customer_spend: project.expected_customer_spend.clone().unwrap_or_default(),
    };
    details.check().then_some(details)
}

/// The context that an opportunity gives to an engagement, as far as it has what that takes; `None` where it has
/// nothing of it.
pub fn customer_project(document: &GetOpportunityResponse) -> Option<CustomerProjectsContext> {
    let context = CustomerProjectsContext {
        customer: customer(document),
        project: project(document).map(|project| EngagementCustomerProjectDetails {
            title: project.title,
            business_problem: project.business_problem,
            target_completion_date: project.target_completion_date,
        }),
    };
    (context != CustomerProjectsContext::default()).then_some(context)
}

/// The outline of an opportunity. Of `team`, those are named as contacts who can be (an e-mail address is needed).
/// `None` where the opportunity lacks something that the outline must have.
pub fn of_opportunity(
    document: &GetOpportunityResponse,
    team: &[Contact],
    responsibilities: Vec<ReceiverResponsibility>,
) -> Option<OpportunityInvitationPayload> {
    let contacts: Vec<SenderContact> = team
        .iter()
        .filter_map(sender_contact)
        .take(MAX_SENDER_CONTACTS)
        .collect();
    Some(OpportunityInvitationPayload {
        sender_contacts: (!contacts.is_empty()).then_some(contacts),
        receiver_responsibilities: responsibilities,
        customer: customer(document)?,
        project: project(document)?,
    })
}

fn sender_contact(contact: &Contact) -> Option<SenderContact> {
    let contact = SenderContact {
        email: contact.email.clone()?,
        first_name: contact.first_name.clone(),
        last_name: contact.last_name.clone(),
        business_title: contact.business_title.clone(),
        phone: contact.phone.clone(),
    };
    contact.check().then_some(contact)
}

/// The outline of a lead, from its latest interaction; `None` without any.
pub fn of_lead(lead: &LeadContext) -> Option<LeadInvitationPayload> {
    let latest = lead.interactions.last()?;
    let customer = &lead.customer;
    Some(LeadInvitationPayload {
        customer: LeadInvitationCustomer {
            industry: customer.industry.clone(),
            company_name: customer.company_name.clone(),
            website_url: customer.website_url.clone(),
            country_code: customer
                .address
                .as_ref()
                .and_then(|address| address.country_code.clone()),
            aws_maturity: customer.aws_maturity.clone(),
            market_segment: customer.market_segment.clone(),
        },
        interaction: LeadInvitationInteraction {
            source_type: latest.source_type.clone(),
            source_id: latest.source_id.clone(),
            source_name: latest.source_name.clone(),
            usecase: latest.usecase.clone(),
            contact_business_title: truncated(&latest.contact.business_title, BUSINESS_TITLE_LIMIT),
        },
    })
}
