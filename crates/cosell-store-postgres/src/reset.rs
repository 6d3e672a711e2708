//! Erasing what an account, a catalog, or everybody has.
//!
//! A reset goes in steps of at most [`STEP`] rows, each a transaction of its own that keeps writers out; between them other
//! writes get their turn. What acts comes first (jobs, answers, events), then the records, then what they were. A step that
//! ends with room left has found nothing more anywhere while nobody could write, and is the last.
//!
//! What a step costs does not grow with what others have. Records and former versions lie together by account and catalog.
//! Events and answers do not: of those the numbers that are to go are looked for beforehand, in bounded looks that keep nobody
//! out, and the step itself looks only at what came since. Nothing here may touch identities, settings or the audit log.

use crate::delivery::erase::{self, Erasure};
use crate::error::Failure;
use crate::log;
use crate::param::{Param, Raw, Text};
use crate::pool::Pool;
use crate::records::number;
use crate::revision;
use crate::session::{Bracket, Session, Step, step};
use crate::sql;
use cosell_store::{Erased, Kind, Scope, StoreError};
use serde::Deserialize;

/// Most rows erased in one commit.
pub(crate) const STEP: usize = 20_000;

/// What is erased.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    account: Option<String>,
    catalog: Option<String>,
}

impl Target {
    pub(crate) fn new(account: Option<&str>, catalog: Option<&str>) -> Result<Self, StoreError> {
        if account == Some("") || catalog == Some("") {
            return Err(StoreError::Invalid(
                "an account or a catalog without a name cannot be reset: leave it out to reset all of them"
                    .into(),
            ));
        }
        Ok(Target {
            account: account.map(str::to_owned),
            catalog: catalog.map(str::to_owned),
        })
    }

    fn is(&self, account: Option<&str>, catalog: Option<&str>) -> bool {
        (self.account.is_none() || self.account.as_deref() == account)
            && (self.catalog.is_none() || self.catalog.as_deref() == catalog)
    }

    /// Conditions on `tenant` and `catalog`, for an index that begins with both.
    fn places(&self, table: &str) -> (Vec<String>, Vec<Param<'_>>) {
        let (mut conditions, params) = self.conditions("tenant", "catalog");
        if self.account.is_none() && self.catalog.is_some() {
            conditions.push(format!("tenant = ANY({})", distinct(table, "tenant", "")));
        }
        (conditions, params)
    }

    /// Conditions on columns that hold account and catalog, each with its parameter.
    fn conditions(&self, account: &str, catalog: &str) -> (Vec<String>, Vec<Param<'_>>) {
        let (mut texts, mut params) = (Vec::new(), Vec::new());
        for (column, wanted) in [(account, &self.account), (catalog, &self.catalog)] {
            if let Some(wanted) = wanted {
                params.push(Param::text(wanted));
                texts.push(format!("{column}=${}", params.len()));
            }
        }
        (texts, params)
    }
}

/// The values in the first column of an index (after `fixed`), each found by one way down the index: there are few of them
/// beside the rows that have them.
fn distinct(table: &str, column: &str, fixed: &str) -> String {
    format!(
        "ARRAY(WITH RECURSIVE d AS ((SELECT n.{column} AS v FROM {table} AS n WHERE {fixed}true ORDER BY n.{column} LIMIT 1) \
         UNION ALL SELECT (SELECT n.{column} FROM {table} AS n WHERE {fixed}n.{column}>d.v ORDER BY n.{column} LIMIT 1) \
         FROM d WHERE d.v IS NOT NULL) SELECT v FROM d WHERE v IS NOT NULL)"
    )
}

fn all_of(conditions: &[String]) -> String {
    match conditions.is_empty() {
        true => "true".to_owned(),
        false => conditions.join(" AND "),
    }
}

