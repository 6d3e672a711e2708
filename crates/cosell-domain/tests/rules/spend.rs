//! Expected spend: amounts as text, estimation URLs and total contract values.

use cosell_domain::opportunity::Opportunity;
use serde_json::{Value, json};

use crate::support::*;

const REAL: &str = "https://calculator.aws/#/estimate?id=0123456789abcdef0123456789abcdef";
const GONE: &str = "https://calculator.aws/#/estimate?id=00000000000000000000000000000000";
const LIST: &str = "project.expectedCustomerSpend";
const INVALID: &str = "INVALID_VALUE";

fn entry(amount: &str, company: &str) -> Value {
    json!({"Amount": amount, "CurrencyCode": "USD", "Frequency": "Monthly", "TargetCompany": company})
}

fn own(amount: &str) -> Value {
    json!({"Amount": amount, "CurrencyCode": "USD", "Frequency": "None", "TargetCompany": "Self"})
}

fn months(value: &str) -> Value {
    json!({"Term": "Months", "Value": value})
}

fn body(entries: Value, duration: Option<Value>) -> Value {
    let edits = [
        ("Project.ExpectedCustomerSpend", entries),
        (
            "Project.ExpectedContractDuration",
            duration.unwrap_or(Value::Null),
        ),
    ];
    with(whole_input(), &edits)
}

fn kept(opportunity: &Opportunity) -> Value {
    serde_json::to_value(
        &opportunity
            .document
            .project
            .as_ref()
            .unwrap()
            .expected_customer_spend,
    )
    .unwrap()
}

fn duration(opportunity: &Opportunity) -> Option<String> {
    let project = opportunity.document.project.as_ref().unwrap();
    project
        .expected_contract_duration
        .as_ref()
        .map(|duration| duration.value.clone())
}

#[test]
fn amounts_are_kept_without_superfluous_zeros() {
    for (sent, read) in [
        ("10000.00", "10000"),
        ("531.0", "531"),
        ("531.50", "531.5"),
        ("0.05", "0.05"),
        ("7.", "7"),
        ("0.00", "0"),
    ] {
        let made = created(&body(json!([entry(sent, "AWS")]), None));
        assert_eq!(kept(&made)[0]["Amount"], read, "{sent}");
    }
    let long = "1234567890123456789012345678901.99";
    assert_eq!(
        kept(&created(&body(json!([entry(long, "AWS")]), None)))[0]["Amount"],
        long
    );
}

#[test]
fn without_a_contract_every_target_is_aws() {
    let made = created(&body(json!([entry("1", "AWS"), entry("2", "Fjord Fish")]), None));
    assert_eq!(kept(&made), json!([entry("1", "AWS"), entry("2", "AWS")]));
}

#[test]
fn an_estimate_is_worth_an_amount_when_it_can_be_found() {
    let priced = |amount: Option<&str>, url: Option<&str>| {
        let mut entry = entry("1", "AWS");
        set(&mut entry, "Amount", json!(amount));
        set(&mut entry, "EstimationUrl", json!(url));
        create_at(&body(json!([entry]), None), noon()).map(|made| {
            let read = kept(&made)[0].clone();
            let text = |name: &str| read.get(name).and_then(Value::as_str).map(str::to_owned);
            (text("Amount"), text("EstimationUrl"))
        })
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        priced(Some("70"), None),
        Ok((some("70"), None)),
        "an amount alone"
    );
    assert_eq!(
        priced(None, Some(REAL)),
        Ok((some("1000"), some(REAL))),
        "a URL alone, in this server's worth"
    );
    assert_eq!(
        priced(Some("1000"), Some(REAL)),
        Ok((some("1000"), some(REAL))),
        "both, matching"
    );
    assert_eq!(
        priced(Some("70"), Some(GONE)),
        Ok((some("70"), None)),
        "both, not to be found: no error"
    );
    let violations = priced(None, Some(GONE)).unwrap_err();
    let text = format!("Invalid Estimation URL: {GONE}");
    assert_eq!(
        told(&violations),
        [(
            "project.expectedCustomerSpend.estimationUrl",
            INVALID,
            text.as_str()
        )]
    );
}

#[test]
fn an_amount_sent_alone_drops_the_estimate() {
    let mut priced = entry("1000", "AWS");
    set(&mut priced, "EstimationUrl", json!(REAL));
    let made = created(&body(json!([priced]), None));
    assert_eq!(
        kept(&edit(&made, &[]).unwrap()),
        json!([priced]),
        "both unchanged"
    );
    let next = edit(
        &made,
        &[("Project.ExpectedCustomerSpend", json!([entry("5", "AWS")]))],
    )
    .unwrap();
    assert_eq!(kept(&next), json!([entry("5", "AWS")]));
}

