//! The published quotas, and the rule by which requests are admitted under one.
//!
//! Every function is told the time and what was counted; where counters are kept, and who shares them, is not known here.

mod counter;

use cosell_model::Operation;

pub use counter::{Admission, Counter, Limit, Refusal};

/// What an account may do with one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Requests per second, which is also the burst; at least 1.
    pub per_second: u32,
    /// Requests in any 24 hours; `None` where nothing is published.
    pub per_day: Option<u32>,
}

/// The published quota of an operation (behaviours section 8); `None` where nothing is published.
pub fn published(operation: Operation) -> Option<Quota> {
    use Operation as O;
    let read = Quota {
        per_second: 10,
        per_day: Some(100_000),
    };
    let write = Quota {
        per_second: 1,
        per_day: Some(10_000),
    };
    let rate = |per_second| Quota {
        per_second,
        per_day: None,
    };
    Some(match operation {
        O::GetOpportunity
        | O::GetAwsOpportunitySummary
        | O::ListOpportunities
        | O::ListSolutions
        | O::GetEngagementInvitation
        | O::ListEngagementInvitations => read,
        O::CreateOpportunity
        | O::UpdateOpportunity
        | O::AssociateOpportunity
        | O::DisassociateOpportunity
        | O::RejectEngagementInvitation
        | O::AssignOpportunity
        | O::StartEngagementFromOpportunityTask
        | O::StartEngagementByAcceptingInvitationTask => write,
        O::GetProspectingFromEngagementTask => rate(100),
        O::ListProspectingFromEngagementTasks => rate(50),
        O::StartProspectingFromEngagementTask => rate(2),
        O::CreateEngagement => rate(15),
        _ => return None,
    })
}
