use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn holds(pattern: Value, event: Value) -> bool {
    match Pattern::from_value(&pattern) {
        Ok(read) => read.matches(&event),
        Err(error) => panic!("{pattern}: {error}"),
    }
}

/// An event like the one that the EventBridge guide uses throughout.
fn instance() -> Value {
    json!({"version": "0", "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": "EC2 Instance State-change Notification", "source": "aws.ec2", "account": "111122223333",
        "time": "2017-10-02T16:24:49Z", "region": "us-west-1",
        "resources": ["arn:aws:ec2:us-west-1:123456789012:instance/i-1234567890abcdef0"],
        "detail": {"instance-id": "i-1234567890abcdef0", "state": "running", "c-count": 5, "d-count": 3,
            "x-limit": 301.8, "source-ip": "10.0.0.33", "empty": "", "nothing": null, "yes": true, "no-items": [],
            "tags": ["red", "Blue", 7], "deep": {"a": {"b": "c"}}}})
}

#[test]
fn every_documented_operator_chooses_as_the_guide_says() {
    for (detail, wanted) in [
        (json!({"state": ["running"]}), true),
        (json!({"state": ["terminated", "running"]}), true),
        (json!({"state": ["Running"]}), false),
        (json!({"c-count": [5]}), true),
        (json!({"c-count": [5.0]}), true),
        (json!({"c-count": ["5"]}), false),
        (json!({"yes": [true]}), true),
        (json!({"yes": [false]}), false),
        (json!({"empty": [""]}), true),
        (json!({"nothing": [null]}), true),
        (json!({"nothing": [""]}), false),
        (json!({"absent": [null]}), false),
        (json!({"state": [{"prefix": "run"}]}), true),
        (json!({"state": [{"prefix": "Run"}]}), false),
        (
            json!({"state": [{"prefix": {"equals-ignore-case": "RUN"}}]}),
            true,
        ),
        (json!({"state": [{"suffix": "ing"}]}), true),
        (json!({"state": [{"suffix": "INg"}]}), false),
        (
            json!({"state": [{"suffix": {"equals-ignore-case": "ING"}}]}),
            true,
        ),
        (json!({"c-count": [{"prefix": "5"}]}), false),
        (json!({"state": [{"equals-ignore-case": "RUNNING"}]}), true),
        (json!({"state": [{"equals-ignore-case": "RUNNIN"}]}), false),
        (json!({"state": [{"anything-but": "initializing"}]}), true),
        (json!({"state": [{"anything-but": "running"}]}), false),
        (
            json!({"state": [{"anything-but": ["stopped", "running"]}]}),
            false,
        ),
        (json!({"x-limit": [{"anything-but": 123}]}), true),
        (json!({"x-limit": [{"anything-but": [100, 301.8]}]}), false),
        (json!({"state": [{"anything-but": {"prefix": "init"}}]}), true),
        (json!({"state": [{"anything-but": {"prefix": "run"}}]}), false),
        (
            json!({"state": [{"anything-but": {"prefix": ["init", "run"]}}]}),
            false,
        ),
        (json!({"state": [{"anything-but": {"suffix": "ed"}}]}), true),
        (json!({"state": [{"anything-but": {"suffix": "ing"}}]}), false),
        (
            json!({"state": [{"anything-but": {"equals-ignore-case": "RUNNING"}}]}),
            false,
        ),
        (
            json!({"state": [{"anything-but": {"equals-ignore-case": ["A", "Running"]}}]}),
            false,
        ),
        (json!({"state": [{"anything-but": {"wildcard": "r*g"}}]}), false),
        (
            json!({"state": [{"anything-but": {"wildcard": ["x*", "*y"]}}]}),
            true,
        ),
        (json!({"c-count": [{"anything-but": "running"}]}), true),
        (json!({"absent": [{"anything-but": "running"}]}), false),
        (json!({"c-count": [{"numeric": [">", 0, "<=", 5]}]}), true),
        (json!({"c-count": [{"numeric": [">", 0, "<", 5]}]}), false),
        (json!({"d-count": [{"numeric": ["<", 10]}]}), true),
        (json!({"d-count": [{"numeric": [">=", 3]}]}), true),
        (json!({"x-limit": [{"numeric": ["=", 3.018e2]}]}), true),
        (json!({"state": [{"numeric": ["=", 3]}]}), false),
        (json!({"source-ip": [{"cidr": "10.0.0.0/24"}]}), true),
        (json!({"source-ip": [{"cidr": "10.0.1.0/24"}]}), false),
        (json!({"state": [{"cidr": "10.0.0.0/24"}]}), false),
        (json!({"state": [{"exists": true}]}), true),
        (json!({"nothing": [{"exists": true}]}), true),
        (json!({"absent": [{"exists": true}]}), false),
        (json!({"absent": [{"exists": false}]}), true),
        (json!({"state": [{"exists": false}]}), false),
        (json!({"deep": [{"exists": true}]}), false),
        (json!({"deep": [{"exists": false}]}), true),
        (json!({"no-items": [{"exists": false}]}), true),
        (json!({"absent": {"leaf": [{"exists": false}]}}), true),
        (json!({"deep": {"a": {"b": ["c"]}}}), true),
        (json!({"deep": {"a": {"b": ["d"]}}}), false),
        (json!({"deep": {"a": ["c"]}}), false),
        (json!({"tags": ["red"]}), true),
        (json!({"tags": [7]}), true),
        (json!({"tags": ["blue"]}), false),
        (json!({"tags": [{"equals-ignore-case": "blue"}]}), true),
        (json!({"state": [{"wildcard": "r*n*g"}]}), true),
        (json!({"state": [{"wildcard": "*running*"}]}), true),
        (json!({"state": [{"wildcard": "run"}]}), false),
        (
            json!({"$or": [{"c-count": [{"numeric": [">", 9]}]}, {"d-count": [3]}]}),
            true,
        ),
        (json!({"$or": [{"c-count": [9]}, {"d-count": [9]}]}), false),
        (
            json!({"state": ["running"], "$or": [{"c-count": [9]}, {"d-count": [9], "x": [1]}]}),
            false,
        ),
    ] {
        assert_eq!(
            holds(json!({ "detail": detail.clone() }), instance()),
            wanted,
            "{detail}"
        );
    }
    assert!(holds(
        json!({"time": [{"prefix": "2017-10-02"}], "source": ["aws.ec2"], "resources": [{"suffix": "0"}]}),
        instance()
    ));
}

