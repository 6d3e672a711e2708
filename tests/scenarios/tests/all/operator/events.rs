//! Events as operators have them delivered: targets, rules, what becomes of an event, and the stream of those that happen.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::deal::{create, draft};
use crate::harness::operator::refused;
use crate::harness::receiver::{Receiver, Reply};
use crate::harness::{Caller, Key, Operator, Server};

const ACCOUNT: &str = "111122223333";

/// The first partner of a development server.
pub fn partner(server: &Server) -> Caller {
    server.caller(Key::new(ACCOUNT, "any"))
}

/// A webhook for that receiver, and a rule that sends everything there; the webhook's secret.
#[track_caller]
pub fn connect(operator: &mut Operator, receiver: &Receiver, more: &Value) -> String {
    let mut target = json!({"id": "crm", "sink": {"kind": "webhook", "url": receiver.url()}});
    for (name, value) in more.as_object().unwrap() {
        target[name] = value.clone();
    }
    let made = operator.post("/event-targets", &target);
    assert_eq!(made["secrets"]["signing"], 1);
    let rule =
        json!({"name": "all", "pattern": {"source": ["aws.partnercentral-selling"]}, "targets": ["crm"]});
    assert_eq!(operator.post("/event-rules", &rule)["targets"], json!(["/crm"]));
    made["signingSecret"].as_str().unwrap().to_owned()
}

/// Asks until an answer is as wanted.
#[track_caller]
pub fn until(operator: &mut Operator, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = operator.get(path);
        if wanted(&answer) {
            return answer;
        }
        assert!(Instant::now() < end, "{answer:#}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn opportunities(caller: &mut Caller, count: usize) -> Vec<String> {
    (0..count)
        .map(|number| create(caller, &draft(&format!("events-{number}"))))
        .collect()
}

#[test]
fn an_event_reaches_a_webhook_signed_and_it_is_told_what_became_of_it() {
    let server = Server::dev(&[]);
    let (mut operator, receiver) = (server.operator(), Receiver::start(Reply::Status(204)));
    let secret = connect(&mut operator, &receiver, &json!({}));
    let id = create(&mut partner(&server), &draft("one"));
    let delivery = &receiver.wait(1)[0];
    assert!(
        delivery.is_signed_with(&secret)
            && !delivery.is_signed_with("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz")
    );
    let event = delivery.event();
    assert_eq!(event["detail-type"], "Opportunity Created");
    assert_eq!(event["account"], ACCOUNT);
    assert_eq!(event["detail"]["opportunity"]["identifier"], id.as_str());
    assert_eq!(event["id"], delivery.id.as_str());

    let path = format!("/events/{}", delivery.id);
    let shown = until(&mut operator, &path, |shown| {
        shown["deliveries"][0]["state"] == "delivered"
    });
    assert_eq!(shown["event"], event);
    assert_eq!(shown["deliveries"][0]["target"], "/crm");
    assert_eq!(shown["deliveries"][0]["tries"][0]["status"], 204);

    let listed = operator.all("/events?account=111122223333&detailType=Opportunity%20Created", 1);
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["event"], event);
    assert!(operator.all("/events?account=444455556666", 10).is_empty());
    refused(&operator.send("GET", "/events/none", None), 404, "not-found");

    let target = operator.get("/event-targets/crm");
    assert_eq!(
        (&target["state"]["delivered"], &target["state"]["lagSeconds"]),
        (&json!(1), &json!(0))
    );
    for kept in [
        &target.to_string(),
        &server.log(),
        &operator.get("/audit").to_string(),
    ] {
        assert!(!kept.contains(&secret[6..]), "{kept}");
    }
    for metrics in [
        operator.send("GET", "/metrics", None),
        operator.exchange("GET", "/metrics", &[], b""),
    ] {
        let delivered = "cosell_event_target_delivered_total{target=\"/crm\",kind=\"webhook\"} 1";
        assert!(
            String::from_utf8_lossy(&metrics.body).contains(delivered),
            "{metrics}"
        );
    }
    refused(
        &operator.nobody().raw("GET", "/metrics", &[], b""),
        401,
        "unauthenticated",
    );
}

