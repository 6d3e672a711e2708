//! ListTagsForResource: the tags in key order.

use bytes::Bytes;
use cosell_domain::opportunity::tags;
use cosell_model::ApiError;
use cosell_model::types::{ListTagsForResourceRequest, ListTagsForResourceResponse};

use super::{name, resource};
use crate::answer::encode;
use crate::opportunity::record;
use crate::service::{Caller, Service};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let input: ListTagsForResourceRequest = service.input(body)?;
    let arn = resource(caller, &input.resource_arn)?;
    let opportunity = record::load(service, name(caller, &arn)).await?;
    encode(&ListTagsForResourceResponse {
        tags: tags::list(&opportunity),
    })
}
