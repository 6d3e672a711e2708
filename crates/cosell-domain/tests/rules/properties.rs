//! Whatever happens to an opportunity, in whatever order, some things always hold.

use cosell_domain::opportunity::assign::{User, assign};
use cosell_domain::opportunity::update::Refusal;
use cosell_domain::opportunity::{Opportunity, tags};
use cosell_model::types::{AssigneeContact, GetOpportunityResponse, Tag};
use cosell_model::{Check, Timestamp, Violation};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::*;

/// Something that a partner, or AWS through the sandbox, does.
#[derive(Debug, Clone)]
enum Action {
    Update {
        edits: Vec<usize>,
        status: Option<usize>,
        stale: bool,
        quirk: bool,
    },
    Submit {
        co_sell: bool,
        visibility: Option<bool>,
    },
    Attach {
        kind: usize,
        n: usize,
    },
    Detach {
        kind: usize,
        n: usize,
    },
    Assign {
        title: usize,
        known: bool,
    },
    Tag {
        key: usize,
        value: usize,
    },
    Untag {
        key: usize,
    },
}

const STATUSES: [&str; 7] = [
    "Approved",
    "Action Required",
    "Rejected",
    "In review",
    "Submitted",
    "Pending Submission",
    "",
];

const KINDS: [&str; 6] = [
    "Solutions",
    "AwsProducts",
    "AwsMarketplaceOffers",
    "AwsMarketplaceOfferSets",
    "AwsMarketplaceSolutions",
    "AwsMarketplaceProducts",
];

/// The changes an update may bring, legal and not.
fn edit_menu() -> Vec<(&'static str, Value)> {
    let spend = |amount: &str, company: &str, frequency: &str| json!({"Amount": amount, "CurrencyCode": "USD", "Frequency": frequency, "TargetCompany": company});
    vec![
        ("LifeCycle.NextSteps", json!("ask")),
        ("LifeCycle.NextSteps", json!("offer")),
        ("LifeCycle.NextSteps", Value::Null),
        ("LifeCycle.Stage", json!("Prospect")),
        ("LifeCycle.Stage", json!("Committed")),
        ("LifeCycle.Stage", json!("Launched")),
        ("LifeCycle.Stage", json!("Closed Lost")),
        ("LifeCycle.ClosedLostReason", json!("Price")),
        (
            "LifeCycle",
            json!({"Stage": "Closed Lost", "ClosedLostReason": "Price", "ReviewStatus": "Approved",
                "NextSteps": "call the customer", "TargetCloseDate": "2027-03-31"}),
        ),
        ("LifeCycle.TargetCloseDate", json!("2026-11-23")),
        ("LifeCycle.TargetCloseDate", json!("2099-01-01")),
        ("Project.Title", json!("Renamed")),
        ("Project.AdditionalComments", json!("more")),
        ("Project.OtherSolutionDescription", json!("home-made")),
        ("Project.OtherSolutionDescription", Value::Null),
        ("Project.CustomerUseCase", json!("none")),
        (
            "Project.ExpectedCustomerSpend",
            json!([spend("700.50", "AWS", "Monthly")]),
        ),
        (
            "Project.ExpectedCustomerSpend",
            json!([spend("1200", "Self", "None")]),
        ),
        (
            "Project.ExpectedContractDuration",
            json!({"Term": "Months", "Value": "36"}),
        ),
        ("Project.ExpectedContractDuration", Value::Null),
        ("Customer.Account.Address.City", json!("Tacoma")),
        ("Customer.Account.Address.PostalCode", json!("1")),
        ("Customer.Account.WebsiteUrl", Value::Null),
        ("Marketing.AwsFundingUsed", json!("No")),
        ("PrimaryNeedsFromAws", Value::Null),
        ("PrimaryNeedsFromAws", json!(["Co-Sell - Pricing Assistance"])),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    let edits = prop::collection::vec(0..edit_menu().len(), 0..3);
    // The first four statuses make AWS act; the others are mistakes and the orphaning omission.
    let status = prop::option::weighted(0.4, prop_oneof![8 => 0..4usize, 1 => 4..7usize]);
    prop_oneof![
        6 => (edits, status, prop::bool::weighted(0.05), any::<bool>())
            .prop_map(|(edits, status, stale, quirk)| Action::Update { edits, status, stale, quirk }),
        3 => (prop::bool::weighted(0.8), prop::option::of(prop::bool::weighted(0.7)))
            .prop_map(|(co_sell, visibility)| Action::Submit { co_sell, visibility }),
        3 => (0..KINDS.len(), 0..25usize).prop_map(|(kind, n)| Action::Attach { kind, n }),
        1 => (0..KINDS.len(), 0..25usize).prop_map(|(kind, n)| Action::Detach { kind, n }),
        1 => (0..12usize, prop::bool::weighted(0.9)).prop_map(|(title, known)| Action::Assign { title, known }),
        1 => (0..4usize, 0..3usize).prop_map(|(key, value)| Action::Tag { key, value }),
        1 => (0..4usize).prop_map(|key| Action::Untag { key }),
    ]
}

fn entity(kind: &str, n: usize) -> String {
    const PRODUCTS: &str = include_str!("../../data/aws-products.tsv");
    let market =
        |entity: String| format!("arn:aws:aws-marketplace:us-east-1:{ACCOUNT}:AWSMarketplace/{entity}");
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
        "AwsMarketplaceOffers" => market(format!("Offer/offer-{n}")),
        "AwsMarketplaceOfferSets" => market(format!("OfferSet/offerset-{n}")),
        "AwsMarketplaceSolutions" => market(format!("Solution/soln-{n}")),
        _ => market(format!("SaaSProduct/prod-{n}")),
    }
}

