//! Tasks: states, names, answers, and how a failing step is told.

use cosell_domain::Catalog;
use cosell_domain::opportunity::Opportunity;
use cosell_domain::task::{
    Context, Created, Failure, Kind, Step, Task, Work, failure_message, reason_code, start, view,
};
use cosell_model::enums::{InvitationStatus, ReasonCode, ValidationExceptionErrorCode as Code};
use cosell_model::types::{AwsSubmission, Tag};
use cosell_model::{ApiError, Check, ErrorKind, Violation};
use proptest::prelude::*;
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

#[test]
fn every_step_and_kind_of_error_has_its_reason() {
    // The table is written out, so that the code's own grouping does not vouch for itself.
    let codes = |step: Step| match step {
        Step::ReadOpportunity | Step::CreateOpportunity => [
            "OpportunityAccessDenied",
            "OpportunityValidationFailed",
            "OpportunityConflict",
        ],
        Step::SubmitOpportunity => [
            "OpportunityAccessDenied",
            "OpportunitySubmissionFailed",
            "OpportunityConflict",
        ],
        Step::ReadEngagement | Step::CreateEngagement | Step::ReadContext | Step::CreateContext => [
            "EngagementAccessDenied",
            "EngagementValidationFailed",
            "EngagementConflict",
        ],
        Step::ReadInvitation | Step::CreateInvitation | Step::AcceptInvitation => [
            "InvitationAccessDenied",
            "InvitationValidationFailed",
            "EngagementInvitationConflict",
        ],
        Step::CreateSnapshot => [
            "ResourceSnapshotAccessDenied",
            "ResourceSnapshotValidationFailed",
            "ResourceSnapshotConflict",
        ],
        Step::CreateSnapshotJob | Step::StartSnapshotJob => [
            "ResourceSnapshotJobAccessDenied",
            "ResourceSnapshotJobValidationFailed",
            "ResourceSnapshotJobConflict",
        ],
    };
    for step in Step::ALL {
        let [denied, refused, conflict] = codes(step);
        let absent = if step == Step::ReadContext {
            "ContextNotFound"
        } else {
            denied
        };
        for kind in ErrorKind::ALL {
            let expected = match kind {
                ErrorKind::AccessDenied => denied,
                ErrorKind::ResourceNotFound => absent,
                ErrorKind::Validation => refused,
                ErrorKind::Conflict => conflict,
                ErrorKind::ServiceQuotaExceeded => "ServiceQuotaExceeded",
                ErrorKind::Throttling => "RequestThrottled",
                _ => "InternalError",
            };
            let code = reason_code(step, *kind);
            assert!(code.check(), "{step:?} {kind:?}");
            assert_eq!(code.as_str(), expected, "{step:?} {kind:?}");
        }
    }
}

#[test]
fn every_reason_of_the_contract_can_be_told() {
    let mut told: Vec<String> = Step::ALL
        .iter()
        .flat_map(|step| ErrorKind::ALL.iter().map(|kind| reason_code(*step, *kind)))
        .map(|code| code.as_str().to_owned())
        .collect();
    // The other two are told of leads; `lead` provokes them.
    told.extend(
        [
            "CustomerProjectContextNotPermitted",
            "DisqualifiedLeadNotPermitted",
        ]
        .map(str::to_owned),
    );
    told.sort();
    told.dedup();
    let mut known: Vec<&str> = ReasonCode::VALUES.to_vec();
    known.sort_unstable();
    assert_eq!(told, known);
    assert_eq!(known.len(), 22);
}

#[test]
fn the_message_joins_the_violations_as_recorded() {
    let violations = [
        Violation::new(
            "relatedEntityIdentifiers.solutions",
            Code::InvalidValue,
            "Associate atleast one solution",
        ),
        Violation::new(
            "customer.account.address.stateOrRegion",
            Code::RequiredFieldMissing,
            "customer.account.address.stateOrRegion is required",
        ),
    ];
    assert_eq!(
        failure_message(&violations),
        "BUSINESS_VALIDATION_EXCEPTION relatedEntityIdentifiers.solutions:Associate atleast one solution;REQUIRED_FIELD_MISSING customer.account.address.stateOrRegion:customer.account.address.stateOrRegion is required"
    );
    assert_eq!(failure_message(&[]), "");
}

