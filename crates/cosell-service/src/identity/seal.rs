//! Secrets at rest: encrypted under a key that lies in a file of its own, so that a copied database alone reveals none.
//! An access key's secret must be recoverable, because a signature can only be checked with it.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use super::AdminError;

const NONCE: usize = 12;

/// Encrypts and decrypts the secrets of an installation.
#[derive(Clone)]
pub struct Sealer {
    cipher: ChaCha20Poly1305,
    key: [u8; 32],
}

impl Drop for Sealer {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl Sealer {
    /// A sealer under the installation's key.
    pub fn new(key: [u8; 32]) -> Self {
        Self {
            cipher: ChaCha20Poly1305::new(&Key::from(key)),
            key,
        }
    }

    /// A key for another purpose, derived from the installation's key; different purposes give unrelated keys.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        // HMAC takes keys of any length, so this cannot fail.
        let Ok(mut mac) = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&self.key) else {
            return self.key;
        };
        mac.update(purpose.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// Encrypts `secret`, bound to `owner`: it opens only under the same name.
    pub(crate) fn seal(&self, secret: &str, owner: &str) -> Result<Vec<u8>, AdminError> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|error| AdminError::Store(format!("no randomness: {error}")))?;
        let sealed = self
            .cipher
            .encrypt(
                &Nonce::from(nonce),
                Payload {
                    msg: secret.as_bytes(),
                    aad: owner.as_bytes(),
                },
            )
            .map_err(|_| AdminError::Store("a secret could not be encrypted".into()))?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// The secret that was sealed under that name; `None` where it was touched or sealed under another key.
    pub(crate) fn open(&self, sealed: &[u8], owner: &str) -> Option<Zeroizing<String>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        let plain = self
            .cipher
            .decrypt(
                &Nonce::from(*nonce),
                Payload {
                    msg: sealed,
                    aad: owner.as_bytes(),
                },
            )
            .ok()?;
        String::from_utf8(plain).ok().map(Zeroizing::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_only_under_its_key_and_name() {
        let sealer = Sealer::new([1; 32]);
        let sealed = sealer.seal("wJalr", "AKIAIOSFODNN7EXAMPLE").unwrap();
        assert_eq!(
            sealer.open(&sealed, "AKIAIOSFODNN7EXAMPLE").unwrap().as_str(),
            "wJalr"
        );
        assert!(sealer.open(&sealed, "AKIAI44QH8DHBEXAMPLE").is_none());
        assert!(
            Sealer::new([2; 32])
                .open(&sealed, "AKIAIOSFODNN7EXAMPLE")
                .is_none()
        );
        assert!(!sealed.windows(5).any(|window| window == b"wJalr"));
        assert!(sealer.open(&[], "x").is_none());
    }

    #[test]
    fn purposes_have_unrelated_keys() {
        let sealer = Sealer::new([1; 32]);
        assert_ne!(sealer.derive("page tokens"), sealer.derive("other"));
        assert_ne!(sealer.derive("page tokens"), [1; 32]);
    }
}
