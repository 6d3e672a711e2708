//! Bodies: taken in within bounds of size, time and nesting, and read into types that refuse what they do not know.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Body;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, IgnoredAny};
use serde_path_to_error::Segment;

use crate::Problem;
use crate::endpoint::JSON_MEDIA_TYPE;
use crate::problem::Kind;

/// Most bytes of a body.
pub(crate) const LARGEST: usize = 1024 * 1024;
/// Bytes of a spooled body that are written at once.
const PENDING: usize = 1024 * 1024;
/// Most objects and arrays within each other.
const DEEPEST: usize = 64;
/// Most letters of a decoder's complaint that are passed on.
const LONGEST_COMPLAINT: usize = 300;

/// Reads a member of a change, which says `#[serde(default)]` too: `None` where it is left out. `null` is then up to `T`: an
/// option takes it as clearing, anything else refuses it.
pub(crate) fn sent<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// Takes in a body.
pub(crate) async fn read<B>(parts: &Parts, body: &mut B, patience: Duration) -> Result<Bytes, Problem>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let too_large = || Problem::new(Kind::TooLarge, format!("A body has at most {LARGEST} bytes here"));
    let stated = parts
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    if stated
        .and_then(|text| text.parse::<u64>().ok())
        .is_some_and(|length| length > LARGEST as u64)
    {
        return Err(too_large());
    }
    let collected = Limited::new(body, LARGEST).collect();
    match tokio::time::timeout(patience, collected).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => {
            let mut problem = Problem::new(Kind::Malformed, "The body ended before its stated length");
            problem.internal = Some(error.to_string());
            Err(problem)
        }
        Err(_) => {
            let seconds = patience.as_secs();
            Err(Problem::new(
                Kind::Timeout,
                format!("The body did not arrive within {seconds} seconds"),
            ))
        }
    }
}

/// Takes a body of any size in to a file that has no name, so that nothing is left of it however this ends. No piece may be
/// longer on its way than `patience`; the whole may.
pub(crate) async fn spool<B>(body: &mut B, folder: &Path, patience: Duration) -> Result<File, Problem>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            let detail =
                "The server's disk has no room for the file: make room in its data folder, and send it again";
            Problem::new(Kind::Unavailable, detail)
        }
        _ => Problem::internal(format!("a body cannot be kept in a file: {error}")),
    };
    let mut file = tempfile::tempfile_in(folder).map_err(failed)?;
    let mut pending = Vec::with_capacity(PENDING);
    loop {
        let frame = match tokio::time::timeout(patience, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(None) => break,
            Ok(Some(Err(error))) => {
                let mut problem =
                    Problem::new(Kind::Malformed, "The body ended before its end: send it again");
                problem.internal = Some(error.into().to_string());
                return Err(problem);
            }
            Err(_) => {
                let seconds = patience.as_secs();
                let detail = format!("Nothing of the body arrived for {seconds} seconds: send it again");
                return Err(Problem::new(Kind::Timeout, detail));
            }
        };
        if let Some(data) = frame.data_ref() {
            pending.extend_from_slice(data);
        }
        if pending.len() >= PENDING {
            (file, pending) = write(file, pending).await.map_err(failed)?;
        }
    }
    let (file, _) = write(file, pending).await.map_err(failed)?;
    Ok(file)
}

/// Writes where it holds nobody up: a disk that is busy takes its time.
async fn write(mut file: File, mut pending: Vec<u8>) -> io::Result<(File, Vec<u8>)> {
    let written = tokio::task::spawn_blocking(move || {
        file.write_all(&pending)?;
        pending.clear();
        Ok((file, pending))
    });
    written.await.map_err(io::Error::other)?
}

/// Refuses a body that does not say it is of that type.
pub(crate) fn expect(parts: &Parts, media_type: &str) -> Result<(), Problem> {
    let stated = parts
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = stated.and_then(|text| text.split(';').next()).unwrap_or_default();
    if essence.trim().eq_ignore_ascii_case(media_type) {
        Ok(())
    } else {
        let what = match media_type {
            JSON_MEDIA_TYPE => "JSON",
            _ => "a file",
        };
        let detail = format!("The body must be {what}, sent with the header content-type: {media_type}");
        Err(Problem::new(Kind::UnsupportedMediaType, detail))
    }
}

/// Reads a body as a type.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    if body.is_empty() {
        return Err(Problem::new(
            Kind::Malformed,
            "The body is missing: this endpoint takes a JSON object",
        ));
    }
    if too_deep(body) {
        let detail = format!("The body nests objects and arrays more than {DEEPEST} deep");
        return Err(Problem::new(Kind::Malformed, detail));
    }
    // The reader would take an array as well, for an object whose members come one after the other.
    if body.trim_ascii_start().starts_with(b"[") {
        let detail = "must be a JSON object; the request has an array there";
        return Err(Problem::member("", detail));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let pointer = pointer(error.path());
        let inner = error.into_inner();
        if inner.is_data() {
            Problem::member(pointer, in_words(&complaint(&inner)))
        } else if serde_json::from_slice::<IgnoredAny>(body).is_ok() {
            // The reader calls it a fault of the text where what should be one of several forms has two of them.
            let detail = "must be exactly one of the forms it may have: here is more than one, or none";
            Problem::member(pointer, detail)
        } else {
            not_json(&inner)
        }
    })?;
    reader.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

