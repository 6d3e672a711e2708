//! Snapshots: what each template shows, when a new one is due, how it is numbered and who may read it.

use cosell_domain::opportunity::Opportunity;
use cosell_domain::snapshot::{Context, Head, Snapshot, Template, arn, association, next, take, view};
use cosell_domain::{Catalog, arn as common};
use cosell_model::{Check, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::*;

const ENGAGEMENT: &str = "eng-t1mfgo4bsg73e0";
const PARTNER: &str = "444455556666";

fn context(members: &[String], now: Timestamp) -> Context<'_> {
    Context {
        region: common::DEFAULT_REGION,
        catalog: Catalog::Sandbox,
        engagement: ENGAGEMENT,
        owner: ACCOUNT,
        aws: "390403897881",
        members,
        now,
    }
}

fn members() -> Vec<String> {
    vec![ACCOUNT.into(), "390403897881".into(), PARTNER.into()]
}

fn shot(head: Option<&Head>, opportunity: &Opportunity, template: Template) -> Option<Snapshot> {
    next(head, opportunity, template, context(&members(), minute(5)))
}

fn partner_view(head: Option<&Head>, opportunity: &Opportunity) -> Option<Snapshot> {
    shot(head, opportunity, Template::OpportunitySummaryView)
}

/// The dotted paths of all members, lists passed through.
fn paths(value: &Value, at: &str, out: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let path = if at.is_empty() {
                    name.clone()
                } else {
                    format!("{at}.{name}")
                };
                paths(value, &path, out);
            }
        }
        Value::Array(values) if values.iter().any(Value::is_object) => {
            values.iter().for_each(|value| paths(value, at, out));
        }
        _ => out.push(at.to_owned()),
    }
}

#[test]
fn the_first_snapshot_reads_as_recorded() {
    let taken = partner_view(None, &draft()).unwrap();
    assert!(taken.document.check(), "it obeys the contract");
    let read = serde_json::to_value(&taken.document).unwrap();
    let shown = [
        ("/Catalog", json!("Sandbox")),
        (
            "/Arn",
            json!(
                "arn:aws:partnercentral:us-east-1::catalog/Sandbox/engagement/eng-t1mfgo4bsg73e0/resource/Opportunity/O5465588/template/OpportunitySummaryView/snapshot/1"
            ),
        ),
        ("/CreatedBy", json!(ACCOUNT)),
        ("/CreatedAt", json!("2026-11-21T12:05:00.000Z")),
        ("/EngagementId", json!(ENGAGEMENT)),
        ("/ResourceType", json!("Opportunity")),
        ("/ResourceId", json!(ID)),
        ("/ResourceSnapshotTemplateName", json!("OpportunitySummaryView")),
        ("/Revision", json!(1)),
        ("/TargetMemberAccounts", json!([ACCOUNT, "390403897881", PARTNER])),
        (
            "/Payload/OpportunitySummary/Lifecycle/ReviewStatus",
            json!("Pending Submission"),
        ),
    ];
    for (path, value) in shown {
        assert_eq!(read.pointer(path), Some(&value), "{path}");
    }
    assert!(taken.summary().check());
    assert_eq!(taken.answer().revision, Some(1));
    assert_eq!(taken.answer().arn, taken.document.arn);
}

#[test]
fn the_owners_view_shows_exactly_the_templates_fields() {
    let body = with(
        whole_input(),
        &[
            ("Project.OtherSolutionDescription", json!("home-made")),
            ("Project.CompetitorName", json!("*Other")),
            ("Project.OtherCompetitorNames", json!("Contoso")),
            (
                "OpportunityTeam",
                json!([{"Email": "bob@partner.example", "FirstName": "Bob", "LastName": "Lee", "BusinessTitle": "OpportunityOwner"}]),
            ),
        ],
    );
    let summary = view::opportunity_summary(&created(&body).document);
    assert!(summary.check());
    let mut found = Vec::new();
    paths(&serde_json::to_value(&summary).unwrap(), "", &mut found);
    found.sort();
    assert_eq!(
        found,
        [
            "Customer.Account.Address.City",
            "Customer.Account.Address.CountryCode",
            "Customer.Account.Address.PostalCode",
            "Customer.Account.Address.StateOrRegion",
            "Customer.Account.Address.StreetAddress",
            "Customer.Account.AwsAccountId",
            "Customer.Account.CompanyName",
            "Customer.Account.Duns",
            "Customer.Account.Industry",
            "Customer.Account.WebsiteUrl",
            "Customer.Contacts.Email",
            "Customer.Contacts.FirstName",
            "Customer.Contacts.LastName",
            "Lifecycle.NextSteps",
            "Lifecycle.ReviewStatus",
            "Lifecycle.Stage",
            "Lifecycle.TargetCloseDate",
            "OpportunityTeam.BusinessTitle",
            "OpportunityTeam.Email",
            "OpportunityTeam.FirstName",
            "OpportunityTeam.LastName",
            "OpportunityType",
            "PrimaryNeedsFromAws",
            "Project.CustomerUseCase",
            "Project.DeliveryModels",
            "Project.ExpectedCustomerSpend.Amount",
            "Project.ExpectedCustomerSpend.CurrencyCode",
            "Project.ExpectedCustomerSpend.Frequency",
            "Project.ExpectedCustomerSpend.TargetCompany",
            "Project.OtherSolutionDescription",
            "Project.SalesActivities",
            "RelatedEntityIdentifiers.AwsMarketplaceOfferSets",
            "RelatedEntityIdentifiers.AwsMarketplaceOffers",
            "RelatedEntityIdentifiers.AwsMarketplaceProducts",
            "RelatedEntityIdentifiers.AwsMarketplaceSolutions",
            "RelatedEntityIdentifiers.AwsProducts",
            "RelatedEntityIdentifiers.Solutions",
        ]
    );
}