/// What came of an action: a new state, nothing, or a refusal.
type Outcome = Result<Option<Opportunity>, Vec<Violation>>;

fn perform(stored: &Opportunity, action: &Action, at: Timestamp) -> Outcome {
    match action {
        Action::Update {
            edits,
            status,
            stale,
            quirk,
        } => {
            let menu = edit_menu();
            let mut body = echo(stored);
            for index in edits {
                let (path, value) = &menu[*index];
                body = with(body, &[(*path, value.clone())]);
                if *path == "Project.ExpectedContractDuration" {
                    set(&mut body, path, value.clone());
                }
            }
            match status.map(|index| STATUSES[index]) {
                None => {}
                Some("") => unset(&mut body, "LifeCycle.ReviewStatus"),
                Some(status) => set(&mut body, "LifeCycle.ReviewStatus", json!(status)),
            }
            if *stale {
                let old = stored.document.last_modified_date.plus_millis(-1);
                set(&mut body, "LastModifiedDate", json!(old.to_string()));
            }
            match update_as(stored, &body, at, *quirk) {
                Ok(next) => Ok(Some(next)),
                Err(Refusal::Violations(violations)) => Err(violations),
                Err(Refusal::Stale) => {
                    assert!(stale, "only an old date is stale");
                    Ok(None)
                }
            }
        }
        Action::Submit { co_sell, visibility } => {
            let involvement = if *co_sell {
                "Co-Sell"
            } else {
                "For Visibility Only"
            };
            let visibility = visibility.map(|full| if full { "Full" } else { "Limited" });
            submit_as_at(stored, involvement, visibility, at)
        }
        Action::Attach { kind, n } => attach(stored, KINDS[*kind], &entity(KINDS[*kind], *n), at),
        Action::Detach { kind, n } => detach(stored, KINDS[*kind], &entity(KINDS[*kind], *n), at),
        Action::Assign { title, known } => {
            let user = User {
                email: "k@p.example".into(),
                first_name: "K".into(),
                last_name: "V".into(),
            };
            let assignee = AssigneeContact {
                email: user.email.clone(),
                first_name: "K".into(),
                last_name: "V".into(),
                phone: None,
                business_title: if *title == 0 {
                    "OpportunityOwner".into()
                } else {
                    format!("T{title}")
                },
            };
            assign(stored, assignee, known.then_some(&user), at).map(Some)
        }
        Action::Tag { key, value } => tags::tag(
            stored,
            vec![Tag {
                key: format!("k{key}"),
                value: format!("v{value}"),
            }],
        ),
        Action::Untag { key } => Ok(tags::untag(stored, &[format!("k{key}")])),
    }
}