#[test]
fn what_is_given_up_is_a_dead_letter_and_is_sent_again_with_the_same_id() {
    let server = Server::dev(&[]);
    let (mut operator, receiver) = (server.operator(), Receiver::start(Reply::Status(500)));
    connect(&mut operator, &receiver, &json!({"retrySeconds": [0.02]}));
    let mut caller = partner(&server);
    opportunities(&mut caller, 3);
    let letters = "/event-targets/crm/dead-letters";
    until(&mut operator, letters, |page| {
        page["items"].as_array().unwrap().len() == 3
    });
    let dead = operator.all(letters, 1);
    assert_eq!(dead.len(), 3);
    for letter in &dead {
        assert_eq!(
            (&letter["delivery"]["state"], &letter["delivery"]["attempts"]),
            (&json!("dead"), &json!(2))
        );
        assert_eq!(letter["delivery"]["tries"][1]["status"], 500);
    }
    let tries = receiver.deliveries().len();
    receiver.answer(Reply::Status(200));
    let first = dead[0]["event"]["id"].as_str().unwrap();
    operator.post(&format!("/events/{first}/redeliver"), &json!({"target": "crm"}));
    assert_eq!(receiver.wait(tries + 1)[tries].id, first);
    until(&mut operator, letters, |page| {
        page["items"].as_array().unwrap().len() == 2
    });
    assert_eq!(
        operator.post("/event-targets/crm/redeliver", &json!({})),
        json!({"events": 2})
    );
    let mut again: Vec<String> = receiver.wait(tries + 3)[tries..]
        .iter()
        .map(|one| one.id.clone())
        .collect();
    let mut ids: Vec<&str> = dead
        .iter()
        .map(|letter| letter["event"]["id"].as_str().unwrap())
        .collect();
    again.sort();
    ids.sort_unstable();
    assert_eq!(again, ids);
    let done = until(&mut operator, "/event-targets/crm", |target| {
        target["state"]["delivered"] == 3
    });
    assert_eq!(
        (&done["state"]["dead"], &done["state"]["pending"]),
        (&json!(0), &json!(0))
    );
    // Everything once more, from the log.
    let from = json!({"from": "2020-01-01T00:00:00Z"});
    assert_eq!(operator.post("/event-targets/crm/replay", &from)["events"], 3);
    receiver.wait(tries + 6);
    let range = json!({"from": "2030-01-01T00:00:00Z", "to": "2020-01-01T00:00:00Z"});
    refused(
        &operator.send("POST", "/event-targets/crm/replay", Some(&range)),
        400,
        "invalid",
    );
}

#[test]
fn secrets_that_are_sent_as_they_are_do_not_follow_a_target_to_another_address() {
    let server = Server::dev(&[]);
    let (mut operator, receiver) = (server.operator(), Receiver::start(Reply::Status(200)));
    let stranger = Receiver::start(Reply::Status(200));
    let with = |receiver: &Receiver, secrets: Value| {
        let mut target = json!({"id": "crm", "sink": {"kind": "webhook", "url": receiver.url()}});
        if !secrets.is_null() {
            target["secrets"] = secrets;
        }
        target
    };
    operator.post(
        "/event-targets",
        &with(&receiver, json!({"headers": {"x-key": "S3cret"}})),
    );
    let put =
        |operator: &mut Operator, target: &Value| operator.send("PUT", "/event-targets/crm", Some(target));
    refused(&put(&mut operator, &with(&stranger, Value::Null)), 422, "refused");
    // A path of the same receiver is no other address, and one who sends the secret may send it elsewhere.
    let mut same = with(&receiver, Value::Null);
    same["sink"]["url"] = json!(format!("{}/v2", receiver.url()));
    assert_eq!(put(&mut operator, &same).status, 200);
    let sent = with(&stranger, json!({"headers": {"x-key": "another"}}));
    assert_eq!(put(&mut operator, &sent).status, 200);
    assert_eq!(
        put(&mut operator, &with(&receiver, json!({"headers": {}}))).status,
        200
    );
}

