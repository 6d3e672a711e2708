//! What came of a run, by suite.

use std::fmt;
use std::time::Duration;

/// What came of the tests of one suite.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed, and suites that broke off.
    pub failed: u64,
    /// Tests that did not run. They count as failed, since a test that never runs proves nothing.
    pub skipped: u64,
}

impl Counts {
    /// One test, which a function of this program is.
    pub fn of_check(outcome: anyhow::Result<()>) -> Self {
        match outcome {
            Ok(()) => Self {
                passed: 1,
                ..Self::default()
            },
            Err(error) => {
                println!("{error:#}");
                Self {
                    failed: 1,
                    ..Self::default()
                }
            }
        }
    }

    /// Makes a suite that ended badly, or without a single result, a failed one.
    pub fn settle(&mut self, succeeded: bool) {
        let silent = self.passed == 0;
        if self.failed == 0 && self.skipped == 0 && (!succeeded || silent) {
            self.failed = 1;
        }
    }

    /// Adds another part of the same suite.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// Every suite that ran, in order.
#[derive(Debug, Default)]
pub struct Summary {
    rows: Vec<(String, Counts, Duration)>,
}

impl Summary {
    /// Notes what came of a suite.
    pub fn add(&mut self, name: impl Into<String>, counts: Counts, took: Duration) {
        self.rows.push((name.into(), counts, took));
    }

    fn total(&self) -> Counts {
        let mut total = Counts::default();
        for (_, counts, _) in &self.rows {
            total.add(*counts);
        }
        total
    }

    /// How many tests failed or were skipped.
    pub fn failed(&self) -> u64 {
        let total = self.total();
        total.failed + total.skipped
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self
            .rows
            .iter()
            .map(|(name, ..)| name.chars().count())
            .max()
            .unwrap_or(0)
            .max(5);
        writeln!(
            f,
            "{:width$}  {:>6}  {:>6}  {:>7}  {:>7}",
            "suite", "passed", "failed", "skipped", "seconds"
        )?;
        for (name, counts, took) in &self.rows {
            let Counts {
                passed,
                failed,
                skipped,
            } = counts;
            let seconds = took.as_secs_f64();
            writeln!(
                f,
                "{name:width$}  {passed:>6}  {failed:>6}  {skipped:>7}  {seconds:>7.1}"
            )?;
        }
        let skipped = self.total().skipped;
        if skipped > 0 {
            writeln!(
                f,
                "\n{skipped} skipped tests count as failed: every test has to run"
            )?;
        }
        write!(f, "\n{} passed, {} failed", self.total().passed, self.failed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_that_broke_off_or_ran_nothing_has_failed() {
        let counts = |passed, failed| Counts {
            passed,
            failed,
            skipped: 0,
        };
        for (mut before, succeeded, after) in [
            (counts(3, 0), true, counts(3, 0)),
            (counts(3, 0), false, counts(3, 1)),
            (counts(3, 2), false, counts(3, 2)),
            (counts(0, 0), true, counts(0, 1)),
        ] {
            before.settle(succeeded);
            assert_eq!(before, after);
        }
    }

    #[test]
    fn the_closing_line_counts_skipped_tests_as_failed() {
        let mut summary = Summary::default();
        let second = Duration::from_secs(1);
        summary.add(
            "one",
            Counts {
                passed: 7,
                failed: 1,
                skipped: 0,
            },
            second,
        );
        summary.add(
            "two",
            Counts {
                passed: 2,
                failed: 0,
                skipped: 3,
            },
            second,
        );
        let text = summary.to_string();
        assert!(text.ends_with("\n9 passed, 4 failed"), "{text}");
        assert_eq!(summary.failed(), 4);
    }
}