#[test]
fn a_contract_value_is_spread_over_its_months() {
    for (total, value, monthly) in [
        ("1200000", "36", "33333.33"),
        ("1200000", "1", "1200000"),
        ("2", "3", "0.67"),
        ("1", "8", "0.13"),
        ("100.50", "144", "0.7"),
    ] {
        let made = created(&body(json!([own(total)]), Some(months(value))));
        let total = total.trim_end_matches('0');
        let read = kept(&made);
        assert_eq!(
            read[0],
            entry(monthly, "AWS"),
            "{total} over {value}: AWS's entry comes first"
        );
        assert_eq!(read[1]["TargetCompany"], "Self");
        assert_eq!(read[1]["Amount"].as_str().unwrap().trim_end_matches('0'), total);
        assert_eq!(duration(&made).as_deref(), Some(value));
    }
}

#[test]
fn a_contract_too_small_for_a_monthly_cent_can_be_submitted_and_one_worth_nothing_cannot() {
    let submit = |total: &str| {
        let stored = solved(&created(&body(json!([own(total)]), Some(months("144")))));
        assert_eq!(kept(&stored), json!([entry("0", "AWS"), own(total)]));
        submit_as(&stored, "Co-Sell", None)
    };
    let submitted = submit("0.01").expect("the partner sent an amount above 0");
    assert_eq!(
        submitted.map(|next| status_of(&next).to_owned()).as_deref(),
        Some("Submitted")
    );
    assert_eq!(
        codes(&submit("0").unwrap_err()),
        [("project.expectedCustomerSpend.amount", INVALID)]
    );
}

#[test]
fn an_own_monthly_entry_beside_the_contract_is_replaced_by_the_derived_one() {
    for entries in [
        json!([entry("1", "AWS"), own("1200")]),
        json!([own("1200"), entry("1", "AWS")]),
    ] {
        let made = created(&body(entries, Some(months("12"))));
        assert_eq!(kept(&made), json!([entry("100", "AWS"), own("1200")]));
    }
}

#[test]
fn each_contradiction_of_a_contract_has_its_published_text() {
    let euro = with(entry("1", "AWS"), &[("CurrencyCode", json!("EUR"))]);
    let linked = with(own("1200"), &[("EstimationUrl", json!(REAL))]);
    let year = || Some(months("12"));
    let target = "project.expectedCustomerSpend.targetCompany";
    let cases = [
        (
            json!([own("1200")]),
            None,
            "project.expectedContractDuration",
            "ExpectedContractDuration is required when a Self entry is present",
        ),
        (
            json!([entry("1", "AWS")]),
            year(),
            LIST,
            "A Self entry is required when ExpectedContractDuration is present",
        ),
        (
            json!([]),
            year(),
            LIST,
            "A Self entry is required when ExpectedContractDuration is present",
        ),
        (
            json!([own("1"), own("2")]),
            year(),
            LIST,
            "Only one Self entry is allowed",
        ),
        (
            json!([own("1"), entry("1", "Fjord Fish")]),
            year(),
            target,
            "TargetCompany must be 'AWS' or 'Self'",
        ),
        (
            json!([own("1"), euro]),
            year(),
            "project.expectedCustomerSpend.currencyCode",
            "CurrencyCode must match between entries",
        ),
        (
            json!([linked]),
            year(),
            "project.expectedCustomerSpend.estimationUrl",
            "Self entry and EstimationUrl cannot coexist",
        ),
    ];
    for (entries, duration, field, text) in cases {
        let violations = create_at(&body(entries, duration), noon()).expect_err(text);
        assert_eq!(told(&violations), [(field, INVALID, text)]);
    }
}

#[test]
fn all_contradictions_of_a_contract_are_told_at_once() {
    let euro = with(entry("1", "Fjord Fish"), &[("CurrencyCode", json!("EUR"))]);
    let linked = with(own("1"), &[("EstimationUrl", json!(REAL))]);
    let violations =
        create_at(&body(json!([own("1"), euro, linked]), Some(months("12"))), noon()).unwrap_err();
    let mut fields: Vec<&str> = codes(&violations).into_iter().map(|(field, _)| field).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            LIST,
            "project.expectedCustomerSpend.currencyCode",
            "project.expectedCustomerSpend.estimationUrl",
            "project.expectedCustomerSpend.targetCompany",
        ]
    );
    let linked = with(own("1"), &[("EstimationUrl", json!(REAL))]);
    let violations = create_at(&body(json!([linked]), None), noon()).unwrap_err();
    assert_eq!(violations.len(), 2, "{violations:?}");
}