#[test]
fn fields_of_an_array_are_found_together_in_one_element() {
    let event = json!({"employees": [{"first": "John", "last": "Smith"}, {"first": "Jane", "last": "Doe"}]});
    assert!(holds(
        json!({"employees": {"first": ["Jane"], "last": ["Doe"]}}),
        event.clone()
    ));
    assert!(!holds(
        json!({"employees": {"first": ["John"], "last": ["Doe"]}}),
        event
    ));
}

#[test]
fn a_wildcard_escapes_stars_and_backslashes() {
    for (wildcard, text, wanted) in [
        (r"a\*b", "a*b", true),
        (r"a\*b", "axb", false),
        (r"a\\*", r"a\xyz", true),
        ("*", "", true),
        ("", "", true),
        ("", "a", false),
        ("a*a", "a", false),
        ("a*a", "aa", true),
        ("*ä*", "xäy", true),
    ] {
        assert_eq!(
            holds(json!({"f": [{"wildcard": wildcard}]}), json!({"f": text})),
            wanted,
            "{wildcard} {text}"
        );
    }
}

#[test]
fn a_flaw_is_named_with_the_way_to_it() {
    for (pattern, at) in [
        (json!([]), "the top"),
        (json!({}), "the top"),
        (json!({"source": "aws"}), "source"),
        (json!({"source": []}), "source"),
        (json!({"detail": {}}), "detail"),
        (json!({"detail": {"a": [["b"]]}}), "detail.a[0]"),
        (
            json!({"detail": {"a": ["b", {"regex": "c"}]}}),
            "detail.a[1].regex",
        ),
        (json!({"a": [{"prefix": 1}]}), "a[0].prefix"),
        (json!({"a": [{"prefix": ""}]}), "a[0].prefix"),
        (json!({"a": [{"prefix": "a", "suffix": "b"}]}), "a[0]"),
        (json!({"a": [{"suffix": {"equals": "x"}}]}), "a[0].suffix"),
        (json!({"a": [{"exists": "yes"}]}), "a[0].exists"),
        (json!({"a": [{"anything-but": true}]}), "a[0].anything-but"),
        (json!({"a": [{"anything-but": ["a", 1]}]}), "a[0].anything-but"),
        (
            json!({"a": [{"anything-but": {"exists": true}}]}),
            "a[0].anything-but",
        ),
        (
            json!({"a": [{"anything-but": {"prefix": ["a", ""]}}]}),
            "a[0].anything-but.prefix[1]",
        ),
        (json!({"a": [{"numeric": []}]}), "a[0].numeric"),
        (json!({"a": [{"numeric": ["<", 1, ">", 0]}]}), "a[0].numeric"),
        (json!({"a": [{"numeric": [">", 5, "<", 1]}]}), "a[0].numeric"),
        (json!({"a": [{"numeric": [">", 1, "<", 1]}]}), "a[0].numeric"),
        (json!({"a": [{"numeric": ["=", 6e9]}]}), "a[0].numeric"),
        (json!({"a": [{"numeric": ["=", 1, "<", 2]}]}), "a[0].numeric"),
        (json!({"a": [{"wildcard": "a**b"}]}), "a[0].wildcard"),
        (json!({"a": [{"wildcard": "a\\b"}]}), "a[0].wildcard"),
        (json!({"a": [{"wildcard": "*a".repeat(17)}]}), "a[0].wildcard"),
        (json!({"a": [{"cidr": "10.0.0.0"}]}), "a[0].cidr"),
        (json!({"$or": [{"a": [1]}]}), "$or"),
        (json!({"d": {"$or": [{"a": [1]}, {"b": 1}]}}), "d.$or[1].b"),
        (json!({"a": ["x".repeat(5000)]}), "the top"),
    ] {
        let error = Pattern::from_value(&pattern).unwrap_err();
        assert_eq!(error.at, at, "{pattern}: {error}");
    }
    assert!(Pattern::parse("{").unwrap_err().what.contains("not JSON"));
}

