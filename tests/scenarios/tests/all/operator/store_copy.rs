//! `cosell store copy`: there and back between SQLite and PostgreSQL, with everything a server leaves; killed, gone on with,
//! and refused where it would end badly.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use cosell_test_postgres::server;
use serde_json::{Value, json};

use super::events::{connect, partner, until};
use crate::harness::deal::{create, draft, get, list_all, update};
use crate::harness::receiver::{Receiver, Reply};
use crate::harness::server::{cosell_with, typed};
use crate::harness::{Key, Server, cosell, embedded};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A data folder that holds its own database on every run of the tests.
fn folder(root: &Path, name: &str) -> String {
    let data = root.join(name);
    embedded(&data);
    text(&data).to_owned()
}

/// The address of a fresh database.
fn database() -> String {
    server().url(&server().empty_database())
}

/// The last line that a copy for programs has printed.
#[track_caller]
fn copied(from: &str, to: &str, more: &[&str]) -> Value {
    let said = cosell(&[&["store", "copy", from, to, "--output", "json"], more].concat());
    assert!(said.success, "{}", said.err);
    let last: Value = serde_json::from_str(said.out.lines().last().unwrap()).unwrap();
    assert_eq!(last["phase"], "done", "{last:#}");
    last
}

/// Items and checksum of each table, which are the same at both ends.
#[track_caller]
fn sums(done: &Value) -> BTreeMap<String, Value> {
    let tables = done["tables"].as_array().unwrap().iter();
    let sums = tables.map(|table| {
        assert_eq!(table["source"], table["target"], "{table:#}");
        (
            table["table"].as_str().unwrap().to_owned(),
            table["source"].clone(),
        )
    });
    sums.collect()
}

#[track_caller]
fn refused(from: &str, to: &str, tells: &str) {
    let said = cosell(&["store", "copy", from, to]);
    assert!(
        !said.success && said.err.contains(tells),
        "{tells}: {}{}",
        said.out,
        said.err
    );
    assert!(!said.err.contains("secret"), "{}", said.err);
}

#[test]
fn everything_goes_to_postgresql_and_back_and_the_copies_serve() {
    let root = tempfile::tempdir().unwrap();
    let [one, two, three] = ["one", "two", "three"].map(|name| folder(root.path(), name));
    let receiver = Receiver::start(Reply::Status(204));
    let start = |data: &str, more: &[&str]| {
        Server::start(&[&["dev", "--listen", "127.0.0.1:0", "--data", data], more].concat())
    };
    let dev = start(&one, &["--seed", "starter", "--autopilot", "approve-fast"]);
    connect(&mut dev.operator(), &receiver, &json!({}));
    let mut caller = partner(&dev);
    let id = create(&mut caller, &draft("copied"));
    update(&mut caller, &id, |deal| {
        deal["LifeCycle"]["NextSteps"] = "Go on elsewhere".into();
    })
    .ok();
    // Some events have arrived; what becomes of them is kept.
    until(&mut dev.operator(), "/event-targets/crm", |target| {
        target["state"]["delivered"].as_u64() > Some(0)
    });
    let all = |server: &Server| {
        let mut caller = server.caller(Key::first());
        list_all(&mut caller, &json!({"Catalog": "Sandbox"})).len()
    };
    let before = all(&dev);
    assert!(before > 10);

    // A server that works keeps a copy off.
    let [first, second] = [database(), database()];
    refused(&one, &first, "in use by another process");
    dev.kill();
    let done = copied(&one, &first, &[]);
    let there = sums(&done);
    for table in [
        "account",
        "access_key",
        "opportunity",
        "engagement",
        "invitation",
        "deal",
        "operator_token",
        "setting",
        "event_target",
        "event_rule",
        "idempotency",
        "job",
        "event",
        "audit",
        "history",
        "delivery_target",
        "delivery",
    ] {
        assert!(
            there.contains_key(table),
            "{table} is missing: {:?}",
            there.keys()
        );
    }
    assert_eq!(done["resumedAt"], 0);
    assert!(
        done["next"]
            .to_string()
            .contains(&format!("cosell serve --data {one}")),
        "{done:#}"
    );
    // Every way there is, and the same comes out of all.
    assert_eq!(sums(&copied(&first, &second, &[])), there);
    let back = copied(&second, &two, &[]);
    assert_eq!(sums(&back), there);
    assert!(
        back["next"].to_string().contains("copy the cosell.key"),
        "{back:#}"
    );
    assert!(!Path::new(&two).join("cosell.key").exists());
    std::fs::copy(
        Path::new(&one).join("cosell.key"),
        Path::new(&two).join("cosell.key"),
    )
    .unwrap();
    assert_eq!(sums(&copied(&two, &three, &[])), there);
    let keys = [&one, &three].map(|data| std::fs::read(Path::new(data).join("cosell.key")).unwrap());
    assert_eq!(keys[0], keys[1]);

    // What was copied into is a target no more; and what a server is connected to is no source.
    refused(&one, &first, "something in the target");
    refused(&first, &three, "something in the target");
    refused(&one, &one, "into itself");
    for (data, more) in [(&three, &["--store", ""][..]), (&one, &["--store", &first])] {
        let copy = start(data, more);
        assert_eq!(all(&copy), before);
        let kept = get(&mut copy.caller(Key::first()), &id);
        assert_eq!(kept["LifeCycle"]["NextSteps"], "Go on elsewhere");
        if data == &one {
            refused(&first, &folder(root.path(), "four"), "are connected to");
        }
        copy.kill();
    }
}

