//! Identifiers out of blocks that this node has reserved in the store, so that no two nodes ever give the same one and
//! a creation costs no extra write. Numbers left over at a stop are lost, which leaves gaps and harms nobody.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use cosell_model::ApiError;
use cosell_store::Store;

use crate::answer::read_failed;

/// The name of the sequence in the store.
pub(crate) const SEQUENCE: &str = "opportunity";
const BLOCK: u64 = 1000;
/// Real identifiers have 7 or 8 digits. With eight from the start, the order of their texts is the order of their
/// creation for the first ninety million.
const FIRST: u64 = 10_000_000;

/// The identifier of a number out of [`SEQUENCE`].
pub(crate) fn named(number: u64) -> String {
    format!("O{}", FIRST.saturating_add(number))
}

/// Gives opportunity identifiers, `O…`.
#[derive(Default)]
pub(crate) struct OpportunityIds {
    block: Mutex<Range<u64>>,
    refill: tokio::sync::Mutex<()>,
}

impl OpportunityIds {
    /// The next identifier.
    pub(crate) async fn next(&self, store: &dyn Store) -> Result<String, ApiError> {
        loop {
            if let Some(number) = self.take() {
                return Ok(named(number));
            }
            let _turn = self.refill.lock().await;
            if self
                .block
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .is_empty()
            {
                let block = store.reserve(SEQUENCE, BLOCK).await.map_err(read_failed)?;
                *self.block.lock().unwrap_or_else(PoisonError::into_inner) = block;
            }
        }
    }

    /// Forgets the numbers it has left and gives none until the turn is dropped: for as long as the store's sequences are
    /// exchanged.
    pub(crate) async fn pause(&self) -> tokio::sync::MutexGuard<'_, ()> {
        let turn = self.refill.lock().await;
        *self.block.lock().unwrap_or_else(PoisonError::into_inner) = 0..0;
        turn
    }

    fn take(&self) -> Option<u64> {
        self.block.lock().unwrap_or_else(PoisonError::into_inner).next()
    }
}
