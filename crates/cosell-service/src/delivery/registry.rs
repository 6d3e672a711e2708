//! What those who deliver read: every target with its secrets opened, and every rule.

use std::sync::Arc;

use async_trait::async_trait;
use cosell_events::Registered;
use cosell_store::Store;

use super::targets::Kept;
use super::{rules, targets};
use crate::identity::Sealer;

/// The targets and rules of a store, for those who deliver.
pub struct Registry {
    store: Arc<dyn Store>,
    sealer: Sealer,
}

impl Registry {
    /// Those of a store whose secrets this sealer opens.
    pub fn new(store: Arc<dyn Store>, sealer: Sealer) -> Self {
        Self { store, sealer }
    }
}

#[async_trait]
impl cosell_events::Registry for Registry {
    async fn load(&self) -> Result<Registered, String> {
        let kept = targets::all(&*self.store, &self.sealer).await;
        let rules = rules::all(&*self.store)
            .await
            .map_err(|error| error.to_string())?;
        let mut targets = Vec::new();
        for Kept { target, secrets, .. } in kept.map_err(|error| error.to_string())? {
            match secrets {
                Some(secrets) => targets.push((target, secrets)),
                None => tracing::error!(
                    target_name = target.name(),
                    "the key file does not open the secrets of a target, and nothing is sent there: give it new ones"
                ),
            }
        }
        Ok(Registered { targets, rules })
    }
}
