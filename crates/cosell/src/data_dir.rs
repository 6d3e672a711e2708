//! The data folder: where the key file lies, and the database unless that is in PostgreSQL; how they come into being.
//! Never overwrites a key file: every secret in the database is sealed under it.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use cosell_service::identity::{AdminError, Sealer, keys};
use cosell_store::Store;
use cosell_store_postgres::PostgresStore;
use cosell_store_sqlite::{DATABASE_FILE, LOCK_FILE, Options, SqliteStore};
use zeroize::Zeroizing;

const KEY_FILE: &str = "cosell.key";
/// What to do about a database that is not there.
const LOST: &str =
    "put it back from a backup, or, if this folder never held data, remove the folder and create it anew";

/// An opened data folder.
pub struct Opened {
    /// What is kept, in the folder or in a database elsewhere.
    pub store: Arc<dyn Store>,
    /// The key under which secrets are kept.
    pub sealer: Sealer,
    /// Keeps other servers off the folder where the store does not do so itself.
    pub lock: Option<File>,
}

/// What a server is on the folder for.
#[derive(Clone, Copy)]
pub struct Serving<'a> {
    /// Where it listens.
    pub listen: &'a str,
    /// The address of replicas of the database elsewhere, from which it reads lists. May hold a password.
    pub replicas: Option<&'a str>,
    /// How many connections to the database elsewhere, and to each replica, its requests share. `None` is the store's default.
    pub connections: Option<usize>,
}

/// Who opens a folder.
#[derive(Clone, Copy)]
pub enum Role<'a> {
    /// A server: only one at a time on a folder.
    Server(Serving<'a>),
    /// A development server, likewise; a database elsewhere is its own too.
    DevServer(Serving<'a>),
    /// A command of the command line, also beside a running server.
    Command,
}

impl<'a> Role<'a> {
    fn serving(self) -> Option<Serving<'a>> {
        match self {
            Role::Server(serving) | Role::DevServer(serving) => Some(serving),
            Role::Command => None,
        }
    }
}

/// Creates a data folder; refuses one that exists already. `database` is the address of a PostgreSQL database that keeps
/// everything but the key file.
pub async fn init(dir: &Path, database: Option<&str>) -> anyhow::Result<Opened> {
    if is_initialised(dir)? {
        bail!("{} is a data folder already", dir.display());
    }
    create(dir, database, Role::Command).await
}

