//! Servers that keep everything in PostgreSQL: how they come to their database, and to which one they do not go.

use std::path::Path;

use cosell_test_postgres::server;
use serde_json::json;

use crate::harness::deal::{create, draft, get, list_all};
use crate::harness::server::cosell_with;
use crate::harness::{Key, Operator, Server, embedded};

const ACCOUNT: &str = "123456789012";

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The address of a fresh database.
fn database() -> String {
    server().url(&server().empty_database())
}

#[test]
fn two_servers_over_one_database_serve_the_same_and_a_stranger_to_its_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two, three] = ["one", "two", "three"].map(|name| folder.path().join(name));
    for data in [&one, &two, &three] {
        embedded(data);
    }
    let url = database();
    let variables = [("COSELL_STORE", url.as_str())];
    let run = |arguments: &[&str], data: &Path| {
        cosell_with(
            &[arguments, &["--data", text(data), "--output", "json"]].concat(),
            &variables,
        )
    };
    run(&["init"], &one).json();
    let account = ["account", "create", "--account", ACCOUNT, "--company", "Example"];
    run(&account, &one).json();
    let key = run(&["key", "create", "--account", ACCOUNT], &one).json();
    let key = Key::new(
        key["accessKeyId"].as_str().unwrap(),
        key["secretAccessKey"].as_str().unwrap(),
    );

    // A new key file cannot open what the first one has sealed.
    let refused = run(&["init"], &two);
    assert!(
        !refused.success && refused.err.contains("copy the cosell.key"),
        "{}",
        refused.err
    );
    assert!(
        !two.join("cosell.key").exists(),
        "a refused command left a key behind"
    );
    std::fs::create_dir_all(&two).unwrap();
    std::fs::copy(one.join("cosell.key"), two.join("cosell.key")).unwrap();

    let serve = |data: &Path, store: &str| {
        Server::try_start(&[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--data",
            text(data),
            "--store",
            store,
        ])
    };
    let servers = [serve(&one, &url).unwrap(), serve(&two, &url).unwrap()];
    let mut body = draft("two servers");
    body["Catalog"] = "AWS".into();
    let id = create(&mut servers[0].caller(key.clone()), &body);
    let read = json!({"Catalog": "AWS", "Identifier": id});
    servers[1].caller(key).call("GetOpportunity", &read).ok();

    // One server on a folder, as ever; and a folder without a database of its own says what it lacks.
    let complaint = serve(&one, &url).err().expect("two servers on one folder");
    assert!(complaint.contains("in use"), "{complaint}");
    let complaint = serve(&one, "").err().expect("two servers on one folder");
    assert!(complaint.contains("in use"), "{complaint}");

    // The keys of a development server are public.
    let refused = run(&["dev", "--listen", "127.0.0.1:0"], &two);
    assert!(
        !refused.success && refused.err.contains("in use"),
        "{}",
        refused.err
    );
    std::fs::create_dir_all(&three).unwrap();
    std::fs::copy(one.join("cosell.key"), three.join("cosell.key")).unwrap();
    let refused = run(&["dev", "--listen", "127.0.0.1:0"], &three);
    assert!(
        !refused.success && refused.err.contains("a database of its own"),
        "{}",
        refused.err
    );
}

#[test]
fn what_one_server_has_written_another_lists_from_a_replica_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| folder.path().join(name));
    for data in [&one, &two] {
        embedded(data);
    }
    let name = server().empty_database();
    let url = server().url(&name);
    let run = |arguments: &[&str]| {
        let arguments = [arguments, &["--data", text(&one), "--output", "json"]].concat();
        cosell_with(&arguments, &[("COSELL_STORE", &url)]).json()
    };
    run(&["init"]);
    run(&["account", "create", "--account", ACCOUNT, "--company", "Example"]);
    let key = run(&["key", "create", "--account", ACCOUNT]);
    let key = Key::new(
        key["accessKeyId"].as_str().unwrap(),
        key["secretAccessKey"].as_str().unwrap(),
    );
    std::fs::create_dir_all(&two).unwrap();
    std::fs::copy(one.join("cosell.key"), two.join("cosell.key")).unwrap();
    // Made by now, the replica has the database from the start.
    let replica = server().replica(&[]);
    let serve = |data: &Path, store: &str, replicas: &str| {
        let listen = ["serve", "--listen", "127.0.0.1:0", "--throttle", "off"];
        let place = ["--data", text(data), "--store", store, "--read-store", replicas];
        Server::try_start(&[&listen[..], &place].concat())
    };
    let complaint = serve(&two, "", &url).err().expect("replicas of no database");
    assert!(complaint.contains("read-store"), "{complaint}");
    let strange = replica.url("postgres");
    // While a replica is behind, nobody can tell what it is a copy of.
    let complaint = (0..100).find_map(|_| serve(&two, &url, &strange).err());
    let complaint = complaint.expect("replicas of another");
    assert!(
        complaint.contains("no copy of the store's database"),
        "{complaint}"
    );

    let servers = [
        serve(&one, &url, "").unwrap(),
        serve(&two, &url, &replica.url(&name)).unwrap(),
    ];
    let (mut writer, mut reader) = (servers[0].caller(key.clone()), servers[1].caller(key));
    for number in 1..=30 {
        let mut body = draft(&format!("replica-{number}"));
        body["Catalog"] = "AWS".into();
        let id = create(&mut writer, &body);
        let rows = list_all(&mut reader, &json!({"Catalog": "AWS"}));
        assert_eq!(rows.len(), number);
        assert!(
            rows.iter().any(|row| row["Id"] == id.as_str()),
            "{id} in {rows:?}"
        );
    }
    let told = std::fs::read(two.join("operator.json")).unwrap();
    let told: serde_json::Value = serde_json::from_slice(&told).unwrap();
    let mut operator = Operator::new(servers[1].address, told["token"].as_str());
    let metrics = operator.send("GET", "/metrics", None).body;
    let metrics = String::from_utf8_lossy(&metrics).into_owned();
    let by_replica = metrics
        .lines()
        .find_map(|line| line.strip_prefix("cosell_store_lists_total{answer=\"replica\"} "));
    let by_replica: u64 = by_replica.expect(&metrics).parse().unwrap();
    assert!(by_replica >= 15, "{metrics}");
}

