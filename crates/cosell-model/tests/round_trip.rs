//! Random valid values of every request and answer: they decode, check true, and come back unchanged.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail by panicking too")]

mod common;

use common::{Choices, Style, valid};
use cosell_model::types::*;
use cosell_model::{Check, Operation, check_input, decode, shapes};
use proptest::prelude::*;
use serde_json::Value;

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_valid_request_decodes_and_comes_back_unchanged(seed in 1u64..) {
        macro_rules! requests {
            ($($name:ident),*) => {$({
                let operation = <$name as cosell_model::Input>::OPERATION;
                let value = valid(operation.info().input, &mut Style::Random(&mut Choices(seed)));
                let body = serde_json::to_vec(&value).unwrap();
                let decoded = decode::<$name>(&body).map_err(|e| TestCaseError::fail(format!("{e:?} in {value}")))?;
                prop_assert_eq!(decoded.unknown_members, 0);
                prop_assert_eq!(&serde_json::to_value(&decoded.input).unwrap(), &value);
                prop_assert_eq!(check_input(operation, &body), Ok(0));
            })*};
        }
        each_request!(requests);
    }

    #[test]
    fn every_valid_answer_reads_back_unchanged(seed in 1u64..) {
        macro_rules! responses {
            ($($name:ident),*) => {$({
                let shape = shapes::ALL.iter().find(|shape| shape.name == stringify!($name)).unwrap();
                let value = valid(shape, &mut Style::Random(&mut Choices(seed)));
                let read: $name = serde_json::from_value(value.clone()).unwrap();
                prop_assert!(read.check(), "{value}");
                prop_assert_eq!(&serde_json::to_value(&read).unwrap(), &value);
                prop_assert_eq!(&read, &read.clone());
            })*};
        }
        each_response!(responses);
    }

    #[test]
    fn any_bytes_are_answered_and_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode::<CreateOpportunityRequest>(&bytes);
        let _ = check_input(Operation::CreateOpportunity, &bytes);
    }

    #[test]
    fn typed_and_tabled_checks_agree_on_damaged_requests(seed in 1u64.., cut in any::<prop::sample::Index>(), put in "[\\x20-\\x7e\u{e9}]{0,3}") {
        macro_rules! requests {
            ($($name:ident),*) => {$({
                let operation = <$name as cosell_model::Input>::OPERATION;
                let value = valid(operation.info().input, &mut Style::Random(&mut Choices(seed)));
                let mut text = value.to_string();
                let mut at = cut.index(text.len());
                while !text.is_char_boundary(at) { at -= 1; }
                text.insert_str(at, &put);
                let typed = decode::<$name>(text.as_bytes()).map(|decoded| decoded.unknown_members);
                let tabled = check_input(operation, text.as_bytes());
                prop_assert_eq!(typed.is_ok(), tabled.is_ok(), "{}: {:?} and {:?}", text, typed, tabled);
            })*};
        }
        each_request!(requests);
    }
}

#[test]
fn members_are_written_in_the_order_of_the_contract() {
    let mut style = Style::Full(0);
    let value = valid(Operation::CreateOpportunity.info().input, &mut style);
    let request: CreateOpportunityRequest = serde_json::from_value(value).unwrap();
    let text = serde_json::to_string(&request).unwrap();
    let places: Vec<usize> = Operation::CreateOpportunity
        .info()
        .input
        .members()
        .iter()
        .map(|member| text.find(&format!("\"{}\":", member.name)).unwrap())
        .collect();
    assert_eq!(places.len(), 14);
    // Nested structures may repeat a name earlier only for a later member, so the first and last suffice to tell order.
    assert!(places[0] < places[2] && places[2] < places[13], "{places:?}");
    assert!(text.starts_with("{\"Catalog\":"), "{text}");
}

#[test]
fn absent_members_are_left_out() {
    let request = CreateOpportunityRequest {
        catalog: "AWS".into(),
        client_token: "t".into(),
        ..Default::default()
    };
    let text = serde_json::to_string(&request).unwrap();
    assert_eq!(text, r#"{"Catalog":"AWS","ClientToken":"t"}"#);
    let _: Value = serde_json::from_str(&text).unwrap();
}
