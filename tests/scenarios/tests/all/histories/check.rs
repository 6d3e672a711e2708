//! Whether a history is linearizable: whether each operation can be given a moment between its invocation and its answer so
//! that, one after the other in that order, they answer what they answered (Herlihy and Wing, 1990).
//!
//! The search is Wing and Gong's with Lowe's memory of where it has been: it places one operation after the other and goes
//! back where none fits. An operation whose answer nobody heard may have taken effect at any moment after its invocation, or
//! never. Each object is checked on its own, which is enough: linearizability is local. Knows no operation; models do.

use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::Hash;

/// Places that a search visits at most. Good histories need about one an operation.
const MOST: usize = 1_000_000;

/// What an object does when there is one client.
pub trait Model {
    type State: Clone + Eq + Hash + Debug;
    type Op: Clone + Debug;
    type Answer: Clone + Debug;

    /// Before all operations.
    fn first(&self) -> Self::State;

    /// The state after an operation, or none where it cannot give that answer in this state. Without an answer: the state
    /// after its effect.
    fn step(&self, state: &Self::State, op: &Self::Op, answer: Option<&Self::Answer>) -> Option<Self::State>;

    /// Whether an operation with that answer changes nothing, in whatever state it is possible; it may tell what a state left
    /// open. One that tells nothing either is placed as soon as it fits, since waiting never helps.
    fn only_looks(&self, op: &Self::Op, answer: &Self::Answer) -> bool;
}

/// One operation of one client. Times are nanoseconds since the run began.
#[derive(Clone, Debug)]
pub struct Event<O, A> {
    /// Who asked whom, for people.
    pub who: String,
    pub op: O,
    pub invoked: u64,
    /// When what was answered; `None` where nobody knows whether it took effect.
    pub answered: Option<(u64, A)>,
}

/// The operations on one object.
pub type History<M> = Vec<Event<<M as Model>::Op, <M as Model>::Answer>>;

#[derive(Debug, PartialEq)]
pub enum Verdict {
    Linearizable,
    /// There is no order. The longest beginning of one that was found has so many answered operations, and none of these
    /// (places in the history) could follow.
    Refuted {
        placed: usize,
        stuck: Vec<usize>,
    },
    /// The search was given up.
    Undecided,
}

/// A place in the search: what has been placed, and the state after it.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Place<S> {
    /// So many of the answered operations, in the order of their invocations, are all placed.
    done: usize,
    /// Further ones that are.
    ahead: Vec<usize>,
    /// Unanswered ones that are.
    unheard: Vec<usize>,
    state: S,
}

impl<S> Place<S> {
    fn placed(&self) -> usize {
        self.done + self.ahead.len()
    }

    /// Takes the next answered operation, whose number is not below `done`.
    fn take(&mut self, number: usize) {
        let at = self.ahead.partition_point(|other| *other < number);
        self.ahead.insert(at, number);
        let whole = self
            .ahead
            .iter()
            .zip(self.done..)
            .take_while(|(a, b)| **a == *b)
            .count();
        self.ahead.drain(..whole);
        self.done += whole;
    }
}

/// Decides about one object.
pub fn check<M: Model>(model: &M, history: &[Event<M::Op, M::Answer>]) -> Verdict {
    let mut answered = Vec::new();
    let mut unheard = Vec::new();
    for (number, event) in history.iter().enumerate() {
        match &event.answered {
            Some((returned, answer)) => answered.push((number, event, *returned, answer)),
            None => unheard.push(event),
        }
    }
    answered.sort_by_key(|(_, event, ..)| event.invoked);

    let start = Place {
        done: 0,
        ahead: Vec::new(),
        unheard: Vec::new(),
        state: model.first(),
    };
    let mut seen = HashSet::from([start.clone()]);
    let mut open = vec![start];
    let mut furthest = (0, Vec::new());
    while let Some(place) = open.pop() {
        if place.done == answered.len() {
            return Verdict::Linearizable;
        }
        if seen.len() > MOST {
            return Verdict::Undecided;
        }
        // What nobody has to come before: whatever was invoked before all that is left had returned.
        let mut until = u64::MAX;
        let mut next = Vec::new();
        for (number, (_, event, returned, _)) in answered.iter().enumerate().skip(place.done) {
            if event.invoked > until {
                break;
            }
            if place.ahead.binary_search(&number).is_err() {
                until = until.min(*returned);
                next.push(number);
            }
        }
        if place.placed() >= furthest.0 {
            let stuck = next.iter().map(|number| answered[*number].0).collect();
            furthest = (place.placed(), stuck);
        }
        let mut steps = Vec::new();
        // The most urgent ones are tried first, and so come last; what nobody heard of is tried when nothing else fits.
        for (number, event) in unheard.iter().enumerate() {
            if event.invoked > until || place.unheard.contains(&number) {
                continue;
            }
            if let Some(state) = model.step(&place.state, &event.op, None)
                && state != place.state
            {
                let mut there = Place {
                    state,
                    ..place.clone()
                };
                there.unheard.push(number);
                there.unheard.sort_unstable();
                steps.push(there);
            }
        }
        next.sort_by_key(|number| std::cmp::Reverse(answered[*number].2));
        for number in next {
            let (_, event, _, answer) = &answered[number];
            if let Some(state) = model.step(&place.state, &event.op, Some(answer)) {
                let is_free = state == place.state && model.only_looks(&event.op, answer);
                let mut there = Place {
                    state,
                    ..place.clone()
                };
                there.take(number);
                if is_free {
                    steps = vec![there];
                    break;
                }
                steps.push(there);
            }
        }
        for there in steps {
            if seen.insert(there.clone()) {
                open.push(there);
            }
        }
    }
    Verdict::Refuted {
        placed: furthest.0,
        stuck: furthest.1,
    }
}
