//! Rules about what an opportunity carries, whatever its state: one member demanding or excluding another, value lists,
//! postal codes, dates (behaviours 2.4 and 2.6). What must be present at a submission is in `required`.

use cosell_model::Timestamp;
use cosell_model::enums::{
    AwsFundingUsed, CompetitorName, CountryCode, Industry, MarketingSource, NationalSecurity, ReviewStatus,
    Stage, ValidationExceptionErrorCode as Code,
};
use cosell_model::types::{
    Account, Address, GetOpportunityResponse, LifeCycle, Marketing, Project, SoftwareRevenue,
};

use super::{is_closed, no_support_needed};
use crate::reference::{APN_PROGRAMS, CUSTOMER_USE_CASES, MARKETING_USE_CASES, US_STATES, postal_code};
use crate::{Violations, calendar};

/// Checks a document that is about to be kept. `stored` is the opportunity before an update: what it holds already may
/// be echoed even where it could not be sent anew.
pub fn check(
    document: &GetOpportunityResponse,
    stored: Option<&GetOpportunityResponse>,
    now: Timestamp,
    found: &mut Violations,
) {
    check_needs(document, stored, found);
    let account = document
        .customer
        .as_ref()
        .and_then(|customer| customer.account.as_ref());
    check_account(account, document.national_security.as_ref(), found);
    if let Some(project) = &document.project {
        check_project(project, found);
    }
    if let Some(marketing) = &document.marketing {
        check_marketing(marketing, found);
    }
    if let Some(revenue) = &document.software_revenue {
        check_software_revenue(revenue, found);
    }
    if let Some(life_cycle) = &document.life_cycle {
        check_life_cycle(life_cycle, awaited_date(stored), now, found);
    }
}

/// The close date of a deal under review. Nobody can move it there, so its passing must not keep AWS from deciding.
fn awaited_date(stored: Option<&GetOpportunityResponse>) -> Option<&str> {
    let life_cycle = stored?.life_cycle.as_ref()?;
    match life_cycle.review_status {
        Some(ReviewStatus::Submitted | ReviewStatus::InReview) => life_cycle.target_close_date.as_deref(),
        _ => None,
    }
}

/// The value that the service itself writes for deals without support may be echoed, never introduced.
fn check_needs(
    document: &GetOpportunityResponse,
    stored: Option<&GetOpportunityResponse>,
    found: &mut Violations,
) {
    let unsupported = no_support_needed();
    let carries = |document: &GetOpportunityResponse| {
        document
            .primary_needs_from_aws
            .as_ref()
            .is_some_and(|needs| needs.contains(&unsupported))
    };
    if carries(document) && !stored.is_some_and(carries) {
        let accepted: Vec<&str> = cosell_model::enums::PrimaryNeedFromAws::VALUES
            .iter()
            .copied()
            .filter(|value| *value != unsupported.as_str())
            .collect();
        found.add(
            "primaryNeedsFromAws",
            Code::InvalidEnumValue,
            format!("primaryNeedsFromAws must be one of: {}", accepted.join(", ")),
        );
    }
}

fn check_account(
    account: Option<&Account>,
    national_security: Option<&NationalSecurity>,
    found: &mut Violations,
) {
    let industry = account.and_then(|account| account.industry.as_ref());
    let address = account.and_then(|account| account.address.as_ref());
    if let Some(account) = account {
        let other = account.other_industry.as_deref().unwrap_or_default();
        match (industry == Some(&Industry::Other), other.is_empty()) {
            (true, true) => found.required("customer.account.otherIndustry"),
            (false, false) => found.not_permitted(
                "customer.account.otherIndustry",
                "customer.account.otherIndustry is only for industry Other",
            ),
            _ => {}
        }
    }
    if national_security == Some(&NationalSecurity::Yes) {
        if industry != Some(&Industry::Government) {
            found.not_permitted(
                "nationalSecurity",
                "nationalSecurity can be Yes only for industry Government",
            );
        }
        let country = address.and_then(|address| address.country_code.as_ref());
        if country.is_some_and(|country| *country != CountryCode::US) {
            found.invalid(
                "customer.account.address.countryCode",
                "countryCode must be US for an opportunity of national security",
            );
        }
    }
    if let Some(address) = address {
        check_address(address, found);
    }
}

fn check_address(address: &Address, found: &mut Violations) {
    let Some(country) = address.country_code.as_ref() else {
        return;
    };
    if let Some(code) = address.postal_code.as_deref().filter(|code| !code.is_empty()) {
        let rule = postal_code(country.as_str());
        if !rule.accepts(code) {
            let formats = rule.formats_in_words();
            found.invalid(
                "customer.account.address.postalCode",
                format!(
                    "The postal code is invalid for country {country}, {country} postal code must be in {formats} format."
                ),
            );
        }
    }
    if *country == CountryCode::US
        && let Some(state) = address
            .state_or_region
            .as_deref()
            .filter(|state| !state.is_empty())
        && !US_STATES.holds(state)
    {
        let field = "customer.account.address.stateOrRegion";
        found.add(field, Code::InvalidEnumValue, US_STATES.refusal(field));
    }
}

