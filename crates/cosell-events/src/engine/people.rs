//! What people do with deliveries: send again, replay, pause, resume, try a target out.
//!
//! Nothing is sent from here but a test event: events are parked at their target, and the usual machinery delivers them.

use std::time::Duration;

use bytes::Bytes;
use cosell_model::Timestamp;
use cosell_store::{Delivery, DeliveryQuery, DeliveryState, EventQuery, MAX_PAGE, StoreError, TargetState};
use serde_json::json;
use tokio::time::Instant;

use super::Deliverer;
use crate::envelope::Envelope;
use crate::schedule::Health;
use crate::secrets::Secrets;
use crate::sink::Outcome;
use crate::target::Target;

/// How long a redelivery waits for what is under way. An event that comes up later than that stands in a backlog, and is
/// delivered from there.
const SETTLED_WITHIN: Duration = Duration::from_secs(2);
/// How often it looks.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Why something that a person asked for was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeopleError {
    /// There is no such target.
    #[error("there is no target {0}; look at the list of targets")]
    NoTarget(String),
    /// There is no such event.
    #[error("there is no event {0}; it may have been pruned")]
    NoEvent(String),
    /// The event belongs to another account than the target.
    #[error(
        "the event {0} belongs to another account than the target; take a target of its account or of the operator"
    )]
    Foreign(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A range of times of events, borders included; `None` for no border.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// Not before this time.
    pub from: Option<Timestamp>,
    /// Not after this time.
    pub to: Option<Timestamp>,
}

impl TimeRange {
    fn holds(&self, time: Timestamp) -> bool {
        self.from.is_none_or(|from| time >= from) && self.to.is_none_or(|to| time <= to)
    }
}

/// How far a replay has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Events that were parked to be sent.
    pub events: u64,
    /// Where to go on; `None` when the range is done.
    pub next: Option<(Timestamp, u64)>,
}

impl Deliverer {
    /// Sends an event to a target once more, whatever became of it there, and whether a rule chooses it or not.
    ///
    /// # Errors
    /// Where there is no such target or event, where the event belongs to another account than the target, and those of the
    /// store.
    pub async fn redeliver(&self, target: &str, event_id: &str) -> Result<(), PeopleError> {
        let (settings, _) = self.known(target)?;
        let stored = self.store.event(event_id).await?;
        let stored = stored.ok_or_else(|| PeopleError::NoEvent(event_id.to_owned()))?;
        // Rules cannot send an account's events to another one; nor may a slip of the hand.
        if !settings.account.is_empty() && settings.account != stored.event.account {
            return Err(PeopleError::Foreign(event_id.to_owned()));
        }
        let row = self.row(&settings, &Envelope::of(stored));
        self.settled(target, row.seq).await?;
        self.store.park(target, vec![row]).await?;
        self.wake(target).await;
        Ok(())
    }

    /// Sends all events that were given up at a target once more, of those that happened in a range of time; how many.
    ///
    /// # Errors
    /// Where there is no such target, and those of the store; what was parked before one stays so.
    pub async fn redeliver_dead(&self, target: &str, range: TimeRange) -> Result<u64, PeopleError> {
        self.known(target)?;
        let mut query = DeliveryQuery {
            target: Some(target.to_owned()),
            seq: None,
            state: Some(DeliveryState::Dead),
            after: None,
            newest_first: false,
            limit: MAX_PAGE,
        };
        let mut parked = 0;
        loop {
            let rows = self.store.deliveries(&query).await?;
            let Some(last) = rows.last() else { break };
            query.after = Some((target.to_owned(), last.seq));
            let ended = rows.len() < MAX_PAGE;
            let mut again = Vec::with_capacity(rows.len());
            for row in rows {
                if range == TimeRange::default() || self.happened_in(row.seq, range).await? {
                    again.push(self.renewed(row));
                }
            }
            if !again.is_empty() {
                parked += self.store.park(target, again).await?;
            }
            if ended {
                break;
            }
        }
        self.wake(target).await;
        Ok(parked)
    }

    /// Sends the events of a range of time to a target, once more or for the first time: those that its enabled rules choose
    /// now, also from before the rules were made. It goes on behind `after` where a former call came to, and stops after
    /// `most` events were looked at (in steps of a page).
    ///
    /// # Errors
    /// Where there is no such target, and those of the store; what was parked before one stays so.
    pub async fn replay(
        &self,
        target: &str,
        range: TimeRange,
        after: Option<(Timestamp, u64)>,
        most: u64,
    ) -> Result<Replayed, PeopleError> {
        let (settings, _) = self.known(target)?;
        let rules = self.rules.borrow().clone();
        let rules: Vec<_> = rules.iter().filter(|rule| rule.serves(target)).collect();
        let mut query = EventQuery {
            account: None,
            catalog: None,
            detail_type: None,
            from: range.from,
            to: range.to,
            after,
            newest_first: false,
            limit: MAX_PAGE,
        };
        let (mut seen, mut events) = (0_u64, 0_u64);
        let next = loop {
            let page = self.store.events(&query).await?;
            seen += u64::try_from(page.events.len()).unwrap_or(u64::MAX);
            let rows: Vec<Delivery> = page
                .events
                .into_iter()
                .map(Envelope::of)
                .filter(|envelope| rules.iter().any(|rule| rule.would_take(envelope)))
                .map(|envelope| self.row(&settings, &envelope))
                .collect();
            if let Some(newest) = rows.iter().map(|row| row.seq).max() {
                self.settled(target, newest).await?;
                events += self.store.park(target, rows).await?;
            }
            if page.next.is_none() || seen >= most {
                break page.next;
            }
            query.after = page.next;
        };
        self.wake(target).await;
        Ok(Replayed { events, next })
    }

