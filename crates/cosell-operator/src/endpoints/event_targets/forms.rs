//! How a target is written: as it is sent, and as it is shown.

use std::borrow::Cow;

use cosell_events::{MAX_CONCURRENCY, TargetMetrics, TargetStatus};
use cosell_service::delivery::targets::Kept;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Value, json};

use super::{is_webhook, status_word};
use crate::Time;

/// A target that is sent to be made.
pub(super) struct NewTarget;

/// The settings that a target is to have.
pub(super) struct Settings;

impl JsonSchema for NewTarget {
    fn schema_name() -> Cow<'static, str> {
        "NewEventTarget".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "description": "A target to be made.", "required": ["id", "sink"],
            "additionalProperties": false, "properties": properties()})
    }
}

impl JsonSchema for Settings {
    fn schema_name() -> Cow<'static, str> {
        "EventTargetSettings".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "description": "The settings of a target.", "required": ["sink"],
            "additionalProperties": false, "properties": properties()})
    }
}

fn properties() -> Value {
    let text = |most: u32, words: &str| json!({"type": "string", "minLength": 1, "maxLength": most, "description": words});
    let texts = |words: &str| json!({"type": "object", "maxProperties": 20, "additionalProperties": {"type": "string"}, "description": words});
    json!({
        "id": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$", "description": "Its id, unique with its owner."},
        "account": {"type": ["string", "null"], "pattern": "^[0-9]{12}$",
            "description": "The account that owns it and whose rules alone may use it; left out for one of the operator."},
        "description": {"type": "string", "maxLength": 512, "description": "What it is for."},
        "sink": sink_value(),
        "secrets": {"type": ["object", "null"], "additionalProperties": false,
            "description": "What is sealed and never shown again.", "properties": {
                "signing": {"type": "array", "minItems": 1, "maxItems": 2, "items": text(100, "whsec_ and 24 to 64 bytes in base64."),
                    "description": "Of a webhook: its signing secrets, the newest first. One is made where none is sent."},
                "headers": texts("Of a webhook: further headers whose values are secret, such as authorization."),
                "secretAccessKey": text(256, "Of an access key that AWS or a stand-in takes."),
                "password": text(1024, "Of a NATS user, or a token where there is no user.")}},
        "ordered": {"type": "boolean", "default": true, "description":
            "true: the events of an opportunity arrive in their order, so that one that fails holds up those behind it."},
        "concurrency": {"type": "integer", "minimum": 1, "maximum": MAX_CONCURRENCY, "default": 4,
            "description": "How many deliveries may be under way at once."},
        "timeoutSeconds": {"type": "integer", "minimum": 1, "maximum": 60, "default": 15,
            "description": "How long one try may take."},
        "retrySeconds": {"type": ["array", "null"], "maxItems": 20,
            "items": {"type": "number", "minimum": 0.001, "maximum": 604_800},
            "description": "The pauses between tries. Left out: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h."},
        "pauseAfterSeconds": {"type": "integer", "minimum": 60, "maximum": 31_622_400, "default": 432_000,
            "description": "It is paused when it has failed without a break for that long."},
        "enabled": {"type": "boolean", "default": true,
            "description": "false: nothing is delivered, and events wait in the log."}
    })
}

fn sink(_: &mut SchemaGenerator) -> Schema {
    Schema::try_from(sink_value()).unwrap_or_default()
}

fn sink_value() -> Value {
    let text = |words: &str| json!({"type": "string", "description": words});
    let form = |kind: &str, required: &[&str], mut properties: Value, words: &str| {
        properties["kind"] = json!({"const": kind});
        let required: Vec<&str> = [&["kind"], required].concat();
        json!({"type": "object", "required": required, "additionalProperties": false, "properties": properties,
            "description": words})
    };
    let aws = json!({"type": "object", "required": ["region"], "additionalProperties": false,
        "description": "How to reach the service, and with which credentials: the usual chain unless something is said.",
        "properties": {
            "region": text("Such as us-east-1."),
            "endpoint": text("Another address than AWS's own in the region, such as that of a stand-in."),
            "profile": text("A profile of AWS's shared configuration files on the server."),
            "accessKeyId": text("An access key of its own; its secret is among the secrets.")}});
    let further = json!({"type": "object", "maxProperties": 20, "additionalProperties": {"type": "string"},
        "description": "Further headers, which are shown; secret ones belong into the secrets."});
    json!({"description": "What it is.", "oneOf": [
        form("webhook", &["url"], json!({"url": text("An https:// URL; http:// where the server allows the network."),
            "headers": further}), "An endpoint that is sent each event, signed as Standard Webhooks describes."),
        form("eventbridge", &["aws"], json!({"aws": aws, "bus": text("Name or ARN of the bus; default where left out."),
            "source": text("The source that entries carry; the event's own where left out. AWS itself takes none that \
                begins with aws.")}), "A bus of Amazon EventBridge or of a stand-in."),
        form("sqs", &["aws", "queueUrl"], json!({"aws": aws, "queueUrl": text("The queue's URL.")}),
            "A queue of Amazon SQS or of a stand-in."),
        form("nats", &["url"], json!({"url": text("nats://host:port or tls://host:port."),
            "subject": text("{account}, {catalog} and {type} stand for those of the event."),
            "user": text("The user; its password is among the secrets.")}), "A JetStream stream of NATS."),
        form("file", &["path"], json!({"path": text("A path beneath the server's folder for events, such as crm.jsonl.")}),
            "A file that gets a line of JSON an event."),
        form("stdout", &[], json!({}), "The server's standard output."),
    ]})
}

