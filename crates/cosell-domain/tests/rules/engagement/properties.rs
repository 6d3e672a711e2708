//! Whatever members, invited accounts and strangers do, in whatever order, some things always hold.

use std::collections::BTreeMap;

use cosell_domain::engagement::invitation::{Invitation, Side, answer, view};
use cosell_domain::engagement::receiver::{self, follow};
use cosell_domain::engagement::{self, Engagement};
use cosell_domain::{Catalog, arn};
use cosell_model::enums::{InvitationStatus as Status, ReviewStatus};
use cosell_model::{Check, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use super::support::*;

const ACCOUNTS: usize = 13;

fn account(n: usize) -> String {
    if n == 0 {
        AWS.to_owned()
    } else {
        format!("{n:012}")
    }
}

/// Something that an account does; accounts, invitations and contexts are named by number.
#[derive(Debug, Clone)]
enum Action {
    AddContext {
        by: usize,
        lead: bool,
    },
    Update {
        by: usize,
        context: usize,
        stale: bool,
        interaction: bool,
    },
    Invite {
        by: usize,
        to: usize,
        lead: bool,
    },
    Accept {
        by: usize,
        invitation: usize,
    },
    Reject {
        by: usize,
        invitation: usize,
    },
    Note {
        invitation: usize,
    },
    Open {
        invitation: usize,
    },
    Wait {
        hours: i64,
    },
}

fn action() -> impl Strategy<Value = Action> {
    let who = || 0..ACCOUNTS;
    let which = || 0..24usize;
    prop_oneof![
        2 => (who(), any::<bool>()).prop_map(|(by, lead)| Action::AddContext { by, lead }),
        3 => (who(), 0..6usize, prop::bool::weighted(0.2), any::<bool>())
            .prop_map(|(by, context, stale, interaction)| Action::Update { by, context, stale, interaction }),
        8 => (prop_oneof![3 => Just(1), 1 => who()], who(), prop::bool::weighted(0.2))
            .prop_map(|(by, to, lead)| Action::Invite { by, to, lead }),
        8 => (prop::option::weighted(0.2, who()), which())
            .prop_map(|(by, invitation)| Action::Accept { by: by.unwrap_or(usize::MAX), invitation }),
        2 => (prop::option::weighted(0.2, who()), which())
            .prop_map(|(by, invitation)| Action::Reject { by: by.unwrap_or(usize::MAX), invitation }),
        1 => which().prop_map(|invitation| Action::Note { invitation }),
        3 => which().prop_map(|invitation| Action::Open { invitation }),
        2 => (0..100i64).prop_map(|hours| Action::Wait { hours }),
    ]
}

/// The world of one engagement, and what may be known of it.
struct World {
    room: Engagement,
    invitations: Vec<Invitation>,
    now: Timestamp,
}

impl World {
    fn invitation(&self, index: usize) -> Option<usize> {
        (!self.invitations.is_empty()).then(|| index % self.invitations.len())
    }

    /// The account meant; the invitation's receiver where none was drawn.
    fn answering(&self, by: usize, index: usize) -> String {
        if by == usize::MAX {
            self.invitations[index].receiver.account_id.clone()
        } else {
            account(by)
        }
    }

    fn act(&mut self, action: Action) {
        let before = self.room.clone();
        match action {
            Action::AddContext { by, lead: true } => {
                self.write(add_context(&before, &account(by), &lead(), self.now))
            }
            Action::AddContext { by, lead: false } => {
                self.write(add_context(&before, &account(by), &customer_project(), self.now));
            }
            Action::Update {
                by,
                context,
                stale,
                interaction: more,
            } => {
                let seen = before.modified_at.plus_millis(-i64::from(stale));
                let mut body =
                    json!({"Type": "Lead", "Payload": {"Lead": {"Customer": {"CompanyName": "Fjord"}}}});
                if more {
                    body["Payload"]["Lead"]["Interaction"] = interaction("Call");
                }
                let id = context.to_string();
                let result = update_context_seen(&before, &account(by), &id, &body, seen, self.now);
                assert!(!stale || result.is_err(), "a stale lock never passes");
                self.write(result.map(|next| (next, id)));
            }
            Action::Invite { by, to, lead } => {
                let body = if lead {
                    lead_invitation(&account(to))
                } else {
                    opportunity_invitation(&account(to))
                };
                let result = invite_with(&before, &account(by), &body, true, &self.invitations, self.now);
                if let Ok(invitation) = result {
                    assert!(before.is_member(&account(by)), "only members invite");
                    self.invitations.push(invitation);
                }
            }
            Action::Accept { by, invitation } => {
                let Some(index) = self.invitation(invitation) else {
                    return;
                };
                let by = self.answering(by, index);
                let stored = &self.invitations[index];
                if let Ok((next, room)) = answer::accept(stored, &before, &profile(&by), self.now) {
                    assert_eq!(stored.status_at(self.now), Status::Pending);
                    assert_eq!(stored.receiver.account_id, by);
                    self.invitations[index] = next;
                    self.room = room;
                }
            }
            Action::Reject { by, invitation } => {
                let Some(index) = self.invitation(invitation) else {
                    return;
                };
                let by = self.answering(by, index);
                let stored = &self.invitations[index];
                if let Ok(next) = answer::reject(stored, &by, None, self.now) {
                    assert_eq!(stored.status_at(self.now), Status::Pending);
                    assert_eq!(stored.receiver.account_id, by);
                    self.invitations[index] = next;
                }
            }
            Action::Note { invitation } => {
                let Some(index) = self.invitation(invitation) else {
                    return;
                };
                if let Some(next) = answer::expire(&self.invitations[index], self.now) {
                    assert!(self.now >= next.expires_at);
                    self.invitations[index] = next;
                }
            }
            Action::Open { invitation } => {
                let Some(index) = self.invitation(invitation) else {
                    return;
                };
                let stored = &self.invitations[index];
                let known = receiver::Context {
                    catalog: Catalog::Sandbox,
                    region: arn::DEFAULT_REGION,
                    id: "O7000003",
                    sender_status: Some(&ReviewStatus::Submitted),
                    lead: None,
                    now: self.now,
                };
                if let Ok((_, next)) = receiver::open(stored, known) {
                    assert_eq!(stored.status, Status::Accepted);
                    assert_eq!(stored.opportunity_id, None, "one opportunity each");
                    self.invitations[index] = next;
                }
            }
            Action::Wait { hours } => self.now = self.now.plus_millis(hours * 3_600_000),
        }
    }

    /// Takes over what a write of a context made, which only a member can have done.
    fn write<E>(&mut self, result: Result<(Engagement, String), E>) {
        if let Ok((next, _)) = result {
            assert!(
                next.modified_at > self.room.modified_at,
                "the lock strictly increases"
            );
            assert!(self.room.is_member(&next.modified_by), "only members write");
            self.room = next;
        }
    }

    fn check(&self) {
        let room = &self.room;
        assert!(engagement::view::answer(room).check());
        assert!(engagement::view::summary(room).check());
        assert!(room.members.len() <= 10);
        let mut accounts: Vec<_> = room.members.iter().map(|m| &m.profile.account_id).collect();
        accounts.sort();
        accounts.dedup();
        assert_eq!(accounts.len(), room.members.len(), "nobody is a member twice");
        for (index, context) in room.contexts.iter().enumerate() {
            assert_eq!(context.id, Some((index + 1).to_string()));
        }
        let mut pending = BTreeMap::new();
        for invitation in &self.invitations {
            self.check_invitation(invitation);
            if invitation.status_at(self.now) == Status::Pending {
                let receiver = &invitation.receiver.account_id;
                assert_eq!(pending.insert(receiver, ()), None, "one pending invitation each");
                assert!(!room.is_member(receiver), "no member is invited");
            }
        }
    }

    fn check_invitation(&self, invitation: &Invitation) {
        let kept = serde_json::to_vec(invitation).unwrap();
        assert_eq!(serde_json::from_slice::<Invitation>(&kept).unwrap(), *invitation);
        let inside = self.room.is_member(&invitation.receiver.account_id);
        if invitation.status == Status::Accepted {
            assert!(inside, "who accepted is a member");
        }
        for n in 0..ACCOUNTS {
            let account = account(n);
            let answer = view::answer(invitation, &account, self.now);
            // AWS takes its data back from who rejects it.
            let withdrawn = invitation.sender.account_id == AWS
                && invitation.status == Status::Rejected
                && invitation.receiver.account_id == account;
            let party = account == invitation.sender.account_id || account == invitation.receiver.account_id;
            let sees = party && !withdrawn;
            assert_eq!(
                answer.is_ok(),
                sees,
                "the sender and the receiver see it, nobody else"
            );
            assert!(answer.is_ok_and(|answer| answer.check()) || !sees);
        }
        for side in [Side::Sender, Side::Receiver] {
            assert!(view::summary(invitation, side, self.now).check());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn members_locks_and_invitations_hold_together(actions in prop::collection::vec(action(), 1..60)) {
        let mut world = World {
            room: create_by(&account(1), json!([])).unwrap(),
            invitations: Vec::new(),
            now: noon(),
        };
        for action in actions {
            world.act(action);
            world.check();
        }
    }

    #[test]
    fn a_copy_that_followed_once_follows_the_same_status_no_more(
        first in 0..6usize,
        later in prop::collection::vec(0..6usize, 0..8),
    ) {
        const STATUSES: [&str; 6] =
            ["Pending Submission", "Submitted", "In review", "Action Required", "Approved", "Rejected"];
        let room = engagement(json!([]));
        let (stored, _) = accepted(&invited(&room, &opportunity_invitation(BOB)), &room, BOB);
        let status = ReviewStatus::from(STATUSES[first]);
        let known = receiver::Context {
            catalog: Catalog::Sandbox,
            region: arn::DEFAULT_REGION,
            id: "O7000004",
            sender_status: Some(&status),
            lead: None,
            now: minute(1),
        };
        let (mut copy, _) = receiver::open(&stored, known).unwrap();
        for index in later {
            let status = ReviewStatus::from(STATUSES[index]);
            if let Some(next) = follow(&copy, &status, minute(2)) {
                prop_assert!(next.document.last_modified_date > copy.document.last_modified_date);
                copy = next;
            }
            prop_assert_eq!(follow(&copy, &status, minute(2)), None);
        }
    }
}
