//! What a server that is deployed with them does: its figures, its words to a service manager, and a folder that holds nothing
//! but the key.

use std::collections::BTreeSet;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use cosell_test_postgres::server as postgres;
use regex::Regex;
use serde_json::{Value, json};

use super::{families, file, yaml};
use crate::harness::deal::{create, draft};
use crate::harness::server::{cosell_with, typed};
use crate::harness::{Key, Operator, Server, cosell, embedded};

const ACCOUNT: &str = "123456789012";

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A folder with a key as an administrator makes it, and nothing else.
fn folder_with_a_key(top: &Path, name: &str) -> std::path::PathBuf {
    let folder = top.join(name);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("cosell.key"), "a1".repeat(32) + "\n").unwrap();
    embedded(&folder);
    folder
}

fn node(data: &Path, url: &str) -> Server {
    let listen = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--operator-listen",
        "127.0.0.1:0",
    ];
    Server::start(&[&listen[..], &["--data", text(data), "--store", url]].concat())
}

fn operator(server: &Server, data: &Path) -> Operator {
    let found: Value = serde_json::from_slice(&std::fs::read(data.join("operator.json")).unwrap()).unwrap();
    Operator::new(server.operator_address, found["token"].as_str())
}

fn figures(operator: &mut Operator) -> String {
    let answer = operator.exchange("GET", "/metrics", &[], b"");
    assert_eq!(answer.status, 200, "{answer}");
    String::from_utf8(answer.body).unwrap()
}

#[test]
fn servers_over_one_database_need_nothing_but_the_key_and_each_has_a_token_of_its_own() {
    let top = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| folder_with_a_key(top.path(), name));
    let url = postgres().url(&postgres().empty_database());
    // Together, on a database that nobody has prepared.
    let [first, second] = std::thread::scope(|scope| {
        let starts = [&one, &two].map(|data| scope.spawn(|| node(data, &url)));
        starts.map(|start| start.join().unwrap())
    });
    let run = |arguments: &[&str], data: &Path| {
        let all = [arguments, &["--data", text(data), "--output", "json"]].concat();
        cosell_with(&all, &[("COSELL_STORE", &url)])
    };
    run(
        &["account", "create", "--account", ACCOUNT, "--company", "Example"],
        &one,
    )
    .json();
    let key = run(&["key", "create", "--account", ACCOUNT], &two).json();
    let key = Key::new(
        key["accessKeyId"].as_str().unwrap(),
        key["secretAccessKey"].as_str().unwrap(),
    );
    let mut body = draft("two servers");
    body["Catalog"] = "AWS".into();
    let id = create(&mut first.caller(key.clone()), &body);
    second
        .caller(key)
        .call("GetOpportunity", &json!({"Catalog": "AWS", "Identifier": id}))
        .ok();

    let (mut at_first, mut at_second) = (operator(&first, &one), operator(&second, &two));
    at_first.get("/status");
    at_second.get("/status");
    // Who stops takes its own token along, and no other.
    let token = std::fs::read_to_string(two.join("operator.json")).unwrap();
    let token: Value = serde_json::from_str(&token).unwrap();
    second.terminate();
    assert!(second.wait(), "the server did not end well");
    assert!(!two.join("operator.json").exists());
    let mut former = Operator::new(first.operator_address, token["token"].as_str());
    assert_eq!(former.send("GET", "/status", None).status, 401);
    at_first.get("/status");
}

#[test]
fn every_figure_is_explained_and_every_figure_that_is_asked_for_is_told() {
    let top = tempfile::tempdir().unwrap();
    let data = folder_with_a_key(top.path(), "data");
    let server = node(&data, &postgres().url(&postgres().empty_database()));
    server
        .caller(Key::first())
        .call("GetOpportunity", &json!({}))
        .is("UnrecognizedClientException");
    let told = figures(&mut operator(&server, &data));

    let line = Regex::new(
        r#"^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z_]+="[^"\n]*"(,[a-z_]+="[^"\n]*")*\})? (-?[0-9.]+|\+Inf))$"#,
    );
    let line = line.unwrap();
    for found in told.lines() {
        assert!(line.is_match(found), "{found}");
    }
    for account in [ACCOUNT, "111122223333"] {
        assert!(!told.contains(account), "an account in {told}");
    }
    let expected =
        "cosell_requests_total{operation=\"none\",status=\"400\",error=\"UnrecognizedClientException\"} 1";
    assert!(told.lines().any(|line| line == expected), "{told}");

    let told = families(&told);
    assert!(
        told.contains("cosell_store_connections_in_use") && told.contains("process_open_fds"),
        "{told:?}"
    );
    let name = Regex::new(r"`((?:cosell|process)_[a-z_]+)").unwrap();
    let pages = file("docs/operations.md") + &file("docs/events.md");
    let explained: BTreeSet<String> = name
        .captures_iter(&pages)
        .map(|found| found[1].to_owned())
        .collect();
    assert_eq!(explained, told, "what is explained in docs/, and what is told");

    let name = Regex::new(r"\b(?:cosell|process)_[a-z_]+").unwrap();
    let mut asked = 0;
    for group in yaml("deploy/prometheus/alerts.yml")[0]["groups"]
        .as_array()
        .unwrap()
    {
        for rule in group["rules"].as_array().unwrap() {
            for found in name.find_iter(rule["expr"].as_str().unwrap()) {
                let family = found.as_str().trim_end_matches("_bucket");
                assert!(told.contains(family), "{}: {family}", rule["alert"]);
                asked += 1;
            }
        }
    }
    assert!(asked >= 12, "only {asked} figures are asked for");
}

