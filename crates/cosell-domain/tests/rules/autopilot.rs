//! Autopilot scripts: what is read, what is told about wrong ones, what they make AWS do, and why they say they do it.

use cosell_domain::Catalog;
use cosell_domain::autopilot::{
    Action, Decision, Facts, Format, Script, Step, Verdict, decision, explain, steps,
};
use cosell_model::enums::{ReviewStatus, SalesInvolvementType, Stage};
use cosell_model::{Check, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{ACCOUNT, draft, edit, minute, noon, of_status, submit_as, submitted, with};

fn script(text: &str) -> Script {
    Script::parse(text).unwrap_or_else(|errors| panic!("{errors}"))
}

fn json_script(value: &Value) -> Script {
    script(&value.to_string())
}

fn facts() -> Facts {
    Facts::of(&submitted(&draft()), ACCOUNT, Catalog::Sandbox)
}

/// Place and advice of each flaw of a wrong script.
fn flaws(text: &str) -> Vec<(String, String)> {
    let errors = Script::parse(text).expect_err("a wrong script");
    errors
        .0
        .into_iter()
        .map(|flaw| (flaw.path.clone(), flaw.to_string()))
        .collect()
}

fn verdict(plan: &[Step]) -> Option<&Verdict> {
    plan.iter().find_map(|step| match &step.action {
        Action::Verdict(verdict) => Some(verdict),
        _ => None,
    })
}

fn approves(plan: &[Step]) -> bool {
    matches!(verdict(plan), Some(Verdict::Approve { .. }))
}

#[test]
fn shipped_scripts_are_read_and_no_other_name_is() {
    for name in ["approve-fast", "realistic", "picky"] {
        let script = Script::shipped(name).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(Script::parse(&script.to_toml()).unwrap(), script, "{name}");
        assert_eq!(json_script(&script.to_json()), script, "{name}");
    }
    assert!(Script::shipped("manual").is_none());
}

#[test]
fn toml_and_json_say_the_same() {
    let toml = "default = \"leave\"\n[review]\ndecide-after = \"1h..3d\"\n[[rule]]\noutcome = \"approve\"\nwhen.country = \"US\"\n";
    let json = r#"  {"default": {"outcome": "leave"}, "review": {"decide-after": "1h..3d"},
        "rule": [{"outcome": "approve", "when": {"country": ["US"]}}]}"#;
    assert_eq!(script(toml), script(json));
    assert_eq!(Format::of(json), Format::Json);
    assert!(Script::parse_as(toml, Format::Json).is_err());
}

#[test]
fn everything_wrong_is_told_at_once_with_place_and_advice() {
    let found = flaws(
        r#"
        seed = -1
        speed = 3
        [review]
        take-after = "soon"
        decide-after = "3d..1h"
        [[rule]]
        outcome = "aprove"
        [rule.when]
        industry = ["Retail", "Retial"]
        country = "Germany"
        spend-at-least = 12.5
        percentage = 101
        account = "123"
        [[rule]]
        outcome = "reject"
        [[rule]]
        outcome = "leave"
        comments = "hm"
        when = {}
        [resubmitted]
        outcome = "approve"
        reason = "because"
        [invitations]
        accept-after = "sometimes"
        [[progress]]
        after = 5
        stage = "Won"
        "#,
    );
    for (place, advice) in [
        ("speed", "did you mean \"seed\"?"),
        ("seed", "whole number"),
        (
            "review.take-after",
            "\"soon\" is no delay; write a whole number with s, m, h, d or w",
        ),
        ("review.decide-after", "such as \"1h..3d\""),
        (
            "rule[1].outcome",
            "did you mean \"approve\"? write one of: approve, reject, action-required, leave",
        ),
        ("rule[1].when.industry[2]", "did you mean \"Retail\"?"),
        ("rule[1].when.country", "\"Germany\" is not known here"),
        ("rule[1].when.spend-at-least", "in quotes such as \"99.50\""),
        ("rule[1].when.percentage", "0 to 100"),
        ("rule[1].when.account", "12 digits"),
        ("rule[2]", "no rule after it is ever reached"),
        ("rule[2].reason", "needs it; write the reason"),
        ("rule[3].comments", "has no comments"),
        ("rule[3].when", "there is no condition here"),
        ("default", "such as default = \"approve\""),
        ("resubmitted.reason", "has no reason"),
        ("invitations.accept-after", "or \"never\""),
        ("progress[1].after", "this is a number; write"),
        ("progress[1].stage", "write one of: Not Started"),
    ] {
        let told = found
            .iter()
            .any(|(path, text)| path == place && text.contains(advice));
        assert!(told, "{place} {advice}\nin {found:#?}");
    }
    assert_eq!(found.len(), 19, "{found:#?}");
}

