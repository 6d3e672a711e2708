//! What a store hands out when it is asked for everything, and takes in again.
//!
//! Items are the same for every backend. Nothing here may know how one stores them, or what a file of them looks like.

use crate::changes::{Idempotency, Job, StoredAudit, StoredEvent};
use crate::contract::StoreError;
use crate::delivery::{Delivery, check_count, validate_target};
use crate::kind::Kind;
use crate::record::{Key, Record};
use bytes::Bytes;
use cosell_model::Timestamp;
use std::fmt;

/// A version that a record had before it was replaced or deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormerVersion {
    /// The record's key. Its kind keeps a history.
    pub key: Key,
    /// The version.
    pub version: u64,
    /// When it was superseded, where the change that did it tells a time.
    pub until: Option<Timestamp>,
    /// The document it had.
    pub document: Bytes,
    /// The private part it had.
    pub private: Bytes,
}

/// One thing of the state of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportItem {
    /// A record.
    Record(Record),
    /// A sequence.
    Sequence {
        /// Its name.
        name: String,
        /// The number it hands out next.
        next: u64,
    },
    /// A kept answer.
    Answer {
        /// The catalog it speaks of; `None` if that is not known.
        catalog: Option<String>,
        /// The answer.
        answer: Idempotency,
    },
    /// A job. It waits: who held it does not count elsewhere.
    Job(Job),
    /// An event with its number. One without a detail type is a place holder for the newest event, which a reset has
    /// erased; readers never see it.
    Event(StoredEvent),
    /// An audit entry with its number.
    Audit(StoredAudit),
    /// A version that is not the present one any more.
    Former(FormerVersion),
    /// A target of events. Nobody holds it elsewhere, and how many deliveries are pending or dead is counted anew.
    Target {
        /// Its name.
        target: String,
        /// How far its cursor has read.
        position: u64,
        /// Its status.
        status: Bytes,
        /// How often an event came to be delivered.
        delivered: u64,
        /// Tries.
        attempts: u64,
        /// Failed tries.
        failures: u64,
    },
    /// An event at a target; both come before it.
    Delivery(Delivery),
}

impl ExportItem {
    /// The name of the table it belongs to, for people and for counting: that of the kind for a record.
    pub fn table(&self) -> &'static str {
        match self {
            ExportItem::Record(record) => record.key.kind.spec().table,
            ExportItem::Sequence { .. } => "sequence",
            ExportItem::Answer { .. } => "idempotency",
            ExportItem::Job(_) => "job",
            ExportItem::Event(_) => "event",
            ExportItem::Audit(_) => "audit",
            ExportItem::Former(_) => "history",
            ExportItem::Target { .. } => "delivery_target",
            ExportItem::Delivery(_) => "delivery",
        }
    }

    /// Where its table comes in an export. Targets and their deliveries take turns, so they have one place.
    pub(crate) fn place(&self) -> usize {
        let rest = match self {
            ExportItem::Record(record) => return record.key.kind as usize,
            ExportItem::Sequence { .. } => 0,
            ExportItem::Answer { .. } => 1,
            ExportItem::Job(_) => 2,
            ExportItem::Event(_) => 3,
            ExportItem::Audit(_) => 4,
            ExportItem::Former(_) => 5,
            ExportItem::Target { .. } | ExportItem::Delivery(_) => 6,
        };
        Kind::ALL.len() + rest
    }

    /// Bytes of its documents: what tells whether many of them are too much for the memory.
    pub fn weight(&self) -> usize {
        match self {
            ExportItem::Record(record) => record.weight(),
            ExportItem::Sequence { .. } => 0,
            ExportItem::Answer { answer, .. } => answer.answer.len(),
            ExportItem::Job(job) => job.payload.len(),
            ExportItem::Event(stored) => stored.event.body.len(),
            ExportItem::Audit(stored) => stored.entry.body.len(),
            ExportItem::Former(former) => former.document.len() + former.private.len(),
            ExportItem::Target { status, .. } => status.len(),
            ExportItem::Delivery(delivery) => delivery.note.len(),
        }
    }

    /// Whether a store can take it; `Err` says what is wrong.
    pub fn validate(&self) -> Result<(), String> {
        match self {
            ExportItem::Record(record) => record.validate(),
            ExportItem::Former(former) => {
                former.key.validate()?;
                if !former.key.kind.spec().history {
                    return Err(format!("{self}: its kind keeps no history"));
                }
                number(self, former.version)?;
                texts(self, &[&former.document, &former.private])
            }
            ExportItem::Sequence { next, .. } => number(self, *next),
            ExportItem::Event(stored) => number(self, stored.seq),
            ExportItem::Audit(stored) => number(self, stored.seq),
            ExportItem::Answer { .. } | ExportItem::Job(_) => Ok(()),
            ExportItem::Target {
                target,
                position,
                status,
                delivered,
                attempts,
                failures,
            } => {
                validate_target(target, status)?;
                let counts = [position, delivered, attempts, failures];
                counts.into_iter().try_for_each(|n| check_count("a count of", *n))
            }
            ExportItem::Delivery(delivery) => delivery.validate(),
        }
    }
}

fn texts(item: &ExportItem, parts: &[&Bytes]) -> Result<(), String> {
    match parts.iter().all(|part| std::str::from_utf8(part).is_ok()) {
        true => Ok(()),
        false => Err(format!("{item} has a part that is not UTF-8")),
    }
}

fn number(item: &ExportItem, number: u64) -> Result<(), String> {
    match number != 0 && i64::try_from(number).is_ok() {
        true => Ok(()),
        false => Err(format!("{item}: its number is out of bounds (1 to 2^63-1)")),
    }
}

/// Names the item, for messages.
impl fmt::Display for ExportItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExportItem::Record(record) => record.key.fmt(f),
            ExportItem::Sequence { name, .. } => write!(f, "sequence {name}"),
            ExportItem::Answer { answer, .. } => write!(
                f,
                "answer to {} of {} with token {}",
                answer.operation, answer.account, answer.token
            ),
            ExportItem::Job(job) => write!(f, "job {}", job.id.0),
            ExportItem::Event(stored) => write!(f, "event {}", stored.seq),
            ExportItem::Audit(stored) => write!(f, "audit entry {}", stored.seq),
            ExportItem::Former(former) => write!(f, "version {} of {}", former.version, former.key),
            ExportItem::Target { target, .. } => write!(f, "target {target}"),
            ExportItem::Delivery(delivery) => {
                write!(f, "delivery of event {} to {}", delivery.seq, delivery.target)
            }
        }
    }
}

/// Why an export or an import failed. A store that was to take something in is as it was.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The store failed, or what it was given breaks its contract.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record that an import relied on was changed by others meanwhile: read it again, and repeat the import.
    #[error("{0} was changed at the same time")]
    Overtaken(Key),
    /// The other end failed: the sink of an export, the source of an import.
    #[error(transparent)]
    OtherEnd(std::io::Error),
}