/// Deletes rows found by conditions, by their keys; the answer is how many.
fn delete<'t>(
    table: &str,
    key: &str,
    conditions: &[String],
    params: Vec<Param<'t>>,
    most: usize,
) -> Step<'t> {
    let conditions = all_of(conditions);
    let text = format!(
        "WITH gone AS (DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {conditions} LIMIT {most}) \
         RETURNING 1) SELECT count(*) FROM gone"
    );
    step(text, params)
}

async fn count(session: &Session, one: Step<'_>) -> Result<usize, Failure> {
    let row = session.row(&one).await?;
    let gone = row.map_or(Ok(0), |row| number(&row, 0))?;
    Ok(usize::try_from(gone).unwrap_or(usize::MAX))
}

/// How far a reset has come.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    /// The exchange within which the numbers below mean something: an import numbers anew.
    exchange: i64,
    answers: Search,
    events: Search,
}

/// Rows of a log that are to go, by their numbers. What comes later has a greater number than all that were there.
#[derive(Clone, Debug, Default)]
struct Search {
    /// Where a look along the account's own index goes on: time and number. `None` where there is no such look (any more).
    along: Option<(i64, i64)>,
    /// Whatever has a number up to this is found, once no look goes along an index.
    through: i64,
    found: Vec<i64>,
    /// Whether the last look came to the end.
    ended: bool,
}

impl Search {
    fn wants(&self, most: usize) -> bool {
        !self.ended && self.found.len() < most
    }
}

/// A log in which rows are searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Log {
    Answers,
    Events,
}

impl Log {
    fn table(self) -> &'static str {
        match self {
            Log::Answers => "idempotency",
            Log::Events => "event",
        }
    }

    /// Whether a row is to go, and the parameters of that.
    fn matches(self, target: &Target) -> (String, Vec<Param<'_>>) {
        let (mut conditions, params) = target.conditions("account", "catalog");
        match self {
            Log::Answers => {
                if let (Some(last), Some(_)) = (conditions.last_mut(), &target.catalog) {
                    // An answer whose catalog is not known goes with any: it might speak of a record that is gone.
                    *last = format!("({last} OR catalog IS NULL)");
                }
            }
            // A place holder is gone already.
            Log::Events => conditions.push("detail_type<>''".into()),
        }
        (all_of(&conditions), params)
    }

    /// A look at up to `most` rows, each with its number and whether it is to go (and its time).
    fn look(self, target: &Target, along: Option<(i64, i64)>, through: i64, most: usize) -> Step<'_> {
        let (matches, mut params) = self.matches(target);
        let table = self.table();
        let mut bind = |number| {
            params.push(Param::Int(number));
            params.len()
        };
        let text = match along {
            // The first parameter is the account: there is no such look without one. The bounds and the order begin with it,
            // and so no other index serves them, whatever the planner believes of accounts.
            Some((time, seq)) => {
                let (time, seq) = (bind(time), bind(seq));
                format!(
                    "SELECT seq, {matches}, time FROM {table} WHERE (account, time, seq) > ($1, ${time}, ${seq}) \
                     AND account<=$1 ORDER BY account, time, seq LIMIT {most}"
                )
            }
            None => {
                let through = bind(through);
                format!("SELECT seq, {matches} FROM {table} WHERE seq>${through} ORDER BY seq LIMIT {most}")
            }
        };
        step(text, params)
    }
}

/// One look further.
async fn search(
    session: &Session,
    target: &Target,
    log: Log,
    so_far: &Search,
    most: usize,
) -> Result<Search, Failure> {
    let mut next = so_far.clone();
    let rows = session
        .query(&log.look(target, so_far.along, so_far.through, most))
        .await?;
    let is_last = rows.len() < most;
    for row in &rows {
        let (seq, goes): (i64, bool) = (row.try_get(0)?, row.try_get(1)?);
        match so_far.along {
            // What is newer comes once more, by its number.
            Some(_) if seq > so_far.through => {}
            _ if goes => next.found.push(seq),
            _ => {}
        }
    }
    let last = rows.last();
    match (so_far.along, last) {
        (Some(_), _) if is_last => next.along = None,
        (Some(_), Some(row)) => next.along = Some((row.try_get(2)?, row.try_get(0)?)),
        (None, Some(row)) => next.through = row.try_get(0)?,
        (_, None) => {}
    }
    next.ended = is_last && so_far.along.is_none();
    Ok(next)
}

