//! Partner accounts.

use cosell_domain::Catalog;
use cosell_domain::engagement::party;
use cosell_model::Timestamp;
use cosell_store::{Key, Kind, Record, Store};
use serde::{Deserialize, Serialize};

use super::{AdminError, Listed, Part, Shelf};
use crate::answer::encode;
use crate::audit::Author;

/// A partner account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Account {
    /// The 12-digit AWS account id.
    pub account_id: String,
    /// The partner's company name, which other partners see.
    pub company_name: String,
    /// The partner's website.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub website_url: Option<String>,
    /// When it was registered.
    pub created_date: Timestamp,
}

const SHELF: Shelf<'static> = Shelf {
    kind: Kind::Account,
    account: "",
    catalog: "",
    filters: Vec::new(),
};

/// True for 12 digits, apart from those that stand for AWS itself in the sandbox: nobody else may be that account.
pub fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) && !party::is_aws(Catalog::Sandbox, text)
}

/// Most characters of a website, as AWS's model has it.
const LONGEST_WEBSITE: usize = 255;

/// What is changed of an account; `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// The company name.
    pub company_name: Option<String>,
    /// The website; `Some(None)` takes it away.
    pub website_url: Option<Option<String>>,
}

/// The record of an account.
pub(super) fn record(account: &Account, version: u64) -> Result<Record, AdminError> {
    let id = &account.account_id;
    if !is_account_id(id) {
        return Err(AdminError::refused(format!(
            "{id} is no account id of a partner: it takes 12 digits, and those of AWS itself are not given away"
        )));
    }
    if account.company_name.trim().is_empty() || account.company_name.chars().count() > 120 {
        return Err(AdminError::refused("The company name takes 1 to 120 characters"));
    }
    let website = account.website_url.as_deref();
    if website.is_some_and(|url| url.trim().is_empty() || url.chars().count() > LONGEST_WEBSITE) {
        let message = format!("A website takes 1 to {LONGEST_WEBSITE} characters");
        return Err(AdminError::refused(message));
    }
    let document = encode(account)?;
    Ok(Record {
        key: Key::global(Kind::Account, id),
        version,
        document: document.clone(),
        summary: document,
        private: bytes::Bytes::new(),
        columns: Vec::new(),
    })
}

/// Changes what is told of an account from now on. Documents that name its company already keep what they say.
pub async fn change(
    store: &dyn Store,
    by: &Author,
    account_id: &str,
    change: Change,
    now: Timestamp,
) -> Result<Account, AdminError> {
    let key = Key::global(Kind::Account, account_id);
    let apply = |account: &mut Account| {
        if let Some(name) = change.company_name {
            account.company_name = name;
        }
        if let Some(website) = change.website_url {
            account.website_url = website;
        }
    };
    let deed = (by, "UpdateAccount", now);
    super::revise(store, deed, &key, || missing(account_id), apply, record).await
}

fn missing(account_id: &str) -> AdminError {
    AdminError::Missing(format!(
        "There is no account {account_id}. See `cosell account list`, or register it with `cosell account create`"
    ))
}

/// The account of that id.
pub async fn find(store: &dyn Store, account_id: &str) -> Result<Option<Account>, AdminError> {
    if !is_account_id(account_id) {
        return Ok(None);
    }
    let found = store.get(&Key::global(Kind::Account, account_id)).await?;
    found
        .map(|stored| serde_json::from_slice(&stored.document).map_err(Into::into))
        .transpose()
}

/// The account of that id, or a refusal that says how to register it.
pub async fn expect(store: &dyn Store, account_id: &str) -> Result<Account, AdminError> {
    find(store, account_id).await?.ok_or_else(|| missing(account_id))
}

/// Every account, by id.
pub async fn list(store: &dyn Store) -> Result<Vec<Account>, AdminError> {
    SHELF.all(store).await
}

/// A part of the accounts, by id.
pub async fn part(store: &dyn Store, part: Part) -> Result<Listed<Account>, AdminError> {
    SHELF.part(store, part).await
}
