//! Stale reads: GetOpportunity and GetAwsOpportunitySummary answered from the opportunity as it was some time ago, out of
//! the store's history. Lists and all other reads show the present, so no rule for stale reads matches them.

use bytes::Bytes;
use cosell_model::types::{GetAwsOpportunitySummaryRequest, GetOpportunityRequest, GetOpportunityResponse};
use cosell_model::{ApiError, Operation, Timestamp};
use cosell_store::Stored;

use crate::answer::{read_failed, stored};
use crate::opportunity::aws_summary;
use crate::opportunity::record::{self, Name};
use crate::service::{Caller, Service, catalog};

impl Service {
    /// Answers a read as it would have been answered at that time.
    pub(crate) async fn answer_as_of(
        &self,
        operation: Operation,
        caller: &Caller,
        body: &[u8],
        time: Timestamp,
    ) -> Result<Bytes, ApiError> {
        match operation {
            Operation::GetOpportunity => {
                self.admit(caller, operation).await?;
                let input: GetOpportunityRequest = self.input(body)?;
                let name = Name::of(caller, catalog(&input.catalog)?, &input.identifier);
                Ok(self.as_of(name, time).await?.document)
            }
            Operation::GetAwsOpportunitySummary => {
                self.admit(caller, operation).await?;
                let input: GetAwsOpportunitySummaryRequest = self.input(body)?;
                let id = &input.related_opportunity_identifier;
                let name = Name::of(caller, catalog(&input.catalog)?, id);
                let found = self.as_of(name, time).await?;
                aws_summary::answer(&record::decode(&found)?, id)
            }
            _ => self.carry_out(operation, caller, body).await,
        }
    }

    /// An opportunity as it was; not found where it was not there yet. Where its history has been pruned, the oldest state
    /// that is kept.
    async fn as_of(&self, name: Name<'_>, time: Timestamp) -> Result<Stored, ApiError> {
        let mut found = record::read(self, name).await?;
        loop {
            let document: GetOpportunityResponse = stored(&found.document, "an opportunity")?;
            if document.last_modified_date <= time {
                return Ok(found);
            }
            if found.version <= 1 {
                return match document.created_date <= time {
                    true => Ok(found),
                    false => Err(name.not_found()),
                };
            }
            let before = self.store.history(&name.key(), found.version - 1).await;
            match before.map_err(read_failed)? {
                Some(before) => found = before,
                None => return Ok(found),
            }
        }
    }
}
