//! Where the commands for accounts, users, keys, solutions, offers and connections do what they are told: at a server or in a
//! data folder, with the same answers; and how they complain to programs.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::server::{Said, cosell_with};
use crate::harness::{Key, Server, cosell};

const ONE: &str = "600000000001";
const OTHER: &str = "600000000002";

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The commands of an operator who registers two partners, in their order.
fn commands() -> Vec<Vec<&'static str>> {
    vec![
        vec![
            "account",
            "create",
            "--account",
            ONE,
            "--company",
            "One",
            "--website",
            "https://one.example",
        ],
        vec!["account", "create", "--account", OTHER, "--company", "Other"],
        vec!["account", "create", "--account", ONE, "--company", "Again"],
        vec!["account", "create", "--account", "12", "--company", "Short"],
        vec!["account", "show", ONE],
        vec!["account", "update", ONE, "--company", "Eins", "--no-website"],
        vec!["account", "update", ONE, "--company", " "],
        vec!["account", "update", "699999999999", "--company", "x"],
        vec!["account", "show", ONE],
        vec!["account", "list"],
        vec![
            "user",
            "add",
            "--account",
            ONE,
            "--email",
            "a@one.example",
            "--first-name",
            "A",
            "--last-name",
            "B",
        ],
        vec![
            "user",
            "add",
            "--account",
            "699999999999",
            "--email",
            "a@b.example",
            "--first-name",
            "A",
            "--last-name",
            "B",
        ],
        vec![
            "user",
            "update",
            "--account",
            ONE,
            "--email",
            "A@one.example",
            "--last-name",
            "C",
        ],
        vec![
            "user",
            "update",
            "--account",
            ONE,
            "--email",
            "b@one.example",
            "--last-name",
            "C",
        ],
        vec!["user", "list", "--account", ONE],
        vec!["user", "remove", "--account", ONE, "--email", "A@ONE.example"],
        vec!["user", "remove", "--account", ONE, "--email", "a@one.example"],
        vec!["user", "list", "--account", ONE],
        vec![
            "solution",
            "add",
            "--account",
            ONE,
            "--catalog",
            "AWS",
            "--id",
            "S-7",
            "--name",
            "Ovens",
            "--category",
            "Software Product",
        ],
        vec![
            "solution",
            "add",
            "--account",
            ONE,
            "--catalog",
            "AWS",
            "--name",
            "x",
            "--category",
            "Software Product",
            "--status",
            "Odd",
        ],
        vec![
            "solution",
            "update",
            "S-7",
            "--account",
            ONE,
            "--catalog",
            "AWS",
            "--status",
            "Inactive",
            "--name",
            "Stoves",
            "--marketplace-arn",
            "arn:x",
        ],
        vec![
            "solution",
            "update",
            "S-7",
            "--account",
            ONE,
            "--catalog",
            "AWS",
            "--no-marketplace-arn",
        ],
        vec![
            "solution",
            "update",
            "S-7",
            "--account",
            ONE,
            "--catalog",
            "AWS",
            "--category",
            "No such",
        ],
        vec![
            "solution",
            "update",
            "S-8",
            "--account",
            ONE,
            "--catalog",
            "AWS",
            "--name",
            "x",
        ],
        vec!["solution", "list", "--account", ONE, "--catalog", "AWS"],
        vec![
            "offer",
            "add",
            "--account",
            ONE,
            "--catalog",
            "AWS",
            "--id",
            "offer-abc",
            "--name",
            "Spring",
        ],
        vec!["offer", "list", "--account", ONE, "--catalog", "AWS"],
        vec![
            "offer",
            "remove",
            "offer-abc",
            "--account",
            ONE,
            "--catalog",
            "Sandbox",
        ],
        vec![
            "offer",
            "remove",
            "offer-abc",
            "--account",
            ONE,
            "--catalog",
            "AWS",
        ],
        vec![
            "offer",
            "remove",
            "offer-abc",
            "--account",
            ONE,
            "--catalog",
            "AWS",
        ],
        vec!["offer", "list", "--account", ONE, "--catalog", "AWS"],
        vec!["connection", "add", OTHER, ONE],
        vec!["connection", "add", OTHER, ONE],
        vec!["connection", "list", "--account", OTHER],
        vec!["connection", "list", "--account", ONE],
        vec!["connection", "remove", ONE, OTHER],
        vec!["connection", "list"],
        vec![
            "events",
            "target",
            "add",
            "file",
            "log",
            "--path",
            "log.jsonl",
            "--concurrency",
            "2",
        ],
        vec!["events", "target", "add", "file", "log", "--path", "log.jsonl"],
        vec!["events", "target", "add", "file", "evil", "--path", "/evil"],
        vec!["events", "target", "add", "stdout", "600000000001/out"],
        vec![
            "events",
            "rule",
            "add",
            "all",
            "--target",
            "log",
            "--type",
            "Opportunity Created",
        ],
        vec![
            "events",
            "rule",
            "add",
            "600000000001/own",
            "--target",
            "log",
            "--pattern",
            "{\"source\": 1}",
        ],
        vec!["events", "rule", "disable", "all"],
        vec!["events", "rule", "list"],
        vec!["events", "target", "remove", "log"],
        vec!["events", "rule", "remove", "all"],
        vec!["events", "target", "remove", "log"],
        vec!["events", "target", "pause", "log"],
        vec!["events", "list"],
        vec!["events", "show", "none"],
        vec!["events", "dead", "log"],
        vec![
            "events",
            "replay",
            "--target",
            "log",
            "--from",
            "2026-01-01T00:00:00Z",
        ],
        vec!["key", "list", "--account", ONE],
        vec!["key", "revoke", "AKIANOBODYS"],
        vec!["operator", "token", "revoke", "0000000000000000"],
    ]
}

