//! Every member that an update can touch, by its dotted path, with how to tell that it is there and that it changed.
//! The locks and the PUT semantics are both read off this one table; it decides nothing itself.

use cosell_model::types::{
    Account, Address, Contact, GetOpportunityResponse as Document, LifeCycle, Marketing, Project,
    SoftwareRevenue,
};

/// One member of an opportunity.
pub struct Field {
    /// Its path as in a violation.
    pub path: &'static str,
    /// True when the business cannot do without it once it is set: leaving it out of an update is a missing field
    /// rather than a cleared one (behaviours 2.10).
    pub required: bool,
    /// True when the document carries it: a text or list that is empty counts as absent.
    pub present: fn(&Document) -> bool,
    /// True when the two documents carry the same.
    pub same: fn(&Document, &Document) -> bool,
}

/// What counts as absent for a kind of value.
trait Presence {
    fn is_there(&self) -> bool;
}

impl Presence for String {
    fn is_there(&self) -> bool {
        !self.is_empty()
    }
}

impl<T> Presence for Vec<T> {
    fn is_there(&self) -> bool {
        !self.is_empty()
    }
}

macro_rules! always_there {
    ($($type:ty),+ $(,)?) => {
        $(impl Presence for $type {
            fn is_there(&self) -> bool {
                true
            }
        })+
    };
}

always_there!(
    cosell_model::enums::NationalSecurity,
    cosell_model::enums::OpportunityType,
    cosell_model::enums::Industry,
    cosell_model::enums::CountryCode,
    cosell_model::enums::CompetitorName,
    cosell_model::enums::AwsPartition,
    cosell_model::enums::MarketingSource,
    cosell_model::enums::AwsFundingUsed,
    cosell_model::enums::RevenueModel,
    cosell_model::enums::Stage,
    cosell_model::enums::ClosedLostReason,
    cosell_model::types::ExpectedContractDuration,
    cosell_model::types::MonetaryValue,
);

fn there<T: Presence>(value: Option<&T>) -> Option<&T> {
    value.filter(|value| value.is_there())
}

fn account(document: &Document) -> Option<&Account> {
    document.customer.as_ref()?.account.as_ref()
}

fn address(document: &Document) -> Option<&Address> {
    account(document)?.address.as_ref()
}

fn contacts(document: &Document) -> Option<&Vec<Contact>> {
    document.customer.as_ref()?.contacts.as_ref()
}

fn project(document: &Document) -> Option<&Project> {
    document.project.as_ref()
}

fn marketing(document: &Document) -> Option<&Marketing> {
    document.marketing.as_ref()
}

fn revenue(document: &Document) -> Option<&SoftwareRevenue> {
    document.software_revenue.as_ref()
}

fn life_cycle(document: &Document) -> Option<&LifeCycle> {
    document.life_cycle.as_ref()
}

fn whole(document: &Document) -> Option<&Document> {
    Some(document)
}

macro_rules! field {
    ($path:literal, $required:literal, $parent:ident, $member:ident) => {
        Field {
            path: $path,
            required: $required,
            present: |document| there($parent(document).and_then(|parent| parent.$member.as_ref())).is_some(),
            same: |a, b| {
                there($parent(a).and_then(|parent| parent.$member.as_ref()))
                    == there($parent(b).and_then(|parent| parent.$member.as_ref()))
            },
        }
    };
}

/// Every member that an update carries, in the order of the update's shape. `lifeCycle.reviewStatus` and its companions
/// are not among them: they follow rules of their own.
pub static FIELDS: &[Field] = &[
    field!("primaryNeedsFromAws", true, whole, primary_needs_from_aws),
    field!("nationalSecurity", false, whole, national_security),
    field!(
        "partnerOpportunityIdentifier",
        false,
        whole,
        partner_opportunity_identifier
    ),
    field!("customer.account.industry", true, account, industry),
    field!("customer.account.otherIndustry", false, account, other_industry),
    Field {
        path: "customer.account.companyName",
        required: true,
        present: |document| account(document).is_some_and(|account| account.company_name.is_there()),
        same: |a, b| {
            account(a).and_then(|account| there(Some(&account.company_name)))
                == account(b).and_then(|account| there(Some(&account.company_name)))
        },
    },
    field!("customer.account.websiteUrl", true, account, website_url),
    field!("customer.account.awsAccountId", false, account, aws_account_id),
    field!("customer.account.address.city", false, address, city),
    field!("customer.account.address.postalCode", true, address, postal_code),
    field!(
        "customer.account.address.stateOrRegion",
        true,
        address,
        state_or_region
    ),
    field!(
        "customer.account.address.countryCode",
        true,
        address,
        country_code
    ),
    field!(
        "customer.account.address.streetAddress",
        false,
        address,
        street_address
    ),
    field!("customer.account.duns", false, account, duns),
    Field {
        path: "customer.contacts",
        required: false,
        present: |document| there(contacts(document)).is_some(),
        same: |a, b| there(contacts(a)) == there(contacts(b)),
    },
    field!("project.deliveryModels", true, project, delivery_models),
    field!(
        "project.expectedCustomerSpend",
        true,
        project,
        expected_customer_spend
    ),
    field!(
        "project.expectedContractDuration",
        false,
        project,
        expected_contract_duration
    ),
    field!("project.title", true, project, title),
    field!("project.apnPrograms", false, project, apn_programs),
    field!(
        "project.customerBusinessProblem",
        true,
        project,
        customer_business_problem
    ),
    field!("project.customerUseCase", true, project, customer_use_case),
    field!(
        "project.relatedOpportunityIdentifier",
        false,
        project,
        related_opportunity_identifier
    ),
    field!("project.salesActivities", true, project, sales_activities),
    field!("project.competitorName", false, project, competitor_name),
    field!(
        "project.otherCompetitorNames",
        false,
        project,
        other_competitor_names
    ),
    field!(
        "project.otherSolutionDescription",
        false,
        project,
        other_solution_description
    ),
    field!("project.additionalComments", false, project, additional_comments),
    field!("project.awsPartition", false, project, aws_partition),
    field!("opportunityType", true, whole, opportunity_type),
    field!("marketing.campaignName", false, marketing, campaign_name),
    field!("marketing.source", true, marketing, source),
    field!("marketing.useCases", false, marketing, use_cases),
    field!("marketing.channels", false, marketing, channels),
    field!("marketing.awsFundingUsed", false, marketing, aws_funding_used),
    field!("softwareRevenue.deliveryModel", false, revenue, delivery_model),
    field!("softwareRevenue.value", false, revenue, value),
    field!("softwareRevenue.effectiveDate", false, revenue, effective_date),
    field!("softwareRevenue.expirationDate", false, revenue, expiration_date),
    field!("lifeCycle.stage", true, life_cycle, stage),
    field!(
        "lifeCycle.closedLostReason",
        false,
        life_cycle,
        closed_lost_reason
    ),
    field!("lifeCycle.nextSteps", false, life_cycle, next_steps),
    field!("lifeCycle.targetCloseDate", true, life_cycle, target_close_date),
];
