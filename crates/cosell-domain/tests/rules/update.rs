//! UpdateOpportunity: the optimistic lock, what is left out, next steps, stages and dates.

use cosell_domain::opportunity::update::Refusal;
use cosell_model::Timestamp;
use serde_json::{Value, json};

use crate::support::*;

const DENIED: &str = "ACTION_NOT_PERMITTED";
const MISSING: &str = "REQUIRED_FIELD_MISSING";

#[test]
fn an_update_names_the_latest_change_in_whatever_form_its_client_keeps_times() {
    let stored = created(&whole_input());
    let body = echo(&stored);
    for same in [
        "2026-11-21T12:00:00Z",
        "2026-11-21T12:00:00.000Z",
        "2026-11-21T12:00:00.000000Z",
        "2026-11-21 12:00:00.000000+00:00",
        "2026-11-21T13:00:00+01:00",
        "2026-11-21T12:00:00.000999999Z",
    ] {
        let body = with(body.clone(), &[("LastModifiedDate", json!(same))]);
        assert!(update(&stored, &body, minute(1)).is_ok(), "{same}");
    }
    for other in [
        "2026-11-21T12:00:00.001Z",
        "2026-11-21T11:59:59.999Z",
        "2027-01-01T00:00:00Z",
    ] {
        let body = with(body.clone(), &[("LastModifiedDate", json!(other))]);
        assert_eq!(update(&stored, &body, minute(1)), Err(Refusal::Stale), "{other}");
    }
}

#[test]
fn a_stale_update_is_stale_whatever_else_is_wrong_with_it() {
    let stored = created(&whole_input());
    let body = with(
        echo(&stored),
        &[
            ("LastModifiedDate", json!("2026-11-21T12:00:01Z")),
            ("LifeCycle.Stage", Value::Null),
        ],
    );
    assert_eq!(update(&stored, &body, minute(1)), Err(Refusal::Stale));
}

#[test]
fn the_last_change_moves_on_even_when_the_clock_stands_or_goes_back() {
    let mut stored = created(&whole_input());
    for at in [noon(), noon(), noon().plus_millis(-86_400_000), minute(1)] {
        let next = update(&stored, &echo(&stored), at).unwrap();
        assert!(next.document.last_modified_date > stored.document.last_modified_date);
        assert!(next.document.last_modified_date >= at);
        assert_eq!(next.document.created_date, noon());
        stored = next;
    }
    assert_eq!(stored.document.last_modified_date, minute(1));
}

#[test]
fn what_an_update_leaves_out_is_cleared_in_a_draft() {
    let stored = created(&with(
        whole_input(),
        &[("SoftwareRevenue", json!({"DeliveryModel": "Contract"}))],
    ));
    let cleared = [
        "PartnerOpportunityIdentifier",
        "Customer.Contacts",
        "Customer.Account.Duns",
        "Customer.Account.WebsiteUrl",
        "Customer.Account.Address.City",
        "Project.AdditionalComments",
        "Project.ApnPrograms",
        "Project.CustomerUseCase",
        "Project.ExpectedCustomerSpend",
        "SoftwareRevenue",
        "LifeCycle.NextSteps",
        "LifeCycle.TargetCloseDate",
    ];
    let edits: Vec<(&str, Value)> = cleared.iter().map(|path| (*path, Value::Null)).collect();
    let next = edit(&stored, &edits).unwrap();
    let read = serde_json::to_value(&next.document).unwrap();
    for path in cleared {
        assert_eq!(
            read.pointer(&format!("/{}", path.replace('.', "/"))),
            None,
            "{path}"
        );
    }
    assert_eq!(read["Customer"]["Account"]["CompanyName"], "Fjord Fish");
}

#[test]
fn an_explicit_null_is_the_same_as_leaving_out() {
    let stored = created(&whole_input());
    let mut body = echo(&stored);
    set(&mut body, "Project.AdditionalComments", Value::Null);
    set(&mut body, "Customer.Account.Duns", Value::Null);
    let next = update(&stored, &body, minute(1)).unwrap();
    let project = next.document.project.unwrap();
    assert_eq!(project.additional_comments, None);
}

