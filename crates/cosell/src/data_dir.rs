//! The data folder: where the database and the key file lie, and how they come into being.
//! Never overwrites a key file: every secret in the database is sealed under it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use cosell_service::identity::Sealer;
use cosell_store_sqlite::{DATABASE_FILE, Options, SqliteStore};

const KEY_FILE: &str = "cosell.key";
/// What to do about a database that is not there.
const LOST: &str =
    "put it back from a backup, or, if this folder never held data, remove the folder and create it anew";

/// An opened data folder.
pub struct Opened {
    /// The database.
    pub store: Arc<SqliteStore>,
    /// The key under which secrets are kept.
    pub sealer: Sealer,
}

/// Who opens a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role<'a> {
    /// A server, listening on that address: only one at a time.
    Server(&'a str),
    /// A command of the command line, also beside a running server.
    Command,
}

/// Creates a data folder; refuses one that exists already.
pub fn init(dir: &Path) -> anyhow::Result<Opened> {
    if is_initialised(dir) {
        bail!("{} is a data folder already", dir.display());
    }
    create_key(dir)?;
    attach(dir, Role::Command)
}

/// True for a folder that `init` has made.
pub fn is_initialised(dir: &Path) -> bool {
    dir.join(KEY_FILE).exists() || dir.join(DATABASE_FILE).exists()
}

/// Opens an existing data folder.
pub fn open(dir: &Path, role: Role<'_>) -> anyhow::Result<Opened> {
    if !is_initialised(dir) {
        bail!(
            "{} is no data folder yet: create it with `cosell init --data {}`",
            dir.display(),
            dir.display()
        );
    }
    require_database(dir)?;
    attach(dir, role)
}

/// Refuses a folder whose database is gone: an empty one in its place would look as if nothing had ever been stored, and
/// would take with it the write-ahead log of the lost one.
fn require_database(dir: &Path) -> anyhow::Result<()> {
    let path = dir.join(DATABASE_FILE);
    if std::fs::metadata(&path).is_ok_and(|file| file.len() == 0) {
        bail!("{} is empty: {LOST}", path.display());
    }
    if !path.exists() {
        bail!("{} is missing: {LOST}", path.display());
    }
    Ok(())
}

fn attach(dir: &Path, role: Role<'_>) -> anyhow::Result<Opened> {
    let sealer = read_key(&dir.join(KEY_FILE))?;
    let options = match role {
        Role::Server(address) => Options::server(format!("listening on {address}")),
        Role::Command => Options::default(),
    };
    let store = SqliteStore::open(dir, options)
        .with_context(|| format!("cannot open the data folder {}", dir.display()))?;
    Ok(Opened {
        store: Arc::new(store),
        sealer,
    })
}

/// Opens the folder of a development server, creating it where it is absent.
pub fn open_or_create(dir: &Path, listen: &str) -> anyhow::Result<Opened> {
    if is_initialised(dir) {
        return open(dir, Role::Server(listen));
    }
    create_key(dir)?;
    attach(dir, Role::Server(listen))
}

/// A store that leaves nothing behind.
pub fn ephemeral() -> anyhow::Result<Opened> {
    let store = SqliteStore::open_ephemeral(Options::default()).context("cannot open an ephemeral store")?;
    Ok(Opened {
        store: Arc::new(store),
        sealer: Sealer::new(random_key()?),
    })
}

fn random_key() -> anyhow::Result<[u8; 32]> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| anyhow::anyhow!("the system gives no randomness: {error}"))?;
    Ok(key)
}

fn create_key(dir: &Path) -> anyhow::Result<()> {
    create_private_folder(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let path = dir.join(KEY_FILE);
    let mut file =
        private_file(&path).with_context(|| format!("cannot create the key file {}", path.display()))?;
    let hex: String = random_key()?.iter().map(|byte| format!("{byte:02x}")).collect();
    file.write_all(hex.as_bytes())?;
    file.write_all(b"\n")?;
    // The first secret is sealed under it at once: it must be on disk before.
    file.sync_all()?;
    Ok(())
}

/// A new folder that only its owner can enter: the database holds names, e-mail addresses and telephone numbers. One that
/// exists keeps the permissions it was given.
fn create_private_folder(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// A new file that only its owner can read.
pub fn private_file(path: &Path) -> std::io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn read_key(path: &PathBuf) -> anyhow::Result<Sealer> {
    let text = std::fs::read_to_string(path).with_context(|| {
        format!(
            "cannot read the key file {}: without it no secret of this folder can be opened",
            path.display()
        )
    })?;
    let text = text.trim();
    let mut key = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        bail!(
            "{} is damaged: a key file holds 64 hexadecimal digits",
            path.display()
        );
    }
    for (place, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[place * 2..place * 2 + 2], 16).with_context(|| {
            format!(
                "{} is damaged: a key file holds 64 hexadecimal digits",
                path.display()
            )
        })?;
    }
    Ok(Sealer::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_created_once_and_its_key_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        assert!(
            open(&data, Role::Command)
                .err()
                .unwrap()
                .to_string()
                .contains("cosell init")
        );
        drop(init(&data).unwrap());
        assert!(init(&data).err().unwrap().to_string().contains("already"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(data.join(KEY_FILE))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
            let mode = std::fs::metadata(&data).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
        drop(open(&data, Role::Command).unwrap());
    }

    #[test]
    fn a_lost_or_empty_database_is_refused_and_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        drop(init(&data).unwrap());
        let database = data.join(DATABASE_FILE);
        let refused = |word: &str| {
            for outcome in [
                open(&data, Role::Command),
                open(&data, Role::Server("127.0.0.1:1")),
                open_or_create(&data, "127.0.0.1:1"),
            ] {
                let error = outcome.err().unwrap().to_string();
                assert!(error.contains(word) && error.contains("backup"), "{error}");
            }
        };
        std::fs::write(&database, "").unwrap();
        refused("is empty");
        assert_eq!(std::fs::metadata(&database).unwrap().len(), 0);
        std::fs::remove_file(&database).unwrap();
        refused("is missing");
        assert!(!database.exists());
    }

    #[test]
    fn a_damaged_key_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        drop(init(&data).unwrap());
        std::fs::write(data.join(KEY_FILE), "zz").unwrap();
        assert!(
            open(&data, Role::Command)
                .err()
                .unwrap()
                .to_string()
                .contains("64 hexadecimal digits")
        );
    }
}
