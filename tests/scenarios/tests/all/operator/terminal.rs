//! The operator's commands as a person types them: how they find the server, what they print, what they end with.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::server::cosell_with;
use crate::harness::{Server, cosell};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn commands_find_the_server_by_its_data_folder_by_flags_and_by_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let data = text(folder.path());
    let server = Server::on(folder.path());
    let status = cosell(&["operator", "status", "--data", data, "--output", "json"]).json();
    assert_eq!(status["token"]["scope"], "admin");
    let table = cosell(&["operator", "status", "--data", data]);
    assert!(
        table.out.contains("Store ready") && table.out.contains("yes"),
        "{}",
        table.out
    );

    let url = format!("http://{}", server.operator_address);
    let token = server.operator_token.as_deref().unwrap();
    let by_flags = cosell(&[
        "operator",
        "status",
        "--operator-url",
        &url,
        "--operator-token",
        token,
    ]);
    assert!(by_flags.success, "{}", by_flags.err);
    let variables = [
        ("COSELL_OPERATOR_URL", url.as_str()),
        ("COSELL_OPERATOR_TOKEN", token),
    ];
    let by_environment = cosell_with(&["operator", "status"], &variables);
    assert!(by_environment.success, "{}", by_environment.err);

    // Any endpoint, by name of its path; lists with all their pages.
    let call = |arguments: &[&str]| cosell(&[&["operator", "call"], arguments, &["--data", data]].concat());
    let new = json!({"accountId": "123456789012", "companyName": "x"}).to_string();
    assert_eq!(
        call(&["post", "accounts", &new]).json()["accountId"],
        "123456789012"
    );
    let metrics = call(&["get", "metrics"]);
    assert!(
        metrics.success && metrics.out.contains("\ncosell_store_ready 1\n"),
        "{} {}",
        metrics.out,
        metrics.err
    );
    assert_eq!(
        call(&["get", "/operator/v1/accounts/123456789012"]).json()["companyName"],
        "x"
    );
    assert_eq!(
        call(&["get", "accounts", "--all"])
            .json()
            .as_array()
            .map(Vec::len),
        Some(3)
    );

    // What is refused ends with 2 and says why, on stderr.
    let refused = call(&["post", "accounts", &new]);
    assert_eq!((refused.code, refused.out.as_str()), (Some(2), ""));
    assert!(refused.err.contains("registered already"), "{}", refused.err);
    // A token that does not count, and a server that is not there, end with 3.
    let variables = [
        ("COSELL_OPERATOR_URL", url.as_str()),
        ("COSELL_OPERATOR_TOKEN", "nonsense"),
    ];
    let unauthorised = cosell_with(&["operator", "status"], &variables);
    assert_eq!(unauthorised.code, Some(3), "{}", unauthorised.err);
    assert!(unauthorised.err.contains("cosell_op_"), "{}", unauthorised.err);
    server.kill();
    let gone = cosell(&["operator", "status", "--data", data]);
    assert_eq!(gone.code, Some(3));
    assert!(gone.err.contains("Is the server running?"), "{}", gone.err);
    std::fs::remove_file(folder.path().join("operator.json")).unwrap();
    let lost = cosell(&["operator", "status", "--data", data]);
    assert_eq!(lost.code, Some(3));
    assert!(lost.err.contains("operator.json is missing"), "{}", lost.err);
}

#[test]
fn tokens_are_managed_beside_a_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = text(&data);
    assert!(cosell(&["init", "--data", data]).success);
    let server = Server::start(&["serve", "--listen", "127.0.0.1:0", "--data", data]);
    assert_eq!(
        server.operator_token, None,
        "what serves for real prints no token"
    );
    let run = |arguments: &[&str]| {
        cosell(
            &[
                &["operator", "token"],
                arguments,
                &["--data", data, "--output", "json"],
            ]
            .concat(),
        )
    };
    let made = run(&["create", "--name", "desk", "--scope", "review"]).json();
    let (id, token) = (made["id"].as_str().unwrap(), made["token"].as_str().unwrap());
    let mut reviewer = crate::harness::Operator::new(server.operator_address, Some(token));
    assert_eq!(reviewer.get("/status")["token"]["name"], "desk");
    let names = |listed: &Value| -> Vec<String> {
        let name = |token: &Value| token["name"].as_str().unwrap().to_owned();
        listed.as_array().unwrap().iter().map(name).collect()
    };
    let mut listed = names(&run(&["list"]).json());
    listed.sort();
    let [desk, own] = &listed[..] else {
        panic!("{listed:?}");
    };
    assert!(desk == "desk" && own.starts_with("operator.json o"), "{listed:?}");
    assert!(run(&["revoke", id]).json()["revokedDate"].is_string());
    assert_eq!(reviewer.send("GET", "/status", None).status, 401);
    let unknown = run(&["revoke", "0000000000000000"]);
    assert!(
        !unknown.success && unknown.err.contains("token list"),
        "{}",
        unknown.err
    );
    let wrong = run(&["create", "--name", "x", "--scope", "root"]);
    assert!(wrong.err.contains("read, review or admin"), "{}", wrong.err);

    // The server's own token works from the data folder, and its file is its owner's alone.
    let status = cosell(&["operator", "status", "--data", data, "--output", "json"]).json();
    assert_eq!(status["token"]["name"], own.as_str());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let file = std::fs::metadata(Path::new(data).join("operator.json")).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn over_tls_the_commands_trust_the_certificate_of_the_server_in_the_data_folder() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let server = Server::start(&[
        "dev",
        "--listen",
        "127.0.0.1:0",
        "--data",
        text(&data),
        "--tls-cert",
        text(&cert),
        "--tls-key",
        text(&key),
    ]);
    let status = cosell(&["operator", "status", "--data", text(&data), "--output", "json"]);
    assert_eq!(status.json()["store"]["ready"], true);
    // Somebody who does not know the certificate does not send a token.
    let url = format!("https://{}", server.operator_address);
    let token = server.operator_token.as_deref().unwrap();
    let strange = cosell(&[
        "operator",
        "status",
        "--operator-url",
        &url,
        "--operator-token",
        token,
    ]);
    assert_eq!(strange.code, Some(3));
    assert!(strange.err.contains("--operator-ca"), "{}", strange.err);
    let named = cosell(&[
        "operator",
        "status",
        "--operator-url",
        &url,
        "--operator-token",
        token,
        "--operator-ca",
        text(&cert),
    ]);
    assert!(named.success, "{}", named.err);
}

