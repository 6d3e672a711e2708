//! ListEngagementResourceAssociations: which resources the caller's engagements share. Filters are AND-ed. What belongs to
//! engagements of others is not refused, it is just not there.

use bytes::Bytes;
use cosell_domain::Catalog;
use cosell_domain::engagement::party;
use cosell_model::ApiError;
use cosell_model::types::ListEngagementResourceAssociationsRequest;
use cosell_store::{Filter, Kind, Query, Sort};

use super::record::within;
use crate::page_token::Binding;
use crate::paging::{exactly, limit, page};
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let mut input: ListEngagementResourceAssociationsRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let token = input.next_token.take();
    let binding = Binding::of(&caller.account, "ListEngagementResourceAssociations", &input)?;
    let query = Query {
        kind: Kind::Association,
        account: caller.account.clone(),
        catalog: catalog.as_str().to_owned(),
        sort: Sort {
            by: "id",
            descending: false,
        },
        limit: limit(input.max_results),
        after: None,
        filters: filters(catalog, &input),
    };
    page(
        service,
        "EngagementResourceAssociationSummaries",
        query,
        token.as_deref(),
        &binding,
    )
    .await
}

fn filters(catalog: Catalog, input: &ListEngagementResourceAssociationsRequest) -> Vec<Filter> {
    let kind = input.resource_type.as_ref().map(|kind| kind.as_str());
    let mut filters = Vec::new();
    match &input.engagement_identifier {
        Some(engagement) => filters = within(engagement, &[("resource_type", kind)]),
        None => exactly(&mut filters, "resource_type", kind),
    }
    exactly(&mut filters, "resource", input.resource_identifier.as_deref());
    let owner = input
        .created_by
        .as_deref()
        .map(|sent| party::canonical(catalog, sent));
    exactly(&mut filters, "created_by", owner);
    filters
}
