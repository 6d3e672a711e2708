//! SubmitOpportunity: what must be there, who may see it, and from where it can be sent.

use cosell_model::Timestamp;
use serde_json::{Value, json};

use cosell_domain::opportunity::submit::submit;
use cosell_model::enums::SalesInvolvementType;

use crate::support::*;

const MISSING: &str = "REQUIRED_FIELD_MISSING";

#[test]
fn each_member_a_submission_needs_is_named_when_it_is_missing() {
    let zero =
        json!([{"Amount": "0.00", "CurrencyCode": "USD", "Frequency": "Monthly", "TargetCompany": "AWS"}]);
    let unknown = json!([{"CurrencyCode": "USD", "Frequency": "Monthly", "TargetCompany": "AWS"}]);
    let amount = "project.expectedCustomerSpend.amount";
    let cases: Vec<(&str, Value, &str, &str)> = vec![
        (
            "Customer.Account.Industry",
            Value::Null,
            "customer.account.industry",
            MISSING,
        ),
        (
            "Customer.Account.WebsiteUrl",
            Value::Null,
            "customer.account.websiteUrl",
            MISSING,
        ),
        (
            "Customer.Account.Address.CountryCode",
            Value::Null,
            "customer.account.address.countryCode",
            MISSING,
        ),
        (
            "Customer.Account.Address.PostalCode",
            Value::Null,
            "customer.account.address.postalCode",
            MISSING,
        ),
        (
            "Customer.Account.Address.StateOrRegion",
            Value::Null,
            "customer.account.address.stateOrRegion",
            MISSING,
        ),
        ("Project.Title", Value::Null, "project.title", MISSING),
        (
            "Project.CustomerBusinessProblem",
            Value::Null,
            "project.customerBusinessProblem",
            MISSING,
        ),
        (
            "Project.CustomerUseCase",
            Value::Null,
            "project.customerUseCase",
            MISSING,
        ),
        (
            "Project.DeliveryModels",
            Value::Null,
            "project.deliveryModels",
            MISSING,
        ),
        (
            "Project.DeliveryModels",
            json!([]),
            "project.deliveryModels",
            MISSING,
        ),
        (
            "Project.SalesActivities",
            Value::Null,
            "project.salesActivities",
            "ACTION_NOT_PERMITTED",
        ),
        (
            "Project.ExpectedCustomerSpend",
            Value::Null,
            "project.expectedCustomerSpend",
            MISSING,
        ),
        (
            "Project.ExpectedCustomerSpend",
            json!([]),
            "project.expectedCustomerSpend",
            MISSING,
        ),
        ("Project.ExpectedCustomerSpend", zero, amount, "INVALID_VALUE"),
        ("Project.ExpectedCustomerSpend", unknown, amount, "INVALID_VALUE"),
        ("PrimaryNeedsFromAws", Value::Null, "primaryNeedsFromAws", MISSING),
        (
            "LifeCycle.TargetCloseDate",
            Value::Null,
            "lifeCycle.targetCloseDate",
            MISSING,
        ),
    ];
    for (path, value, field, code) in cases {
        let stored = solved(&created(&with(whole_input(), &[(path, value)])));
        let violations = submit_as(&stored, "Co-Sell", None).expect_err(path);
        assert_eq!(codes(&violations), [(field, code)], "{path}");
        if code != "INVALID_VALUE" {
            assert_eq!(violations[0].message, format!("{field} is required"));
        }
    }
}

#[test]
fn a_bare_draft_hears_of_everything_it_lacks_at_once() {
    let bare = created(&json!({"Catalog": "AWS", "ClientToken": "t"}));
    let violations = submit_as(&bare, "Co-Sell", None).unwrap_err();
    let mut fields: Vec<&str> = codes(&violations).into_iter().map(|(field, _)| field).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "customer.account.address.countryCode",
            "customer.account.companyName",
            "customer.account.industry",
            "customer.account.websiteUrl",
            "lifeCycle.targetCloseDate",
            "primaryNeedsFromAws",
            "project.customerBusinessProblem",
            "project.customerUseCase",
            "project.deliveryModels",
            "project.expectedCustomerSpend",
            "project.salesActivities",
            "project.title",
            "relatedEntityIdentifiers.solutions",
        ]
    );
}

#[test]
fn the_two_violations_recorded_from_the_sandbox_come_together() {
    let stored = created(&with(
        whole_input(),
        &[("Customer.Account.Address.StateOrRegion", Value::Null)],
    ));
    let violations = submit_as(&stored, "Co-Sell", None).unwrap_err();
    let mut found = told(&violations);
    found.sort_unstable();
    let state = "customer.account.address.stateOrRegion";
    assert_eq!(
        found,
        [
            (
                state,
                MISSING,
                "customer.account.address.stateOrRegion is required"
            ),
            (
                "relatedEntityIdentifiers.solutions",
                "INVALID_VALUE",
                "Associate atleast one solution"
            ),
        ]
    );
}

