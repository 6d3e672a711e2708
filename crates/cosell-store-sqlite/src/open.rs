//! Opening a data folder: the lock, the refusals, the connections' settings.
//!
//! A refusal leaves the folder as it was. Nothing here repairs anything.

use crate::error::OpenError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Name of the database file in a data folder.
pub const DATABASE_FILE: &str = "cosell.db";
/// Name of the lock file in a data folder.
pub const LOCK_FILE: &str = "cosell.lock";

/// How a data folder is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether this is a server, of which there may be one only per folder. Administration beside a running server
    /// opens the folder with `false`.
    pub server: bool,
    /// Read-only connections kept, at least 1; about one per thread that reads.
    pub read_connections: usize,
    /// Writes that may wait for the writer before a further one waits for room.
    pub queue: usize,
    /// How long a write waits for room in the queue, and for a write of another process, before it is refused.
    pub patience: Duration,
    /// Whether a commit waits for the disk. Only a throw-away store may do without.
    pub durable: bool,
    /// Whether a database that a copy fills may be opened, as that copy does and nobody else.
    pub filling: bool,
    /// What a server writes into the lock file besides its process id, for the message of a second one: when it
    /// started, and at which address it listens.
    pub lock_note: String,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            server: false,
            read_connections: std::thread::available_parallelism().map_or(2, |n| n.get().clamp(2, 16)),
            queue: 1024,
            patience: Duration::from_secs(5),
            durable: true,
            filling: false,
            lock_note: String::new(),
        }
    }
}

impl Options {
    /// The usual options of a server; `lock_note` is shown to a second one.
    pub fn server(lock_note: impl Into<String>) -> Self {
        Options {
            server: true,
            lock_note: lock_note.into(),
            ..Options::default()
        }
    }
}

/// Takes the server's lock on a folder; `note` is shown to a second server. It lasts as long as the file is open; the system
/// releases it at a crash. Opening a folder as a server takes it too; this is for servers that keep their data elsewhere.
///
/// # Errors
/// [`OpenError::InUse`] where another server has it, [`OpenError::File`] where the file cannot be opened.
pub fn lock(folder: &Path, note: &str) -> Result<File, OpenError> {
    let path = folder.join(LOCK_FILE);
    let failed = |error| OpenError::File {
        path: path.clone(),
        error,
    };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // The holder's own words help, but the refusal stands without them.
            let _ = file.read_to_string(&mut holder);
            let holder = if holder.trim().is_empty() {
                "unknown".to_owned()
            } else {
                holder.trim().to_owned()
            };
            return Err(OpenError::InUse {
                folder: folder.to_owned(),
                holder,
            });
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    file.set_len(0).map_err(failed)?;
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    let separator = if note.is_empty() { "" } else { ", " };
    writeln!(file, "{}{separator}{note}", std::process::id()).map_err(failed)?;
    Ok(file)
}

/// The connections of a store.
pub(crate) struct Connections {
    pub writer: Connection,
    pub checkpointer: Connection,
    pub readers: Vec<Connection>,
}

/// Opens the database of a folder, brings its schema up to date and sets every connection up.
pub(crate) fn connect(folder: &Path, options: &Options) -> Result<Connections, OpenError> {
    let path = folder.join(DATABASE_FILE);
    let mut writer = open_file(
        &path,
        options,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
    )?;
    // Who is refused must find the file as it was, so this comes before anything that writes (even the WAL switch).
    crate::migrate::verify(&writer)?;
    if !options.filling && crate::transfer::steps::is_marked(&writer)? {
        return Err(OpenError::Unfinished(folder.to_owned()));
    }
    let mode: String = writer.query_row("PRAGMA journal_mode=WAL", [], |r| r.get(0))?;
    if mode != "wal" {
        return Err(OpenError::Sqlite(format!(
            "the folder's file system cannot hold a write-ahead log (journal mode is {mode}): use a local disk"
        )));
    }
    crate::migrate::migrate(&mut writer)?;
    sync_folder(folder)?;
    writer.pragma_update(None, "cache_size", -16_384)?;
    writer.pragma_update(None, "wal_autocheckpoint", 0)?;
    let checkpointer = open_file(&path, options, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    checkpointer.pragma_update(None, "wal_autocheckpoint", 0)?;
    let mut readers = Vec::with_capacity(options.read_connections.max(1));
    for _ in 0..options.read_connections.max(1) {
        readers.push(reader(&path, options)?);
    }
    Ok(Connections {
        writer,
        checkpointer,
        readers,
    })
}

/// A read-only connection.
pub(crate) fn reader(path: &Path, options: &Options) -> Result<Connection, OpenError> {
    let connection = open_file(path, options, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // `query_only` instead of a read-only file handle: a reader of a WAL must be able to write its shared memory.
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -4_096)?;
    connection.set_prepared_statement_cache_capacity(256);
    Ok(connection)
}

fn open_file(path: &Path, options: &Options, flags: OpenFlags) -> Result<Connection, OpenError> {
    let connection =
        Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(|error| {
            match std::fs::metadata(path.parent().unwrap_or(path)) {
                Err(error) => OpenError::File {
                    path: path.to_owned(),
                    error,
                },
                Ok(_) => error.into(),
            }
        })?;
    connection.busy_timeout(options.patience)?;
    // Without this guarantee SQLite prepares a kept statement anew whenever another value is bound to a column with an
    // index, which was more than half of the cost of a read by key. No statement here needs a plan of its own per value.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.pragma_update(None, "synchronous", if options.durable { "FULL" } else { "OFF" })?;
    // Temporary structures are small here (nothing sorts in the database), so memory serves them best.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}

/// Makes the creation of files in a folder durable, where the system can do that.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), OpenError> {
    if cfg!(unix) {
        let sync = File::open(folder).and_then(|f| f.sync_all());
        sync.map_err(|error| OpenError::File {
            path: PathBuf::from(folder),
            error,
        })?;
    }
    Ok(())
}
