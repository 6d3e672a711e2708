//! Resource snapshot jobs: what keeps an engagement's view of an opportunity up to date. A job is stopped until it is
//! started, takes a snapshot whenever a field of its template changed while it runs, and can be deleted only when it is
//! stopped. Decides states; running a job is the service's work.

use std::collections::BTreeMap;

use cosell_model::enums::{ResourceSnapshotJobStatus, ResourceType, ValidationExceptionErrorCode as Code};
use cosell_model::types::{
    CreateResourceSnapshotJobResponse, GetResourceSnapshotJobResponse, ResourceSnapshotJobSummary, Tag,
};
use cosell_model::{Timestamp, Violation};
use serde::{Deserialize, Serialize};

use super::{Template, arn};
use crate::engagement::Refusal;
use crate::opportunity::tags::{MAX_TAGS, collect};
use crate::{Catalog, Violations};

/// How many jobs one opportunity can have (AWS publishes no limit; ours is what a change of the opportunity has to look at).
pub const MAX_JOBS: usize = 20;

/// A job as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// What GetResourceSnapshotJob answers.
    pub document: GetResourceSnapshotJobResponse,
    /// Its tags, in key order.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// What the creation of a job needs to know.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The region its ARN names.
    pub region: &'a str,
    /// The account that makes it, which owns the opportunity.
    pub account: &'a str,
    /// The catalog it works in.
    pub catalog: Catalog,
    /// Its identifier, `job-…`.
    pub id: &'a str,
    /// The engagement it serves, `eng-…`.
    pub engagement: &'a str,
    /// The opportunity it watches, `O…`.
    pub opportunity: &'a str,
    /// What its snapshots show.
    pub template: Template,
    /// The time of the creation.
    pub now: Timestamp,
}

/// A running job cannot be deleted; the text says what to do first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StillRunning;

impl std::fmt::Display for StillRunning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("The resource snapshot job is running: stop it before deleting it")
    }
}

impl std::error::Error for StillRunning {}

/// CreateResourceSnapshotJob: a stopped job, or what is wrong with its tags. Several jobs for the same opportunity and
/// engagement are allowed, as recorded for an opportunity that came from a lead (behaviours 4.2).
pub fn create(context: Context<'_>, tags: Vec<Tag>) -> Result<Job, Vec<Violation>> {
    let mut found = Violations::new();
    let tags = collect(tags, &mut found);
    let Context {
        region,
        account,
        catalog,
        id,
        ..
    } = context;
    let opportunity = context.opportunity.to_owned();
    let document = GetResourceSnapshotJobResponse {
        catalog: catalog.as_str().to_owned(),
        id: Some(id.to_owned()),
        arn: Some(arn::job(region, account, catalog, id)),
        engagement_id: Some(context.engagement.to_owned()),
        resource_type: Some(ResourceType::Opportunity),
        resource_arn: Some(crate::arn::opportunity(region, account, catalog, &opportunity)),
        resource_id: Some(opportunity),
        resource_snapshot_template_name: Some(context.template.as_str().to_owned()),
        created_at: Some(context.now),
        status: Some(ResourceSnapshotJobStatus::Stopped),
        last_successful_execution_date: None,
        last_failure: None,
    };
    found.into_result(Job { document, tags })
}

/// Refuses one more job where the opportunity has `jobs` of them already.
pub fn check_room(opportunity: &str, jobs: usize) -> Result<(), Refusal> {
    if jobs < MAX_JOBS {
        return Ok(());
    }
    Err(Refusal::QuotaExceeded(format!(
        "An opportunity has at most {MAX_JOBS} snapshot jobs, and {opportunity} has that many: stop one and delete it"
    )))
}

impl Job {
    /// Its identifier, `job-…`.
    pub fn id(&self) -> &str {
        self.document.id.as_deref().unwrap_or_default()
    }

    /// True while it takes snapshots.
    pub fn is_running(&self) -> bool {
        self.document.status == Some(ResourceSnapshotJobStatus::Running)
    }

    /// What its snapshots show; `None` for a template that this version does not know.
    pub fn template(&self) -> Option<Template> {
        Template::from_name(self.document.resource_snapshot_template_name.as_deref()?)
    }

    /// StartResourceSnapshotJob: the running job, or `None` where it runs already, which is no error.
    pub fn start(&self) -> Option<Job> {
        self.moved_to(ResourceSnapshotJobStatus::Running)
    }

    /// StopResourceSnapshotJob: the stopped job, or `None` where it is stopped already, which is no error.
    pub fn stop(&self) -> Option<Job> {
        self.moved_to(ResourceSnapshotJobStatus::Stopped)
    }

    fn moved_to(&self, status: ResourceSnapshotJobStatus) -> Option<Job> {
        if self.document.status.as_ref() == Some(&status) {
            return None;
        }
        let mut next = self.clone();
        next.document.status = Some(status);
        Some(next)
    }

    /// DeleteResourceSnapshotJob: refused while it runs. What it has shared stays shared.
    pub fn may_be_deleted(&self) -> Result<(), StillRunning> {
        if self.is_running() {
            Err(StillRunning)
        } else {
            Ok(())
        }
    }

    /// The job after it looked at the opportunity and shared what was to be shared.
    #[must_use]
    pub fn succeeded(&self, now: Timestamp) -> Job {
        let mut next = self.clone();
        next.document.last_successful_execution_date = Some(now);
        next
    }

    /// The list entry.
    pub fn summary(&self) -> ResourceSnapshotJobSummary {
        ResourceSnapshotJobSummary {
            id: self.document.id.clone(),
            arn: self.document.arn.clone(),
            engagement_id: self.document.engagement_id.clone(),
            status: self.document.status.clone(),
        }
    }

    /// The answer of CreateResourceSnapshotJob.
    pub fn answer(&self) -> CreateResourceSnapshotJobResponse {
        CreateResourceSnapshotJobResponse {
            id: self.document.id.clone(),
            arn: self.document.arn.clone(),
        }
    }

    /// TagResource: adds tags and replaces the values of those that exist. `None` where nothing changes.
    pub fn tag(&self, tags: Vec<Tag>) -> Result<Option<Job>, Vec<Violation>> {
        let mut found = Violations::new();
        let mut next = self.clone();
        next.tags.extend(collect(tags, &mut found));
        if next.tags.len() > MAX_TAGS {
            found.add(
                "tags",
                Code::TooManyValues,
                format!("A resource can have at most {MAX_TAGS} tags"),
            );
        }
        let changed = next.tags != self.tags;
        found.into_result(changed.then_some(next))
    }

    /// UntagResource: removes the named keys; keys that are not there are passed over. `None` where nothing changes.
    pub fn untag(&self, keys: &[String]) -> Option<Job> {
        if !keys.iter().any(|key| self.tags.contains_key(key)) {
            return None;
        }
        let mut next = self.clone();
        next.tags.retain(|key, _| !keys.contains(key));
        Some(next)
    }

    /// ListTagsForResource: the tags in key order.
    pub fn list_tags(&self) -> Vec<Tag> {
        let pair = |(key, value): (&String, &String)| Tag {
            key: key.clone(),
            value: value.clone(),
        };
        self.tags.iter().map(pair).collect()
    }
}
