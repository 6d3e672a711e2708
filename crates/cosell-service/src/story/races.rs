//! Who wins where two change the same thing at once. One is made to overtake the other between its reading and
//! its writing.

use cosell_model::{ErrorKind, Operation as Op};
use serde_json::{Value, json};

use super::*;

/// ONE shares an opportunity through a task; its job is stopped where `runs` is false.
pub(super) async fn shared(story: &Story, runs: bool) -> (String, String, String) {
    let id = story.opportunity(ONE).await;
    let task = story.share_by_task(ONE, &id).await;
    let job = text(&task, "ResourceSnapshotJobId");
    if !runs {
        story
            .on_job(ONE, Op::StopResourceSnapshotJob, &job)
            .await
            .unwrap();
    }
    (id, text(&task, "EngagementId"), job)
}

pub(super) async fn revision(story: &Story, account: &str, engagement: &str, id: &str) -> Value {
    let body = resource(engagement, id, SUMMARY);
    story.ok(account, Op::GetResourceSnapshot, body).await["Revision"].clone()
}

/// AWS approves it, so that its next steps may be edited again.
pub(super) async fn editable(story: &Story, id: &str) {
    story.review(ONE, id, "Approved").await.unwrap();
    assert_eq!(story.review_status(ONE, id).await, "Approved");
}

#[tokio::test]
async fn an_update_that_the_start_of_the_job_overtakes_is_shared_by_that_job() {
    let story = Story::new().await;
    let (id, engagement, job) = shared(&story, false).await;
    editable(&story, &id).await;
    let (updated, started) = story
        .gate
        .overtaken(
            story.update(ONE, &id, next_steps("Bake")),
            story.on_job(ONE, Op::StartResourceSnapshotJob, &job),
        )
        .await;
    updated.unwrap();
    started.unwrap();
    story.check_sound().await;
    assert_eq!(revision(&story, ONE, &engagement, &id).await, 3);
}

#[tokio::test]
async fn a_start_of_the_job_that_an_update_overtakes_shares_the_update() {
    let story = Story::new().await;
    let (id, engagement, job) = shared(&story, false).await;
    editable(&story, &id).await;
    let (started, updated) = story
        .gate
        .overtaken(
            story.on_job(ONE, Op::StartResourceSnapshotJob, &job),
            story.update(ONE, &id, next_steps("Bake")),
        )
        .await;
    updated.unwrap();
    started.unwrap();
    story.check_sound().await;
    assert_eq!(revision(&story, ONE, &engagement, &id).await, 2);
}

#[tokio::test]
async fn an_update_that_a_stop_of_the_job_overtakes_is_not_shared() {
    let story = Story::new().await;
    let (id, engagement, job) = shared(&story, true).await;
    editable(&story, &id).await;
    let before = revision(&story, ONE, &engagement, &id).await;
    let (updated, stopped) = story
        .gate
        .overtaken(
            story.update(ONE, &id, next_steps("Bake")),
            story.on_job(ONE, Op::StopResourceSnapshotJob, &job),
        )
        .await;
    updated.unwrap();
    stopped.unwrap();
    assert_eq!(revision(&story, ONE, &engagement, &id).await, before);
    story.check_sound().await;
}

#[tokio::test]
async fn a_member_that_joins_while_something_is_shared_sees_it() {
    for joins_first in [true, false] {
        let story = Story::new().await;
        let engagement = story.engagement(ONE).await;
        // With a project told already, sharing leaves the engagement itself as it is.
        story.context(ONE, &engagement, "CustomerProject").await;
        let id = story.opportunity(ONE).await;
        let invitation = story.invite(ONE, &engagement, TWO).await;
        let (accept, share) = (
            story.accept(TWO, &invitation),
            story.snapshot(ONE, &engagement, &id),
        );
        let (accepted, shared) = match joins_first {
            true => {
                let (shared, accepted) = story.gate.overtaken(share, accept).await;
                (accepted, shared)
            }
            false => story.gate.overtaken(accept, share).await,
        };
        accepted.unwrap();
        shared.unwrap();
        story.check_sound().await;
        let body = json!({"EngagementIdentifier": engagement});
        let list = Op::ListEngagementResourceAssociations;
        let seen = story.ok(TWO, list, body).await;
        let rows = seen["EngagementResourceAssociationSummaries"].as_array().unwrap();
        assert_eq!(rows.len(), 1, "joins first: {joins_first}");
    }
}

