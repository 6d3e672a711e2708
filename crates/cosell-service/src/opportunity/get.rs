//! GetOpportunity: the stored document, byte for byte.

use bytes::Bytes;
use cosell_model::ApiError;
use cosell_model::types::GetOpportunityRequest;

use super::record::{self, Name};
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let input: GetOpportunityRequest = service.input(body)?;
    let name = Name::of(caller, catalog(&input.catalog)?, &input.identifier);
    Ok(record::read(service, name).await?.document)
}
