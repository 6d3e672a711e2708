//! Erasing what an account, a catalog, or everybody has.
//!
//! A reset goes in steps of at most [`STEP`] rows, each a transaction of its own that keeps writers out; between them other
//! writes get their turn.
//! What acts comes first (jobs, answers, events), then the records, then what they were. Nothing here may touch identities,
//! settings or the audit log.

use crate::delivery::erase::{self, Erasure};
use crate::error::Failure;
use crate::param::{Param, Raw, Text};
use crate::records::number;
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

/// Deletes rows found by conditions, by their keys; the answer is how many.
fn delete<'t>(
    table: &str,
    key: &str,
    conditions: &[String],
    params: Vec<Param<'t>>,
    most: usize,
) -> Step<'t> {
    let conditions = match conditions.is_empty() {
        true => "true".to_owned(),
        false => conditions.join(" AND "),
    };
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

/// Erases up to [`STEP`] rows; what, and whether there may be more.
pub(crate) async fn run(session: &Session, target: &Target) -> Result<(Erased, bool), Failure> {
    // A change that lands between two of the statements below would be erased by half.
    let mut locks = vec![step(sql::keep_writers_out(), vec![])];
    locks.extend(erase::lock_steps());
    session.pipeline(Bracket::Begin, &locks).await?;
    let mut left = STEP;
    let mut spend = |count: usize| {
        left = left.saturating_sub(count);
        (count as u64, left)
    };
    let (jobs, left) = spend(jobs(session, target, STEP).await?);
    let (answers, left) = spend(answers(session, target, left).await?);
    let (events, left) = spend(events(session, target, left).await?);
    let (records, left) = spend(records(session, target, left).await?);
    let (history, left) = spend(history(session, target, left).await?);
    session.pipeline(Bracket::Commit, &[]).await?;
    let erased = Erased {
        records,
        events,
        answers,
        jobs,
        history,
    };
    Ok((erased, left == 0))
}

/// Whose a job is, by its payload.
#[derive(Deserialize)]
struct Owner {
    account: Option<String>,
    catalog: Option<String>,
}

async fn jobs(session: &Session, target: &Target, most: usize) -> Result<usize, Failure> {
    let mut ids = Vec::new();
    for row in session
        .query(&step("SELECT id, payload FROM job", vec![]))
        .await?
    {
        // A payload of another form belongs to nobody: only a reset of everything takes it.
        let owner = serde_json::from_slice(&row.try_get::<_, Raw>(1)?.0).unwrap_or(Owner {
            account: None,
            catalog: None,
        });
        if target.is(owner.account.as_deref(), owner.catalog.as_deref()) {
            ids.push(row.try_get::<_, Text>(0)?.0.into_bytes());
        }
        if ids.len() == most {
            break;
        }
    }
    let count = ids.len();
    if count > 0 {
        let delete = step("DELETE FROM job WHERE id = ANY($1)", vec![Param::OwnTexts(ids)]);
        session.query(&delete).await?;
    }
    Ok(count)
}

async fn answers(session: &Session, target: &Target, most: usize) -> Result<usize, Failure> {
    let (mut conditions, params) = target.conditions("account", "catalog");
    if let (Some(last), Some(_)) = (conditions.last_mut(), &target.catalog) {
        // An answer whose catalog is not known goes with any: it might speak of a record that is gone.
        *last = format!("({last} OR catalog IS NULL)");
    }
    count(
        session,
        delete(
            "idempotency",
            "account, operation, token",
            &conditions,
            params,
            most,
        ),
    )
    .await
}

/// Erases events. The newest one keeps its number, emptied, so that no number is ever given twice.
async fn events(session: &Session, target: &Target, most: usize) -> Result<usize, Failure> {
    let (mut conditions, params) = target.conditions("account", "catalog");
    conditions.push("detail_type<>''".into());
    let conditions = conditions.join(" AND ");
    let text = format!(
        "SELECT seq, seq=(SELECT max(seq) FROM event) FROM event WHERE {conditions} ORDER BY seq LIMIT {most}"
    );
    let (mut seqs, mut emptied) = (Vec::new(), None);
    for row in session.query(&step(text, params)).await? {
        match row.try_get(1)? {
            true => emptied = Some(row.try_get(0)?),
            false => seqs.push(row.try_get(0)?),
        }
    }
    let erased = erase::erase(session, Erasure::of(seqs).and_empty(emptied)).await?;
    Ok(usize::try_from(erased).unwrap_or(usize::MAX))
}

/// The statement that erases records of a kind; `None` where none of them is erased.
pub(crate) fn records_step(kind: Kind, target: &Target, most: usize) -> Option<Step<'_>> {
    let spec = kind.spec();
    if kind.is_registered() {
        return None;
    }
    let names_its_account = spec.column("account").is_some();
    let (conditions, params) = match (spec.scope, &target.account) {
        (Scope::Catalog, _) => target.conditions("tenant", "catalog"),
        (Scope::Shared, None) => target.conditions("tenant", "catalog"),
        (Scope::Shared, Some(_)) if names_its_account => target.conditions("account", "catalog"),
        (Scope::Shared | Scope::Global | Scope::Account, _) => return None,
    };
    Some(delete(
        &sql::table(spec),
        "tenant, catalog, id",
        &conditions,
        params,
        most,
    ))
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
    let (mut conditions, params) = target.conditions("tenant", "catalog");
    conditions.push("catalog<>''".into());
    count(session, delete("history", "seq", &conditions, params, most)).await
}
