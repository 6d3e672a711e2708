//! Takes everything in, in one transaction.
//!
//! What was there is deleted row by row and not by emptying the tables, because readers go on seeing it until the commit.
//! Writers wait: the tables are locked against them before the first item is read. Items of one table that follow each other
//! are copied together. Nothing here is kept unless the source has ended well.

use super::copy;
use crate::apply::job_params;
use crate::delivery;
use crate::error::{Failure, Meaning, meaning, words};
use crate::marker;
use crate::param::Param;
use crate::pool::{FIRST_WAIT, LONGEST_WAIT};
use crate::records::{self, record_params};
use crate::revision;
use crate::session::Session;
use crate::sql;
use crate::store::PostgresStore;
use cosell_store::{Delivery, ExportItem, Key, Kind, Progress, ProgressFn, StoreError, TransferError};
use std::collections::{HashMap, HashSet};
use std::io;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

/// Most items copied at once.
const BATCH: usize = 1_000;
/// Bytes of documents that make a batch full before it has [`BATCH`] items.
const BATCH_BYTES: usize = 4 << 20;

/// The tables besides those of the kinds.
const OTHERS: [&str; 8] = [
    "sequence",
    "idempotency",
    "job",
    "event",
    "audit",
    "history",
    "delivery",
    "delivery_target",
];

/// Replaces everything by what a source gives, unless a record that it relies on has another version; how many items.
pub(crate) async fn import(
    store: &PostgresStore,
    relying_on: &[(Key, u64)],
    source: &mut (dyn Iterator<Item = io::Result<ExportItem>> + Send),
    progress: &ProgressFn,
) -> Result<u64, TransferError> {
    // Whatever goes wrong from here on, the connection is closed and the transaction with it. Only where that happens at the
    // commit may it have landed all the same: then its marker tells.
    let session = store.patient().await?;
    lock(&session, store.pool.options.write_patience).await?;
    // Nobody can write any more, so what holds here holds at the commit.
    expect(&session, relying_on).await?;
    let failed = |e: tokio_postgres::Error| StoreError::Unavailable(words(&e));
    for table in tables() {
        let clear = format!("DELETE FROM {table}");
        session.client().batch_execute(&clear).await.map_err(failed)?;
    }
    let mut taking = Taking::default();
    loop {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < BATCH && bytes < BATCH_BYTES {
            let Some(item) = source.next() else { break };
            let item = item.map_err(TransferError::OtherEnd)?;
            item.validate().map_err(StoreError::Invalid)?;
            bytes += item.weight();
            batch.push(item);
        }
        if batch.is_empty() {
            break;
        }
        taking.take(&session, &batch).await?;
        progress(Progress {
            done: taking.count,
            total: taking.count,
        });
        // The source blocks; whoever wants to give the import up gets a chance here.
        tokio::task::yield_now().await;
    }
    taking.finish(&session).await?;
    let exchange = revision::exchanged(&session).await.map_err(StoreError::from)?;
    let mut marker = [0; 16];
    getrandom::fill(&mut marker)
        .map_err(|e| StoreError::Unavailable(format!("the system gives no random numbers: {e}")))?;
    session
        .query(&marker::mark(&marker, exchange))
        .await
        .map_err(failed)?;
    match session.client().batch_execute("COMMIT").await {
        // What is left behind is harmless, and not worth a long wait.
        Ok(()) => {
            let forget = marker::forget(&marker);
            let _ = tokio::time::timeout(LONGEST_WAIT, session.query(&forget)).await;
        }
        Err(error) if meaning(&error) == Meaning::Lost => {
            drop(session);
            find_out(store, &marker, &words(&error)).await?;
        }
        Err(error) => return Err(failed(error).into()),
    }
    store.pool.acknowledged.set(exchange);
    // There may be other events now than those that waiting readers know.
    store.news.send_modify(|n| *n += 1);
    Ok(taking.count)
}

