//! GetEngagement: by identifier or ARN, for members only.

use bytes::Bytes;
use cosell_domain::engagement::view;
use cosell_model::ApiError;
use cosell_model::types::GetEngagementRequest;

use super::record::{self, Name};
use crate::answer::encode;
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let input: GetEngagementRequest = service.input(body)?;
    let name = Name::of(caller, catalog(&input.catalog)?, &input.identifier);
    encode(&view::answer(&record::load(service, name).await?))
}
