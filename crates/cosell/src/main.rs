//! cosell: a self-hosted server of the AWS Partner Central Selling API, with its command line.
//!
//! This crate wires: configuration, HTTP, TLS, the data folder, the terminal. It holds no rule, no SQL and no signature
//! check of its own.

mod cli;
mod config;
mod data_dir;
mod delivery;
mod dev;
mod log;
mod operator_file;
mod output;
mod server;
mod traces;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run()
}
