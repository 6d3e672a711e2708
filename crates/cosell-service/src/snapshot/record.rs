//! How snapshots and associations are kept in the store. Knows no rule of snapshots.
//!
//! Every snapshot is one shared record that never changes; the newest of a series is told by the series' head, which is
//! replaced with each of them. Who may see a snapshot stands in the snapshot. That an engagement shares a resource is one
//! row for each member, from which that member's list is read.

use bytes::Bytes;
use cosell_domain::Catalog;
use cosell_domain::engagement::Engagement;
use cosell_domain::opportunity::Opportunity;
use cosell_domain::snapshot::{Head, Snapshot};
use cosell_model::ApiError;
use cosell_model::types::{EngagementResourceAssociationSummary, GetResourceSnapshotResponse};
use cosell_store::{Filter, Key, Kind, Record, Stored};
use serde::{Deserialize, Serialize};

use crate::answer::{encode, read_failed, stored};
use crate::engagement::record as engagements;
use crate::opportunity::record as opportunities;
use crate::paging::exactly;
use crate::plan::Plan;
use crate::service::Service;

/// The only type of resource that the contract has.
pub(crate) const RESOURCE_TYPE: &str = "Opportunity";

/// The snapshots that are numbered together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Series<'a> {
    /// The engagement that shares them, `eng-…`.
    pub(crate) engagement: &'a str,
    /// The opportunity they show, `O…`.
    pub(crate) opportunity: &'a str,
    /// The template's name.
    pub(crate) template: &'a str,
}

impl<'a> Series<'a> {
    fn of(document: &'a GetResourceSnapshotResponse) -> Result<Self, ApiError> {
        Ok(Self {
            engagement: part(document.engagement_id.as_deref(), "engagement")?,
            opportunity: part(document.resource_id.as_deref(), "opportunity")?,
            template: part(document.resource_snapshot_template_name.as_deref(), "template")?,
        })
    }

    fn id(self) -> String {
        let resource = association_id(self.engagement, self.opportunity);
        format!("{resource}/{}", self.template)
    }
}

/// The parts of a composed key are there in everything this server makes; without one the key would name another record.
fn part<'a>(value: Option<&'a str>, what: &str) -> Result<&'a str, ApiError> {
    value
        .filter(|value| !value.is_empty())
        .ok_or_else(|| ApiError::internal(format!("a snapshot or association names no {what}")))
}

/// The key of one snapshot. Revisions have ten digits in it, so that the order of keys is their order.
pub(crate) fn snapshot_key(catalog: &str, series: Series<'_>, revision: i32) -> Key {
    Key::shared(Kind::Snapshot, catalog, format!("{}/{revision:010}", series.id()))
}

/// The key of a series' head.
pub(crate) fn head_key(catalog: &str, series: Series<'_>) -> Key {
    Key::shared(Kind::SnapshotHead, catalog, series.id())
}

/// The identifier under which every member has its row of an association.
pub(crate) fn association_id(engagement: &str, opportunity: &str) -> String {
    format!("{engagement}/{RESOURCE_TYPE}/{opportunity}")
}

