//! How the failure of a step is told: the reason code and the message of a failed task.
//!
//! AWS publishes the 22 codes without their meaning. Each is read here as one step and one way in which it fails;
//! `docs/tasks.md` is the same table for readers. Knows errors only by their kind, never how they came about.

use cosell_model::enums::{InvitationStatus, ReasonCode, ReviewStatus, ValidationExceptionErrorCode as Code};
use cosell_model::{ApiError, ErrorKind, Violation};
use serde::{Deserialize, Serialize};

use crate::opportunity::Opportunity;

/// One step of a task, each an operation that a caller could also send alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// Reads the opportunity.
    ReadOpportunity,
    /// Makes the opportunity.
    CreateOpportunity,
    /// Submits the opportunity.
    SubmitOpportunity,
    /// Reads the engagement.
    ReadEngagement,
    /// Makes the engagement.
    CreateEngagement,
    /// Looks for the context in the engagement.
    ReadContext,
    /// Adds a context to the engagement.
    CreateContext,
    /// Reads the invitation.
    ReadInvitation,
    /// Invites AWS.
    CreateInvitation,
    /// Accepts the invitation, which adds a member to the engagement.
    AcceptInvitation,
    /// Takes the first snapshot.
    CreateSnapshot,
    /// Makes the snapshot job.
    CreateSnapshotJob,
    /// Starts the snapshot job.
    StartSnapshotJob,
}

impl Step {
    /// Every step.
    pub const ALL: [Step; 13] = [
        Step::ReadOpportunity,
        Step::CreateOpportunity,
        Step::SubmitOpportunity,
        Step::ReadEngagement,
        Step::CreateEngagement,
        Step::ReadContext,
        Step::CreateContext,
        Step::ReadInvitation,
        Step::CreateInvitation,
        Step::AcceptInvitation,
        Step::CreateSnapshot,
        Step::CreateSnapshotJob,
        Step::StartSnapshotJob,
    ];

    /// The codes for: not allowed (or not to be found, which is the same to the caller), refused, in conflict.
    const fn codes(self) -> (ReasonCode, ReasonCode, ReasonCode) {
        match self {
            Step::ReadOpportunity | Step::CreateOpportunity => (
                ReasonCode::OpportunityAccessDenied,
                ReasonCode::OpportunityValidationFailed,
                ReasonCode::OpportunityConflict,
            ),
            Step::SubmitOpportunity => (
                ReasonCode::OpportunityAccessDenied,
                ReasonCode::OpportunitySubmissionFailed,
                ReasonCode::OpportunityConflict,
            ),
            Step::ReadEngagement | Step::CreateEngagement | Step::ReadContext | Step::CreateContext => (
                ReasonCode::EngagementAccessDenied,
                ReasonCode::EngagementValidationFailed,
                ReasonCode::EngagementConflict,
            ),
            Step::ReadInvitation | Step::CreateInvitation | Step::AcceptInvitation => (
                ReasonCode::InvitationAccessDenied,
                ReasonCode::InvitationValidationFailed,
                ReasonCode::EngagementInvitationConflict,
            ),
            Step::CreateSnapshot => (
                ReasonCode::ResourceSnapshotAccessDenied,
                ReasonCode::ResourceSnapshotValidationFailed,
                ReasonCode::ResourceSnapshotConflict,
            ),
            Step::CreateSnapshotJob | Step::StartSnapshotJob => (
                ReasonCode::ResourceSnapshotJobAccessDenied,
                ReasonCode::ResourceSnapshotJobValidationFailed,
                ReasonCode::ResourceSnapshotJobConflict,
            ),
        }
    }
}

