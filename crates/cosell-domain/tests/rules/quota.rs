//! Quotas: what is published, and that no order of requests, clocks and servers gets more.

use cosell_domain::quota::{Admission, Counter, Limit, Quota, published};
use cosell_model::{Operation, Timestamp};
use proptest::prelude::*;

const DAY: i64 = 24 * 60 * 60 * 1000;
const SLICE: i64 = 5 * 60 * 1000;
const WRITE: Quota = Quota {
    per_second: 1,
    per_day: Some(10_000),
};

fn at(millis: i64) -> Timestamp {
    // In the middle of a slice.
    Timestamp::from_millis(1_700_000_000_000 + millis)
}

fn admits(counter: &mut Counter, quota: Quota, millis: i64) -> bool {
    counter.admit(quota, at(millis), 1).admitted == 1
}

#[test]
fn the_published_quotas_are_those_of_awss_documentation() {
    for (operation, per_second, per_day) in [
        (Operation::CreateOpportunity, 1, Some(10_000)),
        (Operation::UpdateOpportunity, 1, Some(10_000)),
        (Operation::AssociateOpportunity, 1, Some(10_000)),
        (Operation::DisassociateOpportunity, 1, Some(10_000)),
        (Operation::AssignOpportunity, 1, Some(10_000)),
        (Operation::RejectEngagementInvitation, 1, Some(10_000)),
        (Operation::StartEngagementFromOpportunityTask, 1, Some(10_000)),
        (
            Operation::StartEngagementByAcceptingInvitationTask,
            1,
            Some(10_000),
        ),
        (Operation::GetOpportunity, 10, Some(100_000)),
        (Operation::GetAwsOpportunitySummary, 10, Some(100_000)),
        (Operation::ListOpportunities, 10, Some(100_000)),
        (Operation::ListSolutions, 10, Some(100_000)),
        (Operation::GetEngagementInvitation, 10, Some(100_000)),
        (Operation::ListEngagementInvitations, 10, Some(100_000)),
        (Operation::GetProspectingFromEngagementTask, 100, None),
        (Operation::ListProspectingFromEngagementTasks, 50, None),
        (Operation::StartProspectingFromEngagementTask, 2, None),
        (Operation::CreateEngagement, 15, None),
    ] {
        let expected = Quota { per_second, per_day };
        assert_eq!(published(operation), Some(expected), "{}", operation.name());
    }
    assert_eq!(published(Operation::SubmitOpportunity), None);
}

#[test]
fn a_bucket_holds_a_second_and_fills_by_the_millisecond() {
    let quota = Quota {
        per_second: 10,
        per_day: None,
    };
    let mut counter = Counter::new(quota, at(0));
    let first = counter.admit(quota, at(0), 25);
    assert_eq!(first.admitted, 10);
    let refusal = first.refusal.unwrap();
    assert_eq!(
        (refusal.limit, refusal.not_before),
        (Limit::PerSecond(10), at(100))
    );
    assert!(!admits(&mut counter, quota, 99));
    assert!(admits(&mut counter, quota, 100));
    assert!(!admits(&mut counter, quota, 150));
    assert!(admits(&mut counter, quota, 200));
    assert_eq!(
        counter.admit(quota, at(1_000_000), 25).admitted,
        10,
        "no more than a second is kept"
    );
}

#[test]
fn a_refusal_tells_the_first_moment_at_which_one_more_is_admitted() {
    for per_second in [1, 2, 3, 7, 10, 15, 50, 100] {
        let quota = Quota {
            per_second,
            per_day: None,
        };
        let mut counter = Counter::new(quota, at(0));
        let refusal = counter.admit(quota, at(0), per_second + 1).refusal.unwrap();
        let before = refusal.not_before.plus_millis(-1);
        assert_eq!(
            counter.clone().admit(quota, before, 1).admitted,
            0,
            "{per_second}"
        );
        assert_eq!(
            counter.admit(quota, refusal.not_before, 1).admitted,
            1,
            "{per_second}"
        );
    }
}

#[test]
fn a_used_up_day_is_refused_until_its_first_requests_are_more_than_a_day_old() {
    let quota = Quota {
        per_second: 10,
        per_day: Some(12),
    };
    let mut counter = Counter::new(quota, at(0));
    assert_eq!(counter.admit(quota, at(0), 5).admitted, 5);
    let Admission { admitted, refusal } = counter.admit(quota, at(DAY / 2), 10);
    let refusal = refusal.unwrap();
    assert_eq!((admitted, refusal.limit), (7, Limit::PerDay(12)));
    assert!(refusal.not_before > at(DAY) && refusal.not_before <= at(DAY + SLICE));
    assert_eq!(
        counter
            .clone()
            .admit(quota, refusal.not_before.plus_millis(-1), 1)
            .admitted,
        0
    );
    assert_eq!(counter.admit(quota, refusal.not_before, 10).admitted, 5);
}

