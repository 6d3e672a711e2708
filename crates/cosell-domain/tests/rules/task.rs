//! Tasks: states, names and answers.

use cosell_domain::Catalog;
use cosell_domain::task::{Context, Created, Failure, Kind, Task, Work, start, view};
use cosell_model::Check;
use cosell_model::enums::ReasonCode;
use cosell_model::types::{AwsSubmission, Tag};
use serde_json::{Value, json};

use crate::support::*;

fn started(work: Work) -> Task {
    let context = Context {
        region: "us-east-1",
        catalog: Catalog::Aws,
        id: "task-twmewxh11jjbn",
        now: noon(),
    };
    start(work, context)
}

fn from_opportunity() -> Task {
    started(Work::EngagementFromOpportunity {
        opportunity: ID.into(),
        submission: AwsSubmission {
            involvement_type: "Co-Sell".into(),
            visibility: Some("Full".into()),
        },
        tags: vec![Tag {
            key: "team".into(),
            value: "a".into(),
        }],
    })
}

fn by_accepting() -> Task {
    started(Work::EngagementByAcceptingInvitation {
        invitation: "engi-5x2rtvhpgoyvz".into(),
        tags: Vec::new(),
    })
}

fn from_engagement() -> Task {
    started(Work::OpportunityFromEngagement {
        engagement: "eng-xhyvbgfeme4xh4".into(),
        context: "1".into(),
        tags: Vec::new(),
    })
}

fn everything() -> Created {
    Created {
        opportunity: Some("O14890686".into()),
        engagement: Some("eng-t1mfgo4bsg73e0".into()),
        invitation: Some("engi-dansn8enotil9".into()),
        context: Some("2".into()),
        job: Some("job-j4b4yy3zu3sam".into()),
    }
}

