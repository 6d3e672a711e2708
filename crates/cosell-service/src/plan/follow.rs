//! What follows from the changes of a plan, in this order: AWS and receivers' copies follow a review; what is shared becomes
//! visible to those who join; snapshots are taken of what changed.
//!
//! An opportunity that is shared nowhere has no consequences, and costs no look at anything.

use std::collections::BTreeSet;

use cosell_domain::engagement::invitation::{Invitation, Side, answer};
use cosell_domain::engagement::{Refusal, party, receiver};
use cosell_domain::opportunity::Opportunity;
use cosell_domain::snapshot::{self, Snapshot, Template, view};
use cosell_model::ApiError;
use cosell_model::enums::{EngagementInvitationPayloadType, InvitationStatus, ReviewStatus};
use cosell_model::types::EngagementResourceAssociationSummary;
use cosell_store::{Filter, Item, Kind, MAX_PAGE, Query, Sort, Write};

use super::{Owned, Plan, Share, When, all};
use crate::answer::stored;
use crate::engagement::invitation::record::participant;
use crate::snapshot::record as snapshots;

impl Plan<'_> {
    pub(super) async fn draw_consequences(&mut self) -> Result<(), ApiError> {
        self.follow_reviews().await?;
        self.look_for_changes().await?;
        self.associate().await?;
        self.welcome_members().await?;
        self.take_snapshots().await
    }

    /// A review that moved on: AWS joins where it approved, and the copies of those who were invited follow. A copy that
    /// moved has copies of its own.
    async fn follow_reviews(&mut self) -> Result<(), ApiError> {
        let mut seen = BTreeSet::new();
        while let Some((account, id)) = self.reviewed(&seen) {
            seen.insert((account.clone(), id.clone()));
            let Some(opportunity) = self.opportunity(&account, &id).await? else {
                continue;
            };
            let Some(status) = opportunity.review_status().cloned() else {
                continue;
            };
            for engagement in self.engagements_of(&account, &id).await? {
                if status == ReviewStatus::Approved {
                    self.aws_accepts(&engagement).await?;
                }
                if self.oldest_of(&account, &engagement).await?.as_deref() == Some(&*id) {
                    self.copies_follow(&account, &engagement, &status).await?;
                }
            }
        }
        Ok(())
    }

    /// A shared opportunity whose review status changes and that was not seen yet.
    fn reviewed(&self, seen: &BTreeSet<Owned>) -> Option<Owned> {
        let mut changed = self.opportunities.iter().filter(|(owned, cell)| {
            let before = cell.before();
            let moved = |next: &Opportunity| {
                next.private.shared && before.is_some_and(|b| b.review_status() != next.review_status())
            };
            !seen.contains(*owned) && cell.next().is_some_and(moved)
        });
        changed.next().map(|(owned, _)| owned.clone())
    }

    /// AWS accepts what it was invited to. A full engagement keeps it waiting.
    async fn aws_accepts(&mut self, engagement: &str) -> Result<(), ApiError> {
        let aws = party::aws(self.catalog);
        let Some(invitation) = self.invitation_of_aws(engagement).await? else {
            return Ok(());
        };
        if invitation.status_at(self.now) != InvitationStatus::Pending {
            return Ok(());
        }
        let room = self.known_engagement(engagement).await?;
        match answer::accept(&invitation, &room, &aws, self.now) {
            Ok((accepted, joined)) => {
                self.put_invitation(accepted);
                self.put_engagement(joined);
                Ok(())
            }
            Err(Refusal::QuotaExceeded(_)) => Ok(()),
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// The newest invitation of AWS to an engagement, whatever became of it.
    pub(crate) async fn invitation_of_aws(
        &mut self,
        engagement: &str,
    ) -> Result<Option<Invitation>, ApiError> {
        let aws = party::aws_account(self.catalog);
        let mut query = self.query(Kind::Invitation, aws, "invited");
        query.sort.descending = true;
        query.filters = vec![
            Filter::In("participant", vec![participant(Side::Receiver).into()]),
            Filter::In("engagement", vec![engagement.into()]),
        ];
        // Answered ones are kept for good, so there may be more than one; expired ones are renewed every fifteen days at most.
        let found = all(self.service, query).await?;
        match found.first() {
            Some(newest) => self.invitation(aws, &newest.id).await,
            None => Ok(None),
        }
    }

    /// The copies of those who accepted the owner's invitation into the engagement.
    async fn copies_follow(
        &mut self,
        owner: &str,
        engagement: &str,
        status: &ReviewStatus,
    ) -> Result<(), ApiError> {
        let mut query = self.query(Kind::Invitation, owner, "invited");
        query.filters = vec![
            Filter::In("participant", vec![participant(Side::Sender).into()]),
            Filter::In("engagement", vec![engagement.into()]),
            Filter::In("status", vec![InvitationStatus::Accepted.as_str().into()]),
            Filter::In(
                "payload_type",
                vec![
                    EngagementInvitationPayloadType::OpportunityInvitation
                        .as_str()
                        .into(),
                ],
            ),
        ];
        for item in all(self.service, query).await? {
            let Some(invitation) = self.invitation(owner, &item.id).await? else {
                continue;
            };
            let Some(copy) = &invitation.opportunity_id else {
                continue;
            };
            let account = &invitation.receiver.account_id;
            let Some(stored) = self.opportunity(account, copy).await? else {
                continue;
            };
            if let Some(next) = receiver::follow(&stored, status, self.now) {
                self.put_opportunity(account, next);
            }
        }
        Ok(())
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

    /// The engagements in which running jobs watch an opportunity. The jobs are in the plan from here on.
    async fn watched_in(&mut self, account: &str, id: &str) -> Result<BTreeSet<String>, ApiError> {
        let mut query = self.query(Kind::SnapshotJob, account, "id");
        query.filters = vec![
            Filter::In("resource", vec![id.into()]),
            Filter::In("status", vec!["Running".into()]),
        ];
        let mut engagements = BTreeSet::new();
        for item in all(self.service, query).await? {
            let job = self.snapshot_job(account, &item.id).await?;
            engagements.extend(
                job.filter(|job| job.is_running())
                    .and_then(|job| job.document.engagement_id),
            );
        }
        Ok(engagements)
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

    /// Notes for every member that an engagement shares an opportunity that it did not share before.
    async fn associate(&mut self) -> Result<(), ApiError> {
        let first: Vec<Share> = self
            .due
            .keys()
            .filter(|share| share.template == Template::OpportunitySummaryView)
            .cloned()
            .collect();
        for share in first {
            if self
                .engagements_of(&share.owner, &share.opportunity)
                .await?
                .contains(&share.engagement)
            {
                continue;
            }
            // One more than the limit says enough.
            let mut query = self.query(Kind::Association, &share.owner, "id");
            query.filters = vec![in_engagement(&share.engagement)];
            query.limit = snapshot::MAX_RESOURCES;
            let shared = self.rows(query).await?.len();
            snapshot::check_room(&share.engagement, shared)?;
            let engagement = self.known_engagement(&share.engagement).await?;
            let summary =
                snapshot::association(self.catalog, &share.engagement, &share.opportunity, &share.owner);
            for member in &engagement.members {
                let account = &member.profile.account_id;
                self.writes
                    .push(Write::Insert(snapshots::association(account, &summary)?));
            }
            if engagement.is_member(party::aws_account(self.catalog)) {
                let template = Template::AwsOpportunitySummaryFullView;
                self.share(&share.owner, &share.opportunity, &share.engagement, template);
            }
            if let Some(mut opportunity) = self.opportunity(&share.owner, &share.opportunity).await? {
                opportunity.private.shared = true;
                self.put_opportunity(&share.owner, opportunity);
            }
            self.put_engagement(engagement);
            self.associated
                .insert((share.engagement, share.opportunity, share.owner));
        }
        Ok(())
    }

    /// Shows those who join what is shared already; to AWS it is the occasion to write its own views.
    async fn welcome_members(&mut self) -> Result<(), ApiError> {
        let mut joined = Vec::new();
        for (id, cell) in &self.engagements {
            let (Some(before), Some(next)) = (cell.before(), cell.next()) else {
                continue;
            };
            let accounts = next.members.iter().map(|member| &member.profile.account_id);
            let new: Vec<String> = accounts
                .filter(|account| !before.is_member(account))
                .cloned()
                .collect();
            if let (Some(first), false) = (before.members.first(), new.is_empty()) {
                joined.push((id.clone(), first.profile.account_id.clone(), new));
            }
        }
        let aws = party::aws_account(self.catalog);
        for (engagement, known, new) in joined {
            let mut query = self.query(Kind::Association, &known, "id");
            query.filters = vec![in_engagement(&engagement)];
            for row in self.rows(query).await? {
                let summary: EngagementResourceAssociationSummary = stored(&row.summary, "an association")?;
                for account in &new {
                    self.writes
                        .push(Write::Insert(snapshots::association(account, &summary)?));
                }
                let (Some(owner), Some(opportunity)) = (summary.created_by, summary.resource_id) else {
                    continue;
                };
                if new.iter().any(|account| account == aws)
                    && self.opportunity(&owner, &opportunity).await?.is_some()
                {
                    let template = Template::AwsOpportunitySummaryFullView;
                    self.share(&owner, &opportunity, &engagement, template);
                }
            }
        }
        Ok(())
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
            let did = |job: &snapshot::job::Job| {
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

    /// The engagements in which an account shares its opportunity, as far as the store knows, with those of this plan.
    async fn engagements_of(&self, account: &str, id: &str) -> Result<Vec<String>, ApiError> {
        let mut query = self.query(Kind::Association, account, "id");
        query.filters = vec![
            Filter::In("resource", vec![id.into()]),
            Filter::In("created_by", vec![account.into()]),
        ];
        let mut found: Vec<String> = self
            .rows(query)
            .await?
            .iter()
            .filter_map(|row| row.id.split('/').next().map(str::to_owned))
            .collect();
        let here = self
            .associated
            .iter()
            .filter(|(_, opportunity, owner)| opportunity == id && owner == account);
        found.extend(here.map(|(engagement, _, _)| engagement.clone()));
        Ok(found)
    }

    /// The first opportunity that an account shared in an engagement: the one that its invitations are about.
    pub(crate) async fn oldest_of(
        &self,
        account: &str,
        engagement: &str,
    ) -> Result<Option<String>, ApiError> {
        let mut query = self.query(Kind::Association, account, "id");
        query.filters = vec![
            in_engagement(engagement),
            Filter::In("created_by", vec![account.into()]),
        ];
        let rows = self.rows(query).await?;
        let ids = rows.iter().filter_map(|row| row.id.rsplit('/').next());
        // Identifiers count up, without leading zeros.
        Ok(ids.min_by_key(|id| (id.len(), *id)).map(str::to_owned))
    }

    /// The engagement in which an account shares its opportunity; the first one where there are several.
    pub(crate) async fn engagement_of(&self, account: &str, id: &str) -> Result<Option<String>, ApiError> {
        Ok(self.engagements_of(account, id).await?.into_iter().next())
    }

    fn query(&self, kind: Kind, account: &str, by: &'static str) -> Query {
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

    async fn rows(&self, query: Query) -> Result<Vec<Item>, ApiError> {
        all(self.service, query).await
    }
}

fn in_engagement(engagement: &str) -> Filter {
    Filter::starts_with("id", &format!("{engagement}/"))
}
