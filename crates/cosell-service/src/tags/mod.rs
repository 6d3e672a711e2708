//! The operations on tags. Only opportunities can be tagged so far; the ARN names account and catalog.

pub(crate) mod list;
pub(crate) mod tag;
pub(crate) mod untag;

use cosell_domain::arn::{self, OpportunityArn};
use cosell_model::ApiError;

use crate::opportunity::record::Name;
use crate::service::Caller;

/// The opportunity that a tagging request names; anything else, and any other account's, is not found.
fn resource(caller: &Caller, resource_arn: &str) -> Result<OpportunityArn, ApiError> {
    arn::parse_opportunity(resource_arn)
        .filter(|arn| arn.account == caller.account)
        .ok_or_else(|| {
            ApiError::not_found(format!(
                "There is no taggable resource {resource_arn} in this account"
            ))
        })
}

fn name<'a>(caller: &'a Caller, arn: &'a OpportunityArn) -> Name<'a> {
    Name::of(caller, arn.catalog, &arn.id)
}
