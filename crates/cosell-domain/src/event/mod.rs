//! Events: what of a change which partner account hears, and in which order (behaviours 6).
//!
//! A pure look at a change as a whole, records before and after, so that no operation says itself what it announces and
//! none can forget to. AWS hears nothing: its account gets no events. Nothing here knows targets or delivery, and an event
//! never carries more than identifiers: whoever wants to know more must be allowed to read it.

pub mod detail;
pub mod envelope;
pub mod realistic;

use cosell_model::enums::InvitationStatus;

use crate::Catalog;
use crate::engagement::invitation::{Invitation, Side};
use crate::engagement::{Engagement, Member, party};
use crate::opportunity::Opportunity;
use crate::snapshot::Snapshot;
pub use detail::{Detail, DetailType};
use detail::{
    EngagementCreatedDetail, EngagementCreatedPart, EngagementPart, EngagementUpdatedDetail,
    EngagementUpdatedPart, InvitationDetail, InvitationPart, MemberDetail, MemberPart, OpportunityDetail,
    OpportunityPart, SnapshotDetail, SnapshotPart,
};
pub use envelope::Envelope;

/// One account is to hear one thing.
#[derive(Debug, Clone, PartialEq)]
pub struct Happening<'a> {
    /// The partner account that hears it.
    pub account: &'a str,
    /// What kind of thing.
    pub detail_type: DetailType,
    /// The ARN in `resources`; none for opportunities, as recorded.
    pub resource: Option<&'a str>,
    /// What it hears.
    pub detail: Detail<'a>,
    /// True for the first member of an engagement that is announced with it.
    founding: bool,
}

impl Happening<'_> {
    /// The opportunity that it is about, if it is about one.
    pub fn opportunity(&self) -> Option<&str> {
        match &self.detail {
            Detail::Opportunity(detail) => Some(detail.opportunity.identifier),
            Detail::Snapshot(detail) => Some(detail.resource_snapshot.resource_id),
            _ => None,
        }
    }

    /// The order in which one change is told, which is that of behaviours 6.3 for each of its actions: how an invitation
    /// was answered and who joined by that, what became of opportunities, what became of engagements, what they are shown,
    /// who founded them, who is invited.
    const fn rank(&self) -> u8 {
        match self.detail_type {
            DetailType::InvitationAccepted
            | DetailType::InvitationRejected
            | DetailType::InvitationExpired => 0,
            DetailType::MemberAdded if !self.founding => 1,
            DetailType::OpportunityCreated => 2,
            DetailType::OpportunityUpdated => 3,
            DetailType::EngagementCreated => 4,
            DetailType::EngagementUpdated => 5,
            DetailType::SnapshotCreated => 6,
            DetailType::MemberAdded => 7,
            DetailType::InvitationCreated => 8,
        }
    }
}

/// A record before and after a change; new where there is no `before`.
#[derive(Debug)]
pub struct Became<'a, T> {
    /// As it was.
    pub before: Option<&'a T>,
    /// As it is.
    pub next: &'a T,
}

/// Everything that one change does to records of which partners may hear. Records that stay as they are may be left out.
#[derive(Debug)]
pub struct Change<'a> {
    /// The catalog of all of it.
    pub catalog: Catalog,
    /// Opportunities, each with the account that owns it.
    pub opportunities: Vec<(&'a str, Became<'a, Opportunity>)>,
    /// Engagements.
    pub engagements: Vec<Became<'a, Engagement>>,
    /// Invitations.
    pub invitations: Vec<Became<'a, Invitation>>,
    /// Snapshots that were taken, each with the ARN of its engagement.
    pub snapshots: Vec<(&'a str, &'a Snapshot)>,
}