/// The edges of the review, as the documentation and the sandbox know them. `""` is the orphan.
fn edge_allowed(action: &Action, from: &str, to: &str) -> bool {
    match action {
        _ if from == to => true,
        Action::Submit { .. } => {
            to == "Submitted" && ["Pending Submission", "Action Required"].contains(&from)
        }
        Action::Update { status, quirk, .. } => match status.map(|index| STATUSES[index]) {
            None => (from, to) == ("Action Required", "Submitted"),
            Some("") if *quirk => to.is_empty() && !["Submitted", "In review", "Rejected"].contains(&from),
            Some("") => (from, to) == ("Action Required", "Submitted"),
            Some(sent) if sent == from => (from, to) == ("Action Required", "Submitted"),
            Some(sent) => sent == to && ["Submitted", "In review", "Action Required"].contains(&from),
        },
        _ => false,
    }
}

fn check_step(action: &Action, before: &Opportunity, after: &Opportunity) -> Result<(), TestCaseError> {
    let (old, new) = (&before.document, &after.document);
    prop_assert_eq!(&old.id, &new.id);
    prop_assert_eq!(&old.arn, &new.arn);
    prop_assert_eq!(&old.catalog, &new.catalog);
    prop_assert_eq!(old.created_date, new.created_date);
    prop_assert_eq!(&before.private.origin, &after.private.origin);
    if matches!(action, Action::Tag { .. } | Action::Untag { .. }) {
        prop_assert_eq!(old, new, "tags stand beside the document");
        prop_assert_ne!(
            &before.private.tags,
            &after.private.tags,
            "an effect changes something"
        );
    } else {
        prop_assert!(new.last_modified_date > old.last_modified_date);
        prop_assert_eq!(&before.private.tags, &after.private.tags);
    }
    prop_assert!(
        edge_allowed(action, status_of(before), status_of(after)),
        "{} -> {}",
        status_of(before),
        status_of(after)
    );
    Ok(())
}

fn check_state(stored: &Opportunity) -> Result<(), TestCaseError> {
    let related = &stored.document.related_entity_identifiers;
    let count = |list: &Option<Vec<String>>| list.as_ref().map_or(0, Vec::len);
    prop_assert!(count(&related.solutions) <= 10);
    prop_assert!(count(&related.aws_products) <= 20);
    prop_assert!(count(&related.aws_marketplace_solutions) <= 10);
    prop_assert!(count(&related.aws_marketplace_products) <= 10);
    prop_assert!(count(&related.aws_marketplace_offers) + count(&related.aws_marketplace_offer_sets) <= 1);
    prop_assert!(stored.document.opportunity_team.as_ref().map_or(0, Vec::len) <= 10);

    let cycle = stored.document.life_cycle.as_ref().unwrap();
    let history = cycle.next_steps_history.as_deref().unwrap_or_default();
    prop_assert!(history.len() <= 50);
    prop_assert!(history.is_sorted_by_key(|entry| entry.time));
    if let Some(steps) = &cycle.next_steps {
        prop_assert_eq!(history.last().map(|entry| &entry.value), Some(steps));
    }
    prop_assert!(cycle.stage.is_some());
    prop_assert_eq!(
        cycle.closed_lost_reason.is_some(),
        cycle.stage.as_ref().unwrap().as_str() == "Closed Lost"
    );
    let submitted = [
        "Submitted",
        "In review",
        "Approved",
        "Rejected",
        "Action Required",
    ]
    .contains(&status_of(stored));
    if submitted {
        prop_assert!(stored.private.aws.is_some() && stored.private.involvement_type.is_some());
        prop_assert!(stored.private.visibility.is_some());
    }

    // The service's own word for "no needs" stands in answers though requests may not bring it.
    let mut document = stored.document.clone();
    let unsupported = cosell_domain::opportunity::no_support_needed();
    document
        .primary_needs_from_aws
        .iter_mut()
        .for_each(|needs| needs.retain(|need| *need != unsupported));
    prop_assert!(document.check(), "a kept document obeys the contract");
    let text = serde_json::to_string(&stored.document).unwrap();
    let read: GetOpportunityResponse = serde_json::from_str(&text).unwrap();
    prop_assert!(read == stored.document, "a document survives JSON");
    let text = serde_json::to_string(&stored.private).unwrap();
    let private: cosell_domain::opportunity::Private = serde_json::from_str(&text).unwrap();
    prop_assert!(private == stored.private, "the private part survives JSON");
    Ok(())
}

