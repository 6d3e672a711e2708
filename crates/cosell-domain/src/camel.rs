//! The names of the contract in the operator's spelling: `targetCloseDate` for `TargetCloseDate`, and back.
//!
//! Walks a document along the shape tables, so names that are data (of maps) stay what they are, and a name that the
//! table does not know is an error: a misspelt member must not pass as an edit that does nothing. Values are not judged.

use cosell_model::enums::ValidationExceptionErrorCode as Code;
use cosell_model::{Member, Rejection, Shape, ShapeKind, Violation, check_value};
use serde_json::{Map, Value};

use crate::Violations;

/// Reads an operator's document of that shape: the same with the contract's names, checked by the table. `null` stays,
/// since it may mean that something is to be cleared; the check takes it as absent.
pub fn read(shape: &'static Shape, document: Value) -> Result<Value, Vec<Violation>> {
    let mut found = Violations::new();
    let wire = to_wire(shape, document, "", &mut found);
    match check_value(shape, &wire) {
        Ok(_) => {}
        Err(Rejection::Violations(violations)) => {
            for one in violations {
                let field = one.field_name.unwrap_or_default();
                found.add(&field, one.code, one.message);
            }
        }
        Err(Rejection::Serialization(message)) => found.add_general(Code::InvalidValue, message),
    }
    found.into_result(wire)
}

/// The same document with the operator's names. A member that the table does not know keeps its name.
pub fn written(shape: &Shape, document: Value) -> Value {
    match (&shape.kind, document) {
        (ShapeKind::Structure { members, .. }, Value::Object(object)) => {
            let renamed = object.into_iter().map(|(name, value)| {
                match members.iter().find(|member| member.name == name) {
                    Some(member) => (member.path_name.to_owned(), written(member.shape, value)),
                    None => (name, value),
                }
            });
            Value::Object(renamed.collect())
        }
        (ShapeKind::List { element, .. }, Value::Array(values)) => {
            Value::Array(values.into_iter().map(|value| written(element, value)).collect())
        }
        (ShapeKind::Map { value: entry, .. }, Value::Object(object)) => {
            let renamed = object
                .into_iter()
                .map(|(name, value)| (name, written(entry, value)));
            Value::Object(renamed.collect())
        }
        (_, value) => value,
    }
}

fn to_wire(shape: &Shape, document: Value, path: &str, found: &mut Violations) -> Value {
    match (&shape.kind, document) {
        (ShapeKind::Structure { members, .. }, Value::Object(object)) => {
            let mut wire = Map::new();
            for (name, value) in object {
                let path = joined(path, &name);
                match members.iter().find(|member| member.path_name == name) {
                    Some(member) => {
                        let value = to_wire(member.shape, value, &path, found);
                        wire.insert(member.name.to_owned(), value);
                    }
                    None => found.invalid(&path, unknown(&path, members)),
                }
            }
            Value::Object(wire)
        }
        (ShapeKind::List { element, .. }, Value::Array(values)) => {
            let values = values
                .into_iter()
                .map(|value| to_wire(element, value, path, found));
            Value::Array(values.collect())
        }
        (ShapeKind::Map { value: entry, .. }, Value::Object(object)) => {
            let mut wire = Map::new();
            for (name, value) in object {
                check_text(&name, path, found);
                let value = to_wire(entry, value, path, found);
                wire.insert(name, value);
            }
            Value::Object(wire)
        }
        (_, value) => {
            if let Value::String(text) = &value {
                check_text(text, path, found);
            }
            value
        }
    }
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn unknown(path: &str, members: &[Member]) -> String {
    let names: Vec<&str> = members.iter().map(|member| member.path_name).collect();
    format!("{path} is not known: use one of {}", names.join(", "))
}

/// U+0000 is the one character that not every store can keep, so requests of partners are refused for it as well.
fn check_text(text: &str, path: &str, found: &mut Violations) {
    if text.contains('\0') {
        found.invalid(
            path,
            format!("{path} must not hold the character U+0000: leave it out"),
        );
    }
}
