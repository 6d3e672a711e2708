//! The review desk and AWS's seller over HTTP, and what the partner sees of them over the wire.

use serde_json::{Value, json};

use crate::harness::deal::{create, draft};
use crate::harness::operator::refused;
use crate::harness::{Caller, Key, Operator, Server};

/// A partner of its own on the shared server, in catalog AWS, where nothing but an operator plays AWS.
fn partner(account: &str) -> Caller {
    let mut caller = Server::shared().caller(Key::account(account));
    caller.call("ListSolutions", &json!({"Catalog": "AWS"})).ok();
    caller
}

/// Creates and submits an opportunity in catalog AWS by the task that makes its engagement; both identifiers.
fn submitted(caller: &mut Caller, token: &str) -> (String, String) {
    let mut body = draft(token);
    body["Catalog"] = "AWS".into();
    let id = create(caller, &body);
    let solution = json!({"Catalog": "AWS", "OpportunityIdentifier": id,
        "RelatedEntityType": "Solutions", "RelatedEntityIdentifier": "S-0000101"});
    caller.call("AssociateOpportunity", &solution).ok();
    let start = json!({"Catalog": "AWS", "ClientToken": format!("s-{token}"), "Identifier": id,
        "AwsSubmission": {"InvolvementType": "Co-Sell", "Visibility": "Full"}});
    let task = caller.call("StartEngagementFromOpportunityTask", &start).ok();
    (id, task["EngagementId"].as_str().unwrap().to_owned())
}

fn life_cycle(caller: &mut Caller, id: &str) -> Value {
    let read = json!({"Catalog": "AWS", "Identifier": id});
    caller.call("GetOpportunity", &read).ok()["LifeCycle"].clone()
}

fn summary(caller: &mut Caller, id: &str) -> Value {
    let read = json!({"Catalog": "AWS", "RelatedOpportunityIdentifier": id});
    caller.call("GetAwsOpportunitySummary", &read).ok()
}

/// The identifiers in the queue of one account.
fn queue(operator: &mut Operator, account: &str, more: &str) -> Vec<String> {
    let rows = operator.all(&format!("/reviews?catalog=AWS&account={account}{more}"), 2);
    rows.iter()
        .map(|row| row["id"].as_str().unwrap().to_owned())
        .collect()
}

fn patch(operator: &mut Operator, id: &str, change: &Value) -> Value {
    let answer = operator.send(
        "PATCH",
        &format!("/aws-opportunities/{id}?catalog=AWS"),
        Some(change),
    );
    assert_eq!(answer.status, 200, "{answer}");
    answer.json()
}

#[test]
fn the_desk_takes_asks_back_approves_and_rejects_and_the_partner_sees_each_at_once() {
    let account = "620000000001";
    let mut one = partner(account);
    let mut operator = Server::shared().operator();
    let (first, room) = submitted(&mut one, "desk-1");
    let (second, _) = submitted(&mut one, "desk-2");
    assert_eq!(
        queue(&mut operator, account, ""),
        [first.clone(), second.clone()],
        "oldest first"
    );
    assert_eq!(
        queue(&mut operator, account, "&order=newest"),
        [second.clone(), first.clone()]
    );
    let row = operator.get(&format!("/reviews?catalog=AWS&account={account}&limit=1"))["items"][0].clone();
    assert_eq!(row["reviewStatus"], "Submitted");
    assert!(
        row["ageSeconds"]
            .as_i64()
            .is_some_and(|age| (0..600).contains(&age)),
        "{row}"
    );

    let taken = operator.post(&format!("/reviews/{first}/take?catalog=AWS"), &Value::Null);
    assert_eq!(taken["deal"]["reviewStatus"], "In review");
    assert_eq!(life_cycle(&mut one, &first)["ReviewStatus"], "In review");
    operator.post(&format!("/reviews/{first}/take?catalog=AWS"), &Value::Null);
    // Another reviewer cannot take it too, and the queue says who has it.
    let other = operator.token("review");
    let mut other = operator.with(other["token"].as_str().unwrap());
    let place = format!("/reviews/{first}/take?catalog=AWS");
    let problem = other.send("POST", &place, None);
    refused(&problem, 409, "conflict");
    let taker = taken["deal"]["takenBy"].as_str().unwrap();
    assert!(
        problem.json()["detail"].as_str().unwrap().contains(taker),
        "{problem}"
    );
    let row = other.get(&format!("/reviews?catalog=AWS&account={account}&limit=1"))["items"][0].clone();
    assert_eq!(row["takenBy"], taker);

    let why = json!({"reason": "MoreInformation", "comments": "Which ovens?"});
    operator.post(&format!("/reviews/{first}/action-required?catalog=AWS"), &why);
    let seen = life_cycle(&mut one, &first);
    assert_eq!(
        (
            &seen["ReviewStatus"],
            &seen["ReviewStatusReason"],
            &seen["ReviewComments"]
        ),
        (
            &json!("Action Required"),
            &json!("MoreInformation"),
            &json!("Which ovens?")
        )
    );
    assert_eq!(queue(&mut operator, account, ""), std::slice::from_ref(&second));
    let approve = format!("/reviews/{first}/approve?catalog=AWS");
    let early = operator.send("POST", &approve, Some(&json!({})));
    refused(&early, 409, "conflict");
    assert!(
        early.json()["detail"]
            .as_str()
            .unwrap()
            .contains("waits for its partner"),
        "{early}"
    );

    // The partner submits again, and then AWS agrees and joins the engagement.
    let again =
        json!({"Catalog": "AWS", "Identifier": first, "InvolvementType": "Co-Sell", "Visibility": "Full"});
    one.call("SubmitOpportunity", &again).ok();
    operator.post(&approve, &json!({"comments": "Welcome"}));
    let seen = life_cycle(&mut one, &first);
    assert_eq!(
        (&seen["ReviewStatus"], &seen["ReviewComments"]),
        (&json!("Approved"), &json!("Welcome"))
    );
    let members = one
        .call(
            "ListEngagementMembers",
            &json!({"Catalog": "AWS", "Identifier": room}),
        )
        .ok();
    assert!(members.to_string().contains("\"aws\""), "{members}");
    refused(
        &operator.send("POST", &approve, Some(&json!({}))),
        409,
        "conflict",
    );

    operator.post(
        &format!("/reviews/{second}/reject?catalog=AWS"),
        &json!({"reason": "Duplicate"}),
    );
    let seen = life_cycle(&mut one, &second);
    assert_eq!(
        (&seen["ReviewStatus"], &seen["ReviewStatusReason"]),
        (&json!("Rejected"), &json!("Duplicate"))
    );
    assert!(queue(&mut operator, account, "").is_empty());
    assert_eq!(
        queue(&mut operator, account, "&status=Approved,Rejected").len(),
        2
    );
}

