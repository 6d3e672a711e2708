//! Accounts, their users, keys and solutions: what an operator registers before a partner can work.
//!
//! Functions over a store, used by the command line and by the server; each write is one atomic change. They check what
//! an operator may have mistyped and say what to do. Nothing here prints, and no secret leaves except from `keys::create`.

pub mod accounts;
pub mod connections;
pub mod keyring;
pub mod keys;
pub mod offers;
pub mod partner;
pub mod seal;
pub mod solutions;
pub mod users;

pub use keyring::{Credential, Keyring};
pub use seal::Sealer;

use cosell_model::{ErrorKind, Timestamp};
use cosell_store::{
    ApplyError, Changes, Cursor, Filter, Key, Kind, MAX_PAGE, Query, Record, Sort, Store, StoreError, Write,
};
use serde::de::DeserializeOwned;

use crate::answer::unavailable;
use crate::audit::Author;

const CHANGED_MEANWHILE: &str = "Somebody else changed it at the same moment: look at it, and try again";

/// Why an administrative action does not happen.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AdminError {
    /// What was asked for cannot be; the text says what to do.
    #[error("{0}")]
    Refused(String),
    /// There is no such thing; the text says where to look.
    #[error("{0}")]
    Missing(String),
    /// A member of what was sent is not as it should be; the text says what to write instead.
    #[error("{field}: {what}")]
    Flawed {
        /// The member, with dots between its parts.
        field: String,
        /// What is wrong.
        what: String,
    },
    /// There is one already, or something else is in the way.
    #[error("{0}")]
    Taken(String),
    /// The store cannot answer now; a repetition may succeed.
    #[error("{0}")]
    Unavailable(String),
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
        match error {
            StoreError::Unavailable(_) => Self::Unavailable(error.to_string()),
            StoreError::Corrupt(_) | StoreError::Invalid(_) => Self::Store(error.to_string()),
        }
    }
}

impl From<ApplyError> for AdminError {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Conflict(_) => Self::Taken(CHANGED_MEANWHILE.to_owned()),
            ApplyError::Unavailable(_) => Self::Unavailable(error.to_string()),
            error => Self::Store(error.to_string()),
        }
    }
}

impl From<serde_json::Error> for AdminError {
    fn from(error: serde_json::Error) -> Self {
        Self::Store(format!("a stored document cannot be read: {error}"))
    }
}

impl From<cosell_model::ApiError> for AdminError {
    fn from(error: cosell_model::ApiError) -> Self {
        let unavailable = error.kind == ErrorKind::ServiceUnavailable;
        let detail = error.internal.unwrap_or(error.message);
        match unavailable {
            true => Self::Unavailable(detail),
            false => Self::Store(detail),
        }
    }
}

/// For calls of partners, who asked for nothing of the kind: whatever it is, it is the server's.
impl From<AdminError> for cosell_model::ApiError {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Unavailable(detail) => unavailable(detail),
            error => Self::internal(error.to_string()),
        }
    }
}

