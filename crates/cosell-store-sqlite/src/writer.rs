//! The one writer: a thread that takes all waiting commands, writes them in one transaction, commits once and then
//! answers all (*group commit*).
//!
//! A lone command never waits for others: the thread takes what is there and goes. A command is answered only after the
//! commit that carries it has returned, which with `synchronous=FULL` means after the log is on disk. If the commit
//! fails, nobody is told that anything landed.

use crate::apply::{self, Refusal};
use crate::error::{read_error, write_error};
use crate::store::STOPPED;
use crate::tenants::Tenants;
use crate::transfer::Import;
use crate::{history, log, reset, transfer};
use cosell_model::Timestamp;
use cosell_store::{ApplyError, Changes, ClaimedJob, Record, StoreError, WriteCounters};
use rusqlite::Connection;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{mpsc, oneshot, watch};

/// Most commands in one commit; the rest waits for the next one.
const MOST_PER_COMMIT: usize = 256;
/// Answers pruned for each answer kept, so that pruning keeps up and one commit's share stays small.
const PRUNED_PER_KEPT: usize = 2;

pub(crate) type Reply<T> = oneshot::Sender<T>;

/// What the writer is asked to do.
pub(crate) enum Command {
    Apply(Box<Changes>, Reply<Result<(), ApplyError>>),
    Reserve {
        sequence: String,
        count: i64,
        reply: Reply<Result<Range<u64>, StoreError>>,
    },
    Claim {
        now: Timestamp,
        worker: String,
        limit: usize,
        lease_millis: i64,
        reply: Reply<Result<Vec<ClaimedJob>, StoreError>>,
    },
    PruneAudit {
        before: Timestamp,
        reply: Reply<Result<u64, StoreError>>,
    },
    PruneHistory {
        before: Timestamp,
        reply: Reply<Result<(u64, bool), StoreError>>,
    },
    Reset {
        target: reset::Target,
        reply: Reply<Result<reset::Step, StoreError>>,
    },
    Release(Reply<Result<u64, StoreError>>),
    Bulk(Vec<Record>, Reply<Result<(), StoreError>>),
    Work(Box<dyn Work>),
    Close(Reply<()>),
}

/// A command that brings along what it does.
pub(crate) trait Work: Send {
    /// Does it within the open transaction. It may be done twice: among others, and alone where that failed.
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()>;
    /// Answers after the commit, or with why there was none.
    fn answer(self: Box<Self>, failure: Option<&rusqlite::Error>);
}

/// A function as a command.
pub(crate) struct Asked<T, F> {
    work: F,
    done: Option<T>,
    reply: Reply<Result<T, StoreError>>,
}

impl<T, F> Asked<T, F> {
    pub(crate) fn new(work: F, reply: Reply<Result<T, StoreError>>) -> Self {
        let done = None;
        Asked { work, done, reply }
    }
}

impl<T: Send, F: FnMut(&Connection) -> rusqlite::Result<T> + Send> Work for Asked<T, F> {
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.done = Some((self.work)(connection)?);
        Ok(())
    }

    fn answer(self: Box<Self>, failure: Option<&rusqlite::Error>) {
        let result = match (failure, self.done) {
            (Some(error), _) => Err(read_error(error)),
            (None, Some(done)) => Ok(done),
            (None, None) => Err(StoreError::Unavailable(STOPPED.into())),
        };
        drop(self.reply.send(result));
    }
}

/// What waits for the writer.
pub(crate) enum Task {
    /// Shares a commit with others.
    Command(Command),
    /// Has a transaction of its own, which may last.
    Import(Import),
}

impl From<Command> for Task {
    fn from(command: Command) -> Self {
        Task::Command(command)
    }
}

enum Outcome {
    Applied(Result<(), ApplyError>),
    Reserved(Range<u64>),
    Claimed(Vec<ClaimedJob>),
    Pruned(u64),
    PrunedHistory(u64, bool),
    Reset(reset::Step),
    Released(u64),
    Bulk(Result<(), StoreError>),
    Worked,
    Closing,
}

/// The writer's own state, all on its thread.
pub(crate) struct Writer {
    pub connection: Connection,
    pub tenants: Tenants,
    pub counters: Arc<WriteCounters>,
    pub events: watch::Sender<u64>,
}