#[test]
fn a_verdict_without_its_reason_or_about_what_aws_does_not_know_is_refused() {
    let mut one = partner("620000000002");
    let mut operator = Server::shared().operator();
    let (id, _) = submitted(&mut one, "wrong");
    let reject = format!("/reviews/{id}/reject?catalog=AWS");
    refused(&operator.send("POST", &reject, Some(&json!({}))), 400, "invalid");
    let blank = operator.send("POST", &reject, Some(&json!({"reason": " "})));
    refused(&blank, 422, "refused");
    assert_eq!(blank.json()["ErrorList"][0]["FieldName"], "reviewStatusReason");
    let long = json!({"reason": "x", "comments": "c".repeat(2001)});
    refused(&operator.send("POST", &reject, Some(&long)), 422, "refused");
    // In the other catalog, and a draft.
    refused(
        &operator.send("POST", &format!("/reviews/{id}/take"), None),
        404,
        "not-found",
    );
    let mut body = draft("unsubmitted");
    body["Catalog"] = "AWS".into();
    let draft = create(&mut one, &body);
    for path in [
        format!("/reviews/{draft}/take"),
        format!("/reviews/{draft}x/take"),
    ] {
        refused(
            &operator.send("POST", &format!("{path}?catalog=AWS"), None),
            404,
            "not-found",
        );
    }
    refused(
        &operator.send("GET", &format!("/opportunities/{draft}?catalog=AWS"), None),
        404,
        "not-found",
    );
    assert_eq!(
        life_cycle(&mut one, &id)["ReviewStatus"],
        "Submitted",
        "nothing happened"
    );
}

#[test]
fn the_queue_is_filtered_by_everything_that_the_desk_knows() {
    let account = "620000000003";
    let mut one = partner(account);
    let mut operator = Server::shared().operator();
    let (id, _) = submitted(&mut one, "filters");
    for (filter, found) in [
        ("&status=Submitted", true),
        ("&status=In%20review", false),
        ("&stage=Qualified,Prospect", true),
        ("&stage=Committed", false),
        ("&company=Northwind%20Marzipan", true),
        ("&company=Northwind", false),
        ("&industry=Retail", true),
        ("&industry=Agriculture", false),
        ("&country=US,DE", true),
        ("&country=DE", false),
        ("&partnerOpportunityIdentifier=crm-filters", true),
        ("&amountFrom=2500&amountTo=2500", true),
        ("&amountFrom=2501", false),
        ("&amountTo=2499", false),
    ] {
        assert_eq!(
            queue(&mut operator, account, filter) == [id.clone()],
            found,
            "{filter}"
        );
    }
    for wrong in [
        "status=Nonsense",
        "industry=Baking",
        "amountFrom=-1",
        "order=age",
        "catalog=aws",
    ] {
        refused(
            &operator.send("GET", &format!("/reviews?{wrong}"), None),
            400,
            "invalid",
        );
    }
}

