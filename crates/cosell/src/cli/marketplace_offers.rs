//! `cosell offer`.

use clap::{Args, Subcommand};
use cosell_domain::Catalog;
use cosell_service::audit::Author;
use cosell_service::identity::offers::{self, Offer};

use super::{Folder, parse_catalog};
use crate::output::Output;

/// What can be done with AWS Marketplace offers.
#[derive(Subcommand)]
pub enum Command {
    /// Register an offer, with which opportunities can then be associated where the server asks for registered ones
    Add(Add),
    /// List the offers of an account in one catalog
    List(List),
}

#[derive(Args)]
pub struct Add {
    /// The account
    #[arg(long, value_name = "ID")]
    account: String,
    /// The catalog: AWS or Sandbox
    #[arg(long, value_parser = parse_catalog)]
    catalog: Catalog,
    /// Its identifier, such as offer-abcdefghijklm: the end of its ARN
    #[arg(long)]
    id: String,
    /// Its name
    #[arg(long)]
    name: String,
    #[command(flatten)]
    folder: Folder,
}

#[derive(Args)]
pub struct List {
    /// The account
    #[arg(long, value_name = "ID")]
    account: String,
    /// The catalog: AWS or Sandbox
    #[arg(long, value_parser = parse_catalog)]
    catalog: Catalog,
    #[command(flatten)]
    folder: Folder,
}

/// Runs the command.
pub async fn run(output: Output, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Add(add) => {
            let opened = add.folder.open()?;
            let store = &*opened.store;
            let made = offers::add(
                store,
                &Author::command(),
                &add.account,
                add.catalog,
                &add.id,
                &add.name,
                opened.now,
            )
            .await?;
            let lines = [
                ("Offer", made.id.clone()),
                ("Name", made.name.clone()),
                ("Catalog", made.catalog.clone()),
                ("Account", add.account),
            ];
            output.one(&made, &lines)
        }
        Command::List(list) => {
            let opened = list.folder.open()?;
            let rows = offers::list(&*opened.store, &list.account, list.catalog).await?;
            let cells = |row: &Offer| vec![row.id.clone(), row.name.clone(), row.created_date.to_string()];
            let nothing = "No offers yet: register one with `cosell offer add`";
            output.list(&["Offer", "Name", "Since"], &rows, cells, nothing)
        }
    }
}
