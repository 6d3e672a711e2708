//! What the binary does when nobody reads its standard output.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail by panicking too")]

use std::process::{Child, Command, Stdio};
use std::time::Duration;

fn unread(arguments: &[&str]) -> Child {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cosell"))
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    child
}

#[test]
fn a_command_whose_reader_has_gone_ends_quietly() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    for arguments in [
        &["init", "--data", data][..],
        &[
            "account",
            "create",
            "--account",
            "123456789012",
            "--company",
            "x",
            "--data",
            data,
        ],
        &["account", "list", "--data", data, "--output", "json"],
        &["key", "create", "--account", "123456789012", "--data", data],
        &["config", "show", "--data", data],
        &["check", "--data", data],
    ] {
        let ended = unread(arguments).wait_with_output().unwrap();
        let words = String::from_utf8_lossy(&ended.stderr);
        assert!(
            ended.status.success() && words.is_empty(),
            "{arguments:?}: {words}"
        );
    }
}

#[test]
fn a_server_serves_on_when_nobody_reads_its_banner() {
    let mut server = unread(&["dev", "--ephemeral", "--listen", "127.0.0.1:0"]);
    std::thread::sleep(Duration::from_millis(1500));
    let ended = server.try_wait().unwrap();
    server.kill().unwrap();
    let words = server.wait_with_output().unwrap().stderr;
    assert!(ended.is_none(), "{}", String::from_utf8_lossy(&words));
}
