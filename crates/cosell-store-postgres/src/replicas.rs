//! Lists from read replicas, each as fresh as the primary's would be.
//!
//! A list asks the primary how far its log is ([`asker`]), and takes the page of a replica only if that has replayed as much
//! ([`position`]). It waits a moment for one that is a little behind; in every other case the answer is `None` and the list
//! is the primary's. So nobody ever sees less than at the primary, whichever server wrote it. Nothing but lists comes here,
//! and nothing here writes.

mod asker;
mod position;
mod replica;

use crate::error::OpenError;
use crate::options::{self, Options};
use crate::pool::Pool;
use asker::Asker;
use cosell_store::{Page, Query, ReplicaFigures};
use replica::{Replica, Standing, Trouble};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;

/// How long the primary may take to say how far it is, and then a replica to answer, before a list goes to the primary.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);
/// How long of that a list waits for a connection while all are in use.
const WAIT_FOR_CONNECTION: Duration = Duration::from_millis(100);

/// The replicas of a store.
pub(crate) struct Replicas {
    all: Vec<Arc<Replica>>,
    asker: Arc<Asker>,
    handle: Handle,
    /// Whose turn it is.
    turn: AtomicUsize,
    by_replica: AtomicU64,
    behind: AtomicU64,
    away: AtomicU64,
    busy: AtomicU64,
}

impl Replicas {
    /// Looks at the replicas of an address, each of its hosts being one. Those that cannot be used now are tried again later,
    /// since a server must be able to start while one is away or has become the primary.
    ///
    /// # Errors
    /// If the address is not understood, the primary does not tell what it must, or a replica is one of another database.
    pub(crate) async fn open(url: &str, primary: &Arc<Pool>, handle: &Handle) -> Result<Self, OpenError> {
        let options = Options {
            statement_timeout: primary.options.statement_timeout.min(PATIENCE),
            ..primary.options.clone()
        };
        let mut all = Vec::new();
        for url in options::each_host(url)? {
            let address = options::parse_replica(&url, &options)?;
            let pool = Pool::new(address, options.clone(), handle.clone());
            all.push(Arc::new(Replica::new(options::shown(&url), pool)));
        }
        let asker = Arc::new(Asker::start(primary.clone(), handle));
        asker.goal().await.map_err(OpenError::NoReplicas)?;
        let looks = all.iter().map(|replica| replica.look(&asker));
        let found = futures_util::future::join_all(looks).await;
        let mut has_another = false;
        for (replica, look) in all.iter().zip(found) {
            has_another |= !matches!(look, Err(Trouble::Primary));
            match look {
                Ok(()) => {}
                Err(Trouble::Foreign) => return Err(OpenError::ForeignReplica(replica.name.clone())),
                Err(trouble) => replica.rest(&trouble, &asker, handle),
            }
        }
        if !has_another {
            tracing::warn!(
                "the read store names the primary alone, so all lists are the primary's: name its streaming replicas too"
            );
        }
        Ok(Replicas {
            all,
            asker,
            handle: handle.clone(),
            turn: AtomicUsize::new(0),
            by_replica: AtomicU64::new(0),
            behind: AtomicU64::new(0),
            away: AtomicU64::new(0),
            busy: AtomicU64::new(0),
        })
    }

    /// A page that is as fresh as the primary's, unless no replica can give one now.
    pub(crate) async fn page(&self, query: &Query) -> Option<Page> {
        let Some(replica) = self.next() else {
            let is_behind = |replica: &Arc<Replica>| replica.standing() == Standing::Behind;
            count(if self.all.iter().any(is_behind) {
                &self.behind
            } else {
                &self.away
            });
            return None;
        };
        let trouble = match replica.page(&self.asker, query).await {
            Ok(page) => {
                count(&self.by_replica);
                return Some(page);
            }
            Err(trouble) => trouble,
        };
        match trouble {
            Trouble::Busy | Trouble::NoAnswer(_) => count(&self.busy),
            Trouble::Behind => count(&self.behind),
            _ => count(&self.away),
        }
        // Where it is the primary that says nothing, or lists are many, a rest of the replica would help nobody.
        if !matches!(trouble, Trouble::Busy | Trouble::NoAnswer(_)) {
            replica.rest(&trouble, &self.asker, &self.handle);
        }
        None
    }

    /// The next usable one in turn.
    fn next(&self) -> Option<&Arc<Replica>> {
        let first = self.turn.fetch_add(1, Ordering::Relaxed) % self.all.len().max(1);
        let in_turn = self.all.iter().cycle().skip(first).take(self.all.len());
        in_turn
            .into_iter()
            .find(|replica| replica.standing() == Standing::Usable)
    }

    /// What is counted, for people who watch.
    pub(crate) fn figures(&self) -> ReplicaFigures {
        let answers = [
            ("replica", &self.by_replica),
            ("behind", &self.behind),
            ("away", &self.away),
            ("busy", &self.busy),
        ];
        let usable = |replica: &Arc<Replica>| (replica.name.clone(), replica.standing() == Standing::Usable);
        ReplicaFigures {
            lists: answers
                .map(|(answer, counted)| (answer, counted.load(Ordering::Relaxed)))
                .into(),
            usable: self.all.iter().map(usable).collect(),
        }
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