#[test]
fn an_offer_makes_no_snapshot_due_and_is_in_the_next_one() {
    let stored = draft();
    let first = partner_view(None, &stored).unwrap();
    let mut offered = stored.clone();
    let related = &mut offered.document.related_entity_identifiers;
    related.aws_marketplace_offers = Some(vec!["offer-1".into()]);
    related.aws_marketplace_offer_sets = Some(vec!["offerset-1".into()]);
    assert_eq!(partner_view(Some(&first.head()), &offered), None);
    let moved = edit(&offered, &[("LifeCycle.NextSteps", json!("Sign"))]).unwrap();
    let second = partner_view(Some(&first.head()), &moved).unwrap();
    let shown = second.document.payload.unwrap().opportunity_summary.unwrap();
    let related = shown.related_entity_identifiers.unwrap();
    assert_eq!(related.aws_marketplace_offers, Some(vec!["offer-1".to_owned()]));
    assert_eq!(
        related.aws_marketplace_offer_sets,
        Some(vec!["offerset-1".to_owned()])
    );
    // Any other entity makes one due.
    let mut related = stored.clone();
    related.document.related_entity_identifiers.aws_products = Some(vec!["AmazonEC2Linux".into()]);
    assert!(partner_view(Some(&first.head()), &related).is_some());
}

#[test]
fn only_a_change_of_the_templates_fields_makes_a_snapshot_due() {
    let approved = of_status(&draft(), "Approved");
    let head = partner_view(None, &approved).unwrap().head();
    for (path, value, due) in [
        ("LifeCycle.NextSteps", json!("something else"), true),
        ("LifeCycle.Stage", json!("Technical Validation"), true),
        ("LifeCycle.TargetCloseDate", json!("2027-04-01"), true),
        ("Project.SalesActivities", json!(["SOW Signed"]), true),
        ("Project.CustomerUseCase", json!("Security & Compliance"), true),
        ("Customer.Account.Address.City", json!("Tacoma"), true),
        ("Customer.Contacts", json!([]), true),
        ("Project.AdditionalComments", json!("a comment"), false),
        ("Project.ApnPrograms", json!([]), false),
        ("Project.CompetitorName", json!("Oracle Cloud"), false),
        ("Marketing.AwsFundingUsed", json!("No"), false),
    ] {
        let edited = edit(&approved, &[(path, value)]).unwrap();
        assert_ne!(edited.document, approved.document, "{path} is a change");
        let taken = partner_view(Some(&head), &edited);
        assert_eq!(taken.is_some(), due, "{path}");
        if let Some(taken) = taken {
            assert_eq!(taken.revision(), 2, "{path}");
        }
    }
}

#[test]
fn review_and_associations_are_part_of_the_view() {
    let stored = draft();
    let mut head = partner_view(None, &stored).unwrap().head();
    let product = attach(&stored, "AwsProducts", "AmazonEC2Linux", minute(3))
        .unwrap()
        .unwrap();
    for later in [
        product.clone(),
        submitted(&product),
        of_status(&product, "Approved"),
    ] {
        let taken = partner_view(Some(&head), &later).expect("due");
        assert_eq!(taken.revision(), head.revision + 1);
        head = taken.head();
        assert_eq!(partner_view(Some(&head), &later), None, "once only");
    }
    assert_eq!(head.revision, 4);
}

#[test]
fn a_snapshot_that_is_asked_for_is_taken_without_a_change() {
    let stored = draft();
    let members = members();
    let context = context(&members, minute(9));
    let template = Template::OpportunitySummaryView;
    let first = take(None, &stored, template, context).unwrap();
    let second = take(Some(&first.head()), &stored, template, context).unwrap();
    assert_eq!((second.revision(), &second.hash), (2, &first.hash));
}

