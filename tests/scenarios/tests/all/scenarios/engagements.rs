//! Engagements, by the account that created them and by strangers.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::engagement::{caller, create, ids, interaction, lead, list, named, project};
use crate::harness::{Key, Server};

#[test]
fn whoever_creates_an_engagement_is_its_first_member_and_reads_it_by_id_and_by_arn() {
    let mut caller = caller("600000000001");
    let contexts =
        json!([{"Type": "CustomerProject", "Payload": project()}, {"Type": "Lead", "Payload": lead()}]);
    let made = create(&mut caller, "first", contexts);
    let id = made["Id"].as_str().unwrap();
    let drawn = id.strip_prefix("eng-").unwrap();
    assert_eq!(drawn.len(), 14);
    assert!(
        drawn
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase())
    );
    assert_eq!(
        made["Arn"],
        format!("arn:aws:partnercentral:us-east-1::catalog/Sandbox/engagement/{id}")
    );

    let read = caller.call("GetEngagement", &named(&made["Id"])).ok();
    assert_eq!(caller.call("GetEngagement", &named(&made["Arn"])).ok(), read);
    for member in ["Id", "Arn", "ModifiedAt"] {
        assert_eq!(read[member], made[member], "{member}");
    }
    assert_eq!(read["Title"], "Ovens first");
    assert_eq!(read["Description"], "One place for the plans of all ovens");
    assert_eq!(read["CreatedAt"], read["ModifiedAt"]);
    assert_eq!(
        [&read["CreatedBy"], &read["ModifiedBy"]],
        ["600000000001", "600000000001"]
    );
    assert_eq!(read["MemberCount"], 1);
    assert_eq!(read["Contexts"][0]["Id"], "1");
    assert_eq!(read["Contexts"][0]["Type"], "CustomerProject");
    assert_eq!(read["Contexts"][0]["Payload"], project());
    assert_eq!(read["Contexts"][1]["Id"], "2");
    let kept = &read["Contexts"][1]["Payload"]["Lead"];
    assert_eq!(kept["QualificationStatus"], "Unqualified");
    assert_eq!(kept["Interactions"], json!([interaction(0)]));

    for name in [&made["Id"], &made["Arn"]] {
        let members = caller.call("ListEngagementMembers", &named(name)).ok();
        assert_eq!(
            members,
            json!({"EngagementMemberList": [{"AccountId": "600000000001",
                "CompanyName": "Example Partner 600000000001", "WebsiteUrl": "https://partner.example.com"}]})
        );
    }
    let rows = list(&mut caller, json!({}));
    assert_eq!(rows.len(), 1);
    for member in [
        "Id",
        "Arn",
        "Title",
        "CreatedAt",
        "CreatedBy",
        "MemberCount",
        "ModifiedAt",
        "ModifiedBy",
    ] {
        assert_eq!(rows[0][member], read[member], "{member}");
    }
    assert_eq!(rows[0]["ContextTypes"], json!(["CustomerProject", "Lead"]));
}

#[test]
fn an_engagement_needs_a_catalog_and_a_token_only() {
    let mut caller = caller("600000000002");
    let made = caller
        .call(
            "CreateEngagement",
            &json!({"Catalog": "AWS", "ClientToken": "bare"}),
        )
        .ok();
    assert!(made["Arn"].as_str().unwrap().contains(":catalog/AWS/engagement/"));
    let name = json!({"Catalog": "AWS", "Identifier": made["Id"]});
    let read = caller.call("GetEngagement", &name).ok();
    assert_eq!(read["Contexts"], json!([]));
    assert!(read.get("Title").is_none());
    // The other catalog has none of it, whatever it is called by.
    for name in [&made["Id"], &made["Arn"]] {
        caller
            .call("GetEngagement", &named(name))
            .is("ResourceNotFoundException");
    }
    assert!(list(&mut caller, json!({})).is_empty());
}

