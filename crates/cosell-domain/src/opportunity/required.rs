//! What a submission needs (behaviours 2.5, column "Submit"). Looks only at what the opportunity carries.

use cosell_model::Timestamp;
use cosell_model::enums::{CountryCode, NationalSecurity, SalesInvolvementType, Stage};
use cosell_model::types::{ExpectedCustomerSpend, GetOpportunityResponse, Project};

use super::spend::SELF;
use super::{has_validated_solution, no_support_needed};
use crate::amount::Cents;
use crate::reference::{PostalCode, postal_code};
use crate::{Violations, calendar};

/// Reports everything that is missing for a submission with that involvement.
pub fn check(
    document: &GetOpportunityResponse,
    involvement: &SalesInvolvementType,
    now: Timestamp,
    found: &mut Violations,
) {
    check_customer(document, found);
    check_project(document, found);
    let unsupported = no_support_needed();
    let needs = document.primary_needs_from_aws.as_deref().unwrap_or_default();
    if *involvement == SalesInvolvementType::CoSell && !needs.iter().any(|need| *need != unsupported) {
        found.required("primaryNeedsFromAws");
    }
    let life_cycle = document.life_cycle.as_ref();
    match life_cycle.and_then(|cycle| cycle.target_close_date.as_deref()) {
        None => found.required("lifeCycle.targetCloseDate"),
        Some(date) if !calendar::is_future(date, now) => {
            found.invalid(
                "lifeCycle.targetCloseDate",
                "Target Close Date should be a future date",
            );
        }
        Some(_) => {}
    }
    check_solution(document, found);
}

fn check_customer(document: &GetOpportunityResponse, found: &mut Violations) {
    let filled = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    let secret = document.national_security == Some(NationalSecurity::Yes);
    let account = document
        .customer
        .as_ref()
        .and_then(|customer| customer.account.as_ref());
    if account.is_none_or(|account| account.company_name.is_empty()) {
        found.required("customer.account.companyName");
    }
    if account.is_none_or(|account| account.industry.is_none()) {
        found.required("customer.account.industry");
    }
    if !secret && account.is_none_or(|account| !filled(&account.website_url)) {
        found.required("customer.account.websiteUrl");
    }
    let address = account.and_then(|account| account.address.as_ref());
    let Some(country) = address.and_then(|address| address.country_code.as_ref()) else {
        found.required("customer.account.address.countryCode");
        return;
    };
    let has =
        |text: fn(&cosell_model::types::Address) -> &Option<String>| address.is_some_and(|a| filled(text(a)));
    if postal_code(country.as_str()) != PostalCode::None && !has(|address| &address.postal_code) {
        found.required("customer.account.address.postalCode");
    }
    if *country == CountryCode::US && !has(|address| &address.state_or_region) {
        found.required("customer.account.address.stateOrRegion");
    }
}

fn check_project(document: &GetOpportunityResponse, found: &mut Violations) {
    let project = document.project.as_ref();
    let filled = |text: Option<&String>| text.is_some_and(|text| !text.is_empty());
    for (path, text) in [
        ("project.title", project.and_then(|p| p.title.as_ref())),
        (
            "project.customerBusinessProblem",
            project.and_then(|p| p.customer_business_problem.as_ref()),
        ),
        (
            "project.customerUseCase",
            project.and_then(|p| p.customer_use_case.as_ref()),
        ),
    ] {
        if !filled(text) {
            found.required(path);
        }
    }
    if project
        .and_then(|p| p.delivery_models.as_ref())
        .is_none_or(Vec::is_empty)
    {
        found.required("project.deliveryModels");
    }
    if project
        .and_then(|p| p.sales_activities.as_ref())
        .is_none_or(Vec::is_empty)
    {
        // Recorded with this code, unlike every other missing field.
        found.not_permitted("project.salesActivities", "project.salesActivities is required");
    }
    let spend = project
        .and_then(|p| p.expected_customer_spend.as_deref())
        .unwrap_or_default();
    let positive = |amount: &Option<String>| {
        amount
            .as_deref()
            .and_then(Cents::parse)
            .is_some_and(Cents::is_positive)
    };
    if spend.is_empty() {
        found.required("project.expectedCustomerSpend");
    } else if !sent(project, spend).all(|entry| positive(&entry.amount)) {
        found.invalid(
            "project.expectedCustomerSpend.amount",
            "Amount must be above 0 in every entry",
        );
    }
}

/// The spend entries that the partner answers for. Beside a contract's whole value AWS's entry is derived, and may well
/// come to less than a cent a month.
fn sent<'a>(
    project: Option<&Project>,
    spend: &'a [ExpectedCustomerSpend],
) -> impl Iterator<Item = &'a ExpectedCustomerSpend> {
    let contract = project.is_some_and(|project| project.expected_contract_duration.is_some())
        && spend.iter().any(|entry| entry.target_company == SELF);
    spend
        .iter()
        .filter(move |entry| !contract || entry.target_company == SELF)
}

fn check_solution(document: &GetOpportunityResponse, found: &mut Violations) {
    if has_validated_solution(&document.related_entity_identifiers) {
        return;
    }
    let described = document
        .project
        .as_ref()
        .and_then(|project| project.other_solution_description.as_ref())
        .is_some_and(|text| !text.is_empty());
    let stage = document
        .life_cycle
        .as_ref()
        .and_then(|cycle| cycle.stage.as_ref());
    if !described || matches!(stage, Some(Stage::Committed)) {
        // Worded as the service words it.
        found.invalid(
            "relatedEntityIdentifiers.solutions",
            "Associate atleast one solution",
        );
    }
}
