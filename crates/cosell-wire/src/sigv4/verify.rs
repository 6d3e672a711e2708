//! The check itself: scope, time, body, signature, session token, in that order.
//!
//! Must never answer yes by default: every path to `Ok` has compared the signature.

use cosell_model::Timestamp;
use http::{HeaderMap, Method};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::canonical;
use super::error::{AuthError, cut};
use super::key::{SigningKey, SigningKeyCache};
use super::presented::Presented;
use super::{ALGORITHM, DEFAULT_MAX_SKEW_MILLIS, SERVICE, TERMINATOR};

/// Where a client says the hash of its body.
const CONTENT_SHA256: &str = "x-amz-content-sha256";

/// The request as it arrived, untouched: nothing decoded, no header removed or rewritten.
#[derive(Clone, Copy)]
pub struct SignedRequest<'a> {
    /// The method.
    pub method: &'a Method,
    /// The path as sent, still percent-encoded, without the query.
    pub path: &'a str,
    /// The query as sent, without `?`.
    pub query: Option<&'a str>,
    /// All headers.
    pub headers: &'a HeaderMap,
    /// The `:authority` of HTTP/2 (or of an absolute request target). Used where `host` is signed and no Host header came.
    pub authority: Option<&'a str>,
    /// SHA-256 of the whole body as it arrived, see [`hash_body`].
    pub body_sha256: &'a [u8; 32],
}

/// SHA-256 of a request body.
pub fn hash_body(body: &[u8]) -> [u8; 32] {
    Sha256::digest(body).into()
}

/// What a signature must be made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    /// The service name in the scope.
    pub service: String,
    /// The region in the scope; `None` takes any.
    pub region: Option<String>,
    /// How far the request's time may lie from the server's, in milliseconds, in either direction, borders included.
    pub max_skew_millis: i64,
}

impl Default for Verifier {
    /// This API's service name, any region, five minutes.
    fn default() -> Self {
        Self {
            service: SERVICE.to_owned(),
            region: None,
            max_skew_millis: DEFAULT_MAX_SKEW_MILLIS,
        }
    }
}

impl Verifier {
    /// Checks what needs no secret: service, region, terminator, day of the scope, and the distance of the request's time
    /// from `now`. Called by [`Verifier::verify`]; worth calling first where the secret is costly to fetch or the key to
    /// derive, so that strangers cannot make the server do either for scopes it would refuse anyway.
    ///
    /// # Errors
    /// Those of [`AuthError`] that concern scope and time.
    pub fn admit(&self, presented: &Presented<'_>, now: Timestamp) -> Result<(), AuthError> {
        if let Some(region) = self
            .region
            .as_deref()
            .filter(|region| *region != presented.region)
        {
            return Err(AuthError::WrongRegion {
                expected: region.to_owned(),
                got: cut(presented.region),
            });
        }
        if presented.service != self.service {
            return Err(AuthError::WrongService {
                expected: self.service.clone(),
                got: cut(presented.service),
            });
        }
        if presented.terminator != TERMINATOR {
            return Err(AuthError::WrongTerminator(cut(presented.terminator)));
        }
        if presented.scope_date.as_bytes() != presented.date.day() {
            return Err(AuthError::ScopeDate {
                scope: presented.scope_date.to_owned(),
                date: presented.date.to_string(),
            });
        }
        let (signed, skew_millis) = (presented.time, self.max_skew_millis);
        let ahead = signed.as_millis().saturating_sub(now.as_millis());
        if ahead < -skew_millis {
            return Err(AuthError::Expired {
                signed,
                now,
                skew_millis,
            });
        }
        if ahead > skew_millis {
            return Err(AuthError::NotYetCurrent {
                signed,
                now,
                skew_millis,
            });
        }
        Ok(())
    }

    /// Checks everything. `expected_session_token` is the token that belongs to the access key, `None` for long-term keys.
    ///
    /// Every header that the signature covers is part of what is compared; headers it does not cover are tolerated, except
    /// that a body hash in `x-amz-content-sha256` must be true whether covered or not. All comparisons of secrets take
    /// the same time whatever the input.
    ///
    /// # Errors
    /// The first thing found wrong, in the order scope, time, body hash, signature, session token.
    pub fn verify(
        &self,
        request: &SignedRequest<'_>,
        presented: &Presented<'_>,
        key: &SigningKey,
        expected_session_token: Option<&str>,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        self.admit(presented, now)?;
        check_body_hash(request)?;

        let mut buffer = Vec::with_capacity(1_024);
        canonical::write(&mut buffer, request, presented.signed_headers)?;
        let hash = Sha256::digest(&buffer);
        buffer.clear();
        buffer.extend_from_slice(ALGORITHM.as_bytes());
        buffer.push(b'\n');
        buffer.extend_from_slice(presented.date.as_bytes());
        buffer.push(b'\n');
        buffer.extend_from_slice(presented.scope.as_bytes());
        buffer.push(b'\n');
        canonical::write_hex(&mut buffer, &hash);
        let signature = key.sign(&buffer);
        if !bool::from(signature.ct_eq(&presented.signature)) {
            return Err(AuthError::SignatureMismatch);
        }

        let token_fits = match (expected_session_token, presented.session_token) {
            (None, None) => true,
            (Some(expected), Some(got)) => bool::from(expected.as_bytes().ct_eq(got.as_bytes())),
            _ => false,
        };
        if token_fits {
            Ok(())
        } else {
            Err(AuthError::SessionTokenMismatch)
        }
    }

    /// [`Verifier::admit`], then the key from `cache`, then [`Verifier::verify`]: the usual way of a request whose secret
    /// is at hand.
    ///
    /// # Errors
    /// As [`Verifier::verify`].
    pub fn authenticate(
        &self,
        request: &SignedRequest<'_>,
        presented: &Presented<'_>,
        cache: &SigningKeyCache,
        secret: &[u8],
        expected_session_token: Option<&str>,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        self.admit(presented, now)?;
        let key = cache.get_or_derive(presented, secret);
        self.verify(request, presented, &key, expected_session_token, now)
    }
}

/// A stated body hash must be the hash of the body that arrived. The signature is checked over the real hash in any case,
/// so this mainly gives the better error.
fn check_body_hash(request: &SignedRequest<'_>) -> Result<(), AuthError> {
    for value in request.headers.get_all(CONTENT_SHA256) {
        let stated = value.as_bytes().trim_ascii();
        if stated == b"UNSIGNED-PAYLOAD" || stated.starts_with(b"STREAMING-") {
            return Err(AuthError::UnsignedPayload(cut(&String::from_utf8_lossy(stated))));
        }
        let stated = std::str::from_utf8(stated).ok().and_then(super::presented::unhex);
        if stated.as_ref() != Some(request.body_sha256) {
            return Err(AuthError::PayloadMismatch);
        }
    }
    Ok(())
}
