//! The AWS seller's edits: every member of AWS's view can be set, shown and cleared, and what is refused is refused whole.

use cosell_domain::opportunity::aws_side::change::{Edit, Patch};
use cosell_domain::opportunity::aws_side::{AwsSide, edit as aws, summary};
use cosell_domain::opportunity::{Opportunity, Private};
use cosell_domain::snapshot::view::aws_full_view;
use cosell_model::enums::AwsOpportunityStage;
use cosell_model::{Check, Violation, shapes};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::*;

fn parsed(document: Value) -> Edit {
    Edit::parse(document).expect("a well-formed edit")
}

fn edited(stored: &Opportunity, document: Value) -> Result<Option<Opportunity>, Vec<Violation>> {
    aws::edit(stored, parsed(document), minute(60))
}

fn done(stored: &Opportunity, document: Value) -> Opportunity {
    edited(stored, document)
        .expect("an allowed edit")
        .expect("a change")
}

fn faults(stored: &Opportunity, document: Value) -> Vec<(String, String)> {
    let found = match Edit::parse(document) {
        Err(found) => found,
        Ok(edit) => aws::edit(stored, edit, minute(60)).expect_err("it was taken"),
    };
    owned(&found)
}

fn owned(found: &[Violation]) -> Vec<(String, String)> {
    codes(found)
        .into_iter()
        .map(|(field, code)| (field.to_owned(), code.to_owned()))
        .collect()
}

fn one(field: &str, code: &str) -> Vec<(String, String)> {
    vec![(field.to_owned(), code.to_owned())]
}

fn shown(opportunity: &Opportunity) -> Value {
    let answer = summary(opportunity).unwrap();
    assert!(answer.check(), "it obeys the contract");
    serde_json::to_value(answer).unwrap()
}

fn spend_insights() -> Value {
    json!({"currencyCode": "USD", "frequency": "Monthly", "totalAmount": "900", "totalOptimizedAmount": "800",
        "totalPotentialSavingsAmount": "100", "totalAmountByCategory": {"Compute": "900"},
        "awsProducts": [{"productCode": "AmazonEC2", "serviceCode": "ec2", "categories": ["Compute"],
            "amount": "900", "optimizedAmount": "800", "potentialSavingsAmount": "100",
            "optimizations": [{"description": "smaller machines", "savingsAmount": "100"}]}]})
}

/// An edit of every member that there is.
fn everything() -> Value {
    json!({
        "stage": "Closed Lost",
        "nextSteps": "write the report",
        "targetCloseDate": "2027-06-30",
        "closedLostReason": "Price",
        "opportunityTeam": [{"email": "rep@aws.example", "firstName": "Rae", "lastName": "Fox",
            "businessTitle": "AWSSalesRep"}],
        "insights": {
            "nextBestActions": "call the CTO",
            "engagementScore": "High",
            "awsProductsSpendInsightsBySource": {"partner": spend_insights(), "aws": spend_insights()},
            "opportunityQuality": {"score": 80, "trend": "Improving"},
            "recommendations": [{"type": "Program", "details": "MAP fits", "attributes": {"someKey": "v"}}]
        },
        "cosellMotion": "Partner-led",
        "involvementType": "Co-Sell",
        "involvementTypeChangeReason": "Customer Requested",
        "visibility": "Full",
        "relatedEntityIds": {
            "awsProducts": ["AmazonEC2Linux"], "solutions": ["S-7654321"],
            "awsMarketplaceSolutions": ["arn:aws:aws-marketplace:us-east-1:111122223333:AWSMarketplace/Solution/soln-a1"],
            "awsMarketplaceProducts": ["arn:aws:aws-marketplace:us-east-1:111122223333:AWSMarketplace/SaaSProduct/prod-a1"]
        },
        "customer": {"contacts": [{"email": "bo@fjord.example", "firstName": "Bo"}]},
        "project": {"expectedCustomerSpend": [{"amount": "4000", "currencyCode": "EUR", "frequency": "Monthly",
            "targetCompany": "AWS"}], "awsPartition": "aws-eusc"},
        "softwareRevenue": {"value": {"amount": "12.50", "currencyCode": "USD"}, "discount": "10%",
            "effectiveDate": "2027-01-01", "expirationDate": "2028-01-01"}
    })
}

fn seen_only() -> Opportunity {
    submit_as(&draft(), "For Visibility Only", Some("Limited"))
        .unwrap()
        .unwrap()
}

