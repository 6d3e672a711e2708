//! Fault rules: what is told about wrong ones, which calls they hit, and that the same calls meet the same again.

use cosell_domain::Catalog;
use cosell_domain::fault::{Call, Counts, Effects, Matcher, Rule};
use cosell_model::{ErrorKind, Operation, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{ACCOUNT, minute, noon};

fn rule(value: Value) -> Rule {
    serde_json::from_value(value).unwrap()
}

fn matcher(rules: &[Value]) -> Matcher {
    let mut matcher = Matcher::new(7);
    for value in rules {
        matcher.add(rule(value.clone())).unwrap();
    }
    matcher
}

fn call(operation: Operation, number: u64) -> Call<'static> {
    Call {
        operation,
        account: ACCOUNT,
        catalog: Some(Catalog::Sandbox),
        number,
    }
}

/// The effects of so many calls of GetOpportunity.
fn gets(matcher: &mut Matcher, count: u64) -> Vec<Effects> {
    (1..=count)
        .map(|number| matcher.decide(&call(Operation::GetOpportunity, number), noon()))
        .collect()
}

fn counts(matcher: &Matcher) -> Vec<Counts> {
    matcher.rules().map(|(_, counts)| counts).collect()
}

#[test]
fn every_flaw_of_a_rule_is_told_at_once_with_its_place() {
    let wrong = rule(json!({
        "id": "no spaces", "operations": ["GetOportunity", "Get*"], "accounts": ["12"], "catalogs": ["sandbox"],
        "probability": 2.0, "first": 0, "activeFrom": "2026-11-21T12:00:00Z", "activeTo": "2026-11-21T12:00:00Z",
        "effect": {"error": {"name": "Conflict", "message": ""}},
    }));
    let flaws = wrong.check();
    let places: Vec<&str> = flaws.iter().map(|flaw| flaw.path.as_str()).collect();
    assert_eq!(
        places,
        [
            "id",
            "operations[1]",
            "accounts[1]",
            "catalogs[1]",
            "",
            "probability",
            "first",
            "activeTo",
            "effect.error.name",
            "effect.error.message",
        ]
    );
    assert!(
        flaws[1].instead.contains("did you mean \"GetOpportunity\"?"),
        "{}",
        flaws[1]
    );
    assert!(
        flaws[3].instead.contains("did you mean \"Sandbox\"?"),
        "{}",
        flaws[3]
    );
    assert_eq!(Matcher::new(1).add(wrong), Err(flaws));
}

#[test]
fn effects_out_of_bounds_are_refused() {
    for (effect, place) in [
        (
            json!({"latency": {"fixed": {"ms": 0}}}),
            "effect.latency.fixed.ms",
        ),
        (
            json!({"latency": {"fixed": {"ms": 60_001}}}),
            "effect.latency.fixed.ms",
        ),
        (
            json!({"latency": {"uniform": {"fromMs": 9, "toMs": 3}}}),
            "effect.latency.uniform.fromMs",
        ),
        (
            json!({"latency": {"uniform": {"fromMs": 9, "toMs": 90_000}}}),
            "effect.latency.uniform.toMs",
        ),
        (
            json!({"latency": {"exponential": {"meanMs": 0}}}),
            "effect.latency.exponential.meanMs",
        ),
        (json!({"staleRead": {"byMs": 3_600_001}}), "effect.staleRead.byMs"),
    ] {
        let flaws = rule(json!({"id": "x", "effect": effect})).check();
        assert_eq!(flaws.len(), 1, "{effect}");
        assert_eq!(flaws[0].path, place);
    }
    let stale = json!({"id": "x", "operations": ["Update*"], "effect": {"staleRead": {"byMs": 5}}});
    assert_eq!(rule(stale).check()[0].path, "operations");
}

