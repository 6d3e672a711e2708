//! The contract's own suite, on a throw-away server.

#![allow(clippy::unwrap_used)]

mod support;

use cosell_store::Store;
use cosell_store::copy::CopyTarget;
use cosell_store_postgres::{Options, PostgresStore};
use cosell_test_postgres::server;
use std::sync::Arc;

async fn fresh() -> Arc<dyn Store> {
    Arc::new(open().await)
}

async fn to_fill() -> Arc<dyn CopyTarget> {
    Arc::new(open().await)
}

async fn open() -> PostgresStore {
    // A store of the suite is the only one on its database.
    let options = Options {
        only_server: true,
        ..Options::default()
    };
    let name = support::database(|url| async move {
        PostgresStore::open(&url, Options::default()).await.unwrap();
    });
    let url = server().url(&name.await);
    PostgresStore::open(&url, options).await.unwrap()
}

cosell_store::store_contract_suite!(fresh);
cosell_store::store_copy_suite!(to_fill);
