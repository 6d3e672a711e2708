//! Credentials of AWS, as the places that have them write them.

use std::fmt;

use cosell_model::Timestamp;
use serde::Deserialize;
use zeroize::Zeroizing;

/// Credentials to sign with. `Debug` shows the key id only.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The access key id.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: Zeroizing<String>,
    /// The session token of temporary ones.
    pub session_token: Option<Zeroizing<String>>,
    /// When they run out; `None` for lasting ones.
    pub expires_at: Option<Timestamp>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Credentials({}, ***)", self.access_key_id)
    }
}

impl Credentials {
    /// Lasting ones.
    pub(super) fn lasting(access_key_id: String, secret_access_key: Zeroizing<String>) -> Self {
        Self {
            access_key_id,
            secret_access_key,
            session_token: None,
            expires_at: None,
        }
    }

    /// Reads the JSON that the container endpoint, the instance metadata and a `credential_process` give.
    pub(super) fn read(json: &[u8], place: &str) -> Result<Self, String> {
        // What the reader complains of could quote a secret, so it is left out.
        let given: Given =
            serde_json::from_slice(json).map_err(|_| format!("{place} gave no credentials in JSON"))?;
        let expires_at = match given.expiration {
            Some(text) => Some(
                Timestamp::parse(&text)
                    .ok_or_else(|| format!("{place} gave credentials that expire at an unreadable time"))?,
            ),
            None => None,
        };
        Ok(Self {
            access_key_id: given.access_key_id,
            secret_access_key: given.secret_access_key,
            session_token: given.token,
            expires_at,
        })
    }

    /// Reads an answer of STS to AssumeRoleWithWebIdentity, as JSON.
    pub(super) fn read_sts(json: &[u8]) -> Result<Self, String> {
        let given: Assumed =
            serde_json::from_slice(json).map_err(|_| "STS gave no credentials in JSON".to_owned())?;
        let given = given.response.result.credentials;
        let millis = given.expiration * 1000.0;
        Ok(Self {
            access_key_id: given.access_key_id,
            secret_access_key: given.secret_access_key,
            session_token: Some(given.session_token),
            expires_at: Some(Timestamp::from_millis(millis as i64)),
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    access_key_id: String,
    secret_access_key: Zeroizing<String>,
    #[serde(alias = "SessionToken")]
    token: Option<Zeroizing<String>>,
    expiration: Option<String>,
}

#[derive(Deserialize)]
struct Assumed {
    #[serde(rename = "AssumeRoleWithWebIdentityResponse")]
    response: AssumedResponse,
}

#[derive(Deserialize)]
struct AssumedResponse {
    #[serde(rename = "AssumeRoleWithWebIdentityResult")]
    result: AssumedResult,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AssumedResult {
    credentials: AssumedCredentials,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AssumedCredentials {
    access_key_id: String,
    secret_access_key: Zeroizing<String>,
    session_token: Zeroizing<String>,
    expiration: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_understood_and_no_flaw_shows_a_secret() {
        let read = Credentials::read(
            br#"{"Code": "Success", "AccessKeyId": "ASIA", "SecretAccessKey": "s", "Token": "t", "Expiration": "2026-11-21T10:00:00Z"}"#,
            "the endpoint",
        )
        .unwrap();
        assert_eq!(read.session_token.as_ref().unwrap().as_str(), "t");
        assert_eq!(read.expires_at.unwrap().as_millis(), 1_795_255_200_000);
        let process = Credentials::read(
            br#"{"Version": 1, "AccessKeyId": "AKIA", "SecretAccessKey": "s", "SessionToken": "u"}"#,
            "the process",
        )
        .unwrap();
        assert_eq!(process.session_token.unwrap().as_str(), "u");
        assert_eq!(process.expires_at, None);
        assert_eq!(format!("{read:?}"), "Credentials(ASIA, ***)");
        let flaw = Credentials::read(br#"{"AccessKeyId": "A", "SecretAccessKey": 7531}"#, "it").unwrap_err();
        assert!(!flaw.contains("7531"), "{flaw}");
        let sts = br#"{"AssumeRoleWithWebIdentityResponse": {"AssumeRoleWithWebIdentityResult": {"Credentials": {
            "AccessKeyId": "ASIA", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": 1795255200}}}}"#;
        assert_eq!(Credentials::read_sts(sts).unwrap().expires_at, read.expires_at);
    }
}
