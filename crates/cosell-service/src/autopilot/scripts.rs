//! Which script plays AWS for which account in which catalog. Kept in the store and remembered here, so that a deal whose
//! account has none costs one look at memory.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use cosell_domain::Catalog;
use cosell_domain::autopilot::Script;
use cosell_model::ApiError;
use serde::{Deserialize, Serialize};

use crate::identity::accounts;
use crate::operator::{By, kept};
use crate::service::Service;

/// Stands for all accounts that have no behaviour of their own.
pub const EVERYONE: &str = "*";
/// What the names of kept behaviours begin with.
const BEGINNING: &str = "autopilot/";
/// The longest name of a script, in characters.
const LONGEST_NAME: usize = 100;

/// How AWS behaves towards an account in a catalog.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Behaviour {
    /// What the script is called: the name of one that comes with cosell, or of a file. 1 to 100 characters.
    pub name: String,
    /// The script; `None` where people play AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<Script>,
}

impl Behaviour {
    /// People play AWS.
    pub fn manual() -> Self {
        Self {
            name: "manual".to_owned(),
            script: None,
        }
    }

    /// The behaviour that comes with cosell under that name; `None` for any other name.
    pub fn shipped(name: &str) -> Option<Self> {
        if name == "manual" {
            return Some(Self::manual());
        }
        Script::shipped(name).map(|script| Self {
            name: name.to_owned(),
            script: Some(script),
        })
    }
}

/// Who plays AWS for whom.
#[derive(Debug, Clone, PartialEq)]
pub struct Player {
    /// The 12-digit account, or [`EVERYONE`].
    pub account: String,
    /// The catalog.
    pub catalog: Catalog,
    /// How.
    pub behaviour: Arc<Behaviour>,
}

/// By account and the catalog's name.
type Table = BTreeMap<(String, String), Arc<Behaviour>>;

/// What is remembered of the store.
#[derive(Default)]
pub(crate) struct Scripts {
    table: RwLock<Option<Arc<Table>>>,
    /// Held while the store and what is remembered of it are brought together.
    turn: tokio::sync::Mutex<()>,
}

impl Scripts {
    fn known(&self) -> Option<Arc<Table>> {
        self.table.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, table: Option<Arc<Table>>) {
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = table;
    }

    /// Forgets what is remembered: the store holds something else.
    pub(crate) fn forget(&self) {
        self.set(None);
    }
}

impl Service {
    async fn players_known(&self) -> Result<Arc<Table>, ApiError> {
        if let Some(table) = self.autopilot.known() {
            return Ok(table);
        }
        let _turn = self.autopilot.turn.lock().await;
        if let Some(table) = self.autopilot.known() {
            return Ok(table);
        }
        let table = Arc::new(self.read_players().await?);
        self.autopilot.set(Some(Arc::clone(&table)));
        Ok(table)
    }

    async fn read_players(&self) -> Result<Table, ApiError> {
        let kept = kept::beneath::<Behaviour>(self, BEGINNING).await?;
        let split = kept.into_iter().filter_map(|(name, behaviour)| {
            let (account, catalog) = name.split_once('/')?;
            Some(((account.to_owned(), catalog.to_owned()), Arc::new(behaviour)))
        });
        Ok(split.collect())
    }

    /// The script that plays AWS for an account: its own behaviour counts before that for everyone.
    pub(crate) async fn script_for(
        &self,
        account: &str,
        catalog: Catalog,
    ) -> Result<Option<Arc<Behaviour>>, ApiError> {
        if !self.settings.autopilot {
            return Ok(None);
        }
        let table = self.players_known().await?;
        if table.is_empty() {
            return Ok(None);
        }
        let find = |account: &str| table.get(&(account.to_owned(), catalog.as_str().to_owned()));
        let found = find(account).or_else(|| find(EVERYONE));
        Ok(found.filter(|behaviour| behaviour.script.is_some()).cloned())
    }

    /// How AWS behaves towards an account, or towards everyone: what is set for it, and what counts where nothing is.
    pub async fn player(&self, account: &str, catalog: Catalog) -> Result<Player, ApiError> {
        let table = self.players_known().await?;
        let find = |account: &str| table.get(&(account.to_owned(), catalog.as_str().to_owned()));
        let (account, behaviour) = match (find(account), find(EVERYONE)) {
            (Some(own), _) => (account, Arc::clone(own)),
            (None, Some(all)) => (EVERYONE, Arc::clone(all)),
            (None, None) => (EVERYONE, Arc::new(Behaviour::manual())),
        };
        Ok(Player {
            account: account.to_owned(),
            catalog,
            behaviour,
        })
    }

    /// Everything that is set, by account and catalog.
    pub async fn players(&self) -> Result<Vec<Player>, ApiError> {
        let table = self.players_known().await?;
        let all = table.iter().filter_map(|((account, catalog), behaviour)| {
            Some(Player {
                account: account.clone(),
                catalog: Catalog::from_name(catalog)?,
                behaviour: Arc::clone(behaviour),
            })
        });
        Ok(all.collect())
    }

    /// Sets how AWS behaves towards an account, or towards everyone who has nothing of its own. Counts for what is
    /// submitted from now on; what is planned already stays planned.
    pub async fn set_player(
        &self,
        by: &By,
        account: &str,
        catalog: Catalog,
        behaviour: Behaviour,
    ) -> Result<(), ApiError> {
        let length = behaviour.name.chars().count();
        if length == 0 || length > LONGEST_NAME || behaviour.name.contains(char::is_control) {
            let message = format!("the name of a script takes 1 to {LONGEST_NAME} characters");
            return Err(ApiError::request_validation(vec![cosell_model::Violation::new(
                "name",
                cosell_model::enums::ValidationExceptionErrorCode::InvalidValue,
                message,
            )]));
        }
        if account != EVERYONE && accounts::find(&*self.store, account).await?.is_none() {
            return Err(ApiError::not_found(format!(
                "There is no account {account}: register it first, or set the behaviour for everyone (*)"
            )));
        }
        self.keep_player(by, "SetAutopilot", account, catalog, Some(&behaviour))
            .await
    }

    /// Takes back what is set for an account, or for everyone: whether there was anything.
    pub async fn remove_player(&self, by: &By, account: &str, catalog: Catalog) -> Result<bool, ApiError> {
        let known = self.players_known().await?;
        let there = known.contains_key(&(account.to_owned(), catalog.as_str().to_owned()));
        if there {
            self.keep_player(by, "RemoveAutopilot", account, catalog, None)
                .await?;
        }
        Ok(there)
    }

    async fn keep_player(
        &self,
        by: &By,
        action: &'static str,
        account: &str,
        catalog: Catalog,
        behaviour: Option<&Behaviour>,
    ) -> Result<(), ApiError> {
        let _turn = self.autopilot.turn.lock().await;
        let name = format!("{BEGINNING}{account}/{catalog}");
        let kept = kept::write(self, &by.deed(action), &name, behaviour).await;
        // A failed write may have landed as well.
        self.autopilot.forget();
        kept
    }
}
