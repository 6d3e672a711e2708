//! Whether two stores hold the same: both are read side by side, item by item.
//!
//! Nothing here may write.

use super::reader::{Batch, Limits, Next, Reader};
use super::sums::{Sum, Sums};
use super::{At, CopyError, Phase};
use crate::contract::Store;
use crate::transfer::{ExportItem, TransferError};
use std::sync::Arc;

/// Batches that are compared: small, since two stores have some at once.
const LIMITS: Limits = Limits {
    items: 1_000,
    bytes: 2 << 20,
};

/// One table in both stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// What the source holds; `None` for nothing.
    pub source: Option<Sum>,
    /// What the target holds; `None` for nothing.
    pub target: Option<Sum>,
}

/// The first item in the order of an export that is not in both stores, or not the same in both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its table.
    pub table: &'static str,
    /// The item that the source has in its place, in words.
    pub source: Option<String>,
    /// The item that the target has in its place, in words.
    pub target: Option<String>,
}

/// What a comparison found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Items of the source.
    pub items: u64,
    /// Every table of which one of the two holds something, in the order of an export.
    pub tables: Vec<Table>,
    /// `None` where the two hold the same.
    pub difference: Option<Difference>,
}

/// One of the two.
struct Side {
    reader: Reader,
    batch: std::vec::IntoIter<ExportItem>,
    end: u64,
    sums: Option<Sums>,
}

impl Side {
    fn start(store: Arc<dyn Store>) -> std::io::Result<Self> {
        Ok(Side {
            reader: Reader::start(store, LIMITS, 0)?,
            batch: Vec::new().into_iter(),
            end: 0,
            sums: None,
        })
    }

    /// The next item; the last one is followed by `None`.
    fn next(&mut self) -> Result<Option<ExportItem>, TransferError> {
        while self.sums.is_none() {
            if let Some(item) = self.batch.next() {
                return Ok(Some(item));
            }
            match self.reader.next()? {
                Next::Batch(Batch { items, end, .. }) => {
                    self.batch = items.into_iter();
                    self.end = end;
                }
                Next::End(sums) => self.sums = Some(sums),
            }
        }
        Ok(None)
    }
}

/// Compares everything two stores hold. Blocks until both are read.
pub(super) fn compare(
    source: Arc<dyn Store>,
    target: Arc<dyn Store>,
    tell: &mut (dyn FnMut(At) + Send),
) -> Result<Outcome, CopyError> {
    let mut source = Side::start(source).map_err(CopyError::Thread)?;
    let mut target = Side::start(target).map_err(CopyError::Thread)?;
    let (mut difference, mut told) = (None, 0);
    loop {
        let here = source.next().map_err(CopyError::Source)?;
        let there = target.next().map_err(CopyError::Target)?;
        if let Some(item) = &here
            && source.end != told
        {
            told = source.end;
            tell(At {
                phase: Phase::Verifying,
                table: item.table(),
                done: told,
                total: source.reader.total().max(told),
            });
        }
        match (here, there) {
            (None, None) => break,
            (here, there) if difference.is_none() && here != there => {
                difference = Some(tell_apart(here, there))
            }
            // After the first difference the two run apart, and only the sums count.
            _ => {}
        }
    }
    let tables = join(source.sums.unwrap_or_default(), &target.sums.unwrap_or_default());
    Ok(Outcome {
        items: source.end,
        tables,
        difference,
    })
}

fn tell_apart(source: Option<ExportItem>, target: Option<ExportItem>) -> Difference {
    let words = |item: &ExportItem| item.to_string();
    let (table, source, target) = match (source, target) {
        (Some(here), Some(there)) if here.place() == there.place() => {
            (here.table(), Some(words(&here)), Some(words(&there)))
        }
        // The table that comes first in an export goes on in one store when it has ended in the other.
        (Some(here), Some(there)) if here.place() < there.place() => (here.table(), Some(words(&here)), None),
        (_, Some(there)) => (there.table(), None, Some(words(&there))),
        (Some(here), None) => (here.table(), Some(words(&here)), None),
        // Nobody asks what is different where both have ended.
        (None, None) => ("", None, None),
    };
    Difference {
        table,
        source,
        target,
    }
}

fn join(source: Sums, target: &Sums) -> Vec<Table> {
    let mut tables: Vec<Table> = source
        .tables()
        .map(|(name, sum)| Table {
            name,
            source: Some(sum),
            target: None,
        })
        .collect();
    for (name, sum) in target.tables() {
        match tables.iter_mut().find(|table| table.name == name) {
            Some(table) => table.target = Some(sum),
            None => tables.push(Table {
                name,
                source: None,
                target: Some(sum),
            }),
        }
    }
    tables
}
