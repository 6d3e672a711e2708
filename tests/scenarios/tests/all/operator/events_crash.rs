//! A server that is killed while it delivers: nothing is lost, and what comes twice has the same id.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::events::{connect, partner, until};
use crate::harness::Server;
use crate::harness::deal::{create, draft};
use crate::harness::receiver::{Receiver, Reply};

fn ids(operator: &mut crate::harness::Operator) -> BTreeSet<String> {
    let events = operator.all("/events", 100);
    events
        .iter()
        .map(|item| item["event"]["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn events_that_were_committed_and_not_delivered_when_the_server_was_killed_are_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(Reply::Status(200));
    let server = Server::on(folder.path());
    let mut operator = server.operator();
    connect(&mut operator, &receiver, &json!({}));
    operator.post("/event-targets/crm/pause", &json!({}));
    let mut caller = partner(&server);
    for number in 0..20 {
        create(&mut caller, &draft(&format!("killed-{number}")));
    }
    server.kill();
    assert!(receiver.deliveries().is_empty());
    let server = Server::on(folder.path());
    let mut operator = server.operator();
    operator.post("/event-targets/crm/resume", &Value::Null);
    let came: BTreeSet<String> = receiver.wait(20).into_iter().map(|one| one.id).collect();
    assert_eq!(came, ids(&mut operator));
    assert_eq!(came.len(), 20);
}

#[test]
fn a_delivery_whose_settlement_was_cut_off_comes_again_with_the_same_id() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(Reply::Silence);
    let server = Server::on(folder.path());
    connect(&mut server.operator(), &receiver, &json!({}));
    let mut caller = partner(&server);
    for number in 0..3 {
        create(&mut caller, &draft(&format!("unsettled-{number}")));
    }
    // They are there, and the server does not know it.
    let before = receiver.wait(3);
    server.kill();
    receiver.answer(Reply::Status(200));
    let server = Server::on(folder.path());
    let mut operator = server.operator();
    let all = receiver.wait(6);
    let again: BTreeSet<&str> = all[3..].iter().map(|one| one.id.as_str()).collect();
    assert_eq!(again, before.iter().map(|one| one.id.as_str()).collect());
    let done = until(&mut operator, "/event-targets/crm", |target| {
        target["state"]["delivered"] == 3
    });
    assert_eq!(done["state"]["pending"], 0);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(receiver.deliveries().len(), 6, "and not a third time");
}

#[test]
fn a_server_that_is_killed_again_and_again_delivers_everything_at_least_once() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(Reply::Status(200));
    let server = Server::on(folder.path());
    connect(&mut server.operator(), &receiver, &json!({}));
    server.kill();
    for round in 0..5 {
        let server = Server::on(folder.path());
        let mut caller = partner(&server);
        for number in 0..15 {
            create(&mut caller, &draft(&format!("round-{round}-{number}")));
        }
        server.kill();
    }
    let server = Server::on(folder.path());
    let mut operator = server.operator();
    until(&mut operator, "/event-targets/crm", |target| {
        target["state"]["lagSeconds"] == 0 && target["state"]["pending"] == 0
    });
    let wanted = ids(&mut operator);
    assert_eq!(wanted.len(), 75);
    until(&mut operator, "/event-targets/crm", |_| {
        let came: BTreeSet<String> = receiver.deliveries().into_iter().map(|one| one.id).collect();
        came == wanted
    });
}
