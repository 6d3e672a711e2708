//! ListSolutions: the partner's registered solutions.

use bytes::Bytes;
use cosell_model::ApiError;
use cosell_model::enums::{SolutionSortName, SortOrder};
use cosell_model::types::ListSolutionsRequest;
use cosell_store::{Kind, Query, Sort};

use crate::page_token::Binding;
use crate::paging::{among, limit, page};
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let mut input: ListSolutionsRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let token = input.next_token.take();
    let binding = Binding::of(&caller.account, "ListSolutions", &input)?;

    let sort = input.sort.as_ref().map_or(
        Sort {
            by: "id",
            descending: false,
        },
        |sort| Sort {
            by: match sort.sort_by {
                SolutionSortName::Name => "name",
                SolutionSortName::Status => "status",
                SolutionSortName::Category => "category",
                SolutionSortName::CreatedDate => "created",
                SolutionSortName::Identifier | SolutionSortName::Unrecognized(_) => "id",
            },
            descending: sort.sort_order == SortOrder::Descending,
        },
    );
    let mut filters = Vec::new();
    among(&mut filters, "id", input.identifier);
    let statuses = input
        .status
        .map(|list| list.iter().map(|status| status.as_str().to_owned()).collect());
    among(&mut filters, "status", statuses);
    among(&mut filters, "category", input.category);
    among(
        &mut filters,
        "marketplace_arn",
        input.aws_marketplace_solution_arn,
    );
    let query = Query {
        kind: Kind::Solution,
        account: caller.account.clone(),
        catalog: catalog.as_str().to_owned(),
        filters,
        sort,
        after: None,
        limit: limit(input.max_results),
    };
    page(service, "SolutionSummaries", query, token.as_deref(), &binding).await
}
