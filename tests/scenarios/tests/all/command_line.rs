//! The command line: from an empty folder to a served call, and what an operator does beside a running server.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::deal::{create, draft, get, list_all};
use crate::harness::modern::{Version, converse, trusts};
use crate::harness::server::cosell_with;
use crate::harness::{Connection, Key, Server, cosell, embedded};

const ACCOUNT: &str = "123456789012";

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A data folder with an account, a user, a solution and a key.
fn prepared(data: &Path) -> Key {
    let data = text(data);
    let json = ["--output", "json"];
    let run = |arguments: &[&str]| cosell(&[arguments, &["--data", data], &json].concat()).json();
    run(&["init"]);
    let account = run(&[
        "account",
        "create",
        "--account",
        ACCOUNT,
        "--company",
        "Example Co",
    ]);
    assert_eq!(account["accountId"], ACCOUNT);
    run(&[
        "user",
        "add",
        "--account",
        ACCOUNT,
        "--email",
        "sales@example.com",
        "--first-name",
        "Sal",
        "--last-name",
        "Es",
    ]);
    run(&[
        "solution",
        "add",
        "--account",
        ACCOUNT,
        "--catalog",
        "AWS",
        "--id",
        "S-0000777",
        "--name",
        "Ovens",
        "--category",
        "Software Product",
    ]);
    let key = run(&["key", "create", "--account", ACCOUNT]);
    let part = |name: &str| key[name].as_str().unwrap().to_owned();
    Key::new(&part("accessKeyId"), &part("secretAccessKey"))
}

fn serve(data: &Path, more: &[&str]) -> Server {
    let standard = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--throttle",
        "off",
        "--data",
        text(data),
    ];
    Server::start(&[&standard, more].concat())
}

#[test]
fn from_an_empty_folder_to_a_revoked_key_a_backup_and_a_restored_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let restored = folder.path().join("restored");
    embedded(&data);
    embedded(&restored);
    let key = prepared(&data);
    let server = serve(&data, &[]);
    let mut caller = server.caller(key.clone());
    let mut body = draft("cli");
    body["Catalog"] = "AWS".into();
    let id = create(&mut caller, &body);
    let attach = json!({"Catalog": "AWS", "OpportunityIdentifier": id,
        "RelatedEntityType": "Solutions", "RelatedEntityIdentifier": "S-0000777"});
    caller.call("AssociateOpportunity", &attach).ok();
    let assign = json!({"Catalog": "AWS", "Identifier": id, "Assignee": {
        "Email": "sales@example.com", "FirstName": "x", "LastName": "y", "BusinessTitle": "OpportunityOwner"}});
    caller.call("AssignOpportunity", &assign).ok();
    let read = json!({"Catalog": "AWS", "Identifier": id});
    let document = caller.call("GetOpportunity", &read).ok();
    // A server for real use has none of the development server's shortcuts.
    for stranger in [Key::first(), Key::account(ACCOUNT)] {
        server
            .caller(stranger)
            .call("GetOpportunity", &read)
            .is("UnrecognizedClientException");
    }

    let refused = Server::try_start(&["serve", "--listen", "127.0.0.1:0", "--data", text(&data)]);
    let complaint = refused.err().expect("two servers on one folder");
    assert!(complaint.contains("in use"), "{complaint}");

    // Beside the running server: a second key, a backup, a check.
    let run =
        |arguments: &[&str]| cosell(&[arguments, &["--data", text(&data), "--output", "json"]].concat());
    let second = run(&["key", "create", "--account", ACCOUNT]).json();
    let second = Key::new(
        second["accessKeyId"].as_str().unwrap(),
        second["secretAccessKey"].as_str().unwrap(),
    );
    assert_eq!(
        server.caller(second.clone()).call("GetOpportunity", &read).ok(),
        document
    );
    let backup = folder.path().join("backup.db");
    run(&["backup", text(&backup)]).json();
    assert!(
        !run(&["backup", text(&backup)]).success,
        "a backup never overwrites"
    );
    assert_eq!(run(&["check"]).json()["ProblemCount"], 0);

    let revoked = run(&["key", "revoke", &second.id]).json();
    assert_eq!(revoked["accessKeyId"], second.id);
    let started = Instant::now();
    let mut late = server.caller(second);
    while late.call("GetOpportunity", &read).status == 200 {
        assert!(
            started.elapsed() < Duration::from_millis(1300),
            "the revoked key still works"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    late.call("GetOpportunity", &read)
        .is("UnrecognizedClientException");
    assert_eq!(
        caller.call("GetOpportunity", &read).ok(),
        document,
        "the other key still works"
    );

    // What came after the backup is not in it.
    let mut later = draft("later");
    later["Catalog"] = "AWS".into();
    let later = create(&mut caller, &later);
    server.terminate();
    assert!(server.wait());

    std::fs::create_dir(&restored).unwrap();
    std::fs::copy(&backup, restored.join("cosell.db")).unwrap();
    std::fs::copy(data.join("cosell.key"), restored.join("cosell.key")).unwrap();
    let server = serve(&restored, &[]);
    let mut caller = server.caller(key);
    assert_eq!(caller.call("GetOpportunity", &read).ok(), document);
    caller
        .call("GetOpportunity", &json!({"Catalog": "AWS", "Identifier": later}))
        .is("ResourceNotFoundException");
    assert_eq!(
        cosell(&["check", "--data", text(&restored), "--output", "json"]).json()["ProblemCount"],
        0
    );
}

#[test]
fn every_command_speaks_json_and_tables() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let key = prepared(&data);
    let commands: [&[&str]; 7] = [
        &["account", "list"],
        &["account", "show", ACCOUNT],
        &["user", "list", "--account", ACCOUNT],
        &["key", "list", "--account", ACCOUNT],
        &["solution", "list", "--account", ACCOUNT, "--catalog", "AWS"],
        &["check"],
        &["config", "show"],
    ];
    for command in commands {
        let with = |more: &[&str]| cosell(&[command, &["--data", text(&data)], more].concat());
        let said = with(&["--output", "json"]);
        let value = said.json();
        assert!(
            value.is_object() || value.as_array().is_some_and(|rows| !rows.is_empty()),
            "{command:?}: {value}"
        );
        assert!(!said.out.contains(&key.secret), "{command:?} shows a secret");
        let table = with(&[]);
        assert!(
            table.success && !table.out.trim().is_empty(),
            "{command:?}: {}",
            table.err
        );
        assert!(
            serde_json::from_str::<serde_json::Value>(&table.out).is_err(),
            "{command:?} is no table"
        );
    }
}

