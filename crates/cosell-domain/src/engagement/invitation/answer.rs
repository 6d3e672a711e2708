//! AcceptEngagementInvitation, RejectEngagementInvitation, the expiry of what nobody answered, and AWS's withdrawal.

use cosell_model::Timestamp;
use cosell_model::enums::InvitationStatus as Status;

use super::{Invitation, Side};
use crate::Violations;
use crate::engagement::{Engagement, Profile, Refusal};

/// Decides an acceptance by `receiver`: the accepted invitation, and the engagement with its new member.
///
/// It joins only; an opportunity is opened by [`crate::engagement::receiver`]. A full engagement is
/// [`Refusal::QuotaExceeded`], and stays open until somebody has answered for good.
pub fn accept(
    stored: &Invitation,
    engagement: &Engagement,
    receiver: &Profile,
    now: Timestamp,
) -> Result<(Invitation, Engagement), Refusal> {
    check_answerable(stored, &receiver.account_id, "accept", now)?;
    let joined = engagement.add_member(receiver, now)?;
    let next = answered(stored, Status::Accepted, now);
    Ok((next, joined.unwrap_or_else(|| engagement.clone())))
}

/// Decides a rejection by `account`, for a reason of 1 to 80 characters or none.
pub fn reject(
    stored: &Invitation,
    account: &str,
    reason: Option<String>,
    now: Timestamp,
) -> Result<Invitation, Refusal> {
    check_answerable(stored, account, "reject", now)?;
    let mut next = answered(stored, Status::Rejected, now);
    next.rejection_reason = reason;
    // Nothing can bring the deal to light any more.
    next.referral = None;
    Ok(next)
}

/// Notes the expiry of an unanswered invitation whose time is over. `None` where there is nothing to note.
pub fn expire(stored: &Invitation, now: Timestamp) -> Option<Invitation> {
    let due = stored.status == Status::Pending && stored.status_at(now) == Status::Expired;
    due.then(|| {
        let mut next = answered(stored, Status::Expired, now);
        next.referral = None;
        next
    })
}

/// Decides AWS's withdrawal of an invitation that it sent and that nobody has answered.
///
/// The contract has no status for it, so the invitation expires at once: its ExpirationDate becomes `now`, whoever was
/// invited can no longer answer, and the deal behind a referral is forgotten. A withdrawn invitation does not hinder a
/// new one.
pub fn withdraw(stored: &Invitation, now: Timestamp) -> Result<Invitation, Refusal> {
    if !stored.is_from_aws() {
        return Err(Refusal::Conflict(format!(
            "Invitation {} was sent by account {}: AWS can withdraw only its own, and accept or reject those it received",
            stored.id, stored.sender.account_id
        )));
    }
    match stored.status_at(now) {
        Status::Pending => {
            let mut next = answered(stored, Status::Expired, now);
            next.expires_at = now;
            next.referral = None;
            Ok(next)
        }
        Status::Expired => Err(Refusal::Conflict(format!(
            "Invitation {} is EXPIRED already: there is nothing left to withdraw",
            stored.id
        ))),
        status => Err(Refusal::Conflict(format!(
            "Invitation {} is {status} already: only a PENDING invitation can be withdrawn",
            stored.id
        ))),
    }
}

fn answered(stored: &Invitation, status: Status, now: Timestamp) -> Invitation {
    let mut next = stored.clone();
    next.status = status;
    next.answered_at = Some(now);
    next
}

fn check_answerable(stored: &Invitation, account: &str, verb: &str, now: Timestamp) -> Result<(), Refusal> {
    match stored.side_of(account) {
        None => return Err(stored.unknown()),
        Some(Side::Sender) => {
            let mut found = Violations::new();
            found.not_permitted(
                "identifier",
                format!("Only the account that received an invitation can {verb} it"),
            );
            return Err(Refusal::Violations(found.into_vec()));
        }
        Some(Side::Receiver) => {}
    }
    match stored.status_at(now) {
        Status::Pending => Ok(()),
        Status::Expired => Err(Refusal::Conflict(format!(
            "Invitation {} has expired and can no longer be answered: ask its sender for a new one",
            stored.id
        ))),
        status => Err(Refusal::Conflict(format!(
            "Invitation {} is {status} already: only a PENDING invitation can be answered",
            stored.id
        ))),
    }
}
