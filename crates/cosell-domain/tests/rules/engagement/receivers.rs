//! The opportunity that acceptance opens, and how it follows the sender's.

use cosell_domain::engagement::invitation::{Invitation, answer};
use cosell_domain::engagement::receiver::{self, follow, status_of_copy};
use cosell_domain::opportunity::{Opportunity, aws_side, submit};
use cosell_domain::{Catalog, arn};
use cosell_model::enums::{ReviewStatus, SalesInvolvementType};
use cosell_model::{Check, Timestamp};
use serde_json::json;

use super::support::*;
use crate::support::{act, draft, of_status, status_of, update};

fn context(sender_status: Option<&ReviewStatus>, now: Timestamp) -> receiver::Context<'_> {
    receiver::Context {
        catalog: Catalog::Sandbox,
        region: arn::DEFAULT_REGION,
        id: "O7000001",
        sender_status,
        lead: None,
        now,
    }
}

/// Bob's opportunity by Ann's invitation, and that invitation.
fn opened(sender_status: &str) -> (Opportunity, Invitation) {
    let room = engagement(json!([]));
    let stored = invited(&room, &opportunity_invitation(BOB));
    let (stored, _) = accepted(&stored, &room, BOB);
    let status = ReviewStatus::from(sender_status);
    receiver::open(&stored, context(Some(&status), minute(1))).unwrap()
}

#[test]
fn a_partner_gets_a_copy_of_the_outline_and_nothing_more() {
    let (copy, invitation) = opened("Submitted");
    // The service's own word for no needs is for reading only, so a check of what may be sent must not see it.
    let mut sendable = copy.document.clone();
    sendable.primary_needs_from_aws = None;
    assert!(sendable.check(), "it obeys the contract");
    assert_eq!(
        serde_json::to_value(&copy.document).unwrap(),
        json!({
            "Catalog": "Sandbox", "Id": "O7000001",
            "Arn": "arn:aws:partnercentral:us-east-1:222233334444:catalog/Sandbox/opportunity/O7000001",
            "CreatedDate": "2026-11-21T12:01:00.000Z", "LastModifiedDate": "2026-11-21T12:01:00.000Z",
            "PrimaryNeedsFromAws": ["Do Not Need Support from AWS Sales Rep"], "NationalSecurity": "No",
            "Customer": {"Account": {"Industry": "Retail", "CompanyName": "Fjord Fish",
                "WebsiteUrl": "https://fjord.example", "Address": {"CountryCode": "NO"}}, "Contacts": []},
            "Project": {"Title": "Move the warehouse",
                "CustomerBusinessProblem": "The customer's database outgrew its own machines.",
                "ExpectedCustomerSpend": [{"Amount": "2500", "CurrencyCode": "USD", "Frequency": "Monthly",
                    "TargetCompany": "AWS"}]},
            "Marketing": {"Source": "None"},
            "LifeCycle": {"Stage": "Prospect", "TargetCloseDate": "2027-03-31", "ReviewStatus": "Submitted"},
            "RelatedEntityIdentifiers": {"Solutions": [], "AwsProducts": [], "AwsMarketplaceOffers": [],
                "AwsMarketplaceOfferSets": [], "AwsMarketplaceSolutions": [], "AwsMarketplaceProducts": []},
        })
    );
    assert_eq!(invitation.opportunity_id.as_deref(), Some("O7000001"));
    let seen = aws_side::summary(&copy).unwrap();
    assert_eq!(
        seen.involvement_type,
        Some(SalesInvolvementType::ForVisibilityOnly)
    );
}

#[test]
fn the_senders_contract_value_does_not_become_the_receivers() {
    let spend = json!([
        {"Amount": "700", "CurrencyCode": "USD", "Frequency": "Monthly", "TargetCompany": "AWS"},
        {"Amount": "25200", "CurrencyCode": "USD", "Frequency": "None", "TargetCompany": "Self"}]);
    let place = "Payload.OpportunityInvitation.Project.ExpectedCustomerSpend";
    let room = engagement(json!([]));
    let stored = invited(&room, &with(opportunity_invitation(BOB), &[(place, spend)]));
    let (stored, _) = accepted(&stored, &room, BOB);
    let (copy, _) = receiver::open(&stored, context(None, minute(1))).unwrap();
    let project = copy.document.project.unwrap();
    let companies: Vec<_> = project
        .expected_customer_spend
        .unwrap()
        .into_iter()
        .map(|entry| entry.target_company)
        .collect();
    assert_eq!(companies, ["AWS"]);
}

