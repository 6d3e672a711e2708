//! The review desk and AWS's seller: what AWS decides about a partner's deal, and what it writes on its own side of it.

use bytes::Bytes;
use cosell_domain::Catalog;
use cosell_domain::opportunity::Opportunity;
use cosell_domain::opportunity::aws_side::change::Edit;
use cosell_domain::opportunity::aws_side::edit::edit;
use cosell_domain::review::{self, Verdict};
use cosell_model::{ApiError, Timestamp};

use super::By;
use super::deals::{SeenDeal, unknown};
use crate::audit::Deed;
use crate::plan::carry_out;
use crate::service::Service;

/// The name of a verdict in the audit log.
const fn action(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Take => "TakeInReview",
        Verdict::Approve { .. } => "ApproveOpportunity",
        Verdict::Reject(_) => "RejectOpportunity",
        Verdict::AskForAction(_) => "AskForAction",
    }
}

impl Service {
    /// Decides about a deal; everything that follows for the partner and for others happens with it.
    pub async fn review(
        &self,
        by: &By,
        catalog: Catalog,
        id: &str,
        verdict: Verdict,
    ) -> Result<SeenDeal, ApiError> {
        let deed = by.deed(action(&verdict));
        self.on_deal(&deed, catalog, id, |stored, now| {
            Ok(review::decide(stored, verdict.clone(), &by.token, now)?)
        })
        .await?;
        self.deal(catalog, id).await
    }

    /// Edits AWS's own side of a deal.
    pub async fn edit_aws_side(
        &self,
        by: &By,
        catalog: Catalog,
        id: &str,
        change: &Edit,
    ) -> Result<SeenDeal, ApiError> {
        self.on_deal(&by.deed("UpdateAwsOpportunity"), catalog, id, |stored, now| {
            edit(stored, change.clone(), now).map_err(ApiError::business_validation)
        })
        .await?;
        self.deal(catalog, id).await
    }

    /// Changes a deal that AWS knows of; a decision of `None` changes nothing.
    pub(crate) async fn on_deal(
        &self,
        deed: &Deed,
        catalog: Catalog,
        id: &str,
        decide: impl Fn(&Opportunity, Timestamp) -> Result<Option<Opportunity>, ApiError>,
    ) -> Result<(), ApiError> {
        let account = self.owner_of_deal(catalog, id).await?;
        carry_out(self, deed, catalog, None, async |plan| {
            let stored = plan.opportunity(&account, id).await?;
            let stored = stored.ok_or_else(|| unknown(catalog, id))?;
            if let Some(next) = decide(&stored, plan.now())? {
                plan.put_opportunity(&account, next);
            }
            Ok(Bytes::new())
        })
        .await
        .map(|_| ())
    }
}
