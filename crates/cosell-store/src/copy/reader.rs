//! Reads everything out of a store on a thread of its own, and hands it over in batches.
//!
//! A short queue lies between the two, so memory stays bounded while reading and what is done with the items go on at once.
//! Nothing here may write.

use super::sums::Sums;
use crate::contract::{Progress, Store, StoreError};
use crate::transfer::{ExportItem, TransferError};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Batches on their way.
const QUEUE: usize = 2;

/// When a batch is full.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Most items.
    pub items: usize,
    /// Bytes of documents that are enough.
    pub bytes: usize,
}

/// Items that follow each other.
pub(super) struct Batch {
    pub items: Vec<ExportItem>,
    /// How many there are from the first of all to the last of these.
    pub end: u64,
    /// The checksum of all those.
    pub sha256: String,
}

/// A store that is being read.
pub(super) struct Reader {
    // Both are `Option`s only so that the end of the one can be waited for after the other is gone.
    batches: Option<Receiver<Batch>>,
    thread: Option<JoinHandle<Result<Sums, TransferError>>>,
    total: Arc<AtomicU64>,
}

impl Reader {
    /// Begins to read. A batch ends where it is full and after the item number `cut`.
    pub(super) fn start(store: Arc<dyn Store>, limits: Limits, cut: u64) -> io::Result<Self> {
        let (sender, batches) = sync_channel(QUEUE);
        let total = Arc::new(AtomicU64::new(0));
        let known = Arc::clone(&total);
        let thread = std::thread::Builder::new()
            .name("copy-reader".into())
            .spawn(move || read(&*store, &sender, &known, limits, cut))?;
        Ok(Reader {
            batches: Some(batches),
            thread: Some(thread),
            total,
        })
    }

    /// How many items there are in all, as far as that is known.
    pub(super) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// The next batch; after the last one the sums of all. Blocks until there is one.
    pub(super) fn next(&mut self) -> Result<Next, TransferError> {
        if let Some(batch) = self.batches.as_ref().and_then(|batches| batches.recv().ok()) {
            return Ok(Next::Batch(batch));
        }
        let ended = self.thread.take().map(JoinHandle::join);
        match ended {
            Some(Ok(sums)) => Ok(Next::End(sums?)),
            _ => Err(StoreError::Unavailable("the reading of a store stopped in the middle".into()).into()),
        }
    }
}

/// What comes next.
pub(super) enum Next {
    Batch(Batch),
    End(Sums),
}

impl Drop for Reader {
    fn drop(&mut self) {
        // Without the queue the thread finds nobody to read for, and ends.
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            // Whatever it says, nobody asks any more.
            drop(thread.join());
        }
    }
}

fn read(
    store: &dyn Store,
    sender: &SyncSender<Batch>,
    known: &Arc<AtomicU64>,
    limits: Limits,
    cut: u64,
) -> Result<Sums, TransferError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(TransferError::OtherEnd)?;
    let total = Arc::clone(known);
    let progress = Arc::new(move |progress: Progress| total.store(progress.total, Ordering::Relaxed));
    let mut sums = Sums::default();
    let (mut items, mut bytes, mut end) = (Vec::new(), 0, 0);
    let mut sink = |item: ExportItem| {
        sums.add(&item)?;
        bytes += item.weight();
        end += 1;
        items.push(item);
        if items.len() < limits.items && bytes < limits.bytes && end != cut {
            return Ok(());
        }
        bytes = 0;
        send(sender, std::mem::take(&mut items), end, &sums)
    };
    runtime.block_on(store.export(&mut sink, progress))?;
    if !items.is_empty() {
        send(sender, items, end, &sums).map_err(TransferError::OtherEnd)?;
    }
    Ok(sums)
}

fn send(sender: &SyncSender<Batch>, items: Vec<ExportItem>, end: u64, sums: &Sums) -> io::Result<()> {
    let sha256 = sums.of_all();
    let batch = Batch { items, end, sha256 };
    let unwanted = |_| io::Error::other("nobody reads what was to be read");
    sender.send(batch).map_err(unwanted)
}
