//! AWS played by scripts: what becomes of deals by themselves, and that people, partners and resets come first.

use cosell_domain::Catalog;
use cosell_domain::autopilot::Script;
use cosell_domain::review::Verdict;

use super::clock::{Movable, everything, frozen, operator};
use super::*;
use crate::audit::{Actor, Entry};
use crate::autopilot::{Asked, Behaviour, EVERYONE};

const HOUR: i64 = 60 * 60 * 1000;

fn behaviour(text: &str) -> Behaviour {
    Behaviour {
        name: "test".into(),
        script: Some(Script::parse(text).unwrap()),
    }
}

const PLAIN: &str = r#"
seed = 1
[review]
take-after = "1h"
decide-after = "1h"
[default]
outcome = "approve"
comments = "Welcome"
[invitations]
accept-after = "30m"
[[progress]]
after = "1d"
stage = "Engaged"
next-steps = "Call"
[[progress]]
after = "1d"
stage = "Committed"
"#;

async fn plain() -> Movable {
    let story = frozen().await;
    story.use_script(ONE, PLAIN).await;
    story
}

impl Movable {
    async fn use_script(&self, account: &str, text: &str) {
        let service = &self.world.service;
        let by = operator();
        let set = service.set_player(&by, account, Catalog::Sandbox, behaviour(text));
        set.await.unwrap();
    }

    async fn aws_stage(&self, id: &str) -> String {
        let body = json!({"RelatedOpportunityIdentifier": id});
        let read = self.ok(ONE, Op::GetAwsOpportunitySummary, body).await;
        text(&read["LifeCycle"], "Stage")
    }

    async fn steps(&self, id: &str) -> usize {
        let steps = self.world.service.planned_steps(Catalog::Sandbox, id);
        steps.await.unwrap().len()
    }

    async fn decide(&self, id: &str, verdict: Verdict) {
        let service = &self.world.service;
        let by = operator();
        let decided = service.review(&by, Catalog::Sandbox, id, verdict);
        decided.await.unwrap();
    }
}

#[tokio::test]
async fn a_script_takes_decides_and_moves_on_at_its_times() {
    let story = plain().await;
    let id = story.opportunity(ONE).await;
    assert_eq!(story.steps(&id).await, 0, "a draft is nobody's business");
    story.submit(ONE, &id).await;
    assert_eq!(story.steps(&id).await, 4);
    story.advance(HOUR - 1).await;
    assert_eq!(story.review_status(ONE, &id).await, "Submitted");
    story.advance(1).await;
    assert_eq!(story.review_status(ONE, &id).await, "In review");
    story.advance(HOUR).await;
    let read = story.read(ONE, &id).await;
    assert_eq!(read["LifeCycle"]["ReviewStatus"], "Approved");
    assert_eq!(read["LifeCycle"]["ReviewComments"], "Welcome");
    story.advance(DAY).await;
    assert_eq!(story.aws_stage(&id).await, "Engaged");
    story.advance(DAY).await;
    assert_eq!(
        (story.aws_stage(&id).await.as_str(), story.steps(&id).await),
        ("Committed", 0)
    );
}

#[tokio::test]
async fn who_has_no_script_has_no_steps_and_an_accounts_own_behaviour_counts_first() {
    let story = frozen().await;
    let id = story.opportunity(ONE).await;
    story.submit(ONE, &id).await;
    assert_eq!(story.steps(&id).await, 0);
    story.play(EVERYONE, "approve-fast").await;
    story.play(ONE, "manual").await;
    let own = story.opportunity(ONE).await;
    story.submit(ONE, &own).await;
    assert_eq!(story.steps(&own).await, 0, "people play AWS for this account");
    let other = story.opportunity(TWO).await;
    story.submit(TWO, &other).await;
    assert!(story.steps(&other).await > 0);
    let service = &story.world.service;
    assert!(
        service
            .remove_player(&operator(), ONE, Catalog::Sandbox)
            .await
            .unwrap()
    );
    assert!(
        !service
            .remove_player(&operator(), ONE, Catalog::Sandbox)
            .await
            .unwrap()
    );
    let third = story.opportunity(ONE).await;
    story.submit(ONE, &third).await;
    assert!(story.steps(&third).await > 0, "now the script for everyone plays");
    assert_eq!(
        story.steps(&id).await,
        0,
        "what was submitted before is left alone"
    );
    let unknown = service
        .set_player(&operator(), "999999999999", Catalog::Sandbox, Behaviour::manual())
        .await;
    assert_eq!(unknown.unwrap_err().kind, ErrorKind::ResourceNotFound);
}

