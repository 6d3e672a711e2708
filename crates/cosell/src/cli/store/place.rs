//! The two ends of a copy: how they are opened so that nobody else uses them, what becomes of the key file, and what to do
//! next. Never overwrites a key file, and never shows a password.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use cosell_service::identity::{Sealer, keys};
use cosell_store::Store;
use cosell_store::copy::CopyTarget;
use cosell_store_postgres::{PostgresStore, Purpose, shown};
use cosell_store_sqlite::{Options, SqliteStore};

use super::super::StoreAt;
use crate::data_dir;

/// What is told to whoever wants a folder meanwhile.
const AT_WORK: &str = "`cosell store copy`";
/// How often, and how many times, connections are looked for that may be about to end.
const LOOK: (Duration, usize) = (Duration::from_millis(200), 10);

/// Where a store is.
#[derive(Debug, PartialEq, Eq)]
pub enum Place {
    /// A data folder with its own database.
    Folder(PathBuf),
    /// A PostgreSQL database, by its address.
    Database(String),
}

impl Place {
    /// As it was typed.
    pub fn read(text: &str) -> anyhow::Result<Self> {
        let text = text.trim();
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Place::Database(text.to_owned()));
        }
        if text.is_empty() || text.contains("://") {
            bail!("give a data folder or an address that starts with postgres://");
        }
        Ok(Place::Folder(text.into()))
    }

    /// For people.
    pub fn shown(&self) -> String {
        match self {
            Place::Folder(folder) => folder.display().to_string(),
            Place::Database(url) => shown(url),
        }
    }
}

/// Both ends.
pub struct Places {
    pub from: Place,
    pub to: Place,
}

/// Both ends, opened.
pub struct Opened {
    pub source: Arc<dyn Store>,
    pub target: Arc<dyn CopyTarget>,
}

impl Places {
    /// Opens both, and refuses what would end badly: one store as both ends, servers at work, a key that does not fit.
    pub async fn open(&self) -> anyhow::Result<Opened> {
        let is_one = match (&self.from, &self.to) {
            (Place::Folder(from), Place::Folder(to)) => from
                .canonicalize()
                .is_ok_and(|from| to.canonicalize().is_ok_and(|to| from == to)),
            (from, to) => from == to,
        };
        if is_one {
            bail!(
                "{} cannot be copied into itself: name another target",
                self.from.shown()
            );
        }
        let (source, key) = source(&self.from).await?;
        match (key, &self.to) {
            (Some(key), to) => {
                fits(&*source, &key, &self.from).await?;
                if let (Place::Folder(from), Place::Folder(to)) = (&self.from, to) {
                    data_dir::expect_same_key(from, to)?;
                }
            }
            (None, Place::Folder(to)) if data_dir::has_key(to) => {
                fits(&*source, &data_dir::key(to)?, &self.to).await?;
            }
            (None, _) => {}
        }
        let target = target(&self.to).await?;
        Ok(Opened { source, target })
    }

    /// Gives the target the key of the source, where both are folders.
    pub fn put_key(&self) -> anyhow::Result<()> {
        match (&self.from, &self.to) {
            (Place::Folder(from), Place::Folder(to)) => data_dir::share_key(from, to),
            _ => Ok(()),
        }
    }