#[test]
fn text_that_is_no_toml_and_no_json_is_told_where_it_breaks() {
    assert!(flaws("default = \n")[0].1.contains("not valid TOML"));
    assert!(flaws("{\"default\": }")[0].1.contains("line 1 column 13"));
    assert!(
        flaws("default = 2026-11-21")[0]
            .1
            .contains("this is a date or a time of day")
    );
    assert!(flaws("")[0].1.contains("default: this is missing"));
    assert!(flaws(&"#".repeat(1 << 21))[0].1.contains("at most 1048576"));
    let error = serde_json::from_value::<Script>(json!({"default": "later"})).unwrap_err();
    assert!(
        error.to_string().contains("default.outcome: \"later\""),
        "{error}"
    );
}

#[test]
fn facts_come_from_the_deal() {
    let facts = facts();
    assert_eq!(facts.id, "O5465588");
    assert_eq!(facts.monthly_spend.unwrap().to_string(), "2500");
    assert_eq!(facts.title.as_deref(), Some("Move the warehouse"));
    assert_eq!(
        (facts.submission, facts.stage.clone()),
        (1, Some(Stage::Qualified))
    );
    assert_eq!(facts.involvement, Some(SalesInvolvementType::CoSell));
}

#[test]
fn each_condition_holds_where_the_deal_has_it_and_only_there() {
    for (name, holding, failing) in [
        ("spend-at-least", json!(2500), json!("2500.01")),
        ("spend-below", json!("2500.01"), json!(2500)),
        ("industry", json!(["Gaming", "Retail"]), json!("Gaming")),
        ("country", json!("US"), json!(["DE", "FR"])),
        ("stage", json!("Qualified"), json!("Prospect")),
        (
            "title",
            json!(["nothing", "move * WAREHOUSE"]),
            json!("warehouse"),
        ),
        ("account", json!(ACCOUNT), json!("999988887777")),
        ("opportunity-type", json!("Net New Business"), json!("Expansion")),
        ("percentage", json!(100), json!(0)),
    ] {
        for (value, expected) in [(holding, Decision::Rule(1)), (failing, Decision::Default)] {
            let when = json!({name: value});
            let script =
                json_script(&json!({"default": "leave", "rule": [{"outcome": "approve", "when": when}]}));
            assert_eq!(decision(&script, &facts()).0, expected, "{name} {value}");
            let told = explain(&script, &facts());
            let finding = &told.rules[0].findings[0];
            assert_eq!(finding.condition, name);
            assert_eq!(finding.holds, expected == Decision::Rule(1), "{told}");
        }
    }
}

#[test]
fn nothing_is_known_of_a_deal_that_states_nothing() {
    let mut empty = facts();
    (empty.monthly_spend, empty.industry, empty.title) = (None, None, None);
    for when in [
        json!({"spend-below": 1000}),
        json!({"spend-at-least": 0}),
        json!({"industry": "Retail"}),
        json!({"title": "*"}),
    ] {
        let script =
            json_script(&json!({"default": "leave", "rule": [{"outcome": "approve", "when": when}]}));
        assert_eq!(decision(&script, &empty).0, Decision::Default, "{when}");
        assert!(
            explain(&script, &empty).rules[0].findings[0]
                .words
                .contains("not stated")
        );
    }
}

#[test]
fn the_first_rule_that_matches_with_all_its_conditions_decides() {
    let script = json_script(&json!({"default": "approve", "rule": [
        {"outcome": "leave", "when": {"country": "US", "industry": "Gaming"}},
        {"name": "us", "outcome": "reject", "reason": "Two", "comments": "too far", "when": {"country": "US"}},
        {"outcome": "approve", "when": {"country": "US"}},
    ]}));
    assert_eq!(decision(&script, &facts()).0, Decision::Rule(2));
    let plan = steps(&script, &facts(), noon());
    let expected = Verdict::Reject {
        reason: "Two".to_owned(),
        comments: Some("too far".to_owned()),
    };
    assert_eq!(verdict(&plan), Some(&expected));
    let told = explain(&script, &facts());
    assert_eq!(told.rules.len(), 2, "the third rule is not looked at");
    assert_eq!(
        told.decided,
        "Rule 2 (us) decides: AWS rejects the deal, saying \"Two\" and \"too far\"."
    );
    let text = told.to_string();
    assert!(
        text.contains("no  industry: the industry is Retail, asked for is Gaming"),
        "{text}"
    );
    assert!(
        text.contains("yes country: the country is US, asked for is US"),
        "{text}"
    );
}

