//! What operators set for the whole server and what must outlast a restart: one record of kind Setting for each thing.

use cosell_model::ApiError;
use cosell_store::{ApplyError, Changes, Key, Kind, MAX_PAGE, Query, Record, Sort, Write};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::answer::{encode, read_failed, stored, write_failed};
use crate::audit::Deed;
use crate::plan::all;
use crate::service::Service;

/// How often a write that others overtake is tried.
const ATTEMPTS: usize = 8;

fn key(id: &str) -> Key {
    Key::global(Kind::Setting, id)
}

/// What is kept under that name, if anything is.
pub(crate) async fn read<T: DeserializeOwned>(service: &Service, id: &str) -> Result<Option<T>, ApiError> {
    Ok(find(service, id).await?.map(|(kept, _)| kept))
}

/// What is kept under that name, with the version of its record.
pub(crate) async fn find<T: DeserializeOwned>(
    service: &Service,
    id: &str,
) -> Result<Option<(T, u64)>, ApiError> {
    let found = service.store.get(&key(id)).await.map_err(read_failed)?;
    found
        .map(|found| Ok((stored(&found.document, "a setting of the server")?, found.version)))
        .transpose()
}

/// Keeps something under that name, or nothing any more where it is `None`. The last one to write wins.
pub(crate) async fn write<T: Serialize>(
    service: &Service,
    deed: &Deed,
    id: &str,
    value: Option<&T>,
) -> Result<(), ApiError> {
    for _ in 0..ATTEMPTS {
        let found = service.store.get(&key(id)).await.map_err(read_failed)?;
        if write_over(service, deed, id, value, found.map(|found| found.version)).await? {
            return Ok(());
        }
    }
    Err(ApiError::conflict(
        "What is to be set is changed all the time by others: repeat the request",
    ))
}

/// Keeps something under that name in the place of the version that was read (`None` for nothing); false where there is
/// another by now.
pub(crate) async fn write_over<T: Serialize>(
    service: &Service,
    deed: &Deed,
    id: &str,
    value: Option<&T>,
    expected: Option<u64>,
) -> Result<bool, ApiError> {
    let write = match (value, expected) {
        (None, None) => return Ok(true),
        (None, Some(expected)) => Write::Delete {
            key: key(id),
            expected,
        },
        (Some(value), _) => {
            let document = encode(value)?;
            let record = Record {
                key: key(id),
                version: expected.map_or(1, |version| version + 1),
                document: document.clone(),
                summary: document,
                private: bytes::Bytes::new(),
                columns: Vec::new(),
            };
            match expected {
                Some(expected) => Write::Replace { record, expected },
                None => Write::Insert(record),
            }
        }
    };
    let changes = Changes {
        writes: vec![write],
        ..Changes::default()
    };
    match service.apply(deed, changes).await {
        Ok(()) => Ok(true),
        Err(ApplyError::Conflict(_)) => Ok(false),
        Err(error) => Err(write_failed(error)),
    }
}

/// Everything that is kept under names with that beginning: what follows the beginning, and the thing.
pub(crate) async fn beneath<T: DeserializeOwned>(
    service: &Service,
    beginning: &str,
) -> Result<Vec<(String, T)>, ApiError> {
    let query = Query {
        kind: Kind::Setting,
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
    let mut found = Vec::new();
    for row in all(service, query).await? {
        if let Some(rest) = row.id.strip_prefix(beginning) {
            found.push((rest.to_owned(), stored(&row.summary, "a setting of the server")?));
        }
    }
    Ok(found)
}