#[test]
fn the_whole_answer_can_be_made_by_edits_and_both_views_show_every_member_of_it() {
    let next = done(&seen_only(), everything());
    let answer = shown(&next);
    let mut compared = 0;
    for member in shapes::GET_AWS_OPPORTUNITY_SUMMARY_RESPONSE.members() {
        assert!(answer.get(member.name).is_some(), "{} is shown", member.name);
        for inner in member.shape.members() {
            let value = answer[member.name].get(inner.name);
            assert!(value.is_some(), "{}.{} is shown", member.name, inner.name);
            compared += 1;
        }
    }
    assert!(compared > 15, "the inner members were looked at");
    for (path, value) in [
        ("/LifeCycle/Stage", json!("Closed Lost")),
        ("/LifeCycle/NextSteps", json!("write the report")),
        (
            "/LifeCycle/NextStepsHistory",
            json!([{"Value": "write the report", "Time": "2026-11-21T13:00:00.000Z"}]),
        ),
        ("/LifeCycle/TargetCloseDate", json!("2027-06-30")),
        ("/LifeCycle/ClosedLostReason", json!("Price")),
        ("/OpportunityTeam/0/BusinessTitle", json!("AWSSalesRep")),
        (
            "/Insights/OpportunityQuality",
            json!({"Score": 80, "Trend": "Improving"}),
        ),
        (
            "/Insights/AwsProductsSpendInsightsBySource/AWS/TotalAmount",
            json!("900"),
        ),
        ("/Insights/Recommendations/0/Attributes/someKey", json!("v")),
        ("/CosellMotion", json!("Partner-led")),
        ("/InvolvementType", json!("Co-Sell")),
        ("/InvolvementTypeChangeReason", json!("Customer Requested")),
        ("/Visibility", json!("Full")),
        ("/RelatedEntityIds/Solutions", json!(["S-7654321"])),
        ("/Customer/Contacts/0/FirstName", json!("Bo")),
        ("/Project/ExpectedCustomerSpend/0/Amount", json!("4000")),
        ("/Project/AwsPartition", json!("aws-eusc")),
        ("/SoftwareRevenue/Value/Amount", json!("12.50")),
    ] {
        assert_eq!(answer.pointer(path), Some(&value), "{path}");
    }
    let view = serde_json::to_value(aws_full_view(&next).unwrap()).unwrap();
    for member in shapes::AWS_OPPORTUNITY_SUMMARY_FULL_VIEW.members() {
        assert_eq!(view.get(member.name), answer.get(member.name), "{}", member.name);
        assert!(view.get(member.name).is_some(), "{}", member.name);
    }
}

#[test]
fn the_partners_document_is_not_touched_but_for_its_time() {
    let stored = seen_only();
    let mut next = done(&stored, everything());
    assert_eq!(next.document.last_modified_date, minute(60));
    next.document.last_modified_date = stored.document.last_modified_date;
    assert_eq!(next.document, stored.document);
}

#[test]
fn null_clears_what_can_be_empty_and_brings_the_partners_facts_back() {
    let stored = seen_only();
    let full = done(&stored, everything());
    let next = done(
        &full,
        json!({"nextSteps": null, "targetCloseDate": null, "closedLostReason": null, "opportunityTeam": null,
            "insights": null, "cosellMotion": null, "involvementTypeChangeReason": null, "relatedEntityIds": null,
            "customer": null, "project": null, "softwareRevenue": null}),
    );
    let (answer, before) = (shown(&next), shown(&stored));
    for absent in [
        "/LifeCycle/NextSteps",
        "/LifeCycle/TargetCloseDate",
        "/LifeCycle/ClosedLostReason",
        "/Insights",
        "/CosellMotion",
        "/InvolvementTypeChangeReason",
        "/SoftwareRevenue",
    ] {
        assert_eq!(answer.pointer(absent), None, "{absent}");
    }
    for partners in ["RelatedEntityIds", "Customer", "Project", "OpportunityTeam"] {
        assert_eq!(answer[partners], before[partners], "{partners}");
    }
    assert_eq!(
        answer["LifeCycle"]["NextStepsHistory"].as_array().unwrap().len(),
        1,
        "history is never cleared"
    );
    for (member, field) in [
        ("stage", "stage"),
        ("involvementType", "involvementType"),
        ("visibility", "visibility"),
    ] {
        assert_eq!(
            faults(&full, json!({member: null})),
            one(field, "REQUIRED_FIELD_MISSING")
        );
    }
}

