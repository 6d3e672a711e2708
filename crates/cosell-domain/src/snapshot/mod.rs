//! Resource snapshots: numbered views of an opportunity that never change once taken, shared with an engagement.
//!
//! Decides what a template shows, whether that differs from the last snapshot, which number the next one gets and who
//! may read it. The jobs that take snapshots by themselves are in `job`. Nothing here asks who is a member of what: the
//! caller says so. Nothing is ever taken back: sharing is for good (behaviours 5).

pub mod arn;
pub mod job;
pub mod view;

use std::borrow::Cow;

use cosell_model::enums::ResourceType;
use cosell_model::types::{
    CreateResourceSnapshotResponse, EngagementResourceAssociationSummary, GetResourceSnapshotResponse,
    ResourceSnapshotPayload, ResourceSnapshotSummary,
};
use cosell_model::{Timestamp, Violation};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::engagement::Refusal;
use crate::opportunity::Opportunity;
use crate::{Catalog, Violations};

/// How many opportunities can be shared in one engagement (AWS publishes no limit; ours is what a joining member is told of
/// at once).
pub const MAX_RESOURCES: usize = 100;

/// What a snapshot shows, and to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Template {
    /// The owner's view of the deal, for every member of the engagement.
    OpportunitySummaryView,
    /// AWS's view of the deal, written by AWS for the opportunity's owner alone.
    AwsOpportunitySummaryFullView,
}

impl Template {
    /// Every template.
    pub const ALL: [Template; 2] = [
        Template::OpportunitySummaryView,
        Template::AwsOpportunitySummaryFullView,
    ];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Template::OpportunitySummaryView => "OpportunitySummaryView",
            Template::AwsOpportunitySummaryFullView => "AwsOpportunitySummaryFullView",
        }
    }

    /// The template of that exact name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|template| template.as_str() == name)
    }

    /// The template of a caller who wants to take a snapshot or have a job take them. AWS's own view is not for callers
    /// to write (sources are silent on the error; ours is ACTION_NOT_PERMITTED).
    pub fn writable(name: &str) -> Result<Self, Vec<Violation>> {
        const FIELD: &str = "resourceSnapshotTemplateIdentifier";
        let mut found = Violations::new();
        match Self::from_name(name) {
            Some(Template::OpportunitySummaryView) => {}
            Some(Template::AwsOpportunitySummaryFullView) => found.not_permitted(
                FIELD,
                "Only AWS writes snapshots of template AwsOpportunitySummaryFullView: use OpportunitySummaryView",
            ),
            None => found.invalid(
                FIELD,
                "There is no such template: use OpportunitySummaryView",
            ),
        }
        found.into_result(Template::OpportunitySummaryView)
    }
}

impl std::fmt::Display for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The newest snapshot of one engagement, opportunity and template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Its number, from 1.
    pub revision: i32,
    /// The fingerprint of what it shows.
    pub hash: String,
}

/// A snapshot as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// What GetResourceSnapshot answers.
    pub document: GetResourceSnapshotResponse,
    /// The one account besides its writer that may read it; `None` where every member may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restricted_to: Option<String>,
    /// The fingerprint of its payload.
    pub hash: String,
}

/// What a snapshot needs to know besides the opportunity.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The region its ARN names.
    pub region: &'a str,
    /// The catalog of engagement and opportunity.
    pub catalog: Catalog,
    /// The engagement that shares it, `eng-…`.
    pub engagement: &'a str,
    /// The account that owns the opportunity.
    pub owner: &'a str,
    /// AWS's account id in that catalog, as the wire shows it; the writer of AWS's own view.
    pub aws: &'a str,
    /// The accounts of the engagement's members at this moment, the owner's among them; at most 10.
    pub members: &'a [String],
    /// The time of the snapshot.
    pub now: Timestamp,
}

/// The snapshot that follows `head`, if one is due: only when a field of the template changed since, or when there is
/// none yet. `None` also for AWS's view of a deal that AWS does not know.
pub fn next(
    head: Option<&Head>,
    opportunity: &Opportunity,
    template: Template,
    context: Context<'_>,
) -> Option<Snapshot> {
    take(head, opportunity, template, context)
        .filter(|taken| head.is_none_or(|head| taken.hash.is_empty() || head.hash != taken.hash))
}

