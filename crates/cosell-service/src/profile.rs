//! What other partners may know of an account: its company and its website. Never anything else of it.

use cosell_domain::engagement::Profile;
use cosell_model::ApiError;
use cosell_store::{Key, Kind};

use crate::answer::{read_failed, stored};
use crate::identity::accounts::Account;
use crate::service::Service;

/// The profile of a registered account that calls.
pub(crate) async fn of(service: &Service, account: &str) -> Result<Profile, ApiError> {
    let found = find(service, account).await?;
    // Whoever calls has a key, and keys belong to accounts, which are never removed.
    found.ok_or_else(|| ApiError::internal(format!("account {account} has a key but no record")))
}

/// The profile of an account, if it is registered.
pub(crate) async fn find(service: &Service, account: &str) -> Result<Option<Profile>, ApiError> {
    let key = Key::global(Kind::Account, account);
    let Some(found) = service.store.get(&key).await.map_err(read_failed)? else {
        return Ok(None);
    };
    let account: Account = stored(&found.document, "an account")?;
    Ok(Some(Profile {
        account_id: account.account_id,
        company_name: account.company_name,
        website_url: account.website_url,
    }))
}