fn json_of(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

#[test]
fn the_answer_to_a_converted_lead_reads_as_recorded() {
    let created = Created {
        opportunity: Some("O14890686".into()),
        context: Some("2".into()),
        job: Some("job-j4b4yy3zu3sam".into()),
        ..Created::default()
    };
    let done = from_engagement().complete(created, minute(1)).unwrap();
    let answer = view::opportunity_from_engagement(&done);
    assert!(answer.check(), "it obeys the contract");
    assert_eq!(
        json_of(&answer),
        json!({
            "TaskId": "task-twmewxh11jjbn",
            "TaskArn": "arn:aws:partnercentral:us-east-1::catalog/AWS/opportunity-from-engagement-task/task-twmewxh11jjbn",
            "StartTime": "2026-11-21T12:00:00.000Z", "TaskStatus": "COMPLETE", "OpportunityId": "O14890686",
            "ResourceSnapshotJobId": "job-j4b4yy3zu3sam", "EngagementId": "eng-xhyvbgfeme4xh4", "ContextId": "2",
        })
    );
    assert_eq!(
        json_of(&answer),
        json_of(&view::opportunity_from_engagement_entry(&done))
    );
}

#[test]
fn only_a_complete_task_shows_what_it_made() {
    let failure = Failure::new(ReasonCode::InternalError, "no");
    for (task, asked, made) in [
        (
            from_opportunity(),
            json!({"OpportunityId": ID}),
            json!({"EngagementId": "eng-t1mfgo4bsg73e0", "EngagementInvitationId": "engi-dansn8enotil9", "ResourceSnapshotJobId": "job-j4b4yy3zu3sam"}),
        ),
        (
            by_accepting(),
            json!({"EngagementInvitationId": "engi-5x2rtvhpgoyvz"}),
            json!({"OpportunityId": "O14890686", "ResourceSnapshotJobId": "job-j4b4yy3zu3sam"}),
        ),
        (
            from_engagement(),
            json!({"EngagementId": "eng-xhyvbgfeme4xh4", "ContextId": "1"}),
            json!({"OpportunityId": "O14890686", "ContextId": "2", "ResourceSnapshotJobId": "job-j4b4yy3zu3sam"}),
        ),
    ] {
        let show = |task: &Task| match task.kind() {
            Kind::EngagementFromOpportunity => (
                json_of(&view::engagement_from_opportunity(task)),
                json_of(&view::engagement_from_opportunity_entry(task)),
            ),
            Kind::EngagementByAcceptingInvitation => (
                json_of(&view::engagement_by_accepting_invitation(task)),
                json_of(&view::engagement_by_accepting_invitation_entry(task)),
            ),
            _ => (
                json_of(&view::opportunity_from_engagement(task)),
                json_of(&view::opportunity_from_engagement_entry(task)),
            ),
        };
        let common = json!({"TaskId": task.id, "TaskArn": task.arn, "StartTime": "2026-11-21T12:00:00.000Z"});
        let merged = |more: &[&Value]| {
            let mut all = common.clone();
            for more in more {
                for (name, value) in more.as_object().unwrap() {
                    all[name] = value.clone();
                }
            }
            all
        };
        let expected = [
            (
                task.clone(),
                merged(&[&asked, &json!({"TaskStatus": "IN_PROGRESS"})]),
            ),
            (
                task.complete(everything(), minute(1)).unwrap(),
                merged(&[&asked, &made, &json!({"TaskStatus": "COMPLETE"})]),
            ),
            (
                task.fail(failure.clone(), minute(1)).unwrap(),
                merged(&[
                    &asked,
                    &json!({"TaskStatus": "FAILED", "ReasonCode": "InternalError", "Message": "no"}),
                ]),
            ),
        ];
        for (task, expected) in expected {
            let (answer, entry) = show(&task);
            assert_eq!(answer, expected);
            assert_eq!(entry, expected);
        }
    }
}

#[test]
fn a_task_ends_once() {
    let failure = || Failure::new(ReasonCode::InternalError, "no");
    for task in [from_opportunity(), by_accepting(), from_engagement()] {
        assert!(task.in_progress());
        assert_eq!(task.ended(), None);
        let done = task.complete(everything(), minute(1)).unwrap();
        let failed = task.fail(failure(), minute(2)).unwrap();
        assert_eq!((done.ended(), failed.ended()), (Some(minute(1)), Some(minute(2))));
        for ended in [done, failed] {
            assert_eq!(ended.complete(Created::default(), minute(3)), None);
            assert_eq!(ended.fail(failure(), minute(3)), None);
        }
    }
}

#[test]
fn a_kept_task_reads_back_the_same() {
    for task in [from_opportunity(), by_accepting(), from_engagement()] {
        let done = task.complete(everything(), minute(1)).unwrap();
        let failed = task
            .fail(Failure::new(ReasonCode::OpportunityConflict, "no"), minute(1))
            .unwrap();
        for state in [task, done, failed] {
            let json = serde_json::to_string(&state).unwrap();
            assert_eq!(serde_json::from_str::<Task>(&json).unwrap(), state);
        }
    }
}

#[test]
fn tasks_are_named_by_identifier_or_arn() {
    for (kind, arn) in [
        (
            Kind::EngagementFromOpportunity,
            "arn:aws:partnercentral:us-east-1::catalog/Sandbox/engagement-from-opportunity-task/task-1",
        ),
        (
            Kind::EngagementByAcceptingInvitation,
            "arn:aws:partnercentral:us-east-1::catalog/Sandbox/engagement-by-accepting-invitation-task/task-1",
        ),
        (
            Kind::OpportunityFromEngagement,
            "arn:aws:partnercentral:us-east-1::catalog/Sandbox/opportunity-from-engagement-task/task-1",
        ),
        (
            Kind::ProspectingFromEngagement,
            "arn:aws:partnercentral-selling:us-east-1::catalog/Sandbox/prospecting-from-engagement-task/task-1",
        ),
    ] {
        assert_eq!(kind.arn("us-east-1", Catalog::Sandbox, "task-1"), arn);
        assert_eq!(Kind::from_name(kind.as_str()), Some(kind));
        assert_eq!(kind.id_of(Catalog::Sandbox, arn), Some("task-1"));
        assert_eq!(kind.id_of(Catalog::Sandbox, "task-1"), Some("task-1"));
        assert_eq!(kind.id_of(Catalog::Aws, arn), None, "another catalog");
        for other in Kind::ALL.into_iter().filter(|other| *other != kind) {
            assert_eq!(other.id_of(Catalog::Sandbox, arn), None, "another kind");
        }
        assert_eq!(kind.id_of(Catalog::Sandbox, "arn:aws:s3:::task-1"), None);
        assert_eq!(kind.id_of(Catalog::Sandbox, &format!("{arn}/more")), None);
    }
    let lengths = Kind::ALL.map(Kind::id_length);
    assert_eq!(lengths, [13, 13, 13, 14]);
}
