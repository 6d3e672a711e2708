//! The four lists of tasks. What they share is here; a file each says which filters and sorts a list has. Filters are
//! AND-ed, the values of one filter OR-ed; an account sees only its own tasks.

pub(crate) mod engagement_by_accepting_invitation;
pub(crate) mod engagement_from_opportunity;
pub(crate) mod opportunity_from_engagement;
pub(crate) mod prospecting_from_engagement;

use bytes::Bytes;
use cosell_domain::Catalog;
use cosell_domain::task::Kind as TaskKind;
use cosell_model::enums::{SortOrder, TaskStatus};
use cosell_model::types::ListTasksSortBase;
use cosell_model::{ApiError, Check, Input};
use cosell_store::{Filter, Kind, Query, Sort};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::page_token::Binding;
use crate::paging::{among, exactly, limit, meant, page};
use crate::service::{Caller, Service, catalog};

/// The request of one of the lists.
trait TaskList: Input + Check + Serialize + DeserializeOwned {
    /// The tasks it lists.
    const KIND: TaskKind;

    /// The page it asks for; takes the token out, which is no parameter of the list itself.
    fn frame(&mut self) -> Frame;

    /// The order it asks for.
    fn sort(&self) -> Sort;

    /// What it asks for besides the kind.
    fn filters(self, catalog: Catalog) -> Vec<Filter>;
}

/// What every list is asked.
struct Frame {
    catalog: String,
    max_results: Option<i32>,
    token: Option<String>,
}

async fn list<T: TaskList>(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let mut input: T = service.input(body)?;
    let Frame {
        catalog: name,
        max_results,
        token,
    } = input.frame();
    let catalog = catalog(&name)?;
    let binding = Binding::of(&caller.account, T::OPERATION.name(), &input)?;
    let sort = input.sort();
    let mut filters = input.filters(catalog);
    exactly(&mut filters, "task_type", Some(T::KIND.as_str()));
    let query = Query {
        kind: Kind::Task,
        account: caller.account.clone(),
        catalog: catalog.as_str().to_owned(),
        sort,
        limit: limit(max_results),
        after: None,
        filters,
    };
    page(service, "TaskSummaries", query, token.as_deref(), &binding).await
}

/// The one order of the lists that have no other; the newest first where none is asked for, as in all lists by time.
fn by_start(sort: Option<&ListTasksSortBase>) -> Sort {
    Sort {
        by: "started",
        descending: sort.is_none_or(|sort| sort.sort_order == SortOrder::Descending),
    }
}

/// The filters that the first three lists share.
fn common(
    kind: TaskKind,
    catalog: Catalog,
    identifiers: Option<&[String]>,
    statuses: Option<&[TaskStatus]>,
    opportunities: Option<Vec<String>>,
) -> Vec<Filter> {
    let mut filters = Vec::new();
    meant(&mut filters, "id", identifiers, |sent| kind.id_of(catalog, sent));
    let names = |list: &[TaskStatus]| list.iter().map(|status| status.as_str().to_owned()).collect();
    among(&mut filters, "status", statuses.map(names));
    among(&mut filters, "opportunity", opportunities);
    filters
}