#[test]
fn parts_change_member_by_member() {
    let full = done(&seen_only(), everything());
    let next = done(
        &full,
        json!({"insights": {"engagementScore": "Low", "recommendations": null},
            "relatedEntityIds": {"solutions": null}, "project": {"awsPartition": null}}),
    );
    let answer = shown(&next);
    assert_eq!(answer["Insights"]["EngagementScore"], "Low");
    assert_eq!(answer["Insights"]["NextBestActions"], "call the CTO");
    assert_eq!(answer["Insights"].get("Recommendations"), None);
    assert_eq!(
        answer["RelatedEntityIds"]["Solutions"],
        json!(["S-1234567"]),
        "the partner's"
    );
    assert_eq!(
        answer["RelatedEntityIds"]["AwsProducts"],
        json!(["AmazonEC2Linux"])
    );
    assert_eq!(answer["Project"].get("AwsPartition"), None);
    assert_eq!(answer["Project"]["ExpectedCustomerSpend"][0]["Amount"], "4000");
}

#[test]
fn an_edit_that_changes_nothing_has_no_effect() {
    let stored = submitted(&draft());
    for nothing in [
        json!({}),
        json!({"stage": "Not Started", "visibility": "Full", "involvementType": "Co-Sell"}),
        json!({"insights": null, "opportunityTeam": [], "softwareRevenue": null, "nextSteps": ""}),
        json!({"insights": {}, "customer": {}, "project": {"awsPartition": null}}),
    ] {
        assert_eq!(edited(&stored, nothing.clone()), Ok(None), "{nothing}");
    }
    let full = done(&seen_only(), everything());
    assert_eq!(edited(&full, everything()), Ok(None));
}

#[test]
fn aws_edits_only_what_it_knows_whatever_became_of_the_review() {
    let stage = json!({"stage": "Qualify"});
    assert_eq!(faults(&draft(), stage.clone()), one("", "ACTION_NOT_PERMITTED"));
    for status in [
        "Submitted",
        "In review",
        "Approved",
        "Rejected",
        "Action Required",
    ] {
        let next = done(&of_status(&draft(), status), stage.clone());
        assert_eq!(shown(&next)["LifeCycle"]["Stage"], "Qualify", "{status}");
        assert_eq!(status_of(&next), status);
    }
}

#[test]
fn every_stage_of_awss_can_be_set_and_only_lost_ones_take_a_reason() {
    assert_eq!(AwsOpportunityStage::VALUES.len(), 24);
    let stored = submitted(&draft());
    for stage in AwsOpportunityStage::VALUES {
        let lost = ["Closed Lost", "Closed Incomplete"].contains(stage);
        let with_reason = json!({"stage": stage, "closedLostReason": "No Response"});
        if lost {
            let next = done(&stored, with_reason);
            assert_eq!(shown(&next)["LifeCycle"]["ClosedLostReason"], "No Response");
            let reopened = done(&next, json!({"stage": "Engaged"}));
            assert_eq!(shown(&reopened)["LifeCycle"].get("ClosedLostReason"), None);
        } else {
            assert_eq!(
                faults(&stored, with_reason),
                one("closedLostReason", "ACTION_NOT_PERMITTED"),
                "{stage}"
            );
        }
    }
}

#[test]
fn next_steps_enter_the_history_once_for_each_new_text_and_fifty_at_most() {
    let mut deal = submitted(&draft());
    for n in 0..60 {
        let steps = json!({"nextSteps": format!("step {n}")});
        deal = aws::edit(&deal, parsed(steps.clone()), minute(60 + n))
            .unwrap()
            .unwrap();
        assert_eq!(aws::edit(&deal, parsed(steps), minute(60 + n)), Ok(None));
    }
    let answer = shown(&deal);
    let history = answer["LifeCycle"]["NextStepsHistory"].as_array().unwrap();
    assert_eq!(history.len(), 50);
    assert_eq!(history[0]["Value"], "step 10");
    assert_eq!(history[49]["Value"], "step 59");
    let partners = deal.document.life_cycle.unwrap().next_steps_history.unwrap();
    assert_eq!(partners.len(), 1, "the partner's history is its own");
}

