//! What several tests share: valid values made from the shape tables, and the list of all types.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::sync::LazyLock;

use cosell_model::pattern::length;
use cosell_model::{Shape, ShapeKind};
use serde_json::{Map, Value, json};

static SAMPLES: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../facts/patterns.json")).unwrap());

/// A sample is a text, or `[unit, times, rest]`.
pub fn expand(sample: &Value) -> String {
    match sample {
        Value::Array(parts) => {
            let times = usize::try_from(parts[1].as_u64().unwrap()).unwrap();
            parts[0].as_str().unwrap().repeat(times) + parts[2].as_str().unwrap()
        }
        _ => sample.as_str().unwrap().to_owned(),
    }
}

/// Samples that a pattern matches (or does not).
pub fn samples(source: &str, verdict: &str) -> Vec<String> {
    SAMPLES[source][verdict]
        .as_array()
        .unwrap()
        .iter()
        .map(expand)
        .collect()
}

/// A small deterministic source of choices.
pub struct Choices(pub u64);

impl Choices {
    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (bound.max(1) as u64)).unwrap()
    }
}

/// How a valid value is made.
pub enum Style<'a> {
    /// Everything present, one element a list, the union member with this number.
    Full(usize),
    /// Whatever the choices say.
    Random(&'a mut Choices),
}

impl Style<'_> {
    fn choose(&mut self, bound: usize) -> usize {
        match self {
            Self::Full(_) => 0,
            Self::Random(choices) => choices.below(bound),
        }
    }
}

/// A value that obeys the shape.
pub fn valid(shape: &Shape, style: &mut Style<'_>) -> Value {
    match &shape.kind {
        ShapeKind::Structure { members, union: true } => {
            let index = match style {
                Style::Full(index) => *index % members.len(),
                Style::Random(choices) => choices.below(members.len()),
            };
            let member = &members[index];
            json!({ member.name: valid(member.shape, style) })
        }
        ShapeKind::Structure { members, .. } => {
            let mut object = Map::new();
            for member in *members {
                if member.required || style.choose(3) < 2 {
                    object.insert(member.name.to_owned(), valid(member.shape, style));
                }
            }
            Value::Object(object)
        }
        ShapeKind::List { element, min, max } => {
            let least = min.unwrap_or(0).max(1) as usize;
            let most = max.map_or(3, |max| max as usize).min(least + 2);
            let count = least + style.choose(most - least + 1);
            (0..count).map(|_| valid(element, style)).collect()
        }
        ShapeKind::Map { key, value, .. } => {
            let mut object = Map::new();
            for _ in 0..=style.choose(3) {
                let name = valid(key, style).as_str().unwrap().to_owned();
                object.insert(name, valid(value, style));
            }
            Value::Object(object)
        }
        ShapeKind::String { values, .. } if !values.is_empty() => json!(values[style.choose(values.len())]),
        ShapeKind::String {
            min,
            max,
            pattern: Some(pattern),
            ..
        } => {
            let (min, max) = (min.unwrap_or(0), max.unwrap_or(u32::MAX));
            let fitting: Vec<_> = samples(pattern.source, "match")
                .into_iter()
                .filter(|text| length(text, min, max))
                .collect();
            json!(fitting[style.choose(fitting.len())])
        }
        ShapeKind::String { min, max, .. } => {
            let least = min.unwrap_or(0) as usize;
            let most = max.map_or(40, |max| max as usize);
            let count = least + style.choose((most - least).min(400) + 1);
            let unit = ["x", "é", "😀", "\"", "\n"][style.choose(5)];
            json!(unit.repeat(count))
        }
        ShapeKind::Integer { min, max } => {
            let least = min.unwrap_or(-5);
            json!(
                least + i32::try_from(style.choose(max.map_or(9, |max| (max - least) as usize + 1))).unwrap()
            )
        }
        ShapeKind::Timestamp => {
            let texts = [
                "2026-01-02T03:04:05.678Z",
                "1969-12-31T23:59:59.000Z",
                "2100-02-28T00:00:00.001Z",
            ];
            json!(texts[style.choose(3)])
        }
    }
}

