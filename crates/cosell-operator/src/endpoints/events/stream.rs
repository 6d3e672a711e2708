//! Events as they happen: a stream of server-sent events.
//!
//! A stream reads the log with a place of its own and remembers nothing else, so that whoever comes back with that place
//! goes on from there.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cosell_service::Clock;
use cosell_store::{Store, StoredEvent};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;

use crate::call::Who;
use crate::problem::Fault;
use crate::{Call, Feed, Problem, Reply, Stream, tokens};

/// Most events that are read at once.
const PAGE: usize = 200;
/// How long nothing is sent before a sign of life is.
const SILENCE: Duration = Duration::from_secs(15);
/// How long a stream may go on with a token that does not count any more.
const TRUST: Duration = Duration::from_secs(5);
/// How long a client should wait before it comes back, in milliseconds.
const RETRY: u32 = 1000;

/// What is to be told.
struct Filter {
    account: Option<String>,
    catalog: Option<String>,
    detail_type: Option<String>,
}

impl Filter {
    fn takes(&self, stored: &StoredEvent) -> bool {
        let fits = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
        fits(&self.account, &stored.event.account)
            && fits(&self.catalog, &stored.event.catalog)
            && fits(&self.detail_type, &stored.event.detail_type)
    }
}

/// A stream that is open.
struct Open {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    filter: Filter,
    /// The number of the last event that was looked at.
    place: u64,
    feed: Feed,
    /// The id of the token that opened it; `None` for whoever has the data folder.
    token: Option<String>,
    closing: watch::Receiver<bool>,
    patience: Duration,
    _permit: OwnedSemaphorePermit,
}

pub(super) async fn open(call: &Call<'_>) -> Result<Reply, Problem> {
    let operator = call.operator;
    let place = place(call).await?;
    let Ok(permit) = Arc::clone(&operator.streams).try_acquire_owned() else {
        return Err(Problem::retry_in_a_second(
            "As many streams of events are open as may be: close one, or come back later",
        ));
    };
    let (feed, stream) = Stream::live();
    let open = Open {
        store: operator.shared_store(),
        clock: Arc::clone(&operator.parts.clock),
        filter: Filter {
            account: call.get("account").map(str::to_owned),
            catalog: call.get("catalog").map(str::to_owned),
            detail_type: call.get("detailType").map(str::to_owned),
        },
        place,
        feed,
        token: match call.who {
            Who::Token(token) => Some(token.id.clone()),
            Who::Command => None,
        },
        closing: operator.closing(),
        patience: operator.patience(),
        _permit: permit,
    };
    tokio::spawn(open.run());
    Ok(Reply::stream(stream))
}

/// Behind which event the stream begins.
async fn place(call: &Call<'_>) -> Result<u64, Problem> {
    let last = call.operator.store().last_event().await?;
    let (name, asked) = match call.header("last-event-id") {
        Some(text) => ("last-event-id", text.trim().parse().ok()),
        None => match call.integer("after") {
            Some(number) => ("after", u64::try_from(number).ok()),
            None => return Ok(last),
        },
    };
    let asked = asked.ok_or_else(|| {
        Problem::faulty(vec![Fault::of_parameter(
            name,
            "must be the number of an event, as `id` of a stream tells it",
        )])
    })?;
    if asked > last {
        // Waiting for that number would mean missing all before it.
        let detail = format!(
            "There is no event {asked} yet, the last one is {last}: another state was loaded, most likely. Begin anew, without {name}"
        );
        return Err(Problem::faulty(vec![Fault::of_parameter(name, detail)]));
    }
    Ok(asked)
}

impl Open {
    async fn run(mut self) {
        let hello = format!("retry: {RETRY}\nid: {}\n\n", self.place);
        if !self.feed.send(Bytes::from(hello), self.patience).await {
            return;
        }
        let mut closing = self.closing.clone();
        let mut look = Instant::now() + TRUST;
        let mut silent_since = Instant::now();
        loop {
            let sign = silent_since + SILENCE;
            let piece = tokio::select! {
                biased;
                () = self.feed.gone() => return,
                () = async { drop(closing.wait_for(|closing| *closing).await) } => return,
                () = tokio::time::sleep_until(look) => {
                    if !self.is_trusted().await {
                        return;
                    }
                    look = Instant::now() + TRUST;
                    continue;
                }
                read = self.store.wait_events(self.place, PAGE) => match read {
                    Ok(events) => self.told(&events),
                    Err(error) => {
                        // The client comes back, and finds another state of things or the same error in words.
                        tracing::debug!("a stream of events ends: {error}");
                        return;
                    }
                },
                // The place goes with the sign of life: whoever takes few of many events need not look at all again.
                () = tokio::time::sleep_until(sign) => format!(": {}\nid: {}\n\n", self.clock.now(), self.place),
            };
            if !piece.is_empty() {
                if !self.feed.send(Bytes::from(piece), self.patience).await {
                    return;
                }
                silent_since = Instant::now();
            }
        }
    }

    /// What is to be told of events, and goes on behind them.
    fn told(&mut self, events: &[StoredEvent]) -> String {
        let mut text = String::new();
        for stored in events {
            self.place = stored.seq;
            if self.filter.takes(stored) {
                write_event(&mut text, stored);
            }
        }
        text
    }

    async fn is_trusted(&self) -> bool {
        match &self.token {
            None => true,
            // A store that does not answer tells nothing against the token.
            Some(id) => tokens::counts(&*self.store, id, self.clock.now())
                .await
                .unwrap_or(true),
        }
    }
}

fn write_event(text: &mut String, stored: &StoredEvent) {
    let body = String::from_utf8_lossy(&stored.event.body);
    // Writing to a text cannot fail.
    let _ = write!(text, "id: {}\nevent: {}\n", stored.seq, stored.event.detail_type);
    for line in body.lines() {
        let _ = writeln!(text, "data: {line}");
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use cosell_model::Timestamp;
    use cosell_store::Event;

    use super::*;

    #[test]
    fn an_event_is_written_so_that_its_data_comes_back_whole() {
        let stored = StoredEvent {
            seq: 7,
            event: Event {
                id: "e".into(),
                account: "1".into(),
                catalog: "AWS".into(),
                detail_type: "Opportunity Created".into(),
                time: Timestamp::from_millis(0),
                body: "{\"a\":\n1}".into(),
            },
        };
        let mut text = String::new();
        write_event(&mut text, &stored);
        assert_eq!(
            text,
            "id: 7\nevent: Opportunity Created\ndata: {\"a\":\ndata: 1}\n\n"
        );
        for (filter, takes) in [
            ((None, None), true),
            ((Some("1"), Some("AWS")), true),
            ((Some("2"), None), false),
        ] {
            let filter = Filter {
                account: filter.0.map(str::to_owned),
                catalog: filter.1.map(str::to_owned),
                detail_type: None,
            };
            assert_eq!(filter.takes(&stored), takes);
        }
    }
}
