//! `chaos`: the whole run, as `cargo xtask chaos postgres` starts it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use cosell_chaos::{Plan, fault, run};

/// Breaks a deployment on PostgreSQL, Patroni, etcd and HAProxy under load, and looks whether anything was lost.
#[derive(Parser)]
struct Arguments {
    /// The program under test
    #[arg(long)]
    program: PathBuf,
    /// Goes on after the first round of all faults until so much time has passed
    #[arg(long, default_value_t = 0)]
    seconds: u64,
    /// What everything random is drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only these faults, in this order: their numbers from 0, separated by commas
    #[arg(long, value_delimiter = ',')]
    faults: Vec<usize>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let chosen: Vec<_> = arguments
        .faults
        .iter()
        .filter_map(|number| fault::ALL.get(*number))
        .copied()
        .collect();
    let plan = Plan {
        program: arguments.program,
        faults: match chosen.is_empty() {
            true => fault::ALL.to_vec(),
            false => chosen,
        },
        time: Duration::from_secs(arguments.seconds),
        seed: arguments.seed,
    };
    match run(&plan) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