#[test]
fn the_server_in_the_data_folder_is_known_by_its_certificate_whatever_name_that_says() {
    let named = rcgen::CertificateParams::new(vec!["cosell.example.com".to_owned()]).unwrap();
    // As `openssl req -x509` makes them.
    let mut authority = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    for parameters in [named, authority] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let keys = rcgen::KeyPair::generate().unwrap();
        let fake = parameters.clone();
        let made = parameters.self_signed(&keys).unwrap();
        let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        std::fs::write(&cert, made.pem()).unwrap();
        std::fs::write(&key, keys.serialize_pem()).unwrap();
        let start = ["dev", "--listen", "127.0.0.1:0", "--data", text(&data)];
        let files = ["--tls-cert", text(&cert), "--tls-key", text(&key)];
        let server = Server::start(&[start.as_slice(), &files].concat());
        for command in [["operator", "status"].as_slice(), &["ready"]] {
            let told = cosell(&[command, &["--data", text(&data)]].concat());
            assert!(told.success, "{command:?}: {}", told.err);
        }
        // A renewal of which the server does not know yet.
        let other = rcgen::KeyPair::generate().unwrap();
        std::fs::write(&cert, fake.self_signed(&other).unwrap().pem()).unwrap();
        std::fs::write(&key, other.serialize_pem()).unwrap();
        let told = cosell(&["ready", "--data", text(&data)]);
        assert!(told.success, "{}", told.err);
        // Somebody else with a certificate of the same name gets no token.
        let start = ["dev", "--listen", "127.0.0.1:0", "--ephemeral"];
        let stranger = Server::start(&[start.as_slice(), &files].concat());
        let noted = std::fs::read_to_string(data.join("operator.json")).unwrap();
        let own = server.operator_address.to_string();
        std::fs::write(
            data.join("operator.json"),
            noted.replace(&own, &stranger.operator_address.to_string()),
        )
        .unwrap();
        let told = cosell(&["operator", "status", "--data", text(&data)]);
        assert_eq!(told.code, Some(3), "{}", told.out);
        drop(server);
    }
}

#[test]
fn a_token_that_is_named_is_the_one_that_counts_also_in_front_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let data = text(folder.path());
    let server = Server::on(folder.path());
    let unknown = format!("cosell_op_{}_{}", "0".repeat(16), "a".repeat(64));
    for token in ["nope", unknown.as_str()] {
        let listed = cosell(&["account", "list", "--data", data, "--operator-token", token]);
        assert_eq!(listed.code, Some(3), "{token}: {}", listed.out);
        assert!(listed.out.is_empty(), "{}", listed.out);
        assert!(!listed.err.contains("header"), "{}", listed.err);
    }
    // A variable counts for less than a folder that is named, and then the folder's own token is used.
    let listed = cosell_with(
        &["account", "list", "--data", data],
        &[("COSELL_OPERATOR_TOKEN", &unknown)],
    );
    assert!(listed.success, "{}", listed.err);
    drop(server);
}

#[test]
fn a_partners_text_neither_commands_the_terminal_nor_passes_for_a_line_of_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let data = text(folder.path());
    let _server = Server::on(folder.path());
    let name = "Ovens\u{1b}[2J\u{202e}\nStatus  Approved";
    let body = json!({"accountId": "123456789012", "companyName": name}).to_string();
    let made = cosell(&["operator", "call", "post", "accounts", &body, "--data", data]);
    assert!(made.success, "{}", made.err);
    for command in [
        ["account", "show", "123456789012"].as_slice(),
        &["account", "list"],
    ] {
        let shown = cosell(&[command, &["--data", data]].concat());
        assert!(shown.out.contains("Ovens"), "{:?}", shown.out);
        assert!(!shown.out.contains(['\u{1b}', '\u{202e}']), "{:?}", shown.out);
        assert!(!shown.out.contains("\nStatus"), "{:?}", shown.out);
    }
}
