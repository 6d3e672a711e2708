//! The whole state of a server: saved as a file, taken in again, reset, and filled with examples.
//!
//! What is a server's own stays out of it: the operator tokens, so that whoever may operate a server before a load still
//! can after it, and nobody else. Everything else is in the file, and after a load is what the file says.

mod bodies;
mod grow;
mod large;
mod pack;
mod starter;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Seek as _, SeekFrom, Write};
use std::sync::Arc;

use cosell_domain::Catalog;
use cosell_model::{ApiError, Timestamp};
use cosell_store::state::{StateError, StateReader, StateWriter, Summary, verify};
use cosell_store::{
    Erased, ExportItem, Kind, MAX_PAGE, ProgressFn, Query, Record, Sort, Store, StoreError, TransferError,
};
use serde::Serialize;

use super::By;
use crate::answer::read_failed;
use crate::delivery::targets;
use crate::identity::{AdminError, Sealer, accounts, keys};
use crate::service::Service;

pub use large::{Grown, LARGEST, Large};
pub use starter::{Starter, Story};

/// How often a load that others overtake is begun anew.
const ATTEMPTS: u32 = 8;
/// Bytes that are read from a file at once.
const BUFFER: usize = 256 * 1024;

/// What a load brought about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Loaded {
    /// When the state was saved, by the clock of the server that saved it.
    pub saved_date: Timestamp,
    /// Everything that the file holds, whether it was taken or not.
    pub items: u64,
    /// Records by their kind, as they are in the store now.
    pub records: BTreeMap<&'static str, u64>,
    /// The access keys that the key file of this data folder cannot open, and which it did not have itself: they were left
    /// out.
    pub keys_left_out: Vec<String>,
    /// The access keys of the file that it cannot open, and for which its own of the same id stay.
    pub keys_kept: Vec<String>,
    /// The targets of events whose secrets it cannot open: they were taken in switched off and without their secrets.
    pub targets_without_secrets: Vec<String>,
}

/// Why a state is not loaded. The store is as it was.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file is not one that can be taken in; the text says what to do.
    #[error("{0}")]
    Refused(String),
    /// The store cannot do it now; the text says why.
    #[error("{0}")]
    Unavailable(String),
    /// The store failed, or the file could not be read back.
    #[error("{0}")]
    Failed(String),
}

impl From<TransferError> for LoadError {
    fn from(error: TransferError) -> Self {
        match error {
            TransferError::OtherEnd(error) => Self::Failed(format!("the state cannot be read: {error}")),
            // The checksum was right, so whoever wrote the file meant it so.
            TransferError::Store(StoreError::Invalid(what)) => Self::Refused(format!(
                "the state cannot be taken in, because {what}: save it anew"
            )),
            TransferError::Store(StoreError::Unavailable(what)) => Self::Unavailable(format!(
                "the store cannot take the state in now, and nothing has changed: {what}"
            )),
            TransferError::Store(error) => Self::Failed(error.to_string()),
            error @ TransferError::Overtaken(_) => Self::Unavailable(format!(
                "{error}, again and again, and nothing is loaded: load the state later"
            )),
        }
    }
}

impl From<AdminError> for LoadError {
    fn from(error: AdminError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<StateError> for LoadError {
    fn from(error: StateError) -> Self {
        match error {
            StateError::Io(error) => Self::Failed(error.to_string()),
            wrong => Self::Refused(wrong.to_string()),
        }
    }
}

impl Service {
    /// Writes the whole state, as it is at one moment, to `out`. Blocks in `out` for as long as that does: call it where
    /// blocking harms nobody.
    pub async fn save_state<W: Write + Send>(
        &self,
        out: W,
        progress: ProgressFn,
    ) -> Result<Summary, TransferError> {
        let mut writer = StateWriter::new(out, self.now()).map_err(TransferError::OtherEnd)?;
        let mut keep = |item: ExportItem| match is_own(&item) {
            true => Ok(()),
            false => writer.item(&item),
        };
        self.store.export(&mut keep, progress).await?;
        let (_, summary) = writer.finish().map_err(TransferError::OtherEnd)?;
        Ok(summary)
    }

    /// Replaces everything by the state in `file`, which is looked through wholly before anything is touched, and then
    /// taken in by one change. Blocks while it reads the file: call it where blocking harms nobody.
    ///
    /// The access keys in it are sealed under the key file of the folder in which it was saved. One that `sealer` does not
    /// open could never be used, and no server would start over it: it gives way to the store's own key of the same id, or
    /// is left out.
    pub async fn load_state(
        &self,
        by: &By,
        sealer: &Sealer,
        file: &mut File,
        progress: ProgressFn,
    ) -> Result<Loaded, LoadError> {
        file.seek(SeekFrom::Start(0)).map_err(StateError::Io)?;
        let summary = verify(BufReader::with_capacity(BUFFER, &*file))?;
        let mut attempt = 0;
        let sieve = loop {
            attempt += 1;
            match self.take_in(sealer, file, Arc::clone(&progress)).await {
                // Somebody has just revoked a token or a key that would have come back.
                Ok(Err(TransferError::Overtaken(_))) if attempt < ATTEMPTS => {}
                taken => break taken??,
            }
        };
        let failed = |error: ApiError| LoadError::Failed(error.internal.unwrap_or(error.message));
        self.list_old_deals().await.map_err(failed)?;
        self.refresh_settings().await.map_err(failed)?;
        self.note_done(&by.deed("LoadState")).await;
        Ok(Loaded {
            saved_date: summary.created_at,
            items: summary.items,
            records: sieve.records,
            keys_left_out: sieve.left_out,
            keys_kept: sieve.kept,
            targets_without_secrets: sieve.stripped,
        })
    }

    /// Replaces everything by the state in `file`, which was found right. The inner error is that of the taking in itself.
    async fn take_in<'a>(
        &self,
        sealer: &'a Sealer,
        file: &mut File,
        progress: ProgressFn,
    ) -> Result<Result<Sieve<'a>, TransferError>, LoadError> {
        file.seek(SeekFrom::Start(0)).map_err(StateError::Io)?;
        let reader = StateReader::new(BufReader::with_capacity(BUFFER, &*file))?;
        // No number of the former sequences may be given any more, no request that changes something be under way, and no job.
        let alone = self.exchanging().await;
        let turn = self.jobs_turn.lock().await;
        let pause = self.ids.pause().await;
        let mut sieve = Sieve::new(self, sealer).await?;
        let own = std::mem::take(&mut sieve.tokens);
        let relying_on = own.iter().chain(sieve.keys.values());
        let relying_on: Vec<_> = relying_on
            .map(|record| (record.key.clone(), record.version))
            .collect();
        let mut source = own
            .into_iter()
            .map(|record| Ok(ExportItem::Record(record)))
            .chain(reader)
            .filter_map(|item| item.map(|item| sieve.admit(item)).transpose());
        let taken = self.store.import(&relying_on, &mut source, progress).await;
        drop(source);
        if taken.is_ok() {
            self.forget();
        }
        drop((pause, turn, alone));
        Ok(taken.map(|_| sieve))
    }

