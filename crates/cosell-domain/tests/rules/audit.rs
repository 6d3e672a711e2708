//! What an audit entry may tell: nothing that the contract calls sensitive, and still what changed.

use cosell_domain::audit::{Diff, MASK, Sensitive, diff, mask};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::*;

fn masked(document: &Value) -> Value {
    mask(document, Sensitive::of_contract())
}

fn told(before: &Value, after: &Value) -> Diff {
    diff(before, after, Sensitive::of_contract())
}

/// True when anything of the document holds that text.
fn holds(document: &Value, text: &str) -> bool {
    document.to_string().contains(text)
}

#[test]
fn the_contracts_sensitive_members_are_known_in_every_spelling() {
    let names = Sensitive::of_contract();
    for sensitive in [
        "CompanyName",
        "companyName",
        "company_name",
        "Email",
        "FirstName",
        "Phone",
        "StreetAddress",
        "PostalCode",
        "Duns",
        "AwsAccountId",
        "CustomerBusinessProblem",
        "Title",
        "NextSteps",
        "Amount",
        "InvitationMessage",
    ] {
        assert!(names.contains(sensitive), "{sensitive}");
    }
    for plain in [
        "Stage",
        "ReviewStatus",
        "Identifier",
        "Catalog",
        "CustomerUseCase",
        "Industry",
    ] {
        assert!(!names.contains(plain), "{plain}");
    }
}

#[test]
fn an_opportunity_shows_where_it_stands_and_nothing_of_the_customer() {
    let deal = submitted(&draft());
    let shown = masked(&serde_json::to_value(&deal.document).unwrap());
    for secret in [
        "Fjord Fish",
        "fjord.example",
        "Ann",
        "Berg",
        "1 Pike St",
        "Seattle",
        "98101",
        "123456789",
        "444455556666",
        "2500",
        "Move the warehouse",
        "outgrew",
        "call the customer",
    ] {
        assert!(!holds(&shown, secret), "{secret}");
    }
    for (path, value) in [
        ("/LifeCycle/ReviewStatus", json!("Submitted")),
        ("/LifeCycle/Stage", json!("Qualified")),
        ("/Id", json!(ID)),
        ("/Customer/Account/CompanyName", json!(MASK)),
        ("/Customer/Account/Industry", json!("Retail")),
        ("/LifeCycle/NextStepsHistory/0/Value", json!(MASK)),
    ] {
        assert_eq!(shown.pointer(path), Some(&value), "{path}");
    }
}

#[test]
fn a_change_tells_the_changed_members_alone_and_masks_them() {
    let before = submitted(&draft());
    let after = of_status(&draft(), "Approved");
    let json = |deal: &cosell_domain::opportunity::Opportunity| serde_json::to_value(&deal.document).unwrap();
    let change = told(&json(&before), &json(&after));
    assert_eq!(change.before["LifeCycle"], json!({"ReviewStatus": "Submitted"}));
    assert_eq!(change.after["LifeCycle"], json!({"ReviewStatus": "Approved"}));
    assert_eq!(change.after.as_object().unwrap().len(), 2, "and the time");

    let renamed = told(
        &json!({"Customer": {"Account": {"CompanyName": "Old", "Industry": "Retail"}}}),
        &json!({"Customer": {"Account": {"CompanyName": "New", "Industry": "Retail", "Duns": "987654321"}}}),
    );
    assert_eq!(
        renamed.before,
        json!({"Customer": {"Account": {"CompanyName": MASK}}})
    );
    assert_eq!(
        renamed.after,
        json!({"Customer": {"Account": {"CompanyName": MASK, "Duns": MASK}}})
    );
}

#[test]
fn a_document_that_comes_or_goes_is_told_whole_and_masked() {
    let document = json!({"Id": "O1", "CompanyName": "Fish", "Tags": []});
    let shown = json!({"Id": "O1", "CompanyName": MASK, "Tags": []});
    let made = told(&Value::Null, &document);
    assert_eq!((made.before, made.after), (Value::Null, shown.clone()));
    let gone = told(&document, &Value::Null);
    assert_eq!((gone.before, gone.after), (shown, Value::Null));
    assert!(told(&document, &document).is_empty());
    assert!(told(&Value::Null, &Value::Null).is_empty());
    assert!(!told(&Value::Null, &document).is_empty());
}

#[test]
fn null_is_as_good_as_absent_and_lists_are_told_as_a_whole() {
    assert!(told(&json!({"a": null}), &json!({})).is_empty());
    assert!(told(&json!({}), &json!({"a": null})).is_empty());
    let lists = told(
        &json!({"Contacts": [{"Email": "a@b.example", "BusinessTitle": "CTO"}], "Same": [1]}),
        &json!({"Contacts": [], "Same": [1]}),
    );
    assert_eq!(
        lists.before,
        json!({"Contacts": [{"Email": MASK, "BusinessTitle": MASK}]})
    );
    assert_eq!(lists.after, json!({"Contacts": []}));
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        Just(json!("hush-hush")),
    ];
    let name = prop::sample::select(vec![
        "Email",
        "companyName",
        "next_steps",
        "Stage",
        "Account",
        "Value",
        "NextStepsHistory",
        "Tags",
    ]);
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name.clone().prop_map(str::to_owned), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Nothing under a sensitive name but masks, nulls and empty outlines.
fn is_hidden(value: &Value, hidden: bool) -> bool {
    match value {
        Value::Object(object) => object
            .iter()
            .all(|(name, value)| is_hidden(value, hidden || Sensitive::of_contract().contains(name))),
        Value::Array(values) => values.iter().all(|value| is_hidden(value, hidden)),
        Value::Null => true,
        leaf => !hidden || leaf == MASK,
    }
}

proptest! {
    #[test]
    fn nothing_under_a_sensitive_name_is_ever_shown(before in document(), after in document()) {
        prop_assert!(is_hidden(&masked(&before), false));
        prop_assert_eq!(masked(&masked(&before)), masked(&before), "masking twice is masking once");
        let change = told(&before, &after);
        prop_assert!(is_hidden(&change.before, false) && is_hidden(&change.after, false));
        prop_assert!(told(&before, &before).is_empty());
        if before.is_object() && after.is_object() {
            let back = told(&after, &before);
            prop_assert_eq!((back.before, back.after), (change.after, change.before));
        }
    }
}