#[tokio::test]
async fn people_who_were_faster_win_and_stages_count_from_their_approval() {
    let story = plain().await;
    let approved = story.opportunity(ONE).await;
    let rejected = story.opportunity(ONE).await;
    for id in [&approved, &rejected] {
        story.submit(ONE, id).await;
    }
    story.advance(HOUR / 2).await;
    story.decide(&approved, Verdict::Approve { comments: None }).await;
    let why = cosell_domain::review::Explanation {
        reason: "No".into(),
        comments: None,
    };
    story.decide(&rejected, Verdict::Reject(why)).await;
    story.advance(DAY).await;
    assert_eq!(story.aws_stage(&approved).await, "Engaged");
    assert_eq!(
        story.read(ONE, &approved).await["LifeCycle"].get("ReviewComments"),
        None
    );
    story.advance(10 * DAY).await;
    assert_eq!(story.aws_stage(&approved).await, "Committed");
    assert_eq!(story.review_status(ONE, &rejected).await, "Rejected");
    assert_eq!(story.aws_stage(&rejected).await, "Not Started");
}

#[tokio::test]
async fn a_deal_that_comes_back_is_reviewed_anew_and_former_steps_are_void() {
    let story = frozen().await;
    let asks = r#"
        [review]
        decide-after = "1h"
        [default]
        outcome = "action-required"
        reason = "Say more"
        [resubmitted]
        outcome = "approve"
    "#;
    story.use_script(ONE, asks).await;
    let id = story.opportunity(ONE).await;
    story.submit(ONE, &id).await;
    story.advance(HOUR).await;
    assert_eq!(story.review_status(ONE, &id).await, "Action Required");
    story.submit(ONE, &id).await;
    story.advance(HOUR).await;
    assert_eq!(story.review_status(ONE, &id).await, "Approved");
    // Sent back by people while a verdict of the first submission still waits: only that of the second counts.
    let id = story.opportunity(ONE).await;
    story.submit(ONE, &id).await;
    let why = cosell_domain::review::Explanation {
        reason: "Typo".into(),
        comments: None,
    };
    story.advance(HOUR / 2).await;
    story.decide(&id, Verdict::AskForAction(why)).await;
    story.submit(ONE, &id).await;
    story.advance(HOUR / 2).await;
    assert_eq!(story.review_status(ONE, &id).await, "Submitted");
    story.advance(HOUR / 2).await;
    assert_eq!(story.review_status(ONE, &id).await, "Approved");
}

#[tokio::test]
async fn aws_accepts_its_invitation_by_itself() {
    let story = plain().await;
    let id = story.opportunity(ONE).await;
    story.share_by_task(ONE, &id).await;
    let ended = story.advance(2000).await;
    assert_eq!(ended, 1, "the task");
    let list = story.ok(ONE, Op::ListEngagements, json!({})).await;
    let engagement = text(&list["EngagementSummaryList"][0], "Id");
    assert_eq!(story.members(ONE, &engagement).await, [ONE]);
    let steps = story
        .world
        .service
        .planned_steps(Catalog::Sandbox, &id)
        .await
        .unwrap();
    assert_eq!(steps.len(), 5, "{steps:?}");
    story.advance(HOUR / 2).await;
    let mut members = story.members(ONE, &engagement).await;
    members.sort();
    assert_eq!(members, [ONE, AWS]);
    assert_eq!(story.review_status(ONE, &id).await, "Submitted");
    story.advance(2 * HOUR).await;
    assert_eq!(story.review_status(ONE, &id).await, "Approved");
}

