//! Prospecting: whom it is about, how a task of many engagements ends, and that results are the same every time.

use std::collections::BTreeSet;

use cosell_domain::Catalog;
use cosell_domain::prospecting::{
    About, Subject, begin, conclude, no_customer, not_a_member, result, settle, work,
};
use cosell_domain::task::{Context, Created, Failure, Task, start, view};
use cosell_model::Check;
use cosell_model::enums::{Industry, ProspectingTaskStatus as Status, ReasonCode};
use cosell_model::types::EngagementContextDetails;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::*;

const ONE: &str = "eng-t1mfgo4bsg73e0";
const TWO: &str = "eng-xhyvbgfeme4xh4";
const WRITTEN: &str = "ctx-0123456789abcd";

fn task(engagements: &[&str]) -> Task {
    let context = Context {
        region: "us-east-1",
        catalog: Catalog::Aws,
        id: "task-twmewxh11jjbn1",
        now: noon(),
    };
    let engagements: Vec<String> = engagements.iter().map(|id| (*id).to_owned()).collect();
    let started = start(work("autumn".into(), &engagements), context);
    conclude(started, context.now)
}

fn subject(company: &str) -> Subject {
    Subject {
        company: company.into(),
        industry: None,
        country: Some("DE".into()),
        segment: None,
    }
}

fn ask(seed: u64, engagement: &str, subject: &Subject) -> Value {
    let task = task(&[engagement]);
    let made = result(About {
        seed,
        engagement,
        subject,
        task: &task,
        now: minute(1),
    });
    assert!(made.check(), "it obeys the contract");
    serde_json::to_value(made).unwrap()["Aws"].clone()
}

fn contexts(all: Value) -> Vec<EngagementContextDetails> {
    serde_json::from_value(all).unwrap()
}

fn statuses(task: &Task) -> Vec<&str> {
    task.engagements().iter().map(|one| one.status.as_str()).collect()
}

#[test]
fn a_new_task_has_each_engagement_once_and_pending() {
    let task = task(&[ONE, TWO, ONE]);
    assert_eq!(statuses(&task), ["PENDING", "PENDING"]);
    let answer = view::prospecting(&task);
    assert!(answer.check(), "it obeys the contract");
    assert_eq!(
        serde_json::to_value(&answer).unwrap(),
        json!({
            "Identifiers": [ONE, TWO], "TaskName": "autumn", "StartTime": "2026-11-21T12:00:00.000Z",
            "TaskId": "task-twmewxh11jjbn1", "TaskStatus": "PENDING",
            "TaskArn": "arn:aws:partnercentral-selling:us-east-1::catalog/AWS/prospecting-from-engagement-task/task-twmewxh11jjbn1",
        })
    );
}

#[test]
fn a_task_ends_with_its_last_engagement() {
    let begun = begin(&task(&[ONE, TWO])).unwrap();
    assert_eq!(statuses(&begun), ["IN_PROGRESS", "IN_PROGRESS"]);
    assert_eq!(begin(&begun), None);
    assert_eq!(view::prospecting_status(&begun), Status::InProgress);
    let half = settle(&begun, ONE, Ok(WRITTEN.into()), minute(1)).unwrap();
    assert!(half.in_progress());
    assert_eq!(
        settle(&half, ONE, Err(no_customer()), minute(2)),
        None,
        "once each"
    );
    let done = settle(&half, TWO, Err(no_customer()), minute(2)).unwrap();
    assert_eq!(view::prospecting_status(&done), Status::Completed);
    assert_eq!(settle(&done, TWO, Ok(WRITTEN.into()), minute(3)), None);
    assert_eq!(begin(&done), None);
    let details = view::prospecting_details(&done);
    assert!(details.check());
    assert_eq!(
        serde_json::to_value(&details).unwrap()["Engagements"],
        json!([
            {"EngagementIdentifier": ONE, "EngagementContextId": WRITTEN, "Status": "COMPLETED"},
            {"EngagementIdentifier": TWO, "Status": "FAILED", "ReasonCode": "EngagementValidationFailed",
                "Message": "The engagement names no customer: add a context of type Lead or CustomerProject"},
        ])
    );
    let entry = view::prospecting_entry(&done);
    assert!(entry.check());
    assert_eq!(
        (
            entry.total_engagement_count,
            entry.completed_engagement_count,
            entry.failed_engagement_count
        ),
        (2, 1, 1)
    );
    assert_eq!(
        (details.end_time, entry.end_time),
        (Some(minute(2)), Some(minute(2)))
    );
    let json = serde_json::to_string(&done).unwrap();
    assert_eq!(serde_json::from_str::<Task>(&json).unwrap(), done);
}

