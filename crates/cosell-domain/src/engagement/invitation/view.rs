//! What the two sides of an invitation see of it. Nobody else sees anything.
//!
//! Before acceptance the receiver sees the whole invitation, which holds an outline only. After it has rejected AWS's
//! own invitation it sees no more than that there was one (behaviours 3.3).

use cosell_model::Timestamp;
use cosell_model::enums::{InvitationStatus, ParticipantType};
use cosell_model::types::{
    AccountReceiver, EngagementInvitationSummary, GetEngagementInvitationResponse, Receiver,
};

use super::{Invitation, Side};
use crate::engagement::Refusal;

/// What GetEngagementInvitation answers to `account` at that time.
pub fn answer(
    invitation: &Invitation,
    account: &str,
    now: Timestamp,
) -> Result<GetEngagementInvitationResponse, Refusal> {
    let side = invitation.side_of(account);
    let Some(side) = side.filter(|side| !withdrawn(invitation, *side)) else {
        return Err(invitation.unknown());
    };
    let outline = summary(invitation, side, now);
    Ok(GetEngagementInvitationResponse {
        arn: outline.arn,
        payload_type: outline.payload_type,
        id: outline.id,
        engagement_id: outline.engagement_id,
        engagement_title: outline.engagement_title,
        status: outline.status,
        invitation_date: outline.invitation_date,
        expiration_date: outline.expiration_date,
        sender_aws_account_id: outline.sender_aws_account_id,
        sender_company_name: outline.sender_company_name,
        receiver: outline.receiver,
        catalog: outline.catalog,
        rejection_reason: invitation.rejection_reason.clone(),
        payload: invitation.payload.clone(),
        invitation_message: Some(invitation.message.clone()),
        engagement_description: invitation.engagement_description.clone(),
        existing_members: Some(invitation.existing_members.clone()),
        enrichment_context: invitation.enrichment.clone(),
    })
}

/// The entry of ListEngagementInvitations on that side. An entry that was written while the invitation was pending
/// says so until its expiry is noted.
pub fn summary(invitation: &Invitation, side: Side, now: Timestamp) -> EngagementInvitationSummary {
    let status = invitation.status_at(now);
    // Recorded as null once accepted: there is nothing left to run out.
    let open_end = status == InvitationStatus::Accepted;
    EngagementInvitationSummary {
        arn: Some(invitation.arn.clone()),
        payload_type: Some(invitation.payload_type.clone()),
        id: invitation.id.clone(),
        engagement_id: Some(invitation.engagement_id.clone()),
        engagement_title: invitation
            .engagement_title
            .clone()
            .filter(|_| !withdrawn(invitation, side)),
        status: Some(status),
        invitation_date: Some(invitation.invited_at),
        expiration_date: (!open_end).then_some(invitation.expires_at),
        sender_aws_account_id: Some(invitation.sender.account_id.clone()),
        sender_company_name: Some(invitation.sender.company_name.clone()),
        receiver: Some(Receiver {
            account: Some(AccountReceiver {
                alias: invitation.receiver.alias.clone(),
                aws_account_id: invitation.receiver.account_id.clone(),
            }),
        }),
        catalog: invitation.catalog.clone(),
        participant_type: Some(match side {
            Side::Sender => ParticipantType::Sender,
            Side::Receiver => ParticipantType::Receiver,
        }),
    }
}

/// True when AWS has taken back what it showed: the receiver rejected.
fn withdrawn(invitation: &Invitation, side: Side) -> bool {
    side == Side::Receiver && invitation.status == InvitationStatus::Rejected && invitation.is_from_aws()
}
