//! How a failing step of a task is told: its reason code and its message.

use cosell_domain::opportunity::Opportunity;
use cosell_domain::task::{Failure, Step, failure_message, reason_code};
use cosell_model::enums::{InvitationStatus, ReasonCode, ValidationExceptionErrorCode as Code};
use cosell_model::{ApiError, Check, ErrorKind, Violation};
use proptest::prelude::*;

use crate::support::*;

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
