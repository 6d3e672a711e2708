//! The realistic mode: what AWS was recorded to do to the stream of events that no consumer would choose (behaviours 6.4).
//! An event comes a second time under another identifier some seconds later, and a snapshot is announced before the
//! update that led to it. Decides only; whoever emits the events carries it out.
//!
//! | Recorded on 2025-02-19 | Here |
//! | --- | --- |
//! | the one Opportunity Created came again, 15 s later | 4 of 5 come again, after 1 to 15 s |
//! | 4 of 6 Opportunity Updated came again: thrice within the same second, once 2 s later | 2 of 3 come again, after 0 to 2 s |
//! | no snapshot came again | none comes again |
//! | 1 of 4 snapshots came before the update | 1 of 4 comes before it |
//!
//! Events about engagements and invitations were not recorded in numbers and stay as they are.

use super::{DetailType, Happening};
use crate::dice::Dice;

/// What decides about the events of one change: the same mood lets the same happen. Draw another one for every change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mood(String);

impl Mood {
    /// A mood of that name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// After how many milliseconds the event at that place of a change comes again; `None` where it does not.
    pub fn repeats_after(&self, place: usize, detail_type: DetailType) -> Option<i64> {
        let (of_ten_thousand, from, to) = match detail_type {
            DetailType::OpportunityCreated => (8_000, 1_000, 15_000),
            DetailType::OpportunityUpdated => (6_667, 0, 2_000),
            _ => return None,
        };
        let place = place.to_string();
        let dice = Dice {
            seed: 0,
            about: &[&self.0, &place],
        };
        let repeated = dice.roll("again", 10_000) < of_ten_thousand;
        let after = dice.between("after", from, to);
        repeated.then(|| i64::try_from(after).unwrap_or(0))
    }

    /// Has the snapshots of an opportunity announced before its update, where the mood is for that. All other events stay
    /// where they are.
    pub fn reorder(&self, happenings: &mut [Happening<'_>]) {
        let mut from = 0;
        // Adjacent in the order of `super::of`: all updates, then all snapshots.
        while let Some(updated) = position(happenings, from, DetailType::OpportunityUpdated) {
            from = updated + 1;
            let follows = |one: &Happening<'_>| {
                one.detail_type == DetailType::SnapshotCreated
                    && one.account == happenings[updated].account
                    && one.opportunity() == happenings[updated].opportunity()
            };
            let Some(snapshot) = happenings[from..].iter().position(follows) else {
                continue;
            };
            let place = updated.to_string();
            let dice = Dice {
                seed: 0,
                about: &[&self.0, &place],
            };
            if dice.roll("snapshot first", 4) == 0 {
                happenings.swap(updated, from + snapshot);
            }
        }
    }
}

fn position(happenings: &[Happening<'_>], from: usize, detail_type: DetailType) -> Option<usize> {
    let found = happenings
        .get(from..)?
        .iter()
        .position(|one| one.detail_type == detail_type)?;
    Some(from + found)
}
