//! The short form of the run: a server, all connections and the primary's host die, and nothing is lost.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::time::Duration;

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
