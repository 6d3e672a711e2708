//! TLS to the database: whom the store trusts, and whom it does not.

#![allow(clippy::unwrap_used)]

mod support;

use cosell_store::Store;
use cosell_store::suite::{insert, key, opportunity};
use cosell_store_postgres::{OpenError, Options, PostgresStore};
use std::time::Duration;

async fn open(url: &str) -> Result<PostgresStore, OpenError> {
    let options = Options {
        connect_timeout: Duration::from_secs(5),
        ..Options::default()
    };
    PostgresStore::open(url, options).await
}

#[tokio::test]
async fn only_a_server_with_a_trusted_certificate_of_its_name_is_connected_to() {
    let server = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let stranger = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string().replace('/', "%2F")
    };
    let trusted = write("trusted.pem", server.cert.pem());
    let other = write("other.pem", stranger.cert.pem());
    let files = [
        ("server.crt", server.cert.pem()),
        ("server.key", server.signing_key.serialize_pem()),
    ];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    let database = cosell_test_postgres::start(&["ssl=on"], &files);
    let url = |host: &str, rest: &str| format!("postgres://cosell@{host}:{}/postgres?{rest}", database.port);

    for mode in ["verify-full", "require", "prefer"] {
        let store = open(&url(
            "localhost",
            &format!("sslmode={mode}&sslrootcert={trusted}"),
        ))
        .await
        .unwrap();
        let encrypted = "SELECT count(*) FROM pg_stat_ssl AS s JOIN pg_stat_activity AS a USING (pid) \
             WHERE s.ssl AND a.application_name='cosell'";
        store.get(&key("O0")).await.unwrap();
        let client = support::client(&database, "postgres").await;
        let count: i64 = client.query_one(encrypted, &[]).await.unwrap().get(0);
        assert!(count > 0, "{mode}");
        store.apply(insert(opportunity(key(mode), 1))).await.unwrap();

        // Another certificate, another name.
        for refused in [
            url("localhost", &format!("sslmode={mode}&sslrootcert={other}")),
            url("127.0.0.1", &format!("sslmode={mode}&sslrootcert={trusted}")),
        ] {
            let error = open(&refused).await.err().unwrap();
            assert!(matches!(error, OpenError::Unreachable(_)), "{mode}: {error}");
            // The server runs: what is to be done is another thing.
            let told = error.to_string();
            assert!(!told.contains("that the server runs"), "{mode}: {told}");
            let advice = match refused.contains("localhost") {
                true => ["sslrootcert=", "sslmode=disable"],
                false => ["by a name that is in its certificate", "sslmode=disable"],
            };
            assert!(advice.iter().all(|word| told.contains(word)), "{mode}: {told}");
        }
    }
    // The system does not know it either.
    assert!(open(&url("localhost", "sslmode=require")).await.is_err());
    open(&url("localhost", "sslmode=disable")).await.unwrap();
}
