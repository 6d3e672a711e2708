//! GetProspectingFromEngagementTask: where each engagement of a prospecting task stands.

use bytes::Bytes;
use cosell_domain::task::{Kind, view};
use cosell_model::ApiError;
use cosell_model::types::GetProspectingFromEngagementTaskRequest;

use super::record;
use crate::answer::encode;
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let input: GetProspectingFromEngagementTaskRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let kind = Kind::ProspectingFromEngagement;
    let (task, _) = record::read(service, &caller.account, catalog, kind, &input.task_identifier).await?;
    encode(&view::prospecting_details(&task))
}
