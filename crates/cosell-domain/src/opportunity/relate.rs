//! AssociateOpportunity and DisassociateOpportunity: solutions, AWS products and Marketplace entities of a deal
//! (behaviours 2.12).

use cosell_model::enums::{
    OpportunityOrigin, RelatedEntityType, ReviewStatus, Stage, ValidationExceptionErrorCode as Code,
};
use cosell_model::types::RelatedEntityIdentifiers;
use cosell_model::{Timestamp, Violation};

use super::{Opportunity, has_validated_solution};
use crate::reference::Products;
use crate::{Violations, arn};

const FIELD: &str = "relatedEntityIdentifier";

/// What is known of the entity that is to be associated.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The caller's account.
    pub account: &'a str,
    /// The products of this server.
    pub products: &'a Products,
    /// For solutions: the status of the account's registered solution, if there is one of that identifier.
    pub solution: Option<&'a cosell_model::enums::SolutionStatus>,
    /// For offers: whether the account has registered the one of that identifier; `None` where any well-formed one will do.
    pub offer: Option<bool>,
}

/// Decides an association. `None` where the entity is associated already: success without effect.
pub fn associate(
    stored: &Opportunity,
    kind: &RelatedEntityType,
    identifier: &str,
    known: Known<'_>,
    now: Timestamp,
) -> Result<Option<Opportunity>, Vec<Violation>> {
    let mut found = Violations::new();
    check_state(stored, &mut found);
    check_identifier(kind, identifier, known, &mut found);
    let related = &stored.document.related_entity_identifiers;
    let present = list(related, kind);
    if present.is_some_and(|list| list.iter().any(|entry| entry == identifier)) {
        return found.into_result(None);
    }
    check_limit(kind, related, &mut found);
    let mut next = stored.clone();
    if let Some(list) = list_mut(&mut next.document.related_entity_identifiers, kind) {
        list.push(identifier.to_owned());
    }
    if has_validated_solution(&next.document.related_entity_identifiers)
        && let Some(project) = next.document.project.as_mut()
    {
        // The free-text solution gives way to a real one, as recorded.
        project.other_solution_description = None;
    }
    next.touch(now);
    found.into_result(Some(next))
}

/// Decides a dissociation. `None` where the entity is not associated: success without effect, so that a retry is safe.
pub fn disassociate(
    stored: &Opportunity,
    kind: &RelatedEntityType,
    identifier: &str,
    now: Timestamp,
) -> Result<Option<Opportunity>, Vec<Violation>> {
    let mut found = Violations::new();
    check_state(stored, &mut found);
    let present = list(&stored.document.related_entity_identifiers, kind);
    if !present.is_some_and(|list| list.iter().any(|entry| entry == identifier)) {
        return found.into_result(None);
    }
    let mut next = stored.clone();
    if let Some(list) = list_mut(&mut next.document.related_entity_identifiers, kind) {
        list.retain(|entry| entry != identifier);
    }
    check_last(stored, &next, &mut found);
    next.touch(now);
    found.into_result(Some(next))
}

fn check_state(stored: &Opportunity, found: &mut Violations) {
    if stored.review_status() == Some(&ReviewStatus::Rejected) {
        found.not_permitted(
            "lifeCycle.reviewStatus",
            "The entities of a rejected opportunity cannot be changed",
        );
    }
}

/// Once submitted, a deal keeps a solution, and from Committed on a validated one: attach the new one first. AWS's own
/// referrals may be worked without.
fn check_last(stored: &Opportunity, next: &Opportunity, found: &mut Violations) {
    let before = has_validated_solution(&stored.document.related_entity_identifiers);
    let after = has_validated_solution(&next.document.related_entity_identifiers);
    let drafted = stored.review_status() == Some(&ReviewStatus::PendingSubmission);
    let referral = stored.private.origin == OpportunityOrigin::AWSReferral;
    if !before || after || drafted || referral {
        return;
    }
    let described = next
        .document
        .project
        .as_ref()
        .and_then(|project| project.other_solution_description.as_ref())
        .is_some_and(|text| !text.is_empty());
    if !described || matches!(stored.stage(), Some(Stage::Committed | Stage::Launched)) {
        found.not_permitted(
            FIELD,
            "The last solution of a submitted opportunity cannot be removed: associate another one first",
        );
    }
}

/// How many entities of a kind a deal has at most; offers and offer sets count together (behaviours 2.12).
pub(crate) const fn limit(kind: &RelatedEntityType) -> usize {
    match kind {
        RelatedEntityType::AwsProducts => 20,
        RelatedEntityType::AwsMarketplaceOffers | RelatedEntityType::AwsMarketplaceOfferSets => 1,
        _ => 10,
    }
}

fn check_limit(kind: &RelatedEntityType, related: &RelatedEntityIdentifiers, found: &mut Violations) {
    let count = |kind: &RelatedEntityType| list(related, kind).map_or(0, Vec::len);
    let (offers, sets) = (
        RelatedEntityType::AwsMarketplaceOffers,
        RelatedEntityType::AwsMarketplaceOfferSets,
    );
    let limit = limit(kind);
    let (held, noun) = if *kind == offers || *kind == sets {
        let noun = format!("{offers} and {sets} together");
        (count(&offers) + count(&sets), noun)
    } else {
        (count(kind), kind.to_string())
    };
    if held >= limit {
        found.add(
            FIELD,
            Code::TooManyValues,
            format!("An opportunity can be associated with at most {limit} of {noun}; it has {held}"),
        );
    }
}

