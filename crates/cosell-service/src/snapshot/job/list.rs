//! ListResourceSnapshotJobs: the caller's own, newest first unless asked otherwise. Filters are AND-ed.

use bytes::Bytes;
use cosell_model::ApiError;
use cosell_model::enums::SortOrder;
use cosell_model::types::ListResourceSnapshotJobsRequest;
use cosell_store::{Kind, Query, Sort};

use crate::page_token::Binding;
use crate::paging::{exactly, limit, page};
use crate::service::{Caller, Service, catalog};

/// The page size where a request names none: the one list for which AWS states it (behaviours 5).
const DEFAULT_PAGE: i32 = 50;

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let mut input: ListResourceSnapshotJobsRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let token = input.next_token.take();
    let binding = Binding::of(&caller.account, "ListResourceSnapshotJobs", &input)?;
    let order = input.sort.as_ref().and_then(|sort| sort.sort_order.as_ref());
    let mut filters = Vec::new();
    exactly(&mut filters, "engagement", input.engagement_identifier.as_deref());
    let status = input.status.as_ref().map(|status| status.as_str());
    exactly(&mut filters, "status", status);
    let query = Query {
        kind: Kind::SnapshotJob,
        account: caller.account.clone(),
        catalog: catalog.as_str().to_owned(),
        // There is nothing else to sort by.
        sort: Sort {
            by: "created",
            descending: order.is_none_or(|order| *order == SortOrder::Descending),
        },
        limit: limit(input.max_results.or(Some(DEFAULT_PAGE))),
        after: None,
        filters,
    };
    page(
        service,
        "ResourceSnapshotJobSummaries",
        query,
        token.as_deref(),
        &binding,
    )
    .await
}
