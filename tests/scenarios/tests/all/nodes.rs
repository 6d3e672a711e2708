//! Two servers over one PostgreSQL database: what an operator changes at one counts at the other within a moment.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cosell_test_postgres::server;
use serde_json::{Value, json};

use crate::harness::deal::{create, draft};
use crate::harness::operator::refused;
use crate::harness::server::cosell_with;
use crate::harness::{Caller, Key, Operator, Server, embedded};

const ACCOUNT: &str = "123456789012";
/// The manual promises a second; the machine of the tests has much else to do.
const BOUND: Duration = Duration::from_secs(4);

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Servers over one database, with an access key and an operator token that count at all of them.
struct Nodes {
    servers: Vec<Server>,
    key: Key,
    token: String,
    url: String,
    folders: Vec<PathBuf>,
}

impl Nodes {
    fn start(folder: &Path, count: usize) -> Self {
        let url = server().url(&server().empty_database());
        let variables = [("COSELL_STORE", url.as_str())];
        let folders: Vec<PathBuf> = (0..count).map(|n| folder.join(n.to_string())).collect();
        for data in &folders {
            embedded(data);
        }
        let run = |arguments: &[&str]| {
            let all = [arguments, &["--data", text(&folders[0]), "--output", "json"]].concat();
            cosell_with(&all, &variables).json()
        };
        run(&["init"]);
        run(&["account", "create", "--account", ACCOUNT, "--company", "Example"]);
        let key = run(&["key", "create", "--account", ACCOUNT]);
        let key = Key::new(
            key["accessKeyId"].as_str().unwrap(),
            key["secretAccessKey"].as_str().unwrap(),
        );
        let token = run(&[
            "operator", "token", "create", "--name", "test", "--scope", "admin",
        ]);
        let token = token["token"].as_str().unwrap().to_owned();
        for data in &folders[1..] {
            std::fs::create_dir_all(data).unwrap();
            std::fs::copy(folders[0].join("cosell.key"), data.join("cosell.key")).unwrap();
        }
        let start = |data: &PathBuf| {
            Server::start(&[
                "serve",
                "--faults",
                "--throttle",
                "off",
                "--listen",
                "127.0.0.1:0",
                "--data",
                text(data),
                "--store",
                &url,
            ])
        };
        let servers = folders.iter().map(start).collect();
        Self {
            servers,
            key,
            token,
            url,
            folders,
        }
    }

    fn operator(&self, node: usize) -> Operator {
        Operator::new(self.servers[node].address, Some(&self.token))
    }

    fn caller(&self, node: usize) -> Caller {
        self.servers[node].caller(self.key.clone())
    }
}

/// Waits until something holds, which it must within the bound.
#[track_caller]
fn soon(mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < BOUND, "not within {BOUND:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn deal(token: &str) -> Value {
    let mut body = draft(token);
    body["Catalog"] = "Sandbox".into();
    body
}

#[test]
fn what_an_operator_sets_at_one_server_counts_at_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let nodes = Nodes::start(folder.path(), 2);
    let (mut one, mut two) = (nodes.operator(0), nodes.operator(1));
    let player = "/autopilot?catalog=Sandbox";
    assert_eq!(two.get(player)["name"], "manual");
    let set = one.send("PUT", player, Some(&json!({"name": "approve-fast"})));
    assert_eq!(set.status, 200, "{set}");
    soon(|| two.get(player)["name"] == "approve-fast");

    let mut client = nodes.caller(1);
    create(&mut client, &deal("before"));
    let rule = json!({"id": "busy", "operations": ["CreateOpportunity"],
        "effect": {"error": {"name": "ConflictException"}}});
    one.post("/faults", &rule);
    let mut n = 0;
    soon(|| {
        n += 1;
        client
            .call("CreateOpportunity", &deal(&format!("try {n}")))
            .status
            == 400
    });
    two.delete("/faults/busy");
    let mut first = nodes.caller(0);
    soon(|| first.call("CreateOpportunity", &deal("again")).status == 200);

    // A revoked token is refused everywhere at once, and a revoked key within its second.
    let token = one.token("read");
    let mut reader = two.with(token["token"].as_str().unwrap());
    reader.get("/accounts");
    let id = token["id"].as_str().unwrap();
    one.delete(&format!("/tokens/{id}"));
    refused(&reader.send("GET", "/accounts", None), 401, "unauthenticated");
}

#[test]
fn a_state_that_is_loaded_at_one_server_or_by_a_command_is_the_state_of_all() {
    let folder = tempfile::tempdir().unwrap();
    let nodes = Nodes::start(folder.path(), 2);
    let list = json!({"Catalog": "Sandbox"});
    let count = |caller: &mut Caller| {
        let listed = caller.call("ListOpportunities", &list).ok();
        listed["OpportunitySummaries"].as_array().unwrap().len()
    };
    let (mut first, mut second) = (nodes.caller(0), nodes.caller(1));
    create(&mut first, &deal("kept"));
    let state = nodes.operator(0).send("GET", "/state", None);
    assert_eq!(state.status, 200);
    create(&mut second, &deal("goes"));
    let file = folder.path().join("state");
    std::fs::write(&file, &state.body).unwrap();

    let media = [("content-type", "application/x-ndjson")];
    let loaded = nodes
        .operator(0)
        .raw("PUT", "/operator/v1/state", &media, &state.body);
    assert_eq!(loaded.status, 200, "{loaded}");
    assert_eq!(count(&mut second), 1);
    // Until the second has followed it takes no change; then it gives an id that nobody has.
    let mut made = Value::Null;
    soon(|| {
        let answer = second.call("CreateOpportunity", &deal("after"));
        assert!(matches!(answer.status, 200 | 503), "{answer}");
        made = answer.json();
        answer.status == 200
    });
    let other = create(&mut first, &deal("beside"));
    assert!(made["Id"].as_str().unwrap() != other);
    assert_eq!((count(&mut first), count(&mut second)), (3, 3));

    // A command with a folder of its own has no server to ask, and works on the database while both serve.
    let data = folder.path().join("command");
    embedded(&data);
    std::fs::create_dir_all(&data).unwrap();
    std::fs::copy(nodes.folders[0].join("cosell.key"), data.join("cosell.key")).unwrap();
    let load = ["state", "load", text(&file), "--data", text(&data)];
    let said = cosell_with(&load, &[("COSELL_STORE", nodes.url.as_str())]);
    assert!(said.success, "{}", said.err);
    for (caller, name) in [(&mut first, "later"), (&mut second, "last")] {
        soon(|| caller.call("CreateOpportunity", &deal(name)).status == 200);
    }
    assert_eq!((count(&mut first), count(&mut second)), (3, 3));
}
