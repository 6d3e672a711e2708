//! EventBridge event patterns: which events a rule takes.
//!
//! The language is the one that Amazon EventBridge documents for event buses (user guide, "Comparison operators for use in
//! event patterns"). It is evaluated over one event at a time, in time linear in the event for a given pattern; every
//! bound is checked when a pattern is read, so that evaluating can neither fail nor run away.
//!
//! Own code, because no library serves: the matchers that exist for Rust know neither `$or` nor the nested forms of
//! `anything-but`.

mod matcher;
mod parse;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use matcher::Test;

/// Longest pattern, in bytes of JSON without superfluous blanks. EventBridge takes 2048, and up to 4096 on request.
pub const MAX_BYTES: usize = 4096;
/// Deepest nesting of a pattern's fields.
pub const MAX_DEPTH: usize = 32;
/// Most `*` in one wildcard.
pub const MAX_WILDCARDS: usize = 16;
/// Most combinations that the alternatives of a pattern may have, as EventBridge counts them: the values of all fields
/// multiplied, those of `$or` added up.
pub const MAX_COMBINATIONS: u64 = 1000;

/// What is wrong with a pattern, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event pattern, at {at}: {what}")]
pub struct PatternError {
    /// The way to the flaw, such as `detail.catalog[0].prefix`; `the top` for the whole pattern.
    pub at: String,
    /// What is wrong, and what to write instead.
    pub what: String,
}

/// A pattern that has been read and checked. Cheap to evaluate, any number of times.
#[derive(Clone, Debug)]
pub struct Pattern {
    fields: Fields,
}

/// What an object must fulfil: all of it.
#[derive(Clone, Debug, Default)]
struct Fields {
    named: Vec<(String, Node)>,
    /// Each `$or`: at least one of its alternatives must hold.
    any: Vec<Vec<Fields>>,
}

/// What stands under a name.
#[derive(Clone, Debug)]
enum Node {
    Object(Fields),
    /// At least one test must hold.
    Leaf(Vec<Test>),
}

impl Pattern {
    /// Reads and checks a pattern.
    ///
    /// # Errors
    /// The first flaw, with the way to it.
    pub fn parse(json: &str) -> Result<Self, PatternError> {
        let value: Value = serde_json::from_str(json).map_err(|error| PatternError {
            at: "the top".into(),
            what: format!("it is not JSON ({error}); write an object such as {{\"detail-type\": [\"Opportunity Created\"]}}"),
        })?;
        Self::from_value(&value)
    }

    /// Reads and checks a pattern that has been parsed as JSON already.
    ///
    /// # Errors
    /// As [`Pattern::parse`].
    pub fn from_value(value: &Value) -> Result<Self, PatternError> {
        parse::pattern(value).map(|fields| Self { fields })
    }

    /// Whether an event fulfils the pattern. What is not an object fulfils none.
    pub fn matches(&self, event: &Value) -> bool {
        matches!(event, Value::Object(members) if self.fields.hold(members))
    }
}

impl Fields {
    fn hold(&self, members: &Map<String, Value>) -> bool {
        self.named
            .iter()
            .all(|(name, node)| node.holds(members.get(name)))
            && self
                .any
                .iter()
                .all(|alternatives| alternatives.iter().any(|fields| fields.hold(members)))
    }

    /// Whether they hold where there is nothing at all: only tests for absence do.
    fn hold_for_nothing(&self) -> bool {
        self.hold(&Map::new())
    }
}

impl Node {
    fn holds(&self, value: Option<&Value>) -> bool {
        match self {
            Node::Object(fields) => match value {
                Some(Value::Object(members)) => fields.hold(members),
                // Fields of one array must be found together in one of its elements.
                Some(Value::Array(items)) => items.iter().any(|item| self.holds(Some(item))),
                _ => fields.hold_for_nothing(),
            },
            Node::Leaf(tests) => tests.iter().any(|test| match test {
                Test::Exists(wanted) => value.is_some_and(has_leaf) == *wanted,
                test => value.is_some_and(|value| any_leaf(value, &|leaf| test.holds(leaf))),
            }),
        }
    }
}

/// Whether the value is a leaf or an array with one: objects are no leaves, empty arrays have none.
fn has_leaf(value: &Value) -> bool {
    any_leaf(value, &|_| true)
}

fn any_leaf(value: &Value, test: &dyn Fn(&Value) -> bool) -> bool {
    match value {
        Value::Object(_) => false,
        Value::Array(items) => items.iter().any(|item| any_leaf(item, test)),
        leaf => test(leaf),
    }
}