fn check_project(project: &Project, found: &mut Violations) {
    if let Some(use_case) = project.customer_use_case.as_deref()
        && !CUSTOMER_USE_CASES.holds(use_case)
    {
        let field = "project.customerUseCase";
        found.add(field, Code::InvalidEnumValue, CUSTOMER_USE_CASES.refusal(field));
    }
    let programs = project.apn_programs.as_deref().unwrap_or_default();
    if programs.iter().any(|program| !APN_PROGRAMS.holds(program)) {
        let field = "project.apnPrograms";
        found.add(field, Code::InvalidEnumValue, APN_PROGRAMS.refusal(field));
    }
    let other = project.other_competitor_names.as_deref().unwrap_or_default();
    if !other.is_empty() && project.competitor_name != Some(CompetitorName::Other) {
        found.not_permitted(
            "project.otherCompetitorNames",
            "project.otherCompetitorNames is only for competitorName *Other",
        );
    }
}

/// `AwsFundingUsed: "No"` passes beside `Source: "None"`, and use cases beside `AwsFundingUsed: "No"`, because clients
/// written for AWS send both, although other sources say that they must be null.
fn check_marketing(marketing: &Marketing, found: &mut Violations) {
    let use_cases = marketing.use_cases.as_deref().unwrap_or_default();
    if use_cases
        .iter()
        .any(|use_case| !MARKETING_USE_CASES.holds(use_case))
    {
        let field = "marketing.useCases";
        found.add(field, Code::InvalidEnumValue, MARKETING_USE_CASES.refusal(field));
    }
    match &marketing.source {
        Some(MarketingSource::None) => {
            let channels = marketing.channels.as_deref().unwrap_or_default();
            let campaign = marketing.campaign_name.as_deref().unwrap_or_default();
            let funded = marketing
                .aws_funding_used
                .as_ref()
                .is_some_and(|used| *used != AwsFundingUsed::No);
            for (field, sent) in [
                ("marketing.campaignName", !campaign.is_empty()),
                ("marketing.useCases", !use_cases.is_empty()),
                ("marketing.channels", !channels.is_empty()),
                ("marketing.awsFundingUsed", funded),
            ] {
                if sent {
                    found.not_permitted(
                        field,
                        format!("{field} must be null while marketing.source is None"),
                    );
                }
            }
        }
        Some(MarketingSource::MarketingActivity) if marketing.aws_funding_used.is_none() => {
            found.required("marketing.awsFundingUsed");
        }
        _ => {}
    }
}

fn check_software_revenue(revenue: &SoftwareRevenue, found: &mut Violations) {
    let dates = [
        ("softwareRevenue.effectiveDate", revenue.effective_date.as_deref()),
        (
            "softwareRevenue.expirationDate",
            revenue.expiration_date.as_deref(),
        ),
    ];
    for (field, date) in dates {
        if date.is_some_and(|date| !calendar::exists(date)) {
            found.invalid(field, format!("{field} is not a date of the calendar"));
        }
    }
    if let (Some(from), Some(to)) = (dates[0].1, dates[1].1)
        && from > to
    {
        found.invalid(
            dates[1].0,
            "softwareRevenue.expirationDate must not lie before softwareRevenue.effectiveDate",
        );
    }
}

fn check_life_cycle(life_cycle: &LifeCycle, awaited: Option<&str>, now: Timestamp, found: &mut Violations) {
    let lost = life_cycle.stage == Some(Stage::ClosedLost);
    match (lost, life_cycle.closed_lost_reason.is_some()) {
        (true, false) => found.add(
            "lifeCycle.closedLostReason",
            Code::RequiredFieldMissing,
            "Missing Required Field: Closed Lost Reason is required when closing the opportunity",
        ),
        (false, true) => found.not_permitted(
            "lifeCycle.closedLostReason",
            "Closed Lost Reason is not acceptable until Opportunity has been 'Closed Lost'.",
        ),
        _ => {}
    }
    let open = !life_cycle.stage.as_ref().is_some_and(is_closed);
    if let Some(date) = life_cycle.target_close_date.as_deref() {
        if !calendar::exists(date) {
            found.invalid(
                "lifeCycle.targetCloseDate",
                "lifeCycle.targetCloseDate is not a date of the calendar",
            );
        } else if open && awaited != Some(date) && !calendar::is_future(date, now) {
            found.invalid(
                "lifeCycle.targetCloseDate",
                "Target Close Date should be a future date",
            );
        }
    }
}
