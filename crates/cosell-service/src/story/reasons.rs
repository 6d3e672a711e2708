//! Why a task fails: each reason that occurs in this server, as a caller brings it about. A failed task is listed, tells the
//! same again to the same token, and has changed nothing.

use super::*;

/// Starts what must fail: the reason.
async fn reason(story: &Story, account: &str, operation: Op, list: Op, mut body: Value) -> String {
    let before = story.everything().await;
    let due = story.world.store.next_job_at().await.unwrap();
    body["ClientToken"] = "to fail".into();
    let failed = story.ok(account, operation, body.clone()).await;
    assert_eq!(failed["TaskStatus"], "FAILED", "{failed}");
    assert_ne!(text(&failed, "Message"), "");
    assert_eq!(story.everything().await, before, "a failed task changes nothing");
    assert_eq!(story.world.store.next_job_at().await.unwrap(), due);
    assert_eq!(story.ok(account, operation, body).await, failed);
    let rows = story
        .world
        .pages(account, list, "TaskSummaries", json!({}), 50)
        .await;
    let row = rows.iter().find(|row| row["TaskId"] == failed["TaskId"]);
    let row = row.expect("a failed task is listed");
    if operation != Op::StartProspectingFromEngagementTask {
        for member in ["TaskStatus", "ReasonCode", "Message"] {
            assert_eq!(row[member], failed[member]);
        }
        for member in ["ResourceSnapshotJobId", "EngagementInvitationId"] {
            let sent = member == "EngagementInvitationId"
                && operation == Op::StartEngagementByAcceptingInvitationTask;
            assert!(sent || failed.get(member).is_none(), "{failed}");
        }
    }
    text(&failed, "ReasonCode")
}

async fn of_opportunity(story: &Story, id: &str, submission: Value, tags: Value) -> String {
    let body = json!({"Identifier": id, "AwsSubmission": submission, "Tags": tags});
    let operation = Op::StartEngagementFromOpportunityTask;
    reason(
        story,
        ONE,
        operation,
        Op::ListEngagementFromOpportunityTasks,
        body,
    )
    .await
}

async fn of_acceptance(story: &Story, account: &str, invitation: &str) -> String {
    let list = Op::ListEngagementByAcceptingInvitationTasks;
    let body = json!({"Identifier": invitation});
    let operation = Op::StartEngagementByAcceptingInvitationTask;
    reason(story, account, operation, list, body).await
}

async fn of_lead(story: &Story, engagement: &str, context: &str) -> String {
    let list = Op::ListOpportunityFromEngagementTasks;
    let body = json!({"Identifier": engagement, "ContextIdentifier": context});
    let operation = Op::StartOpportunityFromEngagementTask;
    reason(story, ONE, operation, list, body).await
}

async fn of_prospecting(story: &Story, engagements: &[&str]) -> String {
    let list = Op::ListProspectingFromEngagementTasks;
    let body = json!({"Identifiers": engagements, "TaskName": "all"});
    reason(story, ONE, Op::StartProspectingFromEngagementTask, list, body).await
}

fn co_sell() -> Value {
    json!({"InvolvementType": "Co-Sell", "Visibility": "Full"})
}

#[tokio::test]
async fn an_opportunity_that_lacks_something_is_opportunity_validation_failed() {
    let story = Story::new().await;
    let mut body = draft();
    body["Project"].as_object_mut().unwrap().remove("Title");
    let id = text(&story.ok(ONE, Op::CreateOpportunity, body).await, "Id");
    assert_eq!(
        of_opportunity(&story, &id, co_sell(), Value::Null).await,
        "OpportunityValidationFailed"
    );
}

#[tokio::test]
async fn an_opportunity_under_way_is_opportunity_conflict() {
    for status in ["Submitted", "In review", "Approved"] {
        let story = Story::new().await;
        let id = story.opportunity(ONE).await;
        story.share_by_task(ONE, &id).await;
        if status != "Submitted" {
            story.review(ONE, &id, status).await.unwrap();
        }
        let found = of_opportunity(&story, &id, co_sell(), Value::Null).await;
        assert_eq!(found, "OpportunityConflict", "{status}");
    }
}

