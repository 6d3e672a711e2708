//! Three accounts do things at random, also what they may not, beside a small model of who takes part in what. Each of
//! them sees exactly what the model says, all the time.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::deal::review;
use crate::harness::engagement::{create, invitation, named, project};
use crate::harness::flows::{
    AWS, AWS_VIEW, BY_ACCEPTING, FROM_OPPORTUNITY, VIEW, by_accepting, complete, failed, from_opportunity,
    prepared, registered, rows, shows_nothing, snapshot,
};
use crate::harness::{Caller, Draws};

const NOT_FOUND: &str = "ResourceNotFoundException";
const STEPS: u64 = 150;

struct Room {
    id: Value,
    members: BTreeSet<usize>,
    /// The opportunities it shares, with their owners.
    shared: BTreeSet<(String, usize)>,
}

struct Sent {
    id: Value,
    room: usize,
    from: usize,
    to: usize,
    status: &'static str,
}

struct Deal {
    id: String,
    owner: usize,
    status: &'static str,
    /// Made by an acceptance; the model leaves its review alone.
    copy: bool,
}

struct World {
    callers: Vec<Caller>,
    accounts: Vec<String>,
    rooms: Vec<Room>,
    sent: Vec<Sent>,
    deals: Vec<Deal>,
    draws: Draws,
}

impl World {
    fn new(accounts: [&str; 3]) -> Self {
        Self {
            callers: accounts.map(registered).into(),
            accounts: accounts.map(str::to_owned).into(),
            rooms: Vec::new(),
            sent: Vec::new(),
            deals: Vec::new(),
            draws: Draws::from_environment(accounts),
        }
    }

    /// A number below `limit`.
    fn draw(&mut self, limit: usize) -> usize {
        self.draws.draw(limit)
    }

    fn step(&mut self, number: u64) {
        let who = self.draw(3);
        let token = format!("step-{number}");
        match self.draw(10) {
            0 => {
                let contexts = json!([{"Type": "CustomerProject", "Payload": project()}]);
                let id = create(&mut self.callers[who], &token, contexts)["Id"].clone();
                self.open(id, who);
            }
            1 => {
                let id = prepared(&mut self.callers[who], &token);
                self.keep(id, who, "Pending Submission", false);
            }
            2 => self.submit(who, &token),
            3 | 4 => self.invite(who, &token),
            5 | 6 => self.accept(who, &token),
            7 if self.draw(3) == 0 => self.reject(who),
            7 | 8 => self.share(who, &token),
            _ => self.approve(),
        }
    }

    fn open(&mut self, id: Value, who: usize) -> usize {
        self.rooms.push(Room {
            id,
            members: BTreeSet::from([who]),
            shared: BTreeSet::new(),
        });
        self.rooms.len() - 1
    }

    fn keep(&mut self, id: String, owner: usize, status: &'static str, copy: bool) {
        self.deals.push(Deal {
            id,
            owner,
            status,
            copy,
        });
    }

    /// One of the opportunities that are no copies.
    fn some_deal(&mut self) -> Option<usize> {
        let own: Vec<usize> = (0..self.deals.len())
            .filter(|index| !self.deals[*index].copy)
            .collect();
        (!own.is_empty()).then(|| own[self.draw(own.len())])
    }

    fn submit(&mut self, who: usize, token: &str) {
        let Some(index) = self.some_deal() else { return };
        let (id, owner) = (self.deals[index].id.clone(), self.deals[index].owner);
        let answer = from_opportunity(&mut self.callers[who], &id, token);
        if who != owner {
            answer.is(NOT_FOUND);
        } else if self.deals[index].status == "Pending Submission" {
            let task = complete(&answer, FROM_OPPORTUNITY);
            let room = self.open(task["EngagementId"].clone(), who);
            self.rooms[room].shared.insert((id, who));
            self.deals[index].status = "Submitted";
        } else {
            failed(&answer, FROM_OPPORTUNITY, "OpportunityConflict");
        }
    }

    fn invite(&mut self, who: usize, token: &str) {
        if self.rooms.is_empty() {
            return;
        }
        let room = self.draw(self.rooms.len());
        // Mostly a member invites, so that something comes of it.
        let first = self.rooms[room].members.first().copied();
        let who = if self.draw(4) == 0 {
            who
        } else {
            first.unwrap_or(who)
        };
        let to = (who + 1 + self.draw(2)) % 3;
        let body = invitation(&self.rooms[room].id, &self.accounts[to], token);
        let answer = self.callers[who].call("CreateEngagementInvitation", &body);
        let pending = |sent: &Sent| sent.room == room && sent.to == to && sent.status == "PENDING";
        let members = &self.rooms[room].members;
        if !members.contains(&who) {
            answer.is(NOT_FOUND);
        } else if members.contains(&to) || self.sent.iter().any(pending) {
            answer.is("ConflictException");
        } else {
            self.sent.push(Sent {
                id: answer.ok()["Id"].clone(),
                room,
                from: who,
                to,
                status: "PENDING",
            });
        }
    }

