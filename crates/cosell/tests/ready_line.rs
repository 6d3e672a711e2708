//! What a server says to the program that started it.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::process::{Command, Stdio};

#[test]
fn a_server_started_by_a_program_names_its_endpoint_in_one_line_of_json() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    for arguments in [
        &["dev", "--ephemeral", "--data", data][..],
        &["dev", "--data", data],
        &["serve", "--data", data],
    ] {
        let mut server = Command::new(env!("CARGO_BIN_EXE_cosell"))
            .args(arguments)
            .args(["--output", "json", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let read = BufReader::new(server.stdout.take().unwrap()).read_line(&mut line);
        let said = serde_json::from_str::<serde_json::Value>(&line);
        let address = said.as_ref().ok().and_then(|said| said["Endpoint"].as_str());
        let reached = address.map(|endpoint| TcpStream::connect(endpoint.trim_start_matches("http://")));
        server.kill().unwrap();
        server.wait().unwrap();
        read.unwrap();
        assert!(matches!(reached, Some(Ok(_))), "{arguments:?}: {line}");
        let said = said.unwrap();
        assert!(said["ReadyMillis"].is_u64(), "{line}");
        assert_eq!(said["operatorUrl"], said["Endpoint"], "{line}");
        // A token for everything belongs into no log of a server for real use.
        let token = said["operatorToken"].as_str();
        assert_eq!(token.is_some(), arguments[0] == "dev", "{line}");
    }
}
