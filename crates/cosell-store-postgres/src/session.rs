//! One connection: its settings, its prepared statements, and statements sent together.
//!
//! A connection is worked on by one task at a time. Statements of a *pipeline* leave in one go and are executed in their
//! order, so a transaction of many statements costs one round trip. Nothing here tries anything twice.

use crate::error::{Failure, Meaning, meaning};
use crate::options::{Address, Options};
use crate::param::Param;
use std::borrow::Cow;
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Error, NoTls, Row, Statement};

/// Prepared statements kept on a connection; when there are more, all are forgotten and the common ones soon come back.
const MOST_PREPARED: usize = 512;

/// A statement with its parameters.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    pub sql: Cow<'a, str>,
    pub params: Vec<Param<'a>>,
}

/// A statement with its parameters.
pub(crate) fn step<'a>(sql: impl Into<Cow<'a, str>>, params: Vec<Param<'a>>) -> Step<'a> {
    Step {
        sql: sql.into(),
        params,
    }
}

/// What begins a pipeline, and what ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bracket {
    /// Begins a transaction that stays open.
    Begin,
    /// Goes on in the open transaction and commits it.
    Commit,
    /// Goes on in the open transaction, which stays open.
    Within,
    /// Is a transaction of its own.
    Whole,
}

/// The statement that gives a connection its settings.
///
/// A transaction that waits for a client that is gone would hold its locks. Plans are made once per statement: none here
/// needs one of its own per value, and one that was made while a table was small must not scan or sort when it is large. An
/// engine that does not know a setting, or not that value of it, is left without it. (Documents are long enough to be
/// compressed, and the usual method takes a multiple of the time.) An answered change is on disk, and so seen by nobody
/// before it is: a database whose commits do not wait for that by default does so for cosell. And each statement sees what is
/// there once it has its locks: one that sees what was there when its transaction began would overlook an import that it has
/// waited for.
pub(crate) fn settings(options: &Options) -> String {
    let statement_timeout = options.statement_timeout.as_millis();
    format!(
        "SELECT set_config(s.name, v.value, false) FROM (VALUES \
         ('statement_timeout', '{statement_timeout}'), ('lock_timeout', '5000'), \
         ('idle_in_transaction_session_timeout', '15000'), ('plan_cache_mode', 'force_generic_plan'), ('jit', 'off'), \
         ('enable_seqscan', 'off'), ('enable_bitmapscan', 'off'), ('enable_sort', 'off'), ('enable_hashjoin', 'off'), \
         ('enable_incremental_sort', 'off'), \
         ('enable_mergejoin', 'off'), ('client_min_messages', 'warning'), ('default_toast_compression', 'lz4'), \
         ('default_transaction_isolation', 'read committed'), ('synchronous_commit', 'on')) AS v (name, value) \
         JOIN pg_settings AS s ON s.name = v.name AND coalesce(v.value = ANY(s.enumvals), true) \
         AND (s.name <> 'synchronous_commit' OR s.setting = 'off')"
    )
}

/// A connection.
pub(crate) struct Session {
    client: Client,
    prepared: Mutex<HashMap<String, Statement>>,
    /// Whether a transaction is open or somebody holds it, so that nobody else may have the connection.
    open: AtomicBool,
    /// Whether something was asked that is not answered: whoever waited for it has gone away.
    asked: AtomicBool,
    /// Whether it met an error after which another connection may do, and this one may not.
    lost: AtomicBool,
    /// The address's count of turns when this connection began.
    began: u64,
    turns: Arc<AtomicU64>,
}

impl Session {
    /// Connects to the first host that can be worked with, beginning with the one that was the last time. Must be called on
    /// the runtime that is to drive the connection.
    pub(crate) async fn connect(address: &Address, options: &Options) -> Result<Self, Failure> {
        let (count, first) = (address.hosts.len(), address.last.load(Ordering::Relaxed));
        let mut failure = Failure::Silent;
        for at in (first..count).chain(0..first.min(count)) {
            let host = &address.hosts[at];
            // The library bounds the way to the host, but not what a host that is frozen leaves unsaid then.
            let time = host.get_connect_timeout().unwrap_or(&options.connect_timeout);
            match tokio::time::timeout(*time, Self::connect_to(host, address, options)).await {
                Ok(Ok(session)) => {
                    address.last.store(at, Ordering::Relaxed);
                    return Ok(session);
                }
                Ok(Err(error)) => failure = error.into(),
                // What a host says is worth more than the silence of another.
                Err(_) => {}
            }
        }
        Err(failure)
    }