#[test]
fn a_clock_that_is_behind_neither_fills_the_bucket_twice_nor_is_refused_for_ever() {
    let mut counter = Counter::new(WRITE, at(0));
    assert!(
        admits(&mut counter, WRITE, 2_000),
        "by a clock that is two seconds ahead"
    );
    assert!(!admits(&mut counter, WRITE, 0));
    assert!(!admits(&mut counter, WRITE, 2_999));
    assert!(admits(&mut counter, WRITE, 3_000));
}

#[test]
fn a_time_hours_ahead_is_not_believed_and_what_was_counted_by_it_still_counts() {
    let quota = Quota {
        per_second: 10,
        per_day: Some(11),
    };
    let mut counter = Counter::new(quota, at(0));
    assert_eq!(counter.admit(quota, at(6 * 60 * 60 * 1000), 10).admitted, 10);
    assert!(
        !admits(&mut counter, quota, 0),
        "the second is used up, whichever it was"
    );
    assert!(admits(&mut counter, quota, 1_000));
    let refusal = counter.admit(quota, at(2_000), 1).refusal.unwrap();
    assert_eq!(refusal.limit, Limit::PerDay(11));
    assert!(refusal.not_before <= at(DAY + SLICE), "{refusal:?}");
}

#[test]
fn a_counter_that_is_spent_admits_what_a_new_one_does() {
    for quota in [
        WRITE,
        Quota {
            per_second: 3,
            per_day: None,
        },
    ] {
        let mut counter = Counter::new(quota, at(0));
        counter.admit(quota, at(0), 100);
        let spent = counter.spent_until();
        assert!(spent <= at(DAY + SLICE));
        assert_eq!(
            counter.admit(quota, spent, 100).admitted,
            Counter::new(quota, spent).admit(quota, spent, 100).admitted
        );
    }
}

#[test]
fn bytes_that_nobody_encoded_are_no_counter() {
    let mut counter = Counter::new(WRITE, at(0));
    counter.admit(WRITE, at(0), 1);
    let good = counter.encode();
    assert_eq!(Counter::decode(&good), Some(counter));
    let mut newer = good.clone();
    newer[0] = 2;
    let mut cut = good.clone();
    cut.pop();
    let mut repeated = good.clone();
    repeated.extend([0, 1]);
    let mut endless = good.clone();
    endless.extend([0xff; 12]);
    for bytes in [&[][..], &[1], &newer, &cut, &repeated, &endless] {
        assert_eq!(Counter::decode(bytes), None, "{bytes:?}");
    }
}

#[test]
fn a_whole_day_of_requests_is_less_than_two_kilobytes() {
    let quota = Quota {
        per_second: 10,
        per_day: Some(100_000),
    };
    let mut counter = Counter::new(quota, at(0));
    for second in 0..=DAY / 1000 {
        counter.admit(quota, at(second * 1000), 1);
    }
    let bytes = counter.encode();
    assert!(bytes.len() < 2048, "{}", bytes.len());
    assert_eq!(Counter::decode(&bytes), Some(counter));
}

proptest! {
    /// Two servers ask in any order, each by a clock of its own that is up to two seconds off; the counter goes between them
    /// as bytes.
    #[test]
    fn servers_together_never_get_more_than_the_quota_in_any_window(
        per_second in 1_u32..5,
        per_day in proptest::option::of(5_u32..60),
        skew in -2_000_i64..2_000,
        asks in proptest::collection::vec((0_i64..1_500, any::<bool>(), 1_u32..4, 0_u32..40), 1..120),
    ) {
        let quota = Quota { per_second, per_day };
        let mut bytes = Counter::new(quota, at(0)).encode();
        let (mut now, mut admitted) = (0, Vec::new());
        for (step, other, wanted, jump) in asks {
            // Now and then hours go by, so that the day rolls.
            now += if jump == 0 { DAY / 5 } else { step };
            let told = at(if other { now + skew } else { now });
            let mut counter = Counter::decode(&bytes).unwrap();
            let got = counter.admit(quota, told, wanted);
            prop_assert_eq!(got.admitted == wanted, got.refusal.is_none());
            if let Some(refusal) = got.refusal {
                prop_assert_eq!(counter.clone().admit(quota, refusal.not_before.plus_millis(-1), 1).admitted, 0);
            }
            bytes = counter.encode();
            prop_assert_eq!(Counter::decode(&bytes), Some(counter));
            admitted.push((now, i64::from(got.admitted)));
        }
        for (first, (from, _)) in admitted.iter().enumerate() {
            let mut sum = 0;
            for (to, count) in &admitted[first..] {
                sum += count;
                let passed = to - from;
                // The difference of the clocks is a time that passes once.
                let most = i64::from(per_second) * (1_000 + passed + skew.abs());
                prop_assert!(sum * 1_000 <= most, "{sum} in {passed} ms");
                if let Some(limit) = per_day && passed + skew.abs() <= DAY {
                    prop_assert!(sum <= i64::from(limit), "{sum} in {passed} ms");
                }
            }
        }
    }
}
