//! Access keys: made, listed, revoked. The secret is shown once, at its creation, and kept sealed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use cosell_model::Timestamp;
use cosell_store::{Filter, Key, Kind, MAX_PAGE, Query, Record, Sort, Store, Write};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{AdminError, Listed, Part, Sealer, Shelf, accounts, apply_to_known};
use crate::answer::encode;
use crate::audit::Author;

/// Whether a key opens anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// It does.
    Active,
    /// It does not, and never will again.
    Revoked,
}

/// What is shown of an access key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccessKey {
    /// The key's id, which requests carry in the open.
    pub access_key_id: String,
    /// The account it acts for.
    pub account_id: String,
    /// Whether it opens anything.
    pub status: Status,
    /// When it was made.
    pub created_date: Timestamp,
}

/// A new key with the only sight of its secret.
pub struct NewKey {
    /// What stays visible.
    pub key: AccessKey,
    /// The secret access key.
    pub secret: Zeroizing<String>,
}

fn record(key: &AccessKey, sealed: Bytes, version: u64) -> Result<Record, AdminError> {
    let document = encode(key)?;
    Ok(Record {
        key: Key::global(Kind::AccessKey, &key.access_key_id),
        version,
        document: document.clone(),
        summary: document,
        private: sealed,
        columns: vec![("owner", key.account_id.as_str().into())],
    })
}

/// Makes a key for an account and shows its secret, this once.
pub async fn create(
    store: &dyn Store,
    by: &Author,
    sealer: &Sealer,
    account: &str,
    now: Timestamp,
) -> Result<NewKey, AdminError> {
    accounts::expect(store, account).await?;
    let (id, secret) = draw()?;
    let (key, write) = write(sealer, account, id, &secret, now)?;
    let taken = || format!("Access key {} exists already", key.access_key_id);
    super::register(store, (by, "CreateAccessKey", now), vec![write], taken).await?;
    Ok(NewKey { key, secret })
}

/// The record of a new key.
pub(crate) fn write(
    sealer: &Sealer,
    account: &str,
    id: String,
    secret: &str,
    now: Timestamp,
) -> Result<(AccessKey, Write), AdminError> {
    let key = AccessKey {
        access_key_id: id,
        account_id: account.to_owned(),
        status: Status::Active,
        created_date: now,
    };
    let sealed = encode_private(&sealer.seal(secret, &key.access_key_id)?)?;
    let write = Write::Insert(record(&key, sealed, 1)?);
    Ok((key, write))
}

/// The private part of a key's record: the sealed secret, in JSON like every private part.
pub(crate) fn encode_private(sealed: &[u8]) -> Result<Bytes, AdminError> {
    Ok(encode(&STANDARD.encode(sealed))?)
}

/// The sealed secret of a record.
pub(crate) fn decode_private(private: &[u8]) -> Option<Vec<u8>> {
    let text: String = serde_json::from_slice(private).ok()?;
    STANDARD.decode(text).ok()
}

fn draw() -> Result<(String, Zeroizing<String>), AdminError> {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut bytes = Zeroizing::new([0_u8; 46]);
    getrandom::fill(&mut bytes[..]).map_err(|error| AdminError::Store(format!("no randomness: {error}")))?;
    let (id, secret) = bytes.split_at(16);
    let id: String = id
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .collect();
    Ok((format!("AKIA{id}"), Zeroizing::new(STANDARD.encode(secret))))
}

/// The key of that id, with its version and sealed secret.
pub(super) async fn load(store: &dyn Store, id: &str) -> Result<Option<(AccessKey, u64, Bytes)>, AdminError> {
    if id.is_empty() {
        return Ok(None);
    }
    let Some(found) = store.get(&Key::global(Kind::AccessKey, id)).await? else {
        return Ok(None);
    };
    Ok(Some((
        serde_json::from_slice(&found.document)?,
        found.version,
        found.private,
    )))
}

