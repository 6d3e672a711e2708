//! Targets: where events can be sent, and how. As they are kept, checked when they are saved.
//!
//! Settings and [`Secrets`] are apart, so that settings can be shown and secrets sealed. Nothing here may reach out to a
//! target.

use std::collections::BTreeMap;
use std::path::{Component, Path};
use std::time::Duration;

use bytes::Bytes;
use cosell_store::{Key, Kind, Record};
use http::{HeaderName, HeaderValue, Uri};
use serde::{Deserialize, Serialize};

use crate::names::{Flaw, check_account, check_name, key_of, parse, record_of, target_name};
use crate::schedule::Schedule;
use crate::secrets::Secrets;

/// Longest URL or address, in bytes.
const MAX_URL: usize = 2048;
/// Most further headers of a webhook.
const MAX_HEADERS: usize = 20;
/// Most deliveries under way at a target.
pub const MAX_CONCURRENCY: u32 = 64;

/// A target as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Target {
    /// The account that owns it; empty for the operator.
    #[serde(default)]
    pub account: String,
    /// Its id, unique in the account: 1 to 64 of letters, digits, `.`, `-` and `_`.
    pub id: String,
    /// What it is for, up to 512 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What it is, with the settings of its kind.
    pub sink: SinkSettings,
    /// Whether the events of an opportunity (or of an engagement) arrive in their order: while one waits for its next
    /// try, those behind it wait too.
    #[serde(default = "yes")]
    pub ordered: bool,
    /// How many deliveries may be under way at once, 1 to [`MAX_CONCURRENCY`].
    #[serde(default = "default_concurrency")]
    pub concurrency: u32,
    /// How long one try may take, in seconds, 1 to 60.
    #[serde(default = "default_timeout")]
    pub timeout_seconds: u32,
    /// The pauses between tries, in seconds; see [`Schedule::new`]. Absent: the default schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_seconds: Option<Vec<f64>>,
    /// It is paused when it has failed without a break for that long, in seconds: a minute to a year, five days unless set.
    #[serde(default = "default_pause_after")]
    pub pause_after_seconds: u32,
    /// Whether anything is delivered. While nothing is, events wait in the log.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The number of the last event when it was made: it gets none up to that one but by a replay.
    #[serde(default)]
    pub since: u64,
}

fn yes() -> bool {
    true
}

fn default_concurrency() -> u32 {
    4
}

fn default_timeout() -> u32 {
    15
}

fn default_pause_after() -> u32 {
    5 * 86_400
}

/// What a target is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum SinkSettings {
    /// An HTTPS endpoint that is sent each event, signed as Standard Webhooks describes.
    Webhook(WebhookSettings),
    /// A bus of Amazon EventBridge, or of a stand-in.
    EventBridge(EventBridgeSettings),
    /// A queue of Amazon SQS, or of a stand-in.
    Sqs(SqsSettings),
    /// A JetStream stream of NATS.
    Nats(NatsSettings),
    /// A file that each event is appended to as a line of JSON.
    File(FileSettings),
    /// The server's standard output, a line of JSON an event.
    Stdout,
}

/// A webhook. Its signing secrets are in [`Secrets::signing`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookSettings {
    /// Where to: an `https://` URL; `http://` only where the server allows the address's network.
    pub url: String,
    /// Further headers of each request. None of those that the delivery sets itself. Secret ones belong into
    /// [`Secrets::headers`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

/// How to reach a service of AWS or its stand-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AwsSettings {
    /// The region, such as `us-east-1`.
    pub region: String,
    /// Another address of the service than AWS's own in the region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The profile of AWS's shared configuration files that has the credentials. Absent: the usual chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// An access key of its own instead; its secret is in [`Secrets::secret_access_key`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
}

/// An EventBridge bus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EventBridgeSettings {
    /// How to reach it.
    pub aws: AwsSettings,
    /// Name or ARN of the bus.
    #[serde(default = "default_bus")]
    pub bus: String,
    /// The source that entries carry. Absent: the event's own, `aws.partnercentral-selling`, which is what rules match and
    /// what stand-ins take; AWS itself keeps sources that begin with `aws.` for its services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

