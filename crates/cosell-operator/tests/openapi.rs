//! The committed OpenAPI document is what the code says.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::path::Path;

/// Set to write the document instead of comparing it.
const UPDATE: &str = "COSELL_UPDATE";

#[test]
fn the_committed_document_is_what_the_table_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    // The version of the program changes with each release and says nothing of the API.
    let document = cosell_operator::openapi::document("0.0.0");
    let text = format!("{}\n", serde_json::to_string_pretty(&document).unwrap());
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == text,
        "docs/openapi.json is not what the table of endpoints says: write it anew with `{UPDATE}=1 cargo test -p \
         cosell-operator --test openapi`, look at the difference and commit it"
    );
}