/// Finds out whether an import has landed whose commit was not answered, for as long as a change is tried.
async fn find_out(store: &PostgresStore, marker: &[u8; 16], heard: &str) -> Result<(), StoreError> {
    let ask = async {
        loop {
            let asked = store
                .pool
                .work(|session| async move { marker::has_landed(&session, marker).await });
            match asked.await {
                Ok(landed) => return landed,
                Err(error) => tracing::warn!(%error, "whether an import has landed is not known yet"),
            }
            tokio::time::sleep(LONGEST_WAIT).await;
        }
    };
    match tokio::time::timeout(store.pool.options.write_patience, ask).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(StoreError::Unavailable(format!(
            "the connection was lost at the end ({heard}), and nothing of the import has landed: try again"
        ))),
        Err(_) => Err(StoreError::Unavailable(format!(
            "the connection was lost at the end ({heard}), and the import may have landed all the same: when the database \
             is back, look whether the state is the one that was loaded, and load it again if it is not"
        ))),
    }
}

/// Every table that holds something of the state.
pub(super) fn tables() -> impl Iterator<Item = String> {
    let kinds = Kind::ALL.map(|kind| sql::table(kind.spec()));
    kinds.into_iter().chain(OTHERS.map(str::to_owned))
}

/// Begins the transaction and keeps writers out, as soon as those under way have ended. Writers lock tables in an order of
/// their own, so the two may get in each other's way: then this gives way and tries again.
pub(super) async fn lock(session: &Session, patience: std::time::Duration) -> Result<(), StoreError> {
    let text = format!(
        "BEGIN; SET LOCAL lock_timeout=2000; {}; SET LOCAL lock_timeout=0",
        sql::keep_writers_out()
    );
    let tries = async {
        let mut wait = FIRST_WAIT;
        loop {
            match session.client().batch_execute(&text).await {
                Ok(()) => return Ok(()),
                Err(error) if meaning(&error) == Meaning::Collision => {
                    session.rollback().await.map_err(Failure::from)?;
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
                Err(error) => return Err(StoreError::Unavailable(words(&error))),
            }
        }
    };
    match tokio::time::timeout(patience, tries).await {
        Ok(done) => done,
        Err(_) => Err(StoreError::Unavailable(
            "other writes kept the import out: try again when there are fewer".into(),
        )),
    }
}

/// Refuses where a record has not the version that the items were made from.
async fn expect(session: &Session, relying_on: &[(Key, u64)]) -> Result<(), TransferError> {
    for (key, version) in relying_on {
        records::validate(key)?;
        let found = records::get(session, key).await.map_err(StoreError::from)?;
        if found.is_none_or(|found| found.version != *version) {
            return Err(TransferError::Overtaken(key.clone()));
        }
    }
    Ok(())
}

/// What has come in so far.
#[derive(Default)]
pub(super) struct Taking {
    count: u64,
    answers: i64,
    formers: i64,
    targets: HashMap<String, i64>,
}

/// Where an item goes: items of one place are copied together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Record(Kind),
    Sequence,
    Answer,
    Job,
    Event,
    Audit,
    Former,
    Target,
    Delivery,
}

fn place(item: &ExportItem) -> Place {
    match item {
        ExportItem::Record(record) => Place::Record(record.key.kind),
        ExportItem::Sequence { .. } => Place::Sequence,
        ExportItem::Answer { .. } => Place::Answer,
        ExportItem::Job(_) => Place::Job,
        ExportItem::Event(_) => Place::Event,
        ExportItem::Audit(_) => Place::Audit,
        ExportItem::Former(_) => Place::Former,
        ExportItem::Target { .. } => Place::Target,
        ExportItem::Delivery(_) => Place::Delivery,
    }
}

const TEXT: Type = Type::TEXT;
const INT: Type = Type::INT8;
const BLOB: Type = Type::BYTEA;

