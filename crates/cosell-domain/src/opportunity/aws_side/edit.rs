//! What AWS's seller may change on AWS's side of a deal, and what that changes besides.
//!
//! The partner's own document never changes here but for LastModifiedDate, which moves with AWS's changes as well
//! (behaviours 2.9).

use cosell_model::enums::{AwsOpportunityStage, NationalSecurity, SalesInvolvementType, Visibility};
use cosell_model::types::{AwsSoftwareRevenue, ProfileNextStepsHistory};
use cosell_model::{Rejection, Timestamp, Violation, check_value};
use serde_json::Value;

use super::AwsSide;
use super::change::{EDIT, Edit, InsightsEdit, Patch};
use crate::opportunity::{Opportunity, Private, relate, remember_steps};
use crate::{Violations, calendar};

/// The trends of an opportunity's quality (behaviours 2.16), which the contract types as any text.
pub const TRENDS: &[&str] = &["Improving", "Declining", "No Change"];

/// Decides an edit of AWS's side: the deal after it, `None` where that is what it was before, or every violation.
/// Possible from the first submission on, whatever became of the review.
pub fn edit(stored: &Opportunity, edit: Edit, now: Timestamp) -> Result<Option<Opportunity>, Vec<Violation>> {
    let mut found = Violations::new();
    let mut next = stored.clone();
    let Some(mut aws) = next.private.aws.take() else {
        found.add_general(
            cosell_model::enums::ValidationExceptionErrorCode::ActionNotPermitted,
            "AWS does not know the opportunity before it is submitted: submit it first",
        );
        return Err(found.into_vec());
    };
    // An edit need not have come as JSON.
    check_form(&edit, &mut found);
    life_cycle(&mut aws, &edit, now, &mut found);
    involvement(&mut next.private, stored, &mut aws, &edit, &mut found);
    check_insights(&edit.insights, &mut found);
    check_next_best_actions(&edit, &mut found);
    check_team(&edit, &mut found);
    check_related(&edit, &mut found);
    check_revenue(edit.software_revenue.set(), &mut found);
    replace(&mut aws, edit);
    next.private.aws = Some(aws);
    if next == *stored {
        return found.into_result(None);
    }
    next.touch(now);
    found.into_result(Some(next))
}

fn check_form(edit: &Edit, found: &mut Violations) {
    let wire = edit.to_wire().unwrap_or(Value::Null);
    if let Err(Rejection::Violations(violations)) = check_value(&EDIT, &wire) {
        for one in violations {
            found.add(&one.field_name.unwrap_or_default(), one.code, one.message);
        }
    }
}

/// True for AWS's stages of a deal that came to nothing.
fn is_lost(stage: Option<&AwsOpportunityStage>) -> bool {
    matches!(
        stage,
        Some(AwsOpportunityStage::ClosedLost | AwsOpportunityStage::ClosedIncomplete)
    )
}

fn life_cycle(aws: &mut AwsSide, edit: &Edit, now: Timestamp, found: &mut Violations) {
    let cycle = &mut aws.life_cycle;
    if edit.stage == Patch::Clear {
        found.required("stage");
    }
    edit.stage.clone().apply(&mut cycle.stage);
    edit.closed_lost_reason
        .clone()
        .apply(&mut cycle.closed_lost_reason);
    if !is_lost(cycle.stage.as_ref()) {
        if edit.closed_lost_reason.set().is_some() {
            found.not_permitted(
                "closedLostReason",
                "A reason is accepted only in the stage Closed Lost or Closed Incomplete: set the stage with it",
            );
        }
        cycle.closed_lost_reason = None;
    }
    if let Some(date) = edit.target_close_date.set()
        && !calendar::exists(date)
    {
        found.invalid("targetCloseDate", "targetCloseDate is not a date of the calendar");
    }
    edit.target_close_date.clone().apply(&mut cycle.target_close_date);

    let mut history = cycle.next_steps_history.take().unwrap_or_default();
    let sent = edit.next_steps.set().map(String::as_str);
    remember_steps(&mut history, cycle.next_steps.as_deref(), sent, |value| {
        ProfileNextStepsHistory { value, time: now }
    });
    cycle.next_steps_history = (!history.is_empty()).then_some(history);
    edit.next_steps.clone().apply(&mut cycle.next_steps);
    cycle.next_steps = cycle.next_steps.take().filter(|steps| !steps.is_empty());
}