/// The snapshot that follows `head` whether or not anything changed. `None` for AWS's view of a deal that AWS does not
/// know yet.
pub fn take(
    head: Option<&Head>,
    opportunity: &Opportunity,
    template: Template,
    context: Context<'_>,
) -> Option<Snapshot> {
    let payload = view::payload(opportunity, template)?;
    let hash = fingerprint(&payload);
    let revision = head.map_or(0, |head| head.revision).saturating_add(1);
    let id = &opportunity.document.id;
    let (created_by, targets, restricted_to) = match template {
        Template::OpportunitySummaryView => (context.owner, context.members.to_vec(), None),
        Template::AwsOpportunitySummaryFullView => (
            context.aws,
            vec![context.owner.to_owned()],
            Some(context.owner.to_owned()),
        ),
    };
    let document = GetResourceSnapshotResponse {
        catalog: context.catalog.as_str().to_owned(),
        arn: Some(arn::snapshot(
            context.region,
            context.catalog,
            context.engagement,
            id,
            template,
            revision,
        )),
        created_by: Some(created_by.to_owned()),
        created_at: Some(context.now),
        engagement_id: Some(context.engagement.to_owned()),
        resource_type: Some(ResourceType::Opportunity),
        resource_id: Some(id.clone()),
        resource_snapshot_template_name: Some(template.as_str().to_owned()),
        revision: Some(revision),
        payload: Some(payload),
        target_member_accounts: Some(targets).filter(|targets| !targets.is_empty()),
    };
    Some(Snapshot {
        document,
        restricted_to,
        hash,
    })
}

impl Snapshot {
    /// Its number, from 1.
    pub fn revision(&self) -> i32 {
        self.document.revision.unwrap_or(1)
    }

    /// What the next snapshot is compared with.
    pub fn head(&self) -> Head {
        Head {
            revision: self.revision(),
            hash: self.hash.clone(),
        }
    }

    /// Whether `account` may read it; `member` tells whether it belongs to the engagement. To everybody else it is as if
    /// it did not exist.
    pub fn may_be_read_by(&self, account: &str, member: bool) -> bool {
        let written = self.document.created_by.as_deref() == Some(account);
        let meant = self
            .restricted_to
            .as_deref()
            .is_none_or(|only| only == account || written);
        member && meant
    }

    /// The list entry.
    pub fn summary(&self) -> ResourceSnapshotSummary {
        let document = &self.document;
        ResourceSnapshotSummary {
            arn: document.arn.clone(),
            revision: document.revision,
            resource_type: document.resource_type.clone(),
            resource_id: document.resource_id.clone(),
            resource_snapshot_template_name: document.resource_snapshot_template_name.clone(),
            created_by: document.created_by.clone(),
        }
    }

    /// The answer of CreateResourceSnapshot.
    pub fn answer(&self) -> CreateResourceSnapshotResponse {
        CreateResourceSnapshotResponse {
            arn: self.document.arn.clone(),
            revision: self.document.revision,
        }
    }
}

/// Refuses one more opportunity where an engagement shares `shared` of them already.
pub fn check_room(engagement: &str, shared: usize) -> Result<(), Refusal> {
    if shared < MAX_RESOURCES {
        return Ok(());
    }
    Err(Refusal::QuotaExceeded(format!(
        "At most {MAX_RESOURCES} opportunities can be shared in an engagement, and {engagement} has that many: create another engagement"
    )))
}

/// That an engagement shares an opportunity, as ListEngagementResourceAssociations shows it. `owner` is the account
/// that brought the opportunity in.
pub fn association(
    catalog: Catalog,
    engagement: &str,
    opportunity: &str,
    owner: &str,
) -> EngagementResourceAssociationSummary {
    EngagementResourceAssociationSummary {
        catalog: catalog.as_str().to_owned(),
        engagement_id: Some(engagement.to_owned()),
        resource_type: Some(ResourceType::Opportunity),
        resource_id: Some(opportunity.to_owned()),
        created_by: Some(owner.to_owned()),
    }
}

/// SHA-256 of the payload's JSON, in hexadecimal; members are written in the contract's order, so equal payloads have
/// equal fingerprints. Empty where there is no JSON, which `next` takes for a change: a snapshot too many shows
/// nothing wrong, one too few would.
///
/// Marketplace offers do not count: attaching one takes no snapshot (behaviours 2.12), and the next snapshot shows it.
pub fn fingerprint(payload: &ResourceSnapshotPayload) -> String {
    let counted = without_offers(payload);
    serde_json::to_vec(counted.as_ref()).map_or_else(|_| String::new(), |json| hex(&Sha256::digest(json)))
}

/// The payload with both lists of offers empty; copied only where they are not.
fn without_offers(payload: &ResourceSnapshotPayload) -> Cow<'_, ResourceSnapshotPayload> {
    let related = payload
        .opportunity_summary
        .as_ref()
        .and_then(|view| view.related_entity_identifiers.as_ref());
    let filled = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
    if !related
        .is_some_and(|one| filled(&one.aws_marketplace_offers) || filled(&one.aws_marketplace_offer_sets))
    {
        return Cow::Borrowed(payload);
    }
    let mut payload = payload.clone();
    if let Some(view) = &mut payload.opportunity_summary
        && let Some(related) = &mut view.related_entity_identifiers
    {
        for list in [
            &mut related.aws_marketplace_offers,
            &mut related.aws_marketplace_offer_sets,
        ] {
            list.iter_mut().for_each(Vec::clear);
        }
    }
    Cow::Owned(payload)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
