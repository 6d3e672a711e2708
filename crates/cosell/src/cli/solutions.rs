//! `cosell solution`.

use clap::{Args, Subcommand};
use cosell_domain::Catalog;
use cosell_model::enums::SolutionStatus;
use cosell_model::types::SolutionBase;
use cosell_service::audit::Author;
use cosell_service::identity::solutions::{self, NewSolution};

use super::{Folder, parse_catalog};
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
    #[arg(long, default_value = "Active")]
    status: String,
    /// The ARN of its AWS Marketplace counterpart
    #[arg(long, value_name = "ARN")]
    marketplace_arn: Option<String>,
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
            let new = NewSolution {
                id: add.id,
                name: add.name,
                category: add.category,
                status: SolutionStatus::from(add.status.as_str()),
                marketplace_arn: add.marketplace_arn,
            };
            let solution = solutions::add(
                &*opened.store,
                &Author::command(),
                &add.account,
                add.catalog,
                &opened.region,
                new,
                opened.now,
            )
            .await?;
            let lines = [
                ("Solution", solution.id.clone()),
                ("Name", solution.name.clone()),
                ("Category", solution.category.clone()),
                ("Status", solution.status.to_string()),
                ("Catalog", solution.catalog.clone()),
                ("Account", add.account),
            ];
            output.one(&solution, &lines)
        }
        Command::List(list) => {
            let opened = list.folder.open()?;
            let rows = solutions::list(&*opened.store, &list.account, list.catalog).await?;
            let cells = |row: &SolutionBase| {
                vec![
                    row.id.clone(),
                    row.name.clone(),
                    row.category.clone(),
                    row.status.to_string(),
                ]
            };
            let nothing = "No solutions yet: register one with `cosell solution add`";
            output.list(&["Solution", "Name", "Category", "Status"], &rows, cells, nothing)
        }
    }
}
