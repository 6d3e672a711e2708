//! Amazon SQS: SendMessageBatch to a queue, at AWS or at a stand-in, over its JSON protocol.

use async_trait::async_trait;
use cosell_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::aws::{Protocol, Service, origin};
use super::http::Outside;
use super::{Batch, Outcome, Sink};
use crate::envelope::Envelope;
use crate::secrets::Secrets;
use crate::target::SqsSettings;

pub(super) struct Sqs {
    service: Service,
    queue_url: String,
    fifo: bool,
}

impl Sqs {
    pub fn new(outside: Outside, settings: &SqsSettings, secrets: &Secrets) -> Result<Self, String> {
        // The queue's URL says where the service is, unless the settings do.
        let endpoint = origin(&settings.queue_url)?;
        Ok(Self {
            service: Service::new(outside, "sqs", &settings.aws, secrets, Some(endpoint))?,
            queue_url: settings.queue_url.clone(),
            fifo: settings.queue_url.ends_with(".fifo"),
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    id: String,
    message_body: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_group_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_deduplication_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessageBatch<'a> {
    queue_url: &'a str,
    entries: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Sent {
    #[serde(default)]
    successful: Vec<Accepted>,
    #[serde(default)]
    failed: Vec<Refused>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Accepted {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Refused {
    id: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

#[async_trait]
impl Sink for Sqs {
    fn batch(&self) -> Batch {
        // Ten messages of together 256 KiB, which every queue takes.
        Batch {
            events: 10,
            bytes: 250_000,
            in_order: false,
        }
    }

    async fn deliver(&self, events: &[Envelope], now: Timestamp) -> Vec<Outcome> {
        let entries = events
            .iter()
            .enumerate()
            .map(|(place, event)| Entry {
                id: place.to_string(),
                message_body: std::str::from_utf8(&event.body).unwrap_or_default(),
                message_group_id: self.fifo.then(|| event.lane()),
                message_deduplication_id: self.fifo.then_some(event.id.as_str()),
            })
            .collect();
        let request = SendMessageBatch {
            queue_url: &self.queue_url,
            entries,
        };
        let sent: Sent = match self
            .service
            .call(Protocol::Json10, "AmazonSQS.SendMessageBatch", &request, now)
            .await
        {
            Ok(sent) => sent,
            Err(failed) => return vec![failed; events.len()],
        };
        (0..events.len())
            .map(|place| {
                let id = place.to_string();
                if sent.successful.iter().any(|accepted| accepted.id == id) {
                    return Outcome::Delivered { status: Some(200) };
                }
                match sent.failed.iter().find(|refused| refused.id == id) {
                    Some(refused) => Outcome::failed(format!("{}: {}", refused.code, refused.message)),
                    None => Outcome::failed("the queue did not answer for this message"),
                }
            })
            .collect()
    }
}
