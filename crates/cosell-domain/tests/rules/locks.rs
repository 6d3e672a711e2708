//! Who can edit what in which state: every member against every state, from the published lists as written down here.

use cosell_domain::opportunity::Opportunity;
use serde_json::{Value, json};

use crate::support::*;

/// Every member an update carries and an edit that changes it. An edit that needs company to be legal brings it along.
fn edits() -> Vec<(&'static str, Vec<(&'static str, Value)>)> {
    let spend = |amount: &str, company: &str, frequency: &str| json!({"Amount": amount, "CurrencyCode": "EUR", "Frequency": frequency, "TargetCompany": company});
    vec![
        (
            "primaryNeedsFromAws",
            vec![("PrimaryNeedsFromAws", json!(["Co-Sell - Pricing Assistance"]))],
        ),
        (
            "nationalSecurity",
            vec![
                ("NationalSecurity", json!("Yes")),
                ("Customer.Account.Industry", json!("Government")),
                ("Customer.Account.OtherIndustry", Value::Null),
            ],
        ),
        (
            "partnerOpportunityIdentifier",
            vec![("PartnerOpportunityIdentifier", json!("crm-2"))],
        ),
        (
            "customer.account.industry",
            vec![
                ("Customer.Account.Industry", json!("Retail")),
                ("Customer.Account.OtherIndustry", Value::Null),
            ],
        ),
        (
            "customer.account.otherIndustry",
            vec![("Customer.Account.OtherIndustry", json!("Circus"))],
        ),
        (
            "customer.account.companyName",
            vec![("Customer.Account.CompanyName", json!("Fell Fish"))],
        ),
        (
            "customer.account.websiteUrl",
            vec![("Customer.Account.WebsiteUrl", json!("https://fell.example"))],
        ),
        (
            "customer.account.awsAccountId",
            vec![("Customer.Account.AwsAccountId", json!("777788889999"))],
        ),
        (
            "customer.account.duns",
            vec![("Customer.Account.Duns", json!("987654321"))],
        ),
        (
            "customer.account.address.city",
            vec![("Customer.Account.Address.City", json!("Tacoma"))],
        ),
        (
            "customer.account.address.postalCode",
            vec![("Customer.Account.Address.PostalCode", json!("98109"))],
        ),
        (
            "customer.account.address.stateOrRegion",
            vec![("Customer.Account.Address.StateOrRegion", json!("Oregon"))],
        ),
        (
            "customer.account.address.countryCode",
            vec![
                ("Customer.Account.Address.CountryCode", json!("DE")),
                ("Customer.Account.Address.PostalCode", json!("10115")),
                ("Customer.Account.Address.StateOrRegion", Value::Null),
            ],
        ),
        (
            "customer.account.address.streetAddress",
            vec![("Customer.Account.Address.StreetAddress", json!("2 Pike St"))],
        ),
        (
            "customer.contacts",
            vec![("Customer.Contacts", json!([{"Email": "bo@fjord.example"}]))],
        ),
        (
            "project.deliveryModels",
            vec![("Project.DeliveryModels", json!(["Resell"]))],
        ),
        (
            "project.expectedCustomerSpend",
            vec![(
                "Project.ExpectedCustomerSpend",
                json!([spend("9", "AWS", "Monthly")]),
            )],
        ),
        (
            "project.expectedContractDuration",
            vec![
                (
                    "Project.ExpectedContractDuration",
                    json!({"Term": "Months", "Value": "12"}),
                ),
                (
                    "Project.ExpectedCustomerSpend",
                    json!([spend("1200", "Self", "None")]),
                ),
            ],
        ),
        ("project.title", vec![("Project.Title", json!("Another title"))]),
        (
            "project.apnPrograms",
            vec![("Project.ApnPrograms", json!(["Windows"]))],
        ),
        (
            "project.customerBusinessProblem",
            vec![(
                "Project.CustomerBusinessProblem",
                json!("The same problem, told in other words."),
            )],
        ),
        (
            "project.customerUseCase",
            vec![("Project.CustomerUseCase", json!("SAP"))],
        ),
        (
            "project.relatedOpportunityIdentifier",
            vec![("Project.RelatedOpportunityIdentifier", json!("O2"))],
        ),
        (
            "project.salesActivities",
            vec![("Project.SalesActivities", json!(["SOW Signed"]))],
        ),
        (
            "project.competitorName",
            vec![
                ("Project.CompetitorName", json!("AliCloud")),
                ("Project.OtherCompetitorNames", Value::Null),
            ],
        ),
        (
            "project.otherCompetitorNames",
            vec![("Project.OtherCompetitorNames", json!("Y"))],
        ),
        (
            "project.otherSolutionDescription",
            vec![("Project.OtherSolutionDescription", json!("other home-made"))],
        ),
        (
            "project.additionalComments",
            vec![("Project.AdditionalComments", json!("a comment"))],
        ),
        (
            "project.awsPartition",
            vec![("Project.AwsPartition", json!("aws-eusc"))],
        ),
        ("opportunityType", vec![("OpportunityType", json!("Expansion"))]),
        (
            "marketing.campaignName",
            vec![("Marketing.CampaignName", json!("Autumn"))],
        ),
        ("marketing.source", vec![("Marketing", json!({"Source": "None"}))]),
        (
            "marketing.useCases",
            vec![("Marketing.UseCases", json!(["AI/ML"]))],
        ),
        (
            "marketing.channels",
            vec![("Marketing.Channels", json!(["Display"]))],
        ),
        (
            "marketing.awsFundingUsed",
            vec![("Marketing.AwsFundingUsed", json!("No"))],
        ),
        (
            "softwareRevenue.deliveryModel",
            vec![("SoftwareRevenue.DeliveryModel", json!("Subscription"))],
        ),
        (
            "softwareRevenue.value",
            vec![(
                "SoftwareRevenue.Value",
                json!({"Amount": "8", "CurrencyCode": "USD"}),
            )],
        ),
        (
            "softwareRevenue.effectiveDate",
            vec![("SoftwareRevenue.EffectiveDate", json!("2027-05-02"))],
        ),
        (
            "softwareRevenue.expirationDate",
            vec![("SoftwareRevenue.ExpirationDate", json!("2028-05-02"))],
        ),
        (
            "lifeCycle.stage",
            vec![
                ("LifeCycle.Stage", json!("Technical Validation")),
                ("LifeCycle.ClosedLostReason", Value::Null),
            ],
        ),
        (
            "lifeCycle.nextSteps",
            vec![("LifeCycle.NextSteps", json!("write an offer"))],
        ),
        (
            "lifeCycle.targetCloseDate",
            vec![("LifeCycle.TargetCloseDate", json!("2027-06-30"))],
        ),
    ]
}

