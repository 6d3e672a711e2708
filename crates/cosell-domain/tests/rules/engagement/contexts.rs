//! CreateEngagementContext, UpdateEngagementContext, and what the service itself writes.

use cosell_domain::engagement::{Engagement, Refusal, context, view};
use cosell_model::Check;
use cosell_model::types::ProspectingResult;
use serde_json::{Value, json};

use super::support::*;

fn update_of(kind: &str, member: &str, payload: Value) -> Value {
    json!({"Type": kind, "Payload": {member: payload}})
}

fn lead_update(edits: &[(&str, Value)]) -> Value {
    let body = json!({"Customer": {"CompanyName": "Fjord Fish & Sons"}});
    update_of("Lead", "Lead", with(body, edits))
}

fn payload(stored: &Engagement, index: usize) -> Value {
    serde_json::to_value(&stored.contexts[index]).unwrap()["Payload"].clone()
}

#[test]
fn contexts_are_numbered_in_the_order_of_creation() {
    let stored = engagement(json!([lead()]));
    let (stored, first) = add_context(&stored, ANN, &customer_project(), minute(1)).unwrap();
    let (stored, second) = add_context(&stored, ANN, &lead(), minute(2)).unwrap();
    assert_eq!((first.as_str(), second.as_str()), ("2", "3"));
    assert_eq!(stored.modified_at, minute(2));
    assert!(view::answer(&stored).check());
}

#[test]
fn the_identifier_that_a_caller_gives_a_context_is_not_taken() {
    let stored = engagement(json!([with(lead(), &[("Id", json!("9"))])]));
    assert_eq!(stored.contexts[0].id.as_deref(), Some("1"));
}

#[test]
fn every_fault_of_the_contexts_of_a_new_engagement_is_told() {
    let contexts = json!([
        {"Type": "ProspectingResult", "Payload": {"ProspectingResult": {}}},
        {"Type": "Lead"},
        {"Type": "Lead"},
        {"Type": "Lead", "Payload": customer_project()["Payload"]},
        with(customer_project(), &[("Payload.CustomerProject.Project.TargetCompletionDate", json!("2027-02-30"))]),
    ]);
    assert_eq!(
        faults(create_by(ANN, contexts)),
        [
            pair("contexts.type", "ACTION_NOT_PERMITTED"),
            pair("contexts.payload", "REQUIRED_FIELD_MISSING"),
            pair("contexts.payload", "INVALID_VALUE"),
            pair(
                "contexts.payload.customerProject.project.targetCompletionDate",
                "INVALID_VALUE"
            ),
        ]
    );
}

#[test]
fn an_engagement_holds_five_contexts_and_no_more() {
    let five = json!([lead(), lead(), lead(), lead(), lead()]);
    let stored = engagement(five);
    assert_eq!(refusal(&add_context(&stored, ANN, &lead(), minute(1))), "quota");
    let six = json!([lead(), lead(), lead(), lead(), lead(), lead()]);
    assert_eq!(refusal(&create_by(ANN, six)), "quota");
}

#[test]
fn a_new_context_must_be_of_a_callers_type_and_hold_what_its_type_says() {
    let stored = engagement(json!([]));
    let table = [
        (
            json!({"Type": "ProspectingResult", "Payload": {"ProspectingResult": {}}}),
            pair("type", "ACTION_NOT_PERMITTED"),
        ),
        (
            json!({"Type": "CustomerProject", "Payload": lead()["Payload"]}),
            pair("payload", "INVALID_VALUE"),
        ),
        (
            with(
                customer_project(),
                &[(
                    "Payload.CustomerProject.Project.TargetCompletionDate",
                    json!("2027-04-31"),
                )],
            ),
            pair(
                "payload.customerProject.project.targetCompletionDate",
                "INVALID_VALUE",
            ),
        ),
    ];
    for (body, fault) in table {
        assert_eq!(
            faults(add_context(&stored, ANN, &body, minute(1))),
            [fault],
            "{body}"
        );
    }
}