/// Begins a reset.
async fn begin(session: &Session, target: &Target) -> Result<Progress, Failure> {
    // The exchange first: an import after this look is noticed.
    let exchange = revision::present(session).await?;
    let row = session.row(&step(log::LAST, vec![])).await?;
    let last: i64 = row.map_or(Ok(0), |row| row.try_get(0))?;
    let events = match target.account {
        Some(_) => Search {
            along: Some((i64::MIN, i64::MIN)),
            through: last,
            ..Search::default()
        },
        None => Search::default(),
    };
    let answers = Search {
        // All of an account's go, and they lie together.
        ended: target.catalog.is_none(),
        ..Search::default()
    };
    Ok(Progress {
        exchange,
        answers,
        events,
    })
}

/// Erases everything of a target, in steps of at most `most` rows.
pub(crate) async fn all(pool: &Pool, target: &Target, most: usize) -> Result<Erased, StoreError> {
    let mut erased = Erased::default();
    let begun = pool.work(|session| async move { begin(&session, target).await });
    let mut progress = begun.await?;
    loop {
        for log in [Log::Answers, Log::Events] {
            while progress.of(log).wants(most) {
                let so_far = progress.of(log);
                let look =
                    pool.work(|session| async move { search(&session, target, log, so_far, most).await });
                let next = look.await?;
                *progress.of_mut(log) = next;
            }
        }
        let so_far = &progress;
        let step = pool.work(|session| async move { run(&session, target, so_far, most).await });
        let (now, next) = step.await?;
        erased += now;
        match next {
            Some(next) => progress = next,
            None => return Ok(erased),
        }
    }
}

impl Progress {
    fn of(&self, log: Log) -> &Search {
        match log {
            Log::Answers => &self.answers,
            Log::Events => &self.events,
        }
    }

    fn of_mut(&mut self, log: Log) -> &mut Search {
        match log {
            Log::Answers => &mut self.answers,
            Log::Events => &mut self.events,
        }
    }
}

/// Erases up to `most` rows; what, and how far the reset has come if there may be more.
async fn run(
    session: &Session,
    target: &Target,
    so_far: &Progress,
    most: usize,
) -> Result<(Erased, Option<Progress>), Failure> {
    // A change that lands between two of the statements below would be erased by half.
    let mut locks = vec![step(sql::keep_writers_out(), vec![])];
    locks.extend(erase::lock_steps());
    session.pipeline(Bracket::Begin, &locks).await?;
    if revision::present(session).await? != so_far.exchange {
        session.rollback().await?;
        return Ok((Erased::default(), Some(begin(session, target).await?)));
    }
    let mut progress = so_far.clone();
    let mut left = most;
    let mut spend = |gone: Gone| {
        left = left.saturating_sub(gone.spent);
        (gone.erased as u64, left)
    };
    let (jobs, left) = spend(Gone::all(jobs(session, target, most).await?));
    let (answers, left) = spend(answers(session, target, &mut progress.answers, left).await?);
    let (events, left) = spend(events(session, target, &mut progress.events, left).await?);
    let (records, left) = spend(Gone::all(records(session, target, left).await?));
    let (history, left) = spend(Gone::all(history(session, target, left).await?));
    session.pipeline(Bracket::Commit, &[]).await?;
    let erased = Erased {
        records,
        events,
        answers,
        jobs,
        history,
    };
    Ok((erased, Some(progress).filter(|_| left == 0)))
}

/// What a part of a step has erased.
#[derive(Clone, Copy)]
struct Gone {
    erased: usize,
    /// How much of the step's room that took. What had been found and is gone already takes room too: a part that leaves room
    /// has found nothing more, and only so may the reset end.
    spent: usize,
}

