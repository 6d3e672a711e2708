//! What an event tells, in the published shapes (behaviours 6.2): the names and the case of every member are the
//! contract with consumers, mixed as they are. Borrows everything from the records; decides nothing.

use cosell_model::Timestamp;
use cosell_model::enums::{EngagementContextType, EngagementInvitationPayloadType};
use serde::Serialize;

/// The ten kinds of events (behaviours 6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DetailType {
    /// An opportunity is the partner's from now on.
    OpportunityCreated,
    /// An opportunity reads otherwise than before, on the partner's side or on AWS's.
    OpportunityUpdated,
    /// Somebody was invited.
    InvitationCreated,
    /// Whoever was invited joined.
    InvitationAccepted,
    /// Whoever was invited will not join.
    InvitationRejected,
    /// Nobody can answer the invitation any more.
    InvitationExpired,
    /// An engagement was created.
    EngagementCreated,
    /// The contexts of an engagement were written.
    EngagementUpdated,
    /// An account takes part in an engagement from now on.
    MemberAdded,
    /// An opportunity was shown to an engagement as it is now.
    SnapshotCreated,
}

impl DetailType {
    /// Every one.
    pub const ALL: [DetailType; 10] = [
        DetailType::OpportunityCreated,
        DetailType::OpportunityUpdated,
        DetailType::InvitationCreated,
        DetailType::InvitationAccepted,
        DetailType::InvitationRejected,
        DetailType::InvitationExpired,
        DetailType::EngagementCreated,
        DetailType::EngagementUpdated,
        DetailType::MemberAdded,
        DetailType::SnapshotCreated,
    ];

    /// Its name in `detail-type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            DetailType::OpportunityCreated => "Opportunity Created",
            DetailType::OpportunityUpdated => "Opportunity Updated",
            DetailType::InvitationCreated => "Engagement Invitation Created",
            DetailType::InvitationAccepted => "Engagement Invitation Accepted",
            DetailType::InvitationRejected => "Engagement Invitation Rejected",
            DetailType::InvitationExpired => "Engagement Invitation Expired",
            DetailType::EngagementCreated => "Engagement Created",
            DetailType::EngagementUpdated => "Engagement Updated",
            DetailType::MemberAdded => "Engagement Member Added",
            DetailType::SnapshotCreated => "Engagement Resource Snapshot Created",
        }
    }
}

/// The `detail` of an event. Two types of events can share a shape.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Detail<'a> {
    /// Of Opportunity Created and Updated.
    Opportunity(OpportunityDetail<'a>),
    /// Of the four about invitations.
    Invitation(InvitationDetail<'a>),
    /// Of Engagement Created.
    EngagementCreated(EngagementCreatedDetail<'a>),
    /// Of Engagement Updated.
    EngagementUpdated(EngagementUpdatedDetail<'a>),
    /// Of Engagement Member Added.
    Member(MemberDetail<'a>),
    /// Of Engagement Resource Snapshot Created.
    Snapshot(SnapshotDetail<'a>),
}

/// See [`Detail::Opportunity`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OpportunityDetail<'a> {
    /// `"1"`, as recorded.
    pub schema_version: &'static str,
    /// The catalog's name on the wire.
    pub catalog: &'static str,
    /// Which one.
    pub opportunity: OpportunityPart<'a>,
}

/// The opportunity that an event is about.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OpportunityPart<'a> {
    /// `O…`.
    pub identifier: &'a str,
}

/// See [`Detail::Invitation`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InvitationDetail<'a> {
    /// The catalog's name on the wire.
    pub catalog: &'static str,
    /// `"1.0"` of Engagement Invitation Created, as recorded; the others are documented without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<&'static str>,
    /// Which one.
    pub engagement_invitation: InvitationPart<'a>,
}

/// The invitation that an event is about, as one of its sides hears of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InvitationPart<'a> {
    /// Its ARN.
    pub arn: &'a str,
    /// `engi-…`.
    pub id: &'a str,
    /// `eng-…`.
    pub engagement_id: &'a str,
    /// Who invites.
    pub sender_account_id: &'a str,
    /// Who is invited.
    pub receiver_account_id: &'a str,
    /// The sender's company; of Created only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_company_name: Option<&'a str>,
    /// Until when it can be answered; of Created only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiration_date: Option<Timestamp>,
    /// `SENDER` or `RECEIVER`: the side of the event's account.
    pub participant_type: &'static str,
    /// What it is about.
    pub payload_type: &'a EngagementInvitationPayloadType,
}

/// See [`Detail::EngagementCreated`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EngagementCreatedDetail<'a> {
    /// The catalog's name on the wire.
    pub catalog: &'static str,
    /// Which one.
    pub engagement: EngagementCreatedPart<'a>,
}