#[test]
fn stage_type_needs_and_marketing_source_never_vanish_silently() {
    for status in ["Pending Submission", "Approved"] {
        let stored = of_status(&draft(), status);
        for (path, field) in [
            ("LifeCycle.Stage", "lifeCycle.stage"),
            ("OpportunityType", "opportunityType"),
            ("PrimaryNeedsFromAws", "primaryNeedsFromAws"),
            ("Marketing.Source", "marketing.source"),
            ("Marketing", "marketing.source"),
        ] {
            let violations = refused(edit(&stored, &[(path, Value::Null)]));
            let text = format!("{field} is required");
            assert_eq!(told(&violations), [(field, MISSING, text.as_str())], "{status}");
        }
    }
}

#[test]
fn every_update_of_a_draft_names_its_marketing_source() {
    let stored = created(&with(whole_input(), &[("Marketing", Value::Null)]));
    assert_eq!(
        codes(&refused(edit(&stored, &[]))),
        [("marketing.source", MISSING)]
    );
    assert!(edit(&stored, &[("Marketing.Source", json!("None"))]).is_ok());
}

#[test]
fn members_that_an_update_does_not_take_are_passed_over() {
    let stored = solved(&created(&with(
        whole_input(),
        &[(
            "OpportunityTeam",
            json!([{"Email": "al@p.example", "BusinessTitle": "OpportunityOwner"}]),
        )],
    )));
    let next = edit(
        &stored,
        &[
            ("Origin", json!("AWS Referral")),
            ("OpportunityTeam", json!([])),
            ("Tags", json!([{"Key": "a", "Value": "b"}])),
            ("RelatedEntityIdentifiers", json!({"Solutions": []})),
            ("Arn", json!("arn:aws:elsewhere")),
            ("CreatedDate", json!("2000-01-01T00:00:00Z")),
            ("LifeCycle.NextStepsHistory", json!([])),
            ("LifeCycle.ReviewComments", json!("mine")),
        ],
    )
    .unwrap();
    let mut expected = stored.clone();
    expected.document.last_modified_date = minute(60);
    assert_eq!(next, expected);
}

#[test]
fn national_security_left_out_is_no() {
    let stored = created(&with(
        whole_input(),
        &[
            ("NationalSecurity", json!("Yes")),
            ("Customer.Account.Industry", json!("Government")),
        ],
    ));
    let next = edit(&stored, &[("NationalSecurity", Value::Null)]).unwrap();
    assert_eq!(next.document.national_security.unwrap().as_str(), "No");
}

#[test]
fn next_steps_are_kept_once_for_each_new_text_and_fifty_at_most() {
    let mut stored = created(&whole_input());
    for n in 0..60 {
        let steps = json!(format!("step {n}"));
        let body = with(echo(&stored), &[("LifeCycle.NextSteps", steps)]);
        stored = update(&stored, &body, minute(n)).unwrap();
        stored = update(&stored, &echo(&stored), minute(n)).unwrap();
    }
    let history = stored
        .document
        .life_cycle
        .as_ref()
        .unwrap()
        .next_steps_history
        .as_ref()
        .unwrap();
    let texts: Vec<&str> = history.iter().map(|entry| entry.value.as_str()).collect();
    let expected: Vec<String> = (10..60).map(|n| format!("step {n}")).collect();
    assert_eq!(texts, expected);
    assert!(history.is_sorted_by_key(|entry| entry.time));
    assert_eq!(history[0].time, minute(10));

    let cleared = edit(&stored, &[("LifeCycle.NextSteps", Value::Null)]).unwrap();
    let cycle = cleared.document.life_cycle.as_ref().unwrap();
    assert_eq!(cycle.next_steps, None);
    assert_eq!(
        cycle.next_steps_history.as_ref().map(Vec::len),
        Some(50),
        "clearing erases no history"
    );
    let again = edit(&cleared, &[("LifeCycle.NextSteps", json!("step 59"))]).unwrap();
    let history = again.document.life_cycle.unwrap().next_steps_history.unwrap();
    assert_eq!(
        history.last().map(|entry| (entry.value.as_str(), entry.time)),
        Some(("step 59", minute(60)))
    );
}

#[test]
fn an_approved_deal_moves_freely_between_open_stages() {
    let mut stored = of_status(&draft(), "Approved");
    for stage in [
        "Technical Validation",
        "Prospect",
        "Committed",
        "Business Validation",
        "Qualified",
        "Launched",
    ] {
        stored = edit(&stored, &[("LifeCycle.Stage", json!(stage))]).unwrap();
        assert_eq!(stored.stage().unwrap().as_str(), stage);
    }
}

