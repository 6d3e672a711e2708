//! Webhooks: one POST an event, signed as Standard Webhooks (specification 1.0) describes.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use cosell_model::Timestamp;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, Uri};
use http_body_util::Full;
use sha2::Sha256;
use std::time::Duration;
use zeroize::Zeroizing;

use super::http::{Answer, Outside};
use super::{Outcome, Sink, printable};
use crate::envelope::Envelope;
use crate::secrets::{Secrets, signing_key};
use crate::target::WebhookSettings;

/// Most of an answer's body that is noted.
const NOTED: usize = 512;
/// Fewest bytes of a part of a secret header that are hidden for themselves: shorter ones are words such as `v1`.
const LEAST_HIDDEN: usize = 4;

pub(super) struct Webhook {
    outside: Outside,
    uri: Uri,
    headers: HeaderMap,
    keys: Vec<Zeroizing<Vec<u8>>>,
    /// The values of secret headers, which some receivers repeat when they refuse them.
    hidden: Vec<Zeroizing<String>>,
}

impl Webhook {
    pub fn new(outside: Outside, settings: &WebhookSettings, secrets: &Secrets) -> Result<Self, String> {
        let keys: Option<Vec<_>> = secrets.signing.iter().map(|secret| signing_key(secret)).collect();
        let keys = keys
            .filter(|keys| !keys.is_empty())
            .ok_or("the webhook has no usable signing secret; set one")?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(
            USER_AGENT,
            HeaderValue::from_static(concat!("cosell/", env!("CARGO_PKG_VERSION"))),
        );
        let plain = settings
            .headers
            .iter()
            .map(|(name, value)| (name, value.as_str(), false));
        let secret = secrets
            .headers
            .iter()
            .map(|(name, value)| (name, value.as_str(), true));
        for (name, value, sensitive) in plain.chain(secret) {
            let wrong = || format!("the header {name} cannot be sent; correct it");
            let name: HeaderName = name.parse().map_err(|_| wrong())?;
            let mut value = HeaderValue::from_str(value).map_err(|_| wrong())?;
            value.set_sensitive(sensitive);
            headers.insert(name, value);
        }
        Ok(Self {
            outside,
            uri: settings
                .url
                .parse()
                .map_err(|error| format!("the URL cannot be used: {error}"))?,
            headers,
            keys,
            hidden: hidden(secrets),
        })
    }

    fn request(&self, event: &Envelope, now: Timestamp) -> Result<Request<Full<Bytes>>, String> {
        let timestamp = now.as_millis().div_euclid(1000).to_string();
        let signature = signatures(&self.keys, &event.id, &timestamp, &event.body);
        let mut request = Request::post(self.uri.clone())
            .body(Full::new(event.body.clone()))
            .map_err(|error| error.to_string())?;
        *request.headers_mut() = self.headers.clone();
        for (name, value) in [
            ("webhook-id", event.id.as_str()),
            ("webhook-timestamp", &timestamp),
            ("webhook-signature", &signature),
        ] {
            let value =
                HeaderValue::from_str(value).map_err(|_| format!("{name} cannot stand in a header"))?;
            request.headers_mut().insert(name, value);
        }
        Ok(request)
    }
}

#[async_trait]
impl Sink for Webhook {
    async fn deliver(&self, events: &[Envelope], now: Timestamp) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(events.len());
        for event in events {
            let answer = match self.request(event, now) {
                Ok(request) => self.outside.send(request).await,
                Err(error) => Err(error),
            };
            outcomes.push(match answer {
                Ok(answer) => judge(&answer, &self.hidden, now),
                Err(error) => Outcome::failed(error),
            });
        }
        outcomes
    }
}

/// A signature of each key: `v1,<base64>`, with blanks between them.
pub(super) fn signatures(keys: &[Zeroizing<Vec<u8>>], id: &str, timestamp: &str, body: &[u8]) -> String {
    keys.iter()
        .filter_map(|key| Hmac::<Sha256>::new_from_slice(key).ok())
        .map(|mac| {
            let mac = mac
                .chain_update(id)
                .chain_update(".")
                .chain_update(timestamp)
                .chain_update(".")
                .chain_update(body);
            format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
        })
        .collect::<Vec<_>>()
        .join(" ")
}

/// What is left out of an answer: the values of secret headers, and the parts of them that are secret alone, such as what
/// follows `Bearer`. The longest come first, so that nothing is left of one that holds another.
fn hidden(secrets: &Secrets) -> Vec<Zeroizing<String>> {
    let mut hidden: Vec<_> = secrets
        .headers
        .values()
        .flat_map(|value| {
            let parts = value.split_whitespace().filter(|part| part.len() >= LEAST_HIDDEN);
            std::iter::once(value.trim()).chain(parts)
        })
        .filter(|value| !value.is_empty())
        .map(|value| Zeroizing::new(value.to_owned()))
        .collect();
    hidden.sort_by_key(|value| std::cmp::Reverse(value.len()));
    hidden
}

/// What is noted of an answer's body. Secrets go before the end is cut off: half of one is no better.
fn noted(body: &[u8], hidden: &[Zeroizing<String>]) -> String {
    if hidden.is_empty() {
        return printable(body, NOTED);
    }
    let mut said = String::from_utf8_lossy(body).into_owned();
    for secret in hidden {
        said = said.replace(secret.as_str(), "***");
    }
    printable(said.as_bytes(), NOTED)
}

fn judge(answer: &Answer, hidden: &[Zeroizing<String>], now: Timestamp) -> Outcome {
    let status = answer.status;
    if status.is_success() {
        return Outcome::Delivered {
            status: Some(status.as_u16()),
        };
    }
    let said = noted(&answer.body, hidden);
    let mut error = format!("the receiver answered {status}");
    if status.is_redirection() {
        error.push_str("; redirects are not followed, give the target the URL it leads to");
    }
    if !said.is_empty() {
        error.push_str(": ");
        error.push_str(&said);
    }
    match status {
        StatusCode::GONE => Outcome::Gone { error },
        _ => Outcome::Failed {
            status: Some(status.as_u16()),
            error,
            after: retry_after(&answer.headers, now),
        },
    }
}

/// When the receiver wants the next try: in seconds, or as a date (RFC 9110). What is neither says nothing.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text)
        .ok()?;
    let millis = date.as_millisecond().saturating_sub(now.as_millis());
    Some(Duration::from_millis(u64::try_from(millis).unwrap_or(0)))
}
