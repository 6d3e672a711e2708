//! Where events go: the state of each target, and what became of an event there.
//!
//! A target reads the one log of events with a cursor of its own. A [`Delivery`] is an exception (an event that waits or
//! was given up) or a receipt (one that was delivered); an event that the cursor has not reached has none. Nothing here
//! may know how a target is reached, which events it wants, or when a try is repeated.

use crate::contract::StoreError;
use crate::query::MAX_PAGE;
use bytes::Bytes;
use cosell_model::Timestamp;

/// Longest name of a target or a lane, in bytes.
pub const MAX_DELIVERY_NAME: usize = 1024;
/// Longest note of a delivery and longest status of a target, in bytes.
pub const MAX_NOTE: usize = 64 << 10;

/// Where a target stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetState {
    /// Its name: `<account>/<id>`, or `/<id>` for one of the operator.
    pub target: String,
    /// The number of the last event that its cursor has read; 0 before the first. It never goes back.
    pub position: u64,
    /// JSON of those who deliver: since when it fails, whether it is paused and why. Empty at first.
    pub status: Bytes,
    /// Deliveries that wait now.
    pub pending: u64,
    /// Deliveries that were given up and are still there.
    pub dead: u64,
    /// How often an event came to be delivered, ever. Not less when events are pruned.
    pub delivered: u64,
    /// Tries, ever.
    pub attempts: u64,
    /// Tries that failed, ever.
    pub failures: u64,
    /// Who holds its lease, also one that has run out; `None` if nobody ever did.
    pub worker: Option<String>,
    /// Until when the lease is held.
    pub leased_until: Option<Timestamp>,
    /// Names the present lease: only a settlement with this number lands. 0 before the first lease. No lease of any
    /// target ever gets a number again, not even after an import.
    pub epoch: u64,
}

impl TargetState {
    /// Whether its lease still runs for somebody who would take it for `lease_millis` now. One that would run for twice as
    /// long and more was given by a clock that was wrong, and counts for nothing: nobody waits for it.
    #[must_use]
    pub fn is_leased(&self, now: Timestamp, lease_millis: u64) -> bool {
        let longest = i64::try_from(lease_millis.saturating_mul(2)).unwrap_or(i64::MAX);
        self.leased_until
            .is_some_and(|until| until > now && until.as_millis() <= now.as_millis().saturating_add(longest))
    }
}

/// What became of an event at a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DeliveryState {
    /// It waits: for its next try, or behind another of its lane.
    Pending,
    /// It was delivered.
    Delivered,
    /// It was given up.
    Dead,
}

impl DeliveryState {
    /// Every state there is.
    pub const ALL: [DeliveryState; 3] = [
        DeliveryState::Pending,
        DeliveryState::Delivered,
        DeliveryState::Dead,
    ];
}

/// An event at a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The target's name.
    pub target: String,
    /// The event's number.
    pub seq: u64,
    /// What keeps order: of the pending deliveries of a lane only the one with the lowest number is ever due. `None` for
    /// one that waits for no other.
    pub lane: Option<String>,
    /// What became of it.
    pub state: DeliveryState,
    /// Tries so far.
    pub attempts: u32,
    /// Pending: not before this time. Otherwise: when it ended.
    pub due_at: Timestamp,
    /// JSON of those who deliver: the last tries. May be empty.
    pub note: Bytes,
}

/// What the holder of a target's lease has done, to be kept in one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The target.
    pub target: String,
    /// The epoch of the holder's lease.
    pub epoch: u64,
    /// Until when the lease is held from now on. A time that has passed gives it up.
    pub leased_until: Timestamp,
    /// How far the cursor has read. One that lies before the present position leaves that as it is.
    pub position: u64,
    /// The new status; `None` leaves it as it is.
    pub status: Option<Bytes>,
    /// Deliveries as they are now, at most [`MAX_PAGE`]; each replaces what is known of its event at the target. Those of
    /// events that are not there any more are left out: there is nothing left to show or to deliver.
    pub outcomes: Vec<Delivery>,
    /// Tries to add to the target's count.
    pub attempts: u64,
    /// Failed tries to add to the target's count.
    pub failures: u64,
}

