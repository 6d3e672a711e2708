//! AWS played by scripts, over HTTP and by commands, and what the partner sees of it.

use serde_json::{Value, json};

use crate::harness::deal::{associate, create, draft, get, submit, submitted};
use crate::harness::operator::refused;
use crate::harness::server::cosell_with;
use crate::harness::{Caller, Key, Server, cosell};

fn status(caller: &mut Caller, id: &str) -> Value {
    get(caller, id)["LifeCycle"]["ReviewStatus"].clone()
}

#[test]
fn a_server_started_with_a_script_plays_aws_as_the_clock_goes() {
    let server = Server::dev(&["--autopilot", "realistic"]);
    let mut admin = server.operator();
    let mut one = server.caller(Key::first());
    admin.post("/clock/freeze", &Value::Null);
    let id = submitted(&mut one, "first");
    let steps = admin.get(&format!("/autopilot/steps?catalog=Sandbox&opportunity={id}"));
    let steps = steps["items"].as_array().unwrap().clone();
    assert!(steps.len() >= 2, "{steps:?}");
    assert_eq!(steps[0]["action"], "take");
    admin.post("/clock/set", &json!({"to": steps[0]["at"]}));
    assert_eq!(status(&mut one, &id), "In review");
    admin.post("/clock/set", &json!({"to": steps[1]["at"]}));
    let decided = status(&mut one, &id);
    assert!(
        ["Approved", "Rejected", "Action Required"]
            .iter()
            .any(|known| decided == *known),
        "{decided}"
    );
}

#[test]
fn a_script_of_ones_own_is_checked_explained_used_and_taken_back() {
    let server = Server::dev(&[]);
    let mut admin = server.operator();
    let mut one = server.caller(Key::first());
    admin.post("/clock/freeze", &Value::Null);
    let place = "/autopilot?catalog=Sandbox&account=111122223333";
    assert_eq!(admin.get(place)["name"], "manual");
    let wrong = json!({"script": "[review]\ndecide-after = \"soon\"\n[[rule]]\nwhen = { country = \"Mars\" }\noutcome = \"approve\"\n[default]\noutcome = \"approve\""});
    let answer = admin.send("PUT", place, Some(&wrong));
    refused(&answer, 400, "invalid");
    let errors = answer.json()["errors"].to_string();
    assert!(
        errors.contains("/script/review/decide-after") && errors.contains("/script/rule/0/"),
        "{errors}"
    );
    refused(
        &admin.send("PUT", place, Some(&json!({"name": "nobody's"}))),
        400,
        "invalid",
    );
    refused(&admin.send("PUT", place, Some(&json!({}))), 400, "invalid");

    let script = "[review]\ndecide-after = \"1d\"\n[default]\noutcome = \"reject\"\nreason = \"No\"\ncomments = \"Sorry\"\n";
    let draft = create(&mut one, &draft("draft"));
    let question =
        json!({"catalog": "Sandbox", "opportunity": draft, "account": "111122223333", "script": script});
    let explained = admin.post("/autopilot/explain", &question);
    assert_eq!(explained["steps"][0]["after"], "1d", "{explained}");
    assert!(
        explained["text"]
            .as_str()
            .unwrap()
            .contains("AWS rejects the deal"),
        "{explained}"
    );
    let mut thought = crate::harness::deal::draft("thought");
    thought.as_object_mut().unwrap().remove("ClientToken");
    let question =
        json!({"catalog": "Sandbox", "account": "111122223333", "document": thought, "script": "picky"});
    assert!(admin.post("/autopilot/explain", &question)["decided"].is_string());
    let nobody = json!({"catalog": "Sandbox", "opportunity": draft, "account": "111122223333"});
    refused(
        &admin.send("POST", "/autopilot/explain", Some(&nobody)),
        409,
        "conflict",
    );

    let set = admin.send("PUT", place, Some(&json!({"name": "strict", "script": script})));
    assert_eq!(
        (set.status, set.json()["name"].as_str()),
        (200, Some("strict")),
        "{set}"
    );
    assert_eq!(admin.get("/autopilot/all")["items"][0]["account"], "111122223333");
    associate(&mut one, &draft);
    submit(&mut one, &draft).ok();
    let other = submitted(&mut one, "other");
    let steps = format!("/autopilot/steps?catalog=Sandbox&opportunity={other}");
    assert_eq!(admin.delete(&steps)["cancelled"], 1);
    // Taken back for what comes later: what is planned stays planned.
    assert_eq!(admin.delete(place)["name"], "manual");
    refused(&admin.send("DELETE", place, None), 404, "not-found");
    let third = submitted(&mut one, "third");
    admin.post("/clock/advance", &json!({"by": "2d"}));
    let read = get(&mut one, &draft);
    assert_eq!(read["LifeCycle"]["ReviewStatus"], "Rejected");
    assert_eq!(read["LifeCycle"]["ReviewStatusReason"], "No");
    assert_eq!(read["LifeCycle"]["ReviewComments"], "Sorry");
    assert_eq!(status(&mut one, &other), "Submitted");
    assert_eq!(status(&mut one, &third), "Submitted");
    let unknown = "/autopilot?catalog=Sandbox&account=999999999999";
    refused(
        &admin.send("PUT", unknown, Some(&json!({"name": "picky"}))),
        404,
        "not-found",
    );
    refused(
        &admin.send("GET", "/autopilot?catalog=Sandbox&account=nobody", None),
        400,
        "invalid",
    );
}

