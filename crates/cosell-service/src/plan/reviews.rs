//! What a review brings about: AWS answers its invitation, and the copies of those who were invited follow.

use std::collections::BTreeSet;

use cosell_domain::engagement::invitation::{Invitation, Side, answer};
use cosell_domain::engagement::{Refusal, party, receiver};
use cosell_domain::opportunity::Opportunity;
use cosell_model::ApiError;
use cosell_model::enums::{EngagementInvitationPayloadType, InvitationStatus, ReviewStatus};
use cosell_store::{Filter, Kind};

use super::{Owned, Plan, all};

impl Plan<'_> {
    /// A review that moved on: AWS joins where it approved, and the copies of those who were invited follow. A copy that
    /// moved has copies of its own.
    pub(super) async fn follow_reviews(&mut self) -> Result<(), ApiError> {
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
                // Whoever accepts meanwhile writes the engagement, so a copy that is opened now is not missed.
                self.known_engagement(&engagement).await?;
                let oldest = self.oldest_of(&account, &engagement).await?.as_deref() == Some(&*id);
                if matches!(status, ReviewStatus::Approved | ReviewStatus::Rejected) {
                    self.aws_answers(&account, &id, oldest, &engagement, &status)
                        .await?;
                }
                if oldest {
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

    /// AWS accepts the owner's invitation to what it approved, and rejects the one to what it rejected (behaviours 6.3).
    /// An invitation that a partner wrote by hand is about the oldest deal it shares. A full engagement keeps it waiting.
    async fn aws_answers(
        &mut self,
        owner: &str,
        id: &str,
        oldest: bool,
        engagement: &str,
        status: &ReviewStatus,
    ) -> Result<(), ApiError> {
        let aws = party::aws(self.catalog);
        let now = self.now;
        let sent = self.invitations_of_aws(owner, engagement).await?;
        let meant = sent.into_iter().find(|one| {
            let about = one.about.as_deref().map_or(oldest, |about| about == id);
            about && one.status_at(now) == InvitationStatus::Pending
        });
        let Some(invitation) = meant else {
            return Ok(());
        };
        if *status == ReviewStatus::Rejected {
            let rejected = answer::reject(&invitation, &aws.account_id, None, self.now)?;
            self.put_invitation(rejected);
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

    /// The invitations of AWS to an engagement that an account has sent, newest first, whatever became of them.
    pub(crate) async fn invitations_of_aws(
        &mut self,
        sender: &str,
        engagement: &str,
    ) -> Result<Vec<Invitation>, ApiError> {
        let aws = party::aws_account(self.catalog);
        let mut query = self.query(Kind::Invitation, aws, "invited");
        query.sort.descending = true;
        query.filters = vec![
            Filter::In("participant", vec![Side::Receiver.as_str().into()]),
            Filter::In("engagement", vec![engagement.into()]),
            Filter::In("sender", vec![sender.into()]),
        ];
        let mut sent = Vec::new();
        for row in all(self.service, query).await? {
            sent.extend(self.invitation(aws, &row.id).await?);
        }
        Ok(sent)
    }

    /// The copies of those who accepted the owner's invitation into the engagement.
    pub(super) async fn copies_follow(
        &mut self,
        owner: &str,
        engagement: &str,
        status: &ReviewStatus,
    ) -> Result<(), ApiError> {
        let mut query = self.query(Kind::Invitation, owner, "invited");
        query.filters = vec![
            Filter::In("participant", vec![Side::Sender.as_str().into()]),
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
}
