//! The whole state over HTTP and by command: saved, loaded, reset, filled. The partner reads the same before and after.

use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::deal::{draft, list_all};
use crate::harness::operator::refused;
use crate::harness::server::typed;
use crate::harness::{Caller, Key, Operator, Server, cosell};

const FILE: &[(&str, &str)] = &[("content-type", "application/x-ndjson")];

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn starter(operator: &mut Operator) {
    let made = operator.post("/state/seed", &json!({"pack": "starter"}));
    assert_eq!(made["opportunities"], 40);
}

fn save(operator: &mut Operator) -> Vec<u8> {
    let answer = operator.raw("GET", "/operator/v1/state", &[], b"");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    answer.body
}

/// What a partner reads: lists with all their pages, and every document.
fn seen(server: &Server) -> Vec<Value> {
    let mut seen = Vec::new();
    for key in [Key::first(), Key::second()] {
        let mut caller = server.caller(key);
        let rows = list_all(&mut caller, &json!({"Catalog": "Sandbox", "MaxResults": 7}));
        for row in &rows {
            let body = json!({"Catalog": "Sandbox", "Identifier": row["Id"]});
            seen.push(caller.call("GetOpportunity", &body).ok());
        }
        seen.extend(rows);
        for (operation, body) in [
            (
                "ListEngagements",
                json!({"Catalog": "Sandbox", "MaxResults": 100}),
            ),
            (
                "ListEngagementInvitations",
                json!({"Catalog": "Sandbox", "ParticipantType": "RECEIVER", "MaxResults": 100}),
            ),
            ("ListSolutions", json!({"Catalog": "Sandbox"})),
        ] {
            seen.push(caller.call(operation, &body).ok());
        }
    }
    seen
}

fn deals(caller: &mut Caller) -> usize {
    list_all(caller, &json!({"Catalog": "Sandbox", "MaxResults": 100})).len()
}

#[test]
fn a_partner_reads_the_same_after_save_reset_and_load() {
    let server = Server::dev(&["--seed", "starter"]);
    let mut operator = server.operator();
    let before = seen(&server);
    assert!(before.len() > 80);
    let state = save(&mut operator);
    let erased = operator.post("/state/reset", &json!({"catalog": "Sandbox"}));
    assert!(erased["records"].as_u64().unwrap() > 200, "{erased}");
    let mut first = server.caller(Key::first());
    assert_eq!(deals(&mut first), 0);
    let answer = operator.raw("PUT", "/operator/v1/state", FILE, &state);
    assert_eq!(answer.status, 200, "{answer}");
    let loaded = answer.json();
    assert_eq!(loaded["records"]["opportunity"], 40);
    assert_eq!(
        (&loaded["keysLeftOut"], &loaded["keysKept"]),
        (&json!([]), &json!([]))
    );
    assert!(seen(&server) == before);

    // Into another folder: its keys and its operator's token stay what they are.
    let other = Server::dev(&[]);
    let mut stranger = other.operator();
    let answer = stranger.raw("PUT", "/operator/v1/state", FILE, &state);
    let kept = answer.json()["keysKept"].as_array().map(Vec::len);
    assert_eq!(kept, Some(2), "{answer}");
    assert!(seen(&other) == before);
    assert_eq!(
        stranger.get("/accounts")["items"].as_array().map(Vec::len),
        Some(2)
    );
}