#[test]
fn mistakes_at_the_command_line_are_refused_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    prepared(&data);
    let data = text(&data);
    let empty = folder.path().join("empty");
    let empty = text(&empty);
    for (arguments, advice) in [
        (&["dev", "--ephemeral", "--listen", "0.0.0.0:0"][..], "loopback"),
        (&["dev", "--ephemeral", "--listen", "[::]:0"], "loopback"),
        (&["dev", "--ephemeral", "--listen", "nowhere"], "listen"),
        (&["serve", "--data", empty], "cosell init"),
        (&["account", "list", "--data", empty], "cosell init"),
        (&["init", "--data", data], "already"),
        (
            &[
                "account",
                "create",
                "--data",
                data,
                "--account",
                "12",
                "--company",
                "X",
            ],
            "12",
        ),
        (
            &[
                "account",
                "create",
                "--data",
                data,
                "--account",
                ACCOUNT,
                "--company",
                "X",
            ],
            "already",
        ),
        (
            &["key", "create", "--data", data, "--account", "999999999999"],
            "999999999999",
        ),
        (&["key", "revoke", "--data", data, "AKIANOBODY"], "AKIANOBODY"),
        (
            &[
                "solution",
                "add",
                "--data",
                data,
                "--account",
                ACCOUNT,
                "--catalog",
                "Mars",
                "--name",
                "n",
                "--category",
                "c",
            ],
            "Sandbox",
        ),
        (&["serve", "--data", data, "--throttle", "sometimes"], "throttle"),
        (&["serve", "--data", data, "--body-limit", "many"], "body-limit"),
        (&["serve", "--data", data, "--random-seed", "7"], "cosell dev"),
        (
            &["serve", "--data", data, "--tls-cert", "/nowhere.pem"],
            "tls-key",
        ),
    ] {
        let said = cosell(arguments);
        assert!(!said.success, "{arguments:?} was accepted");
        assert!(said.err.contains(advice), "{arguments:?}: {}", said.err);
        assert!(!said.err.contains("panicked"), "{arguments:?}: {}", said.err);
    }
    assert!(
        !Path::new(empty).exists(),
        "a refused command left a folder behind"
    );
}

