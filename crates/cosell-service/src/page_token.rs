//! NextToken: where a list continues, sealed. A token is opaque, cannot be forged, and works only for the account, the
//! operation and the parameters it was given for, for 24 hours (design section 6).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use cosell_model::enums::ValidationExceptionErrorCode as Code;
use cosell_model::{ApiError, Timestamp, Violation};
use cosell_store::Cursor;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const LIFETIME_MILLIS: i64 = 24 * 60 * 60 * 1000;
const NONCE: usize = 12;
/// Longer than any token this server gives; the task lists' model allows no more either.
const LONGEST: usize = 2048;

/// Seals and opens the tokens of a server.
pub struct PageTokens {
    cipher: ChaCha20Poly1305,
}

#[derive(Serialize, Deserialize)]
struct Content {
    expires: i64,
    cursor: Cursor,
}

/// What a token is bound to.
pub struct Binding([u8; 32]);

impl Binding {
    /// Binds to the account, the operation and every parameter of the request but the token itself.
    pub fn of<T: Serialize>(account: &str, operation: &str, parameters: &T) -> Result<Self, ApiError> {
        let mut hash = Sha256::new();
        for part in [
            account.as_bytes(),
            b"\n",
            operation.as_bytes(),
            b"\n",
            &crate::answer::encode(parameters)?,
        ] {
            hash.update(part);
        }
        Ok(Self(hash.finalize().into()))
    }
}

impl PageTokens {
    /// Tokens under a key of their own: every node of one installation needs the same.
    pub fn new(key: [u8; 32]) -> Self {
        Self {
            cipher: ChaCha20Poly1305::new(&Key::from(key)),
        }
    }

    /// The token of the place where a page ended.
    pub fn seal(&self, cursor: Cursor, binding: &Binding, now: Timestamp) -> Result<String, ApiError> {
        let content = Content {
            expires: now.as_millis() + LIFETIME_MILLIS,
            cursor,
        };
        let plain = serde_json::to_vec(&content).map_err(|error| ApiError::internal(error.to_string()))?;
        let nonce = nonce()?;
        let sealed = self
            .cipher
            .encrypt(
                &Nonce::from(nonce),
                Payload {
                    msg: &plain,
                    aad: &binding.0,
                },
            )
            .map_err(|_| ApiError::internal("sealing a page token failed"))?;
        Ok(URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    /// The place a token stands for; a refusal where it is not one of this binding, or is too old.
    pub fn open(&self, token: &str, binding: &Binding, now: Timestamp) -> Result<Cursor, ApiError> {
        self.read(token, binding)
            .filter(|content| content.expires > now.as_millis())
            .map(|content| content.cursor)
            .ok_or_else(refusal)
    }

    fn read(&self, token: &str, binding: &Binding) -> Option<Content> {
        if token.len() > LONGEST {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>()?;
        let plain = self
            .cipher
            .decrypt(
                &Nonce::from(*nonce),
                Payload {
                    msg: sealed,
                    aad: &binding.0,
                },
            )
            .ok()?;
        serde_json::from_slice(&plain).ok()
    }
}

/// A nonce with which a token does not begin with a hyphen: the AWS CLI would take that for an option of its own.
fn nonce() -> Result<[u8; NONCE], ApiError> {
    /// The six bits that are written as a hyphen.
    const HYPHEN: u8 = 62;
    let mut nonce = [0; NONCE];
    loop {
        getrandom::fill(&mut nonce).map_err(|error| ApiError::internal(format!("no randomness: {error}")))?;
        if nonce[0] >> 2 != HYPHEN {
            return Ok(nonce);
        }
    }
}

/// One refusal for forged, foreign and expired tokens: why one is wrong helps only who made it up.
fn refusal() -> ApiError {
    ApiError::request_validation(vec![Violation::new(
        "nextToken",
        Code::InvalidValue,
        "nextToken is not valid for this request: it belongs to other parameters or is older than 24 hours. Start again without it",
    )])
}

#[cfg(test)]
mod tests {
    use super::*;
    use cosell_store::Value;

    fn cursor() -> Cursor {
        Cursor {
            values: vec![Value::Integer(42)],
            id: "O1".into(),
        }
    }

    #[test]
    fn no_token_looks_like_an_option_of_a_command() {
        let tokens = PageTokens::new([7; 32]);
        let bound = Binding::of("111122223333", "ListOpportunities", &"a").unwrap();
        for _ in 0..2_000 {
            let token = tokens.seal(cursor(), &bound, Timestamp::from_millis(0)).unwrap();
            assert!(!token.starts_with('-'), "{token}");
        }
    }

    #[test]
    fn a_token_opens_only_for_what_it_was_sealed_for() {
        let tokens = PageTokens::new([7; 32]);
        let now = Timestamp::from_millis(1_000);
        let bound = Binding::of("111122223333", "ListOpportunities", &"a").unwrap();
        let token = tokens.seal(cursor(), &bound, now).unwrap();
        assert_eq!(tokens.open(&token, &bound, now), Ok(cursor()));
        for (account, operation, parameters) in [
            ("444455556666", "ListOpportunities", "a"),
            ("111122223333", "ListSolutions", "a"),
            ("111122223333", "ListOpportunities", "b"),
        ] {
            let other = Binding::of(account, operation, &parameters).unwrap();
            assert!(tokens.open(&token, &other, now).is_err());
        }
        assert!(PageTokens::new([8; 32]).open(&token, &bound, now).is_err());
    }

    #[test]
    fn a_token_lives_for_a_day_and_not_when_touched() {
        let tokens = PageTokens::new([7; 32]);
        let bound = Binding::of("111122223333", "ListOpportunities", &"a").unwrap();
        let token = tokens.seal(cursor(), &bound, Timestamp::from_millis(0)).unwrap();
        let last = Timestamp::from_millis(LIFETIME_MILLIS - 1);
        assert!(tokens.open(&token, &bound, last).is_ok());
        assert!(tokens.open(&token, &bound, last.plus_millis(1)).is_err());
        for place in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            let touched = String::from_utf8(bytes).unwrap();
            // The last character carries bits that no byte uses; the decoder refuses those too.
            assert!(tokens.open(&touched, &bound, last).is_err(), "{place}");
        }
        for junk in ["", "AAMA", "not base64!", &"A".repeat(3000)] {
            assert!(tokens.open(junk, &bound, last).is_err());
        }
    }
}
