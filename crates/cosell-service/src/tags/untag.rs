//! UntagResource: removes tags by key.

use bytes::Bytes;
use cosell_domain::opportunity::tags;
use cosell_model::types::{UntagResourceRequest, UntagResourceResponse};
use cosell_model::{ApiError, Operation};

use super::{Resource, name, resource};
use crate::answer::encode;
use crate::audit::Deed;
use crate::opportunity::record;
use crate::service::{Caller, Service};
use crate::snapshot::job;

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let deed = Deed::of(caller, Operation::UntagResource);
    let input: UntagResourceRequest = service.input(body)?;
    match resource(caller, &input.resource_arn)? {
        Resource::Opportunity(arn) => {
            record::change(service, &deed, name(caller, &arn), |stored, _| {
                record::void(Ok(tags::untag(stored, &input.tag_keys)))
            })
            .await?;
        }
        Resource::Job(arn) => {
            job::record::change(service, &deed, &caller.account, arn.catalog, &arn.id, |stored| {
                Ok(stored.untag(&input.tag_keys))
            })
            .await?;
        }
    }
    encode(&UntagResourceResponse {})
}
