//! `cosell user`.

use clap::{ArgGroup, Args, Subcommand};
use serde_json::{Value, json};

use super::ask::Ask as _;
use super::desk::Desk;
use super::remote::{At, Target};
use super::shown::{at, change, lines, row};
use crate::output::Output;

/// What can be done with users.
#[derive(Subcommand)]
pub enum Command {
    /// Register a user, to whom opportunities can then be assigned
    Add(Add),
    /// List the users of an account
    List(List),
    /// Change the name of a user; opportunities keep the names that their owners had when they were assigned
    Update(Update),
    /// Remove a user; opportunities that were assigned to it keep it as their owner
    Remove(Remove),
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

#[derive(Args)]
#[command(group(ArgGroup::new("what").required(true).multiple(true).args(["first_name", "last_name"])))]
pub struct Update {
    /// The account the user belongs to
    #[arg(long, value_name = "ID")]
    account: String,
    /// E-mail address
    #[arg(long)]
    email: String,
    /// Given name
    #[arg(long, value_name = "NAME")]
    first_name: Option<String>,
    /// Family name
    #[arg(long, value_name = "NAME")]
    last_name: Option<String>,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub struct Remove {
    /// The account the user belongs to
    #[arg(long, value_name = "ID")]
    account: String,
    /// E-mail address
    #[arg(long)]
    email: String,
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
            show(output, &user, add.account)
        }
        Command::Update(update) => {
            let change = change([
                ("firstName", update.first_name, false),
                ("lastName", update.last_name, false),
            ]);
            let desk = Desk::open(&update.target).await?;
            let user: Value = desk
                .patch(&named(&update.account, &update.email), &change)
                .await?;
            show(output, &user, update.account)
        }
        Command::Remove(remove) => {
            let desk = Desk::open(&remove.target).await?;
            let _: Value = desk.delete(&named(&remove.account, &remove.email)).await?;
            let gone = json!({"email": remove.email, "accountId": remove.account});
            let wanted = [("Removed", "/email"), ("Account", "/accountId")];
            output.one(&gone, &lines(&gone, &wanted))
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

fn named(account: &str, email: &str) -> At {
    At::new(["accounts", account, "users", email])
}

fn show(output: Output, user: &Value, account: String) -> anyhow::Result<()> {
    let lines = [
        ("E-mail", at(user, "/email")),
        ("Name", row(user, &["/firstName", "/lastName"]).join(" ")),
        ("Account", account),
    ];
    output.one(user, &lines)
}
