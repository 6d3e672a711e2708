//! `cosell events` as it is typed.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver as Lines, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::events::partner;
use crate::harness::deal::{create, draft};
use crate::harness::receiver::{Receiver, Reply};
use crate::harness::server::{Said, typed};
use crate::harness::{Server, cosell};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Runs `cosell events` on a data folder.
fn events(data: &Path, arguments: &[&str]) -> Said {
    cosell(&[&["events"], arguments, &["--data", text(data)]].concat())
}

#[track_caller]
fn json(data: &Path, arguments: &[&str]) -> Value {
    events(data, &[arguments, &["--output", "json"]].concat()).json()
}

/// The envelopes that a command prints, one a line.
fn envelopes(out: &str) -> Vec<Value> {
    out.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_webhook_is_registered_fed_watched_and_removed_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let server = Server::on(data);
    let receiver = Receiver::start(Reply::Status(200));
    let url = receiver.url();
    let said = events(
        data,
        &[
            "target",
            "add",
            "webhook",
            "crm",
            "--url",
            &url,
            "--secret-header",
            "x-key: 1",
            "--retry",
            "0.05",
        ],
    );
    assert!(said.success, "{}", said.err);
    assert!(
        said.out.contains("whsec_") && said.out.contains("Next: cosell events rule add"),
        "{}",
        said.out
    );
    let rule = json(
        data,
        &[
            "rule",
            "add",
            "created",
            "--target",
            "crm",
            "--type",
            "Opportunity Created",
        ],
    );
    assert_eq!(rule["targets"][0], "/crm");
    let mut caller = partner(&server);
    let ids: Vec<String> = (0..3)
        .map(|number| create(&mut caller, &draft(&format!("terminal-{number}"))))
        .collect();
    let came = receiver.wait(3);
    let listed = events(data, &["list", "--output", "json"]);
    let told = envelopes(&listed.out);
    let about: Vec<&str> = told
        .iter()
        .map(|event| event["detail"]["opportunity"]["identifier"].as_str().unwrap())
        .collect();
    assert_eq!(about, ids, "the oldest first and nothing else");
    assert_eq!(
        envelopes(&events(data, &["list", "--limit", "2", "--output", "json"]).out).len(),
        2
    );
    assert!(events(data, &["list"]).out.contains("Opportunity Created"));
    let end = Instant::now() + Duration::from_secs(20);
    let shown = loop {
        let shown = json(data, &["show", &came[0].id]);
        if shown["deliveries"][0]["state"] == "delivered" {
            break shown;
        }
        assert!(Instant::now() < end, "{shown}");
    };
    assert_eq!(shown["event"], came[0].event());
    assert!(events(data, &["show", &came[0].id]).out.contains("HTTP 200"));

    receiver.answer(Reply::Status(503));
    create(&mut caller, &draft("terminal-dead"));
    let end = Instant::now() + Duration::from_secs(20);
    while json(data, &["dead", "crm"]).as_array().unwrap().is_empty() {
        assert!(Instant::now() < end, "nothing is given up");
    }
    assert!(events(data, &["dead", "crm"]).out.contains("503"));
    receiver.answer(Reply::Status(200));
    let before = receiver.deliveries().len();
    assert_eq!(
        json(data, &["redeliver", "--dead", "--target", "crm"])["events"],
        1
    );
    receiver.wait(before + 1);
    assert_eq!(
        json(data, &["redeliver", &came[0].id, "--target", "crm"])["events"],
        1
    );
    assert_eq!(receiver.wait(before + 2)[before + 1].id, came[0].id);
    assert_eq!(
        json(
            data,
            &["replay", "--target", "crm", "--from", "2020-01-01T00:00:00Z"]
        )["events"],
        4
    );
    receiver.wait(before + 6);

    assert_eq!(
        json(data, &["target", "pause", "crm", "--reason", "tea"])["state"]["pausedReason"],
        "tea"
    );
    assert_eq!(
        json(data, &["target", "resume", "crm"])["state"]["status"],
        "delivering"
    );
    // Switched off and on, it stays what it is.
    let before = json(data, &["target", "show", "crm"]);
    let off = json(data, &["target", "disable", "crm"]);
    assert_eq!(
        (&off["enabled"], &off["state"]["status"]),
        (&false.into(), &"disabled".into())
    );
    let on = json(data, &["target", "enable", "crm"]);
    assert_eq!(
        (&on["enabled"], &on["state"]["status"]),
        (&true.into(), &"delivering".into())
    );
    for member in ["sink", "secrets", "retrySeconds", "ordered"] {
        assert_eq!(on[member], before[member], "{member}");
    }
    assert!(on.get("signingSecret").is_none(), "its secret stays");
    assert_eq!(json(data, &["target", "test", "crm"])["delivered"], true);
    assert_eq!(
        json(data, &["target", "rotate-secret", "crm"])["secrets"]["signing"],
        2
    );
    assert_eq!(
        json(data, &["target", "rotate-secret", "crm", "--drop-old"])["signing"],
        1
    );
    assert_eq!(json(data, &["target", "list"])[0]["name"], "/crm");
    assert_eq!(json(data, &["rule", "disable", "created"])["enabled"], false);
    assert_eq!(json(data, &["rule", "enable", "created"])["enabled"], true);
    let pattern = r#"{"detail": {"catalog": ["Sandbox"]}}"#;
    assert_eq!(
        json(
            data,
            &["rule", "test", "--pattern", pattern, "--event", &came[0].id]
        )["matches"],
        true
    );
    let used = events(data, &["target", "remove", "crm"]);
    assert_eq!(used.code, Some(2), "{}", used.err);
    assert_eq!(json(data, &["rule", "remove", "created"])["name"], "created");
    assert!(events(data, &["target", "remove", "crm"]).out.contains("removed"));
    let missing = events(data, &["target", "show", "crm"]);
    assert_eq!(missing.code, Some(2), "{}", missing.err);
    for wrong in [
        &["redeliver", "--target", "crm"][..],
        &["rule", "add", "x"],
        &["target", "add", "webhook", "x"],
    ] {
        assert_eq!(events(data, wrong).code, Some(1), "{wrong:?}");
    }
}

