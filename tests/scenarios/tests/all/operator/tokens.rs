//! Tokens over HTTP: several, named, with an end, and revoked at once.

use serde_json::json;

use crate::harness::operator::refused;
use crate::harness::{Server, embedded};

#[test]
fn a_token_is_shown_once_listed_without_its_secret_and_revoked_at_once() {
    let folder = tempfile::tempdir().unwrap();
    embedded(folder.path());
    let server = Server::on(folder.path());
    let mut admin = server.operator();
    let made = admin.token("read");
    let (id, secret) = (made["id"].as_str().unwrap(), made["token"].as_str().unwrap());
    assert!(secret.starts_with(&format!("cosell_op_{id}_")));
    let mut reader = admin.with(secret);
    let seen = reader.get("/status");
    assert_eq!(
        (&seen["token"]["id"], &seen["token"]["scope"]),
        (&made["id"], &json!("read"))
    );

    let listed = admin.all("/tokens", 1);
    assert_eq!(listed.len(), 2, "this one and the data folder's");
    let one = listed.iter().find(|token| token["id"] == made["id"]).unwrap();
    assert!(one["lastUsedDate"].is_string());
    assert!(!json!(listed).to_string().contains(secret));

    // Also over the connection that is open already.
    let revoked = admin.delete(&format!("/tokens/{id}"));
    refused(&reader.send("GET", "/status", None), 401, "unauthenticated");
    assert_eq!(admin.delete(&format!("/tokens/{id}")), revoked);
    refused(
        &admin.send("DELETE", "/tokens/0000000000000000", None),
        404,
        "not-found",
    );

    for wrong in [
        json!({"name": "", "scope": "read"}),
        json!({"name": "x", "scope": "read", "expiresDate": "2020-01-01T00:00:00Z"}),
    ] {
        refused(&admin.send("POST", "/tokens", Some(&wrong)), 422, "refused");
    }
    refused(
        &admin.send("POST", "/tokens", Some(&json!({"name": "x", "scope": "root"}))),
        400,
        "invalid",
    );

    // Tokens outlive the server, and so does a revocation; the data folder's token stays the same.
    let kept = admin.token("review");
    let first = server.operator_token.clone();
    server.kill();
    let server = Server::on(folder.path());
    assert_eq!(server.operator_token, first);
    let admin = server.operator();
    let mut reviewer = admin.with(kept["token"].as_str().unwrap());
    assert_eq!(reviewer.get("/status")["token"]["scope"], "review");
    refused(
        &admin.with(secret).send("GET", "/status", None),
        401,
        "unauthenticated",
    );
    // In its database there is no secret of any token.
    for file in ["cosell.db", "cosell.db-wal"] {
        let bytes = std::fs::read(folder.path().join(file)).unwrap_or_default();
        let part = &kept["token"].as_str().unwrap().as_bytes()[27..59];
        assert!(!bytes.windows(part.len()).any(|window| window == part), "{file}");
    }
}