/// The code for a step that failed with that kind of error. Limits and throttling have one code whatever the step;
/// everything that is the server's own fault is InternalError.
pub fn reason_code(step: Step, kind: ErrorKind) -> ReasonCode {
    let (denied, refused, conflict) = step.codes();
    match kind {
        ErrorKind::ResourceNotFound if step == Step::ReadContext => ReasonCode::ContextNotFound,
        ErrorKind::AccessDenied | ErrorKind::ResourceNotFound => denied,
        ErrorKind::Validation => refused,
        ErrorKind::Conflict => conflict,
        ErrorKind::ServiceQuotaExceeded => ReasonCode::ServiceQuotaExceeded,
        ErrorKind::Throttling => ReasonCode::RequestThrottled,
        _ => ReasonCode::InternalError,
    }
}

/// Why a task failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Which step failed and how.
    pub reason_code: ReasonCode,
    /// What is wrong, in words for the caller; never empty.
    pub message: String,
}

impl Failure {
    /// A failure with a code and a text of its own.
    pub fn new(reason_code: ReasonCode, message: impl Into<String>) -> Self {
        Self {
            reason_code,
            message: message.into(),
        }
    }

    /// The failure of a step that ended with that error.
    pub fn of(step: Step, error: &ApiError) -> Self {
        let message = if error.violations.is_empty() {
            error.message.clone()
        } else {
            failure_message(&error.violations)
        };
        Self::new(reason_code(step, error.kind), message)
    }

    /// The failure of a step that broke those rules of business; `violations` is not empty.
    pub fn refused(step: Step, violations: &[Violation]) -> Self {
        Self::new(
            reason_code(step, ErrorKind::Validation),
            failure_message(violations),
        )
    }

    /// The failure of a submission. What the caller can do differs, and so does the code: an opportunity that is under way
    /// already is a conflict; one whose fields do not do yet is to be edited; anything else is a submission that cannot be.
    pub fn submission(stored: &Opportunity, violations: &[Violation]) -> Self {
        let under_way = matches!(
            stored.review_status(),
            Some(ReviewStatus::Submitted | ReviewStatus::InReview | ReviewStatus::Approved)
        );
        let of_state = |v: &Violation| v.code == Code::InvalidResourceState;
        let of_request = |v: &Violation| {
            of_state(v) || v.field_name.is_none() || v.field_name.as_deref() == Some("involvementType")
        };
        let code = if under_way && violations.iter().any(of_state) {
            ReasonCode::OpportunityConflict
        } else if violations.iter().any(of_request) {
            ReasonCode::OpportunitySubmissionFailed
        } else {
            ReasonCode::OpportunityValidationFailed
        };
        Self::new(code, failure_message(violations))
    }

    /// The failure to accept an invitation of that status, if there is one. One that was accepted before is a repeated
    /// task; one that was rejected or ran out cannot be accepted at all.
    pub fn acceptance(status: &InvitationStatus) -> Option<Self> {
        let (code, message) = match status {
            InvitationStatus::Pending => return None,
            InvitationStatus::Accepted => (
                ReasonCode::EngagementInvitationConflict,
                "The invitation was accepted before: its opportunity is the one of the task that accepted it",
            ),
            InvitationStatus::Expired => (
                ReasonCode::InvitationValidationFailed,
                "The invitation has expired: ask its sender for a new one",
            ),
            _ => (
                ReasonCode::InvitationValidationFailed,
                "The invitation was rejected: ask its sender for a new one",
            ),
        };
        Some(Self::new(code, message))
    }
}

/// `CODE field:message;CODE field:message`, the form recorded of AWS; `CODE:message` for what names no field. Tasks show
/// a broken rule's INVALID_VALUE as BUSINESS_VALIDATION_EXCEPTION, a code that stands nowhere else (behaviours 4.1).
pub fn failure_message(violations: &[Violation]) -> String {
    let entry = |violation: &Violation| {
        let code = match &violation.code {
            Code::InvalidValue => "BUSINESS_VALIDATION_EXCEPTION",
            code => code.as_str(),
        };
        match &violation.field_name {
            Some(field) => format!("{code} {field}:{}", violation.message),
            None => format!("{code}:{}", violation.message),
        }
    };
    violations.iter().map(entry).collect::<Vec<_>>().join(";")
}
