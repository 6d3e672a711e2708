//! One atomic write: everything a decision changes, and what it relied on.
//!
//! A [`Changes`] lands whole or not at all. Nothing in this room decides what should change.

use crate::record::{Key, Record};
use bytes::Bytes;
use cosell_model::Timestamp;
use std::collections::HashSet;

/// One write of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// A new record: its key must be absent.
    Insert(Record),
    /// A new version of a record that must be there with version `expected`.
    Replace {
        /// The record as it becomes.
        record: Record,
        /// The version it must have now; the new one must be greater.
        expected: u64,
    },
    /// Removal of a record that must be there with version `expected`.
    Delete {
        /// The record's key.
        key: Key,
        /// The version it must have now.
        expected: u64,
    },
}

impl Write {
    /// The key written.
    pub fn key(&self) -> &Key {
        match self {
            Write::Insert(record) | Write::Replace { record, .. } => &record.key,
            Write::Delete { key, .. } => key,
        }
    }
}

/// What a decision relied on besides the records it writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The record is there with this version.
    Version(Key, u64),
    /// There is no such record.
    Absent(Key),
}

/// Everything one decision changes. Expectations are about the state before it; finished jobs go first, then writes in
/// their order (a key may be written once only), then the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Records that were read and matter but are not written.
    pub expect: Vec<Expect>,
    /// Records written.
    pub writes: Vec<Write>,
    /// The answer to keep for a repetition of the request.
    pub idempotency: Option<Idempotency>,
    /// Events to publish, in order.
    pub events: Vec<Event>,
    /// Entries of the audit log, in order.
    pub audit: Vec<AuditEntry>,
    /// Jobs to enqueue. A job whose id is there already is replaced and loses its lease.
    pub jobs: Vec<Job>,
    /// Claimed jobs that are done with this change. Each must still be held by the claim named.
    pub finished_jobs: Vec<FinishedJob>,
}

impl Changes {
    /// Whether it changes and expects nothing.
    pub fn is_empty(&self) -> bool {
        *self == Changes::default()
    }

    /// Refuses a change that breaks the contract whatever is stored. Backends call it before they look at anything.
    ///
    /// # Errors
    /// [`ApplyError::Invalid`], with what is wrong.
    pub fn validate(&self) -> Result<(), ApplyError> {
        let mut seen = HashSet::new();
        for write in &self.writes {
            let checked = match write {
                Write::Insert(record) => record.validate(),
                Write::Replace { record, expected } if record.version <= *expected => Err(format!(
                    "{}: version {} does not follow {expected}",
                    record.key, record.version
                )),
                Write::Replace { record, .. } => record.validate(),
                Write::Delete { key, .. } => key.validate(),
            };
            checked.map_err(ApplyError::Invalid)?;
            if self.writes.len() > 1 && !seen.insert(write.key()) {
                return Err(ApplyError::Invalid(format!("{} is written twice", write.key())));
            }
        }
        for expect in &self.expect {
            let (Expect::Version(key, _) | Expect::Absent(key)) = expect;
            key.validate().map_err(ApplyError::Invalid)?;
        }
        Ok(())
    }

    /// When it happens, as far as it tells: the time of its first audit entry, else of its first event, else of its kept
    /// answer. What it replaces is pruned by that time.
    pub fn time(&self) -> Option<Timestamp> {
        let audit = self.audit.first().map(|entry| entry.time);
        let event = || self.events.first().map(|event| event.time);
        let answer = || self.idempotency.as_ref().map(|answer| answer.created_at);
        audit.or_else(event).or_else(answer)
    }

    /// The catalog that it is about: that of the first record written that has one. Its kept answer goes with it.
    pub fn catalog(&self) -> Option<&str> {
        let mut catalogs = self.writes.iter().map(|write| write.key().catalog.as_str());
        catalogs.find(|catalog| !catalog.is_empty())
    }
}

/// A kept answer, so that a repeated request has one effect.
///
/// It belongs to the catalog of the first record written in the same change that has one: with that catalog's reset it
/// is forgotten. One that is kept without such a record goes with a reset of any catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The account that asked.
    pub account: String,
    /// The operation's name.
    pub operation: String,
    /// The client's token.
    pub token: String,
    /// Hash of the request, to tell a repetition from another request with the same token.
    pub request_hash: [u8; 32],
    /// The answer, byte for byte.
    pub answer: Bytes,
    /// When it was made. A kept answer that expired by then gives way.
    pub created_at: Timestamp,
    /// From this moment on the token is free again.
    pub expires_at: Timestamp,
}

/// An event to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id, unique (an insert of a known id is refused as [`ApplyError::Invalid`]).
    pub id: String,
    /// The account that receives it.
    pub account: String,
    /// The catalog it happened in.
    pub catalog: String,
    /// Its detail type, for example `Opportunity Created`.
    pub detail_type: String,
    /// When it happened.
    pub time: Timestamp,
    /// Its JSON.
    pub body: Bytes,
}