#[test]
fn a_refused_submission_reads_as_recorded() {
    let draft = draft();
    let violations = submit_as(&draft, "Co-Sell", Some("Limited")).unwrap_err();
    let failure = Failure::submission(&draft, &violations);
    assert_eq!(failure.reason_code, ReasonCode::OpportunitySubmissionFailed);
    assert_eq!(
        failure.message,
        "BUSINESS_VALIDATION_EXCEPTION primaryNeedsFromAws:Cannot set visibility to limited on a Co-Sell opportunity;ACTION_NOT_PERMITTED:You cannot perform Submit action. Opportunity cannot be submitted or updated to Limited Visibility"
    );
}

#[test]
fn what_the_caller_can_do_about_a_submission_decides_its_reason() {
    let reason = |stored: &Opportunity, involvement: &str| {
        let violations = submit_as(stored, involvement, None).unwrap_err();
        Failure::submission(stored, &violations).reason_code
    };
    let bare = created(&whole_input());
    assert_eq!(reason(&bare, "Co-Sell"), ReasonCode::OpportunityValidationFailed);
    for (status, expected) in [
        ("Submitted", ReasonCode::OpportunityConflict),
        ("In review", ReasonCode::OpportunityConflict),
        ("Approved", ReasonCode::OpportunityConflict),
        ("Rejected", ReasonCode::OpportunitySubmissionFailed),
        ("", ReasonCode::OpportunitySubmissionFailed),
    ] {
        assert_eq!(
            reason(&of_status(&draft(), status), "Co-Sell"),
            expected,
            "{status}"
        );
    }
    let asked_back = of_status(&draft(), "Action Required");
    assert_eq!(
        reason(&asked_back, "For Visibility Only"),
        ReasonCode::OpportunitySubmissionFailed
    );
}

#[test]
fn an_invitation_can_be_accepted_while_it_is_pending() {
    assert_eq!(Failure::acceptance(&InvitationStatus::Pending), None);
    for (status, code, told) in [
        (
            InvitationStatus::Accepted,
            ReasonCode::EngagementInvitationConflict,
            "accepted before",
        ),
        (
            InvitationStatus::Rejected,
            ReasonCode::InvitationValidationFailed,
            "was rejected",
        ),
        (
            InvitationStatus::Expired,
            ReasonCode::InvitationValidationFailed,
            "has expired",
        ),
    ] {
        let failure = Failure::acceptance(&status).unwrap();
        assert_eq!(failure.reason_code, code);
        assert!(failure.message.contains(told), "{}", failure.message);
    }
}

#[test]
fn an_error_tells_its_violations_or_else_its_message() {
    let full = ApiError::new(ErrorKind::ServiceQuotaExceeded, "The engagement has 10 members");
    assert_eq!(
        Failure::of(Step::AcceptInvitation, &full),
        Failure::new(ReasonCode::ServiceQuotaExceeded, "The engagement has 10 members")
    );
    let tags = vec![Violation::new("tags.key", Code::InvalidValue, "reserved")];
    let expected = Failure::new(
        ReasonCode::ResourceSnapshotJobValidationFailed,
        "BUSINESS_VALIDATION_EXCEPTION tags.key:reserved",
    );
    assert_eq!(Failure::refused(Step::CreateSnapshotJob, &tags), expected);
    let error = ApiError::business_validation(tags);
    assert_eq!(Failure::of(Step::CreateSnapshotJob, &error), expected);
    let broken = Failure::of(Step::CreateEngagement, &ApiError::internal("disk on fire"));
    assert_eq!(broken.reason_code, ReasonCode::InternalError);
    assert!(!broken.message.contains("fire"), "details are for the log");
}

proptest! {
    #[test]
    fn the_message_has_one_entry_for_each_violation(
        entries in prop::collection::vec((prop::option::of("[a-z]{1,8}(\\.[a-z]{1,8})?"), 0..Code::VALUES.len(), "[A-Za-z ]{1,20}"), 0..6)
    ) {
        let violations: Vec<Violation> = entries.iter().map(|(field, code, message)| {
            let code = Code::from(Code::VALUES[*code]);
            match field {
                Some(field) => Violation::new(field, code, message),
                None => Violation::without_field(code, message),
            }
        }).collect();
        let text = failure_message(&violations);
        let parts: Vec<&str> = text.split(';').filter(|part| !part.is_empty()).collect();
        prop_assert_eq!(parts.len(), violations.len());
        for (part, (field, _, message)) in parts.iter().zip(&entries) {
            let (head, told) = part.split_once(':').unwrap();
            prop_assert_eq!(told, message);
            prop_assert_eq!(head.split_once(' ').map(|(_, field)| field), field.as_deref());
            prop_assert!(!head.contains("INVALID_VALUE"));
        }
    }
}