/// True for a folder that `init` has made.
fn is_initialised(dir: &Path) -> anyhow::Result<bool> {
    for name in [KEY_FILE, DATABASE_FILE] {
        let path = dir.join(name);
        let there = path.try_exists().with_context(|| {
            format!(
                "cannot look for {}: run this as the user whose folder it is",
                path.display()
            )
        });
        if there? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Opens an existing data folder.
pub async fn open(dir: &Path, database: Option<&str>, role: Role<'_>) -> anyhow::Result<Opened> {
    if !is_initialised(dir)? {
        bail!(
            "{} is no data folder yet: create it with `cosell init --data {}`",
            dir.display(),
            dir.display()
        );
    }
    if database.is_none()
        && let Err(lost) = require_database(dir)
    {
        // Where a server has the folder, that one knows where everything is.
        if let Some(note) = note(role)
            && dir.join(LOCK_FILE).exists()
        {
            cosell_store_sqlite::lock(dir, &note).with_context(|| cannot_open(dir))?;
        }
        return Err(lost);
    }
    attach(dir, database, role).await
}

/// Refuses a folder whose database is gone: an empty one in its place would look as if nothing had ever been stored, and
/// would take with it the write-ahead log of the lost one.
pub fn require_database(dir: &Path) -> anyhow::Result<()> {
    let path = dir.join(DATABASE_FILE);
    if std::fs::metadata(&path).is_ok_and(|file| file.len() == 0) {
        bail!("{} is empty: {LOST}", path.display());
    }
    if !path.exists() {
        bail!(
            "{} is missing: {LOST}; if everything is in PostgreSQL, name the database with --store or COSELL_STORE",
            path.display()
        );
    }
    Ok(())
}

async fn attach(dir: &Path, database: Option<&str>, role: Role<'_>) -> anyhow::Result<Opened> {
    let sealer = key(dir)?;
    let (store, lock) = match database {
        Some(url) => {
            let lock = match note(role) {
                Some(note) => Some(cosell_store_sqlite::lock(dir, &note).with_context(|| cannot_open(dir))?),
                None => None,
            };
            (connect(url, role).await?, lock)
        }
        None => (embedded(dir, role)?, None),
    };
    Ok(Opened { store, sealer, lock })
}

/// What could not be done, for messages.
pub fn cannot_open(dir: &Path) -> String {
    format!("cannot open the data folder {}", dir.display())
}

/// What a server says of itself to a second one.
fn note(role: Role<'_>) -> Option<String> {
    let serving = role.serving()?;
    Some(format!("listening on {}", serving.listen))
}

fn embedded(dir: &Path, role: Role<'_>) -> anyhow::Result<Arc<dyn Store>> {
    let options = note(role).map_or_else(Options::default, Options::server);
    let store = SqliteStore::open(dir, options).with_context(|| cannot_open(dir))?;
    Ok(Arc::new(store))
}

async fn connect(url: &str, role: Role<'_>) -> anyhow::Result<Arc<dyn Store>> {
    let default = cosell_store_postgres::Options::default();
    let connections = role.serving().and_then(|serving| serving.connections);
    let options = cosell_store_postgres::Options {
        connections: connections.unwrap_or(default.connections),
        // Others may serve the same database, unless its accounts are only for development.
        only_server: matches!(role, Role::DevServer(_)),
        ..default
    };
    let store = PostgresStore::open(url, options).await;
    let mut store =
        store.with_context(|| format!("cannot open the database {}", cosell_store_postgres::shown(url)))?;
    if let Some(replicas) = role.serving().and_then(|serving| serving.replicas) {
        let shown = || cosell_store_postgres::shown(replicas);
        store = store
            .with_read_store(replicas)
            .await
            .with_context(|| format!("cannot use the read store {}", shown()))?;
    }
    Ok(Arc::new(store))
}

/// Opens the folder of a development server, creating it where it is absent.
pub async fn open_or_create(
    dir: &Path,
    database: Option<&str>,
    serving: Serving<'_>,
) -> anyhow::Result<Opened> {
    let role = Role::DevServer(serving);
    match is_initialised(dir)? {
        true => open(dir, database, role).await,
        false => create(dir, database, role).await,
    }
}

async fn create(dir: &Path, database: Option<&str>, role: Role<'_>) -> anyhow::Result<Opened> {
    let key = random_key()?;
    if let Some(url) = database {
        // A database may be in use already, under the key of another folder: then a new key would be worth nothing.
        let store = connect(url, Role::Command).await?;
        let fits = keys::expect_sealer(&*store, &Sealer::new(key)).await;
        store.close().await;
        match fits {
            Ok(()) => {}
            Err(AdminError::Refused(_)) => bail!(
                "{} was made with another key: copy the cosell.key of its first data folder to {}",
                cosell_store_postgres::shown(url),
                dir.display()
            ),
            Err(error) => return Err(error.into()),
        }
    }
    create_key(dir, &key)?;
    attach(dir, database, role).await
}

/// A store that leaves nothing behind.
pub fn ephemeral() -> anyhow::Result<Opened> {
    let store = SqliteStore::open_ephemeral(Options::default()).context("cannot open an ephemeral store")?;
    Ok(Opened {
        store: Arc::new(store),
        sealer: Sealer::new(random_key()?),
        lock: None,
    })
}

fn random_key() -> anyhow::Result<[u8; 32]> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| anyhow::anyhow!("the system gives no randomness: {error}"))?;
    Ok(key)
}

