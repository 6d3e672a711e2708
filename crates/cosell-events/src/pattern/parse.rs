//! From JSON to a checked pattern. Every refusal says where and what to write instead.

use serde_json::Value;

use super::matcher::{Form, NUMERIC_BOUND, Range, Test, Wildcard};
use super::{Fields, MAX_BYTES, MAX_COMBINATIONS, MAX_DEPTH, MAX_WILDCARDS, Node, PatternError};

/// The operators, for messages.
const OPERATORS: &str = "prefix, suffix, anything-but, exists, numeric, equals-ignore-case, wildcard or cidr";

/// The way to a place in the pattern.
#[derive(Clone, Copy)]
enum At<'a> {
    Top,
    Name(&'a At<'a>, &'a str),
    Item(&'a At<'a>, usize),
}

impl At<'_> {
    fn text(&self) -> String {
        match self {
            At::Top => String::new(),
            At::Name(At::Top, name) => (*name).to_owned(),
            At::Name(to, name) => format!("{}.{name}", to.text()),
            At::Item(to, item) => format!("{}[{item}]", to.text()),
        }
    }

    fn wrong(&self, what: impl Into<String>) -> PatternError {
        let at = match self {
            At::Top => "the top".to_owned(),
            at => at.text(),
        };
        PatternError {
            at,
            what: what.into(),
        }
    }
}

pub(super) fn pattern(value: &Value) -> Result<Fields, PatternError> {
    let length = value.to_string().len();
    if length > MAX_BYTES {
        return Err(At::Top.wrong(format!(
            "it has {length} bytes; at most {MAX_BYTES} are taken. Split it into several rules"
        )));
    }
    let (fields, combinations) = fields(value, At::Top, 0)?;
    if combinations > MAX_COMBINATIONS {
        return Err(At::Top.wrong(format!(
            "its alternatives have {combinations} combinations; at most {MAX_COMBINATIONS} are taken. Split it into \
             several rules"
        )));
    }
    Ok(fields)
}

/// The fields of an object, and how many combinations they have.
fn fields(value: &Value, at: At<'_>, depth: usize) -> Result<(Fields, u64), PatternError> {
    let Value::Object(members) = value else {
        return Err(at.wrong("it must be an object of field names"));
    };
    if members.is_empty() {
        return Err(at.wrong("an empty object chooses nothing; name a field"));
    }
    if depth >= MAX_DEPTH {
        return Err(at.wrong(format!("fields may be nested {MAX_DEPTH} deep")));
    }
    let mut found = Fields::default();
    let mut combinations = 1_u64;
    for (name, value) in members {
        let at = At::Name(&at, name);
        let ways = if name == "$or" {
            let (alternatives, ways) = alternatives(value, at, depth)?;
            found.any.push(alternatives);
            ways
        } else {
            let (node, ways) = node(value, at, depth)?;
            found.named.push((name.clone(), node));
            ways
        };
        combinations = combinations.saturating_mul(ways);
    }
    Ok((found, combinations))
}

fn alternatives(value: &Value, at: At<'_>, depth: usize) -> Result<(Vec<Fields>, u64), PatternError> {
    let items = match value {
        Value::Array(items) if items.len() >= 2 => items,
        _ => return Err(at.wrong("$or must be an array of at least two objects")),
    };
    let mut found = Vec::with_capacity(items.len());
    let mut combinations = 0_u64;
    for (item, value) in items.iter().enumerate() {
        let (fields, ways) = fields(value, At::Item(&at, item), depth + 1)?;
        found.push(fields);
        combinations = combinations.saturating_add(ways);
    }
    Ok((found, combinations))
}

fn node(value: &Value, at: At<'_>, depth: usize) -> Result<(Node, u64), PatternError> {
    match value {
        Value::Object(_) => fields(value, at, depth + 1).map(|(fields, ways)| (Node::Object(fields), ways)),
        Value::Array(items) if items.is_empty() => {
            Err(at.wrong("an empty array chooses nothing; name a value"))
        }
        Value::Array(items) => {
            let tests = items
                .iter()
                .enumerate()
                .map(|(item, value)| test(value, At::Item(&at, item)))
                .collect::<Result<Vec<_>, _>>()?;
            let ways = u64::try_from(tests.len()).unwrap_or(u64::MAX);
            Ok((Node::Leaf(tests), ways))
        }
        _ => Err(at.wrong(format!("a value must stand in an array: write [{value}]"))),
    }
}

/// A value or an operator in a field's array.
fn test(value: &Value, at: At<'_>) -> Result<Test, PatternError> {
    match value {
        Value::Array(_) => Err(at.wrong("an array cannot stand in an array")),
        Value::Object(members) => {
            let mut members = members.iter();
            let (Some((operator, operand)), None) = (members.next(), members.next()) else {
                return Err(at.wrong(format!("write one operator an object: {OPERATORS}")));
            };
            operation(operator, operand, At::Name(&at, operator))
        }
        scalar => Ok(exact(scalar)),
    }
}

fn exact(scalar: &Value) -> Test {
    match scalar.as_f64() {
        Some(number) => Test::Number(number),
        None => Test::Equals(scalar.clone()),
    }
}

