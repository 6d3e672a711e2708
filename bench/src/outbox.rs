//! What the outbox costs: a server that emits events and one that does not, creating in turn. Each round begins with empty
//! folders, because the cost of a creation rises with what is stored.

use clap::Args;

use crate::load::{self, Scenario};
use crate::process::Started;
use crate::run::median;

#[derive(Args)]
pub struct Arguments {
    /// Rounds; each figure is the median over them
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Clients that create
    #[arg(long, default_value_t = 64)]
    connections: usize,
}

/// The setting of each server.
const EVENTS: [&str; 2] = ["off", "on"];
/// Most that events may add to the processor time of a creation.
const GOAL: f64 = 1.15;

pub fn main(arguments: &Arguments) -> anyhow::Result<()> {
    let mut found = [Vec::new(), Vec::new()];
    let mut ratios = Vec::new();
    for round in 0..arguments.rounds {
        // Each goes first in every other round, so that a machine that slows down slows both.
        for turn in 0..2 {
            let which = (round + turn) % 2;
            let folder = tempfile::tempdir()?;
            let data = folder.path().join("data");
            let data = data.to_str().unwrap_or_default();
            let options = [
                "dev",
                "--listen",
                "127.0.0.1:0",
                "--data",
                data,
                "--events",
                EVENTS[which],
            ];
            let server = Started::start("cosell", &options)?;
            found[which].push(load::measure(&load::Arguments {
                address: vec![server.address.clone()],
                scenario: Scenario::Create,
                connections: arguments.connections,
                seconds: arguments.seconds,
                pid: vec![server.pid()],
                database: None,
                list_body: None,
            })?);
        }
        let cpu = |which: usize| found[which].last().and_then(|one| one.cpu).unwrap_or(f64::NAN);
        ratios.push(cpu(1) / cpu(0));
    }
    println!(
        "| CreateOpportunity, {} clients | µs of CPU | creations/s | p50 µs | p99 µs |",
        arguments.connections
    );
    println!("| --- | --- | --- | --- | --- |");
    for (name, measured) in EVENTS.iter().zip(&found) {
        println!(
            "| events {name} | {:.1} | {:.0} | {:.0} | {:.0} |",
            median(measured.iter().filter_map(|one| one.cpu)),
            median(measured.iter().map(load::Measured::per_second)),
            median(measured.iter().map(|one| one.p50 as f64)),
            median(measured.iter().map(|one| one.p99 as f64)),
        );
    }
    let ratio = median(ratios.iter().copied());
    println!(
        "\nCPU with events by CPU without, median of {} rounds: {ratio:.2} (goal: at most {GOAL}); rounds: {}",
        ratios.len(),
        ratios
            .iter()
            .map(|one| format!("{one:.2}"))
            .collect::<Vec<_>>()
            .join(" ")
    );
    Ok(())
}