#[test]
fn a_deal_is_taken_decided_and_worked_on_in_that_order() {
    let script = script(
        r#"
        default = "approve"
        review = { take-after = "1h", decide-after = "1d" }
        invitations = { accept-after = "2h" }
        progress = [{ after = "2d", stage = "Engaged", next-steps = "Meet" }, { after = "1w", stage = "Committed" }]
        "#,
    );
    let plan = steps(&script, &facts().with_invitation("engi-1"), noon());
    let hours: Vec<i64> = plan
        .iter()
        .map(|step| (step.at.as_millis() - noon().as_millis()) / 3_600_000)
        .collect();
    assert_eq!(hours, [1, 2, 25, 73, 241]);
    assert_eq!(plan[0].action, Action::Take);
    assert_eq!(
        plan[1].action,
        Action::AcceptInvitation {
            invitation: "engi-1".to_owned()
        }
    );
    let told: Vec<String> = explain(&script, &facts())
        .steps
        .iter()
        .map(|step| format!("{} {}", step.after, step.what))
        .collect();
    assert_eq!(
        told,
        [
            "1h AWS takes the deal in review",
            "1d 1h AWS approves the deal",
            "3d 1h AWS moves its own stage to Engaged, saying \"Meet\"",
            "10d 1h AWS moves its own stage to Committed",
        ]
    );
}

#[test]
fn a_plan_goes_on_where_the_deal_stands() {
    let script = Script::shipped("approve-fast").unwrap();
    let of = |status: &str| {
        let facts = Facts::of(&of_status(&draft(), status), ACCOUNT, Catalog::Sandbox);
        steps(&script, &facts, noon()).len()
    };
    assert_eq!(
        [
            "Pending Submission",
            "Submitted",
            "In review",
            "Approved",
            "Rejected",
            "Action Required",
            ""
        ]
        .map(of),
        [0, 2, 2, 1, 0, 0, 0]
    );
}

#[test]
fn what_is_left_to_people_is_not_taken_in_review_either() {
    let script = json_script(
        &json!({"default": "leave", "review": {"take-after": "1s"}, "progress": [{"after": "1s", "stage": "Engaged"}]}),
    );
    assert_eq!(steps(&script, &facts(), noon()), []);
    assert!(
        explain(&script, &facts())
            .decided
            .contains("until a person decides")
    );
}

#[test]
fn a_corrected_deal_is_not_sent_back_for_ever_where_the_script_says_so() {
    let rules = json!([{"outcome": "action-required", "reason": "More", "when": {"country": "US"}}]);
    let with_end = json_script(&json!({"default": "leave", "resubmitted": "approve", "rule": rules}));
    let without = json_script(&json!({"default": "leave", "rule": rules}));

    let sent_back = of_status(&draft(), "Action Required");
    let edited = edit(
        &sent_back,
        &[(
            "Project.CustomerBusinessProblem",
            json!("The customer's database is full."),
        )],
    )
    .unwrap();
    let resent = submit_as(&sent_back, "Co-Sell", None).unwrap().unwrap();
    for (way, again) in [("by an edit", edited), ("by submitting", resent)] {
        let again = Facts::of(&again, ACCOUNT, Catalog::Sandbox);
        assert_eq!(
            (again.submission, again.status.clone()),
            (2, Some(ReviewStatus::Submitted)),
            "{way}"
        );
        assert_eq!(
            decision(&with_end, &again).0,
            Decision::Resubmitted { instead_of: Some(1) },
            "{way}"
        );
        assert_eq!(decision(&without, &again).0, Decision::Rule(1), "{way}");
    }
    assert_eq!(
        decision(&with_end, &facts()).0,
        Decision::Rule(1),
        "the first time"
    );
    let waiting = Facts::of(&sent_back, ACCOUNT, Catalog::Sandbox);
    let told = explain(&with_end, &waiting);
    assert!(told.situation.contains("if it comes back"), "{told}");
    assert!(
        told.decided
            .contains("so \"resubmitted\" decides: AWS approves the deal"),
        "{told}"
    );
}

#[test]
fn deals_for_visibility_only_pass_the_rules_by_where_the_script_says_so() {
    let body = json!({"default": "leave", "visibility-only": "approve"});
    let quiet = submit_as(&draft(), "For Visibility Only", None).unwrap().unwrap();
    let quiet = Facts::of(&quiet, ACCOUNT, Catalog::Sandbox);
    assert_eq!(decision(&json_script(&body), &quiet).0, Decision::VisibilityOnly);
    assert_eq!(explain(&json_script(&body), &quiet).rules, []);
    assert_eq!(decision(&json_script(&body), &facts()).0, Decision::Default);
    let plain = with(body, &[("visibility-only", Value::Null)]);
    assert_eq!(decision(&json_script(&plain), &quiet).0, Decision::Default);
}

