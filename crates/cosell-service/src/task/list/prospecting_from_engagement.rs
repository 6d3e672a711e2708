//! ListProspectingFromEngagementTasks: by task, name and time of the start; the one list of tasks with several orders.

use bytes::Bytes;
use cosell_domain::Catalog;
use cosell_domain::task::Kind;
use cosell_model::ApiError;
use cosell_model::enums::{ProspectingFromEngagementTaskSortName as By, SortOrder};
use cosell_model::types::ListProspectingFromEngagementTasksRequest;
use cosell_store::{Filter, Sort};

use super::{Frame, TaskList, by_start, list};
use crate::paging::{among, range};
use crate::service::{Caller, Service};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    list::<ListProspectingFromEngagementTasksRequest>(service, caller, body).await
}

impl TaskList for ListProspectingFromEngagementTasksRequest {
    const KIND: Kind = Kind::ProspectingFromEngagement;

    fn frame(&mut self) -> Frame {
        Frame {
            catalog: self.catalog.clone(),
            max_results: self.max_results,
            token: self.next_token.take(),
        }
    }

    fn sort(&self) -> Sort {
        let Some(sort) = &self.sort else {
            return by_start(None);
        };
        Sort {
            by: match sort.sort_by {
                By::TaskName => "name",
                By::FailedEngagementCount => "failed",
                By::StartTime | By::Unrecognized(_) => "started",
            },
            descending: sort.sort_order == SortOrder::Descending,
        }
    }

    fn filters(self, _: Catalog) -> Vec<Filter> {
        let mut filters = Vec::new();
        if self.sort().by == "name" {
            // Tasks of the other kinds have no name: without this they would be walked.
            filters.push(Filter::present("name"));
        }
        // The contract takes no ARNs here.
        among(&mut filters, "id", self.task_identifier);
        among(&mut filters, "name", self.task_name);
        range(&mut filters, "started", self.start_after, self.start_before);
        filters
    }
}
