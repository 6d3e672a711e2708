//! The other side: signing a request of our own, by the same canonical form that requests of others are checked with.
//!
//! Must never log or keep a secret; the key is a parameter.

use cosell_model::Timestamp;
use http::{HeaderMap, HeaderValue};
use sha2::{Digest, Sha256};

use super::key::SigningKey;
use super::time::BasicTime;
use super::verify::SignedRequest;
use super::{ALGORITHM, TERMINATOR, canonical};

/// Why a request cannot be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request cannot be signed: {0}")]
pub struct Unsignable(&'static str);

/// Who signs, and for what.
#[derive(Clone, Copy)]
pub struct Signer<'a> {
    /// The access key id.
    pub access_key_id: &'a str,
    /// The secret access key.
    pub secret: &'a [u8],
    /// The session token of temporary credentials.
    pub session_token: Option<&'a str>,
    /// The region in the scope, such as `us-east-1`.
    pub region: &'a str,
    /// The service name in the scope, such as `events`.
    pub service: &'a str,
}

impl Signer<'_> {
    /// The headers to add to `request`, whose every present header the signature covers; among them must be `host`, or an
    /// authority must be given. `now` goes into the signature, to the second.
    ///
    /// # Errors
    /// Where no host is known, or the session token or key id cannot stand in a header.
    pub fn sign(&self, request: &SignedRequest<'_>, now: Timestamp) -> Result<HeaderMap, Unsignable> {
        let time = BasicTime::of(now);
        let day = time.to_string();
        let day = &day[..8];
        let mut added = HeaderMap::new();
        added.insert("x-amz-date", header(&time.to_string())?);
        if let Some(token) = self.session_token {
            let mut token = header(token)?;
            token.set_sensitive(true);
            added.insert("x-amz-security-token", token);
        }
        let mut covered = request.headers.clone();
        covered.extend(added.clone());
        if request.authority.is_none() && !covered.contains_key("host") {
            return Err(Unsignable("no host is known"));
        }
        let mut names: Vec<&str> = covered.keys().map(http::HeaderName::as_str).collect();
        if request.authority.is_some() && !covered.contains_key("host") {
            names.push("host");
        }
        names.sort_unstable();
        let signed_headers = names.join(";");

        let mut buffer = Vec::with_capacity(1_024);
        let whole = SignedRequest {
            headers: &covered,
            ..*request
        };
        canonical::write(&mut buffer, &whole, &signed_headers)
            .map_err(|_| Unsignable("a header to be covered is not there"))?;
        let hash = Sha256::digest(&buffer);
        let scope = format!("{day}/{}/{}/{TERMINATOR}", self.region, self.service);
        buffer.clear();
        buffer.extend_from_slice(format!("{ALGORITHM}\n{time}\n{scope}\n").as_bytes());
        canonical::write_hex(&mut buffer, &hash);
        let key = SigningKey::derive(self.secret, day, self.region, self.service);
        let mut signature = Vec::with_capacity(64);
        canonical::write_hex(&mut signature, &key.sign(&buffer));
        let authorization = format!(
            "{ALGORITHM} Credential={}/{scope}, SignedHeaders={signed_headers}, Signature={}",
            self.access_key_id,
            String::from_utf8_lossy(&signature)
        );
        added.insert("authorization", header(&authorization)?);
        Ok(added)
    }
}

fn header(text: &str) -> Result<HeaderValue, Unsignable> {
    HeaderValue::from_str(text)
        .map_err(|_| Unsignable("the access key id or session token cannot stand in a header"))
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::super::{AuthError, Presented, SigningKeyCache, Verifier, hash_body};
    use super::*;

    #[test]
    fn what_is_signed_here_is_taken_by_the_verifier() {
        let now = Timestamp::from_millis(1_795_246_999_123);
        let body = br#"{"Entries":[]}"#;
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-target", HeaderValue::from_static("AWSEvents.PutEvents"));
        headers.insert(
            "content-type",
            HeaderValue::from_static("application/x-amz-json-1.1"),
        );
        let verifier = Verifier {
            service: "events".into(),
            region: Some("eu-west-1".into()),
            ..Verifier::default()
        };
        for token in [None, Some("a token")] {
            let signer = Signer {
                access_key_id: "AKIDEXAMPLE",
                secret: b"secret",
                session_token: token,
                region: "eu-west-1",
                service: "events",
            };
            let method = Method::POST;
            let mut request = SignedRequest {
                method: &method,
                path: "/",
                query: None,
                headers: &headers,
                authority: Some("127.0.0.1:5000"),
                body_sha256: &hash_body(body),
            };
            let mut whole = headers.clone();
            whole.extend(signer.sign(&request, now).unwrap());
            request.headers = &whole;
            let presented = Presented::parse(&whole, None).unwrap();
            let verify = |secret: &[u8]| {
                verifier.authenticate(&request, &presented, &SigningKeyCache::new(4), secret, token, now)
            };
            assert_eq!(verify(b"secret"), Ok(()));
            assert_eq!(verify(b"other"), Err(AuthError::SignatureMismatch));
        }
    }
}