impl Gone {
    fn all(erased: usize) -> Self {
        Gone {
            erased,
            spent: erased,
        }
    }
}

/// The numbers that go now, at most `most`: those that were found, and with room left those that came since.
async fn due(
    session: &Session,
    target: &Target,
    log: Log,
    so_far: &mut Search,
    most: usize,
) -> Result<Vec<i64>, Failure> {
    while so_far.found.len() < most {
        let next = search(session, target, log, so_far, STEP).await?;
        let is_done = next.ended;
        *so_far = next;
        if is_done {
            break;
        }
    }
    let count = so_far.found.len().min(most);
    let now = so_far.found.drain(..count).collect();
    Ok(now)
}

/// Whose a job is, by its payload.
#[derive(Deserialize)]
struct Owner {
    account: Option<String>,
    catalog: Option<String>,
}

/// Jobs after an id (`$1`): they lie in no order of whose they are, so all that wait are looked through.
pub(crate) const JOBS: &str = "SELECT id, payload FROM job WHERE id>$1 ORDER BY id LIMIT 20000";
const ERASE_JOBS: &str =
    "WITH gone AS (DELETE FROM job WHERE id = ANY($1) RETURNING 1) SELECT count(*) FROM gone";

async fn jobs(session: &Session, target: &Target, most: usize) -> Result<usize, Failure> {
    let mut ids = Vec::new();
    let mut after = Some(String::new());
    while let Some(id) = after.take() {
        for row in session.query(&step(JOBS, vec![Param::text(&id)])).await? {
            let id = row.try_get::<_, Text>(0)?.0;
            // A payload of another form belongs to nobody: only a reset of everything takes it.
            let owner = serde_json::from_slice(&row.try_get::<_, Raw>(1)?.0).unwrap_or(Owner {
                account: None,
                catalog: None,
            });
            if ids.len() < most && target.is(owner.account.as_deref(), owner.catalog.as_deref()) {
                ids.push(id.clone().into_bytes());
            }
            after = Some(id).filter(|_| ids.len() < most);
        }
    }
    match ids.is_empty() {
        true => Ok(0),
        false => count(session, step(ERASE_JOBS, vec![Param::OwnTexts(ids)])).await,
    }
}

const ERASE_ANSWERS: &str =
    "WITH gone AS (DELETE FROM idempotency WHERE seq = ANY($1) RETURNING 1) SELECT count(*) FROM gone";

async fn answers(
    session: &Session,
    target: &Target,
    search: &mut Search,
    most: usize,
) -> Result<Gone, Failure> {
    if target.catalog.is_none() {
        return Ok(Gone::all(count(session, answers_step(target, most)).await?));
    }
    let seqs = due(session, target, Log::Answers, search, most).await?;
    let spent = seqs.len();
    let erased = match seqs.is_empty() {
        true => 0,
        false => count(session, step(ERASE_ANSWERS, vec![Param::Ints(seqs)])).await?,
    };
    Ok(Gone { erased, spent })
}

/// The statement that erases all answers of an account, or all.
fn answers_step(target: &Target, most: usize) -> Step<'_> {
    let (conditions, params) = target.conditions("account", "catalog");
    delete(
        "idempotency",
        "account, operation, token",
        &conditions,
        params,
        most,
    )
}

/// Erases events. The newest one keeps its number, emptied, so that no number is ever given twice.
async fn events(
    session: &Session,
    target: &Target,
    search: &mut Search,
    most: usize,
) -> Result<Gone, Failure> {
    let mut seqs = due(session, target, Log::Events, search, most).await?;
    let spent = seqs.len();
    let row = session.row(&step(log::LAST, vec![])).await?;
    let last: i64 = row.map_or(Ok(0), |row| row.try_get(0))?;
    seqs.retain(|seq| *seq != last);
    let emptied = Some(last).filter(|_| seqs.len() < spent);
    let erased = erase::erase(session, Erasure::of(seqs).and_empty(emptied)).await?;
    Ok(Gone {
        erased: usize::try_from(erased).unwrap_or(usize::MAX),
        spent,
    })
}

