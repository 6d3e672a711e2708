//! `cosell solution`.

use clap::{ArgGroup, Args, Subcommand};
use cosell_domain::Catalog;
use serde_json::{Value, json};

use super::ask::Ask as _;
use super::desk::Desk;
use super::parse_catalog;
use super::remote::{At, Target};
use super::shown::{at, change, row};
use crate::output::Output;

const STATUSES: [&str; 3] = ["Active", "Inactive", "Draft"];

/// What can be done with solutions.
#[derive(Subcommand)]
pub enum Command {
    /// Register a solution, which can then be associated with opportunities
    Add(Add),
    /// List the solutions of an account
    List(List),
    /// Change a solution; one that should not be used any more becomes Inactive, since opportunities name theirs for good
    Update(Update),
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
    #[arg(long, default_value = "Active", value_parser = STATUSES)]
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

#[derive(Args)]
#[command(group(ArgGroup::new("what").required(true).multiple(true)
    .args(["name", "category", "status", "marketplace_arn", "no_marketplace_arn"])))]
pub struct Update {
    /// Its identifier
    #[arg(value_name = "S-…")]
    id: String,
    /// The account
    #[arg(long, value_name = "ID")]
    account: String,
    /// The catalog: AWS or Sandbox
    #[arg(long, value_parser = parse_catalog)]
    catalog: Catalog,
    /// Its name
    #[arg(long)]
    name: Option<String>,
    /// Its category, for example "Software Product"
    #[arg(long)]
    category: Option<String>,
    /// Active, Inactive or Draft; only Active ones can be associated
    #[arg(long, value_parser = STATUSES)]
    status: Option<String>,
    /// The ARN of its AWS Marketplace counterpart
    #[arg(long, value_name = "ARN", conflicts_with = "no_marketplace_arn")]
    marketplace_arn: Option<String>,
    /// It has no AWS Marketplace counterpart
    #[arg(long)]
    no_marketplace_arn: bool,
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
            show(output, &solution, add.account)
        }
        Command::Update(update) => {
            let change = change([
                ("name", update.name, false),
                ("category", update.category, false),
                ("status", update.status, false),
                (
                    "marketplaceArn",
                    update.marketplace_arn,
                    update.no_marketplace_arn,
                ),
            ]);
            let desk = Desk::open(&update.target).await?;
            let at = At::new(["accounts", &update.account, "solutions", &update.id]);
            let at = at.with("catalog", Some(update.catalog.as_str()));
            let solution: Value = desk.patch(&at, &change).await?;
            show(output, &solution, update.account)
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

fn show(output: Output, solution: &Value, account: String) -> anyhow::Result<()> {
    let mut lines = vec![
        ("Solution", at(solution, "/id")),
        ("Name", at(solution, "/name")),
        ("Category", at(solution, "/category")),
        ("Status", at(solution, "/status")),
        ("Catalog", at(solution, "/catalog")),
        ("Account", account),
    ];
    if let Some(arn) = solution["marketplaceArn"].as_str() {
        lines.push(("Marketplace", arn.to_owned()));
    }
    output.one(solution, &lines)
}
