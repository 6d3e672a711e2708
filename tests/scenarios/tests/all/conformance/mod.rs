//! Conformance: requests generated from the model, for all 45 operations and both protocols, with the expectation worked
//! out from the model's facts.

mod model;
mod strings;

use std::sync::Mutex;

use model::{Case, Expected, Model};
use serde_json::Value;

use crate::harness::{Answer, Caller, Key, Server};

/// Members that mean more than their shape says, so that not every text of the right shape is
/// taken: only two catalogs exist, and page tokens are the server's own words.
const MEANT: [(&str, &str); 2] = [("catalog (", "INVALID_VALUE"), ("nextToken (", "INVALID_VALUE")];

fn judge(operation: &str, case: &Case, answer: &Answer) -> Result<(), String> {
    let error = answer.error();
    let says = |wanted: &str| {
        Err(format!(
            "{operation} {}: expected {wanted}, got {answer}",
            case.name
        ))
    };
    match &case.expected {
        Expected::Taken => {
            let body = answer.json();
            let refused = body["Reason"] == "REQUEST_VALIDATION_FAILED";
            if refused
                && MEANT.iter().any(|(member, code)| {
                    case.name.starts_with(member) && body["ErrorList"][0]["Code"] == *code
                })
            {
                return Ok(());
            }
            match error.as_str() {
                "" | "ResourceNotFoundException" | "ConflictException" => Ok(()),
                "ValidationException" if !refused => Ok(()),
                _ => says("a request of the right shape to be taken"),
            }
        }
        Expected::WrongType => match (answer.status, error.as_str()) {
            (400, "SerializationException") => Ok(()),
            _ => says("SerializationException"),
        },
        Expected::Violation(field, code) => {
            let body = answer.json();
            let list = body["ErrorList"].as_array().cloned().unwrap_or_default();
            let right = answer.status == 400
                && error == "ValidationException"
                && body["Reason"] == "REQUEST_VALIDATION_FAILED"
                && list.len() == 1
                && list[0]["FieldName"] == field.as_str()
                && list[0]["Code"] == *code
                && list[0]["Message"]
                    .as_str()
                    .is_some_and(|message| !message.is_empty());
            if right {
                Ok(())
            } else {
                says(&format!("{code} of {field}"))
            }
        }
    }
}

/// Sends a case in one of the protocols. Every creation has a token of its own, since a used one is a conflict.
fn send(caller: &mut Caller, operation: &str, body: &Value, path_form: bool) -> Answer {
    let answer = match path_form {
        true => caller.call_path(operation, body),
        false => caller.call(operation, body),
    };
    let kind = if path_form {
        "application/json"
    } else {
        "application/x-amz-json-1.0"
    };
    assert_eq!(answer.header("content-type"), Some(kind), "{operation}: {answer}");
    answer
}

#[test]
fn every_constraint_of_every_input_is_kept_in_both_protocols() {
    let server = Server::shared();
    let operations = Mutex::new(Model::read().operations());
    let faults = Mutex::new(Vec::new());
    let counts = Mutex::new((0_usize, 0_usize, 0_usize));
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let (operations, faults, counts) = (&operations, &faults, &counts);
            scope.spawn(move || {
                let model = Model::read();
                let mut caller = server.caller(Key::account(&format!("20000000000{worker}")));
                loop {
                    let Some(operation) = operations.lock().unwrap().pop() else {
                        return;
                    };
                    for case in model.cases(&operation) {
                        for path_form in [false, true] {
                            let answer = send(&mut caller, &operation, &case.body, path_form);
                            if let Err(fault) = judge(&operation, &case, &answer) {
                                faults.lock().unwrap().push(fault);
                            }
                        }
                        let mut counts = counts.lock().unwrap();
                        match case.expected {
                            Expected::Taken => counts.0 += 1,
                            Expected::WrongType => counts.1 += 1,
                            Expected::Violation(..) => counts.2 += 1,
                        }
                    }
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    let shown: Vec<&String> = faults.iter().take(25).collect();
    assert!(faults.is_empty(), "{} faults, first: {shown:#?}", faults.len());
    let (taken, wrong, violated) = counts.into_inner().unwrap();
    println!(
        "conformance: 45 operations, in both protocols: {violated} violations, {wrong} wrong types, {taken} requests at the bounds"
    );
    assert!(violated >= 1850 && wrong >= 1400 && taken >= 5000);
}

#[test]
fn the_least_and_the_most_of_every_operation_are_taken() {
    let model = Model::read();
    let server = Server::shared();
    let mut caller = server.caller(Key::account("200000000009"));
    let operations = model.operations();
    assert_eq!(operations.len(), 45);
    let (mut sent, mut largest) = (0, 0);
    for operation in &operations {
        let mut bodies = vec![model.minimal(operation)];
        bodies.extend((0..4).map(|turn| model.maximal(operation, turn)));
        for body in bodies {
            let case = Case {
                name: format!("{} bytes", body.to_string().len()),
                expected: Expected::Taken,
                body,
            };
            largest = largest.max(case.body.to_string().len());
            for path_form in [false, true] {
                let answer = send(&mut caller, operation, &case.body, path_form);
                judge(operation, &case, &answer).unwrap();
                sent += 1;
            }
        }
    }
    println!("conformance: {sent} least and most requests, the largest of {largest} bytes");
}

#[test]
fn the_generated_texts_reach_every_bound_of_the_model() {
    let model = Model::read();
    let mut shapes = 0;
    for (name, bounds) in model.lengths() {
        shapes += 1;
        let (shortest, longest, unfit) = model.reached(&name);
        if let Some((min, max)) = bounds {
            assert_eq!((shortest, longest), (min, max), "{name}");
            assert!(
                unfit.contains(&(max + 1)),
                "{name}: nothing is too long: {unfit:?}"
            );
            assert!(
                min == 0 || unfit.contains(&(min - 1)),
                "{name}: nothing is too short: {unfit:?}"
            );
        }
        assert!(!unfit.is_empty(), "{name}: everything fits");
    }
    println!("conformance: {shapes} shapes of texts");
    assert!(shapes >= 100);
}