    /// Erases what an account has in a catalog; in all catalogs or of all accounts where one is left out. Accounts, users,
    /// keys, solutions, tokens, settings and the audit log stay, and no identifier is given twice.
    pub async fn reset_state(
        &self,
        by: &By,
        account: Option<&str>,
        catalog: Option<Catalog>,
    ) -> Result<Erased, ApiError> {
        if let Some(account) = account {
            accounts::expect(&*self.store, account)
                .await
                .map_err(|error| match error {
                    AdminError::Store(detail) => ApiError::internal(detail),
                    told => ApiError::not_found(told.to_string()),
                })?;
        }
        let turn = self.jobs_turn.lock().await;
        let catalog = catalog.map(Catalog::as_str);
        let erased = self.store.reset(account, catalog).await.map_err(read_failed)?;
        self.forget();
        drop(turn);
        self.note_done(&by.deed("ResetState")).await;
        Ok(erased)
    }
}

/// True for what belongs to a server and to no state.
fn is_own(item: &ExportItem) -> bool {
    matches!(item, ExportItem::Record(record) if record.key.kind == Kind::OperatorToken)
}

/// Decides about each item of a file whether it is taken.
struct Sieve<'a> {
    sealer: &'a Sealer,
    /// The store's own tokens, which stay.
    tokens: Vec<Record>,
    /// The store's own keys, by their ids.
    keys: BTreeMap<String, Record>,
    /// The tokens that are let through, since they are the store's own.
    passing: usize,
    records: BTreeMap<&'static str, u64>,
    left_out: Vec<String>,
    kept: Vec<String>,
    /// The targets that lost their secrets.
    stripped: Vec<String>,
}

impl<'a> Sieve<'a> {
    async fn new(service: &Service, sealer: &'a Sealer) -> Result<Self, LoadError> {
        let store = &*service.store;
        let tokens = tokens(store).await.map_err(AdminError::from)?;
        let keys = keys::records(store).await?;
        Ok(Self {
            sealer,
            passing: tokens.len(),
            tokens,
            keys: keys
                .into_iter()
                .map(|record| (record.key.id.clone(), record))
                .collect(),
            records: BTreeMap::new(),
            left_out: Vec::new(),
            kept: Vec::new(),
            stripped: Vec::new(),
        })
    }

    fn admit(&mut self, item: ExportItem) -> Option<ExportItem> {
        let ExportItem::Record(mut record) = item else {
            return Some(item);
        };
        match record.key.kind {
            Kind::OperatorToken if self.passing == 0 => return None,
            Kind::OperatorToken => self.passing -= 1,
            Kind::AccessKey if !keys::is_usable(&record, self.sealer) => {
                let id = record.key.id.clone();
                match self.keys.remove(&id) {
                    None => {
                        self.left_out.push(id);
                        return None;
                    }
                    Some(own) => {
                        self.kept.push(id);
                        record = own;
                    }
                }
            }
            Kind::EventTarget => {
                let (taken, stripped) = targets::usable(record, self.sealer);
                record = taken;
                self.stripped.extend(stripped.then(|| record.key.id.clone()));
            }
            _ => {}
        }
        *self.records.entry(record.key.kind.spec().table).or_default() += 1;
        Some(ExportItem::Record(record))
    }
}

/// The record of every operator token, as it stands in the store. Its kind has no columns.
async fn tokens(store: &dyn Store) -> Result<Vec<Record>, StoreError> {
    let mut query = Query {
        kind: Kind::OperatorToken,
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
    loop {
        let page = store.query(&query).await?;
        for item in page.items {
            let key = cosell_store::Key::global(Kind::OperatorToken, &item.id);
            if let Some(stored) = store.get(&key).await? {
                found.push(Record {
                    key,
                    version: stored.version,
                    document: stored.document,
                    summary: item.summary,
                    private: stored.private,
                    columns: Vec::new(),
                });
            }
        }
        match page.next {
            Some(next) => query.after = Some(next),
            None => return Ok(found),
        }
    }
}

#[cfg(test)]
mod tests;
