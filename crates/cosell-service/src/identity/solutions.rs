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

pub(crate) fn record(account: &str, catalog: Catalog, solution: &SolutionBase) -> Result<Record, ApiError> {
    let document = encode(solution)?;
    Ok(Record {
        key: Key::new(Kind::Solution, account, catalog.as_str(), &solution.id),
        version: 1,
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
    if new.name.trim().is_empty() || new.name.chars().count() > LONGEST_NAME {
        let message = format!("The name of a solution takes 1 to {LONGEST_NAME} characters");
        return Err(AdminError::refused(message));
    }
    if !SOLUTION_CATEGORIES.holds(&new.category) {
        return Err(AdminError::refused(SOLUTION_CATEGORIES.refusal("category")));
    }
    if matches!(new.status, SolutionStatus::Unrecognized(_)) {
        let message = format!("status must be one of: {}", SolutionStatus::VALUES.join(", "));
        return Err(AdminError::refused(message));
    }
    Ok(SolutionBase {
        catalog: catalog.as_str().to_owned(),
        arn: Some(arn::solution(region, account, catalog, &id)),
        id,
        name: new.name,
        status: new.status,
        category: new.category,
        created_date: now,
        aws_marketplace_solution_arn: new.marketplace_arn,
    })
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
    let writes = vec![Write::Insert(record(account, catalog, &solution)?)];
    let taken = || {
        format!(
            "Solution {} is registered already in account {account}, catalog {catalog}",
            solution.id
        )
    };
    super::register(store, (by, "CreateSolution", now), writes, taken).await?;
    Ok(solution)
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
