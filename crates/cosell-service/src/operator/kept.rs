//! What operators set for the whole server and what must outlast a restart: one record of kind Setting for each thing.

use cosell_model::ApiError;
use cosell_store::{Changes, Key, Kind, MAX_PAGE, Query, Record, Sort, Write};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::answer::{encode, read_failed, stored, write_failed};
use crate::audit::Deed;
use crate::plan::all;
use crate::service::Service;

fn key(id: &str) -> Key {
    Key::global(Kind::Setting, id)
}

/// What is kept under that name, if anything is.
pub(crate) async fn read<T: DeserializeOwned>(service: &Service, id: &str) -> Result<Option<T>, ApiError> {
    let found = service.store.get(&key(id)).await.map_err(read_failed)?;
    found
        .map(|found| stored(&found.document, "a setting of the server"))
        .transpose()
}

/// Keeps something under that name, or nothing any more where it is `None`. The last one to write wins.
pub(crate) async fn write<T: Serialize>(
    service: &Service,
    deed: &Deed,
    id: &str,
    value: Option<&T>,
) -> Result<(), ApiError> {
    let found = service.store.get(&key(id)).await.map_err(read_failed)?;
    let expected = found.map(|found| found.version);
    let write = match (value, expected) {
        (None, None) => return Ok(()),
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
    service.apply(deed, changes).await.map_err(write_failed)
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