#[test]
fn an_invitation_opens_one_opportunity_after_its_acceptance() {
    let room = engagement(json!([lead(), customer_project()]));
    let stored = invited(&room, &opportunity_invitation(BOB));
    let pending = receiver::open(&stored, context(None, minute(1)));
    assert_eq!(refusal(&pending), "conflict");
    let rejected = answer::reject(&stored, BOB, None, minute(1)).unwrap();
    assert_eq!(
        refusal(&receiver::open(&rejected, context(None, minute(1)))),
        "conflict"
    );
    let (_, done) = opened("Approved");
    assert_eq!(
        refusal(&receiver::open(&done, context(None, minute(2)))),
        "conflict"
    );

    let lead = invited(&room, &lead_invitation(BOB));
    let (lead, _) = accepted(&lead, &room, BOB);
    assert_eq!(
        refusal(&receiver::open(&lead, context(None, minute(2)))),
        "conflict",
        "a lead opens none"
    );
}

/// The original's status, the copy's.
const COUPLED: [(&str, &str); 6] = [
    ("Pending Submission", "Pending Submission"),
    ("Submitted", "Submitted"),
    ("In review", "Submitted"),
    ("Action Required", "Submitted"),
    ("Approved", "Approved"),
    ("Rejected", "Rejected"),
];

#[test]
fn a_copy_begins_where_the_original_stands() {
    for (original, expected) in COUPLED {
        let (copy, _) = opened(original);
        assert_eq!(status_of(&copy), expected, "{original}");
        assert_eq!(status_of_copy(&ReviewStatus::from(original)).as_str(), expected);
        let seen = aws_side::summary(&copy).is_some();
        assert_eq!(seen, expected != "Pending Submission", "{original}");
    }
}

#[test]
fn a_copy_follows_the_original_forward_only() {
    let rank = |status: &str| match status {
        "Pending Submission" => 0,
        "Approved" | "Rejected" => 2,
        _ => 1,
    };
    for (_, from) in COUPLED {
        let (copy, _) = opened(from);
        for (original, target) in COUPLED {
            let next = follow(&copy, &ReviewStatus::from(original), minute(5));
            let moves = rank(target) > rank(from);
            assert_eq!(next.is_some(), moves, "{from} beside {original}");
            let Some(next) = next else { continue };
            assert_eq!(status_of(&next), target);
            assert_eq!(next.document.last_modified_date, minute(5));
            assert!(aws_side::summary(&next).is_some());
        }
    }
}

#[test]
fn an_approval_reaches_a_copy_that_its_owner_had_sent_back_by_the_sandbox() {
    let asked = of_status(&draft(), "Action Required");
    let next = follow(&asked, &ReviewStatus::Approved, minute(90)).unwrap();
    let life_cycle = next.document.life_cycle.as_ref().unwrap();
    assert_eq!(life_cycle.review_status, Some(ReviewStatus::Approved));
    assert_eq!(life_cycle.review_comments, None);
    assert_eq!(
        next.private.involvement_type,
        Some(SalesInvolvementType::CoSell),
        "what it was submitted as stays"
    );
}

#[test]
fn an_orphan_follows_nobody() {
    let orphan = of_status(&draft(), "");
    assert_eq!(follow(&orphan, &ReviewStatus::Approved, minute(90)), None);
}

#[test]
fn a_copy_of_a_draft_can_be_submitted_only_when_it_is_complete() {
    let (copy, _) = opened("Pending Submission");
    let involvement = SalesInvolvementType::ForVisibilityOnly;
    assert!(submit::submit(&copy, involvement, None, minute(5)).is_err());
}

#[test]
fn a_copy_can_be_written_back_as_it_was_read() {
    let (copy, _) = opened("Approved");
    let mut body = crate::support::echo(&copy);
    // A need that the contract lets nobody send; leaving it out keeps it.
    body.as_object_mut().unwrap().remove("PrimaryNeedsFromAws");
    let next = update(&copy, &body, minute(5)).unwrap();
    assert_eq!(
        next.document.primary_needs_from_aws,
        copy.document.primary_needs_from_aws
    );
    assert!(act(&copy, "Rejected").is_err(), "the review is over");
}
