//! Reading what a request presents: the parts of its `Authorization` header, its date, its session token.
//!
//! Parsing proves nothing. Nothing here may be trusted before [`super::Verifier::verify`] has said yes, and nothing here
//! needs a secret.

use cosell_model::Timestamp;
use http::HeaderMap;
use http::header::{AUTHORIZATION, DATE};

use super::ALGORITHM;
use super::error::{AuthError, Incomplete, cut};
use super::time::BasicTime;

/// Longest `Authorization` header read, in bytes: 64 header names of 40 characters and a generous credential fit.
const LONGEST_AUTHORIZATION: usize = 4_096;
/// Longest access key id, in characters (the bound IAM documents).
const LONGEST_ACCESS_KEY_ID: usize = 128;
/// Longest region or service name, in characters.
const LONGEST_NAME: usize = 64;
/// Most headers a signature may cover.
const MOST_SIGNED_HEADERS: usize = 64;
/// Longest session token, in bytes. AWS gives no bound; tokens seen are under 2 KiB.
const LONGEST_SESSION_TOKEN: usize = 8_192;

/// What a request says about who signed it and how. Borrowed from the request's headers.
#[derive(Clone)]
pub struct Presented<'a> {
    pub(super) access_key_id: &'a str,
    /// `date/region/service/terminator`, one slice of the header.
    pub(super) scope: &'a str,
    pub(super) scope_date: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    pub(super) terminator: &'a str,
    pub(super) signed_headers: &'a str,
    pub(super) signature: [u8; 32],
    pub(super) date: BasicTime,
    pub(super) time: Timestamp,
    pub(super) session_token: Option<&'a str>,
}

impl<'a> Presented<'a> {
    /// Reads the proof of identity from a request's headers. `uri_query` is the raw query string without `?`.
    ///
    /// Fields of the `Authorization` header may stand in any order, parted by commas, blanks or both, as signers differ.
    /// The date is `X-Amz-Date`, or `Date` when that is absent. Every length is bounded.
    ///
    /// # Errors
    /// [`AuthError::Missing`] without an `Authorization` header, [`AuthError::MalformedSignature`] for a signature that is
    /// not 64 lower-case hex digits, [`AuthError::Incomplete`] for everything else that cannot be read; a signature in the
    /// query string is always refused.
    pub fn parse(headers: &'a HeaderMap, uri_query: Option<&str>) -> Result<Self, AuthError> {
        if uri_query.is_some_and(is_presigned) {
            return Err(Incomplete::Presigned.into());
        }
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let value = values.next().ok_or(AuthError::Missing)?;
        if values.next().is_some() {
            return Err(Incomplete::RepeatedAuthorization.into());
        }
        if value.len() > LONGEST_AUTHORIZATION {
            return Err(Incomplete::UnreadableAuthorization.into());
        }
        let text = value.to_str().map_err(|_| Incomplete::UnreadableAuthorization)?;
        let fields = Fields::read(text)?;
        let credential = Credential::read(fields.credential)?;
        check_signed_headers(fields.signed_headers)?;
        let signature = unhex(fields.signature).ok_or(AuthError::MalformedSignature)?;
        let (date, time) = read_date(headers, fields.signed_headers)?;
        Ok(Self {
            access_key_id: credential.access_key_id,
            scope: credential.scope,
            scope_date: credential.date,
            region: credential.region,
            service: credential.service,
            terminator: credential.terminator,
            signed_headers: fields.signed_headers,
            signature,
            date,
            time,
            session_token: read_session_token(headers)?,
        })
    }

    /// The access key id: 1 to 128 printable characters, without `/`. Not yet known to exist.
    pub fn access_key_id(&self) -> &'a str {
        self.access_key_id
    }

    /// The region in the credential scope.
    pub fn region(&self) -> &'a str {
        self.region
    }

    /// The time the client says it signed at, whole seconds.
    pub fn signed_at(&self) -> Timestamp {
        self.time
    }

    /// The session token that came along, if any.
    pub fn session_token(&self) -> Option<&'a str> {
        self.session_token
    }

    /// The covered headers, lower-case and sorted, joined by `;`.
    pub fn signed_headers(&self) -> &'a str {
        self.signed_headers
    }
}

impl std::fmt::Debug for Presented<'_> {
    // The signature and the token are left out: with the rest of a log they would let a reader replay the request.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Presented")
            .field("access_key_id", &self.access_key_id)
            .field("scope", &self.scope)
            .field("signed_headers", &self.signed_headers)
            .field("signed_at", &self.time)
            .field("session_token", &self.session_token.map(|_| "***"))
            .finish_non_exhaustive()
    }
}

