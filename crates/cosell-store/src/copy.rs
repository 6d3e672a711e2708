//! Copying everything from one store into another: in steps that can be cut off anywhere, taken up again, and verified.
//!
//! The target bears a mark from the first step to the end of the verification, and is opened by nobody else so long. The mark
//! says how many items are in, and what their checksum is. Whoever takes a copy up reads the source from its beginning: if the
//! items that are in have that checksum still, the copy goes on behind them; else the source is another one by now, and the
//! copy has to begin anew. At the end both stores are read side by side, so that what was written to either of them meanwhile
//! comes to light. All rules of copying are here, so stores need to know none. Nothing here may depend on a backend.

mod reader;
mod sums;
mod target;
mod verify;

pub use sums::Sum;
pub use target::CopyTarget;
pub use verify::{Difference, Outcome, Table};

use crate::contract::{Store, StoreError};
use crate::transfer::TransferError;
use bytes::Bytes;
use reader::{Limits, Next, Reader};
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::Arc;

/// Items that are copied in one change, unless a plan says otherwise: enough that a commit costs little beside them.
const STEP: usize = 5_000;
/// Bytes of documents that are enough for one change: four on their way fit into the memory of a small machine.
const STEP_BYTES: usize = 8 << 20;
/// The version of the marks written here, and the newest that is understood.
const VERSION: u32 = 1;

/// What the mark of a store says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mark {
    version: u32,
    /// The source, as it was shown to people.
    from: String,
    /// Items that are in.
    items: u64,
    /// Their checksum.
    sha256: String,
}

impl Mark {
    fn bytes(&self) -> Result<Bytes, CopyError> {
        let bytes = serde_json::to_vec(self).map_err(|error| CopyError::Thread(error.into()))?;
        Ok(bytes.into())
    }

    fn read(bytes: &Bytes) -> Result<Self, CopyError> {
        let mark: Mark = serde_json::from_slice(bytes).map_err(|_| CopyError::UnknownMark)?;
        match mark.version {
            VERSION => Ok(mark),
            _ => Err(CopyError::UnknownMark),
        }
    }
}

/// Why a copy does not go on. What is in stays in, unless another way out is named.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The source cannot be read.
    #[error("cannot read what is to be copied: {0}")]
    Source(TransferError),
    /// The target cannot be written or read.
    #[error("cannot write or read the copy: {0}")]
    Target(TransferError),
    /// The target holds something that no unfinished copy has put there.
    #[error("there is something in the target already: name one that holds nothing")]
    NotEmpty,
    /// The source is not what it was.
    #[error(
        "the first {items} items of the source are not those that were copied from {from} before: it was changed meanwhile, or \
         is another one; nobody may write to it until the copy is done; --restart erases the unfinished copy and begins anew"
    )]
    SourceChanged {
        /// Items that were copied before.
        items: u64,
        /// What they were copied from.
        from: String,
    },
    /// Somebody else fills the target.
    #[error("another copy works on the same target: wait until it has ended")]
    Overtaken,
    /// A mark of a newer version.
    #[error(
        "the target holds an unfinished copy that another version of cosell began: finish it with that version, or --restart to \
         erase it and begin anew"
    )]
    UnknownMark,
    /// A thread cannot be started, or a mark cannot be written.
    #[error("the copy cannot work: {0}")]
    Thread(io::Error),
}

impl From<StoreError> for CopyError {
    fn from(error: StoreError) -> Self {
        CopyError::Target(error.into())
    }
}

/// What a copy is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Reads what is in already, to see that the source is still the same.
    Resuming,
    /// Copies.
    Copying,
    /// Reads both stores.
    Verifying,
}

/// How far a copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// What it is at.
    pub phase: Phase,
    /// The table of the item that came last.
    pub table: &'static str,
    /// Items done in this phase.
    pub done: u64,
    /// Items there are; at least `done`.
    pub total: u64,
}

/// How a copy is to be made.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The source, as people know it; without secrets, since the target keeps it until the copy is done.
    pub from: String,
    /// Whether an unfinished copy is erased first. Nothing else is ever erased.
    pub restart: bool,
    /// Most items in one change, at least 1.
    pub step: usize,
}

