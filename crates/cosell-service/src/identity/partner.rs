//! A partner with everything that belongs to it, registered in one atomic change: there is never an account without its
//! users and keys, whatever is cut off and whoever looks meanwhile.

use cosell_domain::Catalog;
use cosell_domain::opportunity::assign::User;
use cosell_store::{Store, Write};

use super::accounts::{self, Account};
use super::solutions::{self, NewSolution};
use super::{AdminError, Sealer, keys, users};
use crate::audit::Author;

/// A partner to be registered.
pub struct Partner<'a> {
    /// The account.
    pub account: Account,
    /// Its users.
    pub users: Vec<User>,
    /// Its solutions, besides the one of the sandbox that AWS's documentation gives every partner.
    pub solutions: Vec<(Catalog, NewSolution)>,
    /// An access key that must be exactly this id and secret, and what seals it.
    pub key: Option<(&'a Sealer, String, String)>,
}

impl From<Account> for Partner<'_> {
    /// The account and nothing else.
    fn from(account: Account) -> Self {
        Self {
            account,
            users: Vec::new(),
            solutions: Vec::new(),
            key: None,
        }
    }
}

/// Registers a partner. Refused, with nothing written, where any part of it exists.
pub async fn register(
    store: &dyn Store,
    by: &Author,
    region: &str,
    partner: Partner<'_>,
) -> Result<(), AdminError> {
    let Account {
        account_id: id,
        created_date: now,
        ..
    } = &partner.account;
    let sandbox = solutions::default_for(Catalog::Sandbox, id, region, *now);
    let mut writes = vec![
        Write::Insert(accounts::record(&partner.account, 1)?),
        Write::Insert(solutions::record(id, Catalog::Sandbox, &sandbox, 1)?),
    ];
    for user in &partner.users {
        writes.push(Write::Insert(users::record(id, user, 1)?));
    }
    for (catalog, new) in partner.solutions {
        let solution = solutions::make(id, catalog, region, new, *now)?;
        writes.push(Write::Insert(solutions::record(id, catalog, &solution, 1)?));
    }
    if let Some((sealer, key, secret)) = partner.key {
        writes.push(keys::write(sealer, id, key, &secret, *now)?.1);
    }
    let taken = || format!("Account {id} is registered already");
    super::register(store, (by, "CreateAccount", *now), writes, taken).await
}
