//! The one writer of a server: a task that takes all waiting changes, writes them in one transaction, and answers all when
//! its commit has returned (*group commit*).
//!
//! A batch costs two round trips. The first locks and reads what its changes rely on; the second writes, gives numbers, and
//! commits. A lone change never waits for others: the task takes what is there and goes.
//!
//! **A lost commit.** When the connection breaks after the second half was sent, nobody knows whether it landed. So each
//! commit carries a row of its own with a random id, its *marker*. To find out, the writer inserts the same id from another
//! connection, as a *fence*: the database lets that wait until the doubtful transaction has ended either way. If the id is
//! taken, the commit has landed; if not, it never can any more, since its own marker would collide with the fence. Only where nobody answers
//! within the patience is a change answered `Unavailable` with the remark that it may have landed. The next batch deletes
//! the marker of the one before; what a server that is killed leaves behind goes after a day.

use crate::apply::{Batch, Found, State, Token, Touched, Verdict};
use crate::error::{Failure, Meaning, SILENT, apply_error, meaning, store_error, words};
use crate::marker;
use crate::param::{Param, Raw, Text};
use crate::pool::{FIRST_WAIT, LONGEST_WAIT, Pool};
use crate::records::number;
use crate::revision;
use crate::rows;
use crate::session::{Bracket, Session, step};
use cosell_store::{ApplyError, Changes, StoreError};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Error, Row};

/// Most changes in one commit; the rest waits for the next one.
const MOST_PER_COMMIT: usize = 64;
/// Collisions of a batch after which its changes are tried one by one.
const MOST_COLLISIONS: usize = 2;

pub(crate) type Reply = oneshot::Sender<Result<(), ApplyError>>;

/// What the writer is asked to do.
pub(crate) enum Task {
    Apply(Waiting),
    Close(oneshot::Sender<()>),
}

/// A change that waits to be written.
pub(crate) struct Waiting {
    pub changes: Box<Changes>,
    /// The exchange that was acknowledged when it was handed in. Whoever asked for it may go away before it is written, and then
    /// nobody waits for it before the next exchange is acknowledged.
    pub acknowledged: i64,
    /// When its patience ends.
    pub until: Instant,
    pub reply: Reply,
}

/// The writer's own state.
pub(crate) struct Writer {
    pub pool: Arc<Pool>,
    /// Counts commits that brought events, for readers that wait.
    pub news: watch::Sender<u64>,
    session: Option<Session>,
    /// The marker of the last commit, which nobody needs any more.
    marker: Option<[u8; 16]>,
    /// Whether the last batch met nobody within its patience.
    away: bool,
}

/// Why an attempt at a batch failed.
enum Trouble {
    /// Nothing of it landed.
    Nothing(Failure),
    /// The connection broke or fell silent after the commit was sent; what was heard of it.
    Doubt(String, [u8; 16], Vec<Verdict>),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Trouble::Nothing(error.into())
    }
}

impl Writer {
    pub(crate) fn new(pool: Arc<Pool>, news: watch::Sender<u64>) -> Self {
        Writer {
            pool,
            news,
            session: None,
            marker: None,
            away: false,
        }
    }

    /// Works until the queue is closed and empty.
    pub(crate) async fn run(mut self, mut queue: mpsc::Receiver<Task>) {
        let mut tasks = Vec::with_capacity(MOST_PER_COMMIT);
        while queue.recv_many(&mut tasks, MOST_PER_COMMIT).await > 0 {
            let (mut batch, mut closing) = (VecDeque::new(), Vec::new());
            for task in tasks.drain(..) {
                match task {
                    Task::Apply(one) => batch.push_back(one),
                    Task::Close(reply) => closing.push(reply),
                }
            }
            if !closing.is_empty() {
                // What is queued already is still taken and finished; nothing new gets in.
                queue.close();
                while let Some(task) = queue.recv().await {
                    match task {
                        Task::Apply(one) => batch.push_back(one),
                        Task::Close(reply) => closing.push(reply),
                    }
                }
            }
            self.finish(&mut batch).await;
            // Whoever is gone needs no answer.
            for reply in closing {
                let _ = reply.send(());
            }
        }
        if let (Some(session), Some(marker)) = (&self.session, &self.marker) {
            // What is left behind is harmless, and not worth a wait for a database that is away.
            let forget = marker::forget(marker);
            let _ = tokio::time::timeout(LONGEST_WAIT, session.query(&forget)).await;
        }
    }