    /// Pauses a target until it is resumed. A target that is paused already keeps its reason.
    ///
    /// # Errors
    /// Where there is no such target, and those of the store.
    pub async fn pause(&self, target: &str, reason: &str) -> Result<(), PeopleError> {
        let now = (self.options.now)();
        self.change_health(target, |health| {
            health.pause(now, reason.chars().take(500).collect())
        })
        .await
    }

    /// Resumes a paused target, and lets one that is backing off try at once.
    ///
    /// # Errors
    /// Where there is no such target, and those of the store.
    pub async fn resume(&self, target: &str) -> Result<(), PeopleError> {
        self.change_health(target, |health| *health = Health::default())
            .await
    }

    /// Sends a test event to a target, now and once, past its queue and its counts: what became of it. The target need not be
    /// registered, so that settings can be tried before they are saved.
    ///
    /// # Errors
    /// Why the target cannot be used, for people.
    pub async fn send_test(
        &self,
        target: &Target,
        secrets: &Secrets,
        event_id: &str,
    ) -> Result<Outcome, String> {
        target.check(secrets).map_err(|flaw| flaw.to_string())?;
        let sink = self.sinks.open(target, secrets)?;
        let account = if target.account.is_empty() {
            "000000000000"
        } else {
            &target.account
        };
        let time = (self.options.event_now)().to_string();
        // In whole seconds, like that of every event: receivers may read no other form.
        let time = format!("{}Z", time.get(..19).unwrap_or(&time));
        let value = json!({"version": "0", "id": event_id, "detail-type": "Test Event",
            "source": "cosell.test", "account": account, "time": time, "region": "us-east-1",
            "resources": [], "detail": {"target": target.name()}});
        let envelope = Envelope {
            seq: 0,
            id: event_id.to_owned(),
            account: account.to_owned(),
            body: Bytes::from(value.to_string()),
            value,
        };
        let delivering = sink.deliver(std::slice::from_ref(&envelope), (self.options.signing_now)());
        let outcomes = tokio::time::timeout(target.timeout(), delivering).await;
        let late = || {
            Outcome::failed(format!(
                "nothing came back within {} seconds",
                target.timeout_seconds
            ))
        };
        Ok(outcomes
            .ok()
            .and_then(|outcomes| outcomes.into_iter().next())
            .unwrap_or_else(late))
    }

    fn known(&self, target: &str) -> Result<(Target, Secrets), PeopleError> {
        let registered = self.registered.borrow();
        let found = registered
            .targets
            .iter()
            .find(|(settings, _)| settings.name() == target);
        found
            .cloned()
            .ok_or_else(|| PeopleError::NoTarget(target.to_owned()))
    }

    /// Waits for a moment until what became of an event at a target is settled. A row that is parked while its first
    /// delivery is under way would be taken for that delivery's, and the event not be sent once more.
    async fn settled(&self, target: &str, seq: u64) -> Result<(), PeopleError> {
        let until = Instant::now() + SETTLED_WITHIN;
        loop {
            let state = self.state(target).await?;
            let one = DeliveryQuery {
                target: Some(target.to_owned()),
                seq: Some(seq),
                state: None,
                after: None,
                newest_first: false,
                limit: 1,
            };
            let is_settled = state.position >= seq || !self.store.deliveries(&one).await?.is_empty();
            if is_settled || Health::read(&state.status).paused.is_some() || Instant::now() >= until {
                return Ok(());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn state(&self, target: &str) -> Result<TargetState, PeopleError> {
        let (settings, _) = self.known(target)?;
        Ok(self.store.open_target(target, settings.since).await?)
    }

    async fn change_health(&self, target: &str, change: impl FnOnce(&mut Health)) -> Result<(), PeopleError> {
        let mut health = Health::read(&self.state(target).await?.status);
        change(&mut health);
        self.store.set_target_status(target, health.to_bytes()).await?;
        self.wake(target).await;
        Ok(())
    }

    /// A row that makes an event wait at a target, due now, with all its tries before it.
    fn row(&self, target: &Target, envelope: &Envelope) -> Delivery {
        Delivery {
            target: target.name(),
            seq: envelope.seq,
            lane: target.ordered.then(|| envelope.lane()),
            state: DeliveryState::Pending,
            attempts: 0,
            due_at: (self.options.now)(),
            note: Bytes::new(),
        }
    }

    /// The same delivery, waiting again with all its tries before it; what is noted of former ones stays.
    fn renewed(&self, row: Delivery) -> Delivery {
        Delivery {
            state: DeliveryState::Pending,
            attempts: 0,
            due_at: (self.options.now)(),
            ..row
        }
    }

    async fn happened_in(&self, seq: u64, range: TimeRange) -> Result<bool, StoreError> {
        let found = self.store.events_after(seq - 1, 1).await?;
        Ok(found
            .iter()
            .any(|stored| stored.seq == seq && range.holds(stored.event.time)))
    }
}
