//! Who hears what: for every action of partners and AWS the exact events of every account, in their order.

mod realistic;
mod sound;

use std::collections::{BTreeMap, BTreeSet};

use cosell_domain::Catalog;
use cosell_domain::event::DetailType;
use cosell_domain::opportunity::aws_side::change::{Edit, Patch};
use cosell_domain::review::{Explanation, Verdict};
use cosell_store::StoredEvent;

use super::clock::{everything, operator};
use super::*;
use crate::operator::offers::{Answer, Receiver};

const UPDATED: &str = "Opportunity Updated";
const CREATED: &str = "Opportunity Created";
const VIEW: &str = "Engagement Resource Snapshot Created OpportunitySummaryView";
const AWS_WRITES: &str = "Engagement Resource Snapshot Created AwsOpportunitySummaryFullView";
const ROOM: &str = "Engagement Created";
const CONTEXTS: &str = "Engagement Updated";
const MEMBER: &str = "Engagement Member Added";
const SENT: &str = "Engagement Invitation Created SENDER";
const GOT: &str = "Engagement Invitation Created RECEIVER";
const ACCEPTED_OWN: &str = "Engagement Invitation Accepted SENDER";
const ACCEPTED: &str = "Engagement Invitation Accepted RECEIVER";
const REJECTED_OWN: &str = "Engagement Invitation Rejected SENDER";
const REJECTED: &str = "Engagement Invitation Rejected RECEIVER";
const EXPIRED_OWN: &str = "Engagement Invitation Expired SENDER";
const EXPIRED: &str = "Engagement Invitation Expired RECEIVER";

/// Hears everything that happens from its making on.
struct Ear {
    seen: u64,
}

impl Ear {
    async fn new<C: Clock + 'static>(story: &Story<C>) -> Self {
        let mut ear = Self { seen: 0 };
        ear.events(story).await;
        ear
    }

    /// The events since the last look, each of which has the form that all events have.
    async fn events<C: Clock + 'static>(&mut self, story: &Story<C>) -> Vec<StoredEvent> {
        let mut found = Vec::new();
        loop {
            let page = story.world.store.events_after(self.seen, 100).await.unwrap();
            let Some(last) = page.last() else { break };
            self.seen = last.seq;
            found.extend(page);
        }
        for one in &found {
            check_form(one);
        }
        found
    }

    /// What each account heard since the last look: what is said of the type, and whose side or view it is.
    async fn heard<C: Clock + 'static>(&mut self, story: &Story<C>) -> BTreeMap<String, Vec<String>> {
        let mut heard = BTreeMap::<String, Vec<String>>::new();
        for one in self.events(story).await {
            let body: Value = serde_json::from_slice(&one.event.body).unwrap();
            let detail = &body["detail"];
            let side = detail["engagementInvitation"]["participantType"].as_str();
            let view = detail["resourceSnapshot"]["resourceSnapshotTemplateName"].as_str();
            let words = [Some(one.event.detail_type.as_str()), side, view];
            let words: Vec<&str> = words.into_iter().flatten().collect();
            heard
                .entry(one.event.account.clone())
                .or_default()
                .push(words.join(" "));
        }
        heard
    }

    #[track_caller]
    fn equal(heard: &BTreeMap<String, Vec<String>>, expected: &[(&str, &[&str])]) {
        let expected = expected.iter().map(|(account, events)| {
            let events = events.iter().map(|event| (*event).to_owned());
            ((*account).to_owned(), events.collect::<Vec<_>>())
        });
        assert_eq!(*heard, expected.collect::<BTreeMap<_, _>>());
    }
}

/// Exactly this was heard since the last look, in this order, and nothing by anybody else.
macro_rules! heard {
    ($ear:ident, $story:expr, $($account:expr => $events:expr),* $(,)?) => {{
        let heard = $ear.heard(&$story).await;
        Ear::equal(&heard, &[$(($account, $events as &[&str])),*]);
    }};
}

