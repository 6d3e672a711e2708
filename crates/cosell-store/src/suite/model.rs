//! The contract once more, as plainly as possible: what a store must do, without indexes, pages or commits.
//!
//! Slow and obviously right; backends are compared with it.

use crate::{Changes, Expect, Filter, Key, Query, Record, StoredEvent, Value, Write};
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

/// A store in memory.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// The records.
    pub records: BTreeMap<Key, Record>,
    /// What records were before they were replaced or deleted, by version.
    pub former: HashMap<(Key, u64), Record>,
    /// Live answers: (account, operation, token) to expiry in milliseconds.
    pub answers: HashMap<(String, String, String), i64>,
    /// Events, as readers see them.
    pub events: Vec<StoredEvent>,
}

impl Model {
    fn version(&self, key: &Key) -> Option<u64> {
        self.records.get(key).map(|r| r.version)
    }

    /// Whether a change lands; if so, it has.
    pub fn apply(&mut self, changes: &Changes) -> bool {
        let expected = changes.expect.iter().all(|expect| match expect {
            Expect::Version(key, version) => self.version(key) == Some(*version),
            Expect::Absent(key) => self.version(key).is_none(),
        });
        let writable = changes.writes.iter().all(|write| match write {
            Write::Insert(record) => self.version(&record.key).is_none(),
            Write::Replace { record, expected } => self.version(&record.key) == Some(*expected),
            Write::Delete { key, expected } => self.version(key) == Some(*expected),
        });
        let token = changes.idempotency.as_ref().map(|kept| {
            let place = (kept.account.clone(), kept.operation.clone(), kept.token.clone());
            (place, kept.created_at.as_millis(), kept.expires_at.as_millis())
        });
        let free = token
            .as_ref()
            .is_none_or(|(place, now, _)| self.answers.get(place).is_none_or(|end| end <= now));
        if !expected || !writable || !free {
            return false;
        }
        for write in &changes.writes {
            if let Some(before) = self.records.get(write.key()) {
                let place = (before.key.clone(), before.version);
                self.former.insert(place, before.clone());
            }
            match write {
                Write::Insert(record) | Write::Replace { record, .. } => {
                    self.records.insert(record.key.clone(), record.clone());
                }
                Write::Delete { key, .. } => {
                    self.records.remove(key);
                }
            }
        }
        if let Some((place, _, end)) = token {
            self.answers.insert(place, end);
        }
        for event in &changes.events {
            let seq = self.events.len() as u64 + 1;
            self.events.push(StoredEvent {
                seq,
                event: event.clone(),
            });
        }
        true
    }

    /// All rows of a query, whatever its cursor and limit, in order.
    pub fn list(&self, query: &Query) -> Vec<&Record> {
        let mut rows: Vec<&Record> = self
            .records
            .values()
            .filter(|r| {
                r.key.kind == query.kind && r.key.account == query.account && r.key.catalog == query.catalog
            })
            .filter(|r| query.filters.iter().all(|f| passes(f, r)))
            .collect();
        rows.sort_by(|a, b| compare(query, a, b));
        rows
    }
}

fn passes(filter: &Filter, record: &Record) -> bool {
    match filter.column() {
        "id" => filter.matches(&Value::Text(record.key.id.clone())),
        column => filter.matches(record.column(column)),
    }
}

/// The order of two rows in a query.
pub fn compare(query: &Query, a: &Record, b: &Record) -> Ordering {
    let order = query.kind.spec().sort(query.sort.by).unwrap().order;
    let values = |r: &Record| order.iter().map(|c| r.column(c).clone()).collect::<Vec<_>>();
    let ascending = values(a).cmp(&values(b)).then_with(|| a.key.id.cmp(&b.key.id));
    if query.sort.descending {
        ascending.reverse()
    } else {
        ascending
    }
}