fn operation(operator: &str, operand: &Value, at: At<'_>) -> Result<Test, PatternError> {
    match operator {
        "prefix" | "suffix" => {
            if let Value::Object(members) = operand {
                return match (members.len(), members.get("equals-ignore-case")) {
                    (1, Some(Value::String(text))) if !text.is_empty() => {
                        let lower = text.to_lowercase();
                        Ok(Test::Text(if operator == "prefix" {
                            Form::PrefixAnyCase(lower)
                        } else {
                            Form::SuffixAnyCase(lower)
                        }))
                    }
                    _ => Err(at.wrong(format!(
                        "write a string, or {{\"equals-ignore-case\": a string that is not empty}}, after {operator}"
                    ))),
                };
            }
            form(operator, operand, at).map(Test::Text)
        }
        "equals-ignore-case" | "wildcard" => form(operator, operand, at).map(Test::Text),
        "anything-but" => anything_but(operand, at),
        "exists" => match operand {
            Value::Bool(wanted) => Ok(Test::Exists(*wanted)),
            _ => Err(at.wrong("exists must be true or false")),
        },
        "numeric" => numeric(operand, at).map(Test::Numeric),
        "cidr" => operand
            .as_str()
            .and_then(|text| text.parse().ok())
            .map(Test::Cidr)
            .ok_or_else(|| at.wrong("cidr must be a network such as 10.0.0.0/24 or 2001:db8::/32")),
        _ => Err(at.wrong(format!("there is no such operator; write {OPERATORS}"))),
    }
}

/// The operators on strings.
fn form(operator: &str, operand: &Value, at: At<'_>) -> Result<Form, PatternError> {
    let Value::String(text) = operand else {
        return Err(at.wrong(format!("{operator} must be a string")));
    };
    match operator {
        "wildcard" => wildcard(text, at).map(Form::Wildcard),
        "equals-ignore-case" => Ok(Form::EqualsAnyCase(text.to_lowercase())),
        _ if text.is_empty() => Err(at.wrong(format!("{operator} must not be empty"))),
        "prefix" => Ok(Form::Prefix(text.clone())),
        _ => Ok(Form::Suffix(text.clone())),
    }
}

fn wildcard(text: &str, at: At<'_>) -> Result<Wildcard, PatternError> {
    let mut parts = vec![String::new()];
    let mut characters = text.chars();
    let mut after_star = false;
    while let Some(character) = characters.next() {
        let star = character == '*';
        let literal = match character {
            '*' if after_star => {
                return Err(at.wrong("two * in a row mean no more than one; write one"));
            }
            '*' => {
                parts.push(String::new());
                None
            }
            '\\' => match characters.next() {
                Some(escaped @ ('*' | '\\')) => Some(escaped),
                _ => {
                    return Err(
                        at.wrong("a \\ must be followed by * or \\ (in JSON: \"\\\\*\" or \"\\\\\\\\\")")
                    );
                }
            },
            other => Some(other),
        };
        if let (Some(literal), Some(part)) = (literal, parts.last_mut()) {
            part.push(literal);
        }
        after_star = star;
    }
    if parts.len() > MAX_WILDCARDS + 1 {
        return Err(at.wrong(format!("at most {MAX_WILDCARDS} * are taken")));
    }
    Ok(Wildcard(parts))
}

fn anything_but(operand: &Value, at: At<'_>) -> Result<Test, PatternError> {
    let wrong = || {
        at.wrong(
            "anything-but takes a string, a number, an array of strings or of numbers, or an object with prefix, suffix, \
             equals-ignore-case or wildcard",
        )
    };
    let excluded = match operand {
        Value::String(_) | Value::Number(_) => vec![exact(operand)],
        Value::Array(items)
            if !items.is_empty()
                && (items.iter().all(Value::is_string) || items.iter().all(Value::is_number)) =>
        {
            items.iter().map(exact).collect()
        }
        Value::Object(members) => {
            let mut members = members.iter();
            let (Some((operator, operand)), None) = (members.next(), members.next()) else {
                return Err(wrong());
            };
            if !matches!(
                operator.as_str(),
                "prefix" | "suffix" | "equals-ignore-case" | "wildcard"
            ) {
                return Err(wrong());
            }
            let at = At::Name(&at, operator);
            match operand {
                Value::Array(items) if !items.is_empty() => items
                    .iter()
                    .enumerate()
                    .map(|(item, value)| form(operator, value, At::Item(&at, item)).map(Test::Text))
                    .collect::<Result<_, _>>()?,
                operand => vec![Test::Text(form(operator, operand, at)?)],
            }
        }
        _ => return Err(wrong()),
    };
    Ok(Test::AnythingBut(excluded))
}

fn numeric(operand: &Value, at: At<'_>) -> Result<Range, PatternError> {
    let wrong = || {
        at.wrong("numeric takes one or two comparisons, a lower one first, such as [\">\", 0, \"<=\", 5] or [\"=\", 3]")
    };
    let Value::Array(items) = operand else {
        return Err(wrong());
    };
    let mut range = Range::default();
    let pairs = items.as_chunks::<2>();
    if !pairs.1.is_empty() || !(1..=2).contains(&pairs.0.len()) {
        return Err(wrong());
    }
    for [comparison, number] in pairs.0 {
        let (Some(comparison), Some(number)) = (comparison.as_str(), number.as_f64()) else {
            return Err(wrong());
        };
        if number.abs() > NUMERIC_BOUND {
            return Err(at.wrong("numbers are taken from -5000000000 to 5000000000"));
        }
        match comparison {
            "=" if range == Range::default() && pairs.0.len() == 1 => {
                range.lower = Some((number, true));
                range.upper = Some((number, true));
            }
            ">" | ">=" if range == Range::default() => range.lower = Some((number, comparison == ">=")),
            "<" | "<=" if range.upper.is_none() => range.upper = Some((number, comparison == "<=")),
            _ => return Err(wrong()),
        }
    }
    if let (Some((lower, from)), Some((upper, to))) = (range.lower, range.upper)
        && (lower > upper || lower == upper && !(from && to))
    {
        return Err(at.wrong("no number lies in this range; the lower border comes first"));
    }
    Ok(range)
}
