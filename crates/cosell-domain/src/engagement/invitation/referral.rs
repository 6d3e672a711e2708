//! AWS's referral: an invitation to an opportunity that nobody sees before the invitation is accepted.
//!
//! In the sandbox CreateOpportunity of origin AWS Referral brings it about, and everything is as recorded
//! (behaviours 1.4); in either catalog an operator can, with words of AWS's own. Each partner gets an engagement and an
//! opportunity for itself: partners who are offered the same deal must not learn of each other.

use cosell_model::enums::{
    EngagementInvitationPayloadType as Kind, OpportunityOrigin, ReceiverResponsibility,
};
use cosell_model::types::{
    CreateOpportunityRequest, GetOpportunityResponse, OpportunityInvitationPayload, Payload, SenderContact,
};
use cosell_model::{Check, Timestamp, Violation, shapes};

use super::recipients::{self, Ids, Recipient};
use super::{Invitation, Receiver, Referral, create, payload};
use crate::engagement::{self, Engagement, Refusal, party};
use crate::opportunity::spend::Estimates;
use crate::opportunity::{self, Opportunity};
use crate::{Catalog, Violations};

/// What AWS writes to the partner, word for word, since clients may look for it.
pub const MESSAGE: &str = "This invite is for an AWS originated referral. Accepting this invitation will create an AWS originated opportunity in your pipeline.";

/// What a referral needs to know besides its input.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The account that is referred to.
    pub account: &'a str,
    /// The catalog.
    pub catalog: Catalog,
    /// The region ARNs name.
    pub region: &'a str,
    /// The identifier of the hidden opportunity, `O…`.
    pub opportunity_id: &'a str,
    /// The identifier of the engagement, `eng-…`.
    pub engagement_id: &'a str,
    /// The identifier of the invitation, `engi-…`.
    pub invitation_id: &'a str,
    /// The time of the referral.
    pub now: Timestamp,
    /// The amounts of estimation URLs.
    pub estimates: &'a Estimates,
}

/// A referral on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Referred {
    /// The opportunity as the creation answers it and as nobody can read it yet. Only the invitation keeps it.
    pub opportunity: Opportunity,
    /// AWS's engagement, with AWS as its one member.
    pub engagement: Engagement,
    /// The pending invitation.
    pub invitation: Invitation,
}

/// What AWS tells the partner besides the deal.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// AWS's message, 1 to 255 characters.
    pub message: String,
    /// AWS's people to turn to, 1 to 3.
    pub contacts: Vec<SenderContact>,
    /// What the partner is wanted for, at least one thing.
    pub responsibilities: Vec<ReceiverResponsibility>,
}

impl Default for Terms {
    /// As recorded in AWS's sandbox; the contact's address is made up.
    fn default() -> Self {
        Self {
            message: MESSAGE.to_owned(),
            contacts: vec![SenderContact {
                email: "pdm@aws.example".to_owned(),
                first_name: Some("AWS".to_owned()),
                last_name: Some("Partner Development".to_owned()),
                business_title: Some("PDM".to_owned()),
                phone: None,
            }],
            responsibilities: vec![
                ReceiverResponsibility::ServicesPartner,
                ReceiverResponsibility::SoftwarePartner,
            ],
        }
    }
}

impl Terms {
    fn check(&self, found: &mut Violations) {
        recipients::check_message(&self.message, found);
        if self.contacts.is_empty() || self.contacts.len() > payload::MAX_SENDER_CONTACTS {
            found.invalid(
                "contacts",
                format!("Name 1 to {} of AWS's people", payload::MAX_SENDER_CONTACTS),
            );
        }
        if !self.contacts.iter().all(Check::check) {
            found.invalid(
                "contacts",
                "A contact needs an e-mail address in lower case, names and a title of at most 80 characters, and a phone number such as +4711111111 or none",
            );
        }
        if self.responsibilities.is_empty() || !self.responsibilities.iter().all(Check::check) {
            found.invalid(
                "responsibilities",
                format!(
                    "Name at least one of: {}",
                    ReceiverResponsibility::VALUES.join(", ")
                ),
            );
        }
    }
}

/// A referral to one partner or to several: for each its own engagement, opportunity and invitation, in the order of
/// `to`, or nothing for any of them.
///
/// The catalog, the client token and the origin of `input` are not looked at.
pub fn refer_to(
    input: &CreateOpportunityRequest,
    terms: &Terms,
    to: &[(Recipient, Ids)],
    known: recipients::Context<'_>,
) -> Result<Vec<Referred>, Refusal> {
    let mut found = Violations::new();
    recipients::check(to, known.catalog, &mut found);
    terms.check(&mut found);
    // An operator's document has not passed the contract's checks of a request, which also asks for these two.
    let mut input = input.clone();
    known.catalog.as_str().clone_into(&mut input.catalog);
    "operator".clone_into(&mut input.client_token);
    recipients::check_form(&shapes::CREATE_OPPORTUNITY_REQUEST, &input, &mut found);
    found.into_result(())?;
    to.iter()
        .map(|(recipient, ids)| {
            let context = Context {
                account: &recipient.profile.account_id,
                catalog: known.catalog,
                region: known.region,
                opportunity_id: &ids.opportunity,
                engagement_id: &ids.engagement,
                invitation_id: &ids.invitation,
                now: known.now,
                estimates: known.estimates,
            };
            refer_as(input.clone(), terms, recipient.alias.clone(), context)
        })
        .collect()
}

