//! The contexts of engagements: their numbers, their limits and the lock on them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::engagement::{add, caller, create, interaction, lead, list, named, project};

#[test]
fn contexts_are_numbered_change_the_list_and_end_at_five() {
    let mut caller = caller("600000000006");
    let made = create(&mut caller, "contexts", json!([]));
    let mut last = made["ModifiedAt"].as_str().unwrap().to_owned();
    for number in 1..=5 {
        let (kind, payload) = match number {
            2 => ("CustomerProject", project()),
            _ => ("Lead", lead()),
        };
        let added = add(&mut caller, &made["Arn"], &format!("c-{number}"), kind, payload).ok();
        assert_eq!(added["ContextId"], number.to_string());
        assert_eq!(added["EngagementId"], made["Id"]);
        assert_eq!(added["EngagementArn"], made["Arn"]);
        let now = added["EngagementLastModifiedAt"].as_str().unwrap().to_owned();
        assert!(now > last, "{now} after {last}");
        last = now;
        let rows = list(&mut caller, json!({}));
        assert_eq!(rows[0]["ModifiedAt"], last);
        let kinds = if number == 1 {
            json!(["Lead"])
        } else {
            json!(["CustomerProject", "Lead"])
        };
        assert_eq!(rows[0]["ContextTypes"], kinds);
    }
    let full = add(&mut caller, &made["Id"], "c-6", "Lead", lead());
    full.is("ServiceQuotaExceededException");
    let read = caller.call("GetEngagement", &named(&made["Id"])).ok();
    assert_eq!(read["Contexts"].as_array().unwrap().len(), 5);
    assert_eq!(read["ModifiedAt"], last);
    // A token that made one is answered again, although the engagement is full now.
    let again = add(&mut caller, &made["Arn"], "c-5", "Lead", lead()).ok();
    assert_eq!(again["ContextId"], "5");
    assert_eq!(again["EngagementLastModifiedAt"], last);
}

#[test]
fn contexts_that_only_aws_writes_or_that_say_another_type_are_refused() {
    let mut caller = caller("600000000007");
    let made = create(&mut caller, "refused", json!([]));
    let business = "BUSINESS_VALIDATION_FAILED";
    let mut late = project();
    late["CustomerProject"]["Project"]["TargetCompletionDate"] = "2027-02-30".into();
    for (kind, payload, field, code) in [
        ("Lead", project(), "payload", "INVALID_VALUE"),
        ("CustomerProject", lead(), "payload", "INVALID_VALUE"),
        ("ProspectingResult", lead(), "type", "ACTION_NOT_PERMITTED"),
        (
            "CustomerProject",
            late,
            "payload.customerProject.project.targetCompletionDate",
            "INVALID_VALUE",
        ),
    ] {
        let answer = add(&mut caller, &made["Id"], "refused", kind, payload.clone());
        assert_eq!(
            answer.violations(business),
            [(field.to_owned(), code.to_owned())],
            "{kind}"
        );
        let body = json!({"Catalog": "Sandbox", "ClientToken": "with-it",
            "Contexts": [{"Type": kind, "Payload": payload}]});
        let answer = caller.call("CreateEngagement", &body);
        assert_eq!(
            answer.violations(business),
            [(format!("contexts.{field}"), code.to_owned())]
        );
    }
    let read = caller.call("GetEngagement", &named(&made["Id"])).ok();
    assert_eq!(
        (&read["Contexts"], &read["ModifiedAt"]),
        (&json!([]), &made["ModifiedAt"])
    );
    assert_eq!(list(&mut caller, json!({})).len(), 1);
    // A refused request uses no token up.
    add(&mut caller, &made["Id"], "refused", "Lead", lead()).ok();
}

