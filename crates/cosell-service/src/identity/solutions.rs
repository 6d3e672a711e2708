//! Registered solutions, per account and catalog. What is kept is what ListSolutions shows.

use cosell_domain::reference::SOLUTION_CATEGORIES;
use cosell_domain::{Catalog, arn};
use cosell_model::enums::SolutionStatus;
use cosell_model::types::SolutionBase;
use cosell_model::{ApiError, Timestamp};
use cosell_store::{Key, Kind, Record, Store, Write};

use super::{AdminError, Listed, Part, Shelf, accounts};
use crate::answer::{encode, read_failed, stored};
use crate::audit::Author;

/// The solution that AWS's documentation gives every sandbox partner.
pub const SANDBOX_DEFAULT: &str = "S-1234567";

/// What an operator says of a solution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSolution {
    /// Its identifier, `S-` and up to 19 digits; drawn where absent.
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// One of the published categories.
    pub category: String,
    /// Only Active ones can be associated.
    pub status: SolutionStatus,
    /// The ARN of its AWS Marketplace counterpart.
    pub marketplace_arn: Option<String>,
}

/// What is changed of a solution; `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// The name.
    pub name: Option<String>,
    /// The category.
    pub category: Option<String>,
    /// The status.
    pub status: Option<SolutionStatus>,
    /// The ARN of the AWS Marketplace counterpart; `Some(None)` takes it away.
    pub marketplace_arn: Option<Option<String>>,
}

pub(crate) fn record(
    account: &str,
    catalog: Catalog,
    solution: &SolutionBase,
    version: u64,
) -> Result<Record, ApiError> {
    let document = encode(solution)?;
    Ok(Record {
        key: Key::new(Kind::Solution, account, catalog.as_str(), &solution.id),
        version,
        document: document.clone(),
        summary: document,
        private: bytes::Bytes::new(),
        columns: vec![
            ("name", solution.name.as_str().into()),
            ("status", solution.status.as_str().into()),
            ("category", solution.category.as_str().into()),
            ("created", solution.created_date.into()),
            (
                "marketplace_arn",
                solution.aws_marketplace_solution_arn.clone().into(),
            ),
        ],
    })
}

pub(crate) fn default_for(catalog: Catalog, account: &str, region: &str, now: Timestamp) -> SolutionBase {
    SolutionBase {
        catalog: catalog.as_str().to_owned(),
        id: SANDBOX_DEFAULT.to_owned(),
        arn: Some(arn::solution(region, account, catalog, SANDBOX_DEFAULT)),
        name: "Default sandbox solution".to_owned(),
        status: SolutionStatus::Active,
        category: "Software Product".to_owned(),
        created_date: now,
        aws_marketplace_solution_arn: None,
    }
}

/// Most characters of a solution's name. AWS states none.
const LONGEST_NAME: usize = 255;
/// Most characters of an ARN, as AWS has it for all of them.
const LONGEST_ARN: usize = 2048;

/// A new solution as it will be shown.
pub(super) fn make(
    account: &str,
    catalog: Catalog,
    region: &str,
    new: NewSolution,
    now: Timestamp,
) -> Result<SolutionBase, AdminError> {
    let id = match new.id {
        Some(id) => id,
        None => draw_id()?,
    };
    let digits = id.strip_prefix("S-").unwrap_or_default();
    if digits.is_empty() || digits.len() > 19 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        let message = format!("{id} is no solution identifier: it takes S- and 1 to 19 digits");
        return Err(AdminError::refused(message));
    }
    let solution = SolutionBase {
        catalog: catalog.as_str().to_owned(),
        arn: Some(arn::solution(region, account, catalog, &id)),
        id,
        name: new.name,
        status: new.status,
        category: new.category,
        created_date: now,
        aws_marketplace_solution_arn: new.marketplace_arn,
    };
    check(&solution)?;
    Ok(solution)
}

