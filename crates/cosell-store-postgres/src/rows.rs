//! Records of a batch as few statements: one takes many rows of a kind, as arrays with a place for each.
//!
//! What a batch touches is put in an order that all batches have, and neighbours of one kind become one statement, which
//! takes its rows in that order too. So statements are few and locks are taken as if each row had its own. Nothing here
//! decides what is written.

use crate::param::Param;
use crate::records::key_params;
use crate::session::{Step, step};
use crate::sql;
use cosell_store::{Changes, ColumnType, Expect, Key, Kind, Record, Value, Write};
use std::collections::BTreeMap;

/// Bytes of documents after which a statement takes no further row: what is sent is held in memory more than once.
const MOST_BYTES: usize = 1 << 20;

/// Keys that one statement locks.
pub(crate) struct Locked<'c> {
    pub keys: Vec<&'c Key>,
    /// Whether they are written, and not only relied on.
    pub is_written: bool,
}

impl<'c> Locked<'c> {
    /// The statement that locks and reads them: the place of each that was found, from 1, then what is read.
    pub(crate) fn step(&self) -> Step<'c> {
        let kind = self.keys.first().map_or(Kind::ALL[0], |key| key.kind);
        let texts = sql::of(kind);
        let text = if self.is_written {
            &texts.lock
        } else {
            &texts.share
        };
        step(text.as_str(), keys(&self.keys))
    }
}

/// The keys to be locked, each with whether it is written, as neighbours that one statement can take.
pub(crate) fn locks<'c>(records: &BTreeMap<&'c Key, bool>) -> Vec<Locked<'c>> {
    let mut all: Vec<Locked<'c>> = Vec::new();
    for (key, is_written) in records {
        match all.last_mut() {
            Some(last) if last.is_written == *is_written && last.keys[0].kind == key.kind => {
                last.keys.push(key)
            }
            _ => all.push(Locked {
                keys: vec![key],
                is_written: *is_written,
            }),
        }
    }
    all
}

/// Rows of one kind that one statement inserts or replaces.
struct Group<'c> {
    records: Vec<&'c Record>,
    bytes: usize,
}

/// Neighbours of one kind, up to [`MOST_BYTES`] of them each.
fn groups<'c>(records: impl IntoIterator<Item = &'c Record>) -> Vec<Group<'c>> {
    let mut all: Vec<Group<'c>> = Vec::new();
    for record in records {
        let bytes = record.summary.len() + record.document.len() + record.private.len();
        match all.last_mut() {
            Some(last) if last.records[0].key.kind == record.key.kind && last.bytes < MOST_BYTES => {
                last.records.push(record);
                last.bytes += bytes;
            }
            _ => all.push(Group {
                records: vec![record],
                bytes,
            }),
        }
    }
    all
}

/// The statements about records: first all inserts in the order of their keys, so that two batches that insert the same
/// keys wait for each other in one direction only; then what is written to rows that are locked already.
pub(crate) fn writes<'c>(changes: &[&'c Changes]) -> Vec<Step<'c>> {
    let mut inserts: Vec<(&Key, Option<&Record>)> = Vec::new();
    let (mut replaced, mut deleted) = (Vec::new(), Vec::new());
    for changes in changes {
        for expect in &changes.expect {
            if let Expect::Absent(key) = expect {
                inserts.push((key, None));
            }
        }
        for write in &changes.writes {
            match write {
                Write::Insert(record) => inserts.push((&record.key, Some(record))),
                Write::Replace { record, .. } => replaced.push(record),
                Write::Delete { key, .. } => deleted.push(key),
            }
        }
    }
    inserts.sort_by_key(|(key, record)| (*key, record.is_some()));
    replaced.sort_by(|a: &&Record, b| a.key.cmp(&b.key));
    let mut steps = Vec::new();
    for run in inserts.chunk_by(|(_, a), (_, b)| a.is_some() && b.is_some()) {
        // Nothing can be locked that is not there. A row that comes and goes within the transaction makes whoever
        // inserts the same key wait for its end, and fails where that has happened before.
        if let [(key, None)] = run {
            let texts = sql::of(key.kind);
            steps.push(step(texts.insert.as_str(), place_holder(key)));
            steps.push(step(texts.delete.as_str(), key_params(key)));
            continue;
        }
        steps.extend(statements(run.iter().filter_map(|(_, record)| *record), |t| {
            &t.insert
        }));
    }
    steps.extend(statements(replaced, |texts| &texts.update));
    steps.extend(
        deleted
            .into_iter()
            .map(|key| step(sql::of(key.kind).delete.as_str(), key_params(key))),
    );
    steps
}

fn statements<'c>(
    records: impl IntoIterator<Item = &'c Record>,
    text: fn(&'static sql::Texts) -> &'static String,
) -> impl Iterator<Item = Step<'c>> {
    groups(records).into_iter().map(move |group| {
        let kind = group.records[0].key.kind;
        step(text(sql::of(kind)).as_str(), columns(kind, &group.records))
    })
}

fn texts<'a, T>(all: &[T], text: impl Fn(&T) -> &'a [u8]) -> Param<'a> {
    Param::Texts(all.iter().map(text).collect())
}

/// The parameters that stand for several keys.
fn keys<'a>(keys: &[&'a Key]) -> Vec<Param<'a>> {
    vec![
        texts(keys, |key| key.account.as_bytes()),
        texts(keys, |key| key.catalog.as_bytes()),
        texts(keys, |key| key.id.as_bytes()),
    ]
}

/// The parameters of an insert or an update of several records of a kind.
fn columns<'a>(kind: Kind, records: &[&'a Record]) -> Vec<Param<'a>> {
    let of_keys: Vec<&'a Key> = records.iter().map(|record| &record.key).collect();
    let mut params = keys(&of_keys);
    let versions = records
        .iter()
        .map(|r| i64::try_from(r.version).unwrap_or(i64::MAX));
    params.push(Param::Ints(versions.collect()));
    for column in kind.spec().columns {
        let values = records.iter().map(|record| record.column(column.name));
        params.push(match column.ty {
            ColumnType::Text => Param::MaybeTexts(
                values
                    .map(|value| match value {
                        Value::Text(text) => Some(text.as_bytes()),
                        _ => None,
                    })
                    .collect(),
            ),
            ColumnType::Integer => Param::MaybeInts(
                values
                    .map(|value| match value {
                        Value::Integer(number) => Some(*number),
                        _ => None,
                    })
                    .collect(),
            ),
        });
    }
    params.push(texts(records, |record| &record.summary));
    params.push(texts(records, |record| &record.document));
    params.push(texts(records, |record| &record.private));
    params
}

fn place_holder(key: &Key) -> Vec<Param<'_>> {
    let empty = || Param::Texts(vec![b""]);
    let mut params = keys(&[key]);
    params.push(Param::Ints(vec![0]));
    params.extend(key.kind.spec().columns.iter().map(|c| match c.ty {
        ColumnType::Text => empty(),
        ColumnType::Integer => Param::Ints(vec![0]),
    }));
    params.extend([empty(), empty(), empty()]);
    params
}