fn not_json(error: &serde_json::Error) -> Problem {
    Problem::new(
        Kind::Malformed,
        format!("The body is not JSON: {}", complaint(error)),
    )
}

fn complaint(error: &impl Display) -> String {
    error.to_string().chars().take(LONGEST_COMPLAINT).collect()
}

/// What the reader says of a member, which is meant for who wrote the type, as words for who wrote the body.
fn in_words(complaint: &str) -> String {
    // The place is told by a pointer: bytes are of no use to whoever did not write them by hand.
    let said = complaint
        .rfind(" at line ")
        .map_or(complaint, |end| &complaint[..end]);
    let name = |rest: &str| rest.split('`').next().unwrap_or_default().to_owned();
    if let Some(rest) = said.strip_prefix("missing field `") {
        return format!("{} is missing", name(rest));
    }
    if let Some(rest) = said.strip_prefix("duplicate field `") {
        return format!("{} is there twice", name(rest));
    }
    if let Some((_, known)) = said
        .strip_prefix("unknown field `")
        .and_then(|rest| rest.split_once("`, expected "))
    {
        return format!("is not known here: use {}", known.replace('`', ""));
    }
    if let Some((found, wanted)) = said
        .strip_prefix("invalid type: ")
        .and_then(|rest| rest.split_once(", expected "))
    {
        return format!(
            "must be {}; the request has {} there",
            shape(wanted),
            found.replace('`', "")
        );
    }
    said.to_owned()
}

/// What the reader wanted, without the names of types.
fn shape(wanted: &str) -> &str {
    match wanted.split(' ').next() {
        Some("struct") => "an object",
        Some("enum") => "one of its forms",
        Some("u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64") => {
            "a whole number in its bounds"
        }
        _ => wanted,
    }
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    let mut out = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => out.push_str(&format!("/{index}")),
            Segment::Map { key } => {
                out.push('/');
                out.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    out
}

fn too_deep(body: &[u8]) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => {
                depth += 1;
                if depth > DEEPEST {
                    return true;
                }
            }
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Sample {
        name: String,
        more: Option<Vec<Sample>>,
    }

    #[test]
    fn a_fault_is_named_by_its_place() {
        let place = |body: &str| {
            let problem = parse::<Sample>(body.as_bytes()).unwrap_err();
            (
                problem.kind,
                problem.faults.first().and_then(|fault| fault.pointer.clone()),
            )
        };
        assert_eq!(place(r#"{"name":1}"#), (Kind::Invalid, Some("/name".to_owned())));
        let nested = r#"{"name":"a","more":[{"name":"b"},{"name":"c","colour":1}]}"#;
        assert_eq!(place(nested), (Kind::Invalid, Some("/more/1/colour".to_owned())));
        for broken in ["", "{", r#"{"name":"a"} {}"#, "\u{feff}{}"] {
            assert_eq!(place(broken).0, Kind::Malformed, "{broken:?}");
        }
        assert_eq!(place(r#"{"name":"a","name":"b"}"#).0, Kind::Invalid);
    }

    #[test]
    fn a_complaint_is_in_words_for_who_wrote_the_body() {
        let said = |body: &str| parse::<Sample>(body.as_bytes()).unwrap_err().detail;
        for (body, words) in [
            ("{}", "name is missing"),
            (r#"{"name":"a","name":"b"}"#, "name is there twice"),
            (
                r#"{"name":"a","colour":1}"#,
                "/colour: is not known here: use name or more",
            ),
            (
                r#"{"name":1}"#,
                "/name: must be a string; the request has integer 1 there",
            ),
            (
                r#"{"name":"a","more":[true]}"#,
                "/more/0: must be an object; the request has boolean true there",
            ),
            (
                r#" ["a", null]"#,
                "must be a JSON object; the request has an array there",
            ),
        ] {
            assert_eq!(said(body), words, "{body}");
        }
    }

    #[test]
    fn what_is_json_is_never_said_not_to_be() {
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "camelCase")]
        #[expect(dead_code, reason = "only whether it can be read matters")]
        enum Form {
            Plain,
            Held { by: u8 },
        }
        #[derive(Debug, Deserialize)]
        #[expect(dead_code, reason = "only whether it can be read matters")]
        struct Forms {
            forms: Vec<Form>,
        }
        for two in [
            r#"{"forms":[{"plain":null,"held":{"by":1}}]}"#,
            r#"{"forms":[{"held":{"by":1},"plain":null}]}"#,
        ] {
            let problem = parse::<Forms>(two.as_bytes()).unwrap_err();
            assert_eq!(problem.kind, Kind::Invalid, "{two}: {problem:?}");
            assert_eq!(
                problem.faults[0].pointer.as_deref(),
                Some("/forms/0"),
                "{problem:?}"
            );
        }
        let cut = parse::<Forms>(br#"{"forms":[{"plain":null"#).unwrap_err();
        assert_eq!(cut.kind, Kind::Malformed);
    }

    #[test]
    fn nesting_is_bounded_and_brackets_in_texts_are_none() {
        let deep = format!("{}{}", "[".repeat(DEEPEST + 1), "]".repeat(DEEPEST + 1));
        assert!(too_deep(deep.as_bytes()));
        assert!(!too_deep(&deep.as_bytes()[1..=DEEPEST]));
        assert!(!too_deep(format!("\"\\\"{}\"", "[".repeat(1000)).as_bytes()));
    }
}