/// Who hears what of a change, in the order in which it is told.
pub fn of<'a>(change: &Change<'a>) -> Vec<Happening<'a>> {
    let mut told = Telling {
        catalog: change.catalog,
        happenings: Vec::new(),
    };
    for (account, became) in &change.opportunities {
        told.opportunity(account, became.before, became.next);
    }
    for became in &change.engagements {
        // An engagement that is made to share something in the same change is made by a task.
        let shares = |(_, snapshot): &(&str, &Snapshot)| {
            snapshot.document.engagement_id.as_deref() == Some(&became.next.id)
        };
        let by_task = change.snapshots.iter().any(shares);
        told.engagement(became.before, became.next, by_task);
    }
    for became in &change.invitations {
        told.invitation(became.before, became.next);
    }
    for (engagement, snapshot) in &change.snapshots {
        let of_it = |(_, became): &&(&str, Became<'a, Opportunity>)| {
            snapshot.document.resource_id.as_deref() == Some(&became.next.document.id)
        };
        let found = change.opportunities.iter().find(of_it);
        let opened = found
            .filter(|(_, became)| opened(became.before, became.next))
            .map(|(owner, _)| *owner);
        told.snapshot(engagement, snapshot, opened);
    }
    let mut happenings = told.happenings;
    // Stable: what is told at the same step keeps the order of its records.
    happenings.sort_by_key(Happening::rank);
    happenings
}

/// Who hears what of an opportunity that concerns nobody but its owner: what [`of`] says of a change of that alone.
pub fn of_opportunity<'a>(
    catalog: Catalog,
    account: &'a str,
    before: Option<&'a Opportunity>,
    next: &'a Opportunity,
) -> Vec<Happening<'a>> {
    let mut told = Telling {
        catalog,
        happenings: Vec::new(),
    };
    told.opportunity(account, before, next);
    told.happenings
}

/// True where an opportunity comes to light by the acceptance of an invitation: a partner's copy, or a referral of AWS's.
fn opened(before: Option<&Opportunity>, next: &Opportunity) -> bool {
    use cosell_model::enums::OpportunityOrigin;
    before.is_none() && (next.private.copy || next.private.origin == OpportunityOrigin::AWSReferral)
}

struct Telling<'a> {
    catalog: Catalog,
    happenings: Vec<Happening<'a>>,
}

impl<'a> Telling<'a> {
    /// Tells an account, unless it is AWS's.
    fn tell(
        &mut self,
        account: &'a str,
        detail_type: DetailType,
        resource: Option<&'a str>,
        detail: Detail<'a>,
    ) {
        if !party::is_aws(self.catalog, account) {
            self.happenings.push(Happening {
                account,
                detail_type,
                resource,
                detail,
                founding: false,
            });
        }
    }

    /// An opportunity is created, or reads otherwise: LastModifiedDate moves with every change of what GetOpportunity or
    /// GetAwsOpportunitySummary answers, and with nothing else (tags are not among it). What comes to light by an acceptance
    /// is announced by both events, as documented.
    fn opportunity(&mut self, account: &'a str, before: Option<&'a Opportunity>, next: &'a Opportunity) {
        let moved = before
            .is_some_and(|before| before.document.last_modified_date != next.document.last_modified_date);
        let events = [
            (DetailType::OpportunityCreated, before.is_none()),
            (DetailType::OpportunityUpdated, moved || opened(before, next)),
        ];
        for (detail_type, _) in events.into_iter().filter(|(_, happened)| *happened) {
            let detail = Detail::Opportunity(OpportunityDetail {
                schema_version: "1",
                catalog: self.catalog.as_str(),
                opportunity: OpportunityPart {
                    identifier: &next.document.id,
                },
            });
            self.tell(account, detail_type, None, detail);
        }
    }

    /// An engagement is created, its contexts are written, or somebody joins: told to everybody who is in it after that.
    ///
    /// Its creator is announced as a member where a task made the engagement, and not where CreateEngagement did
    /// (behaviours 6.3).
    fn engagement(&mut self, before: Option<&'a Engagement>, next: &'a Engagement, by_task: bool) {
        let arn = Some(next.arn.as_str());
        let catalog = self.catalog.as_str();
        let accounts = || {
            next.members
                .iter()
                .map(|member| member.profile.account_id.as_str())
        };
        if before.is_none() {
            for account in accounts() {
                let detail = Detail::EngagementCreated(EngagementCreatedDetail {
                    catalog,
                    engagement: EngagementCreatedPart {
                        arn: &next.arn,
                        id: &next.id,
                        created_at: next.created_at,
                        created_by: &next.created_by,
                        context_types: context_types(next),
                    },
                });
                self.tell(account, DetailType::EngagementCreated, arn, detail);
            }
        }
        // ModifiedAt is the lock of the contexts and moves with them only.
        if before.is_some_and(|before| before.modified_at != next.modified_at) {
            for account in accounts() {
                let detail = Detail::EngagementUpdated(EngagementUpdatedDetail {
                    catalog,
                    engagement: EngagementUpdatedPart {
                        arn: &next.arn,
                        id: &next.id,
                        modified_at: next.modified_at,
                        modified_by: &next.modified_by,
                        context_types: context_types(next),
                    },
                });
                self.tell(account, DetailType::EngagementUpdated, arn, detail);
            }
        }
        let joined = |member: &&Member| match before {
            Some(before) => !before.is_member(&member.profile.account_id),
            None => by_task,
        };
        for member in next.members.iter().filter(joined) {
            let first = self.happenings.len();
            for account in accounts() {
                let detail = Detail::Member(MemberDetail {
                    catalog,
                    engagement: EngagementPart { id: &next.id },
                    engagement_member: MemberPart {
                        account_id: &member.profile.account_id,
                        company_name: &member.profile.company_name,
                    },
                });
                self.tell(account, DetailType::MemberAdded, arn, detail);
            }
            for told in &mut self.happenings[first..] {
                told.founding = before.is_none();
            }
        }
    }

