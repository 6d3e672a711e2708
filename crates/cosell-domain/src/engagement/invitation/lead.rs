//! AWS's leads: an engagement about a customer's interest, and the invitation of a partner into it.
//!
//! A lead is offered to each partner in an engagement of its own. Others can join one only once the lead has become an
//! opportunity (behaviours 3.3), and partners who are offered the same lead must not learn of each other.

use cosell_model::enums::EngagementContextType;
use cosell_model::shapes;
use cosell_model::types::{
    CreateEngagementRequest, EngagementContextDetails, EngagementContextPayload, LeadContext,
};

use super::create::{self, invite_to_lead};
use super::recipients::{self, Ids, Recipient};
use super::{Invitation, Receiver};
use crate::Violations;
use crate::engagement::{self, DESCRIPTION_LIMIT, Engagement, Refusal, TITLE_LIMIT, party};

/// The identifier of the lead's context in its engagement: contexts are numbered from 1.
const CONTEXT: &str = "1";

/// A lead that AWS offers.
#[derive(Debug, Clone, PartialEq)]
pub struct Lead {
    /// The engagement's title, 1 to 40 characters.
    pub title: String,
    /// The engagement's description, at most 255 characters.
    pub description: Option<String>,
    /// AWS's message to the partner, 1 to 255 characters.
    pub message: String,
    /// The customer and its interactions, of which the latest is shown before acceptance, in part.
    pub lead: LeadContext,
}

/// A lead on its way to one partner.
#[derive(Debug, Clone, PartialEq)]
pub struct Offered {
    /// AWS's engagement, with AWS as its one member.
    pub engagement: Engagement,
    /// The pending invitation.
    pub invitation: Invitation,
}

/// Decides the offer of a lead to one partner or to several: for each its own engagement and invitation, in the order of
/// `to`, or nothing for any of them.
pub fn offer(
    lead: &Lead,
    to: &[(Recipient, Ids)],
    known: recipients::Context<'_>,
) -> Result<Vec<Offered>, Refusal> {
    let mut found = Violations::new();
    recipients::check(to, known.catalog, &mut found);
    recipients::check_message(&lead.message, &mut found);
    check_texts(lead, &mut found);
    recipients::check_form(&shapes::LEAD_CONTEXT, &lead.lead, &mut found);
    found.into_result(())?;
    to.iter()
        .map(|(recipient, ids)| offer_one(lead, recipient, ids, known))
        .collect()
}

fn check_texts(lead: &Lead, found: &mut Violations) {
    let description = lead.description.as_deref().unwrap_or_default();
    if lead.title.trim().is_empty() {
        found.required("title");
    }
    for (field, text, limit) in [
        ("title", lead.title.as_str(), TITLE_LIMIT),
        ("description", description, DESCRIPTION_LIMIT),
    ] {
        if text.chars().count() > limit {
            found.invalid(field, format!("{field} must have at most {limit} characters"));
        }
    }
}

fn offer_one(
    lead: &Lead,
    recipient: &Recipient,
    ids: &Ids,
    known: recipients::Context<'_>,
) -> Result<Offered, Refusal> {
    let aws = party::aws(known.catalog);
    let engagement = engagement::create::create(
        CreateEngagementRequest {
            title: Some(lead.title.clone()),
            description: lead.description.clone(),
            contexts: Some(vec![EngagementContextDetails {
                id: None,
                r#type: EngagementContextType::Lead,
                payload: Some(EngagementContextPayload {
                    lead: Some(lead.lead.clone()),
                    ..EngagementContextPayload::default()
                }),
            }]),
            ..CreateEngagementRequest::default()
        },
        engagement::create::Context {
            creator: &aws,
            catalog: known.catalog,
            region: known.region,
            id: &ids.engagement,
            now: known.now,
        },
    )?;
    let receiver = Receiver {
        account_id: recipient.profile.account_id.clone(),
        alias: recipient.alias.clone(),
    };
    let invitation = invite_to_lead(
        receiver,
        CONTEXT,
        &lead.message,
        create::Context {
            engagement: &engagement,
            sender: &aws,
            receiver: Some(&recipient.profile),
            earlier: &[],
            catalog: known.catalog,
            region: known.region,
            id: &ids.invitation,
            now: known.now,
            estimates: known.estimates,
        },
    )?;
    Ok(Offered {
        engagement,
        invitation,
    })
}
