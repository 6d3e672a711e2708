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
    /// Only these faults, in this order, separated by commas [default: all]
    #[arg(long, value_enum, value_delimiter = ',')]
    faults: Vec<fault::Fault>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let plan = Plan {
        program: arguments.program,
        faults: match arguments.faults.is_empty() {
            true => fault::ALL.to_vec(),
            false => arguments.faults,
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
