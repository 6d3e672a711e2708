//! The kinds of co-selling: engagements, invitations, tasks, snapshots.
//!
//! Never put an index here that no list of the API needs: each one costs every write.
//!
//! Some lists are always narrowed to one value (invitations to a participant type, tasks to a task type). There that
//! column leads the order of every sort, so that the other participant's or type's rows are never walked. A query of
//! such a list must give the column as [`Filter::In`](crate::Filter::In) with one value.

use super::{BY_ID, Kind, KindSpec, Scope, count, index, plain, required, sort, text, time, with_history};

pub(super) static ENGAGEMENT: KindSpec = with_history(plain(Kind::Engagement, "engagement", Scope::Shared));

/// `context_types` is a set as a bit mask, so a filter by types is one by masks.
pub(super) static ENGAGEMENT_MEMBER: KindSpec = KindSpec {
    kind: Kind::EngagementMember,
    table: "engagement_member",
    scope: Scope::Catalog,
    columns: &[time("created"), required("created_by"), count("context_types")],
    sorts: &[sort("created", &["created"])],
    indexes: &[
        index(&["created_by", "created"]),
        index(&["context_types", "created"]),
        index(&["created"]),
    ],
    history: false,
};

/// Every list of invitations names one `participant`.
pub(super) static INVITATION: KindSpec = KindSpec {
    kind: Kind::Invitation,
    table: "invitation",
    scope: Scope::Catalog,
    columns: &[
        required("participant"),
        time("invited"),
        required("status"),
        required("payload_type"),
        required("engagement"),
        required("sender"),
    ],
    sorts: &[sort("invited", &["participant", "invited"])],
    indexes: &[
        index(&["engagement", "participant", "invited"]),
        index(&["sender", "participant", "invited"]),
        index(&["status", "participant", "invited"]),
        index(&["payload_type", "participant", "invited"]),
        index(&["participant", "invited"]),
    ],
    history: true,
};

/// Every list of tasks names one `task_type`. Only prospecting tasks have a `name`, which is NULL for all others: a
/// sort by name should ask for names that are present, so that the others are not walked. `context` has no index, because
/// context ids count within their engagement and so select next to nothing without one.
pub(super) static TASK: KindSpec = KindSpec {
    kind: Kind::Task,
    table: "task",
    scope: Scope::Catalog,
    columns: &[
        required("task_type"),
        time("started"),
        required("status"),
        text("opportunity"),
        text("engagement"),
        text("invitation"),
        text("context"),
        text("name"),
        count("failed"),
    ],
    sorts: &[
        sort("started", &["task_type", "started"]),
        // Serves the filter by name in the order of the start as well.
        sort("name", &["name", "task_type", "started"]),
        sort("failed", &["task_type", "failed"]),
    ],
    indexes: &[
        index(&["invitation", "task_type", "started"]),
        index(&["opportunity", "task_type", "started"]),
        index(&["engagement", "task_type", "started"]),
        index(&["name", "task_type", "started"]),
        index(&["status", "task_type", "started"]),
        index(&["task_type", "started"]),
        index(&["task_type", "failed"]),
    ],
    history: true,
};

/// Lists stay within one engagement, which is the beginning of the id, so the key serves them. `restricted_to` is the
/// one account that may see the snapshot, and empty if every member may: not NULL, which no filter could match.
pub(super) static SNAPSHOT: KindSpec = KindSpec {
    kind: Kind::Snapshot,
    table: "snapshot",
    scope: Scope::Shared,
    columns: &[
        required("resource_type"),
        required("resource"),
        required("template"),
        required("created_by"),
        required("restricted_to"),
    ],
    sorts: &[BY_ID],
    indexes: &[],
    history: false,
};

pub(super) static SNAPSHOT_HEAD: KindSpec = plain(Kind::SnapshotHead, "snapshot_head", Scope::Shared);

/// The engagement is the beginning of the id, so the key serves a filter by it.
pub(super) static ASSOCIATION: KindSpec = KindSpec {
    kind: Kind::Association,
    table: "association",
    scope: Scope::Catalog,
    columns: &[
        required("resource_type"),
        required("resource"),
        required("created_by"),
    ],
    sorts: &[BY_ID],
    indexes: &[index(&["resource"]), index(&["created_by"])],
    history: false,
};

/// The jobs of a resource are looked up by id order whenever the resource changes; no list of the API does that.
pub(super) static SNAPSHOT_JOB: KindSpec = KindSpec {
    kind: Kind::SnapshotJob,
    table: "snapshot_job",
    scope: Scope::Catalog,
    columns: &[
        time("created"),
        required("status"),
        required("engagement"),
        required("resource"),
    ],
    sorts: &[sort("created", &["created"]), BY_ID],
    indexes: &[
        index(&["resource"]),
        index(&["engagement", "created"]),
        index(&["status", "created"]),
        index(&["created"]),
    ],
    history: true,
};

pub(super) static SELLING_SETTINGS: KindSpec =
    with_history(plain(Kind::SellingSettings, "selling_settings", Scope::Catalog));