#[test]
fn what_would_explode_is_refused() {
    let many: Vec<u32> = (0..11).collect();
    let pattern = json!({"a": many, "b": many, "c": many});
    assert!(
        Pattern::from_value(&pattern)
            .unwrap_err()
            .what
            .contains("1331 combinations")
    );
    let mut deep = json!(["x"]);
    for _ in 0..=MAX_DEPTH {
        deep = json!({ "d": deep });
    }
    assert!(Pattern::from_value(&deep).unwrap_err().what.contains("nested"));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ab*\\\\.]{0,6}".prop_map(Value::from),
        Just(json!("10.0.0.0/8")),
        Just(json!(">")),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        let name = prop_oneof![
            Just("a"),
            Just("b"),
            Just("$or"),
            Just("prefix"),
            Just("suffix"),
            Just("anything-but"),
            Just("wildcard"),
            Just("numeric"),
            Just("exists"),
            Just("equals-ignore-case"),
            Just("cidr")
        ]
        .prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(name, inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_makes_reading_or_matching_panic(pattern in any_json(), event in any_json()) {
        if let Ok(pattern) = Pattern::from_value(&pattern) {
            pattern.matches(&event);
        }
    }

    #[test]
    fn a_wildcard_matches_what_the_regular_expression_does(parts in prop::collection::vec("[ab]{0,2}", 1..4), text in "[ab]{0,8}") {
        let wildcard = parts.join("*");
        prop_assume!(!wildcard.contains("**"));
        let model = regex::Regex::new(&format!("^{}$", wildcard.replace('*', ".*"))).unwrap();
        prop_assert_eq!(
            holds(json!({"f": [{"wildcard": wildcard}]}), json!({"f": text.clone()})),
            model.is_match(&text)
        );
    }

    #[test]
    fn anything_but_is_the_contrary_of_the_value(value in "[ab]{0,3}", text in "[ab]{0,3}") {
        let but = holds(json!({"f": [{"anything-but": value.clone()}]}), json!({"f": text.clone()}));
        let is = holds(json!({"f": [value]}), json!({"f": text}));
        prop_assert_ne!(but, is);
    }
}