    /// What to do when the copy is done, line by line.
    pub fn next(&self) -> anyhow::Result<Vec<String>> {
        let serve = |folder: &Path| format!("  cosell serve --data {}", folder.display());
        let lines = match (&self.from, &self.to) {
            (Place::Folder(from), Place::Database(_)) => {
                let folder = from.display();
                vec![
                    format!(
                        "The secrets in it are sealed under {folder}/cosell.key: every folder that serves it needs a copy."
                    ),
                    "Next, with COSELL_STORE set to the address of the copy:".to_owned(),
                    serve(from),
                    format!(
                        "Then move {folder}/cosell.db away: without COSELL_STORE a server would go on with what is in there."
                    ),
                ]
            }
            (Place::Database(_), Place::Database(_)) => vec![
                "The secrets in it are sealed under the same cosell.key as before: the data folders of the servers stay as they are."
                    .to_owned(),
                "Next, on every machine, with COSELL_STORE set to the address of the copy:".to_owned(),
                "  cosell serve --data <its data folder>".to_owned(),
            ],
            (_, Place::Folder(to)) => {
                let key = match data_dir::has_key(to) {
                    true => format!("{}/cosell.key opens the secrets in it.", to.display()),
                    false => format!(
                        "The secrets in it are sealed: copy the cosell.key of a folder that served {} to {}.",
                        self.from.shown(),
                        to.display()
                    ),
                };
                // A store that is set somewhere would be served in place of the folder's own.
                let elsewhere = StoreAt { store: None }.config(to)?.store().is_some();
                let serve = serve(to) + if elsewhere { " --store \"\"" } else { "" };
                vec![key, "Next:".to_owned(), serve]
            }
        };
        Ok(lines)
    }
}

async fn source(place: &Place) -> anyhow::Result<(Arc<dyn Store>, Option<Sealer>)> {
    match place {
        Place::Folder(folder) => {
            data_dir::require_database(folder)?;
            let key = data_dir::key(folder)?;
            let store = SqliteStore::open(folder, Options::server(AT_WORK));
            let store = store.with_context(|| data_dir::cannot_open(folder))?;
            Ok((Arc::new(store), Some(key)))
        }
        Place::Database(url) => Ok((Arc::new(connect(url, Purpose::CopyFrom).await?), None)),
    }
}

async fn target(place: &Place) -> anyhow::Result<Arc<dyn CopyTarget>> {
    match place {
        Place::Folder(folder) => {
            data_dir::create_private_folder(folder)
                .with_context(|| format!("cannot create {}", folder.display()))?;
            let options = Options {
                filling: true,
                ..Options::server(AT_WORK)
            };
            let store = SqliteStore::open(folder, options);
            Ok(Arc::new(store.with_context(|| data_dir::cannot_open(folder))?))
        }
        Place::Database(url) => Ok(Arc::new(connect(url, Purpose::CopyTo).await?)),
    }
}

/// Opens a database that no server uses, as far as can be told.
async fn connect(url: &str, purpose: Purpose) -> anyhow::Result<PostgresStore> {
    let options = cosell_store_postgres::Options {
        purpose,
        ..cosell_store_postgres::Options::default()
    };
    let store = PostgresStore::open(url, options).await;
    let store = store.with_context(|| format!("cannot open the database {}", shown(url)))?;
    // Who works on the primary is not seen at a standby, nor is what that has not replayed yet.
    let is_standby = store.is_standby().await;
    if is_standby.with_context(|| format!("cannot tell whether {} is a standby", shown(url)))? {
        bail!(
            "{} is a standby, which may lack what its primary has: name the primary, or all hosts with \
             target_session_attrs=read-write",
            shown(url)
        );
    }
    let (wait, times) = LOOK;
    let mut connected = 0;
    for _ in 0..times {
        connected = match store.connected().await {
            Ok(0) => return Ok(store),
            Ok(connected) => connected,
            // Not every engine keeps such a list; the verification finds what was written meanwhile.
            Err(error) => {
                let place = shown(url);
                eprintln!("cannot tell whether servers use {place} ({error}): see to it that none does");
                return Ok(store);
            }
        };
        // What has just ended may be in the list still.
        tokio::time::sleep(wait).await;
    }
    bail!(
        "servers or commands of cosell are connected to {} ({connected} connections): stop them all, and repeat this",
        shown(url)
    );
}

async fn fits(store: &dyn Store, key: &Sealer, place: &Place) -> anyhow::Result<()> {
    let fits = keys::expect_sealer(store, key).await;
    fits.with_context(|| format!("{} has another key file than what is to be copied", place.shown()))
}
