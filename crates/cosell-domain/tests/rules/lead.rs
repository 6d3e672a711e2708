//! Leads into opportunities: which context may be converted, and what the draft holds.

use cosell_domain::opportunity::create::Context;
use cosell_domain::opportunity::spend::Estimates;
use cosell_domain::task::lead::{Converted, convert, find};
use cosell_domain::{Catalog, arn};
use cosell_model::enums::ReasonCode;
use cosell_model::types::{EngagementContextDetails, LeadContext};
use cosell_model::{Check, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::*;

fn recorded() -> Value {
    let contact = json!({"BusinessTitle": "Officer", "Email": "Test@test.com", "FirstName": "Torey", "LastName": "Orn"});
    json!({
        "QualificationStatus": "Qualified",
        "Customer": {
            "CompanyName": "Acme Corp", "Industry": "Software and Internet", "MarketSegment": "Enterprise",
            "WebsiteUrl": "https://acmecorp-updated.example.com", "AwsMaturity": "Single-Account",
            "Address": {"CountryCode": "US", "StateOrRegion": "California", "City": "San Francisco"},
        },
        "Interactions": [
            {"SourceType": "Campaign", "Contact": contact},
            {"SourceType": "Campaign", "Contact": contact, "BusinessProblem": "an older problem of the same customer"},
            {"SourceType": "Campaign", "Contact": contact,
                "BusinessProblem": "Need to modernize legacy database infrastructure for better scalability"},
            {"SourceType": "Campaign", "Contact": contact, "BusinessProblem": "  "},
        ],
    })
}

fn lead(body: &Value) -> LeadContext {
    serde_json::from_value(body.clone()).unwrap()
}

fn converted_at(body: &Value, now: Timestamp) -> Converted {
    let context = Context {
        account: ACCOUNT,
        catalog: Catalog::Aws,
        region: arn::DEFAULT_REGION,
        id: "O14890686",
        now,
        estimates: &Estimates::default(),
    };
    convert(&lead(body), context).expect("a draft of a lead breaks no rule")
}

fn converted(body: &Value) -> Converted {
    converted_at(body, noon())
}

fn context(id: &str, kind: &str, payload: Value) -> EngagementContextDetails {
    serde_json::from_value(json!({"Id": id, "Type": kind, "Payload": payload})).unwrap()
}

#[test]
fn the_draft_reads_as_recorded() {
    let made = converted_at(&recorded(), Timestamp::parse("2025-11-03T03:16:07Z").unwrap());
    assert!(made.opportunity.document.check(), "it obeys the contract");
    assert_eq!(
        serde_json::to_value(&made.opportunity.document).unwrap(),
        json!({
            "Catalog": "AWS", "NationalSecurity": "No",
            "Customer": {
                "Account": {"Industry": "Software and Internet", "CompanyName": "Acme Corp",
                    "WebsiteUrl": "https://acmecorp-updated.example.com", "Address": {"CountryCode": "US"}},
                "Contacts": [],
            },
            "Project": {"ExpectedCustomerSpend": [], "Title": "Converted from Lead",
                "CustomerBusinessProblem": "Need to modernize legacy database infrastructure for better scalability"},
            "OpportunityType": "Net New Business", "Marketing": {"Source": "None"}, "Id": "O14890686",
            "Arn": "arn:aws:partnercentral:us-east-1:111122223333:catalog/AWS/opportunity/O14890686",
            "LastModifiedDate": "2025-11-03T03:16:07.000Z", "CreatedDate": "2025-11-03T03:16:07.000Z",
            "RelatedEntityIdentifiers": {"AwsMarketplaceOffers": [], "AwsMarketplaceOfferSets": [], "Solutions": [],
                "AwsProducts": [], "AwsMarketplaceSolutions": [], "AwsMarketplaceProducts": []},
            "LifeCycle": {"Stage": "Prospect", "TargetCloseDate": "2026-02-01", "ReviewStatus": "Pending Submission"},
            "OpportunityTeam": [],
        })
    );
}

#[test]
fn the_project_context_says_the_same() {
    let made = converted(&recorded());
    assert!(made.context.check());
    assert_eq!(
        serde_json::to_value(&made.context).unwrap(),
        json!({
            "Customer": {"Industry": "Software and Internet", "CompanyName": "Acme Corp",
                "WebsiteUrl": "https://acmecorp-updated.example.com", "CountryCode": "US"},
            "Project": {"Title": "Converted from Lead", "TargetCompletionDate": "2027-02-19",
                "BusinessProblem": "Need to modernize legacy database infrastructure for better scalability"},
        })
    );
}

#[test]
fn the_draft_of_a_sparse_lead_can_be_completed_and_submitted() {
    let sparse = json!({"Customer": {"CompanyName": "Acme"}, "Interactions": []});
    let made = converted(&sparse);
    assert!(made.opportunity.document.check());
    assert!(made.context.check());
    assert_eq!(
        made.context.customer, None,
        "a customer there needs all four facts"
    );
    let whole = with(whole_input(), &[("LifeCycle.Stage", json!("Prospect"))]);
    let mut body = echo(&made.opportunity);
    for member in ["Customer", "Project", "PrimaryNeedsFromAws"] {
        body[member] = whole[member].clone();
    }
    let completed = solved(&update(&made.opportunity, &body, minute(5)).expect("an open draft"));
    submit_as(&completed, "Co-Sell", None).expect("a whole draft");
}

#[test]
fn free_texts_become_what_an_opportunity_takes() {
    let lead_with = |path: &str, value: Value| {
        let edits = [(path, value)];
        let made = converted(&with(recorded(), &edits));
        assert!(made.opportunity.document.check(), "{path}");
        assert!(made.context.check(), "{path}");
        let document = serde_json::to_value(&made.opportunity.document).unwrap();
        document["Customer"]["Account"].clone()
    };
    for (sent, industry, other) in [
        (json!("Retail"), json!("Retail"), Value::Null),
        (json!("Beekeeping"), json!("Other"), json!("Beekeeping")),
        (json!("Other"), json!("Other"), json!("Other")),
        (json!(""), Value::Null, Value::Null),
    ] {
        let account = lead_with("Customer.Industry", sent.clone());
        assert_eq!(
            (&account["Industry"], &account["OtherIndustry"]),
            (&industry, &other),
            "{sent}"
        );
    }
    for (sent, country) in [
        (json!("de"), json!("DE")),
        (json!("Germany"), Value::Null),
        (json!(""), Value::Null),
    ] {
        let account = lead_with("Customer.Address.CountryCode", sent.clone());
        assert_eq!(account["Address"]["CountryCode"], country, "{sent}");
    }
    for (sent, website) in [
        (json!("abc"), Value::Null),
        (json!("acme.example"), json!("acme.example")),
    ] {
        let account = lead_with("Customer.WebsiteUrl", sent.clone());
        assert_eq!(account["WebsiteUrl"], website, "{sent}");
    }
}

#[test]
fn a_problem_in_few_words_is_introduced_and_none_is_none() {
    for (stated, kept, context) in [
        (
            "slow",
            Some("The customer's problem: slow"),
            "The customer's problem: slow",
        ),
        (
            "exactly twenty chars",
            Some("exactly twenty chars"),
            "exactly twenty chars",
        ),
        ("", None, "The lead states no business problem."),
    ] {
        let mut body = recorded();
        let mut interaction = body["Interactions"][0].clone();
        interaction["BusinessProblem"] = json!(stated);
        body["Interactions"] = json!([interaction]);
        let made = converted(&body);
        let project = made.opportunity.document.project.as_ref().unwrap();
        assert_eq!(project.customer_business_problem.as_deref(), kept);
        assert_eq!(made.context.project.as_ref().unwrap().business_problem, context);
        assert!(made.opportunity.document.check() && made.context.check());
    }
}

#[test]
fn only_a_lead_that_is_not_disqualified_can_be_converted() {
    let project = serde_json::to_value(converted(&recorded()).context).unwrap();
    let status = |status: Value| json!({"Lead": with(recorded(), &[("QualificationStatus", status)])});
    let contexts = [
        context("1", "Lead", json!({"Lead": recorded()})),
        context("2", "CustomerProject", json!({"CustomerProject": project})),
        context("3", "Lead", status(json!("disqualified "))),
        context("4", "Lead", status(json!("Unqualified"))),
        context("5", "Lead", status(Value::Null)),
        context("6", "ProspectingResult", json!({"ProspectingResult": {}})),
    ];
    for id in ["1", "4", "5"] {
        assert_eq!(
            find(&contexts, id).unwrap().customer.company_name,
            "Acme Corp",
            "{id}"
        );
    }
    for (id, code) in [
        ("2", ReasonCode::CustomerProjectContextNotPermitted),
        ("3", ReasonCode::DisqualifiedLeadNotPermitted),
        ("6", ReasonCode::EngagementValidationFailed),
        ("7", ReasonCode::ContextNotFound),
    ] {
        let failure = find(&contexts, id).unwrap_err();
        assert_eq!(failure.reason_code, code, "{id}");
        assert!(!failure.message.is_empty());
    }
}

proptest! {
    #[test]
    fn whatever_a_lead_says_the_draft_and_the_context_obey_the_contract(
        industry in prop::option::of("\\PC{0,40}"), website in prop::option::of("\\PC{0,40}"),
        country in prop::option::of("[A-Za-z]{0,3}"), problem in prop::option::of("\\PC{0,60}"),
        company in "[A-Za-z ]{1,60}", seconds in 0i64..4_000_000_000,
    ) {
        let body = json!({
            "Customer": {"CompanyName": company, "Industry": industry, "WebsiteUrl": website, "Address": {"CountryCode": country}},
            "Interactions": [{"BusinessProblem": problem,
                "Contact": {"BusinessTitle": "x", "Email": "x", "FirstName": "x", "LastName": "x"}}],
        });
        let made = converted_at(&body, Timestamp::from_millis(seconds * 1000));
        prop_assert!(made.opportunity.document.check());
        prop_assert!(made.context.check());
    }
}