/// Refuses what no solution can be, apart from its identifier.
fn check(solution: &SolutionBase) -> Result<(), AdminError> {
    if solution.name.trim().is_empty() || solution.name.chars().count() > LONGEST_NAME {
        let message = format!("The name of a solution takes 1 to {LONGEST_NAME} characters");
        return Err(AdminError::refused(message));
    }
    if !SOLUTION_CATEGORIES.holds(&solution.category) {
        return Err(AdminError::refused(SOLUTION_CATEGORIES.refusal("category")));
    }
    if matches!(solution.status, SolutionStatus::Unrecognized(_)) {
        let message = format!("status must be one of: {}", SolutionStatus::VALUES.join(", "));
        return Err(AdminError::refused(message));
    }
    let arn = solution.aws_marketplace_solution_arn.as_deref();
    if arn.is_some_and(|arn| arn.is_empty() || arn.chars().count() > LONGEST_ARN) {
        let message = format!("The ARN of a Marketplace solution takes 1 to {LONGEST_ARN} characters");
        return Err(AdminError::refused(message));
    }
    Ok(())
}

/// Registers a solution.
pub async fn add(
    store: &dyn Store,
    by: &Author,
    account: &str,
    catalog: Catalog,
    region: &str,
    new: NewSolution,
    now: Timestamp,
) -> Result<SolutionBase, AdminError> {
    accounts::expect(store, account).await?;
    let solution = make(account, catalog, region, new, now)?;
    let writes = vec![Write::Insert(record(account, catalog, &solution, 1)?)];
    let taken = || {
        format!(
            "Solution {} is registered already in account {account}, catalog {catalog}",
            solution.id
        )
    };
    super::register(store, (by, "CreateSolution", now), writes, taken).await?;
    Ok(solution)
}

/// Changes a solution. Opportunities that are associated with it stay so, whatever its status becomes.
///
/// There is no removal: opportunities name their solutions by identifier, and no index leads back from a solution to them, so
/// that nothing cheap could tell whether one would be left pointing at nothing. A solution that should not be used any more
/// becomes Inactive.
pub async fn change(
    store: &dyn Store,
    by: &Author,
    account: &str,
    catalog: Catalog,
    id: &str,
    change: Change,
    now: Timestamp,
) -> Result<SolutionBase, AdminError> {
    let apply = |solution: &mut SolutionBase| {
        if let Some(name) = change.name {
            solution.name = name;
        }
        if let Some(category) = change.category {
            solution.category = category;
        }
        if let Some(status) = change.status {
            solution.status = status;
        }
        if let Some(arn) = change.marketplace_arn {
            solution.aws_marketplace_solution_arn = arn;
        }
    };
    let missing = || {
        AdminError::Missing(format!(
            "Account {account} has no solution {id} in catalog {catalog}: \
             see `cosell solution list --account {account} --catalog {catalog}`"
        ))
    };
    let record = |solution: &SolutionBase, version| {
        check(solution)?;
        Ok(record(account, catalog, solution, version)?)
    };
    let key = Key::new(Kind::Solution, account, catalog.as_str(), id);
    super::revise(store, (by, "UpdateSolution", now), &key, missing, apply, record).await
}

fn draw_id() -> Result<String, AdminError> {
    let number = getrandom::u32().map_err(|error| AdminError::Store(format!("no randomness: {error}")))?;
    Ok(format!("S-{:07}", 1_000_000 + number % 9_000_000))
}

/// The solution of that identifier.
pub(crate) async fn find(
    store: &dyn Store,
    account: &str,
    catalog: Catalog,
    id: &str,
) -> Result<Option<SolutionBase>, ApiError> {
    let key = Key::new(Kind::Solution, account, catalog.as_str(), id);
    let found = store.get(&key).await.map_err(read_failed)?;
    found
        .map(|found| stored(&found.document, "a solution"))
        .transpose()
}

/// Every solution of an account in one catalog, by identifier.
pub async fn list(
    store: &dyn Store,
    account: &str,
    catalog: Catalog,
) -> Result<Vec<SolutionBase>, AdminError> {
    accounts::expect(store, account).await?;
    shelf(account, catalog).all(store).await
}

/// A part of the solutions of an account in one catalog, by identifier.
pub async fn part(
    store: &dyn Store,
    account: &str,
    catalog: Catalog,
    part: Part,
) -> Result<Listed<SolutionBase>, AdminError> {
    accounts::expect(store, account).await?;
    shelf(account, catalog).part(store, part).await
}

fn shelf(account: &str, catalog: Catalog) -> Shelf<'_> {
    Shelf {
        kind: Kind::Solution,
        account,
        catalog: catalog.as_str(),
        filters: Vec::new(),
    }
}
