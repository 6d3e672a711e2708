//! What a copy asks of the store it fills, beyond the store contract.
//!
//! A store that is being filled bears a *mark*, bytes that mean nothing to it. While it bears one, it is opened by the copy
//! alone. Every step replaces the mark in the same change, so whoever comes next knows how far the filling is. Nothing here may
//! know what the marks say.

use crate::contract::{Store, StoreError};
use crate::transfer::ExportItem;
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;

/// A store that can be filled in steps. Each step is durable before it is answered.
#[async_trait]
pub trait CopyTarget: Store {
    /// The mark; `None` where the store is not being filled.
    async fn mark(&self) -> Result<Option<Bytes>, StoreError>;

    /// Sets the first mark, in one change with what it takes: without `erase` the store must hold nothing and bear no mark,
    /// with it the store must bear one, and whatever it holds is erased. `false` if that is not so; then nothing was changed.
    async fn begin_filling(&self, mark: Bytes, erase: bool) -> Result<bool, StoreError>;

    /// Takes items in and replaces the mark `was` by `mark`, in one change. `false` if the store bears another mark or none;
    /// then nothing was changed. The items of all steps must come in the order of [`Store::export`], each once; an `Invalid`
    /// names one that cannot be taken in.
    async fn fill(&self, was: &Bytes, items: Arc<[ExportItem]>, mark: Bytes) -> Result<bool, StoreError>;

    /// Ends the filling: sets whatever follows from all items together, and takes the mark `was` away. From then on the store
    /// is one like any other. `false` if it bears another mark or none; then nothing was changed.
    async fn end_filling(&self, was: &Bytes) -> Result<bool, StoreError>;
}
