//! Connections between partners: who may invite whom, where the server asks for connections at all. Ending one touches nothing
//! that is shared already (behaviours 3.3).

use cosell_model::{ApiError, Timestamp};
use cosell_store::{Cursor, Filter, Key, Kind, Record, Store, Value, Write};
use serde::{Deserialize, Serialize};

use super::{AdminError, Listed, Part, Shelf, accounts};
use crate::answer::{encode, read_failed};
use crate::audit::Author;

/// A connection between two partners. It has no direction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Connection {
    /// The lower of the two account ids.
    pub one: String,
    /// The higher one.
    pub other: String,
    /// When it was made.
    pub created_date: Timestamp,
}

/// The two accounts in their order.
fn ordered<'a>(a: &'a str, b: &'a str) -> (&'a str, &'a str) {
    if a <= b { (a, b) } else { (b, a) }
}

fn key(a: &str, b: &str) -> Key {
    let (one, other) = ordered(a, b);
    Key::global(Kind::Connection, format!("{one}/{other}"))
}

/// Connects two registered accounts.
pub async fn add(
    store: &dyn Store,
    by: &Author,
    a: &str,
    b: &str,
    now: Timestamp,
) -> Result<Connection, AdminError> {
    accounts::expect(store, a).await?;
    accounts::expect(store, b).await?;
    if a == b {
        return Err(AdminError::refused("An account needs no connection with itself"));
    }
    let (one, other) = ordered(a, b);
    let connection = Connection {
        one: one.to_owned(),
        other: other.to_owned(),
        created_date: now,
    };
    let document = encode(&connection)?;
    let record = Record {
        key: key(a, b),
        version: 1,
        document: document.clone(),
        summary: document,
        private: bytes::Bytes::new(),
        columns: vec![("one", one.into()), ("other", other.into())],
    };
    let taken = || format!("Accounts {one} and {other} are connected already");
    super::register(
        store,
        (by, "CreateConnection", now),
        vec![Write::Insert(record)],
        taken,
    )
    .await?;
    Ok(connection)
}

/// Ends the connection of two accounts.
pub async fn remove(
    store: &dyn Store,
    by: &Author,
    a: &str,
    b: &str,
    now: Timestamp,
) -> Result<(), AdminError> {
    let missing = || AdminError::Missing(format!("Accounts {a} and {b} are not connected"));
    super::take_away(store, (by, "DeleteConnection", now), key(a, b), missing).await
}

/// True where two accounts are connected.
pub(crate) async fn exists(store: &dyn Store, a: &str, b: &str) -> Result<bool, ApiError> {
    let found = store.get(&key(a, b)).await.map_err(read_failed)?;
    Ok(found.is_some())
}

/// A part of the connections of an account, or of all, by the two accounts.
///
/// An account stands in the first place of some of its connections and in the second of others. Each is a list with an index
/// of its own; the second follows the first.
pub async fn part(
    store: &dyn Store,
    account: Option<&str>,
    part: Part,
) -> Result<Listed<Connection>, AdminError> {
    const PLACES: [&str; 2] = ["other", "one"];
    let Some(account) = account else {
        return shelf(Vec::new()).part(store, part).await;
    };
    accounts::expect(store, account).await?;
    // The cursor names the place as well; without a row it stands before the first one.
    let (place, after) = match part.after {
        None => (0, None),
        Some(mut cursor) => {
            let place = usize::from(cursor.values.pop() == Some(Value::Integer(1)));
            (place, Some(cursor).filter(|cursor| !cursor.id.is_empty()))
        }
    };
    let filter = Filter::In(PLACES[place], vec![account.into()]);
    let limit = part.limit;
    let mut listed = shelf(vec![filter]).part(store, Part { after, limit }).await?;
    let mark = |place: i64, mut cursor: Cursor| {
        cursor.values.push(place.into());
        cursor
    };
    listed.next = match (listed.next, place) {
        (Some(cursor), 0) => Some(mark(0, cursor)),
        (Some(cursor), _) => Some(mark(1, cursor)),
        (None, 0) => Some(mark(
            1,
            Cursor {
                values: Vec::new(),
                id: String::new(),
            },
        )),
        (None, _) => None,
    };
    Ok(listed)
}

fn shelf(filters: Vec<Filter>) -> Shelf<'static> {
    Shelf {
        kind: Kind::Connection,
        account: "",
        catalog: "",
        filters,
    }
}
