//! The sandbox's AWS referral, field by field as it was recorded.

use cosell_domain::engagement::invitation::referral::{self, Referred};
use cosell_domain::engagement::invitation::{Side, answer, view};
use cosell_domain::engagement::{self, Refusal, receiver};
use cosell_domain::opportunity::assign::User;
use cosell_domain::opportunity::aws_side;
use cosell_domain::opportunity::spend::Estimates;
use cosell_domain::{Catalog, arn};
use cosell_model::Check;
use cosell_model::enums::OpportunityOrigin;
use serde_json::{Value, json};

use super::support::*;
use crate::support::{codes, whole_input};

const TITLE: &str = "Move the warehouse's database to something that scales";

fn input() -> Value {
    with(
        whole_input(),
        &[
            ("Origin", json!("AWS Referral")),
            ("Project.Title", json!(TITLE)),
            (
                "OpportunityTeam",
                json!([{"Email": "old@one.example", "BusinessTitle": "OpportunityOwner"},
                    {"Email": "rep@one.example", "BusinessTitle": "PartnerAccountManager"}]),
            ),
        ],
    )
}

fn refer_in(catalog: Catalog, body: &Value) -> Result<Referred, Refusal> {
    referral::refer(
        serde_json::from_value(body.clone()).unwrap(),
        referral::Context {
            account: ANN,
            catalog,
            region: arn::DEFAULT_REGION,
            opportunity_id: "O7000002",
            engagement_id: ENGAGEMENT,
            invitation_id: INVITATION,
            now: noon(),
            estimates: &Estimates::default(),
        },
    )
}

fn referred() -> Referred {
    refer_in(Catalog::Sandbox, &input()).unwrap()
}

#[test]
fn the_invitation_shows_what_was_recorded() {
    let Referred {
        invitation,
        engagement,
        opportunity,
    } = referred();
    assert_eq!(opportunity.document.id, "O7000002");
    let answer = view::answer(&invitation, ANN, minute(1)).unwrap();
    assert!(answer.check(), "it obeys the contract");
    let read = serde_json::to_value(answer).unwrap();
    for (path, value) in [
        ("/Status", json!("PENDING")),
        ("/PayloadType", json!("OpportunityInvitation")),
        ("/SenderAwsAccountId", json!("390403897881")),
        ("/SenderCompanyName", json!("AWS")),
        (
            "/InvitationMessage",
            json!(
                "This invite is for an AWS originated referral. Accepting this invitation will create an AWS originated opportunity in your pipeline."
            ),
        ),
        (
            "/EngagementTitle",
            json!("Move the warehouse's database to somethi"),
        ),
        (
            "/EngagementDescription",
            json!("The customer's database outgrew its own machines."),
        ),
        (
            "/Payload/OpportunityInvitation/ReceiverResponsibilities",
            json!(["Services Partner", "Software Partner"]),
        ),
        (
            "/Payload/OpportunityInvitation/SenderContacts/0/BusinessTitle",
            json!("PDM"),
        ),
        (
            "/ExistingMembers",
            json!([{"CompanyName": "AWS", "WebsiteUrl": "www.aws.com"}]),
        ),
        (
            "/Payload/OpportunityInvitation/Project/TargetCompletionDate",
            json!("2027-03-31"),
        ),
        ("/Payload/OpportunityInvitation/Project/Title", json!(TITLE)),
        ("/ExpirationDate", json!("2026-12-06T12:00:00.000Z")),
    ] {
        assert_eq!(read.pointer(path), Some(&value), "{path}");
    }
    let contacts = read.pointer("/Payload/OpportunityInvitation/SenderContacts");
    assert_eq!(contacts.unwrap().as_array().unwrap().len(), 1);
    let text = read.to_string() + &json!(view::summary(&invitation, Side::Receiver, minute(1))).to_string();
    for hidden in [
        "1 Pike St",
        "Seattle",
        "98101",
        "ann@fjord.example",
        "444455556666",
        "O7000002",
    ] {
        assert!(!text.contains(hidden), "{hidden}");
    }
    let room = engagement::view::answer(&engagement);
    assert_eq!(room.created_by.as_deref(), Some("390403897881"));
    assert_eq!(room.member_count, Some(1));
    assert!(!engagement.is_member(ANN));
}

#[test]
fn in_the_aws_catalog_the_sender_is_called_aws() {
    let body = with(input(), &[("Catalog", json!("AWS"))]);
    let Referred { invitation, .. } = refer_in(Catalog::Aws, &body).unwrap();
    assert_eq!(invitation.sender.account_id, "aws");
    assert!(invitation.is_from_aws());
}

