//! What stands in the files.

use regex::Regex;
use serde_json::Value;

use super::{all, file, yaml};
use crate::harness::client::request;
use crate::harness::{Connection, Server, cosell};

/// The words of a line as a shell reads them, as far as these files need it.
fn words(line: &str) -> Vec<String> {
    let pattern = Regex::new(r#""([^"]*)"|(\S+)"#).unwrap();
    let word = |found: regex::Captures<'_>| found.get(1).or(found.get(2)).unwrap().as_str().to_owned();
    let all = pattern.captures_iter(line).map(word);
    all.take_while(|word| !matches!(word.as_str(), "|" | ">" | "&&" | "#"))
        .collect()
}

/// Every command of cosell's that a text has people or machines run, without the program's name. It begins its line, or stands
/// behind what runs it somewhere else.
fn commands(text: &str) -> Vec<Vec<String>> {
    let text = text.replace("\\\n", " ");
    let typed = Regex::new(
        r"(?m)^(?:ExecStart=|sudo -u cosell |docker run .* |.* -- |.* exec cosell-1 )?(?:/usr/local/bin/)?cosell ([a-z].*)$",
    );
    let typed = typed.unwrap();
    typed.captures_iter(&text).map(|found| words(&found[1])).collect()
}

fn setting(name: &str) -> String {
    let settings = cosell(&["config", "show", "--output", "json"]).json();
    let row = settings
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["name"] == name);
    row.unwrap_or_else(|| panic!("no setting {name}"))["value"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn deployment() -> Value {
    yaml("deploy/kubernetes/deployment.yaml").remove(0)
}

fn container() -> Value {
    deployment()["spec"]["template"]["spec"]["containers"][0].clone()
}

/// The port that a named port of the container has.
fn port(name: &str) -> u64 {
    let container = container();
    let ports = container["ports"].as_array().unwrap();
    let found = ports.iter().find(|port| port["name"] == name);
    found.unwrap_or_else(|| panic!("no port {name}"))["containerPort"]
        .as_u64()
        .unwrap()
}

fn variable(name: &str) -> String {
    let container = container();
    let all = container["env"].as_array().unwrap();
    let found = all.iter().find(|variable| variable["name"] == name);
    found.unwrap_or_else(|| panic!("no variable {name}"))["value"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn every_command_in_them_can_be_typed() {
    let mut count = 0;
    for (path, text) in all() {
        for command in commands(&text) {
            let mut arguments: Vec<&str> = command.iter().map(String::as_str).collect();
            // What stands before it is parsed first, and complained of.
            arguments.push("--help");
            let said = cosell(&arguments);
            assert!(said.success, "{path}: cosell {}: {}", command.join(" "), said.err);
            count += 1;
        }
    }
    let args = container()["args"].clone();
    let args: Vec<&str> = args
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word.as_str().unwrap())
        .collect();
    assert!(cosell(&[&args[..], &["--help"]].concat()).success, "{args:?}");
    let image = file("Dockerfile");
    for line in [
        "CMD [\"serve\"]",
        "CMD [\"/usr/local/bin/cosell\", \"ready\"]",
        "ENTRYPOINT [\"/usr/local/bin/cosell\"]",
    ] {
        assert!(image.contains(line), "{line}");
    }
    assert!(cosell(&["ready", "--help"]).success);
    assert!(count >= 9, "only {count} commands were found");
}

#[test]
fn a_command_that_does_not_exist_would_be_found() {
    let text = "ExecStart=/usr/local/bin/cosell serve --bogus 1\nkubectl -n cosell exec deploy/cosell -- cosell acount create";
    for command in commands(text) {
        let arguments: Vec<&str> = command.iter().map(String::as_str).chain(["--help"]).collect();
        assert!(!cosell(&arguments).success, "{command:?}");
    }
    assert_eq!(commands(text).len(), 2);
}

#[test]
fn every_variable_in_them_is_one_the_program_reads() {
    let settings = cosell(&["config", "show", "--output", "json"]).json();
    let mut known: Vec<String> = settings
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            format!(
                "COSELL_{}",
                row["name"].as_str().unwrap().to_uppercase().replace('-', "_")
            )
        })
        .collect();
    known.extend(
        [
            "COSELL_OPERATOR_URL",
            "COSELL_OPERATOR_TOKEN",
            "COSELL_OPERATOR_CA",
        ]
        .map(str::to_owned),
    );
    let name = Regex::new("COSELL_[A-Z_]+").unwrap();
    let mut count = 0;
    for (path, text) in all() {
        for found in name.find_iter(&text) {
            assert!(
                known.iter().any(|name| name == found.as_str()),
                "{path}: {}",
                found.as_str()
            );
            count += 1;
        }
    }
    assert!(count >= 8, "only {count} variables were found");
}

#[test]
fn probes_and_balancers_ask_for_what_is_served_where_it_is_served() {
    let server = Server::dev(&["--operator-listen", "127.0.0.1:0"]);
    let ask = |address, path: &str| {
        let mut connection = Connection::open(address).unwrap();
        let bytes = request(&format!("GET {path}"), &[("host", "cosell.example")], b"");
        connection.send(&bytes).unwrap();
        connection.answer().unwrap().expect("an answer").status
    };
    let container = container();
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        let get = &container[probe]["httpGet"];
        assert_eq!(ask(server.address, get["path"].as_str().unwrap()), 200, "{probe}");
        assert_eq!(get["port"], "api", "{probe}");
    }
    let balancer = file("deploy/compose/haproxy.cfg");
    assert!(balancer.contains("uri /readyz") && balancer.contains("uri /livez"));
    assert_eq!(
        balancer.matches(":7733").count(),
        6,
        "three servers, ready and alive"
    );
    assert!(balancer.contains("path_beg /operator/") && balancer.contains("{ path /metrics }"));
    assert_eq!(
        (
            ask(server.address, "/operator/v1/status"),
            ask(server.operator_address, "/operator/v1/status")
        ),
        (404, 401)
    );

    for (name, variable_name) in [("api", "COSELL_LISTEN"), ("operator", "COSELL_OPERATOR_LISTEN")] {
        assert!(
            variable(variable_name).ends_with(&format!(":{}", port(name))),
            "{name}"
        );
    }
    // Whoever scrapes brings a token.
    let scraping = &yaml("deploy/prometheus/prometheus.yml")[0]["scrape_configs"][0];
    let path = scraping["metrics_path"].as_str().unwrap();
    assert_eq!(ask(server.operator_address, path), 401);
    assert!(scraping["authorization"]["credentials_file"].is_string());
    let target = scraping["static_configs"][0]["targets"][0].as_str().unwrap();
    assert!(target.ends_with(&format!(":{}", port("operator"))), "{target}");
    assert!(file("Dockerfile").contains(&format!("EXPOSE {}", port("api"))));
    for service in yaml("deploy/kubernetes/services.yaml") {
        for target in service["spec"]["ports"].as_array().unwrap() {
            port(target["targetPort"].as_str().unwrap());
        }
    }
    let policy = yaml("deploy/kubernetes/networkpolicy.yaml").remove(0);
    for rule in policy["spec"]["ingress"].as_array().unwrap() {
        port(rule["ports"][0]["port"].as_str().unwrap());
    }
}