    /// Brings all changes to an end. The patience of each runs from when it came, since it may have waited behind a batch that
    /// met nobody. What has waited long gets half of it nevertheless: enough to find a host, and more than a silence lasts.
    /// Not where the batch before met nobody: then it is answered at once, or those behind it would wait ever longer.
    async fn finish(&mut self, waiting: &mut VecDeque<Waiting>) {
        let least = self.pool.options.write_patience / 2;
        let mut last = String::from("the database did not answer in time");
        let mut in_doubt = false;
        while !waiting.is_empty() {
            let mut size = waiting.len().min(MOST_PER_COMMIT);
            if self.away {
                give_up(waiting, size, &last, false);
                size = waiting.len().min(MOST_PER_COMMIT);
            }
            let Some(earliest) = waiting.iter().take(size).map(|one| one.until).min() else {
                continue;
            };
            let patience = earliest.saturating_duration_since(Instant::now()).max(least);
            let tries = self.land(waiting, &mut size, &mut last, &mut in_doubt);
            self.away = tokio::time::timeout(patience, tries).await.is_err();
            if self.away {
                // The connection goes, and with it what was not committed.
                self.session = None;
                give_up(waiting, size, &last, in_doubt);
                in_doubt = false;
            }
        }
    }

    /// Tries the first changes (`size` of them) until each is answered, or put behind all others for the next batch.
    async fn land(
        &mut self,
        waiting: &mut VecDeque<Waiting>,
        size: &mut usize,
        last: &mut String,
        in_doubt: &mut bool,
    ) {
        let (mut wait, mut collisions, mut looks_at_ids) = (FIRST_WAIT, 0, false);
        while *size > 0 {
            let acknowledged = self.pool.acknowledged.get();
            let most = if collisions > MOST_COLLISIONS { 1 } else { *size };
            let first = waiting.iter().take(most);
            let part = first.take_while(|one| one.acknowledged == acknowledged).count();
            if part == 0 {
                self.refuse(waiting, 1, &revision::refusal());
                *size -= 1;
                continue;
            }
            let batch: Vec<&Changes> = waiting.iter().take(part).map(|w| &*w.changes).collect();
            *in_doubt = false;
            let began = Instant::now();
            let outcome = self.attempt(&batch, acknowledged, looks_at_ids, in_doubt).await;
            let failure = match outcome {
                Ok(verdicts) => {
                    self.count(began, &verdicts);
                    self.answer(waiting, verdicts);
                    *size -= part;
                    continue;
                }
                Err(Trouble::Nothing(failure)) => failure,
                Err(Trouble::Doubt(heard, marker, verdicts)) => {
                    *last = heard;
                    self.session = None;
                    if self.has_landed(marker).await {
                        self.marker = Some(marker);
                        self.count(began, &verdicts);
                        // There may be events among what landed.
                        self.news.send_modify(|n| *n += 1);
                        self.answer(waiting, verdicts);
                        *size -= part;
                    } else {
                        self.pool.counters.repeated();
                    }
                    continue;
                }
            };
            let error = match failure {
                Failure::Postgres(error) => error,
                Failure::Silent => {
                    self.pool.counters.repeated();
                    SILENT.clone_into(last);
                    self.session = None;
                    continue;
                }
                Failure::Answer(error) => {
                    self.refuse(waiting, part, &error);
                    *size -= part;
                    continue;
                }
            };
            self.pool.counters.repeated();
            *last = words(&error);
            if marker::met_an_exchange(&error) {
                self.settle_session().await;
                self.refuse(waiting, part, &revision::refusal());
                *size -= part;
                continue;
            }
            match meaning(&error) {
                Meaning::Lost => {
                    self.session = None;
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
                Meaning::Collision | Meaning::Taken => {
                    collisions += 1;
                    looks_at_ids = true;
                    self.settle_session().await;
                    if collisions > 1 {
                        tokio::time::sleep(wait).await;
                        wait = (wait * 2).min(LONGEST_WAIT);
                    }
                }
                Meaning::Damage | Meaning::Final if part > 1 => {
                    // One of them cannot be written, for whatever reason. Alone, each shows its own.
                    collisions = MOST_COLLISIONS + 1;
                    self.settle_session().await;
                }
                Meaning::Damage | Meaning::Final => {
                    self.settle_session().await;
                    let told = match error.code() {
                        Some(&SqlState::PROGRAM_LIMIT_EXCEEDED) => StoreError::Invalid(format!(
                            "a value is too long for an index: {}",
                            words(&error)
                        )),
                        _ => store_error(&error),
                    };
                    self.refuse(waiting, part, &told);
                    *size -= part;
                }
            }
        }
    }

    fn count(&self, began: Instant, verdicts: &[Verdict]) {
        let counted =
            |wanted: fn(&Verdict) -> bool| verdicts.iter().filter(|verdict| wanted(verdict)).count() as u64;
        let landed = counted(|verdict| matches!(verdict, Verdict::Lands));
        let refused = counted(|verdict| matches!(verdict, Verdict::Refused(_)));
        self.pool.counters.committed(began.elapsed(), landed, refused);
    }

    /// Makes the connection fit for the next attempt, or gives it up.
    async fn settle_session(&mut self) {
        if let Some(session) = &self.session
            && !session.is_clean()
            && !matches!(
                tokio::time::timeout(self.pool.options.silence(), session.rollback()).await,
                Ok(Ok(()))
            )
        {
            self.session = None;
        }
    }

    /// Answers the first changes. Those that are put off wait again, behind all others.
    fn answer(&self, waiting: &mut VecDeque<Waiting>, verdicts: Vec<Verdict>) {
        for verdict in verdicts {
            let Some(one) = waiting.pop_front() else { return };
            match verdict {
                Verdict::Lands => drop(one.reply.send(Ok(()))),
                Verdict::Refused(error) => drop(one.reply.send(Err(error))),
                Verdict::PutOff => waiting.push_back(one),
            }
        }
    }

    fn refuse(&self, waiting: &mut VecDeque<Waiting>, count: usize, error: &StoreError) {
        for one in waiting.drain(..count) {
            drop(one.reply.send(Err(apply_error(error.clone()))));
        }
    }

    /// Finds out whether a commit has landed, and if not, makes sure that it never will. Asks until somebody answers.
    async fn has_landed(&self, marker: [u8; 16]) -> bool {
        loop {
            let asked = self
                .pool
                .work(|session| async move { marker::has_landed(&session, &marker).await });
            match asked.await {
                Ok(landed) => return landed,
                Err(error) => tracing::warn!(%error, "whether a commit has landed is not known yet"),
            }
        }
    }

    /// One transaction; what became of each change.
    async fn attempt(
        &mut self,
        batch: &[&Changes],
        acknowledged: i64,
        looks_at_ids: bool,
        in_doubt: &mut bool,
    ) -> Result<Vec<Verdict>, Trouble> {
        let session = match self.session.take() {
            Some(session) if session.is_clean() => session,
            _ => self.pool.connect().await.map_err(Trouble::Nothing)?,
        };
        let session = self.session.insert(session);
        let silence = self.pool.options.silence();
        let silent = |_| Trouble::Nothing(Failure::Silent);
        let looking = tokio::time::timeout(silence, look(session, batch, looks_at_ids));
        let mut state = looking.await.map_err(silent)??;
        let mut landing = Batch::default();
        let verdicts: Vec<_> = batch
            .iter()
            .map(|changes| state.decide(changes, &mut landing))
            .collect();
        if landing.changes.is_empty() {
            let ending = tokio::time::timeout(silence, session.rollback());
            ending.await.map_err(silent)??;
            return Ok(verdicts);
        }
        let has_events = landing.changes.iter().any(|changes| !changes.events.is_empty());
        let mut marker = [0; 16];
        getrandom::fill(&mut marker)
            .map_err(|e| StoreError::Unavailable(format!("the system gives no random numbers: {e}")))
            .map_err(|e| Trouble::Nothing(e.into()))?;
        let before = self.marker;
        let writes = landing.writes();
        let mut steps = vec![marker::mark(&marker, acknowledged)];
        if let Some(before) = &before {
            steps.push(marker::forget(before));
        }
        steps.extend(writes.steps);
        steps.extend(writes.numbered.step());
        *in_doubt = true;
        let committing = tokio::time::timeout(silence, session.pipeline(Bracket::Commit, &steps));
        let Ok(committed) = committing.await else {
            return Err(Trouble::Doubt(SILENT.to_owned(), marker, verdicts));
        };
        if let Err(error) = committed {
            // A server that shuts down may have committed before it says so.
            if meaning(&error) == Meaning::Lost {
                return Err(Trouble::Doubt(words(&error), marker, verdicts));
            }
            *in_doubt = false;
            return Err(error.into());
        }
        *in_doubt = false;
        self.marker = Some(marker);
        if has_events {
            self.news.send_modify(|n| *n += 1);
        }
        Ok(verdicts)
    }
}

/// Answers those of the first changes (`size` of them) whose patience has ended; all of them where a commit is in doubt,
/// since none may be tried again.
fn give_up(waiting: &mut VecDeque<Waiting>, size: usize, last: &str, in_doubt: bool) {
    let remark = match in_doubt {
        true => "; it may have landed all the same",
        false => "; nothing of it was written",
    };
    let now = Instant::now();
    let tried: Vec<Waiting> = waiting.drain(..size).collect();
    for one in tried.into_iter().rev() {
        if in_doubt || one.until <= now {
            let text = format!("{last}{remark}");
            drop(one.reply.send(Err(ApplyError::Unavailable(text))));
        } else {
            waiting.push_front(one);
        }
    }
}

/// Begins the transaction: locks and reads everything that the changes rely on.
async fn look<'c>(
    session: &Session,
    batch: &[&'c Changes],
    looks_at_ids: bool,
) -> Result<State<'c>, Trouble> {
    let touched = Touched::by(batch);
    let mut steps = Vec::new();
    let locks = rows::locks(&touched.records);
    steps.extend(locks.iter().map(rows::Locked::step));
    for id in &touched.jobs {
        steps.push(step(LOCK_JOB, vec![Param::text(id)]));
    }
    let tokens: Vec<&Token<'_>> = touched.tokens.iter().collect();
    if !tokens.is_empty() {
        let column = |part: fn(&Token<'c>) -> &'c str| {
            Param::Texts(tokens.iter().map(|token| part(token).as_bytes()).collect())
        };
        let params = vec![column(|t| t.0), column(|t| t.1), column(|t| t.2)];
        steps.push(step(LOCK_ANSWERS, params));
    }
    let ids: Vec<&[u8]> = match looks_at_ids {
        true => batch
            .iter()
            .flat_map(|c| &c.events)
            .map(|e| e.id.as_bytes())
            .collect(),
        false => Vec::new(),
    };
    let asks_for_ids = !ids.is_empty();
    if asks_for_ids {
        steps.push(step(TAKEN_IDS, vec![Param::Texts(ids)]));
    }
    let mut rows = session.pipeline(Bracket::Begin, &steps).await?.into_iter();
    let mut state = State::default();
    for (locked, found) in locks.iter().zip(&mut rows) {
        for row in &found {
            let Some(key) = at(&locked.keys, row)? else {
                continue;
            };
            let mut record = Found {
                version: number(row, 1)?,
                ..Found::default()
            };
            if locked.is_written && key.kind.spec().history {
                record.document = row.try_get::<_, Raw>(2)?.0;
                record.private = row.try_get::<_, Raw>(3)?.0;
            }
            state.records.insert(key, record);
        }
    }
    for (id, found) in touched.jobs.iter().zip(&mut rows) {
        if let Some(row) = found.first() {
            let attempts: i64 = row.try_get(0)?;
            state.jobs.insert(id, u32::try_from(attempts).unwrap_or(u32::MAX));
        }
    }
    if !tokens.is_empty() {
        for row in rows.next().into_iter().flatten() {
            if let Some(token) = at(&tokens, &row)? {
                state.answers.insert(*token, row.try_get(1)?);
            }
        }
    }
    if asks_for_ids {
        for row in rows.next().into_iter().flatten() {
            state.event_ids.insert(row.try_get::<_, Text>(0)?.0);
        }
    }
    Ok(state)
}

/// What a row is about that begins with a place, from 1.
fn at<T: Copy>(all: &[T], row: &Row) -> Result<Option<T>, Error> {
    let place = usize::try_from(number(row, 0)?).unwrap_or(usize::MAX);
    Ok(all.get(place.wrapping_sub(1)).copied())
}

/// The number of the present claim of a job.
const LOCK_JOB: &str = "SELECT attempts FROM job WHERE id=$1 AND worker IS NOT NULL FOR UPDATE";
/// When the answers of some tokens expire, after the place of each that there is, from 1.
pub(crate) const LOCK_ANSWERS: &str = "SELECT k.n, r.expires_at FROM unnest($1::text[], $2::text[], $3::text[]) \
     WITH ORDINALITY AS k (account, operation, token, n) CROSS JOIN LATERAL (SELECT a.expires_at FROM idempotency AS a \
     WHERE a.account=k.account AND a.operation=k.operation AND a.token=k.token FOR UPDATE) AS r";
/// Which of some ids are those of events.
const TAKEN_IDS: &str = "SELECT id FROM event WHERE id = ANY($1)";
