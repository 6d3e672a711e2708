//! What an audit entry may tell of a document: which members changed, with everything masked that the contract calls
//! sensitive. Nothing here knows who acted, or where entries are kept.
//!
//! Documents are masked by the names of their members, whatever operation or record they belong to: a name that is
//! sensitive in one shape of the contract is masked wherever it stands. That hides a little more than it must, and never
//! less where a document moves from one form into another (requests, answers, the records behind them).

use std::collections::BTreeSet;
use std::sync::LazyLock;

use cosell_model::{Operation, Shape, ShapeKind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What stands for a masked value. Every masked value reads the same, however long it was.
pub const MASK: &str = "***";

/// Members that the contract does not mark although they repeat what it does: the entries of NextStepsHistory, and of an
/// engagement the description, which carries the customer's business problem, and the title, which carries the project's;
/// invitations repeat both under names of their own.
const BESIDES: &[&str] = &[
    "nextstepshistory",
    "description",
    "engagementdescription",
    "engagementtitle",
];

/// The names of sensitive members. `companyName`, `CompanyName` and `company_name` are one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sensitive(BTreeSet<String>);

static OF_CONTRACT: LazyLock<Sensitive> = LazyLock::new(|| {
    let mut names: BTreeSet<String> = BESIDES.iter().map(|name| (*name).to_owned()).collect();
    let mut seen = BTreeSet::new();
    for operation in Operation::ALL {
        let info = operation.info();
        collect(info.input, &mut seen, &mut names);
        if let Some(output) = info.output {
            collect(output, &mut seen, &mut names);
        }
    }
    Sensitive(names)
});

fn collect(shape: &'static Shape, seen: &mut BTreeSet<&'static str>, names: &mut BTreeSet<String>) {
    if !seen.insert(shape.name) {
        return;
    }
    match &shape.kind {
        ShapeKind::Structure { members, .. } => {
            for member in *members {
                if is_sensitive(member.shape) {
                    names.insert(folded(member.name));
                }
                collect(member.shape, seen, names);
            }
        }
        ShapeKind::List { element, .. } => collect(element, seen, names),
        ShapeKind::Map { value, .. } => collect(value, seen, names),
        ShapeKind::String { .. } | ShapeKind::Integer { .. } | ShapeKind::Timestamp => {}
    }
}

/// A list or a map of sensitive values is as sensitive as they are.
fn is_sensitive(shape: &Shape) -> bool {
    shape.sensitive
        || match &shape.kind {
            ShapeKind::List { element, .. } => is_sensitive(element),
            ShapeKind::Map { value, .. } => is_sensitive(value),
            _ => false,
        }
}

fn folded(name: &str) -> String {
    name.chars()
        .filter(|c| *c != '_')
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

impl Sensitive {
    /// The names that the contract's shapes mark, and the few that repeat what those say.
    pub fn of_contract() -> &'static Self {
        &OF_CONTRACT
    }

    /// True when values of members of that name are never shown.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(&folded(name))
    }
}

/// The document with every sensitive value masked. `null`, empty lists and empty objects stay: they say nothing.
pub fn mask(document: &Value, sensitive: &Sensitive) -> Value {
    match document {
        Value::Object(object) => Value::Object(
            object
                .iter()
                .map(|(name, value)| (name.clone(), mask_member(name, value, sensitive)))
                .collect(),
        ),
        Value::Array(values) => Value::Array(values.iter().map(|value| mask(value, sensitive)).collect()),
        other => other.clone(),
    }
}

fn mask_member(name: &str, value: &Value, sensitive: &Sensitive) -> Value {
    if sensitive.contains(name) {
        masked_whole(value)
    } else {
        mask(value, sensitive)
    }
}

/// Masks a sensitive value but for its outline: how many entries it has, and of objects the names.
fn masked_whole(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Array(values) => Value::Array(values.iter().map(masked_whole).collect()),
        Value::Object(object) => Value::Object(
            object
                .iter()
                .map(|(name, value)| (name.clone(), masked_whole(value)))
                .collect(),
        ),
        _ => Value::String(MASK.to_owned()),
    }
}

/// What changed between two states of a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diff {
    /// The changed members as they were; `null` where there was no document.
    pub before: Value,
    /// The changed members as they are; `null` where there is no document any more.
    pub after: Value,
}

impl Diff {
    /// True when nothing changed.
    pub fn is_empty(&self) -> bool {
        let nothing = |side: &Value| side.as_object().is_none_or(Map::is_empty);
        nothing(&self.before) && nothing(&self.after)
    }
}

/// The members that differ, masked; a member that only one side has stands on that side alone, and `null` is as good as
/// absent. Objects are compared
/// member by member, everything else as a whole. That a sensitive member changed is told, though both sides read
/// [`MASK`]. `Value::Null` on one side stands for a document that does not exist.
pub fn diff(before: &Value, after: &Value, sensitive: &Sensitive) -> Diff {
    let (Value::Object(was), Value::Object(is)) = (before, after) else {
        let differs = before != after;
        let told = |side: &Value| {
            if differs {
                mask(side, sensitive)
            } else {
                Value::Null
            }
        };
        return Diff {
            before: told(before),
            after: told(after),
        };
    };
    let (mut old, mut new) = (Map::new(), Map::new());
    for (name, value) in was {
        match is.get(name) {
            Some(other) if other == value => {}
            Some(other) if value.is_object() && other.is_object() && !sensitive.contains(name) => {
                let inner = diff(value, other, sensitive);
                old.insert(name.clone(), inner.before);
                new.insert(name.clone(), inner.after);
            }
            Some(other) => {
                old.insert(name.clone(), mask_member(name, value, sensitive));
                new.insert(name.clone(), mask_member(name, other, sensitive));
            }
            None if value.is_null() => {}
            None => {
                old.insert(name.clone(), mask_member(name, value, sensitive));
            }
        }
    }
    let added = |(name, value): &(&String, &Value)| !was.contains_key(*name) && !value.is_null();
    for (name, value) in is.iter().filter(added) {
        new.insert(name.clone(), mask_member(name, value, sensitive));
    }
    Diff {
        before: Value::Object(old),
        after: Value::Object(new),
    }
}