/// The account of a key, active or revoked; `None` for an unknown one.
pub(crate) async fn owner(store: &dyn Store, id: &str) -> Result<Option<String>, AdminError> {
    Ok(load(store, id).await?.map(|(key, ..)| key.account_id))
}

/// Refuses a sealer that does not open the secrets in the store, because it was made from another installation's key
/// file: every request would fail, and every new key would be sealed apart from the others. Looks at one active key;
/// where the first page holds none, there is nothing to compare and nothing is refused.
pub async fn expect_sealer(store: &dyn Store, sealer: &Sealer) -> Result<(), AdminError> {
    let query = Query {
        kind: Kind::AccessKey,
        account: String::new(),
        catalog: String::new(),
        filters: Vec::new(),
        sort: Sort {
            by: "id",
            descending: false,
        },
        after: None,
        limit: MAX_PAGE,
    };
    for item in store.query(&query).await?.items {
        let shown: AccessKey = serde_json::from_slice(&item.summary)?;
        let Some((key, _, private)) = load(store, &shown.access_key_id).await? else {
            continue;
        };
        if key.status == Status::Active {
            let opened = decode_private(&private).and_then(|sealed| sealer.open(&sealed, &key.access_key_id));
            return opened.map(|_| ()).ok_or_else(|| {
                AdminError::refused(
                    "The key file does not open the access keys of this database: put back the cosell.key that belongs to it",
                )
            });
        }
    }
    Ok(())
}

/// Whether a key's record can be used with this sealer: revoked ones have no secret left that would need it.
pub(crate) fn is_usable(record: &Record, sealer: &Sealer) -> bool {
    record.private.is_empty()
        || decode_private(&record.private)
            .and_then(|sealed| sealer.open(&sealed, &record.key.id))
            .is_some()
}

/// The record of every key in a store, as it stands there.
pub(crate) async fn records(store: &dyn Store) -> Result<Vec<Record>, AdminError> {
    let shelf = Shelf {
        kind: Kind::AccessKey,
        account: "",
        catalog: "",
        filters: Vec::new(),
    };
    let mut found = Vec::new();
    for shown in shelf.all::<AccessKey>(store).await? {
        if let Some((key, version, private)) = load(store, &shown.access_key_id).await? {
            found.push(record(&key, private, version)?);
        }
    }
    Ok(found)
}

/// A part of the keys of an account, by id.
pub async fn part(store: &dyn Store, account: &str, part: Part) -> Result<Listed<AccessKey>, AdminError> {
    accounts::expect(store, account).await?;
    owned(account).part(store, part).await
}

fn owned(account: &str) -> Shelf<'_> {
    Shelf {
        kind: Kind::AccessKey,
        account: "",
        catalog: "",
        filters: vec![Filter::In("owner", vec![account.into()])],
    }
}

/// The key of that id, also a revoked one.
pub async fn expect(store: &dyn Store, id: &str) -> Result<AccessKey, AdminError> {
    load(store, id)
        .await?
        .map(|(key, ..)| key)
        .ok_or_else(|| missing(id))
}

fn missing(id: &str) -> AdminError {
    AdminError::Missing(format!("There is no access key {id}: see `cosell key list`"))
}

/// Revokes a key for good and forgets its secret. Revoking twice changes nothing. A running server notices within
/// [`super::keyring::FRESH_FOR`].
pub async fn revoke(
    store: &dyn Store,
    by: &Author,
    id: &str,
    now: Timestamp,
) -> Result<AccessKey, AdminError> {
    let Some((mut key, version, _)) = load(store, id).await? else {
        return Err(missing(id));
    };
    if key.status == Status::Revoked {
        return Ok(key);
    }
    key.status = Status::Revoked;
    let replacement = Write::Replace {
        record: record(&key, Bytes::new(), version + 1)?,
        expected: version,
    };
    apply_to_known(store, (by, "RevokeAccessKey", now), replacement).await?;
    Ok(key)
}