#[test]
fn the_configuration_tells_where_each_value_comes_from() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, "body-timeout = 7\nthrottle = \"off\"\nlog = \"warn\"\n").unwrap();
    let said = cosell_with(
        &[
            "config",
            "show",
            "--output",
            "json",
            "--config",
            text(&file),
            "--log",
            "error",
        ],
        &[
            ("COSELL_THROTTLE", "aws"),
            ("COSELL_LOG", "info"),
            ("COSELL_MAX_CONNECTIONS", "99"),
        ],
    );
    let rows = said.json();
    let row = |name: &str| {
        let rows = rows.as_array().unwrap();
        let row = rows
            .iter()
            .find(|row| row["name"] == name)
            .unwrap_or_else(|| panic!("no {name}: {}", said.out));
        let of = |member: &str| row[member].as_str().unwrap().to_owned();
        (of("value"), of("origin"))
    };
    let (value, origin) = row("log");
    assert_eq!(value, "error");
    assert!(origin.contains("--log"), "{origin}");
    let (value, origin) = row("throttle");
    assert_eq!(value, "aws");
    assert!(origin.contains("COSELL_THROTTLE"), "{origin}");
    assert_eq!(row("max-connections").0, "99");
    let (value, origin) = row("body-timeout");
    assert_eq!(value, "7");
    assert!(origin.contains("settings.toml"), "{origin}");
    let (value, origin) = row("header-timeout");
    assert_eq!(
        (value.as_str(), origin.contains("default")),
        ("60", true),
        "{origin}"
    );

    std::fs::write(&file, "body-timeuot = 7\n").unwrap();
    let said = cosell(&["config", "show", "--config", text(&file)]);
    assert!(!said.success && said.err.contains("body-timeuot"), "{}", said.err);
}

#[test]
fn tls_answers_over_both_versions_of_http() {
    let folder = tempfile::tempdir().unwrap();
    let made =
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let (cert, key_file) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key_file, made.signing_key.serialize_pem()).unwrap();
    let server = Server::dev(&["--tls-cert", text(&cert), "--tls-key", text(&key_file)]);
    let key = Key::first();
    let certificate = made.cert.der().clone();
    for version in [Version::One, Version::Two] {
        let calls = [
            ("CreateOpportunity", draft(&format!("{version:?}")).to_string()),
            ("ListOpportunities", json!({"Catalog": "Sandbox"}).to_string()),
            ("GetOpportunity", "{".to_owned()),
        ];
        let answers = converse(server.address, Some(&certificate), version, &key, &calls);
        assert!(answers[0].ok()["Id"].as_str().unwrap().starts_with('O'));
        answers[1].ok();
        answers[2].is("SerializationException");
    }
    // Plain HTTP on a TLS port is closed and holds nothing up.
    let mut plain = Connection::open(server.address).unwrap();
    plain.send(b"POST / HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    assert!(!plain.drain().unwrap_or_default().starts_with(b"HTTP"));
    let list = [("ListOpportunities", json!({"Catalog": "Sandbox"}).to_string())];
    let answers = converse(server.address, Some(&certificate), Version::Two, &key, &list);
    assert_eq!(
        answers[0].ok()["OpportunitySummaries"].as_array().unwrap().len(),
        2
    );
}

