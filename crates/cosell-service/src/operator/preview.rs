//! "Why would this be refused?": what a creation, an update or a submission would be answered, without doing it.

use cosell_domain::opportunity::submit;
use cosell_model::ApiError;
use cosell_model::types::SubmitOpportunityRequest;

use crate::opportunity::{create, record, update};
use crate::service::{Caller, Service, catalog};

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish<'a> {
    /// The body of a CreateOpportunity.
    Create(&'a [u8]),
    /// The body of an UpdateOpportunity.
    Update(&'a [u8]),
    /// The body of a SubmitOpportunity.
    Submit(&'a [u8]),
}

impl Service {
    /// What a partner would hear: `Ok` where the wish would be granted, else the very error. Changes nothing, and spends none
    /// of the partner's quotas.
    pub async fn preview(&self, account: &str, wish: Wish<'_>) -> Result<(), ApiError> {
        let caller = Caller::of(account);
        match wish {
            Wish::Create(body) => create::preview(self, &caller, body),
            Wish::Update(body) => update::preview(self, &caller, body).await,
            Wish::Submit(body) => {
                let input: SubmitOpportunityRequest = self.input(body)?;
                let catalog = catalog(&input.catalog)?;
                let stored =
                    record::load(self, record::Name::of(&caller, catalog, &input.identifier)).await?;
                submit::submit(&stored, input.involvement_type, input.visibility, self.now())
                    .map(|_| ())
                    .map_err(ApiError::business_validation)
            }
        }
    }
}