#[test]
fn involvement_grows_for_a_reason_and_never_shrinks() {
    let (seen, worked) = (seen_only(), submitted(&draft()));
    let co_sell = json!({"involvementType": "Co-Sell"});
    assert_eq!(
        faults(&seen, co_sell),
        one("involvementTypeChangeReason", "REQUIRED_FIELD_MISSING")
    );
    let grown = done(
        &seen,
        json!({"involvementType": "Co-Sell", "involvementTypeChangeReason": "Expansion Opportunity"}),
    );
    assert_eq!(
        shown(&grown)["Visibility"],
        "Full",
        "a deal that is worked is seen"
    );
    let corrected = done(&grown, json!({"involvementTypeChangeReason": "Risk Mitigation"}));
    assert_eq!(
        shown(&corrected)["InvolvementTypeChangeReason"],
        "Risk Mitigation"
    );
    assert_eq!(
        faults(&worked, json!({"involvementTypeChangeReason": "Risk Mitigation"})),
        one("involvementTypeChangeReason", "ACTION_NOT_PERMITTED")
    );
    assert_eq!(
        faults(
            &worked,
            json!({"involvementType": "For Visibility Only", "involvementTypeChangeReason": "Risk Mitigation"})
        ),
        one("involvementType", "ACTION_NOT_PERMITTED")
    );
    assert_eq!(
        faults(&worked, json!({"visibility": "Limited"})),
        one("visibility", "INVALID_VALUE")
    );
    let both = json!({"involvementType": "Co-Sell", "visibility": "Limited",
        "involvementTypeChangeReason": "Customer Requested"});
    assert_eq!(faults(&seen, both), one("visibility", "INVALID_VALUE"));
    assert_eq!(
        shown(&done(&seen, json!({"visibility": "Full"})))["Visibility"],
        "Full"
    );
}

#[test]
fn what_is_out_of_bounds_is_named() {
    let stored = submitted(&draft());
    let people = vec![json!({"email": "a@aws.example"}); 11];
    let products: Vec<_> = (0..21).map(|n| format!("P{n}")).collect();
    let advice = vec![json!({"type": "t", "details": "d"}); 6];
    let table = [
        (json!({"stage": "Won"}), "stage", "INVALID_ENUM_VALUE"),
        (
            json!({"nextSteps": "x".repeat(256)}),
            "nextSteps",
            "INVALID_STRING_FORMAT",
        ),
        (json!({"nextSteps": "a\u{0}"}), "nextSteps", "INVALID_VALUE"),
        (
            json!({"targetCloseDate": "2027-02-30"}),
            "targetCloseDate",
            "INVALID_VALUE",
        ),
        (
            json!({"targetCloseDate": "soon"}),
            "targetCloseDate",
            "INVALID_STRING_FORMAT",
        ),
        (
            json!({"stage": "Closed Lost", "closedLostReason": "Bad luck"}),
            "closedLostReason",
            "INVALID_ENUM_VALUE",
        ),
        (
            json!({"opportunityTeam": people}),
            "opportunityTeam",
            "TOO_MANY_VALUES",
        ),
        (
            json!({"opportunityTeam": [{"email": "a@aws.example", "businessTitle": "Boss"}]}),
            "opportunityTeam.businessTitle",
            "INVALID_ENUM_VALUE",
        ),
        (
            json!({"opportunityTeam": [{"businessTitle": "PDM"}]}),
            "opportunityTeam",
            "INVALID_VALUE",
        ),
        (
            json!({"cosellMotion": "Slow"}),
            "cosellMotion",
            "INVALID_ENUM_VALUE",
        ),
        (
            json!({"insights": {"opportunityQuality": {"score": 101}}}),
            "insights.opportunityQuality.score",
            "VALUE_OUT_OF_RANGE",
        ),
        (
            json!({"insights": {"opportunityQuality": {"trend": "Up"}}}),
            "insights.opportunityQuality.trend",
            "INVALID_VALUE",
        ),
        (
            json!({"insights": {"recommendations": advice}}),
            "insights.recommendations",
            "TOO_MANY_VALUES",
        ),
        (
            json!({"relatedEntityIds": {"awsProducts": products}}),
            "relatedEntityIds.awsProducts",
            "TOO_MANY_VALUES",
        ),
        (
            json!({"relatedEntityIds": {"solutions": ["S-1", "S-1"]}}),
            "relatedEntityIds.solutions",
            "INVALID_VALUE",
        ),
        (
            json!({"softwareRevenue": {"effectiveDate": "tomorrow"}}),
            "softwareRevenue.effectiveDate",
            "INVALID_VALUE",
        ),
        (
            json!({"softwareRevenue": {"effectiveDate": "2027-02-01", "expirationDate": "2027-01-01"}}),
            "softwareRevenue.expirationDate",
            "INVALID_VALUE",
        ),
        (json!({"Stage": "Qualify"}), "Stage", "INVALID_VALUE"),
        (json!({"insights": {"luck": 1}}), "insights.luck", "INVALID_VALUE"),
        (json!({"stage": 5}), "", "INVALID_VALUE"),
        (json!("Qualify"), "", "INVALID_VALUE"),
    ];
    for (document, field, code) in table {
        assert_eq!(faults(&stored, document.clone()), one(field, code), "{document}");
    }
    let two = json!({"stage": "Won", "unknown": 1});
    assert_eq!(faults(&stored, two).len(), 2, "all of it at once");
}