#[test]
fn who_scrapes_hears_that_the_database_is_away_before_he_gives_up() {
    let top = tempfile::tempdir().unwrap();
    let data = folder_with_a_key(top.path(), "data");
    let database = cosell_test_postgres::start(&[], &[]);
    let server = node(&data, &database.url(&database.empty_database()));
    let mut operator = operator(&server, &data);
    figures(&mut operator);
    drop(database);
    // The database's processes end one after the other.
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let asked = Instant::now();
        let answer = operator.exchange("GET", "/metrics", &[], b"");
        // Prometheus waits for 10 seconds, and the store for as long.
        assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
        if answer.status == 503 {
            break;
        }
        assert!(Instant::now() < end, "{answer}");
    }
}

#[test]
fn requests_are_counted_by_operation_and_outcome() {
    let server = Server::dev(&[]);
    let mut caller = server.caller(Key::first());
    let id = create(&mut caller, &draft("counted"));
    for _ in 0..3 {
        caller
            .call("GetOpportunity", &json!({"Catalog": "Sandbox", "Identifier": id}))
            .ok();
    }
    caller
        .call(
            "GetOpportunity",
            &json!({"Catalog": "Sandbox", "Identifier": "O99999999"}),
        )
        .is("ResourceNotFoundException");
    let told = figures(&mut server.operator());
    for line in [
        "cosell_requests_total{operation=\"CreateOpportunity\",status=\"200\",error=\"\"} 1",
        "cosell_requests_total{operation=\"GetOpportunity\",status=\"200\",error=\"\"} 3",
        "cosell_requests_total{operation=\"GetOpportunity\",status=\"400\",error=\"ResourceNotFoundException\"} 1",
        "cosell_request_duration_seconds_count{operation=\"GetOpportunity\"} 4",
        "cosell_requests_in_flight 0",
        "cosell_store_ready 1",
    ] {
        assert!(told.lines().any(|found| found == line), "{line} in {told}");
    }
}

#[test]
fn a_service_manager_is_told_when_the_server_is_ready_and_when_it_stops() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut child = typed(&["dev", "--listen", "127.0.0.1:0", "--data", text(&data)])
        .env("NOTIFY_SOCKET", folder.path().join("notify"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let word = || {
        let mut bytes = [0; 256];
        let length = socket.recv(&mut bytes).expect("the server says something");
        String::from_utf8_lossy(&bytes[..length]).trim().to_owned()
    };
    assert_eq!(word(), "READY=1");
    let pid = child.id().to_string();
    assert!(
        std::process::Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(word(), "STOPPING=1");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_container_finds_out_by_itself_whether_its_server_is_ready() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let ask = || cosell(&["ready", "--data", text(&data), "--output", "json"]);
    let said = ask();
    assert!(
        !said.success && said.err.contains("operator.json"),
        "{}",
        said.err
    );
    let server = Server::on(&data);
    assert_eq!(ask().json(), json!({"ready": true}));
    server.kill();
    let said = ask();
    assert!(!said.success && said.err.contains("not reached"), "{}", said.err);
}

#[test]
fn a_line_for_each_request_is_had_alone_and_tells_all_that_leads_to_it() {
    let server = Server::dev(&["--log", "info,cosell::requests=debug", "--log-format", "json"]);
    let mut caller = server.caller(Key::first());
    create(&mut caller, &draft("logged"));
    let missing = json!({"Catalog": "Sandbox", "Identifier": "O99999999"});
    let answer = caller.call("GetOpportunity", &missing);
    let id = answer.header("x-amzn-requestid").unwrap().to_owned();
    server.terminate();
    let lines = || -> Vec<Value> {
        let log = server.log();
        let lines = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["level"] == "DEBUG").collect()
    };
    // What was logged reaches this process a little later where the machine is busy.
    for _ in 0..100 {
        if lines().len() >= 2 {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let lines = lines();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(
        lines.iter().all(|line| line["target"] == "cosell::requests"),
        "{lines:#?}"
    );
    assert_eq!(lines[0]["fields"]["operation"], "CreateOpportunity");
    let fields = &lines[1]["fields"];
    assert!(
        fields["micros"].as_u64().is_some_and(|micros| micros > 0),
        "{fields}"
    );
    for (name, value) in [
        ("request_id", json!(id)),
        ("operation", json!("GetOpportunity")),
        ("account", json!("111122223333")),
        ("status", json!(400)),
        ("error", json!("ResourceNotFoundException")),
    ] {
        assert_eq!(fields[name], value, "{name} in {fields}");
    }
}
