//! From a lead to an opportunity: one account shares the lead, another converts it and sells it with AWS.

use serde_json::{Value, json};

use crate::harness::Caller;
use crate::harness::deal::{associate, close_date, draft, get, review, update};
use crate::harness::engagement::{add, create, interaction, named, project};
use crate::harness::flows::{
    AWS, FROM_LEAD, FROM_OPPORTUNITY, VIEW, column, complete, failed, from_lead, from_opportunity,
    invitation_status, job_named, registered, revisions, rows, snapshot,
};

const PROBLEM: &str = "Nobody knows which oven is hot at which hour.";

fn lead(status: &str) -> Value {
    let mut latest = interaction(1);
    latest["BusinessProblem"] = PROBLEM.into();
    json!({"Lead": {"QualificationStatus": status, "Interactions": [interaction(0), latest], "Customer": {
        "CompanyName": "Northwind Marzipan", "Industry": "Retail", "WebsiteUrl": "https://northwind.example.com",
        "Address": {"City": "Seattle", "CountryCode": "US", "StateOrRegion": "Washington"}}}})
}

/// The lead of one account, shared with another that has accepted it: both, the engagement and the invitation.
#[track_caller]
fn shared(first: &str, second: &str) -> (Caller, Caller, Value, Value) {
    let (mut one, mut two) = (registered(first), registered(second));
    let contexts = json!([{"Type": "Lead", "Payload": lead("Qualified")}]);
    let engagement = create(&mut one, "lead", contexts)["Id"].clone();
    let body = json!({"Catalog": "Sandbox", "ClientToken": "lead", "EngagementIdentifier": engagement, "Invitation": {
        "Message": "This one is yours", "Receiver": {"Account": {"AwsAccountId": second}},
        "Payload": {"LeadInvitation": {"Customer": {"CompanyName": "Northwind Marzipan", "CountryCode": "US"},
            "Interaction": {"ContactBusinessTitle": "CIO", "SourceName": "Fair 1"}}}}});
    let invitation = one.call("CreateEngagementInvitation", &body).ok()["Id"].clone();
    let outline = two.call("GetEngagementInvitation", &named(&invitation)).ok();
    assert_eq!(outline["PayloadType"], "LeadInvitation");
    for hidden in ["Wilhelmina", "Quartz", "wilhelmina.quartz", "Seattle"] {
        assert!(!outline.to_string().contains(hidden), "{hidden}");
    }
    two.call("GetEngagement", &named(&engagement))
        .is("ResourceNotFoundException");
    two.call("AcceptEngagementInvitation", &named(&invitation)).ok();
    (one, two, engagement, invitation)
}

#[track_caller]
fn contexts(caller: &mut Caller, engagement: &Value) -> Vec<Value> {
    let room = caller.call("GetEngagement", &named(engagement)).ok();
    room["Contexts"].as_array().unwrap().clone()
}