/// A draft in which every one of those members is set, so that each can be changed and left out by itself.
fn full_draft() -> Opportunity {
    created(&with(
        whole_input(),
        &[
            ("Customer.Account.Industry", json!("Other")),
            ("Customer.Account.OtherIndustry", json!("Puppets")),
            (
                "Project.ExpectedCustomerSpend",
                json!([{"Amount": "2500", "CurrencyCode": "EUR", "Frequency": "Monthly", "TargetCompany": "AWS"}]),
            ),
            ("Project.RelatedOpportunityIdentifier", json!("O1")),
            ("Project.CompetitorName", json!("*Other")),
            ("Project.OtherCompetitorNames", json!("X")),
            ("Project.OtherSolutionDescription", json!("home-made")),
            (
                "Marketing",
                json!({"Source": "Marketing Activity", "CampaignName": "Spring", "UseCases": ["Analytics"],
                    "Channels": ["Email"], "AwsFundingUsed": "Yes"}),
            ),
            (
                "SoftwareRevenue",
                json!({"DeliveryModel": "Contract", "Value": {"Amount": "7", "CurrencyCode": "USD"},
                    "EffectiveDate": "2027-05-01", "ExpirationDate": "2028-05-01"}),
            ),
        ],
    ))
}

/// The published list of what may be corrected in Action Required; the duration belongs to the spend.
const OPEN_IN_ACTION_REQUIRED: [&str; 11] = [
    "customer.account.address.city",
    "customer.account.address.countryCode",
    "customer.account.address.postalCode",
    "customer.account.address.stateOrRegion",
    "customer.account.address.streetAddress",
    "customer.account.websiteUrl",
    "lifeCycle.targetCloseDate",
    "project.expectedCustomerSpend",
    "project.expectedContractDuration",
    "project.customerBusinessProblem",
    "partnerOpportunityIdentifier",
];