#[test]
fn an_update_needs_the_latest_time_and_appends_one_interaction_to_a_lead() {
    let mut caller = caller("600000000008");
    let made = create(
        &mut caller,
        "update",
        json!([{"Type": "Lead", "Payload": lead()}]),
    );
    let mut last = made["ModifiedAt"].clone();
    let update = |last: &Value, payload: Value| {
        json!({"Catalog": "Sandbox", "EngagementIdentifier": made["Id"], "ContextIdentifier": "1",
            "EngagementLastModifiedAt": last, "Type": "Lead", "Payload": {"Lead": payload}})
    };
    let customer = json!({"CompanyName": "Northwind Nougat"});
    for number in 1..10 {
        let payload = json!({"Customer": customer, "QualificationStatus": "Qualified", "Interaction": interaction(number)});
        let changed = caller
            .call("UpdateEngagementContext", &update(&last, payload))
            .ok();
        assert_eq!(changed["ContextId"], "1");
        assert_eq!(changed["EngagementId"], made["Id"]);
        assert_eq!(changed["EngagementArn"], made["Arn"]);
        assert!(changed["EngagementLastModifiedAt"].as_str() > last.as_str());
        last = changed["EngagementLastModifiedAt"].clone();
    }
    let read = caller.call("GetEngagement", &named(&made["Id"])).ok();
    assert_eq!(read["ModifiedAt"], last);
    let kept = &read["Contexts"][0]["Payload"]["Lead"];
    assert_eq!(kept["Customer"], customer);
    assert_eq!(kept["QualificationStatus"], "Qualified");
    let all: Vec<Value> = (0..10).map(interaction).collect();
    assert_eq!(kept["Interactions"], json!(all));

    let one_more = json!({"Customer": customer, "Interaction": interaction(10)});
    caller
        .call("UpdateEngagementContext", &update(&last, one_more))
        .is("ServiceQuotaExceededException");
    let stale = json!({"Customer": {"CompanyName": "Too late"}});
    caller
        .call("UpdateEngagementContext", &update(&made["ModifiedAt"], stale))
        .is("ConflictException");
    let mut absent = update(&last, json!({"Customer": customer}));
    absent["ContextIdentifier"] = "2".into();
    caller
        .call("UpdateEngagementContext", &absent)
        .is("ResourceNotFoundException");
    let mut other = update(&last, json!({"Customer": customer}));
    other["Type"] = "CustomerProject".into();
    other["Payload"] = project();
    let found = caller
        .call("UpdateEngagementContext", &other)
        .violations("BUSINESS_VALIDATION_FAILED");
    assert_eq!(found, [("type".to_owned(), "INVALID_VALUE".to_owned())]);
    assert_eq!(caller.call("GetEngagement", &named(&made["Id"])).ok(), read);
}

#[test]
fn of_many_updates_with_the_same_time_exactly_one_wins() {
    let mut caller = caller("600000000009");
    let made = create(&mut caller, "race", json!([{"Type": "Lead", "Payload": lead()}]));
    let mut last = made["ModifiedAt"].clone();
    for round in 1..=5 {
        let answers: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    let body = json!({"Catalog": "Sandbox", "EngagementIdentifier": made["Id"],
                        "ContextIdentifier": "1", "EngagementLastModifiedAt": last, "Type": "Lead",
                        "Payload": {"Lead": {"Customer": {"CompanyName": "Racers"}, "Interaction": interaction(round)}}});
                    let mut caller = caller.again();
                    scope.spawn(move || caller.call("UpdateEngagementContext", &body))
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!((won.len(), lost.len()), (1, 7));
        lost.iter().for_each(|answer| answer.is("ConflictException"));
        last = won[0].json()["EngagementLastModifiedAt"].clone();
        let read = caller.call("GetEngagement", &named(&made["Id"])).ok();
        let kept = &read["Contexts"][0]["Payload"]["Lead"]["Interactions"];
        assert_eq!(kept.as_array().unwrap().len(), round + 1);
        assert_eq!(read["ModifiedAt"], last);
    }
}

#[test]
fn contexts_that_many_add_at_once_all_get_numbers_of_their_own() {
    let mut caller = caller("600000000011");
    let made = create(&mut caller, "many", json!([]));
    let answers: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|number| {
                let (mut caller, id) = (caller.again(), &made["Id"]);
                scope.spawn(move || add(&mut caller, id, &format!("many-{number}"), "Lead", lead()))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let (made_ones, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    let numbers: BTreeSet<String> = made_ones
        .iter()
        .map(|answer| answer.json()["ContextId"].to_string())
        .collect();
    assert_eq!((made_ones.len(), numbers.len()), (5, 5));
    refused
        .iter()
        .for_each(|answer| answer.is("ServiceQuotaExceededException"));
    let read = caller.call("GetEngagement", &named(&made["Id"])).ok();
    assert_eq!(read["Contexts"].as_array().unwrap().len(), 5);
}
