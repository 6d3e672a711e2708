//! Tasks that end later, by a clock that the test moves: in progress until their job ends them, once, whoever crashes, and
//! given up where the server cannot do them.

use bytes::Bytes;
use cosell_store::{Key, Kind, Record, Write};

use super::*;

const DELAY: i64 = 5_000;
/// As long as a failed job waits for its next try.
const LEASE: i64 = 30_000;

async fn slow() -> Story {
    let settings = Settings {
        task_delay_millis: DELAY,
        ..Settings::default()
    };
    Story::with(settings).await
}

/// A task of each kind and whose it is: the request, and the list that shows it.
async fn each_kind(story: &Story) -> [(&'static str, Op, Op, Value); 4] {
    let id = story.opportunity(ONE).await;
    let engagement = story.engagement(ONE).await;
    let invitation = story.invite(ONE, &engagement, TWO).await;
    let of_lead = story.engagement(ONE).await;
    let context = story.context(ONE, &of_lead, "Lead").await;
    [
        (
            ONE,
            Op::StartEngagementFromOpportunityTask,
            Op::ListEngagementFromOpportunityTasks,
            json!({"Identifier": id, "AwsSubmission": {"InvolvementType": "Co-Sell"}, "ClientToken": "a"}),
        ),
        (
            TWO,
            Op::StartEngagementByAcceptingInvitationTask,
            Op::ListEngagementByAcceptingInvitationTasks,
            json!({"Identifier": invitation, "ClientToken": "a"}),
        ),
        (
            ONE,
            Op::StartOpportunityFromEngagementTask,
            Op::ListOpportunityFromEngagementTasks,
            json!({"Identifier": of_lead, "ContextIdentifier": context, "ClientToken": "a"}),
        ),
        (
            ONE,
            Op::StartProspectingFromEngagementTask,
            Op::ListProspectingFromEngagementTasks,
            json!({"Identifiers": [of_lead], "TaskName": "all", "ClientToken": "a"}),
        ),
    ]
}

#[tokio::test]
async fn a_slow_task_is_in_progress_until_its_job_ends_it_once() {
    for kind in 0..4 {
        let story = slow().await;
        let (account, start, list, body) = each_kind(&story).await[kind].clone();
        let before = story.everything().await;
        let started = story.ok(account, start, body.clone()).await;
        assert_eq!(started["TaskStatus"], "IN_PROGRESS");
        story.pass(DELAY - 1).await;
        assert_eq!(
            story.everything().await,
            before,
            "nothing happens before its time"
        );
        assert_eq!(story.ok(account, start, body.clone()).await, started);
        assert_eq!(story.pass(1).await, 1);
        let after = story.everything().await;
        assert_ne!(after, before);
        let told = story.ok(account, start, body.clone()).await;
        assert_eq!(told["TaskId"], started["TaskId"]);
        assert_eq!(told["StartTime"], started["StartTime"]);
        let status = text(&told, "TaskStatus");
        assert!(status.starts_with("COMPLETE"), "{start:?}: {told}");
        assert_eq!(story.pass(LEASE).await, 0, "its job is done");
        assert_eq!(story.everything().await, after);
        let rows = story
            .world
            .pages(account, list, "TaskSummaries", json!({}), 10)
            .await;
        assert_eq!(rows.len(), 1);
        let mut other = body;
        match start {
            Op::StartProspectingFromEngagementTask => other["TaskName"] = "other".into(),
            _ => other["Tags"] = json!([{"Key": "k", "Value": "v"}]),
        }
        assert_eq!(story.refusal(account, start, other).await, ErrorKind::Conflict);
        story.check_sound().await;
    }
}

#[tokio::test]
async fn a_slow_prospecting_of_nothing_tells_its_end_to_the_same_token() {
    let story = slow().await;
    let body = json!({"Identifiers": [], "TaskName": "none", "ClientToken": "a"});
    let start = Op::StartProspectingFromEngagementTask;
    let started = story.ok(ONE, start, body.clone()).await;
    assert_ne!(started["TaskStatus"], "COMPLETED");
    assert_eq!(story.pass(DELAY).await, 1);
    assert_eq!(story.ok(ONE, start, body).await["TaskStatus"], "COMPLETED");
}

#[tokio::test]
async fn another_server_ends_the_tasks_of_one_that_went_down() {
    let story = slow().await;
    let (account, start, _, body) = each_kind(&story).await[0].clone();
    story.ok(account, start, body.clone()).await;
    story.clock.0.fetch_add(DELAY, Ordering::SeqCst);
    let store = Arc::clone(&story.world.store);
    let settings = Settings {
        task_delay_millis: DELAY,
        ..Settings::default()
    };
    let next = World::over(store, Arc::clone(&story.clock) as Arc<dyn Clock>, settings);
    assert_eq!(next.service.run_due_jobs().await.unwrap(), 1);
    assert_eq!(story.ok(account, start, body).await["TaskStatus"], "COMPLETE");
    assert_eq!(story.pass(LEASE).await, 0);
    story.check_sound().await;
}

#[tokio::test]
async fn a_worker_that_lost_its_claim_ends_nothing_twice() {
    for kind in 0..4 {
        let story = slow().await;
        let (account, start, _, body) = each_kind(&story).await[kind].clone();
        story.ok(account, start, body.clone()).await;
        story.clock.0.fetch_add(DELAY, Ordering::SeqCst);
        let service = &story.world.service;
        let (slow, fast) = story
            .gate
            .overtaken(service.run_due_jobs(), async {
                story.clock.0.fetch_add(LEASE, Ordering::SeqCst);
                // Another node's, which knows nothing of this one's turn.
                let done = service.run_due_batches().await;
                (done, story.everything().await)
            })
            .await;
        assert_eq!(fast.0.unwrap().finished, 1);
        assert_eq!(slow.unwrap(), 0, "the claim was another's by then");
        assert_eq!(story.everything().await, fast.1);
        let told = story.ok(account, start, body).await;
        assert!(text(&told, "TaskStatus").starts_with("COMPLETE"));
        story.check_sound().await;
    }
}

#[tokio::test]
async fn a_job_that_runs_again_after_its_task_ended_changes_nothing() {
    let story = slow().await;
    let (account, start, _, body) = each_kind(&story).await[0].clone();
    story.ok(account, start, body).await;
    let now = story.clock.now().plus_millis(DELAY);
    let claimed = story.world.store.claim_jobs(now, "a test", 1, 1).await.unwrap();
    let job = &claimed[0].job;
    story.clock.0.fetch_add(DELAY, Ordering::SeqCst);
    let service = &story.world.service;
    let first = crate::task::finish::run(service, job).await.unwrap();
    story.world.store.apply(first).await.unwrap();
    let after = story.everything().await;
    let second = crate::task::finish::run(service, job).await.unwrap();
    assert!(second.is_empty());
    story.pass(LEASE).await;
    assert_eq!(story.everything().await, after);
}

#[tokio::test]
async fn a_slow_task_goes_by_what_is_there_at_its_end() {
    let story = slow().await;
    let (account, start, _, body) = each_kind(&story).await[0].clone();
    story.ok(account, start, body.clone()).await;
    let id = text(&body, "Identifier");
    let submit = json!({"Identifier": id, "InvolvementType": "Co-Sell"});
    story.ok(ONE, Op::SubmitOpportunity, submit).await;
    let before = story.everything().await;
    assert_eq!(story.pass(DELAY).await, 1);
    assert_eq!(story.everything().await, before, "a failed task changes nothing");
    let told = story.ok(account, start, body).await;
    assert_eq!(told["TaskStatus"], "FAILED");
    assert_eq!(told["ReasonCode"], "OpportunityConflict");
}

/// Puts a record there that cannot be read back: the write that puts it right again.
async fn damage(story: &Story, key: Key) -> Write {
    let found = story.world.store.get(&key).await.unwrap().unwrap();
    let record = |document: Bytes, version| Record {
        key: key.clone(),
        version,
        document,
        summary: Bytes::from_static(b"{}"),
        private: found.private.clone(),
        columns: columns(key.kind),
    };
    let broken = record(Bytes::from_static(b"[]"), found.version + 1);
    let expected = found.version;
    story
        .world
        .write(vec![Write::Replace {
            record: broken,
            expected,
        }])
        .await;
    Write::Replace {
        record: record(found.document.clone(), found.version + 2),
        expected: found.version + 1,
    }
}

fn columns(kind: Kind) -> Vec<(&'static str, cosell_store::Value)> {
    match kind {
        Kind::Opportunity => vec![("last_modified", 1.into()), ("created", 1.into())],
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn a_task_that_the_server_cannot_do_is_given_up_after_five_tries_as_internal_error() {
    for kind in 0..4 {
        let story = slow().await;
        let (account, start, _, body) = each_kind(&story).await[kind].clone();
        story.ok(account, start, body.clone()).await;
        let engagement = match kind {
            1 => {
                let name = json!({"Identifier": body["Identifier"]});
                text(
                    &story.ok(TWO, Op::GetEngagementInvitation, name).await,
                    "EngagementId",
                )
            }
            2 => text(&body, "Identifier"),
            _ => body["Identifiers"][0].as_str().unwrap_or_default().to_owned(),
        };
        let key = match kind {
            0 => Key::new(Kind::Opportunity, ONE, "Sandbox", text(&body, "Identifier")),
            _ => Key::shared(Kind::Engagement, "Sandbox", engagement),
        };
        damage(&story, key).await;
        let before = story.everything().await;
        assert_eq!(story.pass(DELAY).await, 0);
        for _ in 0..3 {
            assert_eq!(story.pass(LEASE).await, 0, "{start:?} is tried again later");
            let told = story.ok(account, start, body.clone()).await;
            assert_eq!(told["TaskStatus"], "IN_PROGRESS");
        }
        assert_eq!(story.pass(LEASE).await, 1);
        assert_eq!(story.everything().await, before, "nothing was changed");
        let told = story.ok(account, start, body).await;
        assert_eq!(told["TaskStatus"], "FAILED", "{start:?}");
        assert_eq!(told["ReasonCode"], "InternalError");
        assert_eq!(story.pass(LEASE).await, 0);
    }
}

#[tokio::test]
async fn a_task_whose_trouble_is_over_in_time_is_done() {
    let story = slow().await;
    let (account, start, _, body) = each_kind(&story).await[0].clone();
    story.ok(account, start, body.clone()).await;
    let id = text(&body, "Identifier");
    let mend = damage(&story, Key::new(Kind::Opportunity, ONE, "Sandbox", id)).await;
    assert_eq!(story.pass(DELAY).await, 0);
    story.world.write(vec![mend]).await;
    assert_eq!(story.pass(LEASE).await, 1);
    assert_eq!(story.ok(account, start, body).await["TaskStatus"], "COMPLETE");
}

#[tokio::test]
async fn a_slow_task_that_loses_again_and_again_ends_later() {
    let story = slow().await;
    let (account, start, _, body) = each_kind(&story).await[0].clone();
    story.ok(account, start, body.clone()).await;
    for _ in 0..6 {
        story.gate.conflicts.store(8, Ordering::SeqCst);
        assert_eq!(story.pass(LEASE).await, 0);
    }
    let told = story.ok(account, start, body.clone()).await;
    assert_eq!(told["TaskStatus"], "IN_PROGRESS");
    // It was put off six times, for twice as long each time.
    assert_eq!(story.pass(32_000).await, 1);
    assert_eq!(story.ok(account, start, body).await["TaskStatus"], "COMPLETE");
}
