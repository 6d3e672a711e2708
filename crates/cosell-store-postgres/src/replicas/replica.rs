//! One read replica: whether it can be used, lists from it, and the way back once it could not.
//!
//! A list never finds out at its own cost that a replica is away: once one did, the replica rests, and a task looks after it
//! in growing intervals until it is fresh again. Nothing here falls back to the primary: whoever asks does.

use super::asker::Asker;
use super::position::{ASK_REPLICA, Goal, Place, Verdict};
use super::{PATIENCE, WAIT_FOR_CONNECTION};
use crate::error::{Failure, Meaning, SILENT, meaning, words};
use crate::list;
use crate::pool::{Pool, Taken};
use crate::session::{Session, Step, step};
use cosell_store::{Page, Query, StoreError};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio_postgres::Row;

/// Steps in which a list waits for a replica that is a little behind: 63 ms in all, about what one more round trip over a
/// continent takes. Replication that is healthy needs one to three of them.
const STEPS: [Duration; 6] = [
    Duration::from_millis(1),
    Duration::from_millis(2),
    Duration::from_millis(4),
    Duration::from_millis(8),
    Duration::from_millis(16),
    Duration::from_millis(32),
];

/// How long a replica rests before it is looked at again, at first and at most.
const REST: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Why a replica did not answer a list.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It lacks something and did not catch up within [`STEPS`].
    Behind,
    /// All connections to it are in use.
    Busy,
    /// The primary did not say how far it is, or the list itself is at fault.
    NoAnswer(String),
    /// It cannot be reached, or not worked with.
    Away(String),
    /// It is the primary now.
    Primary,
    /// It is a copy of another database.
    Foreign,
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Postgres(error) => Trouble::Away(words(&error)),
            Failure::Answer(error) => Trouble::NoAnswer(error.to_string()),
            Failure::Silent => Trouble::Away(SILENT.to_owned()),
        }
    }
}

impl From<tokio_postgres::Error> for Trouble {
    fn from(error: tokio_postgres::Error) -> Self {
        Failure::from(error).into()
    }
}

impl Trouble {
    /// For people.
    fn words(&self) -> String {
        match self {
            Trouble::Behind => "it is behind the primary".to_owned(),
            Trouble::Busy => "all connections to it are in use".to_owned(),
            Trouble::NoAnswer(why) | Trouble::Away(why) => why.clone(),
            Trouble::Primary => "it is the primary now".to_owned(),
            Trouble::Foreign => "it is a copy of another database than the store's".to_owned(),
        }
    }
}

/// Whether lists may try a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Usable,
    /// It rests because it was behind.
    Behind,
    /// It rests for another reason.
    Away,
}

/// A replica.
pub(super) struct Replica {
    /// Its address as people may see it.
    pub(super) name: String,
    pool: Pool,
    /// A [`Standing`] by its number.
    standing: AtomicU8,
}

impl Replica {
    pub(super) fn new(name: String, pool: Pool) -> Self {
        Replica {
            name,
            pool,
            standing: AtomicU8::new(Standing::Usable as u8),
        }
    }

    pub(super) fn standing(&self) -> Standing {
        let now = self.standing.load(Ordering::Acquire);
        let all = [Standing::Usable, Standing::Behind, Standing::Away];
        let found = all.into_iter().find(|one| *one as u8 == now);
        found.unwrap_or(Standing::Away)
    }

    /// A page as fresh as the primary's at the time of the call.
    pub(super) async fn page(&self, asker: &Asker, query: &Query) -> Result<Page, Trouble> {
        let goal = goal(asker).await?;
        in_time(async {
            let taken = self.take().await?;
            settle(&taken, read(&taken, &goal, query).await)
        })
        .await
    }

    /// Whether it is fresh now.
    pub(super) async fn look(&self, asker: &Asker) -> Result<(), Trouble> {
        let goal = goal(asker).await?;
        in_time(async {
            let taken = self.take().await?;
            let seen = match judge(&taken, &goal).await {
                Err(Trouble::Behind) => catch_up(&taken, &goal).await,
                seen => seen,
            };
            settle(&taken, seen)
        })
        .await
    }

