//! `cosell dev --random-seed`: a run over an empty folder that can be repeated, and that no restart trips over.

use serde_json::{Value, json};

use crate::harness::engagement::create;
use crate::harness::{Key, Server};

/// Three engagements and an invitation, as they are named.
fn names(server: &Server, run: &str) -> Vec<String> {
    let mut caller = server.caller(Key::account("111122223333"));
    let mut names = Vec::new();
    for number in 0..3 {
        let made = create(&mut caller, &format!("{run}-{number}"), json!([]));
        names.push(made["Id"].as_str().unwrap().to_owned());
    }
    let body = crate::harness::engagement::invitation(
        &Value::from(names[0].clone()),
        "444455556666",
        &format!("{run}-i"),
    );
    let invited = caller.call("CreateEngagementInvitation", &body).ok();
    names.push(invited["Id"].as_str().unwrap().to_owned());
    names
}

#[test]
fn the_same_seed_names_everything_alike_and_another_seed_otherwise() {
    let run = |seed: &str| names(&Server::dev(&["--random-seed", seed]), "a");
    assert_eq!(run("7"), run("7"));
    assert_ne!(run("7"), run("8"));
}

#[test]
fn a_restart_with_the_same_seed_gives_new_names_and_a_repetition_of_both_the_same() {
    let both = || {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().display().to_string();
        let arguments = [
            "dev",
            "--listen",
            "127.0.0.1:0",
            "--data",
            &data,
            "--random-seed",
            "7",
        ];
        let mut found = Vec::new();
        for run in ["first", "second"] {
            let server = Server::start(&arguments);
            found.push(names(&server, run));
            server.kill();
        }
        found
    };
    let found = both();
    assert!(found[0].iter().all(|name| !found[1].contains(name)), "{found:?}");
    assert_eq!(found, both());
}