#[test]
fn a_contract_lasts_1_to_144_whole_months() {
    for (value, taken) in [
        ("1", true),
        ("144", true),
        ("145", false),
        ("0", false),
        ("012", false),
        ("12.5", false),
    ] {
        let result = create_at(&body(json!([own("1200")]), Some(months(value))), noon());
        assert_eq!(result.is_ok(), taken, "{value}");
    }
}

#[test]
fn the_contract_duration_is_the_one_member_whose_omission_clears_nothing() {
    let stored = created(&body(json!([own("1200")]), Some(months("12"))));
    let omitted = edit(&stored, &[("Project.ExpectedContractDuration", Value::Null)]).unwrap();
    assert_eq!(duration(&omitted).as_deref(), Some("12"));
    assert_eq!(kept(&omitted), kept(&stored));

    let mut cleared = with(
        echo(&stored),
        &[("Project.ExpectedCustomerSpend", json!([entry("100", "AWS")]))],
    );
    set(&mut cleared, "Project.ExpectedContractDuration", Value::Null);
    let cleared = update(&stored, &cleared, minute(60)).unwrap();
    assert_eq!(duration(&cleared), None);
    assert_eq!(kept(&cleared), json!([entry("100", "AWS")]));

    let mut half = echo(&stored);
    set(&mut half, "Project.ExpectedContractDuration", Value::Null);
    let violations = refused(update(&stored, &half, minute(60)));
    assert_eq!(
        codes(&violations),
        [("project.expectedContractDuration", INVALID)],
        "the Self entry is still there"
    );
}

#[test]
fn an_update_that_leaves_the_contract_value_out_gets_it_back() {
    let stored = created(&body(json!([own("1200")]), Some(months("12"))));
    let longer = [
        ("Project.ExpectedContractDuration", months("24")),
        ("Project.ExpectedCustomerSpend", json!([entry("100", "AWS")])),
    ];
    let next = edit(&stored, &longer).unwrap();
    assert_eq!(kept(&next), json!([entry("50", "AWS"), own("1200")]));

    let plain = created(&whole_input());
    let next = edit(&plain, &[("Project.ExpectedContractDuration", months("12"))]).unwrap();
    assert_eq!(
        kept(&next),
        json!([entry("2500", "AWS"), own("30000")]),
        "2500 a month for a year"
    );
}

#[test]
fn a_settled_contract_survives_its_own_echo() {
    let stored = created(&body(json!([own("1000000.01")]), Some(months("7"))));
    let echoed = edit(&stored, &[]).unwrap();
    assert_eq!(kept(&echoed), kept(&stored));
}

#[test]
fn the_frequency_none_belongs_to_the_contract_value_alone() {
    let odd = with(entry("1", "AWS"), &[("Frequency", json!("None"))]);
    let violations = create_at(&body(json!([odd]), None), noon()).unwrap_err();
    assert_eq!(
        codes(&violations),
        [("project.expectedCustomerSpend.frequency", "INVALID_ENUM_VALUE")]
    );
    // Typed clients know no other frequency than Monthly.
    created(&body(json!([entry("1200", "Self")]), Some(months("12"))));
}

#[test]
fn spend_is_in_dollars_or_euros_and_in_the_sovereign_cloud_in_euros() {
    let sovereign = Some("aws-eusc");
    for (currency, partition, expected) in [
        ("USD", None, None),
        ("EUR", None, None),
        ("EUR", sovereign, None),
        (
            "GBP",
            None,
            Some((
                "project.expectedCustomerSpend.currencyCode",
                "CurrencyCode must be USD or EUR",
            )),
        ),
        (
            "USD",
            sovereign,
            Some((
                "ExpectedCustomerSpend.CurrencyCode",
                "ESC cloud partition requires EUR currency",
            )),
        ),
        (
            "GBP",
            sovereign,
            Some((
                "ExpectedCustomerSpend.CurrencyCode",
                "ESC cloud partition requires EUR currency",
            )),
        ),
    ] {
        let mut input = body(
            json!([with(entry("1", "AWS"), &[("CurrencyCode", json!(currency))])]),
            None,
        );
        set(&mut input, "Project.AwsPartition", json!(partition));
        match (create_at(&input, noon()), expected) {
            (Ok(_), None) => {}
            (Err(violations), Some((field, text))) => assert_eq!(told(&violations), [(field, INVALID, text)]),
            (result, _) => panic!("{currency} {partition:?}: {result:?}"),
        }
    }
}
