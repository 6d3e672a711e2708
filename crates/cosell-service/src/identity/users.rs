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

/// The record of a new user.
pub(super) fn write(account: &str, user: &User) -> Result<Write, AdminError> {
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
    Ok(Write::Insert(Record {
        key: key(account, &user.email),
        version: 1,
        document: document.clone(),
        summary: document,
        private: bytes::Bytes::new(),
        columns: vec![("email", user.email.to_lowercase().into())],
    }))
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
    super::register(store, deed, vec![write(account, &user)?], taken).await?;
    Ok(user)
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