#[tokio::test]
async fn an_accepted_referral_moves_on_by_itself() {
    let story = plain().await;
    story.ok(ONE, Op::CreateOpportunity, referral()).await;
    let body = json!({"ParticipantType": "RECEIVER"});
    let list = story.ok(ONE, Op::ListEngagementInvitations, body).await;
    let invitation = text(&list["EngagementInvitationSummaries"][0], "Id");
    story.by_accepting(ONE, &invitation).await;
    story.advance(2000).await;
    let list = story.ok(ONE, Op::ListOpportunities, json!({})).await;
    let id = text(&list["OpportunitySummaries"][0], "Id");
    assert_eq!(
        (
            story.review_status(ONE, &id).await.as_str(),
            story.steps(&id).await
        ),
        ("Approved", 2)
    );
    story.advance(2 * DAY).await;
    assert_eq!(story.aws_stage(&id).await, "Committed");
}

#[tokio::test]
async fn what_a_script_does_is_in_the_audit_log_as_the_autopilots_deed() {
    let story = plain().await;
    let id = story.opportunity(ONE).await;
    story.submit(ONE, &id).await;
    story.advance(3 * DAY).await;
    let log = story.world.store.audit_after(0, 100).await.unwrap();
    let entries = log
        .iter()
        .map(|stored| serde_json::from_slice::<Entry>(&stored.entry.body).unwrap());
    let autopilot = Actor::Operator {
        token: "autopilot".into(),
    };
    let deeds: Vec<String> = entries
        .filter(|entry| entry.actor == autopilot)
        .map(|entry| entry.action)
        .collect();
    assert_eq!(
        deeds,
        [
            "TakeInReview",
            "ApproveOpportunity",
            "UpdateAwsOpportunity",
            "UpdateAwsOpportunity"
        ]
    );
}

#[tokio::test]
async fn cancelled_steps_and_those_of_a_reset_catalog_come_to_nothing() {
    let story = plain().await;
    let id = story.opportunity(ONE).await;
    story.submit(ONE, &id).await;
    let service = &story.world.service;
    let cancelled = service
        .cancel_steps(&operator(), Catalog::Sandbox, &id)
        .await
        .unwrap();
    assert_eq!((cancelled.cancelled, story.steps(&id).await), (4, 0));
    story.advance(10 * DAY).await;
    assert_eq!(story.review_status(ONE, &id).await, "Submitted");
    assert_eq!(
        service
            .cancel_steps(&operator(), Catalog::Sandbox, &id)
            .await
            .unwrap()
            .cancelled,
        0
    );
    let id = story.opportunity(ONE).await;
    story.submit(ONE, &id).await;
    let erased = story.world.store.reset(Some(ONE), Some("Sandbox")).await.unwrap();
    assert_eq!((erased.jobs, story.steps(&id).await), (4, 0));
}

