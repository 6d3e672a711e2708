//! ListEngagements: those that the caller is a member of. Filters are AND-ed, the values of one filter OR-ed.

use bytes::Bytes;
use cosell_domain::engagement::{party, view};
use cosell_domain::{Catalog, arn};
use cosell_model::ApiError;
use cosell_model::enums::SortOrder;
use cosell_model::types::ListEngagementsRequest;
use cosell_store::{Filter, Kind, Query, Sort, Value};

use crate::page_token::Binding;
use crate::paging::{limit, meant, page};
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let mut input: ListEngagementsRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let token = input.next_token.take();
    let binding = Binding::of(&caller.account, "ListEngagements", &input)?;
    let sort = Sort {
        by: "created",
        descending: input
            .sort
            .as_ref()
            .is_none_or(|sort| sort.sort_order == SortOrder::Descending),
    };
    let query = Query {
        kind: Kind::EngagementMember,
        account: caller.account.clone(),
        catalog: catalog.as_str().to_owned(),
        sort,
        limit: limit(input.max_results),
        after: None,
        filters: filters(catalog, &input),
    };
    page(
        service,
        "EngagementSummaryList",
        query,
        token.as_deref(),
        &binding,
    )
    .await
}

/// An empty list filters nothing: clients send one for "any".
fn filters(catalog: Catalog, input: &ListEngagementsRequest) -> Vec<Filter> {
    let mut filters = Vec::new();
    meant(
        &mut filters,
        "id",
        input.engagement_identifier.as_deref(),
        |sent| arn::engagement_id(catalog, sent),
    );
    let accounts = |list: &[String]| {
        list.iter()
            .map(|sent| Value::from(party::canonical(catalog, sent)))
            .collect()
    };
    if let Some(list) = filled(&input.created_by) {
        filters.push(Filter::In("created_by", accounts(list)));
    }
    if let Some(list) = filled(&input.exclude_created_by) {
        filters.push(Filter::NotIn("created_by", accounts(list)));
    }
    let (include, exclude) = (filled(&input.context_types), filled(&input.exclude_context_types));
    if include.is_some() || exclude.is_some() {
        let masks = view::masks(include.unwrap_or_default(), exclude.unwrap_or_default());
        filters.push(Filter::In(
            "context_types",
            masks.into_iter().map(Value::Integer).collect(),
        ));
    }
    filters
}

fn filled<T>(list: &Option<Vec<T>>) -> Option<&[T]> {
    list.as_deref().filter(|list| !list.is_empty())
}
