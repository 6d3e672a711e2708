//! What is wrong with a request, in words: a walk over its tree along the shape tables.
//!
//! Slow and thorough, for bad requests only. Must name every fault, in the contract's order, and must never repeat a value
//! that was sent: it may be sensitive, and it may be long.

use std::collections::HashSet;

use serde_json::Value;

use crate::Timestamp;
use crate::enums::ValidationExceptionErrorCode as Code;
use crate::error::Violation;
use crate::pattern::{Matcher, Pattern, length};
use crate::shape::{Member, Shape, ShapeKind};
use crate::words;

/// Checks the JSON types. Gives the number of unknown members, or a message about the first value of a wrong type.
pub(crate) fn types(shape: &Shape, root: &Value) -> Result<u32, String> {
    let mut walk = Types {
        path: String::new(),
        unknown: 0,
    };
    match root {
        Value::Object(_) => walk.value(shape, root).map(|()| walk.unknown),
        other => Err(format!(
            "The request is {}; send one JSON object.",
            kind_of(other)
        )),
    }
}

struct Types {
    path: String,
    unknown: u32,
}

impl Types {
    fn value(&mut self, shape: &Shape, value: &Value) -> Result<(), String> {
        match (&shape.kind, value) {
            (ShapeKind::Structure { members, .. }, Value::Object(object)) => {
                for member in *members {
                    if let Some(value) = present(object.get(member.name)) {
                        let before = enter(&mut self.path, member);
                        self.value(member.shape, value)?;
                        self.path.truncate(before);
                    }
                }
                let known = |name: &String| members.iter().any(|member| member.name == name);
                let unknown = object
                    .iter()
                    .filter(|(name, value)| !value.is_null() && !known(name))
                    .count();
                self.unknown = self
                    .unknown
                    .saturating_add(u32::try_from(unknown).unwrap_or(u32::MAX));
                Ok(())
            }
            (ShapeKind::List { element, .. }, Value::Array(elements)) => elements
                .iter()
                .filter(|e| !e.is_null())
                .try_for_each(|e| self.value(element, e)),
            (ShapeKind::Map { value: entry, .. }, Value::Object(entries)) => entries
                .values()
                .filter(|e| !e.is_null())
                .try_for_each(|e| self.value(entry, e)),
            (ShapeKind::String { .. }, Value::String(_)) => Ok(()),
            (ShapeKind::Integer { .. }, Value::Number(number))
                if number.as_i64().is_some_and(|n| i32::try_from(n).is_ok()) =>
            {
                Ok(())
            }
            // Reading it is the only exact test, and it is the reader's own.
            (ShapeKind::Timestamp, Value::String(_) | Value::Number(_))
                if serde_json::from_value::<Timestamp>(value.clone()).is_ok() =>
            {
                Ok(())
            }
            (kind, other) => {
                let expected = expected(kind);
                Err(format!(
                    "{} must be {expected}; the request has {} there.",
                    self.path,
                    kind_of(other)
                ))
            }
        }
    }
}

fn expected(kind: &ShapeKind) -> &'static str {
    match kind {
        ShapeKind::Structure { .. } | ShapeKind::Map { .. } => "a JSON object",
        ShapeKind::List { .. } => "a JSON array",
        ShapeKind::String { .. } => "a JSON string",
        ShapeKind::Integer { .. } => "a whole JSON number that fits in 32 bits",
        ShapeKind::Timestamp => "a timestamp (an RFC 3339 string, or a number of seconds since 1970)",
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn present(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null())
}

/// Appends a member to the path and gives the length to cut it back to.
fn enter(path: &mut String, member: &Member) -> usize {
    let before = path.len();
    if before > 0 {
        path.push('.');
    }
    path.push_str(member.path_name);
    before
}

/// Everything that breaks a bound of the contract. Types must be right already ([`types`]); a value of a wrong type is
/// passed over. Equal entries (two elements of a list with the same fault) are reported once, since paths hold no index.
pub(crate) fn violations(shape: &Shape, root: &Value) -> Vec<Violation> {
    let mut walk = Rules {
        path: String::new(),
        found: Vec::new(),
        seen: HashSet::new(),
    };
    walk.value(shape, root);
    walk.found
}

struct Rules {
    path: String,
    found: Vec<Violation>,
    seen: HashSet<(String, String)>,
}