/// What was said, without what differs from place to place: times, and the requests' names.
fn heard(said: &Said) -> (Option<i32>, Value, Value) {
    let plain = |text: &str| {
        let mut value: Value = serde_json::from_str(text).unwrap_or_default();
        blank(&mut value);
        value
    };
    (said.code, plain(&said.out), plain(&said.err))
}

fn blank(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                if matches!(name.as_str(), "createdDate" | "requestId") {
                    *value = Value::Null;
                }
                blank(value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(blank),
        _ => {}
    }
}

#[test]
fn a_server_and_a_data_folder_answer_the_commands_alike() {
    let folder = tempfile::tempdir().unwrap();
    let [served, alone] = ["served", "alone"].map(|name| folder.path().join(name));
    for data in [&served, &alone] {
        assert!(cosell(&["init", "--data", text(data)]).success);
    }
    let server = Server::start(&["serve", "--listen", "127.0.0.1:0", "--data", text(&served)]);
    let token = cosell(&[
        "operator",
        "token",
        "create",
        "--name",
        "far",
        "--scope",
        "admin",
        "--data",
        text(&served),
        "--output",
        "json",
    ])
    .json();
    let url = format!("http://{}", server.operator_address);
    let variables = [
        ("COSELL_OPERATOR_URL", url.as_str()),
        ("COSELL_OPERATOR_TOKEN", token["token"].as_str().unwrap()),
    ];
    for line in commands() {
        let json = [&line[..], &["--output", "json"]].concat();
        let far = cosell_with(&json, &variables);
        let near = cosell(&[&json[..], &["--data", text(&alone)]].concat());
        assert_eq!(
            far.code == Some(0),
            near.success,
            "{line:?}: {} {}",
            far.err,
            near.err
        );
        let (mut far, mut near) = (heard(&far), heard(&near));
        // A command on a folder has no request to name.
        for said in [&mut far, &mut near] {
            said.2.as_object_mut().map(|members| members.remove("requestId"));
        }
        assert_eq!(far, near, "{line:?}");
    }
    // Its own token is in the first folder only.
    let names = |said: Said| {
        let listed = said.json();
        let mut names: Vec<String> = listed
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].to_string())
            .collect();
        names.sort();
        names
    };
    let list = ["operator", "token", "list", "--output", "json"];
    assert_eq!(names(cosell_with(&list, &variables)).len(), 2);
    assert!(names(cosell(&[&list[..], &["--data", text(&alone)]].concat())).is_empty());

    // What was made at the server far away opens it, and is shown once.
    let made = cosell_with(
        &["key", "create", "--account", ONE, "--output", "json"],
        &variables,
    )
    .json();
    let part = |name: &str| made[name].as_str().unwrap().to_owned();
    let key = Key::new(&part("accessKeyId"), &part("secretAccessKey"));
    let list = json!({"Catalog": "Sandbox"});
    server.caller(key.clone()).call("ListOpportunities", &list).ok();
    let shown = cosell_with(&["key", "list", "--account", ONE, "--output", "json"], &variables);
    assert!(
        shown.out.contains(&key.id) && !shown.out.contains("secret"),
        "{}",
        shown.out
    );
    assert!(cosell_with(&["key", "revoke", &key.id], &variables).success);
    // Each is noted under who did it.
    let who = |said: &Said| said.json()[0]["actor"].clone();
    let audit = ["audit", "list", "--action", "CreateAccessKey", "--output", "json"];
    assert!(
        who(&cosell_with(&audit, &variables))["token"]
            .as_str()
            .unwrap()
            .starts_with("far (")
    );
    cosell(&["key", "create", "--account", ONE, "--data", text(&alone)]);
    let other = Server::start(&["serve", "--listen", "127.0.0.1:0", "--data", text(&alone)]);
    let near = cosell(&[&audit[..], &["--data", text(&alone)]].concat());
    assert_eq!(who(&near), json!({"type": "command"}));
    drop(other);
}

