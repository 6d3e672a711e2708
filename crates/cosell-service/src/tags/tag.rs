//! TagResource: adds or replaces tags.

use bytes::Bytes;
use cosell_domain::opportunity::tags;
use cosell_model::ApiError;
use cosell_model::types::{TagResourceRequest, TagResourceResponse};

use super::{Resource, name, resource};
use crate::answer::encode;
use crate::opportunity::record;
use crate::service::{Caller, Service};
use crate::snapshot::job;

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let input: TagResourceRequest = service.input(body)?;
    match resource(caller, &input.resource_arn)? {
        Resource::Opportunity(arn) => {
            record::change(service, name(caller, &arn), |stored, _| {
                record::void(tags::tag(stored, input.tags.clone()))
            })
            .await?;
        }
        Resource::Job(arn) => {
            job::record::change(service, &caller.account, arn.catalog, &arn.id, |stored| {
                stored
                    .tag(input.tags.clone())
                    .map_err(ApiError::business_validation)
            })
            .await?;
        }
    }
    encode(&TagResourceResponse {})
}
