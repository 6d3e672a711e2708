//! Who is in, and what an engagement shows.

use cosell_domain::Catalog;
use cosell_domain::engagement::{Engagement, party, truncated, view};
use cosell_model::enums::EngagementContextType as Kind;
use cosell_model::{ApiError, Check, ErrorKind};
use serde_json::{Value, json};

use super::support::*;

#[test]
fn an_engagement_reads_back_as_created_and_survives_its_storage() {
    let stored = engagement(json!([customer_project(), lead()]));
    let answer = view::answer(&stored);
    assert!(answer.check(), "it obeys the contract");
    let read = serde_json::to_value(&answer).unwrap();
    for (path, value) in [
        ("/Id", json!(ENGAGEMENT)),
        (
            "/Arn",
            json!("arn:aws:partnercentral:us-east-1::catalog/Sandbox/engagement/eng-xjn5vr10vyjm1t"),
        ),
        ("/Title", json!("Fish")),
        ("/Description", json!("All of it")),
        ("/CreatedAt", json!("2026-11-21T12:00:00.000Z")),
        ("/CreatedBy", json!(ANN)),
        ("/MemberCount", json!(1)),
        ("/ModifiedAt", json!("2026-11-21T12:00:00.000Z")),
        ("/ModifiedBy", json!(ANN)),
        ("/Contexts/0/Id", json!("1")),
        ("/Contexts/0/Type", json!("CustomerProject")),
        ("/Contexts/1/Id", json!("2")),
        (
            "/Contexts/1/Payload/Lead/QualificationStatus",
            json!("Unqualified"),
        ),
        (
            "/Contexts/1/Payload/Lead/Interactions/0/Contact/FirstName",
            json!("Kai"),
        ),
    ] {
        assert_eq!(read.pointer(path), Some(&value), "{path}");
    }
    let kept = serde_json::to_vec(&stored).unwrap();
    assert_eq!(serde_json::from_slice::<Engagement>(&kept).unwrap(), stored);
}

#[test]
fn an_engagement_needs_neither_title_nor_contexts() {
    let stored = engagement(Value::Null);
    assert!(view::answer(&stored).check());
    assert_eq!(view::context_mask(&stored), 0);
    assert_eq!(view::summary(&stored).context_types, Some(Vec::new()));
}

#[test]
fn a_list_shows_each_type_of_context_once() {
    let stored = engagement(json!([lead(), customer_project(), lead()]));
    let entry = view::summary(&stored);
    assert!(entry.check());
    assert_eq!(entry.context_types, Some(vec![Kind::CustomerProject, Kind::Lead]));
    assert_eq!(entry.member_count, Some(1));
    assert_eq!(view::context_mask(&stored), 3);
}

#[test]
fn filters_of_context_types_become_the_masks_they_show() {
    let table: [(&[Kind], &[Kind], &[i64]); 6] = [
        (&[], &[], &[0, 1, 2, 3, 4, 5, 6, 7]),
        (&[Kind::Lead], &[], &[2, 3, 6, 7]),
        (&[Kind::Lead, Kind::ProspectingResult], &[], &[2, 3, 4, 5, 6, 7]),
        (&[], &[Kind::CustomerProject], &[0, 2, 4, 6]),
        (&[Kind::Lead], &[Kind::CustomerProject], &[2, 6]),
        (&[Kind::Lead], &[Kind::Lead], &[]),
    ];
    for (include, exclude, expected) in table {
        assert_eq!(view::masks(include, exclude), expected, "{include:?} {exclude:?}");
    }
}

#[test]
fn ten_members_fit_and_an_eleventh_does_not() {
    let mut stored = engagement(json!([]));
    for n in 1..10 {
        let account = format!("{n:012}");
        stored = stored.add_member(&profile(&account), minute(n)).unwrap().unwrap();
        assert!(stored.is_member(&account));
    }
    assert_eq!(view::answer(&stored).member_count, Some(10));
    assert_eq!(stored.modified_at, noon(), "joining is no change of the contexts");
    let full = stored.add_member(&profile(BOB), minute(20));
    assert_eq!(refusal(&full), "quota");
    assert_eq!(
        ApiError::from(full.unwrap_err()).kind,
        ErrorKind::ServiceQuotaExceeded
    );
    assert_eq!(stored.add_member(&profile(ANN), minute(20)), Ok(None), "twice");
}

#[test]
fn members_are_listed_in_the_order_of_joining() {
    let stored = engagement(json!([]));
    let stored = stored.add_member(&profile(AWS), minute(1)).unwrap().unwrap();
    let listed = view::members(&stored);
    assert!(listed.iter().all(Check::check));
    assert_eq!(
        serde_json::to_value(&listed).unwrap(),
        json!([
            {"CompanyName": "Company 111122223333", "WebsiteUrl": "www.c111122223333.example", "AccountId": ANN},
            {"CompanyName": "AWS", "WebsiteUrl": "www.aws.com", "AccountId": "390403897881"},
        ])
    );
    let outside = serde_json::to_value(view::member_summaries(&stored)).unwrap();
    assert_eq!(
        outside[1],
        json!({"CompanyName": "AWS", "WebsiteUrl": "www.aws.com"})
    );
}

#[test]
fn strangers_hear_that_there_is_no_engagement() {
    let stored = engagement(json!([]));
    assert_eq!(stored.members_only(ANN), Ok(()));
    assert_eq!(refusal(&stored.members_only(BOB)), "not found");
}

#[test]
fn aws_has_another_account_in_each_catalog_and_one_alias() {
    assert_eq!(party::aws(Catalog::Aws).account_id, "aws");
    assert_eq!(party::aws(Catalog::Sandbox).account_id, "390403897881");
    assert_eq!(party::canonical(Catalog::Sandbox, "aws"), "390403897881");
    assert_eq!(party::canonical(Catalog::Aws, "aws"), "aws");
    assert_eq!(party::canonical(Catalog::Aws, ANN), ANN);
    assert!(!party::is_aws(Catalog::Aws, "390403897881"));
}

#[test]
fn a_text_is_cut_between_characters() {
    assert_eq!(truncated("fjordfisk på ærlig", 11), "fjordfisk p");
    assert_eq!(truncated("åååå", 3), "ååå");
    assert_eq!(truncated("short", 40), "short");
}
