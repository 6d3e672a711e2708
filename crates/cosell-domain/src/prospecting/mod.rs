//! Prospecting: what is known about the customers of engagements, asked for by a task and written as contexts.
//!
//! AWS draws on data of its own. This server has none and makes results up, always the same for the same seed, customer
//! and engagement (`result`); the texts say so. Decides who is looked at and where each engagement of a task stands;
//! writing the context is the engagement's rule.

pub mod geography;
pub mod result;

use std::collections::BTreeSet;

use cosell_model::Timestamp;
use cosell_model::enums::{CountryCode, Industry, ProspectingTaskStatus, ReasonCode};
use cosell_model::types::{EngagementContextDetails, EngagementProspectingResult};
use cosell_model::{Check, enums::EngagementContextType};

use crate::task::{Created, Failure, State, Task, Work};

pub use result::{About, result};

/// The customer an engagement is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Subject {
    /// Its name.
    pub company: String,
    /// Its industry, where the engagement says one that the contract knows.
    pub industry: Option<Industry>,
    /// Its country, likewise.
    pub country: Option<CountryCode>,
    /// Its market segment, in the words of the lead.
    pub segment: Option<String>,
}

impl Subject {
    /// The customer in an engagement's contexts: of the latest customer project that names one, or else of the latest
    /// lead. `None` where the engagement names no customer.
    pub fn of(contexts: &[EngagementContextDetails]) -> Option<Self> {
        let latest_first = || contexts.iter().rev();
        latest_first()
            .find_map(Self::of_project)
            .or_else(|| latest_first().find_map(Self::of_lead))
    }

    fn of_project(context: &EngagementContextDetails) -> Option<Self> {
        let project = context.payload.as_ref()?.customer_project.as_ref()?;
        let customer = project.customer.as_ref()?;
        Some(Self {
            company: customer.company_name.clone(),
            industry: Some(customer.industry.clone()).filter(Check::check),
            country: Some(customer.country_code.clone()).filter(Check::check),
            segment: None,
        })
    }

    fn of_lead(context: &EngagementContextDetails) -> Option<Self> {
        if context.r#type != EngagementContextType::Lead {
            return None;
        }
        let customer = &context.payload.as_ref()?.lead.as_ref()?.customer;
        let filled = |text: &&str| !text.trim().is_empty();
        let country = customer
            .address
            .as_ref()
            .and_then(|address| address.country_code.as_deref());
        Some(Self {
            company: customer.company_name.clone(),
            industry: customer
                .industry
                .as_deref()
                .map(Industry::from)
                .filter(Check::check),
            country: country
                .map(|code| CountryCode::from(code.trim().to_ascii_uppercase().as_str()))
                .filter(Check::check),
            segment: customer
                .market_segment
                .as_deref()
                .filter(filled)
                .map(str::to_owned),
        })
    }
}

/// What StartProspectingFromEngagementTask asks for: every engagement pending, each one once.
pub fn work(name: String, identifiers: &[String]) -> Work {
    let mut seen = BTreeSet::new();
    let engagements = identifiers
        .iter()
        .filter(|identifier| seen.insert(identifier.as_str()))
        .map(|identifier| EngagementProspectingResult {
            engagement_identifier: identifier.clone(),
            engagement_context_id: None,
            status: ProspectingTaskStatus::Pending,
            reason_code: None,
            message: None,
        })
        .collect();
    Work::ProspectingFromEngagement { name, engagements }
}

/// The task with its pending engagements in progress; `None` where none is pending.
pub fn begin(task: &Task) -> Option<Task> {
    let mut next = task.clone();
    let mut begun = false;
    for one in open_engagements(&mut next)? {
        if one.status == ProspectingTaskStatus::Pending {
            one.status = ProspectingTaskStatus::InProgress;
            begun = true;
        }
    }
    begun.then_some(next)
}

/// The task after one of its engagements came to an end: with the context that was written, `ctx-…`, or a failure. When
/// the last one does, the task ends: failed where every engagement failed, else complete. `None` where that engagement is
/// not among the task's, or has ended before.
pub fn settle(
    task: &Task,
    engagement: &str,
    outcome: Result<String, Failure>,
    now: Timestamp,
) -> Option<Task> {
    let mut next = task.clone();
    let one = open_engagements(&mut next)?
        .iter_mut()
        .find(|one| one.engagement_identifier == engagement && !is_settled(&one.status))?;
    match outcome {
        Ok(context) => {
            one.status = ProspectingTaskStatus::Completed;
            one.engagement_context_id = Some(context);
        }
        Err(failure) => {
            one.status = ProspectingTaskStatus::Failed;
            one.reason_code = Some(failure.reason_code.as_str().to_owned());
            one.message = Some(failure.message);
        }
    }
    Some(conclude(next, now))
}

/// The failure of an engagement that the caller may not see, or that does not exist: the two cannot be told apart.
pub fn not_a_member(engagement: &str) -> Failure {
    Failure::new(
        ReasonCode::EngagementAccessDenied,
        format!(
            "The account is not a member of an engagement {engagement}: ListEngagements lists its engagements"
        ),
    )
}

/// The failure of an engagement that names no customer.
pub fn no_customer() -> Failure {
    Failure::new(
        ReasonCode::EngagementValidationFailed,
        "The engagement names no customer: add a context of type Lead or CustomerProject",
    )
}

/// The engagements of a prospecting task that has not ended.
fn open_engagements(task: &mut Task) -> Option<&mut Vec<EngagementProspectingResult>> {
    match (&task.state, &mut task.work) {
        (State::InProgress, Work::ProspectingFromEngagement { engagements, .. }) => Some(engagements),
        _ => None,
    }
}

fn is_settled(status: &ProspectingTaskStatus) -> bool {
    matches!(
        status,
        ProspectingTaskStatus::Completed | ProspectingTaskStatus::Failed
    )
}

/// The task, ended where none of its engagements is open: so also one without any, which the contract allows.
pub fn conclude(task: Task, now: Timestamp) -> Task {
    let engagements = task.engagements();
    if !engagements.iter().all(|one| is_settled(&one.status)) {
        return task;
    }
    let failed = |one: &EngagementProspectingResult| one.status == ProspectingTaskStatus::Failed;
    let ended = match engagements.first() {
        Some(first) if engagements.iter().all(failed) => {
            let alike = engagements.iter().all(|one| one.reason_code == first.reason_code);
            let code = match &first.reason_code {
                Some(code) if alike => ReasonCode::from(code.as_str()),
                _ => ReasonCode::EngagementValidationFailed,
            };
            let message = "No engagement could be prospected: each one's own reason is in GetProspectingFromEngagementTask";
            task.fail(Failure::new(code, message), now)
        }
        _ => task.complete(Created::default(), now),
    };
    ended.unwrap_or(task)
}
