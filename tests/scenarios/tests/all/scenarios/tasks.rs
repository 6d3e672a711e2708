//! Tasks as such: what a failed one says and leaves alone, what a token repeats, what the lists find, and who wins when
//! several come at once.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::Caller;
use crate::harness::deal::{associate, create, draft, get, submit, submitted, update};
use crate::harness::engagement::{create as create_engagement, named};
use crate::harness::flows::{
    BY_ACCEPTING, FROM_OPPORTUNITY, acceptance, act_on_job, by_accepting, column, complete, failed,
    from_opportunity, invitation_status, invite, invited, job_named, prepared, registered, rows, submission,
};

const SUBMIT: &str = "StartEngagementFromOpportunityTask";
const ACCEPT: &str = "StartEngagementByAcceptingInvitationTask";
const NOT_FOUND: &str = "ResourceNotFoundException";

/// Asserts that an account has no engagement, no invitation sent and no job.
#[track_caller]
fn assert_nothing_made(caller: &mut Caller) {
    for (operation, filter) in [
        ("ListEngagements", json!({})),
        ("ListEngagementInvitations", json!({"ParticipantType": "SENDER"})),
        ("ListResourceSnapshotJobs", json!({})),
        ("ListEngagementResourceAssociations", json!({})),
    ] {
        assert_eq!(
            rows(caller, operation, filter),
            Vec::<Value>::new(),
            "{operation}"
        );
    }
}

#[test]
fn a_task_that_fails_says_every_field_changes_nothing_and_repeats_itself_for_its_token() {
    let mut one = registered("610000000601");
    let mut body = draft("incomplete");
    for member in ["SalesActivities", "CustomerUseCase"] {
        body["Project"].as_object_mut().unwrap().remove(member);
    }
    let id = create(&mut one, &body);
    let before = get(&mut one, &id);
    let answer = from_opportunity(&mut one, &id, "first-try");
    let task = failed(&answer, FROM_OPPORTUNITY, "OpportunityValidationFailed");
    assert_eq!(task["OpportunityId"], id);
    assert!(task.get("EngagementId").is_none() && task.get("EngagementInvitationId").is_none());
    assert_eq!(
        task["Message"],
        "REQUIRED_FIELD_MISSING project.customerUseCase:project.customerUseCase is required;\
         ACTION_NOT_PERMITTED project.salesActivities:project.salesActivities is required;\
         BUSINESS_VALIDATION_EXCEPTION relatedEntityIdentifiers.solutions:Associate atleast one solution"
    );
    assert_eq!(get(&mut one, &id), before);
    assert_nothing_made(&mut one);

    update(&mut one, &id, |payload| {
        payload["Project"]["SalesActivities"] = json!(["SOW Signed"]);
        payload["Project"]["CustomerUseCase"] = "Database".into();
    })
    .ok();
    associate(&mut one, &id);
    let again = from_opportunity(&mut one, &id, "first-try");
    assert_eq!(again.body, answer.body, "the token has its answer");
    assert_nothing_made(&mut one);
    let done = complete(&from_opportunity(&mut one, &id, "second-try"), FROM_OPPORTUNITY);
    assert_ne!(done["TaskId"], task["TaskId"]);
    assert_eq!(get(&mut one, &id)["LifeCycle"]["ReviewStatus"], "Submitted");
    assert_eq!(from_opportunity(&mut one, &id, "first-try").body, answer.body);
    let mut other = submission(&id, "first-try");
    other["AwsSubmission"]["Visibility"] = "Limited".into();
    one.call(SUBMIT, &other).is("ConflictException");
}

#[test]
fn a_submission_that_cannot_be_is_told_from_one_that_is_under_way() {
    let mut one = registered("610000000611");
    let id = prepared(&mut one, "limited");
    let mut body = submission(&id, "limited");
    body["AwsSubmission"]["Visibility"] = "Limited".into();
    let task = failed(
        &one.call(SUBMIT, &body),
        FROM_OPPORTUNITY,
        "OpportunitySubmissionFailed",
    );
    assert_eq!(
        task["Message"],
        "BUSINESS_VALIDATION_EXCEPTION primaryNeedsFromAws:Cannot set visibility to limited on a Co-Sell opportunity;\
         ACTION_NOT_PERMITTED:You cannot perform Submit action. Opportunity cannot be submitted or updated to Limited Visibility"
    );
    assert_nothing_made(&mut one);
    let under_way = submitted(&mut one, "under-way");
    let answer = from_opportunity(&mut one, &under_way, "under-way");
    failed(&answer, FROM_OPPORTUNITY, "OpportunityConflict");
    assert_nothing_made(&mut one);
    complete(&from_opportunity(&mut one, &id, "now"), FROM_OPPORTUNITY);
    let twice = from_opportunity(&mut one, &id, "twice");
    failed(&twice, FROM_OPPORTUNITY, "OpportunityConflict");
    submit(&mut one, &id).is("ValidationException");
    assert_eq!(rows(&mut one, "ListEngagements", json!({})).len(), 1);
}

