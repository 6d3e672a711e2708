//! A plan: everything that one request or job is about to change, as one atomic write.
//!
//! An operation that touches several things reads them here, puts their next states here, and lets the plan draw the
//! consequences (`follow`): snapshots of running jobs, copies that follow a review, what a new member gets to see. Then the
//! plan becomes one `Changes`. Whatever it read and does not write is expected to be unchanged, so a plan that was
//! overtaken conflicts and is made anew. Never writes by itself, and decides no rule: those are the domain's.
//!
//! Lists that a plan reads have guards against what appears in them meanwhile: whoever adds a job or an association
//! writes the opportunity, whoever adds a member, an invitation or an association writes the engagement, both even where
//! nothing in them changes.

mod associations;
mod cell;
mod erased;
mod follow;
mod reviews;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use cosell_domain::Catalog;
use cosell_domain::engagement::invitation::Invitation;
use cosell_domain::engagement::{Engagement, context};
use cosell_domain::event::{self, Became};
use cosell_domain::opportunity::Opportunity;
use cosell_domain::snapshot::{Head, Snapshot, Template, job::Job as SnapshotJob};
use cosell_model::{ApiError, Timestamp};
use cosell_store::{ApplyError, Changes, Expect, Idempotency, Item, Job, Key, Kind, Query, Write};

use crate::answer::{read_failed, write_failed};
use crate::audit::Deed;
use crate::autopilot::Plans;
use crate::engagement::invitation::record as invitations;
use crate::engagement::record as engagements;
use crate::events;
use crate::idempotency::Once;
use crate::opportunity::record as opportunities;
use crate::service::Service;
use crate::snapshot::job::record as snapshot_jobs;
use crate::snapshot::record::{self as snapshots, Series};
use cell::Cell;

/// How often a plan is made anew because others changed what it read meanwhile, or because it drew an identifier that
/// exists. One collision in 36^13 is not expected once.
pub(crate) const ATTEMPTS: usize = 8;

/// An account's own thing: the account, and the identifier.
type Owned = (String, String);

/// When a snapshot is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum When {
    /// Only where the template shows something else than before.
    Changed,
    /// In any case.
    Asked,
}

/// What is shared where: one opportunity in one engagement by one template.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Share {
    owner: String,
    opportunity: String,
    engagement: String,
    template: Template,
}

impl Share {
    fn of(owner: &str, opportunity: &str, engagement: &str, template: Template) -> Self {
        Self {
            owner: owner.to_owned(),
            opportunity: opportunity.to_owned(),
            engagement: engagement.to_owned(),
            template,
        }
    }

    fn series(&self) -> Series<'_> {
        Series {
            engagement: &self.engagement,
            opportunity: &self.opportunity,
            template: self.template.as_str(),
        }
    }
}

/// See the module. Everything in it is of one catalog.
pub(crate) struct Plan<'a> {
    service: &'a Service,
    catalog: Catalog,
    now: Timestamp,
    opportunities: BTreeMap<Owned, Cell<Opportunity>>,
    engagements: BTreeMap<String, Cell<Engagement>>,
    invitations: BTreeMap<String, Cell<Invitation>>,
    snapshot_jobs: BTreeMap<Owned, Cell<SnapshotJob>>,
    heads: BTreeMap<Share, Cell<Head>>,
    /// What is to be looked at for a new snapshot.
    due: BTreeMap<Share, When>,
    snapshots: Vec<(Share, Snapshot)>,
    followed: bool,
    /// Opportunities that are shared in an engagement from this plan on: engagement, opportunity, owner.
    associated: BTreeSet<(String, String, String)>,
    /// Written as they are, after the rest.
    writes: Vec<Write>,
    jobs: Vec<Job>,
    idempotency: Option<Idempotency>,
    /// True where a step of the autopilot makes the plan.
    by_script: bool,
}

impl<'a> Plan<'a> {
    /// An empty plan at the time it is now.
    pub(crate) fn new(service: &'a Service, catalog: Catalog) -> Self {
        Self {
            service,
            catalog,
            now: service.now(),
            opportunities: BTreeMap::new(),
            engagements: BTreeMap::new(),
            invitations: BTreeMap::new(),
            snapshot_jobs: BTreeMap::new(),
            heads: BTreeMap::new(),
            due: BTreeMap::new(),
            followed: false,
            snapshots: Vec::new(),
            associated: BTreeSet::new(),
            writes: Vec::new(),
            jobs: Vec::new(),
            idempotency: None,
            by_script: false,
        }
    }

    /// Says that a step of the autopilot makes it: what follows for the autopilot is planned already.
    pub(crate) fn by_script(&mut self) {
        self.by_script = true;
    }