#[test]
fn acceptance_brings_the_whole_opportunity_to_light_approved() {
    let Referred {
        invitation,
        engagement,
        ..
    } = referred();
    let kept: Vec<u8> = serde_json::to_vec(&invitation).unwrap();
    let invitation = serde_json::from_slice(&kept).unwrap();
    let (stored, room) = answer::accept(&invitation, &engagement, &profile(ANN), minute(2)).unwrap();
    assert!(room.is_member(ANN));
    let lead = User {
        email: "lead@one.example".to_owned(),
        first_name: "Lea".to_owned(),
        last_name: "Dahl".to_owned(),
    };
    let known = receiver::Context {
        catalog: Catalog::Sandbox,
        region: arn::DEFAULT_REGION,
        id: "O9999999",
        sender_status: None,
        lead: Some(&lead),
        now: minute(2),
    };
    let (opportunity, stored) = receiver::open(&stored, known).unwrap();
    assert_eq!(stored.opportunity_id.as_deref(), Some("O7000002"));
    assert_eq!(stored.referral, None);
    assert_eq!(refusal(&receiver::open(&stored, known)), "conflict", "once");
    assert!(opportunity.document.check());
    let read = serde_json::to_value(&opportunity.document).unwrap();
    for (path, value) in [
        ("/Id", json!("O7000002")),
        ("/LifeCycle/ReviewStatus", json!("Approved")),
        ("/LifeCycle/Stage", json!("Prospect")),
        ("/CreatedDate", json!("2026-11-21T12:00:00.000Z")),
        ("/LastModifiedDate", json!("2026-11-21T12:02:00.000Z")),
        ("/Customer/Account/Address/StreetAddress", json!("1 Pike St")),
        ("/Customer/Contacts/0/FirstName", json!("Ann")),
        ("/Project/Title", json!(TITLE)),
        ("/PartnerOpportunityIdentifier", json!("crm-1")),
    ] {
        assert_eq!(read.pointer(path), Some(&value), "{path}");
    }
    let team = read["OpportunityTeam"].as_array().unwrap();
    assert_eq!(team.len(), 2, "one owner");
    assert_eq!(team[0]["Email"], "lead@one.example");
    assert_eq!(team[0]["BusinessTitle"], "OpportunityOwner");
    let seen = aws_side::summary(&opportunity).unwrap();
    assert_eq!(seen.origin, Some(OpportunityOrigin::AWSReferral));
}

#[test]
fn a_rejected_or_expired_referral_leaves_nothing_behind() {
    let Referred { invitation, .. } = referred();
    let rejected = answer::reject(&invitation, ANN, None, minute(1)).unwrap();
    assert_eq!(rejected.referral, None);
    assert_eq!(refusal(&view::answer(&rejected, ANN, minute(1))), "not found");
    assert_eq!(answer::expire(&invitation, day(15)).unwrap().referral, None);
}

#[test]
fn a_referral_needs_what_its_invitation_shows() {
    let table = [
        (
            "Customer.Account.CompanyName",
            json!(""),
            "customer.account.companyName",
        ),
        (
            "Customer.Account.Industry",
            Value::Null,
            "customer.account.industry",
        ),
        (
            "Customer.Account.WebsiteUrl",
            Value::Null,
            "customer.account.websiteUrl",
        ),
        (
            "Customer.Account.Address",
            Value::Null,
            "customer.account.address.countryCode",
        ),
        ("Project.Title", json!(""), "project.title"),
        (
            "Project.CustomerBusinessProblem",
            Value::Null,
            "project.customerBusinessProblem",
        ),
        (
            "LifeCycle.TargetCloseDate",
            Value::Null,
            "lifeCycle.targetCloseDate",
        ),
    ];
    for (place, value, field) in table {
        let result = refer_in(Catalog::Sandbox, &with(input(), &[(place, value)]));
        assert_eq!(faults(result), [pair(field, "REQUIRED_FIELD_MISSING")], "{place}");
    }
    let nothing = json!({"Catalog": "Sandbox", "ClientToken": "t", "Origin": "AWS Referral"});
    assert_eq!(faults(refer_in(Catalog::Sandbox, &nothing)).len(), 7);
    let odd = with(input(), &[("Customer.Account.WebsiteUrl", json!("no website"))]);
    assert_eq!(
        faults(refer_in(Catalog::Sandbox, &odd)),
        [pair("customer.account.websiteUrl", "INVALID_VALUE")]
    );
}

#[test]
fn the_rules_of_drafts_hold_for_referrals() {
    let late = with(input(), &[("LifeCycle.TargetCloseDate", json!("2026-11-21"))]);
    let Err(Refusal::Violations(found)) = refer_in(Catalog::Sandbox, &late) else {
        panic!("it was taken");
    };
    assert_eq!(codes(&found), [("lifeCycle.targetCloseDate", "INVALID_VALUE")]);
}