/// The filters that keep a list within an engagement. `parts` are the parts of the key that follow the engagement and have
/// another part after them, in their order: those up to the first gap are asked for as the beginning of the key, the
/// others by their column.
pub(crate) fn within(engagement: &str, parts: &[(&'static str, Option<&str>)]) -> Vec<Filter> {
    let mut prefix = format!("{engagement}/");
    let mut filters = Vec::new();
    let mut parts = parts.iter();
    for (_, value) in parts.by_ref() {
        let Some(value) = value else { break };
        prefix.push_str(value);
        prefix.push('/');
    }
    for (column, value) in parts {
        exactly(&mut filters, column, *value);
    }
    filters.push(Filter::starts_with("id", &prefix));
    filters
}

/// What is kept of a snapshot besides its document.
#[derive(Debug, Serialize, Deserialize)]
struct Private {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    restricted_to: Option<String>,
    hash: String,
}

/// The record of a new snapshot: always its first version, since it never changes.
pub(crate) fn snapshot(snapshot: &Snapshot) -> Result<Record, ApiError> {
    let document = &snapshot.document;
    let series = Series::of(document)?;
    Ok(Record {
        key: snapshot_key(&document.catalog, series, snapshot.revision()),
        version: 1,
        document: encode(document)?,
        summary: encode(&snapshot.summary())?,
        private: encode(&Private {
            restricted_to: snapshot.restricted_to.clone(),
            hash: snapshot.hash.clone(),
        })?,
        columns: vec![
            ("resource_type", RESOURCE_TYPE.into()),
            ("resource", series.opportunity.into()),
            ("template", series.template.into()),
            (
                "created_by",
                part(document.created_by.as_deref(), "creator")?.into(),
            ),
            (
                "restricted_to",
                snapshot.restricted_to.as_deref().unwrap_or_default().into(),
            ),
        ],
    })
}

/// The record of a series' head once that snapshot is its newest.
pub(crate) fn head(newest: &Snapshot, version: u64) -> Result<Record, ApiError> {
    let document = &newest.document;
    Ok(Record {
        key: head_key(&document.catalog, Series::of(document)?),
        version,
        document: encode(&newest.head())?,
        summary: Bytes::from_static(b"{}"),
        private: Bytes::new(),
        columns: Vec::new(),
    })
}

/// The row of one member for an association: always its first version, since it never changes.
pub(crate) fn association(
    member: &str,
    summary: &EngagementResourceAssociationSummary,
) -> Result<Record, ApiError> {
    let engagement = part(summary.engagement_id.as_deref(), "engagement")?;
    let opportunity = part(summary.resource_id.as_deref(), "opportunity")?;
    let id = association_id(engagement, opportunity);
    Ok(Record {
        key: Key::new(Kind::Association, member, &summary.catalog, id),
        version: 1,
        document: Bytes::from_static(b"{}"),
        summary: encode(summary)?,
        private: Bytes::new(),
        columns: vec![
            ("resource_type", RESOURCE_TYPE.into()),
            ("resource", opportunity.into()),
            (
                "created_by",
                part(summary.created_by.as_deref(), "creator")?.into(),
            ),
        ],
    })
}

/// The engagement and the opportunity that a caller wants to share, read into a plan: a member's and an owner's alone.
pub(crate) async fn parts(
    plan: &mut Plan<'_>,
    account: &str,
    engagement: &str,
    opportunity: &str,
) -> Result<(Engagement, Opportunity), ApiError> {
    let catalog = plan.catalog();
    let engagement = engagements::planned(plan, account, engagement).await?;
    let found = plan.opportunity(account, opportunity).await?;
    let name = opportunities::Name {
        account,
        catalog,
        id: opportunity,
    };
    Ok((engagement, found.ok_or_else(|| name.not_found())?))
}

/// A snapshot as the store gave it.
pub(crate) fn decode(found: &Stored) -> Result<Snapshot, ApiError> {
    let Private { restricted_to, hash } = stored(&found.private, "a snapshot's private part")?;
    Ok(Snapshot {
        document: stored(&found.document, "a snapshot")?,
        restricted_to,
        hash,
    })
}

/// What the store holds of one snapshot, whoever may see it.
pub(crate) async fn find(
    service: &Service,
    catalog: Catalog,
    series: Series<'_>,
    revision: i32,
) -> Result<Option<Stored>, ApiError> {
    let key = snapshot_key(catalog.as_str(), series, revision);
    service.store.get(&key).await.map_err(read_failed)
}

/// The head of a series with its version; `None` before its first snapshot.
pub(crate) async fn find_head(
    service: &Service,
    catalog: Catalog,
    series: Series<'_>,
) -> Result<Option<(Head, u64)>, ApiError> {
    let key = head_key(catalog.as_str(), series);
    let found = service.store.get(&key).await.map_err(read_failed)?;
    found
        .map(|found| Ok((stored(&found.document, "the head of snapshots")?, found.version)))
        .transpose()
}