#[test]
fn an_edit_that_never_was_json_is_checked_as_well() {
    let edit = Edit {
        stage: Patch::Set("Won".into()),
        next_steps: Patch::Set("x".repeat(300)),
        ..Edit::default()
    };
    let found = aws::edit(&submitted(&draft()), edit, minute(60)).unwrap_err();
    assert_eq!(
        codes(&found),
        [
            ("stage", "INVALID_ENUM_VALUE"),
            ("nextSteps", "INVALID_STRING_FORMAT")
        ]
    );
}

#[test]
fn an_edit_reads_back_as_it_was_written() {
    for document in [
        everything(),
        json!({}),
        json!({"nextSteps": null, "insights": {"recommendations": null}}),
    ] {
        let edit = parsed(document.clone());
        assert_eq!(serde_json::to_value(&edit).unwrap(), document);
        let text = document.to_string();
        assert_eq!(serde_json::from_str::<Edit>(&text).unwrap(), edit);
    }
    let error = serde_json::from_str::<Edit>(r#"{"stag": "Qualify"}"#).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("stag is not known: use one of stage, nextSteps")
    );
}

#[test]
fn what_an_older_server_kept_can_be_read_and_edited() {
    let old = json!({"origin": "Partner Referral", "involvement_type": "Co-Sell", "visibility": "Full",
        "aws": {"life_cycle": {"TargetCloseDate": "2027-03-31", "Stage": "Not Started"}, "opportunity_team": []}});
    let private: Private = serde_json::from_value(old.clone()).unwrap();
    let expected = AwsSide::opened(Some("2027-03-31".to_owned()));
    assert_eq!(private.aws.as_ref(), Some(&expected));
    assert_eq!(
        serde_json::to_value(&private).unwrap(),
        old,
        "and is written as before"
    );
    let full = done(&seen_only(), everything());
    let kept = serde_json::to_string(&full.private).unwrap();
    assert_eq!(serde_json::from_str::<Private>(&kept).unwrap(), full.private);
}

/// Edits that may be allowed or not.
fn menu() -> Vec<Value> {
    vec![
        json!({"stage": "Qualify"}),
        json!({"stage": "Closed Lost", "closedLostReason": "Price"}),
        json!({"closedLostReason": "Price"}),
        json!({"nextSteps": "one"}),
        json!({"nextSteps": "two"}),
        json!({"nextSteps": null}),
        json!({"insights": {"engagementScore": "High"}}),
        json!({"insights": {"engagementScore": null}}),
        json!({"involvementType": "Co-Sell", "involvementTypeChangeReason": "Customer Requested"}),
        json!({"involvementType": "For Visibility Only", "involvementTypeChangeReason": "Customer Requested"}),
        json!({"visibility": "Limited"}),
        json!({"visibility": "Full"}),
        json!({"relatedEntityIds": {"solutions": []}}),
        json!({"relatedEntityIds": null}),
        everything(),
    ]
}

proptest! {
    #[test]
    fn edits_in_any_order_keep_what_always_holds(
        steps in prop::collection::vec((0..menu().len(), any::<bool>()), 0..25),
        seen in any::<bool>(),
    ) {
        let mut deal = if seen { seen_only() } else { submitted(&draft()) };
        let mut entries = 0;
        for (at, (step, moves)) in (100..).zip(steps) {
            let now = minute(if moves { at } else { 60 });
            let Ok(Some(next)) = aws::edit(&deal, parsed(menu()[step].clone()), now) else { continue };
            prop_assert!(next.document.last_modified_date > deal.document.last_modified_date);
            prop_assert_eq!(status_of(&next), status_of(&deal));
            let answer = shown(&next);
            prop_assert!(answer["InvolvementType"] != "Co-Sell" || answer["Visibility"] == "Full");
            prop_assert!(shown(&deal)["InvolvementType"] != "Co-Sell" || answer["InvolvementType"] == "Co-Sell");
            let lost = answer["LifeCycle"]["Stage"] == "Closed Lost";
            prop_assert!(lost || answer["LifeCycle"].get("ClosedLostReason").is_none());
            let count = answer["LifeCycle"]["NextStepsHistory"].as_array().map_or(0, Vec::len);
            prop_assert!(count == entries || count == entries + 1);
            entries = count;
            let again = aws::edit(&next, parsed(menu()[step].clone()), now);
            prop_assert!(matches!(again, Ok(None)), "an edit repeated has no effect");
            let kept = serde_json::to_string(&next.private).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Private>(&kept).unwrap(), &next.private);
            deal = next;
        }
    }
}