#[test]
fn an_accepted_lead_becomes_a_draft_with_a_project_a_snapshot_and_a_job() {
    let second = "610000000302";
    let (mut one, mut two, engagement, _) = shared("610000000301", second);
    assert_eq!(
        rows(&mut two, "ListOpportunities", json!({})),
        Vec::<Value>::new(),
        "accepting joins only"
    );
    let before = contexts(&mut two, &engagement);
    let answer = from_lead(&mut two, &engagement, "1", "convert");
    let task = complete(&answer, FROM_LEAD);
    assert_eq!(from_lead(&mut two, &engagement, "1", "convert").body, answer.body);
    assert_eq!(task["EngagementId"], engagement);
    assert_eq!(task["ContextId"], "2");

    let id = task["OpportunityId"].as_str().unwrap();
    let read = get(&mut two, id);
    assert_eq!(
        read["Customer"],
        json!({"Contacts": [], "Account": {"CompanyName": "Northwind Marzipan", "Industry": "Retail",
            "WebsiteUrl": "https://northwind.example.com", "Address": {"CountryCode": "US"}}})
    );
    assert_eq!(
        read["Project"],
        json!({"Title": "Converted from Lead", "CustomerBusinessProblem": PROBLEM, "ExpectedCustomerSpend": []})
    );
    assert_eq!(
        read["LifeCycle"],
        json!({"Stage": "Prospect", "ReviewStatus": "Pending Submission", "TargetCloseDate": close_date()})
    );
    assert_eq!(read["OpportunityType"], "Net New Business");
    assert_eq!(read["Marketing"], json!({"Source": "None"}));

    let now = contexts(&mut one, &engagement);
    assert_eq!(now[0], before[0], "the lead stays as it is");
    assert_eq!(
        now[1],
        json!({"Id": "2", "Type": "CustomerProject", "Payload": {"CustomerProject": {
            "Customer": {"Industry": "Retail", "CompanyName": "Northwind Marzipan",
                "WebsiteUrl": "https://northwind.example.com", "CountryCode": "US"},
            "Project": {"Title": "Converted from Lead", "BusinessProblem": PROBLEM,
                "TargetCompletionDate": read["LifeCycle"]["TargetCloseDate"]}}}})
    );
    assert_eq!(now.len(), 2);
    let job = two
        .call(
            "GetResourceSnapshotJob",
            &job_named(&task["ResourceSnapshotJobId"]),
        )
        .ok();
    assert_eq!(
        [&job["Status"], &job["ResourceId"], &job["EngagementId"]],
        [&json!("Running"), &json!(id), &engagement]
    );
    for caller in [&mut one, &mut two] {
        assert_eq!(revisions(caller, &engagement, id), [1]);
        let shown = snapshot(caller, &engagement, id, VIEW, None).ok();
        assert_eq!(shown["CreatedBy"], second);
        assert_eq!(
            shown["Payload"]["OpportunitySummary"]["Lifecycle"]["ReviewStatus"],
            "Pending Submission"
        );
    }
    let theirs = json!({"Catalog": "Sandbox", "Identifier": id});
    one.call("GetOpportunity", &theirs)
        .is("ResourceNotFoundException");
}

#[test]
fn a_completed_lead_is_submitted_in_the_engagement_it_came_from() {
    let (mut one, mut two, engagement, _) = shared("610000000311", "610000000312");
    let converted = complete(&from_lead(&mut two, &engagement, "1", "convert"), FROM_LEAD);
    let id = converted["OpportunityId"].as_str().unwrap();
    let early = from_opportunity(&mut two, id, "too-early");
    failed(&early, FROM_OPPORTUNITY, "OpportunityValidationFailed");
    let whole = draft("completed");
    update(&mut two, id, |payload| {
        for member in ["Customer", "Project", "PrimaryNeedsFromAws"] {
            payload[member] = whole[member].clone();
        }
    })
    .ok();
    associate(&mut two, id);
    let drafted = revisions(&mut two, &engagement, id);
    assert_eq!(drafted, [1, 2, 3], "the draft's own changes are shared already");

    let task = complete(&from_opportunity(&mut two, id, "submit"), FROM_OPPORTUNITY);
    assert_eq!(task["EngagementId"], engagement);
    assert_ne!(task["ResourceSnapshotJobId"], converted["ResourceSnapshotJobId"]);
    let jobs = rows(&mut two, "ListResourceSnapshotJobs", json!({"Status": "Running"}));
    assert_eq!(
        column(&jobs, "Id"),
        [
            task["ResourceSnapshotJobId"].clone(),
            converted["ResourceSnapshotJobId"].clone()
        ]
    );
    assert_eq!(get(&mut two, id)["LifeCycle"]["ReviewStatus"], "Submitted");
    assert_eq!(rows(&mut two, "ListEngagements", json!({})).len(), 1);
    assert_eq!(
        contexts(&mut two, &engagement).len(),
        2,
        "it has its project already"
    );
    assert_eq!(revisions(&mut one, &engagement, id), [1, 2, 3, 4]);

    review(&mut two, id, "Approved");
    let invitation = &task["EngagementInvitationId"];
    assert_eq!(invitation_status(&mut two, invitation), "ACCEPTED");
    let members = rows(
        &mut one,
        "ListEngagementMembers",
        json!({"Identifier": engagement}),
    );
    assert_eq!(
        column(&members, "AccountId"),
        ["610000000311", "610000000312", AWS]
    );
    assert_eq!(
        revisions(&mut one, &engagement, id),
        [1, 2, 3, 4, 5],
        "two jobs share a change once"
    );
}