#[test]
fn a_draft_is_explained_as_if_it_were_submitted_and_an_ended_deal_is_not() {
    let script = Script::shipped("picky").unwrap();
    let of = |status: &str| {
        explain(
            &script,
            &Facts::of(&of_status(&draft(), status), ACCOUNT, Catalog::Sandbox),
        )
    };
    let drafted = of("Pending Submission");
    assert!(drafted.situation.contains("if it is submitted as it is"));
    assert_eq!(drafted.decided, of("Submitted").decided);
    assert_eq!(drafted.steps, of("Submitted").steps);
    for status in ["Rejected", "", "Approved"] {
        let told = of(status);
        assert!(told.rules.is_empty() && told.steps.is_empty(), "{status}: {told}");
        assert_eq!(told.decided, "Nothing is left to decide.");
    }
}

#[test]
fn steps_survive_being_stored() {
    let script = Script::shipped("realistic").unwrap();
    for step in steps(&script, &facts().with_invitation("engi-1"), minute(3)) {
        let text = serde_json::to_string(&step).unwrap();
        assert_eq!(serde_json::from_str::<Step>(&text).unwrap(), step, "{text}");
    }
}

fn delay() -> impl Strategy<Value = String> {
    prop_oneof![
        (0u32..400).prop_map(|minutes| format!("{minutes}m")),
        (0u32..5, 5u32..90).prop_map(|(from, to)| format!("{from}h..{to}d")),
    ]
}

fn outcome() -> impl Strategy<Value = Value> {
    let text = "[a-zA-Zäß\"\\\\#\n ]{0,20}x";
    prop_oneof![
        Just(json!({"outcome": "leave"})),
        prop::option::of(text).prop_map(|comments| match comments {
            Some(comments) => json!({"outcome": "approve", "comments": comments}),
            None => json!({"outcome": "approve"}),
        }),
        (prop::sample::select(vec!["reject", "action-required"]), text)
            .prop_map(|(word, reason)| json!({"outcome": word, "reason": reason})),
    ]
}

fn conditions() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0u64..1_000_000).prop_map(|amount| json!({"spend-at-least": amount})),
        "[1-9][0-9]{0,20}(\\.[0-9]{1,2})?".prop_map(|amount| json!({"spend-below": amount})),
        "[a-z*?.(]{1,12}".prop_map(|title| json!({"title": [title], "country": ["US", "DE"]})),
        (0u32..=10_000).prop_map(|share| json!({"percentage": f64::from(share) / 100.0})),
        prop::sample::select(Stage::VALUES).prop_map(|stage| json!({"stage": stage})),
    ]
}

fn any_script() -> impl Strategy<Value = Value> {
    let rules = prop::collection::vec((conditions(), outcome()), 0..5).prop_map(|rules| {
        let rules = rules.into_iter().map(|(when, mut outcome)| {
            outcome["when"] = when;
            outcome
        });
        rules.collect::<Vec<Value>>()
    });
    let stage = prop::sample::select(cosell_model::enums::AwsOpportunityStage::VALUES);
    let progress = prop::collection::vec((delay(), stage), 0..4).prop_map(|moves| {
        let moves = moves
            .into_iter()
            .map(|(after, stage)| json!({"after": after, "stage": stage}));
        moves.collect::<Vec<Value>>()
    });
    (
        0u64..1 << 53,
        (prop::option::of(delay()), delay()),
        rules,
        (outcome(), outcome()),
        delay(),
        progress,
    )
        .prop_map(
            |(seed, (take, decide), rules, (default, again), accept, progress)| {
                let mut script = json!({
                    "seed": seed, "review": {"decide-after": decide}, "rule": rules, "default": default,
                    "resubmitted": again, "invitations": {"accept-after": accept}, "progress": progress,
                });
                if let Some(take) = take {
                    script["review"]["take-after"] = json!(take);
                }
                script
            },
        )
}

