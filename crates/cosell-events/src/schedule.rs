//! When a failed try is repeated, when a target is left in peace, and when it is paused. Pure: time and chance are
//! parameters.

use std::time::Duration;

use cosell_model::Timestamp;
use serde::{Deserialize, Serialize};

/// Most steps of a schedule.
pub const MAX_STEPS: usize = 20;
/// Longest step: a week.
pub const MAX_STEP: Duration = Duration::from_secs(7 * 86_400);
/// Failures in a row after which a target is left in peace.
pub const BREAKER_FAILURES: u32 = 10;

/// The pauses between tries. The n-th failure waits for the n-th step; after the last step there is no more try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule(Vec<Duration>);

impl Default for Schedule {
    /// 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h: eight tries over some 28 hours.
    fn default() -> Self {
        Self(
            [5, 300, 1800, 7200, 18_000, 36_000, 36_000]
                .map(Duration::from_secs)
                .to_vec(),
        )
    }
}

impl Schedule {
    /// A schedule of these steps, 0 to [`MAX_STEPS`] of 1 ms to [`MAX_STEP`] each. Without a step there is one try only.
    ///
    /// # Errors
    /// What is wrong with the steps, in words.
    pub fn new(steps: Vec<Duration>) -> Result<Self, String> {
        if steps.len() > MAX_STEPS {
            return Err(format!(
                "{} steps are given; at most {MAX_STEPS} are possible",
                steps.len()
            ));
        }
        match steps
            .iter()
            .find(|step| step.as_millis() == 0 || **step > MAX_STEP)
        {
            Some(step) => Err(format!(
                "a step of {} seconds is out of bounds; 0.001 to {} are possible",
                step.as_secs_f64(),
                MAX_STEP.as_secs()
            )),
            None => Ok(Self(steps)),
        }
    }

    /// How long to wait after `failures` tries (1 or more) failed, the last with this `retry_after`; `None` when there is
    /// no more try. `chance` is a random number from 0 up to 1.
    ///
    /// A step is lengthened by up to a tenth, so that what failed together does not come back together. A receiver's wish
    /// counts from the step to twice the step: it may not be hurried by it, nor put off for ever.
    pub fn wait(&self, failures: u32, retry_after: Option<Duration>, chance: f64) -> Option<Duration> {
        let at = usize::try_from(failures.checked_sub(1)?).ok()?;
        let step = *self.0.get(at)?;
        let wished = retry_after.unwrap_or_default().clamp(step, step * 2);
        Some(wished.max(step.mul_f64(1.0 + 0.1 * chance.clamp(0.0, 1.0))))
    }
}

/// How the tries at a target went lately, as it is kept with the target's state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Health {
    /// Failures since the last success.
    pub failures: u32,
    /// When the first of them was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    /// What the last of them said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Why nothing is delivered until a person resumes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<Paused>,
}

/// Why and since when a target is paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Paused {
    /// Since when.
    pub at: Timestamp,
    /// Why, for people.
    pub reason: String,
}

impl Health {
    /// The state of a target whose status is empty or this JSON. What cannot be read counts as no status, because a
    /// target must not stand still over a field of another version.
    pub fn read(status: &[u8]) -> Self {
        serde_json::from_slice(status).unwrap_or_default()
    }

    /// As it is kept.
    pub fn to_bytes(&self) -> bytes::Bytes {
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    /// Whether it failed so often in a row that only probes go there.
    pub fn backing_off(&self) -> bool {
        self.failures >= BREAKER_FAILURES
    }

    /// How long to leave it in peace before the next probe: 1 s, doubled with each failed probe, 5 min at most.
    pub fn probe_wait(&self) -> Duration {
        let probes = self.failures.saturating_sub(BREAKER_FAILURES).min(9);
        Duration::from_secs((1_u64 << probes).min(300))
    }

    /// Notes a success. True where that changes anything.
    pub fn succeeded(&mut self) -> bool {
        let changes = self.failures > 0;
        *self = Self {
            paused: self.paused.take(),
            ..Self::default()
        };
        changes
    }

    /// Notes a failure. A target that fails for `pause_after` without a success, and often enough to be backing off, is
    /// paused.
    pub fn failed(&mut self, error: &str, now: Timestamp, pause_after: Duration) {
        self.failures = self.failures.saturating_add(1);
        let since = *self.failing_since.get_or_insert(now);
        self.last_error = Some(error.chars().take(500).collect());
        let lasting = now.as_millis().saturating_sub(since.as_millis());
        if self.backing_off()
            && u128::try_from(lasting).is_ok_and(|lasting| lasting >= pause_after.as_millis())
        {
            self.pause(
                now,
                format!("every try since {since} failed, the last with: {error}"),
            );
        }
    }

    /// Pauses it, unless it is paused already.
    pub fn pause(&mut self, now: Timestamp, reason: String) {
        self.paused.get_or_insert(Paused { at: now, reason });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_schedule_ends_and_each_step_is_lengthened_by_chance() {
        let schedule = Schedule::default();
        assert_eq!(schedule.wait(1, None, 0.0), Some(Duration::from_secs(5)));
        assert_eq!(schedule.wait(2, None, 1.0), Some(Duration::from_secs(330)));
        assert_eq!(schedule.wait(7, None, 0.0), Some(Duration::from_secs(36_000)));
        assert_eq!(schedule.wait(8, None, 0.0), None);
        assert_eq!(schedule.wait(0, None, 0.0), None);
        assert_eq!(Schedule::new(vec![]).unwrap().wait(1, None, 0.5), None);
    }

    #[test]
    fn a_receivers_wish_counts_from_one_step_to_two() {
        let schedule = Schedule::new(vec![MINUTE]).unwrap();
        for (wish, wait) in [(0, 60), (30, 60), (90, 90), (120, 120), (86_400, 120)] {
            assert_eq!(
                schedule.wait(1, Some(Duration::from_secs(wish)), 0.0),
                Some(Duration::from_secs(wait)),
                "{wish}"
            );
        }
    }

    #[test]
    fn a_schedule_out_of_bounds_is_refused() {
        for steps in [vec![Duration::ZERO], vec![MAX_STEP + MINUTE], vec![MINUTE; 21]] {
            assert!(Schedule::new(steps).unwrap_err().contains("possible"));
        }
    }

    #[test]
    fn ten_failures_make_it_back_off_ever_longer_and_a_success_ends_that() {
        let mut health = Health::default();
        let waits: Vec<u64> = (0..22)
            .filter_map(|_| {
                health.failed("no", Timestamp::from_millis(0), MINUTE);
                health.backing_off().then(|| health.probe_wait().as_secs())
            })
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300, 300]);
        assert!(health.succeeded());
        assert_eq!(health, Health::default());
        assert!(!health.succeeded());
    }

    #[test]
    fn what_fails_without_a_break_for_long_is_paused_and_what_fails_seldom_is_not() {
        let mut health = Health::default();
        for second in 0..9 {
            health.failed("no", Timestamp::from_millis(second * 100_000), MINUTE);
        }
        assert_eq!(health.paused, None);
        health.failed("refused", Timestamp::from_millis(900_000), MINUTE);
        assert!(health.paused.as_ref().unwrap().reason.ends_with("refused"));
        assert_eq!(Health::read(&health.to_bytes()), health);
        let before = health.clone();
        health.pause(Timestamp::from_millis(1), "another".into());
        assert_eq!(health, before);
    }

    #[test]
    fn a_status_of_another_version_counts_as_none() {
        assert_eq!(Health::read(b""), Health::default());
        assert_eq!(Health::read(b"{\"failures\": \"many\"}"), Health::default());
    }
}
