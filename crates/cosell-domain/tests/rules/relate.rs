//! AssociateOpportunity and DisassociateOpportunity: limits, identifiers, owners, repeats and the last solution.

use cosell_domain::opportunity::Opportunity;
use cosell_domain::opportunity::relate::{self, Known};
use cosell_domain::reference::{Product, Products};
use cosell_model::enums::{OpportunityOrigin, RelatedEntityType, SolutionStatus};
use serde_json::json;

use crate::support::*;

const FIELD: &str = "relatedEntityIdentifier";

fn market(account: &str, entity: &str) -> String {
    format!("arn:aws:aws-marketplace:us-east-1:{account}:AWSMarketplace/{entity}")
}

/// The n-th identifier of a kind, which no rule but a limit can refuse.
fn identifier(kind: &str, n: usize) -> String {
    const PRODUCTS: &str = include_str!("../../data/aws-products.tsv");
    match kind {
        "Solutions" => format!("S-{n}"),
        "AwsProducts" => PRODUCTS
            .lines()
            .nth(n)
            .unwrap()
            .split('\t')
            .next()
            .unwrap()
            .to_owned(),
        "AwsMarketplaceOffers" => market(ACCOUNT, &format!("Offer/offer-{n}")),
        "AwsMarketplaceOfferSets" => market(ACCOUNT, &format!("OfferSet/offerset-{n}")),
        "AwsMarketplaceSolutions" => market("999988887777", &format!("Solution/soln-{n}")),
        "AwsMarketplaceProducts" => market("999988887777", &format!("ContainerProduct/prod-{n}")),
        other => panic!("{other}"),
    }
}

const LIMITS: [(&str, usize); 6] = [
    ("Solutions", 10),
    ("AwsProducts", 20),
    ("AwsMarketplaceOffers", 1),
    ("AwsMarketplaceOfferSets", 1),
    ("AwsMarketplaceSolutions", 10),
    ("AwsMarketplaceProducts", 10),
];

fn held(stored: &Opportunity, kind: &str) -> Vec<String> {
    let read = serde_json::to_value(&stored.document.related_entity_identifiers).unwrap();
    serde_json::from_value(read[kind].clone()).unwrap()
}

#[test]
fn each_kind_has_its_limit_and_the_order_of_association_is_kept() {
    for (kind, limit) in LIMITS {
        let mut stored = created(&whole_input());
        for n in 0..limit {
            let next = attach(&stored, kind, &identifier(kind, n), minute(1))
                .unwrap()
                .unwrap();
            assert!(next.document.last_modified_date > stored.document.last_modified_date);
            stored = next;
        }
        let expected: Vec<String> = (0..limit).map(|n| identifier(kind, n)).collect();
        assert_eq!(held(&stored, kind), expected, "{kind}");
        let violations = attach(&stored, kind, &identifier(kind, limit), minute(2)).expect_err(kind);
        assert_eq!(codes(&violations), [(FIELD, "TOO_MANY_VALUES")], "{kind}");
        assert_eq!(
            attach(&stored, kind, &identifier(kind, 0), minute(2)),
            Ok(None),
            "a repeat is none too many"
        );
        let fewer = detach(&stored, kind, &identifier(kind, 0), minute(3))
            .unwrap()
            .unwrap();
        assert!(
            attach(&fewer, kind, &identifier(kind, limit), minute(4))
                .unwrap()
                .is_some(),
            "{kind}"
        );
    }
}

#[test]
fn a_deal_has_an_offer_or_a_set_of_offers() {
    let (offers, sets) = ("AwsMarketplaceOffers", "AwsMarketplaceOfferSets");
    for (first, second) in [(offers, sets), (sets, offers)] {
        let one = attach(&created(&whole_input()), first, &identifier(first, 1), minute(1))
            .unwrap()
            .unwrap();
        let violations = attach(&one, second, &identifier(second, 1), minute(2)).unwrap_err();
        assert_eq!(codes(&violations), [(FIELD, "TOO_MANY_VALUES")]);
        assert!(
            violations[0].message.contains(first),
            "what stands in the way is named: {}",
            violations[0].message
        );
    }
}

