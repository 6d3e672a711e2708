//! The region of ARNs is one setting, for the server and for the commands beside it.

use std::process::Command;

#[test]
fn a_solution_registered_by_a_command_is_named_in_the_configured_region() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let cosell = |arguments: &[&str]| {
        let ended = Command::new(env!("CARGO_BIN_EXE_cosell"))
            .args(arguments)
            .args(["--output", "json", "--data"])
            .arg(&data)
            .output()
            .unwrap();
        assert!(ended.status.success(), "{ended:?}");
        serde_json::from_slice::<serde_json::Value>(&ended.stdout).unwrap()
    };
    let sandbox = ["--account", "123456789012", "--catalog", "Sandbox"];
    let ovens = ["--name", "Ovens", "--category", "Software Product"];
    cosell(&["init"]);
    std::fs::write(data.join("cosell.toml"), "region = \"eu-central-1\"\n").unwrap();
    cosell(&["account", "create", "--account", "123456789012", "--company", "x"]);
    cosell(&[&["solution", "add"][..], &sandbox, &ovens].concat());
    let listed = cosell(&[&["solution", "list"][..], &sandbox].concat());
    let arns: Vec<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|solution| solution["arn"].as_str().unwrap())
        .collect();
    assert_eq!(arns.len(), 2, "{arns:?}");
    for arn in arns {
        assert!(
            arn.starts_with("arn:aws:partnercentral:eu-central-1:123456789012:"),
            "{arn}"
        );
    }
}
