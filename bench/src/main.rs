//! Measures cosell: a load generator that signs every request freshly, a *limit* server and a bare SQLite to compare
//! with, and one command that runs everything side by side and prints the ratios.
//!
//! Everything here talks to addresses on this machine only and stops by itself.

mod bare;
mod bare_postgres;
mod events;
mod hook;
mod limit;
mod load;
mod outbox;
mod process;
mod requests;
mod run;
mod scale;
mod sign;
mod stores;

use clap::{Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(about = "Load generator and comparisons for cosell")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Load a running development server and print what it does
    Load(load::Arguments),
    /// Serve the limit: HTTP, the same signature check, a fixed answer
    Limit(limit::Arguments),
    /// Insert documents into a bare SQLite with the same indexes, in group commits
    Bare(bare::Arguments),
    /// Measure how lists, starts and memory depend on the number of rows
    Scale(scale::Arguments),
    /// Measure whether delivering a backlog of events slows with its size
    Events(events::Arguments),
    /// Measure what events add to the cost of a creation
    Outbox(outbox::Arguments),
    /// Serve a webhook that takes everything
    Hook(hook::Arguments),
    /// Run everything side by side and print a table of ratios
    Run(run::Arguments),
    /// Run SQLite, PostgreSQL, three nodes over PostgreSQL and bare inserts side by side
    Stores(stores::Arguments),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Load(arguments) => load::main(&arguments),
        Command::Limit(arguments) => limit::main(&arguments),
        Command::Bare(arguments) => bare::main(&arguments),
        Command::Scale(arguments) => scale::main(&arguments),
        Command::Events(arguments) => events::main(&arguments),
        Command::Outbox(arguments) => outbox::main(&arguments),
        Command::Hook(arguments) => hook::main(&arguments),
        Command::Run(arguments) => run::main(&arguments),
        Command::Stores(arguments) => stores::main(&arguments),
    }
}
