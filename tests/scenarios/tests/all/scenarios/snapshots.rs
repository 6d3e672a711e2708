//! Snapshots of opportunities and the jobs that take them: one for each change of what the template shows, and none else.

use serde_json::{Value, json};

use crate::harness::deal::{associate, create, draft, get, review, update};
use crate::harness::engagement::{create as create_engagement, named};
use crate::harness::flows::{
    AWS_VIEW, BY_ACCEPTING, Deal, VIEW, act_on_job, by_accepting, column, complete, deal, invite, job_named,
    registered, revisions, rows, snapshot,
};
use crate::harness::{Answer, Caller};

const NOT_FOUND: &str = "ResourceNotFoundException";

/// An edit of what the template shows.
#[track_caller]
fn next_steps(caller: &mut Caller, id: &str, text: &str) {
    update(caller, id, |payload| {
        payload["LifeCycle"]["NextSteps"] = text.into()
    })
    .ok();
}

/// An edit of what it does not show.
#[track_caller]
fn comments(caller: &mut Caller, id: &str, text: &str) {
    update(caller, id, |payload| {
        payload["Project"]["AdditionalComments"] = text.into()
    })
    .ok();
}

#[track_caller]
fn shown_steps(caller: &mut Caller, engagement: &Value, id: &str) -> Value {
    let newest = snapshot(caller, engagement, id, VIEW, None).ok();
    newest["Payload"]["OpportunitySummary"]["Lifecycle"]["NextSteps"].clone()
}

fn approved(account: &str, token: &str) -> Deal {
    let mut deal = deal(account, token);
    review(&mut deal.owner, &deal.opportunity, "Approved");
    deal
}

fn by_hand(engagement: &Value, id: &str, template: &str, token: &str) -> Value {
    json!({"Catalog": "Sandbox", "ClientToken": token, "EngagementIdentifier": engagement,
        "ResourceType": "Opportunity", "ResourceIdentifier": id, "ResourceSnapshotTemplateIdentifier": template})
}

#[track_caller]
fn status_of(caller: &mut Caller, job: &Value) -> Value {
    caller.call("GetResourceSnapshotJob", &job_named(job)).ok()["Status"].clone()
}

#[test]
fn a_running_job_takes_one_snapshot_for_each_change_of_what_its_template_shows() {
    let mut deal = approved("610000000201", "each-change");
    let (engagement, id) = (deal.engagement.clone(), deal.opportunity.clone());
    let one = &mut deal.owner;
    assert_eq!(revisions(one, &engagement, &id), [1, 2]);
    next_steps(one, &id, "Meet the bakers");
    assert_eq!(revisions(one, &engagement, &id), [1, 2, 3]);
    assert_eq!(shown_steps(one, &engagement, &id), "Meet the bakers");

    comments(one, &id, "Not for everybody's eyes");
    update(one, &id, |_| {}).ok();
    associate(one, &id);
    assert_eq!(
        revisions(one, &engagement, &id),
        [1, 2, 3],
        "nothing of that is in the template"
    );

    let product = json!({"Catalog": "Sandbox", "OpportunityIdentifier": id,
        "RelatedEntityType": "AwsProducts", "RelatedEntityIdentifier": "AmazonEC2Linux"});
    one.call("AssociateOpportunity", &product).ok();
    assert_eq!(revisions(one, &engagement, &id), [1, 2, 3, 4]);
    one.call("DisassociateOpportunity", &product).ok();
    assert_eq!(revisions(one, &engagement, &id), [1, 2, 3, 4, 5]);
    let assign = json!({"Catalog": "Sandbox", "Identifier": id, "Assignee": {
        "Email": "ana.carolina@partner.example.com", "FirstName": "Ana", "LastName": "Carolina",
        "BusinessTitle": "OpportunityOwner"}});
    one.call("AssignOpportunity", &assign).ok();
    assert_eq!(revisions(one, &engagement, &id), [1, 2, 3, 4, 5, 6]);
    let newest = snapshot(one, &engagement, &id, VIEW, None).ok();
    let view = &newest["Payload"]["OpportunitySummary"];
    let read = get(one, &id);
    assert_eq!(view["OpportunityTeam"], read["OpportunityTeam"]);
    assert_eq!(view["RelatedEntityIdentifiers"], read["RelatedEntityIdentifiers"]);
}

#[test]
fn a_refused_edit_takes_no_snapshot() {
    let mut deal = deal("610000000211", "refused-edit");
    let (engagement, id) = (deal.engagement.clone(), deal.opportunity.clone());
    let refused = update(&mut deal.owner, &id, |payload| {
        payload["LifeCycle"]["NextSteps"] = "While AWS looks at it".into();
    });
    refused.is("ValidationException");
    assert_eq!(revisions(&mut deal.owner, &engagement, &id), [1]);
}

