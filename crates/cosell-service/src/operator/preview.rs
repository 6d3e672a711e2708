//! "Why would this be refused?": what a creation, an update or a submission would be answered, without doing it.

use cosell_domain::Catalog;
use cosell_domain::opportunity::submit;
use cosell_model::ApiError;
use cosell_model::types::AwsSubmission;

use crate::opportunity::{create, record, update};
use crate::service::{Caller, Service};

/// What is looked at.
#[derive(Debug, Clone, PartialEq)]
pub enum Wish<'a> {
    /// The body of a CreateOpportunity.
    Create(&'a [u8]),
    /// The body of an UpdateOpportunity.
    Update(&'a [u8]),
    /// The submission of an opportunity.
    Submit {
        /// Its catalog.
        catalog: Catalog,
        /// The opportunity, `O…`.
        id: &'a str,
        /// What is asked of AWS.
        submission: AwsSubmission,
    },
}

impl Service {
    /// What a partner would hear: `Ok` where the wish would be granted, else the very error. Changes nothing, and spends none
    /// of the partner's quotas.
    pub async fn preview(&self, account: &str, wish: Wish<'_>) -> Result<(), ApiError> {
        let caller = Caller::of(account);
        match wish {
            Wish::Create(body) => create::preview(self, &caller, body),
            Wish::Update(body) => update::preview(self, &caller, body).await,
            Wish::Submit {
                catalog,
                id,
                submission,
            } => {
                let stored = record::load(self, record::Name::of(&caller, catalog, id)).await?;
                let AwsSubmission {
                    involvement_type,
                    visibility,
                } = submission;
                submit::submit(&stored, involvement_type, visibility, self.now())
                    .map(|_| ())
                    .map_err(ApiError::business_validation)
            }
        }
    }
}
