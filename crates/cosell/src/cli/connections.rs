//! `cosell connection`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::ask::Ask as _;
use super::desk::Desk;
use super::remote::{At, Target};
use super::shown::{lines, row};
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
    target: Target,
}

#[derive(Args)]
pub struct List {
    /// Only the connections of this account
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    #[command(flatten)]
    target: Target,
}

/// Runs the command.
pub async fn run(output: Output, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Add(Pair { one, other, target }) => {
            let desk = Desk::open(&target).await?;
            let pair = json!({"one": one, "other": other});
            let made: Value = desk.post(&At::new(["connections"]), Some(&pair)).await?;
            let wanted = [("Account", "/one"), ("Connected with", "/other")];
            output.one(&made, &lines(&made, &wanted))
        }
        Command::Remove(Pair { one, other, target }) => {
            let desk = Desk::open(&target).await?;
            let _: Value = desk.delete(&At::new(["connections", &one, &other])).await?;
            let gone = json!({"one": one, "other": other});
            let wanted = [("Account", "/one"), ("No longer connected with", "/other")];
            output.one(&gone, &lines(&gone, &wanted))
        }
        Command::List(list) => {
            let desk = Desk::open(&list.target).await?;
            let place = At::new(["connections"]).with("account", list.account.as_deref());
            let rows: Vec<Value> = desk.list(&place, usize::MAX).await?;
            output.list(
                &["Account", "Connected with", "Since"],
                &rows,
                |connection| row(connection, &["/one", "/other", "/createdDate"]),
                "No connections yet: make one with `cosell connection add ACCOUNT ACCOUNT`",
            )
        }
    }
}
