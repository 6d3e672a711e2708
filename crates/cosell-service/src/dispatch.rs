//! From an operation's name to its file. Throttles first, so that a refused request costs nothing more.

use bytes::Bytes;
use cosell_model::{ApiError, Operation};

use crate::engagement::invitation;
use crate::service::{Caller, Service};
use crate::snapshot::job;
use crate::{engagement, opportunity, settings, snapshot, solution, tags, task};

impl Service {
    /// Answers one request of an authenticated caller: the JSON of the answer, empty for operations without one. Who has a
    /// connection that a fault could cut asks [`Service::answer`].
    pub async fn call(&self, operation: Operation, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
        self.answer(operation, caller, body).await.answer
    }

    /// Counts a request under its quota, or refuses it.
    pub(crate) async fn admit(&self, caller: &Caller, operation: Operation) -> Result<(), ApiError> {
        self.throttle
            .admit(&*self.store, &caller.account, operation, self.shared_now())
            .await
    }

    /// Answers one request, whatever faults there are.
    pub(crate) async fn carry_out(
        &self,
        operation: Operation,
        caller: &Caller,
        body: &[u8],
    ) -> Result<Bytes, ApiError> {
        self.admit(caller, operation).await?;
        let name = operation.name();
        // Who only reads sees the former state until the next one is there.
        let _working = match name.starts_with("Get") || name.starts_with("List") {
            true => None,
            false => Some(self.working().await),
        };
        match operation {
            Operation::CreateOpportunity => opportunity::create::run(self, caller, body).await,
            Operation::GetOpportunity => opportunity::get::run(self, caller, body).await,
            Operation::UpdateOpportunity => opportunity::update::run(self, caller, body).await,
            Operation::ListOpportunities => opportunity::list::run(self, caller, body).await,
            Operation::AssignOpportunity => opportunity::assign::run(self, caller, body).await,
            Operation::AssociateOpportunity => opportunity::associate::run(self, caller, body).await,
            Operation::DisassociateOpportunity => opportunity::disassociate::run(self, caller, body).await,
            Operation::SubmitOpportunity => opportunity::submit::run(self, caller, body).await,
            Operation::GetAwsOpportunitySummary => opportunity::aws_summary::run(self, caller, body).await,
            Operation::ListSolutions => solution::list::run(self, caller, body).await,
            Operation::TagResource => tags::tag::run(self, caller, body).await,
            Operation::UntagResource => tags::untag::run(self, caller, body).await,
            Operation::ListTagsForResource => tags::list::run(self, caller, body).await,
            Operation::CreateEngagement => engagement::create::run(self, caller, body).await,
            Operation::GetEngagement => engagement::get::run(self, caller, body).await,
            Operation::ListEngagements => engagement::list::run(self, caller, body).await,
            Operation::ListEngagementMembers => engagement::members::run(self, caller, body).await,
            Operation::CreateEngagementContext => engagement::create_context::run(self, caller, body).await,
            Operation::UpdateEngagementContext => engagement::update_context::run(self, caller, body).await,
            Operation::CreateEngagementInvitation => invitation::create::run(self, caller, body).await,
            Operation::GetEngagementInvitation => invitation::get::run(self, caller, body).await,
            Operation::ListEngagementInvitations => invitation::list::run(self, caller, body).await,
            Operation::AcceptEngagementInvitation => invitation::accept::run(self, caller, body).await,
            Operation::RejectEngagementInvitation => invitation::reject::run(self, caller, body).await,
            Operation::CreateResourceSnapshot => snapshot::create::run(self, caller, body).await,
            Operation::CreateResourceSnapshotJob => job::create::run(self, caller, body).await,
            Operation::StartResourceSnapshotJob => job::start::run(self, caller, body).await,
            Operation::StopResourceSnapshotJob => job::stop::run(self, caller, body).await,
            Operation::DeleteResourceSnapshotJob => job::delete::run(self, caller, body).await,
            Operation::StartEngagementFromOpportunityTask => {
                task::from_opportunity::run(self, caller, body).await
            }
            Operation::StartEngagementByAcceptingInvitationTask => {
                task::by_accepting::run(self, caller, body).await
            }
            Operation::StartOpportunityFromEngagementTask => {
                task::from_engagement::run(self, caller, body).await
            }
            Operation::StartProspectingFromEngagementTask => task::prospecting::run(self, caller, body).await,
            Operation::GetResourceSnapshot => snapshot::get::run(self, caller, body).await,
            Operation::ListResourceSnapshots => snapshot::list::run(self, caller, body).await,
            Operation::ListEngagementResourceAssociations => {
                snapshot::associations::run(self, caller, body).await
            }
            Operation::GetResourceSnapshotJob => job::get::run(self, caller, body).await,
            Operation::ListResourceSnapshotJobs => job::list::run(self, caller, body).await,
            Operation::ListEngagementFromOpportunityTasks => {
                task::list::engagement_from_opportunity::run(self, caller, body).await
            }
            Operation::ListEngagementByAcceptingInvitationTasks => {
                task::list::engagement_by_accepting_invitation::run(self, caller, body).await
            }
            Operation::ListOpportunityFromEngagementTasks => {
                task::list::opportunity_from_engagement::run(self, caller, body).await
            }
            Operation::ListProspectingFromEngagementTasks => {
                task::list::prospecting_from_engagement::run(self, caller, body).await
            }
            Operation::GetProspectingFromEngagementTask => {
                task::get_prospecting::run(self, caller, body).await
            }
            Operation::GetSellingSystemSettings => settings::get::run(self, caller, body).await,
            Operation::PutSellingSystemSettings => settings::put::run(self, caller, body).await,
        }
    }
}