#[test]
fn to_strangers_an_engagement_is_as_absent_as_one_that_never_was() {
    let (mut one, mut two) = (caller("600000000003"), caller("600000000004"));
    let made = create(&mut one, "mine", json!([{"Type": "Lead", "Payload": lead()}]));
    let before = one.call("GetEngagement", &named(&made["Id"])).ok();
    let update = json!({"Catalog": "Sandbox", "EngagementIdentifier": made["Id"], "ContextIdentifier": "1",
        "EngagementLastModifiedAt": made["ModifiedAt"], "Type": "Lead",
        "Payload": {"Lead": {"Customer": {"CompanyName": "Taken over"}}}});
    let context = json!({"Catalog": "Sandbox", "EngagementIdentifier": made["Id"], "ClientToken": "mine",
        "Type": "CustomerProject", "Payload": project()});
    let calls = [
        ("GetEngagement", named(&made["Id"])),
        ("GetEngagement", named(&made["Arn"])),
        ("ListEngagementMembers", named(&made["Id"])),
        ("CreateEngagementContext", context),
        ("UpdateEngagementContext", update),
    ];
    let id = made["Id"].as_str().unwrap();
    let never = "eng-00000000000000";
    for (operation, body) in &calls {
        let foreign = two.call(operation, body);
        foreign.is("ResourceNotFoundException");
        let absent: Value = serde_json::from_str(&body.to_string().replace(id, never)).unwrap();
        let absent = two.call(operation, &absent);
        absent.is("ResourceNotFoundException");
        let said = String::from_utf8_lossy(&foreign.body).replace(id, never);
        assert_eq!(said.as_bytes(), absent.body, "{operation}");
    }
    assert!(list(&mut two, json!({"EngagementIdentifier": [id]})).is_empty());
    assert_eq!(one.call("GetEngagement", &named(&made["Id"])).ok(), before);
}

#[test]
fn the_list_finds_what_each_filter_asks_for_and_nothing_else() {
    let mut caller = caller("600000000005");
    let of = |kinds: &[&str]| -> Value {
        let context =
            |kind: &&str| json!({"Type": kind, "Payload": if *kind == "Lead" { lead() } else { project() }});
        kinds.iter().map(context).collect()
    };
    let kinds: [&[&str]; 4] = [
        &[],
        &["Lead"],
        &["CustomerProject"],
        &["Lead", "CustomerProject", "Lead"],
    ];
    let made: Vec<Value> = (0..24)
        .map(|number| create(&mut caller, &format!("listed-{number}"), of(kinds[number % 4])))
        .collect();
    let nth = |wanted: &[usize]| -> BTreeSet<String> {
        let chosen = made
            .iter()
            .enumerate()
            .filter(|(number, _)| wanted.contains(&(number % 4)));
        chosen.map(|(_, made)| made["Id"].to_string()).collect()
    };
    for (filter, wanted) in [
        (json!({}), &[0, 1, 2, 3][..]),
        (json!({"ContextTypes": []}), &[0, 1, 2, 3]),
        (json!({"ContextTypes": ["Lead"]}), &[1, 3]),
        (json!({"ContextTypes": ["Lead", "CustomerProject"]}), &[1, 2, 3]),
        (json!({"ContextTypes": ["ProspectingResult"]}), &[]),
        (json!({"ExcludeContextTypes": ["Lead"]}), &[0, 2]),
        (json!({"ExcludeContextTypes": ["Lead", "CustomerProject"]}), &[0]),
        (
            json!({"ContextTypes": ["Lead"], "ExcludeContextTypes": ["CustomerProject"]}),
            &[1],
        ),
        (
            json!({"ContextTypes": ["Lead"], "ExcludeContextTypes": ["Lead"]}),
            &[],
        ),
        (json!({"CreatedBy": ["600000000005", "aws"]}), &[0, 1, 2, 3]),
        (json!({"CreatedBy": ["aws"]}), &[]),
        (json!({"ExcludeCreatedBy": ["600000000005"]}), &[]),
        (
            json!({"ExcludeCreatedBy": ["aws", "600000000006"]}),
            &[0, 1, 2, 3],
        ),
        (
            json!({"CreatedBy": ["600000000005"], "ExcludeCreatedBy": ["600000000005"]}),
            &[],
        ),
    ] {
        let rows = list(&mut caller, filter.clone());
        assert_eq!(ids(&rows), nth(wanted), "{filter}");
        assert_eq!(rows.len(), wanted.len() * 6, "{filter}");
    }
    let some = json!([
        made[3]["Id"],
        made[5]["Arn"],
        made[5]["Id"],
        "eng-00000000000000",
        made[7]["Arn"].as_str().unwrap().replace("Sandbox", "AWS")
    ]);
    let rows = list(&mut caller, json!({"EngagementIdentifier": some}));
    let wanted = [&made[3], &made[5]].map(|made| made["Id"].to_string());
    assert_eq!(ids(&rows), BTreeSet::from(wanted));
    let foreign = json!([made[7]["Arn"].as_str().unwrap().replace("Sandbox", "AWS")]);
    assert!(list(&mut caller, json!({"EngagementIdentifier": foreign})).is_empty());

    let times =
        |rows: &[Value]| -> Vec<String> { rows.iter().map(|row| row["CreatedAt"].to_string()).collect() };
    let newest = times(&list(&mut caller, json!({"MaxResults": 5})));
    assert_eq!(newest.len(), 24);
    assert!(
        newest.is_sorted_by(|a, b| a >= b),
        "the newest comes first: {newest:?}"
    );
    for (order, descending) in [("ASCENDING", false), ("DESCENDING", true)] {
        let sort = json!({"Sort": {"SortBy": "CreatedDate", "SortOrder": order}, "MaxResults": 7});
        let found = times(&list(&mut caller, sort));
        assert_eq!(found.len(), 24);
        assert!(found.is_sorted_by(|a, b| if descending { a >= b } else { a <= b }));
    }
    let first = caller
        .call("ListEngagements", &json!({"Catalog": "Sandbox"}))
        .ok();
    assert_eq!(first["EngagementSummaryList"].as_array().unwrap().len(), 20);
    let moved = json!({"Catalog": "Sandbox", "NextToken": first["NextToken"], "ContextTypes": ["Lead"]});
    let found = caller
        .call("ListEngagements", &moved)
        .violations("REQUEST_VALIDATION_FAILED");
    assert_eq!(found, [("nextToken".to_owned(), "INVALID_VALUE".to_owned())]);
}