impl Rules {
    fn report(&mut self, code: Code, rule: &str) {
        let message = format!("{} {rule}", self.path);
        if self.seen.insert((self.path.clone(), message.clone())) {
            self.found.push(Violation::new(self.path.clone(), code, message));
        }
    }

    fn value(&mut self, shape: &Shape, value: &Value) {
        match (&shape.kind, value) {
            (ShapeKind::Structure { members, union }, Value::Object(object)) => {
                if *union {
                    self.union(members, object);
                }
                for member in *members {
                    let before = enter(&mut self.path, member);
                    match present(object.get(member.name)) {
                        Some(value) => self.value(member.shape, value),
                        None if member.required => self.report(Code::RequiredFieldMissing, "is required"),
                        None => {}
                    }
                    self.path.truncate(before);
                }
            }
            (ShapeKind::List { element, min, max }, Value::Array(elements)) => {
                let count = elements.iter().filter(|element| !element.is_null()).count();
                self.count(count, *min, *max, "elements");
                elements.iter().for_each(|value| self.value(element, value));
            }
            (
                ShapeKind::Map {
                    key,
                    value: entry,
                    min,
                    max,
                },
                Value::Object(entries),
            ) => {
                self.count(
                    entries.values().filter(|value| !value.is_null()).count(),
                    *min,
                    *max,
                    "entries",
                );
                for (name, value) in entries.iter().filter(|(_, value)| !value.is_null()) {
                    self.value(key, &Value::String(name.clone()));
                    self.value(entry, value);
                }
            }
            (
                ShapeKind::String {
                    min,
                    max,
                    pattern,
                    values,
                    ..
                },
                Value::String(text),
            ) => {
                self.length(text, min.unwrap_or(0), max.unwrap_or(u32::MAX));
                if let Some(pattern) = pattern {
                    self.pattern(text, pattern);
                }
                if !values.is_empty() && !values.contains(&text.as_str()) {
                    self.report(
                        Code::InvalidEnumValue,
                        &format!("must be one of: {}", values.join(", ")),
                    );
                }
            }
            (ShapeKind::Integer { min, max }, Value::Number(number)) => {
                let number = number.as_i64().unwrap_or_default();
                let inside =
                    min.is_none_or(|min| number >= min.into()) && max.is_none_or(|max| number <= max.into());
                if !inside {
                    let range = range(*min, *max);
                    self.report(Code::ValueOutOfRange, &format!("must be {range}; it is {number}"));
                }
            }
            _ => {}
        }
    }

    fn union(&mut self, members: &[Member], object: &serde_json::Map<String, Value>) {
        let set = members
            .iter()
            .filter(|member| present(object.get(member.name)).is_some())
            .count();
        if set != 1 {
            let names: Vec<&str> = members.iter().map(|member| member.path_name).collect();
            let rule = format!("must hold exactly one of {}; it holds {set}", names.join(", "));
            self.report(Code::InvalidValue, &rule);
        }
    }

    fn count(&mut self, count: usize, min: Option<u32>, max: Option<u32>, unit: &str) {
        let code = if min.is_some_and(|min| count < min as usize) {
            Code::NotEnoughValues
        } else if max.is_some_and(|max| count > max as usize) {
            Code::TooManyValues
        } else {
            return;
        };
        self.report(
            code,
            &format!("must have {} {unit}; it has {count}", range(min, max)),
        );
    }

    fn length(&mut self, text: &str, min: u32, max: u32) -> bool {
        let fits = length(text, min, max);
        if !fits {
            let bounds = range(
                (min > 0 || max < u32::MAX).then_some(min),
                (max < u32::MAX).then_some(max),
            );
            let actual = text.chars().count();
            let rule = format!("must have {bounds} characters; it has {actual}");
            self.report(Code::InvalidStringFormat, &rule);
        }
        fits
    }

    fn pattern(&mut self, text: &str, pattern: &Pattern) {
        // The length in front of a pattern is a rule of its own: saying which of the two is broken helps.
        if self.length(text, pattern.min, pattern.max)
            && !matches!(pattern.matcher, Matcher::Length)
            && !pattern.matches(text)
        {
            self.report(Code::InvalidStringFormat, &words::rule(pattern));
        }
    }
}

/// Inclusive bounds in words.
fn range<T: std::fmt::Display>(min: Option<T>, max: Option<T>) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => "any number of".to_owned(),
    }
}