/// Why a settlement did not land. But for an `Unavailable` whose commit was under way, nothing of it did.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettleError {
    /// Another holds the lease by now, or a person has changed the status, or the target is gone: lease it anew and look.
    #[error("the lease of the target is not held any more: lease it again and read its state anew")]
    LeaseLost,
    /// The store failed, or the settlement breaks its contract.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A look at deliveries: of a target in the order of their numbers, or of an event in the order of the targets' names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryQuery {
    /// Only at this target. At least one of target and event must be given.
    pub target: Option<String>,
    /// Only of the event with this number.
    pub seq: Option<u64>,
    /// Only in this state.
    pub state: Option<DeliveryState>,
    /// Target and number of the delivery seen last: the look goes on behind it in its direction.
    pub after: Option<(String, u64)>,
    /// From the last one of the order to the first.
    pub newest_first: bool,
    /// Most deliveries wanted, 1 to [`MAX_PAGE`].
    pub limit: usize,
}

/// Whether a store can keep the name of a target or lane; `Err` says what is wrong.
pub(crate) fn check_name(what: &str, name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > MAX_DELIVERY_NAME {
        return Err(format!(
            "the name of a {what} has {} bytes; 1 to {MAX_DELIVERY_NAME} are possible",
            name.len()
        ));
    }
    Ok(())
}

pub(crate) fn check_note(what: &str, note: &Bytes) -> Result<(), String> {
    if note.len() > MAX_NOTE {
        return Err(format!(
            "the {what} has {} bytes; at most {MAX_NOTE} are possible",
            note.len()
        ));
    }
    Ok(())
}

pub(crate) fn check_count(what: &str, count: u64) -> Result<(), String> {
    if i64::try_from(count).is_err() {
        return Err(format!("{what} {count} is out of bounds (up to 2^63-1)"));
    }
    Ok(())
}

/// Whether a target's name and status can be kept; `Err` says what is wrong. Backends refuse what fails here with
/// [`StoreError::Invalid`].
pub fn validate_target(target: &str, status: &Bytes) -> Result<(), String> {
    check_name("target", target)?;
    check_note("status of a target", status)
}

impl Delivery {
    /// Whether a store can keep it; `Err` says what is wrong.
    pub fn validate(&self) -> Result<(), String> {
        check_name("target", &self.target)?;
        if let Some(lane) = &self.lane {
            check_name("lane", lane)?;
        }
        check_note("note of a delivery", &self.note)?;
        if self.seq == 0 {
            return Err("a delivery of event 0: the first event has the number 1".into());
        }
        check_count("event", self.seq)
    }
}

/// Whether a list of deliveries is one of this target; `Err` says what is wrong.
pub fn validate_deliveries(target: &str, deliveries: &[Delivery]) -> Result<(), String> {
    if deliveries.len() > MAX_PAGE {
        return Err(format!(
            "{} deliveries at once; at most {MAX_PAGE} are possible: give them in several parts",
            deliveries.len()
        ));
    }
    for delivery in deliveries {
        delivery.validate()?;
        if delivery.target != target {
            return Err(format!(
                "a delivery to {} is among those to {target}",
                delivery.target
            ));
        }
    }
    Ok(())
}

impl Settlement {
    /// Whether it keeps to the contract; `Err` says what is wrong.
    pub fn validate(&self) -> Result<(), String> {
        check_name("target", &self.target)?;
        if let Some(status) = &self.status {
            check_note("status of a target", status)?;
        }
        check_count("position", self.position)?;
        check_count("a count of tries of", self.attempts)?;
        check_count("a count of failures of", self.failures)?;
        validate_deliveries(&self.target, &self.outcomes)
    }
}

impl DeliveryQuery {
    /// Whether it keeps to the contract; `Err` says what is wrong.
    pub fn validate(&self) -> Result<(), String> {
        if self.target.is_none() && self.seq.is_none() {
            return Err("deliveries are looked at by target or by event: give one of the two".into());
        }
        if self.limit == 0 || self.limit > MAX_PAGE {
            return Err(format!(
                "{} deliveries were asked for; 1 to {MAX_PAGE} are possible",
                self.limit
            ));
        }
        Ok(())
    }
}
