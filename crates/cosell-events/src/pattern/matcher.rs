//! One test of one leaf value. Never fails, never allocates more than a lower-case copy of the value.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

/// The largest number, positive or negative, that numeric tests look at (EventBridge: minus to plus five thousand million).
pub(super) const NUMERIC_BOUND: f64 = 5.0e9;

/// A test of a leaf.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Test {
    /// Exactly this string, boolean or null.
    Equals(Value),
    /// This number, however it is spelt.
    Number(f64),
    /// Of this form.
    Text(Form),
    /// A string or number, and any other value, that is none of these.
    AnythingBut(Vec<Test>),
    /// There is a leaf, or there is none. Looked at where absence can be seen, see the callers.
    Exists(bool),
    /// A number in a range.
    Numeric(Range),
    /// A string that is an IP address of a network.
    Cidr(IpNet),
}

/// A form of strings.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Form {
    Prefix(String),
    Suffix(String),
    /// In lower case.
    PrefixAnyCase(String),
    /// In lower case.
    SuffixAnyCase(String),
    /// In lower case.
    EqualsAnyCase(String),
    Wildcard(Wildcard),
}

/// A range of numbers; a border is its value and whether it belongs to the range.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Range {
    pub lower: Option<(f64, bool)>,
    pub upper: Option<(f64, bool)>,
}

/// The literal parts between the `*`s: the first is the start, the last the end; one part alone is the whole.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wildcard(pub Vec<String>);

impl Test {
    /// Whether a leaf (no array, no object) passes.
    pub fn holds(&self, leaf: &Value) -> bool {
        match self {
            Test::Equals(wanted) => wanted == leaf,
            Test::Number(wanted) => leaf.as_f64() == Some(*wanted),
            Test::Text(form) => leaf.as_str().is_some_and(|text| form.holds(text)),
            Test::AnythingBut(excluded) => !excluded.iter().any(|test| test.holds(leaf)),
            // A leaf is there.
            Test::Exists(wanted) => *wanted,
            Test::Numeric(range) => leaf.as_f64().is_some_and(|number| range.holds(number)),
            Test::Cidr(network) => leaf
                .as_str()
                .and_then(|text| text.parse::<IpAddr>().ok())
                .is_some_and(|address| network.contains(&address)),
        }
    }
}

impl Form {
    fn holds(&self, text: &str) -> bool {
        match self {
            Form::Prefix(start) => text.starts_with(start.as_str()),
            Form::Suffix(end) => text.ends_with(end.as_str()),
            Form::PrefixAnyCase(start) => text.to_lowercase().starts_with(start.as_str()),
            Form::SuffixAnyCase(end) => text.to_lowercase().ends_with(end.as_str()),
            Form::EqualsAnyCase(wanted) => text.to_lowercase() == *wanted,
            Form::Wildcard(wildcard) => wildcard.holds(text),
        }
    }
}

impl Range {
    fn holds(&self, number: f64) -> bool {
        number.abs() <= NUMERIC_BOUND
            && self
                .lower
                .is_none_or(|(border, within)| number > border || within && number == border)
            && self
                .upper
                .is_none_or(|(border, within)| number < border || within && number == border)
    }
}

impl Wildcard {
    /// Each middle part is taken where it is found first: what is left for the next is the longest there can be, so no
    /// second way need be tried, and the time is linear.
    fn holds(&self, text: &str) -> bool {
        let Some((first, rest)) = self.0.split_first() else {
            return text.is_empty();
        };
        let Some((last, middle)) = rest.split_last() else {
            return text == first;
        };
        let Some(text) = text.strip_prefix(first.as_str()) else {
            return false;
        };
        let Some(mut text) = text.strip_suffix(last.as_str()) else {
            return false;
        };
        for part in middle {
            match memchr::memmem::find(text.as_bytes(), part.as_bytes()) {
                // The end of a match of whole characters is a border of characters.
                Some(at) => text = text.get(at + part.len()..).unwrap_or_default(),
                None => return false,
            }
        }
        true
    }
}