#[tokio::test]
async fn a_submission_that_cannot_be_is_opportunity_submission_failed() {
    const REASON: &str = "OpportunitySubmissionFailed";
    let story = Story::new().await;
    let id = story.opportunity(ONE).await;
    let limited = json!({"InvolvementType": "Co-Sell", "Visibility": "Limited"});
    assert_eq!(of_opportunity(&story, &id, limited, Value::Null).await, REASON);

    let story = Story::new().await;
    let id = story.opportunity(ONE).await;
    story.share_by_task(ONE, &id).await;
    story.review(ONE, &id, "Action Required").await.unwrap();
    let seen = json!({"InvolvementType": "For Visibility Only"});
    assert_eq!(of_opportunity(&story, &id, seen, Value::Null).await, REASON);

    let story = Story::new().await;
    let id = story.opportunity(ONE).await;
    story.share_by_task(ONE, &id).await;
    story.review(ONE, &id, "Rejected").await.unwrap();
    assert_eq!(of_opportunity(&story, &id, co_sell(), Value::Null).await, REASON);

    let story = Story::new().await;
    let id = story.opportunity(ONE).await;
    let orphan = |body: &mut Value| {
        body["LifeCycle"].as_object_mut().unwrap().remove("ReviewStatus");
    };
    story.update(ONE, &id, orphan).await.unwrap();
    assert_eq!(of_opportunity(&story, &id, co_sell(), Value::Null).await, REASON);
}

#[tokio::test]
async fn a_jobs_forbidden_tag_is_resource_snapshot_job_validation_failed() {
    let story = Story::new().await;
    let id = story.opportunity(ONE).await;
    let tags = json!([{"Key": "aws:team", "Value": "north"}]);
    assert_eq!(
        of_opportunity(&story, &id, co_sell(), tags).await,
        "ResourceSnapshotJobValidationFailed"
    );
    let story = Story::new().await;
    let id = story.opportunity(ONE).await;
    let tags = json!([{"Key": "team", "Value": "north"}, {"Key": "team", "Value": "south"}]);
    assert_eq!(
        of_opportunity(&story, &id, co_sell(), tags).await,
        "ResourceSnapshotJobValidationFailed"
    );
}

#[tokio::test]
async fn an_invitation_that_cannot_be_accepted_is_invitation_validation_failed() {
    const REASON: &str = "InvitationValidationFailed";
    let story = Story::new().await;
    let engagement = story.engagement(ONE).await;
    let invitation = story.invite(ONE, &engagement, TWO).await;
    assert_eq!(
        of_acceptance(&story, ONE, &invitation).await,
        REASON,
        "its sender"
    );
    let body = json!({"Identifier": invitation});
    story.ok(TWO, Op::RejectEngagementInvitation, body).await;
    assert_eq!(of_acceptance(&story, TWO, &invitation).await, REASON, "rejected");

    let expired = story.invite(ONE, &engagement, THREE).await;
    // Noted or not.
    story.clock.0.fetch_add(15 * DAY, Ordering::SeqCst);
    assert_eq!(of_acceptance(&story, THREE, &expired).await, REASON, "expired");
    story.pass(DAY).await;
    assert_eq!(
        of_acceptance(&story, THREE, &expired).await,
        REASON,
        "noted as expired"
    );

    let story = Story::new().await;
    let engagement = story.engagement(ONE).await;
    story.context(ONE, &engagement, "Lead").await;
    let body = lead_invitation(&engagement, TWO);
    let made = story.ok(ONE, Op::CreateEngagementInvitation, body).await;
    assert_eq!(
        of_acceptance(&story, TWO, &text(&made, "Id")).await,
        REASON,
        "a lead"
    );
}

