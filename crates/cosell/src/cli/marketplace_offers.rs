//! `cosell offer`.

use clap::{Args, Subcommand};
use cosell_domain::Catalog;
use serde_json::{Value, json};

use super::ask::Ask as _;
use super::desk::Desk;
use super::parse_catalog;
use super::remote::{At, Target};
use super::shown::{at, lines, row};
use crate::output::Output;

/// What can be done with AWS Marketplace offers.
#[derive(Subcommand)]
pub enum Command {
    /// Register an offer, with which opportunities can then be associated where the server asks for registered ones
    Add(Add),
    /// List the offers of an account in one catalog
    List(List),
    /// Remove an offer; opportunities that are associated with it stay so
    Remove(Remove),
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
    target: Target,
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
    target: Target,
}

#[derive(Args)]
pub struct Remove {
    /// Its identifier, such as offer-abcdefghijklm: the end of its ARN
    #[arg(value_name = "OFFER")]
    id: String,
    /// The account
    #[arg(long, value_name = "ID")]
    account: String,
    /// The catalog: AWS or Sandbox
    #[arg(long, value_parser = parse_catalog)]
    catalog: Catalog,
    #[command(flatten)]
    target: Target,
}

/// Runs the command.
pub async fn run(output: Output, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Add(add) => {
            let new = json!({"catalog": add.catalog.as_str(), "id": add.id, "name": add.name});
            let desk = Desk::open(&add.target).await?;
            let made: Value = desk.post(&of(&add.account), Some(&new)).await?;
            let lines = [
                ("Offer", at(&made, "/id")),
                ("Name", at(&made, "/name")),
                ("Catalog", at(&made, "/catalog")),
                ("Account", add.account),
            ];
            output.one(&made, &lines)
        }
        Command::Remove(remove) => {
            let desk = Desk::open(&remove.target).await?;
            let at = At::new(["accounts", &remove.account, "offers", &remove.id]);
            let at = at.with("catalog", Some(remove.catalog.as_str()));
            let _: Value = desk.delete(&at).await?;
            let gone =
                json!({"id": remove.id, "catalog": remove.catalog.as_str(), "accountId": remove.account});
            let wanted = [
                ("Removed", "/id"),
                ("Catalog", "/catalog"),
                ("Account", "/accountId"),
            ];
            output.one(&gone, &lines(&gone, &wanted))
        }
        Command::List(list) => {
            let desk = Desk::open(&list.target).await?;
            let place = of(&list.account).with("catalog", Some(list.catalog.as_str()));
            let rows: Vec<Value> = desk.list(&place, usize::MAX).await?;
            output.list(
                &["Offer", "Name", "Since"],
                &rows,
                |offer| row(offer, &["/id", "/name", "/createdDate"]),
                "No offers yet: register one with `cosell offer add`",
            )
        }
    }
}

fn of(account: &str) -> At {
    At::new(["accounts", account, "offers"])
}
