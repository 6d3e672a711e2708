//! Takes values out of a document and notes every flaw on the way. Knows the forms of values, not what a script holds.

use serde_json::{Map, Value};

use super::super::delay::{self, Delay};
use crate::Flaw;
use crate::flaw::one_of;

/// The most entries of a list.
const MOST: usize = 1_000;

/// Collects the flaws. What it cannot read it answers with something harmless, so that the rest is looked at as well.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) flaws: Vec<Flaw>,
}

impl Reader {
    pub(super) fn flaw(&mut self, path: &str, wrong: impl Into<String>, instead: impl Into<String>) {
        self.flaws.push(Flaw::new(path, wrong, instead));
    }

    pub(super) fn wrong_type(&mut self, path: &str, value: &Value, instead: impl Into<String>) {
        self.flaw(path, format!("this is {}", kind(value)), instead);
    }

    pub(super) fn table<'a>(
        &mut self,
        path: &str,
        value: &'a Value,
        known: &[&str],
    ) -> Option<&'a Map<String, Value>> {
        let Some(map) = value.as_object().filter(|map| !is_date(map)) else {
            self.wrong_type(
                path,
                value,
                format!("write a table with members out of: {}", known.join(", ")),
            );
            return None;
        };
        for name in map.keys().filter(|name| !known.contains(&name.as_str())) {
            self.flaw(
                &member(path, name),
                "there is no such member here",
                one_of(name, known),
            );
        }
        Some(map)
    }

    pub(super) fn text(&mut self, path: &str, value: &Value, longest: usize) -> Option<String> {
        let Some(text) = value.as_str() else {
            self.wrong_type(path, value, "write a text in quotes");
            return None;
        };
        let length = text.chars().count();
        if text.trim().is_empty() {
            self.flaw(path, "this is empty", "write something, or leave the member out");
            return None;
        }
        if length > longest {
            let wrong = format!("this has {length} characters");
            self.flaw(path, wrong, format!("write at most {longest}"));
            return None;
        }
        Some(text.to_owned())
    }

    pub(super) fn list<'a>(&mut self, path: &str, value: &'a Value, instead: &str) -> &'a [Value] {
        match value {
            Value::Array(list) if list.len() > MOST => {
                let wrong = format!("this list has {} entries", list.len());
                self.flaw(path, wrong, format!("write at most {MOST}"));
                &[]
            }
            Value::Array(list) => list,
            other => {
                self.wrong_type(path, other, instead);
                &[]
            }
        }
    }

    pub(super) fn delay(&mut self, path: &str, value: &Value) -> Option<Delay> {
        let delay = value.as_str().and_then(Delay::parse);
        if delay.is_none() {
            let wrong = value.as_str().map_or_else(
                || format!("this is {}", kind(value)),
                |text| format!("{} is no delay", shown(text)),
            );
            self.flaw(path, wrong, delay::FORM);
        }
        delay
    }

    pub(super) fn demand<'a>(
        &mut self,
        map: &'a Map<String, Value>,
        path: &str,
        name: &str,
        instead: &str,
    ) -> Option<&'a Value> {
        let value = map.get(name);
        if value.is_none() {
            self.flaw(&member(path, name), "this is missing", instead);
        }
        value
    }

    /// One of the known words.
    pub(super) fn word(&mut self, path: &str, value: &Value, known: &[&str]) -> Option<String> {
        let Some(text) = value.as_str() else {
            self.wrong_type(path, value, "write a text in quotes");
            return None;
        };
        if !known.contains(&text) {
            self.flaw(
                path,
                format!("{} is not known here", shown(text)),
                one_of(text, known),
            );
            return None;
        }
        Some(text.to_owned())
    }

    /// One text, or a list of texts, each read by `read`, which tells what to write instead.
    pub(super) fn entries<T>(
        &mut self,
        map: &Map<String, Value>,
        path: &str,
        name: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let place = member(path, name);
        let (list, single) = match map.get(name) {
            None => return Vec::new(),
            Some(text @ Value::String(_)) => (std::slice::from_ref(text), true),
            Some(other) => (
                self.list(&place, other, "write a text in quotes, or a list of such"),
                false,
            ),
        };
        if map.get(name).and_then(Value::as_array).is_some_and(Vec::is_empty) {
            self.flaw(
                &place,
                "no deal meets an empty list",
                "write an entry, or leave the member out",
            );
        }
        let mut made = Vec::new();
        for (value, position) in list.iter().zip(1..) {
            let place = if single {
                place.clone()
            } else {
                format!("{place}[{position}]")
            };
            match value.as_str().map(|text| (text, read(text))) {
                Some((_, Ok(entry))) => made.push(entry),
                Some((text, Err(instead))) => {
                    self.flaw(&place, format!("{} is not known here", shown(text)), instead);
                }
                None => self.wrong_type(&place, value, "write a text in quotes"),
            }
        }
        made
    }
}

pub(super) fn member(path: &str, name: &str) -> String {
    // A name comes from the text as well; a flaw must stay readable.
    let name: String = name.chars().take(60).collect();
    if path.is_empty() {
        name
    } else {
        format!("{path}.{name}")
    }
}

/// A text of the script as a flaw repeats it: in quotes, cut where it is long.
pub(super) fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    if short.starts_with('"') {
        short
    } else {
        format!("{short:?}")
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(map) if is_date(map) => "a date or a time of day",
        Value::Object(_) => "a table",
    }
}

/// What the TOML reader makes of a date, for which JSON has no kind.
fn is_date(map: &Map<String, Value>) -> bool {
    map.contains_key("$__toml_private_datetime")
}