    /// An invitation that `who` did not send itself.
    fn some_invitation(&mut self, who: usize) -> Option<usize> {
        let others: Vec<usize> = (0..self.sent.len())
            .filter(|index| self.sent[*index].from != who)
            .collect();
        (!others.is_empty()).then(|| others[self.draw(others.len())])
    }

    fn accept(&mut self, who: usize, token: &str) {
        let Some(index) = self.some_invitation(who) else {
            return;
        };
        let sent = &mut self.sent[index];
        let answer = by_accepting(&mut self.callers[who], &sent.id, token);
        match (sent.to == who, sent.status) {
            (false, _) => answer.is(NOT_FOUND),
            (true, "PENDING") => {
                sent.status = "ACCEPTED";
                let room = &mut self.rooms[sent.room];
                room.members.insert(who);
                let task = complete(&answer, BY_ACCEPTING);
                let id = task["OpportunityId"].as_str().unwrap().to_owned();
                room.shared.insert((id.clone(), who));
                self.keep(id, who, "", true);
            }
            (true, "ACCEPTED") => {
                failed(&answer, BY_ACCEPTING, "EngagementInvitationConflict");
            }
            (true, _) => {
                failed(&answer, BY_ACCEPTING, "InvitationValidationFailed");
            }
        }
    }

    fn reject(&mut self, who: usize) {
        let Some(index) = self.some_invitation(who) else {
            return;
        };
        let sent = &mut self.sent[index];
        let answer = self.callers[who].call("RejectEngagementInvitation", &named(&sent.id));
        match (sent.to == who, sent.status) {
            (false, _) => answer.is(NOT_FOUND),
            (true, "PENDING") => {
                answer.ok();
                sent.status = "REJECTED";
            }
            (true, _) => answer.is("ConflictException"),
        }
    }

    fn share(&mut self, who: usize, token: &str) {
        let Some(index) = self.some_deal() else { return };
        let room = self.draw(self.rooms.len().max(1));
        let (Some(room), deal) = (self.rooms.get_mut(room), &self.deals[index]) else {
            return;
        };
        // Where a draft is shared decides where it is submitted, which other tests are about.
        if deal.status == "Pending Submission" {
            return;
        }
        let body = json!({"Catalog": "Sandbox", "ClientToken": token, "EngagementIdentifier": room.id,
            "ResourceType": "Opportunity", "ResourceIdentifier": deal.id, "ResourceSnapshotTemplateIdentifier": VIEW});
        let answer = self.callers[who].call("CreateResourceSnapshot", &body);
        if deal.owner == who && room.members.contains(&who) {
            answer.ok();
            room.shared.insert((deal.id.clone(), who));
        } else {
            answer.is(NOT_FOUND);
        }
    }

    fn approve(&mut self) {
        let Some(index) = self.some_deal() else { return };
        let deal = &mut self.deals[index];
        if deal.status == "Submitted" {
            review(&mut self.callers[deal.owner], &deal.id, "Approved");
            deal.status = "Approved";
        }
    }

    fn verify(&mut self) {
        for who in 0..3 {
            self.verify_lists(who);
            self.verify_rooms(who);
        }
    }

