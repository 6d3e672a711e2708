//! NATS JetStream: one message an event, delivered when a stream has acknowledged it. The event id is the message id, so a
//! stream drops what comes twice within its window.

use std::time::Duration;

use async_nats::ConnectOptions;
use async_nats::jetstream::Context;
use async_nats::jetstream::context::ContextBuilder;
use async_nats::jetstream::message::PublishMessage;
use async_trait::async_trait;
use cosell_model::Timestamp;
use http::Uri;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::http::{Outside, admitted};
use super::{Outcome, Sink};
use crate::envelope::Envelope;
use crate::secrets::Secrets;
use crate::target::NatsSettings;

/// The port of NATS where a URL names none.
const PORT: u16 = 4222;

pub(super) struct Nats {
    outside: Outside,
    host: String,
    port: u16,
    tls: bool,
    subject: String,
    user: Option<String>,
    password: Option<Zeroizing<String>>,
    patience: Duration,
    /// The connection, made when it is first needed and anew after it was lost.
    context: Mutex<Option<Context>>,
}

impl Nats {
    pub fn new(
        outside: Outside,
        settings: &NatsSettings,
        secrets: &Secrets,
        patience: Duration,
    ) -> Result<Self, String> {
        let uri: Uri = settings
            .url
            .parse()
            .map_err(|error| format!("the URL cannot be used: {error}"))?;
        let host = uri.host().ok_or("the URL names no host")?;
        Ok(Self {
            outside,
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: uri.port_u16().unwrap_or(PORT),
            tls: uri.scheme_str() == Some("tls"),
            subject: settings.subject.clone(),
            user: settings.user.clone(),
            password: secrets.password.clone(),
            patience,
            context: Mutex::default(),
        })
    }

    async fn connected(&self) -> Result<Context, String> {
        let mut kept = self.context.lock().await;
        if let Some(context) = &*kept {
            return Ok(context.clone());
        }
        let addresses = admitted(self.outside.network(), &self.host, self.port, self.tls)
            .await
            .map_err(|error| error.to_string())?;
        let address = addresses
            .first()
            .ok_or_else(|| format!("{} has no address", self.host))?;
        // Without TLS it goes to the very address that was judged; with TLS the certificate must fit the name.
        let server = match self.tls {
            true => format!("tls://{}:{}", self.host, self.port),
            false => format!("nats://{address}"),
        };
        // Servers that the first one tells of have not been judged. A lost connection is made anew here, not there.
        let mut options = ConnectOptions::new()
            .name("cosell")
            .ignore_discovered_servers()
            .max_reconnects(1)
            .connection_timeout(self.patience)
            .require_tls(self.tls);
        options = match (&self.user, &self.password) {
            (Some(user), Some(password)) => options.user_and_password(user.clone(), password.to_string()),
            (None, Some(token)) => options.token(token.to_string()),
            _ => options,
        };
        let client = options
            .connect(server)
            .await
            .map_err(|error| format!("cannot connect: {error}"))?;
        let context = ContextBuilder::new().timeout(self.patience).build(client);
        *kept = Some(context.clone());
        Ok(context)
    }

    fn subject_of(&self, event: &Envelope) -> String {
        let catalog = event
            .value
            .pointer("/detail/catalog")
            .and_then(|catalog| catalog.as_str());
        self.subject
            .replace("{account}", &token(&event.account))
            .replace("{catalog}", &token(catalog.unwrap_or_default()))
            .replace("{type}", &token(event.text("detail-type")))
    }

    async fn publish(&self, event: &Envelope) -> Result<(), String> {
        let message = PublishMessage::build()
            .message_id(&event.id)
            .payload(event.body.clone());
        let context = self.connected().await?;
        let sent = context.send_publish(self.subject_of(event), message).await;
        let acknowledged = match sent {
            Ok(acknowledgement) => acknowledgement.await,
            Err(error) => Err(error),
        };
        match acknowledged {
            Ok(_) => Ok(()),
            Err(error) => {
                *self.context.lock().await = None;
                Err(format!(
                    "no stream took the message: {error}; make a stream that covers its subject"
                ))
            }
        }
    }
}

/// A text as one token of a subject.
fn token(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|character| match character {
            ' ' => '-',
            character if character.is_ascii_alphanumeric() || "-_".contains(character) => {
                character.to_ascii_lowercase()
            }
            _ => '_',
        })
        .collect();
    if plain.is_empty() { "none".into() } else { plain }
}

#[async_trait]
impl Sink for Nats {
    async fn deliver(&self, events: &[Envelope], _: Timestamp) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(events.len());
        for event in events {
            outcomes.push(match self.publish(event).await {
                Ok(()) => Outcome::Delivered { status: None },
                Err(error) => Outcome::failed(error),
            });
        }
        outcomes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Network;
    use crate::envelope::tests::envelope;

    #[test]
    fn a_subject_is_made_of_the_event() {
        let settings = NatsSettings {
            url: "nats://127.0.0.1".into(),
            subject: "crm.{account}.{catalog}.{type}".into(),
            user: None,
        };
        let outside = Outside::new(Network::development(), Vec::new());
        let nats = Nats::new(outside, &settings, &Secrets::default(), Duration::from_secs(1)).unwrap();
        assert_eq!(
            nats.subject_of(&envelope(1, "O1")),
            "crm.111111111111.aws.opportunity-updated"
        );
        assert_eq!((token(""), token("a.*>b")), ("none".into(), "a___b".into()));
    }
}
