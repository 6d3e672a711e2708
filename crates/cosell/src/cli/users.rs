//! `cosell user`.

use clap::{Args, Subcommand};
use cosell_domain::opportunity::assign::User;
use cosell_service::audit::Author;
use cosell_service::identity::users;

use super::Folder;
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
    folder: Folder,
}

#[derive(Args)]
pub struct List {
    /// The account
    #[arg(long, value_name = "ID")]
    account: String,
    #[command(flatten)]
    folder: Folder,
}

/// Runs the command.
pub async fn run(output: Output, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Add(add) => {
            let opened = add.folder.open()?;
            let user = User {
                email: add.email,
                first_name: add.first_name,
                last_name: add.last_name,
            };
            let user = users::add(&*opened.store, &Author::command(), &add.account, user, opened.now).await?;
            let lines = [
                ("E-mail", user.email.clone()),
                ("Name", format!("{} {}", user.first_name, user.last_name)),
                ("Account", add.account),
            ];
            output.one(&user, &lines)
        }
        Command::List(list) => {
            let opened = list.folder.open()?;
            let rows = users::list(&*opened.store, &list.account).await?;
            let cells = |row: &User| vec![row.email.clone(), row.first_name.clone(), row.last_name.clone()];
            let nothing = "No users yet: register one with `cosell user add`";
            output.list(&["E-mail", "First name", "Last name"], &rows, cells, nothing)
        }
    }
}