/// Begins a copy and kills it when it has done a step; how many items it said it had copied by then.
fn killed(from: &str, to: &str) -> u64 {
    let mut copy = typed(&["store", "copy", from, to, "--output", "json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(copy.stdout.take().unwrap()).lines();
    let items = loop {
        let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        if line["phase"] == "copying" {
            break line["items"].as_u64().unwrap();
        }
        assert_eq!(line["phase"], "resuming", "it ended before it was killed: {line}");
    };
    copy.kill().unwrap();
    copy.wait().unwrap();
    items
}

#[test]
fn a_copy_that_is_killed_goes_on_where_it_was_and_is_used_by_nobody_until_then() {
    let root = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| folder(root.path(), name));
    let url = database();
    let account = |id: &str, at: &[&str]| {
        let create = ["account", "create", "--account", id, "--company", "Example"];
        cosell(&[&create[..], at].concat())
    };
    cosell(&["init", "--data", &one]);
    assert!(account("123456789012", &["--data", &one]).success);
    let seed = [
        "state",
        "seed",
        "large",
        "9000",
        "--account",
        "123456789012",
        "--data",
        &one,
    ];
    assert!(cosell(&seed).success);

    let mut known = 0;
    for _ in 0..2 {
        let items = killed(&one, &url);
        assert!(items > known, "{items} after {known}");
        known = items;
        for (command, name) in [("check", &url), ("serve", &url), ("account list", &url)] {
            let words: Vec<&str> = command.split(' ').collect();
            let said = cosell(&[&words[..], &["--data", &one, "--store", name]].concat());
            assert!(
                !said.success
                    && said.err.contains("a copy that is not finished")
                    && said.err.contains("--restart"),
                "{command}: {}",
                said.err
            );
        }
    }
    // It is no source either.
    refused(&url, &two, "a copy that is not finished");
    let done = copied(&one, &url, &[]);
    assert!(done["resumedAt"].as_u64().unwrap() >= known, "{done:#}");
    let there = sums(&done);
    assert_eq!(there["opportunity"]["items"], 9000);
    let said = cosell(&["check", "--data", &one, "--store", &url]);
    assert!(said.success, "{}", said.err);

    // Back into another folder, and the source is changed while nobody looks.
    assert!(killed(&url, &two) > 0);
    let said = cosell(&["check", "--data", &two]);
    assert!(!said.success, "an unfinished copy is used");
    assert!(account("210987654321", &["--data", &one, "--store", &url]).success);
    refused(&url, &two, "--restart erases the unfinished copy");
    let anew = copied(&url, &two, &["--restart"]);
    assert_eq!(anew["resumedAt"], 0);
    let back = sums(&anew);
    assert_eq!(back["account"]["items"], 2);
    assert_eq!(back["opportunity"], there["opportunity"]);
    std::fs::copy(
        Path::new(&one).join("cosell.key"),
        Path::new(&two).join("cosell.key"),
    )
    .unwrap();
    let said = cosell(&["check", "--data", &two]);
    assert!(said.success, "{}", said.err);
}

#[test]
fn a_copy_that_would_be_worth_nothing_is_refused_before_anything_is_written() {
    let root = tempfile::tempdir().unwrap();
    let [one, two, three] = ["one", "two", "three"].map(|name| folder(root.path(), name));
    for data in [&one, &two] {
        assert!(cosell(&["init", "--data", data]).success);
    }
    // The secrets of the one could not be opened with the key of the other.
    refused(&one, &two, "is another key");
    refused(&three, &two, "cosell.db");
    refused("mysql://me:secret@127.0.0.1/db", &three, "postgres://");
    let nowhere = "postgres://me:secret@127.0.0.1:1/db";
    refused(&one, nowhere, "postgres://me@127.0.0.1:1/db");
    refused(nowhere, &three, "postgres://me@127.0.0.1:1/db");
    assert!(!Path::new(&three).exists(), "a refused copy left a folder behind");
    let help = cosell_with(
        &["store", "copy", "--help"],
        &[("COSELL_COPY_TO", "postgres://me:secret@127.0.0.1:1/db")],
    );
    assert!(help.out.contains("COSELL_COPY_TO") && !help.out.contains("secret"));

    // A database that was served with a key that the folder does not have.
    let url = database();
    let variables = [("COSELL_STORE", url.as_str())];
    for command in [
        &[
            "account",
            "create",
            "--account",
            "123456789012",
            "--company",
            "Example",
        ][..],
        &["key", "create", "--account", "123456789012"],
    ] {
        let said = cosell_with(&[command, &["--data", &one]].concat(), &variables);
        assert!(said.success, "{}", said.err);
    }
    refused(&url, &two, "another key file");
    std::fs::remove_file(Path::new(&two).join("cosell.key")).unwrap();
    copied(&url, &two, &[]);
    // An address in the environment is seen by nobody else.
    let variables = [
        ("COSELL_COPY_FROM", url.as_str()),
        ("COSELL_COPY_TO", three.as_str()),
    ];
    let said = cosell_with(&["store", "copy"], &variables);
    assert!(
        said.success && said.out.contains("items copied and verified"),
        "{}",
        said.err
    );
}
