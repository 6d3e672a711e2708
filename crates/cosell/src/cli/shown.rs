//! Answers of a server as commands show them: members by their place, in one spelling for everything that is not there.

use cosell_domain::Catalog;
use serde_json::Value;

/// The text at a JSON pointer; a dash where there is none.
pub fn at(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(true)) => "yes".to_owned(),
        Some(Value::Bool(false)) => "no".to_owned(),
        Some(other) => other.to_string(),
    }
}

/// A row of a table: the texts at these pointers.
pub fn row(value: &Value, pointers: &[&str]) -> Vec<String> {
    pointers.iter().map(|pointer| at(value, pointer)).collect()
}

/// Lines of one thing: those of these that are there.
pub fn lines(value: &Value, wanted: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let there = |pointer: &str| value.pointer(pointer).is_some_and(|value| !value.is_null());
    wanted
        .iter()
        .filter(|(_, pointer)| there(pointer))
        .map(|(name, pointer)| (*name, at(value, pointer)))
        .collect()
}

/// The body of a change: each member with what it becomes, or `null` where it is taken away. The others stay.
pub fn change<const N: usize>(members: [(&str, Option<String>, bool); N]) -> Value {
    let sent = members.into_iter().filter_map(|(name, becomes, taken_away)| {
        let value = match becomes {
            Some(text) => Value::String(text),
            None if taken_away => Value::Null,
            None => return None,
        };
        Some((name.to_owned(), value))
    });
    Value::Object(sent.collect())
}

/// How long something has waited, in its two largest units.
pub fn age(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match () {
        () if days > 0 => format!("{days}d {}h", hours % 24),
        () if hours > 0 => format!("{hours}h {}m", minutes % 60),
        () if minutes > 0 => format!("{minutes}m {}s", seconds % 60),
        () => format!("{seconds}s"),
    }
}

/// The catalog of a command.
#[derive(clap::Args, Debug, Clone)]
pub struct InCatalog {
    /// The catalog: AWS or Sandbox
    #[arg(long, value_parser = super::parse_catalog, default_value = "Sandbox")]
    pub catalog: Catalog,
}

impl InCatalog {
    /// Its name.
    pub fn name(&self) -> &'static str {
        self.catalog.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_has_what_is_set_and_what_is_taken_away() {
        let sent = change([
            ("name", Some("x".to_owned()), false),
            ("stays", None, false),
            ("goes", None, true),
        ]);
        assert_eq!(sent, serde_json::json!({"name": "x", "goes": null}));
    }

    #[test]
    fn an_age_has_its_two_largest_units() {
        for (seconds, text) in [(5, "5s"), (65, "1m 5s"), (7_260, "2h 1m"), (266_400, "3d 2h")] {
            assert_eq!(age(seconds), text);
        }
    }
}