#[test]
fn what_is_no_whole_state_is_refused_and_nothing_has_changed() {
    let server = Server::dev(&["--seed", "starter"]);
    let mut operator = server.operator();
    let state = save(&mut operator);
    let text = String::from_utf8(state.clone()).unwrap();
    for (bytes, word) in [
        (state[..state.len() / 2].to_vec(), "cut off"),
        (text.replacen("Larkspur", "Larkspor", 1).into_bytes(), "checksum"),
        (
            text.replacen("\"version\":2", "\"version\":9", 1).into_bytes(),
            "newer cosell",
        ),
        (b"{}\n".to_vec(), "not a cosell state"),
    ] {
        let answer = operator.raw("PUT", "/operator/v1/state", FILE, &bytes);
        refused(&answer, 400, "malformed");
        assert!(
            answer.json()["detail"].as_str().unwrap().contains(word),
            "{answer}"
        );
        assert!(save(&mut operator).len() >= state.len(), "{word}");
    }
    let json = [("content-type", "application/json")];
    let answer = operator.raw("PUT", "/operator/v1/state", &json, &state);
    refused(&answer, 415, "unsupported-media-type");
    // A body that breaks off before its end.
    let mut connection = crate::harness::client::Connection::open(server.operator_address).unwrap();
    let host = server.operator_address.to_string();
    let bearer = format!("Bearer {}", server.operator_token.as_deref().unwrap());
    let length = state.len().to_string();
    let headers = [
        ("host", host.as_str()),
        ("authorization", bearer.as_str()),
        ("content-type", "application/x-ndjson"),
        ("content-length", length.as_str()),
    ];
    let bytes = crate::harness::client::request("PUT /operator/v1/state", &headers, &state[..1000]);
    connection.send(&bytes).unwrap();
    connection.finish().unwrap();
    let _ = connection.drain();
    let mut first = server.caller(Key::first());
    assert_eq!(deals(&mut first), 34);
    // What does not belong together.
    for (body, member) in [
        (json!({"pack": "starter", "count": 3}), "/count"),
        (json!({"pack": "large", "count": 3}), "/accounts"),
        (json!({"pack": "large", "accounts": ["111122223333"]}), "/count"),
        (json!({"pack": "document"}), "/document"),
        (json!({"pack": "small"}), "/pack"),
    ] {
        let answer = operator.send("POST", "/state/seed", Some(&body));
        assert_eq!(answer.status, 400, "{answer}");
        assert_eq!(answer.json()["errors"][0]["pointer"], member, "{answer}");
    }
}

#[test]
fn a_reset_of_one_account_in_one_catalog_leaves_everything_else() {
    let server = Server::dev(&[]);
    let mut operator = server.operator();
    for account in ["111122223333", "444455556666"] {
        for catalog in ["Sandbox", "AWS"] {
            let body = json!({"pack": "large", "accounts": [account], "catalog": catalog, "count": 25});
            operator.post("/state/seed", &body);
        }
    }
    operator.post(
        "/state/reset",
        &json!({"account": "111122223333", "catalog": "Sandbox"}),
    );
    for (key, catalog, left) in [
        (Key::first(), "Sandbox", 0),
        (Key::first(), "AWS", 25),
        (Key::second(), "Sandbox", 25),
        (Key::second(), "AWS", 25),
    ] {
        let mut caller = server.caller(key);
        let rows = list_all(&mut caller, &json!({"Catalog": catalog, "MaxResults": 10}));
        assert_eq!(rows.len(), left, "{catalog}");
    }
    // The partner goes on at once.
    let mut first = server.caller(Key::first());
    crate::harness::deal::submitted(&mut first, "after the reset");
    refused(
        &operator.send("POST", "/state/reset", Some(&json!({"account": "900000000001"}))),
        404,
        "not-found",
    );
}

#[test]
fn twenty_thousand_opportunities_list_within_their_pages_and_commands_tell_the_rate() {
    let folder = tempfile::tempdir().unwrap();
    let data = text(folder.path());
    let server = Server::on(folder.path());
    let made = cosell(&[
        "state", "seed", "large", "20000", "--data", data, "--output", "json",
    ])
    .json();
    assert_eq!(made["opportunities"], 20_000);
    assert!(made["perSecond"].as_f64().unwrap() > 0.0);
    let mut first = server.caller(Key::first());
    let rows = list_all(&mut first, &json!({"Catalog": "Sandbox", "MaxResults": 100}));
    assert_eq!(rows.len(), 20_000);
    for (filter, least) in [
        (json!({"LifeCycleStage": ["Launched"]}), 100),
        (json!({"LifeCycleReviewStatus": ["In review"]}), 500),
        (json!({"CustomerCompanyName": ["Amber Bank"]}), 5),
    ] {
        let mut body = json!({"Catalog": "Sandbox", "MaxResults": 100});
        for (name, value) in filter.as_object().unwrap() {
            body[name] = value.clone();
        }
        let found = list_all(&mut first, &body).len();
        assert!(found >= least && found < 20_000, "{filter}: {found}");
    }
    // A later creation meets none of them.
    crate::harness::deal::submitted(&mut first, "after large");
    assert_eq!(deals(&mut first), 20_001);
}

