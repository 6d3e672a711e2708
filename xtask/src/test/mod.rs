//! `cargo xtask test`: every test there is, on a machine where nothing was prepared. What is missing is set up; what
//! cannot be set up ends the run with one line that names it. Nothing is left out silently: a skipped test is counted as
//! failed. Knows how to run suites, never what is inside of them.

mod javascript;
pub mod process;
mod python;
mod rust;
mod summary;
pub mod tools;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use clap::ValueEnum;
pub use rust::{cargo, metadata};

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
}

/// Runs all suites, or one. A failed test makes the code of failure; an error is what kept tests from running.
pub fn run(root: &Path, only: Option<Suite>) -> Result<ExitCode> {
    let wanted = |suite| only.is_none_or(|one| one == suite);
    let needs = tools::Needs {
        python: wanted(Suite::Python) || wanted(Suite::Cli) || wanted(Suite::Events),
        javascript: wanted(Suite::Js),
        nats: wanted(Suite::Events) || wanted(Suite::Rust),
        postgres: wanted(Suite::Rust),
        failover: wanted(Suite::Rust),
    };
    let tools = tools::check(&needs)?;

    let mut summary = Summary::default();
    if wanted(Suite::Rust) {
        let started = Instant::now();
        let counts = Counts::of_check(crate::codegen::run(root, true));
        summary.add("generated code is up to date", counts, started.elapsed());
    }
    let metadata = rust::metadata(root)?;
    let place = Place {
        root: root.to_owned(),
        server: metadata
            .target
            .join("debug")
            .join(format!("cosell{}", std::env::consts::EXE_SUFFIX)),
        target: metadata.target.clone(),
    };
    rust::build(&place, only)?;

    let selection = match only {
        None => Some(rust::Selection::Workspace),
        Some(Suite::Rust) => Some(rust::Selection::WithoutSdk),
        Some(Suite::RustSdk) => Some(rust::Selection::Sdk),
        Some(_) => None,
    };
    if let Some(selection) = selection {
        rust::test(&place, &metadata, selection, &mut summary)?;
        if wanted(Suite::Rust) {
            rust::test_on_postgres(&place, &metadata, selection, &mut summary)?;
        }
    }
    if needs.python {
        let environment = python::prepare(&place, &tools)?;
        for (suite, name, folder) in [
            (Suite::Python, "boto3", "boto"),
            (Suite::Cli, "AWS CLI", "cli"),
            (Suite::Events, "peers of events", "events"),
        ] {
            if wanted(suite) {
                python::test(&place, &environment, name, folder, &mut summary)?;
            }
        }
    }
    if needs.javascript {
        javascript::prepare(&place)?;
        javascript::test(&place, &mut summary)?;
    }

    println!("\n{summary}");
    // The counts are the last line, for those who read no more than that.
    Ok(if summary.failed() == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