#[test]
fn what_is_no_open_lead_is_not_converted_and_nothing_changes() {
    let (mut one, mut two, engagement, _) = shared("610000000321", "610000000322");
    add(&mut one, &engagement, "project", "CustomerProject", project()).ok();
    add(&mut one, &engagement, "lost", "Lead", lead("Disqualified")).ok();
    let before = contexts(&mut two, &engagement);
    for (context, reason) in [
        ("7", "ContextNotFound"),
        ("2", "CustomerProjectContextNotPermitted"),
        ("3", "DisqualifiedLeadNotPermitted"),
    ] {
        let answer = from_lead(&mut two, &engagement, context, reason);
        let task = failed(&answer, FROM_LEAD, reason);
        assert_eq!(
            [&task["EngagementId"], &task["ContextId"]],
            [&engagement, &json!(context)]
        );
        assert!(task.get("OpportunityId").is_none(), "{answer}");
        let again = from_lead(&mut two, &engagement, context, reason);
        assert_eq!(again.body, answer.body);
    }
    assert_eq!(contexts(&mut two, &engagement), before);
    for operation in ["ListOpportunities", "ListResourceSnapshotJobs"] {
        assert_eq!(rows(&mut two, operation, json!({})), Vec::<Value>::new());
    }
    let found = rows(
        &mut two,
        "ListOpportunityFromEngagementTasks",
        json!({"TaskStatus": ["FAILED"]}),
    );
    // Three tasks of one millisecond come in the order of their random identifiers.
    let mut reasons = column(&found, "ReasonCode");
    reasons.sort_by_key(Value::to_string);
    assert_eq!(
        reasons,
        [
            "ContextNotFound",
            "CustomerProjectContextNotPermitted",
            "DisqualifiedLeadNotPermitted"
        ]
    );
}

#[test]
fn a_lead_is_converted_by_members_only() {
    let (_, mut two, engagement, _) = shared("610000000331", "610000000332");
    let mut three = registered("610000000333");
    from_lead(&mut three, &engagement, "1", "stranger").is("ResourceNotFoundException");
    let never = json!("eng-00000000000000");
    from_lead(&mut two, &never, "1", "nowhere").is("ResourceNotFoundException");
    assert_eq!(contexts(&mut two, &engagement).len(), 1);
    let tasks = rows(&mut three, "ListOpportunityFromEngagementTasks", json!({}));
    assert_eq!(tasks, Vec::<Value>::new(), "no task was started");
}

#[test]
fn an_engagement_without_room_for_the_project_fails_the_task_and_keeps_its_contexts() {
    let (mut one, mut two, engagement, _) = shared("610000000341", "610000000342");
    for number in 2..=5 {
        add(
            &mut one,
            &engagement,
            &format!("c-{number}"),
            "Lead",
            lead("Qualified"),
        )
        .ok();
    }
    let answer = from_lead(&mut two, &engagement, "1", "full");
    failed(&answer, FROM_LEAD, "ServiceQuotaExceeded");
    assert_eq!(contexts(&mut two, &engagement).len(), 5);
    for operation in ["ListOpportunities", "ListResourceSnapshotJobs"] {
        assert_eq!(rows(&mut two, operation, json!({})), Vec::<Value>::new());
    }
}