/// Registers new records in one change, with its entry in the audit log; `taken` says what exists already.
pub(crate) async fn register(
    store: &dyn Store,
    (by, action, now): (&Author, &'static str, Timestamp),
    writes: Vec<Write>,
    taken: impl FnOnce() -> String,
) -> Result<(), AdminError> {
    let changes = Changes {
        writes,
        ..Changes::default()
    };
    match store.apply(by.noting(action, changes, now)?).await {
        Ok(()) => Ok(()),
        Err(ApplyError::Conflict(_)) => Err(AdminError::Taken(taken())),
        Err(error) => Err(error.into()),
    }
}

/// What a registered thing becomes by a change, written with its entry in the audit log. Nothing is written where it stays as
/// it is, and somebody who writes it at the same moment is not overridden.
///
/// `record` checks the thing and makes its record of the version it gets.
async fn revise<T: DeserializeOwned + Clone + PartialEq>(
    store: &dyn Store,
    (by, action, now): (&Author, &'static str, Timestamp),
    key: &Key,
    missing: impl FnOnce() -> AdminError,
    change: impl FnOnce(&mut T),
    record: impl FnOnce(&T, u64) -> Result<Record, AdminError>,
) -> Result<T, AdminError> {
    let found = store.get(key).await?.ok_or_else(missing)?;
    let before: T = serde_json::from_slice(&found.document)?;
    let mut after = before.clone();
    change(&mut after);
    if after != before {
        let write = Write::Replace {
            record: record(&after, found.version + 1)?,
            expected: found.version,
        };
        apply_to_known(store, (by, action, now), write).await?;
    }
    Ok(after)
}

/// Removes a registered thing, with an entry in the audit log.
async fn take_away(
    store: &dyn Store,
    deed: (&Author, &'static str, Timestamp),
    key: Key,
    missing: impl FnOnce() -> AdminError,
) -> Result<(), AdminError> {
    let expected = store.get(&key).await?.ok_or_else(missing)?.version;
    apply_to_known(store, deed, Write::Delete { key, expected }).await
}

/// Writes over what was just read.
async fn apply_to_known(
    store: &dyn Store,
    (by, action, now): (&Author, &'static str, Timestamp),
    write: Write,
) -> Result<(), AdminError> {
    let changes = Changes {
        writes: vec![write],
        ..Changes::default()
    };
    Ok(store.apply(by.noting(action, changes, now)?).await?)
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Where the part before ended; `None` for the first.
    pub after: Option<Cursor>,
    /// Most items wanted, 1 to [`MAX_PAGE`].
    pub limit: usize,
}

impl Part {
    /// The first and greatest part there can be.
    const FIRST: Self = Self {
        after: None,
        limit: MAX_PAGE,
    };
}

/// Part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// The items, by id. May be fewer than wanted while there are more.
    pub items: Vec<T>,
    /// Where to continue; `None` at the end.
    pub next: Option<Cursor>,
}

/// The things of one kind that an operator registered in a scope.
#[derive(Clone)]
struct Shelf<'a> {
    kind: Kind,
    account: &'a str,
    catalog: &'a str,
    filters: Vec<Filter>,
}

impl Shelf<'_> {
    /// A part of them, by id.
    async fn part<T: DeserializeOwned>(
        &self,
        store: &dyn Store,
        part: Part,
    ) -> Result<Listed<T>, AdminError> {
        let query = Query {
            kind: self.kind,
            account: self.account.to_owned(),
            catalog: self.catalog.to_owned(),
            filters: self.filters.clone(),
            sort: Sort {
                by: "id",
                descending: false,
            },
            after: part.after,
            limit: part.limit,
        };
        let page = store.query(&query).await?;
        let items = page
            .items
            .iter()
            .map(|item| serde_json::from_slice(&item.summary));
        Ok(Listed {
            items: items.collect::<Result<_, _>>()?,
            next: page.next,
        })
    }

    /// All of them, by id.
    async fn all<T: DeserializeOwned>(&self, store: &dyn Store) -> Result<Vec<T>, AdminError> {
        let mut found = Vec::new();
        let mut part = Part::FIRST;
        loop {
            let mut listed = self.part(store, part).await?;
            found.append(&mut listed.items);
            match listed.next {
                Some(_) => {
                    part = Part {
                        after: listed.next,
                        ..Part::FIRST
                    }
                }
                None => return Ok(found),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use cosell_model::ApiError;
    use cosell_store::Conflict;

    use super::*;

    #[test]
    fn a_store_that_is_away_is_told_from_one_that_failed_and_from_a_race_that_was_lost() {
        let away = || "away".to_owned();
        for unavailable in [
            AdminError::from(StoreError::Unavailable(away())),
            AdminError::from(ApplyError::Unavailable(away())),
            AdminError::from(ApiError::new(ErrorKind::ServiceUnavailable, "Retry.")),
        ] {
            assert!(
                matches!(unavailable, AdminError::Unavailable(_)),
                "{unavailable:?}"
            );
            assert_eq!(ApiError::from(unavailable).kind, ErrorKind::ServiceUnavailable);
        }
        let damaged = AdminError::from(StoreError::Corrupt("torn".to_owned()));
        assert!(matches!(damaged, AdminError::Store(_)));
        assert_eq!(ApiError::from(damaged).kind, ErrorKind::InternalServer);
        let lost = Conflict::Exists(Key::global(Kind::AccessKey, "AKIA"));
        assert!(matches!(
            AdminError::from(ApplyError::Conflict(lost)),
            AdminError::Taken(_)
        ));
    }
}
