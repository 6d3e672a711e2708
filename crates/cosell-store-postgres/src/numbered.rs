//! Rows that carry a number: events, audit entries, former versions, kept answers.
//!
//! Their numbers come from one row that is updated by the very last statement before the commit and stays locked until the
//! commit is done. So numbers become visible in their own order, whichever server gives them: who saw `n` never sees one up
//! to `n` appear later. And because everything with a number waits for that one row first, no two transactions ever wait
//! for each other here. Nothing else may write to these tables but what erases or imports.

use crate::param::Param;
use crate::session::{Step, step};
use bytes::Bytes;
use cosell_store::{AuditEntry, Event, Idempotency, Key};

/// A version of a record that is replaced or deleted.
#[derive(Clone, Debug)]
pub(crate) struct Former<'c> {
    pub key: &'c Key,
    pub version: u64,
    pub until: Option<i64>,
    pub document: Bytes,
    pub private: Bytes,
}

/// Rows that get numbers, each list in its order.
#[derive(Debug, Default)]
pub(crate) struct Numbered<'c> {
    pub events: Vec<&'c Event>,
    pub audit: Vec<&'c AuditEntry>,
    pub formers: Vec<Former<'c>>,
    /// Each with the catalog it speaks of.
    pub answers: Vec<(&'c Idempotency, Option<&'c str>)>,
}

/// A list as it is inserted: table, the counter's column, the table's columns with their types, and the rows by column.
struct Part<'c> {
    table: &'static str,
    counter: &'static str,
    columns: &'static [(&'static str, &'static str)],
    values: Vec<Param<'c>>,
}

impl Numbered<'_> {
    fn is_empty(&self) -> bool {
        self.events.is_empty() && self.audit.is_empty() && self.formers.is_empty() && self.answers.is_empty()
    }

    /// The statement that gives the numbers and inserts the rows; `None` if there are none.
    pub(crate) fn step(&self) -> Option<Step<'_>> {
        if self.is_empty() {
            return None;
        }
        let counts = [
            self.events.len(),
            self.audit.len(),
            self.formers.len(),
            self.answers.len(),
        ];
        let mut params: Vec<Param<'_>> = counts.map(Param::count).to_vec();
        let mut text = String::from(
            "WITH c AS (UPDATE log_counter SET event=event+$1, audit=audit+$2, history=history+$3, answer=answer+$4 \
             WHERE id=1 RETURNING event-$1 AS event, audit-$2 AS audit, history-$3 AS history, answer-$4 AS answer)",
        );
        let parts = [
            self.event_part(),
            self.audit_part(),
            self.former_part(),
            self.answer_part(),
        ];
        for (part, count) in parts.into_iter().zip(counts) {
            if count == 0 {
                continue;
            }
            let Part {
                table,
                counter,
                columns,
                values,
            } = part;
            let names = columns
                .iter()
                .map(|(name, _)| *name)
                .collect::<Vec<_>>()
                .join(", ");
            let first = params.len() + 1;
            let arrays = columns
                .iter()
                .enumerate()
                .map(|(n, (_, ty))| format!("${}::{ty}[]", first + n));
            let arrays = arrays.collect::<Vec<_>>().join(", ");
            let selected = columns
                .iter()
                .map(|(name, _)| format!("v.{name}"))
                .collect::<Vec<_>>()
                .join(", ");
            text.push_str(&format!(
                ", insert_{table} AS (INSERT INTO {table} (seq, {names}) SELECT c.{counter} + v.n, {selected} \
                 FROM c, unnest({arrays}) WITH ORDINALITY AS v ({names}, n))"
            ));
            params.extend(values);
        }
        text.push_str(" SELECT 1 FROM c");
        Some(step(text, params))
    }

    fn event_part(&self) -> Part<'_> {
        let all = &self.events;
        Part {
            table: "event",
            counter: "event",
            columns: &[
                ("id", "text"),
                ("account", "text"),
                ("catalog", "text"),
                ("detail_type", "text"),
                ("time", "bigint"),
                ("body", "bytea"),
            ],
            values: vec![
                texts(all, |e| &e.id),
                texts(all, |e| &e.account),
                texts(all, |e| &e.catalog),
                texts(all, |e| &e.detail_type),
                Param::Ints(all.iter().map(|e| e.time.as_millis()).collect()),
                Param::Blobs(all.iter().map(|e| &e.body[..]).collect()),
            ],
        }
    }

    fn audit_part(&self) -> Part<'_> {
        let all = &self.audit;
        Part {
            table: "audit",
            counter: "audit",
            columns: &[("time", "bigint"), ("account", "text"), ("body", "bytea")],
            values: vec![
                Param::Ints(all.iter().map(|e| e.time.as_millis()).collect()),
                texts(all, |e| &e.account),
                Param::Blobs(all.iter().map(|e| &e.body[..]).collect()),
            ],
        }
    }

    fn former_part(&self) -> Part<'_> {
        let all = &self.formers;
        Part {
            table: "history",
            counter: "history",
            columns: &[
                ("until", "bigint"),
                ("kind", "text"),
                ("tenant", "text"),
                ("catalog", "text"),
                ("id", "text"),
                ("version", "bigint"),
                ("document", "text"),
                ("private", "text"),
            ],
            values: vec![
                Param::MaybeInts(all.iter().map(|f| f.until).collect()),
                texts(all, |f| f.key.kind.spec().table),
                texts(all, |f| &f.key.account),
                texts(all, |f| &f.key.catalog),
                texts(all, |f| &f.key.id),
                Param::Ints(
                    all.iter()
                        .map(|f| i64::try_from(f.version).unwrap_or(i64::MAX))
                        .collect(),
                ),
                Param::Texts(all.iter().map(|f| &f.document[..]).collect()),
                Param::Texts(all.iter().map(|f| &f.private[..]).collect()),
            ],
        }
    }

    fn answer_part(&self) -> Part<'_> {
        let all = &self.answers;
        Part {
            table: "idempotency",
            counter: "answer",
            columns: &[
                ("account", "text"),
                ("operation", "text"),
                ("token", "text"),
                ("catalog", "text"),
                ("request_hash", "bytea"),
                ("answer", "bytea"),
                ("created_at", "bigint"),
                ("expires_at", "bigint"),
            ],
            values: vec![
                texts(all, |(kept, _)| &kept.account),
                texts(all, |(kept, _)| &kept.operation),
                texts(all, |(kept, _)| &kept.token),
                Param::MaybeTexts(
                    all.iter()
                        .map(|(_, catalog)| catalog.map(str::as_bytes))
                        .collect(),
                ),
                Param::Blobs(all.iter().map(|(kept, _)| &kept.request_hash[..]).collect()),
                Param::Blobs(all.iter().map(|(kept, _)| &kept.answer[..]).collect()),
                Param::Ints(all.iter().map(|(kept, _)| kept.created_at.as_millis()).collect()),
                Param::Ints(all.iter().map(|(kept, _)| kept.expires_at.as_millis()).collect()),
            ],
        }
    }
}

fn texts<'a, T>(all: &'a [T], text: impl Fn(&'a T) -> &'a str) -> Param<'a> {
    Param::Texts(all.iter().map(|one| text(one).as_bytes()).collect())
}
