//! SubmitOpportunity: hands an opportunity to AWS's review.

use bytes::Bytes;
use cosell_domain::opportunity::submit;
use cosell_model::types::SubmitOpportunityRequest;
use cosell_model::{ApiError, Operation};

use super::record::{self, Name};
use crate::audit::Deed;
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let deed = Deed::of(caller, Operation::SubmitOpportunity);
    let input: SubmitOpportunityRequest = service.input(body)?;
    let name = Name::of(caller, catalog(&input.catalog)?, &input.identifier);
    record::change(service, &deed, name, |stored, now| {
        record::void(submit::submit(
            stored,
            input.involvement_type.clone(),
            input.visibility.clone(),
            now,
        ))
    })
    .await
}
