//! The private offers of AWS Marketplace that an account has, per catalog: what opportunities can be associated with where the
//! server asks for registered offers.

use cosell_domain::Catalog;
use cosell_model::{ApiError, Timestamp};
use cosell_store::{Key, Kind, Record, Store, Write};
use serde::{Deserialize, Serialize};

use super::{AdminError, Listed, Part, Shelf, accounts};
use crate::answer::{encode, read_failed};
use crate::audit::Author;

/// A registered offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Offer {
    /// Its identifier, such as `offer-abcdefghijklm`: the end of its ARN.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// The catalog.
    pub catalog: String,
    /// When it was registered.
    pub created_date: Timestamp,
}

fn key(account: &str, catalog: Catalog, id: &str) -> Key {
    Key::new(Kind::Offer, account, catalog.as_str(), id)
}

/// Registers an offer.
pub async fn add(
    store: &dyn Store,
    by: &Author,
    account: &str,
    catalog: Catalog,
    id: &str,
    name: &str,
    now: Timestamp,
) -> Result<Offer, AdminError> {
    accounts::expect(store, account).await?;
    let letters = id.strip_prefix("offer-").unwrap_or_default();
    let well_formed = (1..=64).contains(&letters.len())
        && letters
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if !well_formed {
        return Err(AdminError::refused(format!(
            "{id} is no offer identifier: it takes offer- and 1 to 64 lower-case letters and digits"
        )));
    }
    if name.trim().is_empty() || name.chars().count() > 255 {
        return Err(AdminError::refused(
            "The name of an offer takes 1 to 255 characters",
        ));
    }
    let offer = Offer {
        id: id.to_owned(),
        name: name.to_owned(),
        catalog: catalog.as_str().to_owned(),
        created_date: now,
    };
    let document = encode(&offer)?;
    let record = Record {
        key: key(account, catalog, id),
        version: 1,
        document: document.clone(),
        summary: document,
        private: bytes::Bytes::new(),
        columns: Vec::new(),
    };
    let taken = || format!("Offer {id} is registered already in account {account}, catalog {catalog}");
    super::register(
        store,
        (by, "CreateOffer", now),
        vec![Write::Insert(record)],
        taken,
    )
    .await?;
    Ok(offer)
}

/// Removes an offer. Opportunities that are associated with it stay so; where registered offers are asked for, none can be
/// associated with it any more.
pub async fn remove(
    store: &dyn Store,
    by: &Author,
    account: &str,
    catalog: Catalog,
    id: &str,
    now: Timestamp,
) -> Result<(), AdminError> {
    let missing = || {
        AdminError::Missing(format!(
            "Account {account} has no offer {id} in catalog {catalog}: \
             see `cosell offer list --account {account} --catalog {catalog}`"
        ))
    };
    let deed = (by, "DeleteOffer", now);
    super::take_away(store, deed, key(account, catalog, id), missing).await
}

/// True where the account has registered the offer that an identifier or an ARN names.
pub(crate) async fn exists(
    store: &dyn Store,
    account: &str,
    catalog: Catalog,
    named: &str,
) -> Result<bool, ApiError> {
    let id = named.rsplit('/').next().unwrap_or(named);
    if id.is_empty() {
        return Ok(false);
    }
    let found = store.get(&key(account, catalog, id)).await.map_err(read_failed)?;
    Ok(found.is_some())
}

/// A part of the offers of an account in one catalog, by identifier.
pub async fn part(
    store: &dyn Store,
    account: &str,
    catalog: Catalog,
    part: Part,
) -> Result<Listed<Offer>, AdminError> {
    accounts::expect(store, account).await?;
    shelf(account, catalog).part(store, part).await
}

fn shelf(account: &str, catalog: Catalog) -> Shelf<'_> {
    Shelf {
        kind: Kind::Offer,
        account,
        catalog: catalog.as_str(),
        filters: Vec::new(),
    }
}