/// AWS can turn a deal that it only saw into one that it works, and says why; never the other way round (behaviours 2.6).
/// A deal that is worked is seen by all who may see it.
fn involvement(
    private: &mut Private,
    stored: &Opportunity,
    aws: &mut AwsSide,
    edit: &Edit,
    found: &mut Violations,
) {
    use SalesInvolvementType::{CoSell, ForVisibilityOnly};
    if edit.involvement_type == Patch::Clear {
        found.required("involvementType");
    }
    if edit.visibility == Patch::Clear {
        found.required("visibility");
    }
    let before = stored.private.involvement_type.as_ref();
    let target = edit.involvement_type.set();
    let changes = target.is_some() && target != before;
    let co_sell = target.or(before) == Some(&CoSell);
    if changes {
        if before == Some(&CoSell) {
            found.not_permitted(
                "involvementType",
                "A Co-Sell opportunity cannot be switched to For Visibility Only",
            );
        }
        if target == Some(&ForVisibilityOnly)
            && stored.document.national_security == Some(NationalSecurity::Yes)
        {
            found.not_permitted(
                "involvementType",
                "An opportunity of national security cannot be for visibility only",
            );
        }
        if edit.involvement_type_change_reason.set().is_none() {
            found.required("involvementTypeChangeReason");
        }
        if co_sell {
            private.visibility = Some(Visibility::Full);
        }
    } else if edit.involvement_type_change_reason.set().is_some()
        && aws.involvement_type_change_reason.is_none()
    {
        found.not_permitted(
            "involvementTypeChangeReason",
            "The involvement has not changed: send the involvementType that it changes to as well",
        );
    }
    if co_sell && edit.visibility.set() == Some(&Visibility::Limited) {
        found.invalid(
            "visibility",
            "Cannot set visibility to limited on a Co-Sell opportunity",
        );
    }
    edit.involvement_type.clone().apply(&mut private.involvement_type);
    edit.visibility.clone().apply(&mut private.visibility);
    edit.involvement_type_change_reason
        .clone()
        .apply(&mut aws.involvement_type_change_reason);
}

fn check_insights(edit: &Patch<InsightsEdit>, found: &mut Violations) {
    let quality = edit.set().and_then(|insights| insights.opportunity_quality.set());
    let trend = quality.and_then(|quality| quality.trend.as_deref());
    if trend.is_some_and(|trend| !TRENDS.contains(&trend)) {
        found.invalid(
            "insights.opportunityQuality.trend",
            format!(
                "insights.opportunityQuality.trend must be one of: {}",
                TRENDS.join(", ")
            ),
        );
    }
}

fn check_next_best_actions(edit: &Edit, found: &mut Violations) {
    let text = edit
        .insights
        .set()
        .and_then(|insights| insights.next_best_actions.set());
    if text.is_some_and(|text| text.chars().count() > NEXT_BEST_ACTIONS_LIMIT) {
        found.invalid(
            "insights.nextBestActions",
            format!("insights.nextBestActions must have at most {NEXT_BEST_ACTIONS_LIMIT} characters"),
        );
    }
}

fn check_team(edit: &Edit, found: &mut Violations) {
    let team = edit.opportunity_team.set();
    let nobody = team.is_some_and(|team| {
        team.iter()
            .any(|one| one.email.is_none() && one.first_name.is_none() && one.last_name.is_none())
    });
    if nobody {
        found.invalid(
            "opportunityTeam",
            "Every member of the team needs a name or an e-mail address",
        );
    }
}

