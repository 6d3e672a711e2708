//! AssignOpportunity: gives an opportunity to a registered user.

use bytes::Bytes;
use cosell_domain::opportunity::assign;
use cosell_model::types::AssignOpportunityRequest;
use cosell_model::{ApiError, Operation};

use super::record::{self, Name};
use crate::audit::Deed;
use crate::identity::users;
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let deed = Deed::of(caller, Operation::AssignOpportunity);
    let input: AssignOpportunityRequest = service.input(body)?;
    let name = Name::of(caller, catalog(&input.catalog)?, &input.identifier);
    let user = users::find(&*service.store, &caller.account, &input.assignee.email).await?;
    record::change(service, &deed, name, |stored, now| {
        record::void(assign::assign(stored, input.assignee.clone(), user.as_ref(), now).map(Some))
    })
    .await
}