#[test]
fn a_folder_whose_server_is_gone_serves_itself_and_a_named_server_that_is_gone_is_missed() {
    let folder = tempfile::tempdir().unwrap();
    let data = text(folder.path());
    let server = Server::on(folder.path());
    let url = format!("http://{}", server.operator_address);
    let token = server.operator_token.clone().unwrap();
    let list = ["account", "list", "--data", data, "--output", "json"];
    let served = cosell(&list).json();
    server.kill();
    assert_eq!(cosell(&list).json(), served);
    // Another server has its place now: it does not take the token in the folder, and is not asked.
    let named = ["--operator-url", &url, "--operator-token", &token];
    let missed = cosell(&[&["account", "list"][..], &named].concat());
    assert_eq!(missed.code, Some(3), "{}", missed.err);
}

#[test]
fn what_is_typed_wins_over_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let [near, far] = ["near", "far"].map(|name| folder.path().join(name));
    let [server, other] = [&near, &far].map(|data| Server::on(data));
    let (url, token) = (
        format!("http://{}", other.operator_address),
        other.operator_token.clone().unwrap(),
    );
    let variables = [
        ("COSELL_OPERATOR_URL", url.as_str()),
        ("COSELL_OPERATOR_TOKEN", &token),
    ];
    let add = |account: &str, more: &[&str]| {
        let line = [
            "account",
            "create",
            "--account",
            account,
            "--company",
            "x",
            "--output",
            "json",
        ];
        let said = cosell_with(&[&line, more].concat(), &variables);
        assert!(said.success, "{}", said.err);
    };
    let known = |server: &Server, account: &str| {
        let path = format!("/accounts/{account}");
        server.operator().send("GET", &path, None).status == 200
    };
    add(ONE, &["--data", text(&near)]);
    assert!(
        known(&server, ONE) && !known(&other, ONE),
        "--data beats the environment"
    );
    add(OTHER, &[]);
    assert!(
        known(&other, OTHER) && !known(&server, OTHER),
        "the environment beats the default folder"
    );
    // An address that is typed beats a folder that is typed, which lends its token to its own server only.
    let (url, token) = (
        format!("http://{}", server.operator_address),
        server.operator_token.clone().unwrap(),
    );
    add(
        "600000000003",
        &[
            "--data",
            text(&far),
            "--operator-url",
            &url,
            "--operator-token",
            &token,
        ],
    );
    assert!(known(&server, "600000000003"));
    let stranger = ["operator", "status", "--data", text(&far), "--operator-url", &url];
    let refused = cosell_with(&stranger, &variables);
    assert!(
        !refused.success && refused.err.contains("--operator-token"),
        "{}",
        refused.err
    );
    let same = [
        "operator",
        "status",
        "--data",
        text(&near),
        "--operator-url",
        &url,
    ];
    assert!(
        cosell_with(&same, &variables).success,
        "the folder's own server takes the folder's token"
    );
}

