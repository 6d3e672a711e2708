//! Tags: kept beside the document, which they never move.

use cosell_domain::opportunity::tags::{list, tag, untag};
use cosell_model::types::Tag;

use crate::support::*;

fn pairs(pairs: &[(&str, &str)]) -> Vec<Tag> {
    pairs
        .iter()
        .map(|(key, value)| Tag {
            key: (*key).into(),
            value: (*value).into(),
        })
        .collect()
}

#[test]
fn tags_are_added_replaced_listed_in_order_and_removed_without_moving_the_document() {
    let stored = draft();
    let one = tag(&stored, pairs(&[("b", "1"), ("a", "")])).unwrap().unwrap();
    let two = tag(&one, pairs(&[("b", "2"), ("c", "3")])).unwrap().unwrap();
    assert_eq!(list(&two), pairs(&[("a", ""), ("b", "2"), ("c", "3")]));
    let less = untag(&two, &["a".into(), "zzz".into()]).unwrap();
    assert_eq!(list(&less), pairs(&[("b", "2"), ("c", "3")]));
    for each in [&one, &two, &less] {
        assert_eq!(each.document, stored.document);
    }
    assert_eq!(
        untag(&untag(&less, &["b".into(), "c".into()]).unwrap(), &["b".into()]),
        None
    );
}

#[test]
fn what_changes_nothing_has_no_effect() {
    let stored = tag(&draft(), pairs(&[("a", "1")])).unwrap().unwrap();
    assert_eq!(tag(&stored, pairs(&[("a", "1")])), Ok(None));
    assert_eq!(untag(&stored, &["A".into()]), None, "keys are case-sensitive");
}

#[test]
fn no_key_stands_twice_and_none_is_awss_own() {
    let violations = tag(&draft(), pairs(&[("a", "1"), ("a", "1"), ("Aws:b", "2")])).unwrap_err();
    assert_eq!(
        codes(&violations),
        [("tags.key", "DUPLICATE_KEY_VALUE"), ("tags.key", "INVALID_VALUE")]
    );
}

#[test]
fn two_hundred_tags_are_enough() {
    let many = |from: usize, to: usize| -> Vec<Tag> {
        (from..to)
            .map(|n| Tag {
                key: format!("k{n}"),
                value: "v".into(),
            })
            .collect()
    };
    let full = tag(&draft(), many(0, 200)).unwrap().unwrap();
    assert_eq!(
        codes(&tag(&full, many(200, 201)).unwrap_err()),
        [("tags", "TOO_MANY_VALUES")]
    );
    let replaced = vec![Tag {
        key: "k7".into(),
        value: "w".into(),
    }];
    assert!(tag(&full, replaced).unwrap().is_some());
}

#[test]
fn even_a_rejected_deal_can_be_tagged() {
    let rejected = of_status(&draft(), "Rejected");
    assert!(tag(&rejected, pairs(&[("a", "1")])).unwrap().is_some());
}