/// The engagement that was created. The names change their case in the middle, as published.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EngagementCreatedPart<'a> {
    /// Its ARN.
    #[serde(rename = "engagementArn")]
    pub arn: &'a str,
    /// `eng-…`.
    #[serde(rename = "engagementId")]
    pub id: &'a str,
    /// When.
    #[serde(rename = "CreatedAt")]
    pub created_at: Timestamp,
    /// By which account.
    #[serde(rename = "CreatedBy")]
    pub created_by: &'a str,
    /// What it is about, each type once, in the order of their creation.
    #[serde(rename = "ContextTypes")]
    pub context_types: Vec<&'a EngagementContextType>,
}

/// See [`Detail::EngagementUpdated`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EngagementUpdatedDetail<'a> {
    /// The catalog's name on the wire.
    pub catalog: &'static str,
    /// Which one.
    pub engagement: EngagementUpdatedPart<'a>,
}

/// The engagement whose contexts were written. The names change their case in the middle, as published.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EngagementUpdatedPart<'a> {
    /// Its ARN.
    #[serde(rename = "engagementArn")]
    pub arn: &'a str,
    /// `eng-…`.
    #[serde(rename = "engagementId")]
    pub id: &'a str,
    /// When: the value that the next UpdateEngagementContext must send.
    #[serde(rename = "LastModifiedAt")]
    pub modified_at: Timestamp,
    /// By which account.
    #[serde(rename = "LastModifiedBy")]
    pub modified_by: &'a str,
    /// What it is about, each type once, in the order of their creation.
    #[serde(rename = "ContextTypes")]
    pub context_types: Vec<&'a EngagementContextType>,
}

/// See [`Detail::Member`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberDetail<'a> {
    /// The catalog's name on the wire.
    pub catalog: &'static str,
    /// Where.
    pub engagement: EngagementPart<'a>,
    /// Who.
    pub engagement_member: MemberPart<'a>,
}

/// The engagement that somebody joined.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EngagementPart<'a> {
    /// `eng-…`.
    pub id: &'a str,
}

/// The account that joined.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberPart<'a> {
    /// The account.
    pub account_id: &'a str,
    /// Its company.
    pub company_name: &'a str,
}

/// See [`Detail::Snapshot`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotDetail<'a> {
    /// `"1"`, as recorded.
    pub schema_version: &'static str,
    /// The catalog's name on the wire.
    pub catalog: &'static str,
    /// Which one.
    pub resource_snapshot: SnapshotPart<'a>,
}

/// The snapshot that an event is about.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotPart<'a> {
    /// Its ARN.
    pub arn: &'a str,
    /// `eng-…`.
    pub engagement_id: &'a str,
    /// `O…`.
    pub resource_id: &'a str,
    /// `Opportunity`: nothing else can be shared.
    pub resource_type: &'static str,
    /// Whose view it is.
    pub created_by: &'a str,
    /// Who may read it, AWS among them.
    pub target_member_accounts: &'a [String],
    /// What it shows.
    pub resource_snapshot_template_name: &'a str,
}
