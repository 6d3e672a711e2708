//! Everything out, everything in at once or in steps, and many new records at once.
//!
//! Reading runs on a thread and a connection of its own, in one read transaction; taking in runs on the writer, in one write
//! transaction. Between them and the caller's sink or source lie short queues, so memory stays bounded. Nothing here knows
//! what a file of the state looks like.

mod read;
pub(crate) mod steps;
mod write;

use crate::store::{STOPPED, SqliteStore};
use crate::writer::{Command, Reply, Task};
use cosell_store::{ExportItem, Key, Progress, ProgressFn, Record, StoreError, TransferError};
use std::io;
use tokio::sync::mpsc;

pub(crate) use write::import;

/// Most items handed over at once.
const BATCH: usize = 256;
/// Bytes of documents that make a batch full before it has [`BATCH`] items, so that large ones do not gather.
const BATCH_BYTES: usize = 1 << 20;
/// Batches on their way.
const BATCHES: usize = 4;
/// Most new records in one commit.
const BULK: usize = 5_000;
/// Bytes of documents that are enough for one commit of new records.
const BULK_BYTES: usize = 16 << 20;

/// What the writer is fed with.
pub(crate) enum Feed {
    /// The next items.
    Items(Vec<ExportItem>),
    /// That was all. Without it, nothing is kept.
    End,
}

/// An import, for the writer.
pub(crate) struct Import {
    /// The records it relies on, with their versions.
    pub(crate) relying_on: Vec<(Key, u64)>,
    /// Where its items come from.
    pub(crate) items: mpsc::Receiver<Feed>,
    /// Who waits for its end.
    pub(crate) reply: Reply<Result<u64, TransferError>>,
}

fn given_up() -> StoreError {
    StoreError::Unavailable(STOPPED.into())
}

/// Hands everything to a sink.
pub(crate) async fn export_from(
    store: &SqliteStore,
    sink: &mut (dyn FnMut(ExportItem) -> io::Result<()> + Send),
    progress: ProgressFn,
) -> Result<u64, TransferError> {
    let (folder, options) = (store.folder.clone(), store.options.clone());
    let (sender, mut batches) = mpsc::channel(BATCHES);
    let end = store.start_in_background("store-export", move || {
        read::everything(&folder, &options, &progress, &sender)
    })?;
    while let Some(batch) = batches.recv().await {
        for item in batch {
            // With the error, the receiver goes; and with it the reading thread.
            sink(item).map_err(TransferError::OtherEnd)?;
        }
    }
    let read = end.await.map_err(|_| given_up())?;
    Ok(read?)
}

/// Replaces everything by what a source gives.
pub(crate) async fn import_into(
    store: &SqliteStore,
    relying_on: &[(Key, u64)],
    source: &mut (dyn Iterator<Item = io::Result<ExportItem>> + Send),
    progress: &ProgressFn,
) -> Result<u64, TransferError> {
    let (feed, items) = mpsc::channel(BATCHES);
    let relying_on = relying_on.to_vec();
    let import = |reply| Import {
        relying_on,
        items,
        reply,
    };
    let end = store
        .enqueue(|reply| Task::Import(import(reply)))
        .await
        .map_err(StoreError::Unavailable)?;
    let fed = feed_all(source, &feed, progress).await;
    drop(feed);
    // The writer has let go of the database when it answers, also where the source failed.
    let imported = end.await.map_err(|_| given_up())?;
    fed?;
    imported
}

async fn feed_all(
    source: &mut (dyn Iterator<Item = io::Result<ExportItem>> + Send),
    feed: &mpsc::Sender<Feed>,
    progress: &ProgressFn,
) -> Result<(), TransferError> {
    let mut done = 0;
    loop {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < BATCH && bytes < BATCH_BYTES {
            let Some(item) = source.next() else { break };
            let item = item.map_err(TransferError::OtherEnd)?;
            bytes += item.weight();
            batch.push(item);
        }
        let last = batch.is_empty();
        done += batch.len() as u64;
        let next = if last { Feed::End } else { Feed::Items(batch) };
        // A writer that takes no more has failed; it says why in its answer.
        if feed.send(next).await.is_err() || last {
            return Ok(());
        }
        progress(Progress { done, total: done });
    }
}

/// Inserts many new records. While the writer writes some, the next are made.
pub(crate) async fn bulk(
    store: &SqliteStore,
    records: &mut (dyn Iterator<Item = Record> + Send),
    progress: &ProgressFn,
) -> Result<u64, StoreError> {
    let (mut done, mut pending) = (0, None);
    loop {
        let (mut chunk, mut bytes) = (Vec::new(), 0);
        while chunk.len() < BULK && bytes < BULK_BYTES {
            let Some(record) = records.next() else { break };
            record.validate().map_err(StoreError::Invalid)?;
            bytes += record.weight();
            chunk.push(record);
        }
        let count = chunk.len() as u64;
        if let Some((count, answer)) = pending.take() {
            let answer: tokio::sync::oneshot::Receiver<Result<(), StoreError>> = answer;
            answer.await.map_err(|_| given_up())??;
            done += count;
            progress(Progress { done, total: done });
        }
        if count == 0 {
            return Ok(done);
        }
        let answer = store.enqueue(|reply| Command::Bulk(chunk, reply).into()).await;
        pending = Some((count, answer.map_err(StoreError::Unavailable)?));
    }
}

/// Has the writer do a step of a filling.
pub(crate) async fn step(store: &SqliteStore, step: steps::Step) -> Result<bool, StoreError> {
    let answer = store.enqueue(|reply| Task::Step(step, reply)).await;
    answer
        .map_err(StoreError::Unavailable)?
        .await
        .map_err(|_| given_up())?
}
