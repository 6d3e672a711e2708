//! Amazon EventBridge: PutEvents on a bus, at AWS or at a stand-in.

use async_trait::async_trait;
use cosell_model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::aws::{Protocol, Service};
use super::http::Outside;
use super::{Batch, Outcome, Sink};
use crate::envelope::Envelope;
use crate::secrets::Secrets;
use crate::target::EventBridgeSettings;

pub(super) struct EventBridge {
    service: Service,
    bus: String,
    source: Option<String>,
}

impl EventBridge {
    pub fn new(outside: Outside, settings: &EventBridgeSettings, secrets: &Secrets) -> Result<Self, String> {
        Ok(Self {
            service: Service::new(outside, "events", &settings.aws, secrets, None)?,
            bus: settings.bus.clone(),
            source: settings.source.clone(),
        })
    }
}

/// What of an envelope an entry is made of. The detail goes on as it stands.
#[derive(Deserialize)]
struct Parts<'a> {
    #[serde(borrow, default)]
    detail: Option<&'a RawValue>,
    #[serde(default)]
    resources: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    source: &'a str,
    detail_type: &'a str,
    detail: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<i64>,
    event_bus_name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PutEvents<'a> {
    entries: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Put {
    #[serde(default)]
    entries: Vec<PutEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutEntry {
    error_code: Option<String>,
    error_message: Option<String>,
}

#[async_trait]
impl Sink for EventBridge {
    fn batch(&self) -> Batch {
        // PutEvents takes ten entries and a megabyte; detail and resources are less than their envelope.
        Batch {
            events: 10,
            bytes: 1_000_000,
            in_order: false,
        }
    }

    async fn deliver(&self, events: &[Envelope], now: Timestamp) -> Vec<Outcome> {
        let entries = events
            .iter()
            .map(|event| {
                let parts: Parts<'_> = serde_json::from_slice(&event.body).unwrap_or(Parts {
                    detail: None,
                    resources: Vec::new(),
                });
                Entry {
                    source: self.source.as_deref().unwrap_or(event.text("source")),
                    detail_type: event.text("detail-type"),
                    detail: parts.detail.map_or("{}", RawValue::get),
                    resources: parts.resources,
                    time: Timestamp::parse(event.text("time")).map(|time| time.as_millis().div_euclid(1000)),
                    event_bus_name: &self.bus,
                }
            })
            .collect();
        let answer: Put = match self
            .service
            .call(
                Protocol::Json11,
                "AWSEvents.PutEvents",
                &PutEvents { entries },
                now,
            )
            .await
        {
            Ok(answer) => answer,
            Err(failed) => return vec![failed; events.len()],
        };
        let mut answers = answer.entries.into_iter();
        events
            .iter()
            .map(|_| answers.next().map_or_else(unanswered, judge))
            .collect()
    }
}

fn unanswered() -> Outcome {
    Outcome::failed("the bus answered for fewer entries than it was sent")
}

fn judge(entry: PutEntry) -> Outcome {
    let Some(code) = entry.error_code else {
        return Outcome::Delivered { status: Some(200) };
    };
    let mut error = format!("{code}: {}", entry.error_message.unwrap_or_default());
    if code == "NotAuthorizedForSourceException" {
        error.push_str(
            " (AWS keeps sources that begin with aws. for itself: give the target a source of your own, such as \
             cosell.partnercentral-selling, and let your rules match that)",
        );
    }
    Outcome::Failed {
        status: Some(200),
        error,
        after: None,
    }
}