#[test]
fn what_depends_on_the_customer_is_asked_of_those_customers_only() {
    for (what, edits) in [
        (
            "no states outside the US",
            vec![(
                "Customer.Account.Address",
                json!({"CountryCode": "DE", "PostalCode": "10115"}),
            )],
        ),
        (
            "no postal codes in Qatar",
            vec![("Customer.Account.Address", json!({"CountryCode": "QA"}))],
        ),
        (
            "no website of a secret customer",
            vec![
                ("NationalSecurity", json!("Yes")),
                ("Customer.Account.Industry", json!("Government")),
                ("Customer.Account.WebsiteUrl", Value::Null),
            ],
        ),
        ("no contacts", vec![("Customer.Contacts", Value::Null)]),
        ("no next steps", vec![("LifeCycle.NextSteps", Value::Null)]),
        ("no marketing", vec![("Marketing", Value::Null)]),
        ("no type", vec![("OpportunityType", Value::Null)]),
    ] {
        let stored = solved(&created(&with(whole_input(), &edits)));
        let done = submit_as(&stored, "Co-Sell", None).unwrap_or_else(|v| panic!("{what}: {v:?}"));
        assert_eq!(status_of(&done.unwrap()), "Submitted", "{what}");
    }
}

#[test]
fn a_solution_is_any_of_four_things_and_a_product_of_aws_is_none() {
    let market = "arn:aws:aws-marketplace:us-east-1:999988887777:AWSMarketplace";
    let plain = created(&whole_input());
    for (kind, identifier, enough) in [
        ("Solutions", "S-1234567".to_owned(), true),
        (
            "AwsMarketplaceSolutions",
            format!("{market}/Solution/soln-abc"),
            true,
        ),
        (
            "AwsMarketplaceProducts",
            format!("{market}/AmiProduct/prod-abc"),
            true,
        ),
        ("AwsProducts", "AmazonEC2Linux".to_owned(), false),
        (
            "AwsMarketplaceOffers",
            format!("arn:aws:aws-marketplace:us-east-1:{ACCOUNT}:AWSMarketplace/Offer/offer-a"),
            false,
        ),
    ] {
        let stored = attach(&plain, kind, &identifier, minute(1)).unwrap().unwrap();
        assert_eq!(submit_as(&stored, "Co-Sell", None).is_ok(), enough, "{kind}");
    }
    let described = [("Project.OtherSolutionDescription", json!("home-made"))];
    assert!(submit_as(&created(&with(whole_input(), &described)), "Co-Sell", None).is_ok());
    let mut committed = described.to_vec();
    committed.push(("LifeCycle.Stage", json!("Committed")));
    let violations = submit_as(&created(&with(whole_input(), &committed)), "Co-Sell", None).unwrap_err();
    assert_eq!(
        codes(&violations),
        [("relatedEntityIdentifiers.solutions", "INVALID_VALUE")]
    );
}

#[test]
fn a_submission_keeps_what_was_asked_of_aws_and_opens_its_side() {
    for (involvement, asked, kept) in [
        ("Co-Sell", None, "Full"),
        ("Co-Sell", Some("Full"), "Full"),
        ("For Visibility Only", None, "Full"),
        ("For Visibility Only", Some("Limited"), "Limited"),
    ] {
        let stored = draft();
        let done = submit_as(&stored, involvement, asked).unwrap().unwrap();
        assert_eq!(status_of(&done), "Submitted");
        assert_eq!(
            done.private.involvement_type.as_ref().unwrap().as_str(),
            involvement
        );
        assert_eq!(done.private.visibility.as_ref().unwrap().as_str(), kept);
        assert_eq!(done.document.last_modified_date, minute(30));
        assert!(done.private.aws.is_some() && stored.private.aws.is_none());
    }
}

#[test]
fn a_visibility_only_deal_needs_nothing_of_aws_and_says_so() {
    let stored = solved(&created(&with(
        whole_input(),
        &[("PrimaryNeedsFromAws", Value::Null)],
    )));
    let done = submit_as(&stored, "For Visibility Only", None).unwrap().unwrap();
    let needs = serde_json::to_value(done.document.primary_needs_from_aws).unwrap();
    assert_eq!(needs, json!(["Do Not Need Support from AWS Sales Rep"]));
}