#[test]
fn a_renewed_certificate_is_read_at_sighup_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key_file) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let renew = || {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(&cert, made.cert.pem()).unwrap();
        std::fs::write(&key_file, made.signing_key.serialize_pem()).unwrap();
        made.cert.der().clone()
    };
    let first = renew();
    let data = folder.path().join("data");
    prepared(&data);
    let files = ["--tls-cert", text(&cert), "--tls-key", text(&key_file)];
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data", text(&data)];
    let server = Server::start(&[serve.as_slice(), &files].concat());
    let second = renew();
    assert!(
        trusts(server.address, &first) && !trusts(server.address, &second),
        "nobody has asked for the second one"
    );
    server.signal("-HUP");
    let end = Instant::now() + Duration::from_secs(20);
    while !trusts(server.address, &second) {
        assert!(Instant::now() < end, "the second certificate is never used");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!trusts(server.address, &first));
    let told = cosell(&["ready", "--data", text(&data)]);
    assert!(told.success, "a command knows the renewed one: {}", told.err);
    // A key of another certificate.
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(&key_file, other.signing_key.serialize_pem()).unwrap();
    server.signal("-HUP");
    std::thread::sleep(Duration::from_millis(500));
    assert!(trusts(server.address, &second), "what works stays");
    let told = cosell(&["ready", "--data", text(&data)]);
    assert!(told.success, "{}", told.err);
}

#[test]
fn a_stop_finishes_the_writes_that_were_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::on(folder.path());
    let caller = server.caller(Key::first());
    let body = draft("half-sent").to_string();
    let bytes = caller.signed("CreateOpportunity", body.as_bytes());
    let mut half = Connection::open(server.address).unwrap();
    half.send(&bytes[..bytes.len() - 100]).unwrap();
    // A whole call over another connection: by then the server has begun with the half-sent one.
    let first = create(&mut caller.again(), &draft("whole"));
    std::thread::sleep(Duration::from_millis(200));
    server.terminate();
    std::thread::sleep(Duration::from_millis(300));
    half.send(&bytes[bytes.len() - 100..]).unwrap();
    let answer = half.answer().unwrap().expect("an accepted request is answered");
    let second = answer.ok()["Id"].as_str().unwrap().to_owned();
    assert!(
        Connection::open(server.address).is_err(),
        "a stopping server takes no new connections"
    );
    drop(half);
    assert!(server.wait(), "a stop on request is a success");

    let server = Server::on(folder.path());
    let mut caller = server.caller(Key::first());
    for id in [&first, &second] {
        get(&mut caller, id);
    }
    assert_eq!(list_all(&mut caller, &json!({"Catalog": "Sandbox"})).len(), 2);
}

#[test]
fn a_folders_token_is_sent_to_the_folders_server_and_to_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let server = Server::on(folder.path());
    let own = format!("http://{}", server.address);
    let named = cosell(&["review", "list", "--data", data, "--operator-url", &own]);
    assert_eq!(named.code, Some(0), "{}", named.err);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let elsewhere = format!("http://{}", listener.local_addr().unwrap());
    let variables = [("COSELL_OPERATOR_URL", elsewhere.as_str()), ("COSELL_DATA", data)];
    for said in [
        cosell(&["review", "list", "--data", data, "--operator-url", &elsewhere]),
        cosell_with(&["review", "list"], &variables),
    ] {
        assert_eq!(said.code, Some(1), "{}", said.err);
        assert!(
            said.err.contains("needs a token") && said.err.contains(&own),
            "{}",
            said.err
        );
    }
    // A folder that is typed wins over what is exported.
    let typed = cosell_with(&["review", "list", "--data", data], &variables);
    assert_eq!(typed.code, Some(0), "{}", typed.err);
    assert!(listener.accept().is_err(), "nobody was called");
}

#[test]
fn a_preview_that_would_be_refused_ends_as_a_refusal_does() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let _server = Server::on(folder.path());
    let file = folder.path().join("draft.json");
    let account = "111122223333";
    let preview = |stage: &str| {
        let draft =
            serde_json::json!({"Catalog": "Sandbox", "ClientToken": "t", "LifeCycle": {"Stage": stage}});
        std::fs::write(&file, draft.to_string()).unwrap();
        let file = file.to_str().unwrap();
        cosell(&[
            "opportunity",
            "preview",
            "create",
            "--data",
            data,
            "--account",
            account,
            "--file",
            file,
        ])
    };
    let refused = preview("Launched");
    assert_eq!(refused.code, Some(2), "{}{}", refused.out, refused.err);
    assert!(refused.out.contains("lifeCycle.stage"), "{}", refused.out);
    assert_eq!(preview("Prospect").code, Some(0));
}