fn default_bus() -> String {
    "default".into()
}

/// An SQS queue. One whose URL ends in `.fifo` gets the lane as message group and the event id for deduplication.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SqsSettings {
    /// How to reach it.
    pub aws: AwsSettings,
    /// The queue's URL.
    pub queue_url: String,
}

/// A NATS server with JetStream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NatsSettings {
    /// `nats://host:port`, or `tls://host:port`.
    pub url: String,
    /// The subject; `{account}`, `{catalog}` and `{type}` stand for the event's account, catalog and detail type (in lower
    /// case, blanks as hyphens). A stream must cover it.
    #[serde(default = "default_subject")]
    pub subject: String,
    /// The user, where the server wants one; the password (or a token, where there is no user) is in
    /// [`Secrets::password`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

fn default_subject() -> String {
    "cosell.{account}.{type}".into()
}

/// A file beneath the server's folder for such files, so that whoever may set targets cannot write elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileSettings {
    /// Its path from that folder, such as `crm.jsonl`. It is made unless it is there, and opened anew when it was moved away.
    pub path: String,
}

/// Headers that a delivery sets itself, or that belong to the connection.
const OWN_HEADERS: [&str; 12] = [
    "content-length",
    "content-type",
    "connection",
    "expect",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
];

impl Target {
    /// Its name: the key of its record, of its state in the store, and what rules call it.
    pub fn name(&self) -> String {
        target_name(&self.account, &self.id)
    }

    /// The key of its record.
    pub fn key(&self) -> Key {
        key_of(Kind::EventTarget, &self.account, &self.id)
    }

    /// As its record in a version, with the secrets as the caller has sealed them. The caller has [checked](Target::check)
    /// it.
    pub fn record(&self, version: u64, sealed_secrets: Bytes) -> Record {
        let summary = serde_json::json!({"kind": self.sink.kind(), "enabled": self.enabled});
        record_of(self.key(), &self.account, version, self, &summary, sealed_secrets)
    }

    /// From its record's document. The sealed secrets are the record's private part.
    ///
    /// # Errors
    /// Where the record holds no target.
    pub fn read(document: &[u8]) -> Result<Self, Flaw> {
        parse(document)
    }

    /// How long one try may take.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds.into())
    }

    /// How long it may fail without a break.
    pub fn pause_after(&self) -> Duration {
        Duration::from_secs(self.pause_after_seconds.into())
    }

    /// The pauses between tries.
    ///
    /// # Errors
    /// Where they are out of bounds.
    pub fn schedule(&self) -> Result<Schedule, Flaw> {
        let Some(seconds) = &self.retry_seconds else {
            return Ok(Schedule::default());
        };
        let steps: Result<Vec<_>, _> = seconds.iter().copied().map(Duration::try_from_secs_f64).collect();
        steps
            .map_err(|error| error.to_string())
            .and_then(Schedule::new)
            .map_err(|what| Flaw::new("retrySeconds", what))
    }

    /// Checks what people may have got wrong, settings and secrets together.
    ///
    /// # Errors
    /// The first flaw.
    pub fn check(&self, secrets: &Secrets) -> Result<(), Flaw> {
        check_account("account", &self.account)?;
        check_name("id", &self.id)?;
        if self.description.chars().count() > 512 {
            return Err(Flaw::new("description", "at most 512 characters are taken"));
        }
        bounds("concurrency", self.concurrency, 1, MAX_CONCURRENCY)?;
        bounds("timeoutSeconds", self.timeout_seconds, 1, 60)?;
        bounds("pauseAfterSeconds", self.pause_after_seconds, 60, 366 * 86_400)?;
        self.schedule()?;
        match &self.sink {
            SinkSettings::Webhook(webhook) => {
                web_url("sink.url", &webhook.url)?;
                check_headers("sink.headers", &webhook.headers)?;
                check_headers("secrets.headers", &secrets.headers)?;
                secrets.check_signing()
            }
            SinkSettings::EventBridge(bus) => {
                bus.aws.check(secrets)?;
                text("sink.bus", &bus.bus, 1600)?;
                bus.source
                    .as_deref()
                    .map_or(Ok(()), |source| text("sink.source", source, 256))
            }
            SinkSettings::Sqs(queue) => {
                queue.aws.check(secrets)?;
                web_url("sink.queueUrl", &queue.queue_url).map(drop)
            }
            SinkSettings::Nats(nats) => nats.check(secrets),
            SinkSettings::File(file) => {
                text("sink.path", &file.path, 1024)?;
                if self.account.is_empty() && file.is_beneath() {
                    return Ok(());
                }
                Err(Flaw::new(
                    "sink.path",
                    "a file takes a path from the server's folder for events, such as crm.jsonl, that does not leave it; \
                     and only targets of the operator (no account) may be files",
                ))
            }
            SinkSettings::Stdout if self.account.is_empty() => Ok(()),
            SinkSettings::Stdout => Err(Flaw::new(
                "sink.kind",
                "only targets of the operator (no account) may be the standard output",
            )),
        }
    }
}