/// The statement that erases records of a kind; `None` where none of them is erased.
pub(crate) fn records_step(kind: Kind, target: &Target, most: usize) -> Option<Step<'_>> {
    let spec = kind.spec();
    if kind.is_registered() {
        return None;
    }
    let names_its_account = spec.column("account").is_some();
    let table = sql::table(spec);
    let (conditions, params) = match (spec.scope, &target.account) {
        (Scope::Catalog, _) | (Scope::Shared, None) => target.places(&table),
        // What is shared belongs to no account, but it can name one.
        (Scope::Shared, Some(_)) if names_its_account => {
            let (mut conditions, params) = target.conditions("account", "catalog");
            conditions.push("tenant=''".into());
            if target.catalog.is_none() {
                conditions.push(format!(
                    "catalog = ANY({})",
                    distinct(&table, "catalog", "tenant='' AND ")
                ));
            }
            (conditions, params)
        }
        (Scope::Shared | Scope::Global | Scope::Account, _) => return None,
    };
    Some(delete(&table, "tenant, catalog, id", &conditions, params, most))
}

async fn records(session: &Session, target: &Target, most: usize) -> Result<usize, Failure> {
    let mut erased = 0;
    for kind in Kind::ALL {
        if erased < most
            && let Some(delete) = records_step(kind, target, most - erased)
        {
            erased += count(session, delete).await?;
        }
    }
    Ok(erased)
}

/// Erases former versions. It comes last, since nobody reads them but those who look.
async fn history(session: &Session, target: &Target, most: usize) -> Result<usize, Failure> {
    count(session, history_step(target, most)).await
}

fn history_step(target: &Target, most: usize) -> Step<'_> {
    let (mut conditions, params) = target.places("history");
    conditions.push("catalog<>''".into());
    delete("history", "seq", &conditions, params, most)
}