#[test]
fn an_invitation_is_accepted_once_and_not_after_its_rejection() {
    let (mut deal, mut two, invitation) = invited("610000000621", "610000000622", "accept-once");
    let answer = by_accepting(&mut two, &invitation, "first");
    let task = complete(&answer, BY_ACCEPTING);
    assert_eq!(by_accepting(&mut two, &invitation, "first").body, answer.body);
    let twice = by_accepting(&mut two, &invitation, "second");
    let twice = failed(&twice, BY_ACCEPTING, "EngagementInvitationConflict");
    assert_eq!(twice["EngagementInvitationId"], invitation);
    let opportunities = rows(&mut two, "ListOpportunities", json!({}));
    assert_eq!(column(&opportunities, "Id"), [task["OpportunityId"].clone()]);
    assert_eq!(rows(&mut two, "ListResourceSnapshotJobs", json!({})).len(), 1);

    let mut three = registered("610000000623");
    let refused = invite(&mut deal.owner, &deal.engagement, "610000000623", "refused");
    three.call("RejectEngagementInvitation", &named(&refused)).ok();
    let late = by_accepting(&mut three, &refused, "late");
    failed(&late, BY_ACCEPTING, "InvitationValidationFailed");
    assert_eq!(invitation_status(&mut deal.owner, &refused), "REJECTED");
    assert_nothing_made(&mut three);
    assert_eq!(
        rows(&mut three, "ListOpportunities", json!({})),
        Vec::<Value>::new()
    );
}

#[test]
fn an_invitation_that_opens_no_opportunity_or_is_ones_own_stays_pending() {
    let (mut deal, _, invitation) = invited("610000000631", "610000000632", "own");
    let own = by_accepting(&mut deal.owner, &invitation, "own");
    assert_ne!(own.json()["TaskStatus"], "COMPLETE", "{own}");
    assert_eq!(invitation_status(&mut deal.owner, &invitation), "PENDING");

    let mut two = registered("610000000632");
    let contexts = json!([{"Type": "Lead", "Payload": crate::harness::engagement::lead()}]);
    let engagement = create_engagement(&mut deal.owner, "lead", contexts)["Id"].clone();
    let body = json!({"Catalog": "Sandbox", "ClientToken": "lead", "EngagementIdentifier": engagement, "Invitation": {
        "Message": "A lead", "Receiver": {"Account": {"AwsAccountId": "610000000632"}},
        "Payload": {"LeadInvitation": {"Customer": {"CompanyName": "Northwind Marzipan"},
            "Interaction": {"ContactBusinessTitle": "CIO"}}}}});
    let lead = deal.owner.call("CreateEngagementInvitation", &body).ok()["Id"].clone();
    let answer = by_accepting(&mut two, &lead, "lead");
    failed(&answer, BY_ACCEPTING, "InvitationValidationFailed");
    assert_eq!(invitation_status(&mut two, &lead), "PENDING");
    assert_nothing_made(&mut two);
}

#[test]
fn a_stranger_starts_nothing_with_what_belongs_to_others() {
    let (mut deal, _, invitation) = invited("610000000641", "610000000642", "stranger");
    let draft_id = prepared(&mut deal.owner, "stranger-draft");
    let mut three = registered("610000000643");
    let never = json!("engi-0000000000000");
    for invitation in [&invitation, &deal.invitation, &never] {
        by_accepting(&mut three, invitation, "stranger").is(NOT_FOUND);
    }
    for id in [draft_id.as_str(), "O99999999"] {
        from_opportunity(&mut three, id, "stranger").is(NOT_FOUND);
    }
    assert_nothing_made(&mut three);
    for operation in [
        "ListEngagementFromOpportunityTasks",
        "ListEngagementByAcceptingInvitationTasks",
    ] {
        assert_eq!(
            rows(&mut three, operation, json!({})),
            Vec::<Value>::new(),
            "{operation}: no task was started"
        );
    }
    assert_eq!(invitation_status(&mut deal.owner, &invitation), "PENDING");
    assert_eq!(
        get(&mut deal.owner, &draft_id)["LifeCycle"]["ReviewStatus"],
        "Pending Submission"
    );
}

