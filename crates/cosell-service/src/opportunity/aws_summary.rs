//! GetAwsOpportunitySummary: AWS's side of a deal, from the submission on.

use bytes::Bytes;
use cosell_domain::opportunity::{Opportunity, aws_side};
use cosell_model::ApiError;
use cosell_model::types::GetAwsOpportunitySummaryRequest;

use super::record::{self, Name};
use crate::answer::encode;
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let input: GetAwsOpportunitySummaryRequest = service.input(body)?;
    let name = Name::of(
        caller,
        catalog(&input.catalog)?,
        &input.related_opportunity_identifier,
    );
    let opportunity = record::load(service, name).await?;
    answer(&opportunity, name.id)
}

/// AWS's side of an opportunity; not found before the submission.
pub(crate) fn answer(opportunity: &Opportunity, id: &str) -> Result<Bytes, ApiError> {
    let summary = aws_side::summary(opportunity).ok_or_else(|| {
        ApiError::not_found(format!(
            "AWS has no opportunity for {id} yet: it appears with the submission"
        ))
    })?;
    encode(&summary)
}