/// The three fields of the header, still text.
struct Fields<'a> {
    credential: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> Fields<'a> {
    fn read(text: &'a str) -> Result<Self, Incomplete> {
        let text = text.trim();
        let rest = match text.strip_prefix(ALGORITHM) {
            Some(rest) if rest.is_empty() || rest.starts_with([' ', '\t']) => rest,
            _ => return Err(Incomplete::Algorithm),
        };
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        // No value holds a comma or a blank, so both may part the fields.
        for part in rest.split([',', ' ', '\t']).filter(|part| !part.is_empty()) {
            let (name, slot, value) = if let Some(value) = part.strip_prefix("Credential=") {
                ("Credential", &mut credential, value)
            } else if let Some(value) = part.strip_prefix("SignedHeaders=") {
                ("SignedHeaders", &mut signed_headers, value)
            } else if let Some(value) = part.strip_prefix("Signature=") {
                ("Signature", &mut signature, value)
            } else {
                // Only the name is shown: the value might be a secret in the wrong place.
                return Err(Incomplete::UnknownField(cut(part
                    .split('=')
                    .next()
                    .unwrap_or_default())));
            };
            if slot.is_some() {
                return Err(Incomplete::RepeatedField(name));
            }
            if value.is_empty() {
                return Err(Incomplete::MissingField(name));
            }
            *slot = Some(value);
        }
        Ok(Self {
            credential: credential.ok_or(Incomplete::MissingField("Credential"))?,
            signed_headers: signed_headers.ok_or(Incomplete::MissingField("SignedHeaders"))?,
            signature: signature.ok_or(Incomplete::MissingField("Signature"))?,
        })
    }
}

/// The five parts of a credential.
struct Credential<'a> {
    access_key_id: &'a str,
    scope: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
    terminator: &'a str,
}

impl<'a> Credential<'a> {
    fn read(text: &'a str) -> Result<Self, Incomplete> {
        let broken = || Incomplete::Credential(cut(text));
        let (access_key_id, scope) = text.split_once('/').ok_or_else(broken)?;
        let mut parts = scope.split('/');
        let mut next = || {
            parts
                .next()
                .filter(|part| (1..=LONGEST_NAME).contains(&part.len()))
        };
        let (Some(date), Some(region), Some(service), Some(terminator), None) =
            (next(), next(), next(), next(), parts.next())
        else {
            return Err(broken());
        };
        if date.len() != 8
            || !date.bytes().all(|byte| byte.is_ascii_digit())
            || !(1..=LONGEST_ACCESS_KEY_ID).contains(&access_key_id.len())
        {
            return Err(broken());
        }
        Ok(Self {
            access_key_id,
            scope,
            date,
            region,
            service,
            terminator,
        })
    }
}

/// Refuses a list that could be read in two ways (unsorted, repeated, upper-case), and one that leaves out the host.
fn check_signed_headers(list: &str) -> Result<(), Incomplete> {
    let broken = || Incomplete::SignedHeaders(cut(list));
    let mut last = "";
    let mut host = false;
    for (at, name) in list.split(';').enumerate() {
        let plain = name.bytes().all(|byte| matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'0'..=b'9' | b'^'..=b'z' | b'|' | b'~'));
        if at >= MOST_SIGNED_HEADERS || name <= last || !(plain || name == ":authority") {
            return Err(broken());
        }
        host |= name == "host" || name == ":authority";
        last = name;
    }
    if host {
        Ok(())
    } else {
        Err(Incomplete::NotSigned("host"))
    }
}

/// Reads the request's date from the header that AWS reads it from, and demands that the signature covers that header.
fn read_date(headers: &HeaderMap, signed: &str) -> Result<(BasicTime, Timestamp), Incomplete> {
    let (name, mut values) = if headers.contains_key("x-amz-date") {
        ("x-amz-date", headers.get_all("x-amz-date").iter())
    } else {
        ("date", headers.get_all(DATE).iter())
    };
    let value = values.next().ok_or(Incomplete::NoDate)?;
    let text = value.to_str().map(str::trim).unwrap_or_default();
    if values.next().is_some() {
        return Err(Incomplete::Date(cut(text)));
    }
    let read = BasicTime::parse(text).or_else(|| {
        if name == "date" {
            BasicTime::parse_http(text)
        } else {
            None
        }
    });
    let read = read.ok_or_else(|| Incomplete::Date(cut(text)))?;
    if signed.split(';').any(|entry| entry == name) {
        Ok(read)
    } else {
        Err(Incomplete::NotSigned(name))
    }
}

fn read_session_token(headers: &HeaderMap) -> Result<Option<&str>, Incomplete> {
    let mut values = headers.get_all("x-amz-security-token").iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() || value.len() > LONGEST_SESSION_TOKEN {
        return Err(Incomplete::SessionToken);
    }
    let text = value.to_str().map_err(|_| Incomplete::SessionToken)?.trim();
    // Some clients send the header empty when there is no token.
    Ok((!text.is_empty()).then_some(text))
}

/// Whether a query string carries any part of a query signature.
fn is_presigned(query: &str) -> bool {
    query.split('&').any(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        ["x-amz-signature", "x-amz-credential", "x-amz-algorithm"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
    })
}

/// 64 lower-case hex digits as 32 bytes.
pub(super) fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut out = [0; 32];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(out)
}
