//! Accounts, their users, keys and solutions: what an operator registers before a partner can work.
//!
//! Functions over a store, used by the command line and by the server; each write is one atomic change. They check what
//! an operator may have mistyped and say what to do. Nothing here prints, and no secret leaves except from `keys::create`.

pub mod accounts;
pub mod keyring;
pub mod keys;
pub mod partner;
pub mod seal;
pub mod solutions;
pub mod users;

pub use keyring::{Credential, Keyring};
pub use seal::Sealer;

use cosell_store::{ApplyError, Changes, Filter, Kind, MAX_PAGE, Query, Sort, Store, StoreError, Write};
use serde::de::DeserializeOwned;

/// Why an administrative action does not happen.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AdminError {
    /// What was asked for cannot be; the text says what to do.
    #[error("{0}")]
    Refused(String),
    /// The store failed.
    #[error("{0}")]
    Store(String),
}

impl AdminError {
    fn refused(message: impl Into<String>) -> Self {
        Self::Refused(message.into())
    }
}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.to_string())
    }
}

impl From<ApplyError> for AdminError {
    fn from(error: ApplyError) -> Self {
        Self::Store(error.to_string())
    }
}

impl From<serde_json::Error> for AdminError {
    fn from(error: serde_json::Error) -> Self {
        Self::Store(format!("a stored document cannot be read: {error}"))
    }
}

impl From<cosell_model::ApiError> for AdminError {
    fn from(error: cosell_model::ApiError) -> Self {
        Self::Store(error.internal.unwrap_or(error.message))
    }
}

/// Registers new records in one change; `taken` says what exists already.
async fn register(
    store: &dyn Store,
    writes: Vec<Write>,
    taken: impl FnOnce() -> String,
) -> Result<(), AdminError> {
    match store
        .apply(Changes {
            writes,
            ..Changes::default()
        })
        .await
    {
        Ok(()) => Ok(()),
        Err(ApplyError::Conflict(_)) => Err(AdminError::Refused(taken())),
        Err(error) => Err(error.into()),
    }
}

/// Everything of one kind that an operator registered in a scope, by id.
async fn list<T: DeserializeOwned>(
    store: &dyn Store,
    kind: Kind,
    account: &str,
    catalog: &str,
    filters: Vec<Filter>,
) -> Result<Vec<T>, AdminError> {
    let mut query = Query {
        kind,
        account: account.to_owned(),
        catalog: catalog.to_owned(),
        filters,
        sort: Sort {
            by: "id",
            descending: false,
        },
        after: None,
        limit: MAX_PAGE,
    };
    let mut found = Vec::new();
    loop {
        let page = store.query(&query).await?;
        for item in &page.items {
            found.push(serde_json::from_slice(&item.summary)?);
        }
        match page.next {
            Some(next) => query.after = Some(next),
            None => return Ok(found),
        }
    }
}
