//! What can go wrong when a database is opened, and how SQLite's errors become the contract's.
//!
//! Every message tells the reader what to do next.

use cosell_store::{ApplyError, StoreError};
use rusqlite::ErrorCode;
use std::path::PathBuf;

/// Why a data folder could not be opened. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process works on the folder.
    #[error(
        "the data folder {folder} is in use by another process ({holder}): end that one, or choose another folder"
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// What the other one wrote into its lock file: its process id and when it started.
        holder: String,
    },
    /// The file is not a SQLite database, or its pages are damaged.
    #[error(
        "the database is damaged ({0}): keep the file as it is, and restore the latest backup into a new folder"
    )]
    Damaged(String),
    /// The file is a SQLite database of another program.
    #[error("the file is a database of another program: choose another folder")]
    Foreign,
    /// A newer cosell has written it.
    #[error(
        "the database has schema {found}, and this version of cosell knows schemas up to {known}: use a newer cosell"
    )]
    Newer {
        /// Its schema.
        found: i64,
        /// The newest schema known here.
        known: i64,
    },
    /// A migration was recorded that is not the one this version knows by that number.
    #[error(
        "schema step {number} ({name}) of the database is not the one this version of cosell would have run: use the \
         version that wrote the database, or restore a backup"
    )]
    Tampered {
        /// Number of the migration.
        number: i64,
        /// Its recorded name.
        name: String,
    },
    /// A copy fills the database and has not ended.
    #[error(
        "{0} holds a copy that is not finished: repeat the `cosell store copy` that began it, or have it begin anew with --restart"
    )]
    Unfinished(PathBuf),
    /// A file could not be read, written or created.
    #[error("{path}: {error}: check that the folder exists, is writable and has free space")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// Another error of SQLite.
    #[error("the database could not be opened: {0}")]
    Sqlite(String),
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        if is_damage(&error) {
            OpenError::Damaged(error.to_string())
        } else {
            OpenError::Sqlite(error.to_string())
        }
    }
}

/// Whether SQLite says that the data is damaged (and not only out of reach now).
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(e, _) => {
            matches!(e.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        }
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::Utf8Error(..) => true,
        _ => false,
    }
}

pub(crate) fn read_error(error: &rusqlite::Error) -> StoreError {
    if is_damage(error) {
        StoreError::Corrupt(error.to_string())
    } else {
        StoreError::Unavailable(error.to_string())
    }
}

/// Whether a value that must be unique is there already. Of what a change writes, only the id of an event is not looked up
/// before: a taken one is a fault of the caller and so rare that a look at each would be wasted.
pub(crate) fn is_taken(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
}

pub(crate) fn write_error(error: &rusqlite::Error) -> ApplyError {
    if is_taken(error) {
        ApplyError::Invalid(format!("the id of an event is taken: {error}"))
    } else if is_damage(error) {
        ApplyError::Corrupt(error.to_string())
    } else {
        ApplyError::Unavailable(error.to_string())
    }
}
