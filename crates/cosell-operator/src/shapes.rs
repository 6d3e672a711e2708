//! The contract's shape tables as JSON Schemas, and what a document has that its table does not know. Values are judged by
//! the service, not here.

use cosell_model::{Member, Shape, ShapeKind};
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::problem::Fault;

/// Which names a document has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// AWS's own (`TargetCloseDate`).
    Wire,
    /// The operator's (`targetCloseDate`), in a change where `null` clears.
    Edit,
}

impl Names {
    const fn of(self, member: &Member) -> &'static str {
        match self {
            Self::Wire => member.name,
            Self::Edit => member.path_name,
        }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Wire => "Model",
            Self::Edit => "Edit",
        }
    }
}

/// The schema of a shape, by reference where it is a structure. `optional` members need not be there whatever the table
/// says.
pub(crate) fn schema(
    generator: &mut SchemaGenerator,
    shape: &'static Shape,
    names: Names,
    optional: &[&str],
) -> Schema {
    let value = of(generator, shape, names, optional);
    Schema::try_from(value).unwrap_or_default()
}

/// The schema of a member that may be left out or `null` as well.
pub(crate) fn or_null(schema: Schema) -> Schema {
    schemars::json_schema!({ "anyOf": [schema, { "type": "null" }] })
}

/// A change has no defaults: what is left out stays, and is not the same as `null`.
pub(crate) fn without_defaults(change: &mut Schema) {
    let properties = change.get_mut("properties").and_then(Value::as_object_mut);
    for property in properties.into_iter().flat_map(Map::values_mut) {
        if let Some(property) = property.as_object_mut() {
            property.remove("default");
        }
    }
}

fn of(generator: &mut SchemaGenerator, shape: &'static Shape, names: Names, optional: &[&str]) -> Value {
    match &shape.kind {
        ShapeKind::Structure { members, union } => {
            let name = format!("{}{}", names.prefix(), shape.name);
            let reference = json!({ "$ref": format!("#/components/schemas/{name}") });
            if generator.definitions().contains_key(&name) {
                return reference;
            }
            // Before its members, so that a shape that holds itself ends here.
            generator
                .definitions_mut()
                .insert(name.clone(), Value::Bool(true));
            let definition = structure(generator, members, *union, names, optional);
            generator.definitions_mut().insert(name, definition);
            reference
        }
        ShapeKind::List { element, min, max } => {
            let items = of(generator, element, names, &[]);
            bounded(
                json!({"type": "array", "items": items}),
                "minItems",
                *min,
                "maxItems",
                *max,
            )
        }
        ShapeKind::Map { value, min, max, .. } => {
            let value = of(generator, value, names, &[]);
            let map = json!({"type": "object", "additionalProperties": value});
            bounded(map, "minProperties", *min, "maxProperties", *max)
        }
        ShapeKind::String {
            min,
            max,
            values,
            read_only,
            ..
        } => {
            let answer = generator.contract().is_serialize();
            let mut text = bounded(json!({"type": "string"}), "minLength", *min, "maxLength", *max);
            if !values.is_empty() {
                let more = if answer { *read_only } else { &[] };
                text["enum"] = json!([values, more].concat());
            }
            text
        }
        ShapeKind::Integer { min, max } => {
            let mut number = json!({"type": "integer"});
            if let Some(min) = min {
                number["minimum"] = json!(min);
            }
            if let Some(max) = max {
                number["maximum"] = json!(max);
            }
            number
        }
        ShapeKind::Timestamp => json!({"type": "string", "format": "date-time"}),
    }
}

fn structure(
    generator: &mut SchemaGenerator,
    members: &'static [Member],
    union: bool,
    names: Names,
    optional: &[&str],
) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for member in members {
        let inner = of(generator, member.shape, names, &[]);
        let needed = member.required && !optional.contains(&member.name);
        let inner = if names == Names::Edit && !needed {
            json!({"anyOf": [inner, {"type": "null"}]})
        } else {
            inner
        };
        properties.insert(names.of(member).to_owned(), inner);
        if needed {
            required.push(names.of(member));
        }
    }
    let mut object = json!({"type": "object", "properties": properties, "additionalProperties": false});
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    if union {
        object["minProperties"] = json!(1);
        object["maxProperties"] = json!(1);
    }
    object
}

fn bounded(mut schema: Value, least: &str, min: Option<u32>, most: &str, max: Option<u32>) -> Value {
    for (name, bound) in [(least, min), (most, max)] {
        if let Some(bound) = bound {
            schema[name] = json!(bound);
        }
    }
    schema
}

/// Every member of a document with AWS's names that its table does not know, as faults at their places beneath `pointer`.
pub(crate) fn unknown(shape: &'static Shape, document: &Value, pointer: &str, found: &mut Vec<Fault>) {
    match (&shape.kind, document) {
        (ShapeKind::Structure { members, .. }, Value::Object(object)) => {
            for (name, value) in object {
                let place = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                match members.iter().find(|member| member.name == name) {
                    Some(member) => unknown(member.shape, value, &place, found),
                    None => {
                        let known: Vec<&str> = members.iter().map(|member| member.name).collect();
                        found.push(Fault {
                            pointer: Some(place.chars().take(200).collect()),
                            parameter: None,
                            detail: format!("is unknown; known are {}", known.join(", ")),
                        });
                    }
                }
            }
        }
        (ShapeKind::List { element, .. }, Value::Array(values)) => {
            for (index, value) in values.iter().enumerate() {
                unknown(element, value, &format!("{pointer}/{index}"), found);
            }
        }
        (ShapeKind::Map { value: entry, .. }, Value::Object(object)) => {
            for (name, value) in object {
                unknown(entry, value, &format!("{pointer}/{name}"), found);
            }
        }
        _ => {}
    }
}