/// The statement that copies to a place, and the types of its columns.
fn copy_of(place: Place) -> (String, Vec<Type>) {
    let (columns, types): (&str, Vec<Type>) = match place {
        Place::Record(kind) => return (sql::of(kind).copy.clone(), copy::record_types(kind)),
        Place::Sequence => ("sequence (name, next)", vec![TEXT, INT]),
        Place::Answer => (
            "idempotency (account, operation, token, seq, catalog, request_hash, answer, created_at, expires_at)",
            vec![TEXT, TEXT, TEXT, INT, TEXT, BLOB, BLOB, INT, INT],
        ),
        Place::Job => (
            "job (id, kind, run_at, payload, attempts, due_at)",
            vec![TEXT, TEXT, INT, BLOB, INT, INT],
        ),
        Place::Event => (
            "event (seq, id, account, catalog, detail_type, time, body)",
            vec![INT, TEXT, TEXT, TEXT, TEXT, INT, BLOB],
        ),
        Place::Audit => ("audit (seq, time, account, body)", vec![INT, INT, TEXT, BLOB]),
        Place::Former => (
            "history (seq, until, kind, tenant, catalog, id, version, document, private)",
            vec![INT, INT, TEXT, TEXT, TEXT, TEXT, INT, TEXT, TEXT],
        ),
        Place::Target => (
            "delivery_target (target, name, position, status, pending, dead, delivered, attempts, failures, epoch)",
            vec![INT, TEXT, INT, BLOB, INT, INT, INT, INT, INT, INT],
        ),
        Place::Delivery => (
            "delivery (target, seq, state, lane, head, attempts, due_at, note)",
            vec![INT, INT, INT, TEXT, Type::BOOL, INT, INT, BLOB],
        ),
    };
    (format!("COPY {columns} FROM STDIN (FORMAT binary)"), types)
}

impl Taking {
    /// What is in the tables already, where items come in several transactions.
    pub(super) async fn so_far(session: &Session) -> Result<Self, StoreError> {
        let counts = "SELECT (SELECT coalesce(max(seq), 0) FROM idempotency), (SELECT coalesce(max(seq), 0) FROM history)";
        let failed = |error: tokio_postgres::Error| crate::error::store_error(&error);
        let row = session.client().query_one(counts, &[]).await.map_err(failed)?;
        let targets = session
            .client()
            .query(delivery::TARGETS, &[])
            .await
            .map_err(failed)?;
        let number = |row: &Row| delivery::target(row).map(|(number, state)| (state.target, number));
        Ok(Taking {
            count: 0,
            answers: row.try_get(0).map_err(failed)?,
            formers: row.try_get(1).map_err(failed)?,
            targets: targets
                .iter()
                .map(number)
                .collect::<Result<_, _>>()
                .map_err(failed)?,
        })
    }

    /// Takes items in.
    pub(super) async fn take(&mut self, session: &Session, batch: &[ExportItem]) -> Result<(), StoreError> {
        for run in batch.chunk_by(|a, b| place(a) == place(b)) {
            let Some(first) = run.first() else { continue };
            let place = place(first);
            if place == Place::Delivery {
                self.look_for_their_own(session, run).await?;
            }
            let mut rows = Vec::with_capacity(run.len());
            for item in run {
                rows.push(self.row(item)?);
            }
            let (text, types) = copy_of(place);
            let copied = copy::rows(session.client(), &text, &types, rows.into_iter()).await;
            copied.map_err(|error| refusal(&error))?;
            self.count += run.len() as u64;
        }
        Ok(())
    }

    /// Refuses deliveries of events that are not there.
    async fn look_for_their_own(&self, session: &Session, run: &[ExportItem]) -> Result<(), StoreError> {
        let all = || {
            run.iter().filter_map(|item| match item {
                ExportItem::Delivery(one) => Some(one),
                _ => None,
            })
        };
        let seqs: Vec<i64> = all()
            .map(|one| i64::try_from(one.seq).unwrap_or(i64::MAX))
            .collect();
        let rows = session.client().query(delivery::THERE, &[&seqs]).await;
        let rows = rows.map_err(|e| StoreError::Unavailable(words(&e)))?;
        let there: HashSet<i64> = rows.iter().map(|row| row.get(0)).collect();
        match all().zip(seqs).find(|(_, seq)| !there.contains(seq)) {
            Some((one, _)) => Err(lonely(one)),
            None => Ok(()),
        }
    }

