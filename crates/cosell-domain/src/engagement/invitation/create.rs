//! CreateEngagementInvitation, and the invitation of AWS that a submitted opportunity brings about.

use cosell_model::Timestamp;
use cosell_model::enums::{
    EngagementContextType, EngagementInvitationPayloadType as Kind, InvitationStatus, ReceiverResponsibility,
    ValidationExceptionErrorCode as Code,
};
use cosell_model::types::{
    EnrichmentContext, GetOpportunityResponse, Invitation as Sent, InvitationProspectingResultAws,
    OpportunityInvitationPayload, Payload,
};

use super::{EXPIRES_AFTER_MILLIS, Invitation, Receiver, payload};
use crate::engagement::{Engagement, MAX_MEMBERS, Profile, Refusal, context, party, view};
use crate::opportunity::spend::Estimates;
use crate::{Catalog, Violations, arn};

const RECEIVER: &str = "invitation.receiver.account.awsAccountId";
const PAYLOAD: &str = "invitation.payload";

/// What an invitation needs to know besides its input.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The engagement that it leads into.
    pub engagement: &'a Engagement,
    /// Who invites.
    pub sender: &'a Profile,
    /// The account that is invited, if it is registered and connected with the sender. AWS needs none of that.
    pub receiver: Option<&'a Profile>,
    /// The invitations of this engagement to the same account, as far as there are any.
    pub earlier: &'a [Invitation],
    /// The catalog of the engagement.
    pub catalog: Catalog,
    /// The region the ARN names.
    pub region: &'a str,
    /// Its identifier, `engi-` and 13 characters.
    pub id: &'a str,
    /// The time of the invitation.
    pub now: Timestamp,
    /// The amounts of estimation URLs.
    pub estimates: &'a Estimates,
}

/// Decides an invitation by a member.
pub fn create(input: Sent, known: Context<'_>) -> Result<Invitation, Refusal> {
    known.engagement.members_only(&known.sender.account_id)?;
    let mut found = Violations::new();
    let account = input.receiver.account.unwrap_or_default();
    let receiver = party::canonical(known.catalog, &account.aws_account_id);
    check_receiver(receiver, known, &mut found);
    let (kind, payload) = settle_payload(input.payload, receiver, known, &mut found);
    let (Some(kind), true) = (kind, found.is_empty()) else {
        return Err(Refusal::Violations(found.into_vec()));
    };
    let receiver = Receiver {
        account_id: receiver.to_owned(),
        alias: account.alias,
    };
    check_state(&receiver.account_id, known)?;
    Ok(build(kind, Some(payload), receiver, input.message, known))
}

/// Decides the invitation of AWS to an opportunity: the outline comes from the opportunity itself.
/// `known.receiver` is not looked at, nor are the amounts of estimation URLs.
pub fn invite_aws(
    document: &GetOpportunityResponse,
    message: &str,
    known: Context<'_>,
) -> Result<Invitation, Refusal> {
    known.engagement.members_only(&known.sender.account_id)?;
    let aws = party::aws_account(known.catalog);
    check_state(aws, known)?;
    let team = document.opportunity_team.as_deref().unwrap_or_default();
    let payload = payload::of_opportunity(document, team, vec![ReceiverResponsibility::CoSellFacilitator]);
    let payload = payload.map(|outline| Payload {
        opportunity_invitation: Some(outline),
        ..Payload::default()
    });
    let receiver = Receiver {
        account_id: aws.to_owned(),
        alias: None,
    };
    let mut invitation = build(
        Kind::OpportunityInvitation,
        payload,
        receiver,
        message.to_owned(),
        known,
    );
    invitation.about = Some(document.id.clone());
    Ok(invitation)
}

/// Decides AWS's invitation of a partner to a lead. `known.sender` is AWS; the outline comes from the engagement's lead
/// of that context.
pub fn invite_to_lead(
    receiver: Receiver,
    context: &str,
    message: &str,
    known: Context<'_>,
) -> Result<Invitation, Refusal> {
    known.engagement.members_only(&known.sender.account_id)?;
    let lead = known
        .engagement
        .context(context)
        .and_then(|context| context.payload.as_ref()?.lead.as_ref());
    let Some(outline) = lead.and_then(payload::of_lead) else {
        return Err(Refusal::NotFound(format!(
            "There is no lead with an interaction in context {context} of engagement {}",
            known.engagement.id
        )));
    };
    let mut found = Violations::new();
    check_receiver(&receiver.account_id, known, &mut found);
    found.into_result(())?;
    check_state(&receiver.account_id, known)?;
    let payload = Payload {
        lead_invitation: Some(outline),
        ..Payload::default()
    };
    Ok(build(
        Kind::LeadInvitation,
        Some(payload),
        receiver,
        message.to_owned(),
        known,
    ))
}

