//! Signing keys: derived from a secret for one day, region and service, and kept so that the derivation (five HMACs) is
//! paid once a day and not once a request.
//!
//! Must never show a key, and must never hand out a key of a secret that has been replaced.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::TERMINATOR;
use super::presented::Presented;

/// HMAC-SHA-256 of `data`.
pub(super) fn hmac(key: &[u8], data: &[u8]) -> [u8; 32] {
    // The key is brought to block length here, because the constructor for a whole block cannot fail while the one for
    // any length could: a check of identity must not have a branch for "could not compute".
    let mut block = Zeroizing::new([0_u8; 64]);
    if key.len() > block.len() {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let mac = <Hmac<Sha256> as KeyInit>::new((&*block).into());
    mac.chain_update(data).finalize().into_bytes().into()
}

/// The key that signs requests of one secret, day, region and service. Cheap to clone; wiped from memory with its last
/// clone.
#[derive(Clone)]
pub struct SigningKey(Arc<Zeroizing<[u8; 32]>>);

impl SigningKey {
    /// Derives the key from a secret access key for the given scope; `date` is `YYYYMMDD`.
    pub fn derive(secret: &[u8], date: &str, region: &str, service: &str) -> Self {
        let mut start = Zeroizing::new(Vec::with_capacity(4 + secret.len()));
        start.extend_from_slice(b"AWS4");
        start.extend_from_slice(secret);
        let mut key = Zeroizing::new(hmac(&start, date.as_bytes()));
        for part in [region, service, TERMINATOR] {
            *key = hmac(key.as_slice(), part.as_bytes());
        }
        Self(Arc::new(key))
    }

    pub(super) fn sign(&self, text: &[u8]) -> [u8; 32] {
        hmac(self.0.as_slice(), text)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SigningKey(***)")
    }
}

/// A bounded store of derived keys.
///
/// An entry is found by a hash over access key id, day, region, service *and* secret. So a replaced secret can never meet
/// the key of its predecessor, and no plain secret is kept. Entries of past days are pushed out by newer ones.
pub struct SigningKeyCache(Cache<[u8; 32], SigningKey>);

impl SigningKeyCache {
    /// A store of at most about `capacity` keys (one key serves one access key for one day). Each takes some 150 bytes.
    pub fn new(capacity: usize) -> Self {
        Self(Cache::new(capacity.max(1)))
    }

    /// The key for what a request presents, derived when it is not there yet. `secret` is the secret access key that
    /// belongs to the presented access key id now.
    pub fn get_or_derive(&self, presented: &Presented<'_>, secret: &[u8]) -> SigningKey {
        let name = name_of(presented, secret);
        if let Some(key) = self.0.get(&name) {
            return key;
        }
        let key = SigningKey::derive(secret, presented.scope_date, presented.region, presented.service);
        self.0.insert(name, key.clone());
        key
    }

    /// How many keys are kept at this moment.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no key is kept.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for SigningKeyCache {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SigningKeyCache({} keys)", self.len())
    }
}

/// The name of an entry. Every part but the last is closed by a byte that cannot stand in it (`/` never does in the first,
/// NUL never in a header), so two different tuples never give the same input.
fn name_of(presented: &Presented<'_>, secret: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(presented.access_key_id.as_bytes());
    hash.update(b"/");
    hash.update(presented.scope.as_bytes());
    hash.update(b"\0");
    hash.update(secret);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn headers(key: &str, day: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let signature = "0".repeat(64);
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={key}/{day}/us-east-1/partnercentral-selling/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature={signature}"
        );
        headers.insert("authorization", authorization.parse().unwrap());
        headers.insert("x-amz-date", format!("{day}T000000Z").parse().unwrap());
        headers
    }

    #[test]
    fn a_key_is_the_one_of_the_published_example() {
        // The worked example of the Signature Version 4 documentation.
        let key = SigningKey::derive(
            b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            "20150830",
            "us-east-1",
            "iam",
        );
        let hex: String = key.0.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
        );
    }

    #[test]
    fn a_kept_key_is_given_again_and_a_new_secret_gets_its_own() {
        let cache = SigningKeyCache::new(16);
        assert!(cache.is_empty());
        let headers = headers("AKIDEXAMPLE", "20261121");
        let presented = Presented::parse(&headers, None).unwrap();
        let first = cache.get_or_derive(&presented, b"old");
        let again = cache.get_or_derive(&presented, b"old");
        assert!(Arc::ptr_eq(&first.0, &again.0));
        let new = cache.get_or_derive(&presented, b"new");
        assert_ne!(*first.0, *new.0);
        assert_eq!(
            *new.0,
            *SigningKey::derive(b"new", "20261121", "us-east-1", "partnercentral-selling").0
        );
        assert_eq!(cache.len(), 2);
    }

    #[test]
    fn the_store_stays_bounded() {
        let cache = SigningKeyCache::new(32);
        for number in 0..1_000 {
            let headers = headers(&format!("AKID{number}"), "20261121");
            cache.get_or_derive(&Presented::parse(&headers, None).unwrap(), b"secret");
        }
        assert!(cache.len() <= 64, "{} keys", cache.len());
    }

    #[test]
    fn a_key_never_shows_itself() {
        let key = SigningKey::derive(b"secret", "20261121", "us-east-1", "partnercentral-selling");
        assert_eq!(format!("{key:?}"), "SigningKey(***)");
    }
}
