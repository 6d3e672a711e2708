//! The opportunity of an account that accepted an invitation, and what becomes of it when AWS reviews the sender's.
//!
//! A partner's invitation gives the receiver a copy of the outline that it was shown (behaviours 3.3, last paragraphs);
//! AWS's gives it the whole opportunity that AWS had in mind (behaviours 1.4). Nothing here reads the sender's
//! opportunity beyond its review status.

use cosell_model::Timestamp;
use cosell_model::enums::{
    InvitationStatus, MarketingSource, NationalSecurity, OpportunityOrigin, ReviewStatus,
    SalesInvolvementType, Stage, Visibility,
};
use cosell_model::types::{
    Account, Address, Contact, Customer, ExpectedCustomerSpend, GetOpportunityResponse, LifeCycle, Marketing,
    OpportunityInvitationPayload, Project, RelatedEntityIdentifiers,
};

use super::Refusal;
use super::invitation::Invitation;
use crate::opportunity::assign::{OWNER, User};
use crate::opportunity::{AwsSide, Opportunity, Private, life_cycle_mut, no_support_needed};
use crate::{Catalog, arn};

/// What opening an opportunity needs to know besides the invitation.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The catalog of the invitation.
    pub catalog: Catalog,
    /// The region the ARN names.
    pub region: &'a str,
    /// The identifier for a new opportunity, `O…`. AWS's referrals have theirs already.
    pub id: &'a str,
    /// Where the sender's opportunity stands in review, if the engagement is about one.
    pub sender_status: Option<&'a ReviewStatus>,
    /// The receiver's alliance lead, who becomes the owner of a referral.
    pub lead: Option<&'a User>,
    /// The time of the opening.
    pub now: Timestamp,
}

/// Decides the opening of the receiver's opportunity by an accepted invitation: that opportunity, and the invitation
/// that remembers it. An invitation opens one opportunity and no more.
pub fn open(invitation: &Invitation, known: Context<'_>) -> Result<(Opportunity, Invitation), Refusal> {
    if invitation.status != InvitationStatus::Accepted || invitation.opportunity_id.is_some() {
        return Err(Refusal::Conflict(format!(
            "Invitation {} opens no opportunity: it must be accepted and must not have opened one before",
            invitation.id
        )));
    }
    let outline = invitation
        .payload
        .as_ref()
        .and_then(|payload| payload.opportunity_invitation.as_ref());
    let opportunity = match (&invitation.referral, outline) {
        (Some(_), _) => referred(invitation, known),
        (None, Some(outline)) => Some(copy(outline, &invitation.receiver.account_id, known)),
        (None, None) => None,
    };
    let Some(opportunity) = opportunity else {
        return Err(Refusal::Conflict(format!(
            "Invitation {} is about a lead and opens no opportunity: accept it with AcceptEngagementInvitation",
            invitation.id
        )));
    };
    let mut next = invitation.clone();
    next.referral = None;
    next.opportunity_id = Some(opportunity.document.id.clone());
    Ok((opportunity, next))
}

/// The opportunity of AWS's referral: approved from the first moment, owned by the receiver's alliance lead.
fn referred(invitation: &Invitation, known: Context<'_>) -> Option<Opportunity> {
    let referral = invitation.referral.clone()?;
    let mut opportunity = Opportunity {
        document: referral.document,
        private: referral.private,
    };
    let life_cycle = life_cycle_mut(&mut opportunity.document);
    life_cycle.review_status = Some(ReviewStatus::Approved);
    life_cycle.stage = Some(Stage::Prospect);
    let target_close_date = life_cycle.target_close_date.clone();
    opportunity.private.aws = Some(AwsSide::opened(target_close_date));
    opportunity.private.submitted_at = Some(known.now);
    opportunity.private.involvement_type = Some(SalesInvolvementType::CoSell);
    opportunity.private.visibility = Some(Visibility::Full);
    if let Some(lead) = known.lead {
        let team = opportunity.document.opportunity_team.get_or_insert_with(Vec::new);
        // One owner leads the list; whoever else was named so gives way.
        team.retain(|member| member.business_title.as_deref() != Some(OWNER));
        team.insert(0, owner(lead));
    }
    opportunity.touch(known.now);
    Some(opportunity)
}

fn owner(lead: &User) -> Contact {
    Contact {
        email: Some(lead.email.clone()),
        first_name: Some(lead.first_name.clone()),
        last_name: Some(lead.last_name.clone()),
        business_title: Some(OWNER.to_owned()),
        phone: None,
    }
}

/// The receiver's copy of a partner's opportunity.
fn copy(outline: &OpportunityInvitationPayload, account: &str, known: Context<'_>) -> Opportunity {
    let status = known
        .sender_status
        .map_or(ReviewStatus::PendingSubmission, status_of_copy);
    let mut document = document_of(outline, known.catalog, known.now);
    known.id.clone_into(&mut document.id);
    document.arn = Some(arn::opportunity(known.region, account, known.catalog, known.id));
    life_cycle_mut(&mut document).review_status = Some(status);
    let mut opportunity = Opportunity {
        document,
        private: Private {
            origin: OpportunityOrigin::PartnerReferral,
            involvement_type: None,
            visibility: None,
            resubmitted_by_edit: false,
            submissions: 0,
            submitted_at: None,
            taken_by: None,
            copy: true,
            listed: false,
            shared: false,
            tags: Default::default(),
            aws: None,
        },
    };
    show_to_aws(&mut opportunity, known.now);
    opportunity
}

