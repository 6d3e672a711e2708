//! Registered users of an account: the people an opportunity can be assigned to.

use cosell_domain::opportunity::assign::User;
use cosell_model::{ApiError, Timestamp};
use cosell_store::{Key, Kind, Query, Record, Sort, Store, Write};

use super::{AdminError, Listed, Part, Shelf, accounts};
use crate::answer::{encode, read_failed, stored};
use crate::audit::Author;

/// E-mail addresses are compared without regard to case.
fn key(account: &str, email: &str) -> Key {
    Key::new(Kind::User, account, "", email.to_lowercase())
}

/// What is changed of a user; `None` stays as it is. Somebody with another address is another user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// The given name.
    pub first_name: Option<String>,
    /// The family name.
    pub last_name: Option<String>,
}

/// The record of a user.
pub(super) fn record(account: &str, user: &User, version: u64) -> Result<Record, AdminError> {
    let (name, domain) = user.email.split_once('@').unwrap_or_default();
    if name.is_empty()
        || !domain.contains('.')
        || user.email.len() > 80
        || user.email.contains(char::is_whitespace)
    {
        let message = format!("{} is no e-mail address of at most 80 characters", user.email);
        return Err(AdminError::refused(message));
    }
    if [&user.first_name, &user.last_name]
        .iter()
        .any(|name| name.trim().is_empty() || name.chars().count() > 80)
    {
        return Err(AdminError::refused("First and last name take 1 to 80 characters"));
    }
    let document = encode(user)?;
    Ok(Record {
        key: key(account, &user.email),
        version,
        document: document.clone(),
        summary: document,
        private: bytes::Bytes::new(),
        columns: vec![("email", user.email.to_lowercase().into())],
    })
}

/// Registers a user.
pub async fn add(
    store: &dyn Store,
    by: &Author,
    account: &str,
    user: User,
    now: Timestamp,
) -> Result<User, AdminError> {
    accounts::expect(store, account).await?;
    let taken = || format!("{} is registered already in account {account}", user.email);
    let deed = (by, "CreateUser", now);
    let writes = vec![Write::Insert(record(account, &user, 1)?)];
    super::register(store, deed, writes, taken).await?;
    Ok(user)
}

/// Changes the names of a user. Opportunities keep the names that their owner had when they were assigned.
pub async fn change(
    store: &dyn Store,
    by: &Author,
    account: &str,
    email: &str,
    change: Change,
    now: Timestamp,
) -> Result<User, AdminError> {
    let apply = |user: &mut User| {
        if let Some(name) = change.first_name {
            user.first_name = name;
        }
        if let Some(name) = change.last_name {
            user.last_name = name;
        }
    };
    let missing = || missing(account, email);
    let record = |user: &User, version| record(account, user, version);
    let deed = (by, "UpdateUser", now);
    super::revise(store, deed, &key(account, email), missing, apply, record).await
}

/// Removes a user. Opportunities that were assigned to it keep it as their owner; none can be assigned to it any more.
pub async fn remove(
    store: &dyn Store,
    by: &Author,
    account: &str,
    email: &str,
    now: Timestamp,
) -> Result<(), AdminError> {
    let missing = || missing(account, email);
    super::take_away(store, (by, "DeleteUser", now), key(account, email), missing).await
}

fn missing(account: &str, email: &str) -> AdminError {
    AdminError::Missing(format!(
        "Account {account} has no user {email}: see `cosell user list --account {account}`"
    ))
}

/// The user of that e-mail address.
pub(crate) async fn find(store: &dyn Store, account: &str, email: &str) -> Result<Option<User>, ApiError> {
    let found = store.get(&key(account, email)).await.map_err(read_failed)?;
    found.map(|found| stored(&found.document, "a user")).transpose()
}

/// The first user of an account by e-mail address, who stands for its alliance lead.
pub(crate) async fn first(store: &dyn Store, account: &str) -> Result<Option<User>, ApiError> {
    let query = Query {
        kind: Kind::User,
        account: account.to_owned(),
        catalog: String::new(),
        filters: Vec::new(),
        sort: Sort {
            by: "id",
            descending: false,
        },
        after: None,
        limit: 1,
    };
    let page = store.query(&query).await.map_err(read_failed)?;
    let first = page.items.first();
    first.map(|item| stored(&item.summary, "a user")).transpose()
}

/// A part of the users of an account, by e-mail address.
pub async fn part(store: &dyn Store, account: &str, part: Part) -> Result<Listed<User>, AdminError> {
    accounts::expect(store, account).await?;
    shelf(account).part(store, part).await
}

fn shelf(account: &str) -> Shelf<'_> {
    Shelf {
        kind: Kind::User,
        account,
        catalog: "",
        filters: Vec::new(),
    }
}