    /// The service it is made for.
    pub(crate) fn service(&self) -> &'a Service {
        self.service
    }

    /// The catalog of everything in it.
    pub(crate) fn catalog(&self) -> Catalog {
        self.catalog
    }

    /// The time at which everything in it happens.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// An account's opportunity, if there is one.
    pub(crate) async fn opportunity(
        &mut self,
        account: &str,
        id: &str,
    ) -> Result<Option<Opportunity>, ApiError> {
        let owned = (account.to_owned(), id.to_owned());
        if let Some(cell) = self.opportunities.get(&owned) {
            return Ok(cell.current().cloned());
        }
        let name = opportunities::Name {
            account,
            catalog: self.catalog,
            id,
        };
        let Some((opportunity, version)) = opportunities::find(self.service, name).await? else {
            return Ok(None);
        };
        self.opportunities
            .insert(owned, Cell::found(opportunity.clone(), version));
        Ok(Some(opportunity))
    }

    /// Takes over an opportunity that was read before.
    pub(crate) fn hold_opportunity(&mut self, account: &str, found: Opportunity, version: u64) {
        let owned = (account.to_owned(), found.document.id.clone());
        self.opportunities.insert(owned, Cell::found(found, version));
    }

    /// An account's opportunity becomes this, or is made.
    pub(crate) fn put_opportunity(&mut self, account: &str, next: Opportunity) {
        put(
            &mut self.opportunities,
            (account.to_owned(), next.document.id.clone()),
            next,
        );
    }

    /// An engagement, whoever its members are.
    pub(crate) async fn engagement(&mut self, id: &str) -> Result<Option<Engagement>, ApiError> {
        if let Some(cell) = self.engagements.get(id) {
            return Ok(cell.current().cloned());
        }
        let Some((engagement, version)) = engagements::find(self.service, self.catalog, id).await? else {
            return Ok(None);
        };
        self.engagements
            .insert(id.to_owned(), Cell::found(engagement.clone(), version));
        Ok(Some(engagement))
    }

    /// An engagement that something else of the store leads to.
    pub(crate) async fn known_engagement(&mut self, id: &str) -> Result<Engagement, ApiError> {
        let found = self.engagement(id).await?;
        found.ok_or_else(|| ApiError::internal(format!("engagement {id} is referred to and not there")))
    }

    /// An engagement becomes this, or is made.
    pub(crate) fn put_engagement(&mut self, next: Engagement) {
        put(&mut self.engagements, next.id.clone(), next);
    }

    /// Has an engagement tell the project of an opportunity that is shared in it, if it tells none yet.
    pub(crate) fn describe(
        &mut self,
        engagement: &Engagement,
        opportunity: &Opportunity,
        by: &str,
    ) -> Result<(), ApiError> {
        if let Some(next) = context::describe(engagement, &opportunity.document, by, self.now)? {
            self.put_engagement(next);
        }
        Ok(())
    }

    /// An invitation that the account sent or received, if there is one.
    pub(crate) async fn invitation(
        &mut self,
        account: &str,
        id: &str,
    ) -> Result<Option<Invitation>, ApiError> {
        if let Some(cell) = self.invitations.get(id) {
            return Ok(cell.current().cloned());
        }
        let found = invitations::find(self.service, account, self.catalog, id).await?;
        let Some((invitation, version)) = found else {
            return Ok(None);
        };
        self.invitations
            .insert(id.to_owned(), Cell::found(invitation.clone(), version));
        Ok(Some(invitation))
    }

    /// An invitation becomes this, or is made; a new one expires in time.
    pub(crate) fn put_invitation(&mut self, next: Invitation) {
        put(&mut self.invitations, next.id.clone(), next);
    }

    /// An account's snapshot job, if there is one.
    pub(crate) async fn snapshot_job(
        &mut self,
        account: &str,
        id: &str,
    ) -> Result<Option<SnapshotJob>, ApiError> {
        let owned = (account.to_owned(), id.to_owned());
        if let Some(cell) = self.snapshot_jobs.get(&owned) {
            return Ok(cell.current().cloned());
        }
        let found = snapshot_jobs::find(self.service, account, self.catalog, id).await?;
        let Some((job, version)) = found else {
            return Ok(None);
        };
        self.snapshot_jobs
            .insert(owned, Cell::found(job.clone(), version));
        Ok(Some(job))
    }

    /// A snapshot job becomes this, or is made. Whoever makes or starts one also puts its opportunity.
    pub(crate) fn put_snapshot_job(&mut self, account: &str, next: SnapshotJob) {
        put(
            &mut self.snapshot_jobs,
            (account.to_owned(), next.id().to_owned()),
            next,
        );
    }

    async fn head_of(&mut self, share: &Share) -> Result<Option<Head>, ApiError> {
        if let Some(cell) = self.heads.get(share) {
            return Ok(cell.current().cloned());
        }
        let found = snapshots::find_head(self.service, self.catalog, share.series()).await?;
        let Some((head, version)) = found else {
            return Ok(None);
        };
        self.heads
            .insert(share.clone(), Cell::found(head.clone(), version));
        Ok(Some(head))
    }

    /// Shares an opportunity with an engagement when the plan is complete, by a new snapshot where the template shows
    /// something else than before. The owner's view makes the engagement share the opportunity, if it did not.
    pub(crate) fn share(&mut self, owner: &str, opportunity: &str, engagement: &str, template: Template) {
        let share = Share::of(owner, opportunity, engagement, template);
        self.due.entry(share).or_insert(When::Changed);
    }

    /// Shares an opportunity with an engagement by a new snapshot in any case: that snapshot.
    pub(crate) async fn take_snapshot(
        &mut self,
        owner: &str,
        opportunity: &str,
        engagement: &str,
        template: Template,
    ) -> Result<&Snapshot, ApiError> {
        let share = Share::of(owner, opportunity, engagement, template);
        self.due.insert(share.clone(), When::Asked);
        self.follow().await?;
        let taken = self.snapshots.iter().find(|(of, _)| *of == share);
        let missing =
            || ApiError::internal(format!("no snapshot of {opportunity} was taken in {engagement}"));
        taken.map(|(_, taken)| taken).ok_or_else(missing)
    }

    /// A record that only this operation knows of.
    pub(crate) fn write(&mut self, write: Write) {
        self.writes.push(write);
    }

    /// Work for later.
    pub(crate) fn enqueue(&mut self, job: Job) {
        self.jobs.push(job);
    }

    /// The plan with its consequences, as one write.
    pub(crate) async fn into_changes(mut self) -> Result<Changes, ApiError> {
        self.follow().await?;
        self.plan_steps().await?;
        let mut told = Changes::default();
        events::emit(self.service, &mut told, self.catalog, self.now, || {
            Ok(event::of(&self.change()?))
        })?;
        let service = self.service;
        let mut changes = self.render()?;
        erased::leave_out(service, &mut changes).await?;
        changes.events = told.events;
        changes.jobs.append(&mut told.jobs);
        Ok(changes)
    }

    /// What becomes of the records of which partners may hear.
    fn change(&self) -> Result<event::Change<'_>, ApiError> {
        fn became<T>(cell: &Cell<T>) -> Option<Became<'_, T>> {
            let before = cell.before();
            cell.next().map(|next| Became { before, next })
        }
        let mut snapshots = Vec::with_capacity(self.snapshots.len());
        for (share, snapshot) in &self.snapshots {
            // Read where the snapshot was taken.
            let engagement = self.engagements.get(&share.engagement).and_then(Cell::current);
            let missing = || ApiError::internal(format!("{} is not in its plan", share.engagement));
            snapshots.push((engagement.ok_or_else(missing)?.arn.as_str(), snapshot));
        }
        Ok(event::Change {
            catalog: self.catalog,
            opportunities: self
                .opportunities
                .iter()
                .filter_map(|((account, _), cell)| Some((account.as_str(), became(cell)?)))
                .collect(),
            engagements: self.engagements.values().filter_map(became).collect(),
            invitations: self.invitations.values().filter_map(became).collect(),
            snapshots,
        })
    }

    /// What AWS does later by its scripts, because of what comes to it now.
    async fn plan_steps(&mut self) -> Result<(), ApiError> {
        let mut plans = Plans::new(self.service, self.catalog, self.now);
        plans.by_script = self.by_script;
        let mut jobs = Vec::new();
        for ((account, _), cell) in &self.opportunities {
            if let Some(next) = cell.next() {
                jobs.append(&mut plans.opportunity(account, cell.before(), next).await?);
            }
        }
        for cell in self.invitations.values() {
            if let (Some(next), None) = (cell.next(), cell.before()) {
                jobs.append(&mut plans.invitation(next).await?);
            }
        }
        self.jobs.append(&mut jobs);
        Ok(())
    }

    /// Draws the consequences, once: nothing but records of the operation's own is put after that.
    pub(crate) async fn follow(&mut self) -> Result<(), ApiError> {
        if !std::mem::replace(&mut self.followed, true) {
            self.draw_consequences().await?;
        }
        Ok(())
    }

    fn render(self) -> Result<Changes, ApiError> {
        let catalog = self.catalog.as_str();
        let mut changes = Changes {
            idempotency: self.idempotency,
            jobs: self.jobs,
            ..Changes::default()
        };
        let expect = |changes: &mut Changes, key: Key, version: Option<u64>| {
            changes
                .expect
                .extend(version.map(|version| Expect::Version(key, version)));
        };
        for ((account, id), cell) in &self.opportunities {
            match cell.next() {
                Some(next) => changes.writes.extend(opportunities::writes(
                    account,
                    cell.before().zip(cell.version()),
                    next,
                )?),
                None => {
                    let key = Key::new(Kind::Opportunity, account, catalog, id);
                    expect(&mut changes, key, cell.version());
                }
            }
        }
        for (id, cell) in &self.engagements {
            match cell.next() {
                Some(next) => changes
                    .writes
                    .extend(engagements::writes(cell.before().zip(cell.version()), next)?),
                None => expect(
                    &mut changes,
                    Key::shared(Kind::Engagement, catalog, id),
                    cell.version(),
                ),
            }
        }
        for (id, cell) in &self.invitations {
            match (cell.next(), cell.before()) {
                (Some(next), _) => {
                    changes
                        .writes
                        .extend(invitations::writes(cell.version(), next, self.now)?);
                    if cell.version().is_none() {
                        changes.jobs.push(invitations::expiry(next)?);
                    }
                }
                (None, Some(read)) => {
                    let key = Key::new(Kind::Invitation, &read.sender.account_id, catalog, id);
                    expect(&mut changes, key, cell.version());
                }
                (None, None) => {}
            }
        }
        for ((account, id), cell) in &self.snapshot_jobs {
            match cell.next() {
                Some(next) => changes.writes.push(replace(cell.version(), |version| {
                    snapshot_jobs::record(next, account, version)
                })?),
                None => {
                    let key = Key::new(Kind::SnapshotJob, account, catalog, id);
                    expect(&mut changes, key, cell.version());
                }
            }
        }
        // A head that is only read changes with its snapshots, which follow from what is expected already.
        for (share, snapshot) in &self.snapshots {
            let found = self.heads.get(share).and_then(Cell::version);
            changes
                .writes
                .push(replace(found, |version| snapshots::head(snapshot, version))?);
            changes.writes.push(Write::Insert(snapshots::snapshot(snapshot)?));
        }
        changes.writes.extend(self.writes);
        Ok(changes)
    }
}

