//! The published quotas per account and operation (behaviours section 8), by the clock. Off in development unless asked
//! for. Keeps counters only; says nothing about who a caller is.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use cosell_model::{ApiError, ErrorKind, Operation, Timestamp};

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// The rolling day is counted in slices of five minutes.
const SLICE_MILLIS: i64 = 5 * 60 * 1000;
const SLICES: usize = (DAY_MILLIS / SLICE_MILLIS) as usize;

/// What an account may do with one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Requests per second, which is also the burst.
    pub per_second: u32,
    /// Requests in any 24 hours; `None` where nothing is published.
    pub per_day: Option<u32>,
}

/// The published quota of an operation; `None` where nothing is published.
pub fn published(operation: Operation) -> Option<Quota> {
    use Operation as O;
    let read = Quota {
        per_second: 10,
        per_day: Some(100_000),
    };
    let write = Quota {
        per_second: 1,
        per_day: Some(10_000),
    };
    let rate = |per_second| Quota {
        per_second,
        per_day: None,
    };
    Some(match operation {
        O::GetOpportunity
        | O::GetAwsOpportunitySummary
        | O::ListOpportunities
        | O::ListSolutions
        | O::GetEngagementInvitation
        | O::ListEngagementInvitations => read,
        O::CreateOpportunity
        | O::UpdateOpportunity
        | O::AssociateOpportunity
        | O::DisassociateOpportunity
        | O::RejectEngagementInvitation
        | O::AssignOpportunity
        | O::StartEngagementFromOpportunityTask
        | O::StartEngagementByAcceptingInvitationTask => write,
        O::GetProspectingFromEngagementTask => rate(100),
        O::ListProspectingFromEngagementTasks => rate(50),
        O::StartProspectingFromEngagementTask => rate(2),
        O::CreateEngagement => rate(15),
        _ => return None,
    })
}

/// Counts requests and refuses what is over a quota.
pub struct Throttle {
    enforced: bool,
    counters: Mutex<HashMap<(String, Operation), Counter>>,
}

struct Counter {
    /// Thousandths of a request that are left in the bucket.
    left: i64,
    at: Timestamp,
    slices: Box<[u32; SLICES]>,
    slice: i64,
    today: u32,
}

impl Throttle {
    /// Refuses nothing.
    pub fn off() -> Self {
        Self {
            enforced: false,
            counters: Mutex::default(),
        }
    }

    /// Enforces the published quotas.
    pub fn published() -> Self {
        Self {
            enforced: true,
            counters: Mutex::default(),
        }
    }

    /// Counts a request, or refuses it with ThrottlingException. A refused request costs nothing of the quota.
    pub fn admit(&self, account: &str, operation: Operation, now: Timestamp) -> Result<(), ApiError> {
        let Some(quota) = self.enforced.then(|| published(operation)).flatten() else {
            return Ok(());
        };
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let counter = counters
            .entry((account.to_owned(), operation))
            .or_insert_with(|| Counter::full(quota, now));
        counter.admit(quota, now).map_err(|limit| {
            let message = format!(
                "Rate exceeded: {} is limited to {limit} per account. Slow down and retry.",
                operation.name()
            );
            ApiError::new(ErrorKind::Throttling, message)
        })
    }
}

impl Counter {
    fn full(quota: Quota, now: Timestamp) -> Self {
        let slices = Box::new([0; SLICES]);
        Self {
            left: i64::from(quota.per_second) * 1000,
            at: now,
            slices,
            slice: slice_of(now),
            today: 0,
        }
    }

    fn admit(&mut self, quota: Quota, now: Timestamp) -> Result<(), String> {
        let rate = i64::from(quota.per_second);
        let passed = (now.as_millis() - self.at.as_millis()).clamp(0, 1000);
        // One request per second is one thousandth per millisecond.
        self.left = (self.left + passed * rate).min(rate * 1000);
        self.at = now;
        self.roll(now);
        if let Some(limit) = quota.per_day.filter(|limit| self.today >= *limit) {
            return Err(format!("{limit} requests in 24 hours"));
        }
        if self.left < 1000 {
            return Err(format!("{rate} requests per second"));
        }
        self.left -= 1000;
        self.today += 1;
        self.slices[place(self.slice)] += 1;
        Ok(())
    }

    /// Forgets the slices that are a day old.
    fn roll(&mut self, now: Timestamp) {
        let current = slice_of(now);
        if current <= self.slice {
            return;
        }
        let steps = (current - self.slice).min(SLICES as i64);
        for step in 1..=steps {
            let count = &mut self.slices[place(self.slice + step)];
            self.today -= *count;
            *count = 0;
        }
        self.slice = current;
    }
}

fn slice_of(now: Timestamp) -> i64 {
    now.as_millis().div_euclid(SLICE_MILLIS)
}

fn place(slice: i64) -> usize {
    usize::try_from(slice.rem_euclid(SLICES as i64)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "111122223333";

    #[test]
    fn a_writer_gets_one_request_per_second_and_a_reader_ten() {
        let throttle = Throttle::published();
        let start = Timestamp::from_millis(1_700_000_000_000);
        let ask = |operation, millis| {
            throttle
                .admit(ACCOUNT, operation, start.plus_millis(millis))
                .is_ok()
        };
        assert!(ask(Operation::CreateOpportunity, 0));
        assert!(!ask(Operation::CreateOpportunity, 999));
        assert!(ask(Operation::CreateOpportunity, 1000));
        assert!(
            ask(Operation::UpdateOpportunity, 1000),
            "each operation has a bucket of its own"
        );
        assert!((0..10).all(|_| ask(Operation::GetOpportunity, 0)));
        assert!(!ask(Operation::GetOpportunity, 0));
        assert!(ask(Operation::GetOpportunity, 100));
        assert!(
            throttle
                .admit("444455556666", Operation::CreateOpportunity, start)
                .is_ok()
        );
        assert!(
            (0..1000).all(|_| ask(Operation::SubmitOpportunity, 0)),
            "nothing is published for it"
        );
    }

    #[test]
    fn the_daily_quota_rolls() {
        let throttle = Throttle::published();
        let start = Timestamp::from_millis(1_700_000_000_000);
        for request in 0..10_000 {
            throttle
                .admit(
                    ACCOUNT,
                    Operation::CreateOpportunity,
                    start.plus_millis(request * 1000),
                )
                .unwrap();
        }
        let full = start.plus_millis(10_001_000);
        let refused = throttle
            .admit(ACCOUNT, Operation::CreateOpportunity, full)
            .unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Throttling);
        assert!(refused.message.contains("24 hours"));
        assert!(
            throttle
                .admit(
                    ACCOUNT,
                    Operation::CreateOpportunity,
                    start.plus_millis(DAY_MILLIS + SLICE_MILLIS)
                )
                .is_ok()
        );
    }

    #[test]
    fn nothing_is_refused_when_it_is_off() {
        let throttle = Throttle::off();
        let now = Timestamp::from_millis(0);
        assert!((0..100).all(|_| throttle.admit(ACCOUNT, Operation::CreateOpportunity, now).is_ok()));
    }
}