#[test]
fn a_target_is_paused_tried_out_resumed_and_given_new_secrets() {
    let server = Server::dev(&[]);
    let (mut operator, receiver) = (server.operator(), Receiver::start(Reply::Status(200)));
    let first = connect(&mut operator, &receiver, &json!({}));
    let long = json!({"reason": "x".repeat(501)});
    refused(
        &operator.send("POST", "/event-targets/crm/pause", Some(&long)),
        400,
        "invalid",
    );
    let paused = operator.post("/event-targets/crm/pause", &json!({"reason": "moving house"}));
    assert_eq!(paused["state"]["status"], "paused");
    assert_eq!(paused["state"]["pausedReason"], "moving house");
    let id = create(&mut partner(&server), &draft("paused"));
    let tested = operator.post("/event-targets/crm/test", &Value::Null);
    assert_eq!(
        (&tested["delivered"], &tested["status"]),
        (&json!(true), &json!(200)),
        "{tested}"
    );
    let event = receiver.wait(1)[0].event();
    assert_eq!(event["detail-type"], "Test Event");
    assert_eq!(
        event["time"].as_str().unwrap().len(),
        "2027-01-31T09:30:00Z".len()
    );
    let rotated = operator.post("/event-targets/crm/rotate-secret", &json!({}));
    let second = rotated["signingSecret"].as_str().unwrap().to_owned();
    assert_eq!(rotated["secrets"]["signing"], 2);
    refused(
        &operator.send("POST", "/event-targets/crm/rotate-secret", Some(&json!({}))),
        422,
        "refused",
    );
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(receiver.deliveries().len(), 1, "paused is paused");
    assert_eq!(
        operator.post("/event-targets/crm/resume", &Value::Null)["state"]["status"],
        "delivering"
    );
    let delivery = &receiver.wait(2)[1];
    assert_eq!(
        delivery.event()["detail"]["opportunity"]["identifier"],
        id.as_str()
    );
    assert!(
        delivery.signatures() == 2 && delivery.is_signed_with(&first) && delivery.is_signed_with(&second)
    );
    assert_eq!(
        operator.delete("/event-targets/crm/old-secret"),
        json!({"signing": 1})
    );
    refused(
        &operator.send("DELETE", "/event-targets/crm/old-secret", None),
        422,
        "refused",
    );
    operator.post("/event-targets/crm/test", &Value::Null);
    let delivery = &receiver.wait(3)[2];
    assert!(delivery.signatures() == 1 && delivery.is_signed_with(&second));
    let actions: Vec<String> = operator
        .all("/audit", 100)
        .iter()
        .map(|entry| entry["action"].as_str().unwrap().to_owned())
        .collect();
    for action in [
        "CreateEventTarget",
        "CreateEventRule",
        "PauseEventTarget",
        "TestEventTarget",
        "RotateEventTargetSecret",
        "ResumeEventTarget",
        "DropOldEventTargetSecret",
    ] {
        assert!(actions.iter().any(|told| told == action), "{action}: {actions:?}");
    }
}

#[test]
fn rules_choose_by_account_and_pattern_and_a_target_in_use_stays() {
    let server = Server::dev(&[]);
    let (mut operator, receiver) = (server.operator(), Receiver::start(Reply::Status(200)));
    let target = json!({"id": "own", "account": ACCOUNT, "sink": {"kind": "webhook", "url": receiver.url()}});
    operator.post("/event-targets", &target);
    refused(
        &operator.send("POST", "/event-targets", Some(&target)),
        409,
        "conflict",
    );
    let rule = |account: &str, pattern: Value| json!({"name": "r", "account": account, "pattern": pattern, "targets": [format!("{ACCOUNT}/own")]});
    let foreign = rule("444455556666", json!({"source": ["x"]}));
    refused(
        &operator.send("POST", "/event-rules", Some(&foreign)),
        400,
        "invalid",
    );
    let broken = rule(ACCOUNT, json!({"detail": {"catalog": [{"prefixx": "A"}]}}));
    let answer = operator.send("POST", "/event-rules", Some(&broken));
    refused(&answer, 400, "invalid");
    assert_eq!(answer.json()["errors"][0]["pointer"], "/pattern", "{answer}");
    let updated = json!({"detail-type": [{"suffix": "Updated"}]});
    operator.post("/event-rules", &rule(ACCOUNT, updated.clone()));
    let mut caller = partner(&server);
    let id = create(&mut caller, &draft("chosen"));
    let answer = crate::harness::deal::update(&mut caller, &id, |body| {
        body["Project"]["AdditionalComments"] = "more".into();
    });
    assert_eq!(answer.status, 200, "{answer}");
    let taken = receiver.wait(1);
    assert_eq!(taken[0].event()["detail-type"], "Opportunity Updated");
    let ask = json!({"pattern": updated, "eventId": taken[0].id});
    assert_eq!(operator.post("/event-rules/test", &ask), json!({"matches": true}));
    let place = format!("/event-targets/own?account={ACCOUNT}");
    let used = operator.send("DELETE", &place, None);
    refused(&used, 409, "conflict");
    assert!(
        used.json()["detail"].as_str().unwrap().contains("111122223333/r"),
        "{used}"
    );
    let path = format!("/event-rules/r?account={ACCOUNT}");
    let mut changed = operator.get(&path);
    changed.as_object_mut().unwrap().remove("since");
    changed["enabled"] = false.into();
    assert_eq!(
        operator.send("PUT", &path, Some(&changed)).json()["enabled"],
        false
    );
    create(&mut caller, &draft("unheard"));
    operator.delete(&path);
    assert_eq!(operator.send("DELETE", &place, None).status, 204);
    assert!(operator.all("/event-targets", 10).is_empty() && operator.all("/event-rules", 10).is_empty());
    assert_eq!(receiver.deliveries().len(), 1);
}