#[test]
fn a_stopped_job_takes_none_and_catches_up_with_one_when_it_starts() {
    let mut deal = approved("610000000221", "stopped");
    let (engagement, id, job) = (
        deal.engagement.clone(),
        deal.opportunity.clone(),
        deal.job.clone(),
    );
    let one = &mut deal.owner;
    act_on_job(one, "StopResourceSnapshotJob", &job);
    act_on_job(one, "StopResourceSnapshotJob", &job);
    assert_eq!(status_of(one, &job), "Stopped");
    for text in ["Unseen", "Unseen too", "Seen in the end"] {
        next_steps(one, &id, text);
    }
    assert_eq!(revisions(one, &engagement, &id), [1, 2]);
    assert_eq!(shown_steps(one, &engagement, &id), "Call the bakers");

    act_on_job(one, "StartResourceSnapshotJob", &job);
    assert_eq!(revisions(one, &engagement, &id), [1, 2, 3]);
    assert_eq!(shown_steps(one, &engagement, &id), "Seen in the end");
    act_on_job(one, "StartResourceSnapshotJob", &job);
    act_on_job(one, "StopResourceSnapshotJob", &job);
    comments(one, &id, "Nothing to show");
    act_on_job(one, "StartResourceSnapshotJob", &job);
    assert_eq!(
        revisions(one, &engagement, &id),
        [1, 2, 3],
        "nothing to catch up with"
    );
    assert_eq!(status_of(one, &job), "Running");
    next_steps(one, &id, "Running again");
    assert_eq!(revisions(one, &engagement, &id), [1, 2, 3, 4]);
}

#[test]
fn only_a_stopped_job_can_be_deleted_and_what_it_shared_stays() {
    let second = "610000000232";
    let mut deal = approved("610000000231", "deleted");
    let mut two = registered(second);
    let invitation = invite(&mut deal.owner, &deal.engagement, second, "deleted");
    complete(&by_accepting(&mut two, &invitation, "deleted"), BY_ACCEPTING);
    let (engagement, id, job) = (
        deal.engagement.clone(),
        deal.opportunity.clone(),
        deal.job.clone(),
    );
    let one = &mut deal.owner;
    let listed = |caller: &mut Caller, status: &str| {
        let filter = json!({"EngagementIdentifier": engagement, "Status": status});
        column(&rows(caller, "ListResourceSnapshotJobs", filter), "Id")
    };
    assert_eq!(listed(one, "Running"), std::slice::from_ref(&job));
    one.call("DeleteResourceSnapshotJob", &job_named(&job))
        .is("ConflictException");
    act_on_job(one, "StopResourceSnapshotJob", &job);
    assert_eq!(listed(one, "Running"), Vec::<Value>::new());
    assert_eq!(listed(one, "Stopped"), std::slice::from_ref(&job));
    act_on_job(one, "DeleteResourceSnapshotJob", &job);
    assert_eq!(listed(one, "Stopped"), Vec::<Value>::new());
    for operation in [
        "GetResourceSnapshotJob",
        "StartResourceSnapshotJob",
        "StopResourceSnapshotJob",
    ] {
        one.call(operation, &job_named(&job)).is(NOT_FOUND);
    }
    next_steps(one, &id, "Nobody watches");
    for caller in [one, &mut two] {
        assert_eq!(revisions(caller, &engagement, &id), [1, 2]);
        assert_eq!(shown_steps(caller, &engagement, &id), "Call the bakers");
    }
}

#[test]
fn two_jobs_for_one_opportunity_take_one_snapshot_of_a_change() {
    let mut deal = approved("610000000241", "two-jobs");
    let (engagement, id) = (deal.engagement.clone(), deal.opportunity.clone());
    let one = &mut deal.owner;
    let body = by_hand(&engagement, &id, VIEW, "second-job");
    let answer = one.call("CreateResourceSnapshotJob", &body);
    let made = answer.ok();
    assert_eq!(
        one.call("CreateResourceSnapshotJob", &body).body,
        answer.body,
        "one token, one job"
    );
    assert_eq!(status_of(one, &made["Id"]), "Stopped");
    act_on_job(one, "StartResourceSnapshotJob", &made["Id"]);
    assert_eq!(revisions(one, &engagement, &id), [1, 2]);
    next_steps(one, &id, "Seen by two");
    assert_eq!(revisions(one, &engagement, &id), [1, 2, 3]);
    let all = rows(one, "ListResourceSnapshotJobs", json!({"MaxResults": 1}));
    let newest_first = [made["Id"].clone(), deal.job.clone()];
    assert_eq!(column(&all, "Id"), newest_first);
    let sort = json!({"Sort": {"SortBy": "CreatedDate", "SortOrder": "ASCENDING"}});
    let oldest_first = column(&rows(one, "ListResourceSnapshotJobs", sort), "Id");
    assert_eq!(oldest_first, [deal.job, made["Id"].clone()]);
}

