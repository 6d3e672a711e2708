//! The trait every backend implements, with the errors and reports it answers.
//!
//! Nothing here goes by a clock: whoever asks passes the time.

use crate::changes::{
    ApplyError, AuditQuery, Changes, ClaimedJob, EventPage, EventQuery, Idempotency, JobId, StoredAudit,
    StoredEvent, StoredJob,
};
use crate::counter::Swap;
use crate::delivery::{Delivery, DeliveryQuery, SettleError, Settlement, TargetState};
use crate::figures::StoreFigures;
use crate::query::{Page, Query};
use crate::record::{Key, Record, Stored};
use crate::revision::Revision;
use crate::transfer::{ExportItem, TransferError};
use async_trait::async_trait;
use bytes::Bytes;
use cosell_model::Timestamp;
use std::io;
use std::ops::{AddAssign, Range};
use std::path::Path;
use std::sync::Arc;

/// Why a read, or a write that is not a [`Changes`], failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store cannot answer now; a repetition may succeed.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// The stored data is damaged.
    #[error("the stored data is damaged: {0}")]
    Corrupt(String),
    /// The question breaks the contract: a fault of the caller.
    #[error("the question breaks the store's contract: {0}")]
    Invalid(String),
}

/// How far a long run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Units done (pages of a backup, records of a check).
    pub done: u64,
    /// Units there are, as far as known now.
    pub total: u64,
}

/// Called now and then during a long run, from any thread.
pub type ProgressFn = Arc<dyn Fn(Progress) + Send + Sync>;

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Records looked at.
    pub records: u64,
    /// Problems found, each in one sentence; at most the first hundred are kept.
    pub problems: Vec<String>,
    /// Problems found in all.
    pub problem_count: u64,
}

impl Report {
    /// Whether nothing was found.
    pub fn is_sound(&self) -> bool {
        self.problem_count == 0
    }

    /// Notes a problem.
    pub fn problem(&mut self, text: impl Into<String>) {
        self.problem_count += 1;
        if self.problems.len() < 100 {
            self.problems.push(text.into());
        }
    }
}

/// What a reset erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Records.
    pub records: u64,
    /// Events.
    pub events: u64,
    /// Kept answers.
    pub answers: u64,
    /// Jobs.
    pub jobs: u64,
    /// Former versions of records.
    pub history: u64,
}

impl AddAssign for Erased {
    fn add_assign(&mut self, step: Self) {
        self.records += step.records;
        self.events += step.events;
        self.answers += step.answers;
        self.jobs += step.jobs;
        self.history += step.history;
    }
}

/// A store. Shared by all tasks of a server; every method may be called at any time from any of them.
///
/// A read sees every write that was answered before the read began.
#[async_trait]
pub trait Store: Send + Sync {
    /// How its work goes, for people who watch it; costs next to nothing. Whoever wraps a store passes on what that one
    /// says. Without anything counted, as by default, nothing is shown.
    fn figures(&self) -> StoreFigures {
        StoreFigures::default()
    }

    /// The record of a key; `None` if there is none.
    async fn get(&self, key: &Key) -> Result<Option<Stored>, StoreError>;

    /// The records of several keys, in their order, all of one moment.
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError>;

    /// The record of a key as it was in a version, or as it is where that version is the present one; `None` if it never
    /// had that version, or that version is not kept: only kinds with a [`history`](crate::KindSpec::history) keep what is
    /// replaced or deleted, and only until it is pruned. Where a key that was deleted has come to the same version
    /// again, the latest is meant.
    async fn history(&self, key: &Key, version: u64) -> Result<Option<Stored>, StoreError>;

    /// One page of a list.
    async fn query(&self, query: &Query) -> Result<Page, StoreError>;

    /// Writes everything or nothing. Returns when the change is durable.
    async fn apply(&self, changes: Changes) -> Result<(), ApplyError>;

