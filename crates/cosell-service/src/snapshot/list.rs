//! ListResourceSnapshots: those of one engagement that the caller may see, for members only, by resource, template and
//! revision. Filters are AND-ed.

use bytes::Bytes;
use cosell_domain::Catalog;
use cosell_domain::engagement::party;
use cosell_model::ApiError;
use cosell_model::types::ListResourceSnapshotsRequest;
use cosell_store::{Filter, Kind, Query, Sort};

use super::record::within;
use crate::engagement::record::{Name, check_member};
use crate::page_token::Binding;
use crate::paging::{exactly, limit, page};
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let mut input: ListResourceSnapshotsRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let token = input.next_token.take();
    let binding = Binding::of(&caller.account, "ListResourceSnapshots", &input)?;
    check_member(service, Name::of(caller, catalog, &input.engagement_identifier)).await?;
    let query = Query {
        kind: Kind::Snapshot,
        account: String::new(),
        catalog: catalog.as_str().to_owned(),
        sort: Sort {
            by: "id",
            descending: false,
        },
        limit: limit(input.max_results),
        after: None,
        filters: filters(caller, catalog, &input),
    };
    page(
        service,
        "ResourceSnapshotSummaries",
        query,
        token.as_deref(),
        &binding,
    )
    .await
}

fn filters(caller: &Caller, catalog: Catalog, input: &ListResourceSnapshotsRequest) -> Vec<Filter> {
    let mut filters = within(
        &input.engagement_identifier,
        &[
            (
                "resource_type",
                input.resource_type.as_ref().map(|kind| kind.as_str()),
            ),
            ("resource", input.resource_identifier.as_deref()),
            ("template", input.resource_snapshot_template_identifier.as_deref()),
        ],
    );
    let writer = input
        .created_by
        .as_deref()
        .map(|sent| party::canonical(catalog, sent));
    exactly(&mut filters, "created_by", writer);
    // A snapshot's writer may see it too, but only AWS writes for one account alone, and AWS lists nothing here.
    let visible = vec!["".into(), caller.account.as_str().into()];
    filters.push(Filter::In("restricted_to", visible));
    filters
}