impl SinkSettings {
    /// The word for its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            SinkSettings::Webhook(_) => "webhook",
            SinkSettings::EventBridge(_) => "eventbridge",
            SinkSettings::Sqs(_) => "sqs",
            SinkSettings::Nats(_) => "nats",
            SinkSettings::File(_) => "file",
            SinkSettings::Stdout => "stdout",
        }
    }
}

impl FileSettings {
    /// Whether the path leads to a file beneath the folder and never out of it.
    pub(crate) fn is_beneath(&self) -> bool {
        let path = Path::new(&self.path);
        !self.path.ends_with('/')
            && path.file_name().is_some()
            && path.components().all(|part| matches!(part, Component::Normal(_)))
    }
}

impl AwsSettings {
    fn check(&self, secrets: &Secrets) -> Result<(), Flaw> {
        let region = &self.region;
        let good = (1..=32).contains(&region.len())
            && region
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if !good {
            return Err(Flaw::new("sink.aws.region", "write a region such as us-east-1"));
        }
        if let Some(endpoint) = &self.endpoint {
            let uri = web_url("sink.aws.endpoint", endpoint)?;
            if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
                return Err(Flaw::new(
                    "sink.aws.endpoint",
                    "an endpoint has no path, such as http://127.0.0.1:5000",
                ));
            }
        }
        if let Some(profile) = &self.profile {
            text("sink.aws.profile", profile, 128)?;
        }
        match (&self.access_key_id, &secrets.secret_access_key) {
            (None, None) => Ok(()),
            (Some(_), Some(_)) if self.profile.is_some() => Err(Flaw::new(
                "sink.aws.profile",
                "give either a profile or an access key",
            )),
            (Some(id), Some(_)) => text("sink.aws.accessKeyId", id, 128),
            _ => Err(Flaw::new(
                "sink.aws.accessKeyId",
                "an access key id and its secret access key belong together: give both or neither",
            )),
        }
    }
}

impl NatsSettings {
    fn check(&self, secrets: &Secrets) -> Result<(), Flaw> {
        if cfg!(not(feature = "nats")) {
            return Err(Flaw::new(
                "sink.kind",
                "this build has no NATS; build cosell with the feature nats, or take another kind of target",
            ));
        }
        let uri = url("sink.url", &self.url)?;
        if !matches!(uri.scheme_str(), Some("nats" | "tls")) {
            return Err(Flaw::new("sink.url", "write nats://host:port or tls://host:port"));
        }
        text("sink.subject", &self.subject, 256)?;
        let plain = self
            .subject
            .replace("{account}", "a")
            .replace("{catalog}", "c")
            .replace("{type}", "t");
        let good = plain.split('.').all(|token| {
            !token.is_empty()
                && token
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() && !b"*>{}".contains(&byte))
        });
        if !good {
            return Err(Flaw::new(
                "sink.subject",
                "a subject has tokens between dots, no * or >, and of braces {account}, {catalog} and {type} only",
            ));
        }
        if self.user.is_some() && secrets.password.is_none() {
            return Err(Flaw::new("secrets.password", "a user needs a password"));
        }
        Ok(())
    }
}