#[test]
fn a_client_token_makes_one_engagement_and_one_context_however_often_it_is_sent() {
    let mut caller = caller("600000000010");
    let body = json!({"Catalog": "Sandbox", "ClientToken": "once", "Title": "Once"});
    let many = |operation: &str, body: &Value| -> Vec<Vec<u8>> {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..12)
                .map(|_| {
                    let mut caller = caller.again();
                    scope.spawn(move || {
                        let answer = caller.call(operation, body);
                        answer.ok();
                        answer.body
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    };
    let answers = many("CreateEngagement", &body);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    let id = serde_json::from_slice::<Value>(&answers[0]).unwrap()["Id"].clone();
    let context = json!({"Catalog": "Sandbox", "EngagementIdentifier": id, "ClientToken": "once",
        "Type": "Lead", "Payload": lead()});
    let answers = many("CreateEngagementContext", &context);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    let read = caller.call("GetEngagement", &named(&id)).ok();
    assert_eq!(read["Contexts"].as_array().unwrap().len(), 1);

    for (operation, mut other) in [("CreateEngagement", body), ("CreateEngagementContext", context)] {
        match operation {
            "CreateEngagement" => other["Title"] = "Another".into(),
            _ => other["Payload"]["Lead"]["QualificationStatus"] = "Qualified".into(),
        }
        let refused = caller.call(operation, &other);
        refused.is("ConflictException");
        assert_eq!(
            refused.json()["Message"],
            "Conflicting client token submitted for a new request body."
        );
    }
    assert_eq!(list(&mut caller, json!({})).len(), 1);
}

#[test]
fn engagements_survive_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::on(folder.path());
    let mut caller = server.caller(Key::first());
    let made = create(&mut caller, "kept", json!([{"Type": "Lead", "Payload": lead()}]));
    let read = caller.call("GetEngagement", &named(&made["Id"])).ok();
    let rows = list(&mut caller, json!({}));
    server.kill();
    let server = Server::on(folder.path());
    let mut caller = server.caller(Key::first());
    assert_eq!(caller.call("GetEngagement", &named(&made["Id"])).ok(), read);
    assert_eq!(list(&mut caller, json!({})), rows);
    let again = create(&mut caller, "kept", json!([{"Type": "Lead", "Payload": lead()}]));
    assert_eq!(again, made);
}