proptest! {
    #[test]
    fn a_printed_script_reads_back_as_the_same(value in any_script()) {
        let script = json_script(&value);
        prop_assert_eq!(&Script::parse(&script.to_toml()).unwrap(), &script);
        prop_assert_eq!(&json_script(&script.to_json()), &script);
        let stored = serde_json::to_string(&script).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Script>(&stored).unwrap(), &script);
    }

    #[test]
    fn plans_are_in_order_after_their_trigger_and_the_same_each_time(
        value in any_script(), id in "O[0-9]{1,19}", at in 0i64..4_000_000_000_000, submission in 1u32..4,
    ) {
        let script = json_script(&value);
        let mut about = facts().with_invitation("engi-1");
        (about.id, about.submission) = (id, submission);
        let at = Timestamp::from_millis(at);
        let plan = steps(&script, &about, at);
        prop_assert_eq!(&plan, &steps(&script.clone(), &about.clone(), at));
        prop_assert!(plan.iter().all(|step| step.at >= at));
        prop_assert!(plan.is_sorted_by_key(|step| step.at));
        let takes = plan.iter().position(|step| step.action == Action::Take);
        let decides = plan.iter().position(|step| matches!(step.action, Action::Verdict(_)));
        prop_assert!(takes.is_none() || takes < decides);
        for step in &plan {
            if let Action::MoveStage { stage, .. } = &step.action {
                prop_assert!(stage.check());
                prop_assert!(approves(&plan));
            }
        }
        // Planned again at the approval, AWS's stage moves at the very same times.
        if let Some(decided) = decides.map(|place| plan[place].at) {
            let moves = |plan: &[Step]| -> Vec<Step> {
                plan.iter().filter(|step| matches!(step.action, Action::MoveStage { .. })).cloned().collect()
            };
            if approves(&plan) {
                about.status = Some(ReviewStatus::Approved);
                prop_assert_eq!(moves(&plan), moves(&steps(&script, &about, decided)));
            }
        }
    }

    #[test]
    fn an_explanation_says_what_the_plan_does(value in any_script(), id in "O[0-9]{1,19}") {
        let script = json_script(&value);
        let mut about = facts();
        about.id = id;
        let told = explain(&script, &about);
        let plan = steps(&script, &about, noon());
        let foreseen: Vec<i64> = told.steps.iter().map(|step| step.after_millis).collect();
        let planned: Vec<i64> = plan.iter().map(|step| step.at.as_millis() - noon().as_millis()).collect();
        prop_assert_eq!(foreseen, planned);
        for (position, looked) in told.rules.iter().enumerate() {
            prop_assert_eq!(looked.matched, looked.findings.iter().all(|finding| finding.holds));
            prop_assert!(!looked.matched || position + 1 == told.rules.len());
        }
        let matched = told.rules.last().is_some_and(|looked| looked.matched);
        prop_assert_eq!(matched, matches!(decision(&script, &about).0, Decision::Rule(_)));
    }

    #[test]
    fn a_percentage_is_kept_over_many_deals(percent in 0u32..=100, seed in 0u64..1 << 53) {
        let script = json_script(&json!({"seed": seed, "default": "leave",
            "rule": [{"outcome": "approve", "when": {"percentage": percent}}]}));
        let mut about = facts();
        let mut chosen = 0u32;
        for number in 0..1_000 {
            about.id = format!("O{number}");
            chosen += u32::from(decision(&script, &about).0 == Decision::Rule(1));
        }
        let share = f64::from(percent) / 100.0;
        // Five standard deviations.
        let spread = 5.0 * (1_000.0 * share * (1.0 - share)).sqrt();
        prop_assert!((f64::from(chosen) - 1_000.0 * share).abs() <= spread, "{} of 1000 at {}%", chosen, percent);
    }

    #[test]
    fn no_text_makes_reading_panic(text in "\\PC*", nested in 0usize..3_000, open in "[\\[{\"=']{1,3}") {
        let _ = Script::parse(&text);
        for format in [Format::Toml, Format::Json] {
            let _ = Script::parse_as(&text, format);
            let _ = Script::parse_as(&open.repeat(nested), format);
            let _ = Script::parse_as(&format!("default = {}", open.repeat(nested)), format);
        }
    }

    #[test]
    fn no_damage_to_a_good_script_makes_reading_panic_or_pass_silently(
        which in 0usize..3, at in any::<prop::sample::Index>(), put in "[\\PC\n]{0,3}",
    ) {
        let (_, text) = cosell_domain::autopilot::SHIPPED[which];
        let letters: Vec<char> = text.chars().collect();
        let at = at.index(letters.len());
        let damaged: String = letters[..at].iter().copied().chain(put.chars()).chain(letters[at + 1..].iter().copied()).collect();
        match Script::parse(&damaged) {
            Ok(script) => prop_assert_eq!(&Script::parse(&script.to_toml()).unwrap(), &script),
            Err(errors) => {
                prop_assert!(!errors.0.is_empty());
                prop_assert!(errors.0.iter().all(|flaw| !flaw.wrong.is_empty() && !flaw.instead.is_empty()));
            }
        }
    }
}
