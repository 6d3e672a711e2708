//! Faults on demand over HTTP and by commands: what a partner's client meets.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::deal::{create, draft, get, list_all, update};
use crate::harness::operator::refused;
use crate::harness::server::cosell_with;
use crate::harness::{Key, Server, cosell};

#[test]
fn a_connection_cut_after_the_commit_leaves_one_opportunity_however_often_the_client_repeats() {
    let server = Server::dev(&[]);
    let mut admin = server.operator();
    let rule =
        json!({"id": "cut", "operations": ["CreateOpportunity"], "first": 2, "effect": "dropAfterCommit"});
    let answer = admin.send("POST", "/faults", Some(&rule));
    assert_eq!(
        (answer.status, answer.header("location")),
        (201, Some("/operator/v1/faults/cut"))
    );
    let mut one = server.caller(Key::first());
    let body = draft("cut");
    for _ in 0..2 {
        assert!(
            one.again().attempt("CreateOpportunity", &body).is_err(),
            "no answer comes"
        );
    }
    let id = create(&mut one.again(), &body);
    let rows = list_all(&mut one, &json!({"Catalog": "Sandbox"}));
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0]["Id"], id.as_str());
    let met = admin.get("/faults/cut");
    assert_eq!((&met["matched"], &met["hits"]), (&json!(3), &json!(2)));
}

#[test]
fn errors_throttling_waits_and_stale_reads_come_as_their_rules_say() {
    let server = Server::dev(&[]);
    let mut admin = server.operator();
    let mut one = server.caller(Key::first());
    let id = create(&mut one, &draft("faulty"));
    let read = json!({"Catalog": "Sandbox", "Identifier": id});
    let mut add = |rule: Value| admin.post("/faults", &rule)["id"].as_str().unwrap().to_owned();
    let every = add(
        json!({"operations": ["GetOpportunity"], "every": 2, "effect": {"error": {"name": "InternalServerException", "message": "Mine"}}}),
    );
    let throttle = add(
        json!({"operations": ["List*"], "accounts": ["1111*"], "catalogs": ["Sandbox"], "first": 1, "effect": "throttle"}),
    );
    assert_eq!((every.as_str(), throttle.as_str()), ("fault-1", "fault-2"));
    let statuses: Vec<u16> = (0..4).map(|_| one.call("GetOpportunity", &read).status).collect();
    assert_eq!(statuses, [200, 500, 200, 500]);
    let failed = one.call("GetOpportunity", &read);
    assert_eq!(failed.status, 200);
    one.call("ListSolutions", &json!({"Catalog": "AWS"})).ok();
    one.call("ListSolutions", &json!({"Catalog": "Sandbox"}))
        .is("ThrottlingException");
    one.call("ListSolutions", &json!({"Catalog": "Sandbox"})).ok();

    let mut admin = server.operator();
    assert_eq!(admin.delete("/faults")["cleared"], 2);
    admin.post(
        "/faults",
        &json!({"id": "slow", "effect": {"latency": {"fixed": {"ms": 300}}}}),
    );
    let begun = Instant::now();
    get(&mut one, &id);
    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert_eq!(admin.delete("/faults/slow")["hits"], 1);

    admin.post("/clock/advance", &json!({"by": "1h"}));
    update(&mut one, &id, |body| {
        body["LifeCycle"]["NextSteps"] = "Newer".into()
    })
    .ok();
    admin.post(
        "/faults",
        &json!({"id": "old", "effect": {"staleRead": {"byMs": 600_000}}}),
    );
    assert_ne!(get(&mut one, &id)["LifeCycle"]["NextSteps"], "Newer");
    admin.delete("/faults/old");
    assert_eq!(get(&mut one, &id)["LifeCycle"]["NextSteps"], "Newer");
}