/// A target as it is shown.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "EventTarget")]
pub(super) struct Shown {
    /// Its name, as rules call it: its account and id with a stroke between them, no account for one of the operator.
    name: String,
    /// Its id.
    id: String,
    /// The account that owns it; absent for one of the operator.
    #[serde(skip_serializing_if = "String::is_empty")]
    account: String,
    /// What it is for.
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    /// What it is.
    #[schemars(schema_with = "sink")]
    sink: Value,
    /// Whether the events of an opportunity arrive in their order.
    ordered: bool,
    /// How many deliveries may be under way at once.
    concurrency: u32,
    /// How long one try may take.
    timeout_seconds: u32,
    /// The pauses between tries; absent for the default ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_seconds: Option<Vec<f64>>,
    /// It is paused when it has failed without a break for that long.
    pause_after_seconds: u32,
    /// Whether anything is delivered.
    enabled: bool,
    /// Which secrets there are.
    secrets: Held,
    /// How it stands; absent where the key file of the data folder does not open its secrets, so that nothing is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<State>,
    /// A signing secret that was made just now, for the only sight of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    signing_secret: Option<String>,
}

/// Which secrets a target has.
#[derive(Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "EventTargetSecrets")]
struct Held {
    /// How many signing secrets are active.
    signing: usize,
    /// The names of secret headers.
    headers: Vec<String>,
    /// Whether there is the secret of an access key.
    secret_access_key: bool,
    /// Whether there is a password or token.
    password: bool,
}

/// How a target stands.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "EventTargetState")]
struct State {
    /// delivering; backing-off after failures in a row: tried now and then; paused; disabled; held: this server delivers
    /// nothing (its setting events-delivery is off).
    status: &'static str,
    /// Why it is paused.
    #[serde(skip_serializing_if = "Option::is_none")]
    paused_reason: Option<String>,
    /// Since when it is paused, by the machine's time, or that of the database that servers share.
    #[serde(skip_serializing_if = "Option::is_none")]
    paused_date: Option<Time>,
    /// Failures in a row since the last success.
    failures_in_a_row: u32,
    /// When the first of them was, by the machine's time, or that of the database that servers share.
    #[serde(skip_serializing_if = "Option::is_none")]
    failing_since_date: Option<Time>,
    /// What the last of them said.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    /// Events delivered, ever.
    delivered: u64,
    /// Tries, ever.
    attempts: u64,
    /// Tries that failed, ever.
    failed: u64,
    /// Deliveries that wait now.
    pending: u64,
    /// Deliveries that were given up.
    dead: u64,
    /// Age of the oldest event that is neither delivered nor given up, by the server's clock; 0 where there is none.
    lag_seconds: u64,
}

impl State {
    fn of(metrics: &TargetMetrics, delivers: bool) -> Self {
        let paused = match &metrics.status {
            TargetStatus::Paused(paused) => Some(paused.clone()),
            _ => None,
        };
        Self {
            status: status_word(&metrics.status, delivers),
            paused_date: paused.as_ref().map(|paused| paused.at.into()),
            paused_reason: paused.map(|paused| paused.reason),
            failures_in_a_row: metrics.health.failures,
            failing_since_date: metrics.health.failing_since.map(Time::from),
            last_error: metrics.health.last_error.clone(),
            delivered: metrics.delivered,
            attempts: metrics.attempts,
            failed: metrics.failures,
            pending: metrics.pending,
            dead: metrics.dead,
            lag_seconds: metrics.lag_seconds,
        }
    }
}

impl Shown {
    /// A target with its figures among those of all. `delivers`: whether this server delivers at all.
    pub(super) fn of(kept: Kept, figures: &[TargetMetrics], delivers: bool, secret: Option<&str>) -> Self {
        let Kept { target, secrets, .. } = kept;
        let name = target.name();
        let signing = secrets.as_ref().map_or(0, |secrets| secrets.signing.len());
        let held = secrets.map(|secrets| Held {
            signing: if is_webhook(&target) { signing } else { 0 },
            headers: secrets.headers.keys().cloned().collect(),
            secret_access_key: secrets.secret_access_key.is_some(),
            password: secrets.password.is_some(),
        });
        let figures = figures.iter().find(|metrics| metrics.target == name);
        Self {
            state: figures.map(|metrics| State::of(metrics, delivers)),
            name,
            id: target.id,
            account: target.account,
            description: target.description,
            // Settings are texts, numbers and maps of texts: this cannot fail.
            sink: serde_json::to_value(&target.sink).unwrap_or_default(),
            ordered: target.ordered,
            concurrency: target.concurrency,
            timeout_seconds: target.timeout_seconds,
            retry_seconds: target.retry_seconds,
            pause_after_seconds: target.pause_after_seconds,
            enabled: target.enabled,
            secrets: held.unwrap_or_default(),
            signing_secret: secret.map(str::to_owned),
        }
    }
}
