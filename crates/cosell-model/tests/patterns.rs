//! The contract's patterns against a table of samples judged once by Python's `re` (full match), committed as facts.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail by panicking too")]

mod common;

use cosell_model::pattern::Matcher;
use cosell_model::patterns;
use serde_json::Value;

#[test]
fn all_patterns_compile() {
    assert_eq!(patterns::ALL.len(), 49);
    for pattern in patterns::ALL {
        if let Matcher::Regex(regex) = &pattern.matcher {
            assert!(regex.is_some(), "{} does not compile", pattern.source);
        }
    }
}

#[test]
fn patterns_agree_with_another_engine() {
    let table: Value = serde_json::from_str(include_str!("facts/patterns.json")).unwrap();
    let table = table.as_object().unwrap();
    assert_eq!(table.len(), patterns::ALL.len());
    for pattern in patterns::ALL {
        let samples = table[pattern.source].as_object().unwrap();
        for (verdict, list) in [(true, &samples["match"]), (false, &samples["noMatch"])] {
            let list = list.as_array().unwrap();
            assert!(!list.is_empty(), "{}: no samples for {verdict}", pattern.source);
            for sample in list {
                let text = &common::expand(sample);
                assert_eq!(
                    pattern.matches(text),
                    verdict,
                    "{:?} against {}",
                    text,
                    pattern.source
                );
            }
        }
    }
}

#[test]
fn a_hostile_text_is_judged_in_linear_time() {
    // The site and mail patterns nest repetitions: a backtracking engine would not come back from this.
    let text = format!("{}!", "a.".repeat(100_000));
    for pattern in patterns::ALL {
        pattern.matches(&text);
    }
}