/// Decides the sandbox's referral: all that it brings about, or every violation of the input. It must carry what the
/// invitation shows of the deal.
pub fn refer(input: CreateOpportunityRequest, known: Context<'_>) -> Result<Referred, Refusal> {
    refer_as(input, &Terms::default(), None, known)
}

fn refer_as(
    mut input: CreateOpportunityRequest,
    terms: &Terms,
    alias: Option<String>,
    known: Context<'_>,
) -> Result<Referred, Refusal> {
    // The rules of a draft hold for AWS's deals alike, apart from who may bring them.
    input.origin = Some(OpportunityOrigin::PartnerReferral);
    let drafted = opportunity::create::create(
        input,
        opportunity::create::Context {
            account: known.account,
            catalog: known.catalog,
            region: known.region,
            id: known.opportunity_id,
            now: known.now,
            estimates: known.estimates,
        },
    );
    let mut opportunity = drafted?;
    opportunity.private.origin = OpportunityOrigin::AWSReferral;
    let outline = outline(&opportunity.document, terms)?;

    let aws = party::aws(known.catalog);
    // The room tells the project from the beginning, so that nothing is written into it by the acceptance.
    let engagement = engagement::create::of_opportunity(
        &opportunity.document,
        engagement::create::Context {
            creator: &aws,
            catalog: known.catalog,
            region: known.region,
            id: known.engagement_id,
            now: known.now,
        },
    )?;
    let mut invitation = create::build(
        Kind::OpportunityInvitation,
        Some(Payload {
            opportunity_invitation: Some(outline),
            ..Payload::default()
        }),
        Receiver {
            account_id: known.account.to_owned(),
            alias,
        },
        terms.message.clone(),
        create::Context {
            engagement: &engagement,
            sender: &aws,
            receiver: None,
            earlier: &[],
            catalog: known.catalog,
            region: known.region,
            id: known.invitation_id,
            now: known.now,
            estimates: known.estimates,
        },
    );
    invitation.referral = Some(Referral {
        document: opportunity.document.clone(),
        private: opportunity.private.clone(),
    });
    Ok(Referred {
        opportunity,
        engagement,
        invitation,
    })
}

fn outline(
    document: &GetOpportunityResponse,
    terms: &Terms,
) -> Result<OpportunityInvitationPayload, Vec<Violation>> {
    let mut found = Violations::new();
    check_present(document, &mut found);
    found.into_result(())?;
    let Some(mut outline) = payload::of_opportunity(document, &[], terms.responsibilities.clone()) else {
        // All of it is there, and the other members are bounded alike in opportunities and invitations.
        let mut found = Violations::new();
        found.invalid(
            "customer.account.websiteUrl",
            "An AWS referral needs a plain website address such as www.example.com",
        );
        return Err(found.into_vec());
    };
    outline.sender_contacts = Some(terms.contacts.clone());
    Ok(outline)
}

fn check_present(document: &GetOpportunityResponse, found: &mut Violations) {
    let account = document
        .customer
        .as_ref()
        .and_then(|customer| customer.account.as_ref());
    let address = account.and_then(|account| account.address.as_ref());
    let project = document.project.as_ref();
    let life_cycle = document.life_cycle.as_ref();
    let filled = |text: Option<&String>| text.is_some_and(|text| !text.is_empty());
    for (path, present) in [
        (
            "customer.account.companyName",
            filled(account.map(|account| &account.company_name)),
        ),
        (
            "customer.account.industry",
            account.is_some_and(|account| account.industry.is_some()),
        ),
        (
            "customer.account.websiteUrl",
            filled(account.and_then(|account| account.website_url.as_ref())),
        ),
        (
            "customer.account.address.countryCode",
            address.is_some_and(|address| address.country_code.is_some()),
        ),
        (
            "project.title",
            filled(project.and_then(|project| project.title.as_ref())),
        ),
        (
            "project.customerBusinessProblem",
            filled(project.and_then(|project| project.customer_business_problem.as_ref())),
        ),
        (
            "lifeCycle.targetCloseDate",
            filled(life_cycle.and_then(|cycle| cycle.target_close_date.as_ref())),
        ),
    ] {
        if !present {
            found.required(path);
        }
    }
}
