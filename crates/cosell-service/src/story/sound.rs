//! What must hold after every story, whoever was faster: read from the store itself, so that no operation can hide it.

use std::collections::BTreeSet;

use cosell_domain::Catalog::Sandbox;
use cosell_domain::engagement::invitation::Invitation;
use cosell_domain::engagement::receiver::status_of_copy;
use cosell_domain::opportunity::Opportunity;
use cosell_domain::snapshot::{Template, view};
use cosell_model::enums::InvitationStatus;
use cosell_store::{Item, Key, Kind, MAX_PAGE, Query, Sort, Stored};

use super::{AWS, Story};
use crate::answer::stored;
use crate::opportunity::record::{self as opportunities, Name};
use crate::plan::all;
use crate::snapshot::job::record as jobs;
use crate::snapshot::record::{self as snapshots, Series};
use crate::testing::{ONE, TWO};

const PARTNERS: [&str; 3] = [ONE, TWO, super::THREE];

impl Story {
    /// Every row of an account's kind, over all pages.
    pub(super) async fn kept(&self, kind: Kind, account: &str, by: &'static str) -> Vec<Item> {
        let query = Query {
            kind,
            account: account.to_owned(),
            catalog: Sandbox.as_str().to_owned(),
            filters: Vec::new(),
            sort: Sort {
                by,
                descending: false,
            },
            after: None,
            limit: MAX_PAGE,
        };
        all(&self.world.service, query).await.unwrap()
    }

    /// All that the store keeps of everybody but the tasks: kind, account, row and record of each.
    pub(super) async fn everything(&self) -> Vec<(Kind, &'static str, Item, Stored)> {
        let own = [
            (Kind::Opportunity, "id"),
            (Kind::EngagementMember, "created"),
            (Kind::Invitation, "invited"),
            (Kind::Association, "id"),
            (Kind::SnapshotJob, "id"),
        ];
        let shared = [Kind::Engagement, Kind::Snapshot, Kind::SnapshotHead];
        let own = [ONE, TWO, super::THREE, AWS]
            .into_iter()
            .flat_map(|account| own.map(|(kind, by)| (kind, account, by)));
        let mut found = Vec::new();
        for (kind, account, by) in own.chain(shared.map(|kind| (kind, "", "id"))) {
            for row in self.kept(kind, account, by).await {
                let key = Key::new(kind, account, Sandbox.as_str(), &row.id);
                let record = self.world.store.get(&key).await.unwrap().unwrap();
                found.push((kind, account, row, record));
            }
        }
        found
    }

    async fn stored_opportunity(&self, account: &str, id: &str) -> Opportunity {
        let name = Name {
            account,
            catalog: Sandbox,
            id,
        };
        let found = opportunities::find(&self.world.service, name).await.unwrap();
        found.expect("what is shared is there").0
    }

    /// The newest snapshot of a series shows the opportunity as it is.
    async fn check_newest(&self, engagement: &str, owner: &str, id: &str, template: Template) {
        let service = &self.world.service;
        let opportunity = self.stored_opportunity(owner, id).await;
        let Some(payload) = view::payload(&opportunity, template) else {
            return;
        };
        let series = Series {
            engagement,
            opportunity: id,
            template: template.as_str(),
        };
        let head = snapshots::find_head(service, Sandbox, series).await.unwrap();
        let (head, _) = head.unwrap_or_else(|| panic!("{template} of {id} in {engagement} has a snapshot"));
        let newest = snapshots::find(service, Sandbox, series, head.revision).await;
        let newest = snapshots::decode(&newest.unwrap().unwrap()).unwrap();
        assert_eq!(
            newest.document.payload,
            Some(payload),
            "{template} of {id} in {engagement}"
        );
    }

    /// The newest snapshot equals the opportunity's view whenever a job runs, and AWS's view wherever AWS takes part; every
    /// member has a row for every association; copies stand where their originals do; all of it was told as events.
    pub(super) async fn check_sound(&self) {
        let service = &self.world.service;
        let mut engagements = BTreeSet::new();
        for account in PARTNERS {
            for row in self.kept(Kind::EngagementMember, account, "created").await {
                engagements.insert(row.id);
            }
            for row in self.kept(Kind::SnapshotJob, account, "id").await {
                let (job, _) = jobs::read(service, account, Sandbox, &row.id).await.unwrap();
                if job.is_running() {
                    let (engagement, id) = (&job.document.engagement_id, &job.document.resource_id);
                    let (engagement, id) = (engagement.as_deref().unwrap(), id.as_deref().unwrap());
                    self.check_newest(engagement, account, id, Template::OpportunitySummaryView)
                        .await;
                }
            }
        }
        for engagement in engagements {
            self.check_engagement(&engagement).await;
        }
        for account in PARTNERS {
            for row in self.kept(Kind::Invitation, account, "invited").await {
                self.check_copy(account, &row.id).await;
            }
        }
        self.check_told().await;
    }

    async fn check_engagement(&self, id: &str) {
        let found = crate::engagement::record::find(&self.world.service, Sandbox, id).await;
        let (engagement, version) = found.unwrap().unwrap();
        let mut of_first: Option<Vec<(String, bytes::Bytes)>> = None;
        for member in &engagement.members {
            let account = &member.profile.account_id;
            let key = Key::new(Kind::EngagementMember, account, Sandbox.as_str(), id);
            let row = self.world.store.get(&key).await.unwrap();
            assert_eq!(row.map(|row| row.version), Some(version), "{account} in {id}");
            let mut rows = Vec::new();
            for row in self.kept(Kind::Association, account, "id").await {
                if row.id.starts_with(id) {
                    rows.push((row.id, row.summary));
                }
            }
            let first = of_first.get_or_insert_with(|| rows.clone());
            assert_eq!(*first, rows, "associations of {account} in {id}");
        }
        if !engagement.is_member(AWS) {
            return;
        }
        for (row, summary) in of_first.unwrap() {
            let summary: serde_json::Value = stored(&summary, "an association").unwrap();
            let owner = summary["CreatedBy"].as_str().unwrap();
            let shared = row.rsplit('/').next().unwrap();
            let template = Template::AwsOpportunitySummaryFullView;
            self.check_newest(id, owner, shared, template).await;
        }
    }

    async fn check_copy(&self, account: &str, invitation: &str) {
        let key = Key::new(Kind::Invitation, account, Sandbox.as_str(), invitation);
        let found = self.world.store.get(&key).await.unwrap().unwrap();
        let invitation: Invitation = stored(&found.document, "an invitation").unwrap();
        let (sender, receiver) = (&invitation.sender.account_id, &invitation.receiver.account_id);
        let Some(copy) = &invitation.opportunity_id else {
            return;
        };
        assert_eq!(invitation.status, InvitationStatus::Accepted);
        if receiver != account || sender == AWS {
            return;
        }
        let prefix = format!("{}/", invitation.engagement_id);
        let mut shared = Vec::new();
        for row in self.kept(Kind::Association, sender, "id").await {
            let summary: serde_json::Value = stored(&row.summary, "an association").unwrap();
            if row.id.starts_with(&prefix) && summary["CreatedBy"] == **sender {
                shared.push(row.id.rsplit('/').next().unwrap().to_owned());
            }
        }
        let Some(original) = shared.iter().min_by_key(|id| (id.len(), *id)) else {
            return;
        };
        let original = self.stored_opportunity(sender, original).await;
        let copy = self.stored_opportunity(receiver, copy).await;
        assert_eq!(
            copy.review_status(),
            original.review_status().map(status_of_copy).as_ref(),
            "the copy {} stands where its original does",
            copy.document.id
        );
    }
}