#[test]
fn settings_are_checked_and_secrets_stay_where_they_are_not_sent() {
    let server = Server::dev(&[]);
    let (mut operator, receiver) = (server.operator(), Receiver::start(Reply::Status(200)));
    let secret = connect(
        &mut operator,
        &receiver,
        &json!({"secrets": {"headers": {"x-key": "hidden-value"}}}),
    );
    for (flawed, pointer) in [
        (
            json!({"sink": {"kind": "webhook", "url": "ftp://x"}}),
            "/sink/url",
        ),
        (
            json!({"sink": {"kind": "stdout"}, "concurrency": 65}),
            "/concurrency",
        ),
        (json!({"sink": {"kind": "stdout"}, "since": 0}), "/since"),
        (json!({"sink": {"kind": "stdout"}, "id": "other"}), "/id"),
        (
            json!({"sink": {"kind": "file", "path": "/etc/passwd"}}),
            "/sink/path",
        ),
        (
            json!({"sink": {"kind": "stdout"}, "retrySeconds": [0]}),
            "/retrySeconds",
        ),
    ] {
        let answer = operator.send("PUT", "/event-targets/crm", Some(&flawed));
        refused(&answer, 400, "invalid");
        assert_eq!(
            answer.json()["errors"][0]["pointer"],
            pointer,
            "{flawed}: {answer}"
        );
    }
    let changed =
        json!({"sink": {"kind": "webhook", "url": receiver.url()}, "description": "new", "ordered": false});
    let answer = operator.send("PUT", "/event-targets/crm", Some(&changed));
    assert_eq!(answer.status, 200, "{answer}");
    let answer = answer.json();
    assert_eq!(
        (&answer["secrets"]["signing"], &answer["secrets"]["headers"]),
        (&json!(1), &json!(["x-key"]))
    );
    assert!(answer.get("signingSecret").is_none() && !answer.to_string().contains("hidden-value"));
    operator.post("/event-targets/crm/test", &Value::Null);
    assert!(receiver.wait(1)[0].is_signed_with(&secret));
    // Loopback is allowed to a development server, the rest of the private world is not.
    let inside = json!({"id": "inside", "sink": {"kind": "webhook", "url": "https://169.254.169.254/x"}});
    operator.post("/event-targets", &inside);
    let tested = operator.post("/event-targets/inside/test", &Value::Null);
    assert_eq!(tested["delivered"], false);
    assert!(
        tested["error"].as_str().unwrap().contains("private address"),
        "{tested}"
    );
}

/// Reads a stream until so many events came, or it ends: their numbers and types.
fn follow(
    server: &Server,
    token: &str,
    query: &str,
    headers: &str,
    count: usize,
) -> (Vec<(u64, String)>, bool) {
    let mut stream = TcpStream::connect(server.operator_address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // In HTTP/1.0 the body is as it is and ends with the connection.
    let request = format!(
        "GET /operator/v1/events/stream{query} HTTP/1.0\r\nhost: x\r\nauthorization: Bearer {token}\r\n{headers}\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let (mut text, mut piece) = (String::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut piece).unwrap();
        text.push_str(&String::from_utf8_lossy(&piece[..read]));
        let told: Vec<(u64, String)> = text
            .split("\n\n")
            .filter(|part| part.contains("\ndata: ") || part.starts_with("data: "))
            .map(|part| {
                let field = |name: &str| {
                    let line = part.lines().find_map(|line| line.strip_prefix(name));
                    line.unwrap().trim().to_owned()
                };
                (field("id:").parse().unwrap(), field("event:"))
            })
            .collect();
        // The last part may not have come whole.
        let whole = text.ends_with("\n\n");
        if (whole && told.len() >= count) || read == 0 {
            return (told, read == 0);
        }
    }
}

#[test]
fn a_stream_goes_on_where_it_was_without_loss_or_repetition() {
    let server = Server::dev(&[]);
    let token = server.operator_token.clone().unwrap();
    let mut caller = partner(&server);
    opportunities(&mut caller, 3);
    let (all, _) = follow(&server, &token, "?after=0", "", 3);
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|(_, kind)| kind == "Opportunity Created"));
    let second = format!("last-event-id: {}\r\n", all[1].0);
    assert_eq!(follow(&server, &token, "", &second, 1).0, all[2..]);
    let third = format!("last-event-id: {}\r\n", all[2].0);
    let waiting = std::thread::scope(|scope| {
        let waits = scope.spawn(|| follow(&server, &token, "?detailType=Opportunity%20Created", &third, 2).0);
        std::thread::sleep(Duration::from_millis(100));
        for number in 0..2 {
            create(&mut caller, &draft(&format!("later-{number}")));
        }
        waits.join().unwrap()
    });
    assert_eq!(waiting.len(), 2);
    assert!(waiting.iter().all(|(seq, _)| *seq > all[2].0));
    let mut operator = server.operator();
    refused(
        &operator.send("GET", "/events/stream?after=1000000", None),
        400,
        "invalid",
    );
}

