//! GetAwsOpportunitySummary and the list's summary: what each shows, and what it keeps to itself.

use cosell_domain::opportunity::aws_side::summary;
use cosell_domain::opportunity::summary::summarise;
use cosell_model::Check;
use serde_json::{Value, json};

use crate::support::*;

#[test]
fn aws_knows_nothing_of_a_draft() {
    assert_eq!(summary(&draft()), None);
    assert!(summary(&submitted(&draft())).is_some());
}

#[test]
fn awss_view_shows_the_involvement_and_the_partners_facts() {
    let stored = attach(&draft(), "AwsProducts", "AmazonEC2Linux", minute(2))
        .unwrap()
        .unwrap();
    let stored = submit_as(&stored, "For Visibility Only", Some("Limited"))
        .unwrap()
        .unwrap();
    let answer = summary(&stored).unwrap();
    assert!(answer.check(), "it obeys the contract");
    let read = serde_json::to_value(&answer).unwrap();
    let shown = [
        ("/Catalog", json!("Sandbox")),
        ("/RelatedOpportunityId", json!(ID)),
        ("/Origin", json!("Partner Referral")),
        ("/InvolvementType", json!("For Visibility Only")),
        ("/Visibility", json!("Limited")),
        ("/LifeCycle/Stage", json!("Not Started")),
        ("/LifeCycle/TargetCloseDate", json!("2027-03-31")),
        ("/OpportunityTeam", json!([])),
        ("/RelatedEntityIds/Solutions", json!(["S-1234567"])),
        ("/RelatedEntityIds/AwsProducts", json!(["AmazonEC2Linux"])),
        ("/RelatedEntityIds/AwsMarketplaceSolutions", json!([])),
        ("/RelatedEntityIds/AwsMarketplaceProducts", json!([])),
        ("/Customer/Contacts/0/FirstName", json!("Ann")),
        ("/Project/ExpectedCustomerSpend/0/Amount", json!("2500")),
    ];
    for (path, value) in shown {
        assert_eq!(read.pointer(path), Some(&value), "{path}");
    }
    for absent in [
        "/Insights",
        "/CosellMotion",
        "/SoftwareRevenue",
        "/InvolvementTypeChangeReason",
        "/Customer/Account",
    ] {
        assert_eq!(read.pointer(absent), None, "{absent}");
    }
}

#[test]
fn awss_view_follows_the_partners_later_changes() {
    let approved = of_status(&draft(), "Approved");
    let spend =
        json!([{"Amount": "9", "CurrencyCode": "USD", "Frequency": "Monthly", "TargetCompany": "AWS"}]);
    let next = edit(
        &approved,
        &[
            ("Project.ExpectedCustomerSpend", spend),
            ("Customer.Contacts", Value::Null),
        ],
    )
    .unwrap();
    let read = serde_json::to_value(summary(&next).unwrap()).unwrap();
    assert_eq!(read["Project"]["ExpectedCustomerSpend"][0]["Amount"], "9");
    assert_eq!(read["Customer"].get("Contacts"), None);
    assert_eq!(read["InvolvementType"], "Co-Sell");
    assert_eq!(read["Visibility"], "Full");
}

#[test]
fn awss_own_side_outlives_a_second_submission() {
    let mut asked = of_status(&draft(), "Action Required");
    asked.private.aws.as_mut().unwrap().life_cycle.next_steps = Some("ask legal".into());
    let again = submit_as(&asked, "Co-Sell", None).unwrap().unwrap();
    assert_eq!(
        summary(&again).unwrap().life_cycle.unwrap().next_steps.as_deref(),
        Some("ask legal")
    );
}

#[test]
fn a_list_shows_the_outline_of_a_deal_only() {
    let stored = submitted(&draft());
    let entry = summarise(&stored.document);
    assert!(entry.check());
    let read = serde_json::to_value(&entry).unwrap();
    for (path, value) in [
        ("/Id", json!(ID)),
        ("/LifeCycle/ReviewStatus", json!("Submitted")),
        ("/LifeCycle/NextSteps", json!("call the customer")),
        ("/Customer/Account/CompanyName", json!("Fjord Fish")),
        ("/Customer/Account/Address/PostalCode", json!("98101")),
        ("/Project/DeliveryModels/0", json!("SaaS or PaaS")),
        ("/LastModifiedDate", json!("2026-11-21T12:30:00.000Z")),
    ] {
        assert_eq!(read.pointer(path), Some(&value), "{path}");
    }
    for absent in [
        "/Customer/Contacts",
        "/Customer/Account/Address/StreetAddress",
        "/Customer/Account/Duns",
        "/Project/Title",
        "/Project/CustomerUseCase",
        "/Project/SalesActivities",
        "/Marketing",
        "/LifeCycle/NextStepsHistory",
        "/RelatedEntityIdentifiers",
    ] {
        assert_eq!(read.pointer(absent), None, "{absent}");
    }
}
