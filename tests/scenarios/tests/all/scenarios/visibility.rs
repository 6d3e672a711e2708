//! Who sees what of a deal that two partners and AWS share: the members what is meant for them, everybody else nothing.

use serde_json::{Value, json};

use crate::harness::deal::review;
use crate::harness::engagement::named;
use crate::harness::flows::{
    AWS, AWS_VIEW, BY_ACCEPTING, VIEW, act_on_job, by_accepting, complete, deal, invite, job_named,
    registered, revisions, rows, shows_nothing, snapshot,
};

const NOT_FOUND: &str = "ResourceNotFoundException";
const GET_INVITATION: &str = "GetEngagementInvitation";

fn by_engagement(id: &Value) -> Value {
    json!({"EngagementIdentifier": id})
}

#[test]
fn what_aws_writes_for_the_owner_is_for_the_owner_alone() {
    let second = "610000000162";
    let mut deal = deal("610000000161", "aws-view");
    let mut two = registered(second);
    let invitation = invite(&mut deal.owner, &deal.engagement, second, "aws-view");
    complete(&by_accepting(&mut two, &invitation, "aws-view"), BY_ACCEPTING);
    review(&mut deal.owner, &deal.opportunity, "Approved");
    let filter = json!({"EngagementIdentifier": deal.engagement, "ResourceIdentifier": deal.opportunity,
        "ResourceSnapshotTemplateIdentifier": AWS_VIEW});
    for row in rows(&mut deal.owner, "ListResourceSnapshots", filter.clone()) {
        assert_eq!(row["CreatedBy"], AWS);
    }
    assert_eq!(
        rows(&mut two, "ListResourceSnapshots", filter),
        Vec::<Value>::new()
    );
    snapshot(&mut two, &deal.engagement, &deal.opportunity, AWS_VIEW, None).is(NOT_FOUND);
    snapshot(&mut two, &deal.engagement, &deal.opportunity, AWS_VIEW, Some(1)).is(NOT_FOUND);
    let by_aws = json!({"EngagementIdentifier": deal.engagement, "CreatedBy": "aws"});
    assert_eq!(
        rows(&mut two, "ListResourceSnapshots", by_aws),
        Vec::<Value>::new()
    );
}

#[test]
fn a_third_account_sees_nothing_of_any_of_it() {
    let second = "610000000172";
    let mut deal = deal("610000000171", "private");
    let mut two = registered(second);
    let mut three = registered("610000000173");
    let engagement = deal.engagement.clone();
    let invitation = invite(&mut deal.owner, &engagement, second, "private");
    complete(&by_accepting(&mut two, &invitation, "private"), BY_ACCEPTING);
    review(&mut deal.owner, &deal.opportunity, "Approved");

    for operation in ["GetEngagement", "ListEngagementMembers"] {
        three.call(operation, &named(&engagement)).is(NOT_FOUND);
    }
    for id in [&invitation, &deal.invitation] {
        three.call(GET_INVITATION, &named(id)).is(NOT_FOUND);
    }
    let mine = json!({"Catalog": "Sandbox", "Identifier": deal.opportunity});
    three.call("GetOpportunity", &mine).is(NOT_FOUND);
    for template in [VIEW, AWS_VIEW] {
        snapshot(&mut three, &engagement, &deal.opportunity, template, None).is(NOT_FOUND);
    }
    for operation in [
        "GetResourceSnapshotJob",
        "StartResourceSnapshotJob",
        "StopResourceSnapshotJob",
    ] {
        // The job is its owner's, not the engagement's.
        for caller in [&mut two, &mut three] {
            caller.call(operation, &job_named(&deal.job)).is(NOT_FOUND);
        }
    }
    for operation in [
        "ListResourceSnapshots",
        "ListEngagementResourceAssociations",
        "ListResourceSnapshotJobs",
    ] {
        shows_nothing(&mut three, operation, by_engagement(&engagement));
    }
    for operation in [
        "ListEngagements",
        "ListOpportunities",
        "ListEngagementResourceAssociations",
        "ListResourceSnapshotJobs",
        "ListEngagementFromOpportunityTasks",
        "ListEngagementByAcceptingInvitationTasks",
        "ListOpportunityFromEngagementTasks",
        "ListProspectingFromEngagementTasks",
    ] {
        assert_eq!(
            rows(&mut three, operation, json!({})),
            Vec::<Value>::new(),
            "{operation}"
        );
    }
    for side in ["SENDER", "RECEIVER"] {
        let found = rows(
            &mut three,
            "ListEngagementInvitations",
            json!({"ParticipantType": side}),
        );
        assert_eq!(found, Vec::<Value>::new());
    }
    // Nothing that was tried has changed anything.
    act_on_job(&mut deal.owner, "StartResourceSnapshotJob", &deal.job);
    assert_eq!(revisions(&mut deal.owner, &engagement, &deal.opportunity), [1, 2]);
}
