//! What AWS offers to partners: referrals and leads, to one or several; what becomes of AWS's own invitations, and how AWS
//! answers those that partners send it.

use bytes::Bytes;
use cosell_domain::Catalog;
use cosell_domain::engagement::invitation::lead::{self, Lead};
use cosell_domain::engagement::invitation::recipients::{Context, Ids, MAX_RECIPIENTS, Recipient};
use cosell_domain::engagement::invitation::referral::{self, Terms};
use cosell_domain::engagement::invitation::{Invitation, Side, answer, view};
use cosell_domain::engagement::party;
use cosell_model::enums::{InvitationStatus, ValidationExceptionErrorCode};
use cosell_model::types::{CreateOpportunityRequest, EngagementInvitationSummary};
use cosell_model::{ApiError, ErrorKind, Timestamp, Violation, patterns};
use cosell_store::{Cursor, Filter, Kind, Query, Sort};
use serde::{Deserialize, Serialize};

use super::By;
use super::deals::Listed;
use crate::answer::{encode, read_failed, stored};
use crate::engagement::create::LENGTH as ENGAGEMENT_LENGTH;
use crate::engagement::invitation::create::LENGTH as INVITATION_LENGTH;
use crate::engagement::invitation::record;
use crate::plan::{Plan, carry_out};
use crate::profile;
use crate::service::Service;

/// A partner to whom something is offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Receiver {
    /// Its account.
    pub account: String,
    /// The name that AWS gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
}

/// What an offer to one partner brought about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Offered {
    /// The partner.
    pub account: String,
    /// AWS's engagement.
    pub engagement_id: String,
    /// The invitation.
    pub invitation_id: String,
    /// The opportunity that acceptance brings to light; leads have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opportunity_id: Option<String>,
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
}

/// How AWS answers an invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It joins.
    Accept,
    /// It does not, for a reason of 1 to 80 characters or none.
    Reject(Option<String>),
}

impl Service {
    /// Refers a deal of AWS's to partners, each in an engagement of its own; all of them or none.
    pub async fn refer(
        &self,
        by: &By,
        catalog: Catalog,
        deal: &CreateOpportunityRequest,
        terms: &Terms,
        receivers: &[Receiver],
    ) -> Result<Vec<Offered>, ApiError> {
        self.offer(
            by,
            "CreateReferral",
            catalog,
            receivers,
            true,
            |plan, to, known| {
                let referred = referral::refer_to(deal, terms, to, known)?;
                Ok(referred
                    .into_iter()
                    .map(|one| {
                        let offered = told(&one.invitation, Some(one.opportunity.document.id));
                        plan.put_engagement(one.engagement);
                        plan.put_invitation(one.invitation);
                        offered
                    })
                    .collect())
            },
        )
        .await
    }

    /// Offers a lead to partners, each in an engagement of its own; all of them or none.
    pub async fn offer_lead(
        &self,
        by: &By,
        catalog: Catalog,
        lead: &Lead,
        receivers: &[Receiver],
    ) -> Result<Vec<Offered>, ApiError> {
        self.offer(
            by,
            "InviteToLead",
            catalog,
            receivers,
            false,
            |plan, to, known| {
                let offered = lead::offer(lead, to, known)?;
                Ok(offered
                    .into_iter()
                    .map(|one| {
                        let offered = told(&one.invitation, None);
                        plan.put_engagement(one.engagement);
                        plan.put_invitation(one.invitation);
                        offered
                    })
                    .collect())
            },
        )
        .await
    }

    async fn offer(
        &self,
        by: &By,
        action: &'static str,
        catalog: Catalog,
        receivers: &[Receiver],
        opens: bool,
        decide: impl Fn(&mut Plan<'_>, &[(Recipient, Ids)], Context<'_>) -> Result<Vec<Offered>, ApiError>,
    ) -> Result<Vec<Offered>, ApiError> {
        if receivers.len() > MAX_RECIPIENTS {
            // Before anything is looked up or numbered for them.
            let message = format!(
                "receivers must have at most {MAX_RECIPIENTS} elements; it has {}",
                receivers.len()
            );
            return Err(ApiError::business_validation(vec![Violation::new(
                "receivers",
                ValidationExceptionErrorCode::TooManyValues,
                message,
            )]));
        }
        let mut recipients = Vec::with_capacity(receivers.len());
        for receiver in receivers {
            let profile = profile::find(self, &receiver.account).await?;
            let missing = || ApiError::not_found(format!("There is no partner account {}", receiver.account));
            recipients.push(Recipient {
                profile: profile.ok_or_else(missing)?,
                alias: receiver.alias.clone(),
            });
        }
        let answer = carry_out(self, &by.deed(action), catalog, None, async |plan| {
            let mut to = Vec::with_capacity(recipients.len());
            for recipient in &recipients {
                let opportunity = match opens {
                    true => self.ids.next(&*self.store).await?,
                    false => String::new(),
                };
                let ids = Ids {
                    opportunity,
                    engagement: self.names.draw("eng-", ENGAGEMENT_LENGTH)?,
                    invitation: self.names.draw("engi-", INVITATION_LENGTH)?,
                };
                to.push((recipient.clone(), ids));
            }
            let known = Context {
                catalog,
                region: &self.settings.region,
                now: plan.now(),
                estimates: &self.settings.estimates,
            };
            encode(&decide(plan, &to, known)?)
        })
        .await?;
        stored(&answer, "what was offered")
    }