#[test]
fn strangers_can_neither_add_nor_change_a_context() {
    let stored = engagement(json!([lead()]));
    assert_eq!(
        refusal(&add_context(&stored, BOB, &lead(), minute(1))),
        "not found"
    );
    let update = update_context(&stored, BOB, "1", &lead_update(&[]), minute(1));
    assert_eq!(refusal(&update), "not found");
}

#[test]
fn every_member_may_change_a_context_and_is_named_as_its_last_writer() {
    let stored = engagement(json!([lead()]));
    let stored = stored.add_member(&profile(BOB), minute(1)).unwrap().unwrap();
    let next = update_context(&stored, BOB, "1", &lead_update(&[]), minute(2)).unwrap();
    assert_eq!(next.modified_by, BOB);
    assert_eq!(next.created_by, ANN);
}

#[test]
fn an_update_replaces_a_leads_customer_and_appends_its_interaction() {
    let stored = engagement(json!([lead()]));
    let body = lead_update(&[
        ("QualificationStatus", json!("Qualified")),
        ("Interaction", interaction("Call")),
    ]);
    let next = update_context(&stored, ANN, "1", &body, minute(1)).unwrap();
    let read = payload(&next, 0);
    assert_eq!(
        read["Lead"]["Customer"],
        json!({"CompanyName": "Fjord Fish & Sons"})
    );
    assert_eq!(read["Lead"]["QualificationStatus"], "Qualified");
    assert_eq!(read["Lead"]["Interactions"].as_array().unwrap().len(), 2);
    assert_eq!(read["Lead"]["Interactions"][0]["SourceName"], "Fair");
    assert_eq!(read["Lead"]["Interactions"][1]["SourceName"], "Call");
    assert_eq!(
        read["Lead"]["Insights"]["LeadReadinessScore"], "Contact Ready",
        "AWS's score outlives an update without one"
    );
    let body = lead_update(&[("Insights.LeadReadinessScore", json!("Nurture Lead"))]);
    let last = update_context(&next, ANN, "1", &body, minute(2)).unwrap();
    let read = payload(&last, 0);
    assert_eq!(read["Lead"]["Insights"]["LeadReadinessScore"], "Nurture Lead");
    assert_eq!(read["Lead"]["QualificationStatus"], "Qualified", "left out");
}

#[test]
fn a_lead_holds_ten_interactions_and_can_still_be_updated_without_one() {
    let mut stored = engagement(json!([lead()]));
    for n in 1..10 {
        let body = lead_update(&[("Interaction", interaction("Call"))]);
        stored = update_context(&stored, ANN, "1", &body, minute(n)).unwrap();
    }
    let body = lead_update(&[("Interaction", interaction("Call"))]);
    assert_eq!(
        refusal(&update_context(&stored, ANN, "1", &body, minute(20))),
        "quota"
    );
    assert!(update_context(&stored, ANN, "1", &lead_update(&[]), minute(20)).is_ok());
    assert!(view::answer(&stored).check());
}

#[test]
fn an_update_replaces_a_customer_project_as_a_whole() {
    let stored = engagement(json!([customer_project()]));
    let mut project = customer_project()["Payload"]["CustomerProject"].clone();
    project.as_object_mut().unwrap().remove("Project");
    let body = update_of("CustomerProject", "CustomerProject", project);
    let next = update_context(&stored, ANN, "1", &body, minute(1)).unwrap();
    assert_eq!(payload(&next, 0)["CustomerProject"].get("Project"), None);
}

#[test]
fn an_update_needs_the_latest_modification_time_to_the_millisecond() {
    let stored = engagement(json!([lead()]));
    for off in [-1, 1] {
        let seen = stored.modified_at.plus_millis(off);
        let result = update_context_seen(&stored, ANN, "1", &lead_update(&[]), seen, minute(1));
        assert_eq!(refusal(&result), "conflict");
    }
}