#[test]
fn the_image_and_whoever_runs_it_agree_on_user_and_folder() {
    let (image, compose) = (file("Dockerfile"), yaml("deploy/compose/compose.yaml").remove(0));
    let pod = &deployment()["spec"]["template"]["spec"];
    let user = pod["securityContext"]["runAsUser"].as_u64().unwrap();
    assert_ne!(user, 0);
    assert!(
        image.contains(&format!("USER {user}:{user}\n")) && image.contains(&format!("--chown={user}:{user}"))
    );
    let folder = variable("COSELL_DATA");
    assert!(image.contains(&format!("COSELL_DATA={folder} ")));
    let node = &compose["services"]["cosell-1"];
    assert_eq!(
        node["tmpfs"][0],
        format!("{folder}:uid={user},gid={user},mode=0700")
    );
    assert_eq!(node["secrets"][0]["target"], format!("{folder}/cosell.key"));
    assert_eq!(node["secrets"][1]["target"], format!("{folder}/cosell.toml"));
    let mounts: Vec<&str> = container()["volumeMounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mount| mount["mountPath"].as_str().unwrap().to_owned().leak() as &str)
        .collect();
    assert_eq!(mounts[..2], [folder.clone(), format!("{folder}/cosell.key")]);
    // What is mounted there, the documentation puts into the address of the store.
    let mounted = format!("sslrootcert={}/ca.pem", mounts[2]);
    assert!(file("docs/deployment.md").contains(&mounted), "{mounted}");
    for hardened in [
        &container()["securityContext"]["readOnlyRootFilesystem"],
        &node["read_only"],
    ] {
        assert_eq!(hardened, &Value::Bool(true));
    }
    assert!(file("deploy/systemd/cosell.service").contains(&format!("COSELL_DATA={folder} ")));
}

#[test]
fn whoever_stops_a_server_waits_longer_than_it_takes() {
    // Requests under way, deliveries (5), the token (2), and what else there is.
    let least = setting("shutdown-timeout").parse::<u64>().unwrap() + 10;
    let pod = &deployment()["spec"]["template"]["spec"];
    let before = container()["lifecycle"]["preStop"]["sleep"]["seconds"]
        .as_u64()
        .unwrap();
    assert!(pod["terminationGracePeriodSeconds"].as_u64().unwrap() >= least + before);
    let unit = file("deploy/systemd/cosell.service");
    let stop = unit
        .lines()
        .find_map(|line| line.strip_prefix("TimeoutStopSec="))
        .unwrap();
    assert!(stop.parse::<u64>().unwrap() >= least);
    assert!(unit.contains("Type=notify\n"));
    let compose = yaml("deploy/compose/compose.yaml").remove(0);
    let grace = compose["services"]["cosell-1"]["stop_grace_period"]
        .as_str()
        .unwrap();
    assert!(grace.trim_end_matches('s').parse::<u64>().unwrap() >= least);
}

#[test]
fn every_yaml_file_can_be_read_and_is_listed_where_it_is_applied() {
    let mut resources = Vec::new();
    for (path, _) in all()
        .into_iter()
        .filter(|(path, _)| path.ends_with(".yaml") || path.ends_with(".yml"))
    {
        assert!(!yaml(&path).is_empty(), "{path}");
        if let Some(name) = path.strip_prefix("deploy/kubernetes/")
            && name != "kustomization.yaml"
        {
            resources.push(name.to_owned());
        }
    }
    let listed = yaml("deploy/kubernetes/kustomization.yaml").remove(0);
    let listed = listed["resources"].as_array().unwrap();
    let mut listed: Vec<&str> = listed.iter().map(|name| name.as_str().unwrap()).collect();
    listed.sort_unstable();
    resources.sort_unstable();
    assert_eq!(listed, resources);
}
