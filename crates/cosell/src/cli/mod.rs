//! The command line: what can be typed, and which room does it. Commands say what they did and what to do next.

mod accounts;
mod ask;
mod audit;
mod autopilot;
mod aws_opportunities;
mod clock;
mod connections;
mod desk;
mod events;
mod failure;
mod faults;
mod file;
mod invitations;
mod keys;
mod maintenance;
mod marketplace_offers;
mod offers;
mod operator;
mod opportunities;
mod progress;
mod ready;
mod remote;
mod reviews;
mod run;
mod shown;
mod solutions;
mod state;
mod store;
mod transfer;
mod trust;
mod users;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use cosell_store::Store;

use crate::config::{Config, Flags, Mode};
use crate::data_dir::{self, Role};
use crate::output::Output;

use failure::Complaint;

/// A self-hosted server of the AWS Partner Central Selling API. Unofficial; not affiliated with AWS.
#[derive(Parser)]
#[command(name = "cosell", version, propagate_version = true, max_term_width = 110)]
struct Cli {
    /// Tables for people or JSON for programs
    #[arg(long, global = true, value_enum, default_value_t)]
    output: Output,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a development server: loopback only, two accounts with known keys, sandbox behaviour
    Dev(run::Dev),
    /// Run a server for real use
    Serve(run::Serve),
    /// Create a data folder
    Init(Folder),
    /// Register and list partner accounts
    #[command(subcommand)]
    Account(accounts::Command),
    /// Register and list the users that opportunities can be assigned to
    #[command(subcommand)]
    User(users::Command),
    /// Create, list and revoke access keys
    #[command(subcommand)]
    Key(keys::Command),
    /// Register and list solutions
    #[command(subcommand)]
    Solution(solutions::Command),
    /// Register and list AWS Marketplace offers
    #[command(subcommand)]
    Offer(marketplace_offers::Command),
    /// Connect partners with each other
    #[command(subcommand)]
    Connection(connections::Command),
    /// Play AWS's review desk on a running server
    #[command(subcommand)]
    Review(reviews::Command),
    /// Play AWS's seller: show and change AWS's side of an opportunity
    #[command(subcommand)]
    AwsOpportunity(aws_opportunities::Command),
    /// Refer deals of AWS's to partners
    #[command(subcommand)]
    Referral(offers::Referral),
    /// Offer leads of AWS's to partners
    #[command(subcommand)]
    Lead(offers::Lead),
    /// List and answer the invitations of AWS
    #[command(subcommand)]
    Invitation(invitations::Command),
    /// Search and show the opportunities of all partners, and preview requests
    #[command(subcommand)]
    Opportunity(opportunities::Command),
    /// Read the audit log of a running server
    #[command(subcommand)]
    Audit(audit::Command),
    /// See what partners are told, and have it delivered
    #[command(subcommand)]
    Events(events::Command),
    /// Have AWS played by a script, and see what scripts do
    #[command(subcommand)]
    Autopilot(autopilot::Command),
    /// Look at the clock of a development server, and move it
    #[command(subcommand)]
    Clock(clock::Command),
    /// Have a server make faults, to try clients against it
    #[command(subcommand)]
    Fault(faults::Command),
    /// Talk to a running server as its operator, and manage the tokens for it
    #[command(subcommand)]
    Operator(operator::Command),
    /// Save, load, reset and fill everything a server keeps
    #[command(subcommand)]
    State(state::Command),
    /// Copy everything from one store into another: from SQLite into PostgreSQL, or back
    #[command(subcommand)]
    Store(store::Command),
    /// Copy the database to a new file, also while a server runs
    Backup(maintenance::Backup),
    /// Look through everything stored and report what is damaged; changes nothing
    Check(Folder),
    /// Ask the server of a data folder whether it is ready, as a health check does
    Ready(ready::Ready),
    /// Show the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Show every setting, its value and where the value came from
    Show(ShowConfig),
}

#[derive(Args)]
struct ShowConfig {
    /// Show the configuration of `cosell dev` instead of `cosell serve`
    #[arg(long)]
    dev: bool,
    #[command(flatten)]
    flags: Box<Flags>,
}

/// The data folder of an administrative command.
#[derive(Args, Debug, Clone)]
pub struct Folder {
    /// The data folder
    #[arg(long, value_name = "DIR", env = "COSELL_DATA", default_value = "./.cosell")]
    data: PathBuf,
    #[command(flatten)]
    store: StoreAt,
}

impl Folder {
    /// Opens the folder's store, also beside a running server.
    async fn open(&self) -> anyhow::Result<Arc<dyn Store>> {
        let config = self.store.config(&self.data)?;
        Ok(data_dir::open(&self.data, config.store(), Role::Command)
            .await?
            .store)
    }
}

