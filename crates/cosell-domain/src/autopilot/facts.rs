//! What a script may know of a deal. Taken from the opportunity once, so that the rules look at nothing else.

use cosell_model::enums::{
    CountryCode, Industry, OpportunityType, PaymentFrequency, ReviewStatus, SalesInvolvementType, Stage,
};
use cosell_model::types::GetOpportunityResponse;

use crate::Catalog;
use crate::amount::Cents;
use crate::opportunity::Opportunity;

/// The facts of one deal.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The opportunity's id.
    pub id: String,
    /// The partner's account.
    pub account: String,
    /// The catalog it lives in.
    pub catalog: Catalog,
    /// Which submission this is; 1 for the first, and for a deal never submitted.
    pub submission: u32,
    /// Where the review stands.
    pub status: Option<ReviewStatus>,
    /// What the partner asked AWS for.
    pub involvement: Option<SalesInvolvementType>,
    /// The partner's stage.
    pub stage: Option<Stage>,
    /// The project's title.
    pub title: Option<String>,
    /// The customer's industry.
    pub industry: Option<Industry>,
    /// The customer's country.
    pub country: Option<CountryCode>,
    /// The type of the deal.
    pub opportunity_type: Option<OpportunityType>,
    /// The monthly spend that is expected with AWS, all monthly entries together, in whichever currency they are.
    pub monthly_spend: Option<Cents>,
    /// The invitation by which the partner asks AWS in, while AWS has not answered it.
    pub invitation: Option<String>,
}

impl Facts {
    /// The facts of this opportunity of that account.
    pub fn of(opportunity: &Opportunity, account: &str, catalog: Catalog) -> Self {
        let document = &opportunity.document;
        let customer = document.customer.as_ref();
        let customer = customer.and_then(|customer| customer.account.as_ref());
        let address = customer.and_then(|customer| customer.address.as_ref());
        let project = document.project.as_ref();
        Self {
            id: document.id.clone(),
            account: account.to_owned(),
            catalog,
            submission: opportunity.private.submissions.max(1),
            status: opportunity.review_status().cloned(),
            involvement: opportunity.private.involvement_type.clone(),
            stage: opportunity.stage().cloned(),
            title: project.and_then(|project| project.title.clone()),
            industry: customer.and_then(|customer| customer.industry.clone()),
            country: address.and_then(|address| address.country_code.clone()),
            opportunity_type: document.opportunity_type.clone(),
            monthly_spend: monthly_spend(document),
            invitation: None,
        }
    }

    /// The same facts, with an invitation that waits for AWS's answer.
    #[must_use]
    pub fn with_invitation(mut self, id: impl Into<String>) -> Self {
        self.invitation = Some(id.into());
        self
    }
}

/// All monthly entries together; the entry of a whole contract is not monthly. `None` where no entry has an amount.
fn monthly_spend(document: &GetOpportunityResponse) -> Option<Cents> {
    let entries = document.project.as_ref()?.expected_customer_spend.as_ref()?;
    entries
        .iter()
        .filter(|entry| entry.frequency == PaymentFrequency::Monthly)
        .filter_map(|entry| Cents::parse(entry.amount.as_deref()?))
        .reduce(Cents::plus)
}