#[test]
fn unknown_members_are_refused_wherever_they_stand() {
    for value in [
        json!({"id": "x", "effect": "throttle", "operation": ["*"]}),
        json!({"id": "x", "effect": {"error": {"name": "ConflictException", "text": "y"}}}),
        json!({"id": "x", "effect": {"latency": {"fixed": {"ms": 1, "s": 1}}}}),
        json!({"id": "x", "effect": "explode"}),
        json!({"id": "x"}),
    ] {
        assert!(serde_json::from_value::<Rule>(value.clone()).is_err(), "{value}");
    }
}

#[test]
fn filters_pick_operation_account_catalog_and_time() {
    let value = json!({
        "id": "narrow", "operations": ["List*", "getopportunity"], "accounts": ["1111*"], "catalogs": ["Sandbox"],
        "activeFrom": minute(0), "activeTo": minute(10), "effect": "throttle",
    });
    let base = call(Operation::GetOpportunity, 1);
    for (name, call, now, hit) in [
        ("fits", base, minute(0), true),
        (
            "fits a pattern",
            call(Operation::ListOpportunities, 1),
            minute(9),
            true,
        ),
        (
            "other operation",
            call(Operation::UpdateOpportunity, 1),
            minute(0),
            false,
        ),
        (
            "other account",
            Call {
                account: "222233334444",
                ..base
            },
            minute(0),
            false,
        ),
        (
            "other catalog",
            Call {
                catalog: Some(Catalog::Aws),
                ..base
            },
            minute(0),
            false,
        ),
        (
            "no catalog",
            Call {
                catalog: None,
                ..base
            },
            minute(0),
            false,
        ),
        ("too early", base, minute(0).plus_millis(-1), false),
        ("too late", base, minute(10), false),
    ] {
        let mut matcher = matcher(std::slice::from_ref(&value));
        let effects = matcher.decide(&call, now);
        assert_eq!(effects.error.is_some(), hit, "{name}");
        assert_eq!(effects.is_none(), !hit, "{name}");
        assert_eq!(counts(&matcher)[0].matched, u64::from(hit), "{name}");
    }
}

#[test]
fn first_and_every_count_matching_calls_only() {
    let mut first = matcher(&[json!({"id": "a", "first": 2, "effect": "throttle"})]);
    let hits: Vec<bool> = gets(&mut first, 5)
        .iter()
        .map(|effects| effects.error.is_some())
        .collect();
    assert_eq!(hits, [true, true, false, false, false]);
    assert_eq!(counts(&first), [Counts { matched: 5, hits: 2 }]);

    let mut every =
        matcher(&[json!({"id": "a", "operations": ["Get*"], "every": 3, "effect": "dropAfterCommit"})]);
    let mut hits = Vec::new();
    for number in 1..=7 {
        every.decide(&call(Operation::CreateOpportunity, 100 + number), noon());
        hits.push(
            every
                .decide(&call(Operation::GetOpportunity, number), noon())
                .drop_after_commit,
        );
    }
    assert_eq!(hits, [false, false, true, false, false, true, false]);
    assert_eq!(counts(&every), [Counts { matched: 7, hits: 2 }]);
}

#[test]
fn waits_add_up_and_the_first_ending_wins_without_using_up_the_others() {
    let mut matcher = matcher(&[
        json!({"id": "slow", "effect": {"latency": {"fixed": {"ms": 100}}}}),
        json!({"id": "busy", "first": 2, "effect": "throttle"}),
        json!({"id": "taken", "first": 1, "effect": {"error": {"name": "ConflictException", "message": "mine"}}}),
        json!({"id": "cut", "first": 1, "effect": "dropAfterCommit"}),
        json!({"id": "slower", "effect": {"latency": {"uniform": {"fromMs": 20, "toMs": 20}}}}),
        json!({"id": "old", "effect": {"staleRead": {"byMs": 30}}}),
        json!({"id": "older", "effect": {"staleRead": {"byMs": 50}}}),
    ]);
    let effects = gets(&mut matcher, 5);
    assert!(
        effects
            .iter()
            .all(|effects| effects.latency_ms == 120 && effects.stale_by_ms == 50)
    );
    let ends: Vec<(Option<ErrorKind>, bool)> = effects
        .iter()
        .map(|effects| {
            (
                effects.error.as_ref().map(|error| error.kind),
                effects.drop_after_commit,
            )
        })
        .collect();
    assert_eq!(
        ends,
        [
            (Some(ErrorKind::Throttling), false),
            (Some(ErrorKind::Throttling), false),
            (Some(ErrorKind::Conflict), false),
            (None, true),
            (None, false),
        ]
    );
    assert_eq!(effects[2].error.as_ref().unwrap().message, "mine");
    assert_eq!(effects[3].rules, ["slow", "cut", "slower", "old", "older"]);
}