#[test]
fn commands_work_on_a_running_server_and_on_a_folder_without_one() {
    let folder = tempfile::tempdir().unwrap();
    let data_path = folder.path().join("data");
    let data = text(&data_path);
    let (one, two) = (folder.path().join("one.state"), folder.path().join("two.state"));
    let run =
        |arguments: &[&str]| cosell(&[&["state"], arguments, &["--data", data, "--output", "json"]].concat());
    let server = Server::on(&data_path);
    assert_eq!(run(&["seed", "starter"]).json()["opportunities"], 40);
    let before = seen(&server);
    let saved = run(&["save", text(&one)]).json();
    assert!(saved["items"].as_u64().unwrap() > 300, "{saved}");
    assert_eq!(
        saved["bytes"].as_u64(),
        Some(std::fs::metadata(&one).unwrap().len())
    );
    let again = run(&["save", text(&one)]);
    assert_eq!(again.code, Some(1));
    assert!(again.err.contains("--force"), "{}", again.err);
    assert!(run(&["save", text(&one), "--force"]).success);
    let unsure = run(&["reset", "--catalog", "Sandbox"]);
    assert_eq!(unsure.code, Some(1));
    assert!(unsure.err.contains("--yes"), "{}", unsure.err);
    assert!(
        run(&["reset", "--catalog", "Sandbox", "--yes"]).json()["records"]
            .as_u64()
            .unwrap()
            > 100
    );
    assert_eq!(deals(&mut server.caller(Key::first())), 0);
    assert!(run(&["load", text(&one)]).success);
    assert!(seen(&server) == before);
    std::fs::write(&two, "nonsense").unwrap();
    let refused = run(&["load", text(&two)]);
    assert_eq!(refused.code, Some(2), "{}", refused.err);
    assert!(refused.err.contains("not a cosell state"), "{}", refused.err);
    for (arguments, word) in [
        (&["seed", "large"][..], "how many"),
        (&["seed", "starter", "3"], "pack large"),
        (&["seed", "nowhere.json"], "neither starter nor large"),
    ] {
        let refused = run(arguments);
        assert_eq!(refused.code, Some(1));
        assert!(refused.err.contains(word), "{}", refused.err);
    }
    let story = folder.path().join("story.json");
    let written = json!({"deals": [{"ago": 9, "company": "Larch Mills", "industry": "Manufacturing", "country": "DE",
        "postalCode": "10115", "city": "Berlin", "title": "Mill telemetry", "useCase": "IOT", "amount": "9000.00",
        "problem": "Mills stand still for days without a warning.", "stage": "Qualified",
        "opportunityType": "Net New Business", "then": [{"day": 3, "do": {"submit": "Co-Sell"}}]}]});
    std::fs::write(&story, written.to_string()).unwrap();
    assert_eq!(run(&["seed", text(&story)]).json()["opportunities"], 1);
    assert!(run(&["load", text(&one)]).success);
    server.terminate();
    assert!(server.wait());

    // Nobody serves the folder now: the same commands, on it alone.
    assert!(run(&["reset", "--yes"]).json()["records"].as_u64().unwrap() > 100);
    assert_eq!(run(&["seed", "large", "30"]).json()["opportunities"], 30);
    assert_eq!(run(&["load", text(&two)]).code, Some(1));
    assert!(run(&["load", text(&one)]).success);
    assert!(run(&["save", text(&two), "--force"]).success);
    assert!(cosell(&["check", "--data", data]).success);
    let server = Server::on(&data_path);
    assert!(seen(&server) == before);
    // From a pipe into a pipe.
    let out = typed(&["state", "save", "-", "--data", data]).output().unwrap();
    assert!(out.status.success());
    let mut child = typed(&["state", "load", "-", "--data", data])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), &out.stdout).unwrap();
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success(), "{said}");
    assert!(seen(&server) == before);
}

