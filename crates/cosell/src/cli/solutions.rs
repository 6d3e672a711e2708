//! `cosell solution`.

use clap::{Args, Subcommand};
use cosell_domain::Catalog;
use serde_json::{Value, json};

use super::ask::Ask as _;
use super::desk::Desk;
use super::parse_catalog;
use super::remote::{At, Target};
use super::shown::{at, row};
use crate::output::Output;

/// What can be done with solutions.
#[derive(Subcommand)]
pub enum Command {
    /// Register a solution, which can then be associated with opportunities
    Add(Add),
    /// List the solutions of an account
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
    /// Its identifier, S- and up to 19 digits [default: drawn]
    #[arg(long, value_name = "S-…")]
    id: Option<String>,
    /// Its name
    #[arg(long)]
    name: String,
    /// Its category, for example "Software Product"
    #[arg(long)]
    category: String,
    /// Active, Inactive or Draft; only Active ones can be associated
    #[arg(long, default_value = "Active", value_parser = ["Active", "Inactive", "Draft"])]
    status: String,
    /// The ARN of its AWS Marketplace counterpart
    #[arg(long, value_name = "ARN")]
    marketplace_arn: Option<String>,
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

/// Runs the command.
pub async fn run(output: Output, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Add(add) => {
            let new = json!({
                "catalog": add.catalog.as_str(), "id": add.id, "name": add.name, "category": add.category,
                "status": add.status, "marketplaceArn": add.marketplace_arn,
            });
            let desk = Desk::open(&add.target).await?;
            let solution: Value = desk.post(&of(&add.account), Some(&new)).await?;
            let lines = [
                ("Solution", at(&solution, "/id")),
                ("Name", at(&solution, "/name")),
                ("Category", at(&solution, "/category")),
                ("Status", at(&solution, "/status")),
                ("Catalog", at(&solution, "/catalog")),
                ("Account", add.account),
            ];
            output.one(&solution, &lines)
        }
        Command::List(list) => {
            let desk = Desk::open(&list.target).await?;
            let place = of(&list.account).with("catalog", Some(list.catalog.as_str()));
            let rows: Vec<Value> = desk.list(&place, usize::MAX).await?;
            output.list(
                &["Solution", "Name", "Category", "Status"],
                &rows,
                |solution| row(solution, &["/id", "/name", "/category", "/status"]),
                "No solutions yet: register one with `cosell solution add`",
            )
        }
    }
}

fn of(account: &str) -> At {
    At::new(["accounts", account, "solutions"])
}
