//! The review status: which way it goes, who moves it, and what the sandbox's updates make of it.

use cosell_domain::opportunity::Opportunity;
use serde_json::{Value, json};

use crate::support::*;

const ALL: [&str; 6] = [
    "Pending Submission",
    "Submitted",
    "In review",
    "Approved",
    "Rejected",
    "Action Required",
];

#[test]
fn in_the_sandbox_a_submitted_deal_goes_where_the_update_sends_it_and_no_other_deal_does() {
    for from in ALL {
        let stored = of_status(&draft(), from);
        for to in ALL {
            let result = act(&stored, to);
            let reviewed = ["Submitted", "In review", "Action Required"].contains(&from);
            let verdict = ["In review", "Approved", "Rejected", "Action Required"].contains(&to);
            let case = format!("{from} -> {to}");
            if from == to {
                // An echo: an update like any other, so it depends on whether the state takes updates.
                let taken = ["Pending Submission", "Approved", "Action Required"].contains(&from);
                assert_eq!(result.is_ok(), taken, "{case}");
            } else if reviewed && verdict {
                assert_eq!(status_of(&result.unwrap()), to, "{case}");
            } else {
                assert_eq!(
                    codes(&refused(result)),
                    [("lifeCycle.reviewStatus", "ACTION_NOT_PERMITTED")],
                    "{case}"
                );
            }
        }
    }
}

#[test]
fn comments_come_with_the_verdict_and_a_reason_only_with_a_refusal() {
    for (to, reason) in [
        ("Action Required", true),
        ("Rejected", true),
        ("Approved", false),
        ("In review", false),
    ] {
        let next = edit(
            &submitted(&draft()),
            &[
                ("LifeCycle.ReviewStatus", json!(to)),
                ("LifeCycle.ReviewComments", json!("see the spend")),
                ("LifeCycle.ReviewStatusReason", json!("Spend")),
            ],
        )
        .unwrap();
        let cycle = next.document.life_cycle.unwrap();
        assert_eq!(cycle.review_comments.as_deref(), Some("see the spend"), "{to}");
        assert_eq!(
            cycle.review_status_reason.as_deref(),
            reason.then_some("Spend"),
            "{to}"
        );
    }
}

#[test]
fn a_partner_cannot_write_into_the_verdict() {
    let stored = edit(
        &submitted(&draft()),
        &[
            ("LifeCycle.ReviewStatus", json!("Approved")),
            ("LifeCycle.ReviewComments", json!("fine")),
        ],
    )
    .unwrap();
    let next = edit(
        &stored,
        &[
            ("LifeCycle.ReviewComments", json!("very fine")),
            ("LifeCycle.ReviewStatusReason", json!("Mine")),
        ],
    )
    .unwrap();
    let cycle = next.document.life_cycle.unwrap();
    assert_eq!(cycle.review_comments.as_deref(), Some("fine"));
    assert_eq!(cycle.review_status_reason, None);
}

#[test]
fn an_edit_in_action_required_hands_the_deal_back_and_a_submission_after_it_is_without_effect() {
    let asked = edit(
        &submitted(&draft()),
        &[
            ("LifeCycle.ReviewStatus", json!("Action Required")),
            ("LifeCycle.ReviewComments", json!("which database?")),
            ("LifeCycle.ReviewStatusReason", json!("Unclear")),
        ],
    )
    .unwrap();
    let edits = [(
        "Project.CustomerBusinessProblem",
        json!("Two Oracle databases outgrew their machines."),
    )];
    let edited = edit(&asked, &edits).unwrap();
    let cycle = edited.document.life_cycle.as_ref().unwrap();
    assert_eq!(status_of(&edited), "Submitted");
    assert_eq!(
        (
            cycle.review_comments.as_ref(),
            cycle.review_status_reason.as_ref()
        ),
        (None, None)
    );
    assert_eq!(submit_as(&edited, "Co-Sell", None), Ok(None));
    refused(edit(&edited, &edits));
    assert_eq!(status_of(&act(&edited, "Approved").unwrap()), "Approved");
}

#[test]
fn an_echo_in_action_required_hands_nothing_back() {
    let asked = of_status(&draft(), "Action Required");
    let echoed = edit(&asked, &[]).unwrap();
    assert_eq!(status_of(&echoed), "Action Required");
    let again = submit_as(&echoed, "Co-Sell", None).unwrap().unwrap();
    assert_eq!(status_of(&again), "Submitted");
}

#[test]
fn the_effect_of_an_edit_ends_with_the_next_question() {
    let asked = of_status(&draft(), "Action Required");
    let edited = edit(&asked, &[("Customer.Account.Address.City", json!("Tacoma"))]).unwrap();
    let asked_again = act(&edited, "Action Required").unwrap();
    let resubmitted = submit_as(&asked_again, "Co-Sell", None).unwrap().unwrap();
    let violations = submit_as(&resubmitted, "Co-Sell", None).expect_err("submitted by hand this time");
    assert_eq!(
        codes(&violations),
        [("lifeCycle.reviewStatus", "INVALID_RESOURCE_STATE")]
    );
}

