//! Engagements, invitations and referrals, as partners make and answer them.

use cosell_domain::engagement::invitation::EXPIRES_AFTER_MILLIS;

use super::act::{Hand, pick};
use super::model::{Answer, Engagement, Invitation, Model, Opportunity};
use super::*;

impl Hand<'_> {
    pub(super) async fn engage(&self, model: &mut Model) -> bool {
        let creator = self.anybody();
        let id = self.story.engagement(creator).await;
        model.engagements.push(Engagement {
            id,
            creator: creator.to_owned(),
            members: vec![creator.to_owned()],
            contexts: Vec::new(),
        });
        true
    }

    pub(super) async fn add(&self, model: &mut Model, kind: &'static str) -> bool {
        let Some(room) = pick(&model.engagements, self.step.first) else {
            return false;
        };
        let (id, actor) = (room.id.clone(), self.member(room));
        let (known, full) = (room.has(&actor), room.contexts.len() >= 5);
        let op = Op::CreateEngagementContext;
        let Some(answer) = self.call(&actor, op, context(&id, kind), known).await else {
            return false;
        };
        if full {
            assert_eq!(answer, Err(ErrorKind::ServiceQuotaExceeded));
            return false;
        }
        let added = text(&answer.unwrap(), "ContextId");
        model.engagement(&id).contexts.push((added, kind));
        true
    }

    pub(super) async fn invite(&self, model: &mut Model, to_lead: bool) -> bool {
        let Some(room) = (match to_lead {
            true => self.room_with_lead(model),
            false => pick(&model.engagements, self.step.first),
        }) else {
            return false;
        };
        let now = self.story.clock.now();
        let actor = match to_lead {
            true => self.somebody(&room.creator),
            false => self.member(room),
        };
        let id = room.id.clone();
        let receiver = [ONE, TWO, THREE, AWS][self.step.second % 4];
        let sent = if receiver == AWS { "aws" } else { receiver };
        let bare_lead = room.holds("Lead") && !room.holds("CustomerProject");
        let wrong = actor == receiver
            || (to_lead && !(room.holds("Lead") && room.creator == actor))
            || (!to_lead && bare_lead && receiver != AWS);
        let pending = model
            .invitations
            .iter()
            .filter(|one| one.engagement == id && one.receiver == receiver && one.status(now) == "PENDING")
            // AWS is invited by each member to its own deal.
            .any(|one| receiver != AWS || one.sender == actor);
        let expected = match (wrong, room.has(receiver) || pending) {
            (true, _) => Err(ErrorKind::Validation),
            (false, true) => Err(ErrorKind::Conflict),
            (false, false) => Ok(()),
        };
        let body = match to_lead {
            true => lead_invitation(&id, sent),
            false => invitation(&id, sent),
        };
        let known = room.has(&actor);
        let op = Op::CreateEngagementInvitation;
        let Some(answer) = self.call(&actor, op, body, known).await else {
            return false;
        };
        assert_eq!(answer.as_ref().map(|_| ()).map_err(|kind| *kind), expected);
        let Ok(made) = answer else {
            return false;
        };
        self.invited(model, &id, text(&made, "Id"), &actor, receiver, to_lead);
        true
    }

    /// An engagement around a lead, most often.
    pub(super) fn room_with_lead<'a>(&self, model: &'a Model) -> Option<&'a Engagement> {
        let fits = |room: &&Engagement| self.step.actor < 4 || (room.holds("Lead") && room.creator != AWS);
        let rooms: Vec<_> = model.engagements.iter().filter(fits).collect();
        pick(&rooms, self.step.first).copied()
    }

    pub(super) fn invited(
        &self,
        model: &mut Model,
        engagement: &str,
        id: String,
        sender: &str,
        receiver: &str,
        to_lead: bool,
    ) {
        model.invitations.push(Invitation {
            id,
            engagement: engagement.to_owned(),
            sender: sender.to_owned(),
            receiver: receiver.to_owned(),
            to_lead,
            expires: self.story.clock.now().plus_millis(EXPIRES_AFTER_MILLIS),
            answer: Answer::None,
            about: None,
            opened: None,
            hidden: None,
        });
    }

    /// The place of an invitation, who does something to it, and whether that account has anything to do with it.
    pub(super) fn invitation(&self, model: &Model) -> Option<(usize, String, bool)> {
        let place = self.step.first % model.invitations.len().max(1);
        let one = model.invitations.get(place)?;
        let rightful = if one.receiver == AWS {
            &one.sender
        } else {
            &one.receiver
        };
        let actor = self.somebody(rightful);
        let known = one.sender == actor || one.receiver == actor;
        Some((place, actor, known))
    }

    pub(super) async fn answer(&self, model: &mut Model, answer: Answer) -> bool {
        let Some((place, actor, known)) = self.invitation(model) else {
            return false;
        };
        let one = &mut model.invitations[place];
        let op = match answer {
            Answer::Accepted => Op::AcceptEngagementInvitation,
            _ => Op::RejectEngagementInvitation,
        };
        let name = json!({"Identifier": one.id});
        let Some(told) = self.call(&actor, op, name, known).await else {
            return false;
        };
        let pending = one.status(self.story.clock.now()) == "PENDING";
        let expected = match (one.receiver == actor, pending) {
            (false, _) => Err(ErrorKind::Validation),
            (true, false) => Err(ErrorKind::Conflict),
            (true, true) => Ok(()),
        };
        assert_eq!(told.map(|_| ()), expected);
        if expected.is_err() {
            return false;
        }
        one.answer = answer;
        if answer == Answer::Accepted {
            let engagement = one.engagement.clone();
            model.join(&actor, &engagement);
        }
        true
    }

    pub(super) async fn accept_by_task(&self, model: &mut Model) -> bool {
        let Some((place, actor, known)) = self.invitation(model) else {
            return false;
        };
        let one = &model.invitations[place];
        let (engagement, hidden) = (one.engagement.clone(), one.hidden.clone());
        let status = one.status(self.story.clock.now());
        let open = status == "PENDING" || (status == "ACCEPTED" && one.opened.is_none());
        let possible = one.receiver == actor && !one.to_lead && open;
        let op = Op::StartEngagementByAcceptingInvitationTask;
        let name = json!({"Identifier": one.id});
        let possible = possible && model.engagement(&engagement).can_describe();
        let Some(answer) = self.call(&actor, op, name, known).await else {
            return false;
        };
        let answer = answer.unwrap();
        let complete = self.started(model, &actor, op, &answer);
        assert_eq!(complete, possible, "{answer}");
        if !complete {
            return false;
        }
        let id = text(&answer, "OpportunityId");
        assert!(hidden.is_none_or(|hidden| hidden == id));
        let one = &mut model.invitations[place];
        (one.answer, one.opened) = (Answer::Accepted, Some(id.clone()));
        model.own(&id, &actor);
        model.join(&actor, &engagement);
        self.share(model, &actor, &engagement, &id, &answer);
        true
    }

    pub(super) async fn refer(&self, model: &mut Model) -> bool {
        let account = self.anybody();
        let made = self.story.ok(account, Op::CreateOpportunity, referral()).await;
        let list = Op::ListEngagementInvitations;
        let side = json!({"ParticipantType": "RECEIVER"});
        let rows = self
            .story
            .world
            .pages(account, list, "EngagementInvitationSummaries", side, 50);
        let is_new = |row: &Value| model.invitations.iter().all(|one| row["Id"] != *one.id);
        let new: Vec<_> = rows.await.into_iter().filter(is_new).collect();
        assert_eq!(new.len(), 1, "a referral is one invitation");
        let engagement = text(&new[0], "EngagementId");
        model.engagements.push(Engagement {
            id: engagement.clone(),
            creator: AWS.to_owned(),
            members: vec![AWS.to_owned()],
            contexts: vec![("1".to_owned(), "CustomerProject")],
        });
        self.invited(model, &engagement, text(&new[0], "Id"), AWS, account, false);
        let hidden = text(&made, "Id");
        if let Some(last) = model.invitations.last_mut() {
            last.hidden = Some(hidden.clone());
        }
        model.opportunities.push(Opportunity {
            id: hidden,
            owner: None,
            review: None,
            summary: Value::Null,
            aws_view: None,
        });
        true
    }
}
