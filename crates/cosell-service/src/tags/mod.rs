//! The operations on tags. Opportunities and resource snapshot jobs can be tagged; the ARN names kind, account and catalog.

pub(crate) mod list;
pub(crate) mod tag;
pub(crate) mod untag;

#[cfg(test)]
mod tests;

use cosell_domain::arn::{self, OpportunityArn};
use cosell_domain::snapshot::arn::{JobArn, parse_job};
use cosell_model::ApiError;

use crate::opportunity::record::Name;
use crate::service::Caller;

/// What a tagging request names.
enum Resource {
    Opportunity(OpportunityArn),
    Job(JobArn),
}

/// The resource that a tagging request names; anything else, and any other account's, is not found.
fn resource(caller: &Caller, resource_arn: &str) -> Result<Resource, ApiError> {
    let of_opportunity = || arn::parse_opportunity(resource_arn).map(Resource::Opportunity);
    let of_job = || parse_job(resource_arn).map(Resource::Job);
    of_opportunity()
        .or_else(of_job)
        .filter(|resource| resource.account() == caller.account)
        .ok_or_else(|| {
            ApiError::not_found(format!(
                "There is no taggable resource {resource_arn} in this account"
            ))
        })
}

impl Resource {
    fn account(&self) -> &str {
        match self {
            Resource::Opportunity(arn) => &arn.account,
            Resource::Job(arn) => &arn.account,
        }
    }
}

fn name<'a>(caller: &'a Caller, arn: &'a OpportunityArn) -> Name<'a> {
    Name::of(caller, arn.catalog, &arn.id)
}
