//! Everything side by side in one run: the limit, cosell and the bare SQLite in turn, several rounds, medians and ratios.

use clap::Args;

use crate::bare;
use crate::load::{self, Scenario};
use crate::process::{Started, memory};

#[derive(Args)]
pub struct Arguments {
    /// Rounds; each figure is the median over them
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 4)]
    seconds: u64,
}

/// A row of the table: what is measured, with how many connections, and the goal as a multiple of the limit's CPU.
const ROWS: [(&str, Scenario, usize, f64); 5] = [
    ("GetOpportunity", Scenario::Get, 16, 2.0),
    ("ListOpportunities, page of 20", Scenario::List, 16, 5.0),
    ("CreateOpportunity, 64 clients", Scenario::Create, 64, 9.0),
    ("UpdateOpportunity, 64 clients", Scenario::Update, 64, 12.0),
    (
        "mixed (8 get, 4 list, 2 create, 2 update)",
        Scenario::Mixed,
        16,
        f64::NAN,
    ),
];

pub fn main(arguments: &Arguments) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let data = data.to_str().unwrap_or_default();
    let limit = Started::start("bench", &["limit"])?;
    let cosell = Started::start("cosell", &["dev", "--listen", "127.0.0.1:0", "--data", data])?;
    println!("start to `ready`, empty store: {} ms", cosell.ready.as_millis());
    let (all, anonymous) = memory(cosell.pid())?;
    println!(
        "memory when idle: {:.1} MB, {:.1} MB of it not backed by files",
        mb(all),
        mb(anonymous)
    );

    let measure = |server: &Started, scenario, connections| {
        load::measure(&load::Arguments {
            address: vec![server.address.clone()],
            scenario,
            connections,
            seconds: arguments.seconds,
            pid: vec![server.pid()],
            database: None,
            list_body: None,
        })
    };
    let mut limits = Vec::new();
    let mut lone = Vec::new();
    let mut bares = Vec::new();
    let mut rows: Vec<Vec<load::Measured>> = vec![Vec::new(); ROWS.len()];
    for round in 1..=arguments.rounds {
        eprintln!("round {round} of {}", arguments.rounds);
        limits.push(measure(&limit, Scenario::Get, 16)?);
        for (row, (_, scenario, connections, _)) in ROWS.iter().enumerate() {
            rows[row].push(measure(&cosell, *scenario, *connections)?);
        }
        lone.push(measure(&cosell, Scenario::Create, 1)?);
        bares.push(bare::measure(&bare::Arguments {
            group: 64,
            seconds: arguments.seconds,
        })?);
    }
    let unit = median(limits.iter().filter_map(|measured| measured.cpu));
    println!(
        "\nlimit: {unit:.1} µs of CPU per request, {:.0} requests/s\n",
        median(limits.iter().map(load::Measured::per_second))
    );
    println!(
        "| operation | CPU per request, limit = 1 | goal | µs of CPU | requests/s | p50 µs | p99 µs | p999 µs |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for ((name, _, _, goal), measured) in ROWS.iter().zip(&rows) {
        let cpu = median(measured.iter().filter_map(|measured| measured.cpu));
        let goal = if goal.is_nan() {
            "".to_owned()
        } else {
            format!("at most {goal}")
        };
        println!(
            "| {name} | {:.1} | {goal} | {cpu:.1} | {:.0} | {:.0} | {:.0} | {:.0} |",
            cpu / unit,
            median(measured.iter().map(load::Measured::per_second)),
            median(measured.iter().map(|measured| measured.p50 as f64)),
            median(measured.iter().map(|measured| measured.p99 as f64)),
            median(measured.iter().map(|measured| measured.p999 as f64)),
        );
    }
    let many = median(rows[2].iter().map(load::Measured::per_second));
    let alone = median(lone.iter().map(load::Measured::per_second));
    println!(
        "\none client creating alone: {alone:.0}/s; 64 clients: {many:.0}/s, {:.1} times as many",
        many / alone
    );
    let bare_cpu = median(bares.iter().map(|(_, cpu)| *cpu));
    let create_cpu = median(rows[2].iter().filter_map(|measured| measured.cpu));
    println!(
        "bare SQLite, 64 rows per commit: {:.0} rows/s, {bare_cpu:.1} µs of CPU per row; CreateOpportunity costs {:.1} times that",
        median(bares.iter().map(|(rate, _)| *rate)),
        create_cpu / bare_cpu
    );
    let (all, anonymous) = memory(cosell.pid())?;
    println!(
        "memory after the load: {:.1} MB, {:.1} MB of it not backed by files",
        mb(all),
        mb(anonymous)
    );
    Ok(())
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// The value in the middle; NaN where there is none.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
