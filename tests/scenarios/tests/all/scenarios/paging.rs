//! Lists in pages, while others write; page tokens that are not what the server gave.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::harness::deal::{create, draft, list_all};
use crate::harness::{Caller, Key, Server};

#[test]
fn every_row_comes_exactly_once_while_others_insert() {
    const ROWS: usize = 60;
    let server = Server::shared();
    let mut caller = server.caller(Key::account("500000000001"));
    let ids: Vec<String> = (0..ROWS)
        .map(|number| {
            let mut body = draft(&format!("page-{number}"));
            body["Customer"]["Account"]["CompanyName"] = format!("Company {}", number % 7).into();
            create(&mut caller, &body)
        })
        .collect();
    let (stop, inserted) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut read = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut writer = caller.again();
            while !stop.load(Ordering::Relaxed) {
                let number = inserted.fetch_add(1, Ordering::Relaxed);
                let mut body = draft(&format!("meanwhile-{number}"));
                body["Customer"]["Account"]["CompanyName"] = format!("Company {}", number % 9).into();
                create(&mut writer, &body);
            }
        });
        let mut reader = caller.again();
        for sort_by in [
            "LastModifiedDate",
            "Identifier",
            "CustomerCompanyName",
            "CreatedDate",
            "TargetCloseDate",
        ] {
            for order in ["ASCENDING", "DESCENDING"] {
                let request = json!({"Catalog": "Sandbox", "MaxResults": 3, "Sort": {"SortBy": sort_by, "SortOrder": order}});
                let rows = list_all(&mut reader, &request);
                let mut seen: HashMap<&str, usize> = HashMap::new();
                for row in &rows {
                    *seen.entry(row["Id"].as_str().unwrap()).or_default() += 1;
                }
                assert!(
                    seen.values().all(|times| *times == 1),
                    "a row came twice: {sort_by} {order}"
                );
                assert!(
                    ids.iter().all(|id| seen.contains_key(id.as_str())),
                    "a row is missing: {sort_by} {order}"
                );
                read += rows.len();
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    let inserted = inserted.load(Ordering::Relaxed);
    println!("scenarios: {read} rows read in pages while {inserted} were inserted");
    assert!(inserted >= 5, "nobody inserted");

    let some = json!({"Catalog": "Sandbox", "Identifier": &ids[..20], "CustomerCompanyName": ["Company 3", "Company 4"], "MaxResults": 2});
    let rows = list_all(&mut caller, &some);
    assert_eq!(rows.len(), 6, "numbers 3, 4, 10, 11, 17 and 18");
    for row in rows {
        let company = row["Customer"]["Account"]["CompanyName"].as_str().unwrap();
        assert!(["Company 3", "Company 4"].contains(&company));
        assert!(ids[..20].iter().any(|id| row["Id"] == id.as_str()));
    }
}

fn page(caller: &mut Caller, request: &Value) -> (Vec<Value>, Option<String>) {
    let page = caller.call("ListOpportunities", request).ok();
    let token = page.get("NextToken").and_then(Value::as_str).map(str::to_owned);
    (page["OpportunitySummaries"].as_array().unwrap().clone(), token)
}

#[test]
fn a_page_token_works_only_for_what_it_was_given_for() {
    let server = Server::shared();
    let mut caller = server.caller(Key::account("500000000002"));
    let mut stranger = server.caller(Key::account("500000000003"));
    for number in 0..6 {
        create(&mut caller, &draft(&format!("token-{number}")));
        create(&mut stranger, &draft(&format!("token-{number}")));
    }
    let request = json!({"Catalog": "Sandbox", "MaxResults": 2, "LifeCycleStage": ["Qualified"]});
    let (_, token) = page(&mut caller, &request);
    let token = token.expect("there is more");
    let with = |member: &str, value: Value| {
        let mut changed = request.clone();
        changed["NextToken"] = token.as_str().into();
        changed[member] = value;
        changed
    };
    let good = with("NextToken", token.as_str().into());
    let (second, _) = page(&mut caller, &good);
    assert_eq!(page(&mut caller, &good).0, second, "a token can be used again");

    let flipped: String = {
        let middle = token.len() / 2;
        let other = if &token[middle..=middle] == "A" { "B" } else { "A" };
        format!("{}{other}{}", &token[..middle], &token[middle + 1..])
    };
    let refused = "REQUEST_VALIDATION_FAILED";
    let mut tried = 0;
    for body in [
        with("NextToken", "".into()),
        with("NextToken", "AAMA-EFRSURBS".into()),
        with("NextToken", flipped.into()),
        with("NextToken", token[..token.len() - 4].into()),
        with("NextToken", format!("{token}AAAA").into()),
        with("NextToken", "x".repeat(100_000).into()),
        with("NextToken", "\u{e9}\u{1}'; DROP TABLE opportunity; --".into()),
        with("MaxResults", 3.into()),
        with("LifeCycleStage", json!(["Prospect"])),
        with("LifeCycleStage", Value::Null),
        with("Sort", json!({"SortBy": "Identifier", "SortOrder": "ASCENDING"})),
        with("Catalog", "AWS".into()),
    ] {
        let found = caller.call("ListOpportunities", &body).violations(refused);
        assert_eq!(found.len(), 1, "{body}");
        assert_eq!(found[0].0, "nextToken", "{body}");
        tried += 1;
    }
    let found = stranger.call("ListOpportunities", &good).violations(refused);
    assert_eq!(found[0].0, "nextToken");
    let elsewhere = json!({"Catalog": "Sandbox", "NextToken": token});
    let found = caller.call("ListSolutions", &elsewhere).violations(refused);
    assert_eq!(found[0].0, "nextToken");
    println!("scenarios: {} page tokens refused", tried + 2);
}