#[test]
fn an_identifier_must_have_the_form_of_its_kind() {
    for (kind, wrong) in [
        ("AwsProducts", "Other".to_owned()),
        ("AwsProducts", "amazonec2linux".to_owned()),
        ("AwsMarketplaceOffers", "offer-1".to_owned()),
        ("AwsMarketplaceOffers", market(ACCOUNT, "OfferSet/offerset-1")),
        ("AwsMarketplaceOfferSets", market(ACCOUNT, "Offer/offer-1")),
        ("AwsMarketplaceSolutions", market(ACCOUNT, "Solution/")),
        ("AwsMarketplaceSolutions", market("", "Solution/soln-1")),
        ("AwsMarketplaceProducts", market(ACCOUNT, "SaaSProduct/soln-1")),
        ("AwsMarketplaceProducts", "arn:aws:s3:::bucket".to_owned()),
    ] {
        let violations = attach(&created(&whole_input()), kind, &wrong, minute(1)).expect_err(&wrong);
        assert_eq!(codes(&violations), [(FIELD, "INVALID_VALUE")], "{kind} {wrong}");
    }
    for entity in [
        "SaaSProduct/prod-1",
        "AmiProduct/prod-1",
        "ContainerProduct/prod-1",
    ] {
        let made = attach(
            &created(&whole_input()),
            "AwsMarketplaceProducts",
            &market(ACCOUNT, entity),
            minute(1),
        );
        assert!(made.unwrap().is_some(), "{entity}");
    }
}

#[test]
fn offers_come_from_ones_own_seller_account_and_solutions_from_anyones() {
    for (kind, entity, taken) in [
        ("AwsMarketplaceOffers", "Offer/offer-1", false),
        ("AwsMarketplaceOfferSets", "OfferSet/offerset-1", false),
        ("AwsMarketplaceSolutions", "Solution/soln-1", true),
        ("AwsMarketplaceProducts", "SaaSProduct/prod-1", true),
    ] {
        let result = attach(
            &created(&whole_input()),
            kind,
            &market("999988887777", entity),
            minute(1),
        );
        assert_eq!(result.is_ok(), taken, "{kind}");
        if let Err(violations) = result {
            assert_eq!(codes(&violations), [(FIELD, "INVALID_VALUE")]);
        }
    }
}

#[test]
fn only_a_registered_and_active_solution_can_be_attached() {
    let products = Products::published();
    for (status, taken) in [
        (Some(SolutionStatus::Active), true),
        (Some(SolutionStatus::Inactive), false),
        (Some(SolutionStatus::Draft), false),
        (None, false),
    ] {
        let known = Known {
            account: ACCOUNT,
            products: &products,
            solution: status.as_ref(),
            offer: None,
        };
        let result = relate::associate(
            &created(&whole_input()),
            &RelatedEntityType::Solutions,
            "S-7",
            known,
            minute(1),
        );
        assert_eq!(result.is_ok(), taken, "{status:?}");
        if let Err(violations) = result {
            assert_eq!(codes(&violations), [(FIELD, "INVALID_VALUE")]);
        }
    }
}

#[test]
fn an_operators_own_product_is_a_product() {
    let own = Product {
        identifier: "Own".into(),
        name: "Own".into(),
        family: "Own".into(),
    };
    let products = Products::with([own]);
    let known = Known {
        account: ACCOUNT,
        products: &products,
        solution: None,
        offer: None,
    };
    let kind = RelatedEntityType::AwsProducts;
    assert!(
        relate::associate(&draft(), &kind, "Own", known, minute(2))
            .unwrap()
            .is_some()
    );
    assert!(
        relate::associate(&draft(), &kind, "AmazonEC2Linux", known, minute(2))
            .unwrap()
            .is_some()
    );
}

#[test]
fn repeats_succeed_without_effect() {
    let stored = draft();
    assert_eq!(attach(&stored, "Solutions", "S-1234567", minute(9)), Ok(None));
    assert_eq!(detach(&stored, "Solutions", "S-7654321", minute(9)), Ok(None));
    assert_eq!(
        detach(&stored, "AwsProducts", "AmazonEC2Linux", minute(9)),
        Ok(None)
    );
}