fn bounds(field: &str, value: u32, least: u32, most: u32) -> Result<(), Flaw> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(Flaw::new(
        field,
        format!("{value} is out of bounds; {least} to {most} are possible"),
    ))
}

fn text(field: &str, value: &str, most: usize) -> Result<(), Flaw> {
    if !value.is_empty() && value.len() <= most && !value.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Flaw::new(
        field,
        format!("write 1 to {most} letters, none of them a control character"),
    ))
}

/// A URL with a host, and without a user, which would show a secret.
fn url(field: &str, value: &str) -> Result<Uri, Flaw> {
    text(field, value, MAX_URL)?;
    let uri: Uri = value
        .parse()
        .map_err(|error| Flaw::new(field, format!("it is no URL: {error}")))?;
    match uri.authority() {
        Some(authority) if authority.as_str().contains('@') => Err(Flaw::new(
            field,
            "a user and password do not belong into a URL: put them into the target's secrets",
        )),
        // Taken for no port at all otherwise, and so for that of the scheme.
        Some(authority) if authority.port_u16().is_none() && authority.as_str() != authority.host() => {
            Err(Flaw::new(field, "the port must be a number from 1 to 65535"))
        }
        Some(authority) if !authority.host().is_empty() => Ok(uri),
        _ => Err(Flaw::new(field, "it names no host")),
    }
}

fn web_url(field: &str, value: &str) -> Result<Uri, Flaw> {
    let uri = url(field, value)?;
    match uri.scheme_str() {
        Some("http" | "https") => Ok(uri),
        _ => Err(Flaw::new(
            field,
            "write https://..., or http://... for an allowed network",
        )),
    }
}

