//! What an engagement is about: customer projects, leads, and the results of AWS's prospecting (behaviours 3.2).
//!
//! Contexts are numbered in the order of their creation and are never taken away; only a new prospecting result takes
//! the place of the old one. Callers write projects and leads; prospecting results are AWS's.

use cosell_model::enums::{EngagementContextType as Kind, ValidationExceptionErrorCode as Code};
use cosell_model::types::{
    CreateEngagementContextRequest, CustomerProjectsContext, EngagementContextDetails,
    EngagementContextPayload, GetOpportunityResponse, LeadContext, ProspectingResult,
    UpdateEngagementContextPayload, UpdateEngagementContextRequest, UpdateLeadContext,
};
use cosell_model::{Timestamp, Violation};

use super::invitation::payload;
use super::{Engagement, MAX_CONTEXTS, Refusal};
use crate::calendar;

/// How many interactions a lead can hold.
pub const MAX_INTERACTIONS: usize = 10;

/// The qualification of a lead that was created without one.
pub const UNQUALIFIED: &str = "Unqualified";

/// Where a context stands in a request, for the violations on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paths {
    kind: &'static str,
    payload: &'static str,
    date: &'static str,
}

impl Paths {
    /// In the list that comes with a new engagement.
    pub(super) const IN_LIST: Self = Self {
        kind: "contexts.type",
        payload: "contexts.payload",
        date: "contexts.payload.customerProject.project.targetCompletionDate",
    };
    /// As the one subject of a request.
    const ALONE: Self = Self {
        kind: "type",
        payload: "payload",
        date: "payload.customerProject.project.targetCompletionDate",
    };
}