fn check_related(edit: &Edit, found: &mut Violations) {
    use cosell_model::enums::RelatedEntityType as Kind;
    let Some(related) = edit.related_entity_ids.set() else {
        return;
    };
    for (path, kind, patch) in [
        (
            "relatedEntityIds.awsProducts",
            Kind::AwsProducts,
            &related.aws_products,
        ),
        ("relatedEntityIds.solutions", Kind::Solutions, &related.solutions),
        (
            "relatedEntityIds.awsMarketplaceSolutions",
            Kind::AwsMarketplaceSolutions,
            &related.aws_marketplace_solutions,
        ),
        (
            "relatedEntityIds.awsMarketplaceProducts",
            Kind::AwsMarketplaceProducts,
            &related.aws_marketplace_products,
        ),
    ] {
        let list = patch.set().map(Vec::as_slice).unwrap_or_default();
        let limit = relate::limit(&kind);
        if list.len() > limit {
            found.add(
                path,
                cosell_model::enums::ValidationExceptionErrorCode::TooManyValues,
                format!("{path} must have at most {limit} elements"),
            );
        }
        let repeated = list
            .iter()
            .enumerate()
            .any(|(index, entry)| list[..index].contains(entry));
        if repeated {
            found.invalid(path, format!("{path} names the same entity twice"));
        }
    }
}

fn check_revenue(revenue: Option<&AwsSoftwareRevenue>, found: &mut Violations) {
    let Some(revenue) = revenue else { return };
    let (from, to) = (
        revenue.effective_date.as_deref(),
        revenue.expiration_date.as_deref(),
    );
    let mut dated = true;
    for (path, date) in [
        ("softwareRevenue.effectiveDate", from),
        ("softwareRevenue.expirationDate", to),
    ] {
        if date.is_some_and(|date| !calendar::exists(date)) {
            dated = false;
            found.invalid(path, format!("{path} must be a date of the calendar, YYYY-MM-DD"));
        }
    }
    if let (Some(from), Some(to), true) = (from, to, dated)
        && to < from
    {
        found.invalid(
            "softwareRevenue.expirationDate",
            "softwareRevenue.expirationDate must not lie before softwareRevenue.effectiveDate",
        );
    }
}

/// How many characters the next best actions may have; the contract sets no bound, this is that of its longest free text.
const NEXT_BEST_ACTIONS_LIMIT: usize = 2000;

/// Puts what is not bound to anything else in its place. A part of which nothing is left is absent.
fn replace(aws: &mut AwsSide, edit: Edit) {
    if !edit.opportunity_team.is_keep() {
        aws.opportunity_team = match edit.opportunity_team {
            Patch::Set(team) => team,
            Patch::Keep | Patch::Clear => Vec::new(),
        };
    }
    edit.cosell_motion.apply(&mut aws.cosell_motion);
    edit.software_revenue.apply(&mut aws.software_revenue);
    part(&mut aws.insights, edit.insights, |insights, edit| {
        edit.next_best_actions.apply(&mut insights.next_best_actions);
        edit.engagement_score.apply(&mut insights.engagement_score);
        edit.aws_products_spend_insights_by_source
            .apply(&mut insights.aws_products_spend_insights_by_source);
        edit.opportunity_quality.apply(&mut insights.opportunity_quality);
        edit.recommendations.apply(&mut insights.recommendations);
    });
    part(
        &mut aws.related_entity_ids,
        edit.related_entity_ids,
        |related, edit| {
            edit.aws_products.apply(&mut related.aws_products);
            edit.solutions.apply(&mut related.solutions);
            edit.aws_marketplace_solutions
                .apply(&mut related.aws_marketplace_solutions);
            edit.aws_marketplace_products
                .apply(&mut related.aws_marketplace_products);
        },
    );
    part(&mut aws.customer, edit.customer, |customer, edit| {
        edit.contacts.apply(&mut customer.contacts);
    });
    part(&mut aws.project, edit.project, |project, edit| {
        edit.expected_customer_spend
            .apply(&mut project.expected_customer_spend);
        edit.aws_partition.apply(&mut project.aws_partition);
    });
}

fn part<T: Default + PartialEq, E>(member: &mut Option<T>, patch: Patch<E>, apply: impl FnOnce(&mut T, E)) {
    match patch {
        Patch::Keep => {}
        Patch::Clear => *member = None,
        Patch::Set(edit) => {
            let mut value = member.take().unwrap_or_default();
            apply(&mut value, edit);
            *member = (value != T::default()).then_some(value);
        }
    }
}