impl Plan {
    /// The usual plan for a source of that name.
    pub fn new(from: impl Into<String>) -> Self {
        Plan {
            from: from.into(),
            restart: false,
            step: STEP,
        }
    }
}

/// A copy under way. To drop it is to interrupt it.
pub struct Copying {
    source: Arc<dyn Store>,
    target: Arc<dyn CopyTarget>,
    reader: Reader,
    mark: Mark,
    /// Items that were in when it was taken up.
    resumed: u64,
}

impl Copying {
    /// Begins a copy into a store that holds nothing, or takes up an unfinished one.
    ///
    /// # Errors
    /// [`CopyError`]; where something else is in the target, nothing was changed.
    pub async fn begin(
        source: Arc<dyn Store>,
        target: Arc<dyn CopyTarget>,
        plan: Plan,
    ) -> Result<Self, CopyError> {
        let found = target.mark().await?;
        let mark = match &found {
            Some(bytes) if !plan.restart => Mark::read(bytes)?,
            _ => {
                let mark = Mark {
                    version: VERSION,
                    from: plan.from,
                    items: 0,
                    sha256: String::new(),
                };
                if !target.begin_filling(mark.bytes()?, found.is_some()).await? {
                    return Err(CopyError::NotEmpty);
                }
                mark
            }
        };
        let limits = Limits {
            items: plan.step,
            bytes: STEP_BYTES,
        };
        let reader = Reader::start(Arc::clone(&source), limits, mark.items).map_err(CopyError::Thread)?;
        Ok(Copying {
            source,
            target,
            reader,
            resumed: mark.items,
            mark,
        })
    }

    /// Items that were in when it was taken up; 0 for a new copy.
    pub fn resumed(&self) -> u64 {
        self.resumed
    }

    /// Does the next step; `None` when everything is in. Blocks while the source is read.
    ///
    /// # Errors
    /// [`CopyError`]; the steps before stay.
    pub async fn step(&mut self) -> Result<Option<At>, CopyError> {
        let batch = match self.reader.next().map_err(CopyError::Source)? {
            Next::Batch(batch) => batch,
            Next::End(sums) if sums.items() < self.resumed => return Err(self.changed()),
            Next::End(_) => return Ok(None),
        };
        let at = At {
            phase: match batch.end <= self.resumed {
                true => Phase::Resuming,
                false => Phase::Copying,
            },
            table: batch.items.last().map_or("", |item| item.table()),
            done: batch.end,
            total: self.reader.total().max(batch.end),
        };
        if at.phase == Phase::Resuming {
            // The reader ends a batch exactly where the copy ended, whatever the size of its steps was.
            if batch.end == self.resumed && batch.sha256 != self.mark.sha256 {
                return Err(self.changed());
            }
            return Ok(Some(at));
        }
        let next = Mark {
            items: batch.end,
            sha256: batch.sha256,
            ..self.mark.clone()
        };
        let was = self.mark.bytes()?;
        if !self.target.fill(&was, batch.items.into(), next.bytes()?).await? {
            return Err(CopyError::Overtaken);
        }
        self.mark = next;
        Ok(Some(at))
    }

    fn changed(&self) -> CopyError {
        CopyError::SourceChanged {
            items: self.resumed,
            from: self.mark.from.clone(),
        }
    }

    /// Verifies the copy, which must be all in, and makes the target usable if it is right. Blocks while both stores are
    /// read.
    ///
    /// # Errors
    /// [`CopyError`]. A difference is none: it is told, and the target stays as it is and unusable.
    pub async fn finish(self, tell: &mut (dyn FnMut(At) + Send)) -> Result<Outcome, CopyError> {
        let Copying {
            source,
            target,
            reader,
            mark,
            ..
        } = self;
        drop(reader);
        let copy: Arc<dyn Store> = Arc::<dyn CopyTarget>::clone(&target);
        let outcome = verify::compare(source, copy, tell)?;
        if outcome.difference.is_none() && !target.end_filling(&mark.bytes()?).await? {
            return Err(CopyError::Overtaken);
        }
        Ok(outcome)
    }
}
