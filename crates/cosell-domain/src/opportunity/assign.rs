//! AssignOpportunity: gives a deal to a registered user of the partner (behaviours 2.13).

use cosell_model::enums::{ReviewStatus, ValidationExceptionErrorCode as Code};
use cosell_model::types::{AssigneeContact, Contact};
use cosell_model::{Timestamp, Violation};

use super::Opportunity;
use crate::Violations;

/// The title of the member who owns a deal.
pub const OWNER: &str = "OpportunityOwner";
const TEAM_LIMIT: usize = 10;

/// A registered user of a partner account.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct User {
    /// The e-mail address, which identifies the user.
    pub email: String,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
}

/// Decides an assignment. `user` is the registered user of the assignee's e-mail address, whose names count.
pub fn assign(
    stored: &Opportunity,
    assignee: AssigneeContact,
    user: Option<&User>,
    now: Timestamp,
) -> Result<Opportunity, Vec<Violation>> {
    let mut found = Violations::new();
    if stored.review_status() == Some(&ReviewStatus::Rejected) {
        found.not_permitted(
            "lifeCycle.reviewStatus",
            "A rejected opportunity cannot be assigned",
        );
    }
    let Some(user) = user else {
        found.invalid(
            "assignee.email",
            "User not found: assignee.email must belong to a registered Partner Central user of this account",
        );
        return Err(found.into_vec());
    };
    let member = Contact {
        email: Some(user.email.clone()),
        first_name: Some(user.first_name.clone()),
        last_name: Some(user.last_name.clone()),
        business_title: Some(assignee.business_title.clone()),
        phone: assignee.phone,
    };
    let mut next = stored.clone();
    let team = next.document.opportunity_team.get_or_insert_with(Vec::new);
    match team
        .iter()
        .position(|known| known.business_title.as_ref() == Some(&assignee.business_title))
    {
        Some(place) => team[place] = member,
        None if team.len() >= TEAM_LIMIT => found.add(
            "opportunityTeam",
            Code::TooManyValues,
            format!("An opportunity's team has at most {TEAM_LIMIT} members"),
        ),
        // The owner leads the list, as recorded.
        None if assignee.business_title == OWNER => team.insert(0, member),
        None => team.push(member),
    }
    next.touch(now);
    found.into_result(next)
}
