//! UntagResource: removes tags by key.

use bytes::Bytes;
use cosell_domain::opportunity::tags;
use cosell_model::ApiError;
use cosell_model::types::{UntagResourceRequest, UntagResourceResponse};

use super::{name, resource};
use crate::answer::encode;
use crate::opportunity::record;
use crate::service::{Caller, Service};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let input: UntagResourceRequest = service.input(body)?;
    let arn = resource(caller, &input.resource_arn)?;
    record::change(service, name(caller, &arn), |stored, _| {
        record::void(Ok(tags::untag(stored, &input.tag_keys)))
    })
    .await?;
    encode(&UntagResourceResponse {})
}
