//! ListTagsForResource: the tags in key order.

use bytes::Bytes;
use cosell_domain::opportunity::tags;
use cosell_model::ApiError;
use cosell_model::types::{ListTagsForResourceRequest, ListTagsForResourceResponse};

use super::{Resource, name, resource};
use crate::answer::encode;
use crate::opportunity::record;
use crate::service::{Caller, Service};
use crate::snapshot::job;

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let input: ListTagsForResourceRequest = service.input(body)?;
    let tags = match resource(caller, &input.resource_arn)? {
        Resource::Opportunity(arn) => tags::list(&record::load(service, name(caller, &arn)).await?),
        Resource::Job(arn) => {
            let (job, _) = job::record::read(service, &caller.account, arn.catalog, &arn.id).await?;
            job.list_tags()
        }
    };
    encode(&ListTagsForResourceResponse { tags })
}
