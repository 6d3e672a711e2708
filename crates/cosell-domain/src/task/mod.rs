//! Tasks: several steps that a caller starts with one request and that happen as one. A task is complete or failed in the
//! first answer, or in progress until a job of the server finishes it.
//!
//! Decides a task's state, names and answers, and in `reason` how a failing step is told. What the steps do to
//! opportunities, engagements and invitations is decided where those are; nothing here loads or keeps anything.

pub mod lead;
pub mod reason;
pub mod view;

use cosell_model::Timestamp;
use cosell_model::enums::{ProspectingTaskStatus, TaskStatus};
use cosell_model::types::{AwsSubmission, EngagementProspectingResult, Tag};
use serde::{Deserialize, Serialize};

pub use reason::{Failure, Step, failure_message, reason_code};

use crate::Catalog;

/// The four kinds of task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// StartEngagementFromOpportunityTask.
    EngagementFromOpportunity,
    /// StartEngagementByAcceptingInvitationTask.
    EngagementByAcceptingInvitation,
    /// StartOpportunityFromEngagementTask.
    OpportunityFromEngagement,
    /// StartProspectingFromEngagementTask.
    ProspectingFromEngagement,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 4] = [
        Kind::EngagementFromOpportunity,
        Kind::EngagementByAcceptingInvitation,
        Kind::OpportunityFromEngagement,
        Kind::ProspectingFromEngagement,
    ];

    /// The name in ARNs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::EngagementFromOpportunity => "engagement-from-opportunity-task",
            Kind::EngagementByAcceptingInvitation => "engagement-by-accepting-invitation-task",
            Kind::OpportunityFromEngagement => "opportunity-from-engagement-task",
            Kind::ProspectingFromEngagement => "prospecting-from-engagement-task",
        }
    }

    /// The kind of that exact name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// How many characters follow `task-` in its identifiers.
    pub const fn id_length(self) -> usize {
        match self {
            Kind::ProspectingFromEngagement => 14,
            _ => 13,
        }
    }

    /// The service that its ARNs name. The model's pattern for prospecting has another one than all else has.
    const fn service(self) -> &'static str {
        match self {
            Kind::ProspectingFromEngagement => "partnercentral-selling",
            _ => "partnercentral",
        }
    }

    /// `arn:aws:<service>:<region>::catalog/<catalog>/<kind>/<id>`: recorded without an account (behaviours 4.1).
    pub fn arn(self, region: &str, catalog: Catalog, id: &str) -> String {
        let service = self.service();
        format!("arn:aws:{service}:{region}::catalog/{catalog}/{self}/{id}")
    }

    /// The identifier in what a caller names a task by, which is the identifier itself or its ARN. `None` for an ARN of
    /// anything else, another kind or catalog included. The region is not compared, since only one exists.
    pub fn id_of(self, catalog: Catalog, named: &str) -> Option<&str> {
        if !named.starts_with("arn:") {
            return Some(named);
        }
        let parts: Vec<&str> = named.splitn(6, ':').collect();
        let [
            "arn",
            _,
            "partnercentral" | "partnercentral-selling",
            _,
            _,
            resource,
        ] = parts[..]
        else {
            return None;
        };
        let path: Vec<&str> = resource.split('/').collect();
        match path[..] {
            ["catalog", of, kind, id] if of == catalog.as_str() && kind == self.as_str() => Some(id),
            _ => None,
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a task was asked to do: all that is needed to do it later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Work {
    /// Submit an opportunity to AWS and share it in an engagement.
    EngagementFromOpportunity {
        /// The opportunity, `O…`.
        opportunity: String,
        /// What is asked of AWS.
        submission: AwsSubmission,
        /// The tags of the snapshot job.
        tags: Vec<Tag>,
    },
    /// Accept an invitation and make an opportunity of it.
    EngagementByAcceptingInvitation {
        /// The invitation, `engi-…`.
        invitation: String,
        /// The tags of the snapshot job.
        tags: Vec<Tag>,
    },
    /// Make an opportunity of a lead.
    OpportunityFromEngagement {
        /// The engagement, `eng-…`.
        engagement: String,
        /// The lead's context in it.
        context: String,
        /// The tags of the snapshot job.
        tags: Vec<Tag>,
    },
    /// Score the customers of engagements.
    ProspectingFromEngagement {
        /// The name the caller gave the task.
        name: String,
        /// Where each engagement stands.
        engagements: Vec<EngagementProspectingResult>,
    },
}

impl Work {
    /// The kind of task it is.
    pub const fn kind(&self) -> Kind {
        match self {
            Work::EngagementFromOpportunity { .. } => Kind::EngagementFromOpportunity,
            Work::EngagementByAcceptingInvitation { .. } => Kind::EngagementByAcceptingInvitation,
            Work::OpportunityFromEngagement { .. } => Kind::OpportunityFromEngagement,
            Work::ProspectingFromEngagement { .. } => Kind::ProspectingFromEngagement,
        }
    }
}

/// What a complete task brought about; each kind has its own members.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    /// The opportunity made, `O…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opportunity: Option<String>,
    /// The engagement made or used, `eng-…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engagement: Option<String>,
    /// The invitation to AWS, `engi-…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<String>,
    /// The context added to the engagement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The snapshot job, `job-…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
}

/// Where a task stands. Only the first state is ever left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum State {
    /// Not done yet.
    InProgress,
    /// Done, whole.
    Complete {
        /// Since when.
        ended: Timestamp,
        /// What came of it.
        created: Created,
    },
    /// Given up; nothing of it happened.
    Failed {
        /// Since when.
        ended: Timestamp,
        /// Why.
        failure: Failure,
    },
}

