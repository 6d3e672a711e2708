//! What targets and rules share: their names, their records' keys, and how a flaw in what people wrote is told.

use bytes::Bytes;
use cosell_store::{Key, Kind, Record};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What is wrong with a target or a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {what}")]
pub struct Flaw {
    /// The member with the flaw, as it stands in JSON.
    pub field: String,
    /// What is wrong, and what to write instead.
    pub what: String,
}

impl Flaw {
    pub(crate) fn new(field: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            what: what.into(),
        }
    }
}

/// The name of a target: `<account>/<id>`, or `/<id>` for one of the operator.
pub fn target_name(account: &str, id: &str) -> String {
    format!("{account}/{id}")
}

pub(crate) fn key_of(kind: Kind, account: &str, id: &str) -> Key {
    Key::global(kind, target_name(account, id))
}

/// An account: twelve digits, or none for the operator.
pub(crate) fn check_account(field: &str, account: &str) -> Result<(), Flaw> {
    let good = account.is_empty() || account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    if good {
        return Ok(());
    }
    Err(Flaw::new(
        field,
        format!("\"{account}\" is no account of 12 digits"),
    ))
}

/// A name within an account.
pub(crate) fn check_name(field: &str, name: &str) -> Result<(), Flaw> {
    let good = (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    if good {
        return Ok(());
    }
    Err(Flaw::new(
        field,
        "a name takes 1 to 64 letters, digits, dots, hyphens and underscores",
    ))
}

/// Reads a document and says which member does not fit.
pub(crate) fn parse<T: DeserializeOwned>(doc: &[u8]) -> Result<T, Flaw> {
    let mut reader = serde_json::Deserializer::from_slice(doc);
    serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| Flaw::new(error.path().to_string(), error.inner().to_string()))
}

/// The JSON of what always can be written as JSON: maps have text keys, and no number is infinite once checked.
fn json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).unwrap_or_default().into()
}

/// A record of either kind.
pub(crate) fn record_of(
    key: Key,
    account: &str,
    version: u64,
    document: &impl Serialize,
    summary: &impl Serialize,
    private: Bytes,
) -> Record {
    Record {
        key,
        version,
        document: json(document),
        summary: json(summary),
        private,
        columns: vec![("account", account.into())],
    }
}
