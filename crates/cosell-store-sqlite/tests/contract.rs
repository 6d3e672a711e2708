//! The contract's own suite, on a throw-away store.

// The helper of the tests is a test too, which the lint cannot see.
#![allow(clippy::unwrap_used)]

use cosell_store::Store;
use cosell_store::copy::CopyTarget;
use cosell_store_sqlite::{Options, SqliteStore};
use std::sync::Arc;

async fn fresh() -> Arc<dyn Store> {
    Arc::new(SqliteStore::open_ephemeral(Options::default()).unwrap())
}

async fn to_fill() -> Arc<dyn CopyTarget> {
    Arc::new(SqliteStore::open_ephemeral(Options::default()).unwrap())
}

cosell_store::store_contract_suite!(fresh);
cosell_store::store_copy_suite!(to_fill);
