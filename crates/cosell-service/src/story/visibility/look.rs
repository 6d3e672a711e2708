//! Every account looks at everything it can name, in every way there is.

use std::collections::BTreeSet;

use super::model::{Model, Task};
use super::*;

const EVERYBODY: [&str; 4] = [ONE, TWO, THREE, STRANGER];

/// The list that shows the tasks which an operation starts.
const LISTS: [(Op, Op); 4] = [
    (
        Op::StartEngagementFromOpportunityTask,
        Op::ListEngagementFromOpportunityTasks,
    ),
    (
        Op::StartEngagementByAcceptingInvitationTask,
        Op::ListEngagementByAcceptingInvitationTasks,
    ),
    (
        Op::StartOpportunityFromEngagementTask,
        Op::ListOpportunityFromEngagementTasks,
    ),
    (
        Op::StartProspectingFromEngagementTask,
        Op::ListProspectingFromEngagementTasks,
    ),
];

pub(super) async fn look(story: &Story, model: &Model) {
    for account in EVERYBODY {
        let eye = Eye {
            story,
            model,
            account,
        };
        eye.engagements().await;
        eye.invitations().await;
        eye.opportunities().await;
        eye.snapshots().await;
        eye.jobs().await;
        eye.tasks().await;
    }
}

struct Eye<'a> {
    story: &'a Story,
    model: &'a Model,
    account: &'a str,
}

