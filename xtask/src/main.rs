//! The project's own tools: `cargo xtask <command>`.
//!
//! Nothing here ends up in the server; it may read and write the source tree, and nothing else.

mod codegen;
mod model;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Tools for working on cosell")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write the Rust types, tables and registry that follow from model/.
    Codegen {
        /// Write nothing; fail when a generated file is not what it should be.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Codegen { check } => codegen::run(&root()?, check),
    }
}

/// The top of the source tree.
fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(here
        .parent()
        .context("xtask does not lie inside a workspace")?
        .to_owned())
}
