//! The invitation into an engagement: from a member, or from AWS, to an account that may accept or reject it within
//! fifteen days (behaviours 3.3).
//!
//! Both sides keep the same state; `view` shows each what it may see. What somebody may know who has not accepted is
//! decided by what goes into an invitation in the first place: the payload holds no contacts of the customer, no street
//! and no identifiers, and nothing else of the engagement or of the deal behind it is ever shown.

pub mod answer;
pub mod create;
pub mod lead;
pub mod payload;
pub mod recipients;
pub mod referral;
pub mod view;

use cosell_model::Timestamp;
use cosell_model::enums::{EngagementInvitationPayloadType, InvitationStatus};
use cosell_model::types::{EngagementMemberSummary, EnrichmentContext, GetOpportunityResponse, Payload};
use serde::{Deserialize, Serialize};

use super::{Profile, Refusal};
use crate::opportunity::Private;

/// How long an invitation can be answered, in milliseconds: 15 days (behaviours 3.3).
pub const EXPIRES_AFTER_MILLIS: i64 = 15 * 24 * 60 * 60 * 1000;

/// An invitation as both its sides keep it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Invitation {
    /// Its identifier, `engi-` and 13 characters.
    pub id: String,
    /// Its ARN, which names no account.
    pub arn: String,
    /// The catalog's name on the wire.
    pub catalog: String,
    /// The engagement it leads into.
    pub engagement_id: String,
    /// The engagement's title when the invitation was sent; titles never change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engagement_title: Option<String>,
    /// The engagement's description, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engagement_description: Option<String>,
    /// The sender's words, 1 to 255 characters.
    pub message: String,
    /// Who invites.
    pub sender: Profile,
    /// Who is invited.
    pub receiver: Receiver,
    /// What it is about.
    pub payload_type: EngagementInvitationPayloadType,
    /// The outline of the opportunity or of the lead. None where AWS is invited to a deal whose outline the contract
    /// cannot express, such as one of national security without a website.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Payload>,
    /// The status as of the last change. [`Invitation::status_at`] also knows of an expiry that was not noted yet.
    pub status: InvitationStatus,
    /// When it was sent.
    pub invited_at: Timestamp,
    /// The first moment at which it can no longer be answered.
    pub expires_at: Timestamp,
    /// When it was accepted, rejected or noted as expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<Timestamp>,
    /// Why it was rejected, 1 to 80 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejection_reason: Option<String>,
    /// Who was in the engagement when the invitation was sent.
    #[serde(default)]
    pub existing_members: Vec<EngagementMemberSummary>,
    /// For leads: AWS's scores, which are shown before acceptance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrichment: Option<EnrichmentContext>,
    /// For AWS's referrals: the opportunity that acceptance brings to light.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referral: Option<Referral>,
    /// For an invitation of AWS that a submission sent: the opportunity that was submitted. Nobody is shown this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// The receiver's opportunity, once acceptance has opened one. Nobody is shown this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opportunity_id: Option<String>,
}

/// The account that is invited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receiver {
    /// The account's identifier: 12 digits, or AWS's own.
    pub account_id: String,
    /// The name that the sender gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
}

/// An opportunity of AWS's that waits for the acceptance of its invitation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Referral {
    /// What GetOpportunity will answer, before what acceptance adds.
    pub document: GetOpportunityResponse,
    /// The rest of it.
    pub private: Private,
}

/// On which side of an invitation an account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// It invites.
    Sender,
    /// It is invited.
    Receiver,
}

impl Side {
    /// The name on the wire, in ParticipantType and in events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Side::Sender => "SENDER",
            Side::Receiver => "RECEIVER",
        }
    }
}

impl Invitation {
    /// The status at a time: an unanswered invitation is expired from `expires_at` on, whether or not that was noted.
    pub fn status_at(&self, now: Timestamp) -> InvitationStatus {
        if self.status == InvitationStatus::Pending && now >= self.expires_at {
            InvitationStatus::Expired
        } else {
            self.status.clone()
        }
    }

    /// The side of an account; `None` for strangers.
    pub fn side_of(&self, account: &str) -> Option<Side> {
        if self.receiver.account_id == account {
            Some(Side::Receiver)
        } else if self.sender.account_id == account {
            Some(Side::Sender)
        } else {
            None
        }
    }

    /// True when AWS sent it.
    pub fn is_from_aws(&self) -> bool {
        crate::Catalog::from_name(&self.catalog)
            .is_some_and(|catalog| super::party::is_aws(catalog, &self.sender.account_id))
    }

    fn unknown(&self) -> Refusal {
        Refusal::NotFound(format!(
            "There is no engagement invitation {} in catalog {} that this account sent or received",
            self.id, self.catalog
        ))
    }
}