#[test]
fn a_snapshot_by_hand_gets_the_next_number_and_a_token_takes_one_only() {
    let account = "610000000251";
    let mut one = registered(account);
    let engagement = create_engagement(&mut one, "by-hand", json!([]))["Id"].clone();
    let id = create(&mut one, &draft("by-hand"));
    let take = |caller: &mut Caller, token: &str| -> Answer {
        caller.call("CreateResourceSnapshot", &by_hand(&engagement, &id, VIEW, token))
    };
    let first = take(&mut one, "first");
    let made = first.ok();
    assert_eq!(made["Revision"], 1);
    assert_eq!(take(&mut one, "first").body, first.body);
    next_steps(&mut one, &id, "Without a job");
    assert_eq!(revisions(&mut one, &engagement, &id), [1]);
    assert_eq!(take(&mut one, "second").ok()["Revision"], 2);
    assert_eq!(
        take(&mut one, "first").body,
        first.body,
        "a token keeps its answer"
    );
    let newest = snapshot(&mut one, &engagement, &id, VIEW, None).ok();
    assert_eq!(newest["Revision"], 2);
    assert_eq!(shown_steps(&mut one, &engagement, &id), "Without a job");
    let old = snapshot(&mut one, &engagement, &id, VIEW, Some(1)).ok();
    assert_eq!(old["Arn"], made["Arn"]);
    assert_eq!(
        old["Payload"]["OpportunitySummary"]["Lifecycle"]["NextSteps"],
        "Call the bakers"
    );
    // Only jobs look for a change; a hand takes what it asks for.
    assert_eq!(take(&mut one, "third").ok()["Revision"], 3);
    let again = snapshot(&mut one, &engagement, &id, VIEW, Some(3)).ok();
    assert_eq!(again["Payload"], newest["Payload"]);
    snapshot(&mut one, &engagement, &id, VIEW, Some(4)).is(NOT_FOUND);
    // The first one gave the engagement its project and the opportunity its place.
    let room = one.call("GetEngagement", &named(&engagement)).ok();
    assert_eq!(
        column(room["Contexts"].as_array().unwrap(), "Type"),
        ["CustomerProject"]
    );
    let shared = rows(
        &mut one,
        "ListEngagementResourceAssociations",
        json!({"CreatedBy": account, "ResourceIdentifier": id, "ResourceType": "Opportunity"}),
    );
    assert_eq!(column(&shared, "EngagementId"), std::slice::from_ref(&engagement));
}

#[test]
fn only_the_owner_takes_snapshots_and_only_of_the_template_for_all() {
    let second = "610000000262";
    let mut deal = approved("610000000261", "owner-only");
    let mut two = registered(second);
    let mut three = registered("610000000263");
    let invitation = invite(&mut deal.owner, &deal.engagement, second, "owner-only");
    complete(&by_accepting(&mut two, &invitation, "owner-only"), BY_ACCEPTING);
    let (engagement, id) = (deal.engagement.clone(), deal.opportunity.clone());
    let foreign = create(&mut three, &draft("owner-only"));
    for operation in ["CreateResourceSnapshot", "CreateResourceSnapshotJob"] {
        let body = by_hand(&engagement, &id, VIEW, "not-mine");
        two.call(operation, &body).is(NOT_FOUND);
        three.call(operation, &body).is(NOT_FOUND);
        let own = by_hand(&engagement, &foreign, VIEW, "not-a-member");
        three.call(operation, &own).is(NOT_FOUND);
        for (template, code) in [
            (AWS_VIEW, "ACTION_NOT_PERMITTED"),
            ("Opportunity", "INVALID_VALUE"),
        ] {
            let body = by_hand(&engagement, &id, template, "template");
            let found = deal
                .owner
                .call(operation, &body)
                .violations("BUSINESS_VALIDATION_FAILED");
            let field = "resourceSnapshotTemplateIdentifier".to_owned();
            assert_eq!(found, [(field, code.to_owned())], "{operation}");
        }
    }
    assert_eq!(revisions(&mut two, &engagement, &id), [1, 2]);
    assert_eq!(
        rows(&mut deal.owner, "ListResourceSnapshotJobs", json!({})).len(),
        1
    );
}

#[test]
fn snapshots_that_many_edits_call_for_at_once_are_numbered_without_gaps() {
    let mut deal = approved("610000000271", "race");
    let (engagement, id) = (deal.engagement.clone(), deal.opportunity.clone());
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let (mut caller, id) = (deal.owner.again(), &id);
            scope.spawn(move || {
                let mut done = 0;
                while done < 3 {
                    let answer = update(&mut caller, id, |payload| {
                        payload["LifeCycle"]["NextSteps"] = format!("writer {writer} edit {done}").into();
                    });
                    if answer.status == 200 {
                        done += 1;
                    } else {
                        answer.is("ConflictException");
                    }
                }
            });
        }
    });
    let wanted: Vec<i64> = (1..=14).collect();
    assert_eq!(revisions(&mut deal.owner, &engagement, &id), wanted);
    let read = get(&mut deal.owner, &id);
    assert_eq!(
        shown_steps(&mut deal.owner, &engagement, &id),
        read["LifeCycle"]["NextSteps"]
    );
}
