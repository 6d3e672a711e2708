//! From a request's bytes to a checked, typed input, or to a full account of what is wrong with them.
//!
//! The good path is one pass and a yes-or-no check. Only when that fails is the body read again, as a tree, and walked
//! along the shape tables to explain. Nothing here may panic, whatever the bytes are.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{ApiError, ErrorKind, Violation};
use crate::explain;
use crate::generated::operations::{Input, Operation};
use crate::shape::Shape;
use crate::wire::{Check, take_unknown_members};

/// How deep objects and lists may nest. The contract needs less than ten levels.
pub const MAX_DEPTH: usize = 64;

/// How JSON spells U+0000, the one character that not every store can keep: PostgreSQL's text cannot. The reader itself
/// refuses the bare byte.
const ESCAPED_ZERO: &str = r"\u0000";

/// A request that obeys the contract.
#[derive(Debug)]
pub struct Decoded<T> {
    /// The typed request.
    pub input: T,
    /// How many members the contract does not know; they are ignored.
    pub unknown_members: u32,
}

/// Why a body is not a valid request.
#[derive(Debug, PartialEq)]
pub enum Rejection {
    /// The body cannot be read as the request's structure at all: broken JSON, or a value of the wrong JSON type.
    Serialization(String),
    /// The body can be read, and these rules of the contract are broken: all of them, in the contract's order.
    Violations(Vec<Violation>),
}

impl From<Rejection> for ApiError {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Serialization(message) => Self::new(ErrorKind::Serialization, message),
            Rejection::Violations(violations) => Self::request_validation(violations),
        }
    }
}

/// Reads and checks a request. An empty body stands for an empty object, as SDKs send it for requests without members.
pub fn decode<T: Input + DeserializeOwned + Check>(body: &[u8]) -> Result<Decoded<T>, Rejection> {
    let text = text(body)?;
    if text.contains(ESCAPED_ZERO) {
        // The reader takes it like any other character. It may also be an escaped backslash and plain text.
        scan(text)?;
    }
    // Whatever a reader on this thread left behind does not belong to this request.
    take_unknown_members();
    let read = serde_json::from_str::<T>(text);
    let unknown_members = take_unknown_members();
    let problem = match read {
        Ok(input) => {
            if unknown_members > 0 {
                // The reader passes over unknown members without looking inside.
                scan(text)?;
            }
            if input.check() {
                return Ok(Decoded {
                    input,
                    unknown_members,
                });
            }
            "its values do not obey the contract".to_owned()
        }
        // The reader's own words may quote a value, which may be sensitive: only the place is told.
        Err(error) => format!("see line {}, column {}", error.line(), error.column()),
    };
    match check_shape(T::OPERATION.info().input, text) {
        Err(rejection) => Err(rejection),
        // The tree keeps the last of repeated members, the reader looks at each: they can disagree about a repetition.
        Ok(_) => Err(Rejection::Serialization(format!(
            "The request cannot be read: {problem}."
        ))),
    }
}

/// Checks a request of any operation by the tables alone and counts its unknown members.
pub fn check_input(operation: Operation, body: &[u8]) -> Result<u32, Rejection> {
    check_shape(operation.info().input, text(body)?)
}

fn check_shape(shape: &'static Shape, text: &str) -> Result<u32, Rejection> {
    scan(text)?;
    let value: Value = serde_json::from_str(text).map_err(|error| {
        Rejection::Serialization(format!(
            "The request is not valid JSON: {error}. Send one JSON object."
        ))
    })?;
    check_value(shape, &value)
}

/// Checks a document that came another way than as a request, by the table of its shape, and counts its unknown members.
/// `null` counts as absent. Paths in violations begin below the document.
pub fn check_value(shape: &Shape, value: &Value) -> Result<u32, Rejection> {
    let unknown = explain::types(shape, value).map_err(Rejection::Serialization)?;
    let violations = explain::violations(shape, value);
    if violations.is_empty() {
        Ok(unknown)
    } else {
        Err(Rejection::Violations(violations))
    }
}

fn text(body: &[u8]) -> Result<&str, Rejection> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let place = error.valid_up_to();
        Rejection::Serialization(format!(
            "The request is not valid UTF-8 at byte {place}. Send JSON in UTF-8."
        ))
    })?;
    let blank = text
        .bytes()
        .all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
    Ok(if blank { "{}" } else { text })
}

/// Refuses nesting beyond [`MAX_DEPTH`], halves of surrogate pairs and U+0000, in one pass without recursion. Says nothing
/// about any other flaw: the reader finds those.
fn scan(text: &str) -> Result<(), Rejection> {
    let bytes = text.as_bytes();
    let (mut at, mut depth, mut in_string) = (0, 0usize, false);
    while let Some(byte) = bytes.get(at) {
        match (in_string, byte) {
            (_, b'"') => in_string = !in_string,
            (true, b'\\') => {
                at += match escaped_unit(bytes, at) {
                    Some(0xD800..=0xDBFF) if matches!(escaped_unit(bytes, at + 6), Some(0xDC00..=0xDFFF)) => {
                        11
                    }
                    Some(0xD800..=0xDFFF) => {
                        return Err(Rejection::Serialization(format!(
                            "The request holds half of a surrogate pair at byte {at}. Send whole characters."
                        )));
                    }
                    Some(0) => return Err(zero(at)),
                    _ => 1,
                }
            }
            (true, 0) => return Err(zero(at)),
            (false, b'{' | b'[') => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(Rejection::Serialization(format!(
                        "The request nests deeper than {MAX_DEPTH} levels at byte {at}. Send a flatter document."
                    )));
                }
            }
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

fn zero(at: usize) -> Rejection {
    Rejection::Serialization(format!(
        "The request holds the character U+0000 at byte {at}, which cannot be kept. Send text without it."
    ))
}

/// The unit that `\uXXXX` at `at` stands for.
fn escaped_unit(bytes: &[u8], at: usize) -> Option<u32> {
    let [b'\\', b'u', hex @ ..] = bytes.get(at..at + 6)? else {
        return None;
    };
    hex.iter()
        .try_fold(0, |sum, digit| Some(sum * 16 + char::from(*digit).to_digit(16)?))
}
