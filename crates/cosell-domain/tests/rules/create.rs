//! CreateOpportunity: what a draft is made of, and every rule about what is present.

use cosell_model::Timestamp;
use serde_json::{Value, json};

use crate::support::*;

/// Members to set or, with null, to leave out.
type Edits = Vec<(&'static str, Value)>;

const INVALID: &str = "INVALID_VALUE";
const ENUM: &str = "INVALID_ENUM_VALUE";
const DENIED: &str = "ACTION_NOT_PERMITTED";
const MISSING: &str = "REQUIRED_FIELD_MISSING";

#[test]
fn a_whole_input_becomes_a_draft_in_pending_submission() {
    let made = created(&with(
        whole_input(),
        &[
            ("LifeCycle.ReviewStatus", json!("Approved")),
            ("LifeCycle.ReviewComments", json!("let me in")),
            ("LifeCycle.ReviewStatusReason", json!("none")),
            (
                "LifeCycle.NextStepsHistory",
                json!([{"Value": "forged", "Time": "2020-01-01T00:00:00Z"}]),
            ),
            ("Tags", json!([{"Key": "team", "Value": "north"}])),
        ],
    ));
    let read = serde_json::to_value(&made.document).unwrap();
    assert_eq!(read["Id"], ID);
    assert_eq!(
        read["Arn"],
        "arn:aws:partnercentral:us-east-1:111122223333:catalog/Sandbox/opportunity/O5465588"
    );
    assert_eq!(read["CreatedDate"], "2026-11-21T12:00:00.000Z");
    assert_eq!(read["LastModifiedDate"], read["CreatedDate"]);
    let cycle = &read["LifeCycle"];
    assert_eq!(cycle["ReviewStatus"], "Pending Submission");
    assert_eq!(cycle["Stage"], "Qualified");
    assert_eq!(cycle.get("ReviewComments"), None);
    assert_eq!(cycle.get("ReviewStatusReason"), None);
    assert_eq!(
        cycle["NextStepsHistory"],
        json!([{"Value": "call the customer", "Time": "2026-11-21T12:00:00.000Z"}])
    );
    for kind in [
        "Solutions",
        "AwsProducts",
        "AwsMarketplaceOffers",
        "AwsMarketplaceOfferSets",
        "AwsMarketplaceSolutions",
        "AwsMarketplaceProducts",
    ] {
        assert_eq!(read["RelatedEntityIdentifiers"][kind], json!([]), "{kind}");
    }
    for absent in ["Tags", "Origin", "ClientToken", "InvolvementType", "Visibility"] {
        assert_eq!(read.get(absent), None, "GetOpportunity never shows {absent}");
    }
    assert_eq!(made.private.origin.as_str(), "Partner Referral");
    assert_eq!(made.private.tags.get("team").map(String::as_str), Some("north"));
    assert!(made.private.involvement_type.is_none() && made.private.visibility.is_none());
}

#[test]
fn sparse_inputs_are_drafts_too() {
    let bare = created(&json!({"Catalog": "AWS", "ClientToken": "t"}));
    assert_eq!(bare.stage().unwrap().as_str(), "Prospect");
    assert_eq!(status_of(&bare), "Pending Submission");
    assert_eq!(bare.document.national_security.as_ref().unwrap().as_str(), "No");

    // The smallest request seen from a real client.
    let seen = json!({
        "Catalog": "AWS", "ClientToken": "t",
        "Customer": {"Account": {"CompanyName": "C", "Industry": "Aerospace", "WebsiteUrl": "c.example",
            "Address": {"CountryCode": "US"}}},
        "Project": {"Title": "T", "CustomerUseCase": "Migration / Database Migration", "DeliveryModels": ["Other"],
            "ExpectedCustomerSpend": [{"Amount": "1", "CurrencyCode": "USD", "Frequency": "Monthly", "TargetCompany": "AWS"}]},
        "LifeCycle": {"Stage": "Prospect", "TargetCloseDate": "2027-01-01"},
        "Marketing": {"Source": "None", "AwsFundingUsed": "No"},
    });
    created(&seen);
    // Members that SDKs and Postman send as null or empty.
    created(&json!({
        "Catalog": "Sandbox", "ClientToken": "t", "SoftwareRevenue": {}, "Customer": {"Contacts": []},
        "LifeCycle": {"ClosedLostReason": null, "NextSteps": "", "ReviewStatusReason": "null"},
        "PartnerOpportunityIdentifier": null, "Project": {"ExpectedCustomerSpend": []},
    }));
}

#[test]
fn a_deal_starts_in_any_open_stage_and_in_no_closed_one() {
    for stage in [
        "Prospect",
        "Qualified",
        "Technical Validation",
        "Business Validation",
        "Committed",
    ] {
        let made = created(&with(whole_input(), &[("LifeCycle.Stage", json!(stage))]));
        assert_eq!(made.stage().unwrap().as_str(), stage);
    }
    for (stage, reason) in [("Launched", Value::Null), ("Closed Lost", json!("Price"))] {
        let body = with(
            whole_input(),
            &[
                ("LifeCycle.Stage", json!(stage)),
                ("LifeCycle.ClosedLostReason", reason),
            ],
        );
        assert_eq!(
            codes(&create_at(&body, noon()).unwrap_err()),
            [("lifeCycle.stage", DENIED)],
            "{stage}"
        );
    }
}

#[test]
fn only_aws_brings_aws_referrals_in_the_production_catalog() {
    for (catalog, origin, taken) in [
        ("AWS", "Partner Referral", true),
        ("Sandbox", "Partner Referral", true),
        ("AWS", "AWS Referral", false),
    ] {
        let body = with(
            whole_input(),
            &[("Catalog", json!(catalog)), ("Origin", json!(origin))],
        );
        let result = create_at(&body, noon());
        assert_eq!(result.is_ok(), taken, "{catalog} {origin}");
        if let Err(violations) = result {
            assert_eq!(codes(&violations), [("origin", DENIED)]);
        }
    }
}

#[test]
fn each_rule_about_what_is_present_has_its_field_and_code() {
    let state = "customer.account.address.stateOrRegion";
    let postal = "customer.account.address.postalCode";
    let marketed = json!({"Source": "Marketing Activity", "AwsFundingUsed": "Yes"});
    let cases: Vec<(Edits, &str, &str)> = vec![
        (
            vec![("Customer.Account.Industry", json!("Other"))],
            "customer.account.otherIndustry",
            MISSING,
        ),
        (
            vec![("Customer.Account.OtherIndustry", json!("Puppets"))],
            "customer.account.otherIndustry",
            DENIED,
        ),
        (
            vec![("NationalSecurity", json!("Yes"))],
            "nationalSecurity",
            DENIED,
        ),
        (
            vec![
                ("NationalSecurity", json!("Yes")),
                ("Customer.Account.Industry", json!("Government")),
                (
                    "Customer.Account.Address",
                    json!({"CountryCode": "DE", "PostalCode": "10115"}),
                ),
            ],
            "customer.account.address.countryCode",
            INVALID,
        ),
        (
            vec![("Customer.Account.Address.StateOrRegion", json!("CA"))],
            state,
            ENUM,
        ),
        (
            vec![("Customer.Account.Address.StateOrRegion", json!("california"))],
            state,
            ENUM,
        ),
        (
            vec![("Customer.Account.Address.PostalCode", json!("9810"))],
            postal,
            INVALID,
        ),
        (
            vec![("Project.CustomerUseCase", json!("Time travel"))],
            "project.customerUseCase",
            ENUM,
        ),
        (
            vec![(
                "Project.ApnPrograms",
                json!(["Well-Architected", "Ill-Architected"]),
            )],
            "project.apnPrograms",
            ENUM,
        ),
        (
            vec![
                ("Project.CompetitorName", json!("AliCloud")),
                ("Project.OtherCompetitorNames", json!("X")),
            ],
            "project.otherCompetitorNames",
            DENIED,
        ),
        (
            vec![("Project.OtherCompetitorNames", json!("X"))],
            "project.otherCompetitorNames",
            DENIED,
        ),
        (
            vec![("Marketing.CampaignName", json!("Spring"))],
            "marketing.campaignName",
            DENIED,
        ),
        (
            vec![("Marketing.UseCases", json!(["Analytics"]))],
            "marketing.useCases",
            DENIED,
        ),
        (
            vec![("Marketing.Channels", json!(["Email"]))],
            "marketing.channels",
            DENIED,
        ),
        (
            vec![("Marketing.AwsFundingUsed", json!("Yes"))],
            "marketing.awsFundingUsed",
            DENIED,
        ),
        (
            vec![("Marketing.Source", json!("Marketing Activity"))],
            "marketing.awsFundingUsed",
            MISSING,
        ),
        (
            vec![
                ("Marketing", marketed),
                ("Marketing.UseCases", json!(["Alchemy"])),
            ],
            "marketing.useCases",
            ENUM,
        ),
        (
            vec![("SoftwareRevenue.EffectiveDate", json!("2027-02-30"))],
            "softwareRevenue.effectiveDate",
            INVALID,
        ),
        (
            vec![(
                "SoftwareRevenue",
                json!({"EffectiveDate": "2027-02-02", "ExpirationDate": "2027-02-01"}),
            )],
            "softwareRevenue.expirationDate",
            INVALID,
        ),
        (
            vec![("LifeCycle.ClosedLostReason", json!("Price"))],
            "lifeCycle.closedLostReason",
            DENIED,
        ),
        (
            vec![("LifeCycle.TargetCloseDate", json!("2027-02-30"))],
            "lifeCycle.targetCloseDate",
            INVALID,
        ),
        (
            vec![(
                "PrimaryNeedsFromAws",
                json!(["Do Not Need Support from AWS Sales Rep"]),
            )],
            "primaryNeedsFromAws",
            ENUM,
        ),
        (
            vec![(
                "Tags",
                json!([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]),
            )],
            "tags.key",
            "DUPLICATE_KEY_VALUE",
        ),
        (
            vec![("Tags", json!([{"Key": "AWS:x", "Value": "1"}]))],
            "tags.key",
            INVALID,
        ),
    ];
    for (edits, field, code) in cases {
        let violations = create_at(&with(whole_input(), &edits), noon()).expect_err(field);
        assert_eq!(codes(&violations), [(field, code)], "{edits:?}");
        assert!(!violations[0].message.is_empty());
    }
}

#[test]
fn known_texts_of_the_service_are_kept_word_for_word() {
    let wrong = with(
        whole_input(),
        &[
            (
                "Customer.Account.Address",
                json!({"CountryCode": "DE", "PostalCode": "1234"}),
            ),
            ("LifeCycle.TargetCloseDate", json!("2026-11-21")),
            ("LifeCycle.ClosedLostReason", json!("Price")),
        ],
    );
    let violations = create_at(&wrong, noon()).unwrap_err();
    assert_eq!(
        told(&violations),
        [
            (
                "customer.account.address.postalCode",
                INVALID,
                "The postal code is invalid for country DE, DE postal code must be in 99999 format."
            ),
            (
                "lifeCycle.closedLostReason",
                DENIED,
                "Closed Lost Reason is not acceptable until Opportunity has been 'Closed Lost'."
            ),
            (
                "lifeCycle.targetCloseDate",
                INVALID,
                "Target Close Date should be a future date"
            ),
        ]
    );
}

#[test]
fn an_enum_refusal_names_what_is_accepted() {
    let body = with(
        whole_input(),
        &[("Customer.Account.Address.StateOrRegion", json!("CA"))],
    );
    let violations = create_at(&body, noon()).unwrap_err();
    for name in ["California", "Dist. of Columbia", "APO/AE"] {
        assert!(violations[0].message.contains(name), "{}", violations[0].message);
    }
}

#[test]
fn what_other_sources_forbid_but_real_clients_send_is_taken() {
    for edits in [
        vec![("Marketing", json!({"Source": "None", "AwsFundingUsed": "No"}))],
        vec![(
            "Marketing",
            json!({"Source": "Marketing Activity", "AwsFundingUsed": "No", "UseCases": ["Analytics"]}),
        )],
        vec![(
            "Marketing",
            json!({"Source": "None", "UseCases": [], "Channels": [], "CampaignName": ""}),
        )],
        vec![(
            "Customer.Account.Address",
            json!({"CountryCode": "DE", "PostalCode": "10115", "StateOrRegion": "nowhere"}),
        )],
        vec![(
            "Customer.Account.Address",
            json!({"PostalCode": "anything", "StateOrRegion": "anywhere"}),
        )],
        vec![(
            "Customer.Account.Address",
            json!({"CountryCode": "AE", "PostalCode": "anything"}),
        )],
        vec![(
            "Project.CustomerUseCase",
            json!("Edge Computing / End User Computing"),
        )],
        vec![
            ("Project.CompetitorName", json!("*Other")),
            ("Project.OtherCompetitorNames", json!("X")),
        ],
        vec![
            ("NationalSecurity", json!("Yes")),
            ("Customer.Account.Industry", json!("Government")),
        ],
    ] {
        created(&with(whole_input(), &edits));
    }
}

#[test]
fn every_violation_of_a_request_is_told_at_once() {
    let body = with(
        whole_input(),
        &[
            ("Catalog", json!("AWS")),
            ("Origin", json!("AWS Referral")),
            ("Customer.Account.Industry", json!("Other")),
            (
                "Customer.Account.Address",
                json!({"CountryCode": "US", "StateOrRegion": "WA", "PostalCode": "x"}),
            ),
            ("Project.CustomerUseCase", json!("none")),
            ("Marketing.Channels", json!(["Email"])),
            ("LifeCycle.Stage", json!("Launched")),
            ("LifeCycle.TargetCloseDate", json!("2027-13-01")),
            ("Tags", json!([{"Key": "aws:x", "Value": "1"}])),
        ],
    );
    let violations = create_at(&body, noon()).unwrap_err();
    let mut fields: Vec<&str> = codes(&violations).into_iter().map(|(field, _)| field).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "customer.account.address.postalCode",
            "customer.account.address.stateOrRegion",
            "customer.account.otherIndustry",
            "lifeCycle.stage",
            "lifeCycle.targetCloseDate",
            "marketing.channels",
            "origin",
            "project.customerUseCase",
            "tags.key",
        ]
    );
}