#[test]
fn a_development_server_finds_its_data_in_its_database_again() {
    let folder = tempfile::tempdir().unwrap();
    embedded(folder.path());
    let url = database();
    let arguments = [
        "dev",
        "--listen",
        "127.0.0.1:0",
        "--data",
        text(folder.path()),
        "--store",
        &url,
    ];
    let server = Server::start(&arguments);
    let id = create(&mut server.caller(Key::first()), &draft("kept"));
    server.kill();
    assert!(!folder.path().join("cosell.db").exists());
    let complaint = Server::try_start(&arguments[..5])
        .err()
        .expect("a folder without a database");
    assert!(complaint.contains("COSELL_STORE"), "{complaint}");
    let server = Server::start(&arguments);
    get(&mut server.caller(Key::first()), &id);
}

#[test]
fn passwords_of_databases_are_shown_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    embedded(&data);
    let url = "postgres://me:secret@127.0.0.1:1/db?password=secret";
    let shown = "postgres://me@127.0.0.1:1/db";
    for (arguments, tells) in [
        (&["config", "show"][..], shown),
        (&["config", "show", "--output", "json"], shown),
        (&["init"], shown),
        (&["dev", "--listen", "127.0.0.1:0"], shown),
        (
            &["dev", "--ephemeral", "--listen", "127.0.0.1:0"],
            "leave one of the two out",
        ),
    ] {
        let said = cosell_with(
            &[arguments, &["--data", text(&data)]].concat(),
            &[("COSELL_STORE", url), ("COSELL_READ_STORE", url)],
        );
        let all = format!("{}{}", said.out, said.err);
        assert!(
            all.contains(tells) && !all.contains("secret"),
            "{arguments:?}: {all}"
        );
    }
    for wrong in [
        "mysql://me:secret@a/db",
        "postgres://me:secret@a/db?sslmode=allow",
        "postgres://me:se@secret@a/db",
        "postgres://me:12/secret@a/db",
        "postgres://me:12?secret@a/db",
        "postgres://me:12@se?secret=5@a/db",
        "postgres://me:se#secret@a:x/db",
        "postgres://me@a/db?password=se@secret",
        "postgres://me@a/db?user=me&password=se&secret=5",
    ] {
        for arguments in [&["init"][..], &["dev", "--listen", "127.0.0.1:0"]] {
            let place = ["--data", text(&data)];
            let said = cosell_with(&[arguments, &place].concat(), &[("COSELL_STORE", wrong)]);
            assert!(
                !said.success && !said.err.contains("secret"),
                "{wrong}: {}",
                said.err
            );
        }
        let show = ["config", "show", "--data", text(&data)];
        let said = cosell_with(&show, &[("COSELL_STORE", wrong), ("COSELL_READ_STORE", wrong)]);
        let all = format!("{}{}", said.out, said.err);
        assert!(said.success && !all.contains("secret"), "{wrong}: {all}");
    }
    // What is understood is shown, and nothing of what is kept secret.
    for (url, shown) in [
        (
            "postgres://me:%40secret:%2F%3F#secret@a/db",
            "postgres://me@a:5432/db",
        ),
        ("postgres://a/db?user=me&password=secret", "postgres://a:5432/db"),
    ] {
        let said = cosell_with(
            &["config", "show", "--data", text(&data)],
            &[("COSELL_STORE", url)],
        );
        assert!(
            said.out.contains(shown) && !said.out.contains("secret"),
            "{}",
            said.out
        );
    }
    assert!(!data.exists(), "a refused command left a folder behind");
}