    /// A connection, which the next one gets only if it is settled: not if the work is given up in the middle.
    async fn take(&self) -> Result<Taken<'_>, Trouble> {
        let taken = self.pool.take_within(WAIT_FOR_CONNECTION).await?;
        let taken = taken.ok_or(Trouble::Busy)?;
        taken.hold();
        Ok(taken)
    }

    /// Keeps lists off it until it is fresh again. Says so once, where that is for longer than a moment.
    pub(super) fn rest(self: &Arc<Self>, why: &Trouble, asker: &Arc<Asker>, handle: &Handle) {
        let standing = match why {
            Trouble::Behind => Standing::Behind,
            _ => Standing::Away,
        };
        let before = self.standing.swap(standing as u8, Ordering::AcqRel);
        // Another list was first, and the task that looks after it is at work.
        if before != Standing::Usable as u8 {
            return;
        }
        let is_worth_a_word = !matches!(why, Trouble::Behind | Trouble::Primary);
        if is_worth_a_word {
            self.warn(why);
        }
        tracing::debug!(replica = %self.name, why = %why.words(), "a read replica rests");
        let (replica, asker) = (self.clone(), asker.clone());
        handle.spawn(async move { replica.recover(&asker, is_worth_a_word).await });
    }

    fn warn(&self, why: &Trouble) {
        tracing::warn!(
            replica = %self.name,
            why = %why.words(),
            "lists go to the primary until this read replica can be used: check that it runs and follows the primary"
        );
    }

    async fn recover(&self, asker: &Asker, mut has_warned: bool) {
        let mut rest = REST.0;
        loop {
            tokio::time::sleep(rest).await;
            let trouble = match self.look(asker).await {
                Ok(()) => break,
                Err(trouble) => trouble,
            };
            let standing = match trouble {
                Trouble::Behind => Standing::Behind,
                _ => Standing::Away,
            };
            self.standing.store(standing as u8, Ordering::Release);
            // That it is the primary is no fault: where all servers are named, one of them always is.
            let lasts = rest == REST.1 && !matches!(trouble, Trouble::Primary);
            if lasts && !has_warned {
                self.warn(&trouble);
                has_warned = true;
            }
            rest = (rest * 2).min(REST.1);
        }
        self.standing.store(Standing::Usable as u8, Ordering::Release);
        if has_warned {
            tracing::info!(replica = %self.name, "lists are read from this replica again");
        }
    }
}

/// Where the primary is, without which nothing can be said about a replica.
async fn goal(asker: &Asker) -> Result<Goal, Trouble> {
    let late = |_| Trouble::NoAnswer("the primary did not answer in time".to_owned());
    let told = tokio::time::timeout(PATIENCE, asker.goal()).await.map_err(late)?;
    told.map_err(Trouble::NoAnswer)
}

/// Work with a replica that ends within [`PATIENCE`].
async fn in_time<T>(work: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
    let late = |_| Trouble::Away("it did not answer in time".to_owned());
    tokio::time::timeout(PATIENCE, work).await.map_err(late)?
}

/// Gives the connection back, unless it met something that it may meet again.
fn settle<T>(taken: &Taken<'_>, outcome: Result<T, Trouble>) -> Result<T, Trouble> {
    if matches!(outcome, Ok(_) | Err(Trouble::Behind)) {
        taken.release();
    }
    outcome
}

fn ask() -> Step<'static> {
    step(ASK_REPLICA, vec![])
}

fn verdict(goal: &Goal, rows: &[Row]) -> Result<(), Trouble> {
    let none = || StoreError::Unavailable("the replica has no entry for its database".into());
    let row = rows.first().ok_or_else(|| Failure::from(none()))?;
    match goal.judge(&Place::read(row)?) {
        Verdict::Fresh => Ok(()),
        Verdict::Behind => Err(Trouble::Behind),
        Verdict::Primary => Err(Trouble::Primary),
        Verdict::Foreign => Err(Trouble::Foreign),
    }
}

async fn judge(session: &Session, goal: &Goal) -> Result<(), Trouble> {
    verdict(goal, &session.query(&ask()).await?)
}

/// Waits in [`STEPS`] until the replica is far enough.
async fn catch_up(session: &Session, goal: &Goal) -> Result<(), Trouble> {
    for pause in STEPS {
        tokio::time::sleep(pause).await;
        match judge(session, goal).await {
            Err(Trouble::Behind) => {}
            other => return other,
        }
    }
    Err(Trouble::Behind)
}

/// A page that counts. The first try leaves together with the question how far the replica is, which is answered first; so
/// a replica that keeps up answers in one round trip.
async fn read(session: &Session, goal: &Goal, query: &Query) -> Result<Page, Trouble> {
    let (rows, page) = session.ask_before(&ask(), list::page(session, query)).await?;
    let page = match verdict(goal, &rows) {
        Ok(()) => page,
        Err(Trouble::Behind) => {
            catch_up(session, goal).await?;
            list::page(session, query).await
        }
        Err(trouble) => return Err(trouble),
    };
    match page {
        // What the replica has to replay was in the way of the list. It has made room, and is as far as before at least.
        Err(Failure::Postgres(error)) if meaning(&error) == Meaning::Collision => {
            Ok(list::page(session, query).await?)
        }
        page => Ok(page?),
    }
}
