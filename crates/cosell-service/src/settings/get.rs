//! GetSellingSystemSettings: what was put last.

use bytes::Bytes;
use cosell_model::ApiError;
use cosell_model::types::GetSellingSystemSettingsRequest;

use crate::answer::encode;
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let input: GetSellingSystemSettingsRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let (settings, _) = super::load(service, caller, catalog).await?;
    encode(&settings.get_answer(catalog))
}