    async fn connect_to(host: &Config, address: &Address, options: &Options) -> Result<Self, Error> {
        // Before the host is looked at, so that a turn meanwhile counts for this connection too.
        let began = address.turns.load(Ordering::Acquire);
        let client = match &address.tls {
            None => {
                let (client, connection) = host.connect(NoTls).await?;
                tokio::spawn(drive(connection));
                client
            }
            Some(tls) => {
                let (client, connection) = host.connect(tls.clone()).await?;
                tokio::spawn(drive(connection));
                client
            }
        };
        let session = Session {
            client,
            prepared: Mutex::default(),
            open: AtomicBool::new(false),
            asked: AtomicBool::new(false),
            lost: AtomicBool::new(false),
            began,
            turns: address.turns.clone(),
        };
        session.client.batch_execute(&settings(options)).await?;
        Ok(session)
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The client itself, for who has the connection for itself alone.
    pub(crate) fn into_client(self) -> Client {
        self.client
    }

    /// Whether the next task may have it.
    pub(crate) fn is_clean(&self) -> bool {
        let is_useful =
            !self.lost.load(Ordering::Acquire) && self.turns.load(Ordering::Acquire) == self.began;
        is_useful && !self.open.load(Ordering::Acquire) && !self.client.is_closed()
    }

    /// Draws from an error what it means for this connection, and for the others of its address.
    fn learn(&self, error: &Error) {
        if meaning(error) != Meaning::Lost {
            return;
        }
        self.lost.store(true, Ordering::Release);
        if error.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION) {
            // Once for all connections that began before.
            let next = self.began.wrapping_add(1);
            let _ = self
                .turns
                .compare_exchange(self.began, next, Ordering::AcqRel, Ordering::Acquire);
        }
    }

    fn learnt<T>(&self, answer: Result<T, Error>) -> Result<T, Error> {
        answer.inspect_err(|error| self.learn(error))
    }

    /// Whether an answer is still to come. It may be late, or the connection may have fallen silent for ever.
    pub(crate) fn owes_answer(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }

    /// Waits until everything that was asked is answered.
    pub(crate) async fn catch_up(&self) -> Result<(), Error> {
        self.client.batch_execute("").await?;
        self.asked.store(false, Ordering::Release);
        Ok(())
    }

    /// Has nobody else get the connection from now on, should the work on it be given up, until [`Session::release`].
    pub(crate) fn hold(&self) {
        self.open.store(true, Ordering::Release);
    }

    /// The next task may have it again.
    pub(crate) fn release(&self) {
        self.open.store(false, Ordering::Release);
    }