    /// Everything that an account lists is what the model says, and nothing is listed twice.
    fn verify_lists(&mut self, who: usize) {
        let caller = &mut self.callers[who];
        let mut see = |operation: &str, filter: Value, of: &dyn Fn(&Value) -> Option<String>| {
            let found = rows(caller, operation, filter);
            let shown: Vec<String> = found.iter().filter_map(of).collect();
            let set: BTreeSet<String> = shown.iter().cloned().collect();
            assert_eq!(set.len(), shown.len(), "{operation} lists something twice");
            set
        };
        let id = |row: &Value| Some(row["Id"].to_string());
        let mine = self.rooms.iter().filter(|room| room.members.contains(&who));
        let wanted = mine.map(|room| room.id.to_string()).collect();
        assert_eq!(see("ListEngagements", json!({}), &id), wanted);

        let mine = self.deals.iter().filter(|deal| deal.owner == who);
        let wanted = mine.map(|deal| json!(deal.id).to_string()).collect();
        assert_eq!(see("ListOpportunities", json!({}), &id), wanted);

        // AWS's invitations stand beside them; the model keeps those of partners.
        let partners = |row: &Value| {
            let to = &row["Receiver"]["Account"]["AwsAccountId"];
            (to != AWS).then(|| format!("{} {}", row["Id"], row["Status"]))
        };
        for (side, own) in [("SENDER", true), ("RECEIVER", false)] {
            let mine = self
                .sent
                .iter()
                .filter(|sent| if own { sent.from == who } else { sent.to == who });
            let wanted = mine
                .map(|sent| format!("{} {}", sent.id, json!(sent.status)))
                .collect();
            let filter = json!({"ParticipantType": side});
            assert_eq!(
                see("ListEngagementInvitations", filter, &partners),
                wanted,
                "{side}"
            );
        }

        let triple = |row: &Value| {
            let [room, id, owner] = ["EngagementId", "ResourceId", "CreatedBy"].map(|member| &row[member]);
            Some(format!("{room} {id} {owner}"))
        };
        let mut wanted = BTreeSet::new();
        for room in self.rooms.iter().filter(|room| room.members.contains(&who)) {
            for (id, owner) in &room.shared {
                wanted.insert(format!(
                    "{} {} {}",
                    room.id,
                    json!(id),
                    json!(self.accounts[*owner])
                ));
            }
        }
        let shown = see("ListEngagementResourceAssociations", json!({}), &triple);
        assert_eq!(shown, wanted);
    }

    /// Members read what their engagements share; to everybody else there is none of it.
    fn verify_rooms(&mut self, who: usize) {
        let caller = &mut self.callers[who];
        for room in &self.rooms {
            let member = room.members.contains(&who);
            let filter = json!({"EngagementIdentifier": room.id});
            if member {
                let found = rows(caller, "ListResourceSnapshots", filter);
                let (of_aws, of_members): (Vec<_>, Vec<_>) = found
                    .iter()
                    .partition(|row| row["ResourceSnapshotTemplateName"] == AWS_VIEW);
                let shown: BTreeSet<&str> = of_members
                    .iter()
                    .map(|row| row["ResourceId"].as_str().unwrap())
                    .collect();
                let wanted: BTreeSet<&str> = room.shared.iter().map(|(id, _)| id.as_str()).collect();
                assert_eq!(shown, wanted);
                let owned = |id: &Value| room.shared.iter().any(|(own, of)| id == own && *of == who);
                assert!(of_aws.iter().all(|row| owned(&row["ResourceId"])), "{of_aws:?}");
            } else {
                shows_nothing(caller, "ListResourceSnapshots", filter);
                caller.call("GetEngagement", &named(&room.id)).is(NOT_FOUND);
            }
            for (id, owner) in &room.shared {
                let answer = snapshot(caller, &room.id, id, VIEW, None);
                if member {
                    answer.ok();
                } else {
                    answer.is(NOT_FOUND);
                }
                if *owner != who {
                    snapshot(caller, &room.id, id, AWS_VIEW, None).is(NOT_FOUND);
                    let foreign = json!({"Catalog": "Sandbox", "Identifier": id});
                    caller.call("GetOpportunity", &foreign).is(NOT_FOUND);
                }
            }
        }
        for sent in self.sent.iter().filter(|sent| sent.from != who && sent.to != who) {
            caller
                .call("GetEngagementInvitation", &named(&sent.id))
                .is(NOT_FOUND);
        }
    }
}

#[test]
fn whatever_three_accounts_do_each_sees_exactly_what_it_may() {
    let mut accepted = 0;
    for accounts in [
        ["610000001001", "610000001002", "610000001003"],
        ["610000001011", "610000001012", "610000001013"],
        ["610000001021", "610000001022", "610000001023"],
        ["610000001031", "610000001032", "610000001033"],
    ] {
        let mut world = World::new(accounts);
        println!("SCENARIO_SEED={} of {accounts:?}", world.draws.seed);
        for number in 0..STEPS {
            world.step(number);
            if number % 5 == 4 {
                world.verify();
            }
        }
        let joined = world.sent.iter().filter(|sent| sent.status == "ACCEPTED").count();
        println!(
            "{} engagements, {} opportunities, {} invitations, {joined} accepted",
            world.rooms.len(),
            world.deals.len(),
            world.sent.len()
        );
        accepted += joined;
    }
    assert!(accepted > 5, "too little happened to prove anything");
}