fn beginning() -> impl Strategy<Value = Opportunity> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(sparse, attached, production)| {
        let body = if sparse {
            json!({"Catalog": "Sandbox", "ClientToken": "t", "Marketing": {"Source": "None"},
                "Customer": {"Account": {"CompanyName": "Fjord Fish"}}})
        } else {
            whole_input()
        };
        let catalog = if production { "AWS" } else { "Sandbox" };
        let made = created(&with(body, &[("Catalog", json!(catalog))]));
        if attached { solved(&made) } else { made }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_story_of_a_deal_keeps_its_laws(
        start in beginning(),
        story in prop::collection::vec((action(), 0i64..2_000), 1..40),
    ) {
        check_state(&start)?;
        let mut stored = start;
        let mut at = minute(1);
        for (action, minutes) in &story {
            at = at.plus_millis(minutes * 1_000);
            let before = stored.clone();
            let outcome = perform(&stored, action, at);
            prop_assert!(stored == before, "deciding changes nothing by itself");
            match outcome {
                Ok(Some(next)) => {
                    check_step(action, &stored, &next)?;
                    check_state(&next)?;
                    stored = next;
                }
                Ok(None) => {}
                Err(violations) => {
                    prop_assert!(!violations.is_empty(), "a refusal says why");
                    prop_assert!(violations.iter().all(|v| !v.message.is_empty()));
                    prop_assert_eq!(perform(&stored, action, at), Err(violations), "and says it again");
                }
            }
        }
    }
}

proptest! {
    // Long stories of long documents: a few say as much as many.
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn next_steps_without_end_keep_the_last_fifty(gaps in prop::collection::vec((0i64..3, 0u8..5), 60..120)) {
        let mut stored = created(&whole_input());
        let mut at = noon();
        for (minutes, text) in gaps {
            at = at.plus_millis(minutes * 60_000);
            let body = with(echo(&stored), &[("LifeCycle.NextSteps", json!(format!("step {text}")))]);
            stored = update(&stored, &body, at).unwrap();
            check_state(&stored)?;
        }
    }
}

#[test]
fn the_stories_reach_every_review_status_and_closed_stages() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..400 {
        let story = prop::collection::vec(action(), 40)
            .new_tree(&mut runner)
            .unwrap()
            .current();
        let mut stored = draft();
        for action in &story {
            if let Ok(Some(next)) = perform(&stored, action, minute(1)) {
                stored = next;
            }
            seen.insert(format!("{}/{}", status_of(&stored), stored.stage().unwrap()));
        }
    }
    for place in [
        "Pending Submission/Qualified",
        "Submitted/Qualified",
        "In review/Qualified",
        "Action Required/Qualified",
        "Rejected/Qualified",
        "Approved/Qualified",
        "Approved/Committed",
        "Approved/Launched",
        "Approved/Closed Lost",
        "/Qualified",
    ] {
        assert!(
            seen.contains(place),
            "never came to {place}: the stories above prove less than they say"
        );
    }
}