#[test]
fn wrong_rules_are_refused_with_the_place_of_each_flaw() {
    let server = Server::dev(&[]);
    let mut admin = server.operator();
    for (rule, place) in [
        (json!({}), ""),
        (json!({"effect": "explode"}), "/effect"),
        (json!({"effect": "throttle", "colour": 1}), "/colour"),
        (
            json!({"effect": "throttle", "operations": ["GetNothing"]}),
            "/operations/0",
        ),
        (
            json!({"effect": {"latency": {"fixed": {"ms": 0}}}}),
            "/effect/latency/fixed/ms",
        ),
        (
            json!({"effect": {"staleRead": {"byMs": 5}}, "operations": ["List*"]}),
            "/operations",
        ),
        (json!({"effect": "throttle", "first": 1, "every": 2}), ""),
    ] {
        let answer = admin.send("POST", "/faults", Some(&rule));
        refused(&answer, 400, "invalid");
        let pointers: Vec<Value> = answer.json()["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|fault| fault["pointer"].clone())
            .collect();
        assert!(
            pointers.iter().any(|pointer| pointer == place),
            "{place}: {answer}"
        );
    }
    admin.post(
        "/faults",
        &json!({"id": "one", "effect": "throttle", "operations": ["TagResource"]}),
    );
    let twice = admin.send(
        "POST",
        "/faults",
        Some(&json!({"id": "one", "effect": "throttle"})),
    );
    refused(&twice, 400, "invalid");
    refused(&admin.send("GET", "/faults/two", None), 404, "not-found");
}

#[test]
fn a_server_for_real_use_makes_faults_only_where_it_was_started_so_and_keeps_its_rules() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    assert!(cosell(&["init", "--data", data]).success);
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data", data];
    let fault = |arguments: &[&str]| cosell(&[&["fault"], arguments, &["--data", data]].concat());
    let add = ["add", "--id", "busy", "--operation", "Get*", "--throttle"];
    let server = Server::start(&serve);
    let refused = fault(&add);
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("--faults"), "{}", refused.err);
    drop(server);
    let with = [&serve[..], &["--faults"]].concat();
    let server = Server::start(&with);
    assert!(fault(&add).success);
    drop(server);
    let _server = Server::start(&with);
    let listed = fault(&["list", "--output", "json"]).json();
    assert_eq!(
        (&listed[0]["id"], &listed[0]["hits"]),
        (&json!("busy"), &json!(0))
    );
    assert_eq!(fault(&["show", "busy", "--output", "json"]).json(), listed[0]);
    assert_eq!(fault(&["show", "idle"]).code, Some(2));
}

#[test]
fn commands_add_list_remove_and_clear() {
    let server = Server::dev(&[]);
    let url = format!("http://{}", server.operator_address);
    let token = server.operator_token.as_deref().unwrap();
    let variables = [
        ("COSELL_OPERATOR_URL", url.as_str()),
        ("COSELL_OPERATOR_TOKEN", token),
    ];
    let fault = |arguments: &[&str]| cosell_with(&[&["fault"], arguments].concat(), &variables);
    assert!(fault(&["list"]).out.contains("cosell fault add"));
    for arguments in [
        &[
            "add",
            "--error",
            "ConflictException",
            "--message",
            "Busy",
            "--operation",
            "Update*",
            "--probability",
            "0.5",
        ][..],
        &[
            "add",
            "--latency",
            "100ms..2s",
            "--every",
            "3",
            "--account",
            "111122223333",
        ],
        &["add", "--stale", "10m", "--from", "2040-01-01T00:00:00Z"],
        &[
            "add",
            "--drop",
            "--first",
            "1",
            "--catalog",
            "Sandbox",
            "--id",
            "cut",
        ],
    ] {
        let added = fault(arguments);
        assert!(added.success, "{arguments:?}: {}", added.err);
    }
    let listed = fault(&["list"]);
    for words in [
        "ConflictException",
        "waits 100 to 2000 ms",
        "as it was 600000 ms ago",
        "cuts the connection",
        "first 1",
    ] {
        assert!(listed.out.contains(words), "{words}: {}", listed.out);
    }
    assert_eq!(fault(&["remove", "cut", "--output", "json"]).json()["id"], "cut");
    assert_eq!(fault(&["remove", "cut"]).code, Some(2));
    assert_eq!(fault(&["clear", "--output", "json"]).json()["cleared"], 3);
    for wrong in [
        &["add"][..],
        &["add", "--drop", "--throttle"],
        &["add", "--latency", "long"],
    ] {
        assert!(!fault(wrong).success, "{wrong:?}");
    }
}