fn create_key(dir: &Path, key: &[u8; 32]) -> anyhow::Result<()> {
    create_private_folder(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let path = dir.join(KEY_FILE);
    let mut file =
        private_file(&path).with_context(|| format!("cannot create the key file {}", path.display()))?;
    file.write_all(text_of(key).as_bytes())?;
    // The first secret is sealed under it at once: it must be on disk before.
    file.sync_all()?;
    Ok(())
}

/// A new folder that only its owner can enter: the database holds names, e-mail addresses and telephone numbers. One that
/// exists keeps the permissions it was given.
pub fn create_private_folder(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// A new file that only its owner can read.
pub fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// True for a folder that has a key file.
pub fn has_key(dir: &Path) -> bool {
    dir.join(KEY_FILE).exists()
}

/// The key of a folder.
pub fn key(dir: &Path) -> anyhow::Result<Sealer> {
    Ok(Sealer::new(*read_key(&dir.join(KEY_FILE))?))
}

/// Refuses a folder that has another key than the one `from`.
pub fn expect_same_key(from: &Path, dir: &Path) -> anyhow::Result<()> {
    let path = dir.join(KEY_FILE);
    if path.exists() && *read_key(&path)? != *read_key(&from.join(KEY_FILE))? {
        bail!(
            "{} is another key than {}: if nothing was ever kept in {}, remove that file and repeat this",
            path.display(),
            from.join(KEY_FILE).display(),
            dir.display()
        );
    }
    Ok(())
}

/// Gives a folder that has no key file a copy of the one `from`.
pub fn share_key(from: &Path, dir: &Path) -> anyhow::Result<()> {
    if has_key(dir) {
        return expect_same_key(from, dir);
    }
    let key = read_key(&from.join(KEY_FILE))?;
    // Under another name until it is whole: half a key file could not be told from a damaged one.
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(text_of(&key).as_bytes())?;
    file.as_file().sync_all()?;
    let path = dir.join(KEY_FILE);
    file.persist_noclobber(&path)
        .with_context(|| format!("cannot create the key file {}", path.display()))?;
    Ok(())
}

/// What a key file holds.
fn text_of(key: &[u8; 32]) -> Zeroizing<String> {
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    Zeroizing::new(hex + "\n")
}

fn read_key(path: &Path) -> anyhow::Result<Zeroizing<[u8; 32]>> {
    let text = std::fs::read_to_string(path).with_context(|| {
        format!(
            "cannot read the key file {}: without it no secret of this folder can be opened",
            path.display()
        )
    })?;
    let text = Zeroizing::new(text);
    let text = text.trim();
    let damaged = || {
        format!(
            "{} is damaged: a key file holds 64 hexadecimal digits",
            path.display()
        )
    };
    let mut key = Zeroizing::new([0; 32]);
    if text.len() != 64 || !text.is_ascii() {
        bail!(damaged());
    }
    for (place, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[place * 2..place * 2 + 2], 16).with_context(damaged)?;
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_is_created_once_and_its_key_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        assert!(
            open(&data, None, Role::Command)
                .await
                .err()
                .unwrap()
                .to_string()
                .contains("cosell init")
        );
        drop(init(&data, None).await.unwrap());
        assert!(
            init(&data, None)
                .await
                .err()
                .unwrap()
                .to_string()
                .contains("already")
        );
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
        drop(open(&data, None, Role::Command).await.unwrap());
    }

    #[tokio::test]
    async fn a_lost_or_empty_database_is_refused_and_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        drop(init(&data, None).await.unwrap());
        let database = data.join(DATABASE_FILE);
        let serving = Serving {
            listen: "127.0.0.1:1",
            replicas: None,
            connections: None,
        };
        let refused = async |word: &str| {
            for outcome in [
                open(&data, None, Role::Command).await,
                open(&data, None, Role::Server(serving)).await,
                open_or_create(&data, None, serving).await,
            ] {
                let error = outcome.err().unwrap().to_string();
                assert!(error.contains(word) && error.contains("backup"), "{error}");
            }
        };
        std::fs::write(&database, "").unwrap();
        refused("is empty").await;
        assert_eq!(std::fs::metadata(&database).unwrap().len(), 0);
        std::fs::remove_file(&database).unwrap();
        refused("is missing").await;
        assert!(!database.exists());
    }

    #[tokio::test]
    async fn a_damaged_key_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        drop(init(&data, None).await.unwrap());
        std::fs::write(data.join(KEY_FILE), "zz").unwrap();
        assert!(
            open(&data, None, Role::Command)
                .await
                .err()
                .unwrap()
                .to_string()
                .contains("64 hexadecimal digits")
        );
    }
}