#[test]
fn a_stream_ends_with_its_token() {
    let server = Server::dev(&[]);
    let mut operator = server.operator();
    let token = operator.token("read");
    let (id, secret) = (token["id"].as_str().unwrap(), token["token"].as_str().unwrap());
    let ended = std::thread::scope(|scope| {
        let stream = scope.spawn(|| follow(&server, secret, "", "", 1));
        std::thread::sleep(Duration::from_millis(200));
        operator.delete(&format!("/tokens/{id}"));
        stream.join().unwrap()
    });
    assert_eq!(ended, (Vec::new(), true));
}

#[test]
fn there_are_only_so_many_streams_and_room_for_all_else_beside_them() {
    for listen in [&[][..], &["--operator-listen", "127.0.0.1:0"]] {
        let server = Server::dev(listen);
        let admin = server.operator_token.clone().unwrap();
        let request = format!(
            "GET /operator/v1/events/stream HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {admin}\r\n\r\n"
        );
        let open: Vec<String> = (0..80)
            .map(|_| {
                let mut stream = TcpStream::connect(server.operator_address).unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                stream.write_all(request.as_bytes()).unwrap();
                let mut line = [0; 12];
                stream.read_exact(&mut line).unwrap();
                // Kept open till the end of the test.
                std::mem::forget(stream);
                String::from_utf8_lossy(&line).into_owned()
            })
            .collect();
        let taken = open.iter().filter(|line| line.ends_with("200")).count();
        assert_eq!(taken, 64);
        assert!(open.iter().skip(64).all(|line| line.ends_with("429")));
        assert_eq!(server.operator().send("GET", "/status", None).status, 200);
        // They do not hold up a stop.
        let started = Instant::now();
        server.terminate();
        assert!(server.wait());
        assert!(
            started.elapsed() < Duration::from_secs(8),
            "{:?}",
            started.elapsed()
        );
    }
}

#[test]
fn a_reset_is_not_followed_by_events_of_before() {
    let server = Server::dev(&[]);
    let (mut operator, receiver) = (server.operator(), Receiver::start(Reply::Status(200)));
    connect(&mut operator, &receiver, &json!({}));
    operator.post("/event-targets/crm/pause", &json!({}));
    let mut caller = partner(&server);
    opportunities(&mut caller, 3);
    operator.post("/state/reset", &json!({}));
    operator.post("/event-targets/crm/resume", &Value::Null);
    let id = create(&mut caller, &draft("after the reset"));
    let came = receiver.wait(1);
    assert_eq!(
        came[0].event()["detail"]["opportunity"]["identifier"],
        id.as_str()
    );
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(receiver.deliveries().len(), 1);
}

#[test]
fn a_state_of_another_folder_brings_targets_switched_off_and_without_their_secrets() {
    let (one, two) = (Server::dev(&[]), Server::dev(&[]));
    let receiver = Receiver::start(Reply::Status(200));
    let secret = connect(&mut one.operator(), &receiver, &json!({}));
    let state = one.operator().send("GET", "/state", None);
    assert_eq!(state.status, 200);
    let mut operator = two.operator();
    let media = [("content-type", "application/x-ndjson")];
    let loaded = operator.raw("PUT", "/operator/v1/state", &media, &state.body);
    assert_eq!(
        loaded.json()["targetsWithoutSecrets"],
        json!(["/crm"]),
        "{loaded}"
    );
    let target = operator.get("/event-targets/crm");
    assert_eq!(
        (&target["enabled"], &target["secrets"]["signing"]),
        (&json!(false), &json!(0))
    );
    assert_eq!(target["state"]["status"], "disabled");
    create(&mut partner(&two), &draft("elsewhere"));
    std::thread::sleep(Duration::from_millis(200));
    assert!(receiver.deliveries().is_empty());
    let settings = json!({"sink": target["sink"]});
    let changed = operator.send("PUT", "/event-targets/crm", Some(&settings)).json();
    let fresh = changed["signingSecret"].as_str().unwrap();
    let came = receiver.wait(1);
    assert!(came[0].is_signed_with(fresh) && !came[0].is_signed_with(&secret));
}