#[test]
fn the_seller_edits_awss_side_and_the_partner_reads_it_in_the_summary_and_in_awss_view() {
    let mut one = partner("620000000004");
    let mut operator = Server::shared().operator();
    let (id, room) = submitted(&mut one, "seller");
    operator.post(&format!("/reviews/{id}/approve?catalog=AWS"), &json!({}));
    patch(&mut operator, &id, &json!({"nextSteps": "Call the bakers"}));
    let change = json!({
        "stage": "Business Validation",
        "nextSteps": "Meet the bakers",
        "targetCloseDate": "2030-01-31",
        "cosellMotion": "AWS Field-engaged",
        "opportunityTeam": [{"firstName": "Ada", "lastName": "Oven", "email": "ada@aws.example", "businessTitle": "AWSSalesRep"}],
        "insights": {"engagementScore": "High", "nextBestActions": "Show them a forecast",
            "opportunityQuality": {"score": 80, "trend": "Improving"}},
        "relatedEntityIds": {"awsProducts": ["AmazonEC2Linux"]},
    });
    let answered = patch(&mut operator, &id, &change)["awsSummary"].clone();
    let read = summary(&mut one, &id);
    for (path, value) in [
        ("/LifeCycle/Stage", json!("Business Validation")),
        ("/LifeCycle/NextSteps", json!("Meet the bakers")),
        ("/LifeCycle/TargetCloseDate", json!("2030-01-31")),
        ("/LifeCycle/NextStepsHistory/0/Value", json!("Call the bakers")),
        ("/CosellMotion", json!("AWS Field-engaged")),
        ("/OpportunityTeam/0/LastName", json!("Oven")),
        ("/Insights/EngagementScore", json!("High")),
        ("/Insights/OpportunityQuality/Score", json!(80)),
        ("/RelatedEntityIds/AwsProducts/0", json!("AmazonEC2Linux")),
    ] {
        assert_eq!(read.pointer(path), Some(&value), "{path}: {read}");
        assert_eq!(answered.pointer(path), Some(&value), "{path}: {answered}");
    }
    let template = json!({"Catalog": "AWS", "EngagementIdentifier": room, "ResourceType": "Opportunity",
        "ResourceIdentifier": id, "ResourceSnapshotTemplateIdentifier": "AwsOpportunitySummaryFullView"});
    let view = one.call("GetResourceSnapshot", &template).ok().to_string();
    for told in ["Business Validation", "Meet the bakers", "Show them a forecast"] {
        assert!(view.contains(told), "{told}: {view}");
    }
    // The partner's own side is as it was.
    assert_eq!(life_cycle(&mut one, &id)["NextSteps"], "Call the bakers");
    assert_eq!(life_cycle(&mut one, &id)["Stage"], "Qualified");

    patch(
        &mut operator,
        &id,
        &json!({"insights": {"engagementScore": null}, "nextSteps": null}),
    );
    let read = summary(&mut one, &id);
    assert_eq!(
        read["Insights"]["NextBestActions"], "Show them a forecast",
        "one member by itself"
    );
    assert_eq!(read["Insights"].get("EngagementScore"), None);
    assert_eq!(read["LifeCycle"].get("NextSteps"), None);
}

#[test]
fn an_edit_that_is_misspelt_or_forbidden_changes_nothing_and_says_where() {
    let mut one = partner("620000000005");
    let mut operator = Server::shared().operator();
    let (id, _) = submitted(&mut one, "misspelt");
    let before = summary(&mut one, &id);
    let path = format!("/aws-opportunities/{id}?catalog=AWS");
    for (change, pointer) in [
        (json!({"Stage": "Engaged"}), "/Stage"),
        (json!({"stage": "Somewhere"}), "/stage"),
        (json!({"insights": {"score": 1}}), "/insights/score"),
        (json!({"nextSteps": "x".repeat(256)}), "/nextSteps"),
        (json!({"cosellMotion": "Sideways"}), "/cosellMotion"),
    ] {
        let answer = operator.send("PATCH", &path, Some(&change));
        refused(&answer, 400, "invalid");
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{answer}");
    }
    let twice = br#"{"stage":"Engaged","stage":"Qualified"}"#;
    let json = [("content-type", "application/json")];
    refused(
        &operator.raw("PATCH", &format!("/operator/v1{path}"), &json, twice),
        400,
        "invalid",
    );
    for (change, field) in [
        (json!({"stage": null}), "stage"),
        (json!({"closedLostReason": "Price"}), "closedLostReason"),
        (
            json!({"involvementType": "For Visibility Only"}),
            "involvementType",
        ),
        (json!({"targetCloseDate": "2030-02-30"}), "targetCloseDate"),
    ] {
        let answer = operator.send("PATCH", &path, Some(&change));
        refused(&answer, 422, "refused");
        assert_eq!(answer.json()["ErrorList"][0]["FieldName"], field, "{answer}");
    }
    assert_eq!(summary(&mut one, &id), before);
}