/// An event as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its place in the one order of all events: from 1, without gaps but those that a reset or a pruning leaves, and a
    /// reader that saw `n` never sees another event with a number up to `n` appear later.
    pub seq: u64,
    /// The event.
    pub event: Event,
}

/// A look into the events, in the order of time; events of the same time are in the order of their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventQuery {
    /// Only those that this account receives; `None` for all.
    pub account: Option<String>,
    /// Only of this catalog.
    pub catalog: Option<String>,
    /// Only of this detail type.
    pub detail_type: Option<String>,
    /// Not before this time.
    pub from: Option<Timestamp>,
    /// Not after this time: an event of the very time is in.
    pub to: Option<Timestamp>,
    /// Where the page before ended, see [`EventPage::next`]: the look goes on behind it in its direction.
    pub after: Option<(Timestamp, u64)>,
    /// The newest event first; otherwise the oldest.
    pub newest_first: bool,
    /// Most events wanted, 1 to [`MAX_PAGE`](crate::MAX_PAGE).
    pub limit: usize,
}

/// A part of what an [`EventQuery`] asks for.
///
/// Account and time are found by an index; catalog and detail type are checked on what that gives, and a page looks at a
/// few thousand events at most. So it may hold fewer events than were wanted, or none, and still not be the last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventPage {
    /// The events found.
    pub events: Vec<StoredEvent>,
    /// What to put into [`EventQuery::after`] for the rest; `None` if there is no more.
    pub next: Option<(Timestamp, u64)>,
}

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// When it happened.
    pub time: Timestamp,
    /// The account it concerns.
    pub account: String,
    /// Its JSON.
    pub body: Bytes,
}

/// An audit entry as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAudit {
    /// Its place in the log, ascending from 1.
    pub seq: u64,
    /// The entry.
    pub entry: AuditEntry,
}

/// A look into the audit log, in the order of time; entries of the same time are in the log's own order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditQuery {
    /// Only entries about this account; `None` for all.
    pub account: Option<String>,
    /// Not before this time.
    pub from: Option<Timestamp>,
    /// Not after this time: an entry of the very time is in.
    pub to: Option<Timestamp>,
    /// Time and `seq` of the entry seen last: the look goes on behind it in its direction.
    pub after: Option<(Timestamp, u64)>,
    /// The newest entry first; otherwise the oldest.
    pub newest_first: bool,
    /// Most entries wanted, 1 to [`MAX_PAGE`](crate::MAX_PAGE).
    pub limit: usize,
}

/// Id of a job.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub String);

/// Work to be done at a time, durably.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What kind of work, for example `engagement-task`.
    pub kind: String,
    /// Not before this time.
    pub run_at: Timestamp,
    /// JSON the worker needs. Its members `account` and `catalog`, if they are texts, say whose job it is: a reset of
    /// that account or catalog erases it.
    pub payload: Bytes,
    /// How often it was claimed. 0 for a new job; a worker that puts a job off passes on the count it was given.
    pub attempts: u32,
}

/// A job as people who look see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredJob {
    /// The job; its `attempts` counts the claims so far.
    pub job: Job,
    /// Who claimed it and until when; the time may have passed. `None` while it waits.
    pub held: Option<(String, Timestamp)>,
}

/// A job a worker holds until its lease ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedJob {
    /// The job; its `attempts` counts this claim too.
    pub job: Job,
    /// Until when no other worker gets it.
    pub leased_until: Timestamp,
}

impl ClaimedJob {
    /// What to put into [`Changes::finished_jobs`] together with the job's effect.
    pub fn finished(&self) -> FinishedJob {
        FinishedJob {
            id: self.job.id.clone(),
            attempts: self.job.attempts,
        }
    }
}

/// A claim that is done. If another worker has claimed the job since, the change conflicts: so the effect of a job
/// lands once, however slow a worker was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishedJob {
    /// The job.
    pub id: JobId,
    /// `attempts` of the claim.
    pub attempts: u32,
}

/// The expectation that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// A record was expected with one version and found with another, or not at all.
    Version {
        /// The record.
        key: Key,
        /// The version expected.
        expected: u64,
        /// The version found; `None` if the record is absent.
        found: Option<u64>,
    },
    /// A record was expected to be absent and is there.
    Exists(Key),
    /// The claim of a job is not held any more.
    Job(JobId),
}

/// Why a [`Changes`] did not land. In every case but an `Unavailable` whose commit was under way, nothing of it did.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The state is not what the decision relied on: load and decide again.
    #[error("the record changed meanwhile: {0:?}")]
    Conflict(Conflict),
    /// The idempotency token is taken by an answer that has not expired: read it with `Store::idempotency`.
    #[error("the client token is already in use")]
    TokenTaken,
    /// The store cannot take the write now; it may succeed later. After a lost connection or a failed commit it may also
    /// have landed, so a repetition must be protected by versions, absence or a token.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// The stored data is damaged.
    #[error("the stored data is damaged: {0}")]
    Corrupt(String),
    /// The change breaks the contract: a fault of the caller.
    #[error("the change breaks the store's contract: {0}")]
    Invalid(String),
}
