//! Prospecting: a task that asks AWS about the customers of engagements and writes what it says as contexts.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::engagement::{caller, create, lead, list, named, project};
use crate::harness::flows::{column, rows};
use crate::harness::{Answer, Caller};

fn request(name: &str, engagements: &[&Value]) -> Value {
    json!({"Catalog": "Sandbox", "ClientToken": format!("token-{name}"), "TaskName": name,
        "Identifiers": engagements})
}

#[track_caller]
fn start(caller: &mut Caller, name: &str, engagements: &[&Value]) -> Answer {
    caller.call("StartProspectingFromEngagementTask", &request(name, engagements))
}

/// Reads a task until it has ended.
#[track_caller]
fn ended(caller: &mut Caller, started: &Value) -> Value {
    let body = json!({"Catalog": "Sandbox", "TaskIdentifier": started["TaskId"]});
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let task = caller.call("GetProspectingFromEngagementTask", &body).ok();
        if task["EndTime"].is_string() {
            return task;
        }
        assert!(Instant::now() < until, "it does not end: {task}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The one prospecting result of an engagement.
#[track_caller]
fn result(caller: &mut Caller, engagement: &Value) -> Value {
    let room = caller.call("GetEngagement", &named(engagement)).ok();
    let contexts = room["Contexts"].as_array().unwrap();
    let found: Vec<&Value> = contexts
        .iter()
        .filter(|context| context["Type"] == "ProspectingResult")
        .collect();
    assert_eq!(found.len(), 1, "{room}");
    found[0]["Payload"]["ProspectingResult"]["Aws"].clone()
}

#[test]
fn a_task_writes_what_aws_says_of_each_customer_into_its_engagement() {
    let mut one = caller("610000000501");
    let of_lead = create(&mut one, "lead", json!([{"Type": "Lead", "Payload": lead()}]))["Id"].clone();
    let of_project = create(
        &mut one,
        "project",
        json!([{"Type": "CustomerProject", "Payload": project()}]),
    )["Id"]
        .clone();
    let answer = start(&mut one, "autumn", &[&of_lead, &of_project, &of_lead]);
    let started = answer.ok();
    let id = started["TaskId"].as_str().unwrap();
    assert_eq!(id.strip_prefix("task-").map(str::len), Some(14));
    assert_eq!(
        started["TaskArn"],
        format!(
            "arn:aws:partnercentral-selling:us-east-1::catalog/Sandbox/prospecting-from-engagement-task/{id}"
        )
    );
    assert_eq!(started["Identifiers"], json!([of_lead, of_project]));
    assert_eq!(started["TaskName"], "autumn");
    assert!(
        ["PENDING", "IN_PROGRESS", "COMPLETED"].contains(&started["TaskStatus"].as_str().unwrap()),
        "{answer}"
    );

    let task = ended(&mut one, &started);
    for member in ["TaskId", "TaskArn", "TaskName", "StartTime"] {
        assert_eq!(task[member], started[member], "{member}");
    }
    let engagements = task["Engagements"].as_array().unwrap();
    assert_eq!(
        column(engagements, "EngagementIdentifier"),
        [of_lead.clone(), of_project.clone()]
    );
    assert_eq!(column(engagements, "Status"), ["COMPLETED", "COMPLETED"]);
    for entry in engagements {
        let context = entry["EngagementContextId"].as_str().unwrap();
        assert_eq!(context.strip_prefix("ctx-").map(str::len), Some(14));
        assert!(entry.get("ReasonCode").is_none() && entry.get("Message").is_none());
    }
    for engagement in [&of_lead, &of_project] {
        let made = result(&mut one, engagement);
        assert_eq!(made["Customer"]["AccountName"], "Northwind Marzipan");
        assert_eq!(made["TaskId"], started["TaskId"]);
        assert_eq!(made["TaskName"], "autumn");
        for member in ["MarketplaceEngagementScore", "SolutionScore", "SolutionCategory"] {
            assert!(made["Insights"][member].is_string(), "{made}");
        }
    }
    let listed = list(&mut one, json!({"ContextTypes": ["ProspectingResult"]}));
    assert_eq!(listed.len(), 2);
}

#[test]
fn one_company_is_described_alike_in_every_engagement_and_every_time() {
    let mut one = caller("610000000511");
    let of_company = |name: &str| {
        let mut payload = project();
        payload["CustomerProject"]["Customer"]["CompanyName"] = name.into();
        json!([{"Type": "CustomerProject", "Payload": payload}])
    };
    let first = create(&mut one, "first", of_company("Northwind Nougat"))["Id"].clone();
    let second = create(&mut one, "second", of_company("Northwind Nougat"))["Id"].clone();
    let other = create(&mut one, "other", of_company("Southwind Salt"))["Id"].clone();
    let started = start(&mut one, "once", &[&first, &second, &other]).ok();
    ended(&mut one, &started);
    let [a, b, c] = [&first, &second, &other].map(|engagement| result(&mut one, engagement));
    assert_eq!(a["Customer"], b["Customer"]);
    assert_ne!(a["Customer"], c["Customer"]);

    let started = start(&mut one, "again", &[&first]).ok();
    ended(&mut one, &started);
    let again = result(&mut one, &first);
    assert_eq!(again["Customer"], a["Customer"]);
    assert_eq!(again["Insights"], a["Insights"]);
    assert_eq!(
        again["TaskName"], "again",
        "the new result takes the old one's place"
    );
}

#[test]
fn an_engagement_of_others_or_without_customer_fails_alone() {
    let mut one = caller("610000000521");
    let mut two = caller("610000000522");
    let good = create(&mut one, "good", json!([{"Type": "Lead", "Payload": lead()}]))["Id"].clone();
    let empty = create(&mut one, "empty", json!([]))["Id"].clone();
    let foreign = create(&mut two, "foreign", json!([{"Type": "Lead", "Payload": lead()}]))["Id"].clone();
    let before = two.call("GetEngagement", &named(&foreign)).ok();
    let started = start(&mut one, "mixed", &[&good, &foreign, &empty]).ok();
    let task = ended(&mut one, &started);
    let engagements = task["Engagements"].as_array().unwrap();
    assert_eq!(column(engagements, "Status"), ["COMPLETED", "FAILED", "FAILED"]);
    let reasons = column(engagements, "ReasonCode");
    assert_eq!(reasons[1], "EngagementAccessDenied");
    assert_eq!(reasons[2], "EngagementValidationFailed");
    let never = json!("eng-00000000000000");
    let absent = start(&mut one, "absent", &[&never]).ok();
    let absent = ended(&mut one, &absent);
    let texts = |entry: &Value| entry["Message"].as_str().unwrap().to_owned();
    let (foreign_id, never_id) = (foreign.as_str().unwrap(), never.as_str().unwrap());
    assert_eq!(
        texts(&engagements[1]).replace(foreign_id, never_id),
        texts(&absent["Engagements"][0]),
        "nothing tells the foreign from the absent"
    );
    assert_eq!(two.call("GetEngagement", &named(&foreign)).ok(), before);
    assert_eq!(
        list(&mut one, json!({"ContextTypes": ["ProspectingResult"]})).len(),
        1
    );
    let rows = rows(
        &mut one,
        "ListProspectingFromEngagementTasks",
        json!({"TaskName": ["mixed"]}),
    );
    assert_eq!(
        [
            &rows[0]["TotalEngagementCount"],
            &rows[0]["CompletedEngagementCount"],
            &rows[0]["FailedEngagementCount"]
        ],
        [3, 1, 2]
    );
}

#[test]
fn tasks_are_listed_by_name_identifier_and_time_and_are_their_accounts_own() {
    let account = "610000000531";
    let mut one = caller(account);
    let mut two = caller("610000000532");
    let engagement = create(&mut one, "listed", json!([{"Type": "Lead", "Payload": lead()}]))["Id"].clone();
    let absent = json!("eng-00000000000000");
    let mut made = Vec::new();
    for (name, engagements) in [
        ("pear", vec![&engagement]),
        ("apple", vec![&engagement, &absent]),
        ("quince", vec![]),
    ] {
        let answer = start(&mut one, name, &engagements);
        let started = answer.ok();
        ended(&mut one, &started);
        made.push(started);
    }
    const LIST: &str = "ListProspectingFromEngagementTasks";
    let mut names = |filter: Value| column(&rows(&mut one, LIST, filter), "TaskName");
    assert_eq!(names(json!({"TaskName": ["apple", "pear", "plum"]})).len(), 2);
    assert_eq!(names(json!({"TaskIdentifier": [made[0]["TaskId"]]})), ["pear"]);
    for (by, order, wanted) in [
        ("StartTime", "ASCENDING", ["pear", "apple", "quince"]),
        ("StartTime", "DESCENDING", ["quince", "apple", "pear"]),
        ("TaskName", "ASCENDING", ["apple", "pear", "quince"]),
        ("TaskName", "DESCENDING", ["quince", "pear", "apple"]),
    ] {
        let filter = json!({"MaxResults": 1, "Sort": {"SortBy": by, "SortOrder": order}});
        assert_eq!(names(filter), wanted, "{by} {order}");
    }
    let failures = json!({"Sort": {"SortBy": "FailedEngagementCount", "SortOrder": "DESCENDING"}});
    assert_eq!(names(failures)[0], "apple");
    let future = json!({"StartAfter": "2999-01-01T00:00:00Z"});
    assert_eq!(names(future), Vec::<Value>::new());
    let all = json!({"StartAfter": "2001-01-01T00:00:00Z", "StartBefore": "2999-01-01T00:00:00Z"});
    assert_eq!(names(all).len(), 3);

    let read = json!({"Catalog": "Sandbox", "TaskIdentifier": made[0]["TaskId"]});
    two.call("GetProspectingFromEngagementTask", &read)
        .is("ResourceNotFoundException");
    assert_eq!(rows(&mut two, LIST, json!({})), Vec::<Value>::new());
    // A token starts one task.
    let again = start(&mut one, "pear", &[&engagement]).ok();
    assert_eq!(again["TaskId"], made[0]["TaskId"]);
    start(&mut one, "pear", &[]).is("ConflictException");
    assert_eq!(rows(&mut one, LIST, json!({})).len(), 3);
}
