//! Tasks that a server was told to take its time with: killed between start and finish, they are finished once after the
//! restart, and nothing of them is there before.

use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, RandomState};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::deal::{create, draft, get};
use crate::harness::flows::{
    acceptance, column, from_opportunity, invitation_status, invite, job_named, prepared, revisions, rows,
    submission,
};
use crate::harness::{Answer, Caller, Key, Server, cosell};

const SUBMIT: &str = "StartEngagementFromOpportunityTask";
const ACCEPT: &str = "StartEngagementByAcceptingInvitationTask";
const SUBMISSIONS: &str = "ListEngagementFromOpportunityTasks";
const ACCEPTANCES: &str = "ListEngagementByAcceptingInvitationTasks";

/// A server on that data that finishes tasks after a delay; without one, at once.
fn on(data: &Path, delay: Option<&str>) -> Server {
    let data = data.display().to_string();
    let mut arguments = vec!["dev", "--listen", "127.0.0.1:0", "--data", &data];
    if let Some(delay) = delay {
        arguments.extend(["--task-delay", delay]);
    }
    Server::start(&arguments)
}

#[track_caller]
fn in_progress(answer: &Answer) -> Value {
    let task = answer.ok();
    assert_eq!(task["TaskStatus"], "IN_PROGRESS", "{answer}");
    for later in ["ResourceSnapshotJobId", "ReasonCode", "Message"] {
        assert!(task.get(later).is_none(), "{answer}");
    }
    task
}

/// Polls a list, as clients do, until the task has ended; its entry.
#[track_caller]
fn ended(caller: &mut Caller, list: &str, task: &Value) -> Value {
    // A server that was killed while it finished a task holds on to it for half a minute.
    let until = Instant::now() + Duration::from_secs(90);
    loop {
        let found = rows(caller, list, json!({"TaskIdentifier": [task["TaskId"]]}));
        assert_eq!(found.len(), 1, "a started task is listed");
        if found[0]["TaskStatus"] != "IN_PROGRESS" {
            return found[0].clone();
        }
        assert!(Instant::now() < until, "it does not end: {}", found[0]);
        std::thread::sleep(Duration::from_millis(25));
    }
}

fn sent() -> Value {
    json!({"ParticipantType": "SENDER"})
}

#[test]
fn a_submission_killed_between_start_and_finish_is_finished_once() {
    let folder = tempfile::tempdir().unwrap();
    // Long enough that the kill surely comes first.
    let server = on(folder.path(), Some("2"));
    let mut one = server.caller(Key::first());
    let id = prepared(&mut one, "killed");
    let body = submission(&id, "killed");
    let task = in_progress(&one.call(SUBMIT, &body));
    assert_eq!(task["OpportunityId"], id);
    assert_eq!(
        get(&mut one, &id)["LifeCycle"]["ReviewStatus"],
        "Pending Submission"
    );
    for (operation, filter) in [
        ("ListEngagements", json!({})),
        ("ListEngagementInvitations", sent()),
        ("ListResourceSnapshotJobs", json!({})),
    ] {
        assert_eq!(
            rows(&mut one, operation, filter),
            Vec::<Value>::new(),
            "{operation}"
        );
    }
    let open = rows(&mut one, SUBMISSIONS, json!({"TaskStatus": ["IN_PROGRESS"]}));
    assert_eq!(column(&open, "TaskId"), [task["TaskId"].clone()]);
    server.kill();

    let server = on(folder.path(), Some("2"));
    let mut one = server.caller(Key::first());
    let done = ended(&mut one, SUBMISSIONS, &task);
    assert_eq!(done["TaskStatus"], "COMPLETE", "{done}");
    for member in ["TaskId", "TaskArn", "StartTime", "OpportunityId"] {
        assert_eq!(done[member], task[member], "{member}");
    }
    assert_eq!(
        one.call(SUBMIT, &body).ok(),
        done,
        "the token tells how the task stands now"
    );
    assert_eq!(get(&mut one, &id)["LifeCycle"]["ReviewStatus"], "Submitted");
    let engagements = rows(&mut one, "ListEngagements", json!({}));
    assert_eq!(column(&engagements, "Id"), [done["EngagementId"].clone()]);
    let invitations = rows(&mut one, "ListEngagementInvitations", sent());
    assert_eq!(
        column(&invitations, "Id"),
        [done["EngagementInvitationId"].clone()]
    );
    let jobs = rows(&mut one, "ListResourceSnapshotJobs", json!({}));
    assert_eq!(column(&jobs, "Id"), [done["ResourceSnapshotJobId"].clone()]);
    assert_eq!(revisions(&mut one, &done["EngagementId"], &id), [1]);
    // A second restart finds nothing left to do.
    server.kill();
    let server = on(folder.path(), None);
    let mut one = server.caller(Key::first());
    assert_eq!(ended(&mut one, SUBMISSIONS, &task), done);
    assert_eq!(rows(&mut one, "ListEngagements", json!({})), engagements);
    server.kill();
    let data = folder.path().to_str().unwrap();
    let report = cosell(&["check", "--data", data, "--output", "json"]).json();
    assert_eq!(report["ProblemCount"], 0, "{report}");
}