/// A task as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Its identifier, `task-…`.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// When the caller started it.
    pub started: Timestamp,
    /// What it is to do.
    pub work: Work,
    /// Where it stands.
    pub state: State,
}

/// What starting a task needs to know.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The region its ARN names.
    pub region: &'a str,
    /// The catalog it works in.
    pub catalog: Catalog,
    /// Its identifier, `task-…`, with [`Kind::id_length`] characters.
    pub id: &'a str,
    /// The time of the start.
    pub now: Timestamp,
}

/// A started task, in progress.
pub fn start(work: Work, context: Context<'_>) -> Task {
    Task {
        id: context.id.to_owned(),
        arn: work.kind().arn(context.region, context.catalog, context.id),
        started: context.now,
        work,
        state: State::InProgress,
    }
}

impl Task {
    /// The task, done; `None` where it has ended before, so that no task ends twice.
    pub fn complete(&self, created: Created, now: Timestamp) -> Option<Task> {
        self.ended_as(State::Complete { ended: now, created })
    }

    /// The task, given up; `None` where it has ended before.
    pub fn fail(&self, failure: Failure, now: Timestamp) -> Option<Task> {
        self.ended_as(State::Failed { ended: now, failure })
    }

    fn ended_as(&self, state: State) -> Option<Task> {
        self.in_progress().then(|| Task {
            state,
            ..self.clone()
        })
    }

    /// Its kind.
    pub const fn kind(&self) -> Kind {
        self.work.kind()
    }

    /// True until it ends.
    pub fn in_progress(&self) -> bool {
        self.state == State::InProgress
    }

    /// When it ended, if it has.
    pub fn ended(&self) -> Option<Timestamp> {
        match self.state {
            State::InProgress => None,
            State::Complete { ended, .. } | State::Failed { ended, .. } => Some(ended),
        }
    }

    /// Its status, as the first three kinds show it.
    pub fn status(&self) -> TaskStatus {
        match self.state {
            State::InProgress => TaskStatus::InProgress,
            State::Complete { .. } => TaskStatus::Complete,
            State::Failed { .. } => TaskStatus::Failed,
        }
    }

    /// Why it failed, if it has.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.state {
            State::Failed { failure, .. } => Some(failure),
            _ => None,
        }
    }

    fn created(&self) -> Option<&Created> {
        match &self.state {
            State::Complete { created, .. } => Some(created),
            _ => None,
        }
    }

    /// The opportunity it is about: the one it was started with, or the one it made.
    pub fn opportunity(&self) -> Option<&str> {
        match &self.work {
            Work::EngagementFromOpportunity { opportunity, .. } => Some(opportunity),
            _ => self.created()?.opportunity.as_deref(),
        }
    }

    /// The engagement it is about: the one it was started with, or the one it made or joined. A prospecting task is about
    /// many and has none of its own.
    pub fn engagement(&self) -> Option<&str> {
        match &self.work {
            Work::OpportunityFromEngagement { engagement, .. } => Some(engagement),
            _ => self.created()?.engagement.as_deref(),
        }
    }

    /// The invitation it is about: the one it was started with, or the one it sent.
    pub fn invitation(&self) -> Option<&str> {
        match &self.work {
            Work::EngagementByAcceptingInvitation { invitation, .. } => Some(invitation),
            _ => self.created()?.invitation.as_deref(),
        }
    }

    /// The context it is about: the one it added, as recorded of AWS; until then the lead's, which it was started with.
    pub fn context(&self) -> Option<&str> {
        let added = self.created().and_then(|created| created.context.as_deref());
        match &self.work {
            Work::OpportunityFromEngagement { context, .. } => added.or(Some(context)),
            _ => added,
        }
    }

    /// The snapshot job it made.
    pub fn job(&self) -> Option<&str> {
        self.created()?.job.as_deref()
    }

    /// The name the caller gave it; only prospecting tasks have one.
    pub fn name(&self) -> Option<&str> {
        match &self.work {
            Work::ProspectingFromEngagement { name, .. } => Some(name),
            _ => None,
        }
    }

    /// The engagements of a prospecting task; empty for the other kinds.
    pub fn engagements(&self) -> &[EngagementProspectingResult] {
        match &self.work {
            Work::ProspectingFromEngagement { engagements, .. } => engagements,
            _ => &[],
        }
    }

    /// How many engagements of a prospecting task are in that state.
    pub fn count(&self, status: &ProspectingTaskStatus) -> i32 {
        let of_status = self.engagements().iter().filter(|one| one.status == *status);
        // The contract bounds the list at 100.
        i32::try_from(of_status.count()).unwrap_or(i32::MAX)
    }
}
