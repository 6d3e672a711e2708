//! DisassociateOpportunity: detaches what AssociateOpportunity attached.

use bytes::Bytes;
use cosell_domain::opportunity::relate;
use cosell_model::ApiError;
use cosell_model::types::DisassociateOpportunityRequest;

use super::record::{self, Name};
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let input: DisassociateOpportunityRequest = service.input(body)?;
    let name = Name::of(caller, catalog(&input.catalog)?, &input.opportunity_identifier);
    record::change(service, name, |stored, now| {
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
