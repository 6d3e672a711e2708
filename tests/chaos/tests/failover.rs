//! The short form of the run: a server, all connections and the primary's host die, and nothing is lost. And whether those who
//! look would see it if something were.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cosell_chaos::fault::Fault;
use cosell_chaos::load::{Notes, Written};
use cosell_chaos::report::{Suffered, cost};
use cosell_chaos::verify::check_events;
use cosell_chaos::{Plan, fault, run};

/// The program under test: `COSELL_BIN` where it is set, else the one that the same build made beside this test.
fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("COSELL_BIN") {
        return path.into();
    }
    let here = std::env::current_exe().unwrap();
    let built = here.parent().and_then(Path::parent).unwrap().join("cosell");
    assert!(
        built.is_file(),
        "{} is missing: cargo build -p cosell, and run this again",
        built.display()
    );
    built
}

#[test]
fn nothing_acknowledged_is_lost_when_a_server_all_connections_and_the_primary_die() {
    let plan = Plan {
        program: program(),
        faults: fault::SHORT.to_vec(),
        time: Duration::ZERO,
        seed: 1,
    };
    let held = run(&plan).unwrap_or_else(|error| panic!("{error:#}"));
    assert!(held, "what was wrong stands above");
}

#[test]
fn an_event_that_is_missing_twice_strange_or_early_is_seen() {
    let event = |id: &str, kind: &str| (id.to_owned(), "O1".to_owned(), format!("Opportunity {kind}"));
    let log = [
        event("a", "Created"),
        event("b", "Updated"),
        event("c", "Updated"),
    ];
    let came = |ids: &[&str]| ids.iter().map(|id| ((*id).to_owned(), "O1".to_owned())).collect();
    let known = BTreeMap::from([("O1", 2)]);
    let sound = came(&["a", "b", "a", "c", "b"]);
    assert_eq!(check_events(&log, &sound, &known), Vec::<String>::new());

    assert_eq!(
        check_events(&log, &came(&["a", "c", "b"]), &known).len(),
        1,
        "another order"
    );
    assert_eq!(
        check_events(&log[..2], &sound, &known).len(),
        1,
        "an update without its event"
    );
    let twice = [&log[..], &[event("d", "Created")]].concat();
    assert_eq!(check_events(&twice, &sound, &known).len(), 1, "created twice");
    let strange = (String::from("e"), String::from("O2"));
    let told = [sound.clone(), vec![strange]].concat();
    assert_eq!(check_events(&log, &told, &known).len(), 1, "told and lost");
}

#[test]
fn the_cost_of_a_fault_is_the_longest_time_without_an_acknowledged_write() {
    let zero = Instant::now();
    let at = |seconds| zero + Duration::from_secs(seconds);
    let written = |sent, answered| Written {
        sent: at(sent),
        answered: at(answered),
    };
    let notes = Notes {
        written: vec![written(0, 1), written(1, 9), written(9, 10), written(30, 40)],
        unsure: vec![(at(5), "gone".into()), (at(50), "gone".into())],
        ..Notes::default()
    };
    let suffered = |begun, mended| Suffered {
        fault: Fault::Node,
        begun: at(begun),
        mended: at(mended),
    };
    let found = cost(&suffered(2, 12), &notes);
    assert_eq!(
        (found.unavailable, found.slowest),
        (Duration::from_secs(8), Duration::from_secs(8))
    );
    assert_eq!((found.writes, found.unsure), (2, 1));
    // Also where no write comes back within the fault's time.
    let found = cost(&suffered(11, 20), &notes);
    assert_eq!((found.unavailable, found.writes), (Duration::from_secs(10), 0));
}