#[test]
fn the_modification_time_increases_even_where_the_clock_stands_still() {
    let stored = engagement(json!([lead()]));
    let next = update_context(&stored, ANN, "1", &lead_update(&[]), noon()).unwrap();
    assert_eq!(next.modified_at, noon().plus_millis(1));
    let (last, _) = add_context(&next, ANN, &lead(), minute(-5)).unwrap();
    assert_eq!(last.modified_at, noon().plus_millis(2));
}

#[test]
fn an_update_must_name_an_existing_context_and_keep_its_type() {
    let stored = engagement(json!([lead()]));
    let absent = update_context(&stored, ANN, "2", &lead_update(&[]), minute(1));
    assert_eq!(refusal(&absent), "not found");
    let project = customer_project()["Payload"]["CustomerProject"].clone();
    let table = [
        (
            update_of("CustomerProject", "CustomerProject", project.clone()),
            vec![pair("type", "INVALID_VALUE")],
        ),
        (
            update_of("Lead", "CustomerProject", project),
            vec![pair("payload", "INVALID_VALUE")],
        ),
        (
            update_of("ProspectingResult", "ProspectingResult", json!({})),
            vec![
                pair("type", "INVALID_VALUE"),
                pair("type", "ACTION_NOT_PERMITTED"),
            ],
        ),
    ];
    for (body, expected) in table {
        let result = update_context(&stored, ANN, "1", &body, minute(1));
        assert_eq!(faults(result), expected, "{body}");
    }
}

fn prospected(stored: &Engagement, id: &str) -> Result<Engagement, Refusal> {
    let result: ProspectingResult =
        serde_json::from_value(json!({"Aws": {"TaskName": id, "Insights": {"SolutionScore": "High"}}}))
            .unwrap();
    context::put_prospecting_result(stored, id, result, AWS, minute(9))
}

#[test]
fn a_new_prospecting_result_takes_the_place_of_the_old_one_and_of_no_number() {
    let stored = engagement(json!([lead()]));
    let stored = prospected(&stored, "ctx-aaaaaaaaaaaaaa").unwrap();
    let stored = prospected(&stored, "ctx-bbbbbbbbbbbbbb").unwrap();
    let ids: Vec<_> = stored.contexts.iter().filter_map(|c| c.id.as_deref()).collect();
    assert_eq!(ids, ["1", "ctx-bbbbbbbbbbbbbb"]);
    assert_eq!(stored.modified_by, AWS);
    assert_eq!(view::context_mask(&stored), 6);
    let (_, next) = add_context(&stored, ANN, &customer_project(), minute(10)).unwrap();
    assert_eq!(next, "2");
}

#[test]
fn a_full_engagement_takes_a_prospecting_result_only_in_the_place_of_another() {
    let full = engagement(json!([lead(), lead(), lead(), lead(), lead()]));
    assert_eq!(refusal(&prospected(&full, "ctx-aaaaaaaaaaaaaa")), "quota");
    let four = engagement(json!([lead(), lead(), lead(), lead()]));
    let stored = prospected(&four, "ctx-aaaaaaaaaaaaaa").unwrap();
    assert!(prospected(&stored, "ctx-bbbbbbbbbbbbbb").is_ok());
}

#[test]
fn the_service_adds_a_customer_project_once() {
    let stored = engagement(json!([lead()]));
    assert!(context::is_bare_lead(&stored));
    let project = serde_json::from_value(customer_project()["Payload"]["CustomerProject"].clone()).unwrap();
    let added = context::add_customer_project(&stored, project, ANN, minute(1)).unwrap();
    let (next, id) = added.unwrap();
    assert_eq!(id, "2");
    assert!(!context::is_bare_lead(&next));
    let again = context::add_customer_project(&next, Default::default(), ANN, minute(2));
    assert_eq!(again, Ok(None));
}