#[test]
fn from_committed_on_a_description_is_no_solution() {
    let described = created(&with(
        whole_input(),
        &[("Project.OtherSolutionDescription", json!("home-made"))],
    ));
    let approved = of_status(&described, "Approved");
    for stage in ["Committed", "Launched"] {
        let violations = refused(edit(&approved, &[("LifeCycle.Stage", json!(stage))]));
        assert_eq!(
            told(&violations),
            [(
                "relatedEntityIdentifiers.solutions",
                "INVALID_VALUE",
                "Associate atleast one solution"
            )],
            "{stage}"
        );
    }
    for (kind, identifier) in [
        ("Solutions", "S-1234567"),
        (
            "AwsMarketplaceSolutions",
            "arn:aws:aws-marketplace:us-east-1:999988887777:AWSMarketplace/Solution/soln-a",
        ),
        (
            "AwsMarketplaceProducts",
            "arn:aws:aws-marketplace:us-east-1:999988887777:AWSMarketplace/SaaSProduct/prod-a",
        ),
    ] {
        let attached = attach(&approved, kind, identifier, minute(40)).unwrap().unwrap();
        assert!(
            edit(&attached, &[("LifeCycle.Stage", json!("Launched"))]).is_ok(),
            "{kind}"
        );
    }
    let product = attach(&approved, "AwsProducts", "AmazonEC2Linux", minute(40))
        .unwrap()
        .unwrap();
    refused(edit(&product, &[("LifeCycle.Stage", json!("Committed"))]));
}

#[test]
fn a_submitted_deal_cannot_lose_the_description_that_stands_for_its_solution() {
    let described = created(&with(
        whole_input(),
        &[("Project.OtherSolutionDescription", json!("home-made"))],
    ));
    let approved = of_status(&described, "Approved");
    let violations = refused(edit(
        &approved,
        &[("Project.OtherSolutionDescription", Value::Null)],
    ));
    assert_eq!(
        codes(&violations),
        [("relatedEntityIdentifiers.solutions", "INVALID_VALUE")]
    );
    assert!(
        edit(&described, &[("Project.OtherSolutionDescription", Value::Null)]).is_ok(),
        "a draft can"
    );
}

#[test]
fn a_description_gives_way_to_a_solution_and_stays_away() {
    let stored = of_status(&draft(), "Approved");
    let next = edit(
        &stored,
        &[("Project.OtherSolutionDescription", json!("home-made"))],
    )
    .unwrap();
    assert_eq!(next.document.project.unwrap().other_solution_description, None);
}

#[test]
fn losing_a_deal_takes_a_reason_and_only_losing_it_does() {
    let approved = of_status(&draft(), "Approved");
    let violations = refused(edit(&approved, &[("LifeCycle.Stage", json!("Closed Lost"))]));
    assert_eq!(
        told(&violations),
        [(
            "lifeCycle.closedLostReason",
            MISSING,
            "Missing Required Field: Closed Lost Reason is required when closing the opportunity"
        )]
    );
    for stage in ["Qualified", "Launched"] {
        let edits = [
            ("LifeCycle.Stage", json!(stage)),
            ("LifeCycle.ClosedLostReason", json!("Price")),
        ];
        let violations = refused(edit(&approved, &edits));
        assert_eq!(
            told(&violations),
            [(
                "lifeCycle.closedLostReason",
                DENIED,
                "Closed Lost Reason is not acceptable until Opportunity has been 'Closed Lost'."
            )]
        );
    }
    assert_eq!(
        closed(&draft(), "Closed Lost").stage().unwrap().as_str(),
        "Closed Lost"
    );
}

