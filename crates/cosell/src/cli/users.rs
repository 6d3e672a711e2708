//! `cosell user`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::ask::Ask as _;
use super::desk::Desk;
use super::remote::{At, Target};
use super::shown::{at, row};
use crate::output::Output;

/// What can be done with users.
#[derive(Subcommand)]
pub enum Command {
    /// Register a user, to whom opportunities can then be assigned
    Add(Add),
    /// List the users of an account
    List(List),
}

#[derive(Args)]
pub struct Add {
    /// The account the user belongs to
    #[arg(long, value_name = "ID")]
    account: String,
    /// E-mail address; AssignOpportunity names users by it
    #[arg(long)]
    email: String,
    /// Given name
    #[arg(long, value_name = "NAME")]
    first_name: String,
    /// Family name
    #[arg(long, value_name = "NAME")]
    last_name: String,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub struct List {
    /// The account
    #[arg(long, value_name = "ID")]
    account: String,
    #[command(flatten)]
    target: Target,
}

/// Runs the command.
pub async fn run(output: Output, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Add(add) => {
            let new = json!({"email": add.email, "firstName": add.first_name, "lastName": add.last_name});
            let desk = Desk::open(&add.target).await?;
            let user: Value = desk.post(&of(&add.account), Some(&new)).await?;
            let lines = [
                ("E-mail", at(&user, "/email")),
                ("Name", row(&user, &["/firstName", "/lastName"]).join(" ")),
                ("Account", add.account),
            ];
            output.one(&user, &lines)
        }
        Command::List(list) => {
            let desk = Desk::open(&list.target).await?;
            let rows: Vec<Value> = desk.list(&of(&list.account), usize::MAX).await?;
            output.list(
                &["E-mail", "First name", "Last name"],
                &rows,
                |user| row(user, &["/email", "/firstName", "/lastName"]),
                "No users yet: register one with `cosell user add`",
            )
        }
    }
}

fn of(account: &str) -> At {
    At::new(["accounts", account, "users"])
}