/// The published list of what an approval freezes, and what partners found frozen beyond it.
const LOCKED_BY_APPROVAL: [&str; 15] = [
    "customer.account.address.countryCode",
    "customer.account.address.postalCode",
    "customer.account.industry",
    "customer.account.websiteUrl",
    "project.customerBusinessProblem",
    "partnerOpportunityIdentifier",
    "project.title",
    "customer.account.companyName",
    "nationalSecurity",
    "customer.account.otherIndustry",
    "customer.account.address.stateOrRegion",
    "softwareRevenue.deliveryModel",
    "softwareRevenue.value",
    "softwareRevenue.effectiveDate",
    "softwareRevenue.expirationDate",
];

const OPEN_IN_LAUNCHED: [&str; 6] = [
    "project.deliveryModels",
    "project.additionalComments",
    "softwareRevenue.deliveryModel",
    "softwareRevenue.value",
    "softwareRevenue.effectiveDate",
    "softwareRevenue.expirationDate",
];

fn launched() -> Opportunity {
    closed(&solved(&full_draft()), "Launched")
}

/// After an update that left out the review status.
fn orphaned(stored: &Opportunity) -> Opportunity {
    edit(stored, &[("LifeCycle.ReviewStatus", Value::Null)]).unwrap()
}

type Opens = fn(&str) -> bool;

fn states() -> Vec<(&'static str, Opportunity, Opens)> {
    let full = full_draft();
    vec![
        ("a draft", full.clone(), |path| path != "lifeCycle.stage"),
        ("Action Required", of_status(&full, "Action Required"), |path| {
            OPEN_IN_ACTION_REQUIRED.contains(&path)
        }),
        ("Approved", of_status(&full, "Approved"), |path| {
            !LOCKED_BY_APPROVAL.contains(&path)
        }),
        ("Launched", launched(), |path| OPEN_IN_LAUNCHED.contains(&path)),
        ("Closed Lost", closed(&full, "Closed Lost"), |_| false),
        (
            "Approved, then orphaned",
            orphaned(&of_status(&full, "Approved")),
            |path| !LOCKED_BY_APPROVAL.contains(&path),
        ),
        (
            "Approved, then orphaned and edited",
            edit(
                &orphaned(&of_status(&full, "Approved")),
                &[("Project.AdditionalComments", json!("alone"))],
            )
            .unwrap(),
            |path| !LOCKED_BY_APPROVAL.contains(&path),
        ),
        (
            "Action Required, then orphaned",
            orphaned(&of_status(&full, "Action Required")),
            |path| path != "lifeCycle.stage",
        ),
        ("Launched, then orphaned", orphaned(&launched()), |path| {
            OPEN_IN_LAUNCHED.contains(&path)
        }),
        (
            "Closed Lost, then orphaned",
            orphaned(&closed(&full, "Closed Lost")),
            |_| false,
        ),
    ]
}

#[test]
fn each_member_can_be_changed_exactly_where_the_lists_say_so() {
    let edits = edits();
    assert_eq!(
        edits.len(),
        42,
        "every writable member but the reason of a loss, which has its own test"
    );
    for (state, stored, opens) in states() {
        for (path, change) in &edits {
            if *path == "project.otherSolutionDescription" && state.starts_with("Launched") {
                continue; // A launched deal has a solution, beside which a description never stands.
            }
            let result = edit(&stored, change);
            if opens(path) {
                assert!(result.is_ok(), "{path} in {state}: {:?}", told(&refused(result)));
            } else {
                let violations = refused(result);
                assert!(
                    codes(&violations).contains(&(path, "ACTION_NOT_PERMITTED")),
                    "{path} in {state}: {violations:?}"
                );
            }
        }
    }
}