#[test]
fn commands_set_explain_and_cancel() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    let path = file.to_str().unwrap();
    let server = Server::dev(&[]);
    let url = format!("http://{}", server.operator_address);
    let token = server.operator_token.as_deref().unwrap();
    let variables = [
        ("COSELL_OPERATOR_URL", url.as_str()),
        ("COSELL_OPERATOR_TOKEN", token),
    ];
    let run = |arguments: &[&str]| cosell_with(&[&["autopilot"], arguments].concat(), &variables);
    assert!(run(&["show"]).out.contains("people play AWS"));
    let scripts = run(&["scripts"]);
    assert!(
        scripts.out.contains("realistic") && scripts.out.contains("approve-fast"),
        "{}",
        scripts.out
    );
    let text = run(&["scripts", "realistic"]);
    assert!(text.out.contains("take-after"), "{}", text.out);
    // What is printed can be used as it is.
    std::fs::write(&file, &text.out).unwrap();
    assert!(cosell(&["autopilot", "check", path]).success);
    let used = run(&["use", path]);
    assert!(used.out.contains("mine.toml"), "{} {}", used.out, used.err);
    let mut one = server.caller(Key::first());
    let id = submitted(&mut one, "by commands");
    let explained = run(&["explain", &id]);
    assert!(
        explained.out.contains("The deal waits for AWS's review"),
        "{} {}",
        explained.out,
        explained.err
    );
    let steps = run(&["steps", &id]);
    assert!(
        steps.out.contains("take") && steps.out.contains("mine.toml"),
        "{}",
        steps.out
    );
    assert!(run(&["cancel", &id, "--output", "json"]).json()["cancelled"].as_u64() >= Some(2));
    assert!(run(&["use", "approve-fast", "--account", "111122223333"]).success);
    assert!(run(&["use", "manual"]).out.contains("people play AWS"));
    assert!(run(&["remove", "--account", "111122223333"]).success);
    let nothing = run(&["use", "nothing-like-it"]);
    assert!(
        nothing.code == Some(1) && nothing.err.contains("approve-fast"),
        "{}",
        nothing.err
    );
    std::fs::write(&file, "[review]\ndecide-after = 5\n").unwrap();
    let wrong = run(&["check", path]);
    assert!(
        !wrong.success && wrong.err.contains("decide-after"),
        "{}",
        wrong.err
    );
    let refused = Server::try_start(&[
        "dev",
        "--ephemeral",
        "--listen",
        "127.0.0.1:0",
        "--autopilot",
        path,
    ]);
    assert!(refused.is_err_and(|complaint| complaint.contains("decide-after")));
}