#[tokio::test]
async fn explaining_tells_what_then_happens_and_changes_nothing() {
    let story = plain().await;
    let id = story.opportunity(ONE).await;
    let before = everything(&*story.world.store).await;
    let asked = |account: Option<&str>| Asked::Opportunity {
        id: id.clone(),
        account: account.map(str::to_owned),
    };
    let service = &story.world.service;
    let draft = service
        .explain(Catalog::Sandbox, asked(Some(ONE)), None)
        .await
        .unwrap()
        .unwrap();
    let times: Vec<i64> = draft.steps.iter().map(|step| step.after_millis).collect();
    assert_eq!(
        times,
        [HOUR / 2, HOUR, 2 * HOUR, 2 * HOUR + DAY, 2 * HOUR + 2 * DAY]
    );
    let unknown = service.explain(Catalog::Sandbox, asked(None), None).await;
    assert_eq!(
        unknown.unwrap_err().kind,
        ErrorKind::ResourceNotFound,
        "AWS knows no drafts"
    );
    assert_eq!(before, everything(&*story.world.store).await);
    story.share_by_task(ONE, &id).await;
    story.advance(1000).await;
    let planned = service.planned_steps(Catalog::Sandbox, &id).await.unwrap();
    let planned: Vec<i64> = planned
        .iter()
        .map(|step| step.at.as_millis() - second(1).as_millis())
        .collect();
    assert_eq!(planned, times);
    // AWS's acceptance is foreseen as long as it has not come about, and not for a deal to which AWS was not invited.
    let foreseen = async |id: &str| {
        let asked = Asked::Opportunity {
            id: id.to_owned(),
            account: None,
        };
        let told = service.explain(Catalog::Sandbox, asked, None).await.unwrap();
        let steps = told.unwrap().steps.into_iter();
        let joins = steps.filter(|step| step.what.starts_with("AWS accepts the invitation engi-"));
        joins.map(|step| step.after_millis).collect::<Vec<_>>()
    };
    assert_eq!(foreseen(&id).await, [HOUR / 2]);
    story.advance(HOUR / 2).await;
    assert_eq!(foreseen(&id).await, [0; 0]);
    let alone = story.opportunity(ONE).await;
    story.submit(ONE, &alone).await;
    assert_eq!(foreseen(&alone).await, [0; 0]);
    // What is foreseen and not planned is said not to be.
    let situation = async |id: &str| {
        let asked = Asked::Opportunity {
            id: id.to_owned(),
            account: None,
        };
        let told = service.explain(Catalog::Sandbox, asked, None).await.unwrap();
        told.unwrap().situation
    };
    assert!(!situation(&alone).await.contains("planned"));
    service
        .cancel_steps(&operator(), Catalog::Sandbox, &alone)
        .await
        .unwrap();
    assert!(situation(&alone).await.contains("None of it is planned"));
}

/// A month of 500 deals under `realistic`, one after the other as partners bring them.
async fn month() -> (Movable, Vec<String>) {
    let story = frozen().await;
    story.play(EVERYONE, "realistic").await;
    let mut ids = Vec::new();
    for number in 0..500 {
        let account = [ONE, TWO, THREE][number % 3];
        let mut body = draft();
        body["Project"]["Title"] = format!("Marzipan {number}").into();
        body["Project"]["ExpectedCustomerSpend"][0]["Amount"] = format!("{}.00", 500 + number * 400).into();
        let id = text(&story.ok(account, Op::CreateOpportunity, body).await, "Id");
        story.submit(account, &id).await;
        ids.push(id);
        story.advance(HOUR).await;
    }
    story.advance(30 * DAY - 500 * HOUR).await;
    (story, ids)
}

#[tokio::test]
async fn a_month_of_five_hundred_deals_is_played_alike_to_the_byte() {
    let (one, ids) = month().await;
    let (other, _) = month().await;
    let (first, second) = (
        everything(&*one.world.store).await,
        everything(&*other.world.store).await,
    );
    assert!(first == second, "the same month twice");
    let events = first.iter().filter(|item| item.starts_with("Event(")).count();
    assert!(events > 2_000, "{events}");
    let mut count = std::collections::BTreeMap::<String, usize>::new();
    for (number, id) in ids.iter().enumerate() {
        let status = one.review_status([ONE, TWO, THREE][number % 3], id).await;
        *count.entry(status).or_default() += 1;
    }
    for (status, least) in [("Approved", 250), ("Action Required", 20), ("Rejected", 5)] {
        assert!(
            count.get(status).is_some_and(|count| *count >= least),
            "{status}: {count:?}"
        );
    }
}