#[test]
fn an_edit_in_action_required_must_leave_what_a_submission_needs() {
    let asked = of_status(&draft(), "Action Required");
    let american = json!({"CountryCode": "US", "PostalCode": "98101"});
    let spend =
        json!([{"Amount": "0", "CurrencyCode": "USD", "Frequency": "Monthly", "TargetCompany": "AWS"}]);
    for (path, value, field, code) in [
        (
            "Customer.Account.Address",
            american,
            "customer.account.address.stateOrRegion",
            "REQUIRED_FIELD_MISSING",
        ),
        (
            "Customer.Account.WebsiteUrl",
            Value::Null,
            "customer.account.websiteUrl",
            "REQUIRED_FIELD_MISSING",
        ),
        (
            "Project.ExpectedCustomerSpend",
            spend,
            "project.expectedCustomerSpend.amount",
            "INVALID_VALUE",
        ),
        (
            "Project.ExpectedCustomerSpend",
            Value::Null,
            "project.expectedCustomerSpend",
            "REQUIRED_FIELD_MISSING",
        ),
        (
            "LifeCycle.TargetCloseDate",
            Value::Null,
            "lifeCycle.targetCloseDate",
            "REQUIRED_FIELD_MISSING",
        ),
    ] {
        assert_eq!(
            codes(&refused(edit(&asked, &[(path, value)]))),
            [(field, code)],
            "{path}"
        );
    }
    // A country without states and postal codes needs neither.
    let emirates = json!({"CountryCode": "AE", "City": "Dubai", "StreetAddress": "1 Pike St"});
    assert_eq!(
        status_of(&edit(&asked, &[("Customer.Account.Address", emirates)]).unwrap()),
        "Submitted"
    );
}

#[test]
fn in_the_production_catalog_an_update_never_moves_the_review() {
    let draft = solved(&created(&with(whole_input(), &[("Catalog", json!("AWS"))])));
    for to in ALL {
        let result = act(&draft, to);
        if to == "Pending Submission" {
            assert_eq!(status_of(&result.unwrap()), to, "an echo");
        } else {
            assert_eq!(
                codes(&refused(result)),
                [("lifeCycle.reviewStatus", "ACTION_NOT_PERMITTED")],
                "{to}"
            );
        }
    }
    let kept = edit(&draft, &[("LifeCycle.ReviewStatus", Value::Null)]).unwrap();
    assert_eq!(
        status_of(&kept),
        "Pending Submission",
        "the orphan is the sandbox's own"
    );
    refused(act(&submitted(&draft), "Approved"));
}

#[test]
fn an_update_of_the_sandbox_without_a_review_status_orphans_the_deal_for_good() {
    for from in ["Pending Submission", "Action Required", "Approved"] {
        let stored = of_status(&draft(), from);
        let orphan = edit(&stored, &[("LifeCycle.ReviewStatus", Value::Null)]).unwrap();
        assert_eq!(status_of(&orphan), "", "{from}");
        let violations = submit_as(&orphan, "Co-Sell", None).unwrap_err();
        assert_eq!(
            told(&violations),
            [("", "ACTION_NOT_PERMITTED", "You cannot perform Submit action")]
        );
        for to in ALL {
            assert_eq!(
                codes(&refused(act(&orphan, to))),
                [("lifeCycle.reviewStatus", "ACTION_NOT_PERMITTED")]
            );
        }
        assert!(edit(&orphan, &[("Project.AdditionalComments", json!("alone"))]).is_ok());
    }
}

#[test]
fn with_the_quirk_switched_off_leaving_the_review_status_out_changes_nothing() {
    for from in ["Pending Submission", "Action Required", "Approved"] {
        let stored = of_status(&draft(), from);
        let body = with(echo(&stored), &[("LifeCycle.ReviewStatus", Value::Null)]);
        let next = update_as(&stored, &body, minute(60), false).unwrap();
        assert_eq!(status_of(&next), from);
    }
}

#[test]
fn a_deal_that_takes_no_updates_cannot_be_orphaned_by_one() {
    let shut: Vec<(&str, Opportunity)> = vec![
        ("Submitted", of_status(&draft(), "Submitted")),
        ("In review", of_status(&draft(), "In review")),
        ("Rejected", of_status(&draft(), "Rejected")),
    ];
    for (status, stored) in shut {
        for quirk in [true, false] {
            let body = with(echo(&stored), &[("LifeCycle.ReviewStatus", Value::Null)]);
            let violations = refused(update_as(&stored, &body, minute(60), quirk));
            assert_eq!(codes(&violations), [("", "ACTION_NOT_PERMITTED")], "{status}");
        }
    }
}

#[test]
fn aws_can_answer_an_edit_in_the_same_update() {
    let asked = of_status(&draft(), "Action Required");
    let edits = [
        ("Customer.Account.Address.City", json!("Tacoma")),
        ("LifeCycle.ReviewStatus", json!("Approved")),
    ];
    let approved = edit(&asked, &edits).unwrap();
    assert_eq!(status_of(&approved), "Approved");
    refused(edit(
        &asked,
        &[
            ("Project.Title", json!("X")),
            ("LifeCycle.ReviewStatus", json!("Approved")),
        ],
    ));
}

#[test]
fn an_orphaning_correction_is_no_submission() {
    let asked = of_status(&draft(), "Action Required");
    let edits = [
        ("LifeCycle.ReviewStatus", Value::Null),
        ("Customer.Account.WebsiteUrl", Value::Null),
    ];
    assert_eq!(status_of(&edit(&asked, &edits).unwrap()), "");
}