#[test]
fn the_first_solution_takes_the_place_of_its_description() {
    let stored = created(&with(
        whole_input(),
        &[("Project.OtherSolutionDescription", json!("home-made"))],
    ));
    let described = |o: &Opportunity| {
        o.document
            .project
            .as_ref()
            .unwrap()
            .other_solution_description
            .clone()
    };
    let product = attach(&stored, "AwsProducts", "AmazonEC2Linux", minute(1))
        .unwrap()
        .unwrap();
    assert_eq!(described(&product).as_deref(), Some("home-made"));
    assert_eq!(described(&solved(&stored)), None);
}

#[test]
fn entities_change_in_every_review_status_but_rejected() {
    for status in [
        "Pending Submission",
        "Submitted",
        "In review",
        "Approved",
        "Action Required",
        "Rejected",
        "",
    ] {
        let stored = of_status(&draft(), status);
        let more = attach(&stored, "Solutions", "S-2", minute(70));
        if status == "Rejected" {
            assert_eq!(
                codes(&more.unwrap_err()),
                [("lifeCycle.reviewStatus", "ACTION_NOT_PERMITTED")]
            );
            let fewer = detach(&stored, "Solutions", "S-1234567", minute(70)).unwrap_err();
            assert!(codes(&fewer).contains(&("lifeCycle.reviewStatus", "ACTION_NOT_PERMITTED")));
        } else {
            let more = more.unwrap().unwrap();
            assert_eq!(status_of(&more), status);
            let fewer = detach(&more, "Solutions", "S-1234567", minute(71))
                .unwrap()
                .unwrap();
            assert_eq!(held(&fewer, "Solutions"), ["S-2"]);
        }
    }
}

#[test]
fn a_submitted_deal_keeps_its_last_solution_and_a_draft_need_not() {
    let stored = draft();
    assert!(
        detach(&stored, "Solutions", "S-1234567", minute(2))
            .unwrap()
            .is_some()
    );
    for status in ["Submitted", "In review", "Approved", "Action Required"] {
        let stored = of_status(&stored, status);
        let violations = detach(&stored, "Solutions", "S-1234567", minute(70)).expect_err(status);
        assert_eq!(codes(&violations), [(FIELD, "ACTION_NOT_PERMITTED")], "{status}");
        // Another kind of validated solution is as good.
        let market = market("999988887777", "Solution/soln-1");
        let other = attach(&stored, "AwsMarketplaceSolutions", &market, minute(71))
            .unwrap()
            .unwrap();
        assert!(
            detach(&other, "Solutions", "S-1234567", minute(72))
                .unwrap()
                .is_some(),
            "{status}"
        );
    }
}

#[test]
fn a_referral_from_aws_can_be_worked_without_a_solution() {
    let mut referral = of_status(&draft(), "Approved");
    referral.private.origin = OpportunityOrigin::AWSReferral;
    let bare = detach(&referral, "Solutions", "S-1234567", minute(70))
        .unwrap()
        .unwrap();
    assert_eq!(held(&bare, "Solutions"), [""; 0]);
    assert!(edit(&bare, &[("LifeCycle.Stage", json!("Committed"))]).is_ok());
}

#[test]
fn a_description_kept_beside_the_last_solution_replaces_it_until_the_deal_is_committed() {
    for (stage, taken) in [
        ("Qualified", true),
        ("Business Validation", true),
        ("Committed", false),
        ("Launched", false),
    ] {
        let mut stored = of_status(&draft(), "Approved");
        stored
            .document
            .project
            .as_mut()
            .unwrap()
            .other_solution_description = Some("home-made".into());
        stored.document.life_cycle.as_mut().unwrap().stage = Some(stage.into());
        let result = detach(&stored, "Solutions", "S-1234567", minute(70));
        assert_eq!(result.is_ok(), taken, "{stage}");
    }
}