#[test]
fn a_data_folder_without_a_server_takes_targets_and_rules_and_its_server_delivers_by_them() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert!(cosell(&["init", "--data", text(&data)]).success);
    json(
        &data,
        &["target", "add", "file", "log", "--path", "sub/all.jsonl"],
    );
    json(&data, &["rule", "add", "all", "--target", "log"]);
    let outside = events(&data, &["target", "add", "file", "evil", "--path", "../../evil"]);
    assert_eq!(outside.code, Some(2), "{}", outside.err);
    let alone = events(&data, &["tail"]);
    assert_eq!(alone.code, Some(3), "{}", alone.err);
    let server = Server::on(&data);
    let id = create(&mut partner(&server), &draft("to a file"));
    let file = data.join("events/sub/all.jsonl");
    let end = Instant::now() + Duration::from_secs(20);
    let told = loop {
        let told = std::fs::read_to_string(&file).unwrap_or_default();
        if told.ends_with('\n') {
            break envelopes(&told);
        }
        assert!(Instant::now() < end, "nothing is written");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(told[0]["detail"]["opportunity"]["identifier"], id.as_str());
    let made = Server::dev(&["--events-to", text(&folder.path().join("dev.jsonl"))]);
    create(&mut partner(&made), &draft("events-to"));
    let end = Instant::now() + Duration::from_secs(20);
    while !folder.path().join("dev.jsonl").exists() {
        assert!(Instant::now() < end, "nothing is written");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A tail that runs, line by line.
struct Tail {
    child: std::process::Child,
    lines: Lines<String>,
}

impl Tail {
    fn start(data: &Path, arguments: &[&str]) -> Self {
        let mut child = typed(&["events", "tail", "--data", text(data)])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            out.lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        Self { child, lines }
    }

    #[track_caller]
    fn next(&self) -> String {
        self.lines
            .recv_timeout(Duration::from_secs(30))
            .expect("an event")
    }

    fn interrupt(mut self) -> bool {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &pid])
                .status()
                .unwrap()
                .success()
        );
        self.child.wait().unwrap().success()
    }
}

#[test]
fn a_tail_outlives_its_server_without_loss_or_repetition_and_ends_at_ctrl_c() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let server = Server::on(data);
    let mut wanted = vec![create(&mut partner(&server), &draft("tail-0"))];
    let tail = Tail::start(data, &["--after", "0", "--output", "json"]);
    let about = |line: String| {
        let event: Value = serde_json::from_str(&line).unwrap();
        event["detail"]["opportunity"]["identifier"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let mut told = vec![about(tail.next())];
    for round in 1..=2 {
        wanted.push(create(&mut partner(&server), &draft(&format!("tail-{round}"))));
        told.push(about(tail.next()));
    }
    server.kill();
    let server = Server::on(data);
    for round in 3..=5 {
        wanted.push(create(&mut partner(&server), &draft(&format!("tail-{round}"))));
    }
    for _ in 3..=5 {
        told.push(about(tail.next()));
    }
    assert_eq!(told, wanted);
    assert!(tail.lines.recv_timeout(Duration::from_millis(300)).is_err());
    assert!(tail.interrupt(), "Ctrl-C is how it ends well");

    let people = Tail::start(
        data,
        &[
            "--after",
            "0",
            "--account",
            "111122223333",
            "--type",
            "Opportunity Created",
        ],
    );
    assert!(people.next().contains("Opportunity Created"));
    assert!(people.interrupt());
    let strange = events(data, &["tail", "--after", "1000000"]);
    assert_eq!(strange.code, Some(2), "{}", strange.err);
}
