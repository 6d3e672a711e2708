//! The canonical form of a request, as the signer must have written it before hashing.
//!
//! The rules are those of Signature Version 4 for every service but S3: the path as sent, normalised and encoded once
//! more; the query decoded, encoded and sorted; header values trimmed with runs of blanks (space or tab) as one space.
//! Everything is appended to one buffer, so that a usual request costs one allocation.

use http::HeaderMap;

use super::error::{AuthError, Incomplete, cut};
use super::verify::SignedRequest;

/// Appends the canonical request of `request`, covering `signed_headers` (checked, sorted), to `out`.
///
/// # Errors
/// [`Incomplete::HeaderAbsent`] when a covered header did not arrive: a signature over nothing must not pass as one over
/// something.
pub(super) fn write(
    out: &mut Vec<u8>,
    request: &SignedRequest<'_>,
    signed_headers: &str,
) -> Result<(), AuthError> {
    out.extend_from_slice(request.method.as_str().as_bytes());
    out.push(b'\n');
    write_path(out, request.path);
    out.push(b'\n');
    write_query(out, request.query.unwrap_or_default());
    out.push(b'\n');
    for name in signed_headers.split(';') {
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        write_header(out, request.headers, name, request.authority)?;
        out.push(b'\n');
    }
    out.push(b'\n');
    out.extend_from_slice(signed_headers.as_bytes());
    out.push(b'\n');
    write_hex(out, request.body_sha256);
    Ok(())
}

/// Appends bytes as lower-case hex digits.
pub(super) fn write_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(
        bytes
            .iter()
            .flat_map(|&byte| [hex_digit(byte >> 4, b'a'), hex_digit(byte & 15, b'a')]),
    );
}

fn hex_digit(value: u8, ten: u8) -> u8 {
    if value < 10 {
        b'0' + value
    } else {
        ten + value - 10
    }
}

fn write_header(
    out: &mut Vec<u8>,
    headers: &HeaderMap,
    name: &str,
    authority: Option<&str>,
) -> Result<(), AuthError> {
    let mut values = headers.get_all(name).iter();
    match values.next() {
        Some(first) if name != ":authority" => write_collapsed(out, first.as_bytes()),
        // HTTP/2 has no Host header: its place is taken by the pseudo-header.
        _ => match authority {
            Some(authority) if matches!(name, "host" | ":authority") => {
                write_collapsed(out, authority.as_bytes())
            }
            _ => return Err(Incomplete::HeaderAbsent(cut(name)).into()),
        },
    }
    for value in values {
        out.push(b',');
        write_collapsed(out, value.as_bytes());
    }
    Ok(())
}

/// Appends a header value, trimmed, with inner runs of blanks as one space.
fn write_collapsed(out: &mut Vec<u8>, value: &[u8]) {
    let value = value.trim_ascii();
    if memchr::memchr(b'\t', value).is_none() && memchr::memmem::find(value, b"  ").is_none() {
        out.extend_from_slice(value);
        return;
    }
    let mut blank = false;
    for &byte in value {
        if matches!(byte, b' ' | b'\t') {
            blank = true;
            continue;
        }
        if std::mem::take(&mut blank) {
            out.push(b' ');
        }
        out.push(byte);
    }
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Appends a byte as it stands, or as `%XX`.
fn write_encoded(out: &mut Vec<u8>, byte: u8) {
    if is_unreserved(byte) {
        out.push(byte);
    } else {
        out.extend_from_slice(&[b'%', hex_digit(byte >> 4, b'A'), hex_digit(byte & 15, b'A')]);
    }
}

fn write_path(out: &mut Vec<u8>, path: &str) {
    out.push(b'/');
    let path = path.strip_prefix('/').unwrap_or(path);
    if !path.contains(['/', '.']) {
        for byte in path.bytes() {
            write_encoded(out, byte);
        }
        return;
    }
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    for (at, segment) in kept.iter().enumerate() {
        if at > 0 {
            out.push(b'/');
        }
        for byte in segment.bytes() {
            write_encoded(out, byte);
        }
    }
    let open_end = matches!(path.rsplit('/').next(), Some("" | "." | ".."));
    if open_end && !kept.is_empty() {
        out.push(b'/');
    }
}

fn write_query(out: &mut Vec<u8>, query: &str) {
    if query.is_empty() {
        return;
    }
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (recode(name), recode(value))
        })
        .collect();
    pairs.sort();
    for (at, (name, value)) in pairs.iter().enumerate() {
        if at > 0 {
            out.push(b'&');
        }
        out.extend_from_slice(name);
        out.push(b'=');
        out.extend_from_slice(value);
    }
}

/// Decodes what a client encoded in its own way (`+`, lower-case hex, needless escapes) and encodes it in the one way.
fn recode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len() + 8);
    let digit = |at: usize| bytes.get(at).and_then(|&byte| char::from(byte).to_digit(16));
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                write_encoded(&mut out, (high * 16 + low) as u8);
                at += 3;
                continue;
            }
            (b'+', ..) => write_encoded(&mut out, b' '),
            (byte, ..) => write_encoded(&mut out, byte),
        }
        at += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn paths_are_normalised_and_encoded_once_more() {
        for (path, canonical) in [
            ("", "/"),
            ("/", "/"),
            ("/GetOpportunity", "/GetOpportunity"),
            ("//GetOpportunity", "/GetOpportunity"),
            ("/a/./b/../c", "/a/c"),
            ("/a/..", "/"),
            ("/../..", "/"),
            ("/a/b/..", "/a/"),
            ("/a/", "/a/"),
            ("/a.b", "/a.b"),
            ("/a%20b", "/a%2520b"),
            ("/a:b*c", "/a%3Ab%2Ac"),
        ] {
            assert_eq!(text(|out| write_path(out, path)), canonical, "{path}");
        }
    }

    #[test]
    fn queries_are_decoded_encoded_and_sorted() {
        for (query, canonical) in [
            ("", ""),
            ("b=2&a=1", "a=1&b=2"),
            ("a", "a="),
            ("&&a=1&", "a=1"),
            ("a=b=c", "a=b%3Dc"),
            ("a=x+y&a=%7e", "a=x%20y&a=~"),
            ("q=%zz%4", "q=%25zz%254"),
            ("k=%e2%82%ac", "k=%E2%82%AC"),
            ("a-b=1&a=2", "a=2&a-b=1"),
        ] {
            assert_eq!(text(|out| write_query(out, query)), canonical, "{query}");
        }
    }

    #[test]
    fn header_values_lose_outer_blanks_and_repeated_inner_ones() {
        for (value, canonical) in [
            ("", ""),
            ("  ", ""),
            ("a", "a"),
            (" a  b ", "a b"),
            ("a\tb", "a b"),
            ("a \t  b c", "a b c"),
        ] {
            assert_eq!(
                text(|out| write_collapsed(out, value.as_bytes())),
                canonical,
                "{value:?}"
            );
        }
    }
}
