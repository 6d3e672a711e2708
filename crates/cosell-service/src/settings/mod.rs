//! The operations on an account's settings of the selling system, one a file, and how the settings are kept.

pub(crate) mod get;
pub(crate) mod put;

use cosell_domain::Catalog;
use cosell_domain::settings::Settings;
use cosell_model::ApiError;
use cosell_store::{Key, Kind};

use crate::answer::{read_failed, stored};
use crate::service::{Caller, Service};

fn key(caller: &Caller, catalog: Catalog) -> Key {
    Key::new(
        Kind::SellingSettings,
        &caller.account,
        catalog.as_str(),
        "settings",
    )
}

/// What the account has put, and the version of it; 0 with the defaults where it never put any.
async fn load(service: &Service, caller: &Caller, catalog: Catalog) -> Result<(Settings, u64), ApiError> {
    let found = service
        .store
        .get(&key(caller, catalog))
        .await
        .map_err(read_failed)?;
    match found {
        Some(found) => Ok((stored(&found.document, "the settings")?, found.version)),
        None => Ok((Settings::default(), 0)),
    }
}
