//! Opportunities, and what is shared of them, as their owners do it.

use super::act::{Hand, pick};
use super::model::{Engagement, Job, Model, Opportunity};
use super::*;

impl Hand<'_> {
    pub(super) async fn draft(&self, model: &mut Model) -> bool {
        let owner = self.anybody();
        let id = self.story.opportunity(owner).await;
        model.own(&id, owner);
        true
    }

    /// An opportunity, who does something to it, and whether it is that account's.
    pub(super) fn opportunity(&self, model: &Model) -> Option<(String, String, bool)> {
        let reviews = matches!(self.step.deed, Deed::Approve | Deed::AskBack | Deed::Refuse);
        let under_way = |one: &&Opportunity| {
            let review = one.review.as_deref();
            matches!(review, Some("Submitted" | "In review" | "Action Required"))
        };
        let fits = |one: &&Opportunity| self.step.actor < 4 || !reviews || under_way(one);
        let opportunities: Vec<_> = model.opportunities.iter().filter(fits).collect();
        let one = pick(&opportunities, self.step.first)?;
        let actor = self.somebody(one.owner.as_deref().unwrap_or(ONE));
        let known = one.owner.as_deref() == Some(&*actor);
        Some((one.id.clone(), actor, known))
    }

    pub(super) async fn edit(&self, model: &mut Model, review: Option<&str>) -> bool {
        let Some((id, actor, known)) = self.opportunity(model) else {
            return false;
        };
        let mut body = json!({"Identifier": id, "LastModifiedDate": self.story.clock.now()});
        if known {
            body = as_update(self.story.read(&actor, &id).await);
            match review {
                Some(status) => body["LifeCycle"]["ReviewStatus"] = status.into(),
                None if self.step.second.is_multiple_of(4) => {
                    body["PartnerOpportunityIdentifier"] = "unseen".into()
                }
                None => body["LifeCycle"]["NextSteps"] = format!("Step {}", self.step.second).into(),
            }
        }
        let answer = self.call(&actor, Op::UpdateOpportunity, body, known).await;
        answer.is_some_and(|answer| answer.is_ok())
    }

    pub(super) async fn submit(&self, model: &mut Model) -> bool {
        let Some((id, actor, known)) = self.opportunity(model) else {
            return false;
        };
        let body = json!({"Identifier": id, "InvolvementType": "Co-Sell"});
        let answer = self.call(&actor, Op::SubmitOpportunity, body, known).await;
        answer.is_some_and(|answer| answer.is_ok())
    }

    pub(super) async fn start_from_opportunity(&self, model: &mut Model) -> bool {
        let Some((id, actor, known)) = self.opportunity(model) else {
            return false;
        };
        let op = Op::StartEngagementFromOpportunityTask;
        let body = json!({"Identifier": id, "AwsSubmission": {"InvolvementType": "Co-Sell"}});
        let Some(answer) = self.call(&actor, op, body, known).await else {
            return false;
        };
        let answer = answer.unwrap();
        if !self.started(model, &actor, op, &answer) {
            return false;
        }
        let engagement = text(&answer, "EngagementId");
        match model.shared_in(&id).first() {
            Some(shared) => assert_eq!(engagement, *shared),
            None => model.engagements.push(Engagement {
                id: engagement.clone(),
                creator: actor.clone(),
                members: vec![actor.clone()],
                contexts: Vec::new(),
            }),
        }
        self.share(model, &actor, &engagement, &id, &answer);
        let now = self.story.clock.now();
        let member = model.is_member(AWS, &engagement);
        let earlier = model.invitations_of_aws(&actor, &engagement).find(|one| {
            let about = one.about.as_ref().is_none_or(|about| *about == id);
            about && matches!(one.status(now), "PENDING" | "ACCEPTED")
        });
        match (earlier, answer["EngagementInvitationId"].as_str()) {
            (Some(earlier), told) => assert_eq!(told, Some(&*earlier.id)),
            (None, None) => assert!(member),
            (None, Some(new)) => {
                self.invited(model, &engagement, new.to_owned(), &actor, AWS, false);
                model.invitations.last_mut().unwrap().about = Some(id);
            }
        }
        true
    }

    pub(super) async fn start_from_lead(&self, model: &mut Model) -> bool {
        let Some(room) = self.room_with_lead(model) else {
            return false;
        };
        let (engagement, actor) = (room.id.clone(), self.member(room));
        // The contract takes no identifier as long as that of a prospecting result.
        let contexts = room.contexts.iter().filter(|(id, _)| id.len() <= 3);
        let contexts: Vec<_> = contexts.collect();
        let named = pick(&contexts, self.step.second);
        let context = named.map_or("99", |(id, _)| id.as_str());
        let possible = named.is_some_and(|(_, kind)| *kind == "Lead") && room.can_describe();
        let body = json!({"Identifier": engagement, "ContextIdentifier": context});
        let op = Op::StartOpportunityFromEngagementTask;
        let Some(answer) = self.call(&actor, op, body, room.has(&actor)).await else {
            return false;
        };
        let answer = answer.unwrap();
        let complete = self.started(model, &actor, op, &answer);
        assert_eq!(complete, possible, "{answer}");
        if complete {
            let id = text(&answer, "OpportunityId");
            model.own(&id, &actor);
            self.share(model, &actor, &engagement, &id, &answer);
        }
        complete
    }

    pub(super) async fn prospect(&self, model: &mut Model) -> bool {
        let actor = self.anybody();
        let ids: Vec<_> = model.engagements.iter().map(|room| room.id.clone()).collect();
        let body = json!({"Identifiers": ids, "TaskName": "all"});
        let op = Op::StartProspectingFromEngagementTask;
        let answer = self.story.ok(actor, op, body).await;
        let complete = self.started(model, actor, op, &answer);
        let name = json!({"TaskIdentifier": text(&answer, "TaskId")});
        let read = self
            .story
            .ok(actor, Op::GetProspectingFromEngagementTask, name)
            .await;
        let told = read["Engagements"].as_array().unwrap();
        assert_eq!(told.len(), ids.len());
        for (room, told) in model.engagements.iter_mut().zip(told) {
            let others = room
                .contexts
                .iter()
                .filter(|(_, kind)| *kind != "ProspectingResult");
            let customer = room.holds("Lead") || room.holds("CustomerProject");
            let possible = room.has(actor) && customer && others.count() < 5;
            assert_eq!(told["Status"] == "COMPLETED", possible, "{told}");
            if possible {
                room.contexts.retain(|(_, kind)| *kind != "ProspectingResult");
                room.contexts
                    .push((text(told, "EngagementContextId"), "ProspectingResult"));
            }
        }
        complete && !told.is_empty()
    }

    /// An engagement and an opportunity, who brings them together, and whether it may.
    pub(super) fn pair(&self, model: &Model) -> Option<(String, String, String, bool)> {
        let one = pick(&model.opportunities, self.step.first)?;
        let owner = one.owner.as_deref().unwrap_or(ONE);
        let rooms: Vec<_> = model.engagements.iter().filter(|room| room.has(owner)).collect();
        let room = match self.step.actor {
            0..4 => pick(&model.engagements, self.step.second)?,
            _ => pick(&rooms, self.step.second)?,
        };
        let actor = self.somebody(owner);
        let known = one.owner.as_deref() == Some(&*actor) && room.has(&actor);
        Some((room.id.clone(), one.id.clone(), actor, known))
    }

    pub(super) async fn snapshot(&self, model: &mut Model) -> bool {
        let Some((engagement, id, actor, known)) = self.pair(model) else {
            return false;
        };
        let body = resource(&engagement, &id, SUMMARY);
        let Some(answer) = self.call(&actor, Op::CreateResourceSnapshot, body, known).await else {
            return false;
        };
        if !model.engagement(&engagement).can_describe() {
            assert_eq!(answer, Err(ErrorKind::ServiceQuotaExceeded));
            return false;
        }
        model.engagement(&engagement).describe();
        model.take(&engagement, &id, SUMMARY, true);
        let series = &model.series[&(engagement, id, SUMMARY)];
        assert_eq!(answer.unwrap()["Revision"], series.revisions);
        true
    }

    pub(super) async fn create_job(&self, model: &mut Model) -> bool {
        let Some((engagement, opportunity, owner, known)) = self.pair(model) else {
            return false;
        };
        let body = resource(&engagement, &opportunity, SUMMARY);
        let op = Op::CreateResourceSnapshotJob;
        let Some(answer) = self.call(&owner, op, body, known).await else {
            return false;
        };
        if !self.has_room(model, &opportunity) {
            assert_eq!(answer, Err(ErrorKind::ServiceQuotaExceeded));
            return false;
        }
        model.jobs.push(Job {
            id: text(&answer.unwrap(), "Id"),
            owner,
            engagement,
            opportunity,
            running: false,
            deleted: false,
        });
        true
    }

    pub(super) async fn on_job(&self, model: &mut Model, op: Op) -> bool {
        let Some(job) = pick(&model.jobs, self.step.first) else {
            return false;
        };
        let actor = self.somebody(&job.owner);
        let known = job.owner == actor && !job.deleted;
        let name = json!({"ResourceSnapshotJobIdentifier": job.id});
        let Some(answer) = self.call(&actor, op, name, known).await else {
            return false;
        };
        let place = self.step.first % model.jobs.len();
        let job = &mut model.jobs[place];
        if op == Op::DeleteResourceSnapshotJob && job.running {
            assert_eq!(answer, Err(ErrorKind::Conflict));
            return false;
        }
        answer.unwrap();
        job.running = op == Op::StartResourceSnapshotJob;
        job.deleted = op == Op::DeleteResourceSnapshotJob;
        true
    }
}
