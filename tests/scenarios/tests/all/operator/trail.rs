//! Search beyond the API, previews, and the audit log over HTTP.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::deal::{create, draft, get, submitted, update};
use crate::harness::operator::refused;
use crate::harness::{Caller, Key, Operator, Server};

fn ids(rows: &[Value]) -> BTreeSet<String> {
    rows.iter()
        .map(|row| row["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_search_finds_drafts_of_every_partner_by_what_the_partner_calls_them() {
    let server = Server::dev(&[]);
    let mut operator = server.operator();
    let (one, two) = ("620000000201", "620000000202");
    let mut found = Vec::new();
    for (account, token) in [(one, "alpha"), (one, "beta"), (two, "alpha")] {
        let mut caller = server.caller(Key::account(account));
        let mut body = draft(token);
        if account == two {
            body["Catalog"] = "AWS".into();
        }
        found.push(create(&mut caller, &body));
    }
    let mut caller = server.caller(Key::account(one));
    let handed_in = submitted(&mut caller, "gamma");
    let mut search = |query: &str| {
        let whole = ids(&operator.all(&format!("/opportunities?{query}"), 100));
        assert_eq!(
            whole,
            ids(&operator.all(&format!("/opportunities?{query}"), 1)),
            "by pages: {query}"
        );
        whole
    };
    let these = |of: &[&String]| of.iter().map(|id| (*id).clone()).collect::<BTreeSet<String>>();
    assert_eq!(
        search("partnerOpportunityIdentifier=crm-alpha"),
        these(&[&found[0], &found[2]])
    );
    assert_eq!(
        search("partnerOpportunityIdentifier=crm-alpha&catalog=AWS"),
        these(&[&found[2]])
    );
    assert_eq!(
        search(&format!("account={one}")),
        these(&[&found[0], &found[1], &handed_in])
    );
    assert_eq!(search("text=DEMAND%20beta"), these(&[&found[1]]));
    assert_eq!(search("reviewStatus=Submitted"), these(&[&handed_in]));
    assert_eq!(
        search("reviewStatus=Pending%20Submission&stage=Qualified").len(),
        3
    );
    assert_eq!(search("company=Northwind%20Marzipan").len(), 4);
    assert_eq!(search("modifiedFrom=2100-01-01T00:00:00Z").len(), 0);
    assert_eq!(search("modifiedTo=2100-01-01T00:00:00Z").len(), 4);
    refused(
        &operator.send("GET", "/opportunities?modifiedFrom=yesterday", None),
        400,
        "invalid",
    );
}

#[test]
fn a_preview_says_what_the_partner_would_hear_and_changes_nothing() {
    let account = "620000000203";
    let server = Server::shared();
    let mut caller = server.caller(Key::account(account));
    let mut operator = server.operator();
    let id = create(&mut caller, &draft("preview"));
    let before = get(&mut caller, &id);
    let mut ask = |kind: &str, document: &Value| {
        operator.post(
            &format!("/accounts/{account}/preview"),
            &json!({"kind": kind, "document": document}),
        )
    };
    let wrong = |mut body: Value| {
        body["LifeCycle"]["TargetCloseDate"] = "2020-01-01".into();
        body["Customer"]["Account"]["Address"]["StateOrRegion"] = "WA".into();
        body
    };
    let mut same = |kind: &str, operation: &str, document: Value| {
        let told = ask(kind, &document);
        let heard = caller.call(operation, &document);
        if told["accepted"] == true {
            heard.ok();
        } else {
            heard.is(told["error"].as_str().unwrap());
            let body = heard.json();
            assert_eq!(
                (&told["Reason"], &told["ErrorList"]),
                (&body["Reason"], &body["ErrorList"]),
                "{kind}"
            );
        }
        told
    };
    let refused_creation = same("create", "CreateOpportunity", wrong(draft("preview-wrong")));
    assert!(
        refused_creation["ErrorList"]
            .as_array()
            .is_some_and(|list| list.len() >= 2),
        "{refused_creation}"
    );
    same(
        "create",
        "CreateOpportunity",
        json!({"Catalog": "Sandbox", "ClientToken": "preview-bare"}),
    );
    let mut changed = crate::harness::deal::as_update(before.clone());
    changed["LifeCycle"]["TargetCloseDate"] = "2020-01-01".into();
    assert_eq!(same("update", "UpdateOpportunity", changed)["accepted"], false);
    let submission =
        json!({"Catalog": "Sandbox", "Identifier": id, "InvolvementType": "Co-Sell", "Visibility": "Full"});
    let early = same("submit", "SubmitOpportunity", submission.clone());
    assert_eq!(early["accepted"], false, "it has no solution yet: {early}");
    let missing = json!({"Catalog": "Sandbox", "Identifier": "O999", "InvolvementType": "Co-Sell"});
    assert_eq!(
        same("submit", "SubmitOpportunity", missing)["error"],
        "ResourceNotFoundException"
    );
    assert_eq!(get(&mut caller, &id), before, "nothing changed");

    crate::harness::deal::associate(&mut caller, &id);
    let before = get(&mut caller, &id);
    // A client token, which every SDK adds, need not be thought of.
    let bare = json!({"kind": "create", "document": {"Catalog": "Sandbox"}});
    let path = format!("/accounts/{account}/preview");
    assert_eq!(operator.post(&path, &bare), json!({"accepted": true}));
    let ask = json!({"kind": "submit", "document": submission});
    assert_eq!(
        operator.post(&format!("/accounts/{account}/preview"), &ask),
        json!({"accepted": true})
    );
    assert_eq!(get(&mut caller, &id), before, "nothing changed");
    refused(
        &operator.send("POST", "/accounts/629999999998/preview", Some(&ask)),
        404,
        "not-found",
    );
}

/// The entries with these filters, newest first; the same by pages of every size.
fn entries(operator: &mut Operator, query: &str) -> Vec<Value> {
    let whole = operator.all(&format!("/audit?{query}"), 100);
    assert_eq!(whole, operator.all(&format!("/audit?{query}"), 1), "{query}");
    whole
}

fn lines(operator: &mut Operator, query: &str) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let answer = operator.send("GET", &format!("/audit/export?{query}{cursor}"), None);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some("application/jsonl")),
            "{answer}"
        );
        let text = String::from_utf8(answer.body.clone()).unwrap();
        found.extend(
            text.lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap()),
        );
        match answer.header("x-next-cursor") {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

#[test]
fn the_audit_log_tells_who_changed_what_with_sensitive_values_masked() {
    let account = "620000000204";
    let server = Server::dev(&[]);
    let mut caller: Caller = server.caller(Key::account(account));
    let mut operator = server.operator();
    let id = submitted(&mut caller, "audited");
    operator.post(
        &format!("/reviews/{id}/action-required"),
        &json!({"reason": "More"}),
    );
    update(&mut caller, &id, |payload| {
        payload["Project"]["CustomerBusinessProblem"] = "Secret ovens burn at night, which is bad".into()
    })
    .ok();
    let change = json!({"stage": "Engaged"});
    let edited = operator.send("PATCH", &format!("/aws-opportunities/{id}"), Some(&change));
    assert_eq!(edited.status, 200, "{edited}");

    let about = entries(&mut operator, &format!("resource={id}"));
    let actions: Vec<&str> = about
        .iter()
        .rev()
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    let wanted = [
        "CreateOpportunity",
        "AssociateOpportunity",
        "SubmitOpportunity",
        "AskForAction",
        "UpdateOpportunity",
        "UpdateAwsOpportunity",
    ];
    assert_eq!(actions, wanted);
    assert!(about.iter().all(|entry| entry["account"] == account), "{about:?}");
    let (edit, ask) = (&about[0], &about[2]);
    assert_eq!(edit["requestId"].as_str(), edited.header("x-request-id"));
    assert_eq!(edit["actor"]["type"], "operator");
    let changed = &edit["changes"][0];
    assert_eq!(
        changed["before"]["internal"]["aws"]["life_cycle"]["Stage"], "Not Started",
        "{changed}"
    );
    assert_eq!(
        changed["after"]["internal"]["aws"]["life_cycle"]["Stage"], "Engaged",
        "{changed}"
    );
    let life_cycle = |side: &str| ask["changes"][0][side]["LifeCycle"]["ReviewStatus"].clone();
    assert_eq!(
        (life_cycle("before"), life_cycle("after")),
        (json!("Submitted"), json!("Action Required"))
    );
    assert_eq!(
        about[5]["actor"],
        json!({"type": "partner", "account": account, "accessKey": account})
    );
    assert_eq!(
        about[1]["changes"][0]["after"]["Project"]["CustomerBusinessProblem"],
        "***"
    );
    let all = entries(&mut operator, "");
    let text = serde_json::to_string(&all).unwrap();
    for secret in [
        "Secret ovens",
        "Northwind",
        "Wilhelmina",
        "Quartz",
        "costs two nights",
        "Call the bakers",
    ] {
        assert!(!text.contains(secret), "{secret}");
    }
    assert_eq!(entries(&mut operator, "action=AskForAction").len(), 1);
    assert_eq!(
        entries(
            &mut operator,
            &format!("account={account}&from=2100-01-01T00:00:00Z")
        )
        .len(),
        0
    );

    let exported = lines(&mut operator, "limit=3");
    assert_eq!(exported.len(), all.len(), "each entry once");
    let unique: BTreeSet<&str> = exported
        .iter()
        .map(|record| record["eventID"].as_str().unwrap())
        .collect();
    assert_eq!(unique.len(), exported.len());
    let of = |name: &str| {
        exported
            .iter()
            .find(|record| record["eventName"] == name)
            .unwrap()
    };
    let record = of("SubmitOpportunity");
    for (member, value) in [
        ("eventSource", json!("partnercentral-selling.amazonaws.com")),
        ("awsRegion", json!("us-east-1")),
        ("readOnly", json!(false)),
        ("eventType", json!("AwsApiCall")),
        ("recipientAccountId", json!(account)),
        ("requestParameters", Value::Null),
        ("responseElements", Value::Null),
    ] {
        assert_eq!(record[member], value, "{member}");
    }
    assert_eq!(record["userIdentity"]["accountId"], account);
    assert_eq!(of("AskForAction")["userIdentity"]["type"], "AWSService");
}

#[test]
fn what_operators_write_and_what_they_may_not_is_in_the_audit_log_without_any_secret() {
    let server = Server::dev(&[]);
    let mut operator = server.operator();
    let account = "620000000205";
    operator.post(
        "/accounts",
        &json!({"accountId": account, "companyName": "Bakers"}),
    );
    let user = json!({"email": "u@example.com", "firstName": "Una", "lastName": "Oven"});
    operator.post(&format!("/accounts/{account}/users"), &user);
    let key = operator.post(&format!("/accounts/{account}/keys"), &Value::Null);
    operator.delete(&format!(
        "/accounts/{account}/keys/{}",
        key["accessKeyId"].as_str().unwrap()
    ));
    let solution = json!({"catalog": "AWS", "name": "Ovens", "category": "Software Product"});
    operator.post(&format!("/accounts/{account}/solutions"), &solution);
    let token = operator.token("read");
    let mut reader = operator.with(token["token"].as_str().unwrap());
    refused(
        &reader.send("POST", "/reviews/O1/take", None),
        403,
        "missing-scope",
    );
    operator.delete(&format!("/tokens/{}", token["id"].as_str().unwrap()));

    let of_account = entries(&mut operator, &format!("account={account}"));
    let actions: Vec<&str> = of_account
        .iter()
        .rev()
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        actions,
        [
            "CreateAccount",
            "CreateUser",
            "CreateAccessKey",
            "RevokeAccessKey",
            "CreateSolution"
        ]
    );
    for action in ["CreateToken", "RevokeToken"] {
        let found = entries(
            &mut operator,
            &format!("action={action}&resource={}", token["id"].as_str().unwrap()),
        );
        assert_eq!(found.len(), 1, "{action}");
    }
    let denied = entries(&mut operator, "action=TakeInReview");
    assert_eq!(denied[0]["error"], "AccessDeniedException");
    // With its id: another token may have the same name.
    let actor = denied[0]["actor"]["token"].as_str().unwrap();
    assert!(actor.starts_with("a test's read ("), "{actor}");
    let text = operator.get("/audit?limit=100").to_string() + &format!("{:?}", lines(&mut operator, ""));
    let secret = token["token"].as_str().unwrap().rsplit('_').next().unwrap();
    for hidden in [
        key["secretAccessKey"].as_str().unwrap(),
        secret,
        "u@example.com",
        "Una",
        "Bakers",
    ] {
        assert!(!text.contains(hidden), "{hidden}");
    }
}