impl Eye<'_> {
    /// What is read where the account may read it; otherwise it must look as if there were nothing.
    async fn read(&self, operation: Op, body: Value, may: bool) -> Option<Value> {
        let answer = self.story.call(self.account, operation, body.clone()).await;
        match answer {
            Ok(read) if may => Some(read),
            Err(error) if !may && error.kind == ErrorKind::ResourceNotFound => None,
            other => panic!(
                "{operation:?} by {} of {body} (may: {may}): {other:?}",
                self.account
            ),
        }
    }

    /// All rows of a list as a set; none is shown twice.
    async fn list<T: Ord + std::fmt::Debug>(
        &self,
        operation: Op,
        member: &str,
        body: Value,
        row: impl Fn(&Value) -> T,
    ) -> BTreeSet<T> {
        let pages = self.story.world.pages(self.account, operation, member, body, 7);
        let rows = pages.await;
        let set: BTreeSet<T> = rows.iter().map(row).collect();
        assert_eq!(set.len(), rows.len(), "{operation:?} shows nothing twice");
        set
    }

    async fn engagements(&self) {
        let mut mine = BTreeSet::new();
        for engagement in &self.model.engagements {
            let may = engagement.has(self.account);
            let name = json!({"Identifier": engagement.id});
            if let Some(read) = self.read(Op::GetEngagement, name.clone(), may).await {
                assert_eq!(read["MemberCount"], engagement.members.len());
                let contexts = read["Contexts"].as_array().unwrap().iter();
                let found: BTreeSet<_> = contexts.map(|one| (text(one, "Id"), text(one, "Type"))).collect();
                let known = engagement.contexts.iter();
                let known: BTreeSet<_> = known.map(|(id, kind)| (id.clone(), (*kind).to_owned())).collect();
                assert_eq!(found, known);
                mine.insert(engagement.id.clone());
            }
            if self.read(Op::ListEngagementMembers, name, may).await.is_some() {
                let found = self.story.members(self.account, &engagement.id).await;
                assert_eq!(found, engagement.members);
            }
        }
        let op = Op::ListEngagements;
        let found = self.list(op, "EngagementSummaryList", json!({}), |row| text(row, "Id"));
        assert_eq!(found.await, mine, "engagements of {}", self.account);
    }

    async fn invitations(&self) {
        let now = self.story.clock.now();
        for invitation in &self.model.invitations {
            let may = invitation.is_open_to(self.account);
            let name = json!({"Identifier": invitation.id});
            if let Some(read) = self.read(Op::GetEngagementInvitation, name, may).await {
                assert_eq!(read["Status"], invitation.status(now));
            }
        }
        for side in ["SENDER", "RECEIVER"] {
            let body = json!({"ParticipantType": side});
            let list = Op::ListEngagementInvitations;
            let found = self.list(list, "EngagementInvitationSummaries", body, |row| {
                (text(row, "Id"), text(row, "Status"))
            });
            let mine = self.model.invitations.iter().filter(|one| match side {
                "SENDER" => one.sender == self.account,
                _ => one.receiver == self.account,
            });
            let mine = mine.map(|one| (one.id.clone(), one.status(now).to_owned()));
            assert_eq!(found.await, mine.collect(), "{side} {}", self.account);
        }
    }

    async fn opportunities(&self) {
        let mut mine = BTreeSet::new();
        for opportunity in &self.model.opportunities {
            let name = json!({"Identifier": opportunity.id});
            let may = opportunity.owner.as_deref() == Some(self.account);
            if self.read(Op::GetOpportunity, name, may).await.is_some() {
                mine.insert(opportunity.id.clone());
            }
            let name = json!({"RelatedOpportunityIdentifier": opportunity.id});
            let may = may && opportunity.aws_view.is_some();
            self.read(Op::GetAwsOpportunitySummary, name, may).await;
        }
        let list = Op::ListOpportunities;
        let found = self.list(list, "OpportunitySummaries", json!({}), |row| text(row, "Id"));
        assert_eq!(found.await, mine, "opportunities of {}", self.account);
    }

    async fn snapshots(&self) {
        for engagement in &self.model.engagements {
            let may = engagement.has(self.account);
            let name = json!({"EngagementIdentifier": engagement.id});
            if self
                .read(Op::ListResourceSnapshots, name.clone(), may)
                .await
                .is_some()
            {
                let list = Op::ListResourceSnapshots;
                let found = self.list(list, "ResourceSnapshotSummaries", name, |row| {
                    let template = text(row, "ResourceSnapshotTemplateName");
                    (text(row, "ResourceId"), template, row["Revision"].as_i64())
                });
                let mut mine = BTreeSet::new();
                for (key, series) in &self.model.series {
                    if key.0 == engagement.id && self.model.sees(self.account, key) {
                        let one = |number| (key.1.clone(), key.2.to_owned(), Some(number));
                        mine.extend((1..=series.revisions).map(one));
                    }
                }
                assert_eq!(found.await, mine, "snapshots for {}", self.account);
            }
            for opportunity in &self.model.opportunities {
                for template in [SUMMARY, AWS_VIEW] {
                    let key = (engagement.id.clone(), opportunity.id.clone(), template);
                    self.series(key).await;
                }
            }
        }
        let list = Op::ListEngagementResourceAssociations;
        let member = "EngagementResourceAssociationSummaries";
        let found = self.list(list, member, json!({}), |row| {
            (
                text(row, "EngagementId"),
                text(row, "ResourceId"),
                text(row, "CreatedBy"),
            )
        });
        let shared = self.model.shared.iter();
        let mine = shared.filter(|(engagement, _, _)| self.model.is_member(self.account, engagement));
        assert_eq!(
            found.await,
            mine.cloned().collect(),
            "associations for {}",
            self.account
        );
    }

    /// The newest snapshot of a series, one of its numbers, and the number after its last.
    async fn series(&self, key: (String, String, &'static str)) {
        let name = resource(&key.0, &key.1, key.2);
        let series = self.model.series.get(&key);
        let may = series.is_some() && self.model.sees(self.account, &key);
        let read = self.read(Op::GetResourceSnapshot, name.clone(), may).await;
        let Some(series) = series else {
            return;
        };
        if let Some(read) = read {
            assert_eq!(read["Revision"], series.revisions, "{name}");
            let payload = &read["Payload"];
            match key.2 {
                SUMMARY => assert_eq!(payload["OpportunitySummary"], series.newest),
                _ => assert_eq!(payload["AwsOpportunitySummaryFullView"], series.newest),
            }
        }
        for (revision, exists) in [(1, true), (series.revisions + 1, false)] {
            let mut numbered = name.clone();
            numbered["Revision"] = revision.into();
            self.read(Op::GetResourceSnapshot, numbered, may && exists).await;
        }
    }

    async fn jobs(&self) {
        let status = |running| if running { "Running" } else { "Stopped" };
        let mut mine = BTreeSet::new();
        for job in &self.model.jobs {
            let name = json!({"ResourceSnapshotJobIdentifier": job.id});
            let may = job.owner == self.account && !job.deleted;
            if let Some(read) = self.read(Op::GetResourceSnapshotJob, name, may).await {
                assert_eq!(read["Status"], status(job.running));
                mine.insert((job.id.clone(), status(job.running).to_owned()));
            }
        }
        let list = Op::ListResourceSnapshotJobs;
        let found = self.list(list, "ResourceSnapshotJobSummaries", json!({}), |row| {
            (text(row, "Id"), text(row, "Status"))
        });
        assert_eq!(found.await, mine, "jobs of {}", self.account);
    }

    async fn tasks(&self) {
        for (start, list) in LISTS {
            let of = |task: &&Task| task.owner == self.account && task.started_by == start;
            let prospecting = start == Op::StartProspectingFromEngagementTask;
            let mine: BTreeSet<_> = self
                .model
                .tasks
                .iter()
                .filter(of)
                .map(|task| (task.id.clone(), (!prospecting).then(|| task.status.clone())))
                .collect();
            let found = self.list(list, "TaskSummaries", json!({}), |row| {
                (text(row, "TaskId"), row["TaskStatus"].as_str().map(str::to_owned))
            });
            assert_eq!(found.await, mine, "{list:?} of {}", self.account);
        }
        for task in &self.model.tasks {
            if task.started_by == Op::StartProspectingFromEngagementTask {
                let name = json!({"TaskIdentifier": task.id});
                let may = task.owner == self.account;
                self.read(Op::GetProspectingFromEngagementTask, name, may).await;
            }
        }
    }
}
