//! What is shared where, and who is shown that.

use cosell_domain::engagement::party;
use cosell_domain::snapshot::{self, Template};
use cosell_model::ApiError;
use cosell_model::types::EngagementResourceAssociationSummary;
use cosell_store::{Filter, Kind, Write};

use super::Plan;
use crate::answer::stored;
use crate::snapshot::record as snapshots;

impl Plan<'_> {
    /// Notes that an engagement shares an opportunity that it did not share before. The opportunity's own jobs and reviews
    /// matter to others from here on; those who accepted an invitation before it was shared catch up.
    pub(super) async fn associate(&mut self) -> Result<(), ApiError> {
        let views = self
            .due
            .keys()
            .filter(|share| share.template == Template::OpportunitySummaryView);
        for share in views.cloned().collect::<Vec<_>>() {
            let (owner, id) = (&share.owner, &share.opportunity);
            if self.engagements_of(owner, id).await?.contains(&share.engagement) {
                continue;
            }
            let engagement = self.known_engagement(&share.engagement).await?;
            // The first member has a row for all that is shared; whoever joins with this plan has none yet.
            if let Some(first) = engagement.members.first() {
                let mut query = self.query(Kind::Association, &first.profile.account_id, "id");
                query.filters = vec![in_engagement(&share.engagement)];
                snapshot::check_room(&share.engagement, self.rows(query).await?.len())?;
            }
            let Some(mut opportunity) = self.opportunity(owner, id).await? else {
                continue;
            };
            let first = self.oldest_of(owner, &share.engagement).await?.is_none();
            if let (Some(status), true) = (opportunity.review_status(), first) {
                self.copies_follow(owner, &share.engagement, status).await?;
            }
            opportunity.private.shared = true;
            self.put_opportunity(owner, opportunity);
            self.put_engagement(engagement);
            self.associated
                .insert((share.engagement, share.opportunity, share.owner));
        }
        Ok(())
    }

    /// Shows members what is shared: to all of them what is shared from now on, to those who join what was shared before.
    pub(super) async fn show_associations(&mut self) -> Result<(), ApiError> {
        for (engagement, opportunity, owner) in self.associated.clone() {
            let summary = snapshot::association(self.catalog, &engagement, &opportunity, &owner);
            let members = self.known_engagement(&engagement).await?.members;
            let accounts = members.into_iter().map(|member| member.profile.account_id);
            self.show(&summary, &accounts.collect::<Vec<_>>())?;
        }
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
        for (engagement, known, new) in joined {
            let mut query = self.query(Kind::Association, &known, "id");
            query.filters = vec![in_engagement(&engagement)];
            for row in self.rows(query).await? {
                let summary = stored(&row.summary, "an association")?;
                self.show(&summary, &new)?;
            }
        }
        Ok(())
    }

    /// Shows an association to accounts; for AWS it is the occasion to write its own view.
    fn show(
        &mut self,
        summary: &EngagementResourceAssociationSummary,
        accounts: &[String],
    ) -> Result<(), ApiError> {
        for account in accounts {
            let row = snapshots::association(account, summary)?;
            self.writes.push(Write::Insert(row));
        }
        let aws = party::aws_account(self.catalog);
        if let (Some(owner), Some(opportunity), Some(engagement), true) = (
            &summary.created_by,
            &summary.resource_id,
            &summary.engagement_id,
            accounts.iter().any(|account| account == aws),
        ) {
            self.share(
                owner,
                opportunity,
                engagement,
                Template::AwsOpportunitySummaryFullView,
            );
        }
        Ok(())
    }

    /// The engagements in which an account shares its opportunity, as far as the store knows, with those of this plan.
    pub(super) async fn engagements_of(&self, account: &str, id: &str) -> Result<Vec<String>, ApiError> {
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

    /// The oldest opportunity that an account shares in an engagement: the one that its invitations are about.
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

    /// An engagement in which an account shares its opportunity: always the same one where there are several.
    pub(crate) async fn engagement_of(&self, account: &str, id: &str) -> Result<Option<String>, ApiError> {
        Ok(self.engagements_of(account, id).await?.into_iter().next())
    }
}

fn in_engagement(engagement: &str) -> Filter {
    Filter::starts_with("id", &format!("{engagement}/"))
}