#[test]
fn a_task_fails_only_when_every_engagement_does() {
    let alike = settle(&task(&[ONE, TWO]), ONE, Err(not_a_member(ONE)), minute(1)).unwrap();
    let alike = settle(&alike, TWO, Err(not_a_member(TWO)), minute(1)).unwrap();
    assert_eq!(view::prospecting_status(&alike), Status::Failed);
    let answer = view::prospecting(&alike);
    assert_eq!(answer.reason_code.as_deref(), Some("EngagementAccessDenied"));
    assert!(
        answer
            .message
            .unwrap()
            .contains("GetProspectingFromEngagementTask")
    );
    let mixed = settle(&task(&[ONE, TWO]), ONE, Err(not_a_member(ONE)), minute(1)).unwrap();
    let mixed = settle(&mixed, TWO, Err(no_customer()), minute(1)).unwrap();
    assert_eq!(
        mixed.failure().map(|failure| failure.reason_code.clone()),
        Some(ReasonCode::EngagementValidationFailed)
    );
}

#[test]
fn a_task_about_nothing_is_complete_and_a_stranger_settles_nothing() {
    let empty = task(&[]);
    assert_eq!(view::prospecting_status(&empty), Status::Completed);
    assert_eq!(empty.ended(), Some(noon()));
    assert!(view::prospecting(&empty).check());
    assert_eq!(settle(&task(&[ONE]), TWO, Ok(WRITTEN.into()), minute(1)), None);
    let given_up = task(&[ONE])
        .fail(Failure::new(ReasonCode::InternalError, "no"), minute(1))
        .unwrap();
    assert_eq!(settle(&given_up, ONE, Ok(WRITTEN.into()), minute(2)), None);
    assert_eq!(given_up.complete(Created::default(), minute(2)), None);
}

#[test]
fn the_latest_project_is_asked_before_the_latest_lead() {
    let lead = |company: &str| {
        json!({"Type": "Lead", "Payload": {"Lead": {"Interactions": [],
        "Customer": {"CompanyName": company, "Industry": "Beekeeping", "MarketSegment": "Enterprise", "Address": {"CountryCode": "jp"}}}}})
    };
    let project = |customer: Value| json!({"Type": "CustomerProject", "Payload": {"CustomerProject": {"Customer": customer}}});
    let customer = |company: &str| json!({"CompanyName": company, "Industry": "Retail", "WebsiteUrl": "https://a.example", "CountryCode": "US"});
    let named = |all: Value| Subject::of(&contexts(all)).map(|subject| subject.company);
    assert_eq!(named(json!([])), None);
    assert_eq!(named(json!([project(Value::Null)])), None);
    assert_eq!(
        named(json!([{"Type": "ProspectingResult", "Payload": {"ProspectingResult": {}}}])),
        None
    );
    assert_eq!(
        named(json!([lead("a"), lead("b"), project(Value::Null)])).as_deref(),
        Some("b")
    );
    assert_eq!(
        named(json!([project(customer("c")), project(customer("d")), lead("b")])).as_deref(),
        Some("d")
    );
    let of_lead = Subject::of(&contexts(json!([lead("a")]))).unwrap();
    assert_eq!(
        of_lead,
        Subject {
            company: "a".into(),
            industry: None,
            country: Some("JP".into()),
            segment: Some("Enterprise".into())
        }
    );
    let of_project = Subject::of(&contexts(json!([project(customer("c"))]))).unwrap();
    assert_eq!(of_project.industry, Some(Industry::Retail));
}

