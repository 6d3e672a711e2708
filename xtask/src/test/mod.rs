//! `cargo xtask test`: every test there is, on a machine where nothing was prepared. What is missing is set up; what
//! cannot be set up ends the run with one line that names it. Nothing is left out silently: a skipped test is counted as
//! failed. Knows how to run suites, never what is inside of them.

mod javascript;
pub mod process;
mod python;
mod rust;
mod store;
mod summary;
pub mod tools;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use clap::ValueEnum;
pub use rust::{cargo, metadata};

pub use store::Store;
use summary::{Counts, Summary};

/// A part of the tests, for working on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Suite {
    /// The tests of the workspace's crates, the SDK for Rust left out.
    Rust,
    /// boto3.
    Python,
    /// The AWS CLI.
    Cli,
    /// Peers that receive events: webhooks, EventBridge and SQS by moto, nats-server.
    Events,
    /// The AWS SDK for JavaScript.
    Js,
    /// The AWS SDK for Rust.
    RustSdk,
}

/// Where things are during a run.
struct Place {
    /// The top of the source tree.
    root: PathBuf,
    /// Cargo's target directory.
    target: PathBuf,
    /// The server under test.
    server: PathBuf,
    /// Where it keeps everything.
    store: Store,
}

/// Runs all suites, or one, on both stores or one. A failed test makes the code of failure; an error is what kept tests from
/// running.
pub fn run(root: &Path, only: Option<Suite>, on: Option<Store>) -> Result<ExitCode> {
    let wanted = |suite| only.is_none_or(|one| one == suite);
    let stands = |store| on.is_none_or(|one| one == store);
    let needs = tools::Needs {
        python: wanted(Suite::Python) || wanted(Suite::Cli) || wanted(Suite::Events),
        javascript: wanted(Suite::Js),
        nats: wanted(Suite::Events) || wanted(Suite::Rust),
        postgres: wanted(Suite::Rust) || stands(Store::Postgres),
        failover: wanted(Suite::Rust),
    };
    let tools = tools::check(&needs)?;

    let mut summary = Summary::default();
    if wanted(Suite::Rust) && stands(Store::Sqlite) {
        let started = Instant::now();
        let counts = Counts::of_check(crate::codegen::run(root, true));
        summary.add("generated code is up to date", counts, started.elapsed());
    }
    let metadata = rust::metadata(root)?;
    let server = metadata
        .target
        .join("debug")
        .join(format!("cosell{}", std::env::consts::EXE_SUFFIX));
    let mut place = Place {
        root: root.to_owned(),
        target: metadata.target.clone(),
        server: server.clone(),
        store: Store::Sqlite,
    };
    rust::build(&place, only)?;
    if stands(Store::Sqlite) {
        match only {
            None => rust::test(&place, &metadata, rust::Selection::Workspace, &mut summary)?,
            Some(Suite::Rust) => rust::test(&place, &metadata, rust::Selection::WithoutSdk, &mut summary)?,
            Some(Suite::RustSdk) => rust::test(&place, &metadata, rust::Selection::Sdk, &mut summary)?,
            Some(_) => {}
        }
        clients(&place, wanted, &tools, &mut summary)?;
    }
    if stands(Store::Postgres) {
        place.store = Store::Postgres;
        if wanted(Suite::Rust) {
            rust::test_scenarios(&place, &metadata, only, &mut summary)?;
        }
        if only != Some(Suite::Rust) {
            place.server = store::on_postgres(&server, &place.target.join("clients").join("postgres"))?;
        }
        if wanted(Suite::RustSdk) {
            rust::test_sdk(&place, &metadata, only, &mut summary)?;
        }
        clients(&place, wanted, &tools, &mut summary)?;
    }

    println!("\n{summary}");
    // The counts are the last line, for those who read no more than that.
    Ok(if summary.failed() == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The clients that are no Rust programs, with what they need.
fn clients(
    place: &Place,
    wanted: impl Fn(Suite) -> bool,
    tools: &tools::Tools,
    summary: &mut Summary,
) -> Result<()> {
    let suites = [
        (Suite::Python, "boto3", "boto"),
        (Suite::Cli, "AWS CLI", "cli"),
        (Suite::Events, "peers of events", "events"),
    ];
    let suites = suites.map(|(suite, name, folder)| wanted(suite).then_some((name, folder)));
    if suites.iter().any(Option::is_some) {
        let environment = python::prepare(place, tools)?;
        for (name, folder) in suites.into_iter().flatten() {
            python::test(place, &environment, name, folder, summary)?;
        }
    }
    if wanted(Suite::Js) {
        javascript::prepare(place)?;
        javascript::test(place, summary)?;
    }
    Ok(())
}