fn check_identifier(kind: &RelatedEntityType, identifier: &str, known: Known<'_>, found: &mut Violations) {
    use cosell_model::enums::SolutionStatus;
    match kind {
        RelatedEntityType::Solutions => match known.solution {
            Some(SolutionStatus::Active) => {}
            Some(status) => found.invalid(
                FIELD,
                format!("The solution {identifier} is {status}: only an Active one can be associated"),
            ),
            None => found.invalid(
                FIELD,
                format!("There is no solution {identifier} in this account and catalog: see ListSolutions"),
            ),
        },
        RelatedEntityType::AwsProducts => {
            if known.products.get(identifier).is_none() {
                found.invalid(FIELD, format!("{identifier} is not in AWS's list of products"));
            }
        }
        RelatedEntityType::AwsMarketplaceOffers => {
            marketplace(identifier, &["Offer/"], "offer", Some(known.account), found);
            if known.offer == Some(false) {
                found.invalid(
                    FIELD,
                    format!("There is no registered offer {identifier} in this account and catalog"),
                );
            }
        }
        RelatedEntityType::AwsMarketplaceOfferSets => {
            marketplace(
                identifier,
                &["OfferSet/offerset-"],
                "offer set",
                Some(known.account),
                found,
            );
        }
        RelatedEntityType::AwsMarketplaceSolutions => {
            marketplace(identifier, &["Solution/soln-"], "solution", None, found)
        }
        RelatedEntityType::AwsMarketplaceProducts => {
            let kinds = ["SaaSProduct/prod-", "AmiProduct/prod-", "ContainerProduct/prod-"];
            marketplace(identifier, &kinds, "product", None, found);
        }
        RelatedEntityType::Unrecognized(_) => found.invalid("relatedEntityType", "Unknown kind of entity"),
    }
}

/// Marketplace entities are named by ARN, `arn:aws:aws-marketplace:<region>:<account>:AWSMarketplace/<Kind>/<id>`; an
/// offer must come from the caller's own seller account (`owner`).
fn marketplace(identifier: &str, kinds: &[&str], noun: &str, owner: Option<&str>, found: &mut Violations) {
    let mut parts = identifier.splitn(6, ':');
    let head = [parts.next(), parts.next(), parts.next()];
    let region = parts.next().unwrap_or_default();
    let account = parts.next().unwrap_or_default();
    let entity = parts
        .next()
        .and_then(|entity| entity.strip_prefix("AWSMarketplace/"))
        .unwrap_or_default();
    let shaped = head == [Some("arn"), Some("aws"), Some("aws-marketplace")]
        && !region.is_empty()
        && account.len() == 12
        && account.bytes().all(|b| b.is_ascii_digit())
        && kinds
            .iter()
            .any(|kind| entity.strip_prefix(kind).is_some_and(|id| !id.is_empty()));
    if !shaped {
        found.invalid(
            FIELD,
            format!(
                "An AWS Marketplace {noun} is named by its ARN, arn:aws:aws-marketplace:<region>:<account>:AWSMarketplace/{}…",
                kinds.join("… or …AWSMarketplace/")
            ),
        );
    } else if owner.is_some() && arn::account_of(identifier) != owner {
        found.invalid(
            FIELD,
            format!("The {noun} belongs to another seller account: only your own can be associated"),
        );
    }
}

fn list<'a>(related: &'a RelatedEntityIdentifiers, kind: &RelatedEntityType) -> Option<&'a Vec<String>> {
    match kind {
        RelatedEntityType::Solutions => related.solutions.as_ref(),
        RelatedEntityType::AwsProducts => related.aws_products.as_ref(),
        RelatedEntityType::AwsMarketplaceOffers => related.aws_marketplace_offers.as_ref(),
        RelatedEntityType::AwsMarketplaceOfferSets => related.aws_marketplace_offer_sets.as_ref(),
        RelatedEntityType::AwsMarketplaceSolutions => related.aws_marketplace_solutions.as_ref(),
        RelatedEntityType::AwsMarketplaceProducts => related.aws_marketplace_products.as_ref(),
        RelatedEntityType::Unrecognized(_) => None,
    }
}

fn list_mut<'a>(
    related: &'a mut RelatedEntityIdentifiers,
    kind: &RelatedEntityType,
) -> Option<&'a mut Vec<String>> {
    let list = match kind {
        RelatedEntityType::Solutions => &mut related.solutions,
        RelatedEntityType::AwsProducts => &mut related.aws_products,
        RelatedEntityType::AwsMarketplaceOffers => &mut related.aws_marketplace_offers,
        RelatedEntityType::AwsMarketplaceOfferSets => &mut related.aws_marketplace_offer_sets,
        RelatedEntityType::AwsMarketplaceSolutions => &mut related.aws_marketplace_solutions,
        RelatedEntityType::AwsMarketplaceProducts => &mut related.aws_marketplace_products,
        RelatedEntityType::Unrecognized(_) => return None,
    };
    Some(list.get_or_insert_with(Vec::new))
}