#[test]
fn a_result_names_its_task_and_keeps_what_is_known() {
    let about = Subject {
        company: "Acme".into(),
        industry: Some(Industry::Government),
        country: Some("DE".into()),
        segment: None,
    };
    let made = ask(7, ONE, &about);
    for (path, value) in [
        ("/TaskId", "task-twmewxh11jjbn1"),
        ("/TaskName", "autumn"),
        ("/StartTime", "2026-11-21T12:00:00.000Z"),
        ("/EndTime", "2026-11-21T12:01:00.000Z"),
        ("/Customer/AccountName", "Acme"),
        ("/Customer/Geo", "EMEA"),
        ("/Customer/Region", "Europe"),
        ("/Customer/SubRegion", "Western Europe"),
        ("/Customer/Country", "DE"),
        ("/Customer/Industry", "Government"),
        ("/Customer/Segment", "Public Sector"),
    ] {
        assert_eq!(made.pointer(path), Some(&json!(value)), "{path}");
    }
    let profile = made["Customer"]["PublicProfileSummary"].as_str().unwrap();
    assert!(profile.contains("sample data"), "nobody takes it for real");
    let stated = Subject {
        segment: Some("enterprise".into()),
        ..subject("Acme")
    };
    let made = ask(7, ONE, &stated);
    assert_eq!(made["Customer"]["Segment"], "enterprise");
    assert!(["5001-10000", "10001+"].contains(&made["Customer"]["CompanySize"].as_str().unwrap()));
}

#[test]
fn a_known_question_keeps_its_answer() {
    // Users pin results in tests of their own, so an upgrade must not change them by accident.
    let made = ask(1, ONE, &subject("Acme"));
    assert_eq!(
        made["Insights"],
        json!({"MarketplaceEngagementScore": "Medium", "SolutionScore": "Medium",
            "SolutionCategory": "Infrastructure", "SolutionSubCategory": "Storage"})
    );
    assert_eq!(made["Customer"]["Segment"], "Small and Medium Business");
}

#[test]
fn many_customers_get_different_results() {
    let distinct: BTreeSet<String> = (0..200)
        .map(|n| ask(1, ONE, &subject(&format!("Company {n}"))))
        .map(|made| format!("{}{}", made["Insights"], made["Customer"]["CompanySize"]))
        .collect();
    assert!(distinct.len() > 100, "{}", distinct.len());
    for level in ["High", "Medium", "Low"] {
        let score = format!("\"MarketplaceEngagementScore\":\"{level}\"");
        assert!(distinct.iter().any(|made| made.contains(&score)), "{level}");
    }
}

proptest! {
    #[test]
    fn the_same_question_has_the_same_answer(
        seed in any::<u64>(), company in "\\PC{1,40}", industry in prop::option::of(0..Industry::VALUES.len()),
    ) {
        let about = Subject {
            industry: industry.map(|n| Industry::from(Industry::VALUES[n])),
            ..subject(&company)
        };
        let one = ask(seed, ONE, &about);
        prop_assert_eq!(&one, &ask(seed, ONE, &about));
        let elsewhere = ask(seed, TWO, &about);
        prop_assert_eq!(&one["Customer"], &elsewhere["Customer"], "a company is the same in every engagement");
    }

    #[test]
    fn however_it_goes_the_counts_add_up_and_the_end_comes_once(outcomes in prop::collection::vec(any::<bool>(), 1..20)) {
        let names: Vec<String> = (0..outcomes.len()).map(|n| format!("eng-{n:014}")).collect();
        let ids: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut now = task(&ids);
        for (n, worked) in outcomes.iter().enumerate() {
            prop_assert!(now.in_progress());
            let outcome = if *worked { Ok(WRITTEN.to_owned()) } else { Err(no_customer()) };
            now = settle(&now, ids[n], outcome, minute(1)).unwrap();
            let entry = view::prospecting_entry(&now);
            let settled = entry.completed_engagement_count + entry.failed_engagement_count;
            prop_assert_eq!(usize::try_from(settled).unwrap(), n + 1);
        }
        let expected = if outcomes.contains(&true) { Status::Completed } else { Status::Failed };
        prop_assert_eq!(view::prospecting_status(&now), expected);
    }
}
