//! What the binary does with the key file of another data folder.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail by panicking too")]

use std::path::Path;
use std::process::{Command, Output};

fn cosell(data: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cosell"))
        .args(arguments)
        .arg("--data")
        .arg(data)
        .output()
        .unwrap()
}

#[test]
fn a_key_file_of_another_folder_is_refused_before_anything_is_served_or_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
    let account = ["account", "create", "--account", "123456789012", "--company", "x"];
    let key = ["key", "create", "--account", "123456789012"];
    for data in [&one, &other] {
        for arguments in [&["init"][..], &account, &key, &key] {
            let ended = cosell(data, arguments);
            assert!(ended.status.success(), "{ended:?}");
        }
    }
    std::fs::copy(other.join("cosell.key"), one.join("cosell.key")).unwrap();
    for arguments in [
        &key[..],
        &["dev", "--listen", "127.0.0.1:0"],
        &["serve", "--listen", "127.0.0.1:0"],
    ] {
        let ended = cosell(&one, arguments);
        let words = String::from_utf8_lossy(&ended.stderr);
        assert!(
            !ended.status.success() && words.contains("cosell.key"),
            "{arguments:?}: {words}"
        );
    }
}
