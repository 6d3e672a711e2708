//! Records: a JSON document with a key, a version and typed index columns.
//!
//! The store never looks into a document; it must not change one byte of it.

use crate::kind::{ColumnType, Kind, Scope};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// What identifies a record.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Its kind.
    pub kind: Kind,
    /// The owning account's id; empty for global and shared kinds.
    pub account: String,
    /// `AWS` or `Sandbox`; empty for kinds that are not per catalog.
    pub catalog: String,
    /// The id, unique within kind, account and catalog. Never empty.
    pub id: String,
}

impl Key {
    /// A key of a kind that lives per account and catalog.
    pub fn new(
        kind: Kind,
        account: impl Into<String>,
        catalog: impl Into<String>,
        id: impl Into<String>,
    ) -> Self {
        Key {
            kind,
            account: account.into(),
            catalog: catalog.into(),
            id: id.into(),
        }
    }

    /// A key of a global kind (account and catalog empty).
    pub fn global(kind: Kind, id: impl Into<String>) -> Self {
        Key::new(kind, "", "", id)
    }

    /// A key of a kind that the accounts of a catalog share (account empty).
    pub fn shared(kind: Kind, catalog: impl Into<String>, id: impl Into<String>) -> Self {
        Key::new(kind, "", catalog, id)
    }

    /// Whether the filled parts are those of the kind's scope; `Err` says what is wrong.
    pub fn validate(&self) -> Result<(), String> {
        let spec = self.kind.spec();
        if self.id.is_empty() {
            return Err(format!("the key of a {} has no id", spec.table));
        }
        check_scope(self.kind, &self.account, &self.catalog)
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind.spec().table)?;
        for part in [&self.account, &self.catalog, &self.id] {
            if !part.is_empty() {
                write!(f, " {part}")?;
            }
        }
        Ok(())
    }
}

pub(crate) fn check_scope(kind: Kind, account: &str, catalog: &str) -> Result<(), String> {
    let spec = kind.spec();
    let good = match spec.scope {
        Scope::Global => account.is_empty() && catalog.is_empty(),
        Scope::Account => !account.is_empty() && catalog.is_empty(),
        Scope::Catalog => !account.is_empty() && !catalog.is_empty(),
        Scope::Shared => account.is_empty() && !catalog.is_empty(),
    };
    if good {
        Ok(())
    } else {
        Err(format!(
            "{} is kept per {:?}: account {account:?} with catalog {catalog:?} does not fit",
            spec.table, spec.scope
        ))
    }
}

/// The value of an index column. Ordered as the contract demands: NULL before everything, integers numerically, text
/// by bytes (integers before text, though one column never holds both).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// No value.
    Null,
    /// An integer.
    Integer(i64),
    /// A text.
    Text(String),
}

impl Value {
    /// Whether this is NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// Whether a column of that type and nullability can hold it.
    pub fn fits(&self, ty: ColumnType, nullable: bool) -> bool {
        match self {
            Value::Null => nullable,
            Value::Integer(_) => ty == ColumnType::Integer,
            Value::Text(_) => ty == ColumnType::Text,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Integer(number)
    }
}

impl From<cosell_model::Timestamp> for Value {
    fn from(time: cosell_model::Timestamp) -> Self {
        Value::Integer(time.as_millis())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

/// A record as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its key.
    pub key: Key,
    /// The version this write gives it. A replacement must give a greater one than the version it expects.
    pub version: u64,
    /// What a Get answers: JSON, returned byte for byte.
    pub document: Bytes,
    /// What a list shows of it: JSON. Keep it small (under 1 KiB): pages are read from it.
    pub summary: Bytes,
    /// The rest of the aggregate, which no client sees: JSON, or empty.
    pub private: Bytes,
    /// Values of the kind's index columns. Nullable columns may be left out.
    pub columns: Vec<(&'static str, Value)>,
}

impl Record {
    /// The value of an index column; NULL if the record does not give it.
    pub fn column(&self, name: &str) -> &Value {
        self.columns
            .iter()
            .find(|(n, _)| *n == name)
            .map_or(&Value::Null, |(_, v)| v)
    }

    /// Bytes of its documents.
    pub fn weight(&self) -> usize {
        self.document.len() + self.summary.len() + self.private.len()
    }

    /// Whether key and columns fit the kind and the texts are UTF-8; `Err` says what is wrong. Backends refuse a record that fails here with
    /// [`ApplyError::Invalid`](crate::ApplyError::Invalid).
    pub fn validate(&self) -> Result<(), String> {
        self.key.validate()?;
        let spec = self.key.kind.spec();
        if self.version == 0 || i64::try_from(self.version).is_err() {
            return Err(format!(
                "{}: version {} is out of bounds (1 to 2^63-1)",
                self.key, self.version
            ));
        }
        for (place, (name, _)) in self.columns.iter().enumerate() {
            if spec.column(name).is_none() {
                return Err(format!("{} has no column {name}", spec.table));
            }
            if self.columns[..place].iter().any(|(other, _)| other == name) {
                return Err(format!("{}: column {name} is given twice", self.key));
            }
        }
        for column in spec.columns {
            let value = self.column(column.name);
            if !value.fits(column.ty, column.nullable) {
                return Err(format!(
                    "{}: column {} cannot hold {value:?}",
                    self.key, column.name
                ));
            }
        }
        for (name, part) in [
            ("document", &self.document),
            ("summary", &self.summary),
            ("private part", &self.private),
        ] {
            if std::str::from_utf8(part).is_err() {
                return Err(format!("the {name} of {} is not UTF-8", self.key));
            }
        }
        Ok(())
    }
}

/// A record as it is read by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its version.
    pub version: u64,
    /// The document, byte for byte as written.
    pub document: Bytes,
    /// The private part, byte for byte as written.
    pub private: Bytes,
}