    /// Takes back an offer of AWS's that nobody has answered: the partner sees it expired.
    pub async fn withdraw_invitation(
        &self,
        by: &By,
        catalog: Catalog,
        id: &str,
    ) -> Result<EngagementInvitationSummary, ApiError> {
        carry_out(
            self,
            &by.deed("WithdrawInvitation"),
            catalog,
            None,
            async |plan| {
                let invitation = planned_of_aws(plan, id).await?;
                plan.put_invitation(answer::withdraw(&invitation, plan.now())?);
                Ok(Bytes::new())
            },
        )
        .await?;
        self.aws_invitation(catalog, id).await
    }

    /// Answers an invitation that a partner sent to AWS.
    pub async fn answer_as_aws(
        &self,
        by: &By,
        catalog: Catalog,
        id: &str,
        answered: &Answer,
    ) -> Result<EngagementInvitationSummary, ApiError> {
        if let Answer::Reject(Some(reason)) = answered {
            check_reason(reason)?;
        }
        let aws = party::aws(catalog);
        let action = match answered {
            Answer::Accept => "AcceptInvitation",
            Answer::Reject(_) => "RejectInvitation",
        };
        carry_out(self, &by.deed(action), catalog, None, async |plan| {
            let invitation = planned_of_aws(plan, id).await?;
            match answered {
                Answer::Accept => {
                    let room = plan.known_engagement(&invitation.engagement_id).await?;
                    let (accepted, joined) = answer::accept(&invitation, &room, &aws, plan.now())?;
                    plan.put_invitation(accepted);
                    plan.put_engagement(joined);
                }
                Answer::Reject(reason) => {
                    let rejected = answer::reject(&invitation, &aws.account_id, reason.clone(), plan.now())?;
                    plan.put_invitation(rejected);
                }
            }
            Ok(Bytes::new())
        })
        .await?;
        self.aws_invitation(catalog, id).await
    }

    /// An invitation that AWS sent or received.
    pub async fn aws_invitation(
        &self,
        catalog: Catalog,
        id: &str,
    ) -> Result<EngagementInvitationSummary, ApiError> {
        let aws = party::aws_account(catalog);
        let found = record::read(self, aws, catalog, id).await;
        let (invitation, _) = found.map_err(|error| in_words_for_aws(error, catalog, id))?;
        let side = invitation.side_of(aws).unwrap_or(Side::Sender);
        Ok(view::summary(&invitation, side, self.now()))
    }

    /// One page of the invitations that AWS sent or received, newest first, in those statuses or in all.
    pub async fn list_aws_invitations(
        &self,
        catalog: Catalog,
        side: Side,
        statuses: &[InvitationStatus],
        limit: usize,
        after: Option<Cursor>,
    ) -> Result<Listed<EngagementInvitationSummary>, ApiError> {
        let mut filters = vec![Filter::In("participant", vec![side.as_str().into()])];
        if !statuses.is_empty() {
            let statuses = statuses.iter().map(|status| status.as_str().into());
            filters.push(Filter::In("status", statuses.collect()));
        }
        let query = Query {
            kind: Kind::Invitation,
            account: party::aws_account(catalog).to_owned(),
            catalog: catalog.as_str().to_owned(),
            filters,
            sort: Sort {
                by: "invited",
                descending: true,
            },
            after,
            limit,
        };
        let page = self.store.query(&query).await.map_err(read_failed)?;
        let items = page.items.iter().map(|row| stored(&row.summary, "an invitation"));
        Ok(Listed {
            items: items.collect::<Result<_, _>>()?,
            next: page.next,
        })
    }
}

/// The contract's bounds of a partner's reason hold for AWS's too: the partner reads it in the same member.
/// An invitation that AWS sent or received, read into a plan.
async fn planned_of_aws(plan: &mut Plan<'_>, id: &str) -> Result<Invitation, ApiError> {
    let catalog = plan.catalog();
    let found = record::planned(plan, party::aws_account(catalog), id).await;
    found.map_err(|error| in_words_for_aws(error, catalog, id))
}

/// What a partner would be told of "this account" is of no use to who plays AWS.
fn in_words_for_aws(error: ApiError, catalog: Catalog, id: &str) -> ApiError {
    match error.kind {
        ErrorKind::ResourceNotFound => ApiError::not_found(format!(
            "AWS has neither sent nor received an invitation {id} in catalog {catalog}: see `cosell invitation list`, and \
             the other catalog"
        )),
        _ => error,
    }
}

fn check_reason(reason: &str) -> Result<(), ApiError> {
    if patterns::REJECTION_REASON_STRING.matches(reason) {
        return Ok(());
    }
    let message = "rejectionReason must have 1 to 80 printable characters";
    let violation = Violation::new(
        "rejectionReason",
        ValidationExceptionErrorCode::InvalidValue,
        message,
    );
    Err(ApiError::business_validation(vec![violation]))
}

fn told(invitation: &Invitation, opportunity: Option<String>) -> Offered {
    Offered {
        account: invitation.receiver.account_id.clone(),
        engagement_id: invitation.engagement_id.clone(),
        invitation_id: invitation.id.clone(),
        opportunity_id: opportunity,
        expires_at: invitation.expires_at,
    }
}
