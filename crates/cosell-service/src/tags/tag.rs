//! TagResource: adds or replaces tags.

use bytes::Bytes;
use cosell_domain::opportunity::tags;
use cosell_model::types::{TagResourceRequest, TagResourceResponse};
use cosell_model::{ApiError, Operation};

use super::{Resource, name, resource};
use crate::answer::encode;
use crate::audit::Deed;
use crate::opportunity::record;
use crate::service::{Caller, Service};
use crate::snapshot::job;

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let deed = Deed::of(caller, Operation::TagResource);
    let input: TagResourceRequest = service.input(body)?;
    match resource(caller, &input.resource_arn)? {
        Resource::Opportunity(arn) => {
            record::change(service, &deed, name(caller, &arn), |stored, _| {
                record::void(tags::tag(stored, input.tags.clone()))
            })
            .await?;
        }
        Resource::Job(arn) => {
            job::record::change(service, &deed, &caller.account, arn.catalog, &arn.id, |stored| {
                stored
                    .tag(input.tags.clone())
                    .map_err(ApiError::business_validation)
            })
            .await?;
        }
    }
    encode(&TagResourceResponse {})
}
