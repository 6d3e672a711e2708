//! DisassociateOpportunity: detaches what AssociateOpportunity attached.

use bytes::Bytes;
use cosell_domain::opportunity::relate;
use cosell_model::types::DisassociateOpportunityRequest;
use cosell_model::{ApiError, Operation};

use super::record::{self, Name};
use crate::audit::Deed;
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let deed = Deed::of(caller, Operation::DisassociateOpportunity);
    let input: DisassociateOpportunityRequest = service.input(body)?;
    let name = Name::of(caller, catalog(&input.catalog)?, &input.opportunity_identifier);
    record::change(service, &deed, name, |stored, now| {
        let kind = &input.related_entity_type;
        record::void(relate::disassociate(
            stored,
            kind,
            &input.related_entity_identifier,
            now,
        ))
    })
    .await
}