fn check_headers<T: std::ops::Deref<Target: AsRef<str>>>(
    field: &str,
    headers: &BTreeMap<String, T>,
) -> Result<(), Flaw> {
    if headers.len() > MAX_HEADERS {
        return Err(Flaw::new(field, format!("at most {MAX_HEADERS} are taken")));
    }
    for (name, value) in headers {
        let value = (**value).as_ref();
        let Ok(parsed) = name.parse::<HeaderName>() else {
            return Err(Flaw::new(field, format!("\"{name}\" is no name of a header")));
        };
        if OWN_HEADERS.contains(&parsed.as_str()) {
            return Err(Flaw::new(
                field,
                format!("{parsed} is set by the delivery itself; leave it out"),
            ));
        }
        if value.len() > 4096 || HeaderValue::from_str(value).is_err() {
            // The value may be a secret, so it is not repeated.
            return Err(Flaw::new(
                field,
                format!("the value of {parsed} cannot stand in a header"),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A target of an account with the defaults.
    pub(crate) fn target(sink: SinkSettings) -> Target {
        Target {
            account: String::new(),
            id: "t".into(),
            description: String::new(),
            sink,
            ordered: true,
            concurrency: 4,
            timeout_seconds: 15,
            retry_seconds: None,
            pause_after_seconds: 432_000,
            enabled: true,
            since: 0,
        }
    }

    pub(crate) fn webhook(url: &str) -> Target {
        target(SinkSettings::Webhook(WebhookSettings {
            url: url.into(),
            headers: BTreeMap::new(),
        }))
    }

    pub(crate) fn signing() -> Secrets {
        Secrets {
            signing: vec!["whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz".to_owned().into()],
            ..Secrets::default()
        }
    }

    fn flaw(json: &str, secrets: &Secrets) -> String {
        match Target::read(json.as_bytes()).and_then(|target| target.check(secrets)) {
            Ok(()) => "none".into(),
            Err(flaw) => flaw.field,
        }
    }

    #[test]
    fn a_target_needs_only_its_id_and_sink() {
        let json = r#"{"id": "crm", "sink": {"kind": "webhook", "url": "https://example.com/x"}}"#;
        assert_eq!(flaw(json, &signing()), "none");
        let read = Target::read(json.as_bytes()).unwrap();
        assert!(read.ordered && read.enabled);
        assert_eq!(
            (read.concurrency, read.timeout_seconds, read.pause_after_seconds),
            (4, 15, 432_000)
        );
        let record = read.record(1, Bytes::from_static(b"sealed"));
        record.validate().unwrap();
        assert_eq!(Target::read(&record.document).unwrap(), read);
        assert_eq!(record.key.id, "/crm");
    }

    #[test]
    fn what_is_wrong_with_a_target_is_named() {
        let none = Secrets::default();
        let hook =
            |more: &str| format!(r#"{{"id": "a", "sink": {{"kind": "webhook", "url": "https://e.com"{more}"#);
        for (json, secrets, field) in [
            (hook("}}"), &none, "secrets.signing"),
            (hook(r#"}, "concurrency": 0}"#), &signing(), "concurrency"),
            (hook(r#"}, "concurrency": 65}"#), &signing(), "concurrency"),
            (hook(r#"}, "timeoutSeconds": 61}"#), &signing(), "timeoutSeconds"),
            (hook(r#"}, "retrySeconds": [5, -1]}"#), &signing(), "retrySeconds"),
            (hook(r#"}, "retrySeconds": [1e300]}"#), &signing(), "retrySeconds"),
            (hook(r#"}, "pauseAfterSeconds": 1}"#), &signing(), "pauseAfterSeconds"),
            (hook(r#"}, "account": "1"}"#), &signing(), "account"),
            (hook(r#", "headers": {"Webhook-Id": "x"}}}"#), &signing(), "sink.headers"),
            (hook(r#", "headers": {"a b": "x"}}}"#), &signing(), "sink.headers"),
            (hook(r#", "headers": {"a": "x\ny"}}}"#), &signing(), "sink.headers"),
            (r#"{"id": "a b", "sink": {"kind": "stdout"}}"#.into(), &none, "id"),
            (r#"{"id": "a", "sink": {"kind": "webhook", "url": "ftp://e.com"}}"#.into(), &signing(), "sink.url"),
            (r#"{"id": "a", "sink": {"kind": "webhook", "url": "/x"}}"#.into(), &signing(), "sink.url"),
            (r#"{"id": "a", "sink": {"kind": "webhook", "url": "https://u:p@e.com"}}"#.into(), &signing(), "sink.url"),
            (r#"{"id": "a", "sink": {"kind": "webhook", "url": "https://e.com:99999/"}}"#.into(), &signing(), "sink.url"),
            (r#"{"id": "a", "sink": {"kind": "webhook", "url": "https://[::1]:/"}}"#.into(), &signing(), "sink.url"),
            (r#"{"id": "a", "sink": {"kind": "webhook", "url": "https://[::1]:443/"}}"#.into(), &signing(), "none"),
            (r#"{"id": "a", "sink": {"kind": "file", "path": "/x"}}"#.into(), &none, "sink.path"),
            (r#"{"id": "a", "account": "111111111111", "sink": {"kind": "stdout"}}"#.into(), &none, "sink.kind"),
            (
                r#"{"id": "a", "account": "111111111111", "sink": {"kind": "file", "path": "x"}}"#.into(),
                &none,
                "sink.path",
            ),
            (
                r#"{"id": "a", "sink": {"kind": "eventbridge", "aws": {"region": "US"}}}"#.into(),
                &none,
                "sink.aws.region",
            ),
            (
                r#"{"id": "a", "sink": {"kind": "eventbridge", "aws": {"region": "us-east-1", "endpoint": "https://e.com/x"}}}"#.into(),
                &none,
                "sink.aws.endpoint",
            ),
            (
                r#"{"id": "a", "sink": {"kind": "sqs", "queueUrl": "https://e.com/q", "aws": {"region": "eu-1", "accessKeyId": "A"}}}"#.into(),
                &none,
                "sink.aws.accessKeyId",
            ),
        ] {
            assert_eq!(flaw(&json, secrets), field, "{json}");
        }
    }
}