pub(super) fn build(
    kind: Kind,
    payload: Option<Payload>,
    receiver: Receiver,
    message: String,
    known: Context<'_>,
) -> Invitation {
    let engagement = known.engagement;
    let enrichment = match kind {
        Kind::LeadInvitation => enrichment(engagement),
        _ => None,
    };
    Invitation {
        id: known.id.to_owned(),
        arn: arn::engagement_invitation(known.region, known.catalog, known.id),
        catalog: known.catalog.as_str().to_owned(),
        engagement_id: engagement.id.clone(),
        engagement_title: engagement.title.clone(),
        engagement_description: engagement.description.clone(),
        message,
        sender: known.sender.clone(),
        receiver,
        payload_type: kind,
        payload,
        status: InvitationStatus::Pending,
        invited_at: known.now,
        expires_at: known.now.plus_millis(EXPIRES_AFTER_MILLIS),
        answered_at: None,
        rejection_reason: None,
        existing_members: view::member_summaries(engagement),
        enrichment,
        referral: None,
        about: None,
        opportunity_id: None,
    }
}

fn check_receiver(receiver: &str, known: Context<'_>, found: &mut Violations) {
    if receiver == known.sender.account_id {
        found.invalid(
            RECEIVER,
            "An account cannot invite itself: it is a member already",
        );
        return;
    }
    let connected = known
        .receiver
        .is_some_and(|profile| profile.account_id == receiver);
    if !connected && !party::is_aws(known.catalog, receiver) {
        found.invalid(
            RECEIVER,
            "No partner account of this identifier is connected with yours: connect with the partner first, or use aws",
        );
    }
}

/// What stands against an invitation that is in itself right.
fn check_state(receiver: &str, known: Context<'_>) -> Result<(), Refusal> {
    let engagement = known.engagement;
    if engagement.is_member(receiver) {
        return Err(Refusal::Conflict(format!(
            "The account is a member of engagement {} already",
            engagement.id
        )));
    }
    let pending = known.earlier.iter().find(|earlier| {
        earlier.engagement_id == engagement.id
            && earlier.receiver.account_id == receiver
            && earlier.status_at(known.now) == InvitationStatus::Pending
    });
    if let Some(pending) = pending {
        return Err(Refusal::Conflict(format!(
            "The account has been invited to engagement {} already: invitation {} is pending",
            engagement.id, pending.id
        )));
    }
    if engagement.members.len() >= MAX_MEMBERS {
        return Err(Refusal::QuotaExceeded(format!(
            "An engagement has at most {MAX_MEMBERS} members, and {} has that many",
            engagement.id
        )));
    }
    Ok(())
}

/// The payload as it is kept, and its type, where it has one.
fn settle_payload(
    sent: Payload,
    receiver: &str,
    known: Context<'_>,
    found: &mut Violations,
) -> (Option<Kind>, Payload) {
    if let Some(mut outline) = sent.opportunity_invitation {
        check_collaborator(receiver, known, found);
        payload::settle(
            &mut outline,
            &format!("{PAYLOAD}.opportunityInvitation"),
            known,
            found,
        );
        return (Some(Kind::OpportunityInvitation), of_opportunity(outline));
    }
    if let Some(outline) = sent.lead_invitation {
        check_lead(known, found);
        let payload = Payload {
            lead_invitation: Some(outline),
            ..Payload::default()
        };
        return (Some(Kind::LeadInvitation), payload);
    }
    found.required(PAYLOAD);
    (None, Payload::default())
}

fn of_opportunity(outline: OpportunityInvitationPayload) -> Payload {
    Payload {
        opportunity_invitation: Some(outline),
        ..Payload::default()
    }
}

/// Other partners work on a lead with its owner only after it has become an opportunity (behaviours 3.3).
fn check_collaborator(receiver: &str, known: Context<'_>, found: &mut Violations) {
    if context::is_bare_lead(known.engagement) && !party::is_aws(known.catalog, receiver) {
        found.not_permitted(
            &format!("{PAYLOAD}.opportunityInvitation"),
            "Other partners can be invited only after the lead has become an opportunity: start \
             StartOpportunityFromEngagementTask first",
        );
    }
}

/// A lead is given away by whoever brought it, so by the engagement's creator.
fn check_lead(known: Context<'_>, found: &mut Violations) {
    let path = format!("{PAYLOAD}.leadInvitation");
    let engagement = known.engagement;
    if !context::has(engagement, &EngagementContextType::Lead) {
        found.add(
            &path,
            Code::ActionNotPermitted,
            "The engagement has no lead: add a Lead context, or send an opportunityInvitation",
        );
    } else if engagement.created_by != known.sender.account_id {
        found.not_permitted(
            &path,
            "Only the account that created the engagement can invite to its lead",
        );
    }
}

/// AWS's scores of the engagement's lead, if there are any.
fn enrichment(engagement: &Engagement) -> Option<EnrichmentContext> {
    let payloads = || {
        engagement
            .contexts
            .iter()
            .rev()
            .filter_map(|context| context.payload.as_ref())
    };
    let result = payloads().find_map(|payload| payload.prospecting_result.as_ref()?.aws.as_ref());
    let enrichment = EnrichmentContext {
        prospecting_result_aws: result.map(|result| InvitationProspectingResultAws {
            customer: result.customer.clone(),
            insights: result.insights.clone(),
        }),
        lead_insights: payloads().find_map(|payload| payload.lead.as_ref()?.insights.clone()),
    };
    (enrichment != EnrichmentContext::default()).then_some(enrichment)
}
