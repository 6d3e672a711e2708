//! What a member sees of an engagement. Callers check membership first: nothing here hides anything.

use cosell_model::enums::EngagementContextType;
use cosell_model::types::{
    EngagementMember, EngagementMemberSummary, EngagementSummary, GetEngagementResponse,
};

use super::{Engagement, Profile};

/// Every type of context, in the order in which they are listed, with its bit in a mask.
const BITS: [(EngagementContextType, i64); 3] = [
    (EngagementContextType::CustomerProject, 1),
    (EngagementContextType::Lead, 2),
    (EngagementContextType::ProspectingResult, 4),
];

/// The bit of a type in a mask: CustomerProject 1, Lead 2, ProspectingResult 4; 0 for a type that does not exist.
pub fn context_bit(kind: &EngagementContextType) -> i64 {
    BITS.iter()
        .find(|(known, _)| known == kind)
        .map_or(0, |(_, bit)| *bit)
}

/// Which types of context an engagement holds, as a mask of [`context_bit`]s.
pub fn context_mask(engagement: &Engagement) -> i64 {
    engagement
        .contexts
        .iter()
        .fold(0, |mask, context| mask | context_bit(&context.r#type))
}

/// Every mask that a list with these filters shows: it holds one of `include`, or anything where that is empty, and
/// none of `exclude`. Empty when nothing can match.
pub fn masks(include: &[EngagementContextType], exclude: &[EngagementContextType]) -> Vec<i64> {
    let bits = |kinds: &[EngagementContextType]| kinds.iter().fold(0, |mask, kind| mask | context_bit(kind));
    let (wanted, unwanted) = (bits(include), bits(exclude));
    (0..8)
        .filter(|mask| (include.is_empty() || mask & wanted != 0) && mask & unwanted == 0)
        .collect()
}

fn context_types(engagement: &Engagement) -> Vec<EngagementContextType> {
    let mask = context_mask(engagement);
    BITS.iter()
        .filter(|(_, bit)| mask & bit != 0)
        .map(|(kind, _)| kind.clone())
        .collect()
}

fn member_count(engagement: &Engagement) -> Option<i32> {
    i32::try_from(engagement.members.len()).ok()
}

/// What GetEngagement answers.
pub fn answer(engagement: &Engagement) -> GetEngagementResponse {
    GetEngagementResponse {
        id: Some(engagement.id.clone()),
        arn: Some(engagement.arn.clone()),
        title: engagement.title.clone(),
        description: engagement.description.clone(),
        created_at: Some(engagement.created_at),
        created_by: Some(engagement.created_by.clone()),
        member_count: member_count(engagement),
        modified_at: Some(engagement.modified_at),
        modified_by: Some(engagement.modified_by.clone()),
        contexts: Some(engagement.contexts.clone()),
    }
}

/// The entry of ListEngagements.
pub fn summary(engagement: &Engagement) -> EngagementSummary {
    EngagementSummary {
        arn: Some(engagement.arn.clone()),
        id: Some(engagement.id.clone()),
        title: engagement.title.clone(),
        created_at: Some(engagement.created_at),
        created_by: Some(engagement.created_by.clone()),
        member_count: member_count(engagement),
        modified_at: Some(engagement.modified_at),
        modified_by: Some(engagement.modified_by.clone()),
        context_types: Some(context_types(engagement)),
    }
}

/// What ListEngagementMembers lists, in the order of joining.
pub fn members(engagement: &Engagement) -> Vec<EngagementMember> {
    let shown = |profile: &Profile| EngagementMember {
        company_name: Some(profile.company_name.clone()),
        website_url: profile.website_url.clone(),
        account_id: Some(profile.account_id.clone()),
    };
    engagement
        .members
        .iter()
        .map(|member| shown(&member.profile))
        .collect()
}

/// The members as an invitation shows them to somebody who is none yet: without their accounts.
pub fn member_summaries(engagement: &Engagement) -> Vec<EngagementMemberSummary> {
    engagement
        .members
        .iter()
        .map(|member| EngagementMemberSummary {
            company_name: Some(member.profile.company_name.clone()),
            website_url: member.profile.website_url.clone(),
        })
        .collect()
}
