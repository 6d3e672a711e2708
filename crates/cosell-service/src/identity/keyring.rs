//! Access keys as requests need them: found by id, opened, and kept for a second.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cosell_store::Store;
use quick_cache::sync::Cache;
use zeroize::Zeroizing;

use super::keys::{self, Status};
use super::{AdminError, Sealer};

/// How long an opened key is used without looking at the store again. A revocation by another process takes effect
/// within this time. Real time, not the [`crate::Clock`]'s: a frozen clock must not keep a revoked key alive.
pub const FRESH_FOR: Duration = Duration::from_secs(1);

const CAPACITY: usize = 10_000;

/// An active access key with its secret.
pub struct Credential {
    /// The key's id.
    pub access_key_id: String,
    /// The account it acts for.
    pub account: String,
    /// The secret that signatures are checked with.
    pub secret: Zeroizing<String>,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

/// Finds active keys.
pub struct Keyring {
    store: Arc<dyn Store>,
    sealer: Sealer,
    cache: Cache<String, (Instant, Arc<Credential>)>,
}

impl Keyring {
    /// A keyring over a store.
    pub fn new(store: Arc<dyn Store>, sealer: Sealer) -> Self {
        Self {
            store,
            sealer,
            cache: Cache::new(CAPACITY),
        }
    }

    /// Forgets every key, so that the next request of each looks at the store.
    pub fn forget(&self) {
        self.cache.clear();
    }

    /// The active key of that id; `None` for an unknown or revoked one.
    pub async fn find(&self, access_key_id: &str) -> Result<Option<Arc<Credential>>, AdminError> {
        if let Some((since, credential)) = self.cache.get(access_key_id)
            && since.elapsed() < FRESH_FOR
        {
            return Ok(Some(credential));
        }
        // The time counts from the question on: what the store answers late may have been revoked meanwhile.
        let asked = Instant::now();
        // A key id comes from an unauthenticated request: bound it before it becomes a look-up.
        if access_key_id.len() > 128 {
            return Ok(None);
        }
        let Some((key, _, private)) = keys::load(&*self.store, access_key_id).await? else {
            self.cache.remove(access_key_id);
            return Ok(None);
        };
        if key.status != Status::Active {
            self.cache.remove(access_key_id);
            return Ok(None);
        }
        let secret = keys::decode_private(&private)
            .and_then(|sealed| self.sealer.open(&sealed, access_key_id))
            .ok_or_else(|| {
                AdminError::Store(format!(
                    "the secret of access key {access_key_id} cannot be opened: is the key file that of this data folder?"
                ))
            })?;
        let credential = Arc::new(Credential {
            access_key_id: key.access_key_id,
            account: key.account_id,
            secret,
        });
        self.cache
            .insert(access_key_id.to_owned(), (asked, Arc::clone(&credential)));
        Ok(Some(credential))
    }
}