/// The document that an outline makes: a prospect without AWS's support, and the customer without its people.
pub(super) fn document_of(
    outline: &OpportunityInvitationPayload,
    catalog: Catalog,
    now: Timestamp,
) -> GetOpportunityResponse {
    let (customer, project) = (&outline.customer, &outline.project);
    GetOpportunityResponse {
        catalog: catalog.as_str().to_owned(),
        primary_needs_from_aws: Some(vec![no_support_needed()]),
        national_security: Some(NationalSecurity::No),
        partner_opportunity_identifier: None,
        customer: Some(Customer {
            account: Some(Account {
                industry: Some(customer.industry.clone()),
                company_name: customer.company_name.clone(),
                website_url: Some(customer.website_url.clone()),
                address: Some(Address {
                    country_code: Some(customer.country_code.clone()),
                    ..Address::default()
                }),
                ..Account::default()
            }),
            contacts: Some(Vec::new()),
        }),
        project: Some(Project {
            title: Some(project.title.clone()),
            customer_business_problem: Some(project.business_problem.clone()),
            expected_customer_spend: customers_spend(&project.expected_customer_spend),
            ..Project::default()
        }),
        opportunity_type: None,
        marketing: Some(Marketing {
            source: Some(MarketingSource::None),
            ..Marketing::default()
        }),
        software_revenue: None,
        id: String::new(),
        arn: None,
        last_modified_date: now,
        created_date: now,
        related_entity_identifiers: RelatedEntityIdentifiers {
            aws_marketplace_offers: Some(Vec::new()),
            aws_marketplace_offer_sets: Some(Vec::new()),
            solutions: Some(Vec::new()),
            aws_products: Some(Vec::new()),
            aws_marketplace_solutions: Some(Vec::new()),
            aws_marketplace_products: Some(Vec::new()),
        },
        life_cycle: Some(LifeCycle {
            stage: Some(Stage::Prospect),
            target_close_date: Some(project.target_completion_date.clone()),
            ..LifeCycle::default()
        }),
        opportunity_team: None,
    }
}

/// True for the contract value of the sender's own, which says nothing about the receiver's deal.
pub(super) fn is_senders_own(entry: &ExpectedCustomerSpend) -> bool {
    entry.target_company == "Self"
}

fn customers_spend(entries: &[ExpectedCustomerSpend]) -> Option<Vec<ExpectedCustomerSpend>> {
    let entries: Vec<_> = entries
        .iter()
        .filter(|entry| !is_senders_own(entry))
        .cloned()
        .collect();
    (!entries.is_empty()).then_some(entries)
}

/// The review status of a copy whose original stands in that one.
///
/// AWS asks the sender alone when it takes a deal in review or wants more, so the copy just waits in Submitted meanwhile.
pub fn status_of_copy(original: &ReviewStatus) -> ReviewStatus {
    match original {
        ReviewStatus::Submitted | ReviewStatus::InReview | ReviewStatus::ActionRequired => {
            ReviewStatus::Submitted
        }
        ReviewStatus::Approved => ReviewStatus::Approved,
        ReviewStatus::Rejected => ReviewStatus::Rejected,
        _ => ReviewStatus::PendingSubmission,
    }
}

/// What becomes of a receiver's copy when the sender's opportunity stands in `original`. `None` where it stays as it is:
/// it follows forward only, and what was decided once stays decided.
pub fn follow(copy: &Opportunity, original: &ReviewStatus, now: Timestamp) -> Option<Opportunity> {
    // An orphan has left the review for good.
    let own = copy.review_status()?;
    let target = status_of_copy(original);
    if progress(&target) <= progress(own) {
        return None;
    }
    let mut next = copy.clone();
    let life_cycle = life_cycle_mut(&mut next.document);
    life_cycle.review_status = Some(target);
    life_cycle.review_comments = None;
    life_cycle.review_status_reason = None;
    next.private.resubmitted_by_edit = false;
    show_to_aws(&mut next, now);
    next.touch(now);
    Some(next)
}

fn progress(status: &ReviewStatus) -> u8 {
    match status {
        ReviewStatus::PendingSubmission => 0,
        ReviewStatus::Submitted | ReviewStatus::InReview | ReviewStatus::ActionRequired => 1,
        _ => 2,
    }
}

/// From its submission on AWS has a side of the deal. A copy asks nothing of AWS, so it is there to be seen only.
fn show_to_aws(opportunity: &mut Opportunity, now: Timestamp) {
    if opportunity.review_status() == Some(&ReviewStatus::PendingSubmission) {
        return;
    }
    let life_cycle = opportunity.document.life_cycle.as_ref();
    let target_close_date = life_cycle.and_then(|cycle| cycle.target_close_date.clone());
    let private = &mut opportunity.private;
    private.submitted_at.get_or_insert(now);
    private
        .involvement_type
        .get_or_insert(SalesInvolvementType::ForVisibilityOnly);
    private.visibility.get_or_insert(Visibility::Full);
    private
        .aws
        .get_or_insert_with(|| AwsSide::opened(target_close_date));
}