#[test]
fn a_close_date_that_has_passed_must_be_moved_while_the_deal_is_open() {
    let day_after = Timestamp::parse("2027-04-01T09:00:00Z").unwrap();
    for status in ["Pending Submission", "Action Required", "Approved"] {
        let stored = of_status(&draft(), status);
        let violations = refused(update(&stored, &echo(&stored), day_after));
        assert_eq!(
            told(&violations),
            [(
                "lifeCycle.targetCloseDate",
                "INVALID_VALUE",
                "Target Close Date should be a future date"
            )],
            "{status}"
        );
        let body = with(
            echo(&stored),
            &[("LifeCycle.TargetCloseDate", json!("2027-04-02"))],
        );
        assert!(update(&stored, &body, day_after).is_ok(), "{status}");
    }
    // Closing a deal after its date is the usual course of things.
    let approved = of_status(&draft(), "Approved");
    let body = with(echo(&approved), &[("LifeCycle.Stage", json!("Launched"))]);
    let launched = update(&approved, &body, day_after).unwrap();
    let body = with(echo(&launched), &[("Project.AdditionalComments", json!("live"))]);
    assert!(update(&launched, &body, day_after).is_ok());
}

#[test]
fn a_review_that_outlasts_the_close_date_can_still_end() {
    let day_after = Timestamp::parse("2027-04-01T09:00:00Z").unwrap();
    let stored = submitted(&draft());
    for status in ["Approved", "Action Required", "Rejected"] {
        let body = with(echo(&stored), &[("LifeCycle.ReviewStatus", json!(status))]);
        let next = update(&stored, &body, day_after).expect("the date is locked, and AWS acts here");
        assert_eq!(status_of(&next), status);
    }
}

#[test]
fn a_deal_without_marketing_can_be_reviewed() {
    let quiet = solved(&created(&with(whole_input(), &[("Marketing", Value::Null)])));
    let stored = submitted(&quiet);
    let approved = act(&stored, "Approved").expect("marketing.source can neither be there nor be added");
    // From here on the partner writes again, and each of its updates names the source.
    assert_eq!(
        codes(&refused(edit(&approved, &[]))),
        [("marketing.source", MISSING)]
    );
    assert!(edit(&approved, &[("Marketing.Source", json!("None"))]).is_ok());
    let asked = act(&stored, "Action Required").unwrap();
    assert!(
        edit(
            &asked,
            &[(
                "Project.CustomerBusinessProblem",
                json!("A problem told at more length.")
            )]
        )
        .is_ok()
    );
}

#[test]
fn a_visibility_only_deal_can_be_updated_without_naming_needs() {
    let stored = submit_as(&draft(), "For Visibility Only", None).unwrap().unwrap();
    let approved = act(&stored, "Approved").unwrap();
    let needs = |o: &cosell_domain::opportunity::Opportunity| {
        serde_json::to_value(&o.document.primary_needs_from_aws).unwrap()
    };
    assert_eq!(
        needs(&approved),
        json!(["Do Not Need Support from AWS Sales Rep"])
    );
    // The value is not in the contract's request enum, so its echo never gets as far as these rules.
    let next = edit(
        &approved,
        &[
            ("PrimaryNeedsFromAws", Value::Null),
            ("LifeCycle.Stage", json!("Prospect")),
        ],
    );
    assert_eq!(
        needs(&next.unwrap()),
        json!(["Do Not Need Support from AWS Sales Rep"])
    );
}

#[test]
fn a_co_sell_deal_cannot_become_visibility_only() {
    let approved = of_status(&draft(), "Approved");
    let edits = [(
        "PrimaryNeedsFromAws",
        json!(["Do Not Need Support from AWS Sales Rep"]),
    )];
    assert_eq!(
        codes(&refused(edit(&approved, &edits))),
        [("primaryNeedsFromAws", "INVALID_ENUM_VALUE")]
    );
}

#[test]
fn every_violation_of_an_update_is_told_at_once() {
    let approved = of_status(&draft(), "Approved");
    let violations = refused(edit(
        &approved,
        &[
            ("Project.Title", json!("New name")),
            ("Customer.Account.Industry", json!("Other")),
            ("LifeCycle.Stage", json!("Closed Lost")),
            ("Project.CustomerUseCase", json!("none")),
            ("Project.SalesActivities", Value::Null),
            ("LifeCycle.ReviewStatus", json!("Rejected")),
        ],
    ));
    let mut found = codes(&violations);
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("customer.account.industry", DENIED),
            ("customer.account.otherIndustry", MISSING),
            ("lifeCycle.closedLostReason", MISSING),
            ("lifeCycle.reviewStatus", DENIED),
            ("project.customerUseCase", "INVALID_ENUM_VALUE"),
            ("project.salesActivities", MISSING),
            ("project.title", DENIED),
        ]
    );
}
