//! ListOpportunityFromEngagementTasks: by task, status, opportunity, engagement and context. The context of a task is the one
//! that its list entry shows: the one it added, once it is complete.

use bytes::Bytes;
use cosell_domain::task::Kind;
use cosell_domain::{Catalog, arn};
use cosell_model::ApiError;
use cosell_model::types::ListOpportunityFromEngagementTasksRequest;
use cosell_store::{Filter, Sort};

use super::{Frame, TaskList, by_start, common, list};
use crate::paging::{among, meant};
use crate::service::{Caller, Service};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    list::<ListOpportunityFromEngagementTasksRequest>(service, caller, body).await
}

impl TaskList for ListOpportunityFromEngagementTasksRequest {
    const KIND: Kind = Kind::OpportunityFromEngagement;

    fn frame(&mut self) -> Frame {
        Frame {
            catalog: self.catalog.clone(),
            max_results: self.max_results,
            token: self.next_token.take(),
        }
    }

    fn sort(&self) -> Sort {
        by_start(self.sort.as_ref())
    }

    fn filters(self, catalog: Catalog) -> Vec<Filter> {
        let mut filters = common(
            Self::KIND,
            catalog,
            self.task_identifier.as_deref(),
            self.task_status.as_deref(),
            self.opportunity_identifier,
        );
        let engagements = self.engagement_identifier.as_deref();
        meant(&mut filters, "engagement", engagements, |sent| {
            arn::engagement_id(catalog, sent)
        });
        among(&mut filters, "context", self.context_identifier);
        filters
    }
}