/// Decides CreateEngagementContext by `caller`: the engagement with one context more, and that context's identifier.
pub fn create(
    stored: &Engagement,
    caller: &str,
    input: CreateEngagementContextRequest,
    now: Timestamp,
) -> Result<(Engagement, String), Refusal> {
    stored.members_only(caller)?;
    let context = accepted(next_id(stored), input.r#type, Some(input.payload), Paths::ALONE)?;
    appended(stored, context, caller, now)
}

/// Decides UpdateEngagementContext by `caller`.
///
/// A customer project is replaced as a whole. Of a lead the customer is replaced, the qualification and the insights
/// where they are sent (leaving them out keeps them, since the insights are AWS's own), and the one interaction is
/// appended.
pub fn update(
    stored: &Engagement,
    caller: &str,
    input: UpdateEngagementContextRequest,
    now: Timestamp,
) -> Result<Engagement, Refusal> {
    stored.members_only(caller)?;
    let id = input.context_identifier;
    let Some(index) = stored
        .contexts
        .iter()
        .position(|context| context.id.as_deref() == Some(&id))
    else {
        return Err(Refusal::NotFound(format!(
            "There is no context {id} in engagement {}",
            stored.id
        )));
    };
    if input.engagement_last_modified_at != stored.modified_at {
        return Err(Refusal::Conflict(
            "EngagementLastModifiedAt is not the latest: read the engagement again and send its ModifiedAt"
                .to_owned(),
        ));
    }
    let kind = &stored.contexts[index].r#type;
    let mut found: Vec<Violation> = Vec::new();
    if input.r#type != *kind {
        found.push(Violation::new(
            "type",
            Code::InvalidValue,
            format!("Context {id} is of type {kind}, and a context's type cannot change: send {kind}"),
        ));
    }
    found.extend(check_update(&input.r#type, &input.payload).err());
    if !found.is_empty() {
        return Err(Refusal::Violations(found));
    }

    let mut next = stored.clone();
    let payload = next.contexts[index].payload.get_or_insert_default();
    match input.payload {
        UpdateEngagementContextPayload {
            customer_project: Some(project),
            ..
        } => payload.customer_project = Some(project),
        UpdateEngagementContextPayload { lead: Some(sent), .. } => merge_lead(&mut payload.lead, sent)?,
        UpdateEngagementContextPayload { .. } => {}
    }
    next.touch(caller, now);
    Ok(next)
}

fn check_update(kind: &Kind, payload: &UpdateEngagementContextPayload) -> Result<(), Violation> {
    check_writable(kind, Paths::ALONE)?;
    match (kind, &payload.customer_project, &payload.lead) {
        (Kind::CustomerProject, Some(project), _) => check_date(project, Paths::ALONE),
        (Kind::Lead, _, Some(_)) => Ok(()),
        _ => Err(mismatched(kind, Paths::ALONE)),
    }
}

fn merge_lead(lead: &mut Option<LeadContext>, sent: UpdateLeadContext) -> Result<(), Refusal> {
    let lead = lead.get_or_insert_default();
    if sent.interaction.is_some() && lead.interactions.len() >= MAX_INTERACTIONS {
        return Err(Refusal::QuotaExceeded(format!(
            "A lead has at most {MAX_INTERACTIONS} interactions, and this one has that many: leave the interaction out"
        )));
    }
    lead.customer = sent.customer;
    lead.qualification_status = sent.qualification_status.or(lead.qualification_status.take());
    lead.insights = sent.insights.or(lead.insights.take());
    lead.interactions.extend(sent.interaction);
    Ok(())
}

/// Adds what the service itself knows of a customer project, where the engagement has none yet: `None` where it has.
/// The second part is the identifier of the new context.
pub fn add_customer_project(
    stored: &Engagement,
    project: CustomerProjectsContext,
    by: &str,
    now: Timestamp,
) -> Result<Option<(Engagement, String)>, Refusal> {
    if has(stored, &Kind::CustomerProject) {
        return Ok(None);
    }
    let context = details(next_id(stored), Kind::CustomerProject, |payload| {
        payload.customer_project = Some(project);
    });
    appended(stored, context, by, now).map(Some)
}

/// Tells the customer project of an opportunity that is shared in the engagement, where no project is told yet (behaviours
/// 3.2): `None` where one is, or where the opportunity says nothing of it.
pub fn describe(
    stored: &Engagement,
    document: &GetOpportunityResponse,
    by: &str,
    now: Timestamp,
) -> Result<Option<Engagement>, Refusal> {
    let Some(project) = payload::customer_project(document) else {
        return Ok(None);
    };
    let added = add_customer_project(stored, project, by, now)?;
    Ok(added.map(|(next, _)| next))
}

/// Writes the result of AWS's prospecting under `id`, `ctx-` and 14 characters. A new result takes the place of an
/// older one, since nobody could remove the old one and a handful of runs would fill the engagement. `by` is AWS's
/// account.
pub fn put_prospecting_result(
    stored: &Engagement,
    id: &str,
    result: ProspectingResult,
    by: &str,
    now: Timestamp,
) -> Result<Engagement, Refusal> {
    let context = details(id.to_owned(), Kind::ProspectingResult, |payload| {
        payload.prospecting_result = Some(result);
    });
    let mut emptied = stored.clone();
    emptied
        .contexts
        .retain(|context| context.r#type != Kind::ProspectingResult);
    appended(&emptied, context, by, now).map(|(next, _)| next)
}

/// True when the engagement is about a lead that has not become an opportunity: it holds a lead and no project.
pub fn is_bare_lead(engagement: &Engagement) -> bool {
    has(engagement, &Kind::Lead) && !has(engagement, &Kind::CustomerProject)
}

/// True when the engagement holds a context of that type.
pub fn has(engagement: &Engagement, kind: &Kind) -> bool {
    engagement.contexts.iter().any(|context| context.r#type == *kind)
}

/// The context as it is kept, or the first reason why not.
pub(super) fn accepted(
    id: String,
    kind: Kind,
    payload: Option<EngagementContextPayload>,
    paths: Paths,
) -> Result<EngagementContextDetails, Violation> {
    check_writable(&kind, paths)?;
    let Some(payload) = payload else {
        let path = paths.payload;
        return Err(Violation::new(
            path,
            Code::RequiredFieldMissing,
            format!("{path} is required"),
        ));
    };
    match (&kind, payload.customer_project, payload.lead) {
        (Kind::CustomerProject, Some(project), _) => {
            check_date(&project, paths)?;
            Ok(details(id, kind, |kept| kept.customer_project = Some(project)))
        }
        (Kind::Lead, _, Some(mut lead)) => {
            lead.qualification_status
                .get_or_insert_with(|| UNQUALIFIED.to_owned());
            Ok(details(id, kind, |kept| kept.lead = Some(lead)))
        }
        _ => Err(mismatched(&kind, paths)),
    }
}

fn check_writable(kind: &Kind, paths: Paths) -> Result<(), Violation> {
    if matches!(kind, Kind::CustomerProject | Kind::Lead) {
        return Ok(());
    }
    Err(Violation::new(
        paths.kind,
        Code::ActionNotPermitted,
        format!("Contexts of type {kind} are written by AWS: send CustomerProject or Lead"),
    ))
}

fn mismatched(kind: &Kind, paths: Paths) -> Violation {
    Violation::new(
        paths.payload,
        Code::InvalidValue,
        format!("The payload must hold the member {kind}, as the type says"),
    )
}

fn check_date(context: &CustomerProjectsContext, paths: Paths) -> Result<(), Violation> {
    match &context.project {
        Some(project) if !calendar::exists(&project.target_completion_date) => Err(Violation::new(
            paths.date,
            Code::InvalidValue,
            format!("{} is not a date of the calendar", paths.date),
        )),
        _ => Ok(()),
    }
}

fn details(
    id: String,
    kind: Kind,
    fill: impl FnOnce(&mut EngagementContextPayload),
) -> EngagementContextDetails {
    let mut payload = EngagementContextPayload::default();
    fill(&mut payload);
    EngagementContextDetails {
        id: Some(id),
        r#type: kind,
        payload: Some(payload),
    }
}

/// The number after those given so far. Numbered contexts are never removed, so it was never given before.
fn next_id(engagement: &Engagement) -> String {
    let numbered = engagement
        .contexts
        .iter()
        .filter(|context| context.r#type != Kind::ProspectingResult)
        .count();
    (numbered + 1).to_string()
}

pub(super) fn too_many() -> Refusal {
    Refusal::QuotaExceeded(format!(
        "An engagement has at most {MAX_CONTEXTS} contexts: update one of them or create another engagement"
    ))
}

fn appended(
    stored: &Engagement,
    context: EngagementContextDetails,
    by: &str,
    now: Timestamp,
) -> Result<(Engagement, String), Refusal> {
    if stored.contexts.len() >= MAX_CONTEXTS {
        return Err(too_many());
    }
    let id = context.id.clone().unwrap_or_default();
    let mut next = stored.clone();
    next.contexts.push(context);
    next.touch(by, now);
    Ok((next, id))
}
