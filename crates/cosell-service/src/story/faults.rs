//! Faults on demand: what calls meet, and that everything is as before where there are no rules.

use cosell_domain::fault::Rule;

use super::clock::{Movable, frozen, operator};
use super::*;
use crate::Caller;
use crate::faults::Refused;

impl Movable {
    async fn fault(&self, rule: Value) {
        let rule: Rule = serde_json::from_value(rule).unwrap();
        self.world.service.add_fault(&operator(), rule).await.unwrap();
    }
}

#[tokio::test]
async fn errors_come_as_often_as_the_rule_says_and_nothing_is_done() {
    let story = frozen().await;
    story
        .fault(json!({"id": "busy", "operations": ["Create*"], "first": 2, "effect": {"error": {"name": "ConflictException"}}}))
        .await;
    for _ in 0..2 {
        assert_eq!(
            story.refusal(ONE, Op::CreateOpportunity, draft()).await,
            ErrorKind::Conflict
        );
    }
    let id = story.opportunity(ONE).await;
    let listed = story.ok(ONE, Op::ListOpportunities, json!({})).await;
    assert_eq!(listed["OpportunitySummaries"].as_array().map(Vec::len), Some(1));
    assert_eq!(story.review_status(ONE, &id).await, "Pending Submission");
    let rules = story.world.service.faults().unwrap();
    assert_eq!((rules[0].1.matched, rules[0].1.hits), (3, 2));
}

#[tokio::test]
async fn a_cut_connection_has_done_its_work_and_a_repetition_hears_the_first_answer() {
    let story = frozen().await;
    story
        .fault(json!({"id": "cut", "operations": ["CreateOpportunity"], "first": 1, "effect": "dropAfterCommit"}))
        .await;
    let mut body = draft();
    body["Catalog"] = "Sandbox".into();
    body["ClientToken"] = "once".into();
    let body = body.to_string();
    let service = &story.world.service;
    let caller = Caller::of(ONE);
    let first = service
        .answer(Op::CreateOpportunity, &caller, body.as_bytes())
        .await;
    let again = service
        .answer(Op::CreateOpportunity, &caller, body.as_bytes())
        .await;
    assert!(first.cut && !again.cut);
    assert_eq!(first.answer.unwrap(), again.answer.unwrap());
}

#[tokio::test]
async fn a_stale_read_shows_an_opportunity_as_it_was_and_lists_show_the_present() {
    let story = frozen().await;
    let id = story.opportunity(ONE).await;
    story.advance(60_000).await;
    story.update(ONE, &id, next_steps("Second")).await.unwrap();
    story.advance(60_000).await;
    story.update(ONE, &id, next_steps("Third")).await.unwrap();
    story
        .fault(json!({"id": "old", "effect": {"staleRead": {"byMs": 90_000}}}))
        .await;
    let steps = |read: Value| text(&read["LifeCycle"], "NextSteps");
    assert_eq!(steps(story.read(ONE, &id).await), "Call");
    story.advance(60_000).await;
    assert_eq!(steps(story.read(ONE, &id).await), "Second");
    let fresh = story.opportunity(ONE).await;
    let unknown = story
        .refusal(ONE, Op::GetOpportunity, json!({"Identifier": fresh}))
        .await;
    assert_eq!(unknown, ErrorKind::ResourceNotFound, "it was not there yet");
    let listed = story.ok(ONE, Op::ListOpportunities, json!({})).await;
    assert_eq!(listed["OpportunitySummaries"].as_array().map(Vec::len), Some(2));
    story.submit(ONE, &id).await;
    let summary = json!({"RelatedOpportunityIdentifier": id});
    let unknown = story
        .refusal(ONE, Op::GetAwsOpportunitySummary, summary.clone())
        .await;
    assert_eq!(unknown, ErrorKind::ResourceNotFound, "it was not submitted yet");
    assert!(
        story
            .world
            .service
            .remove_fault(&operator(), "old")
            .await
            .unwrap()
            .is_some()
    );
    story.ok(ONE, Op::GetAwsOpportunitySummary, summary).await;
    assert_eq!(steps(story.read(ONE, &id).await), "Third");
}

#[tokio::test]
async fn rules_outlast_a_restart_where_faults_are_allowed_and_are_as_if_not_there_elsewhere() {
    let story = frozen().await;
    let refused = story.world.service;
    for id in ["a", "b"] {
        let rule = json!({"id": id, "effect": "throttle", "operations": ["Get*"]});
        refused
            .add_fault(&operator(), serde_json::from_value(rule).unwrap())
            .await
            .unwrap();
    }
    let twice: Rule = serde_json::from_value(json!({"id": "a", "effect": "throttle"})).unwrap();
    assert!(matches!(
        refused.add_fault(&operator(), twice).await,
        Err(Refused::Flaws(_))
    ));
    let again = |faults| {
        let settings = Settings {
            faults,
            ..Settings::default()
        };
        World::over(
            Arc::clone(&story.world.store),
            Arc::clone(&story.clock) as _,
            settings,
        )
    };
    let allowed = again(true);
    allowed.service.load_faults().await.unwrap();
    let ids: Vec<String> = allowed
        .service
        .faults()
        .unwrap()
        .into_iter()
        .map(|(rule, _)| rule.id)
        .collect();
    assert_eq!(ids, ["a", "b"]);
    let body = json!({"Identifier": "O1"});
    assert_eq!(
        allowed.refusal(ONE, Op::GetOpportunity, body.clone()).await,
        ErrorKind::Throttling
    );
    assert_eq!(allowed.service.clear_faults(&operator()).await.unwrap(), 2);
    assert_eq!(
        allowed.refusal(ONE, Op::GetOpportunity, body.clone()).await,
        ErrorKind::ResourceNotFound
    );
    let forbidden = again(false);
    forbidden.service.load_faults().await.unwrap();
    assert_eq!(forbidden.service.faults().unwrap_err().kind, ErrorKind::Conflict);
    assert_eq!(
        forbidden.refusal(ONE, Op::GetOpportunity, body).await,
        ErrorKind::ResourceNotFound
    );
}
