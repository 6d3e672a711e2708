//! What the tests of this crate need besides a server: databases with the schema in them, and connections of their own.

#![allow(clippy::unwrap_used, dead_code)]

use cosell_test_postgres::{Server, server};
use tokio_postgres::NoTls;

/// A connection for tests that look for themselves.
pub async fn client(server: &Server, database: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(&server.url(database), NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
}

/// The name of a database whose schema is there already; made by `migrate` once for all.
pub async fn database<F: Future<Output = ()>>(migrate: impl FnOnce(String) -> F) -> String {
    static TEMPLATE: tokio::sync::OnceCell<String> = tokio::sync::OnceCell::const_new();
    let template = TEMPLATE.get_or_init(|| async {
        let name = server().empty_database();
        migrate(server().url(&name)).await;
        name
    });
    server().database(template.await)
}