    /// The kept answer of a token, unless it has expired at `now`.
    async fn idempotency(
        &self,
        account: &str,
        operation: &str,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<Idempotency>, StoreError>;

    /// Takes the next `count` (1 to 2^32) numbers of a sequence. The first ever is 1; no number is handed out twice,
    /// whatever crashes; numbers of a block that is not used up are lost.
    async fn reserve(&self, sequence: &str, count: u64) -> Result<Range<u64>, StoreError>;

    /// Gives the counter of an account and a name its next value, if it has the `expected` one (`None`: if it is not there);
    /// else tells what it has. At most [`MAX_COUNTER`](crate::MAX_COUNTER) bytes. It is forgotten some time after `until`.
    ///
    /// It waits for nobody's writes and need not be durable when it returns: a crash or a failover may set a counter back to
    /// a value that it had before. If the answer was lost and the question is asked again, a swap that had landed tells the
    /// next value as found. Counters are no part of the state: an export leaves them out, an import and a reset leave them.
    async fn swap_counter(
        &self,
        account: &str,
        name: &str,
        expected: Option<&[u8]>,
        next: &[u8],
        until: Timestamp,
    ) -> Result<Swap, StoreError>;

    /// Forgets the counters whose `until` lies before a time, in steps like [`Store::prune_audit`]; how many.
    async fn prune_counters(&self, before: Timestamp) -> Result<u64, StoreError>;

    /// Whether other servers may work over the same store at the same time. Never changes while it is open.
    fn is_shared(&self) -> bool;

    /// The time by the store's own clock, which all servers over it share; `None` if it has none. For comparing clocks: no
    /// method of a store goes by it.
    async fn clock(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Claims up to `limit` jobs due at `now` for `lease_millis`, strictly in the order of `run_at` and then of the id,
    /// compared by its bytes. A job whose lease has run out is due again and has its old place in that order. `worker`
    /// names the claimer, for people who look.
    async fn claim_jobs(
        &self,
        now: Timestamp,
        worker: &str,
        limit: usize,
        lease_millis: u64,
    ) -> Result<Vec<ClaimedJob>, StoreError>;

    /// Makes every claimed job due again at its own time, as if its lease had run out; how many there were. For the start
    /// of the only server, whose predecessor may have been killed with jobs in its hands. Claims count as before, so a
    /// worker that still works on one cannot finish it once it is claimed anew.
    async fn release_claims(&self) -> Result<u64, StoreError>;

    /// When the next job becomes due (or a lease runs out); `None` if there is no job. May lie in the past.
    async fn next_job_at(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Jobs in the order of `run_at` and then of the id, waiting ones and claimed ones, of one kind or of all; at most
    /// `limit` (1 to [`MAX_PAGE`](crate::MAX_PAGE)). For people who look: with a kind, it may look through all jobs.
    async fn jobs(&self, kind: Option<&str>, limit: usize) -> Result<Vec<StoredJob>, StoreError>;

    /// The job with an id, waiting or claimed; `None` if there is none.
    async fn job(&self, id: &JobId) -> Result<Option<StoredJob>, StoreError>;

    /// Events with a `seq` greater than `after`, in order, at most `limit`; empty if there are none yet.
    async fn events_after(&self, after: u64, limit: usize) -> Result<Vec<StoredEvent>, StoreError>;

    /// Like [`Store::events_after`], but waits until there is at least one. Dropping the future stops the wait.
    async fn wait_events(&self, after: u64, limit: usize) -> Result<Vec<StoredEvent>, StoreError>;

    /// The event with an id; `None` if there is none.
    async fn event(&self, id: &str) -> Result<Option<StoredEvent>, StoreError>;

    /// Events by account and time; see [`EventQuery`] and [`EventPage`].
    async fn events(&self, query: &EventQuery) -> Result<EventPage, StoreError>;

    /// The greatest number an event ever had; 0 before the first.
    async fn last_event(&self) -> Result<u64, StoreError>;

    /// Deletes the events from before a time with all their deliveries, oldest first, in steps like
    /// [`Store::prune_audit`]; how many events went. The newest event of all stays whatever its time. The counts of
    /// pending and dead deliveries follow, those of what ever happened stay. It does not ask whether every target has read
    /// them: whoever calls it looks at the positions first.
    async fn prune_events(&self, before: Timestamp) -> Result<u64, StoreError>;

    /// Every target that is open, in the order of the names.
    async fn targets(&self) -> Result<Vec<TargetState>, StoreError>;

    /// The state of a target; where it has none yet, one that has read up to `position` and nothing else.
    async fn open_target(&self, target: &str, position: u64) -> Result<TargetState, StoreError>;

    /// Forgets a target: at once who asks for it finds nothing, then its deliveries go in steps. If it fails midway, the
    /// next call for any target goes on. A target that is not open is left alone.
    async fn drop_target(&self, target: &str) -> Result<(), StoreError>;

    /// Leases an open target to a worker until `lease_millis` after `now`. `None` if another worker
    /// [holds it](crate::TargetState::is_leased). Who holds it
    /// already keeps its epoch; a new holder, or one whose lease had run out, gets a greater one, so that what an earlier
    /// holder still does cannot land. A target that is not open is an `Invalid`.
    async fn lease_target(
        &self,
        target: &str,
        worker: &str,
        now: Timestamp,
        lease_millis: u64,
    ) -> Result<Option<TargetState>, StoreError>;

    /// Keeps what the holder of a lease has done: everything or nothing. Returns when it is durable.
    async fn settle(&self, settlement: Settlement) -> Result<(), SettleError>;

    /// Pending deliveries of a target that are due at `now`, in the order of their times and then of their numbers, at most
    /// `limit` (1 to [`MAX_PAGE`](crate::MAX_PAGE)). Of those in a lane only the one with the lowest number is ever among
    /// them. What waits behind costs nothing.
    async fn due_deliveries(
        &self,
        target: &str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError>;

    /// Pending deliveries of a lane behind the one with a number, due or not, in the order of their numbers, at most `limit` (1
    /// to [`MAX_PAGE`](crate::MAX_PAGE)): for whoever has those before them in hand.
    async fn lane_deliveries(
        &self,
        target: &str,
        lane: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError>;

    /// When the next delivery of a target becomes due; `None` if none waits. May lie in the past.
    async fn next_delivery_at(&self, target: &str) -> Result<Option<Timestamp>, StoreError>;

    /// For each of several lanes (at most [`MAX_PAGE`](crate::MAX_PAGE)) whether a delivery is pending in it.
    async fn pending_lanes(&self, target: &str, lanes: &[String]) -> Result<Vec<bool>, StoreError>;

    /// Makes deliveries of a target wait (again), as people ask for it; how many. All must be pending, and at most
    /// [`MAX_PAGE`](crate::MAX_PAGE); each replaces what is known of its event at the target. Events that are not there are
    /// left out. It needs no lease. A target that is not open is an `Invalid`.
    async fn park(&self, target: &str, deliveries: Vec<Delivery>) -> Result<u64, StoreError>;

    /// Deliveries of a target or of an event; see [`DeliveryQuery`].
    async fn deliveries(&self, query: &DeliveryQuery) -> Result<Vec<Delivery>, StoreError>;

    /// Sets the status of a target, as people ask for it, and gives the present lease a greater epoch: so its holder must
    /// lease anew before it can settle, and reads the status then. A target that is not open is an `Invalid`.
    async fn set_target_status(&self, target: &str, status: Bytes) -> Result<(), StoreError>;

    /// Audit entries with a `seq` greater than `after`, in order, at most `limit`.
    async fn audit_after(&self, after: u64, limit: usize) -> Result<Vec<StoredAudit>, StoreError>;

    /// Audit entries by account and time; see [`AuditQuery`].
    async fn audit(&self, query: &AuditQuery) -> Result<Vec<StoredAudit>, StoreError>;

    /// Deletes the audit entries from before a time, in steps that hold other writes up for milliseconds only; how many
    /// went. If it fails midway, a repetition goes on. The numbers of entries that are left stay as they are, and the
    /// newest entry of all stays whatever its time, so that no number is given twice.
    async fn prune_audit(&self, before: Timestamp) -> Result<u64, StoreError>;

    /// Deletes the former versions of records that were replaced or deleted before a time, oldest first, in steps like
    /// [`Store::prune_audit`]; how many went. The time is that of the change that did it: of its first audit entry, else
    /// of its first event, else of its kept answer; a version whose change had none of them goes together with the next
    /// one that has a time. It stops at the first that is not old enough, so a clock that was set back delays it.
    async fn prune_history(&self, before: Timestamp) -> Result<u64, StoreError>;

    /// Erases what an account has in a catalog; in all catalogs, or of all accounts, where one of them is left out:
    /// records that belong to an account and catalog with their history, events with their deliveries, kept answers and jobs. Shared records go where the account
    /// is left out; with an account, only those that name it in a column `account`. Accounts, users, keys, tokens,
    /// what is [registered](crate::Kind::is_registered), settings, connections, event rules and targets, sequences and the audit log stay, so those who may call still can and no id is given twice.
    ///
    /// It goes in steps of at most twenty thousand rows, each of them atomic: a smaller reset happens at once or not at
    /// all, a larger one lets other writes in between and, if it fails midway, is finished by a repetition. What is
    /// written to the same place meanwhile may be erased too or not.
    async fn reset(&self, account: Option<&str>, catalog: Option<&str>) -> Result<Erased, StoreError>;

    /// Inserts new records fast, in changes of a few thousand each, in their order; how many. For filling a store: no
    /// events, no audit entries. A key that is there already ends it with an `Invalid` that names the key; what came in
    /// the changes before stays. `progress` tells how many are in.
    async fn bulk(
        &self,
        records: &mut (dyn Iterator<Item = Record> + Send),
        progress: ProgressFn,
    ) -> Result<u64, StoreError>;

    /// Hands everything there is, as it is at one moment, to `sink`, item by item in a fixed order: records by kind,
    /// account, catalog and id, then sequences, kept answers in the order in which they were made, jobs by id and without
    /// their leases, events, audit entries, former versions in the order in which they were superseded, and targets by name
    /// without their leases, each followed by its deliveries by state and number; how many items.
    /// Memory stays bounded however much it is; other reads and writes go on. An error of `sink` ends it.
    async fn export(
        &self,
        sink: &mut (dyn FnMut(ExportItem) -> io::Result<()> + Send),
        progress: ProgressFn,
    ) -> Result<u64, TransferError>;

    /// Replaces everything there is by the items of `source`, in one change; how many items. All or nothing: if the source
    /// fails, or an item breaks the contract, or the process dies, or the future is dropped, everything is as it was.
    /// Other writes wait until it is done, for as long as they wait for room in a queue; reads see the old state till then.
    ///
    /// `relying_on` are records from which the source was made, with the versions they had: where one of them has another by
    /// now, or is gone, nothing is taken in and [`TransferError::Overtaken`] names it.
    ///
    /// Who remembers what was in the store (numbers of events, blocks of sequences, keys) must forget it; who held the lease
    /// of a target has lost it. It counts as one of the [`Revision::exchanges`], which who did it has acknowledged.
    async fn import(
        &self,
        relying_on: &[(Key, u64)],
        source: &mut (dyn Iterator<Item = io::Result<ExportItem>> + Send),
        progress: ProgressFn,
    ) -> Result<u64, TransferError>;

    /// How often what servers remember has changed. Costs next to nothing: every server asks twice a second.
    async fn revision(&self) -> Result<Revision, StoreError>;

    /// Says that this server has forgotten everything that it knew before the exchange with that number
    /// ([`Revision::exchanges`]), and that nothing decided by then is under way any more.
    ///
    /// Until it does so after an exchange by another, whatever it writes is refused as unavailable, wholly and for certain:
    /// what somebody decided by the former content must not land in the next. Only [`Store::reserve`], [`Store::reset`] and
    /// pruning go on, which rely on nothing. Who opens a store has acknowledged what is in it then.
    fn acknowledge(&self, exchanges: u64);

    /// Looks through everything stored: the backend's own structures, that documents are JSON, that list rows and
    /// documents belong together. Changes nothing.
    async fn check(&self, progress: ProgressFn) -> Result<Report, StoreError>;

    /// Writes a consistent copy to a new file while the store goes on working. Refuses a path that exists.
    async fn backup(&self, path: &Path, progress: ProgressFn) -> Result<(), StoreError>;

    /// Takes no more writes, finishes those accepted, and returns. Later writes answer `Unavailable`.
    async fn close(&self);
}
