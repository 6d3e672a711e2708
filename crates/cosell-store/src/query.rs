//! Lists: typed filters, a sort, and keyset pages.
//!
//! A page continues after the last row seen, never after a count of rows, so that nothing is lost or shown twice when
//! rows are inserted meanwhile. Cursors are plain values: sealing them for clients is not this room's work.

use crate::contract::StoreError;
use crate::kind::Kind;
use crate::record::{Value, check_scope};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Most values one [`Filter::In`] may name.
pub const MAX_IN_VALUES: usize = 100;
/// Most rows one page may ask for.
pub const MAX_PAGE: usize = 1000;

/// Refuses a number of entries that no one call gives.
///
/// # Errors
/// [`StoreError::Invalid`] where it is not 1 to [`MAX_PAGE`].
pub fn check_limit(limit: usize) -> Result<(), StoreError> {
    if limit == 0 || limit > MAX_PAGE {
        return Err(StoreError::Invalid(format!(
            "{limit} entries were asked for; 1 to {MAX_PAGE} are possible"
        )));
    }
    Ok(())
}

/// A list of one kind within one account and catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The kind listed.
    pub kind: Kind,
    /// The account; empty for global and shared kinds.
    pub account: String,
    /// The catalog; empty for kinds that are not per catalog.
    pub catalog: String,
    /// Conditions that all must hold. A column may have several.
    pub filters: Vec<Filter>,
    /// The order of the rows.
    pub sort: Sort,
    /// Where the page before ended; `None` for the first page.
    pub after: Option<Cursor>,
    /// Most rows wanted, 1 to [`MAX_PAGE`].
    pub limit: usize,
}

/// A condition on an index column or on `id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// The value is one of these (at most [`MAX_IN_VALUES`]; none at all matches no row; NULL matches nothing).
    In(&'static str, Vec<Value>),
    /// The value is none of these (at most [`MAX_IN_VALUES`]). NULL never passes, as it never passes [`Filter::In`]; a
    /// NULL among the values says nothing, and no values at all let every value pass.
    NotIn(&'static str, Vec<Value>),
    /// The value lies between the ends, both included; an end that is `None` is open. A row whose value is NULL never
    /// matches, even when both ends are open.
    Range {
        /// The column.
        column: &'static str,
        /// Lower end, not NULL.
        from: Option<Value>,
        /// Upper end, not NULL.
        to: Option<Value>,
    },
}

impl Filter {
    /// The texts that start with `prefix`. (What follows must not itself start with U+10FFFF, which no text uses.)
    ///
    /// On `id` this is how the parts of a composed id are asked for: such a range needs no index of its own.
    pub fn starts_with(column: &'static str, prefix: &str) -> Filter {
        Filter::Range {
            column,
            from: Some(prefix.into()),
            to: Some(format!("{prefix}{}", char::MAX).into()),
        }
    }

    /// Any value but NULL.
    pub fn present(column: &'static str) -> Filter {
        Filter::Range {
            column,
            from: None,
            to: None,
        }
    }

    /// The column it looks at.
    pub fn column(&self) -> &'static str {
        match self {
            Filter::In(column, _) | Filter::NotIn(column, _) | Filter::Range { column, .. } => column,
        }
    }

    /// Whether a value passes. The defining semantics: backends must agree with this.
    pub fn matches(&self, value: &Value) -> bool {
        if value.is_null() {
            return false;
        }
        match self {
            Filter::In(_, values) => values.contains(value),
            Filter::NotIn(_, values) => !values.contains(value),
            Filter::Range { from, to, .. } => {
                from.as_ref().is_none_or(|f| value >= f) && to.as_ref().is_none_or(|t| value <= t)
            }
        }
    }
}

/// The order of a list: one of the kind's [`SortSpec`](crate::SortSpec)s and a direction, which also holds for the ties.
/// NULL is the smallest value: first when ascending, last when descending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// Name of the sort.
    pub by: &'static str,
    /// Greatest first.
    pub descending: bool,
}

/// The place after which a page starts: the sort columns and the id of the last row seen. The row itself need not exist
/// any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// One value for each column of the sort's order (none for the sort by id).
    pub values: Vec<Value>,
    /// The row's id.
    pub id: String,
}

/// A row of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: u64,
    /// Its summary, byte for byte as written.
    pub summary: Bytes,
}

/// One page of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The rows. May be fewer than the limit, even none, while `next` is given: a backend bounds the work of one page.
    pub items: Vec<Item>,
    /// Where to continue; `None` when there is nothing more.
    pub next: Option<Cursor>,
}

impl Query {
    /// Whether the query fits its kind; `Err` says what is wrong. Backends refuse a query that fails here with
    /// [`StoreError::Invalid`](crate::StoreError::Invalid).
    pub fn validate(&self) -> Result<(), String> {
        check_scope(self.kind, &self.account, &self.catalog)?;
        let spec = self.kind.spec();
        let Some(sort) = spec.sort(self.sort.by) else {
            return Err(format!("{} has no sort {}", spec.table, self.sort.by));
        };
        if self.limit == 0 || self.limit > MAX_PAGE {
            return Err(format!(
                "a page of {} rows was asked for; 1 to {MAX_PAGE} are possible",
                self.limit
            ));
        }
        if let Some(after) = &self.after {
            let fits = after.values.len() == sort.order.len()
                && sort
                    .order
                    .iter()
                    .zip(&after.values)
                    .all(|(name, value)| self.fits(name, value, true));
            if !fits {
                return Err(format!("the cursor is not one of the sort {}", sort.by));
            }
        }
        for filter in &self.filters {
            let column = filter.column();
            if column != "id" && spec.column(column).is_none() {
                return Err(format!("{} has no column {column}", spec.table));
            }
            let fits = match filter {
                Filter::In(_, values) | Filter::NotIn(_, values) => {
                    if values.len() > MAX_IN_VALUES {
                        return Err(format!(
                            "a filter names {} values; at most {MAX_IN_VALUES}",
                            values.len()
                        ));
                    }
                    values.iter().all(|v| self.fits(column, v, true))
                }
                Filter::Range { from, to, .. } => from.iter().chain(to).all(|v| self.fits(column, v, false)),
            };
            if !fits {
                return Err(format!("a filter on {column} has a value of the wrong type"));
            }
        }
        Ok(())
    }

    fn fits(&self, column: &str, value: &Value, null_allowed: bool) -> bool {
        match self.kind.spec().column(column) {
            Some(c) => value.fits(c.ty, null_allowed),
            None => matches!(value, Value::Text(_)),
        }
    }
}
