//! What servers remember of a store, and how they learn that it is out of date.
//!
//! A server keeps little in memory: what operators set, and where events go. A store counts the changes of these, in the
//! very commit that makes them, so that any number of servers can tell by one small question whether to look anew. Nothing
//! here knows what is remembered, or who asks.

use crate::changes::Changes;
use crate::kind::Kind;
use std::collections::BTreeSet;

/// Something that servers remember of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Remembered {
    /// What operators set for all servers: records of the kind [`Kind::Setting`].
    Settings,
    /// Where events go: records of the kinds [`Kind::EventTarget`] and [`Kind::EventRule`].
    Delivery,
}

impl Remembered {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Settings, Self::Delivery];

    /// The name under which its changes are counted.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Delivery => "delivery",
        }
    }

    /// What a record of that kind belongs to; `None` for kinds that nobody remembers for longer than a second.
    pub const fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Setting => Some(Self::Settings),
            Kind::EventTarget | Kind::EventRule => Some(Self::Delivery),
            _ => None,
        }
    }

    /// What a change makes out of date.
    pub fn in_changes(changes: &Changes) -> BTreeSet<Self> {
        let kinds = changes.writes.iter().map(|write| write.key().kind);
        kinds.filter_map(Self::of).collect()
    }
}

/// Under which name it is counted how often everything was exchanged.
pub const EXCHANGES: &str = "exchanges";

/// How often what servers remember has changed. The numbers only grow, and say nothing by themselves: who has seen others
/// before looks anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Revision {
    /// How often the whole content was exchanged by an [import](crate::Store::import).
    pub exchanges: u64,
    /// The last of those exchanges that this server has [acknowledged](crate::Store::acknowledge).
    pub acknowledged: u64,
    /// Changes of [`Remembered::Settings`].
    pub settings: u64,
    /// Changes of [`Remembered::Delivery`].
    pub delivery: u64,
}

impl Revision {
    /// The revision by what is kept under each name. Names of later versions are passed over.
    pub fn read(acknowledged: u64, counts: impl IntoIterator<Item = (String, u64)>) -> Self {
        let mut revision = Self {
            acknowledged,
            ..Self::default()
        };
        for (name, number) in counts {
            if name == EXCHANGES {
                revision.exchanges = number;
            } else if name == Remembered::Settings.name() {
                revision.settings = number;
            } else if name == Remembered::Delivery.name() {
                revision.delivery = number;
            }
        }
        revision
    }

    /// Whether the content was exchanged by others, and this server has not acknowledged it yet.
    pub fn is_foreign(&self) -> bool {
        self.exchanges != self.acknowledged
    }
}