#[test]
fn leaving_a_locked_member_out_counts_as_clearing_it() {
    for (state, stored, opens) in states() {
        for (path, change) in edits() {
            let member = change[0].0;
            let member = if path == "customer.account.companyName" {
                "Customer.Account" // The contract lets no account come without a name.
            } else if path == "marketing.source" {
                "Marketing.Source"
            } else {
                member
            };
            if opens(path)
                || path == "nationalSecurity"
                || echo(&stored)
                    .pointer(&format!("/{}", member.replace('.', "/")))
                    .is_none()
            {
                continue; // National security is No when left out, which is what it was.
            }
            let violations = refused(edit(&stored, &[(member, Value::Null)]));
            let found = codes(&violations);
            assert!(
                found.contains(&(path, "ACTION_NOT_PERMITTED"))
                    || found.contains(&(path, "REQUIRED_FIELD_MISSING")),
                "{path} in {state}: {found:?}"
            );
        }
    }
}

#[test]
fn a_whole_echo_is_taken_wherever_updates_are() {
    for (state, stored, _) in states() {
        let next = edit(&stored, &[]).unwrap_or_else(|refusal| panic!("{state}: {refusal:?}"));
        let mut expected = stored.clone();
        expected.document.last_modified_date = next.document.last_modified_date;
        assert_eq!(next, expected, "{state}");
    }
}

#[test]
fn the_stage_of_a_draft_is_refused_in_the_words_of_the_service() {
    let violations = refused(edit(&full_draft(), &[("LifeCycle.Stage", json!("Prospect"))]));
    assert_eq!(
        told(&violations),
        [(
            "lifeCycle.stage",
            "ACTION_NOT_PERMITTED",
            "You can not update the stage when Opportunity status is Pending Submission"
        )]
    );
}

#[test]
fn a_closed_deal_says_that_it_is_closed() {
    for stored in [launched(), closed(&full_draft(), "Closed Lost")] {
        let edits = [
            ("LifeCycle.Stage", json!("Qualified")),
            ("LifeCycle.ClosedLostReason", Value::Null),
        ];
        let violations = refused(edit(&stored, &edits));
        assert!(told(&violations).contains(&(
            "lifeCycle.stage",
            "ACTION_NOT_PERMITTED",
            "Changes are not allowed when an opportunity stage is \"Closed Lost\" or \"Launched.\""
        )));
    }
    let lost = closed(&full_draft(), "Closed Lost");
    let violations = refused(edit(
        &lost,
        &[("LifeCycle.ClosedLostReason", json!("No Opportunity"))],
    ));
    assert_eq!(
        codes(&violations),
        [("lifeCycle.closedLostReason", "ACTION_NOT_PERMITTED")]
    );
}

#[test]
fn nothing_can_be_edited_under_review_or_after_a_rejection() {
    for status in ["Submitted", "In review", "Rejected"] {
        let stored = of_status(&full_draft(), status);
        for body in [
            echo(&stored),
            with(echo(&stored), &[("Project.Title", json!("Another title"))]),
        ] {
            let violations = refused(update(&stored, &body, minute(60)));
            assert_eq!(codes(&violations), [("", "ACTION_NOT_PERMITTED")], "{status}");
        }
    }
}

#[test]
fn what_makes_aws_act_changes_nothing_else() {
    let stored = of_status(&full_draft(), "Submitted");
    for (path, change) in edits() {
        let mut change = change;
        change.push(("LifeCycle.ReviewStatus", json!("Approved")));
        let violations = refused(edit(&stored, &change));
        assert!(
            codes(&violations).contains(&(path, "ACTION_NOT_PERMITTED")),
            "{path}"
        );
    }
}

#[test]
fn software_revenue_is_reported_in_the_update_that_launches() {
    let approved = of_status(&draft(), "Approved");
    let revenue = json!({"DeliveryModel": "Contract", "Value": {"Amount": "7.00", "CurrencyCode": "USD"}});
    refused(edit(&approved, &[("SoftwareRevenue", revenue.clone())]));
    let launched = edit(
        &approved,
        &[
            ("SoftwareRevenue", revenue),
            ("LifeCycle.Stage", json!("Launched")),
        ],
    )
    .unwrap();
    assert_eq!(
        launched.document.software_revenue.unwrap().value.unwrap().amount,
        "7"
    );
}