#[test]
fn limited_visibility_and_co_sell_exclude_each_other_in_the_recorded_words() {
    let violations = submit_as(&draft(), "Co-Sell", Some("Limited")).unwrap_err();
    let found: Vec<(&str, &str)> = told(&violations)
        .into_iter()
        .map(|(field, _, text)| (field, text))
        .collect();
    assert_eq!(
        found,
        [
            (
                "primaryNeedsFromAws",
                "Cannot set visibility to limited on a Co-Sell opportunity"
            ),
            (
                "",
                "You cannot perform Submit action. Opportunity cannot be submitted or updated to Limited Visibility"
            ),
        ]
    );
    assert_eq!(violations[1].code.as_str(), "ACTION_NOT_PERMITTED");
}

#[test]
fn a_secret_deal_is_never_for_visibility_only() {
    let secret = [
        ("NationalSecurity", json!("Yes")),
        ("Customer.Account.Industry", json!("Government")),
    ];
    let stored = solved(&created(&with(whole_input(), &secret)));
    let violations = submit_as(&stored, "For Visibility Only", None).unwrap_err();
    assert_eq!(codes(&violations), [("nationalSecurity", "ACTION_NOT_PERMITTED")]);
    assert!(submit_as(&stored, "Co-Sell", None).is_ok());
}

#[test]
fn a_co_sell_deal_sent_back_is_not_resubmitted_for_visibility_only() {
    let asked = of_status(&draft(), "Action Required");
    let violations = submit_as(&asked, "For Visibility Only", None).unwrap_err();
    assert_eq!(codes(&violations), [("involvementType", "ACTION_NOT_PERMITTED")]);
}

#[test]
fn only_drafts_and_deals_sent_back_can_be_submitted() {
    for (status, taken) in [
        ("Pending Submission", true),
        ("Action Required", true),
        ("Submitted", false),
        ("In review", false),
        ("Approved", false),
        ("Rejected", false),
    ] {
        let stored = of_status(&draft(), status);
        match submit_as(&stored, "Co-Sell", None) {
            Ok(done) => {
                assert!(taken, "{status}");
                let cycle = done.unwrap().document.life_cycle.unwrap();
                assert_eq!((cycle.review_comments, cycle.review_status_reason), (None, None));
            }
            Err(violations) => {
                assert!(!taken, "{status}");
                assert_eq!(
                    told(&violations),
                    [(
                        "lifeCycle.reviewStatus",
                        "INVALID_RESOURCE_STATE",
                        "Only Pending Submission or action required opportunities can be submitted"
                    )]
                );
            }
        }
    }
}

#[test]
fn the_close_date_is_looked_at_again_on_the_day_of_the_submission() {
    let stored = draft();
    for (at, taken) in [
        ("2027-03-30T23:59:59.999Z", true),
        ("2027-03-31T00:00:00Z", false),
    ] {
        let at = Timestamp::parse(at).unwrap();
        let result = submit(&stored, SalesInvolvementType::CoSell, None, at);
        assert_eq!(result.is_ok(), taken, "{at}");
        if let Err(violations) = result {
            assert_eq!(
                told(&violations),
                [(
                    "lifeCycle.targetCloseDate",
                    "INVALID_VALUE",
                    "Target Close Date should be a future date"
                )]
            );
        }
    }
}

#[test]
fn a_refused_submission_still_takes_its_repair() {
    let stored = solved(&created(&with(whole_input(), &[("Project.Title", Value::Null)])));
    assert!(submit_as(&stored, "Co-Sell", None).is_err());
    let repaired = edit(&stored, &[("Project.Title", json!("Titled"))]).unwrap();
    assert!(submit_as(&repaired, "Co-Sell", None).unwrap().is_some());
}

#[test]
fn a_second_submission_wipes_what_the_first_review_said() {
    let asked = edit(
        &submitted(&draft()),
        &[
            ("LifeCycle.ReviewStatus", json!("Action Required")),
            ("LifeCycle.ReviewComments", json!("which database?")),
            ("LifeCycle.ReviewStatusReason", json!("Unclear")),
        ],
    )
    .unwrap();
    let again = submit_as(&asked, "Co-Sell", None).unwrap().unwrap();
    let cycle = again.document.life_cycle.unwrap();
    assert_eq!((cycle.review_comments, cycle.review_status_reason), (None, None));
}

#[test]
fn a_draft_kept_under_older_rules_is_judged_by_todays() {
    let mut stored = draft();
    stored.document.project.as_mut().unwrap().customer_use_case = Some("Time travel".into());
    let violations = submit_as(&stored, "Co-Sell", None).unwrap_err();
    assert_eq!(
        codes(&violations),
        [("project.customerUseCase", "INVALID_ENUM_VALUE")]
    );

    let mut stored = draft();
    stored.document.life_cycle.as_mut().unwrap().stage = Some("Launched".into());
    let violations = submit_as(&stored, "Co-Sell", None).unwrap_err();
    assert_eq!(codes(&violations), [("lifeCycle.stage", "ACTION_NOT_PERMITTED")]);
}
