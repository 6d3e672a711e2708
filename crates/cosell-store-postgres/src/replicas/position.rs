//! How far a replica must be before a list of it is as fresh as one of the primary's. Pure comparison: nothing here waits or
//! talks to a server but by the two questions it words.
//!
//! **Why the flushed place.** A commit becomes visible on the primary only after its record is on disk there, since every
//! connection of cosell has `synchronous_commit` at least at `local`. So what the primary has flushed when it is asked
//! covers whatever anybody saw before, answered writes above all. A replica takes a commit's effect in before it counts
//! the record as replayed, so a snapshot that is taken after the place was read holds everything up to it.
//!
//! **Why the timeline.** After a failover places are counted on from where the new primary parted from the old one. A
//! replica that still follows the old one may have a greater place and lack what the new one wrote. Its place counts only
//! where it is known to be on a line that leads to the primary's timeline: because the last safe point it noted lies on
//! that timeline, or because it receives that timeline, which PostgreSQL begins only if what was replayed belongs to it.

use tokio_postgres::types::PgLsn;
use tokio_postgres::{Error, Row};

/// Which cluster, database and tables a connection leads to. A physical copy has the same numbers throughout.
macro_rules! identity {
    () => {
        "(SELECT system_identifier FROM pg_control_system()), \
         (SELECT oid FROM pg_database WHERE datname = current_database()), to_regclass('cosell_migration')::oid"
    };
}

/// Asks the primary how far its log is.
pub(super) const ASK_PRIMARY: &str = concat!(
    "SELECT ",
    identity!(),
    ", now.lsn, pg_walfile_name(now.lsn) FROM pg_current_wal_flush_lsn() AS now (lsn)"
);

/// Asks a replica how far it is. A server that is a primary by now answers without timelines. Who may not see the state of
/// the receiver (without the role `pg_read_all_stats`) finds nothing there.
pub(super) const ASK_REPLICA: &str = concat!(
    "SELECT ",
    identity!(),
    ", pg_last_wal_replay_lsn(), pg_is_in_recovery(), \
     (SELECT min_recovery_end_timeline FROM pg_control_recovery()), \
     (SELECT received_tli FROM pg_stat_wal_receiver)"
);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    system: i64,
    database: u32,
    /// `None` where there are no tables (yet).
    tables: Option<u32>,
}

impl Identity {
    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Identity {
            system: row.try_get(0)?,
            database: row.try_get(1)?,
            tables: row.try_get(2)?,
        })
    }
}

/// The place of the primary that a list must not fall behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Goal {
    identity: Identity,
    /// `None` if the database names its log in a way that is not understood: then no replica is ever far enough.
    timeline: Option<i32>,
    flushed: u64,
}

impl Goal {
    /// Reads the answer to [`ASK_PRIMARY`].
    pub(super) fn read(row: &Row) -> Result<Self, Error> {
        let file: &str = row.try_get(4)?;
        Ok(Goal {
            identity: Identity::read(row)?,
            // The name of a file of the log begins with its timeline, as eight hexadecimal digits.
            timeline: file.get(..8).and_then(|text| i32::from_str_radix(text, 16).ok()),
            flushed: row.try_get::<_, PgLsn>(3)?.into(),
        })
    }
}

/// Where a replica was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    identity: Identity,
    replayed: Option<u64>,
    is_replica: bool,
    noted_timeline: Option<i32>,
    received_timeline: Option<i32>,
}

impl Place {
    /// Reads the answer to [`ASK_REPLICA`].
    pub(super) fn read(row: &Row) -> Result<Self, Error> {
        Ok(Place {
            identity: Identity::read(row)?,
            replayed: row.try_get::<_, Option<PgLsn>>(3)?.map(u64::from),
            is_replica: row.try_get(4)?,
            noted_timeline: row.try_get(5)?,
            received_timeline: row.try_get(6)?,
        })
    }
}

/// What a replica's place means for a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A list that begins after the place was read is as fresh as the primary's.
    Fresh,
    /// It may lack something.
    Behind,
    /// It is a primary of the same database.
    Primary,
    /// It is, or is a copy of, something else.
    Foreign,
}

impl Goal {
    pub(super) fn judge(&self, place: &Place) -> Verdict {
        let (own, other) = (&self.identity, &place.identity);
        if own.system != other.system {
            return Verdict::Foreign;
        }
        if !place.is_replica {
            return match own == other {
                true => Verdict::Primary,
                false => Verdict::Foreign,
            };
        }
        let timelines = [place.noted_timeline, place.received_timeline];
        let is_on_line = self.timeline.is_some() && timelines.contains(&self.timeline);
        let is_there = place.replayed.is_some_and(|replayed| replayed >= self.flushed);
        match is_on_line && is_there {
            // Before that, databases and tables may differ because they are younger than what was replayed.
            true if own != other => Verdict::Foreign,
            true => Verdict::Fresh,
            false => Verdict::Behind,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Identity = Identity {
        system: 1,
        database: 2,
        tables: Some(3),
    };
    const GOAL: Goal = Goal {
        identity: OWN,
        timeline: Some(5),
        flushed: 100,
    };
    const THERE: Place = Place {
        identity: OWN,
        replayed: Some(100),
        is_replica: true,
        noted_timeline: Some(5),
        received_timeline: None,
    };

    #[test]
    fn a_replica_counts_from_the_place_of_the_primary_on_and_not_before() {
        assert_eq!(GOAL.judge(&THERE), Verdict::Fresh);
        for (replayed, verdict) in [
            (Some(101), Verdict::Fresh),
            (Some(99), Verdict::Behind),
            (None, Verdict::Behind),
        ] {
            assert_eq!(GOAL.judge(&Place { replayed, ..THERE }), verdict, "{replayed:?}");
        }
    }

    #[test]
    fn a_place_on_another_timeline_says_nothing_however_great_it_is() {
        let ahead = Place {
            replayed: Some(1_000_000),
            noted_timeline: Some(4),
            ..THERE
        };
        assert_eq!(GOAL.judge(&ahead), Verdict::Behind);
        for received in [Some(4), None] {
            let place = Place {
                received_timeline: received,
                ..ahead
            };
            assert_eq!(GOAL.judge(&place), Verdict::Behind, "{received:?}");
        }
        let follows = Place {
            received_timeline: Some(5),
            ..ahead
        };
        assert_eq!(GOAL.judge(&follows), Verdict::Fresh);
        // A primary whose timeline is not understood is no reason to trust a replica that tells none.
        let unknown = Goal {
            timeline: None,
            ..GOAL
        };
        assert_eq!(unknown.judge(&THERE), Verdict::Behind);
    }

    #[test]
    fn primaries_and_copies_of_other_databases_are_told_apart_from_replicas_that_are_late() {
        let primary = Place {
            is_replica: false,
            noted_timeline: Some(0),
            ..THERE
        };
        assert_eq!(GOAL.judge(&primary), Verdict::Primary);
        let with = |identity, replayed| Place {
            identity,
            replayed: Some(replayed),
            ..THERE
        };
        let other_cluster = Identity { system: 9, ..OWN };
        assert_eq!(GOAL.judge(&with(other_cluster, 1)), Verdict::Foreign);
        let empty = Identity { tables: None, ..OWN };
        let other_database = Identity { database: 9, ..OWN };
        for identity in [empty, other_database] {
            assert_eq!(GOAL.judge(&with(identity, 99)), Verdict::Behind);
            assert_eq!(GOAL.judge(&with(identity, 100)), Verdict::Foreign);
            let primary = Place { identity, ..primary };
            assert_eq!(GOAL.judge(&primary), Verdict::Foreign);
        }
    }
}