#[tokio::test]
async fn an_invitation_that_was_accepted_before_is_engagement_invitation_conflict() {
    let story = Story::new().await;
    let engagement = story.engagement(ONE).await;
    let invitation = story.invite(ONE, &engagement, TWO).await;
    story.by_accepting(TWO, &invitation).await;
    assert_eq!(
        of_acceptance(&story, TWO, &invitation).await,
        "EngagementInvitationConflict"
    );
}

#[tokio::test]
async fn what_is_no_lead_to_convert_has_a_reason_of_its_own() {
    let story = Story::new().await;
    let engagement = story.engagement(ONE).await;
    let project = story.context(ONE, &engagement, "CustomerProject").await;
    let mut body = context(&engagement, "Lead");
    body["Payload"]["Lead"]["QualificationStatus"] = "disqualified".into();
    let made = story.ok(ONE, Op::CreateEngagementContext, body).await;
    let disqualified = text(&made, "ContextId");
    assert_eq!(of_lead(&story, &engagement, "7").await, "ContextNotFound");
    for (context, expected) in [
        (project, "CustomerProjectContextNotPermitted"),
        (disqualified, "DisqualifiedLeadNotPermitted"),
    ] {
        // One token is for one request.
        story.pass(DAY).await;
        assert_eq!(of_lead(&story, &engagement, &context).await, expected);
    }
}

#[tokio::test]
async fn prospecting_where_the_caller_is_no_member_is_engagement_access_denied() {
    let story = Story::new().await;
    let foreign = story.engagement(TWO).await;
    assert_eq!(
        of_prospecting(&story, &[&foreign, "eng-0000000000000z"]).await,
        "EngagementAccessDenied"
    );
}

#[tokio::test]
async fn prospecting_where_no_customer_is_named_is_engagement_validation_failed() {
    let story = Story::new().await;
    let empty = story.engagement(ONE).await;
    assert_eq!(
        of_prospecting(&story, &[&empty]).await,
        "EngagementValidationFailed"
    );
}

#[tokio::test]
async fn one_engagement_that_fails_does_not_fail_a_prospecting_task() {
    let story = Story::new().await;
    let (empty, good) = (story.engagement(ONE).await, story.engagement(ONE).await);
    let foreign = story.engagement(TWO).await;
    story.context(ONE, &good, "Lead").await;
    let body = json!({"Identifiers": [empty, good, foreign], "TaskName": "some"});
    let task = story.ok(ONE, Op::StartProspectingFromEngagementTask, body).await;
    assert_eq!(task["TaskStatus"], "COMPLETED");
    let name = json!({"TaskIdentifier": text(&task, "TaskId")});
    let read = story.ok(ONE, Op::GetProspectingFromEngagementTask, name).await;
    let told = read["Engagements"].as_array().unwrap();
    let reasons: Vec<_> = told.iter().map(|one| one["ReasonCode"].as_str()).collect();
    assert_eq!(
        reasons,
        [
            Some("EngagementValidationFailed"),
            None,
            Some("EngagementAccessDenied")
        ]
    );
}

#[tokio::test]
async fn a_limit_is_service_quota_exceeded() {
    const REASON: &str = "ServiceQuotaExceeded";
    let story = Story::new().await;
    let engagement = story.engagement(ONE).await;
    let id = story.opportunity(ONE).await;
    for _ in 0..20 {
        story.job(ONE, &engagement, &id).await;
    }
    assert_eq!(of_opportunity(&story, &id, co_sell(), Value::Null).await, REASON);
    for _ in 0..5 {
        story.context(ONE, &engagement, "Lead").await;
    }
    assert_eq!(of_lead(&story, &engagement, "1").await, REASON);
    assert_eq!(of_prospecting(&story, &[&engagement]).await, REASON);

    let full = Story::new().await;
    let engagement = full.engagement(ONE).await;
    let invitation = full.invite(ONE, &engagement, TWO).await;
    for number in 0..9 {
        let account = format!("40000000000{number}");
        full.partner(&account).await;
        full.join(ONE, &engagement, &account).await;
    }
    assert_eq!(of_acceptance(&full, TWO, &invitation).await, REASON);
}
