//! `cosell connection`.

use clap::{Args, Subcommand};
use cosell_service::audit::Author;
use cosell_service::identity::connections::{self, Connection};

use super::Folder;
use crate::output::Output;

/// What can be done with connections.
#[derive(Subcommand)]
pub enum Command {
    /// Connect two partners, so that they can invite each other where the server asks for connections
    Add(Pair),
    /// End a connection; what is shared stays shared
    Remove(Pair),
    /// List connections
    List(List),
}

#[derive(Args)]
pub struct Pair {
    /// One of the accounts
    #[arg(value_name = "ACCOUNT")]
    one: String,
    /// The other
    #[arg(value_name = "ACCOUNT")]
    other: String,
    #[command(flatten)]
    folder: Folder,
}

#[derive(Args)]
pub struct List {
    /// Only the connections of this account
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    #[command(flatten)]
    folder: Folder,
}

/// Runs the command.
pub async fn run(output: Output, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Add(pair) => {
            let opened = pair.folder.open()?;
            let made = connections::add(
                &*opened.store,
                &Author::command(),
                &pair.one,
                &pair.other,
                opened.now,
            )
            .await?;
            let lines = [
                ("Account", made.one.clone()),
                ("Connected with", made.other.clone()),
            ];
            output.one(&made, &lines)
        }
        Command::Remove(pair) => {
            let opened = pair.folder.open()?;
            connections::remove(
                &*opened.store,
                &Author::command(),
                &pair.one,
                &pair.other,
                opened.now,
            )
            .await?;
            let gone = serde_json::json!({"One": pair.one, "Other": pair.other});
            let lines = [("Account", pair.one), ("No longer connected with", pair.other)];
            output.one(&gone, &lines)
        }
        Command::List(list) => {
            let opened = list.folder.open()?;
            let rows = connections::list(&*opened.store, list.account.as_deref()).await?;
            let cells =
                |row: &Connection| vec![row.one.clone(), row.other.clone(), row.created_date.to_string()];
            let nothing = "No connections yet: make one with `cosell connection add ACCOUNT ACCOUNT`";
            output.list(&["Account", "Connected with", "Since"], &rows, cells, nothing)
        }
    }
}