impl Writer {
    /// Works until the queue is closed and empty.
    pub(crate) fn run(mut self, mut queue: mpsc::Receiver<Task>) {
        let mut tasks = Vec::with_capacity(MOST_PER_COMMIT);
        let mut batch = Vec::with_capacity(MOST_PER_COMMIT);
        while queue.blocking_recv_many(&mut tasks, MOST_PER_COMMIT) > 0 {
            for task in tasks.drain(..) {
                match task {
                    Task::Command(command) => batch.push(command),
                    // Nobody waits for two things at once, so the order among those that wait together is free.
                    Task::Import(import) => self.import(import),
                }
            }
            if batch.iter().any(|c| matches!(c, Command::Close(_))) {
                // What is queued already is still taken and finished; nothing new gets in.
                queue.close();
            }
            self.batch(&mut batch);
        }
    }

    fn import(&mut self, import: Import) {
        let Import {
            relying_on,
            items,
            reply,
        } = import;
        let began = Instant::now();
        let imported = transfer::import(&self.connection, &mut self.tenants, &relying_on, items);
        if imported.is_ok() {
            self.counters.committed(began.elapsed(), 0, 0);
            // There may be other events now than those that waiting readers know.
            self.events.send_modify(|n| *n += 1);
        }
        drop(reply.send(imported));
    }

    fn batch(&mut self, batch: &mut Vec<Command>) {
        if batch.is_empty() {
            return;
        }
        match self.attempt(batch) {
            Ok(outcomes) => {
                for (command, outcome) in batch.drain(..).zip(outcomes) {
                    answer(command, outcome);
                }
            }
            Err(error) if batch.len() == 1 || error.whole_batch => {
                tracing::error!(error = %error.sqlite, commands = batch.len(), "a commit failed");
                for command in batch.drain(..) {
                    refuse(command, &error.sqlite);
                }
            }
            Err(_) => {
                // One of them cannot be written, for whatever reason. Alone, each shows its own.
                for command in batch.drain(..) {
                    self.batch(&mut vec![command]);
                }
            }
        }
    }

    fn attempt(&mut self, batch: &mut [Command]) -> Result<Vec<Outcome>, Failure> {
        let result = self.transaction(batch);
        if result.is_err() {
            self.tenants.forget();
            if !self.connection.is_autocommit()
                && let Err(error) = self.connection.execute_batch("ROLLBACK")
            {
                tracing::error!(%error, "a rollback failed");
            }
        }
        result
    }

    fn transaction(&mut self, batch: &mut [Command]) -> Result<Vec<Outcome>, Failure> {
        let began = Instant::now();
        self.statement("BEGIN IMMEDIATE").map_err(Failure::whole)?;
        let mut outcomes = Vec::with_capacity(batch.len());
        let (mut written, mut refused, mut events, mut kept) = (0, 0, 0, 0);
        let mut latest = None;
        for command in batch {
            outcomes.push(self.one(command).map_err(Failure::one)?);
            match (&*command, outcomes.last()) {
                (Command::Apply(changes, _), Some(Outcome::Applied(Ok(())))) => {
                    written += 1;
                    events += changes.events.len();
                    if let Some(answer) = &changes.idempotency {
                        kept += 1;
                        latest = latest.max(Some(answer.created_at));
                    }
                }
                (_, Some(Outcome::Applied(Err(_)))) => refused += 1,
                _ => {}
            }
        }
        if let Some(now) = latest {
            apply::prune(&self.connection, now, kept * PRUNED_PER_KEPT).map_err(Failure::whole)?;
        }
        self.statement("COMMIT").map_err(Failure::whole)?;
        self.counters.committed(began.elapsed(), written, refused);
        if events > 0 {
            self.events.send_modify(|n| *n += events as u64);
        }
        Ok(outcomes)
    }