#[tokio::test]
async fn a_copy_that_is_opened_while_its_original_is_reviewed_stands_where_the_original_does() {
    for status in ["Approved", "Rejected", "Action Required"] {
        for case in 0..8 {
            let [runs, joined_before, accepts_first] = [1, 2, 4].map(|bit| case & bit != 0);
            let story = Story::new().await;
            let (id, engagement, _) = shared(&story, runs).await;
            let invitation = story.invite(ONE, &engagement, TWO).await;
            if joined_before {
                story.accept(TWO, &invitation).await.unwrap();
            }
            let (accept, review) = (
                story.by_accepting(TWO, &invitation),
                story.review(ONE, &id, status),
            );
            let (accepted, reviewed) = match accepts_first {
                true => {
                    let (reviewed, accepted) = story.gate.overtaken(review, accept).await;
                    (accepted, reviewed)
                }
                false => story.gate.overtaken(accept, review).await,
            };
            reviewed.unwrap();
            assert_eq!(accepted["TaskStatus"], "COMPLETE", "{accepted}");
            story.check_sound().await;
        }
    }
}

#[tokio::test]
async fn an_acceptance_and_the_approval_that_lets_aws_join_both_count() {
    for accepts_first in [true, false] {
        let story = Story::new().await;
        let (id, engagement, _) = shared(&story, true).await;
        let invitation = story.invite(ONE, &engagement, TWO).await;
        let (accept, review) = (story.accept(TWO, &invitation), story.review(ONE, &id, "Approved"));
        let (accepted, reviewed) = match accepts_first {
            true => {
                let (reviewed, accepted) = story.gate.overtaken(review, accept).await;
                (accepted, reviewed)
            }
            false => story.gate.overtaken(accept, review).await,
        };
        accepted.unwrap();
        reviewed.unwrap();
        let mut members = story.members(TWO, &engagement).await;
        members.sort();
        assert_eq!(members, [ONE, TWO, AWS]);
        story.check_sound().await;
    }
}

#[tokio::test]
async fn of_two_acceptances_by_task_at_once_exactly_one_opens_an_opportunity() {
    let story = Story::new().await;
    let (_, engagement, _) = shared(&story, true).await;
    let invitation = story.invite(ONE, &engagement, TWO).await;
    let (slow, fast) = story
        .gate
        .overtaken(
            story.by_accepting(TWO, &invitation),
            story.by_accepting(TWO, &invitation),
        )
        .await;
    assert_eq!(fast["TaskStatus"], "COMPLETE");
    assert_eq!(slow["TaskStatus"], "FAILED");
    assert_eq!(slow["ReasonCode"], "EngagementInvitationConflict");
    let list = story.ok(TWO, Op::ListOpportunities, json!({})).await;
    assert_eq!(list["OpportunitySummaries"].as_array().unwrap().len(), 1);
    story.check_sound().await;
}

#[tokio::test]
async fn a_task_that_a_plain_acceptance_overtakes_still_opens_the_opportunity() {
    let story = Story::new().await;
    let (_, engagement, _) = shared(&story, true).await;
    let invitation = story.invite(ONE, &engagement, TWO).await;
    let (task, plain) = story
        .gate
        .overtaken(
            story.by_accepting(TWO, &invitation),
            story.accept(TWO, &invitation),
        )
        .await;
    plain.unwrap();
    assert_eq!(task["TaskStatus"], "COMPLETE");
    story.check_sound().await;
}

#[tokio::test]
async fn of_two_tasks_for_one_opportunity_at_once_one_submits_it_and_the_other_fails() {
    let story = Story::new().await;
    let id = story.opportunity(ONE).await;
    let (slow, fast) = story
        .gate
        .overtaken(story.share_by_task(ONE, &id), story.share_by_task(ONE, &id))
        .await;
    assert_eq!(fast["TaskStatus"], "COMPLETE");
    assert_eq!(slow["TaskStatus"], "FAILED");
    assert_eq!(slow["ReasonCode"], "OpportunityConflict");
    let rooms = story.ok(ONE, Op::ListEngagements, json!({})).await;
    assert_eq!(rooms["EngagementSummaryList"].as_array().unwrap().len(), 1);
    let jobs = story.ok(ONE, Op::ListResourceSnapshotJobs, json!({})).await;
    assert_eq!(jobs["ResourceSnapshotJobSummaries"].as_array().unwrap().len(), 1);
    story.check_sound().await;
}

#[tokio::test]
async fn a_task_that_an_invitation_of_aws_overtakes_sends_no_second_one() {
    let story = Story::new().await;
    let engagement = story.engagement(ONE).await;
    let id = story.opportunity(ONE).await;
    story.snapshot(ONE, &engagement, &id).await.unwrap();
    let (task, sent) = story
        .gate
        .overtaken(
            story.share_by_task(ONE, &id),
            story.invite(ONE, &engagement, "aws"),
        )
        .await;
    assert_eq!(task["TaskStatus"], "COMPLETE");
    assert_eq!(task["EngagementInvitationId"], *sent);
    assert_eq!(task["EngagementId"], *engagement);
    story.check_sound().await;
}