#[test]
fn programs_are_told_in_json_what_went_wrong_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = text(&data);
    let complaint = |line: &[&str]| -> Value {
        let said = cosell(line);
        assert_eq!(said.out, "", "{line:?}");
        let told: Value =
            serde_json::from_str(&said.err).unwrap_or_else(|_| panic!("{line:?}: {}", said.err));
        assert_eq!(told["exitCode"], said.code.unwrap(), "{told}");
        for member in ["message", "advice"] {
            assert!(
                told[member].as_str().is_some_and(|text| text.len() > 10),
                "{told}"
            );
        }
        told
    };
    let json = ["--output", "json"];
    for misuse in [
        &["acount", "list", "--output=json"][..],
        &["account", "create", "--output", "json"],
        &["account", "update", ONE, "--output", "json"],
    ] {
        let told = complaint(misuse);
        assert_eq!(
            (&told["kind"], &told["exitCode"]),
            (&json!("misuse"), &json!(1)),
            "{told}"
        );
    }
    let list = ["account", "list", "--data", data];
    let told = complaint(&[&list[..], &json].concat());
    assert_eq!(
        (&told["kind"], &told["status"]),
        (&json!("failed"), &Value::Null),
        "{told}"
    );
    assert!(
        told["message"].as_str().unwrap().contains("cosell init"),
        "{told}"
    );
    assert!(cosell(&["init", "--data", data]).success);
    let told = complaint(
        &[
            &[
                "account",
                "create",
                "--account",
                "12",
                "--company",
                "x",
                "--data",
                data,
            ][..],
            &json,
        ]
        .concat(),
    );
    assert_eq!(
        (&told["kind"], &told["status"]),
        (&json!("refused"), &json!(422)),
        "{told}"
    );
    assert_eq!(told["type"], "urn:cosell:problem:refused", "{told}");
    let told = complaint(&[&["review", "list", "--data", data][..], &json].concat());
    assert_eq!(
        (&told["kind"], &told["exitCode"]),
        (&json!("unreachable"), &json!(3)),
        "{told}"
    );
    let server = Server::on(Path::new(data));
    let url = format!("http://{}", server.operator_address);
    let nobody = [
        "review",
        "list",
        "--operator-url",
        &url,
        "--operator-token",
        &format!("cosell_op_{}_{}", "0".repeat(16), "a".repeat(64)),
    ];
    let told = complaint(&[&nobody[..], &json].concat());
    assert_eq!(
        (&told["kind"], &told["status"]),
        (&json!("unauthorised"), &json!(401)),
        "{told}"
    );
    assert!(told["requestId"].is_string(), "{told}");
    let wrong = ["aws-opportunity", "update", "O1", "--stage", "x", "--data", data];
    assert_eq!(complaint(&[&wrong[..], &json].concat())["kind"], "refused");
    // People read words.
    let said = cosell(&["review", "take", "O1", "--data", data]);
    assert!(
        said.err.starts_with("cosell: ") && said.code == Some(2),
        "{}",
        said.err
    );
    let help = cosell(&["account", "--help", "--output", "json"]);
    assert!(help.success && help.out.contains("Usage"), "{}", help.out);
}
