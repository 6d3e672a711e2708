//! Where events go: the targets and rules that operators register, and how they are kept.
//!
//! Functions over a store, like those for accounts and keys: each write is one change with its entry in the audit log.
//! Nothing here delivers anything, and no secret of a target leaves but in [`Registry`], which those who deliver read.

mod registry;
pub mod rules;
pub mod targets;
mod unsent;

#[cfg(test)]
mod tests;

pub use registry::Registry;
pub use unsent::{Unsent, unsent};

use cosell_events::Flaw;
use cosell_model::Timestamp;
use cosell_store::{
    ApplyError, Changes, Conflict, Filter, Key, Kind, MAX_PAGE, Query, Sort, Store, Stored, Write,
};

use crate::audit::Author;
use crate::identity::{AdminError, Listed, Part};

/// A write that others overtake is repeated so often.
const TRIES: usize = 8;

impl From<Flaw> for AdminError {
    fn from(flaw: Flaw) -> Self {
        Self::Flawed {
            field: flaw.field,
            what: flaw.what,
        }
    }
}

/// A name as it is typed: `<account>/<id>`, or `<id>` or `/<id>` for what the operator owns.
pub fn split_name(name: &str) -> (&str, &str) {
    name.split_once('/').unwrap_or(("", name))
}

/// A part of the records of a kind, by their names; of one owner (empty for the operator) where one is named.
async fn part(
    store: &dyn Store,
    kind: Kind,
    owner: Option<&str>,
    part: Part,
) -> Result<Listed<(Key, Stored)>, AdminError> {
    let query = Query {
        kind,
        account: String::new(),
        catalog: String::new(),
        filters: owner
            .map(|owner| Filter::In("account", vec![owner.into()]))
            .into_iter()
            .collect(),
        sort: Sort {
            by: "id",
            descending: false,
        },
        after: part.after,
        limit: part.limit,
    };
    let page = store.query(&query).await?;
    let keys: Vec<Key> = page
        .items
        .iter()
        .map(|item| Key::global(kind, &item.id))
        .collect();
    let found = store.get_many(&keys).await?;
    Ok(Listed {
        // One that was removed between the two looks is not there any more.
        items: keys
            .into_iter()
            .zip(found)
            .filter_map(|(key, stored)| Some((key, stored?)))
            .collect(),
        next: page.next,
    })
}

/// All records of a kind, by their names.
async fn all(store: &dyn Store, kind: Kind) -> Result<Vec<(Key, Stored)>, AdminError> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let limit = MAX_PAGE;
        let mut listed = part(store, kind, None, Part { after, limit }).await?;
        found.append(&mut listed.items);
        match listed.next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}

/// Refuses one more where there are as many as there may be.
async fn expect_room(store: &dyn Store, kind: Kind, most: usize, what: &str) -> Result<(), AdminError> {
    if all(store, kind).await?.len() < most {
        return Ok(());
    }
    Err(AdminError::Refused(format!(
        "There are {most} {what} already, and no more are taken: remove one that is not needed"
    )))
}

/// Writes with an entry in the audit log. False where others have changed the record meanwhile.
async fn write(
    store: &dyn Store,
    (by, action, now): (&Author, &'static str, Timestamp),
    write: Write,
) -> Result<bool, AdminError> {
    let changes = Changes {
        writes: vec![write],
        ..Changes::default()
    };
    match store.apply(by.noting(action, changes, now)?).await {
        Ok(()) => Ok(true),
        Err(ApplyError::Conflict(Conflict::Version { .. })) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn overtaken(name: &str) -> AdminError {
    AdminError::Taken(format!(
        "{name} is changed all the time by others: repeat the request"
    ))
}