    fn one(&mut self, command: &mut Command) -> rusqlite::Result<Outcome> {
        match command {
            Command::Apply(changes, _) => match apply::check(&self.connection, &self.tenants, changes) {
                Ok(checked) => {
                    apply::write(&self.connection, &mut self.tenants, changes, &checked)?;
                    Ok(Outcome::Applied(Ok(())))
                }
                Err(Refusal::Answer(error)) => Ok(Outcome::Applied(Err(error))),
                Err(Refusal::Sqlite(error)) => Err(error),
            },
            Command::Reserve { sequence, count, .. } => {
                apply::reserve(&self.connection, sequence, *count).map(Outcome::Reserved)
            }
            Command::Claim {
                now,
                worker,
                limit,
                lease_millis,
                ..
            } => apply::claim(&self.connection, *now, worker, *limit, *lease_millis).map(Outcome::Claimed),
            Command::PruneAudit { before, .. } => log::prune(&self.connection, *before).map(Outcome::Pruned),
            Command::PruneHistory { before, .. } => {
                let (count, more) = history::prune(&self.connection, *before)?;
                Ok(Outcome::PrunedHistory(count, more))
            }
            Command::Reset { target, .. } => reset::step(&self.connection, target).map(Outcome::Reset),
            Command::Release(_) => apply::release(&self.connection).map(Outcome::Released),
            Command::Bulk(records, _) => {
                apply::bulk(&self.connection, &mut self.tenants, records).map(Outcome::Bulk)
            }
            Command::Work(work) => work.run(&self.connection).map(|()| Outcome::Worked),
            Command::Close(_) => Ok(Outcome::Closing),
        }
    }

    fn statement(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }
}

/// Why an attempt was rolled back.
struct Failure {
    sqlite: rusqlite::Error,
    /// Nothing would be gained by trying the commands one by one.
    whole_batch: bool,
}

impl Failure {
    fn whole(sqlite: rusqlite::Error) -> Self {
        Failure {
            sqlite,
            whole_batch: true,
        }
    }

    fn one(sqlite: rusqlite::Error) -> Self {
        Failure {
            sqlite,
            whole_batch: false,
        }
    }
}

// A receiver that is gone has stopped waiting; there is nobody left to tell, so the results of `send` are dropped.
fn answer(command: Command, outcome: Outcome) {
    match (command, outcome) {
        (Command::Apply(_, reply), Outcome::Applied(result)) => drop(reply.send(result)),
        (Command::Reserve { reply, .. }, Outcome::Reserved(range)) => drop(reply.send(Ok(range))),
        (Command::Claim { reply, .. }, Outcome::Claimed(jobs)) => drop(reply.send(Ok(jobs))),
        (Command::PruneAudit { reply, .. }, Outcome::Pruned(count)) => drop(reply.send(Ok(count))),
        (Command::PruneHistory { reply, .. }, Outcome::PrunedHistory(count, more)) => {
            drop(reply.send(Ok((count, more))));
        }
        (Command::Reset { reply, .. }, Outcome::Reset(step)) => drop(reply.send(Ok(step))),
        (Command::Release(reply), Outcome::Released(count)) => drop(reply.send(Ok(count))),
        (Command::Bulk(_, reply), Outcome::Bulk(result)) => drop(reply.send(result)),
        (Command::Work(work), Outcome::Worked) => work.answer(None),
        (Command::Close(reply), Outcome::Closing) => drop(reply.send(())),
        // Outcomes are made from their own commands one by one. Dropping the reply answers `Unavailable`.
        _ => tracing::error!("an outcome does not belong to its command"),
    }
}

fn refuse(command: Command, error: &rusqlite::Error) {
    match command {
        Command::Apply(_, reply) => drop(reply.send(Err(write_error(error)))),
        Command::Reserve { reply, .. } => drop(reply.send(Err(read_error(error)))),
        Command::Claim { reply, .. } => drop(reply.send(Err(read_error(error)))),
        Command::PruneAudit { reply, .. } => drop(reply.send(Err(read_error(error)))),
        Command::PruneHistory { reply, .. } => drop(reply.send(Err(read_error(error)))),
        Command::Reset { reply, .. } => drop(reply.send(Err(read_error(error)))),
        Command::Release(reply) => drop(reply.send(Err(read_error(error)))),
        Command::Bulk(_, reply) => drop(reply.send(Err(read_error(error)))),
        Command::Work(work) => work.answer(Some(error)),
        Command::Close(reply) => drop(reply.send(())),
    }
}
