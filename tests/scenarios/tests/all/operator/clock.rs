//! The clock of a development server over HTTP and by commands: what partners see of time that goes by.

use serde_json::{Value, json};

use crate::harness::deal::get;
use crate::harness::engagement::create as create_engagement;
use crate::harness::flows::{from_opportunity, invitation_status, invite, prepared};
use crate::harness::operator::refused;
use crate::harness::server::cosell_with;
use crate::harness::{Key, Server, cosell};

#[test]
fn an_invitation_expires_and_a_slow_task_finishes_when_the_clock_is_advanced() {
    let server = Server::dev(&["--task-delay", "3600"]);
    let mut admin = server.operator();
    let (mut one, mut two) = (server.caller(Key::first()), server.caller(Key::second()));
    admin.post("/clock/freeze", &Value::Null);
    let id = prepared(&mut one, "slow");
    let task = from_opportunity(&mut one, &id, "task").ok();
    assert_eq!(task["TaskStatus"], "IN_PROGRESS");
    let moved = admin.post("/clock/advance", &json!({"by": "1h"}));
    assert_eq!(moved["jobs"], 1, "{moved}");
    let status = get(&mut one, &id)["LifeCycle"]["ReviewStatus"].clone();
    assert_eq!(status, "Submitted");

    let engagement = create_engagement(&mut one, "room", json!([]));
    let invitation = invite(&mut one, &engagement["Id"], "444455556666", "join");
    admin.post("/clock/advance", &json!({"by": "14d"}));
    assert_eq!(invitation_status(&mut two, &invitation), "PENDING");
    let moved = admin.post("/clock/advance", &json!({"by": "1d"}));
    assert_eq!(invitation_status(&mut two, &invitation), "EXPIRED", "{moved}");
}

#[test]
fn a_clock_that_was_moved_goes_on_from_there_after_a_restart_and_signatures_go_by_the_machines_time() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::on(folder.path());
    let mut admin = server.operator();
    let before = admin.get("/clock");
    assert_eq!(before["mode"], "running");
    admin.post("/clock/set", &json!({"to": "2077-03-01T00:00:00Z"}));
    admin.post("/clock/freeze", &Value::Null);
    let at = admin.get("/clock")["now"].clone();
    assert!(at.as_str().unwrap().starts_with("2077-03-01"), "{at}");
    let mut one = server.caller(Key::first());
    let body = crate::harness::deal::draft("far away")
        .to_string()
        .replace("\"20", "\"21");
    let made = one.raw("CreateOpportunity", body.as_bytes());
    let id = made.ok()["Id"].as_str().unwrap().to_owned();
    assert_eq!(get(&mut one, &id)["CreatedDate"], at);
    server.kill();

    let server = Server::on(folder.path());
    let mut admin = server.operator();
    let after = admin.get("/clock");
    assert_eq!((&after["now"], after["mode"].as_str()), (&at, Some("frozen")));
    assert_eq!(admin.get("/status")["now"], at);
    assert_eq!(get(&mut server.caller(Key::first()), &id)["CreatedDate"], at);
    let back = admin.post("/clock/reset", &Value::Null);
    assert_eq!(
        (back["mode"].as_str(), back["offsetMillis"].as_i64()),
        (Some("running"), Some(0))
    );
}

#[test]
fn a_token_ages_with_the_clock() {
    let server = Server::dev(&[]);
    let mut admin = server.operator();
    admin.post("/clock/set", &json!({"to": "2050-01-01T00:00:00Z"}));
    let token = admin.post(
        "/tokens",
        &json!({"name": "a week", "scope": "read", "expiresDate": "2050-01-08T00:00:00Z"}),
    );
    let mut reader = admin.with(token["token"].as_str().unwrap());
    reader.get("/clock");
    refused(&reader.send("POST", "/clock/freeze", None), 403, "missing-scope");
    admin.post("/clock/advance", &json!({"by": "1w"}));
    refused(&reader.send("GET", "/clock", None), 401, "unauthenticated");
}

#[test]
fn what_is_no_time_is_refused_and_a_server_for_real_use_goes_by_the_machine() {
    let server = Server::dev(&[]);
    let mut admin = server.operator();
    for by in ["", "x", "5", "-1d", "1h..2h", "367d"] {
        refused(
            &admin.send("POST", "/clock/advance", Some(&json!({"by": by}))),
            400,
            "invalid",
        );
    }
    for to in ["yesterday", "0001-01-01T00:00:00Z"] {
        refused(
            &admin.send("POST", "/clock/set", Some(&json!({"to": to}))),
            400,
            "invalid",
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    assert!(cosell(&["init", "--data", data]).success);
    let _server = Server::start(&["serve", "--listen", "127.0.0.1:0", "--data", data]);
    let shown = cosell(&["clock", "show", "--data", data, "--output", "json"]).json();
    assert_eq!(shown["mode"], "system");
    let refused = cosell(&["clock", "advance", "15d", "--data", data]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("cosell dev"), "{}", refused.err);
}

#[test]
fn commands_move_the_clock_and_tell_what_was_done() {
    let server = Server::dev(&[]);
    let url = format!("http://{}", server.operator_address);
    let token = server.operator_token.as_deref().unwrap();
    let variables = [
        ("COSELL_OPERATOR_URL", url.as_str()),
        ("COSELL_OPERATOR_TOKEN", token),
    ];
    let clock = |arguments: &[&str]| cosell_with(&[&["clock"], arguments].concat(), &variables);
    let json = ["--output", "json"];
    assert!(clock(&["freeze"]).out.contains("frozen"));
    let set = clock(&[&["set", "2040-02-03T04:05:06Z"][..], &json].concat()).json();
    assert_eq!(set["to"], "2040-02-03T04:05:06.000Z");
    let mut one = server.caller(Key::first());
    let engagement = create_engagement(&mut one, "room", json!([]));
    let body = crate::harness::engagement::invitation(&engagement["Id"], "444455556666", "join")
        .to_string()
        .replace("\"202", "\"204");
    one.raw("CreateEngagementInvitation", body.as_bytes()).ok();
    let moved = clock(&["advance", "15d"]);
    assert!(
        moved.success && moved.out.contains("Done on the way"),
        "{} {}",
        moved.out,
        moved.err
    );
    let shown = clock(&[&["show"][..], &json].concat()).json();
    assert_eq!(shown["now"], "2040-02-18T04:05:06.000Z");
    assert!(clock(&["resume"]).out.contains("running"));
    assert!(clock(&["reset"]).success);
    let wrong = clock(&["advance", "soon"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.err.contains("15d"), "{}", wrong.err);
}

#[test]
fn commands_go_by_the_clock_of_the_server_that_they_talk_to() {
    let folder = tempfile::tempdir().unwrap();
    let _server = Server::on(folder.path());
    let data = folder.path().to_str().unwrap();
    let run = |line: &[&str]| {
        let said = cosell(&[line, &["--data", data]].concat());
        assert!(said.success, "{line:?}: {}", said.err);
        said.out
    };
    let later = ["--expires", "2077-03-01T00:00:00Z"];
    let new = ["operator", "token", "create", "--name", "x", "--scope", "read"];
    run(&[&new[..], &later].concat());
    assert!(run(&["operator", "token", "list"]).contains("until 2077-03-01"));
    run(&["clock", "set", "2078-01-01T00:00:00Z"]);
    assert!(run(&["operator", "token", "list"]).contains("expired"));
    // Its close date lies ahead by the server's clock, though not by the machine's.
    let to = ["--template", "migration", "--account", "111122223333"];
    run(&[&["referral", "create"][..], &to].concat());
}