    async fn prepare(&self, sql: &str) -> Result<Statement, Error> {
        {
            let prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(statement) = prepared.get(sql) {
                return Ok(statement.clone());
            }
        }
        let statement = self.learnt(self.client.prepare(sql).await)?;
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        if prepared.len() >= MOST_PREPARED {
            prepared.clear();
        }
        prepared.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// One statement, in the open transaction if there is one.
    pub(crate) async fn query(&self, step: &Step<'_>) -> Result<Vec<Row>, Error> {
        self.asked.store(true, Ordering::Release);
        let statement = self.prepare(&step.sql).await?;
        let params: Vec<&(dyn ToSql + Sync)> = step.params.iter().map(|p| p as _).collect();
        let answer = self.client.query(&statement, &params).await;
        self.asked.store(false, Ordering::Release);
        self.learnt(answer)
    }

    /// The one row of a statement, or none.
    pub(crate) async fn row(&self, step: &Step<'_>) -> Result<Option<Row>, Error> {
        Ok(self.query(step).await?.into_iter().next())
    }

    /// Sends a statement, and with it whatever other work sends first: the statement is executed before that.
    pub(crate) async fn ask_before<T>(
        &self,
        step: &Step<'_>,
        work: impl Future<Output = T>,
    ) -> Result<(Vec<Row>, T), Error> {
        // Prepared by now, it is sent by the first poll, and the work is polled after it.
        let statement = self.prepare(&step.sql).await?;
        let params: Vec<&(dyn ToSql + Sync)> = step.params.iter().map(|p| p as _).collect();
        let (rows, done) = futures_util::future::join(self.client.query(&statement, &params), work).await;
        Ok((self.learnt(rows)?, done))
    }

    /// Sends all statements at once; the rows of each. If one fails, none of the transaction remains.
    pub(crate) async fn pipeline(
        &self,
        bracket: Bracket,
        steps: &[Step<'_>],
    ) -> Result<Vec<Vec<Row>>, Error> {
        self.asked.store(true, Ordering::Release);
        let mut statements = Vec::with_capacity(steps.len());
        for step in steps {
            statements.push(self.prepare(&step.sql).await?);
        }
        let mut params: Vec<Vec<&(dyn ToSql + Sync)>> = Vec::with_capacity(steps.len());
        for step in steps {
            params.push(step.params.iter().map(|p| p as _).collect());
        }
        let begins = matches!(bracket, Bracket::Begin | Bracket::Whole);
        let ends = matches!(bracket, Bracket::Commit | Bracket::Whole);
        let mut sent: Vec<Sent<'_>> = Vec::with_capacity(steps.len() + 2);
        if begins {
            self.open.store(true, Ordering::Release);
            sent.push(self.plain("BEGIN"));
        }
        for (statement, params) in statements.iter().zip(&params) {
            sent.push(Box::pin(self.client.query(statement, params)));
        }
        if ends {
            sent.push(self.plain("COMMIT"));
        }
        // The first poll of each, in order, is what sends it.
        let mut answers: Vec<Option<Result<Vec<Row>, Error>>> = Vec::with_capacity(sent.len());
        poll_fn(|cx| {
            for one in &mut sent {
                answers.push(match one.as_mut().poll(cx) {
                    Poll::Ready(answer) => Some(answer),
                    Poll::Pending => None,
                });
            }
            Poll::Ready(())
        })
        .await;
        let (mut rows, mut failed) = (Vec::with_capacity(steps.len()), None);
        for (one, answer) in sent.into_iter().zip(answers) {
            let answer = match answer {
                Some(answer) => answer,
                None => one.await,
            };
            match answer {
                Ok(found) => rows.push(found),
                // Those after the first that failed fail because of it, and the transaction with them.
                Err(error) if failed.is_none() => failed = Some(error),
                Err(_) => {}
            }
        }
        self.asked.store(false, Ordering::Release);
        if let Some(error) = failed {
            self.learn(&error);
            // With a `COMMIT` at its end the failed transaction is over.
            if ends && error.as_db_error().is_some() {
                self.open.store(false, Ordering::Release);
            }
            return Err(error);
        }
        if ends {
            self.open.store(false, Ordering::Release);
            rows.pop();
        }
        if begins {
            rows.remove(0);
        }
        Ok(rows)
    }

    /// Ends the open transaction without a trace.
    pub(crate) async fn rollback(&self) -> Result<(), Error> {
        self.client.batch_execute("ROLLBACK").await?;
        self.open.store(false, Ordering::Release);
        Ok(())
    }

    fn plain<'s>(&'s self, sql: &'static str) -> Sent<'s> {
        Box::pin(async move { self.client.batch_execute(sql).await.map(|()| Vec::new()) })
    }
}

type Sent<'s> = Pin<Box<dyn Future<Output = Result<Vec<Row>, Error>> + Send + 's>>;

async fn drive(connection: impl Future<Output = Result<(), Error>>) {
    // Whoever waits for an answer is told as well; this is for those who look at the log.
    if let Err(error) = connection.await {
        tracing::debug!(error = %crate::error::words(&error), "a connection to the database ended");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use cosell_test_postgres::server;

    #[tokio::test]
    async fn commits_wait_for_the_disk_whatever_the_database_says_and_as_far_as_it_says_otherwise() {
        for (default, in_force) in [
            ("off", "on"),
            ("local", "local"),
            ("remote_apply", "remote_apply"),
        ] {
            let name = server().empty_database();
            let set = format!("ALTER DATABASE {name} SET synchronous_commit={default}");
            server().execute("postgres", &set).unwrap();
            let options = Options::default();
            let address = crate::options::parse(&server().url(&name), &options).unwrap();
            let session = Session::connect(&address, &options).await.unwrap();
            let row = session
                .row(&step("SHOW synchronous_commit", vec![]))
                .await
                .unwrap();
            assert_eq!(row.unwrap().get::<_, &str>(0), in_force);
        }
    }

    #[tokio::test]
    async fn statements_see_what_is_there_once_they_have_their_locks_whatever_the_database_says() {
        for default in ["serializable", "repeatable read"] {
            let name = server().empty_database();
            let set = format!("ALTER DATABASE {name} SET default_transaction_isolation='{default}'");
            server().execute("postgres", &set).unwrap();
            let options = Options::default();
            let address = crate::options::parse(&server().url(&name), &options).unwrap();
            let session = Session::connect(&address, &options).await.unwrap();
            let asked = [step("SHOW transaction_isolation", vec![])];
            let rows = session.pipeline(Bracket::Whole, &asked).await.unwrap();
            assert_eq!(rows[0][0].get::<_, &str>(0), "read committed", "{default}");
        }
    }
}
