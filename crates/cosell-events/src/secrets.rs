//! What of a target must not be shown: read, checked, and wiped from memory.
//!
//! Must never print a secret, not in an error and not in `Debug`.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::names::{Flaw, parse};
use crate::target::SinkSettings;

/// How signing secrets of webhooks begin (Standard Webhooks).
pub const SIGNING_PREFIX: &str = "whsec_";
/// Most signing secrets that are active at once.
pub const MAX_SIGNING: usize = 2;

/// The secrets of a target. Its JSON is what the caller seals; empty members are left out.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Secrets {
    /// Signing secrets of a webhook, one or, while one is rotated, two: `whsec_` and 24 to 64 bytes in base64. Each
    /// delivery carries a signature of every one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signing: Vec<Zeroizing<String>>,
    /// Further headers of a webhook whose values are secret, such as `authorization`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Zeroizing<String>>,
    /// The secret access key of a target with an access key of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_access_key: Option<Zeroizing<String>>,
    /// The password of a NATS user, or a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Zeroizing<String>>,
}

/// Whom secrets are told that are sent as they are (headers, a password): scheme, host and port. `None` where none are.
pub fn confidant(sink: &SinkSettings) -> Option<String> {
    let url = match sink {
        SinkSettings::Webhook(webhook) => &webhook.url,
        SinkSettings::Nats(nats) => &nats.url,
        _ => return None,
    };
    let url: Uri = url.parse().ok()?;
    Some(format!("{}://{}", url.scheme()?, url.authority()?))
}

impl Secrets {
    /// From the JSON that was sealed.
    ///
    /// # Errors
    /// Where it is no such JSON.
    pub fn read(json: &[u8]) -> Result<Self, Flaw> {
        parse(json).map_err(|flaw| Flaw::new("secrets", format!("{} is not as it should be", flaw.field)))
    }

    /// The JSON to seal.
    pub fn to_json(&self) -> Zeroizing<String> {
        Zeroizing::new(serde_json::to_string(self).unwrap_or_default())
    }

    /// Checks the signing secrets of a webhook.
    pub(crate) fn check_signing(&self) -> Result<(), Flaw> {
        if self.signing.is_empty() || self.signing.len() > MAX_SIGNING {
            return Err(Flaw::new(
                "secrets.signing",
                format!("a webhook takes 1 to {MAX_SIGNING} signing secrets"),
            ));
        }
        match self.signing.iter().all(|secret| signing_key(secret).is_some()) {
            true => Ok(()),
            false => Err(Flaw::new(
                "secrets.signing",
                "a signing secret is whsec_ and 24 to 64 bytes in base64",
            )),
        }
    }
}

/// The key that a signing secret stands for.
pub(crate) fn signing_key(secret: &str) -> Option<Zeroizing<Vec<u8>>> {
    let key = Zeroizing::new(STANDARD.decode(secret.strip_prefix(SIGNING_PREFIX)?).ok()?);
    (24..=64).contains(&key.len()).then_some(key)
}

/// A new signing secret of 32 random bytes.
///
/// # Errors
/// Where the system has no randomness.
pub fn new_signing_secret() -> Result<Zeroizing<String>, getrandom::Error> {
    let mut key = Zeroizing::new([0_u8; 32]);
    getrandom::fill(&mut *key)?;
    Ok(Zeroizing::new(format!(
        "{SIGNING_PREFIX}{}",
        STANDARD.encode(key.as_slice())
    )))
}

impl fmt::Debug for Secrets {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secrets(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_signing_secrets_are_good_and_differ() {
        let (one, two) = (new_signing_secret().unwrap(), new_signing_secret().unwrap());
        assert_ne!(one, two);
        let secrets = Secrets {
            signing: vec![one, two],
            ..Secrets::default()
        };
        secrets.check_signing().unwrap();
        assert_eq!(Secrets::read(secrets.to_json().as_bytes()).unwrap(), secrets);
    }

    #[test]
    fn bad_signing_secrets_are_refused_without_being_shown() {
        for signing in [
            vec![],
            vec!["whsec_c2hvcnQ=".to_owned()],
            vec!["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz".to_owned()],
            vec!["whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz".to_owned(); 3],
        ] {
            let secrets = Secrets {
                signing: signing.into_iter().map(Zeroizing::new).collect(),
                ..Secrets::default()
            };
            let flaw = secrets.check_signing().unwrap_err().to_string();
            assert!(!flaw.contains("MDE"), "{flaw}");
            assert_eq!(format!("{secrets:?}"), "Secrets(***)");
        }
        let flaw = Secrets::read(br#"{"password": 12345}"#).unwrap_err();
        assert!(!flaw.to_string().contains("12345"), "{flaw}");
    }
}
