//! Partner accounts.

use cosell_domain::Catalog;
use cosell_domain::engagement::party;
use cosell_model::Timestamp;
use cosell_store::{Key, Kind, Record, Store, Write};
use serde::{Deserialize, Serialize};

use super::{AdminError, Listed, Part, Shelf};
use crate::answer::encode;

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

/// The record of a new account.
pub(super) fn write(account: &Account) -> Result<Write, AdminError> {
    let id = &account.account_id;
    if !is_account_id(id) {
        return Err(AdminError::refused(format!(
            "{id} is no account id of a partner: it takes 12 digits, and those of AWS itself are not given away"
        )));
    }
    if account.company_name.trim().is_empty() || account.company_name.chars().count() > 120 {
        return Err(AdminError::refused("The company name takes 1 to 120 characters"));
    }
    let document = encode(account)?;
    Ok(Write::Insert(Record {
        key: Key::global(Kind::Account, id),
        version: 1,
        document: document.clone(),
        summary: document,
        private: bytes::Bytes::new(),
        columns: Vec::new(),
    }))
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
    find(store, account_id).await?.ok_or_else(|| {
        AdminError::Missing(format!(
            "There is no account {account_id}. See `cosell account list`, or register it with `cosell account create`"
        ))
    })
}

/// Every account, by id.
pub async fn list(store: &dyn Store) -> Result<Vec<Account>, AdminError> {
    SHELF.all(store).await
}

/// A part of the accounts, by id.
pub async fn part(store: &dyn Store, part: Part) -> Result<Listed<Account>, AdminError> {
    SHELF.part(store, part).await
}
