//! Asking what a script does about a deal, there or only thought of, without doing anything.

use cosell_domain::Catalog;
use cosell_domain::autopilot::{Explanation, Facts, Script, explain};
use cosell_domain::engagement::invitation::Invitation;
use cosell_domain::opportunity::create;
use cosell_model::ApiError;
use cosell_model::enums::{InvitationStatus, ReviewStatus};
use cosell_model::types::CreateOpportunityRequest;

use crate::opportunity::record::{self, Name};
use crate::plan::Plan;
use crate::service::Service;

/// Said of a deal with AWS for which a script foresees what is not planned.
const NOTHING_PLANNED: &str = " None of it is planned: it is done already, or was cancelled, or the deal came before the \
                               script was set. People go on with it.";

/// What is asked about.
#[derive(Debug, Clone)]
pub enum Asked {
    /// An opportunity; with its account a draft too.
    Opportunity {
        /// Its identifier.
        id: String,
        /// Whose it is; where left out, AWS must know the deal.
        account: Option<String>,
    },
    /// An opportunity that an account might create.
    Document {
        /// The account.
        account: String,
        /// What it would send.
        document: Box<CreateOpportunityRequest>,
    },
}

impl Service {
    /// What a script does about a deal and why; without a script, the one that plays AWS for the deal's account. `None`
    /// where that is played by people. Changes nothing.
    pub async fn explain(
        &self,
        catalog: Catalog,
        asked: Asked,
        script: Option<&Script>,
    ) -> Result<Option<Explanation>, ApiError> {
        let (account, opportunity) = match asked {
            Asked::Opportunity { id, account } => {
                let account = match account {
                    Some(account) => account,
                    None => self.owner_of_deal(catalog, &id).await?,
                };
                let name = Name {
                    account: &account,
                    catalog,
                    id: &id,
                };
                let found = record::load(self, name).await?;
                (account, found)
            }
            Asked::Document { account, document } => {
                let context = create::Context {
                    account: &account,
                    catalog,
                    region: &self.settings.region,
                    id: "O0",
                    now: self.now(),
                    estimates: &self.settings.estimates,
                };
                let made = create::create(*document, context).map_err(ApiError::business_validation)?;
                (account, made)
            }
        };
        let mut facts = Facts::of(&opportunity, &account, catalog);
        if let Some(waiting) = self.invitation_of_deal(&account, catalog, &facts.id).await? {
            facts = facts.with_invitation(waiting);
        }
        if let Some(script) = script {
            return Ok(Some(explain(script, &facts)));
        }
        let player = self.script_for(&account, catalog).await?;
        let script = player.as_ref().and_then(|player| player.script.as_ref());
        let Some(script) = script else {
            return Ok(None);
        };
        let mut told = explain(script, &facts);
        // Of a deal that still comes to AWS, or comes back, the plan is made when it does.
        let with_aws = matches!(
            facts.status,
            Some(ReviewStatus::Submitted | ReviewStatus::InReview | ReviewStatus::Approved)
        );
        let idle = with_aws && !told.steps.is_empty();
        if idle && self.planned_steps(catalog, &facts.id).await?.is_empty() {
            told.situation.push_str(NOTHING_PLANNED);
        }
        Ok(Some(told))
    }

    /// The invitation to a deal that its submission sent and AWS has not answered.
    async fn invitation_of_deal(
        &self,
        account: &str,
        catalog: Catalog,
        id: &str,
    ) -> Result<Option<String>, ApiError> {
        // A plan that is not carried out reads as one that is.
        let mut plan = Plan::new(self, catalog);
        let Some(engagement) = plan.engagement_of(account, id).await? else {
            return Ok(None);
        };
        let now = plan.now();
        let sent = plan.invitations_of_aws(account, &engagement).await?;
        let waits = |one: &Invitation| {
            one.about.as_deref() == Some(id) && one.status_at(now) == InvitationStatus::Pending
        };
        Ok(sent.into_iter().find(waits).map(|one| one.id))
    }
}
