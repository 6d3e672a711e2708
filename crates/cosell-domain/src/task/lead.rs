//! From a lead to an opportunity: which context may be converted, and the draft that comes of it, as recorded of AWS
//! (behaviours 4.4). The draft holds no more of the lead than AWS's does: neither contacts nor an address beyond the
//! country. What a free text of the lead says is kept only where the opportunity's contract takes it.

use cosell_model::enums::{
    CountryCode, EngagementContextType, Industry, MarketingSource, OpportunityType, ReasonCode, Stage,
};
use cosell_model::types::{
    Account, Address, CreateOpportunityRequest, Customer, CustomerProjectsContext, EngagementContextDetails,
    EngagementCustomer, EngagementCustomerProjectDetails, LeadContext, LifeCycle, Marketing, Project,
};
use cosell_model::{Check, Timestamp, Violation};

use super::Failure;
use crate::opportunity::{Opportunity, create};

/// The title of every converted deal.
pub const TITLE: &str = "Converted from Lead";
/// Days from the conversion to the close date.
pub const DAYS_TO_CLOSE: i64 = 90;
/// The qualification status that forbids a conversion. The status is free text, so case does not matter.
pub const DISQUALIFIED: &str = "Disqualified";
/// The least number of characters of a business problem in opportunities and projects; a lead has no such bound.
const SHORTEST_PROBLEM: usize = 20;

/// What a conversion makes.
#[derive(Debug, Clone, PartialEq)]
pub struct Converted {
    /// The draft, in Pending Submission.
    pub opportunity: Opportunity,
    /// The context that is added to the engagement.
    pub context: CustomerProjectsContext,
}

/// The lead that `id` names among an engagement's contexts, if it may be converted.
pub fn find<'a>(contexts: &'a [EngagementContextDetails], id: &str) -> Result<&'a LeadContext, Failure> {
    let Some(context) = contexts.iter().find(|context| context.id.as_deref() == Some(id)) else {
        return Err(Failure::new(
            ReasonCode::ContextNotFound,
            format!("The engagement has no context {id}: GetEngagement lists its contexts"),
        ));
    };
    let lead = context.payload.as_ref().and_then(|payload| payload.lead.as_ref());
    match (&context.r#type, lead) {
        (EngagementContextType::Lead, Some(lead)) => {
            let status = lead.qualification_status.as_deref().unwrap_or_default();
            if status.trim().eq_ignore_ascii_case(DISQUALIFIED) {
                return Err(Failure::new(
                    ReasonCode::DisqualifiedLeadNotPermitted,
                    "The lead is disqualified: update its QualificationStatus before converting it",
                ));
            }
            Ok(lead)
        }
        (EngagementContextType::CustomerProject, _) => Err(Failure::new(
            ReasonCode::CustomerProjectContextNotPermitted,
            format!("Context {id} is a customer project: only a lead can be converted"),
        )),
        _ => Err(Failure::new(
            ReasonCode::EngagementValidationFailed,
            format!("Context {id} is no lead: only a lead can be converted"),
        )),
    }
}

/// Converts a lead. The violations of the draft, if any, are those of CreateOpportunity.
pub fn convert(lead: &LeadContext, context: create::Context<'_>) -> Result<Converted, Vec<Violation>> {
    let close_date = close_date(context.now);
    let problem = problem(lead);
    let account = account(lead);
    let project = CustomerProjectsContext {
        customer: engagement_customer(&account),
        project: Some(EngagementCustomerProjectDetails {
            title: TITLE.to_owned(),
            business_problem: problem
                .clone()
                .unwrap_or_else(|| "The lead states no business problem.".to_owned()),
            target_completion_date: close_date.clone(),
        }),
    };
    let input = CreateOpportunityRequest {
        catalog: context.catalog.as_str().to_owned(),
        opportunity_type: Some(OpportunityType::NetNewBusiness),
        customer: Some(Customer {
            account: Some(account),
            contacts: Some(Vec::new()),
        }),
        project: Some(Project {
            title: Some(TITLE.to_owned()),
            customer_business_problem: problem,
            ..Project::default()
        }),
        marketing: Some(Marketing {
            source: Some(MarketingSource::None),
            ..Marketing::default()
        }),
        life_cycle: Some(LifeCycle {
            stage: Some(Stage::Prospect),
            target_close_date: Some(close_date),
            ..LifeCycle::default()
        }),
        opportunity_team: Some(Vec::new()),
        ..CreateOpportunityRequest::default()
    };
    let mut opportunity = create::create(input, context)?;
    if let Some(project) = opportunity.document.project.as_mut() {
        // A creation keeps no empty list; AWS was seen to return one here.
        project.expected_customer_spend.get_or_insert_with(Vec::new);
    }
    Ok(Converted {
        opportunity,
        context: project,
    })
}

fn close_date(now: Timestamp) -> String {
    now.plus_millis(DAYS_TO_CLOSE * 24 * 60 * 60 * 1000).date()
}

/// The problem that the latest interaction states. One too short for an opportunity is introduced rather than dropped.
fn problem(lead: &LeadContext) -> Option<String> {
    let stated = |text: &&str| !text.trim().is_empty();
    let text = lead
        .interactions
        .iter()
        .rev()
        .filter_map(|interaction| interaction.business_problem.as_deref())
        .find(stated)?;
    if text.chars().count() < SHORTEST_PROBLEM {
        Some(format!("The customer's problem: {text}"))
    } else {
        Some(text.to_owned())
    }
}

fn account(lead: &LeadContext) -> Account {
    let customer = &lead.customer;
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    let (industry, other_industry) = match filled(&customer.industry) {
        None => (None, None),
        Some(text) => match Industry::from(text.as_str()) {
            Industry::Other | Industry::Unrecognized(_) => (Some(Industry::Other), Some(text)),
            known => (Some(known), None),
        },
    };
    let country = customer.address.as_ref().and_then(|address| {
        let code = address.country_code.as_deref()?.trim().to_ascii_uppercase();
        Some(CountryCode::from(code.as_str())).filter(Check::check)
    });
    let mut account = Account {
        industry,
        other_industry,
        company_name: customer.company_name.clone(),
        website_url: filled(&customer.website_url),
        address: country.map(|country| Address {
            country_code: Some(country),
            ..Address::default()
        }),
        ..Account::default()
    };
    if !account.check() {
        // The website is the only free text left that an opportunity bounds more tightly than a lead.
        account.website_url = None;
    }
    account
}

/// The customer of the project context, where the lead says all that the contract demands of one.
fn engagement_customer(account: &Account) -> Option<EngagementCustomer> {
    let customer = EngagementCustomer {
        industry: account.industry.clone()?,
        company_name: account.company_name.clone(),
        website_url: account.website_url.clone()?,
        country_code: account.address.as_ref()?.country_code.clone()?,
    };
    customer.check().then_some(customer)
}
