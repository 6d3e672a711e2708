//! CreateEngagement: a room with its creator as the first member.

use cosell_model::Timestamp;
use cosell_model::types::{CreateEngagementRequest, GetOpportunityResponse};

use super::{
    DESCRIPTION_LIMIT, Engagement, MAX_CONTEXTS, Member, Profile, Refusal, TITLE_LIMIT, context, truncated,
};
use crate::{Catalog, arn};

/// What a creation needs to know besides its input.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Who creates it.
    pub creator: &'a Profile,
    /// The catalog it will live in.
    pub catalog: Catalog,
    /// The region its ARN names.
    pub region: &'a str,
    /// Its identifier, `eng-` and 14 characters.
    pub id: &'a str,
    /// The time of the creation.
    pub now: Timestamp,
}

/// Decides a creation. Identifiers that callers give to contexts are not looked at: contexts are numbered from 1.
pub fn create(input: CreateEngagementRequest, known: Context<'_>) -> Result<Engagement, Refusal> {
    let sent = input.contexts.unwrap_or_default();
    if sent.len() > MAX_CONTEXTS {
        return Err(context::too_many());
    }
    let mut contexts = Vec::with_capacity(sent.len());
    let mut found = Vec::new();
    for (index, one) in sent.into_iter().enumerate() {
        let id = (index + 1).to_string();
        match context::accepted(id, one.r#type, one.payload, context::Paths::IN_LIST) {
            Ok(context) => contexts.push(context),
            // Paths carry no index, so two faults of one kind would read the same.
            Err(violation) if found.contains(&violation) => {}
            Err(violation) => found.push(violation),
        }
    }
    if !found.is_empty() {
        return Err(Refusal::Violations(found));
    }
    let account = known.creator.account_id.clone();
    Ok(Engagement {
        id: known.id.to_owned(),
        arn: arn::engagement(known.region, known.catalog, known.id),
        catalog: known.catalog.as_str().to_owned(),
        title: input.title,
        description: input.description,
        created_at: known.now,
        created_by: account.clone(),
        modified_at: known.now,
        modified_by: account,
        contexts,
        members: vec![Member {
            profile: known.creator.clone(),
            joined_at: known.now,
        }],
    })
}

/// The engagement that an opportunity is shared in when there is none yet: it has the project's title and problem, as
/// far as they fit, and tells the project as a context, as far as the opportunity says it.
pub fn of_opportunity(document: &GetOpportunityResponse, known: Context<'_>) -> Result<Engagement, Refusal> {
    let project = document.project.as_ref();
    let title = project.and_then(|project| project.title.as_deref());
    let problem = project.and_then(|project| project.customer_business_problem.as_deref());
    let filled = |text: &&str| !text.is_empty();
    let input = CreateEngagementRequest {
        title: title.filter(filled).map(|text| truncated(text, TITLE_LIMIT)),
        description: problem
            .filter(filled)
            .map(|text| truncated(text, DESCRIPTION_LIMIT)),
        ..CreateEngagementRequest::default()
    };
    let engagement = create(input, known)?;
    let by = &known.creator.account_id;
    Ok(context::describe(&engagement, document, by, known.now)?.unwrap_or(engagement))
}
