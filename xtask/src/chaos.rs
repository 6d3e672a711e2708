//! `cargo xtask chaos`: the run of `tests/chaos` against a server that is built first. Knows how to start it, never what it does.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::test::{metadata, process, tools};

/// What is broken.
#[derive(Subcommand)]
pub enum World {
    /// PostgreSQL with Patroni, etcd, HAProxy and three servers.
    Postgres(Postgres),
}

/// How long, and in which order.
#[derive(Args)]
pub struct Postgres {
    /// Goes on after every fault was there once, until so many seconds have passed.
    #[arg(long, default_value_t = 0)]
    seconds: u64,
    /// What everything random is drawn from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Builds and runs; the code of failure where anything was lost, done twice or not told.
pub fn run(root: &Path, world: &World) -> Result<ExitCode> {
    let World::Postgres(plan) = world;
    tools::check(&tools::Needs {
        postgres: true,
        failover: true,
        ..tools::Needs::default()
    })?;
    let metadata = metadata(root)?;
    let mut build = crate::test::cargo(root);
    build.args(["build", "--package", "cosell", "--package", "cosell-chaos"]);
    process::must(build)?;
    let built = metadata.target.join("debug");
    let mut chaos = Command::new(built.join("chaos"));
    chaos.arg("--program").arg(built.join("cosell"));
    chaos.args([
        "--seconds",
        &plan.seconds.to_string(),
        "--seed",
        &plan.seed.to_string(),
    ]);
    let status = process::watch(chaos, |_| {})?;
    Ok(match status.success() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