#[test]
fn tags_that_cannot_be_given_fail_the_task_as_a_whole() {
    let (_, mut two, invitation) = invited("610000000651", "610000000652", "bad-tags");
    let mut one = registered("610000000653");
    let id = prepared(&mut one, "bad-tags");
    let before = get(&mut one, &id);
    for (name, tags, code) in [
        (
            "reserved",
            json!([{"Key": "aws:owner", "Value": "me"}]),
            "BUSINESS_VALIDATION_EXCEPTION tags.key:",
        ),
        (
            "twice",
            json!([{"Key": "team", "Value": "a"}, {"Key": "team", "Value": "b"}]),
            "DUPLICATE_KEY_VALUE tags.key:",
        ),
    ] {
        let mut body = submission(&id, name);
        body["Tags"] = tags.clone();
        let answer = one.call(SUBMIT, &body);
        let task = failed(&answer, FROM_OPPORTUNITY, "ResourceSnapshotJobValidationFailed");
        assert!(task["Message"].as_str().unwrap().starts_with(code), "{answer}");
        let mut body = acceptance(&invitation, name);
        body["Tags"] = tags;
        let answer = two.call(ACCEPT, &body);
        failed(&answer, BY_ACCEPTING, "ResourceSnapshotJobValidationFailed");
    }
    assert_eq!(get(&mut one, &id), before);
    assert_nothing_made(&mut one);
    assert_eq!(invitation_status(&mut two, &invitation), "PENDING");
    complete(&by_accepting(&mut two, &invitation, "good"), BY_ACCEPTING);
}

