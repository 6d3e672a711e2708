//! What the service counts of its requests, for people who watch it.
//!
//! On the way of a request: a handful of relaxed additions, no lock, no allocation. There is one counter for each operation
//! and outcome and none for an account, so however many partners call, there are no more of them. How figures are shown is the
//! operator API's business.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cosell_model::{ErrorKind, Operation};
use cosell_store::{Distribution, Histogram, MICROS};

/// Rows: the operations, and behind them what was refused before the operation was known.
const ROWS: usize = Operation::ALL.len() + 1;
/// Columns: success, and the kinds of errors behind it.
const COLUMNS: usize = ErrorKind::ALL.len() + 1;

/// The figures of a server.
#[derive(Debug)]
pub struct Metrics {
    answers: Box<[AtomicU64]>,
    durations: Box<[Histogram]>,
    in_flight: AtomicU64,
    abandoned: AtomicU64,
    connections: AtomicU64,
    jobs_done: AtomicU64,
    jobs_failed: AtomicU64,
}

/// How often an operation was answered in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answers {
    /// The operation; `None` for what was refused before it was known.
    pub operation: Option<Operation>,
    /// The error that was answered; `None` for success.
    pub error: Option<ErrorKind>,
    /// How often.
    pub count: u64,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            answers: (0..ROWS * COLUMNS).map(|_| AtomicU64::new(0)).collect(),
            durations: (0..ROWS).map(|_| Histogram::new(MICROS)).collect(),
            in_flight: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            jobs_done: AtomicU64::new(0),
            jobs_failed: AtomicU64::new(0),
        }
    }
}

/// A request that is being answered. One that is dropped before its end counts as abandoned: its client has gone.
#[derive(Debug)]
pub struct InFlight<'m> {
    metrics: &'m Metrics,
    ended: bool,
}

impl InFlight<'_> {
    /// The request was answered.
    pub fn end(mut self, operation: Option<Operation>, error: Option<ErrorKind>, took: Duration) {
        self.ended = true;
        let (row, column) = (row(operation), error.map_or(0, |error| error as usize + 1));
        if let Some(count) = self.metrics.answers.get(row * COLUMNS + column) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(histogram) = self.metrics.durations.get(row) {
            histogram.record_duration(took);
        }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.metrics.in_flight.fetch_sub(1, Ordering::Relaxed);
        if !self.ended {
            self.metrics.abandoned.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A connection that is open.
#[derive(Debug)]
pub struct Connected<'m>(&'m Metrics);

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    /// A request begins.
    pub fn begin(&self) -> InFlight<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight {
            metrics: self,
            ended: false,
        }
    }

    /// A connection begins.
    pub fn connected(&self) -> Connected<'_> {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Connected(self)
    }

    pub(crate) fn job(&self, done: bool) {
        let counter = if done { &self.jobs_done } else { &self.jobs_failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// How often each operation was answered in each way; those that never were are left out.
    pub fn answers(&self) -> Vec<Answers> {
        let mut found = Vec::new();
        for (operation, counts) in rows().zip(self.answers.chunks(COLUMNS)) {
            let errors = [None].into_iter().chain(ErrorKind::ALL.iter().copied().map(Some));
            for (error, count) in errors.zip(counts) {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    found.push(Answers {
                        operation,
                        error,
                        count,
                    });
                }
            }
        }
        found
    }

    /// How long requests took, in microseconds, by operation; those that never came are left out. From the headers' arrival to
    /// the rendered answer: bodies that arrive slowly are in it, answers that are taken slowly are not.
    pub fn durations(&self) -> Vec<(Option<Operation>, Distribution)> {
        let all = rows().zip(&self.durations);
        all.map(|(operation, histogram)| (operation, histogram.read()))
            .filter(|(_, distribution)| distribution.count() > 0)
            .collect()
    }

    /// Requests that are being answered now.
    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Requests whose clients went away before they were answered.
    pub fn abandoned(&self) -> u64 {
        self.abandoned.load(Ordering::Relaxed)
    }

    /// Connections that are open now, those of operators included.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Jobs that were done, and tries at one that failed.
    pub fn jobs(&self) -> (u64, u64) {
        (
            self.jobs_done.load(Ordering::Relaxed),
            self.jobs_failed.load(Ordering::Relaxed),
        )
    }
}

fn row(operation: Option<Operation>) -> usize {
    operation.map_or(ROWS - 1, |operation| operation as usize)
}

fn rows() -> impl Iterator<Item = Option<Operation>> {
    Operation::ALL.iter().copied().map(Some).chain([None])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_and_error_has_a_counter_of_its_own() {
        let metrics = Metrics::default();
        let errors = || [None].into_iter().chain(ErrorKind::ALL.iter().copied().map(Some));
        let mut wanted = Vec::new();
        for operation in rows() {
            for error in errors() {
                let count = wanted.len() as u64 % 3 + 1;
                for _ in 0..count {
                    metrics.begin().end(operation, error, Duration::from_micros(7));
                }
                wanted.push(Answers {
                    operation,
                    error,
                    count,
                });
            }
        }
        assert_eq!(metrics.answers(), wanted);
        let durations = metrics.durations();
        assert_eq!(durations.len(), ROWS);
        for (operation, distribution) in durations {
            let of_it = wanted.iter().filter(|answers| answers.operation == operation);
            let count: u64 = of_it.map(|answers| answers.count).sum();
            assert_eq!(
                (distribution.count(), distribution.sum),
                (count, 7 * count),
                "{operation:?}"
            );
        }
    }

    #[test]
    fn who_goes_away_is_no_longer_in_flight_and_counts_as_abandoned() {
        let metrics = Metrics::default();
        let (one, other) = (metrics.begin(), metrics.begin());
        assert_eq!(metrics.in_flight(), 2);
        drop(one);
        other.end(None, None, Duration::ZERO);
        assert_eq!((metrics.in_flight(), metrics.abandoned()), (0, 1));
        let open = metrics.connected();
        assert_eq!(metrics.connections(), 1);
        drop(open);
        assert_eq!(metrics.connections(), 0);
    }
}