#[test]
fn an_acceptance_killed_between_start_and_finish_is_finished_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = on(folder.path(), None);
    let mut one = server.caller(Key::first());
    let id = prepared(&mut one, "shared");
    let deal = from_opportunity(&mut one, &id, "shared").ok();
    let engagement = &deal["EngagementId"];
    let invitation = invite(&mut one, engagement, "444455556666", "shared");
    server.terminate();
    assert!(server.wait());

    let server = on(folder.path(), Some("2"));
    let mut two = server.caller(Key::second());
    let body = acceptance(&invitation, "killed");
    let task = in_progress(&two.call(ACCEPT, &body));
    assert_eq!(task["EngagementInvitationId"], invitation);
    assert_eq!(invitation_status(&mut two, &invitation), "PENDING");
    server.kill();

    let server = on(folder.path(), None);
    let (mut one, mut two) = (server.caller(Key::first()), server.caller(Key::second()));
    let done = ended(&mut two, ACCEPTANCES, &task);
    assert_eq!(done["TaskStatus"], "COMPLETE", "{done}");
    assert_eq!(two.call(ACCEPT, &body).ok(), done);
    assert_eq!(invitation_status(&mut one, &invitation), "ACCEPTED");
    let copies = rows(&mut two, "ListOpportunities", json!({}));
    assert_eq!(column(&copies, "Id"), [done["OpportunityId"].clone()]);
    let job = two
        .call(
            "GetResourceSnapshotJob",
            &job_named(&done["ResourceSnapshotJobId"]),
        )
        .ok();
    assert_eq!(job["Status"], "Running");
    let members = rows(
        &mut one,
        "ListEngagementMembers",
        json!({"Identifier": engagement}),
    );
    assert_eq!(column(&members, "AccountId"), ["111122223333", "444455556666"]);
}

#[test]
fn every_task_that_was_started_ends_once_kill_after_kill() {
    const ROUNDS: u64 = 6;
    const TASKS: u64 = 5;
    let folder = tempfile::tempdir().unwrap();
    let mut started: Vec<(String, Value)> = Vec::new();
    for round in 0..ROUNDS {
        let server = on(folder.path(), Some("0.1"));
        let mut one = server.caller(Key::first());
        for number in 0..TASKS {
            let token = format!("round-{round}-{number}");
            let id = prepared(&mut one, &token);
            let task = one.call(SUBMIT, &submission(&id, &token)).ok();
            started.push((id, task));
        }
        // Some of them are due by then, some are being finished, some are not.
        let millis = RandomState::new().hash_one(round) % 150;
        std::thread::sleep(Duration::from_millis(millis));
        server.kill();
        let data = folder.path().to_str().unwrap();
        let report = cosell(&["check", "--data", data, "--output", "json"]).json();
        assert_eq!(report["ProblemCount"], 0, "{report}");
    }
    let server = on(folder.path(), Some("0.1"));
    let mut one = server.caller(Key::first());
    let ends: Vec<Value> = started
        .iter()
        .map(|(_, task)| ended(&mut one, SUBMISSIONS, task))
        .collect();
    let mut made = [BTreeSet::new(), BTreeSet::new(), BTreeSet::new()];
    for ((id, _), end) in started.iter().zip(&ends) {
        assert_eq!(end["TaskStatus"], "COMPLETE", "{end}");
        assert_eq!(end["OpportunityId"], *id);
        assert_eq!(revisions(&mut one, &end["EngagementId"], id), [1]);
        let members = ["EngagementId", "EngagementInvitationId", "ResourceSnapshotJobId"];
        for (set, member) in made.iter_mut().zip(members) {
            assert!(set.insert(end[member].to_string()), "{end}");
        }
    }
    let lists = [
        ("ListEngagements", json!({"MaxResults": 100})),
        ("ListEngagementInvitations", sent()),
        ("ListResourceSnapshotJobs", json!({})),
    ];
    for (set, (operation, filter)) in made.iter().zip(lists) {
        let found = column(&rows(&mut one, operation, filter), "Id");
        let ids: BTreeSet<String> = found.iter().map(Value::to_string).collect();
        assert_eq!(
            (&ids, ids.len()),
            (set, found.len()),
            "{operation}: nothing was made twice"
        );
    }
}

#[test]
fn a_delayed_task_is_decided_when_it_is_due_and_keeps_its_end() {
    let server = Server::dev(&["--task-delay", "1.5"]);
    let (mut one, mut two) = (server.caller(Key::first()), server.caller(Key::second()));
    let id = create(&mut one, &draft("failing"));
    let body = submission(&id, "failing");
    let task = in_progress(&one.call(SUBMIT, &body));
    let failed = ended(&mut one, SUBMISSIONS, &task);
    assert_eq!(failed["TaskStatus"], "FAILED");
    assert_eq!(failed["ReasonCode"], "OpportunityValidationFailed");
    assert_eq!(
        failed["Message"],
        "BUSINESS_VALIDATION_EXCEPTION relatedEntityIdentifiers.solutions:Associate atleast one solution"
    );
    assert_eq!(one.call(SUBMIT, &body).ok(), failed);
    assert_eq!(rows(&mut one, "ListEngagements", json!({})), Vec::<Value>::new());

    // Two acceptances wait at the same time; one finds the invitation open, the other does not.
    let id = prepared(&mut one, "shared");
    let deal = in_progress(&one.call(SUBMIT, &submission(&id, "shared")));
    let deal = ended(&mut one, SUBMISSIONS, &deal);
    two.call("ListEngagements", &json!({"Catalog": "Sandbox"})).ok();
    let invitation = invite(&mut one, &deal["EngagementId"], "444455556666", "shared");
    let waiting = ["a", "b"].map(|token| in_progress(&two.call(ACCEPT, &acceptance(&invitation, token))));
    let mut ends = waiting.map(|task| {
        let end = ended(&mut two, ACCEPTANCES, &task);
        (
            end["TaskStatus"].as_str().unwrap().to_owned(),
            end["ReasonCode"].clone(),
        )
    });
    ends.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(
        ends,
        [
            ("COMPLETE".to_owned(), Value::Null),
            ("FAILED".to_owned(), json!("EngagementInvitationConflict"))
        ]
    );
    assert_eq!(rows(&mut two, "ListOpportunities", json!({})).len(), 1);
}