#[test]
fn a_stale_read_leaves_writes_alone_and_all_waits_together_end_at_a_minute() {
    let mut matcher = matcher(&[
        json!({"id": "old", "effect": {"staleRead": {"byMs": 30}}}),
        json!({"id": "a", "effect": {"latency": {"fixed": {"ms": 50_000}}}}),
        json!({"id": "b", "effect": {"latency": {"fixed": {"ms": 50_000}}}}),
    ]);
    let effects = matcher.decide(&call(Operation::UpdateOpportunity, 1), noon());
    assert_eq!((effects.stale_by_ms, effects.latency_ms), (0, 60_000));
    assert_eq!(counts(&matcher)[0], Counts::default());
}

#[test]
fn every_error_of_the_contract_can_be_made_and_names_its_rule() {
    for kind in ErrorKind::ALL {
        let mut matcher = matcher(&[json!({"id": "made-up", "effect": {"error": {"name": kind.name()}}})]);
        let error = gets(&mut matcher, 1).remove(0).error.unwrap();
        assert_eq!(error.kind, *kind);
        assert!(error.message.contains("made-up"));
    }
}

#[test]
fn rules_are_listed_taken_and_an_id_is_free_again_afterwards() {
    let value = json!({"id": "a", "effect": "throttle"});
    let mut matcher = matcher(&[value.clone(), json!({"id": "b", "effect": "dropAfterCommit"})]);
    assert_eq!(matcher.add(rule(value.clone())).unwrap_err()[0].path, "id");
    gets(&mut matcher, 3);
    assert_eq!(matcher.remove("c"), None);
    assert_eq!(
        matcher.remove("a"),
        Some((rule(value.clone()), Counts { matched: 3, hits: 3 }))
    );
    matcher.add(rule(value)).unwrap();
    let ids: Vec<&str> = matcher.rules().map(|(rule, _)| rule.id.as_str()).collect();
    assert_eq!(ids, ["b", "a"]);
    assert_eq!(matcher.clear(), 2);
    assert!(matcher.is_empty());
}

#[test]
fn an_exponential_wait_has_its_mean_and_its_cap() {
    let mut usual = matcher(&[json!({"id": "x", "effect": {"latency": {"exponential": {"meanMs": 200}}}})]);
    let total: u64 = gets(&mut usual, 4_000)
        .iter()
        .map(|effects| effects.latency_ms)
        .sum();
    assert!((180..=220).contains(&(total / 4_000)), "{}", total / 4_000);

    let mut long = matcher(&[json!({"id": "x", "effect": {"latency": {"exponential": {"meanMs": 60_000}}}})]);
    let waits: Vec<u64> = gets(&mut long, 200)
        .iter()
        .map(|effects| effects.latency_ms)
        .collect();
    assert_eq!(waits.iter().max(), Some(&60_000));
    assert!(waits.iter().any(|wait| *wait < 30_000));
}