#[test]
fn a_server_that_is_killed_during_a_load_has_the_old_state_or_the_new_one_and_nothing_between() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::on(folder.path());
    let mut operator = server.operator();
    let large = json!({"pack": "large", "accounts": ["111122223333"], "count": 6000});
    operator.post("/state/seed", &large);
    let state = save(&mut operator);
    operator.post("/state/reset", &json!({}));
    starter(&mut operator);
    let before = seen(&server);
    let mut server = server;
    let mut survived = 0;
    for wait in [20, 60, 150, 300] {
        let (address, token) = (server.operator_address, server.operator_token.clone().unwrap());
        let bytes = state.clone();
        let sender = std::thread::spawn(move || {
            let mut connection = crate::harness::client::Connection::open(address).unwrap();
            let (host, length) = (address.to_string(), bytes.len().to_string());
            let bearer = format!("Bearer {token}");
            let headers = [
                ("host", host.as_str()),
                ("authorization", bearer.as_str()),
                ("content-type", "application/x-ndjson"),
                ("content-length", length.as_str()),
            ];
            let request = crate::harness::client::request("PUT /operator/v1/state", &headers, &bytes);
            let _ = connection.send(&request);
            let _ = connection.answer();
        });
        std::thread::sleep(Duration::from_millis(wait));
        server.kill();
        sender.join().unwrap();
        server = Server::on(folder.path());
        let rows = deals(&mut server.caller(Key::first()));
        assert!(rows == 34 || rows == 6000, "{rows} after {wait} ms");
        if rows == 6000 {
            break;
        }
        survived += 1;
        assert!(seen(&server) == before);
    }
    assert!(survived > 0, "no kill came before the end of a load");
    // Nothing is left behind in the folder but what belongs there.
    let left: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with("cosell.") && name != "operator.json")
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn states_are_loaded_while_partners_write_and_nothing_is_half_there() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::on(folder.path());
    let mut operator = server.operator();
    starter(&mut operator);
    let state = save(&mut operator);
    let saved = deals(&mut server.caller(Key::first()));
    let stop = AtomicBool::new(false);
    // Whoever writes waits for a load and is not disturbed by it otherwise.
    let written: Vec<Vec<String>> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                let (server, stop) = (&server, &stop);
                scope.spawn(move || {
                    let mut caller = server.caller(Key::first());
                    let mut made = Vec::new();
                    while !stop.load(Ordering::SeqCst) {
                        let token = format!("{writer}-{}", made.len());
                        let answer = caller.call("CreateOpportunity", &draft(&token));
                        made.push(answer.ok()["Id"].as_str().unwrap().to_owned());
                    }
                    made
                })
            })
            .collect();
        for _ in 0..4 {
            std::thread::sleep(Duration::from_millis(150));
            let answer = operator.raw("PUT", "/operator/v1/state", FILE, &state);
            assert_eq!(answer.status, 200, "{answer}");
        }
        std::thread::sleep(Duration::from_millis(150));
        stop.store(true, Ordering::SeqCst);
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    let written: Vec<&String> = written.iter().flatten().collect();
    assert!(written.len() > 20, "{written:?}");
    let mut first = server.caller(Key::first());
    let left = deals(&mut first);
    assert!(left > saved, "the last ones are there");
    // Whatever is listed can be read whole.
    for row in list_all(&mut first, &json!({"Catalog": "Sandbox", "MaxResults": 100})) {
        let body = json!({"Catalog": "Sandbox", "Identifier": row["Id"]});
        assert_eq!(first.call("GetOpportunity", &body).ok()["Id"], row["Id"]);
    }
    let checked = cosell(&["check", "--data", text(folder.path()), "--output", "json"]).json();
    assert_eq!(checked["ProblemCount"], 0, "{checked}");
}
