//! Many at the same time: locks and client tokens.

use std::collections::BTreeSet;
use std::sync::Barrier;

use serde_json::{Value, json};

use crate::harness::deal::{as_update, associate, create, draft, get, list_all};
use crate::harness::{Answer, Caller, Key, Server};

/// Runs the same call from many connections at the same moment.
fn at_once<F>(caller: &Caller, count: usize, call: F) -> Vec<Answer>
where
    F: Fn(usize, &mut Caller) -> Answer + Sync,
{
    let barrier = Barrier::new(count);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count)
            .map(|number| {
                let (barrier, call, mut caller) = (&barrier, &call, caller.again());
                scope.spawn(move || {
                    // Connect first, so that all requests leave together.
                    caller.call(
                        "GetOpportunity",
                        &json!({"Catalog": "Sandbox", "Identifier": "O1"}),
                    );
                    barrier.wait();
                    call(number, &mut caller)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn of_many_writers_with_the_same_last_modified_date_exactly_one_wins() {
    const WRITERS: usize = 16;
    const ROUNDS: usize = 8;
    let mut caller = Server::shared().caller(Key::account("300000000001"));
    let id = create(&mut caller, &draft("lock"));
    let mut seen = BTreeSet::new();
    for _ in 0..ROUNDS {
        let before = get(&mut caller, &id);
        let update = as_update(before.clone());
        let answers = at_once(&caller, WRITERS, |number, caller| {
            let mut update = update.clone();
            update["Project"]["AdditionalComments"] = format!("writer {number}").into();
            caller.call("UpdateOpportunity", &update)
        });
        let mut winners = answers
            .iter()
            .enumerate()
            .filter(|(_, answer)| answer.status == 200);
        let (number, won) = winners.next().expect("one writer wins");
        assert!(winners.next().is_none(), "more than one writer won");
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            answer.is("ConflictException");
            assert_eq!(
                answer.json()["Message"],
                "Conflicting error, last modified date is not the latest"
            );
        }
        let after = get(&mut caller, &id);
        assert_eq!(after["Project"]["AdditionalComments"], format!("writer {number}"));
        assert_eq!(after["LastModifiedDate"], won.json()["LastModifiedDate"]);
        assert!(after["LastModifiedDate"].as_str() > before["LastModifiedDate"].as_str());
        assert!(seen.insert(after["LastModifiedDate"].to_string()));
    }
    println!("scenarios: {ROUNDS} races of {WRITERS} writers, one winner each");
}

#[test]
fn the_same_client_token_many_times_at_once_makes_one_opportunity() {
    const CLIENTS: usize = 32;
    let mut caller = Server::shared().caller(Key::account("300000000002"));
    for round in 0..4 {
        let body = draft(&format!("once-{round}"));
        let answers = at_once(&caller, CLIENTS, |_, caller| {
            caller.call("CreateOpportunity", &body)
        });
        for answer in &answers {
            answer.ok();
            assert_eq!(answer.body, answers[0].body);
        }
        let mut other = body.clone();
        other["Project"]["Title"] = "Another".into();
        let refused = caller.call("CreateOpportunity", &other);
        refused.is("ConflictException");
        assert_eq!(
            refused.json()["Message"],
            "Conflicting client token submitted for a new request body."
        );
        let rows = list_all(&mut caller, &json!({"Catalog": "Sandbox"}));
        assert_eq!(rows.len(), round + 1);
        assert_eq!(rows[0]["Id"], answers[0].json()["Id"]);
    }
    // Different bodies under one token: one of them is made, everybody else is told so.
    let answers = at_once(&caller, CLIENTS, |number, caller| {
        let mut body = draft("mixed");
        body["Project"]["Title"] = format!("Number {}", number % 4).into();
        caller.call("CreateOpportunity", &body)
    });
    let made: BTreeSet<&[u8]> = answers
        .iter()
        .filter(|answer| answer.status == 200)
        .map(|answer| answer.body.as_slice())
        .collect();
    assert_eq!(made.len(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.is("ConflictException");
    }
    assert_eq!(list_all(&mut caller, &json!({"Catalog": "Sandbox"})).len(), 5);
}

#[test]
fn a_client_token_is_remembered_across_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::on(folder.path());
    let body = draft("restart");
    let first = server.caller(Key::first()).call("CreateOpportunity", &body);
    first.ok();
    server.kill();
    let server = Server::on(folder.path());
    let mut caller = server.caller(Key::first());
    let again = caller.call("CreateOpportunity", &body);
    assert_eq!(again.body, first.body);
    let mut other = body.clone();
    other["NationalSecurity"] = "No".into();
    caller.call("CreateOpportunity", &other).is("ConflictException");
    assert_eq!(list_all(&mut caller, &json!({"Catalog": "Sandbox"})).len(), 1);
    // Tokens belong to accounts.
    server
        .caller(Key::second())
        .call("CreateOpportunity", &other)
        .ok();
    server.terminate();
    assert!(server.wait());
}

#[test]
fn every_create_of_many_clients_gets_an_id_of_its_own() {
    let caller = Server::shared().caller(Key::account("300000000003"));
    let made = at_once(&caller, 12, |number, caller| {
        for turn in 0..9 {
            caller
                .call("CreateOpportunity", &draft(&format!("own-{number}-{turn}")))
                .ok();
        }
        caller.call("CreateOpportunity", &draft(&format!("own-{number}-9")))
    });
    assert!(made.iter().all(|answer| answer.status == 200));
    let rows = list_all(
        &mut caller.again(),
        &json!({"Catalog": "Sandbox", "MaxResults": 100}),
    );
    let ids: BTreeSet<String> = rows.iter().map(|row: &Value| row["Id"].to_string()).collect();
    assert_eq!((rows.len(), ids.len()), (120, 120));
}

#[test]
fn no_update_is_lost_when_many_read_change_and_retry() {
    const WRITERS: usize = 8;
    const UPDATES: usize = 5;
    let mut caller = Server::shared().caller(Key::account("300000000004"));
    let id = create(&mut caller, &draft("retry"));
    at_once(&caller, WRITERS, |number, caller| {
        let mut done = 0;
        loop {
            // Every association moves LastModifiedDate too, under the feet of all others.
            if number == 0 && done == 2 {
                associate(caller, &id);
            }
            let mut payload = as_update(get(caller, &id));
            payload["LifeCycle"]["NextSteps"] = format!("writer {number} update {done}").into();
            let answer = caller.call("UpdateOpportunity", &payload);
            if answer.status != 200 {
                answer.is("ConflictException");
                continue;
            }
            done += 1;
            if done == UPDATES {
                return answer;
            }
        }
    });
    let read = get(&mut caller, &id);
    assert_eq!(
        read["RelatedEntityIdentifiers"]["Solutions"],
        json!(["S-1234567"])
    );
    let history = read["LifeCycle"]["NextStepsHistory"].as_array().unwrap();
    let texts: BTreeSet<String> = history.iter().map(|entry| entry["Value"].to_string()).collect();
    assert_eq!(
        history.len(),
        WRITERS * UPDATES + 1,
        "every update is in the history, and the first text"
    );
    assert_eq!(texts.len(), history.len());
    let times: Vec<&str> = history
        .iter()
        .map(|entry| entry["Time"].as_str().unwrap())
        .collect();
    assert!(times.is_sorted(), "{times:?}");
}