fn any_effect() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!("throttle")),
        Just(json!("dropAfterCommit")),
        prop::sample::select(ErrorKind::ALL).prop_map(|kind| json!({"error": {"name": kind.name()}})),
        (1u64..=60_000).prop_map(|ms| json!({"latency": {"fixed": {"ms": ms}}})),
        (0u64..=500, 500u64..=60_000)
            .prop_map(|(a, b)| json!({"latency": {"uniform": {"fromMs": a, "toMs": b}}})),
        (1u64..=60_000).prop_map(|ms| json!({"latency": {"exponential": {"meanMs": ms}}})),
        (1u64..=3_600_000).prop_map(|ms| json!({"staleRead": {"byMs": ms}})),
    ]
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let how = prop_oneof![
        Just(json!({})),
        // As people write them: of a longer number the JSON reader may lose the last bit.
        (1u32..=1_000_000).prop_map(|share| json!({"probability": f64::from(share) / 1e6})),
        (1u64..9).prop_map(|count| json!({"first": count})),
        (1u64..9).prop_map(|count| json!({"every": count})),
    ];
    let operations = prop::sample::select(vec![
        json!([]),
        json!(["*"]),
        json!(["Get*"]),
        json!(["GetOpportunity"]),
    ]);
    (any_effect(), how, operations).prop_map(|(effect, how, operations)| {
        let mut value = how;
        value["id"] = json!("x");
        value["effect"] = effect;
        value["operations"] = operations;
        rule(value)
    })
}

proptest! {
    #[test]
    fn the_same_seed_and_calls_meet_the_same_and_never_out_of_bounds(
        rules in prop::collection::vec(any_rule(), 0..6),
        seed in any::<u64>(),
        calls in prop::collection::vec((0..Operation::ALL.len(), any::<u64>()), 1..30),
    ) {
        let mut one = Matcher::new(seed);
        for (index, mut rule) in rules.into_iter().enumerate() {
            rule.id = format!("rule-{index}");
            let text = serde_json::to_string(&rule).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Rule>(&text).unwrap(), &rule);
            prop_assert!(one.add(rule).is_ok());
        }
        let mut other = one.clone();
        for (operation, number) in calls {
            let call = call(Operation::ALL[operation], number);
            let effects = one.decide(&call, noon());
            prop_assert_eq!(&effects, &other.decide(&call, noon()));
            prop_assert!(effects.latency_ms <= 60_000);
            prop_assert!(!(effects.error.is_some() && effects.drop_after_commit));
        }
        prop_assert_eq!(counts(&one), counts(&other));
        for (rule, counts) in one.rules() {
            prop_assert!(counts.hits <= counts.matched);
            prop_assert!(rule.first.is_none_or(|first| counts.hits <= first));
        }
    }

    #[test]
    fn a_probability_is_kept_over_many_calls(percent in 1u32..=100, seed in any::<u64>()) {
        let share = f64::from(percent) / 100.0;
        let mut matcher = Matcher::new(seed);
        matcher.add(rule(json!({"id": "x", "probability": share, "effect": "throttle"}))).unwrap();
        gets(&mut matcher, 2_000);
        let hits = f64::from(u32::try_from(counts(&matcher)[0].hits).unwrap());
        // Five standard deviations.
        let spread = 5.0 * (2_000.0 * share * (1.0 - share)).sqrt();
        prop_assert!((hits - 2_000.0 * share).abs() <= spread, "{} of 2000 at {}", hits, share);
    }

    #[test]
    fn a_rule_of_any_texts_is_checked_without_panic(
        id in ".*", names in prop::collection::vec(".{0,40}", 0..4), number in any::<u64>(),
        share in any::<f64>(), at in any::<i64>(),
    ) {
        let mut odd = rule(json!({"id": "x", "effect": {"latency": {"exponential": {"meanMs": number}}}}));
        odd.id = id;
        odd.operations = names.clone();
        odd.accounts = names.clone();
        odd.catalogs = names;
        odd.probability = Some(share);
        odd.active_to = Some(Timestamp::from_millis(at));
        let flaws = odd.check();
        let mut matcher = Matcher::new(number);
        prop_assert_eq!(matcher.add(odd).is_ok(), flaws.is_empty());
        gets(&mut matcher, 2);
    }
}