/// Where an administrative command finds what the data folder does not hold itself.
#[derive(Args, Debug, Clone)]
pub struct StoreAt {
    /// The PostgreSQL database that keeps everything but the key file; COSELL_STORE and the folder's cosell.toml can name it
    /// too [default: the data folder keeps everything]
    #[arg(long, value_name = "URL")]
    store: Option<String>,
}

impl StoreAt {
    /// What the configuration of a data folder sets, with this store.
    fn config(&self, folder: &Path) -> anyhow::Result<Config> {
        let flags = Flags {
            data: Some(folder.display().to_string()),
            store: self.store.clone(),
            ..Flags::default()
        };
        Config::read(&flags, Mode::Serve)
    }
}

/// Parses the command line and does what it says; what the program ends with.
pub fn run() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => {
            let output = cli.output;
            match perform(cli) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => Complaint::of(&error).say(output),
            }
        }
        // Help and version are told in this way too. What cannot be printed has nobody who waits for it.
        Err(told) if !told.use_stderr() => {
            let _ = told.print();
            ExitCode::SUCCESS
        }
        Err(told) => match Output::asked_for(std::env::args_os()) {
            Output::Table => {
                let _ = told.print();
                Complaint::MISUSE_CODE.into()
            }
            Output::Json => Complaint::of_misuse(&told).say(Output::Json),
        },
    }
}

fn perform(cli: Cli) -> anyhow::Result<()> {
    let output = cli.output;
    match cli.command {
        Command::Dev(dev) => run::dev(output, dev),
        Command::Serve(serve) => run::serve(output, serve),
        Command::Init(folder) => block_on(maintenance::init(output, &folder)),
        Command::Account(command) => block_on(accounts::run(output, command)),
        Command::User(command) => block_on(users::run(output, command)),
        Command::Key(command) => block_on(keys::run(output, command)),
        Command::Solution(command) => block_on(solutions::run(output, command)),
        Command::Offer(command) => block_on(marketplace_offers::run(output, command)),
        Command::Connection(command) => block_on(connections::run(output, command)),
        Command::Review(command) => block_on(reviews::run(output, command)),
        Command::AwsOpportunity(command) => block_on(aws_opportunities::run(output, command)),
        Command::Referral(command) => block_on(offers::refer(output, command)),
        Command::Lead(command) => block_on(offers::lead(output, command)),
        Command::Invitation(command) => block_on(invitations::run(output, command)),
        Command::Opportunity(command) => block_on(opportunities::run(output, command)),
        Command::Audit(command) => block_on(audit::run(output, command)),
        Command::Events(command) => block_on(events::run(output, command)),
        Command::Autopilot(command) => block_on(autopilot::run(output, command)),
        Command::Clock(command) => block_on(clock::run(output, command)),
        Command::Fault(command) => block_on(faults::run(output, command)),
        Command::Operator(command) => block_on(operator::run(output, command)),
        Command::State(command) => block_on(state::run(output, command)),
        Command::Store(command) => block_on(store::run(output, command)),
        Command::Backup(backup) => block_on(maintenance::backup(output, backup)),
        Command::Check(folder) => block_on(maintenance::check(output, &folder)),
        Command::Ready(ready) => block_on(ready::run(output, ready)),
        Command::Config(ConfigCommand::Show(show)) => show_config(output, &show),
    }
}

fn block_on(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work)
}

fn show_config(output: Output, show: &ShowConfig) -> anyhow::Result<()> {
    #[derive(serde::Serialize)]
    struct Row<'a> {
        name: &'a str,
        value: String,
        origin: String,
        meaning: &'a str,
    }
    let mode = if show.dev { Mode::Dev } else { Mode::Serve };
    let config = Config::read(&show.flags, mode)?;
    let rows: Vec<Row<'_>> = config
        .rows()
        .into_iter()
        .map(|(name, sourced, meaning)| Row {
            name,
            value: sourced.value,
            origin: sourced.origin,
            meaning,
        })
        .collect();
    output.list(
        &["Setting", "Value", "From", "Meaning"],
        &rows,
        |row| {
            vec![
                row.name.into(),
                row.value.clone(),
                row.origin.clone(),
                row.meaning.into(),
            ]
        },
        "no settings",
    )
}

/// A number of rows as typed.
fn parse_rows(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("must be a whole number above 0".to_owned()),
        Ok(rows) => Ok(rows),
    }
}

/// A catalog as typed.
fn parse_catalog(text: &str) -> Result<cosell_domain::Catalog, String> {
    cosell_domain::Catalog::from_name(text).ok_or_else(|| "must be AWS or Sandbox".to_owned())
}