    fn row<'i>(&mut self, item: &'i ExportItem) -> Result<Vec<Param<'i>>, StoreError> {
        Ok(match item {
            ExportItem::Record(record) => record_params(record),
            ExportItem::Sequence { name, next } => vec![Param::text(name), Param::number(*next)],
            ExportItem::Answer { catalog, answer } => {
                self.answers += 1;
                vec![
                    Param::text(&answer.account),
                    Param::text(&answer.operation),
                    Param::text(&answer.token),
                    Param::Int(self.answers),
                    Param::maybe_text(catalog.as_deref()),
                    Param::Blob(&answer.request_hash),
                    Param::Blob(&answer.answer),
                    Param::Int(answer.created_at.as_millis()),
                    Param::Int(answer.expires_at.as_millis()),
                ]
            }
            ExportItem::Job(job) => {
                let mut params = job_params(job);
                params.push(Param::Int(job.run_at.as_millis()));
                params
            }
            ExportItem::Event(stored) => {
                let event = &stored.event;
                vec![
                    Param::number(stored.seq),
                    Param::text(&event.id),
                    Param::text(&event.account),
                    Param::text(&event.catalog),
                    Param::text(&event.detail_type),
                    Param::Int(event.time.as_millis()),
                    Param::Blob(&event.body),
                ]
            }
            ExportItem::Audit(stored) => vec![
                Param::number(stored.seq),
                Param::Int(stored.entry.time.as_millis()),
                Param::text(&stored.entry.account),
                Param::Blob(&stored.entry.body),
            ],
            ExportItem::Former(former) => {
                self.formers += 1;
                vec![
                    Param::Int(self.formers),
                    former
                        .until
                        .map_or(Param::Null, |until| Param::Int(until.as_millis())),
                    Param::text(former.key.kind.spec().table),
                    Param::text(&former.key.account),
                    Param::text(&former.key.catalog),
                    Param::text(&former.key.id),
                    Param::number(former.version),
                    Param::Text(&former.document),
                    Param::Text(&former.private),
                ]
            }
            ExportItem::Target {
                target,
                position,
                status,
                delivered,
                attempts,
                failures,
            } => {
                let number = self.targets.len() as i64 + 1;
                self.targets.entry(target.clone()).or_insert(number);
                vec![
                    Param::Int(number),
                    Param::text(target),
                    Param::number(*position),
                    Param::Blob(status),
                    Param::Int(0),
                    Param::Int(0),
                    Param::number(*delivered),
                    Param::number(*attempts),
                    Param::number(*failures),
                    Param::Int(0),
                ]
            }
            ExportItem::Delivery(one) => vec![
                Param::Int(*self.targets.get(&one.target).ok_or_else(|| lonely(one))?),
                Param::number(one.seq),
                Param::Int(delivery::number_of(one.state)),
                Param::maybe_text(one.lane.as_deref()),
                Param::Bool(false),
                Param::Int(one.attempts.into()),
                Param::Int(one.due_at.as_millis()),
                Param::Blob(&one.note),
            ],
        })
    }

    /// Sets what follows from everything that came: the numbers that come next, heads of lanes, counts.
    pub(super) async fn finish(&self, session: &Session) -> Result<(), StoreError> {
        let text = format!(
            "UPDATE log_counter SET event=(SELECT coalesce(max(seq), 0) FROM event), \
             audit=(SELECT coalesce(max(seq), 0) FROM audit), history={}, answer={} WHERE id=1; \
             UPDATE delivery_counter SET target=greatest(target, {}) WHERE id=1; \
             UPDATE delivery AS d SET head=true WHERE d.state=0 AND (d.lane IS NULL OR d.seq=(SELECT p.seq FROM delivery AS p \
             WHERE p.target=d.target AND p.lane=d.lane AND p.state=0 ORDER BY p.seq LIMIT 1)); \
             UPDATE delivery_target AS t SET \
             pending=(SELECT count(*) FROM delivery AS d WHERE d.target=t.target AND d.state=0), \
             dead=(SELECT count(*) FROM delivery AS d WHERE d.target=t.target AND d.state=2)",
            self.formers,
            self.answers,
            self.targets.len()
        );
        let done = session.client().batch_execute(&text).await;
        done.map_err(|e| StoreError::Unavailable(words(&e)))
    }
}

fn lonely(one: &Delivery) -> StoreError {
    StoreError::Invalid(format!(
        "delivery of event {} to {} comes before its target or its event, or without them: take another copy of the state",
        one.seq, one.target
    ))
}

fn refusal(error: &tokio_postgres::Error) -> StoreError {
    if meaning(error) == Meaning::Taken {
        let what = error
            .as_db_error()
            .and_then(|told| told.detail())
            .unwrap_or("a key");
        return StoreError::Invalid(format!(
            "{what} So it comes twice: everything may be there once only"
        ));
    }
    crate::error::store_error(error)
}
