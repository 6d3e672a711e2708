//! The answers and list entries of tasks, one of each for each kind. Members without a value are absent: AWS was seen to
//! list a missing reason as the text "null", which no client can use.

use cosell_model::enums::{ProspectingTaskStatus, ReasonCode};
use cosell_model::types::{
    GetProspectingFromEngagementTaskResponse, ListEngagementByAcceptingInvitationTaskSummary,
    ListEngagementFromOpportunityTaskSummary, ListOpportunityFromEngagementTaskSummary,
    ProspectingTaskSummary, StartEngagementByAcceptingInvitationTaskResponse,
    StartEngagementFromOpportunityTaskResponse, StartOpportunityFromEngagementTaskResponse,
    StartProspectingFromEngagementTaskResponse,
};

use super::{State, Task};

fn message(task: &Task) -> Option<String> {
    task.failure().map(|failure| failure.message.clone())
}

fn reason(task: &Task) -> Option<ReasonCode> {
    task.failure().map(|failure| failure.reason_code.clone())
}

/// The answer of StartEngagementFromOpportunityTask.
pub fn engagement_from_opportunity(task: &Task) -> StartEngagementFromOpportunityTaskResponse {
    StartEngagementFromOpportunityTaskResponse {
        task_id: Some(task.id.clone()),
        task_arn: Some(task.arn.clone()),
        start_time: Some(task.started),
        task_status: Some(task.status()),
        message: message(task),
        reason_code: reason(task),
        opportunity_id: task.opportunity().map(str::to_owned),
        resource_snapshot_job_id: task.job().map(str::to_owned),
        engagement_id: task.engagement().map(str::to_owned),
        engagement_invitation_id: task.invitation().map(str::to_owned),
    }
}

/// The entry of ListEngagementFromOpportunityTasks.
pub fn engagement_from_opportunity_entry(task: &Task) -> ListEngagementFromOpportunityTaskSummary {
    let answer = engagement_from_opportunity(task);
    ListEngagementFromOpportunityTaskSummary {
        task_id: answer.task_id,
        task_arn: answer.task_arn,
        start_time: answer.start_time,
        task_status: answer.task_status,
        message: answer.message,
        reason_code: answer.reason_code,
        opportunity_id: answer.opportunity_id,
        resource_snapshot_job_id: answer.resource_snapshot_job_id,
        engagement_id: answer.engagement_id,
        engagement_invitation_id: answer.engagement_invitation_id,
    }
}

/// The answer of StartEngagementByAcceptingInvitationTask.
pub fn engagement_by_accepting_invitation(task: &Task) -> StartEngagementByAcceptingInvitationTaskResponse {
    StartEngagementByAcceptingInvitationTaskResponse {
        task_id: Some(task.id.clone()),
        task_arn: Some(task.arn.clone()),
        start_time: Some(task.started),
        task_status: Some(task.status()),
        message: message(task),
        reason_code: reason(task),
        opportunity_id: task.opportunity().map(str::to_owned),
        resource_snapshot_job_id: task.job().map(str::to_owned),
        engagement_invitation_id: task.invitation().map(str::to_owned),
    }
}

/// The entry of ListEngagementByAcceptingInvitationTasks.
pub fn engagement_by_accepting_invitation_entry(
    task: &Task,
) -> ListEngagementByAcceptingInvitationTaskSummary {
    let answer = engagement_by_accepting_invitation(task);
    ListEngagementByAcceptingInvitationTaskSummary {
        task_id: answer.task_id,
        task_arn: answer.task_arn,
        start_time: answer.start_time,
        task_status: answer.task_status,
        message: answer.message,
        reason_code: answer.reason_code,
        opportunity_id: answer.opportunity_id,
        resource_snapshot_job_id: answer.resource_snapshot_job_id,
        engagement_invitation_id: answer.engagement_invitation_id,
    }
}

/// The answer of StartOpportunityFromEngagementTask.
pub fn opportunity_from_engagement(task: &Task) -> StartOpportunityFromEngagementTaskResponse {
    StartOpportunityFromEngagementTaskResponse {
        task_id: Some(task.id.clone()),
        task_arn: Some(task.arn.clone()),
        start_time: Some(task.started),
        task_status: Some(task.status()),
        message: message(task),
        reason_code: reason(task),
        opportunity_id: task.opportunity().map(str::to_owned),
        resource_snapshot_job_id: task.job().map(str::to_owned),
        engagement_id: task.engagement().map(str::to_owned),
        context_id: task.context().map(str::to_owned),
    }
}

/// The entry of ListOpportunityFromEngagementTasks.
pub fn opportunity_from_engagement_entry(task: &Task) -> ListOpportunityFromEngagementTaskSummary {
    let answer = opportunity_from_engagement(task);
    ListOpportunityFromEngagementTaskSummary {
        task_id: answer.task_id,
        task_arn: answer.task_arn,
        start_time: answer.start_time,
        task_status: answer.task_status,
        message: answer.message,
        reason_code: answer.reason_code,
        opportunity_id: answer.opportunity_id,
        resource_snapshot_job_id: answer.resource_snapshot_job_id,
        engagement_id: answer.engagement_id,
        context_id: answer.context_id,
    }
}

/// The status of a prospecting task: pending until its first engagement is begun.
pub fn prospecting_status(task: &Task) -> ProspectingTaskStatus {
    let pending = |status: &ProspectingTaskStatus| *status == ProspectingTaskStatus::Pending;
    match task.state {
        State::InProgress if task.engagements().iter().all(|one| pending(&one.status)) => {
            ProspectingTaskStatus::Pending
        }
        State::InProgress => ProspectingTaskStatus::InProgress,
        State::Complete { .. } => ProspectingTaskStatus::Completed,
        State::Failed { .. } => ProspectingTaskStatus::Failed,
    }
}

/// The answer of StartProspectingFromEngagementTask.
pub fn prospecting(task: &Task) -> StartProspectingFromEngagementTaskResponse {
    let identifiers = task.engagements().iter();
    StartProspectingFromEngagementTaskResponse {
        identifiers: identifiers.map(|one| one.engagement_identifier.clone()).collect(),
        task_name: task.name().unwrap_or_default().to_owned(),
        message: message(task),
        reason_code: reason(task).map(|code| code.as_str().to_owned()),
        start_time: task.started,
        task_id: Some(task.id.clone()),
        task_arn: Some(task.arn.clone()),
        task_status: prospecting_status(task),
    }
}

/// The answer of GetProspectingFromEngagementTask.
pub fn prospecting_details(task: &Task) -> GetProspectingFromEngagementTaskResponse {
    GetProspectingFromEngagementTaskResponse {
        task_id: task.id.clone(),
        task_arn: task.arn.clone(),
        task_name: task.name().unwrap_or_default().to_owned(),
        start_time: task.started,
        end_time: task.ended(),
        engagements: task.engagements().to_vec(),
    }
}

/// The entry of ListProspectingFromEngagementTasks.
pub fn prospecting_entry(task: &Task) -> ProspectingTaskSummary {
    ProspectingTaskSummary {
        task_id: task.id.clone(),
        task_arn: task.arn.clone(),
        task_name: task.name().unwrap_or_default().to_owned(),
        start_time: task.started,
        end_time: task.ended(),
        // The contract bounds the list at 100.
        total_engagement_count: i32::try_from(task.engagements().len()).unwrap_or(i32::MAX),
        completed_engagement_count: task.count(&ProspectingTaskStatus::Completed),
        failed_engagement_count: task.count(&ProspectingTaskStatus::Failed),
    }
}