/// The texts of all statements about a target, to be explained.
#[cfg(test)]
pub(crate) fn statements(target: &Target) -> Vec<String> {
    let mut all: Vec<String> = [JOBS, ERASE_JOBS, ERASE_ANSWERS].map(str::to_owned).into();
    all.extend(
        Kind::ALL
            .iter()
            .filter_map(|kind| Some(records_step(*kind, target, STEP)?.sql.into_owned())),
    );
    all.push(history_step(target, STEP).sql.into_owned());
    for log in [Log::Answers, Log::Events] {
        all.push(log.look(target, None, 0, STEP).sql.into_owned());
    }
    if target.catalog.is_none() {
        all.push(answers_step(target, STEP).sql.into_owned());
    }
    if target.account.is_some() {
        all.push(Log::Events.look(target, Some((0, 0)), 0, STEP).sql.into_owned());
    }
    all
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::plans::support;
    use cosell_model::Timestamp;
    use cosell_store::suite::{self, ACCOUNT, CATALOG, OTHER, outbox};
    use cosell_store::{Changes, Store as _};
    use cosell_test_postgres::server;

    async fn store() -> crate::PostgresStore {
        let migrate = |url: String| async move {
            drop(
                crate::PostgresStore::open(&url, crate::Options::default())
                    .await
                    .unwrap(),
            );
        };
        let name = support::database(migrate).await;
        let url = server().url(&name);
        crate::PostgresStore::open(&url, crate::Options::default())
            .await
            .unwrap()
    }

    /// Events of two accounts in two catalogs, in turn; their times run backwards.
    async fn fill(store: &crate::PostgresStore, name: &str, count: i64) {
        let mut events = Vec::new();
        for n in 0..count {
            for account in [ACCOUNT, OTHER] {
                for catalog in [CATALOG, "AWS"] {
                    let mut event = outbox::event(&format!("{name}-{account}-{catalog}-{n}"));
                    event.account = account.to_owned();
                    event.catalog = catalog.to_owned();
                    event.time = Timestamp::from_millis(1_000_000 - n);
                    events.push(event);
                }
            }
        }
        let change = Changes {
            events,
            ..Changes::default()
        };
        store.apply(change).await.unwrap();
    }

    async fn left(store: &crate::PostgresStore) -> Vec<(String, String)> {
        let all = store.events_after(0, 10_000).await.unwrap();
        all.into_iter()
            .map(|one| (one.event.account, one.event.catalog))
            .collect()
    }

    #[tokio::test]
    async fn a_reset_in_many_steps_finds_all_events_of_its_own_and_none_of_others() {
        for (account, catalog, goes) in [
            (Some(ACCOUNT), Some(CATALOG), 30),
            (Some(ACCOUNT), None, 60),
            (None, Some(CATALOG), 60),
            (None, None, 120),
        ] {
            let store = store().await;
            fill(&store, "a", 30).await;
            let target = Target::new(account, catalog).unwrap();
            for most in [7, 4_000] {
                let erased = all(&store.pool, &target, most).await.unwrap();
                assert_eq!(erased.events, if most == 7 { goes } else { 0 }, "{target:?}");
            }
            let left = left(&store).await;
            assert_eq!(left.len() as u64, 120 - goes, "{target:?}");
            assert!(
                left.iter().all(|(a, c)| !target.is(Some(a), Some(c))),
                "{target:?}"
            );
            assert!(store.check(suite::silent()).await.unwrap().is_sound());
        }
    }

    #[tokio::test]
    async fn a_step_of_a_reset_takes_along_what_came_since_it_was_looked_for_and_begins_anew_after_an_import()
    {
        let store = store().await;
        fill(&store, "a", 30).await;
        let target = &Target::new(Some(ACCOUNT), Some(CATALOG)).unwrap();
        let session = store.pool.connect().await.unwrap();
        let mut progress = begin(&session, target).await.unwrap();
        while progress.events.wants(1_000) {
            progress.events = search(&session, target, Log::Events, &progress.events, 7)
                .await
                .unwrap();
        }
        assert_eq!(progress.events.found.len(), 30);
        // It is older than all that were there, by its time.
        fill(&store, "b", 40).await;
        let (erased, next) = run(&session, target, &progress, 1_000).await.unwrap();
        assert_eq!((erased.events, next.is_none()), (70, true));

        let progress = begin(&session, target).await.unwrap();
        let mut items = Vec::new();
        let mut keep = |item| {
            items.push(Ok(item));
            Ok(())
        };
        store.export(&mut keep, suite::silent()).await.unwrap();
        store
            .import(&[], &mut items.into_iter(), suite::silent())
            .await
            .unwrap();
        let (erased, next) = run(&session, target, &progress, 1_000).await.unwrap();
        assert_eq!(erased, Erased::default());
        assert_eq!(next.unwrap().exchange, progress.exchange + 1);
    }

    #[tokio::test]
    async fn a_step_that_is_done_twice_is_not_taken_for_the_last_one() {
        let store = store().await;
        fill(&store, "a", 30).await;
        let target = &Target::new(Some(ACCOUNT), None).unwrap();
        let session = store.pool.connect().await.unwrap();
        let mut progress = begin(&session, target).await.unwrap();
        progress.events = search(&session, target, Log::Events, &progress.events, 1_000)
            .await
            .unwrap();
        let (first, next) = run(&session, target, &progress, 20).await.unwrap();
        assert_eq!((first.events, next.is_some()), (20, true));
        // As where the commit is not answered: what had been found is gone, and more is there.
        let (again, next) = run(&session, target, &progress, 20).await.unwrap();
        assert_eq!((again.events, next.is_some()), (0, true));
        let erased = all(&store.pool, target, 20).await.unwrap();
        assert_eq!(erased.events, 40);
        assert!(left(&store).await.iter().all(|(a, _)| a != ACCOUNT));
    }
}