#[tokio::test]
async fn a_deletion_of_a_job_that_its_start_overtakes_is_refused() {
    let story = Story::new().await;
    let (_, _, job) = shared(&story, false).await;
    let (deleted, started) = story
        .gate
        .overtaken(
            story.on_job(ONE, Op::DeleteResourceSnapshotJob, &job),
            story.on_job(ONE, Op::StartResourceSnapshotJob, &job),
        )
        .await;
    started.unwrap();
    assert_eq!(deleted.unwrap_err().kind, ErrorKind::Conflict);
    story.check_sound().await;
}

#[tokio::test]
async fn of_two_requests_with_one_token_at_once_one_has_an_effect_and_both_hear_of_it() {
    for case in 0..7 {
        let story = Story::new().await;
        let id = story.opportunity(ONE).await;
        let engagement = story.engagement(ONE).await;
        let lead = story.engagement(ONE).await;
        story.context(ONE, &lead, "Lead").await;
        let sent = story.invite(ONE, &engagement, TWO).await;
        let submission = json!({"InvolvementType": "Co-Sell"});
        let (account, operation, mut body) = match case {
            0 => (
                ONE,
                Op::StartEngagementFromOpportunityTask,
                json!({"Identifier": id, "AwsSubmission": submission}),
            ),
            1 => (
                TWO,
                Op::StartEngagementByAcceptingInvitationTask,
                json!({"Identifier": sent}),
            ),
            2 => (
                ONE,
                Op::StartOpportunityFromEngagementTask,
                json!({"Identifier": lead, "ContextIdentifier": "1"}),
            ),
            3 => (
                ONE,
                Op::CreateResourceSnapshot,
                resource(&engagement, &id, SUMMARY),
            ),
            4 => (
                ONE,
                Op::CreateResourceSnapshotJob,
                resource(&engagement, &id, SUMMARY),
            ),
            5 => (
                ONE,
                Op::CreateEngagementInvitation,
                invitation(&engagement, THREE),
            ),
            _ => (ONE, Op::CreateOpportunity, referral()),
        };
        body["ClientToken"] = "both".into();
        let fast = async {
            let answer = story.ok(account, operation, body.clone()).await;
            (answer, story.everything().await)
        };
        let slow = story.ok(account, operation, body.clone());
        let (slow, (fast, after)) = story.gate.overtaken(slow, fast).await;
        assert_eq!(slow, fast, "{operation:?}");
        assert_eq!(story.everything().await, after, "{operation:?}");
        story.check_sound().await;
    }
}

#[tokio::test]
async fn of_two_that_accept_into_the_last_place_one_joins_and_the_other_stays_invited() {
    let story = Story::new().await;
    let engagement = story.engagement(ONE).await;
    let two = story.invite(ONE, &engagement, TWO).await;
    let three = story.invite(ONE, &engagement, THREE).await;
    for number in 0..8 {
        let account = format!("40000000000{number}");
        story.partner(&account).await;
        story.join(ONE, &engagement, &account).await;
    }
    let (slow, fast) = story
        .gate
        .overtaken(story.accept(TWO, &two), story.accept(THREE, &three))
        .await;
    fast.unwrap();
    assert_eq!(slow.unwrap_err().kind, ErrorKind::ServiceQuotaExceeded);
    assert_eq!(story.members(ONE, &engagement).await.len(), 10);
    assert_eq!(story.invitation_status(TWO, &two).await, "PENDING");
    story.check_sound().await;
}

#[tokio::test]
async fn a_task_that_loses_again_and_again_is_refused_and_not_started() {
    for (conflicts, wins) in [(7, true), (8, false)] {
        let story = Story::new().await;
        let id = story.opportunity(ONE).await;
        let before = story.everything().await;
        story.gate.conflicts.store(conflicts, Ordering::SeqCst);
        let body = json!({"Identifier": id, "AwsSubmission": {"InvolvementType": "Co-Sell"}});
        let answer = story
            .call(ONE, Op::StartEngagementFromOpportunityTask, body)
            .await;
        let list = Op::ListEngagementFromOpportunityTasks;
        let tasks = story.ok(ONE, list, json!({})).await;
        let tasks = tasks["TaskSummaries"].as_array().unwrap().len();
        if wins {
            assert_eq!(answer.unwrap()["TaskStatus"], "COMPLETE");
            assert_eq!(tasks, 1);
        } else {
            assert_eq!(answer.unwrap_err().kind, ErrorKind::Conflict);
            assert_eq!(tasks, 0);
            assert_eq!(story.everything().await, before);
        }
    }
}