#[test]
fn the_tags_of_a_task_end_on_its_job() {
    let mut one = registered("610000000661");
    let id = prepared(&mut one, "tags");
    let mut body = submission(&id, "tags");
    body["Tags"] = json!([{"Key": "team", "Value": "ovens"}, {"Key": "cost", "Value": ""}]);
    let task = complete(&one.call(SUBMIT, &body), FROM_OPPORTUNITY);
    let job = &task["ResourceSnapshotJobId"];
    let arn = one.call("GetResourceSnapshotJob", &job_named(job)).ok()["Arn"].clone();
    let tags = |caller: &mut Caller, arn: &Value| {
        let mut tags = caller
            .call("ListTagsForResource", &json!({"ResourceArn": arn}))
            .ok()["Tags"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        tags.sort_by_key(Value::to_string);
        tags
    };
    let given = [
        json!({"Key": "cost", "Value": ""}),
        json!({"Key": "team", "Value": "ovens"}),
    ];
    assert_eq!(tags(&mut one, &arn), given);
    let opportunity = get(&mut one, &id)["Arn"].clone();
    assert_eq!(tags(&mut one, &opportunity), Vec::<Value>::new());

    let add = json!({"ResourceArn": arn, "Tags": [{"Key": "team", "Value": "bakers"}]});
    one.call("TagResource", &add).ok();
    let remove = json!({"ResourceArn": arn, "TagKeys": ["cost"]});
    one.call("UntagResource", &remove).ok();
    let left = [json!({"Key": "team", "Value": "bakers"})];
    assert_eq!(tags(&mut one, &arn), left);
    let mut two = registered("610000000662");
    let foreign = two.call("ListTagsForResource", &json!({"ResourceArn": arn}));
    foreign.is(NOT_FOUND);
    act_on_job(&mut one, "StopResourceSnapshotJob", job);
    assert_eq!(tags(&mut one, &arn), left, "a stop changes no tags");
}

#[test]
fn each_list_of_tasks_finds_what_its_filters_ask_for() {
    const LIST: &str = "ListEngagementFromOpportunityTasks";
    let mut one = registered("610000000671");
    let mut made = Vec::new();
    for number in 0..3 {
        let id = prepared(&mut one, &format!("listed-{number}"));
        made.push(from_opportunity(&mut one, &id, &format!("ok-{number}")).ok());
    }
    let bare = create(&mut one, &draft("listed-bare"));
    let broken = from_opportunity(&mut one, &bare, "broken").ok();
    made.push(broken.clone());
    let mut found = |filter: Value| -> BTreeSet<String> {
        let found = rows(&mut one, LIST, filter);
        found.iter().map(|row| row["TaskId"].to_string()).collect()
    };
    let of = |wanted: &[&Value]| -> BTreeSet<String> {
        wanted.iter().map(|task| task["TaskId"].to_string()).collect()
    };
    let (a, b, c) = (&made[0], &made[1], &made[2]);
    let engagement = a["EngagementId"].as_str().unwrap();
    let arn = format!("arn:aws:partnercentral:us-east-1::catalog/Sandbox/engagement/{engagement}");
    let another_kind = a["TaskArn"]
        .as_str()
        .unwrap()
        .replace(FROM_OPPORTUNITY, BY_ACCEPTING);
    for (filter, wanted) in [
        (json!({}), vec![a, b, c, &broken]),
        (json!({"MaxResults": 1}), vec![a, b, c, &broken]),
        (json!({"TaskStatus": ["COMPLETE"]}), vec![a, b, c]),
        (json!({"TaskStatus": ["FAILED"]}), vec![&broken]),
        (json!({"TaskStatus": ["IN_PROGRESS"]}), vec![]),
        (
            json!({"TaskStatus": ["FAILED", "COMPLETE"]}),
            vec![a, b, c, &broken],
        ),
        (
            json!({"TaskIdentifier": [a["TaskId"], b["TaskArn"], "task-0000000000000"]}),
            vec![a, b],
        ),
        (json!({"TaskIdentifier": [another_kind]}), vec![]),
        (
            json!({"OpportunityIdentifier": [c["OpportunityId"], bare]}),
            vec![c, &broken],
        ),
        (json!({"EngagementIdentifier": [arn]}), vec![a]),
        (
            json!({"EngagementIdentifier": [a["EngagementId"], b["EngagementId"]]}),
            vec![a, b],
        ),
        (
            json!({"EngagementIdentifier": [a["EngagementId"]], "TaskStatus": ["FAILED"]}),
            vec![],
        ),
    ] {
        assert_eq!(found(filter.clone()), of(&wanted), "{filter}");
    }
    for (order, wanted) in [
        ("ASCENDING", [a, b, c, &broken]),
        ("DESCENDING", [&broken, c, b, a]),
    ] {
        let sort = json!({"MaxResults": 3, "Sort": {"SortBy": "StartTime", "SortOrder": order}});
        let listed = column(&rows(&mut one, LIST, sort), "TaskId");
        assert_eq!(listed, wanted.map(|task| task["TaskId"].clone()), "{order}");
    }
    let listed = rows(
        &mut one,
        LIST,
        json!({"Sort": {"SortBy": "StartTime", "SortOrder": "ASCENDING"}}),
    );
    assert_eq!(listed, made, "a list says what the answers said");
    for empty in ["TaskStatus", "TaskIdentifier", "OpportunityIdentifier"] {
        let filter = json!({"Catalog": "Sandbox", empty: []});
        let answer = one.call(LIST, &filter);
        assert!(answer.status == 200 || answer.error() == "ValidationException");
    }
}

#[test]
fn acceptances_are_listed_by_invitation_and_opportunity() {
    const LIST: &str = "ListEngagementByAcceptingInvitationTasks";
    let (_, mut two, first) = invited("610000000681", "610000000682", "list-one");
    let (_, _, second) = invited("610000000683", "610000000682", "list-two");
    let a = by_accepting(&mut two, &first, "a").ok();
    let twice = by_accepting(&mut two, &first, "twice").ok();
    let b = by_accepting(&mut two, &second, "b").ok();
    let arn = two.call("GetEngagementInvitation", &named(&second)).ok()["Arn"].clone();
    for (filter, wanted) in [
        (
            json!({"EngagementInvitationIdentifier": [first]}),
            vec![&a, &twice],
        ),
        (json!({"EngagementInvitationIdentifier": [arn]}), vec![&b]),
        (
            json!({"EngagementInvitationIdentifier": [first], "TaskStatus": ["FAILED"]}),
            vec![&twice],
        ),
        (json!({"OpportunityIdentifier": [b["OpportunityId"]]}), vec![&b]),
        (json!({"TaskIdentifier": [a["TaskArn"]]}), vec![&a]),
        (json!({"TaskIdentifier": ["task-0000000000000"]}), vec![]),
    ] {
        let mut listing = filter.clone();
        listing["Sort"] = json!({"SortBy": "StartTime", "SortOrder": "ASCENDING"});
        let found: Vec<Value> = rows(&mut two, LIST, listing);
        assert_eq!(found.iter().collect::<Vec<_>>(), wanted, "{filter}");
    }
}