    /// An invitation is sent, or reaches its end: told to both sides, each of which hears on which it stands.
    fn invitation(&mut self, before: Option<&'a Invitation>, next: &'a Invitation) {
        let detail_type = match (before.map(|before| &before.status), &next.status) {
            (None, _) => DetailType::InvitationCreated,
            (Some(was), is) if was == is => return,
            (_, InvitationStatus::Accepted) => DetailType::InvitationAccepted,
            (_, InvitationStatus::Rejected) => DetailType::InvitationRejected,
            (_, InvitationStatus::Expired) => DetailType::InvitationExpired,
            _ => return,
        };
        let created = detail_type == DetailType::InvitationCreated;
        let sides = [
            (Side::Sender, &next.sender.account_id),
            (Side::Receiver, &next.receiver.account_id),
        ];
        for (side, account) in sides {
            let detail = Detail::Invitation(InvitationDetail {
                catalog: self.catalog.as_str(),
                schema_version: created.then_some("1.0"),
                engagement_invitation: InvitationPart {
                    arn: &next.arn,
                    id: &next.id,
                    engagement_id: &next.engagement_id,
                    sender_account_id: &next.sender.account_id,
                    receiver_account_id: &next.receiver.account_id,
                    sender_company_name: created.then_some(next.sender.company_name.as_str()),
                    expiration_date: created.then_some(next.expires_at),
                    participant_type: side.as_str(),
                    payload_type: &next.payload_type,
                },
            });
            self.tell(account, detail_type, Some(&next.arn), detail);
        }
    }

    /// A snapshot is taken: told to everybody who may read it.
    ///
    /// The one that comes with the opening of an opportunity by acceptance is told to `opened`, that opportunity's owner,
    /// alone: the others hear of the acceptance itself (behaviours 6.3).
    fn snapshot(&mut self, engagement: &'a str, snapshot: &'a Snapshot, opened: Option<&'a str>) {
        let document = &snapshot.document;
        let targets = document.target_member_accounts.as_deref().unwrap_or_default();
        let meant = |account: &&'a String| opened.is_none_or(|owner| owner == *account);
        for account in targets.iter().filter(meant) {
            let detail = Detail::Snapshot(SnapshotDetail {
                schema_version: "1",
                catalog: self.catalog.as_str(),
                resource_snapshot: SnapshotPart {
                    arn: document.arn.as_deref().unwrap_or_default(),
                    engagement_id: document.engagement_id.as_deref().unwrap_or_default(),
                    resource_id: document.resource_id.as_deref().unwrap_or_default(),
                    resource_type: "Opportunity",
                    created_by: document.created_by.as_deref().unwrap_or_default(),
                    target_member_accounts: targets,
                    resource_snapshot_template_name: document
                        .resource_snapshot_template_name
                        .as_deref()
                        .unwrap_or_default(),
                },
            });
            self.tell(account, DetailType::SnapshotCreated, Some(engagement), detail);
        }
    }
}

fn context_types(engagement: &Engagement) -> Vec<&cosell_model::enums::EngagementContextType> {
    let mut types = Vec::new();
    for context in &engagement.contexts {
        if !types.contains(&&context.r#type) {
            types.push(&context.r#type);
        }
    }
    types
}
