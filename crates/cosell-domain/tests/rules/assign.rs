//! AssignOpportunity: the registered user's names count, the title says which place in the team.

use cosell_domain::opportunity::Opportunity;
use cosell_domain::opportunity::assign::{User, assign};
use cosell_model::Violation;
use cosell_model::types::AssigneeContact;
use serde_json::{Value, json};

use crate::support::*;

fn assigned(stored: &Opportunity, title: &str, known: bool) -> Result<Opportunity, Vec<Violation>> {
    let user = User {
        email: "kim@p.example".into(),
        first_name: "Kim".into(),
        last_name: "Vik".into(),
    };
    let assignee = AssigneeContact {
        email: "kim@p.example".into(),
        first_name: "K.".into(),
        last_name: "V.".into(),
        phone: Some("+4712345678".into()),
        business_title: title.into(),
    };
    assign(stored, assignee, known.then_some(&user), minute(5))
}

fn team(stored: &Opportunity) -> Value {
    serde_json::to_value(&stored.document.opportunity_team).unwrap()
}

fn member(email: &str, title: &str) -> Value {
    json!({"Email": email, "FirstName": "F", "LastName": "L", "BusinessTitle": title})
}

#[test]
fn the_names_come_from_the_users_profile() {
    let next = assigned(&draft(), "OpportunityOwner", true).unwrap();
    assert_eq!(
        team(&next),
        json!([{"Email": "kim@p.example", "FirstName": "Kim", "LastName": "Vik",
            "BusinessTitle": "OpportunityOwner", "Phone": "+4712345678"}])
    );
    assert_eq!(next.document.last_modified_date, minute(5));
}

#[test]
fn nobody_unknown_is_assigned() {
    let violations = assigned(&draft(), "OpportunityOwner", false).unwrap_err();
    assert_eq!(codes(&violations), [("assignee.email", "INVALID_VALUE")]);
    let violations = assigned(&of_status(&draft(), "Rejected"), "OpportunityOwner", false).unwrap_err();
    assert_eq!(violations.len(), 2, "the state and the user are told together");
}

#[test]
fn a_title_is_held_once_and_the_owner_leads() {
    let people = json!([
        member("a@p.example", "PartnerAccountManager"),
        member("b@p.example", "SalesLead")
    ]);
    let stored = created(&with(whole_input(), &[("OpportunityTeam", people)]));
    let emails = |o: &Opportunity| -> Vec<String> {
        let team = team(o);
        team.as_array()
            .unwrap()
            .iter()
            .map(|m| m["Email"].as_str().unwrap().to_owned())
            .collect()
    };
    let owner = assigned(&stored, "OpportunityOwner", true).unwrap();
    assert_eq!(emails(&owner), ["kim@p.example", "a@p.example", "b@p.example"]);
    let manager = assigned(&stored, "PartnerAccountManager", true).unwrap();
    assert_eq!(emails(&manager), ["kim@p.example", "b@p.example"]);
    let new = assigned(&stored, "Architect", true).unwrap();
    assert_eq!(emails(&new), ["a@p.example", "b@p.example", "kim@p.example"]);
}

#[test]
fn a_team_has_ten_members() {
    let people: Vec<Value> = (0..10)
        .map(|n| member(&format!("{n}@p.example"), &format!("T{n}")))
        .collect();
    let stored = created(&with(whole_input(), &[("OpportunityTeam", json!(people))]));
    for title in ["OpportunityOwner", "T10"] {
        let violations = assigned(&stored, title, true).unwrap_err();
        assert_eq!(
            codes(&violations),
            [("opportunityTeam", "TOO_MANY_VALUES")],
            "{title}"
        );
    }
    assert!(assigned(&stored, "T9", true).is_ok(), "replacing adds nobody");
}

#[test]
fn a_deal_is_assigned_in_every_review_status_but_rejected() {
    for status in [
        "Pending Submission",
        "Submitted",
        "In review",
        "Approved",
        "Action Required",
        "Rejected",
    ] {
        let stored = of_status(&draft(), status);
        let result = assigned(&stored, "OpportunityOwner", true);
        assert_eq!(result.is_ok(), status != "Rejected", "{status}");
        if let Err(violations) = result {
            assert_eq!(
                codes(&violations),
                [("lifeCycle.reviewStatus", "ACTION_NOT_PERMITTED")]
            );
        }
    }
}
