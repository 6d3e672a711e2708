//! What a store counts of its own work, for people who watch it.
//!
//! Counting costs a few relaxed additions and never a lock; nothing here may know what was written.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The target of the spans that backends open around their hot methods, at level trace: a name by which a subscriber for traces
/// finds them and every other leaves them out. They hold no values.
pub const SPANS: &str = "cosell::spans";
/// Bounds of durations, in microseconds: from a tenth of a millisecond to ten seconds.
pub const MICROS: &[u64] = &[
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 10_000_000,
];
/// Bounds of how many changes share a commit.
const SHARED: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256];

/// Counts values by their size.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    /// One for each bound, and one for what is greater than all of them.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    /// Counts nothing yet. The bounds ascend; a value belongs to the first that is not less than it.
    pub fn new(bounds: &'static [u64]) -> Self {
        Self {
            bounds,
            counts: bounds
                .iter()
                .map(|_| AtomicU64::new(0))
                .chain([AtomicU64::new(0)])
                .collect(),
            sum: AtomicU64::new(0),
        }
    }

    /// Counts a value.
    pub fn record(&self, value: u64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Counts a duration, in microseconds.
    pub fn record_duration(&self, duration: Duration) {
        self.record(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
    }

    /// What was counted so far. Values that are counted meanwhile may be in the sum and not yet in the counts.
    pub fn read(&self) -> Distribution {
        Distribution {
            bounds: self.bounds,
            counts: self
                .counts
                .iter()
                .map(|count| count.load(Ordering::Relaxed))
                .collect(),
            sum: self.sum.load(Ordering::Relaxed),
        }
    }
}

/// How values were distributed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    /// The greatest value of each class but the last, which has none.
    pub bounds: &'static [u64],
    /// Values in each class; one class more than there are bounds.
    pub counts: Vec<u64>,
    /// All values together.
    pub sum: u64,
}

impl Distribution {
    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// Counts what a writer does. Shared by the writer and whoever asks.
#[derive(Debug)]
pub struct WriteCounters {
    changes: AtomicU64,
    refused: AtomicU64,
    repeated: AtomicU64,
    commits: Histogram,
    shared: Histogram,
}

impl Default for WriteCounters {
    fn default() -> Self {
        Self {
            changes: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            repeated: AtomicU64::new(0),
            commits: Histogram::new(MICROS),
            shared: Histogram::new(SHARED),
        }
    }
}

impl WriteCounters {
    /// A transaction ended that took so long from its begin to the answer to its commit.
    pub fn committed(&self, took: Duration, changes: u64, refused: u64) {
        self.changes.fetch_add(changes, Ordering::Relaxed);
        self.refused.fetch_add(refused, Ordering::Relaxed);
        self.commits.record_duration(took);
        self.shared.record(changes);
    }

    /// Work has to be done once more, over a lost connection or a collision with others.
    pub fn repeated(&self) {
        self.repeated.fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted so far, besides what only the backend knows.
    pub fn read(&self) -> StoreFigures {
        StoreFigures {
            changes: self.changes.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            repeated: self.repeated.load(Ordering::Relaxed),
            commit_micros: self.commits.read(),
            commit_changes: self.shared.read(),
            ..StoreFigures::default()
        }
    }
}

/// How a store's work goes, counted since it was opened by this process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreFigures {
    /// The backend in one word; empty where a store counts nothing.
    pub backend: &'static str,
    /// Writes that wait for the writer now.
    pub waiting: u64,
    /// Most writes that can wait; those beyond wait for room.
    pub most_waiting: u64,
    /// Changes that landed.
    pub changes: u64,
    /// Changes that were refused because an expectation failed: others were faster.
    pub refused: u64,
    /// Attempts that had to be repeated, over lost connections or collisions with others.
    pub repeated: u64,
    /// How long commits took, in microseconds, from the begin of the transaction.
    pub commit_micros: Distribution,
    /// How many changes shared a commit.
    pub commit_changes: Distribution,
    /// Connections to a database elsewhere, where there is one.
    pub connections: Option<ConnectionFigures>,
    /// Replicas that lists are read from, where there are any.
    pub replicas: Option<ReplicaFigures>,
}

/// Connections that are kept for reads and short work. The writer has one of its own besides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionFigures {
    /// In use now.
    pub in_use: u64,
    /// Most that may be in use at once.
    pub most: u64,
    /// Those who wait for one.
    pub waiting: u64,
}

/// Replicas that lists are read from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplicaFigures {
    /// Lists by who answered them and why, each a word of the backend's, bounded in number.
    pub lists: Vec<(&'static str, u64)>,
    /// Each replica as operators named it, and whether lists are read from it now.
    pub usable: Vec<(String, bool)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_counted_in_the_first_class_that_holds_it() {
        let histogram = Histogram::new(&[1, 10]);
        for value in [0, 1, 2, 10, 11, 1000] {
            histogram.record(value);
        }
        let read = histogram.read();
        assert_eq!(
            (read.counts.as_slice(), read.sum, read.count()),
            ([2, 2, 2].as_slice(), 1024, 6)
        );
    }

    #[test]
    fn durations_are_counted_in_microseconds() {
        let counters = WriteCounters::default();
        counters.committed(Duration::from_millis(2), 3, 1);
        counters.repeated();
        let read = counters.read();
        assert_eq!((read.changes, read.refused, read.repeated), (3, 1, 1));
        assert_eq!((read.commit_micros.sum, read.commit_changes.sum), (2000, 3));
        let class = read.commit_micros.counts.iter().position(|count| *count == 1);
        assert_eq!(class.and_then(|class| MICROS.get(class)), Some(&2_500));
    }
}