#[test]
fn awss_view_exists_from_the_submission_on_and_is_its_owners_alone() {
    let template = Template::AwsOpportunitySummaryFullView;
    assert_eq!(shot(None, &draft(), template), None);
    let taken = shot(None, &submitted(&draft()), template).unwrap();
    assert!(taken.document.check());
    assert_eq!(taken.document.created_by.as_deref(), Some("390403897881"));
    assert_eq!(taken.restricted_to.as_deref(), Some(ACCOUNT));
    assert_eq!(
        taken.document.target_member_accounts,
        Some(vec![ACCOUNT.to_owned()])
    );
    let payload = serde_json::to_value(&taken.document.payload).unwrap();
    let full = &payload["AwsOpportunitySummaryFullView"];
    assert_eq!(full["RelatedOpportunityId"], ID);
    assert_eq!(full["LifeCycle"]["Stage"], "Not Started");
    assert_eq!(full.get("Catalog"), None);
    assert_eq!(payload.as_object().unwrap().len(), 1, "a union has one member");
}

#[test]
fn who_may_read_which_template() {
    let owners = partner_view(None, &submitted(&draft())).unwrap();
    let awss = shot(
        None,
        &submitted(&draft()),
        Template::AwsOpportunitySummaryFullView,
    )
    .unwrap();
    for (account, member, reads_owners, reads_awss) in [
        (ACCOUNT, true, true, true),
        (PARTNER, true, true, false),
        ("390403897881", true, true, true),
        ("999999999999", false, false, false),
        // Whoever is no member reads nothing, even of what was meant for it.
        (ACCOUNT, false, false, false),
    ] {
        assert_eq!(owners.may_be_read_by(account, member), reads_owners, "{account}");
        assert_eq!(awss.may_be_read_by(account, member), reads_awss, "{account}");
    }
}

#[test]
fn callers_can_name_the_owners_template_only() {
    assert_eq!(
        Template::writable("OpportunitySummaryView"),
        Ok(Template::OpportunitySummaryView)
    );
    for (name, code) in [
        ("AwsOpportunitySummaryFullView", "ACTION_NOT_PERMITTED"),
        ("Opportunity", "INVALID_VALUE"),
        ("opportunitySummaryView", "INVALID_VALUE"),
    ] {
        assert_eq!(
            codes(&Template::writable(name).unwrap_err()),
            [("resourceSnapshotTemplateIdentifier", code)],
            "{name}"
        );
    }
    for template in Template::ALL {
        assert_eq!(Template::from_name(template.as_str()), Some(template));
    }
}

#[test]
fn an_association_names_who_brought_the_opportunity() {
    let read = association(Catalog::Aws, ENGAGEMENT, ID, ACCOUNT);
    assert!(read.check());
    assert_eq!(
        serde_json::to_value(&read).unwrap(),
        json!({"Catalog": "AWS", "EngagementId": ENGAGEMENT, "ResourceType": "Opportunity", "ResourceId": ID, "CreatedBy": ACCOUNT})
    );
}

#[test]
fn a_job_arn_survives_building_and_reading() {
    let built = arn::job("us-east-1", ACCOUNT, Catalog::Aws, "job-j4b4yy3zu3sam");
    assert_eq!(
        built,
        "arn:aws:partnercentral:us-east-1:111122223333:catalog/AWS/resource-snapshot-job/job-j4b4yy3zu3sam"
    );
    let read = arn::parse_job(&built).unwrap();
    assert_eq!(
        (read.account.as_str(), read.catalog, read.id.as_str()),
        (ACCOUNT, Catalog::Aws, "job-j4b4yy3zu3sam")
    );
    for other in [
        "",
        "job-j4b4yy3zu3sam",
        "arn:aws:partnercentral:us-east-1:111122223333:catalog/AWS/opportunity/O1",
        "arn:aws:s3:us-east-1:111122223333:catalog/AWS/resource-snapshot-job/job-1",
        "arn:aws:partnercentral:us-east-1:111122223333:catalog/Moon/resource-snapshot-job/job-1",
        "arn:aws:partnercentral:us-east-1:111122223333:catalog/AWS/resource-snapshot-job/job-1/more",
    ] {
        assert_eq!(arn::parse_job(other), None, "{other}");
    }
}

#[test]
fn a_kept_snapshot_reads_back_the_same() {
    for template in Template::ALL {
        let taken = shot(None, &submitted(&draft()), template).unwrap();
        let json = serde_json::to_string(&taken).unwrap();
        assert_eq!(serde_json::from_str::<Snapshot>(&json).unwrap(), taken);
        assert!(!json.contains("null"));
    }
}

proptest! {
    #[test]
    fn revisions_count_the_distinct_neighbours_and_never_skip(steps in prop::collection::vec(0..4usize, 1..12)) {
        let approved = of_status(&draft(), "Approved");
        let menu = ["one", "two", "three", "four"];
        let mut head = None;
        let (mut shown, mut expected) = (None, 0);
        for step in steps {
            let edited = edit(&approved, &[("LifeCycle.NextSteps", json!(menu[step]))]).unwrap();
            if shown != Some(step) {
                expected += 1;
                shown = Some(step);
            }
            if let Some(taken) = partner_view(head.as_ref(), &edited) {
                head = Some(taken.head());
            }
            prop_assert_eq!(head.as_ref().map(|head| head.revision), Some(expected));
        }
    }
}
