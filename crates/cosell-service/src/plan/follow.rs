//! What follows from the changes of a plan, in this order: what is shared for the first time is noted; AWS and receivers'
//! copies follow a review; members get to see what is shared; snapshots are taken of what changed.
//!
//! An opportunity that is shared nowhere has no consequences, and costs no look at anything.

use std::collections::BTreeSet;

use cosell_domain::engagement::party;
use cosell_domain::snapshot::{self, Snapshot, Template, job::Job as SnapshotJob, view};
use cosell_model::ApiError;
use cosell_store::{Filter, Item, Kind, MAX_PAGE, Query, Sort};

use super::{Plan, Share, When, all};

impl Plan<'_> {
    pub(super) async fn draw_consequences(&mut self) -> Result<(), ApiError> {
        self.associate().await?;
        self.follow_reviews().await?;
        self.look_for_changes().await?;
        self.show_associations().await?;
        self.take_snapshots().await
    }

    /// What running jobs and AWS have to look at: the shared opportunities of which a template shows something else now.
    async fn look_for_changes(&mut self) -> Result<(), ApiError> {
        let mut changed = Vec::new();
        for ((account, id), cell) in &self.opportunities {
            let (Some(before), Some(next)) = (cell.before(), cell.next()) else {
                continue;
            };
            if !next.private.shared {
                continue;
            }
            let differs = |template| view::payload(before, template) != view::payload(next, template);
            let templates = Template::ALL.into_iter().filter(|template| differs(*template));
            changed.extend(templates.map(|template| (account.clone(), id.clone(), template)));
        }
        for (account, id, template) in changed {
            let engagements = match template {
                Template::OpportunitySummaryView => self.watched_in(&account, &id).await?,
                Template::AwsOpportunitySummaryFullView => self.with_aws(&account, &id).await?,
            };
            for engagement in engagements {
                self.share(&account, &id, &engagement, template);
            }
        }
        Ok(())
    }

    /// The engagements in which running jobs watch an opportunity.
    async fn watched_in(&mut self, account: &str, id: &str) -> Result<BTreeSet<String>, ApiError> {
        let running = self.running_jobs(account, id).await?;
        Ok(running
            .into_iter()
            .filter_map(|job| job.document.engagement_id)
            .collect())
    }

    /// The running jobs that watch an opportunity. They are in the plan from here on.
    pub(crate) async fn running_jobs(
        &mut self,
        account: &str,
        id: &str,
    ) -> Result<Vec<SnapshotJob>, ApiError> {
        let mut query = self.query(Kind::SnapshotJob, account, "id");
        query.filters = vec![
            Filter::In("resource", vec![id.into()]),
            Filter::In("status", vec!["Running".into()]),
        ];
        let mut running = Vec::new();
        for row in all(self.service, query).await? {
            let job = self.snapshot_job(account, &row.id).await?;
            running.extend(job.filter(SnapshotJob::is_running));
        }
        Ok(running)
    }

    /// The engagements that share an opportunity and have AWS among their members.
    async fn with_aws(&mut self, account: &str, id: &str) -> Result<BTreeSet<String>, ApiError> {
        let mut found = BTreeSet::new();
        for engagement in self.engagements_of(account, id).await? {
            let members = self.known_engagement(&engagement).await?;
            if members.is_member(party::aws_account(self.catalog)) {
                found.insert(engagement);
            }
        }
        Ok(found)
    }

    async fn take_snapshots(&mut self) -> Result<(), ApiError> {
        let aws = party::aws_account(self.catalog);
        for (share, when) in std::mem::take(&mut self.due) {
            let Some(opportunity) = self.opportunity(&share.owner, &share.opportunity).await? else {
                continue;
            };
            let engagement = self.known_engagement(&share.engagement).await?;
            let accounts = engagement.members.iter().map(|member| &member.profile.account_id);
            let members: Vec<String> = accounts.cloned().collect();
            let head = self.head_of(&share).await?;
            let context = snapshot::Context {
                region: &self.service.settings.region,
                catalog: self.catalog,
                engagement: &share.engagement,
                owner: &share.owner,
                aws,
                members: &members,
                now: self.now,
            };
            let take = match when {
                When::Changed => snapshot::next,
                When::Asked => snapshot::take,
            };
            if let Some(taken) = take(head.as_ref(), &opportunity, share.template, context) {
                self.keep_snapshot(share, taken);
            }
        }
        Ok(())
    }

    fn keep_snapshot(&mut self, share: Share, taken: Snapshot) {
        let now = self.now;
        for ((account, _), cell) in &mut self.snapshot_jobs {
            let did = |job: &SnapshotJob| {
                job.is_running()
                    && job.template() == Some(share.template)
                    && job.document.resource_id.as_ref() == Some(&share.opportunity)
                    && job.document.engagement_id.as_ref() == Some(&share.engagement)
            };
            if let Some(job) = cell.current().filter(|job| *account == share.owner && did(job)) {
                let next = job.succeeded(now);
                cell.put(next);
            }
        }
        super::put(&mut self.heads, share.clone(), taken.head());
        self.snapshots.push((share, taken));
    }

    pub(super) fn query(&self, kind: Kind, account: &str, by: &'static str) -> Query {
        Query {
            kind,
            account: account.to_owned(),
            catalog: self.catalog.as_str().to_owned(),
            filters: Vec::new(),
            sort: Sort {
                by,
                descending: false,
            },
            after: None,
            limit: MAX_PAGE,
        }
    }

    pub(super) async fn rows(&self, query: Query) -> Result<Vec<Item>, ApiError> {
        all(self.service, query).await
    }
}
