//! ListOpportunities: filters are AND-ed, the values of one filter OR-ed; pages continue after the last row seen.

use bytes::Bytes;
use cosell_model::ApiError;
use cosell_model::enums::{OpportunitySortName, SortOrder};
use cosell_model::types::ListOpportunitiesRequest;
use cosell_store::{Filter, Kind, Query, Sort};

use crate::page_token::Binding;
use crate::paging::{among, limit, page, range};
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let mut input: ListOpportunitiesRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let token = input.next_token.take();
    let binding = Binding::of(&caller.account, "ListOpportunities", &input)?;

    let sort = input.sort.as_ref().map_or(
        Sort {
            by: "last_modified",
            descending: true,
        },
        |sort| Sort {
            by: match sort.sort_by {
                OpportunitySortName::Identifier => "id",
                OpportunitySortName::CustomerCompanyName => "company",
                OpportunitySortName::CreatedDate => "created",
                OpportunitySortName::TargetCloseDate => "target_close",
                OpportunitySortName::LastModifiedDate | OpportunitySortName::Unrecognized(_) => {
                    "last_modified"
                }
            },
            descending: sort.sort_order == SortOrder::Descending,
        },
    );
    let query = Query {
        kind: Kind::Opportunity,
        account: caller.account.clone(),
        catalog: catalog.as_str().to_owned(),
        sort,
        limit: limit(input.max_results),
        after: None,
        filters: filters(input),
    };
    page(service, "OpportunitySummaries", query, token.as_deref(), &binding).await
}

fn filters(input: ListOpportunitiesRequest) -> Vec<Filter> {
    let mut filters = Vec::new();
    among(&mut filters, "id", input.identifier);
    among(
        &mut filters,
        "stage",
        input
            .life_cycle_stage
            .map(|list| names(&list, |stage| stage.as_str())),
    );
    let statuses = input
        .life_cycle_review_status
        .map(|list| names(&list, |status| status.as_str()));
    among(&mut filters, "review_status", statuses);
    among(&mut filters, "company", input.customer_company_name);
    if let Some(dates) = input.last_modified_date {
        range(
            &mut filters,
            "last_modified",
            dates.after_last_modified_date,
            dates.before_last_modified_date,
        );
    }
    if let Some(dates) = input.created_date {
        range(
            &mut filters,
            "created",
            dates.after_created_date,
            dates.before_created_date,
        );
    }
    if let Some(dates) = input.target_close_date {
        range(
            &mut filters,
            "target_close",
            dates.after_target_close_date,
            dates.before_target_close_date,
        );
    }
    filters
}

fn names<T>(list: &[T], name: impl Fn(&T) -> &str) -> Vec<String> {
    list.iter().map(|value| name(value).to_owned()).collect()
}
