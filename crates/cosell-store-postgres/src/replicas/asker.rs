//! Asks the primary how far its log is, for many lists at once.
//!
//! A list may use an answer only if its question was sent after the list had arrived. So lists that arrive while a question
//! is on its way share the next one: however many there are, one question at a time is under way. Nothing here knows
//! replicas.

use super::PATIENCE;
use super::position::{ASK_PRIMARY, Goal};
use crate::error::{Failure, words};
use crate::pool::Pool;
use crate::session::{Session, step};
use cosell_store::StoreError;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

/// Lists that may wait for the next question before a further one waits for room.
const MOST_WAITING: usize = 1024;

/// Whether an answer came, and why not.
type Answer = Result<Goal, String>;

/// The way to the one task that asks.
pub(super) struct Asker {
    queue: mpsc::Sender<oneshot::Sender<Answer>>,
}

impl Asker {
    /// Starts the task; it ends when this is dropped.
    pub(super) fn start(primary: Arc<Pool>, handle: &Handle) -> Self {
        let (queue, waiting) = mpsc::channel(MOST_WAITING);
        handle.spawn(run(primary, waiting));
        Asker { queue }
    }

    /// Where the primary is now or was since this was called.
    ///
    /// # Errors
    /// In words, if the primary did not tell within [`PATIENCE`].
    pub(super) async fn goal(&self) -> Answer {
        let closed = || "the store is closed".to_owned();
        let (reply, answer) = oneshot::channel();
        self.queue.send(reply).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }
}

async fn run(primary: Arc<Pool>, mut waiting: mpsc::Receiver<oneshot::Sender<Answer>>) {
    // A connection of its own: a place in the pool may be long in coming.
    let mut session = None;
    let mut all = Vec::new();
    while waiting.recv_many(&mut all, MOST_WAITING).await > 0 {
        let answer = match tokio::time::timeout(PATIENCE, ask(&primary, &mut session)).await {
            Ok(Ok(goal)) => Ok(goal),
            Ok(Err(Failure::Postgres(error))) => Err(words(&error)),
            Ok(Err(Failure::Answer(error))) => Err(error.to_string()),
            Ok(Err(Failure::Silent)) | Err(_) => Err("the primary did not answer in time".to_owned()),
        };
        if answer.is_err() {
            session = None;
        }
        for reply in all.drain(..) {
            // Whoever is gone needs no answer.
            let _ = reply.send(answer.clone());
        }
    }
}

async fn ask(primary: &Pool, session: &mut Option<Session>) -> Result<Goal, Failure> {
    let session = match session.take() {
        Some(kept) if kept.is_clean() => session.insert(kept),
        _ => session.insert(primary.connect().await?),
    };
    let row = session.row(&step(ASK_PRIMARY, vec![])).await?;
    let none = || StoreError::Unavailable("the database has no entry for itself".into());
    Ok(Goal::read(&row.ok_or_else(none)?)?)
}
