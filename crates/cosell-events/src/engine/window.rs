//! What of the log a target has in its hands: events that were read and are not settled yet, and the lanes that keep order
//! among them. Pure: no I/O, no clock.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use crate::envelope::Envelope;
use crate::sink::Batch;

/// An event to be delivered.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub envelope: Envelope,
    /// What keeps it in order; `None` where nothing does.
    pub lane: Option<String>,
    /// Tries that count so far.
    pub attempts: u32,
    /// The note of its row so far.
    pub note: bytes::Bytes,
    /// Whether it has a row already: a repeated try, not one the cursor has just read.
    pub again: bool,
}

/// The events between what is settled and what is read, and those that are tried again.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// The last number read.
    read: u64,
    /// Numbers that were read and whose outcome is not settled.
    open: BTreeSet<u64>,
    /// Events to start, in the order of the log.
    ready: VecDeque<Job>,
    /// Repeated tries to start. They come first: what is behind them waits for them.
    again: VecDeque<Job>,
    /// Lanes with an event under way.
    busy: HashSet<String>,
    /// Lanes with rows that wait and are not settled yet: the store does not know of them.
    parked: HashMap<String, usize>,
}

impl Window {
    /// One that begins behind a number.
    pub fn new(position: u64) -> Self {
        Self {
            read: position,
            ..Self::default()
        }
    }

    /// The last number read.
    pub fn read(&self) -> u64 {
        self.read
    }

    /// The greatest number up to which everything is settled.
    pub fn position(&self) -> u64 {
        self.open.first().map_or(self.read, |first| first - 1)
    }

    /// How many events are in hand.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// Whether anything waits to be started.
    pub fn has_work(&self) -> bool {
        !self.ready.is_empty() || !self.again.is_empty()
    }

    /// How many events that the cursor read wait to be started.
    pub fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Notes that an event was read that does not concern the target, or has a row already.
    pub fn pass(&mut self, seq: u64) {
        self.read = self.read.max(seq);
    }

    /// Takes an event that was read, to be started.
    pub fn push(&mut self, job: Job) {
        self.take_in(job.envelope.seq);
        self.ready.push_back(job);
    }

    /// Takes an event that was read and gets an outcome without being started.
    pub fn take_in(&mut self, seq: u64) {
        self.pass(seq);
        self.open.insert(seq);
    }

    /// Takes an event that is to be tried again.
    pub fn push_again(&mut self, job: Job) {
        self.again.push_back(job);
    }

    /// Whether a lane has rows that wait and that the store may not know of yet.
    pub fn is_parked(&self, lane: &str) -> bool {
        self.parked.contains_key(lane)
    }

    /// The next events to start together; their lanes are busy then. Empty when nothing can be started now. Repeated tries come
    /// first, or those that the cursor read where `live_first`.
    pub fn take(&mut self, batch: Batch, live_first: bool) -> Vec<Job> {
        let (first, second) = match live_first {
            true => (&mut self.ready, &mut self.again),
            false => (&mut self.again, &mut self.ready),
        };
        let taken = take_from(first, &mut self.busy, batch);
        match taken.is_empty() {
            true => take_from(second, &mut self.busy, batch),
            false => taken,
        }
    }

    /// Notes that an event is not under way any more.
    pub fn landed(&mut self, lane: Option<&String>) {
        if let Some(lane) = lane {
            self.busy.remove(lane);
        }
    }

    /// Takes the events out that wait to be started behind one of their lane that now waits for its next try.
    pub fn behind(&mut self, lane: &str) -> Vec<Job> {
        let (behind, ready) = self
            .ready
            .drain(..)
            .partition(|job| job.lane.as_deref() == Some(lane));
        self.ready = ready;
        Vec::from(behind)
    }

    /// Lets go of the repeated tries of a lane that wait to be started behind one that failed: their rows wait on as they are.
    /// Their numbers.
    pub fn let_go(&mut self, lane: &str) -> Vec<u64> {
        let (behind, again): (VecDeque<Job>, VecDeque<Job>) = self
            .again
            .drain(..)
            .partition(|job| job.lane.as_deref() == Some(lane));
        self.again = again;
        behind.into_iter().map(|job| job.envelope.seq).collect()
    }

    /// Notes a row that waits in a lane, until it is [settled](Window::settled).
    pub fn park(&mut self, lane: &str) {
        *self.parked.entry(lane.to_owned()).or_default() += 1;
    }

    /// Notes that the outcome of an event goes into a settlement.
    pub fn close(&mut self, seq: u64) {
        self.open.remove(&seq);
    }

    /// Notes that a waiting row is in the store.
    pub fn settled(&mut self, lane: &str) {
        if let Some(count) = self.parked.get_mut(lane) {
            *count -= 1;
            if *count == 0 {
                self.parked.remove(lane);
            }
        }
    }
}