/// Calls a macro for each request type.
#[macro_export]
macro_rules! each_request {
    ($call:ident) => {
        $call!(
            AcceptEngagementInvitationRequest,
            AssignOpportunityRequest,
            AssociateOpportunityRequest,
            CreateEngagementRequest,
            CreateEngagementContextRequest,
            CreateEngagementInvitationRequest,
            CreateOpportunityRequest,
            CreateResourceSnapshotRequest,
            CreateResourceSnapshotJobRequest,
            DeleteResourceSnapshotJobRequest,
            DisassociateOpportunityRequest,
            GetAwsOpportunitySummaryRequest,
            GetEngagementRequest,
            GetEngagementInvitationRequest,
            GetOpportunityRequest,
            GetProspectingFromEngagementTaskRequest,
            GetResourceSnapshotRequest,
            GetResourceSnapshotJobRequest,
            GetSellingSystemSettingsRequest,
            ListEngagementByAcceptingInvitationTasksRequest,
            ListEngagementFromOpportunityTasksRequest,
            ListEngagementInvitationsRequest,
            ListEngagementMembersRequest,
            ListEngagementResourceAssociationsRequest,
            ListEngagementsRequest,
            ListOpportunitiesRequest,
            ListOpportunityFromEngagementTasksRequest,
            ListProspectingFromEngagementTasksRequest,
            ListResourceSnapshotJobsRequest,
            ListResourceSnapshotsRequest,
            ListSolutionsRequest,
            ListTagsForResourceRequest,
            PutSellingSystemSettingsRequest,
            RejectEngagementInvitationRequest,
            StartEngagementByAcceptingInvitationTaskRequest,
            StartEngagementFromOpportunityTaskRequest,
            StartOpportunityFromEngagementTaskRequest,
            StartProspectingFromEngagementTaskRequest,
            StartResourceSnapshotJobRequest,
            StopResourceSnapshotJobRequest,
            SubmitOpportunityRequest,
            TagResourceRequest,
            UntagResourceRequest,
            UpdateEngagementContextRequest,
            UpdateOpportunityRequest
        )
    };
}

/// Calls a macro for each answer type.
#[macro_export]
macro_rules! each_response {
    ($call:ident) => {
        $call!(
            CreateEngagementContextResponse,
            CreateEngagementInvitationResponse,
            CreateEngagementResponse,
            CreateOpportunityResponse,
            CreateResourceSnapshotJobResponse,
            CreateResourceSnapshotResponse,
            GetAwsOpportunitySummaryResponse,
            GetEngagementInvitationResponse,
            GetEngagementResponse,
            GetOpportunityResponse,
            GetProspectingFromEngagementTaskResponse,
            GetResourceSnapshotJobResponse,
            GetResourceSnapshotResponse,
            GetSellingSystemSettingsResponse,
            ListEngagementByAcceptingInvitationTasksResponse,
            ListEngagementFromOpportunityTasksResponse,
            ListEngagementInvitationsResponse,
            ListEngagementMembersResponse,
            ListEngagementResourceAssociationsResponse,
            ListEngagementsResponse,
            ListOpportunitiesResponse,
            ListOpportunityFromEngagementTasksResponse,
            ListProspectingFromEngagementTasksResponse,
            ListResourceSnapshotJobsResponse,
            ListResourceSnapshotsResponse,
            ListSolutionsResponse,
            ListTagsForResourceResponse,
            PutSellingSystemSettingsResponse,
            StartEngagementByAcceptingInvitationTaskResponse,
            StartEngagementFromOpportunityTaskResponse,
            StartOpportunityFromEngagementTaskResponse,
            StartProspectingFromEngagementTaskResponse,
            TagResourceResponse,
            UntagResourceResponse,
            UpdateEngagementContextResponse,
            UpdateOpportunityResponse
        )
    };
}