fn check_form(stored: &StoredEvent) {
    let event = &stored.event;
    let text = std::str::from_utf8(&event.body).unwrap();
    let body: Value = serde_json::from_str(text).unwrap();
    let expected = json!({
        "version": "0", "id": event.id, "detail-type": event.detail_type,
        "source": "aws.partnercentral-selling", "account": event.account,
        "time": format!("{}Z", &event.time.to_string()[..19]), "region": REGION,
        "resources": body["resources"], "detail": body["detail"],
    });
    assert_eq!(body, expected, "{text}");
    assert!(event.account.len() == 12 && event.account != AWS, "{text}");
    assert_eq!(event.catalog, "Sandbox");
    assert_eq!(body["detail"]["catalog"], "Sandbox");
    assert!(
        text.starts_with(r#"{"version":"0","id":""#),
        "members are in the recorded order"
    );
    let about = match event.detail_type.as_str() {
        CREATED | UPDATED => json!([]),
        one if one.starts_with("Engagement Invitation") => {
            json!([body["detail"]["engagementInvitation"]["arn"]])
        }
        _ => {
            let detail = &body["detail"];
            let ids = [
                &detail["engagement"]["id"],
                &detail["engagement"]["engagementId"],
                &detail["resourceSnapshot"]["engagementId"],
            ];
            let id = ids.into_iter().find_map(Value::as_str).unwrap();
            json!([cosell_domain::arn::engagement(REGION, Catalog::Sandbox, id)])
        }
    };
    assert_eq!(body["resources"], about, "{text}");
}

async fn associate(story: &Story, account: &str, id: &str, kind: &str, entity: &str) {
    let body = json!({"OpportunityIdentifier": id, "RelatedEntityType": kind,
        "RelatedEntityIdentifier": entity});
    story.ok(account, Op::AssociateOpportunity, body).await;
}

/// A deal that was submitted by the task, and its engagement.
async fn submitted(story: &Story) -> (String, String) {
    let id = story.opportunity(ONE).await;
    let task = story.share_by_task(ONE, &id).await;
    (id, text(&task, "EngagementId"))
}

#[tokio::test]
async fn the_owner_of_a_draft_alone_hears_of_it() {
    let story = Story::new().await;
    let mut ear = Ear::new(&story).await;
    let id = story.opportunity(ONE).await;
    heard!(ear, story, ONE => &[CREATED]);
    story.update(ONE, &id, next_steps("Call again")).await.unwrap();
    heard!(ear, story, ONE => &[UPDATED]);
    associate(&story, ONE, &id, "AwsProducts", "AmazonEC2Linux").await;
    heard!(ear, story, ONE => &[UPDATED]);
    let body = json!({"OpportunityIdentifier": id, "RelatedEntityType": "AwsProducts",
        "RelatedEntityIdentifier": "AmazonEC2Linux"});
    story.ok(ONE, Op::DisassociateOpportunity, body).await;
    heard!(ear, story, ONE => &[UPDATED]);
    let assignee = json!({"Email": format!("lead@{ONE}.example.com"), "FirstName": "Ada", "LastName": "Lead",
        "BusinessTitle": "OpportunityOwner"});
    let body = json!({"Identifier": id, "Assignee": assignee});
    story.ok(ONE, Op::AssignOpportunity, body).await;
    heard!(ear, story, ONE => &[UPDATED]);
    let body = json!({"Identifier": id, "InvolvementType": "Co-Sell"});
    story.ok(ONE, Op::SubmitOpportunity, body).await;
    heard!(ear, story, ONE => &[UPDATED]);
}

#[tokio::test]
async fn what_changes_nothing_and_what_is_only_about_the_server_is_not_heard() {
    let story = Story::new().await;
    let (id, engagement) = submitted(&story).await;
    let mut body = draft();
    body["ClientToken"] = "same".into();
    story.ok(ONE, Op::CreateOpportunity, body.clone()).await;
    let mut ear = Ear::new(&story).await;
    story.ok(ONE, Op::CreateOpportunity, body).await;
    heard!(ear, story,);
    // In review, nothing may be edited.
    story.update(ONE, &id, next_steps("Call")).await.unwrap_err();
    let arn = story.read(ONE, &id).await["Arn"].clone();
    let tags = json!({"ResourceArn": arn, "Tags": [{"Key": "a", "Value": "b"}]});
    story.world.call(ONE, Op::TagResource, tags).await.unwrap();
    let tags = json!({"ResourceArn": arn, "TagKeys": ["a"]});
    story.world.call(ONE, Op::UntagResource, tags).await.unwrap();
    let role = json!({"ResourceSnapshotJobRoleIdentifier": "role"});
    story.ok(ONE, Op::PutSellingSystemSettings, role).await;
    let job = story.job(ONE, &engagement, &id).await;
    story
        .on_job(ONE, Op::DeleteResourceSnapshotJob, &job)
        .await
        .unwrap();
    heard!(ear, story,);
}

#[tokio::test]
async fn submitting_by_the_task_is_heard_as_documented() {
    let story = Story::new().await;
    let id = story.opportunity(ONE).await;
    let mut ear = Ear::new(&story).await;
    story.share_by_task(ONE, &id).await;
    heard!(ear, story, ONE => &[UPDATED, ROOM, VIEW, MEMBER, SENT]);
}

#[tokio::test]
async fn an_approval_is_heard_by_the_owner_and_by_the_other_members() {
    let story = Story::new().await;
    let (id, engagement) = submitted(&story).await;
    story.join(ONE, &engagement, TWO).await;
    let mut ear = Ear::new(&story).await;
    story.review(ONE, &id, "Approved").await.unwrap();
    heard!(ear, story,
        ONE => &[ACCEPTED_OWN, MEMBER, UPDATED, VIEW, AWS_WRITES],
        TWO => &[MEMBER, VIEW]);
}

#[tokio::test]
async fn a_rejection_and_a_request_for_action_are_heard_by_the_owner() {
    let story = Story::new().await;
    let (id, _) = submitted(&story).await;
    let mut ear = Ear::new(&story).await;
    let desk = &story.world.service;
    let why = Explanation {
        reason: "Missing".into(),
        comments: None,
    };
    let by = operator();
    let act = |verdict| desk.review(&by, Catalog::Sandbox, &id, verdict);
    act(Verdict::Take).await.unwrap();
    heard!(ear, story, ONE => &[UPDATED, VIEW]);
    act(Verdict::AskForAction(why.clone())).await.unwrap();
    heard!(ear, story, ONE => &[UPDATED, VIEW]);
    let body = json!({"Identifier": id, "InvolvementType": "Co-Sell"});
    story.ok(ONE, Op::SubmitOpportunity, body).await;
    heard!(ear, story, ONE => &[UPDATED, VIEW]);
    act(Verdict::Reject(why)).await.unwrap();
    heard!(ear, story, ONE => &[REJECTED_OWN, UPDATED, VIEW]);
}

#[tokio::test]
async fn an_association_is_shown_to_the_members_and_an_offer_is_not() {
    let story = Story::new().await;
    let (id, engagement) = submitted(&story).await;
    story.join(ONE, &engagement, TWO).await;
    story.review(ONE, &id, "Approved").await.unwrap();
    let mut ear = Ear::new(&story).await;
    associate(&story, ONE, &id, "AwsProducts", "AmazonEC2Linux").await;
    heard!(ear, story, ONE => &[UPDATED, VIEW, AWS_WRITES], TWO => &[VIEW]);
    let offer = "arn:aws:aws-marketplace:us-east-1:111122223333:AWSMarketplace/Offer/offer-abc123";
    associate(&story, ONE, &id, "AwsMarketplaceOffers", offer).await;
    heard!(ear, story, ONE => &[UPDATED]);
    story.update(ONE, &id, next_steps("Sign")).await.unwrap();
    heard!(ear, story, ONE => &[UPDATED, VIEW], TWO => &[VIEW]);
    // Without a job nobody is shown anything.
    let jobs = story.ok(ONE, Op::ListResourceSnapshotJobs, json!({})).await;
    let job = text(&jobs["ResourceSnapshotJobSummaries"][0], "Id");
    story
        .on_job(ONE, Op::StopResourceSnapshotJob, &job)
        .await
        .unwrap();
    heard!(ear, story,);
    story.update(ONE, &id, next_steps("Sign soon")).await.unwrap();
    heard!(ear, story, ONE => &[UPDATED]);
    story
        .on_job(ONE, Op::StartResourceSnapshotJob, &job)
        .await
        .unwrap();
    heard!(ear, story, ONE => &[VIEW], TWO => &[VIEW]);
    story.snapshot(ONE, &engagement, &id).await.unwrap();
    heard!(ear, story, ONE => &[VIEW], TWO => &[VIEW]);
}

#[tokio::test]
async fn what_aws_writes_on_its_side_is_heard_by_the_owner_alone() {
    let story = Story::new().await;
    let (id, engagement) = submitted(&story).await;
    story.join(ONE, &engagement, TWO).await;
    story.review(ONE, &id, "Approved").await.unwrap();
    let mut ear = Ear::new(&story).await;
    let change = Edit {
        next_steps: Patch::Set("Meet".into()),
        ..Edit::default()
    };
    let desk = &story.world.service;
    for _ in 0..2 {
        let by = operator();
        desk.edit_aws_side(&by, Catalog::Sandbox, &id, &change)
            .await
            .unwrap();
    }
    heard!(ear, story, ONE => &[UPDATED, AWS_WRITES]);
}

#[tokio::test]
async fn both_sides_hear_of_an_invitation_and_of_its_end() {
    let story = Story::new().await;
    let mut ear = Ear::new(&story).await;
    let engagement = story.engagement(ONE).await;
    heard!(ear, story, ONE => &[ROOM]);
    let rejected = story.invite(ONE, &engagement, TWO).await;
    heard!(ear, story, ONE => &[SENT], TWO => &[GOT]);
    let body = json!({"Identifier": rejected, "RejectionReason": "Other"});
    story.ok(TWO, Op::RejectEngagementInvitation, body).await;
    heard!(ear, story, ONE => &[REJECTED_OWN], TWO => &[REJECTED]);
    story.invite(ONE, &engagement, TWO).await;
    ear.events(&story).await;
    story.pass(15 * DAY - 1).await;
    heard!(ear, story,);
    story.pass(1).await;
    heard!(ear, story, ONE => &[EXPIRED_OWN], TWO => &[EXPIRED]);
    let accepted = story.invite(ONE, &engagement, TWO).await;
    ear.events(&story).await;
    story.accept(TWO, &accepted).await.unwrap();
    heard!(ear, story, ONE => &[ACCEPTED_OWN, MEMBER], TWO => &[ACCEPTED, MEMBER]);
    story.accept(TWO, &accepted).await.unwrap_err();
    heard!(ear, story,);
    story.join(ONE, &engagement, THREE).await;
    heard!(ear, story,
        ONE => &[SENT, ACCEPTED_OWN, MEMBER], TWO => &[MEMBER], THREE => &[GOT, ACCEPTED, MEMBER]);
    story.context(TWO, &engagement, "CustomerProject").await;
    heard!(ear, story, ONE => &[CONTEXTS], TWO => &[CONTEXTS], THREE => &[CONTEXTS]);
}

#[tokio::test]
async fn accepting_by_the_task_is_heard_as_documented_and_the_copy_is_told_like_any_deal_after_that() {
    let story = Story::new().await;
    let (id, engagement) = submitted(&story).await;
    let invitation = story.invite(ONE, &engagement, TWO).await;
    let mut ear = Ear::new(&story).await;
    let task = story.by_accepting(TWO, &invitation).await;
    heard!(ear, story,
        ONE => &[ACCEPTED_OWN, MEMBER],
        TWO => &[ACCEPTED, MEMBER, CREATED, UPDATED, VIEW]);
    let copy = text(&task, "OpportunityId");
    // The copy follows, and the sender is shown that.
    story.review(ONE, &id, "Approved").await.unwrap();
    heard!(ear, story,
        ONE => &[ACCEPTED_OWN, MEMBER, UPDATED, VIEW, AWS_WRITES, VIEW],
        TWO => &[MEMBER, UPDATED, VIEW, VIEW, AWS_WRITES]);
    story.update(TWO, &copy, next_steps("Help")).await.unwrap();
    heard!(ear, story, ONE => &[VIEW], TWO => &[UPDATED, VIEW]);
}

#[tokio::test]
async fn a_referral_is_heard_as_an_invitation_and_as_an_opportunity_once_it_is_accepted() {
    let story = Story::new().await;
    let mut ear = Ear::new(&story).await;
    story.ok(ONE, Op::CreateOpportunity, referral()).await;
    heard!(ear, story, ONE => &[GOT]);
    let body = json!({"ParticipantType": "RECEIVER"});
    let list = story.ok(ONE, Op::ListEngagementInvitations, body).await;
    let invitation = text(&list["EngagementInvitationSummaries"][0], "Id");
    story.by_accepting(ONE, &invitation).await;
    heard!(ear, story, ONE => &[ACCEPTED, MEMBER, CREATED, UPDATED, VIEW, AWS_WRITES]);
}

#[tokio::test]
async fn what_aws_offers_to_several_partners_is_heard_by_each_of_them_alone() {
    let story = Story::new().await;
    let mut ear = Ear::new(&story).await;
    let receivers = [ONE, TWO].map(|account| Receiver {
        account: account.to_owned(),
        alias: None,
    });
    let deal = serde_json::from_value({
        let mut body = referral();
        body["Catalog"] = "Sandbox".into();
        body["ClientToken"] = "t".into();
        body
    })
    .unwrap();
    let desk = &story.world.service;
    let by = operator();
    let terms = Default::default();
    let offered = desk.refer(&by, Catalog::Sandbox, &deal, &terms, &receivers);
    let offered = offered.await.unwrap();
    heard!(ear, story, ONE => &[GOT], TWO => &[GOT]);
    let id = &offered[1].invitation_id;
    desk.withdraw_invitation(&by, Catalog::Sandbox, id).await.unwrap();
    heard!(ear, story, TWO => &[EXPIRED]);
    story.pass(15 * DAY).await;
    heard!(ear, story, ONE => &[EXPIRED]);
}

#[tokio::test]
async fn a_lead_that_becomes_an_opportunity_is_heard_by_the_members_of_its_engagement() {
    let story = Story::new().await;
    let engagement = story.engagement(ONE).await;
    let context = story.context(ONE, &engagement, "Lead").await;
    let mut ear = Ear::new(&story).await;
    let invitation = lead_invitation(&engagement, TWO);
    let invited = story.ok(ONE, Op::CreateEngagementInvitation, invitation).await;
    heard!(ear, story, ONE => &[SENT], TWO => &[GOT]);
    story.accept(TWO, &text(&invited, "Id")).await.unwrap();
    heard!(ear, story, ONE => &[ACCEPTED_OWN, MEMBER], TWO => &[ACCEPTED, MEMBER]);
    story.convert(TWO, &engagement, &context).await;
    heard!(ear, story, ONE => &[CONTEXTS, VIEW], TWO => &[CREATED, CONTEXTS, VIEW]);
    let body = json!({"Identifiers": [engagement], "TaskName": "all"});
    story.ok(ONE, Op::StartProspectingFromEngagementTask, body).await;
    heard!(ear, story, ONE => &[CONTEXTS], TWO => &[CONTEXTS]);
}

#[tokio::test]
async fn aws_that_was_invited_by_hand_is_heard_when_it_answers() {
    let story = Story::new().await;
    let engagement = story.engagement(ONE).await;
    let mut ear = Ear::new(&story).await;
    let first = story.invite(ONE, &engagement, "aws").await;
    heard!(ear, story, ONE => &[SENT]);
    let desk = &story.world.service;
    let by = operator();
    let no = Answer::Reject(None);
    desk.answer_as_aws(&by, Catalog::Sandbox, &first, &no)
        .await
        .unwrap();
    heard!(ear, story, ONE => &[REJECTED_OWN]);
    let second = story.invite(ONE, &engagement, "aws").await;
    ear.events(&story).await;
    desk.answer_as_aws(&by, Catalog::Sandbox, &second, &Answer::Accept)
        .await
        .unwrap();
    heard!(ear, story, ONE => &[ACCEPTED_OWN, MEMBER]);
}

#[tokio::test]
async fn a_task_that_ends_later_is_heard_when_it_ends_and_a_failed_one_never() {
    let story = Story::with(Settings {
        task_delay_millis: 1000,
        ..Settings::default()
    })
    .await;
    let id = story.opportunity(ONE).await;
    let mut hopeless = draft();
    hopeless["Project"]["CustomerUseCase"] = Value::Null;
    hopeless["Project"]["OtherSolutionDescription"] = Value::Null;
    let hopeless = text(&story.ok(ONE, Op::CreateOpportunity, hopeless).await, "Id");
    let mut ear = Ear::new(&story).await;
    story.share_by_task(ONE, &id).await;
    story.share_by_task(ONE, &hopeless).await;
    heard!(ear, story,);
    story.pass(1000).await;
    heard!(ear, story, ONE => &[UPDATED, ROOM, VIEW, MEMBER, SENT]);
    assert_eq!(story.review_status(ONE, &hopeless).await, "Pending Submission");
}

#[tokio::test]
async fn nothing_is_emitted_where_events_are_switched_off_and_everything_else_is_the_same() {
    let run = async |events| {
        let story = Story::with(Settings {
            events,
            ..Settings::default()
        })
        .await;
        let (id, engagement) = submitted(&story).await;
        story.review(ONE, &id, "Approved").await.unwrap();
        let heard = Ear { seen: 0 }.events(&story).await.len();
        (heard, engagement, story.everything().await)
    };
    let (on, off) = (run(true).await, run(false).await);
    assert_eq!((on.0 > 5, off.0), (true, 0));
    assert_eq!((on.1, on.2), (off.1, off.2));
}

#[tokio::test]
async fn every_type_of_event_is_heard_in_a_story_with_its_recorded_members() {
    let story = Story::new().await;
    let mut ear = Ear::new(&story).await;
    let (_, engagement) = submitted(&story).await;
    let invitation = story.invite(ONE, &engagement, TWO).await;
    story.by_accepting(TWO, &invitation).await;
    let rejected = story.invite(ONE, &engagement, THREE).await;
    story
        .ok(
            THREE,
            Op::RejectEngagementInvitation,
            json!({"Identifier": rejected}),
        )
        .await;
    story.invite(ONE, &engagement, THREE).await;
    story.context(ONE, &engagement, "Lead").await;
    story.pass(15 * DAY).await;
    let mut shapes = BTreeMap::<String, BTreeSet<Vec<String>>>::new();
    for one in ear.events(&story).await {
        let body: Value = serde_json::from_slice(&one.event.body).unwrap();
        let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let mut members = names(&body["detail"]);
        for (_, inner) in body["detail"].as_object().unwrap() {
            if inner.is_object() {
                members.extend(names(inner));
            }
        }
        shapes.entry(one.event.detail_type).or_default().insert(members);
    }
    let all: BTreeSet<&str> = DetailType::ALL.iter().map(|one| one.as_str()).collect();
    assert_eq!(shapes.keys().map(String::as_str).collect::<BTreeSet<_>>(), all);
    assert!(shapes.values().all(|of_type| of_type.len() == 1), "{shapes:?}");
}

#[tokio::test]
async fn events_are_kept_as_long_as_is_set() {
    const HOUR: i64 = 60 * 60 * 1000;
    for (events_retention_millis, left) in [(0, 3), (HOUR, 2), (1, 1)] {
        let story = Story::with(Settings {
            events_retention_millis,
            ..Settings::default()
        })
        .await;
        for wait in [HOUR, HOUR, 0] {
            story.opportunity(ONE).await;
            story.pass(wait).await;
        }
        story.world.service.prune().await;
        assert_eq!(Ear { seen: 0 }.events(&story).await.len(), left);
    }
}
