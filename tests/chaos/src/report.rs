//! What each fault cost, as a table.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::fault::Fault;
use crate::load::{Notes, Written};

/// When a fault was.
pub struct Suffered {
    /// Which one.
    pub fault: Fault,
    /// When it began.
    pub begun: Instant,
    /// When everything was redundant again.
    pub mended: Instant,
}

/// What a fault cost the clients.
#[derive(Debug, PartialEq)]
pub struct Cost {
    /// The longest time, within the fault's, from one acknowledged write of anybody to the next.
    pub unavailable: Duration,
    /// The longest time that one write took, with its repetitions.
    pub slowest: Duration,
    /// Acknowledged writes.
    pub writes: usize,
    /// Tries that were not answered, or by "try again".
    pub unsure: usize,
}

/// What a fault cost.
#[must_use]
pub fn cost(suffered: &Suffered, notes: &Notes) -> Cost {
    let (begun, mended) = (suffered.begun, suffered.mended);
    let within = |written: &&Written| written.answered >= begun && written.sent <= mended;
    let all: Vec<&Written> = notes.written.iter().filter(within).collect();
    // The last write before it begins the first gap.
    let before = notes
        .written
        .iter()
        .map(|w| w.answered)
        .take_while(|at| *at < begun)
        .last();
    let mut times: Vec<Instant> = before.into_iter().chain(all.iter().map(|w| w.answered)).collect();
    if times.last().is_none_or(|last| *last < mended) {
        times.push(mended);
    }
    let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
    Cost {
        unavailable: gaps.max().unwrap_or_default(),
        slowest: all.iter().map(|w| w.answered - w.sent).max().unwrap_or_default(),
        writes: all.len(),
        unsure: notes
            .unsure
            .iter()
            .filter(|(at, _)| *at >= begun && *at <= mended)
            .count(),
    }
}

/// The table, in the order of the faults.
#[must_use]
pub fn table(all: &[Suffered], notes: &Notes) -> String {
    let mut text = format!(
        "{:32}  {:>13}  {:>13}  {:>6}  {:>10}  {:>11}\n",
        "fault", "unavailable s", "slowest write", "writes", "unanswered", "redundant s"
    );
    for suffered in all {
        let cost = cost(suffered, notes);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:32}  {:>13.1}  {:>13.1}  {:>6}  {:>10}  {:>11.1}",
            suffered.fault.to_string(),
            cost.unavailable.as_secs_f64(),
            cost.slowest.as_secs_f64(),
            cost.writes,
            cost.unsure,
            (suffered.mended - suffered.begun).as_secs_f64()
        );
    }
    text.push_str(
        "unavailable: longest time from one acknowledged write of any client to the next. slowest write: with its repetitions. \
         unanswered: tries without an answer, or answered \"try again\"; each was repeated until it was known. redundant: until \
         everything runs and a synchronous standby follows again.\n",
    );
    text
}
