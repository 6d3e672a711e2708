//! Who can edit what in which state (behaviours 2.3). A locked member must be echoed unchanged: leaving it out counts
//! as clearing it. Compares two documents; changes none.

use cosell_model::enums::{ReviewStatus, Stage};
use cosell_model::types::GetOpportunityResponse as Document;

use super::Opportunity;
use super::fields::{FIELDS, Field};
use crate::Violations;

/// What an update may touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// Everything but the stage: a draft.
    Draft,
    /// Nothing: AWS is reviewing, or refused for good.
    Closed,
    /// Only what AWS may have asked about.
    ActionRequired,
    /// All but what AWS has validated.
    Approved,
    /// Delivery model, comments and software revenue.
    Launched,
    /// Nothing: the deal is lost.
    Lost,
}

/// The members that AWS lets a partner correct in Action Required.
const ACTION_REQUIRED_OPEN: &[&str] = &[
    "partnerOpportunityIdentifier",
    "customer.account.websiteUrl",
    "customer.account.address.city",
    "customer.account.address.countryCode",
    "customer.account.address.postalCode",
    "customer.account.address.stateOrRegion",
    "customer.account.address.streetAddress",
    "project.expectedCustomerSpend",
    // The contract duration is part of the spend since total contract values exist.
    "project.expectedContractDuration",
    "project.customerBusinessProblem",
    "lifeCycle.targetCloseDate",
];

/// The members that are frozen by the approval: the documented ones, and those that partners found frozen.
const APPROVED_LOCKED: &[&str] = &[
    "partnerOpportunityIdentifier",
    "nationalSecurity",
    "customer.account.companyName",
    "customer.account.industry",
    "customer.account.otherIndustry",
    "customer.account.websiteUrl",
    "customer.account.address.countryCode",
    "customer.account.address.postalCode",
    "customer.account.address.stateOrRegion",
    "project.customerBusinessProblem",
    "project.title",
];

const LAUNCHED_OPEN: &[&str] = &["project.deliveryModels", "project.additionalComments"];

impl Lock {
    /// The lock of an opportunity as it is kept. An orphan (no review status) is edited like a draft, unless AWS once
    /// approved it or it is Launched or Closed Lost, which only an approved deal becomes: losing the status must not
    /// open what AWS has validated.
    pub fn of(stored: &Opportunity) -> Self {
        let approved = stored.private.aws.as_ref().is_some_and(|aws| aws.approved);
        match (stored.review_status(), stored.stage()) {
            (Some(ReviewStatus::Approved) | None, Some(Stage::Launched)) => Lock::Launched,
            (Some(ReviewStatus::Approved) | None, Some(Stage::ClosedLost)) => Lock::Lost,
            (Some(ReviewStatus::Approved), _) => Lock::Approved,
            (None, _) if approved => Lock::Approved,
            (Some(ReviewStatus::ActionRequired), _) => Lock::ActionRequired,
            (Some(ReviewStatus::PendingSubmission) | None, _) => Lock::Draft,
            _ => Lock::Closed,
        }
    }

    /// True when a member may be changed. `launching` says that this very update moves the deal to Launched, the moment
    /// at which software revenue is reported.
    pub(super) fn allows(self, path: &str, launching: bool) -> bool {
        let revenue = path.starts_with("softwareRevenue.");
        match self {
            Lock::Draft => path != "lifeCycle.stage",
            Lock::Closed | Lock::Lost => false,
            Lock::ActionRequired => ACTION_REQUIRED_OPEN.contains(&path),
            Lock::Approved if revenue => launching,
            Lock::Approved => !APPROVED_LOCKED.contains(&path),
            Lock::Launched => revenue || LAUNCHED_OPEN.contains(&path),
        }
    }

    fn refusal(self, field: &Field) -> String {
        let path = field.path;
        match self {
            Lock::Draft => {
                "You can not update the stage when Opportunity status is Pending Submission".to_owned()
            }
            Lock::Closed => format!(
                "{path} cannot be changed while the opportunity is under review or after it was rejected"
            ),
            Lock::ActionRequired => {
                format!("{path} cannot be changed when the opportunity's review status is Action Required")
            }
            Lock::Approved => format!("{path} cannot be changed after the opportunity was approved"),
            Lock::Launched | Lock::Lost => {
                "Changes are not allowed when an opportunity stage is \"Closed Lost\" or \"Launched.\""
                    .to_owned()
            }
        }
    }
}

/// Reports every locked member that `after` changes or leaves out. True when anything at all differs.
pub fn check(lock: Lock, before: &Document, after: &Document, found: &mut Violations) -> bool {
    let stage = |document: &Document| document.life_cycle.as_ref().and_then(|cycle| cycle.stage.clone());
    let launching = stage(after) == Some(Stage::Launched) && stage(before) != Some(Stage::Launched);
    let mut changed = false;
    for field in FIELDS {
        if (field.same)(before, after) {
            continue;
        }
        changed = true;
        let missing = field.required && !(field.present)(after);
        if missing && !may_be_cleared(lock, field) {
            found.required(field.path);
        } else if !lock.allows(field.path, launching) {
            found.not_permitted(field.path, lock.refusal(field));
        }
    }
    changed
}

/// A draft may lose what only its submission demands; the stage, the needs and the type never silently vanish. What a
/// correction may lose depends on the rest of the deal (no states outside the US), so the submission's rules judge it.
fn may_be_cleared(lock: Lock, field: &Field) -> bool {
    match lock {
        Lock::Draft => !matches!(
            field.path,
            "lifeCycle.stage" | "primaryNeedsFromAws" | "opportunityType" | "marketing.source"
        ),
        Lock::ActionRequired => lock.allows(field.path, false),
        Lock::Closed | Lock::Approved | Lock::Launched | Lock::Lost => false,
    }
}
