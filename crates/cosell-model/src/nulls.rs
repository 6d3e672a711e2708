//! Answers with every absent member spelled out as null, as the path protocol of AWS's own Postman collection shows them.
//!
//! Renders only; must not change any value that is there.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::shape::{Shape, ShapeKind};

/// Renders an answer of `shape` anew with absent members as null and names in alphabetical order. A body that is not
/// JSON is given back as it is.
pub fn explicit_nulls(shape: &Shape, body: &[u8]) -> Vec<u8> {
    let rendered = serde_json::from_slice::<Value>(body).and_then(|value| {
        serde_json::to_vec(&Filled {
            shape: Some(shape),
            value: &value,
        })
    });
    rendered.unwrap_or_else(|_| body.to_vec())
}

/// A value seen through its shape; without one it is rendered as it stands.
struct Filled<'a> {
    shape: Option<&'a Shape>,
    value: &'a Value,
}

impl serde::Serialize for Filled<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kind = self.shape.map(|shape| &shape.kind);
        match (kind, self.value) {
            (Some(ShapeKind::Structure { members, .. }), Value::Object(object)) => {
                let mut all: BTreeMap<&str, Filled<'_>> = BTreeMap::new();
                all.extend(
                    object
                        .iter()
                        .map(|(name, value)| (name.as_str(), Filled { shape: None, value })),
                );
                for member in *members {
                    let value = object.get(member.name).unwrap_or(&Value::Null);
                    all.insert(
                        member.name,
                        Filled {
                            shape: Some(member.shape),
                            value,
                        },
                    );
                }
                serializer.collect_map(all)
            }
            (Some(ShapeKind::Map { value: entry, .. }), Value::Object(object)) => {
                let entries: BTreeMap<&str, &Value> = object
                    .iter()
                    .map(|(name, value)| (name.as_str(), value))
                    .collect();
                serializer.collect_map(entries.into_iter().map(|(name, value)| {
                    (
                        name,
                        Filled {
                            shape: Some(entry),
                            value,
                        },
                    )
                }))
            }
            (Some(ShapeKind::List { element, .. }), Value::Array(elements)) => {
                serializer.collect_seq(elements.iter().map(|value| Filled {
                    shape: Some(element),
                    value,
                }))
            }
            (_, value) => value.serialize(serializer),
        }
    }
}
