//! The project's own tools: `cargo xtask <command>`.
//!
//! Nothing here ends up in the server; it may read and write the source tree, and nothing else.

mod chaos;
mod codegen;
mod licences;
mod model;
mod test;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

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
    /// Read the API's contract from its published models.
    #[command(subcommand)]
    Model(ModelCommand),
    /// Write the Rust types, tables and registry that follow from model/.
    Codegen {
        /// Write nothing; fail when a generated file is not what it should be.
        #[arg(long)]
        check: bool,
    },
    /// Run every test there is, and set up what they need.
    Test {
        /// Run one part only.
        #[arg(long)]
        only: Option<test::Suite>,
        /// Run the scenarios and the clients on one store only; the tests of the other crates come with sqlite.
        #[arg(long)]
        store: Option<test::Store>,
    },
    /// Break a deployment under load, and look whether anything was lost.
    #[command(subcommand)]
    Chaos(chaos::World),
    /// Check that every dependency has a licence that deny.toml allows.
    Licences,
}

#[derive(Subcommand)]
enum ModelCommand {
    /// Bring the facts file up to date from botocore's service-2.json or a Smithy JSON syntax tree.
    Import {
        /// The source; for botocore, paginators-1.json is read from the same folder.
        file: PathBuf,
        /// Where the facts go; facts that the source does not know are kept from there.
        #[arg(long)]
        out: Option<PathBuf>,
        /// What to note as the facts' origin, such as "botocore 1.44.5".
        #[arg(long)]
        origin: Option<String>,
    },
    /// Say in words what a source would change in the facts file.
    Diff {
        /// The source, in either format, or another facts file.
        file: PathBuf,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        // One line, whatever RUST_BACKTRACE says: what is to be done next is in it.
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Model(command) => run_model(command)?,
        Command::Codegen { check } => codegen::run(&root()?, check)?,
        Command::Test { only, store } => return test::run(&root()?, only, store),
        Command::Chaos(world) => return chaos::run(&root()?, &world),
        Command::Licences => licences::run(&root()?)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn run_model(command: ModelCommand) -> Result<()> {
    let facts = root()?.join("model/partnercentral-selling.json");
    match command {
        ModelCommand::Import { file, out, origin } => {
            let out = out.unwrap_or(facts);
            for line in model::import::run(&file, origin.as_deref(), &out)? {
                println!("{line}");
            }
            println!("wrote {}", out.display());
        }
        ModelCommand::Diff { file } => {
            let old = model::facts::Model::load(&facts)?;
            let mut new = model::import::read(&file)?;
            // Silence of a source is not a change.
            model::import::keep(&mut new, &old);
            let differences = model::diff::differences(&old, &new);
            for line in &differences {
                println!("{line}");
            }
            println!("{} differences", differences.len());
        }
    }
    Ok(())
}

/// The top of the source tree.
fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(here
        .parent()
        .context("xtask does not lie inside a workspace")?
        .to_owned())
}
