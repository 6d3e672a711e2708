//! One line of a state: how each item looks as JSON.
//!
//! Documents are texts within the JSON, so that no byte of them changes. Nothing here may leave a part of an item out.

use super::Columns;
use crate::changes::{AuditEntry, Event, Idempotency, Job, JobId, StoredAudit, StoredEvent};
use crate::delivery::{Delivery, DeliveryState};
use crate::kind::Kind;
use crate::record::{Key, Record, Value};
use crate::transfer::{ExportItem, FormerVersion};
use bytes::Bytes;
use cosell_model::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

type Text<'a> = Cow<'a, str>;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Line<'a> {
    Record(RecordLine<'a>),
    Sequence(SequenceLine<'a>),
    Answer(AnswerLine<'a>),
    Job(JobLine<'a>),
    Event(EventLine<'a>),
    Audit(AuditLine<'a>),
    Former(FormerLine<'a>),
    Target(TargetLine<'a>),
    Delivery(DeliveryLine<'a>),
    End(End),
}

/// The last line.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct End {
    pub items: u64,
    /// Of all bytes before this line.
    pub sha256: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RecordLine<'a> {
    kind: Text<'a>,
    account: Text<'a>,
    catalog: Text<'a>,
    id: Text<'a>,
    version: u64,
    /// In the order of the header.
    columns: Vec<Cow<'a, Value>>,
    document: Part<'a>,
    summary: Part<'a>,
    private: Part<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SequenceLine<'a> {
    name: Text<'a>,
    next: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AnswerLine<'a> {
    account: Text<'a>,
    operation: Text<'a>,
    token: Text<'a>,
    catalog: Option<Text<'a>>,
    request_hash: String,
    answer: Part<'a>,
    created_at: i64,
    expires_at: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct JobLine<'a> {
    id: Text<'a>,
    kind: Text<'a>,
    run_at: i64,
    payload: Part<'a>,
    attempts: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct EventLine<'a> {
    seq: u64,
    id: Text<'a>,
    account: Text<'a>,
    catalog: Text<'a>,
    detail_type: Text<'a>,
    time: i64,
    body: Part<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AuditLine<'a> {
    seq: u64,
    time: i64,
    account: Text<'a>,
    body: Part<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FormerLine<'a> {
    kind: Text<'a>,
    account: Text<'a>,
    catalog: Text<'a>,
    id: Text<'a>,
    version: u64,
    until: Option<i64>,
    document: Part<'a>,
    private: Part<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TargetLine<'a> {
    target: Text<'a>,
    position: u64,
    status: Part<'a>,
    delivered: u64,
    attempts: u64,
    failures: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DeliveryLine<'a> {
    target: Text<'a>,
    seq: u64,
    lane: Option<Text<'a>>,
    state: State,
    attempts: u32,
    due_at: i64,
    note: Part<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", remote = "DeliveryState")]
enum StateName {
    Pending,
    Delivered,
    Dead,
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct State(#[serde(with = "StateName")] DeliveryState);

/// Bytes: as text where they are UTF-8, which all but foreign ones are.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Part<'a> {
    Text(Text<'a>),
    Bytes(Hex),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hex {
    hex: String,
}

impl<'a> Part<'a> {
    fn of(bytes: &'a Bytes) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Part::Text(text.into()),
            Err(_) => Part::Bytes(Hex { hex: hex(bytes) }),
        }
    }

    fn bytes(self) -> Result<Bytes, String> {
        match self {
            Part::Text(text) => Ok(text.into_owned().into()),
            Part::Bytes(Hex { hex }) => Ok(unhex(&hex)?.into()),
        }
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn unhex(text: &str) -> Result<Vec<u8>, String> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    pairs
        .collect::<Option<_>>()
        .ok_or_else(|| "a value is not hexadecimal".to_owned())
}

impl<'a> Line<'a> {
    pub(super) fn of(item: &'a ExportItem) -> Self {
        match item {
            ExportItem::Record(record) => {
                let key = &record.key;
                let spec = key.kind.spec();
                Line::Record(RecordLine {
                    kind: spec.table.into(),
                    account: (&key.account).into(),
                    catalog: (&key.catalog).into(),
                    id: (&key.id).into(),
                    version: record.version,
                    columns: (spec.columns.iter())
                        .map(|column| Cow::Borrowed(record.column(column.name)))
                        .collect(),
                    document: Part::of(&record.document),
                    summary: Part::of(&record.summary),
                    private: Part::of(&record.private),
                })
            }
            ExportItem::Sequence { name, next } => Line::Sequence(SequenceLine {
                name: name.into(),
                next: *next,
            }),
            ExportItem::Answer { catalog, answer } => Line::Answer(AnswerLine {
                account: (&answer.account).into(),
                operation: (&answer.operation).into(),
                token: (&answer.token).into(),
                catalog: catalog.as_deref().map(Into::into),
                request_hash: hex(&answer.request_hash),
                answer: Part::of(&answer.answer),
                created_at: answer.created_at.as_millis(),
                expires_at: answer.expires_at.as_millis(),
            }),
            ExportItem::Job(job) => Line::Job(JobLine {
                id: (&job.id.0).into(),
                kind: (&job.kind).into(),
                run_at: job.run_at.as_millis(),
                payload: Part::of(&job.payload),
                attempts: job.attempts,
            }),
            ExportItem::Event(StoredEvent { seq, event }) => Line::Event(EventLine {
                seq: *seq,
                id: (&event.id).into(),
                account: (&event.account).into(),
                catalog: (&event.catalog).into(),
                detail_type: (&event.detail_type).into(),
                time: event.time.as_millis(),
                body: Part::of(&event.body),
            }),
            ExportItem::Audit(StoredAudit { seq, entry }) => Line::Audit(AuditLine {
                seq: *seq,
                time: entry.time.as_millis(),
                account: (&entry.account).into(),
                body: Part::of(&entry.body),
            }),
            ExportItem::Former(former) => Line::Former(FormerLine {
                kind: former.key.kind.spec().table.into(),
                account: (&former.key.account).into(),
                catalog: (&former.key.catalog).into(),
                id: (&former.key.id).into(),
                version: former.version,
                until: former.until.map(Timestamp::as_millis),
                document: Part::of(&former.document),
                private: Part::of(&former.private),
            }),
            ExportItem::Target {
                target,
                position,
                status,
                delivered,
                attempts,
                failures,
            } => Line::Target(TargetLine {
                target: target.into(),
                position: *position,
                status: Part::of(status),
                delivered: *delivered,
                attempts: *attempts,
                failures: *failures,
            }),
            ExportItem::Delivery(delivery) => Line::Delivery(DeliveryLine {
                target: (&delivery.target).into(),
                seq: delivery.seq,
                lane: delivery.lane.as_deref().map(Into::into),
                state: State(delivery.state),
                attempts: delivery.attempts,
                due_at: delivery.due_at.as_millis(),
                note: Part::of(&delivery.note),
            }),
        }
    }

    /// The item; `Err` says why the line is none.
    pub(super) fn into_item(self, kinds: &Columns) -> Result<ExportItem, String> {
        let named = |name: &str| {
            let found = kinds.get(name);
            found.ok_or_else(|| format!("the header names no kind {name:?}"))
        };
        let key = |kind: Kind, account: Text<'_>, catalog: Text<'_>, id: Text<'_>| {
            Key::new(kind, account, catalog, id)
        };
        let time = Timestamp::from_millis;
        Ok(match self {
            Line::Record(line) => {
                let (kind, columns) = named(&line.kind)?;
                if line.columns.len() != columns.len() {
                    return Err(format!(
                        "there are {} columns and should be {}",
                        line.columns.len(),
                        columns.len()
                    ));
                }
                let values = line.columns.into_iter().map(Cow::into_owned);
                ExportItem::Record(Record {
                    key: key(*kind, line.account, line.catalog, line.id),
                    version: line.version,
                    document: line.document.bytes()?,
                    summary: line.summary.bytes()?,
                    private: line.private.bytes()?,
                    columns: columns.iter().map(|column| column.name).zip(values).collect(),
                })
            }
            Line::Sequence(line) => ExportItem::Sequence {
                name: line.name.into_owned(),
                next: line.next,
            },
            Line::Answer(line) => ExportItem::Answer {
                catalog: line.catalog.map(Cow::into_owned),
                answer: Idempotency {
                    account: line.account.into_owned(),
                    operation: line.operation.into_owned(),
                    token: line.token.into_owned(),
                    request_hash: (unhex(&line.request_hash)?.try_into())
                        .map_err(|_| "the hash of a request has not 32 bytes".to_owned())?,
                    answer: line.answer.bytes()?,
                    created_at: time(line.created_at),
                    expires_at: time(line.expires_at),
                },
            },
            Line::Job(line) => ExportItem::Job(Job {
                id: JobId(line.id.into_owned()),
                kind: line.kind.into_owned(),
                run_at: time(line.run_at),
                payload: line.payload.bytes()?,
                attempts: line.attempts,
            }),
            Line::Event(line) => ExportItem::Event(StoredEvent {
                seq: line.seq,
                event: Event {
                    id: line.id.into_owned(),
                    account: line.account.into_owned(),
                    catalog: line.catalog.into_owned(),
                    detail_type: line.detail_type.into_owned(),
                    time: time(line.time),
                    body: line.body.bytes()?,
                },
            }),
            Line::Audit(line) => ExportItem::Audit(StoredAudit {
                seq: line.seq,
                entry: AuditEntry {
                    time: time(line.time),
                    account: line.account.into_owned(),
                    body: line.body.bytes()?,
                },
            }),
            Line::Former(line) => {
                let (kind, _) = named(&line.kind)?;
                ExportItem::Former(FormerVersion {
                    key: key(*kind, line.account, line.catalog, line.id),
                    version: line.version,
                    until: line.until.map(time),
                    document: line.document.bytes()?,
                    private: line.private.bytes()?,
                })
            }
            Line::Target(line) => ExportItem::Target {
                target: line.target.into_owned(),
                position: line.position,
                status: line.status.bytes()?,
                delivered: line.delivered,
                attempts: line.attempts,
                failures: line.failures,
            },
            Line::Delivery(line) => ExportItem::Delivery(Delivery {
                target: line.target.into_owned(),
                seq: line.seq,
                lane: line.lane.map(Cow::into_owned),
                state: line.state.0,
                attempts: line.attempts,
                due_at: time(line.due_at),
                note: line.note.bytes()?,
            }),
            Line::End(_) => return Err("the last line is no item".to_owned()),
        })
    }
}
