//! Parameters of path and query, checked by the table before an endpoint runs: unknown and repeated ones are refused, and
//! every fault is named at once.

use cosell_model::Timestamp;

use crate::Problem;
use crate::endpoint::{Endpoint, Kind, Parameter, Place};
use crate::percent;
use crate::problem::Fault;

/// The parameters of a request that fit the endpoint.
#[derive(Debug)]
pub(crate) struct Parameters(Vec<(&'static str, String)>);

impl Parameters {
    /// Reads and checks them.
    pub(crate) fn read(
        endpoint: &Endpoint,
        path: Vec<(&'static str, String)>,
        query: Option<&str>,
    ) -> Result<Self, Problem> {
        let mut values = path;
        let mut faults = Vec::new();
        let pairs = query
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty());
        for pair in pairs {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(name), Some(value)) = (percent::decode(name, true), percent::decode(value, true))
            else {
                faults.push(Fault::of_parameter(
                    shortened(pair),
                    "is not percent-encoded UTF-8",
                ));
                continue;
            };
            match in_query(endpoint).find(|parameter| parameter.name == name) {
                None => {
                    let known: Vec<&str> = in_query(endpoint).map(|parameter| parameter.name).collect();
                    let known = match known.as_slice() {
                        [] => "this endpoint has none".to_owned(),
                        known => format!("known are {}", known.join(", ")),
                    };
                    faults.push(Fault::of_parameter(
                        shortened(&name),
                        format!("is unknown; {known}"),
                    ));
                }
                Some(parameter) if values.iter().any(|(given, _)| *given == parameter.name) => {
                    faults.push(Fault::of_parameter(name, "is given more than once"));
                }
                Some(parameter) => values.push((parameter.name, value)),
            }
        }
        for parameter in endpoint.parameters {
            let given = values.iter().find(|(name, _)| *name == parameter.name);
            let missing = parameter.place == Place::Query { required: true };
            match given {
                Some((_, value)) => {
                    if let Err(expected) = check(parameter.kind, value) {
                        faults.push(Fault::of_parameter(parameter.name, format!("must be {expected}")));
                    }
                }
                None if missing => {
                    let detail = format!("is missing: {}", expectation(parameter.kind));
                    faults.push(Fault::of_parameter(parameter.name, detail));
                }
                None => {}
            }
        }
        if faults.is_empty() {
            Ok(Self(values))
        } else {
            Err(Problem::faulty(faults))
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(given, _)| *given == name)
            .map(|(_, value)| value.as_str())
    }

    /// All but those that only say which part of a list is wanted, in the order of the table: what a cursor is bound to.
    pub(crate) fn meaning<'a>(&'a self, endpoint: &Endpoint) -> Vec<(&'static str, &'a str)> {
        let wanted = |name: &&'static str| !matches!(*name, "limit" | "cursor");
        let names = endpoint
            .parameters
            .iter()
            .map(|parameter| parameter.name)
            .filter(wanted);
        names.filter_map(|name| Some((name, self.get(name)?))).collect()
    }
}

fn in_query(endpoint: &Endpoint) -> impl Iterator<Item = &'static Parameter> {
    endpoint
        .parameters
        .iter()
        .filter(|parameter| parameter.place != Place::Path)
}

fn check(kind: Kind, value: &str) -> Result<(), String> {
    let fits = match kind {
        Kind::Text { max } => {
            !value.is_empty() && value.chars().count() <= max && !value.contains(char::is_control)
        }
        Kind::Account => value.len() == 12 && value.bytes().all(|byte| byte.is_ascii_digit()),
        Kind::Integer { min, max } => value
            .parse::<i64>()
            .is_ok_and(|number| (min..=max).contains(&number) && !value.starts_with('+')),
        Kind::Word(words) => words.contains(&value),
        Kind::Words(words) => value.split(',').all(|part| words.contains(&part)),
        Kind::Flag => matches!(value, "true" | "false"),
        Kind::Time => Timestamp::parse(value).is_some(),
    };
    if fits { Ok(()) } else { Err(expectation(kind)) }
}

fn expectation(kind: Kind) -> String {
    match kind {
        Kind::Text { max } => format!("1 to {max} characters"),
        Kind::Account => "12 digits".to_owned(),
        Kind::Integer { min, max } => format!("a whole number from {min} to {max}"),
        Kind::Word(words) => format!("one of {}", words.join(", ")),
        Kind::Words(words) => format!("one or more of {}, separated by commas", words.join(", ")),
        Kind::Flag => "true or false".to_owned(),
        Kind::Time => "a moment such as 2026-03-01T09:30:00Z".to_owned(),
    }
}

/// What a stranger sent, at a length that can be shown.
fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}
