//! One step, done to the service and to the model. Whoever may not name a thing hears that there is none; what somebody
//! who may is answered is either what the model expects or, where rules of single resources decide, taken from the answer.

use cosell_domain::snapshot::view;

use super::model::{Answer, Engagement, Job, Model, Opportunity, Task};
use super::*;

const PARTNERS: [&str; 3] = [ONE, TWO, THREE];

/// Does it: whether it had an effect.
pub(super) async fn act(story: &Story, model: &mut Model, step: Step) -> bool {
    let hand = Hand { story, step };
    match step.deed {
        Deed::Engage => hand.engage(model).await,
        Deed::AddLead => hand.add(model, "Lead").await,
        Deed::AddProject => hand.add(model, "CustomerProject").await,
        Deed::Invite => hand.invite(model, false).await,
        Deed::InviteToLead => hand.invite(model, true).await,
        Deed::Accept => hand.answer(model, Answer::Accepted).await,
        Deed::Reject => hand.answer(model, Answer::Rejected).await,
        Deed::AcceptByTask => hand.accept_by_task(model).await,
        Deed::Wait => {
            // Some invitations live through one, none through two.
            story.pass(DAY * 8).await;
            true
        }
        Deed::Draft => hand.draft(model).await,
        Deed::Refer => hand.refer(model).await,
        Deed::Edit => hand.edit(model, None).await,
        Deed::Approve => hand.edit(model, Some("Approved")).await,
        Deed::AskBack => hand.edit(model, Some("Action Required")).await,
        Deed::Refuse => hand.edit(model, Some("Rejected")).await,
        Deed::Submit => hand.submit(model).await,
        Deed::StartFromOpportunity => hand.start_from_opportunity(model).await,
        Deed::StartFromLead => hand.start_from_lead(model).await,
        Deed::Prospect => hand.prospect(model).await,
        Deed::Snapshot => hand.snapshot(model).await,
        Deed::CreateJob => hand.create_job(model).await,
        Deed::StartJob => hand.on_job(model, Op::StartResourceSnapshotJob).await,
        Deed::StopJob => hand.on_job(model, Op::StopResourceSnapshotJob).await,
        Deed::DeleteJob => hand.on_job(model, Op::DeleteResourceSnapshotJob).await,
    }
}

/// Reads what owners see of their opportunities now, and draws what follows from it.
pub(super) async fn settle(story: &Story, model: &mut Model) {
    let mut decided = Vec::new();
    for one in &mut model.opportunities {
        if let Some(owner) = one.owner.clone() {
            let before = one.review.clone();
            refresh(story, one, &owner).await;
            let answer = match one.review.as_deref() {
                Some("Approved") => Answer::Accepted,
                Some("Rejected") => Answer::Rejected,
                _ => continue,
            };
            if before.is_some() && before != one.review {
                decided.push((one.id.clone(), answer));
            }
        }
    }
    for (id, answer) in decided {
        model.decided(&id, answer, story.clock.now());
    }
    model.catch_up();
}

async fn refresh(story: &Story, one: &mut Opportunity, owner: &str) {
    let read = story.read(owner, &one.id).await;
    one.review = read["LifeCycle"]["ReviewStatus"].as_str().map(str::to_owned);
    let document = serde_json::from_value(read).unwrap();
    one.summary = serde_json::to_value(view::opportunity_summary(&document)).unwrap();
    let name = json!({"RelatedOpportunityIdentifier": one.id});
    let read = story.call(owner, Op::GetAwsOpportunitySummary, name).await.ok();
    one.aws_view = read.map(|mut read| {
        read.as_object_mut().unwrap().remove("Catalog");
        read
    });
}

/// Who does it.
pub(super) struct Hand<'a> {
    pub(super) story: &'a Story,
    pub(super) step: Step,
}

/// One of what there is.
pub(super) fn pick<T>(list: &[T], number: usize) -> Option<&T> {
    (!list.is_empty()).then(|| &list[number % list.len()])
}

impl Hand<'_> {
    pub(super) fn anybody(&self) -> &'static str {
        PARTNERS[self.step.actor % 3]
    }

    pub(super) fn somebody(&self, rightful: &str) -> String {
        let named = [ONE, TWO, THREE, STRANGER].get(self.step.actor).copied();
        named.unwrap_or(rightful).to_owned()
    }

    /// A member of the engagement, most often.
    pub(super) fn member(&self, engagement: &Engagement) -> String {
        let partners: Vec<_> = engagement.members.iter().filter(|one| *one != AWS).collect();
        let rightful = pick(&partners, self.step.actor).map_or(ONE, |one| one.as_str());
        self.somebody(rightful)
    }

    /// Does what only those may do who know of the thing; for the others there is none.
    pub(super) async fn call(
        &self,
        account: &str,
        operation: Op,
        body: Value,
        known: bool,
    ) -> Option<Result<Value, ErrorKind>> {
        let answer = self.story.call(account, operation, body.clone()).await;
        let answer = answer.map_err(|error| error.kind);
        assert_ne!(answer, Err(ErrorKind::InternalServer), "{operation:?} {body}");
        let none = answer == Err(ErrorKind::ResourceNotFound);
        assert_eq!(none, !known, "{operation:?} by {account} of {body}: {answer:?}");
        known.then_some(answer)
    }

    /// A task's answer, noted; whether it is complete.
    pub(super) fn started(&self, model: &mut Model, owner: &str, started_by: Op, answer: &Value) -> bool {
        let status = text(answer, "TaskStatus");
        let complete = status == "COMPLETE" || status == "COMPLETED";
        assert!(complete || status == "FAILED", "{answer}");
        model.tasks.push(Task {
            id: text(answer, "TaskId"),
            owner: owner.to_owned(),
            started_by,
            status,
        });
        complete
    }

    /// The last steps of tasks that share: the project is told, and a job runs.
    pub(super) fn share(
        &self,
        model: &mut Model,
        owner: &str,
        engagement: &str,
        opportunity: &str,
        answer: &Value,
    ) {
        model.engagement(engagement).describe();
        let id = text(answer, "ResourceSnapshotJobId");
        if model.jobs.iter().any(|job| job.id == id && job.running) {
            // A submission anew goes on with the job of the one before.
            return;
        }
        model.jobs.push(Job {
            id,
            owner: owner.to_owned(),
            engagement: engagement.to_owned(),
            opportunity: opportunity.to_owned(),
            running: true,
            deleted: false,
        });
    }

    /// Whether the opportunity may have one more job.
    pub(super) fn has_room(&self, model: &Model, opportunity: &str) -> bool {
        let jobs = model
            .jobs
            .iter()
            .filter(|job| !job.deleted && job.opportunity == opportunity);
        jobs.count() < 20
    }
}
