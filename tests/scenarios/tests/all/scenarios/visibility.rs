//! Who sees what of a deal that two partners and AWS share: the members what is meant for them, everybody else nothing.

use serde_json::{Value, json};

use crate::harness::Caller;
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
fn what_aws_writes_of_a_deal_is_for_its_owner_alone() {
    let second = "610000000162";
    let mut deal = deal("610000000161", "aws-view");
    let mut two = registered(second);
    let invitation = invite(&mut deal.owner, &deal.engagement, second, "aws-view");
    let joined = complete(&by_accepting(&mut two, &invitation, "aws-view"), BY_ACCEPTING);
    let copied = joined["OpportunityId"].as_str().unwrap();
    let (engagement, id) = (deal.engagement.clone(), deal.opportunity.clone());
    let one = &mut deal.owner;
    for id in [id.as_str(), copied] {
        let early = snapshot(one, &engagement, id, AWS_VIEW, None);
        early.is(NOT_FOUND);
    }
    review(one, &id, "Approved");

    let by_aws = json!({"EngagementIdentifier": engagement, "CreatedBy": "aws"});
    let sees = |caller: &mut Caller| rows(caller, "ListResourceSnapshots", by_aws.clone());
    for (caller, own, foreign) in [(&mut *one, id.as_str(), copied), (&mut two, copied, &id)] {
        let listed = sees(caller);
        assert!(!listed.is_empty(), "AWS is a member and writes its view");
        for row in &listed {
            assert_eq!(
                [
                    &row["ResourceId"],
                    &row["ResourceSnapshotTemplateName"],
                    &row["CreatedBy"]
                ],
                [own, AWS_VIEW, AWS]
            );
        }
        let shown = snapshot(caller, &engagement, own, AWS_VIEW, None).ok();
        let view = &shown["Payload"]["AwsOpportunitySummaryFullView"];
        let mut summary = caller
            .call(
                "GetAwsOpportunitySummary",
                &json!({"Catalog": "Sandbox", "RelatedOpportunityIdentifier": own}),
            )
            .ok();
        summary.as_object_mut().unwrap().remove("Catalog");
        assert_eq!(*view, summary, "it says what AWS says to the owner");
        for revision in [None, Some(1)] {
            snapshot(caller, &engagement, foreign, AWS_VIEW, revision).is(NOT_FOUND);
        }
    }
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
