//! Accounts and catalogs are worlds of their own; quotas belong to accounts.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::deal::{associate, create, draft, get, list_all, submit};
use crate::harness::{Key, Server};

#[test]
fn two_accounts_see_nothing_of_each_other() {
    let server = Server::dev(&[]);
    let (mut one, mut two) = (server.caller(Key::first()), server.caller(Key::second()));
    let id = create(&mut one, &draft("mine"));
    let theirs = create(&mut two, &draft("mine"));
    assert_ne!(
        id, theirs,
        "the same client token in another account is another token"
    );
    let before = get(&mut one, &id);
    assert!(before["Arn"].as_str().unwrap().contains(":111122223333:"));
    let arn = before["Arn"].clone();
    let not_found = "ResourceNotFoundException";
    let named = |operation: &str| match operation {
        "GetAwsOpportunitySummary" => json!({"Catalog": "Sandbox", "RelatedOpportunityIdentifier": id}),
        "AssociateOpportunity" | "DisassociateOpportunity" => {
            json!({"Catalog": "Sandbox", "OpportunityIdentifier": id,
            "RelatedEntityType": "Solutions", "RelatedEntityIdentifier": "S-1234567"})
        }
        "AssignOpportunity" => json!({"Catalog": "Sandbox", "Identifier": id, "Assignee": {
            "Email": "ana.carolina@two.example.com", "FirstName": "A", "LastName": "C", "BusinessTitle": "OpportunityOwner"}}),
        "SubmitOpportunity" => json!({"Catalog": "Sandbox", "Identifier": id, "InvolvementType": "Co-Sell"}),
        "UpdateOpportunity" => {
            json!({"Catalog": "Sandbox", "Identifier": id, "LastModifiedDate": before["LastModifiedDate"]})
        }
        "TagResource" => json!({"ResourceArn": arn, "Tags": [{"Key": "a", "Value": "b"}]}),
        "UntagResource" => json!({"ResourceArn": arn, "TagKeys": ["a"]}),
        "ListTagsForResource" => json!({"ResourceArn": arn}),
        _ => json!({"Catalog": "Sandbox", "Identifier": id}),
    };
    for operation in [
        "GetOpportunity",
        "GetAwsOpportunitySummary",
        "AssociateOpportunity",
        "DisassociateOpportunity",
        "AssignOpportunity",
        "SubmitOpportunity",
        "UpdateOpportunity",
        "TagResource",
        "UntagResource",
        "ListTagsForResource",
    ] {
        let body = named(operation);
        let foreign = two.call(operation, &body);
        foreign.is(not_found);
        // Nothing tells a foreign resource from an absent one.
        let absent: serde_json::Value =
            serde_json::from_str(&body.to_string().replace(&id, "O99999999")).unwrap();
        let absent = two.call(operation, &absent);
        absent.is(not_found);
        let text =
            |answer: &crate::harness::Answer| String::from_utf8_lossy(&answer.body).replace(&id, "O99999999");
        assert_eq!(text(&foreign), text(&absent), "{operation}");
    }
    let listed = list_all(
        &mut two,
        &json!({"Catalog": "Sandbox", "Identifier": [id, theirs]}),
    );
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["Id"], theirs);
    assert_eq!(get(&mut one, &id), before);
}

#[test]
fn the_two_catalogs_are_separate_worlds() {
    let server = Server::shared();
    let mut caller = server.caller(Key::account("600000000001"));
    let sandbox = create(&mut caller, &draft("sandbox"));
    let mut real = draft("real");
    real["Catalog"] = "AWS".into();
    let real = create(&mut caller, &real);
    let read = |id: &str, catalog: &str| json!({"Catalog": catalog, "Identifier": id});
    let document = caller.call("GetOpportunity", &read(&real, "AWS")).ok();
    assert_eq!(document["Catalog"], "AWS");
    assert!(
        document["Arn"]
            .as_str()
            .unwrap()
            .contains("catalog/AWS/opportunity/")
    );
    caller
        .call("GetOpportunity", &read(&sandbox, "AWS"))
        .is("ResourceNotFoundException");
    caller
        .call("GetOpportunity", &read(&real, "Sandbox"))
        .is("ResourceNotFoundException");
    for (catalog, id) in [("AWS", &real), ("Sandbox", &sandbox)] {
        let rows = list_all(&mut caller, &json!({"Catalog": catalog}));
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0]["Id"], id.as_str());
    }
    // The sandbox's trigger does nothing where the deal is real.
    let attach = json!({"Catalog": "AWS", "OpportunityIdentifier": real,
        "RelatedEntityType": "Solutions", "RelatedEntityIdentifier": "S-0000101"});
    caller.call("AssociateOpportunity", &attach).ok();
    let go = json!({"Catalog": "AWS", "Identifier": real, "InvolvementType": "Co-Sell"});
    caller.call("SubmitOpportunity", &go).ok();
    let mut payload =
        crate::harness::deal::as_update(caller.call("GetOpportunity", &read(&real, "AWS")).ok());
    payload["LifeCycle"]["ReviewStatus"] = "Approved".into();
    let refused = caller
        .call("UpdateOpportunity", &payload)
        .violations("BUSINESS_VALIDATION_FAILED");
    assert_eq!(refused[0].0, "lifeCycle.reviewStatus");
    let after = caller.call("GetOpportunity", &read(&real, "AWS")).ok();
    assert_eq!(after["LifeCycle"]["ReviewStatus"], "Submitted");
    // An AWS referral can be simulated in the sandbox only.
    let mut referral = draft("referral");
    referral["Catalog"] = "AWS".into();
    referral["Origin"] = "AWS Referral".into();
    assert_eq!(caller.call("CreateOpportunity", &referral).status, 400);
    assert_eq!(list_all(&mut caller, &json!({"Catalog": "AWS"})).len(), 1);
}

#[test]
fn the_published_quotas_are_kept_per_account_and_operation_when_asked_for() {
    let server = Server::dev(&["--throttle", "aws"]);
    let (mut one, mut two) = (server.caller(Key::first()), server.caller(Key::second()));
    let started = Instant::now();
    let id = create(&mut one, &draft("quota-0"));
    let refused = one.call("CreateOpportunity", &draft("quota-1"));
    if started.elapsed() < Duration::from_millis(900) {
        assert_eq!(
            (refused.status, refused.error().as_str()),
            (400, "ThrottlingException"),
            "{refused}"
        );
    }
    // Another operation and another account have quotas of their own.
    associate(&mut one, &id);
    submit(&mut one, &id).ok();
    create(&mut two, &draft("quota-0"));
    let started = Instant::now();
    let request = json!({"Catalog": "Sandbox", "Identifier": id});
    let answers: Vec<_> = (0..60).map(|_| one.call("GetOpportunity", &request)).collect();
    let seconds = started.elapsed().as_secs_f64();
    let taken = answers.iter().filter(|answer| answer.status == 200).count();
    assert!(
        taken >= 10 && (taken as f64) < 12.0 + 10.0 * seconds,
        "{taken} in {seconds} s"
    );
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.is("ThrottlingException");
    }
    std::thread::sleep(Duration::from_millis(1100));
    create(&mut one, &draft("quota-2"));
    get(&mut one, &id);
}
