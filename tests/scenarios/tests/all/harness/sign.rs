//! Signatures by AWS's own signer for Rust.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4;

/// An access key.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

impl Key {
    /// A key of these parts.
    pub fn new(id: &str, secret: &str) -> Self {
        Self {
            id: id.to_owned(),
            secret: secret.to_owned(),
        }
    }

    /// The documented key of the first account of `cosell dev`.
    pub fn first() -> Self {
        Self::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    }

    /// The documented key of the second account of `cosell dev`.
    pub fn second() -> Self {
        Self::new("AKIAI44QH8DHBEXAMPLE", "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY")
    }

    /// An account of its own in `cosell dev`.
    pub fn account(id: &str) -> Self {
        Self::new(id, "not-checked-in-development")
    }
}

/// The machine's time: tests are clients, which have no other.
#[allow(clippy::disallowed_methods, reason = "a client signs with the machine's time")]
pub fn now() -> SystemTime {
    SystemTime::now()
}

/// What is signed.
pub struct Plan<'a> {
    /// The method.
    pub method: &'a str,
    /// Scheme, host and path with query.
    pub url: &'a str,
    /// Headers that are signed besides host and date.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
    /// Whether the hash of the body is stated, as the JavaScript SDK does.
    pub states_hash: bool,
    /// Seconds that the client's clock is off.
    pub clock_off: i64,
}

/// The headers that carry the signature.
pub fn headers(key: &Key, plan: &Plan<'_>) -> Vec<(String, String)> {
    instructions(key, plan, SignatureLocation::Headers).0
}

/// The query parameters of a presigned request.
pub fn presigned(key: &Key, plan: &Plan<'_>) -> Vec<(String, String)> {
    instructions(key, plan, SignatureLocation::QueryParams).1
}

type Pairs = Vec<(String, String)>;

fn instructions(key: &Key, plan: &Plan<'_>, location: SignatureLocation) -> (Pairs, Pairs) {
    let identity = Credentials::from_keys(&key.id, &key.secret, None).into();
    let mut settings = SigningSettings::default();
    settings.signature_location = location;
    if location == SignatureLocation::QueryParams {
        settings.expires_in = Some(Duration::from_secs(300));
    }
    if plan.states_hash {
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let off = Duration::from_secs(plan.clock_off.unsigned_abs());
    let time = if plan.clock_off < 0 {
        now() - off
    } else {
        now() + off
    };
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("partnercentral-selling")
        .time(time)
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let request = SignableRequest::new(
        plan.method,
        plan.url,
        plan.headers.iter().copied(),
        SignableBody::Bytes(plan.body),
    )
    .unwrap();
    let (instructions, _) = sign(request, &parameters).unwrap().into_parts();
    let (headers, query) = instructions.into_parts();
    let headers = headers
        .into_iter()
        .map(|header| (header.name().to_owned(), header.value().to_owned()))
        .collect();
    let query = query
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into_owned()))
        .collect();
    (headers, query)
}
