//! What can go wrong: at opening, in a statement, at a commit; and what each means for a repetition.
//!
//! Every message tells the reader what to do next. No message holds a password, nor a URL, which may hold one.

use cosell_store::{ApplyError, SettleError, StoreError};
use rustls::CertificateError;
use std::error::Error as _;
use tokio_postgres::error::SqlState;

/// Why a database could not be opened. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL or one of its parameters is not understood.
    #[error("the address of the database is not understood ({0}): give postgres://user@host/database")]
    Address(String),
    /// TLS cannot be set up.
    #[error("TLS to the database cannot be set up: {0}")]
    Tls(String),
    /// No server answered in time, or it refused the user.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// The database keeps texts in another encoding.
    #[error("the database has the encoding {0}: create one with ENCODING 'UTF8'")]
    Encoding(String),
    /// Its tables are those of another program.
    #[error("the schema holds the tables of another program: choose an empty database or schema")]
    Foreign,
    /// A newer cosell has written it, in a way that this one cannot work with.
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
        "it holds a copy that is not finished: repeat the `cosell store copy` that began it, or have it begin anew with --restart"
    )]
    Unfinished,
    /// Another error of the database.
    #[error("the database could not be opened: {0}")]
    Postgres(String),
    /// The primary does not tell how far its log is, without which no replica can be trusted.
    #[error(
        "read replicas cannot be used: {0}: they need PostgreSQL's own streaming replication, the store's address leading \
         to the primary, and functions such as pg_control_system that nobody has revoked"
    )]
    NoReplicas(String),
    /// A replica is a copy of something else.
    #[error(
        "the read replica {0} is no copy of the store's database: name a streaming replica of the same cluster, with the \
         same database and schema"
    )]
    ForeignReplica(String),
    /// A thread of this process could not be started.
    #[error("the store's own thread cannot be started: {0}")]
    Thread(std::io::Error),
}

/// Why a piece of work with a connection did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The answer is an error of the contract; to try again changes nothing.
    Answer(StoreError),
    Postgres(tokio_postgres::Error),
    /// Nothing was heard for too long; whatever was asked may be done or not. Another connection may do.
    Silent,
}

/// What is said of a connection without an answer.
pub(crate) const SILENT: &str = "a connection fell silent";

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Failure::Postgres(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Failure::Answer(error)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Answer(error) => error,
            Failure::Postgres(error) => store_error(&error),
            Failure::Silent => StoreError::Unavailable(SILENT.into()),
        }
    }
}

/// What an error means for who met it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The connection is gone, or leads to a server that cannot work now: another connection may do.
    Lost,
    /// Other transactions were in the way: the same again may do.
    Collision,
    /// A unique key is taken.
    Taken,
    /// What is stored cannot be read.
    Damage,
    /// Something that a repetition does not change.
    Final,
}

pub(crate) fn meaning(error: &tokio_postgres::Error) -> Meaning {
    let Some(code) = error.code() else {
        let by_system = error.source().is_some_and(|s| s.is::<std::io::Error>());
        // What cannot be read out of a row has no code either.
        let text = error.to_string();
        return match error.is_closed() || by_system || text.starts_with("timeout") {
            true => Meaning::Lost,
            false if text.starts_with("error deserializing") => Meaning::Damage,
            false => Meaning::Final,
        };
    };
    match code {
        &SqlState::T_R_SERIALIZATION_FAILURE
        | &SqlState::T_R_DEADLOCK_DETECTED
        | &SqlState::LOCK_NOT_AVAILABLE => Meaning::Collision,
        &SqlState::UNIQUE_VIOLATION => Meaning::Taken,
        &SqlState::DATA_CORRUPTED | &SqlState::INDEX_CORRUPTED => Meaning::Damage,
        // A server that became a standby, one with too many clients, and plans that a migration made stale.
        &SqlState::READ_ONLY_SQL_TRANSACTION
        | &SqlState::TOO_MANY_CONNECTIONS
        | &SqlState::FEATURE_NOT_SUPPORTED
        | &SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => Meaning::Lost,
        code if code.code().starts_with("08") => Meaning::Lost,
        // 57014 is a statement that took too long, which would take too long again.
        code if code.code().starts_with("57P") => Meaning::Lost,
        _ => Meaning::Final,
    }
}

/// The error in words, with what to do where the server's own do not tell. The library's own text says only "db error" for what
/// the server says.
pub(crate) fn words(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(told) => {
            let (said, code) = (told.message(), told.code());
            match advice(code) {
                Some(advice) => format!("{said} ({}): {advice}", code.code()),
                None => format!("{said} ({})", code.code()),
            }
        }
        None => {
            let said = match error.source() {
                Some(source) => format!("{error}: {source}"),
                None => error.to_string(),
            };
            match mistrust(error) {
                Some(advice) => format!("{said}: {advice}"),
                None => said,
            }
        }
    }
}

/// What to do where the server is there and its certificate was not accepted.
pub(crate) fn mistrust(error: &tokio_postgres::Error) -> Option<&'static str> {
    let by_system = error.source()?.downcast_ref::<std::io::Error>()?;
    let rustls::Error::InvalidCertificate(why) = by_system.get_ref()?.downcast_ref()? else {
        return None;
    };
    Some(match why {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "call the host by a name that is in its certificate; or where nobody else can be on the way to it, as on the same \
             machine, say sslmode=disable"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "give the server a certificate that is valid now, and check the clocks of both machines"
        }
        _ => {
            "name the certificate to trust with sslrootcert=, a file in PEM; or where nobody else can be on the way to the \
             server, as on the same machine, say sslmode=disable"
        }
    })
}

fn advice(code: &SqlState) -> Option<&'static str> {
    Some(match code {
        &SqlState::INSUFFICIENT_PRIVILEGE => {
            "let the user own the schema and its tables, for example by CREATE DATABASE … OWNER that user"
        }
        &SqlState::READ_ONLY_SQL_TRANSACTION => {
            "this is a standby, or all is set to be read only: name the primary, or all hosts with target_session_attrs=read-write"
        }
        &SqlState::TOO_MANY_CONNECTIONS => {
            "raise max_connections of the database server, or lower store-connections of the cosell servers, or have fewer of them"
        }
        &SqlState::INVALID_CATALOG_NAME => "create the database first, with ENCODING 'UTF8'",
        &SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            "check the user and the password in the address"
        }
        _ => return None,
    })
}

pub(crate) fn store_error(error: &tokio_postgres::Error) -> StoreError {
    match meaning(error) {
        Meaning::Damage => StoreError::Corrupt(words(error)),
        _ => StoreError::Unavailable(words(error)),
    }
}

pub(crate) fn apply_error(error: StoreError) -> ApplyError {
    match error {
        StoreError::Unavailable(text) => ApplyError::Unavailable(text),
        StoreError::Corrupt(text) => ApplyError::Corrupt(text),
        StoreError::Invalid(text) => ApplyError::Invalid(text),
    }
}

pub(crate) fn settle_error(error: StoreError) -> SettleError {
    SettleError::Store(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_operator_has_set_wrongly_is_told_with_what_to_do() {
        for (code, word) in [
            ("42501", "own the schema"),
            ("25006", "target_session_attrs"),
            ("53300", "max_connections"),
            ("3D000", "create the database"),
            ("28P01", "password"),
            ("28000", "user"),
        ] {
            let advice = advice(&SqlState::from_code(code)).unwrap_or_default();
            assert!(advice.contains(word), "{code}: {advice}");
        }
        assert_eq!(advice(&SqlState::UNIQUE_VIOLATION), None);
    }
}
