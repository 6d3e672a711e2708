//! A request as a server sees it, for the signature tests. No test lives here.

use cosell_model::Timestamp;
use cosell_wire::sigv4::{AuthError, Presented, SignedRequest, SigningKey, Verifier, hash_body};
use http::{HeaderMap, Method};

/// An owned request, so that tests can change any part of it after signing.
#[derive(Clone)]
pub struct Arrived {
    pub method: Method,
    pub path: String,
    pub query: Option<String>,
    pub headers: HeaderMap,
    pub authority: Option<String>,
    pub body: Vec<u8>,
}

/// What the server knows: the secret and token of the key, and the time.
#[derive(Clone)]
pub struct Known {
    pub verifier: Verifier,
    pub secret: String,
    pub region: String,
    pub session_token: Option<String>,
    pub now: Timestamp,
}

/// Parses and verifies, as the binary does.
pub fn check(request: &Arrived, known: &Known) -> Result<(), AuthError> {
    let presented = Presented::parse(&request.headers, request.query.as_deref())?;
    let body_sha256 = hash_body(&request.body);
    let signed = SignedRequest {
        method: &request.method,
        path: &request.path,
        query: request.query.as_deref(),
        headers: &request.headers,
        authority: request.authority.as_deref(),
        body_sha256: &body_sha256,
    };
    let day = presented.signed_at().date().replace('-', "");
    let key = SigningKey::derive(
        known.secret.as_bytes(),
        &day,
        &known.region,
        "partnercentral-selling",
    );
    known.verifier.verify(
        &signed,
        &presented,
        &key,
        known.session_token.as_deref(),
        known.now,
    )
}
