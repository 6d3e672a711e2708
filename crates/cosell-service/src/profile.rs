//! What other partners may know of an account: its company and its website. Never anything else of it.

use cosell_domain::engagement::Profile;
use cosell_model::ApiError;
use cosell_store::{Key, Kind};

use crate::answer::{read_failed, stored};
use crate::identity::accounts::Account;
use crate::service::Service;

/// The profile of a registered account.
pub(crate) async fn of(service: &Service, account: &str) -> Result<Profile, ApiError> {
    let found = service
        .store
        .get(&Key::global(Kind::Account, account))
        .await
        .map_err(read_failed)?
        // Whoever calls has a key, and keys belong to accounts, which are never removed.
        .ok_or_else(|| ApiError::internal(format!("account {account} has a key but no record")))?;
    let account: Account = stored(&found.document, "an account")?;
    Ok(Profile {
        account_id: account.account_id,
        company_name: account.company_name,
        website_url: account.website_url,
    })
}