#[test]
fn the_close_date_lies_after_today_counted_in_utc() {
    for (at, date, taken) in [
        ("2026-11-21T00:00:00.000Z", "2026-11-20", false),
        ("2026-11-21T00:00:00.000Z", "2026-11-21", false),
        ("2026-11-21T23:59:59.999Z", "2026-11-21", false),
        ("2026-11-21T23:59:59.999Z", "2026-11-22", true),
        ("2026-11-22T00:00:00.000Z", "2026-11-22", false),
        ("2026-11-22T00:00:00.000+05:00", "2026-11-22", true),
        ("2026-12-31T23:59:59.999Z", "2027-01-01", true),
    ] {
        let body = with(whole_input(), &[("LifeCycle.TargetCloseDate", json!(date))]);
        let result = create_at(&body, Timestamp::parse(at).unwrap());
        assert_eq!(result.is_ok(), taken, "{date} at {at}");
    }
}

#[test]
fn postal_codes_follow_the_published_formats() {
    for (country, code, taken) in [
        ("US", "98101", true),
        ("US", "98101-0001", true),
        ("US", "981010001", false),
        ("CA", "K1A 0B1", true),
        ("CA", "K1A-0B1", false),
        ("DE", "10115", true),
        ("DE", "1011A", false),
        ("NL", "1012 AB", true),
        ("GB", "SW1A 1AA", true),
        ("GB", "SW1A", false),
        ("JP", "100-0001", true),
        ("PL", "00950", false),
        ("PL", "00-950", true),
        ("FR", "75001", true),
        ("MC", "98000", true),
        ("MC", "75001", false),
        ("HK", "whatever", true),
    ] {
        let address = json!({"CountryCode": country, "PostalCode": code});
        let body = with(whole_input(), &[("Customer.Account.Address", address)]);
        assert_eq!(create_at(&body, noon()).is_ok(), taken, "{country} {code}");
    }
}