/// Takes events from the front whose lanes are free, and marks these as busy. An event whose lane is not free keeps its
/// place, and so do those behind it in that lane.
fn take_from(queue: &mut VecDeque<Job>, busy: &mut HashSet<String>, batch: Batch) -> Vec<Job> {
    let mut taken: Vec<Job> = Vec::new();
    let mut mine: HashSet<String> = HashSet::new();
    let (mut at, mut bytes) = (0, 0_usize);
    while at < queue.len() && taken.len() < batch.events.max(1) {
        let job = &queue[at];
        let free = match &job.lane {
            Some(lane) if mine.contains(lane) => batch.in_order,
            Some(lane) => !busy.contains(lane),
            None => true,
        };
        if !free {
            at += 1;
            continue;
        }
        bytes = bytes.saturating_add(job.envelope.body.len());
        if !taken.is_empty() && bytes > batch.bytes {
            break;
        }
        let Some(job) = queue.remove(at) else { break };
        mine.extend(job.lane.clone());
        taken.push(job);
    }
    busy.extend(mine);
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::tests::envelope;

    fn job(seq: u64, lane: &str) -> Job {
        Job {
            envelope: envelope(seq, lane),
            lane: (!lane.is_empty()).then(|| lane.to_owned()),
            attempts: 0,
            note: bytes::Bytes::new(),
            again: false,
        }
    }

    fn filled(lanes: &[&str]) -> Window {
        let mut window = Window::new(0);
        for (at, lane) in lanes.iter().enumerate() {
            window.push(job(at as u64 + 1, lane));
        }
        window
    }

    fn seqs(jobs: &[Job]) -> Vec<u64> {
        jobs.iter().map(|job| job.envelope.seq).collect()
    }

    const THREE: Batch = Batch {
        events: 3,
        bytes: usize::MAX,
        in_order: false,
    };

    #[test]
    fn one_event_of_a_lane_is_under_way_at_a_time() {
        let mut window = filled(&["a", "a", "b", "", "a"]);
        assert_eq!(seqs(&window.take(Batch::SINGLE, false)), [1]);
        assert_eq!(seqs(&window.take(Batch::SINGLE, false)), [3]);
        assert_eq!(seqs(&window.take(Batch::SINGLE, false)), [4]);
        assert!(window.take(Batch::SINGLE, false).is_empty() && window.has_work());
        window.landed(Some(&"a".to_owned()));
        assert_eq!(seqs(&window.take(THREE, false)), [2]);
    }

    #[test]
    fn a_batch_holds_a_lane_twice_only_where_it_keeps_order() {
        assert_eq!(seqs(&filled(&["a", "a", "b"]).take(THREE, false)), [1, 3]);
        let ordered = Batch {
            in_order: true,
            ..THREE
        };
        assert_eq!(
            seqs(&filled(&["a", "a", "b", "a"]).take(ordered, false)),
            [1, 2, 3]
        );
    }

    #[test]
    fn a_batch_keeps_to_its_bytes_but_takes_one_event_of_any_size() {
        let narrow = Batch { bytes: 10, ..THREE };
        assert_eq!(seqs(&filled(&["a", "b"]).take(narrow, false)), [1]);
    }

    #[test]
    fn the_position_stays_before_the_first_event_that_is_open() {
        let mut window = filled(&["a", "b", "c"]);
        window.pass(9);
        assert_eq!(window.position(), 0);
        window.close(2);
        assert_eq!(window.position(), 0);
        window.close(1);
        assert_eq!(window.position(), 2);
        window.close(3);
        assert_eq!((window.position(), window.read()), (9, 9));
    }

    #[test]
    fn what_is_behind_a_failure_is_taken_out_and_its_lane_stays_parked_until_settled() {
        let mut window = filled(&["a", "a", "b", "a"]);
        window.take(Batch::SINGLE, false);
        assert_eq!(seqs(&window.behind("a")), [2, 4]);
        window.park("a");
        window.park("a");
        window.settled("a");
        assert!(window.is_parked("a"));
        window.settled("a");
        assert!(!window.is_parked("a"));
        assert_eq!(window.ready(), 1);
    }

    #[test]
    fn repeated_tries_behind_a_failure_are_let_go() {
        let mut window = filled(&[]);
        for (seq, lane) in [(1, "a"), (2, "a"), (3, "b"), (4, "a")] {
            window.push_again(job(seq, lane));
        }
        assert_eq!(seqs(&window.take(Batch::SINGLE, false)), [1]);
        assert_eq!(window.let_go("a"), [2, 4]);
        assert_eq!(seqs(&window.take(THREE, false)), [3]);
        assert!(!window.has_work());
    }

    #[test]
    fn repeated_tries_come_first_unless_told_otherwise() {
        let mut window = filled(&["a", "b"]);
        window.push_again(job(7, "c"));
        assert_eq!(seqs(&window.take(THREE, false)), [7]);
        window.push_again(job(8, "d"));
        assert_eq!(seqs(&window.take(THREE, true)), [1, 2]);
        assert_eq!(seqs(&window.take(THREE, true)), [8]);
    }
}
