//! The expiry of an invitation that nobody answered in time: noted by a job, so that lists show it too.

use cosell_domain::Catalog;
use cosell_domain::engagement::invitation::answer;
use cosell_model::ApiError;
use cosell_store::{Changes, Job};
use serde::{Deserialize, Serialize};

use crate::answer::stored;
use crate::plan::Plan;
use crate::service::Service;

/// The kind of the job.
pub(crate) const KIND: &str = "invitation-expiry";

/// Which invitation is due.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Due {
    /// The catalog's name on the wire.
    pub(crate) catalog: String,
    /// The sender, who has one of the two rows.
    pub(crate) account: String,
    /// The invitation's identifier.
    pub(crate) id: String,
}

/// What the job changes: nothing where the invitation was answered.
pub(crate) async fn run(service: &Service, job: &Job) -> Result<Changes, ApiError> {
    let due: Due = stored(&job.payload, "the job of an invitation's expiry")?;
    let catalog = Catalog::from_name(&due.catalog)
        .ok_or_else(|| ApiError::internal(format!("a job names catalog {}", due.catalog)))?;
    let mut plan = Plan::new(service, catalog);
    let Some(invitation) = plan.invitation(&due.account, &due.id).await? else {
        return Ok(Changes::default());
    };
    let Some(next) = answer::expire(&invitation, plan.now()) else {
        return Ok(Changes::default());
    };
    plan.put_invitation(next);
    plan.into_changes().await
}
