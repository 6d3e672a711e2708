//! What there can be at most, and that a limit met leaves everything as it was.

use super::*;

#[tokio::test]
async fn an_opportunity_has_twenty_jobs_and_a_deleted_one_makes_room() {
    let story = Story::new().await;
    let engagement = story.engagement(ONE).await;
    let id = story.opportunity(ONE).await;
    let mut jobs = Vec::new();
    for _ in 0..20 {
        jobs.push(story.job(ONE, &engagement, &id).await);
    }
    let before = story.everything().await;
    let body = resource(&engagement, &id, SUMMARY);
    let refused = story.refusal(ONE, Op::CreateResourceSnapshotJob, body).await;
    assert_eq!(refused, ErrorKind::ServiceQuotaExceeded);
    assert_eq!(story.everything().await, before);
    let delete = Op::DeleteResourceSnapshotJob;
    story.on_job(ONE, delete, &jobs[7]).await.unwrap();
    story.job(ONE, &engagement, &id).await;
    let other = story.opportunity(ONE).await;
    story.job(ONE, &engagement, &other).await;
}

#[tokio::test]
async fn an_engagement_shares_a_hundred_opportunities() {
    let story = Story::new().await;
    let engagement = story.engagement(ONE).await;
    let mut ids = Vec::new();
    for _ in 0..100 {
        let id = story.opportunity(ONE).await;
        story.snapshot(ONE, &engagement, &id).await.unwrap();
        ids.push(id);
    }
    let one_more = story.opportunity(ONE).await;
    let job = story.job(ONE, &engagement, &one_more).await;
    let lead = story.context(ONE, &engagement, "Lead").await;
    let before = story.everything().await;
    let refused = story.snapshot(ONE, &engagement, &one_more).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::ServiceQuotaExceeded);
    let refused = story.on_job(ONE, Op::StartResourceSnapshotJob, &job).await;
    assert_eq!(refused.unwrap_err().kind, ErrorKind::ServiceQuotaExceeded);
    let task = story.convert(ONE, &engagement, &lead).await;
    assert_eq!(task["ReasonCode"], "ServiceQuotaExceeded");
    assert_eq!(story.everything().await, before);
    // What is shared already goes on being shared, also with those who join.
    let again = story.snapshot(ONE, &engagement, &ids[3]).await.unwrap();
    assert_eq!(again["Revision"], 2);
    story.join(ONE, &engagement, TWO).await;
    let list = Op::ListEngagementResourceAssociations;
    let member = "EngagementResourceAssociationSummaries";
    let rows = story.world.pages(TWO, list, member, json!({}), 40).await;
    assert_eq!(rows.len(), 100);
    story.check_sound().await;
}

/// Partners besides the three.
fn others(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("4000000000{number:02}"))
        .collect()
}

#[tokio::test]
async fn an_engagement_has_ten_members_and_whoever_comes_late_stays_invited() {
    let story = Story::new().await;
    let engagement = story.engagement(ONE).await;
    let mut invitations = Vec::new();
    for account in others(10) {
        story.partner(&account).await;
        let invitation = story.invite(ONE, &engagement, &account).await;
        invitations.push((account, invitation));
    }
    let (late, late_invitation) = invitations.pop().unwrap();
    for (account, invitation) in &invitations {
        story.accept(account, invitation).await.unwrap();
    }
    let before = story.everything().await;
    let refused = story.accept(&late, &late_invitation).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::ServiceQuotaExceeded);
    let task = story.by_accepting(&late, &late_invitation).await;
    assert_eq!(task["ReasonCode"], "ServiceQuotaExceeded");
    let body = invitation(&engagement, TWO);
    let refused = story.refusal(ONE, Op::CreateEngagementInvitation, body).await;
    assert_eq!(refused, ErrorKind::ServiceQuotaExceeded);
    assert_eq!(story.everything().await, before);
    assert_eq!(story.invitation_status(&late, &late_invitation).await, "PENDING");
    assert_eq!(story.members(ONE, &engagement).await.len(), 10);
    let name = json!({"Identifier": engagement});
    let read = story.refusal(&late, Op::GetEngagement, name).await;
    assert_eq!(read, ErrorKind::ResourceNotFound);
}

#[tokio::test]
async fn aws_approves_what_is_in_a_full_engagement_and_stays_invited() {
    let story = Story::new().await;
    let id = story.opportunity(ONE).await;
    let task = story.share_by_task(ONE, &id).await;
    let engagement = text(&task, "EngagementId");
    for account in others(9) {
        story.partner(&account).await;
        story.join(ONE, &engagement, &account).await;
    }
    story.review(ONE, &id, "Approved").await.unwrap();
    assert_eq!(story.review_status(ONE, &id).await, "Approved");
    let of_aws = text(&task, "EngagementInvitationId");
    assert_eq!(story.invitation_status(ONE, &of_aws).await, "PENDING");
    assert_eq!(story.members(ONE, &engagement).await.len(), 10);
    story.check_sound().await;
    let view = resource(&engagement, &id, AWS_VIEW);
    let read = story.refusal(ONE, Op::GetResourceSnapshot, view).await;
    assert_eq!(
        read,
        ErrorKind::ResourceNotFound,
        "AWS writes where it takes part"
    );
}

#[tokio::test]
async fn an_engagement_holds_five_contexts_and_refuses_what_would_need_a_sixth() {
    let story = Story::new().await;
    let engagement = story.engagement(ONE).await;
    for number in 1..=5 {
        let id = story.context(ONE, &engagement, "Lead").await;
        assert_eq!(id, number.to_string());
    }
    let id = story.opportunity(ONE).await;
    let before = story.everything().await;
    let body = context(&engagement, "Lead");
    let refused = story.refusal(ONE, Op::CreateEngagementContext, body).await;
    assert_eq!(refused, ErrorKind::ServiceQuotaExceeded);
    let task = story.convert(ONE, &engagement, "1").await;
    assert_eq!(task["ReasonCode"], "ServiceQuotaExceeded");
    let refused = story.snapshot(ONE, &engagement, &id).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::ServiceQuotaExceeded);
    let body = json!({"Identifiers": [engagement], "TaskName": "full"});
    let task = story.ok(ONE, Op::StartProspectingFromEngagementTask, body).await;
    assert_eq!(task["TaskStatus"], "FAILED");
    assert_eq!(task["ReasonCode"], "ServiceQuotaExceeded");
    assert_eq!(story.everything().await, before);
}