/// Makes plans until one lands: `decide` fills a plan and says what the operation answers. With a client token the effect
/// happens once, and a refused repetition hears the first answer again.
pub(crate) async fn carry_out(
    service: &Service,
    deed: &Deed,
    catalog: Catalog,
    once: Option<&Once<'_>>,
    decide: impl AsyncFn(&mut Plan<'_>) -> Result<Bytes, ApiError>,
) -> Result<Bytes, ApiError> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let mut plan = Plan::new(service, catalog);
        let decided = match decide(&mut plan).await {
            Ok(answer) => {
                plan.idempotency = once.map(|once| once.keep(&answer, plan.now));
                plan.into_changes().await.map(|changes| (answer, changes))
            }
            Err(refusal) => Err(refusal),
        };
        let (answer, changes) = match (decided, once) {
            (Ok(decided), _) => decided,
            (Err(refusal), Some(once)) => return once.repeat_or(service, refusal).await,
            (Err(refusal), None) => return Err(refusal),
        };
        if changes.writes.is_empty() && changes.jobs.is_empty() && changes.idempotency.is_none() {
            return Ok(answer);
        }
        match (service.apply(deed, changes).await, once) {
            (Ok(()), _) => return Ok(answer),
            (Err(ApplyError::Conflict(_)), _) if attempt < ATTEMPTS => {}
            (Err(error), Some(once)) => return once.settle(service, error).await,
            (Err(error), None) => return Err(write_failed(error)),
        }
    }
}

/// Every row of a query, page by page; a page may end early, even empty.
pub(crate) async fn all(service: &Service, mut query: Query) -> Result<Vec<Item>, ApiError> {
    let mut found = Vec::new();
    loop {
        let page = service.store.query(&query).await.map_err(read_failed)?;
        found.extend(page.items);
        match page.next {
            Some(next) => query.after = Some(next),
            None => return Ok(found),
        }
    }
}

fn put<K: Ord, T>(cells: &mut BTreeMap<K, Cell<T>>, key: K, next: T) {
    match cells.get_mut(&key) {
        Some(cell) => cell.put(next),
        None => {
            cells.insert(key, Cell::made(next));
        }
    }
}

fn replace(
    found: Option<u64>,
    record: impl FnOnce(u64) -> Result<cosell_store::Record, ApiError>,
) -> Result<Write, ApiError> {
    Ok(match found {
        Some(expected) => Write::Replace {
            record: record(expected + 1)?,
            expected,
        },
        None => Write::Insert(record(1)?),
    })
}
